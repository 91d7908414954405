"""Tables that are worked out from given ones: customers by period, buyers; business hours between times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa

from sentiment.metrics.calendar import bounds, first_day, midnight_utc, next_period
from sentiment.metrics.column_kinds import epoch_ms
from sentiment.metrics.health import relationships
from sentiment.metrics.schemas import TABLES
from sentiment.metrics.workspace import run
from sentiment.metrics.zones import to_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from sentiment.metrics.calendar import Calendar
    from sentiment.metrics.inputs import Input
    from sentiment.metrics.views import Selection

__all__ = ["business_ms", "derived_input"]

LONGEST = 20_000
"""Most periods or days that are laid out: 54 years of days."""


def derived_input(name: str, inputs: Mapping[str, Input], selection: Selection) -> Input | str:
    """A table that is made of another, or why it can't be."""
    schema = TABLES[name]
    if schema.made_of is None or schema.made_of not in inputs:
        return f"no {schema.made_of} were given"
    source = inputs[schema.made_of]
    made = _MAKERS[name](inputs, selection)
    return made if isinstance(made, str) else replace(source, schema=schema, table=made, late={})


def _invitations(inputs: Mapping[str, Input], _selection: Selection) -> Any:
    """The surveys that were sent, answered or not: those without an answer have no other time."""
    surveys = inputs["surveys"]
    if "invited_at" not in surveys.columns:
        return "surveys have no column invited_at"
    return surveys.table.filter(surveys.table.invited_at.notnull())


def _buyers(inputs: Mapping[str, Input], _selection: Selection) -> Any:
    """One row for each customer with an order: that of the first one, with what all of them add up to."""
    orders = inputs["orders"]
    table = orders.with_columns(["order_number"])
    if lacking := [c for c in ("customer_id", "ordered_at") if c not in orders.columns]:
        return f"orders have no column {lacking[0]}"
    own = ibis.window(group_by=table.customer_id)
    sums = {name: table[name].sum().over(own) for name in ("amount", "margin") if name in orders.columns}
    counted = table.mutate(orders=table.order_id.count().over(own), first_ordered_at=table.ordered_at, **sums)
    return counted.filter(counted.customer_id.notnull() & (counted.order_number == 1))


def _relationships(inputs: Mapping[str, Input], selection: Selection) -> Any:
    """A row for each customer with calls or contacts: how the relation stands at the end of the data."""
    calls, contacts = inputs["calls"], inputs.get("contacts")
    for found in (calls, contacts):
        needed = {"customer_id", "started_at"} | ({"customer_polarity"} if found is calls else {"matter"})
        if found is not None and (absent := needed - found.columns):
            return f"{found.schema.name} have no column {min(absent)}"
    if selection.until is not None:
        as_of = midnight_utc(selection.until, selection.calendar)
    else:
        ends = [
            run(found.table.aggregate(last=found.table.started_at.max()), "times")["last"][0].as_py()
            for found in (calls, contacts)
            if found is not None
        ]
        if all(end is None for end in ends):
            return "no call has a time"
        as_of = max(end for end in ends if end is not None) + timedelta(seconds=1)
    return relationships(calls.table, None if contacts is None else contacts.table, as_of)


def _membership(inputs: Mapping[str, Input], selection: Selection) -> Any:
    """A row for each customer and period in which they were one."""
    customers = inputs["customers"]
    table, calendar = customers.table, selection.calendar
    if lacking := [c for c in ("joined_at", "left_at") if c not in customers.columns]:
        return f"customers have no column {lacking[0]}"
    if selection.period is None:
        if selection.since is None or selection.until is None:
            return "counted over a period: group by month, say, or give since and until"
        spans = [(midnight_utc(selection.since, calendar), midnight_utc(selection.until, calendar))]
    else:
        spans = _periods(table, selection)
    starts, ends = zip(*spans, strict=True) if spans else ((), ())
    laid_out = pa.table(
        {
            "period_starts_at": pa.array(starts, pa.timestamp("us")),
            "__ends_at": pa.array(ends, pa.timestamp("us")),
        }
    )
    periods = customers.workspace.lay_out(laid_out, table)
    both = table.cross_join(periods)
    there = both.filter(
        (both.joined_at < both["__ends_at"])
        & (both.left_at.isnull() | (both.left_at >= both.period_starts_at))
    )
    return there.mutate(
        at_start=there.joined_at < there.period_starts_at,
        lost=there.left_at.notnull() & (there.left_at < there["__ends_at"]),
    ).drop("__ends_at")


_MAKERS = {
    "invitations": _invitations,
    "membership": _membership,
    "buyers": _buyers,
    "relationships": _relationships,
}


def _periods(table: Any, selection: Selection) -> list[tuple[datetime, datetime]]:
    """The UTC bounds of every period between the first joining and the last time in the table."""
    period, calendar = selection.period or "month", selection.calendar
    known = run(
        table.aggregate(
            first=table.joined_at.min(), last=ibis.greatest(table.joined_at.max(), table.left_at.max())
        ),
        "customers",
    ).to_pylist()[0]
    if known["first"] is None:
        return []
    if period == "hour":
        period = "day"
    first = selection.since or known["first"].date()
    last = selection.until or known["last"].date()
    spans: list[tuple[datetime, datetime]] = []
    start = first_day(first, period, calendar)
    while start <= last and len(spans) < LONGEST:
        if selection.until is None or start < selection.until:
            spans.append(bounds(start, period, calendar))
        start = next_period(start, period)
    return spans


def business_ms(given: Input, start: str, end: str, calendar: Calendar, span: tuple[date, date]) -> Any:
    """A column of the business hours between two columns of times, joined to its table as ``__business``.

    Each local day has the business time before it and its opening hours; how much had passed at a time
    is what was before its day plus what of the day was open by then.
    """
    table = given.table
    days = given.workspace.lay_out(_days(calendar, span), table)
    for name, column in (("s", start), ("e", end)):
        local = to_local(table[column], calendar.timezone).cast("date")
        table = table.mutate(**{f"__{name}day": local})
        right = days.rename({f"__{name}_{c}": c for c in days.columns})
        table = table.left_join(right, table[f"__{name}day"] == right[f"__{name}_day"])
        into = (epoch_ms(table[column]) - table[f"__{name}_opens"]).clip(lower=0)
        table = table.mutate(
            **{f"__{name}_passed": table[f"__{name}_before"] + ibis.least(into, table[f"__{name}_length"])}
        )
    return table.mutate(__business=table["__e_passed"] - table["__s_passed"])


def _days(calendar: Calendar, span: tuple[date, date]) -> pa.Table:
    rows: list[tuple[date, int, int, int]] = []
    before, day = 0, span[0]
    while day <= span[1] and len(rows) < LONGEST:
        hours = calendar.open_on(day)
        opens = _epoch(hours[0]) if hours else 0
        length = _epoch(hours[1]) - opens if hours else 0
        rows.append((day, before, opens, length))
        before += length
        day = next_period(day, "day")
    names = ("day", "before", "opens", "length")
    types = (pa.date32(), pa.int64(), pa.int64(), pa.int64())
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table({n: pa.array(c, t) for n, t, c in zip(names, types, columns, strict=True)})


def _epoch(time: datetime) -> int:
    return int(time.replace(tzinfo=UTC).timestamp() * 1000)
