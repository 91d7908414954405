"""Who explains how much: variance inflation, and R² shared out among correlated columns.

The share of a column is the mean of what it adds to R² over all orders of taking the columns in: the
Shapley value (R. Lindeman, P. Merenda and R. Gold, 1980; U. Grömping, *Estimators of relative importance in
linear regression*, The American Statistician 61, 2007).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

__all__ = ["r_squared", "r_squared_shares", "residual", "variance_inflation"]

Floats = npt.NDArray[np.float64]

_EXACT = 12
"""Up to so many columns all orders are averaged; beyond, a sample of them."""
_N_ORDERS = 2_000


def residual(columns: Floats, y: Floats) -> Floats:
    """What ``columns (n, k)`` and an intercept leave of ``y (n, m)``, by least squares."""
    both = np.column_stack([columns, np.ones(len(y))])
    return np.asarray(y - both @ np.linalg.lstsq(both, y, rcond=None)[0])


def r_squared(columns: Floats, y: Floats) -> float:
    """Share of the variance of ``y (n,)`` that ``columns (n, k)`` explain."""
    centred = (y - y.mean())[:, None]
    return 1.0 - float(np.sum(residual(columns, centred) ** 2) / np.sum(centred**2))


def variance_inflation(columns: Floats, rest: Floats) -> Floats:
    """1 / (1 - R²) ``(p,)`` of each of ``columns (n, p)`` on the others and on ``rest (n, k)``."""
    left = residual(rest, columns)
    kept = np.sum(left**2, axis=0) / np.sum((columns - columns.mean(axis=0)) ** 2, axis=0)
    return np.asarray(np.diag(np.linalg.inv(_correlation(left))) / kept)


def r_squared_shares(columns: Floats, rest: Floats, y: Floats) -> Floats:
    """R² ``(p,)`` due to each of ``columns (n, p)``, of what ``rest (n, k)`` leaves of ``y (n,)``."""
    correlation = _correlation(residual(rest, np.column_stack([columns, y])))
    among, with_y = correlation[:-1, :-1], correlation[:-1, -1]
    return _exact(among, with_y) if len(with_y) <= _EXACT else _sampled(among, with_y)


def _correlation(columns: Floats) -> Floats:
    return np.asarray(np.corrcoef(columns, rowvar=False)).reshape(columns.shape[1], -1)


def _exact(among: Floats, with_y: Floats) -> Floats:
    """Over all subsets of the columns, each counted as often as it begins an order."""
    p = len(with_y)
    shares = np.zeros(p)
    explained: dict[tuple[int, ...], float] = {(): 0.0}
    for size in range(1, p + 1):
        weight = math.factorial(size - 1) * math.factorial(p - size) / math.factorial(p)
        for chosen in itertools.combinations(range(p), size):
            r = with_y[list(chosen)]
            explained[chosen] = float(r @ np.linalg.solve(among[np.ix_(chosen, chosen)], r))
            for j in chosen:
                without = tuple(k for k in chosen if k != j)
                shares[j] += weight * (explained[chosen] - explained[without])
    return shares


def _sampled(among: Floats, with_y: Floats) -> Floats:
    """Over sampled orders, each with its reverse; one Cholesky factor gives the steps of an order."""
    rng = np.random.default_rng(0)
    shares = np.zeros(len(with_y))
    for _ in range(_N_ORDERS // 2):
        order = rng.permutation(len(with_y))
        for way in (order, order[::-1]):
            factor = np.linalg.cholesky(among[np.ix_(way, way)])
            shares[way] += np.linalg.solve(factor, with_y[way]) ** 2
    return shares / _N_ORDERS
