"""A table ready to be counted: restricted, with the columns it is grouped by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
from ibis import _

from sentiment.errors import MetricError
from sentiment.metrics.calendar import PERIODS, TIMES_OF_WEEK, Calendar, bounds, midnight_utc, period_of
from sentiment.metrics.derived import business_ms
from sentiment.metrics.workspace import run
from sentiment.metrics.zones import FIRST, LAST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sentiment.metrics.inputs import Input
    from sentiment.metrics.intervals import Array
    from sentiment.metrics.schema import Business

__all__ = ["Selection", "View", "column_name", "group_seconds", "one_each", "view_of", "whole_seconds"]

_SHORT = {
    "agent": "agent_id",
    "customer": "customer_id",
    "call": "call_id",
    "contact": "contact_id",
    "issue": "issue_id",
}

_LINKS = (("contacts", "call_id"), ("calls", "call_id"), ("customers", "customer_id"))
"""Tables that lend columns to others, and by which column they are joined."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which rows count, and by what they are grouped: see :func:`sentiment.metrics.engine.compute`."""

    by: tuple[str, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)
    since: date | None = None
    until: date | None = None
    where: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        periods = [k for k in self.by if k in PERIODS]
        if len(periods) > 1:
            raise MetricError(f"by {', '.join(periods)}: group by one period")
        if len(set(self.by)) != len(self.by):
            raise MetricError(f"by {', '.join(self.by)}: a column stands there twice")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise MetricError(f"since {self.since} is not before until {self.until}")

    @property
    def period(self) -> str | None:
        """The period among the group columns."""
        return next((k for k in self.by if k in PERIODS), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """``table`` with the group columns ``keys``, in order of the selection's ``by``."""

    name: str
    table: Any
    keys: tuple[str, ...]


def column_name(key: str) -> str:
    """The column a group name stands for: ``agent_id`` for ``agent``."""
    return _SHORT.get(key, key)


def view_of(
    name: str, inputs: Mapping[str, Input], selection: Selection, needed: frozenset[str] = frozenset()
) -> View | str:
    """The rows of a table that count, with their group columns; or why it cannot be grouped so.

    ``needed`` are the columns that will be read: business hours are joined only where they are.
    """
    schema, given = inputs[name].schema, inputs[name]
    table = given.with_columns(needed)
    for column in schema.business:
        if column.name in needed and {column.start, column.end} <= set(table.columns):
            table = _with_business_hours(replace(given, table=table), column, selection.calendar)
    table = _between(table, schema.time, selection)
    wanted = [column_name(k) for k in (*selection.by, *selection.where) if not _is_time(k)]
    table = _joined(table, name, [k for k in wanted if k not in table.columns], inputs)
    if absent := [k for k in wanted if k not in table.columns]:
        return f"{name} have no column {absent[0]}, nor has a table that is joined to them"
    for key, value in selection.where.items():
        table = table.filter(table[column_name(key)] == value)
    times = [k for k in selection.by if _is_time(k)]
    if times and schema.time not in table.columns:
        return f"{name} have no column {schema.time}, so they are in no {times[0]}"
    since, until = _span(table, schema.time, selection) if times else (FIRST, LAST)
    keys: dict[str, Any] = {}
    for i, key in enumerate(selection.by):
        if _is_time(key):
            keys[f"key_{i}"] = period_of(table[schema.time], key, selection.calendar, since, until)
        else:
            keys[f"key_{i}"] = table[column_name(key)]
    settled = inputs[name].workspace.settle(table.mutate(**keys))
    return View(name=inputs[name].report.source, table=settled, keys=tuple(keys))


def _with_business_hours(given: Input, column: Business, calendar: Calendar) -> Any:
    table = given.table
    query = table.aggregate(first=table[column.start].min(), last=table[column.end].max())
    times = run(query, given.report.source).to_pylist()[0]
    if times["first"] is None or times["last"] is None:
        return table.mutate(**{column.name: ibis.null("int64")})
    day = timedelta(days=1)
    span = times["first"].date() - day, times["last"].date() + day
    joined = business_ms(given, column.start, column.end, calendar, span)
    return joined.select(*table.columns, **{column.name: joined["__business"]})


def _is_time(key: str) -> bool:
    return key in PERIODS or key in TIMES_OF_WEEK


def _between(table: Any, time: str, selection: Selection) -> Any:
    if selection.since is None and selection.until is None:
        return table
    if time not in table.columns:
        return table.filter(ibis.literal(False))
    if selection.since is not None:
        table = table.filter(table[time] >= ibis.timestamp(midnight_utc(selection.since, selection.calendar)))
    if selection.until is not None:
        table = table.filter(table[time] < ibis.timestamp(midnight_utc(selection.until, selection.calendar)))
    return table


def _span(table: Any, time: str, selection: Selection) -> tuple[datetime, datetime]:
    """Between which times rows lie: needed only where the clock changes."""
    if selection.calendar.timezone == "UTC":
        return FIRST, LAST
    answer = run(table.aggregate(first=table[time].min(), last=table[time].max()), "times").to_pylist()[0]
    if answer["first"] is None:
        return FIRST, LAST
    return answer["first"].replace(tzinfo=None), answer["last"].replace(tzinfo=None)


def _joined(table: Any, name: str, wanted: list[str], inputs: Mapping[str, Input]) -> Any:
    """Add columns of other tables, a row of ours staying one row."""
    for other, link in _LINKS:
        lender = inputs.get(other)
        if not wanted or lender is None or other == name or link not in lender.columns:
            continue
        lent = [k for k in wanted if k in lender.columns]
        if other != "customers" and _customers_lend(wanted, inputs) and "customer_id" not in table.columns:
            lent += ["customer_id"] if "customer_id" in lender.columns else []
        lent = [k for k in dict.fromkeys(lent) if k != link]
        if not lent or link not in table.columns:
            continue
        right = one_each(lender, link, lent)
        table = table.left_join(right, table[link] == right["__link"]).drop("__link")
        wanted = [k for k in wanted if k not in table.columns]
    return table


def _customers_lend(wanted: list[str], inputs: Mapping[str, Input]) -> bool:
    return "customers" in inputs and any(k in inputs["customers"].columns for k in wanted)


def one_each(lender: Input, link: str, lent: list[str]) -> Any:
    """One row for each value of ``link``: of a call's contacts the last, whose agent a survey is about."""
    table, time = lender.table, lender.schema.time
    known = table.filter(table[link].notnull())
    last = known[time].desc(nulls_first=False) if time in table.columns else known[link]
    ties = [known[k] for k in lender.schema.key if k in table.columns]
    ranked = known.mutate(
        __rank=ibis.row_number().over(ibis.window(group_by=known[link], order_by=[last, *ties]))
    )
    first = ranked.filter(_["__rank"] == 0)
    return first.select(__link=first[link], **{k: first[k] for k in lent})


def whole_seconds(view: View, time: str, selection: Selection) -> float:
    """Length of the span of time that rows are from, in seconds; 0 if there are none."""
    calendar = selection.calendar
    table = view.table
    found = run(table.aggregate(first=table[time].min(), last=table[time].max()), view.name).to_pylist()[0]
    if found["first"] is None:
        return 0.0
    since = (
        midnight_utc(selection.since, calendar) if selection.since else found["first"].replace(tzinfo=None)
    )
    until = (
        midnight_utc(selection.until, calendar)
        if selection.until
        else found["last"].replace(tzinfo=None, microsecond=0) + timedelta(seconds=1)
    )
    return float((until - since).total_seconds())


def group_seconds(
    groups: Sequence[tuple[Any, ...]],
    selection: Selection,
    whole: float,
    opens: Mapping[Any, Any] | None = None,
) -> Array:
    """Length of each group's period in seconds, within since and until; the whole span without a period.

    ``opens`` gives the first period of windows by their last one.
    """
    period, calendar = selection.period, selection.calendar
    if period is None:
        return np.full(len(groups), whole)
    place = selection.by.index(period)
    first = midnight_utc(selection.since, calendar) if selection.since else None
    last = midnight_utc(selection.until, calendar) if selection.until else None
    lengths = []
    for group in groups:
        if group[place] is None:
            lengths.append(math.nan)
            continue
        start, end = bounds(group[place], period, calendar)
        if opens is not None:
            start, _end = bounds(opens.get(group[place], group[place]), period, calendar)
        start, end = max(start, first or start), min(end, last or end)
        lengths.append((end - start).total_seconds())
    return np.array(lengths)
