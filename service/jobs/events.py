"""What happens here that others may want to hear of, and who does: each event becomes deliveries to be made.

In the transaction of what happened: an event is sent if and only if it came about. It tells ids, rules,
severities and times; never what was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from service.jobs import queue
from service.store.columns import now
from service.store.tables import Call, Delivery, Moment, Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from service.jobs.queue import Held

__all__ = ["ATTEMPTS", "EVENTS", "call_scored", "deliver_again", "job_failed", "moments_flagged"]

EVENTS = {
    "call.scored": "A call was scored and stored, for the first time or anew.",
    "moment.flagged": "A moment was flagged that was not known before; one event each.",
    "job.failed": "A job failed for good.",
}

ATTEMPTS = 8
"""How often a delivery is tried: over about ten hours."""


def call_scored(session: Session, row: Call) -> None:
    """Tell that a call was stored."""
    data = {
        "call_id": row.call_id, "agent_id": row.agent_id, "queue": row.queue,
        "n_moments": row.n_moments, "n_shifts": row.n_shifts, "top_severity": row.top_severity,
    }  # fmt: skip
    _emit(session, "call.scored", data, call=row)


def moments_flagged(session: Session, row: Call, known: frozenset[str]) -> None:
    """Tell of each moment of a call whose key is not among those ``known`` before."""
    if not _wanted(session, "moment.flagged"):
        return
    for moment in session.scalars(select(Moment).where(Moment.call_id == row.id).order_by(Moment.id)):
        if moment.key in known:
            continue
        data = {
            "key": moment.key, "call_id": row.call_id, "rule": moment.rule, "severity": moment.severity,
            "confidence": moment.confidence, "start_ms": moment.start_ms, "end_ms": moment.end_ms,
            "agent_id": row.agent_id, "queue": row.queue,
        }  # fmt: skip
        _emit(session, "moment.flagged", data, call=row)


def job_failed(session: Session, held: Held) -> None:
    """Tell that a job failed for good; why is in the job."""
    _emit(session, "job.failed", {"job_id": held.id, "kind": held.kind, "attempts": held.attempts}, call=None)


def deliver_again(session: Session, delivery: Delivery) -> None:
    """Have a delivery made once more, with its attempts anew; the receiver knows it by its id."""
    delivery.state, delivery.attempts, delivery.error, delivery.status_code = "waiting", 0, None, None
    queue.enqueue(session, "deliver", {"delivery": delivery.id}, lane="deliver", max_attempts=ATTEMPTS)


def _wanted(session: Session, event: str) -> list[Webhook]:
    hooks = session.scalars(select(Webhook).where(Webhook.active).order_by(Webhook.id))
    return [hook for hook in hooks if event in hook.events]


def _emit(session: Session, event: str, data: Mapping[str, Any], *, call: Call | None) -> None:
    for hook in _wanted(session, event):
        payload = {"type": event, "timestamp": now().isoformat(), "data": dict(data)}
        delivery = Delivery(
            webhook_id=hook.id, call_id=None if call is None else call.id, event=event, payload=payload
        )
        session.add(delivery)
        session.flush()
        deliver_again(session, delivery)
