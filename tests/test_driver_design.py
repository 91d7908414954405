"""The design of drivers: group means beside differences from them, controls centred, customers numbered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sentiment.metrics.driver_design import build_design, spanning, usable_drivers


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "a": rng.normal(5, 2, n),
            "b": rng.normal(size=n),
            "queue": rng.choice(["q1", "q2"], n),
            "size": 1.0,
            "site": rng.choice(["x", "y", "z"], n),
            "who": [None, None, *rng.integers(0, 9, n - 2)],
        }
    ).assign(size=lambda t: t.queue.map({"q1": 3.0, "q2": 8.0}))


def test_differences_and_means_make_up_the_drivers(table):
    design, flat = build_design(table, "y", ["a", "size", "b"], None, "queue", [])
    assert flat == ["size"]
    assert design.names == ("a", "b")
    np.testing.assert_allclose(design.inner + design.means, design.x)
    np.testing.assert_allclose(design.x * design.sd + table[["a", "b"]].mean().to_numpy(), table[["a", "b"]])
    for queue in ("q1", "q2"):
        np.testing.assert_allclose(design.inner[table.queue == queue].mean(axis=0), 0, atol=1e-12)
    # two groups have one difference, however many drivers
    assert design.rest.shape[1] == 1 + 0 * len(flat)
    np.testing.assert_allclose(design.inner.T @ design.rest, 0, atol=1e-9)


def test_controls_and_customers(table):
    design, _ = build_design(table, "y", ["a"], "who", None, ["site", "b"])
    assert design.rest.shape == (60, 3)
    np.testing.assert_allclose(design.rest.mean(axis=0), 0, atol=1e-12)
    assert design.means is None
    assert len(np.unique(design.cluster)) == table.who.dropna().nunique() + 2
    assert design.cluster[0] != design.cluster[1]


def test_spanning_keeps_the_span():
    rng = np.random.default_rng(0)
    two = rng.normal(size=(30, 2))
    kept = spanning(np.column_stack([two, two @ [1.0, -2.0]]))
    assert kept.shape == (30, 2)
    np.testing.assert_allclose(kept @ np.linalg.lstsq(kept, two, rcond=None)[0], two, atol=1e-9)
    assert spanning(np.zeros((30, 1))).shape == (30, 0)


def test_drivers_with_too_many_gaps_are_left_out(table):
    table.loc[:29, "b"] = np.nan
    assert usable_drivers(table, ["a", "b"], 0.5) == (["a", "b"], {})
    assert usable_drivers(table, ["a", "b"], 0.4) == (["a"], {"b": "it is missing in 30 of 60 rows"})
