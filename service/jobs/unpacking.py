"""What is in a file of results: call JSON in a zip, one a line, or one alone. Nothing is unpacked to disk.

The names in an archive are shown, never opened; what an entry unpacks to is counted while it is read, since
what the archive says of itself may be a lie.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LARGEST_CALL", "Entry", "entries", "is_zip"]

LARGEST_CALL = 100_000_000
"""Bytes of the largest call JSON that is read; a call of ten hours has about ten million."""

_LARGEST_DIRECTORY = 20_000_000
"""Bytes of the largest table of contents: about 200,000 entries. It is read into memory whole."""

_PIECE = 1 << 20
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")


class Entry(NamedTuple):
    """One call JSON: where it stood, its bytes (``None``: it could not be read) and why not."""

    where: str
    data: bytes | None
    problem: str | None
    fraction: float


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip archive."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def entries(file: BinaryIO, *, largest_in_all: int) -> Iterator[Entry]:
    """Each call JSON in ``file``, in order.

    Raises:
        InputError: a damaged archive, one with a table of contents too long, or one that unpacks to more
            than ``largest_in_all`` bytes.
    """
    head = file.read(1 << 16)
    file.seek(0)
    if is_zip(head):
        yield from _zipped(file, largest_in_all)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and _is_one_a_line(head):
        yield from _lines(file)
    else:
        yield _whole(file)


def _is_one_a_line(head: bytes) -> bool:
    """Whether the first line is an object by itself, as no line of an indented one is."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0].strip() not in (b"{",)


def _whole(file: BinaryIO) -> Entry:
    data = file.read(LARGEST_CALL + 1)
    if len(data) > LARGEST_CALL:
        raise InputError(f"the file holds more than {LARGEST_CALL / 1e6:.0f} MB of JSON in one call")
    return Entry("the file", data, None, 1.0)


def _lines(file: BinaryIO) -> Iterator[Entry]:
    size = file.seek(0, 2)
    file.seek(0)
    number = 0
    while line := file.readline(LARGEST_CALL + 1):
        number += 1
        if len(line) > LARGEST_CALL:
            raise InputError(
                f"line {number} is longer than {LARGEST_CALL / 1e6:.0f} MB; write one call a line"
            )
        if line.strip():
            yield Entry(
                f"line {number}", line.removeprefix(b"\xef\xbb\xbf"), None, file.tell() / max(size, 1)
            )


def _zipped(file: BinaryIO, largest_in_all: int) -> Iterator[Entry]:
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise InputError(f"the archive is damaged ({error}); make it again") from None
    with archive:
        wanted = [each for each in archive.infolist() if each.filename.lower().endswith(".json")]
        left = largest_in_all
        for n, each in enumerate(wanted):
            entry = _unpacked(archive, each, left, (n + 1) / len(wanted))
            left -= len(entry.data or b"")
            yield entry


def _unpacked(archive: zipfile.ZipFile, each: zipfile.ZipInfo, left: int, fraction: float) -> Entry:
    where = each.filename[:200]
    if each.flag_bits & 1:
        return Entry(where, None, "it is encrypted", fraction)
    data = bytearray()
    try:
        with archive.open(each) as opened:
            while piece := opened.read(_PIECE):
                data += piece
                if len(data) > left:
                    raise InputError("the archive unpacks to more than is taken at once; divide it")
                if len(data) > LARGEST_CALL:
                    return Entry(where, None, f"it is larger than {LARGEST_CALL / 1e6:.0f} MB", fraction)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        return Entry(where, None, f"it is damaged ({type(error).__name__})", fraction)
    return Entry(where, bytes(data), None, fraction)


def _check_directory(file: BinaryIO) -> None:
    """Refuse a table of contents that would fill the memory, before anything reads it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - 0xFFFF - _LOCATOR.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise InputError("the archive is cut short: it has no table of contents; make it again")
    directory = _END.unpack_from(tail, at)[5]
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size :].startswith(b"PK\x06\x07"):
        place = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)[2]
        file.seek(min(place, size))
        record = file.read(_END64.size)
        if len(record) == _END64.size and record.startswith(b"PK\x06\x06"):
            directory = max(directory if directory != 0xFFFFFFFF else 0, _END64.unpack(record)[8])
    file.seek(0)
    if directory > _LARGEST_DIRECTORY:
        raise InputError("the archive has too many entries to be taken at once; divide it")
