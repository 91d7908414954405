"""The arithmetic of figures: agreement, calibration, thresholds and how sure a figure is. No models here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Bin",
    "calibration_error",
    "confusion",
    "crossfitted",
    "f1_of_marks",
    "f1_per_class",
    "fit_thresholds",
    "interval",
    "macro_f1",
    "pearson",
    "reliability",
    "weighted_f1",
]

Array = NDArray[Any]

BINS = 15
GRID = np.arange(0.05, 0.91, 0.01)
RESAMPLES = 400
SEED = 20


def confusion(truth: Array, found: Array, n_classes: int = 3) -> NDArray[np.int64]:
    """Counts ``(n_classes, n_classes)``: a row for each true class, a column for each found one."""
    pairs = np.asarray(truth, int) * n_classes + np.asarray(found, int)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def f1_per_class(counts: Array) -> NDArray[np.float64]:
    """F1 of each class from :func:`confusion`; NaN for a class that is neither true nor found."""
    right = np.diag(counts).astype(float)
    either = counts.sum(0) + counts.sum(1)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * right / either)


def macro_f1(truth: Array, found: Array) -> float:
    """The mean F1 of three classes, those that are neither true nor found left out."""
    return float(np.nanmean(f1_per_class(confusion(truth, found))))


def weighted_f1(truth: Array, found: Array) -> float:
    """The mean F1 of three classes, weighted by how often each is true."""
    counts = confusion(truth, found)
    return float(np.nansum(f1_per_class(counts) * counts.sum(1)) / counts.sum())


def pearson(truth: Array, found: Array) -> float:
    """Pearson's r; 0 where one of the two does not vary."""
    if np.std(truth) == 0 or np.std(found) == 0:
        return 0.0
    return float(np.corrcoef(truth, found)[0, 1])


def f1_of_marks(truth: Array, found: Array) -> NDArray[np.float64]:
    """F1 of each of ``k`` labels, from bool ``(n, k)`` both; 0 for one never true nor found."""
    right = (truth & found).sum(0)
    return np.asarray(2 * right / np.maximum(1, truth.sum(0) + found.sum(0)))


def fit_thresholds(probabilities: Array, truth: Array) -> NDArray[np.float64]:
    """For each label the probability from which on it counts as found, so that its F1 is best.

    F1 over thresholds is averaged over seven neighbouring ones, 0.01 apart, before its peak is taken: a label
    that is seldom true has a jagged curve, and its highest tooth is luck.

    Args:
        probabilities: float ``(n, k)`` in [0, 1].
        truth: bool ``(n, k)``, of texts that are not measured on afterwards.

    Returns:
        Float ``(k,)`` between 0.05 and 0.9.
    """
    curves = np.stack([f1_of_marks(truth, probabilities >= t) for t in GRID])
    window = np.ones(7) / 7
    padded = np.pad(curves, ((3, 3), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(curve, window, "valid") for curve in padded.T], axis=1)
    return np.asarray(GRID[smooth.argmax(0)])


def crossfitted(probabilities: Array, truth: Array, half: Array) -> NDArray[np.bool_]:
    """What is found, bool ``(n, k)``: each half at the thresholds fitted on the other (``half`` is bool)."""
    found = np.zeros(truth.shape, bool)
    for mine in (half, ~half):
        found[mine] = probabilities[mine] >= fit_thresholds(probabilities[~mine], truth[~mine])
    return found


@dataclass(frozen=True, slots=True)
class Bin:
    """Items whose top class has about the same probability: mean probability, and how many were right."""

    n: int
    confidence: float
    accuracy: float


def reliability(probabilities: Array, truth: Array) -> list[Bin]:
    """Items in 15 equal bins by the probability of their top class; empty bins are left out.

    Args:
        probabilities: float ``(n, n_classes)``, rows sum to 1.
        truth: the true class of each, ``(n,)``.
    """
    top, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        Bin(int((bins == b).sum()), float(top[bins == b].mean()), float(right[bins == b].mean()))
        for b in np.unique(bins)
    ]


def calibration_error(probabilities: Array, truth: Array) -> float:
    """Expected calibration error of the top class over 15 equal bins (Guo et al. 2017)."""
    return sum(b.n * abs(b.confidence - b.accuracy) for b in reliability(probabilities, truth)) / len(truth)


def interval(
    measure: Callable[..., float], *columns: Array | Sequence[Any], resamples: int = RESAMPLES
) -> tuple[float, float]:
    """A 95 % interval of ``measure(*columns)`` by the seeded bootstrap over items (Efron 1979).

    The columns are drawn together, so a measure may be the difference of two systems on the same items.
    """
    arrays = [np.asarray(column) for column in columns]
    rng = np.random.default_rng(SEED)
    n = len(arrays[0])
    draws = (rng.integers(0, n, n) for _ in range(resamples))
    values = [measure(*(array[rows] for array in arrays)) for rows in draws]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
