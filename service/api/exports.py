"""Exports: everything of one kind about many calls, as a file that is made while it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from service.api.calls import Asked
from service.api.errors import responses
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.store.audit import record
from service.store.exporting import Form, Kind, documents, export

__all__ = ["router"]

router = APIRouter(tags=["exports"])

Exporter = Annotated[Person, Depends(may("export"))]
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/exports/{kind}",
    response_class=StreamingResponse,
    responses={
        **responses(401, 403),
        200: {"description": "The file.", "content": {k.split(";")[0]: BINARY for k in TYPES.values()}},
    },
)
def export_rows(
    person: Exporter,
    database: DatabaseOf,
    asked: Asked,
    kind: Kind | Literal["documents"],
    format: Form = "csv",  # noqa: A002 - the parameter's name
) -> StreamingResponse:
    """Every row of a kind about the calls asked for. ``documents`` are the calls whole, as JSON lines.

    In CSV, a text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    with database.begin() as session:
        record(session, person.actor, "exported", kind, format=format)
    if kind == "documents":
        format = "jsonl"  # noqa: A001
        parts: Iterator[bytes] = documents(database, asked, person.sight)
    else:
        parts = export(database, kind, format, asked, person.sight)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.{format}"'}
    return StreamingResponse(parts, media_type=TYPES[format], headers=headers)
