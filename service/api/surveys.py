"""Survey answers: the list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import func, select

from service.api.calls import Time, aware
from service.api.errors import responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.shapes import Line
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.store.tables import Call, Survey

__all__ = ["SurveyLine", "Text", "router"]

router = APIRouter(tags=["surveys"])

Reader = Annotated[Person, Depends(may("surveys.read"))]
Text = Annotated[str | None, Query(max_length=300, pattern=r"^[^\x00]*$")]


class SurveyLine(Line):
    """A survey answer on its own scale; `call_ref` names the call as the survey did, there or not."""

    id: int
    call_ref: str | None = Field(examples=["2026-11-03-0042"])
    customer_id: str | None
    agent_id: str | None
    queue: str | None
    instrument: str = Field(examples=["csat"])
    question: str = Field(examples=["overall"])
    value: float = Field(examples=[4])
    scale_min: float = Field(examples=[1])
    scale_max: float = Field(examples=[5])
    answered_at: datetime | None
    received_at: datetime
    fields: dict[str, Any] = Field(description="The other columns.", examples=[{"channel": "voice"}])


@router.get("/surveys", responses=responses(401, 403))
def list_surveys(
    person: Reader,
    database: DatabaseOf,
    instrument: Annotated[Text, Query(examples=["nps"])] = None,
    call_ref: Text = None,
    customer_id: Text = None,
    agent_id: Text = None,
    queue: Text = None,
    answered_from: Time = None,
    answered_until: Time = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SurveyLine]:
    """Survey answers within sight, the last received first. An answer belongs to its call's agent."""
    agent = func.coalesce(
        Survey.agent_id, select(Call.agent_id).where(Call.call_id == Survey.call_ref).scalar_subquery()
    )
    query = select(Survey)
    if person.sight.agents is not None:
        query = query.where(person.sight.of(agent))
    given = {
        Survey.instrument: instrument, Survey.call_ref: call_ref, Survey.customer_id: customer_id,
        Survey.queue: queue,
    }  # fmt: skip
    query = query.where(*(column == value for column, value in given.items() if value is not None))
    if agent_id is not None:
        query = query.where(agent == agent_id)
    if answered_from is not None:
        query = query.where(Survey.answered_at >= aware(answered_from))
    if answered_until is not None:
        query = query.where(Survey.answered_at < aware(answered_until))
    if cursor is not None:
        query = query.where(Survey.id < unpack(cursor, int)[0])
    with database.read() as session:
        rows = list(session.scalars(query.order_by(Survey.id.desc()).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    items = [SurveyLine.model_validate(row) for row in rows]
    return Page(items=items, next=pack(rows[-1].id) if more else None)
