"""Moments: the review queue, verdicts on them, and whom they are given to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import update
from sqlalchemy.orm import Session

from service.api.bodies import SmallBody
from service.api.calls import CallId, Name, Time, aware, call_in_sight
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, after, pack, unpack
from service.api.shapes import MomentLine
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.store.audit import record
from service.store.queries import MomentFilter, moments
from service.store.reviewing import Queues, in_sight, judge, with_call_ids
from service.store.tables import Moment, User

__all__ = ["router"]

router = APIRouter(tags=["moments"], route_class=SmallBody)

Reader = Annotated[Person, Depends(may("calls.read"))]
Reviewer = Annotated[Person, Depends(may("moments.review"))]
Key = Annotated[str, Field(min_length=32, max_length=32, pattern="^[0-9a-f]{32}$")]
Keys = Annotated[list[Key], Field(min_length=1, max_length=200)]


async def _queues(request: Request) -> Queues:
    queues: Queues = request.app.state.queues
    return queues


QueuesOf = Annotated[Queues, Depends(_queues)]
Status = Literal["open", "agreed", "disagreed", "done"]


class VerdictBody(BaseModel):
    """What is said of moments. Disagreeing needs a reason; ``open`` takes an earlier verdict back."""

    keys: Keys
    verdict: Status = Field(examples=["agreed"])
    reason: str | None = Field(None, max_length=2000)


class AssignBody(BaseModel):
    """Whom moments are given to; null: to nobody."""

    keys: Keys
    user_id: int | None = Field(ge=1, le=2**62)


class Changed(BaseModel):
    """How many were changed."""

    changed: int


async def asked_for(
    status: Status | None = "open",
    rule: Name = None,
    agent: Name = None,
    team: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    queue: Name = None,
    since: Time = None,
    until: Time = None,
    assigned_to: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> MomentFilter:
    """The filter in a request's query."""
    return MomentFilter(
        status=status, rule=rule, agent=agent, team=team, queue=queue, since=aware(since),
        until=aware(until), assigned_to=assigned_to,
    )  # fmt: skip


@router.get("/moments", responses=responses(401, 403))
def list_moments(
    person: Reader,
    database: DatabaseOf,
    queues: QueuesOf,
    asked: Annotated[MomentFilter, Depends(asked_for)],
    order: Literal["learning", "latest"] = "learning",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MomentLine]:
    """Moments within sight: in the order in which one learns most from hearing them, or the latest first."""
    with database.read() as session:
        if order == "latest":
            return _latest(session, asked, person, limit, cursor)
        place, weight, row = (0, None, None) if cursor is None else unpack(cursor, int, float, int, gaps=True)
        last = None if weight is None or row is None else (weight, row)
        if place is None or not 0 <= place < 2**31:
            raise ApiError(422, "query.cursor: not a cursor of this list; leave it out to begin anew")
        page = queues.page(session, asked, person.sight, place=place, last=last, limit=limit)
    following = None if page.place < 0 else pack(page.place, *(page.last or (None, None)))
    return Page(items=[_line(moment, call_id) for moment, call_id in page.moments], next=following)


@router.get("/calls/{call_id}/moments", responses=responses(401, 403, 404))
def moments_of_call(person: Reader, database: DatabaseOf, call_id: CallId) -> list[MomentLine]:
    """Every moment of a call, in its order of time."""
    with database.read() as session:
        row = call_in_sight(session, person, call_id)
        found = session.scalars(moments(MomentFilter(status=None, call=row.id), person.sight)).all()
        return _lines(session, sorted(found, key=lambda m: (m.start_ms or 0, m.id)))


@router.get("/moments/{moment_key}", responses=responses(401, 403, 404))
def get_moment(
    person: Reader, database: DatabaseOf, moment_key: Annotated[str, Path(max_length=64)]
) -> MomentLine:
    """One moment."""
    with database.read() as session:
        found = in_sight(session, [moment_key], person.sight)
        if not found:
            raise ApiError(404, f"There is no moment {moment_key!r}.")
        return _lines(session, found)[0]


@router.post("/moments/verdicts", responses=responses(401, 403, 404))
def judge_moments(person: Reviewer, database: DatabaseOf, queues: QueuesOf, body: VerdictBody) -> Changed:
    """Agree or disagree with moments, call them done, or open them again; all of them or none."""
    if body.verdict == "disagreed" and not (body.reason or "").strip():
        raise ApiError(422, "body.reason: say why the moment is wrong, so that its rule can be mended")
    with database.begin() as session:
        found = _all_in_sight(session, body.keys, person)
        judge(session, found, body.verdict, reason=body.reason, by=person.user_id)
        record(session, person.actor, "moments.judged", body.verdict, moments=len(found))
    queues.forget()
    return Changed(changed=len(found))


@router.post("/moments/assign", responses=responses(401, 403, 404))
def assign_moments(person: Reviewer, database: DatabaseOf, queues: QueuesOf, body: AssignBody) -> Changed:
    """Give moments to somebody to review."""
    with database.begin() as session:
        found = _all_in_sight(session, body.keys, person)
        if body.user_id is not None and session.get(User, body.user_id) is None:
            raise ApiError(404, f"There is no user {body.user_id}.")
        chosen = update(Moment).where(Moment.id.in_([m.id for m in found]))
        session.execute(chosen.values(assigned_to=body.user_id))
        record(session, person.actor, "moments.assigned", f"user:{body.user_id}", moments=len(found))
    queues.forget()
    return Changed(changed=len(found))


def _all_in_sight(session: Session, keys: list[str], person: Person) -> list[Moment]:
    found = in_sight(session, keys, person.sight)
    if missing := set(keys) - {moment.key for moment in found}:
        raise ApiError(404, f"There is no moment {min(missing)!r}; nothing was changed.")
    return found


def _latest(
    session: Session, asked: MomentFilter, person: Person, limit: int, cursor: str | None
) -> Page[MomentLine]:
    query = moments(asked, person.sight).order_by(Moment.happened_at.desc(), Moment.id.desc())
    if cursor is not None:
        last = unpack(cursor, datetime, int)
        query = query.where(after(Moment.happened_at, Moment.id, *last, descending=True))
    rows = session.scalars(query.limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    return Page(items=_lines(session, rows), next=pack(rows[-1].happened_at, rows[-1].id) if more else None)


def _lines(session: Session, found: Sequence[Moment]) -> list[MomentLine]:
    return [_line(moment, call_id) for moment, call_id in with_call_ids(session, found)]


def _line(m: Moment, call_id: str) -> MomentLine:
    return MomentLine(
        key=m.key,
        call_id=call_id,
        agent_id=m.agent_id,
        queue=m.queue,
        happened_at=m.happened_at,
        rule=m.rule,
        start_ms=m.start_ms,
        end_ms=m.end_ms,
        severity=m.severity,
        confidence=m.confidence,
        explanation=m.explanation,
        utterances=m.evidence["utterances"],
        status=cast("Status", m.status),
        assigned_to=m.assigned_to,
    )
