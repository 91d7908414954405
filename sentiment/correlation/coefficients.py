"""Measures of agreement between two variables, for many weightings of the same rows at once.

A bootstrap resample is a whole-number weight for each row. Every measure here takes weights ``(m, n)``
and gives ``(m,)`` figures, NaN where they are not defined, equal to what scipy gives for the rows
repeated as often as their weight says. Rows are sorted once; each resample then costs sums along them,
not a sort.

==============  ====================================================================================
``spearman``    Pearson's correlation of midranks
``kendall``     tau-b (M. Kendall, *The treatment of ties in ranking problems*, Biometrika 33, 1945)
``pearson``     linear correlation
``mae``         mean absolute difference
``kappa``       Cohen's kappa with quadratic weights (J. Cohen, 1968). With them it equals the
                concordance 2 cov / (var + var + (difference of means)^2) of the two category numbers
                (J. Fleiss and J. Cohen, 1973), so that no table is needed
``auc``         probability that a row of the upper class has the higher value, ties counting half
==============  ====================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Sorted", "auc", "kappa", "kendall", "mae", "mean", "pearson", "sort", "spearman"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MOST_LEVELS = 30
"""Levels of a variable up to which Kendall's pairs are counted by level."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sorted:
    """A variable and its order: ``order (n,)`` sorts it, ``starts (g,)`` is where each distinct value
    begins in that order, ``level (n,)`` numbers each row's value from the lowest."""

    values: Floats
    order: Ints
    starts: Ints
    level: Ints

    @property
    def n_levels(self) -> int:
        """How many distinct values there are."""
        return len(self.starts)


def sort(values: Floats) -> Sorted:
    """Sort a variable ``(n,)``, which has no NaN."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(values), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    level = np.empty(len(values), dtype=np.int64)
    level[order] = np.cumsum(new) - 1
    return Sorted(values=values, order=order, starts=np.flatnonzero(new), level=level)


def _by_level(of: Sorted, weights: Floats) -> Floats:
    """Weight of each distinct value ``(m, g)``."""
    return np.add.reduceat(weights[:, of.order], of.starts, axis=1)


def _midranks(of: Sorted, weights: Floats) -> Floats:
    """Midrank of each row ``(m, n)`` among the weighted rows."""
    totals = _by_level(of, weights)
    ranks: Floats = (np.cumsum(totals, axis=1) - totals / 2.0 + 0.5)[:, of.level]
    return ranks


def _ratio(over: Floats, under: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under > 0.0, over / under, np.nan)


def spearman(x: Sorted, y: Sorted, weights: Floats) -> Floats:
    """Spearman's rank correlation, in [-1, 1]."""
    n = weights.sum(axis=1)
    middle = ((n + 1.0) / 2.0)[:, None]
    a, b = _midranks(x, weights) - middle, _midranks(y, weights) - middle
    covariance = np.einsum("mn,mn,mn->m", weights, a, b)
    spread = np.einsum("mn,mn,mn->m", weights, a, a) * np.einsum("mn,mn,mn->m", weights, b, b)
    return _ratio(covariance, np.sqrt(spread))


def kendall(x: Sorted, y: Sorted, weights: Floats) -> Floats:
    """Kendall's tau-b, in [-1, 1]."""
    if x.n_levels < y.n_levels:
        x, y = y, x
    if y.n_levels > _MOST_LEVELS:
        return _kendall_one_by_one(x, y, weights)
    masses = [_by_level(x, weights * (y.level == k)) for k in range(y.n_levels)]
    below = [np.cumsum(mass, axis=1) - mass for mass in masses]
    all_below = np.sum(below, axis=0)
    difference, lower = np.zeros(len(weights)), np.zeros_like(all_below)
    for mass, own in zip(masses, below, strict=True):
        higher = all_below - lower - own
        difference += np.einsum("mg,mg->m", mass, lower - higher)
        lower = lower + own
    n = weights.sum(axis=1)
    pairs = n * (n - 1.0) / 2.0
    tied = [(t * (t - 1.0) / 2.0).sum(axis=1) for t in (_by_level(x, weights), _by_level(y, weights))]
    return _ratio(difference, np.sqrt((pairs - tied[0]) * (pairs - tied[1])))


def _kendall_one_by_one(x: Sorted, y: Sorted, weights: Floats) -> Floats:
    from scipy.stats import kendalltau

    taus = np.full(len(weights), np.nan)
    for i, row in enumerate(weights.astype(np.int64)):
        a, b = np.repeat(x.values, row), np.repeat(y.values, row)
        if np.ptp(a) > 0 and np.ptp(b) > 0:
            taus[i] = kendalltau(a, b).statistic
    return taus


def _moments(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, ...]:
    """Means, variances and covariance of each weighting; a spread that is only rounding is 0."""
    n = weights.sum(axis=1)
    x, y = x - x.mean(), y - y.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        mx, my, xx, yy, xy = (weights @ v / n for v in (x, y, x * x, y * y, x * y))
    vx, vy = xx - mx * mx, yy - my * my
    return mx, my, np.where(vx > 1e-12 * xx, vx, 0.0), np.where(vy > 1e-12 * yy, vy, 0.0), xy - mx * my


def pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Pearson's correlation, in [-1, 1]."""
    _, _, vx, vy, covariance = _moments(x, y, weights)
    return np.clip(_ratio(covariance, np.sqrt(vx * vy)), -1.0, 1.0)


def kappa(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Quadratic weighted kappa of two category numbers (whole numbers on one scale), in [-1, 1]."""
    shift = x.mean() - y.mean()
    mx, my, vx, vy, covariance = _moments(x, y, weights)
    return np.clip(_ratio(2.0 * covariance, vx + vy + (mx - my + shift) ** 2), -1.0, 1.0)


def mean(x: Floats, weights: Floats) -> Floats:
    """Weighted mean."""
    return _ratio(weights @ x, weights.sum(axis=1))


def mae(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Mean absolute difference, in units of both."""
    return mean(np.abs(x - y), weights)


def auc(x: Sorted, upper: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Area under the ROC curve of ``x`` for the class ``upper``, in [0, 1]."""
    with_it, without = _by_level(x, weights * upper), _by_level(x, weights * ~upper)
    below = np.cumsum(without, axis=1) - without / 2.0
    pairs = with_it.sum(axis=1) * without.sum(axis=1)
    return _ratio(np.einsum("mg,mg->m", with_it, below), pairs)
