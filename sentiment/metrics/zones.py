"""Local time by arithmetic on UTC: the same on every engine, whatever its time zone data.

Between two changes of the clock local time is UTC plus an offset, so a column of times needs one
comparison for each change in its span. ``zoneinfo`` says when the clock changes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import ibis

__all__ = ["FIRST", "LAST", "offsets", "to_local", "to_utc"]

FIRST, LAST = datetime(1990, 1, 1), datetime(2050, 1, 1)
"""Span of times that are placed exactly; before and after it the offset of its ends is taken."""


@cache
def offsets(zone: str, since: datetime, until: datetime) -> tuple[tuple[datetime | None, int], ...]:
    """Seconds to add to UTC, each with the UTC time from which it holds (``None``: from ever)."""
    place = ZoneInfo(zone)

    def offset(at: datetime) -> int:
        found = at.replace(tzinfo=UTC).astimezone(place).utcoffset()
        return int(found.total_seconds()) if found is not None else 0

    changes: list[tuple[datetime | None, int]] = [(None, offset(since))]
    at = since
    while at < until:
        ahead = min(at + timedelta(days=7), until)
        if offset(ahead) != offset(at):
            low, high = at, ahead
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if offset(middle) == offset(at) else (low, middle)
            changes.append((high.replace(microsecond=0), offset(high)))
        at = ahead
    return tuple(changes)


def to_local(time: Any, zone: str, since: datetime = FIRST, until: datetime = LAST) -> Any:
    """A column of UTC times as local ones."""
    found = offsets(zone, since, until)
    return _shifted(time, [(start, seconds) for start, seconds in found])


def to_utc(local: Any, zone: str, since: datetime = FIRST, until: datetime = LAST) -> Any:
    """A column of local times as UTC: of an hour that comes twice the first, one that never was moved on."""
    found = offsets(zone, since, until)
    changes: list[tuple[datetime | None, int]] = [(None, -found[0][1])]
    for (_, before), (start, after) in pairwise(found):
        if start is not None:
            changes.append((start + timedelta(seconds=max(before, after)), -after))
    return _shifted(local, changes)


def _shifted(time: Any, changes: list[tuple[datetime | None, int]]) -> Any:
    """``time`` plus the seconds that hold at it."""
    if len(changes) == 1:
        return time + ibis.interval(seconds=changes[0][1]) if changes[0][1] else time
    cases = [
        (time < ibis.timestamp(later), time + ibis.interval(seconds=seconds))
        for (_, seconds), (later, _after) in pairwise(changes)
    ]
    return ibis.cases(*cases, else_=time + ibis.interval(seconds=changes[-1][1]))
