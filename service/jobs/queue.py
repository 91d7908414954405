"""The queue of jobs: the table :class:`service.store.tables.Job` and nothing beside it.

There is no message broker: a message beside the row would be a second truth, and one of them wrong after a
crash. Taking a job is a transaction on its row. PostgreSQL lets takers skip rows that others hold
(``FOR UPDATE SKIP LOCKED``), SQLite lets one writer in at a time (``BEGIN IMMEDIATE``).

A job is done *at least* once and its result written *exactly* once: whoever takes a job holds it under a name
that no other taking has, and every transaction of theirs begins by looking whether the row still has it
(:func:`fenced`). A worker that slept through its lease finds another name there and writes nothing.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, func, literal, or_, select, text, update

from service.store.columns import now
from service.store.tables import Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from service.store.database import Database

__all__ = [
    "LANES", "OVER", "Beat", "Held", "Lane", "LeaseLostError", "again", "cancel", "claim", "clock",
    "end_cancelled", "enqueue", "fail", "fenced", "finish", "give_back", "renew", "requeue", "retry_in",
    "waiting",
]  # fmt: skip

Lane = Literal["work", "deliver", "house"]
LANES: tuple[Lane, ...] = ("work", "deliver", "house")

OVER = ("done", "failed", "cancelled")
"""The states a job does not leave by itself."""

FIRST_RETRY_S = 10.0
LONGEST_RETRY_S = 6 * 3600.0
GROWTH = 4.0

LONGEST_ERROR = 1000


class LeaseLostError(Exception):
    """The job is another worker's by now, or is over; what was worked out must not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A job as its taker holds it. ``worker`` is the name of this very taking."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    staged: str | None
    content_sha256: str | None
    worker: str
    attempts: int
    max_attempts: int
    cancel_asked: bool
    created_by: int | None

    @property
    def exhausted(self) -> bool:
        """Whether it was tried as often as it may be: this taking is only to say so."""
        return self.attempts > self.max_attempts


@dataclass(frozen=True, slots=True)
class Beat:
    """What a renewal found: whether the job is still held, and whether somebody wants it stopped."""

    held: bool
    cancel: bool


def clock(session: Session) -> datetime:
    """The database's time, by which leases are judged: the clocks of several machines differ."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return moment
    return now()


def enqueue(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    *,
    lane: Lane = "work",
    max_attempts: int = 3,
    staged: str | None = None,
    content_sha256: str | None = None,
    created_by: int | None = None,
    key_id: int | None = None,
) -> Job:
    """A new job, in the transaction of what it is for.

    Raises:
        IntegrityError: a job of this kind and content waits or runs already.
    """
    moment = clock(session)
    job = Job(
        kind=kind, payload=dict(payload), lane=lane, max_attempts=max_attempts, staged=staged,
        content_sha256=content_sha256, created_by=created_by, key_id=key_id, created_at=moment,
        not_before=moment,
    )  # fmt: skip
    session.add(job)
    session.flush()
    return job


def waiting(session: Session, limit: int) -> int:
    """How many jobs of the lane ``work`` wait; counted up to ``limit``."""
    some = select(literal(1)).where(_live(), Job.lane == "work", Job.state == "queued").limit(limit)
    return session.execute(select(func.count()).select_from(some.subquery())).scalar_one()


def claim(database: Database, lane: Lane, worker: str, *, lease_s: float) -> Held | None:
    """Take the job of ``lane`` that is next, or one whose worker fell silent; ``None`` if there is none.

    ``worker`` names the process; each taking adds its own random part. A job that comes back *exhausted*
    is held like any other, for its taker to fail it.
    """
    with database.begin() as session:
        moment = clock(session)
        due = or_(
            and_(Job.state == "queued", Job.not_before <= moment),
            and_(Job.state == "running", Job.lease_until < moment),
        )
        query = select(Job).where(_live(), Job.lane == lane, due).order_by(Job.not_before, Job.id).limit(1)
        job = session.scalar(query.with_for_update(skip_locked=True))
        if job is None:
            return None
        name = f"{worker[:80]}#{secrets.token_hex(8)}"
        job.state, job.worker, job.attempts = "running", name, job.attempts + 1
        job.lease_until = moment + timedelta(seconds=lease_s)
        job.started_at = job.started_at or moment
        job.error = None
        session.flush()
        return Held(
            id=job.id, kind=job.kind, payload=job.payload, staged=job.staged,
            content_sha256=job.content_sha256, worker=name, attempts=job.attempts,
            max_attempts=job.max_attempts, cancel_asked=job.cancel_asked, created_by=job.created_by,
        )  # fmt: skip


def renew(database: Database, held: Held, *, lease_s: float, stage: str, progress: float) -> Beat:
    """Hold a job for ``lease_s`` more seconds and note how far it is."""
    with database.begin() as session:
        until = clock(session) + timedelta(seconds=lease_s)
        asked = session.execute(
            update(Job)
            .where(_is_held(held))
            .values(lease_until=until, stage=stage[:100], progress=progress)
            .returning(Job.cancel_asked)
        ).scalar_one_or_none()
    return Beat(held=asked is not None, cancel=bool(asked))


@contextmanager
def fenced(database: Database, held: Held) -> Iterator[Session]:
    """A transaction of whoever holds the job: nobody can take it over before it ends.

    Raises:
        LeaseLostError: the job is not theirs any more.
    """
    with database.begin() as session:
        mine = session.scalar(select(Job.id).where(_is_held(held)).with_for_update())
        if mine is None:
            raise LeaseLostError(f"job {held.id} was taken over, or is over")
        yield session


def finish(session: Session, held: Held, result: Mapping[str, Any]) -> None:
    """The job is done; in a transaction of :func:`fenced`, with what it made."""
    _end(session, held, state="done", result=dict(result), progress=1.0, stage="done", error=None)


def fail(session: Session, held: Held, error: str, *, retry_s: float | None) -> None:
    """The job did not work: it is tried again in ``retry_s`` seconds, or has failed for good (``None``)."""
    told = error[:LONGEST_ERROR]
    if retry_s is None:
        _end(session, held, state="failed", error=told)
        return
    later = clock(session) + timedelta(seconds=retry_s)
    _release(session, held, not_before=later, error=told)


def end_cancelled(session: Session, held: Held) -> None:
    """The worker noticed that somebody wants the job stopped, and has stopped."""
    _end(session, held, state="cancelled", error=None)


def give_back(session: Session, held: Held) -> None:
    """The worker has to stop: the job is another's to do, at once, and this attempt does not count."""
    _release(session, held, not_before=clock(session), error=None, attempts=held.attempts - 1)


def again(session: Session, held: Held, *, in_s: float, error: str | None = None) -> None:
    """A job that is never over (looking through a folder) is due again in ``in_s`` seconds."""
    later = clock(session) + timedelta(seconds=in_s)
    told = None if error is None else error[:LONGEST_ERROR]
    _release(session, held, not_before=later, error=told, attempts=0)


def retry_in(attempts: int) -> float:
    """Seconds until the next try, after so many: 10, 40, 160 ... up to six hours."""
    return float(min(LONGEST_RETRY_S, FIRST_RETRY_S * GROWTH ** (attempts - 1)))


def cancel(session: Session, job_id: int) -> str | None:
    """Stop a job: at once if it waits, when its worker notices if it runs. The state it has then."""
    moment = clock(session)
    waited = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == "queued")
        .values(state="cancelled", finished_at=moment, cancel_asked=True)
    )
    if not waited.rowcount:  # type: ignore[attr-defined]
        session.execute(update(Job).where(Job.id == job_id, Job.state == "running").values(cancel_asked=True))
    return session.scalar(select(Job.state).where(Job.id == job_id))


def requeue(session: Session, job_id: int) -> bool:
    """Try a job that failed or was cancelled once more, with all its attempts; whether it was one.

    Raises:
        IntegrityError: the same content came again since, and waits or runs.
    """
    done = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(("failed", "cancelled")))
        .values(
            state="queued", attempts=0, not_before=clock(session), cancel_asked=False, error=None,
            progress=0.0, stage="", finished_at=None, worker=None, lease_until=None,
        )
    )  # fmt: skip
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _live() -> Any:
    """As the partial index says it, so that it is used."""
    return text("jobs.state IN ('queued', 'running')")


def _is_held(held: Held) -> Any:
    return and_(Job.id == held.id, Job.state == "running", Job.worker == held.worker)


def _end(session: Session, held: Held, **values: Any) -> None:
    moment = clock(session)
    _write(session, held, finished_at=moment, lease_until=None, worker=None, **values)


def _release(session: Session, held: Held, **values: Any) -> None:
    _write(
        session, held, state="queued", worker=None, lease_until=None, stage="", progress=0.0, **values
    )  # fmt: skip


def _write(session: Session, held: Held, **values: Any) -> None:
    done = session.execute(update(Job).where(_is_held(held)).values(**values))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise LeaseLostError(f"job {held.id} was taken over, or is over")
