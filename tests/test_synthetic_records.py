"""Made-up records: what is planted can be found again, and nothing contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sentiment.errors import InputError
from sentiment.metrics.drivers import find_drivers
from sentiment.synthetic.centre import Centre, Effects, ServiceQueue
from sentiment.synthetic.records import make_days

CENTRE = Centre(n_days=21, n_customers=3_000)


def columns(centre):
    days = list(make_days(centre))
    return tuple(
        {name: np.concatenate([getattr(d, part)[name] for d in days]) for name in getattr(days[0], part)}
        for part in ("contacts", "truth", "agent_time")
    )


@pytest.fixture(scope="module")
def made():
    return columns(CENTRE)


def test_the_same_seed_makes_the_same_and_another_others(made):
    again = columns(CENTRE)
    for ours, theirs in zip(made, again, strict=True):
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    other = columns(replace(CENTRE, seed=1))[0]["started_at"]
    assert len(other) != len(made[0]["started_at"]) or np.any(other != made[0]["started_at"])


def test_longer_is_the_same_and_more(made):
    longer = columns(replace(CENTRE, n_days=22))[0]
    n = len(made[0]["contact_id"])
    np.testing.assert_array_equal(longer["started_at"][:n], made[0]["started_at"])


def test_a_contact_ends_in_one_way(made):
    c = made[0]
    outbound = c["queue"] == 4
    ways = c["answered"].astype(int) + c["abandoned"] + c["blocked"]
    assert np.all(ways[~outbound] == 1)
    assert np.all(ways[outbound] <= 1)  # nobody picked up: none of them
    assert not np.any(c["abandoned"] & outbound)
    assert np.all((c["talk_ms"] >= 0) == c["answered"])
    assert np.all((c["answered_at"] >= 0) == c["answered"])
    assert np.all((c["agent_id"] >= 0)[c["answered"]])
    assert np.all((c["wait_ms"] < 0) == c["blocked"])
    assert 0 < c["blocked"].mean() < 0.01


def test_times_follow_each_other(made):
    c = made[0]
    a = c["answered"]
    assert np.all(c["ended_at"] >= c["started_at"])
    np.testing.assert_array_equal(c["answered_at"][a] - c["started_at"][a], c["wait_ms"][a])
    np.testing.assert_array_equal((c["ended_at"] - c["answered_at"])[a], (c["talk_ms"] + c["hold_ms"])[a])
    np.testing.assert_array_equal(c["resolved_at"] >= 0, c["resolved"])
    assert np.all(np.diff(c["contact_id"]) == 1)
    hour = (c["started_at"] // 3_600_000) % 24
    assert hour.min() >= 8
    assert np.bincount(hour[hour < 20]).argmax() in (10, 11)
    assert np.mean(hour >= 20) < 0.01  # the last outbound calls


def test_no_agent_has_two_contacts_at_once(made):
    c = made[0]
    table = pd.DataFrame({k: c[k] for k in ("agent_id", "answered_at", "ended_at", "after_call_work_ms")})
    table = table[c["answered"]].sort_values(["agent_id", "answered_at"])
    free_at = (table.ended_at + table.after_call_work_ms).groupby(table.agent_id).shift()
    early = table.answered_at - free_at
    assert early.min() >= -20  # milliseconds lost to rounding


def test_agents_time_holds_their_contacts(made):
    c, _, t = made
    handled = (c["talk_ms"] + c["hold_ms"] + c["after_call_work_ms"])[c["answered"]].sum()
    assert t["handling_ms"].sum() == handled
    on_duty = t["handling_ms"] + t["available_ms"]
    np.testing.assert_allclose(on_duty, 0.9 * t["logged_in_ms"], atol=1)
    assert 0.3 < handled / on_duty.sum() < 0.9


def test_who_was_not_helped_calls_again_and_only_they(made):
    c = made[0]
    inbound = c["queue"] != 4
    table = pd.DataFrame({"issue": c["issue_id"], "at": c["started_at"], "resolved": c["resolved"]})[inbound]
    later = table.groupby("issue").at.shift(-1).notna()
    assert not np.any(later & table.resolved)
    settled = (table["at"] < table["at"].max() - 8 * 86_400_000) & ~table.resolved
    assert later[settled].mean() == pytest.approx(CENTRE.p_again, abs=0.02)
    firsts = pd.Series(c["first_contact"]).groupby(c["issue_id"]).sum()
    assert firsts.max() == 1
    assert np.all(c["answered"][c["first_contact"]])


def test_fewer_agents_make_longer_waits_and_more_hang_up(made):
    few = columns(replace(CENTRE, staffing=0.7))[0]
    assert few["abandoned"].mean() > 2 * made[0]["abandoned"].mean()
    assert few["wait_ms"][few["answered"]].mean() > 2 * made[0]["wait_ms"][made[0]["answered"]].mean()


# -- surveys ---------------------------------------------------------------------------------------


def test_the_planted_effects_are_found_again(made):
    c, t, _ = made
    table = pd.DataFrame(
        {
            "satisfaction": t["satisfaction"],
            "resolved": c["resolved"],
            "wait": np.log2(1 + c["wait_ms"] / 60_000),
            "transfers": c["transfers"],
            "holds": c["holds"],
            "agent": t["agent_quality"],
            "customer": t["leniency"],
            "complexity": t["complexity"],
            "customer_id": c["customer_id"],
            "queue": c["queue"],
        }
    )[c["answered"] & c["first_contact"]]
    drivers = ["resolved", "wait", "transfers", "holds", "agent", "customer", "complexity"]
    found = {d.name: d for d in find_drivers(table, "satisfaction", drivers).drivers}
    sd = table.satisfaction.std()
    for name in drivers:
        planted = getattr(CENTRE.effects, name) * found[name].sd / sd
        effect = found[name].effect
        assert effect.low - 0.01 <= planted <= effect.high + 0.01, name


def test_who_answers_is_biased_as_planted(made):
    t = made[1]
    asked = t["asked"] > 0
    known = asked & (t["asked"] == 1)
    everybody, answered = (t["csat"][known] >= 4).mean(), (t["csat"][known & t["answers"]] >= 4).mean()
    assert answered < everybody - 0.05
    assert t["answers"][asked].mean() == pytest.approx(t["p_answer"][asked].mean(), abs=0.02)
    fair = replace(CENTRE, effects=Effects(answer_tilt=0.0, answer_extremes=0.0))
    t = columns(fair)[1]
    known = t["asked"] == 1
    everybody, answered = (t["csat"][known] >= 4).mean(), (t["csat"][known & t["answers"]] >= 4).mean()
    assert answered == pytest.approx(everybody, abs=0.04)
    assert t["answers"][t["asked"] > 0].mean() == pytest.approx(fair.effects.p_answer, abs=0.02)


def test_answers_are_on_their_scales_and_go_with_satisfaction(made):
    c, t, _ = made
    a = c["answered"]
    for name, low, high in (("csat", 1, 5), ("nps", 0, 10), ("ces", 1, 7)):
        assert (t[name][a].min(), t[name][a].max()) == (low, high)
        assert np.corrcoef(t[name][a], t["satisfaction"][a])[0, 1] > 0.75
        assert np.all(t[name][~a] == -1)
    assert not np.any(t["asked"][~a | (c["queue"] == 4)])


@pytest.mark.parametrize(
    "bad",
    [
        {"n_days": 0},
        {"queues": ()},
        {"queues": (ServiceQueue(name="a", contacts_per_day=1), ServiceQueue(name="a", contacts_per_day=2))},
    ],
)
def test_a_centre_that_cannot_be(bad):
    with pytest.raises(InputError):
        Centre(**bad)
