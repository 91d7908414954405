"""Calls: the list and its search, one call whole, its transcript."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, overload

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from sentiment.call import to_json
from sentiment.errors import ConversationError
from sentiment.formats.subtitles import to_srt, to_text, to_webvtt
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.shapes import CallLine
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.store.calls import read_document
from service.store.listing import list_calls as list_stored
from service.store.queries import CallFilter, Order
from service.store.search import hits, read_terms
from service.store.tables import Call

__all__ = ["Asked", "CallId", "Name", "Time", "asked_for", "aware", "call_in_sight", "router"]

router = APIRouter(tags=["calls"])

Reader = Annotated[Person, Depends(may("calls.read"))]
CallId = Annotated[str, Path(max_length=300, description="The call's id.", examples=["2026-11-03-0042"])]
Name = Annotated[str | None, Query(max_length=300)]
Names = Annotated[list[str] | None, Query(max_length=8)]
Level = Annotated[float | None, Query(ge=-1, le=1)]
Answer = Annotated[float | None, Query(ge=1, le=5)]


def _as_written(value: object) -> object:
    """A time as ISO 8601 has it; a bare number, which would be read as seconds of an epoch, is none."""
    if isinstance(value, str) and value.lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("give a time as 2026-11-01T00:00:00Z")
    return value


Time = Annotated[datetime | None, BeforeValidator(_as_written), Query(examples=["2026-11-01T00:00:00Z"])]
Text = Annotated[
    str | None, Query(max_length=500, description='Words that were said: refund "cancel my account" -thanks')
]


class HitLine(BaseModel):
    """An utterance in which something looked for was said; ``spans`` are characters of ``text``."""

    index: int
    text: str
    spans: list[tuple[int, int]]


class FoundCall(CallLine):
    """A call in a list; with a search, where it was said (the first three utterances)."""

    hits: list[HitLine] = Field(default_factory=list)


async def asked_for(
    agent: Name = None,
    team: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    queue: Name = None,
    customer: Name = None,
    since: Time = None,
    until: Time = None,
    ended_below: Level = None,
    ended_above: Level = None,
    csat_below: Answer = None,
    csat_above: Answer = None,
    shift: Literal["better", "worse"] | None = None,
    rule: Names = None,
    emotion: Names = None,
    text: Text = None,
) -> CallFilter:
    """The filter in a request's query; times without a zone are UTC."""
    return CallFilter(
        agent=agent, team=team, queue=queue, customer=customer, since=aware(since), until=aware(until),
        ended_below=ended_below, ended_above=ended_above, csat_below=csat_below, csat_above=csat_above,
        shift=shift, rules=tuple(rule or ()), emotions=tuple(emotion or ()),
        terms=None if text is None else read_terms(text),
    )  # fmt: skip


Asked = Annotated[CallFilter, Depends(asked_for)]


def call_in_sight(session: Session, person: Person, call_id: str) -> Call:
    """The call's row.

    Raises:
        ApiError: 404, there is none, or this person may not see it: the answer is the same.
    """
    row = session.scalar(select(Call).where(Call.call_id == call_id, person.sight.of(Call.agent_id)))
    if row is None:
        raise ApiError(404, f"There is no call {call_id!r}.")
    return row


@router.get("/calls", responses=responses(401, 403))
def list_calls(
    person: Reader,
    database: DatabaseOf,
    asked: Asked,
    order: Order = "latest",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[FoundCall]:
    """Calls within sight that have all that is asked for, in order.

    In a search for common words a page may hold fewer than ``limit``, even none, while ``next`` goes on.
    """
    last = None
    if cursor is not None:
        last = unpack(cursor, datetime if order == "latest" else float, int, gaps=True)
    with database.read() as session:
        found = list_stored(session, asked, person.sight, order=order, last=last, limit=limit)
        said = {} if asked.terms is None else hits(session, [row.id for row in found.rows], asked.terms)
    items = [FoundCall.model_validate(row) for row in found.rows]
    for row, item in zip(found.rows, items, strict=True):
        item.hits = [HitLine(index=h.index, text=h.text, spans=list(h.spans)) for h in said.get(row.id, [])]
    return Page(items=items, next=None if found.end is None else pack(*found.end))


@router.get("/calls/{call_id}", responses=responses(401, 403, 404))
def get_call(person: Reader, database: DatabaseOf, call_id: CallId) -> dict[str, Any]:
    """The call whole, as ``sentiment score`` writes it (``call.schema.json``)."""
    with database.read() as session:
        call = read_document(session, call_in_sight(session, person, call_id).id)
    if call is None:
        raise ApiError(404, f"There is no call {call_id!r}.")
    whole: dict[str, Any] = json.loads(to_json(call))
    return whole


TRANSCRIPTS = {
    "vtt": ("text/vtt; charset=utf-8", to_webvtt),
    "srt": ("application/x-subrip; charset=utf-8", to_srt),
    "txt": ("text/plain; charset=utf-8", to_text),
}


@router.get(
    "/calls/{call_id}/transcript",
    response_class=Response,
    responses={
        **responses(401, 403, 404, 409),
        200: {
            "description": "The transcript.",
            "content": {
                kind.split(";")[0]: {"schema": {"type": "string"}} for kind, _ in TRANSCRIPTS.values()
            },
        },
    },
)  # fmt: skip
def get_transcript(
    person: Reader,
    database: DatabaseOf,
    call_id: CallId,
    format: Literal["vtt", "srt", "txt"] = "vtt",  # noqa: A002
) -> Response:
    """What was said, as subtitles or plain text."""
    with database.read() as session:
        call = read_document(session, call_in_sight(session, person, call_id).id)
    if call is None:
        raise ApiError(404, f"There is no call {call_id!r}.")
    media_type, write = TRANSCRIPTS[format]
    try:
        return Response(write(call), media_type=media_type)
    except ConversationError as error:
        raise ApiError(409, str(error)) from None


@overload
def aware(moment: datetime) -> datetime: ...
@overload
def aware(moment: None) -> None: ...
def aware(moment: datetime | None) -> datetime | None:
    """The moment; in UTC if it was given without a time zone."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
