"""The engine against a slow oracle in plain Python, and what must hold of any result."""

import random
import statistics
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from metric_tables import table

from sentiment import metrics
from sentiment.errors import MetricError, TableError

contact = st.fixed_dictionaries(
    {
        "agent_id": st.sampled_from(["a", "b", None]),
        "started_at": st.datetimes(datetime(2024, 2, 26), datetime(2024, 3, 4)),  # a leap day among them
        "answered": st.sampled_from([True, True, False, None]),
        "abandoned": st.just(False),
        "wait_ms": st.one_of(st.none(), st.integers(0, 40_000)),
        "talk_ms": st.one_of(st.none(), st.integers(0, 10**6)),
        "hold_ms": st.integers(0, 10**5),
        "after_call_work_ms": st.integers(0, 10**5),
        "transferred": st.sampled_from([True, False, None]),
        "resolved": st.sampled_from([True, False, None]),
    }
)


def oracle(rows):
    """AHT, transfer rate, service level and median wait as one would count them by hand."""

    def share(pairs):
        known = [bool(hit) for hit in pairs if hit is not None]
        return (
            (100 * sum(known) / len(known), sum(known), len(known), len(pairs) - len(known))
            if known
            else None
        )

    handled = [r for r in rows if r["answered"]]
    times = [
        r["talk_ms"] + r["hold_ms"] + r["after_call_work_ms"] for r in handled if r["talk_ms"] is not None
    ]
    waits = [r["wait_ms"] / 1000 for r in handled if r["wait_ms"] is not None]
    in_time = [both(r["answered"], None if r["wait_ms"] is None else r["wait_ms"] <= 20_000) for r in rows]
    return {
        "aht": (sum(times) / len(times) / 60_000, sum(times) / 60_000, len(times), len(handled) - len(times))
        if times
        else None,
        "transfer_rate": share([r["transferred"] for r in handled]),
        "service_level": share(in_time),
        "asa:median": (statistics.median(waits), None, len(waits), len(handled) - len(waits))
        if waits
        else None,
    }  # fmt: skip


def both(a, b):
    """``a AND b`` where None is unknown, as SQL has it."""
    if a is False or b is False:
        return False
    return None if a is None or b is None else a and b


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(contact, max_size=40))
def test_random_tables_give_what_counting_by_hand_gives(rows):
    zone = ZoneInfo("America/New_York")
    asked = ["aht", "transfer_rate", "service_level", "asa:median"]
    result = metrics.compute(
        asked, by=["agent", "day"], calendar=metrics.Calendar(timezone="America/New_York"), threads=1,
        contacts=table("contacts", rows) if rows else table("contacts", [{}]).slice(0, 0),
    )  # fmt: skip
    groups = defaultdict(list)
    for row in rows:
        day = row["started_at"].replace(tzinfo=UTC).astimezone(zone).date()
        groups[row["agent_id"], day].append(row)
    assert set(result.groups) == set(groups)
    found = {(m.name, tuple(m.group.values())): m for m in result.rows()}
    for group, members in groups.items():
        for name, expected in oracle(members).items():
            assert_is(found[name, group], expected)
    for name, expected in oracle(rows).items():
        assert_is(result.total(name), expected)


def assert_is(metric, expected):
    if expected is None:
        assert metric.value is None
        assert metric.undefined
        assert metric.interval is None
        return
    value, numerator, n, missing = expected
    assert metric.value == pytest.approx(value)
    assert numerator is None or metric.numerator == pytest.approx(numerator)
    assert (metric.n, metric.missing) == (n, missing)
    if metric.interval is not None:
        assert metric.interval[0] <= metric.value + 1e-9
        assert metric.value <= metric.interval[1] + 1e-9


def surveys(n, seed=1, **more):
    draw = random.Random(seed)
    return [
        {"instrument": "nps", "scale_min": 0.0, "scale_max": 10.0, "value": float(draw.randint(0, 10)),
         "agent_id": draw.choice("abc"),
         "answered_at": datetime(2026, 1, 1) + timedelta(hours=draw.randrange(2000))}
        | more for _ in range(n)
    ]  # fmt: skip


def test_pooled_groups_equal_the_whole_in_any_order():
    rows = surveys(300)
    shuffled = random.Random(2).sample(rows, len(rows))
    by_group = metrics.compute(["nps"], by=["agent", "week"], surveys=table("surveys", shuffled), threads=1)
    whole = metrics.compute(["nps"], surveys=table("surveys", rows), threads=1).total("nps")
    pooled = by_group.pool([])
    for total in (by_group.total("nps"), pooled.of("nps")):
        assert (total.value, total.n, total.numerator) == (whole.value, whole.n, whole.numerator)
        assert total.interval == pytest.approx(whole.interval)
    by_agent = metrics.compute(["nps"], by=["agent"], surveys=table("surveys", rows), threads=1)
    for mine, theirs in zip(by_group.pool(["agent"]).rows(), by_agent.rows(), strict=True):
        assert (mine.group, mine.value, mine.n) == (theirs.group, theirs.value, theirs.n)
    assert all(-100 <= m.value <= 100 for m in by_group.rows())


def test_extremes_stay_within_the_scale():
    best = metrics.compute(["nps", "csat"], surveys=table("surveys", surveys(5, value=10.0)), threads=1)
    assert best.total("nps").value == 100
    assert best.total("nps").interval[1] == 100
    assert best.total("csat").value is None
    assert best.total("csat").undefined == "no rows to count: the denominator is 0"


def test_one_answer_has_an_interval_on_a_scale_and_none_for_a_duration():
    one = metrics.compute(
        ["nps", "aht"], surveys=table("surveys", surveys(1)), contacts=table("contacts", [{}]), threads=1
    )
    low, high = one.total("nps").interval
    assert high - low > 50
    assert one.total("aht").value is not None
    assert one.total("aht").interval is None
    assert one.total("aht").no_interval == "one row says nothing about the spread"


def test_mixed_scales_have_a_share_but_no_mean():
    rows = [{"value": 4.0, "scale_max": 5.0, "team": "x"}, {"value": 6.0, "scale_max": 7.0, "team": "y"},
            {"value": 9.0, "scale_max": 10.0, "team": "y"},
            {"value": 80.0, "scale_min": 0.0, "scale_max": 100.0, "team": "z"},
            {"value": 70.0, "scale_min": 0.0, "scale_max": 100.0, "team": "z"}]  # fmt: skip
    result = metrics.compute(["csat", "csat:mean"], by=["team"], surveys=table("surveys", rows), threads=1)
    assert result.total("csat").value == 80
    assert result.of("csat", team="z").value == 50
    assert result.of("csat:mean", team="x").value == 4
    assert result.of("csat:mean", team="y").value is None
    assert "different scales" in result.total("csat:mean").undefined


def test_a_question_and_its_direction_are_declared():
    rows = [
        {"instrument": "ces", "scale_max": 7.0, "value": 2.0, "high_is_easy": False},
        {"instrument": "ces", "scale_max": 7.0, "value": 6.0, "high_is_easy": True},
        {"instrument": "ces", "scale_max": 7.0, "value": 1.0, "question": "agent"},
    ]
    result = metrics.compute(
        ["ces", "ces:agreement", "ces:about=agent"], surveys=table("surveys", rows), threads=1
    )
    assert result.total("ces").value == 6
    assert result.total("ces:agreement").value == 100
    assert result.total("ces:about=agent").value == 1


def test_surveys_are_grouped_by_the_last_agent_of_their_call_and_no_row_is_doubled():
    contacts = [
        {"contact_id": "1", "call_id": "k1", "agent_id": "first", "started_at": datetime(2026, 3, 2, 9)},
        {"contact_id": "2", "call_id": "k1", "agent_id": "last", "started_at": datetime(2026, 3, 2, 10)},
        {"contact_id": "3", "call_id": "k2", "agent_id": "first", "started_at": datetime(2026, 3, 2, 9)},
    ]
    customers = [{"customer_id": "c1", "segment": "gold"}]
    rows = [{"call_id": "k1"}, {"call_id": "k2"}, {"call_id": "unknown"}]
    result = metrics.compute(
        ["csat"], by=["agent", "segment"], surveys=table("surveys", rows),
        contacts=table("contacts", contacts, customer_id="c1"), customers=table("customers", customers),
        threads=1,
    )  # fmt: skip
    assert {m.group["agent"]: (m.n, m.group["segment"]) for m in result.rows()} == {
        "last": (1, "gold"), "first": (1, "gold"), None: (1, None),
    }  # fmt: skip
    assert result.total("csat").n == 3


def test_what_cannot_be_computed_says_why():
    contacts = table("contacts", [{}]).drop_columns(["hold_ms"])
    result = metrics.compute(["aht", "hold_rate", "csat", "churn"], contacts=contacts, threads=1)
    assert result.total("aht").undefined == "contacts have no column hold_ms"
    assert result.total("csat").undefined == "no surveys were given"
    assert result.total("churn").undefined == "no customers were given"
    by = metrics.compute(["aht"], by=["planet"], contacts=table("contacts", [{}]), threads=1)
    assert "no column planet" in by.total("aht").undefined


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"metrics": []}, MetricError),
        ({"metrics": ["aht"], "by": ["day", "week"]}, MetricError),
        ({"metrics": ["aht"], "by": ["agent", "agent"]}, MetricError),
        ({"metrics": ["aht"], "since": date(2026, 2, 1), "until": date(2026, 1, 1)}, MetricError),
        ({"metrics": ["aht"], "buyers": "x.csv"}, TableError),
        ({"metrics": ["aht"], "nonsense": "x.csv"}, TableError),
    ],
)
def test_a_wrong_question_is_refused(arguments, error):
    with pytest.raises(error):
        metrics.compute(**arguments)


def test_repeat_contacts_and_inferred_resolution_need_time_to_show():
    start = datetime(2026, 3, 1)
    days = {"a": [0, 3], "b": [0, 10], "c": [0], "d": [19], None: [0]}
    rows = [
        {"issue_id": issue, "started_at": start + timedelta(days=d)} for issue, at in days.items() for d in at
    ]
    result = metrics.compute(
        ["fcr:inferred", "repeat_contact_rate"], contacts=table("contacts", rows), threads=1
    )
    fcr, repeats = result.total("fcr:inferred"), result.total("repeat_contact_rate")
    # a came back; b's two contacts and c did not within 7 days; d is too recent; one matter is unknown
    assert (fcr.numerator, fcr.denominator, fcr.missing) == (3, 4, 1)
    assert (repeats.numerator, repeats.denominator, repeats.missing) == (1, 6, 1)


def test_calls_per_second_are_of_the_period_and_peaks_are_counted_anew():
    start = datetime(2026, 3, 2, 10)
    rows = [
        {"started_at": start + timedelta(seconds=s), "queue": q}
        for s, q in ((0, "x"), (0.4, "y"), (0.9, "x"), (9, "x"))
    ]
    result = metrics.compute(
        ["calls_per_second", "calls_per_second:peak"],
        by=["queue", "hour"],
        contacts=table("contacts", rows),
        threads=1,
    )
    x = {"queue": "x", "hour": start}
    assert result.of("calls_per_second", **x).value == pytest.approx(3 / 3600)
    assert result.of("calls_per_second:peak", **x).value == 2
    assert result.total("calls_per_second:peak").value == 3
    assert result.total("calls_per_second").value == pytest.approx(4 / 10)


def test_business_hours_stop_at_night_on_holidays_and_over_clock_changes():
    calendar = metrics.Calendar(
        timezone="Europe/Berlin", holidays=(date(2026, 3, 30),),
        hours=dict.fromkeys(["monday", "tuesday", "friday", "sunday"], ("08:00", "18:00")),
    )  # fmt: skip
    hour = timedelta(hours=1)
    friday = datetime(2026, 3, 27, 16)  # 17:00 in Berlin; clocks go forward on Sunday the 29th
    ends = {"same": friday + hour / 2, "sunday": datetime(2026, 3, 29, 8),
            "tuesday": datetime(2026, 3, 31, 6, 30), "night": datetime(2026, 3, 27, 23)}  # fmt: skip
    rows = [{"contact_id": k, "queue": k, "started_at": friday, "resolved_at": v} for k, v in ends.items()]
    result = metrics.compute(
        ["art:business_hours", "art"],
        by=["queue"],
        calendar=calendar,
        contacts=table("contacts", rows),
        threads=1,
    )
    found = {m.group["queue"]: m.value for m in result.rows() if m.name == "art:business_hours"}
    assert found == pytest.approx({"same": 30, "sunday": 60 + 120, "tuesday": 60 + 600 + 30, "night": 60})
    assert result.of("art", queue="sunday").value == 40 * 60


def test_a_response_rate_is_of_those_asked_in_the_period_and_nobody_is_in_no_period():
    rows = [
        {"invited_at": datetime(2026, 3, day), "agent_id": agent, "value": 5.0 if answered else None,
         "answered_at": datetime(2026, 3, day + 7) if answered else None}
        for day in (2, 9)
        for agent in "ab"
        for answered in (True, False, False)
    ]  # fmt: skip
    result = metrics.compute(
        ["response_rate", "csat"], by=["agent", "week"], surveys=table("surveys", rows), threads=1
    )
    second, ninth, sixteenth = (date(2026, 3, day) for day in (2, 9, 16))
    weeks = [week for agent, week in result.groups if agent == "a"]
    assert weeks == [second, ninth, sixteenth], "unanswered surveys are in no group without a week"
    for week in (second, ninth):
        rate = result.of("response_rate", agent="a", week=week)
        assert (rate.numerator, rate.denominator) == (1, 3)
    assert result.of("csat", agent="a", week=sixteenth).n == 1
    assert result.total("response_rate").value == pytest.approx(100 / 3)
    lost = [{"started_at": None}, {"started_at": datetime(2026, 3, 2)}]
    volume = metrics.compute(["volume"], by=["week"], contacts=table("contacts", lost), threads=1)
    assert [g[0] for g in volume.groups] == [second, None], "contacts without a time are told, not lost"


def test_rolling_windows_pool_their_periods():
    rows = surveys(200)
    daily = metrics.compute(["nps"], by=["day"], surveys=table("surveys", rows), threads=1)
    rolling = metrics.rolled(daily, 7)
    for m in rolling.rows():
        last = m.group["day"]
        window = [r["value"] for r in rows if last - timedelta(days=6) <= r["answered_at"].date() <= last]
        expected = 100 * (sum(v >= 9 for v in window) - sum(v <= 6 for v in window)) / len(window)
        assert m.value == pytest.approx(expected)
        assert m.n == len(window)
    first = min(r["answered_at"].date() for r in rows)
    assert min(g[0] for g in rolling.groups) == first + timedelta(days=6)
    with pytest.raises(MetricError, match="needs a period"):
        metrics.rolled(daily.pool([]), 7)


def test_what_does_not_add_up_rolls_from_the_rows():
    draw, begin = random.Random(5), datetime(2026, 3, 25, 23)
    rows = [
        {
            "agent_id": draw.choice("ab"), "wait_ms": draw.choice([None, draw.randrange(60_000)]),
            "started_at": begin + timedelta(seconds=draw.randrange(9 * 86_400 - 3_600)),
        }
        for _ in range(150)
    ]  # fmt: skip
    asked = ["asa", "asa:median", "asa:p90", "calls_per_second", "calls_per_second:peak", "volume"]
    result = metrics.compute(
        asked, by=["day", "agent"], rolling=3, calendar=metrics.Calendar(timezone="Europe/Berlin"),
        contacts=table("contacts", rows), threads=1,
    )  # fmt: skip
    zone, found = ZoneInfo("Europe/Berlin"), {(m.name, *m.group.values()): m for m in result.rows()}
    assert len({day for _, day, _ in found}) == 7, "windows that begin before the data does are left out"
    for _, day, agent in found:
        window = [
            r for r in rows
            if r["agent_id"] == agent
            and day - timedelta(days=2) <= r["started_at"].replace(tzinfo=UTC).astimezone(zone).date() <= day
        ]  # fmt: skip
        waits = [r["wait_ms"] / 1000 for r in window if r["wait_ms"] is not None]
        for name, level in (("asa:median", 50), ("asa:p90", 90)):
            assert found[name, day, agent].value == pytest.approx(np.percentile(waits, level))
            assert found[name, day, agent].n == len(waits)
        hours = 71 if date(2026, 3, 29) <= day <= date(2026, 3, 31) else 72  # the clock went on
        assert found["calls_per_second", day, agent].value == pytest.approx(len(window) / hours / 3600)
        assert found["calls_per_second:peak", day, agent].value == max(
            Counter(r["started_at"] for r in window).values()
        )
        assert found["volume", day, agent].value == len(window)
    whole = [r["wait_ms"] / 1000 for r in rows if r["wait_ms"] is not None]
    assert result.total("asa:median").value == pytest.approx(np.median(whole))


def test_rolling_without_rows_or_period_is_told():
    daily = metrics.compute(["asa:median"], by=["day"], contacts=table("contacts", [{}]), threads=1)
    why = metrics.rolled(daily, 2).figures[0].estimates.undefined
    assert why == [], "one day holds no window of two"
    two = [{"started_at": datetime(2026, 3, d)} for d in (2, 3)]
    daily = metrics.compute(["asa:median"], by=["day"], contacts=table("contacts", two), threads=1)
    assert "compute(..., rolling=N)" in metrics.rolled(daily, 2).figures[0].estimates.undefined[0]
    for by, width in ((["agent"], 2), (["day"], 1)):
        with pytest.raises(MetricError, match="rolling window"):
            metrics.compute(["asa"], by=by, rolling=width, contacts=table("contacts", two), threads=1)


def test_churn_goes_by_the_customers_at_the_start_of_each_month():
    day = datetime
    rows = [
        {"joined_at": day(2025, 12, 1), "left_at": day(2026, 2, 10), "revenue": 30.0},
        {"joined_at": day(2025, 12, 1), "left_at": None, "revenue": 60.0},
        {"joined_at": day(2026, 1, 15), "left_at": day(2026, 1, 20), "revenue": 9.0},
        {"joined_at": day(2026, 1, 15), "left_at": day(2026, 2, 28, 23, 30), "revenue": 10.0},
    ]
    result = metrics.compute(
        ["churn", "churn:revenue", "retention"], by=["month"], since=date(2026, 1, 1), until=date(2026, 3, 1),
        customers=table("customers", rows), threads=1,
    )  # fmt: skip
    january, february = {"month": date(2026, 1, 1)}, {"month": date(2026, 2, 1)}
    assert (result.of("churn", **january).numerator, result.of("churn", **january).denominator) == (0, 2)
    assert (result.of("churn", **february).numerator, result.of("churn", **february).denominator) == (2, 3)
    assert result.of("churn:revenue", **february).value == pytest.approx(40)
    assert result.of("retention", **february).value == pytest.approx(100 / 3)
    without = metrics.compute(["churn"], customers=table("customers", rows), threads=1)
    assert "group by month" in without.total("churn").undefined
