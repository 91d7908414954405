"""The data folder: uploads that wait (staged), recordings that are kept, and what imports set aside.

    staging/       uploads until their job is over, each with its facts
    recordings/    ab/cd/abcd...: by the SHA-256 of their bytes, as they are played: masked speech is muted
    set-aside/     rows that an import could not use, to be downloaded

Whatever is written appears whole or not at all, and has reached the disk when its name is known. With a key
everything here is sealed (:mod:`service.sealing`); what was written before there was a key stays readable.
Names are made here and never of what somebody sent.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self, cast

from sentiment.errors import InputError
from service.sealing import MAGIC, SealedError, SealedReader, Sealer, read_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from service.settings import Settings

__all__ = ["Area", "Files", "Incoming", "is_whole"]

Area = Literal["staging", "recordings", "set-aside"]
_NAME = re.compile(r"[0-9a-f]{32,64}(\.facts)?")
_PART = ".part"
_COPY = 1 << 20


class Incoming:
    """A file that is being written; :meth:`keep` makes it one, leaving the block without it undoes it.

    Attributes:
        size: bytes taken in so far.
        sha256: of the content (not of the sealed bytes).
    """

    def __init__(self, files: Files, area: Area, name: str | None) -> None:
        self._files, self._area, self._name = files, area, name
        folder = files.root / area
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{secrets.token_hex(16)}{_PART}"
        self.size, self._sha256 = 0, hashlib.sha256()
        self._file = files.opener(self._path)
        try:
            self._stored = _Hashed(self._file)
            self._out: Sealer | _Hashed = self._stored
            if files.key is not None:
                self._out = Sealer(cast("BinaryIO", self._stored), files.key)
        except BaseException:
            self._discard()
            raise

    @property
    def sha256(self) -> str:
        """SHA-256 of the content so far, in hex."""
        return self._sha256.hexdigest()

    def write(self, data: bytes) -> None:
        """Take in a piece."""
        self._out.write(data)
        self.size += len(data)
        self._sha256.update(data)

    def keep(self) -> str:
        """Finish the file, see that the disk has it, and give it its name, which is returned."""
        if isinstance(self._out, Sealer):
            self._out.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        name = self._name or self._stored.sha256.hexdigest()
        path = self._files.path(self._area, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.replace(path)
        _sync_folder(path.parent)
        return name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def _discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink()


def _open_new(path: Path) -> BinaryIO:
    return cast("BinaryIO", os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"))


@dataclass(frozen=True, slots=True)
class Files:
    """The data folder at ``root``; sealed if there is a ``key``. ``opener`` opens what is newly written."""

    root: Path
    key: bytes | None = None
    opener: Callable[[Path], BinaryIO] = _open_new

    @classmethod
    def of(cls, settings: Settings) -> Files:
        """The data folder of a service.

        Raises:
            InputError: the key cannot be read.
        """
        key = None if settings.audio_key_file is None else read_key(settings.audio_key_file)
        return cls(settings.data_dir, key)

    def incoming(self, area: Area) -> Incoming:
        """Begin a file. A recording is named by its bytes, anything else by chance."""
        return Incoming(self, area, None if area == "recordings" else secrets.token_hex(16))

    def write(self, area: Area, stream: BinaryIO) -> str:
        """Copy a stream into a new file; its name.

        Raises:
            OSError: the disk is full or cannot be written; nothing is left behind.
        """
        with self.incoming(area) as file:
            while piece := stream.read(_COPY):
                file.write(piece)
            return file.keep()

    def read(self, area: Area, name: str) -> io.BufferedReader:
        """A file's content, from any place on.

        Raises:
            InputError: there is none of that name.
            SealedError: it was sealed with another key, or was changed.
        """
        try:
            file = self.path(area, name).open("rb")
        except FileNotFoundError:
            raise InputError(f"{area}/{name}: is not in the data folder") from None
        try:
            if file.read(len(MAGIC)) != MAGIC:
                file.seek(0)
                return file
            file.seek(0)
            if self.key is None:
                raise SealedError(f"{area}/{name}: is encrypted; set SENTIMENT_AUDIO_KEY_FILE to its key")
            return io.BufferedReader(SealedReader(file, self.key, f"{area}/{name}"), _COPY)
        except BaseException:
            file.close()
            raise

    def remove(self, area: Area, name: str) -> None:
        """Remove a file, and the facts beside it; one that is not there is removed already."""
        self.path(area, name).unlink(missing_ok=True)
        if area == "staging":
            self.path(area, f"{name}.facts").unlink(missing_ok=True)

    def put_facts(self, name: str, facts: Mapping[str, Any]) -> None:
        """Lay what is known of a staged file beside it: a caller's words, so not in the database yet."""
        with Incoming(self, "staging", f"{name}.facts") as file:
            file.write(json.dumps(dict(facts)).encode())
            file.keep()

    def facts(self, name: str) -> dict[str, Any]:
        """What is known of a staged file; nothing if nothing was told."""
        try:
            with self.read("staging", f"{name}.facts") as file:
                found: dict[str, Any] = json.loads(file.read())
                return found
        except InputError as error:
            if isinstance(error, SealedError):
                raise
            return {}

    def older(self, area: Area, than_s: float) -> Iterator[str]:
        """Names of the files of an area that were written longer ago; what was never finished is removed."""
        limit = time.time() - than_s
        for folder, _, names in os.walk(self.root / area):
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118 - a million of them
                with suppress(OSError):
                    if os.stat(path).st_mtime >= limit:  # noqa: PTH116
                        continue
                    if name.endswith(_PART):
                        os.unlink(path)  # noqa: PTH108
                    else:
                        yield name.removesuffix(".facts")

    def path(self, area: Area, name: str) -> Path:
        """Where a file of ours is."""
        if not _NAME.fullmatch(name):
            raise InputError(f"{area}: {name[:80]!r} is no name of a file here")
        folder = self.root / area
        return folder / name[:2] / name[2:4] / name if area == "recordings" else folder / name


def is_whole(path: Path) -> bool:
    """Whether a file in the data folder was finished; others are being written."""
    return path.suffix != _PART


class _Hashed:
    """Writes on, and knows the SHA-256 of what was written."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self.sha256 = out, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._out.write(data)
        self.sha256.update(data)


def _sync_folder(folder: Path) -> None:
    """See that a new name has reached the disk, as far as the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
