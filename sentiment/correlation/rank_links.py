"""Rank correlations of many pairs, with intervals that hold for clustered rows, without resampling.

Spearman's coefficient is a smooth function of means of the data's own ranks, so each row has an
influence on it that sums along the sorted values give (C. Borkowf, *Computing the nonnull asymptotic
variance and the asymptotic relative efficiency of Spearman's rank correlation*, Computational Statistics
& Data Analysis 39, 2002); influences of a customer's rows are added before they are squared. The
interval is made on Fisher's scale, atanh.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from sentiment.correlation.coefficients import Sorted, sort
from sentiment.correlation.values import Figure

__all__ = ["rank_correlation", "rank_correlation_within"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LEAST_CLUSTERS = 10


def rank_correlation(x: Floats, y: Floats, cluster: Ints, *, level: float = 0.95) -> Figure:
    """Spearman's correlation of two columns ``(n,)`` without NaN; ``cluster (n,)`` numbers the customers."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return _undefined(len(x), cluster)
    by_x, by_y = sort(x), sort(y)
    u, v = _centred(by_x), _centred(by_y)
    uv, uu, vv = float((u * v).mean()), float((u * u).mean()), float((v * v).mean())
    r = uv / np.sqrt(uu * vv)
    of_uv = u * v - uv + _moves(by_x, v) + _moves(by_y, u)
    of_uu, of_vv = u * u - uu + 2 * _moves(by_x, u), v * v - vv + 2 * _moves(by_y, v)
    influence = of_uv / np.sqrt(uu * vv) - r / 2.0 * (of_uu / uu + of_vv / vv)
    return _figure(float(r), influence, cluster, level)


def rank_correlation_within(
    x: Floats, y: Floats, group: Ints, cluster: Ints, *, level: float = 0.95
) -> Figure:
    """The same within groups: the correlation of ranks less their group's mean rank.

    Its influences take the ranks as given; they are those of Pearson's correlation.
    """
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return _undefined(len(x), cluster)
    sizes = np.bincount(group).astype(np.float64)

    def inner(values: Floats) -> Floats:
        ranks = _centred(sort(values))
        means = np.bincount(group, weights=ranks) / np.maximum(sizes, 1.0)
        rest: Floats = ranks - means[group]
        return rest

    u, v = inner(x), inner(y)
    uu, vv = float((u * u).mean()), float((v * v).mean())
    if min(uu, vv) < 1e-15:
        return _undefined(len(x), cluster)
    r = float((u * v).mean()) / np.sqrt(uu * vv)
    influence = u * v / np.sqrt(uu * vv) - r / 2.0 * (u * u / uu + v * v / vv)
    return _figure(float(r), influence, cluster, level)


def _undefined(n: int, cluster: Ints) -> Figure:
    return Figure(
        None, n=n, n_customers=len(np.unique(cluster)), reason="not defined: one side does not vary"
    )  # fmt: skip


def _centred(of: Sorted) -> Floats:
    """Share of rows below each (ties half), less one half."""
    counts = np.bincount(of.level, minlength=of.n_levels).astype(np.float64)
    share: Floats = ((np.cumsum(counts) - counts / 2.0) / counts.sum() - 0.5)[of.level]
    return share


def _moves(of: Sorted, other: Floats) -> Floats:
    """Mean over rows k of ``other_k`` (mean 0) where row i lies below k, ties half: what i adds to ranks."""
    totals = np.bincount(of.level, weights=other, minlength=of.n_levels)
    above = totals.sum() - np.cumsum(totals) + totals / 2.0
    mean: Floats = (above / len(other))[of.level]
    return mean


def _figure(r: float, influence: Floats, cluster: Ints, level: float) -> Figure:
    n = len(influence)
    sums = np.bincount(cluster, weights=influence)
    n_clusters = len(np.unique(cluster))
    if n_clusters < _LEAST_CLUSTERS or abs(r) >= 1.0 - 1e-12:
        why = "perfect" if abs(r) >= 1.0 - 1e-12 else f"fewer than {_LEAST_CLUSTERS} customers"
        return Figure(r, n=n, n_customers=n_clusters, reason=f"no interval: {why}")
    error = float(np.sqrt((sums * sums).sum() * n_clusters / (n_clusters - 1))) / n / (1.0 - r * r)
    t = float(stdtrit(n_clusters - 1, (1.0 + level) / 2.0))
    z = float(np.arctanh(r))
    p = 2.0 * float(stdtr(n_clusters - 1, -abs(z) / error)) if error > 0 else 1.0
    return Figure(
        r, float(np.tanh(z - t * error)), float(np.tanh(z + t * error)), n=n, n_customers=n_clusters,
        p_value=p,
    )  # fmt: skip
