"""Staffing: the published examples, and one agent fewer is too few."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from sentiment.errors import InputError
from sentiment.metrics.queueing import Workload, predict
from sentiment.metrics.staffing import (
    IntervalForecast,
    StaffingTarget,
    agents_needed,
    lines_needed,
    staff_intervals,
)

HALF_HOUR = Workload(contacts=100, handle_ms=180_000)


def test_the_usual_worked_example_of_erlang_c():
    """Call Centre Helper, "Erlang C formula made simple": 100 calls of 180 s in half an hour, 80/20, 30 %."""
    best = agents_needed(HALF_HOUR, StaffingTarget(service_level=0.8))
    assert best.erlangs == 10.0
    assert best.agents == 14
    assert best.p_wait == pytest.approx(0.174, abs=5e-4)
    assert best.service_level == pytest.approx(0.888, abs=5e-4)
    assert best.asa_ms == pytest.approx(7_800, abs=50)
    assert best.occupancy == pytest.approx(0.714, abs=5e-4)
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    forecast = [IntervalForecast(starts_at=at, work=HALF_HOUR)]
    (plan,) = staff_intervals(forecast, StaffingTarget(service_level=0.8), shrinkage=0.3)
    assert (plan.scheduled, plan.starts_at) == (20, at)


def test_lines_are_those_of_the_printed_table():
    """15 lines carry 8.108 erlangs at 1 %: erlang.com, calculator manual."""
    assert lines_needed(8.10, max_blocking=0.01) == 15
    assert lines_needed(8.12, max_blocking=0.01) == 16


def test_thousands_of_agents_are_no_harder():
    target = StaffingTarget(service_level=0.8)
    c = agents_needed(Workload(contacts=60_000, handle_ms=300_000), target)
    a = agents_needed(Workload(contacts=60_000, handle_ms=300_000, patience_ms=60_000), target)
    assert 10_000 < c.agents < 10_100  # square-root staffing: a load of 10,000 and a few times 100
    assert a.agents < 10_000 * 0.85  # at 80 % in 20 s a fifth may go
    for p in (c, a):
        assert 0.8 <= p.service_level < 0.815
        assert math.isfinite(p.asa_ms)


# -- how many --------------------------------------------------------------------------------------


@pytest.mark.parametrize("patience_ms", [None, 60_000, 600_000])
@pytest.mark.parametrize(
    "target",
    [
        StaffingTarget(service_level=0.9, threshold_ms=10_000),
        StaffingTarget(max_asa_ms=5_000),
        StaffingTarget(max_occupancy=0.8),
        StaffingTarget(service_level=0.8, max_asa_ms=30_000, counted="answered"),
    ],
)
def test_one_agent_fewer_would_miss_the_target(patience_ms, target):
    work = Workload(contacts=400, handle_ms=200_000, patience_ms=patience_ms)
    best = agents_needed(work, target)
    fewer = predict(work, best.agents - 1, threshold_ms=target.threshold_ms, counted=target.counted)
    assert target.met_by(best)
    assert not target.met_by(fewer)


def test_an_abandonment_target():
    work = Workload(contacts=400, handle_ms=200_000, patience_ms=120_000)
    best = agents_needed(work, StaffingTarget(max_abandonment=0.03))
    assert best.p_abandon <= 0.03 < predict(work, best.agents - 1).p_abandon


def test_a_day_of_intervals_with_shrinkage():
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    volumes = [0, 40, 120, 60]
    forecast = [
        IntervalForecast(
            starts_at=start + i * timedelta(minutes=30), work=Workload(contacts=v, handle_ms=240_000)
        )
        for i, v in enumerate(volumes)
    ]
    plan = staff_intervals(forecast, StaffingTarget(service_level=0.8), shrinkage=0.25, min_agents=2)
    agents = [p.performance.agents for p in plan]
    assert agents[0] == 2  # nothing is expected, but two stay
    assert agents[2] > agents[3] > agents[1] > 40 * 240 / 1_800
    assert [p.scheduled for p in plan] == [math.ceil(n / 0.75) for n in agents]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StaffingTarget(), "no target"),
        (lambda: StaffingTarget(service_level=80), "service_level is 80"),
        (lambda: agents_needed(HALF_HOUR, StaffingTarget(max_abandonment=0.05)), "needs patience_ms"),
        (lambda: agents_needed(HALF_HOUR, StaffingTarget(max_occupancy=0.1), max_agents=50), "not enough"),
        (lambda: staff_intervals([], StaffingTarget(max_asa_ms=1), shrinkage=1), "shrinkage is 1"),
    ],
)
def test_what_cannot_be_used_says_so(make, says):
    with pytest.raises(InputError, match=says):
        make()
