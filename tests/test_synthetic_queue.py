"""The made-up queue: hand-worked days, and Erlang A where its assumptions hold."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.metrics.queueing import Workload, predict
from sentiment.metrics.staffing import StaffingTarget
from sentiment.synthetic.queue import HALF_HOUR_MS, Roster, on_duty_ms, plan_roster, serve

MINUTE = 60_000
EVEN = np.ones(9)


def duty(**halves):
    """Who works by half hour: ``duty(h0=2, h1=1)`` has one agent work in both."""
    on = np.zeros(48, dtype=np.int64)
    for name, n in halves.items():
        on[int(name[1:])] = n
    return on[None, :] > np.arange(on.max())[:, None]


def day(arrivals, patience, handling, working, pace=EVEN):
    waits, ranks = serve(
        np.array(arrivals) * MINUTE,
        np.array(patience, float) * MINUTE,
        np.array(handling, float) * MINUTE,
        working,
        pace[: len(working)],
    )
    return (waits / MINUTE).tolist(), ranks.tolist()


def test_first_come_first_served():
    waits, ranks = day([0, 1, 2], [99, 99, 99], [10, 5, 5], duty(h0=1, h1=1))
    assert waits == [0, 9, 13]
    assert ranks == [0, 0, 0]


def test_who_hangs_up_leaves_the_place_to_the_next():
    waits, ranks = day([0, 1, 2], [99, 3, 99], [10, 5, 5], duty(h0=1, h1=1))
    assert waits == [0, 3, 8]
    assert ranks == [0, -1, 0]


def test_the_agent_free_longest_answers():
    assert day([0, 1, 8, 9], [9] * 4, [5, 2, 1, 1], duty(h0=2))[1] == [0, 1, 1, 0]


def test_a_slow_agent_takes_longer():
    assert day([0, 6], [99, 99], [5, 5], duty(h0=1), np.array([2.0]))[0] == [0, 4]


def test_agents_come_and_go():
    # nobody until 30; one until 60, whose call goes on until 65; nobody after
    waits, ranks = day([10, 59, 61], [99, 9, 4], [5, 6, 1], duty(h1=1))
    assert waits == [20, 0, 4]
    assert ranks == [0, 0, -1]
    waits, ranks = day([1, 2], [99, 99], [60, 60], duty(h0=1, h1=2))
    assert (waits, ranks) == ([0, 28], [0, 1])
    assert day([1], [np.inf], [1], duty())[1] == [-1]
    assert day([45], [np.inf], [1], duty(h0=1))[1] == [-1]


def test_times_on_duty():
    starts, lasts = on_duty_ms(duty(h20=1, h21=3, h22=1))
    assert (starts / HALF_HOUR_MS).tolist() == [20, 21, 21]
    assert (lasts / HALF_HOUR_MS).tolist() == [3, 1, 1]


@pytest.mark.parametrize("agents", [11, 15])
def test_where_erlang_a_holds_the_queue_has_its_measures(agents):
    rng = np.random.default_rng(0)
    waits, gone = [], []
    for _ in range(8):
        arrivals = np.sort(rng.integers(0, 48 * HALF_HOUR_MS, rng.poisson(48 * 150)))
        patience, handling = rng.exponential(60_000, len(arrivals)), rng.exponential(170_000, len(arrivals))
        wait, who = serve(arrivals, patience, handling, np.ones((agents, 48), dtype=bool), np.ones(agents))
        waits.append(wait)
        gone.append(who < 0)
    waited, left = np.concatenate(waits), np.concatenate(gone)
    p = predict(Workload(contacts=150, handle_ms=170_000, patience_ms=60_000), agents)
    assert left.mean() == pytest.approx(p.p_abandon, abs=0.012)
    assert np.mean(~left & (waited <= 20_000)) == pytest.approx(p.service_level, abs=0.02)
    assert waited.mean() == pytest.approx(p.mean_wait_ms, rel=0.1)


def test_a_roster_reaches_its_target_and_stays_to_finish():
    forecast = np.zeros((7, 48))
    forecast[:, 20:24] = [10.0, 80.0, 120.004, 30.0]
    target = StaffingTarget(service_level=0.8)
    roster = plan_roster(forecast, 180_000, target=target)
    for contacts, agents in zip(forecast[0, 20:24], roster.agents[0, 20:24], strict=True):
        assert target.met_by(predict(Workload(contacts=contacts, handle_ms=180_000), int(agents)))
    assert roster.agents[0, 24] == roster.agents[0, 23]
    assert roster.agents[0, 25] == roster.agents[0, 19] == 0
    fewer = plan_roster(forecast, 180_000, target=target, staffing=0.7)
    assert np.all(fewer.agents[:, 20:25] < roster.agents[:, 20:25])


def test_nobody_works_in_both_shifts():
    agents = np.zeros((7, 48), dtype=np.int64)
    agents[2, 20:36] = [1, 2, 3, 3, 3, 2, 2, 2, 4, 4, 3, 3, 2, 2, 1, 1]
    roster = Roster(forecast=agents * 1.0, agents=agents, handle_ms=1)
    working = roster.working(2)
    assert len(working) == roster.n_places == 3 + 4
    np.testing.assert_array_equal(working.sum(axis=0), agents[2])
    assert not np.any(working[:, :28].any(axis=1) & working[:, 28:].any(axis=1))
    assert len(roster.working(0)) == 0
