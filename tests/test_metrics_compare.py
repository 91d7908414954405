"""Differences between groups and periods, corrected for their number."""

import random
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from metric_tables import table
from statsmodels.stats.multitest import multipletests

from sentiment import metrics
from sentiment.errors import MetricError
from sentiment.metrics.compare import REST, adjusted


def result(n_agents=6, n=300, better="a0", by=("agent",)):
    """Agents of the same CSAT, but for one."""
    draw = random.Random(5)
    rows = [
        {"agent_id": f"a{i % n_agents}", "answered_at": datetime(2026, 3, 1) + timedelta(days=i % 60),
         "value": 5.0 if draw.random() < (0.9 if f"a{i % n_agents}" == better else 0.6) else 1.0}
        for i in range(n_agents * n)
    ]  # fmt: skip
    return metrics.compute(["csat", "csat:mean"], by=by, surveys=table("surveys", rows), threads=1)


def test_each_group_is_held_against_all_others_pooled():
    found = {(c.name, c.second): c for c in metrics.compare(result(), "agent")}
    planted = found["csat", "a0"]
    assert planted.first == REST
    assert planted.p_adjusted < 0.001
    assert planted.interval[0] > 0.1
    assert planted.difference == pytest.approx(planted.second_value - planted.first_value)
    others = [c.difference for (_name, who), c in found.items() if who != "a0"]
    assert sum(others) < 0, "the better one is among the others of each"
    assert len(found) == 12


def test_two_periods_are_compared_within_each_group():
    found = metrics.compare(result(by=("agent", "month")), "month", (date(2026, 3, 1), date(2026, 4, 1)))
    assert {c.within["agent"] for c in found} == {f"a{i}" for i in range(6)}
    assert all((c.first, c.second) == (date(2026, 3, 1), date(2026, 4, 1)) for c in found)
    assert all(c.p_adjusted >= c.p for c in found)
    for c in found:
        assert (c.p < 0.05) == (c.interval[0] > 0 or c.interval[1] < 0)


def test_of_two_groups_there_is_one_comparison_and_its_correction_counts_it_once():
    (share, mean) = metrics.compare(result(n_agents=2, better="a1"), "agent")
    assert (share.first, share.second) == (mean.first, mean.second) == ("a0", "a1")
    assert share.difference > 0.1
    alone = metrics.compare(result(n_agents=2, better="a1"), "agent", ("a0", "a1"))
    for mine, named in zip((share, mean), alone, strict=True):
        assert mine.difference == pytest.approx(named.difference)
        assert mine.interval == pytest.approx(named.interval)
        assert mine.p_adjusted == pytest.approx(named.p_adjusted)


def test_no_difference_is_seldom_called_one():
    found = metrics.compare(result(n_agents=20, n=60, better=None), "agent")
    assert sum(c.p_adjusted < 0.05 for c in found) == 0


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("benjamini-hochberg", "fdr_bh")])
def test_corrections_are_the_usual_ones(method, theirs):
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.2, 0.005])
    known = ~np.isnan(p)
    assert adjusted(p, method)[known] == pytest.approx(multipletests(p[known], method=theirs)[1])
    assert np.isnan(adjusted(p, method)[1])


def test_what_cannot_be_compared_says_why():
    contacts = table("contacts", [{"agent_id": a, "talk_ms": 1000 * i} for i, a in enumerate("aabb")])
    found = metrics.compute(["aht:median", "volume", "csat"], by=["agent"], contacts=contacts, threads=1)
    reasons = {c.name: c.undefined for c in metrics.compare(found, "agent")}
    assert "cannot be pooled" in reasons["aht:median"]
    assert reasons["volume"] == "a count of all there is, not an estimate"
    assert reasons["csat"] == "no surveys were given"
    with pytest.raises(MetricError, match="no such group"):
        metrics.compare(found, "agent", ("a", "z"))
    with pytest.raises(MetricError, match="group by it"):
        metrics.compare(found, "queue")
