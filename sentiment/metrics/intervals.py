"""95 % intervals from sums alone, for many groups at once.

Every interval here needs only sums over the rows of a group (counts, and the first three powers of a
value), so that one scan of the data serves every group, however many rows there are, and the sums of
groups add up to those of a total. Resampling rows would be a pass over the data for each resample.

==================  =================================================================================
proportions         Wilson's score interval (Wilson 1927)
scores on a scale   Wald's interval after three pseudo-answers, a quarter of them at each end of the
                    scale and half in its middle (Agresti & Caffo 2000; for NPS, Rocks 2016)
means and ratios    Student's t, corrected for skewness by Hall's cubic transformation (Hall 1992, "On the
                    removal of skewness by transformation"): second-order correct, as the bootstrap-t is
quantiles           order statistics, by the normal approximation of the binomial (David & Nagaraja 2003)
differences         MOVER: from the two intervals (Zou & Donner 2008; Newcombe 1998 for proportions)
==================  =================================================================================

In simulations they hold the truth as often as the percentile bootstrap of the rows in large groups and much
more often in small ones: ``tests/benchmarks/INTERVALS.md`` has the figures.

Arrays are float64 with one entry for each group; NaN stands for what cannot be computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "LEVEL",
    "Array",
    "Interval",
    "Moments",
    "difference",
    "of_mean",
    "of_proportion",
    "of_ratio",
    "of_score",
    "two_sided_p",
    "z_of",
]

Array = NDArray[np.float64]

LEVEL = 0.95
"""Probability with which an interval should hold the true value."""


class Interval(NamedTuple):
    """Lower and upper ends."""

    low: Array
    high: Array


class Moments(NamedTuple):
    """Sums of a value's first three powers over ``n`` rows."""

    n: Array
    sum: Array
    squares: Array
    cubes: Array


def z_of(level: float) -> float:
    """Standard normal quantile of a two-sided interval of this level; 1.96 for 0.95."""
    return float(special.ndtri((1 + level) / 2))


def of_proportion(events: Array, n: Array, z: float | Array) -> Interval:
    """Wilson's interval of ``events / n``, in [0, 1]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = events / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = np.where(events == 0, 0.0, np.clip(middle - half, 0, 1))
    high = np.where(events == n, 1.0, np.clip(middle + half, 0, 1))
    return _only(n > 0, low, high)


PSEUDO_ANSWERS = 3.0
"""How many answers are added to those of a scale; Rocks (2016) finds 3 best for NPS."""


def of_score(
    n: Array, total: Array, squares: Array, *, low: Array, high: Array, z: float | Array
) -> Interval:
    """Interval of the mean of scores that lie in [``low``, ``high``], from their sum and sum of squares."""
    with np.errstate(invalid="ignore", divide="ignore"):
        middle, reach = (low + high) / 2, (high - low) / 2
        first = (total - n * middle) / reach  # scores moved to [-1, 1]
        second = (squares - 2 * middle * total + n * middle * middle) / (reach * reach)
        more = n + PSEUDO_ANSWERS
        mean = first / more
        variance = np.maximum((second + PSEUDO_ANSWERS / 2) / more - mean * mean, 0)
        half = z * np.sqrt(variance / more)
        ends = middle + reach * np.clip(mean - half, -1, 1), middle + reach * np.clip(mean + half, -1, 1)
    return _only(n > 0, *ends)


def of_mean(moments: Moments, z: float | Array) -> Interval:
    """Interval of a mean; undefined for fewer than two rows."""
    n, total, squares, cubes = moments
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        second = np.maximum(squares / n - mean * mean, 0)
        second = np.where(second <= 1e-12 * squares / n, 0.0, second)  # rounding of equal values
        third = cubes / n - 3 * mean * squares / n + 2 * mean**3
        error = np.sqrt(second / (n - 1))
        skewness = np.where(second > 0, third / second**1.5, 0.0)
    return _around(mean, error, skewness, n, z)


def of_ratio(n: Array, sums: dict[str, Array], z: float | Array) -> Interval:
    """Interval of a ratio of two sums over rows, by the residuals ``y - ratio * x`` of each row.

    Args:
        n: rows.
        sums: sums over the rows under ``y x yy xy xx yyy xyy xxy xxx``, the products so named.
        z: as :func:`z_of` gives it.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        r = sums["y"] / sums["x"]
        scale = sums["x"] / n
        second = np.maximum(sums["yy"] - 2 * r * sums["xy"] + r * r * sums["xx"], 0) / n
        second = np.where(second <= 1e-12 * sums["yy"] / n, 0.0, second)
        third = (sums["yyy"] - 3 * r * sums["xyy"] + 3 * r * r * sums["xxy"] - r**3 * sums["xxx"]) / n
        error = np.sqrt(second / (n - 1)) / np.abs(scale)
        skewness = np.where(second > 0, third / second**1.5 * np.sign(scale), 0.0)
    return _around(r, error, skewness, n, z)


def _around(mean: Array, error: Array, skewness: Array, n: Array, z: float | Array) -> Interval:
    """``mean`` with its standard error, Student's t and Hall's correction for skewness."""
    with np.errstate(invalid="ignore", divide="ignore"):
        t = special.stdtrit(np.maximum(n - 1, 1), special.ndtr(z))
        a = skewness / np.sqrt(n)
        safe = np.where(np.abs(a) < 1e-8, 1.0, a)

        def transformed(q: Array) -> Array:
            cubic = 3 / safe * (np.cbrt(1 + safe * (q - safe / 6)) - 1)
            return np.where(np.abs(a) < 1e-8, q, cubic)

        return _only(n > 1, mean - error * transformed(t), mean - error * transformed(-t))


def difference(first: Array, first_in: Interval, second: Array, second_in: Interval) -> Interval:
    """Interval of ``second - first`` for independent groups, from the interval of each."""
    gap = second - first
    low = np.hypot(second - second_in.low, first_in.high - first)
    high = np.hypot(second_in.high - second, first - first_in.low)
    return Interval(gap - low, gap + high)


def two_sided_p(interval_at: Callable[[float | Array], Interval]) -> Array:
    """The p value at which an interval of a difference just touches 0: test and interval agree.

    ``interval_at`` gives the interval for a normal quantile z; it must widen with z. Undefined (NaN)
    where the interval is. Values below 1e-14 are given as 0.
    """
    start = interval_at(z_of(LEVEL))
    low, high = np.zeros_like(start.low), np.full_like(start.low, 8.0)
    for _ in range(50):
        z = (low + high) / 2
        ends = interval_at(z)
        excludes = (ends.low > 0) | (ends.high < 0)
        low, high = np.where(excludes, z, low), np.where(excludes, high, z)
    p = 2 * special.ndtr(-(low + high) / 2)
    return np.where(np.isnan(start.low) | np.isnan(start.high), np.nan, np.where(p < 1e-14, 0.0, p))


def _only(defined: NDArray[np.bool_], low: Array, high: Array) -> Interval:
    return Interval(np.where(defined, low, np.nan), np.where(defined, high, np.nan))
