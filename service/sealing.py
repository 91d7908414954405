"""Files that only who has the key can read: AES-256-GCM, a megabyte at a time.

    header   8 bytes  CSSEAL1\\n
             32 bytes of chance, from which and the key the file's own key is derived (HKDF-SHA256)
    chunks   each up to 1 MiB of content, and its 16-byte tag

A chunk's nonce is its number and whether it is the last (the STREAM construction: Hoang, Reyhanitabar,
Rogaway and Vizar 2015, as in the ``age`` format): chunks cannot be put in another order, taken out or left
off at the end without the tag telling, and a chunk in the middle is read without those before it.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined,unused-ignore]
    from pathlib import Path

__all__ = ["CHUNK", "MAGIC", "SealedError", "SealedReader", "Sealer", "new_key_file", "read_key"]

MAGIC = b"CSSEAL1\n"
CHUNK = 1 << 20
_SALT = 32
_HEADER = len(MAGIC) + _SALT
_TAG = 16
_KEY = 32


class SealedError(InputError):
    """A sealed file cannot be opened: another key, or it is not what was written."""


class Sealer:
    """Writes a sealed file: :meth:`write` any pieces, then :meth:`finish`, which closes nothing."""

    def __init__(self, out: BinaryIO, key: bytes) -> None:
        salt = secrets.token_bytes(_SALT)
        self._out, self._cipher = out, _cipher(key, salt)
        self._held, self._n = bytearray(), 0
        out.write(MAGIC + salt)

    def write(self, data: bytes) -> None:
        """Take in a piece of the content."""
        self._held += data
        while len(self._held) > CHUNK:  # a full one is held back: it may be the last
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]

    def finish(self) -> None:
        """Write the last chunk; an empty content has one too."""
        self._seal(bytes(self._held), last=True)
        self._held.clear()

    def _seal(self, content: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._n, last=last), content, MAGIC))
        self._n += 1


class SealedReader(io.RawIOBase):
    """The content of a sealed file, from any place on. Put it in an :class:`io.BufferedReader`.

    Raises:
        SealedError: another key, or the file was changed or cut short; its last chunk is looked at at once.
    """

    def __init__(self, file: BinaryIO, key: bytes, name: str) -> None:
        super().__init__()
        self._file, self._name, self._at = file, name, 0
        header = file.read(_HEADER)
        stored = file.seek(0, os.SEEK_END) - _HEADER
        self._n_chunks = -(-stored // (CHUNK + _TAG))
        last = stored - (self._n_chunks - 1) * (CHUNK + _TAG) - _TAG
        if len(header) != _HEADER or stored < _TAG or not 0 <= last <= CHUNK:
            raise SealedError(f"{name}: is cut short; restore it from a backup")
        self._cipher = _cipher(key, header[len(MAGIC) :])
        self.size = (self._n_chunks - 1) * CHUNK + last
        self._chunk, self._number = b"", -1
        self._load(self._n_chunks - 1)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where in the content the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the content."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError(f"{self._name}: cannot go to {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        """Read up to the end of the chunk that the place is in."""
        view = memoryview(buffer).cast("B")
        if self._at >= self.size or not view:
            return 0
        number, offset = divmod(self._at, CHUNK)
        if number != self._number:
            self._load(number)
        piece = self._chunk[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file below, too."""
        if not self.closed:
            self._file.close()
        super().close()

    def _load(self, number: int) -> None:
        self._file.seek(_HEADER + number * (CHUNK + _TAG))
        sealed = self._file.read(CHUNK + _TAG)
        try:
            nonce = _nonce(number, last=number == self._n_chunks - 1)
            self._chunk, self._number = self._cipher.decrypt(nonce, sealed, MAGIC), number
        except InvalidTag:
            raise SealedError(
                f"{self._name}: cannot be opened: SENTIMENT_AUDIO_KEY_FILE holds another key than it was "
                "written with, or the file was changed or cut short"
            ) from None


def new_key_file(path: Path) -> None:
    """Write a new key to ``path``, for its owner's eyes only. Without the key nothing sealed can be read.

    Raises:
        InputError: there is a file already, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"{path}: is there already; a key that was used must not be lost") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(_KEY)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> bytes:
    """The key in a file that :func:`new_key_file` wrote.

    Raises:
        InputError: it cannot be read or holds no key.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the key cannot be read ({error.strerror}); make one with: sentiment key new {path}"
        ) from None
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY:
        raise InputError(f"{path}: holds no key (32 bytes in base64); make one with: sentiment key new FILE")
    return key


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=_KEY, salt=salt, info=b"conversation-sentiment file 1")
    return AESGCM(derived.derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
