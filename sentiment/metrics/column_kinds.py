"""The kinds of columns that tables are made of, and arithmetic on their times."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from sentiment.metrics.schema import Column

__all__ = [
    "amount", "count", "duration", "epoch_ms", "flag", "ms_between", "next_time", "score", "text", "time_of",
]  # fmt: skip


def epoch_ms(time: Any) -> Any:
    """Milliseconds since 1970 of a timestamp column, as int64, the same on every engine."""
    seconds = time.truncate("s").epoch_seconds().cast("int64")
    return seconds * 1000 + time.millisecond().cast("int64")


def ms_between(start: Any, end: Any) -> Any:
    """Milliseconds from one column of times to another."""
    return epoch_ms(end) - epoch_ms(start)


def next_time(time: Any, step: int) -> Any:
    """The time of the next contact on the same matter (before: the previous); null where the matter is unknown."""
    window = ibis.window(group_by=_.matter, order_by=time)
    beside = time.lead() if step > 0 else time.lag()
    return ibis.ifelse(_.matter.notnull(), beside.over(window), ibis.null("timestamp"))


def duration(name: str, says: str) -> Column:
    """A duration, at most 30 days."""
    return Column(name=name, type="int64", says=f"{says}, milliseconds", least=0, most=30 * 86_400_000)


def text(name: str, says: str, *, required: bool = False, any_case: bool = False) -> Column:
    """Text."""
    return Column(name=name, type="string", says=says, required=required, any_case=any_case)


def flag(name: str, says: str) -> Column:
    """Yes or no."""
    return Column(name=name, type="boolean", says=says)


def time_of(name: str, says: str, *, required: bool = False) -> Column:
    """A time."""
    return Column(name=name, type="timestamp", says=f"{says} (UTC)", required=required)


def amount(name: str, says: str) -> Column:
    """An amount of money."""
    return Column(name=name, type="float64", says=f"{says}, in your currency")


def score(name: str, says: str, least: float = -1.0, most: float = 1.0) -> Column:
    """A number between two ends."""
    return Column(name=name, type="float64", says=says, least=least, most=most)


def count(name: str, says: str) -> Column:
    """A count."""
    return Column(name=name, type="int64", says=says, least=0)
