"""Periods of local time, and a centre's business hours."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ibis

from sentiment.errors import MetricError
from sentiment.metrics.zones import FIRST, LAST, to_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "PERIODS",
    "TIMES_OF_WEEK",
    "WEEKDAYS",
    "Calendar",
    "bounds",
    "first_day",
    "load_calendar",
    "midnight_utc",
    "next_period",
    "period_of",
]

PERIODS = ("hour", "day", "week", "month", "quarter", "year")
"""What results can be grouped by in time; a period is named by its first day (an hour by its start)."""

TIMES_OF_WEEK = ("weekday", "hour_of_day")
"""Recurring times that results can be grouped by too: ``1`` (Monday) to ``7``, and ``0`` to ``23``."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Hours = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """How a centre counts time.

    Args:
        timezone: IANA name; periods begin at its midnights.
        week_starts: ``monday`` or ``sunday``.
        year_starts: month (1-12) in which the fiscal year and its first quarter begin; a fiscal
            year and quarter are named by their first day.
        hours: opening hours by weekday, as ``{"monday": ("08:00", "18:00")}``; a day that is not
            there is closed. Open all the time if left empty. ``24:00`` is the end of the day.
        holidays: days that are closed.
    """

    timezone: str = "UTC"
    week_starts: Literal["monday", "sunday"] = "monday"
    year_starts: int = 1
    hours: Mapping[str, Hours] = field(default_factory=dict)
    holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise MetricError(f"{self.timezone!r} is no IANA time zone, as Europe/Berlin is") from None
        if self.week_starts not in ("monday", "sunday"):
            raise MetricError(f"week_starts = {self.week_starts!r}; choose monday or sunday")
        if self.year_starts not in range(1, 13):
            raise MetricError(f"year_starts = {self.year_starts!r}; give a month from 1 to 12")
        for day, (opens, closes) in self.hours.items():
            if day not in WEEKDAYS or not _minutes(opens) < _minutes(closes) <= 24 * 60:
                raise MetricError(
                    f"hours: {day} {opens}-{closes} is no opening time, as monday 08:00-18:00 is"
                )

    def open_on(self, day: date) -> tuple[datetime, datetime] | None:
        """When a day opens and closes, in UTC; ``None`` if it is closed."""
        name = WEEKDAYS[day.weekday()]
        if day in self.holidays or (self.hours and name not in self.hours):
            return None
        opens, closes = self.hours.get(name, ("00:00", "24:00"))
        return _utc(day, _minutes(opens), self.timezone), _utc(day, _minutes(closes), self.timezone)


def load_calendar(path: Path) -> Calendar:
    """Read a calendar from a TOML file.

        timezone = "Europe/Berlin"
        week_starts = "monday"
        year_starts = 4
        holidays = [2026-12-25]
        [hours]
        monday = "08:00-18:00"

    Raises:
        MetricError: it cannot be read, or names a zone, day or time there is not.
    """
    try:
        body = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MetricError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MetricError(f"{path}: is not TOML ({error})") from None
    known = {"timezone", "week_starts", "year_starts", "hours", "holidays"}
    if unknown := set(body) - known:
        raise MetricError(
            f"{path}: unknown entry {min(unknown)!r}; a calendar has {', '.join(sorted(known))}"
        )
    hours = {}
    for day, span in body.pop("hours", {}).items():
        opens, dash, closes = str(span).partition("-")
        if not dash:
            raise MetricError(f"{path}: hours.{day} = {span!r}; write 08:00-18:00")
        hours[day.lower()] = (opens.strip(), closes.strip())
    holidays = body.pop("holidays", [])
    if not all(isinstance(day, date) for day in holidays):
        raise MetricError(f"{path}: holidays are dates, as 2026-12-25 without quotes")
    return Calendar(**body, hours=hours, holidays=tuple(holidays))


def _minutes(clock: str) -> int:
    try:
        hours, minutes = clock.split(":")
        return int(hours) * 60 + int(minutes)
    except (ValueError, AttributeError):
        raise MetricError(f"hours: {clock!r} is no time of day, as 08:30 is") from None


def _utc(day: date, minutes: int, zone: str) -> datetime:
    """The UTC time (without saying so) of a local time of day, ``minutes`` after midnight."""
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def period_of(
    column: Any, period: str, calendar: Calendar, since: datetime = FIRST, until: datetime = LAST
) -> Any:
    """The period a column of UTC times falls in.

    Returns a date, the first day of the period; for ``hour`` the UTC time at which it began (so that the
    hour that comes twice when clocks go back is two); for :data:`TIMES_OF_WEEK` an integer.

    Args:
        column: UTC times.
        period: one of :data:`PERIODS` or :data:`TIMES_OF_WEEK`.
        calendar: time zone, first day of the week and of the year.
        since: before it no time lies.
        until: after it no time lies; a tight span is quicker to compute with.
    """
    local = to_local(column, calendar.timezone, since, until)
    if period == "weekday":
        return local.day_of_week.index().cast("int64") + 1
    if period == "hour_of_day":
        return local.hour().cast("int64")
    if period == "hour":
        # whole hours of local time begin at the quarter hours of UTC in any zone since 1990
        minutes = local.minute().cast("int64")
        return column.truncate("m") - minutes.as_interval("m")
    if period == "week" and calendar.week_starts == "sunday":
        day = ibis.interval(days=1)
        return ((local + day).truncate("W") - day).cast("date")
    unit = {"day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}[period]
    shift = calendar.year_starts - 1
    if shift and unit in ("Q", "Y"):
        months = ibis.interval(months=shift)
        return ((local.truncate("M") - months).truncate(unit) + months).cast("date")
    return local.truncate(unit).cast("date")


def first_day(day: date, period: str, calendar: Calendar) -> date:
    """The first day of the period that a local day is in; ``period`` is ``day`` or longer."""
    if period == "day":
        return day
    if period == "week":
        return day - timedelta(days=(day.weekday() + (calendar.week_starts == "sunday")) % 7)
    months = {"month": 1, "quarter": 3, "year": 12}[period]
    index = day.year * 12 + day.month - 1
    index -= (index - (calendar.year_starts - 1)) % months
    return date(index // 12, index % 12 + 1, 1)


def next_period(start: Any, period: str) -> Any:
    """The start of the period after one that starts at ``start`` (a date; for ``hour`` a UTC time)."""
    if period == "hour":
        return start + timedelta(hours=1)
    if period in ("day", "week"):
        return start + timedelta(days=1 if period == "day" else 7)
    index = start.year * 12 + start.month - 1 + {"month": 1, "quarter": 3, "year": 12}[period]
    return date(index // 12, index % 12 + 1, 1)


def bounds(start: Any, period: str, calendar: Calendar) -> tuple[datetime, datetime]:
    """UTC times between which a period lies, half open: 23 or 25 hours for a day of a clock change."""
    if period == "hour":
        return start, start + timedelta(hours=1)
    return _utc(start, 0, calendar.timezone), _utc(next_period(start, period), 0, calendar.timezone)


def midnight_utc(day: date, calendar: Calendar) -> datetime:
    """The UTC time at which a local day begins."""
    return _utc(day, 0, calendar.timezone)
