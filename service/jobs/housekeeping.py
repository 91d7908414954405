"""The job ``sweep``: what nobody needs any more leaves the data folder and the tables of work."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, or_, select

from service.store.columns import now
from service.store.tables import Call, Delivery, Job, Submission, Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from service.files import Area
    from service.jobs.work import Ending, Task

__all__ = ["EVERY_S", "FAILED_KEPT", "SET_ASIDE_KEPT", "sweep"]

EVERY_S = 3600.0

FAILED_KEPT = timedelta(hours=24)
"""How long the upload of a job that failed by no fault of its own is kept, to be tried again."""

SET_ASIDE_KEPT = timedelta(days=7)
SUBMISSIONS_KEPT = timedelta(days=7)
DELIVERIES_KEPT = timedelta(days=30)
WATCHED_KEPT = timedelta(days=30)

UNFINISHED_S = 24 * 3600.0
"""A file without a row is left alone for so long: its row may be about to come."""

SOME = 500


def sweep(task: Task) -> Ending:
    """Remove staged files of jobs that are over, recordings of no call, old set-aside files and rows."""
    removed = {
        "staging": _remove(task, "staging", UNFINISHED_S, _staged),
        "recordings": _remove(task, "recordings", UNFINISHED_S, _recorded),
        "set-aside": _remove(task, "set-aside", SET_ASIDE_KEPT.total_seconds(), lambda _session, _names: ()),
    }

    def end(session: Session) -> Mapping[str, Any]:
        moment = now()
        session.execute(delete(Submission).where(Submission.created_at < moment - SUBMISSIONS_KEPT))
        session.execute(delete(Watched).where(Watched.seen_at < moment - WATCHED_KEPT))
        session.execute(
            delete(Delivery).where(
                Delivery.created_at < moment - DELIVERIES_KEPT, Delivery.state != "waiting"
            )
        )
        session.execute(
            delete(Job).where(
                Job.lane == "deliver", Job.state.in_(("done", "failed")),
                Job.finished_at < moment - DELIVERIES_KEPT,
            )
        )  # fmt: skip
        return removed

    return end


def _remove(
    task: Task, area: Area, older_s: float, needed: Callable[[Session, Sequence[str]], Sequence[str]]
) -> int:
    names, n = task.work.files.older(area, older_s), 0
    for some in _batched(names):
        task.tell(f"sweeping {area}", 0.0)
        with task.work.database.read() as session:
            keep = set(needed(session, some))
        for name in some:
            if name not in keep:
                task.work.files.remove(area, name)
                n += 1
    return n


def _staged(session: Session, names: Sequence[str]) -> Sequence[str]:
    """Those of a job that is not over, or that failed a short while ago."""
    wanted = or_(
        Job.state.in_(("queued", "running")),
        (Job.state == "failed") & (Job.finished_at > now() - FAILED_KEPT),
    )
    return [n for n in session.scalars(select(Job.staged).where(Job.staged.in_(names), wanted)) if n]


def _recorded(session: Session, names: Sequence[str]) -> Sequence[str]:
    return [n for n in session.scalars(select(Call.audio).where(Call.audio.in_(names))) if n]


def _batched(names: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(names, SOME)):
        yield some
