"""Drivers: planted effects are found, planted nulls are not, and a planted Simpson's paradox is flagged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sentiment.errors import FitError, InputError
from sentiment.metrics.drivers import DriverOptions, find_drivers

EFFECTS = {"wait_s": -0.6, "polarity": 0.9, "transfers": -0.3, "talk_s": 0.0, "overtalk": 0.0}
"""Planted, in units of the outcome's noise for one standard deviation of the driver."""


def contacts(n=2_000, *, seed=0, effects=EFFECTS, customers=900, between=0.5):
    """Contacts of customers who come back; ``talk_s`` goes with ``wait_s``, and matters only through it."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, customers, n)
    z = {name: rng.normal(size=n) for name in effects}
    if {"talk_s", "wait_s"} <= set(z):
        z["talk_s"] = 0.7 * z["wait_s"] + 0.51**0.5 * z["talk_s"]
    rate = sum(effects[name] * z[name] for name in effects)
    rate = rate + between * rng.normal(size=customers)[who] + rng.normal(size=n)
    table = pd.DataFrame(
        {name: 50.0 + 20.0 * values for name, values in z.items()} | {"customer_id": who, "latent": rate}
    )
    return table.assign(csat=np.digitize(rate, [-1.8, -0.6, 0.6, 1.8]) + 1.0)


def by_name(found):
    return {d.name: d for d in found.drivers}


@pytest.mark.parametrize("model", ["linear", "ordinal"])
def test_planted_effects_are_found_and_planted_nulls_are_not(model):
    found = find_drivers(contacts(seed=1), "csat", list(EFFECTS), options=DriverOptions(model=model))
    d = by_name(found)
    assert {n: d[n].effect.sign for n in d} == {n: int(np.sign(e)) for n, e in EFFECTS.items()}
    assert [x.name for x in found.drivers[:2]] == ["polarity", "wait_s"]
    assert d["talk_s"].alone.sign == -1  # the correlation is there, the effect is not
    assert d["talk_s"].vif == pytest.approx(1 / 0.51, rel=0.1)
    assert d["overtalk"].vif == pytest.approx(1, abs=0.02)
    assert sum(x.share for x in found.drivers) == pytest.approx(1)
    assert (found.n_rows, found.n_clusters) == (2_000, contacts(seed=1).customer_id.nunique())


def test_intervals_hold_the_planted_effects():
    """95 % of them, within the error of counting 200."""
    held = 0
    for seed in range(40):
        table = contacts(600, seed=seed, customers=200)
        for d in find_drivers(table, "latent", list(EFFECTS)).drivers:
            planted = EFFECTS[d.name] * d.sd / 20.0 / table.latent.std()
            held += d.effect.low <= planted <= d.effect.high
    assert 0.90 * 200 <= held <= 0.99 * 200


def test_an_effect_per_unit_is_in_the_units_of_the_table():
    d = by_name(find_drivers(contacts(20_000), "latent", list(EFFECTS)))
    assert {n: d[n].per_unit * 20 for n in d} == pytest.approx(EFFECTS, abs=0.03)


def test_false_positives_are_five_in_a_hundred_and_none_with_q():
    """Nulls that are constant for a customer, whose answers hang together: clusters have to be minded."""
    rng = np.random.default_rng(1)
    p, q, careless, n_sets = 0, 0, 0, 60
    for _ in range(n_sets):
        who = np.repeat(np.arange(80), 5)
        nulls = {f"x{i}": rng.normal(size=80)[who] for i in range(3)}
        y = rng.normal(size=80)[who] + rng.normal(size=400)
        table = pd.DataFrame(nulls | {"customer_id": who, "csat": y})
        found = find_drivers(table, "csat", list(nulls)).drivers
        p += sum(d.effect.p_value < 0.05 for d in found)
        q += any(d.q_value < 0.05 for d in found)
        found = find_drivers(table, "csat", list(nulls), customer=None).drivers
        careless += sum(d.effect.p_value < 0.05 for d in found)
    assert p / (3 * n_sets) < 0.10
    assert q / n_sets < 0.12
    assert careless / (3 * n_sets) > 0.15


def test_the_ordinal_model_minds_clusters_as_well():
    rng = np.random.default_rng(2)
    who = np.repeat(np.arange(100), 6)
    y = np.digitize(2 * rng.normal(size=100)[who] + rng.logistic(size=600), [-1, 0, 1]) + 1.0
    table = pd.DataFrame({"x": rng.normal(size=100)[who], "customer_id": who, "csat": y})
    options = DriverOptions(model="ordinal")
    minded = find_drivers(table, "csat", ["x"], options=options).drivers[0].effect
    naive = find_drivers(table, "csat", ["x"], customer=None, options=options).drivers[0].effect
    assert minded.high - minded.low > 1.4 * (naive.high - naive.low)
    assert minded.value == pytest.approx(naive.value)


def simpson(n=1_500, seed=0):
    """In every queue long calls please, but the queues with long calls please less."""
    rng = np.random.default_rng(seed)
    queue = rng.integers(0, 6, n)
    talk = 100 + 60 * queue + 20 * rng.normal(size=n)
    y = 0.02 * (talk - 100 - 60 * queue) - 0.8 * queue + 0.6 * rng.normal(size=n)
    names = np.array(["sales", "bills", "moves", "faults", "claims", "deaths"])
    return pd.DataFrame(
        {"talk_s": talk, "other": rng.normal(size=n), "queue": names[queue], "customer_id": range(n), "y": y}
    )


def test_a_planted_simpsons_paradox_is_flagged():
    d = by_name(find_drivers(simpson(), "y", ["talk_s", "other"], group="queue"))
    assert d["talk_s"].alone.sign == -1
    assert d["talk_s"].within.sign == 1
    assert d["talk_s"].effect.sign == 1
    assert d["talk_s"].sign_turns == "within groups"
    assert d["talk_s"].per_unit == pytest.approx(0.02, rel=0.1)
    assert d["other"].sign_turns is None


@pytest.mark.parametrize("seed", range(12))
def test_no_paradox_is_flagged_where_there_is_none(seed):
    table = contacts(800, seed=seed).assign(queue=np.random.default_rng(seed).integers(0, 5, 800))
    assert all(
        d.sign_turns is None for d in find_drivers(table, "csat", list(EFFECTS), group="queue").drivers
    )


def test_the_within_effect_is_that_of_one_column_for_each_group():
    table = simpson()
    ours = by_name(find_drivers(table, "y", ["talk_s", "other"], group="queue"))
    dummies = by_name(find_drivers(table, "y", ["talk_s", "other"], controls=["queue"]))
    assert ours["talk_s"].per_unit == pytest.approx(dummies["talk_s"].per_unit, rel=1e-3)
    assert dummies["talk_s"].sign_turns == "with others held constant"


def test_what_varies_between_groups_only_is_left_out_with_the_reason():
    table = simpson()
    table["agents"] = table["queue"].map(len).astype(float)
    table["flag"] = 1
    found = find_drivers(table, "y", ["talk_s", "agents", "flag"], group="queue")
    assert found.left_out == {
        "agents": "it does not vary within any queue",
        "flag": "it is always 1",
    }


def test_missing_values_go_by_the_rule():
    table = contacts()
    table.loc[:99, "csat"] = np.nan
    table.loc[100:299, "wait_s"] = np.nan
    table.loc[:999, "overtalk"] = np.nan
    found = find_drivers(table, "csat", list(EFFECTS))
    assert (found.n_without_outcome, found.n_incomplete, found.n_rows) == (100, 200, 1_700)
    assert found.left_out == {"overtalk": "it is missing in 900 of 1900 rows"}
    table["customer_id"] = table["customer_id"].astype("Float64")
    table.loc[500:599, "customer_id"] = pd.NA
    known = table.customer_id[300:].dropna().nunique()
    assert find_drivers(table, "csat", list(EFFECTS)).n_clusters == known + 100


def test_yes_and_no_are_numbers():
    table = contacts().assign(resolved=lambda t: t.latent + 0 > 0.3)
    found = find_drivers(table, "csat", ["resolved", "overtalk"])
    assert found.drivers[0].name == "resolved"
    assert found.drivers[0].effect.sign == 1


def test_drivers_that_say_the_same_are_named():
    table = contacts().assign(handle_s=lambda t: t.wait_s + t.talk_s)
    with pytest.raises(InputError, match=r"drivers (?=.*wait_s)(?=.*talk_s)(?=.*handle_s).* say the same"):
        find_drivers(table, "csat", ["wait_s", "polarity", "talk_s", "handle_s"])


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"drivers": ["waits"]}, InputError, "no column 'waits'"),
        ({"drivers": []}, InputError, "no drivers"),
        ({"drivers": ["wait_s", "wait_s"]}, InputError, "named twice"),
        ({"drivers": ["word"]}, InputError, "not of numbers"),
        ({"drivers": ["endless"]}, InputError, "infinite"),
        ({"drivers": ["wait_s"], "controls": ["word"]}, InputError, "over 100 values"),
        ({"drivers": ["wait_s"], "customer": "queue"}, FitError, "1 customers"),
        ({"drivers": ["wait_s"], "outcome": "flat"}, FitError, "always 3"),
        ({"drivers": ["flat"]}, FitError, "none of the drivers"),
        (
            {"drivers": ["wait_s"], "outcome": "latent", "options": DriverOptions(model="ordinal")},
            FitError,
            "2000 levels",
        ),
    ],
)
def test_what_cannot_be_used_says_so(arguments, error, says):
    table = contacts().assign(queue="a", flat=3.0, endless=np.inf)
    table["word"] = [f"w{i}" for i in range(len(table))]
    with pytest.raises(error, match=says):
        find_drivers(table, **({"outcome": "csat"} | arguments))


def test_too_few_rows_is_an_error():
    with pytest.raises(FitError, match="55 complete rows for a model of 5 terms"):
        find_drivers(contacts(55), "csat", list(EFFECTS), customer=None)
