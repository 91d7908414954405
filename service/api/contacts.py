"""Contact records: the list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select

from service.api.calls import Time, aware
from service.api.errors import responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.shapes import Line
from service.api.surveys import Text
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.store.tables import Contact

__all__ = ["ContactLine", "router"]

router = APIRouter(tags=["contacts"])

Reader = Annotated[Person, Depends(may("contacts.read"))]


class ContactLine(Line):
    """A contact record; `fields` are the other columns of the metric engine's table, durations in ms."""

    id: int
    contact_id: str = Field(examples=["c-4711"])
    agent_id: str | None
    customer_id: str | None
    queue: str | None = Field(examples=["billing"])
    started_at: datetime | None
    updated_at: datetime | None
    fields: dict[str, Any] = Field(examples=[{"wait_ms": 12000, "talk_ms": 240000, "answered": True}])


@router.get("/contacts", responses=responses(401, 403))
def list_contacts(
    person: Reader,
    database: DatabaseOf,
    contact_id: Text = None,
    customer_id: Text = None,
    agent_id: Text = None,
    queue: Text = None,
    started_from: Time = None,
    started_until: Time = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ContactLine]:
    """Contact records within sight, the last received first."""
    query = select(Contact).where(person.sight.of(Contact.agent_id))
    given = {
        Contact.contact_id: contact_id, Contact.customer_id: customer_id, Contact.agent_id: agent_id,
        Contact.queue: queue,
    }  # fmt: skip
    query = query.where(*(column == value for column, value in given.items() if value is not None))
    if started_from is not None:
        query = query.where(Contact.started_at >= aware(started_from))
    if started_until is not None:
        query = query.where(Contact.started_at < aware(started_until))
    if cursor is not None:
        query = query.where(Contact.id < unpack(cursor, int)[0])
    with database.read() as session:
        rows = list(session.scalars(query.order_by(Contact.id.desc()).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    items = [ContactLine.model_validate(row) for row in rows]
    return Page(items=items, next=pack(rows[-1].id) if more else None)
