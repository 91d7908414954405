"""Jobs: which there are, how far they are, and stopping or trying them again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import and_, false, select, true
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from starlette.concurrency import run_in_threadpool

from sentiment.errors import InputError
from service.api.bodies import SmallBody
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, after, pack, unpack
from service.api.who import DatabaseOf, may, signed_in
from service.jobs import queue
from service.people.access import Person
from service.store.audit import record
from service.store.database import Database
from service.store.tables import Call, Job

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from service.files import Files

__all__ = ["JobLine", "router", "seen_by"]

router = APIRouter(tags=["jobs"], route_class=SmallBody)

State = Literal["queued", "running", "done", "failed", "cancelled"]
JobId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The job's number.", examples=[17])]
Canceller = Annotated[Person, Depends(may("jobs.cancel"))]

POLL_S = 1.0
HEARTBEAT_S = 15.0
LONGEST_STREAM_S = 3600.0
MOST_CALLS = 1000
OF_PRIVACY = frozenset({"delete", "tidy"})
OF_UPLOADS = frozenset({"score", "import_results", "surveys", "contacts"})


def _viewer(person: Annotated[Person, Depends(signed_in)]) -> Person:
    """Whoever may see jobs, or may bring things in and so see their own.

    Raises:
        ApiError: 403, they may neither.
    """
    if person.must_change_password:
        raise ApiError(403, "Change your password first.")
    if not person.permissions & {"jobs.read", "ingest"}:
        raise ApiError(403, "This needs the permission jobs.read, or ingest for one's own jobs.")
    return person


Viewer = Annotated[Person, Depends(_viewer)]


class JobLine(BaseModel):
    """A job. ``progress`` is in [0, 1]; ``result`` counts what came of it, ``calls`` are those it made."""

    id: int = Field(examples=[17])
    kind: str = Field(examples=["score"])
    state: State
    progress: float = Field(ge=0, le=1)
    stage: str = Field(examples=["transcribing"])
    attempts: int = Field(description="How often it was begun.")
    max_attempts: int
    error: str | None = Field(description="Why it failed, or why it is to be tried again.")
    result: dict[str, Any] | None = Field(examples=[{"stored": 118, "set_aside": 2}])
    calls: list[str] = Field(description="Ids of the calls it stored; the first 1000.", examples=[["0042"]])
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    not_before: datetime = Field(description="When it may be begun.")


def seen_by(person: Person) -> ColumnElement[bool]:
    """The condition that a person may see a job: all, or what they sent by this very key or without one."""
    if "jobs.read" in person.permissions:
        return true()
    if "ingest" not in person.permissions:
        return false()
    key = Job.key_id.is_(None) if person.key_id is None else Job.key_id == person.key_id
    return and_(Job.created_by == person.user_id, key)


def job_in_sight(session: Session, person: Person, job_id: int) -> Job:
    """The job's row.

    Raises:
        ApiError: 404, there is none, or it is not this person's to see.
    """
    job = session.scalar(select(Job).where(Job.id == job_id, Job.lane != "house", seen_by(person)))
    if job is None:
        raise ApiError(404, f"There is no job {job_id}.")
    return job


def _require_own(person: Person, job: Job) -> None:
    """Who may not ask for a deletion may not stop one either: the law's deadline runs on.

    Raises:
        ApiError: 403.
    """
    if job.kind in OF_PRIVACY and "privacy" not in person.permissions:
        raise ApiError(403, f"Job {job.id} deletes personal data; that needs the permission privacy.")


def _line(session: Session, person: Person, job: Job) -> JobLine:
    told = dict(job.result or {})
    rows = told.pop("calls")[:MOST_CALLS] if isinstance(told.get("calls"), list) else []  # a deletion counts
    result = None if job.result is None else told
    calls: list[str] = []
    if rows:
        within = person.sight.of(Call.agent_id)
        calls = list(session.scalars(select(Call.call_id).where(Call.id.in_(rows), within).order_by(Call.id)))
    return JobLine(
        id=job.id, kind=job.kind, state=job.state, progress=job.progress, stage=job.stage,  # type: ignore[arg-type]
        attempts=job.attempts, max_attempts=job.max_attempts, error=job.error, result=result, calls=calls,
        created_at=job.created_at, started_at=job.started_at, finished_at=job.finished_at,
        not_before=job.not_before,
    )  # fmt: skip


@router.get("/jobs", responses=responses(401, 403))
def list_jobs(
    person: Viewer,
    database: DatabaseOf,
    state: Annotated[State | None, Query(description="Only jobs in this state.")] = None,
    kind: Annotated[
        str | None, Query(max_length=30, pattern="^[a-z_]*$", description="Only of this kind.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[JobLine]:
    """Jobs of uploads and imports, the latest first; an ingest key's own. Webhooks have their own list."""
    query = select(Job).where(Job.lane == "work", seen_by(person))
    if state is not None:
        query = query.where(Job.state == state)
    if kind is not None:
        query = query.where(Job.kind == kind)
    if cursor is not None:
        query = query.where(after(Job.created_at, Job.id, *unpack(cursor, datetime, int), descending=True))
    query = query.order_by(Job.created_at.desc(), Job.id.desc()).limit(limit + 1)
    with database.read() as session:
        rows = list(session.scalars(query))
        more, rows = len(rows) > limit, rows[:limit]
        items = [_line(session, person, job) for job in rows]
    return Page(items=items, next=pack(rows[-1].created_at, rows[-1].id) if more else None)


@router.get("/jobs/{job_id}", responses=responses(401, 403, 404))
def get_job(person: Viewer, database: DatabaseOf, job_id: JobId) -> JobLine:
    """A job."""
    with database.read() as session:
        return _line(session, person, job_in_sight(session, person, job_id))


@router.post("/jobs/{job_id}/cancel", responses=responses(401, 403, 404, 409))
def cancel_job(person: Canceller, database: DatabaseOf, job_id: JobId, request: Request) -> JobLine:
    """Stop a job: one that waits at once, one that runs as soon as its worker notices (a second or two).

    What it stored before that stays.
    """
    with database.begin() as session:
        job = job_in_sight(session, person, job_id)
        _require_own(person, job)
        if job.state in queue.OVER:
            raise ApiError(409, f"Job {job_id} is over: it is {job.state}.")
        state = queue.cancel(session, job_id)
        record(session, person.actor, "job.cancel", f"job:{job_id}")
        session.refresh(job)
        line, staged = _line(session, person, job), job.staged
    if state == "cancelled" and staged is not None:
        _files(request).remove("staging", staged)
    return line


@router.post("/jobs/{job_id}/retry", responses=responses(401, 403, 404, 409))
def retry_job(person: Canceller, database: DatabaseOf, job_id: JobId, request: Request) -> JobLine:
    """Try a failed job once more. Its upload is kept for a day, and only if the fault was not its own."""
    try:
        with database.begin() as session:
            job = job_in_sight(session, person, job_id)
            _require_own(person, job)
            if job.kind in OF_UPLOADS and not _is_staged(job, _files(request)):
                raise ApiError(409, f"What was uploaded for job {job_id} is gone; upload it again.")
            if not queue.requeue(session, job_id):
                raise ApiError(409, f"Job {job_id} is {job.state}; only a failed one is tried again.")
            record(session, person.actor, "job.retry", f"job:{job_id}")
            session.refresh(job)
            return _line(session, person, job)
    except IntegrityError:
        raise ApiError(409, "The same content came again since, and is being worked on.") from None


@router.get(
    "/jobs/{job_id}/set-aside",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "CSV: where it stood, what is wrong, and the row.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **responses(401, 403, 404),
    },
)
def get_set_aside(person: Viewer, database: DatabaseOf, job_id: JobId, request: Request) -> StreamingResponse:
    """What an import could not use; kept for seven days."""
    with database.read() as session:
        job = job_in_sight(session, person, job_id)
    name = (job.result or {}).get("file")
    gone = ApiError(404, f"Job {job_id} has set nothing aside, or it is older than seven days.")
    if name is None:
        raise gone
    try:
        file = _files(request).read("set-aside", name)
    except InputError:
        raise gone from None
    headers = {"Content-Disposition": f'attachment; filename="job-{job_id}-set-aside.csv"'}

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(1 << 16):
                yield piece

    return StreamingResponse(pieces(), media_type="text/csv", headers=headers)


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `progress` each time something changed, the last one `end`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **responses(401, 403, 404),
    },
)
def follow_job(person: Viewer, database: DatabaseOf, job_id: JobId) -> StreamingResponse:
    """Follow a job until it is over. Each event's data is the job as `GET /jobs/{id}` gives it."""
    with database.read() as session:
        job_in_sight(session, person, job_id)
    events = _events(database, person, job_id)
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _events(database: Database, person: Person, job_id: int) -> AsyncIterator[str]:
    """The job, each time it differs from before; a comment now and then, so that proxies keep the line.

    Any web process can tell, since all look at the table.
    """
    before, ended = "", time.monotonic() + LONGEST_STREAM_S
    quiet_since = time.monotonic()
    yield "retry: 2000\n\n"
    while time.monotonic() < ended:
        try:
            line = await run_in_threadpool(_look, database, person, job_id)
        except (OperationalError, InterfaceError):
            yield ": the database is away\n\n"  # it goes on when it is back
            await asyncio.sleep(POLL_S)
            continue
        if line is None:
            yield 'event: end\ndata: {"state": "deleted"}\n\n'
            return
        told = line.model_dump_json()
        over = line.state in queue.OVER
        if told != before:
            yield f"event: {'end' if over else 'progress'}\ndata: {told}\n\n"
            before, quiet_since = told, time.monotonic()
        if over:
            return
        if time.monotonic() - quiet_since > HEARTBEAT_S:
            yield ": still here\n\n"
            quiet_since = time.monotonic()
        await asyncio.sleep(POLL_S)


def _is_staged(job: Job, files: Files) -> bool:
    return job.staged is not None and files.path("staging", job.staged).exists()


def _look(database: Database, person: Person, job_id: int) -> JobLine | None:
    with database.read() as session:
        try:
            return _line(session, person, job_in_sight(session, person, job_id))
        except ApiError:
            return None


def _files(request: Request) -> Files:
    files: Files = request.app.state.files
    return files
