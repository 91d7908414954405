"""What is known of each call in one row: operational figures, what was said in it, and what was answered.

This is where predicted and surveyed satisfaction, sentiment and handle time meet: the table for
:mod:`sentiment.metrics.drivers`, and for any tool of your own.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from sentiment.errors import TableError
from sentiment.metrics.views import one_each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.metrics.inputs import Input

__all__ = ["INSTRUMENTS", "by_call"]

INSTRUMENTS = ("csat", "nps", "ces")
"""Surveys whose answers to the overall question become columns."""

SUMS = ("wait_ms", "talk_ms", "hold_ms", "after_call_work_ms", "handle_ms")
"""What the contacts of a call add up to."""


def by_call(inputs: Mapping[str, Input]) -> Any:
    """One row for each call of any table.

    Args:
        inputs: any of ``contacts``, ``calls`` and ``surveys``.

    Returns:
        An Ibis table: ``call_id``; of the call's contacts the sums of durations, ``contacts`` (how many), and
        the last one's other columns; the columns of ``calls``; ``csat``, ``nps`` and ``ces``. A column that
        two tables have comes from the first of contacts, calls and surveys that has it.

    Raises:
        TableError: none of them was given, or one has no call_id.
    """
    made = {"contacts": _contacts, "calls": _calls, "surveys": _surveys}
    given = [name for name in made if name in inputs]
    if not given:
        raise TableError("nothing to join: give contacts, calls or surveys")
    for name in given:
        if "call_id" not in inputs[name].columns:
            raise TableError(f"{inputs[name].report.source}: {name} need a column call_id to be joined by")
    parts = [made[name](inputs[name]) for name in given]
    ids = reduce(lambda a, b: a.union(b, distinct=True), [p.select("call_id") for p in parts])
    joined = ids
    for part in parts:
        right = part.select(
            __call=part.call_id, **{c: part[c] for c in part.columns if c not in joined.columns}
        )
        joined = joined.left_join(right, joined.call_id == right["__call"]).drop("__call")
    return joined


def _contacts(given: Input) -> Any:
    table = given.table
    known = table.filter(table.call_id.notnull())
    sums = {c: known[c].sum() for c in SUMS if c in table.columns}
    counted = known.group_by("call_id").aggregate(contacts=known.count(), **sums)
    last = one_each(given, "call_id", [c.name for c in given.schema.columns if c.name in table.columns])
    others = {c: last[c] for c in last.columns if c not in (*counted.columns, "__link")}
    last = last.select("__link", **others)
    return counted.left_join(last, counted.call_id == last["__link"]).drop("__link")


def _calls(given: Input) -> Any:
    return given.table


def _surveys(given: Input) -> Any:
    table = given.table
    known = table.filter(table.call_id.notnull() & (table.question == "overall"))
    answers = {name: known.value.max(where=known.instrument == name) for name in INSTRUMENTS}
    return known.group_by("call_id").aggregate(**answers)
