"""A goal's metric before and after a date: counted from the agent's own calls, contacts and surveys.

Each half is counted as one pool by the metric engine, never as a mean of means; the interval of the
difference is that of :func:`sentiment.metrics.compare`. A survey is in the half in which it was answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from sentiment import metrics
from sentiment.errors import MetricError, TableError
from sentiment.metrics.needs import needed
from sentiment.metrics.packs import Target
from sentiment.metrics.schemas import TABLES
from sentiment.metrics.targets import verdict
from service.people.access import Sight
from service.store.metric_tables import metric_tables
from service.store.tables import Contact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from sentiment.metrics import Metric, Request, Result

__all__ = ["Change", "Halves", "Side", "change", "goal_metric", "goal_table"]

STORED = ("calls", "surveys", "contacts")
HALF, BEFORE, AFTER = "goal_half", "before", "after"
CHUNK = 500
MEMORY = "512MB"
EACH_OTHERS = frozenset({"before_ms", "after_ms", "seen_ms"})
"""Columns of contacts that say when the customer came before and after: to whomever."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Halves:
    """``[before_from, changed_at)`` and ``[changed_at, after_until)``."""

    before_from: datetime
    changed_at: datetime
    after_until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """The metric of one half; ``undefined`` says why there is no value, ``no_interval`` why no interval."""

    value: float | None
    numerator: float | None
    denominator: float | None
    n: int
    interval: tuple[float, float] | None
    undefined: str | None
    no_interval: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Both halves, and after minus before; ``undefined`` says why there is no difference, or no interval.

    ``verdict`` is whether the second half meets the target, as far as its interval lets one say; ``None``
    without a target, a value, or where neither high nor low is better.
    """

    metric: str
    unit: str
    says: str
    better: Literal["higher", "lower"] | None
    before: Side
    after: Side
    difference: float | None
    interval: tuple[float, float] | None
    undefined: str | None
    verdict: Literal["met", "missed", "unsure"] | None


def goal_metric(text: str) -> Request:
    """The metric a goal may have, as it is asked for: one of an agent's calls, surveys or contacts.

    Raises:
        MetricError: there is no such metric, or it is counted from what is not stored here of an agent.
    """
    request = metrics.parse(text)
    if request.table not in STORED:
        raise MetricError(
            f"{request.name} is counted from {request.table}, which are not stored of an agent; "
            f"choose a metric of {', '.join(STORED)}"
        )
    return request


def goal_table(session: Session, agent_id: str, request: Request, halves: Halves) -> pa.Table | None:
    """The rows the metric is counted from, with the half each is in; ``None`` if there are none.

    Where the metric asks whether customers came again, their contacts with others are there too, in no half.
    """
    own = metric_tables(
        session, Sight(frozenset({agent_id})), since=halves.before_from, until=halves.after_until
    )
    table = own.get(request.table)
    if table is None:
        return None
    count = table.num_rows
    if request.table == "contacts" and needed(request) & EACH_OTHERS:
        days = float(request.parameters.get("days", 0)) + 1
        table = _with_contacts_of_customers(session, table, halves, timedelta(days=days))
    mine = pc.less(pa.array(range(table.num_rows), pa.int64()), count)
    return table.append_column(HALF, _halves(table, TABLES[request.table].time, halves, mine))


def change(request: Request, table: pa.Table | None, halves: Halves, target: float | None) -> Change:
    """The metric before and after, and the difference."""
    if table is None:
        return _nothing(request, f"the agent has no {request.table} in that time")
    try:
        result = metrics.compute([request], by=[HALF], threads=1, memory=MEMORY, **{request.table: table})
    except TableError as error:
        return _nothing(request, str(error))
    before, after = _side(result, request, BEFORE), _side(result, request, AFTER)
    if before is None or after is None:
        which = (
            f"before {halves.changed_at:%Y-%m-%d}"
            if before is None
            else f"after {halves.changed_at:%Y-%m-%d}"
        )
        why = f"the agent has no {request.table} {which}"
        sides = [_as_side(side, why) for side in (before, after)]
        return _changed(request, sides, (None, None, why), _judged(request, after, target))
    (compared,) = metrics.compare(result, HALF, (BEFORE, AFTER))
    sides = [_as_side(before, ""), _as_side(after, "")]
    told = (compared.difference, compared.interval, compared.undefined)
    return _changed(request, sides, told, _judged(request, after, target))


def _with_contacts_of_customers(
    session: Session, table: pa.Table, halves: Halves, margin: timedelta
) -> pa.Table:
    """Our rows first, then every other contact of their customers, and the last contact there is."""
    if "customer_id" not in table.column_names:
        return table
    known = set(table["contact_id"].to_pylist())
    customers = iter(sorted({c for c in table["customer_id"].to_pylist() if c is not None}))
    others = []
    while chunk := list(islice(customers, CHUNK)):
        query = select(Contact).where(
            Contact.customer_id.in_(chunk),
            Contact.started_at >= halves.before_from - margin,
            Contact.started_at < halves.after_until + margin,
        )
        others += [row for row in session.scalars(query) if row.contact_id not in known]
    last = session.scalar(
        select(Contact).where(Contact.started_at.is_not(None)).order_by(Contact.started_at.desc()).limit(1)
    )
    known |= {row.contact_id for row in others}
    if last is not None and last.contact_id not in known:
        others.append(last)
    rows = pa.Table.from_pylist(list(_rows(others, table.column_names)), schema=table.schema)
    return pa.concat_tables([table, rows])


def _rows(contacts: Iterable[Contact], names: list[str]) -> Iterator[dict[str, Any]]:
    for contact in contacts:
        row = {
            **contact.fields, "contact_id": contact.contact_id, "agent_id": contact.agent_id,
            "customer_id": contact.customer_id, "queue": contact.queue, "started_at": contact.started_at,
        }  # fmt: skip
        yield {name: row.get(name) for name in names}


def _halves(table: pa.Table, time: str, halves: Halves, mine: Any) -> Any:
    """Which half each row is in; null for those of others, outside both, or without a time."""
    nobody = pa.scalar(None, pa.string())
    if time not in table.column_names:
        return pa.array([None] * table.num_rows, pa.string())
    times, kind = table[time], pa.timestamp("us", "UTC")
    first, middle, last = (
        pa.scalar(each, kind) for each in (halves.before_from, halves.changed_at, halves.after_until)
    )
    within = pc.and_(mine, pc.and_(pc.greater_equal(times, first), pc.less(times, last)))
    half = pc.if_else(pc.less(times, middle), BEFORE, AFTER)
    return pc.if_else(pc.fill_null(within, False), half, nobody)


def _side(result: Result, request: Request, half: str) -> Metric | None:
    if (half,) not in result.groups:
        return None
    return result.of(request.name, **{HALF: half})


def _as_side(metric: Metric | None, why: str) -> Side:
    if metric is None:
        return Side(
            value=None, numerator=None, denominator=None, n=0, interval=None, undefined=why, no_interval=None
        )
    return Side(
        value=metric.value, numerator=metric.numerator, denominator=metric.denominator, n=metric.n,
        interval=metric.interval, undefined=metric.undefined, no_interval=metric.no_interval,
    )  # fmt: skip


def _judged(
    request: Request, after: Metric | None, target: float | None
) -> Literal["met", "missed", "unsure"] | None:
    better = request.definition.better
    if after is None or target is None or better is None:
        return None
    return verdict(after, Target(value=target, better=better, source="the goal"))


def _changed(
    request: Request,
    sides: list[Side],
    told: tuple[float | None, tuple[float, float] | None, str | None],
    judged: Literal["met", "missed", "unsure"] | None,
) -> Change:
    difference, interval, undefined = told
    return Change(
        metric=request.name, unit=request.variant.unit, says=request.variant.says,
        better=request.definition.better, before=sides[0], after=sides[1], difference=difference,
        interval=interval, undefined=undefined, verdict=judged,
    )  # fmt: skip


def _nothing(request: Request, why: str) -> Change:
    return _changed(request, [_as_side(None, why)] * 2, (None, None, why), None)
