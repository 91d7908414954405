"""Deletion, disclosure, retention, and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field, model_validator
from sqlalchemy import delete, select

from service.api.bodies import SmallBody
from service.api.calls import CallId, call_in_sight
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.shapes import Line
from service.api.who import DatabaseOf, may
from service.files import Files
from service.jobs import queue
from service.jobs.erasing import tidy_later
from service.people.access import Person
from service.privacy.deletion import delete_calls, pseudonym
from service.privacy.disclosure import disclose, is_known
from service.store.audit import record, verify
from service.store.tables import AuditEntry, Call, Retention

__all__ = ["router"]

router = APIRouter(tags=["privacy"], route_class=SmallBody)

Eraser = Annotated[Person, Depends(may("calls.delete"))]
Officer = Annotated[Person, Depends(may("privacy"))]
Auditor = Annotated[Person, Depends(may("audit.read"))]
CustomerId = Annotated[str, Path(max_length=300)]
Days = Annotated[int | None, Field(ge=1, le=36_500)]


async def _files(request: Request) -> Files:
    files: Files = request.app.state.files
    return files


FilesOf = Annotated[Files, Depends(_files)]


class DeletionBody(BaseModel):
    """Whose or which calls: all of a customer, or of a stretch of time (of one queue)."""

    customer: str | None = Field(None, min_length=1, max_length=300)
    since: AwareDatetime | None = Field(None, description="From when, inclusive.")
    until: AwareDatetime | None = Field(None, description="To when, exclusive.")
    queue: str | None = Field(None, min_length=1, max_length=200)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        times = self.since is not None or self.until is not None
        if (self.customer is None) != times or (self.customer is not None and self.queue is not None):
            raise ValueError("give a customer, or since and until (and a queue)")
        if times and (self.since is None or self.until is None or self.since >= self.until):
            raise ValueError("give both since and until, since before until")
        return self


class Accepted(BaseModel):
    """The job that does it."""

    job_id: int


class RetentionLine(Line):
    """How many days recordings and calls of a queue are kept; null: as long as the service stands."""

    queue: str = Field("", max_length=200, description="Empty: every queue without a rule of its own.")
    audio_days: Days
    call_days: Days


class AuditLine(Line):
    """An entry of the audit log."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    sha256: str


class AuditCheck(BaseModel):
    """Whether the log holds; keep ``newest`` elsewhere to see later that nothing was cut off its end."""

    holds: bool
    entries: int
    newest: str
    problem: str | None


@router.delete("/calls/{call_id}", status_code=204, responses=responses(401, 403, 404), tags=["calls"])
def delete_call(person: Eraser, database: DatabaseOf, files: FilesOf, call_id: CallId) -> Response:
    """Delete a call: its recording, its document and every row of it, its surveys and contact record."""
    with database.read() as session:
        row = call_in_sight(session, person, call_id)
    delete_calls(database, files, Call.id == row.id, tell=lambda _stage, _fraction: None)
    with database.begin() as session:
        record(session, person.actor, "deleted", f"call:{row.id}")
        tidy_later(session)
    return Response(status_code=204)


@router.post("/privacy/deletions", status_code=202, responses=responses(401, 403))
def delete_many(person: Officer, database: DatabaseOf, body: DeletionBody) -> Accepted:
    """Delete all of a customer, or of a stretch of time, for good; a job does it."""
    target = "calls" if body.customer is None else pseudonym(body.customer)
    payload = {**body.model_dump(mode="json", exclude_none=True), "target": target}
    with database.begin() as session:
        job = queue.enqueue(session, "delete", payload, created_by=person.user_id, key_id=person.key_id)
        record(session, person.actor, "deletion.asked", target, job=job.id)
        return Accepted(job_id=job.id)


@router.get(
    "/privacy/customers/{customer_id}/disclosure",
    response_class=StreamingResponse,
    responses={
        **responses(401, 403, 404),
        200: {"description": "A ZIP file.", "content": {
            "application/zip": {"schema": {"type": "string", "format": "binary"}}}},
    },
)  # fmt: skip
def disclose_customer(
    person: Officer, database: DatabaseOf, files: FilesOf, customer_id: CustomerId
) -> StreamingResponse:
    """All that is kept on a customer."""
    if not is_known(database, customer_id):
        raise ApiError(404, f"Nothing is kept on a customer {customer_id!r}.")
    with database.begin() as session:
        record(session, person.actor, "disclosed", pseudonym(customer_id))
    headers = {"Content-Disposition": 'attachment; filename="customer.zip"'}
    return StreamingResponse(
        disclose(database, files, customer_id), media_type="application/zip", headers=headers
    )


@router.get("/privacy/retention", responses=responses(401, 403))
def list_retention(_person: Officer, database: DatabaseOf) -> list[RetentionLine]:
    """How long what is kept."""
    with database.read() as session:
        rows = session.scalars(select(Retention).order_by(Retention.queue))
        return [RetentionLine.model_validate(row) for row in rows]


@router.put("/privacy/retention", responses=responses(401, 403))
def set_retention(person: Officer, database: DatabaseOf, body: list[RetentionLine]) -> list[RetentionLine]:
    """Replace the rules, all of them. They are applied every hour."""
    if len({line.queue for line in body}) < len(body):
        raise ApiError(422, "body: a queue has two rules; give it one")
    with database.begin() as session:
        session.execute(delete(Retention))
        session.add_all(Retention(**line.model_dump()) for line in body)
        told = [[line.queue, line.audio_days, line.call_days] for line in body]
        record(session, person.actor, "retention.set", "retention", rules=told)
    return sorted(body, key=lambda line: line.queue)


@router.get("/audit", responses=responses(401, 403))
def list_audit(
    _person: Auditor, database: DatabaseOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[AuditLine]:
    """The audit log, newest first."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(AuditEntry.id < unpack(cursor, int)[0])
    with database.read() as session:
        rows = session.scalars(query).all()
    more, rows = len(rows) > limit, rows[:limit]
    return Page(
        items=[AuditLine.model_validate(row) for row in rows], next=pack(rows[-1].id) if more else None
    )


@router.get("/audit/check", responses=responses(401, 403))
def check_audit(_person: Auditor, database: DatabaseOf) -> AuditCheck:
    """Go through the whole log and see whether anything in it was changed."""
    with database.read() as session:
        found = verify(session)
    return AuditCheck(holds=found.broken is None, entries=found.n, newest=found.newest, problem=found.why)
