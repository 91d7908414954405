"""Intervals from resampling customers: calls of one customer are alike, so they are drawn together.

The interval is the expanded percentile interval (T. Hesterberg, *What teachers should know about the
bootstrap*, The American Statistician 69, 2015): quantiles of the resampled figures, moved outward so
that with few customers the interval is as wide as Student's t and the sample variance make it. It keeps
to the figure's range and does not depend on its scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from sentiment.correlation.values import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Resampling", "clusters", "figures"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_AT_ONCE = 400_000
"""Numbers in one block of weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resampling:
    """How intervals are found.

    Args:
        resamples: how many; 0 gives no intervals.
        seed: the same seed gives the same intervals.
        level: probability with which an interval should hold the true value.
        least_clusters: with fewer customers there is no interval.
        most_undefined: share of resamples in which a figure may be undefined.
    """

    resamples: int = 1_000
    seed: int = 0
    level: float = 0.95
    least_clusters: int = 10
    most_undefined: float = 0.05


def clusters(ids: npt.NDArray[np.object_]) -> Ints:
    """Numbers ``(n,)`` from 0 for customers; a row whose customer is missing (None) is one of its own."""
    numbers: dict[object, int] = {}
    return np.array(
        [numbers.setdefault(("row", i) if who is None else who, len(numbers)) for i, who in enumerate(ids)],
        dtype=np.int64,
    )


def figures(
    statistics: Mapping[str, Callable[[Floats], Floats]], cluster: Ints, options: Resampling
) -> dict[str, Figure]:
    """Each statistic of all rows, with its interval.

    Args:
        statistics: functions of weights ``(m, n)`` that give ``(m,)``.
        cluster: ``(n,)``, numbered from 0.
        options: see :class:`Resampling`.
    """
    n, n_clusters = len(cluster), int(cluster.max(initial=-1)) + 1
    if n == 0:
        return {name: Figure(None, n=0, n_customers=0, reason="no answers") for name in statistics}
    values = {name: float(of(np.ones((1, n)))[0]) for name, of in statistics.items()}
    drawn: dict[str, Floats] = {}
    if n_clusters >= options.least_clusters and options.resamples:
        blocks: dict[str, list[Floats]] = {name: [] for name in statistics}
        for weights in _draw(cluster, n_clusters, options):
            for name, of in statistics.items():
                blocks[name].append(of(weights))
        drawn = {name: np.concatenate(found) for name, found in blocks.items()}
    return {
        name: _figure(values[name], drawn.get(name), n, n_clusters, options) for name in statistics
    }  # fmt: skip


def _draw(cluster: Ints, n_clusters: int, options: Resampling) -> Iterator[Floats]:
    rng = np.random.default_rng(options.seed)
    size = max(1, _AT_ONCE // len(cluster))
    for first in range(0, options.resamples, size):
        m = min(size, options.resamples - first)
        picked = rng.integers(n_clusters, size=(m, n_clusters)) + n_clusters * np.arange(m)[:, None]
        counts = np.bincount(picked.ravel(), minlength=m * n_clusters).reshape(m, n_clusters)
        yield counts[:, cluster].astype(np.float64)


def _figure(
    value: float, drawn: Floats | None, n: int, n_clusters: int, options: Resampling
) -> Figure:  # fmt: skip
    if math.isnan(value):
        return Figure(None, n=n, n_customers=n_clusters, reason="not defined: one side does not vary")
    if drawn is None:
        why = f"fewer than {options.least_clusters} customers" if options.resamples else "not resampled"
        return Figure(value, n=n, n_customers=n_clusters, reason=f"no interval: {why}")
    known = drawn[~np.isnan(drawn)]
    if len(known) < (1.0 - options.most_undefined) * len(drawn):
        return Figure(
            value, n=n, n_customers=n_clusters,
            reason=f"no interval: not defined in {len(drawn) - len(known)} of {len(drawn)} resamples",
        )  # fmt: skip
    tail = _tail(n_clusters, options.level)
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Figure(
        value, low=min(float(low), value), high=max(float(high), value), n=n, n_customers=n_clusters
    )


def _tail(n_clusters: int, level: float) -> float:
    """Share of resamples beyond each end of the interval."""
    t = stdtrit(n_clusters - 1, (1.0 + level) / 2.0)
    return float(ndtr(-math.sqrt(n_clusters / (n_clusters - 1)) * t))
