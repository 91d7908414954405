"""Periods of local time: clock changes, leap days, weeks and fiscal years."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import MetricError
from sentiment.metrics.calendar import Calendar, bounds, first_day, load_calendar, next_period, period_of
from sentiment.metrics.zones import offsets

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")


@pytest.fixture(scope="module")
def con():
    return ibis.duckdb.connect(threads=1)


def placed(con, times, period, calendar):
    con.con.register("times", pa.table({"t": pa.array(times, pa.timestamp("us"))}))
    table = con.table("times")
    found = period_of(table.t, period, calendar, min(times), max(times))
    return table.select(p=found).to_pyarrow()["p"].to_pylist()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", ["hour", "day", "week", "month", "quarter", "year"])
def test_a_time_is_in_the_period_that_holds_it(con, zone, period):
    calendar = Calendar(timezone=zone, week_starts="sunday", year_starts=4)
    start = datetime(2024, 2, 27)
    times = [start + timedelta(hours=11 * i, minutes=17 * i) for i in range(1, 1800)]
    for time, found in zip(times, placed(con, times, period, calendar), strict=True):
        first, last = bounds(found, period, calendar)
        assert first <= time < last, (time, found)
        if period != "hour":
            local = time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
            assert found == first_day(local.date(), period, calendar)


def test_the_hour_that_comes_twice_is_two_hours_and_its_day_has_25(con):
    calendar = Calendar(timezone="Europe/Berlin")
    times = [datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30)]  # both 02:30 in Berlin
    assert placed(con, times, "hour", calendar) == [datetime(2026, 10, 25, 0), datetime(2026, 10, 25, 1)]
    assert placed(con, times, "day", calendar) == [date(2026, 10, 25)] * 2
    assert placed(con, times, "hour_of_day", calendar) == [2, 2]
    first, last = bounds(date(2026, 10, 25), "day", calendar)
    assert last - first == timedelta(hours=25)


def test_weekdays_and_leap_days(con):
    times = [datetime(2024, 2, 29, 12), datetime(2024, 3, 3, 12)]
    assert placed(con, times, "weekday", Calendar()) == [4, 7]
    assert placed(con, times, "day", Calendar())[0] == date(2024, 2, 29)
    assert next_period(date(2024, 2, 29), "day") == date(2024, 3, 1)


@settings(max_examples=40)
@given(time=st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)), zone=st.sampled_from(ZONES))
def test_offsets_are_those_of_the_zone(time, zone):
    found = offsets(zone, datetime(2014, 1, 1), datetime(2031, 1, 1))
    seconds = [s for start, s in found if start is None or start <= time][-1]
    expected = time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert timedelta(seconds=seconds) == expected


def test_a_calendar_is_read_from_a_file(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        'timezone = "Europe/Berlin"\nyear_starts = 4\nholidays = [2026-12-25]\n'
        '[hours]\nMonday = "08:00-18:30"\n'
    )
    calendar = load_calendar(path)
    assert calendar.open_on(date(2026, 3, 2)) == (datetime(2026, 3, 2, 7), datetime(2026, 3, 2, 17, 30))
    assert calendar.open_on(date(2026, 3, 3)) is None
    assert calendar.open_on(date(2026, 12, 25)) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('timezone = "Mars"', "no IANA time zone"),
        ('week_starts = "friday"', "choose monday or sunday"),
        ("year_starts = 13", "month from 1 to 12"),
        ('[hours]\nmonday = "9"', "write 08:00-18:00"),
        ('[hours]\nmonday = "18:00-08:00"', "no opening time"),
        ('holidays = ["2026-12-25"]', "without quotes"),
        ("foo = 1", "unknown entry 'foo'"),
        ("foo", "is not TOML"),
    ],
)
def test_a_wrong_calendar_says_what_is_wrong(tmp_path, body, said):
    path = tmp_path / "c.toml"
    path.write_text(body)
    with pytest.raises(MetricError, match=said):
        load_calendar(path)
