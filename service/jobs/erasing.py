"""The jobs ``delete``, ``retain`` and ``tidy``: what is to be gone goes, and the database forgets it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from sentiment.errors import OutputError
from service.files import is_whole
from service.jobs import queue
from service.jobs.set_aside import mentions
from service.privacy.deletion import Chosen, delete_chosen, tidy
from service.privacy.retention import apply_retention
from service.store.audit import record
from service.store.tables import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from service.jobs.work import Ending, Task

__all__ = ["RETAIN_EVERY_S", "erase", "put_in_order", "retain", "tidy_later"]

RETAIN_EVERY_S = 3600.0


def erase(task: Task) -> Ending:
    """Delete what the payload chooses. The payload, which may name a customer, is emptied when it is done."""
    payload = task.held.payload
    chosen = Chosen(
        customer=payload.get("customer"), queue=payload.get("queue"),
        since=_time(payload.get("since")), until=_time(payload.get("until")),
    )  # fmt: skip
    if chosen.customer is not None:
        _forget_uploads(task, chosen.customer)
    deleted = delete_chosen(task.work.database, task.work.files, chosen, tell=task.tell)
    task.tell("tidying up", 0.9)
    tidy(task.work.database)

    def end(session: Session) -> Mapping[str, Any]:
        session.execute(update(Job).where(Job.id == task.held.id).values(payload={}))
        tidy_later(session)  # what the payload said is among what the database has to forget
        record(session, f"job:{task.held.id}", "deleted", payload["target"], **asdict(deleted))
        return asdict(deleted)

    return end


def _forget_uploads(task: Task, customer: str) -> None:
    """Remove the customer's recordings that wait to be scored or tried again, and what was set aside of them.

    Otherwise they would be scored, and the customer be back, after all was deleted.

    Raises:
        OutputError: one is being scored at this moment; the deletion is tried again once it stopped.
    """
    files, busy = task.work.files, False
    unended = Job.state.in_(("queued", "running", "failed"))
    with task.work.database.read() as session:
        query = select(Job.id, Job.state, Job.staged).where(Job.kind == "score", unended)
        jobs = [(row.id, row.state, row.staged) for row in session.execute(query) if row.staged]
    for job, state, staged in jobs:
        task.tell("deleting uploads", 0.0)
        if files.facts(staged).get("about", {}).get("customer_id") != customer:
            continue
        now_state: str | None = state
        if state != "failed":
            with task.transaction() as session:
                now_state = queue.cancel(session, job)
        if now_state == "running":
            busy = True
        else:
            files.remove("staging", staged)
    folder = files.root / "set-aside"
    for path in folder.iterdir() if folder.exists() else ():
        if is_whole(path) and mentions(files, path.name, customer):
            files.remove("set-aside", path.name)
    if busy:
        raise OutputError("A recording of theirs is being scored; it is stopped, and this is tried again.")


def put_in_order(task: Task) -> Ending:
    """Make the database forget what was deleted before."""
    task.tell("tidying up", 0.1)
    tidy(task.work.database)
    return lambda _session: {}


def retain(task: Task) -> Ending:
    """Delete what is older than the retention rules let it be."""
    deleted = apply_retention(task.work.database, task.work.files, tell=task.tell)

    def end(session: Session) -> Mapping[str, Any]:
        if any(asdict(deleted).values()):
            record(session, f"job:{task.held.id}", "deleted", "retention", **asdict(deleted))
            tidy_later(session)
        return asdict(deleted)

    return end


def tidy_later(session: Session) -> None:
    """See that ``tidy`` runs once after this transaction."""
    waits = select(Job.id).where(Job.kind == "tidy", Job.state == "queued").limit(1)
    if session.scalar(waits) is None:
        queue.enqueue(session, "tidy", {}, lane="work")


def _time(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
