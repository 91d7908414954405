"""What is stored, as the tables of the metric engine: scored calls, surveys, contact records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlalchemy import func, select

from sentiment.metrics.schemas import TABLES
from service.store.tables import Agent, Call, Contact, Survey, Team

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from service.people.access import Sight

__all__ = ["metric_tables"]

TYPES = {
    "string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"), "date": pa.date32(),
}  # fmt: skip


def metric_tables(
    session: Session, sight: Sight, *, since: datetime | None = None, until: datetime | None = None
) -> dict[str, pa.Table]:
    """The tables ``calls``, ``surveys`` and ``contacts`` with what is within sight, of ``[since, until)``.

    Calls and contact records are taken by when they began, surveys by when they were answered (those that do
    not say when, always). ``team`` is the agent's team today.
    """
    of_teams = select(Agent.id, Team.name).join(Team, Agent.team_id == Team.id)
    teams = {row[0]: row[1] for row in session.execute(of_teams)}
    found = {
        "calls": _table("calls", _calls(session, sight, since, until), teams),
        "surveys": _table("surveys", _surveys(session, sight, since, until), teams),
        "contacts": _table("contacts", _contacts(session, sight, since, until), teams),
    }
    return {name: table for name, table in found.items() if table.num_rows}


def _calls(session: Session, sight: Sight, since: Any, until: Any) -> Iterable[dict[str, Any]]:
    query = select(Call.figures, Call.started_at, Call.received_at).where(sight.of(Call.agent_id))
    query = query.where(*_between(Call.happened_at, since, until)).execution_options(yield_per=5000)
    for figures, started_at, received_at in session.execute(query):
        yield {**figures, "started_at": started_at or received_at}


def _surveys(session: Session, sight: Sight, since: Any, until: Any) -> Iterable[dict[str, Any]]:
    within = _between(Survey.answered_at, since, until)
    when = [Survey.answered_at.is_(None) | w for w in within]
    whose = func.coalesce(Survey.agent_id, Call.agent_id)
    query = (
        select(Survey, whose, Call.customer_id, Call.queue)
        .join(Call, Call.call_id == Survey.call_ref, isouter=True)
        .where(sight.of(whose), *when)
        .order_by(Survey.answered_at.nulls_first(), Survey.id)
    )
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for survey, agent_id, customer_id, queue in session.execute(query):
        row = {
            **survey.fields, "call_id": survey.call_ref, "customer_id": survey.customer_id or customer_id,
            "agent_id": agent_id, "queue": survey.queue or queue, "instrument": survey.instrument,
            "question": survey.question, "value": survey.value, "scale_min": survey.scale_min,
            "scale_max": survey.scale_max, "answered_at": survey.answered_at,
        }  # fmt: skip
        once = survey.call_ref if survey.call_ref is not None else ("row", survey.id)
        newest[once, survey.instrument, survey.question] = row  # who changed their answer gave one
    return newest.values()


def _contacts(session: Session, sight: Sight, since: Any, until: Any) -> Iterable[dict[str, Any]]:
    query = select(Contact).where(sight.of(Contact.agent_id)).execution_options(yield_per=5000)
    for contact in session.scalars(query.where(*_between(Contact.started_at, since, until))):
        yield {
            **contact.fields, "contact_id": contact.contact_id, "agent_id": contact.agent_id,
            "customer_id": contact.customer_id, "queue": contact.queue, "started_at": contact.started_at,
        }  # fmt: skip


def _table(name: str, rows: Iterable[dict[str, Any]], teams: dict[str, str]) -> pa.Table:
    """The rows as columns of the engine's types; a column nobody has a value in is left out."""
    kept = [{**row, "team": teams.get(row.get("agent_id") or "")} for row in rows]
    columns = [c for c in TABLES[name].columns if any(row.get(c.name) is not None for row in kept)]
    return pa.table({c.name: pa.array([row.get(c.name) for row in kept], TYPES[c.type]) for c in columns})


def _between(column: Any, since: Any, until: Any) -> list[Any]:
    conditions = [] if since is None else [column >= since]
    return conditions if until is None else [*conditions, column < until]
