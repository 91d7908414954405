"""Calls: the list, one call whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path
from sqlalchemy import select

from sentiment.call import to_json
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, after, pack, unpack
from service.api.shapes import CallLine
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.store.calls import read_document
from service.store.tables import Call

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["CallId", "call_in_sight", "router"]

router = APIRouter(tags=["calls"])

Reader = Annotated[Person, Depends(may("calls.read"))]
CallId = Annotated[str, Path(max_length=300, description="The call's id.", examples=["2026-11-03-0042"])]


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
    person: Reader, database: DatabaseOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[CallLine]:
    """Calls within sight, the latest first."""
    query = select(Call).where(person.sight.of(Call.agent_id))
    query = query.order_by(Call.happened_at.desc(), Call.id.desc()).limit(limit + 1)
    if cursor is not None:
        from datetime import datetime

        query = query.where(after(Call.happened_at, Call.id, *unpack(cursor, datetime, int), descending=True))
    with database.read() as session:
        rows = session.scalars(query).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(
        items=[CallLine.model_validate(row) for row in rows],
        next=pack(rows[-1].happened_at, rows[-1].id) if more else None,
    )


@router.get("/calls/{call_id}", responses=responses(401, 403, 404))
def get_call(person: Reader, database: DatabaseOf, call_id: CallId) -> dict[str, Any]:
    """The call whole, as ``sentiment score`` writes it (``call.schema.json``)."""
    import json

    with database.read() as session:
        row = call_in_sight(session, person, call_id)
        call = read_document(session, row.id)
    if call is None:
        raise ApiError(404, f"There is no call {call_id!r}.")
    whole: dict[str, Any] = json.loads(to_json(call))
    return whole
