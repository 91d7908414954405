"""A multipart body goes to the disk while it arrives: counted, in time, and gone if anything is wrong.

Starlette's own form parser would take the whole of it, of any size, before a route is asked.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from service.api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from fastapi import Request

    from service.files import Files, Incoming

__all__ = ["Form", "Limits", "Sent", "receive"]

CLOSE = {"Connection": "close"}
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a body may be. ``silence_s`` is how long a client may send nothing, ``slowest`` bytes a second
    how slow it may be once ``grace_s`` are over.
    """

    max_files: int = 100
    max_fields: int = 300
    max_field_bytes: int = 262_144
    silence_s: float = 30.0
    grace_s: float = 60.0
    slowest: float = 1_000.0


@dataclass(slots=True)
class Sent:
    """A part of a form: a field's ``text``, or a file ``staged`` with its ``size`` and ``sha256``.

    ``filename`` is what the sender calls it: to be shown, never a path.
    """

    name: str
    filename: str | None = None
    text: str = ""
    staged: str = ""
    size: int = 0
    sha256: str = ""


@dataclass(slots=True)
class Form:
    """What was received, in order. Leaving its block removes each staged file that was not :meth:`taken`."""

    files: Files
    parts: list[Sent] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def taken(self, staged: str) -> None:
        """A job has this file now."""
        self._taken.add(staged)

    def text(self, name: str) -> str | None:
        """The field of that name, ``None`` if it was left out or is empty.

        Raises:
            ApiError: 422, it was given twice.
        """
        found = [p.text for p in self.parts if p.name == name and p.filename is None]
        if len(found) > 1:
            raise ApiError(422, f"{name}: is given {len(found)} times")
        return found[0] or None if found else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in self.parts:
            if part.staged and part.staged not in self._taken:
                self.files.remove("staging", part.staged)


async def receive(request: Request, form: Form, *, max_bytes: int, limits: Limits) -> None:
    """Take in a request's body.

    Args:
        request: its body must not have been read.
        form: where the parts go; it removes them if this raises.
        max_bytes: of the whole body.
        limits: of its parts and its time.

    Raises:
        ApiError: 400 not multipart, malformed or cut short; 408 too slow; 413 too large or too many parts.
        OSError: the disk is full.
    """
    parser = _Parser(request, form, limits)
    too_large = ApiError(413, f"The body is larger than {max_bytes / 1e6:g} MB.", headers=CLOSE)
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > max_bytes:
        raise too_large
    try:
        n, held = 0, bytearray()
        async for chunk in _in_time(request, limits):
            n += len(chunk)
            if n > max_bytes:
                raise too_large
            held += chunk
            if len(held) >= _PIECE:
                await run_in_threadpool(parser.write, bytes(held))
                held.clear()
        await run_in_threadpool(parser.finish, bytes(held))
    except ClientDisconnect:
        raise ApiError(400, "The client went away.") from None
    finally:
        parser.discard()


async def _in_time(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """The chunks of the body, so long as they come."""
    began, n = time.monotonic(), 0
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(limits.silence_s):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise ApiError(408, f"Nothing came for {limits.silence_s:g} seconds.", headers=CLOSE) from None
        n += len(chunk)
        if time.monotonic() - began > limits.grace_s + n / limits.slowest:
            raise ApiError(
                408, f"The body came slower than {limits.slowest:g} bytes a second.", headers=CLOSE
            )
        yield chunk


class _Parser:
    """Feeds python-multipart and writes what it finds; runs in a thread, one call after the other."""

    def __init__(self, request: Request, form: Form, limits: Limits) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise ApiError(400, "The body must be multipart/form-data with a boundary.", headers=CLOSE)
        self._form, self._limits = form, limits
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._part: Sent | None = None
        self._field, self._incoming = bytearray(), _none()
        self._n_files = self._n_fields = 0
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._all,
                },
            )
        except FormParserError:
            raise ApiError(400, "The boundary is too long.", headers=CLOSE) from None

    def write(self, data: bytes) -> None:
        """Take in a piece of the body."""
        try:
            self._parser.write(data)
        except OSError:
            raise
        except FormParserError:
            raise ApiError(400, "The multipart body is malformed.", headers=CLOSE) from None

    def finish(self, data: bytes) -> None:
        """Take in the last piece."""
        self.write(data)
        if not self._ended:
            raise ApiError(400, "The multipart body is cut short.", headers=CLOSE)

    def discard(self) -> None:
        """Remove a file that is half there."""
        if self._incoming is not None:
            self._incoming.__exit__(None, None, None)
            self._incoming = None

    def _begin(self) -> None:
        self._headers.clear()
        self._header.clear()
        self._value.clear()

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name")
        if disposition != b"form-data" or name is None:
            raise ApiError(400, "A part of the body has no name.", headers=CLOSE)
        filename = options.get(b"filename")
        self._part = Sent(name.decode("utf-8", "replace")[:200])
        self._field.clear()
        if filename is None:
            self._n_fields += 1
        else:
            self._n_files += 1
            self._part.filename = filename.decode("utf-8", "replace")[:500]
        if self._n_files > self._limits.max_files or self._n_fields > self._limits.max_fields:
            told = f"At most {self._limits.max_files} files and {self._limits.max_fields} fields are taken."
            raise ApiError(413, told, headers=CLOSE)
        if filename is not None:
            self._incoming = self._form.files.incoming("staging")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._incoming is not None:
            self._incoming.write(data[start:end])
            return
        self._field += data[start:end]
        if len(self._field) > self._limits.max_field_bytes:
            told = f"A field is larger than {self._limits.max_field_bytes} bytes."
            raise ApiError(413, told, headers=CLOSE)

    def _end(self) -> None:
        part = self._part
        if part is None:
            return
        if self._incoming is not None:
            part.staged, part.size, part.sha256 = (
                self._incoming.keep(), self._incoming.size, self._incoming.sha256
            )  # fmt: skip
            self._incoming = None
        else:
            try:
                part.text = self._field.decode()
            except UnicodeDecodeError:
                raise ApiError(400, f"The field {part.name!r} is not UTF-8.", headers=CLOSE) from None
        self._form.parts.append(part)
        self._part = None

    def _all(self) -> None:
        self._ended = True


def _none() -> Incoming | None:
    return None
