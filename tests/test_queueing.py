"""Queueing: published tables and examples, the birth-death chain, and a simulated queue agree."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import InputError
from sentiment.metrics.queueing import Workload, erlang_b, erlang_c, predict

HALF_HOUR = Workload(contacts=100, handle_ms=180_000)


# -- published figures -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "erlangs"),
    # The 1 % column of the Erlang B table (V. B. Iversen, Teletraffic Engineering Handbook, ITU, 2005);
    # 15 lines: the worked example of erlang.com's calculator manual, 8.108 erlangs.
    [(1, 0.0101), (2, 0.153), (5, 1.361), (10, 4.461), (15, 8.108), (20, 12.03), (50, 37.90), (100, 84.06)],
)
def test_erlang_b_is_the_printed_table(lines, erlangs):
    assert erlang_b(lines, erlangs) == pytest.approx(0.01, rel=0.006)


def test_mitans_example_of_erlang_c():
    """mitan.co.uk, "The Erlang-C formula": 360 calls of 4 min in half an hour, 55 agents."""
    p = predict(Workload(contacts=360, handle_ms=240_000), 55, threshold_ms=15_000)
    assert p.p_wait == pytest.approx(0.239, abs=5e-4)
    assert p.asa_ms == pytest.approx(8_200, abs=50)
    assert p.occupancy == pytest.approx(0.873, abs=5e-4)


def test_abandonment_changes_the_picture_as_in_garnett_mandelbaum_and_reiman():
    """*Designing a call center with impatient customers*, M&SOM 4, 2002, table 1: 50 agents, 48
    calls a minute of a minute, patience none or 2 minutes."""
    work = {"contacts": 48, "handle_ms": 60_000, "interval_ms": 60_000}
    c = predict(Workload(**work), 50)
    a = predict(Workload(**work, patience_ms=120_000), 50)
    assert c.mean_wait_ms == pytest.approx(20_800, abs=50)
    assert (round(c.mean_queue), round(c.occupancy, 2)) == (17, 0.96)
    assert a.p_abandon == pytest.approx(0.031, abs=5e-4)
    assert a.mean_wait_ms == pytest.approx(3_700, abs=50)
    assert (round(a.mean_queue), round(a.occupancy, 2)) == (3, 0.93)


# -- the formulas hold together --------------------------------------------------------------------


def chain(work: Workload, agents: int) -> tuple[float, float]:
    """P(wait) and P(abandon) from the birth-death chain of the queue, state by state."""
    logs, n = [0.0], 0
    while n < agents or logs[-1] > max(logs) - 60:
        n += 1
        leaving = min(n, agents) / work.handle_ms + max(0, n - agents) / work.patience_ms
        logs.append(logs[-1] + math.log(work.contacts / work.interval_ms / leaving))
    p = np.exp(np.array(logs) - max(logs))
    p /= p.sum()
    queue = np.maximum(0, np.arange(len(p)) - agents)
    return p[agents:].sum(), p @ queue / work.patience_ms / (work.contacts / work.interval_ms)


@settings(deadline=None)
@given(
    contacts=st.floats(1, 2_000),
    handle_ms=st.floats(5_000, 900_000),
    patience_ms=st.floats(5_000, 3_600_000),
    load=st.floats(0.3, 3.0),
)
def test_erlang_a_is_the_chain_and_its_shares_hold_together(contacts, handle_ms, patience_ms, load):
    work = Workload(contacts=contacts, handle_ms=handle_ms, patience_ms=patience_ms)
    agents = max(1, math.ceil(work.erlangs / load))
    p = predict(work, agents)
    p_wait, p_abandon = chain(work, agents)
    assert p.p_wait == pytest.approx(p_wait, rel=1e-7, abs=1e-12)
    assert p.p_abandon == pytest.approx(p_abandon, rel=1e-7, abs=1e-12)
    assert p.mean_wait_ms == pytest.approx(p.p_abandon * patience_ms)
    assert 0 <= p.occupancy <= 1 + 1e-9
    # the share answered in time lies between answered at once and answered at all
    assert 1 - p.p_wait - 1e-9 <= p.service_level <= 1 - p.p_abandon + 1e-9
    counts = [predict(work, agents, counted=c).service_level for c in ("offered", "answered")]
    assert counts[0] <= counts[1] + 1e-12 <= 1 + 1e-9


@settings(deadline=None)
@given(erlangs=st.floats(0.1, 400), spare=st.integers(1, 30))
def test_erlang_a_tends_to_c_with_patience_and_to_b_without(erlangs, spare):
    agents = math.ceil(erlangs) + spare
    work = {"contacts": erlangs, "handle_ms": 1_800_000}
    patient = predict(Workload(**work, patience_ms=1e15), agents)
    hasty = predict(Workload(**work, patience_ms=1e-3), agents)
    assert patient.p_wait == pytest.approx(erlang_c(agents, erlangs), rel=1e-5)
    assert hasty.p_abandon == pytest.approx(erlang_b(agents, erlangs), rel=1e-5, abs=1e-300)


def test_thousands_of_agents_are_no_harder():
    idle = predict(Workload(contacts=100, handle_ms=300_000, patience_ms=60_000), 5_000)
    assert (idle.p_wait, idle.service_level, idle.p_abandon) == (0.0, 1.0, 0.0)
    busy = predict(Workload(contacts=60_000, handle_ms=300_000, patience_ms=60_000), 9_000)
    assert busy.p_abandon == pytest.approx(0.1, abs=1e-4)  # what 9,000 cannot do of a load of 10,000
    assert busy.occupancy == pytest.approx(1.0, abs=1e-4)


# -- a simulated queue -----------------------------------------------------------------------------


def simulate(work: Workload, agents: int, n: int, *, threshold_ms: int = 20_000) -> dict[str, float]:
    """A first-come-first-served queue, call by call, after a warm-up of a tenth of the calls."""
    rng = np.random.default_rng(1)
    arrivals = rng.exponential(work.interval_ms / work.contacts, n).cumsum()
    handling = rng.exponential(work.handle_ms, n)
    patience = rng.exponential(work.patience_ms, n) if work.patience_ms else np.full(n, np.inf)
    free = [0.0] * agents
    waits, answered = np.zeros(n), np.zeros(n, dtype=bool)
    for i in range(n):
        wait = max(0.0, free[0] - arrivals[i])
        answered[i] = wait <= patience[i]
        waits[i] = min(wait, patience[i])
        if answered[i]:
            heapq.heapreplace(free, arrivals[i] + wait + handling[i])
    waits, answered = waits[n // 10 :], answered[n // 10 :]
    in_time = answered & (waits <= threshold_ms)
    gone_early = ~answered & (waits <= threshold_ms)
    return {
        "p_wait": np.mean(waits > 0),
        "p_abandon": np.mean(~answered),
        "asa_ms": waits[answered].mean(),
        "offered": np.mean(in_time),
        "answered": in_time.sum() / answered.sum(),
        "offered less short abandons": in_time.sum() / (~gone_early).sum(),
    }


@pytest.mark.parametrize(("agents", "patience_ms"), [(9, None), (8, 90_000), (6, 40_000)])
def test_a_simulated_queue_agrees(agents, patience_ms):
    work = Workload(contacts=75, handle_ms=170_000, patience_ms=patience_ms)
    seen = simulate(work, agents, 150_000)
    for counted in ("offered", "answered", "offered less short abandons"):
        p = predict(work, agents, counted=counted)
        assert p.service_level == pytest.approx(seen[counted], abs=0.012)
    assert p.p_wait == pytest.approx(seen["p_wait"], abs=0.012)
    assert p.p_abandon == pytest.approx(seen["p_abandon"], abs=0.008)
    assert p.asa_ms == pytest.approx(seen["asa_ms"], rel=0.06)


# -- what cannot be said ---------------------------------------------------------------------------


def test_no_steady_state_is_a_reason_not_a_number():
    p = predict(HALF_HOUR, 10)
    assert p.service_level is None
    assert p.asa_ms is None
    assert "grows for ever" in p.reason
    assert predict(Workload(contacts=0, handle_ms=1), 3).reason == "nothing arrives"
    nobody = predict(Workload(contacts=1, handle_ms=1, patience_ms=1), 0)
    assert (nobody.p_abandon, nobody.asa_ms, nobody.reason) == (1.0, None, "no agents")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Workload(contacts=-1, handle_ms=1), "contacts is -1"),
        (lambda: Workload(contacts=1, handle_ms=0), "handle_ms is 0"),
        (lambda: Workload(contacts=math.nan, handle_ms=1), "contacts is nan"),
        (lambda: erlang_c(10, 10.0), "grows for ever"),
        (lambda: erlang_b(-1, 10.0), "-1 servers"),
        (lambda: predict(HALF_HOUR, -1), "-1 agents"),
    ],
)
def test_what_cannot_be_used_says_so(make, says):
    with pytest.raises(InputError, match=says):
        make()
