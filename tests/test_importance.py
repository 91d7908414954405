"""Importance: shares add up to R², are the known ones, and do not depend on how they are computed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.metrics import importance
from sentiment.metrics.importance import r_squared, r_squared_shares, variance_inflation


def columns(n, p, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + 0.3 * rng.normal(size=(n, p))
    return x, x @ rng.normal(size=p) + rng.normal(size=n), np.empty((n, 0))


@settings(max_examples=20, deadline=None)
@given(p=st.integers(1, 4), seed=st.integers(0, 10_000))
def test_shares_are_the_mean_over_all_orders(p, seed):
    x, y, none = columns(60, p, seed)
    expected = np.zeros(p)
    orders = list(itertools.permutations(range(p)))
    for order in orders:
        for k, j in enumerate(order):
            before = r_squared(x[:, order[:k]], y)
            expected[j] += (r_squared(x[:, order[: k + 1]], y) - before) / len(orders)
    shares = r_squared_shares(x, none, y)
    np.testing.assert_allclose(shares, expected, atol=1e-9)
    assert shares.sum() == pytest.approx(r_squared(x, y))


def test_independent_columns_share_by_their_squared_effects():
    rng = np.random.default_rng(0)
    x = np.linalg.qr(rng.normal(size=(500, 4)) - 0)[0]
    x = np.linalg.qr(np.column_stack([np.ones(500), x]))[0][:, 1:]
    shares = r_squared_shares(x, np.empty((500, 0)), x @ [3.0, 2.0, 1.0, 0.0])
    np.testing.assert_allclose(shares, np.array([9, 4, 1, 0]) / 14, atol=1e-9)


def test_sampled_orders_come_close_to_all_of_them(monkeypatch):
    x, y, none = columns(400, 8, 3)
    exact = r_squared_shares(x, none, y)
    monkeypatch.setattr(importance, "_EXACT", 7)
    sampled = r_squared_shares(x, none, y)
    np.testing.assert_allclose(sampled, exact, atol=0.01)
    assert sampled.sum() == pytest.approx(exact.sum())


def test_what_is_held_constant_explains_nothing_for_the_columns():
    rng = np.random.default_rng(0)
    rest = rng.normal(size=(2_000, 1))
    x = rest + 0.5 * rng.normal(size=(2_000, 1))
    y = rest[:, 0] + 0.1 * rng.normal(size=2_000)
    assert r_squared_shares(x, np.empty((2_000, 0)), y)[0] > 0.7
    assert r_squared_shares(x, rest, y)[0] < 0.01


def test_variance_inflation_is_what_statsmodels_computes():
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    x, _, none = columns(300, 5, 1)
    both = np.column_stack([x, np.ones(300)])
    theirs = [variance_inflation_factor(both, i) for i in range(5)]
    np.testing.assert_allclose(variance_inflation(x, none), theirs)
    np.testing.assert_allclose(variance_inflation(x[:, :3], x[:, 3:]), theirs[:3])
