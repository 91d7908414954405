"""The kept recording of a call, whole or any part of it: players ask for the part they jump to."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response, StreamingResponse

from service.api.calls import CallId, call_in_sight
from service.api.errors import ApiError, responses
from service.api.privacy import FilesOf
from service.api.who import DatabaseOf, may
from service.people.access import Person

__all__ = ["router"]

router = APIRouter(tags=["calls"])

Reader = Annotated[Person, Depends(may("calls.read"))]
PIECE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
MP3 = {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/calls/{call_id}/audio",
    response_class=StreamingResponse,
    responses={
        **responses(401, 403, 404),
        200: {"description": "The recording (MP3), what must not be heard silent.", "content": MP3},
        206: {"description": "The part of it that was asked for.", "content": MP3},
        416: {"description": "It has no such part."},
    },
)
def get_audio(
    person: Reader,
    database: DatabaseOf,
    files: FilesOf,
    call_id: CallId,
    range: Annotated[str | None, Header(max_length=100, examples=["bytes=0-65535"])] = None,  # noqa: A002
) -> Response:
    """The recording, or the part of it that the header ``Range`` asks for."""
    with database.read() as session:
        row = call_in_sight(session, person, call_id)
    if row.audio is None:
        raise ApiError(404, f"No recording of {call_id!r} is kept.")
    stream = files.read("recordings", row.audio)
    size = stream.seek(0, io.SEEK_END)
    headers = {
        "Accept-Ranges": "bytes", "ETag": f'"{row.audio[:32]}"', "Cache-Control": "private, no-cache",
        "Content-Disposition": "inline",
    }  # fmt: skip
    part = _part(range, size)
    if part is None:
        stream.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    first, last = part
    headers["Content-Length"] = str(last - first + 1)
    if range is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    status = 200 if range is None else 206
    return StreamingResponse(
        _pieces(stream, first, last - first + 1), status, headers, media_type="audio/mpeg"
    )


def _part(asked: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of what is asked for, ``None`` if there is none (RFC 9110, 14.1.2)."""
    if asked is None:
        return 0, size - 1
    found = _RANGE.fullmatch(asked.strip())
    if not found or not size or found.group(0) == "bytes=-":
        return None
    begin, end = found.groups()
    if not begin:
        return (max(0, size - int(end)), size - 1) if int(end) else None
    first, last = int(begin), min(int(end) if end else size - 1, size - 1)
    return (first, last) if first <= last else None


def _pieces(stream: io.BufferedReader, first: int, size: int) -> Iterator[bytes]:
    with stream:
        stream.seek(first)
        while size > 0 and (piece := stream.read(min(PIECE, size))):
            size -= len(piece)
            yield piece
