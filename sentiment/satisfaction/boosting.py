"""Learning curves and a reading from what is left to explain. Needs scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV

from sentiment.satisfaction.learned import Curve, Learned, Reading, reading_names

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BoostOptions", "boost"]

Floats = NDArray[np.float64]
Parts = NDArray[np.float32]

MOST_STEPS = 32
ROUNDS = (0, 10, 25, 50, 75, 100, 150, 200)
RIDGES = (1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0)
LEAST_FOR_READING = 150
LEAST_FOR_CURVES = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class BoostOptions:
    """How it is learned; see :class:`~sentiment.satisfaction.model.SatisfactionModel`."""

    names: Sequence[str]
    rises: Sequence[int] | None
    shape: tuple[int, int] | None
    bags: int
    seed: int


def boost(
    features: Floats, parts: Parts | None, target: Floats, folds: NDArray[np.int64], options: BoostOptions
) -> tuple[Learned, Floats]:
    """What is learned, and its out-of-fold scores ``(n,)``: zeros where there are too few calls.

    Args:
        features: ``(n, n_features)``, NaN where not measured.
        parts: ``(n, n_parts * size)``, or ``None``.
        target: ``(n,)``.
        folds: ``(n,)``, the fold of each call.
    """
    n = len(target)
    if n < LEAST_FOR_CURVES or len(np.unique(folds)) < 2 or not options.bags:
        return Learned(0.0, ()), np.zeros(n)
    names, rises = list(options.names), list(options.rises or [0] * features.shape[1])
    readings: tuple[Reading, ...] = ()
    values = features
    if parts is not None and options.shape is not None and n >= LEAST_FOR_READING:
        held_out, reading = _read(parts, target, folds, options.shape)
        values, readings = np.column_stack([features, held_out]), (reading,)
        names, rises = [*names, *reading_names(1)], [*rises, 1]
    steps = _Steps.of(values)
    if not len(steps.columns):
        return Learned(0.0, ()), np.zeros(n)
    codes, rises = steps.codes(values), [rises[j] for j in steps.columns]
    staged = np.zeros((len(ROUNDS), n))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        staged[:, test] = _staged(
            _boosters(codes[train], target[train], rises, max(ROUNDS), options), codes[test]
        )
    best = int(np.argmin(((staged - target) ** 2).mean(1)))
    if ROUNDS[best] == 0:
        return Learned(0.0, ()), np.zeros(n)
    boosters = _boosters(codes, target, rises, ROUNDS[best], options)
    level, curves = steps.curves(boosters, values, codes, names)
    used = {c.feature for c in curves}
    return Learned(level, curves, readings if used & set(reading_names(1)) else ()), staged[best]


def _read(
    parts: Parts, target: Floats, folds: NDArray[np.int64], shape: tuple[int, int]
) -> tuple[Floats, Reading]:
    """Out-of-fold readings, and the reading of all calls."""
    reading = _ridge(parts, target, shape)
    held_out = np.zeros(len(target))
    for fold in np.unique(folds):
        held_out[folds == fold] = _ridge(parts[folds != fold], target[folds != fold], shape).of(
            parts[folds == fold]
        )
    return held_out, reading


def _ridge(parts: Parts, target: Floats, shape: tuple[int, int]) -> Reading:
    """Ridge regression on standardised parts; a part without words counts as the average one."""
    mean, sd = np.nanmean(parts, axis=0), np.nanstd(parts, axis=0) + 1e-6
    found = RidgeCV(RIDGES).fit(np.nan_to_num((parts - mean) / sd), target)
    weights = (found.coef_ / sd).reshape(shape)
    return Reading(weights.astype(np.float32), (weights * mean.reshape(shape)).sum(1).astype(np.float32))


def _boosters(
    codes: Floats, target: Floats, rises: Sequence[int], rounds: int, options: BoostOptions
) -> list[Any]:
    """Boosted trees of one feature each, on calls reweighted as by the Bayesian bootstrap (Rubin 1981)."""
    found = []
    for bag in range(options.bags):
        weight = np.random.default_rng((options.seed, bag)).exponential(size=len(target))
        booster = HistGradientBoostingRegressor(
            max_iter=rounds,
            learning_rate=0.07,
            max_leaf_nodes=3,
            min_samples_leaf=max(5, min(15, len(target) // 40)),
            l2_regularization=5.0,
            max_bins=MOST_STEPS + 1,
            interaction_cst="no_interactions",
            monotonic_cst=list(rises),
            early_stopping=False,
            random_state=options.seed,
        )
        found.append(booster.fit(codes, target, sample_weight=weight))
    return found


def _staged(boosters: Sequence[Any], codes: Floats) -> Floats:
    """The mean prediction after each of :data:`ROUNDS`, ``(len(ROUNDS), n)``."""
    total = np.zeros((len(ROUNDS), len(codes)))
    at = {rounds: i for i, rounds in enumerate(ROUNDS)}
    for booster in boosters:
        for done, predicted in enumerate(booster.staged_predict(codes), 1):
            if done in at:
                total[at[done]] += predicted / len(boosters)
    return total


@dataclass(frozen=True, slots=True)
class _Steps:
    """The columns that vary, and the edges between their steps."""

    columns: tuple[int, ...]
    edges: tuple[Floats, ...]

    @classmethod
    def of(cls, values: Floats) -> _Steps:
        """At most :data:`MOST_STEPS` steps a column, about as many calls in each."""
        found = {}
        for j, column in enumerate(values.T):
            distinct = np.unique(column[~np.isnan(column)])
            if len(distinct) < 2:
                continue
            if len(distinct) > MOST_STEPS:
                known = column[~np.isnan(column)]
                edges = np.unique(np.quantile(known, np.arange(1, MOST_STEPS) / MOST_STEPS))
            else:
                edges = (distinct[:-1] + distinct[1:]) / 2
            found[j] = edges
        return cls(tuple(found), tuple(found.values()))

    def codes(self, values: Floats) -> Floats:
        """Which step each value is on, NaN where missing, ``(n, len(columns))``."""
        columns = [
            np.where(np.isnan(values[:, j]), np.nan, np.searchsorted(edges, values[:, j], side="right"))
            for j, edges in zip(self.columns, self.edges, strict=True)
        ]
        return np.column_stack(columns)

    def curves(
        self, boosters: Sequence[Any], values: Floats, codes: Floats, names: Sequence[str]
    ) -> tuple[float, tuple[Curve, ...]]:
        """The level and the curves that the boosters add up to; curves that are flat are left out."""
        zero = np.zeros((1, len(self.columns)))

        def mean(rows: Floats) -> Floats:
            found: Floats = np.mean([b.predict(rows) for b in boosters], axis=0)
            return found

        origin = float(mean(zero)[0])
        level, found = origin, []
        for at, (j, edges) in enumerate(zip(self.columns, self.edges, strict=True)):
            rows = np.repeat(zero, len(edges) + 2, axis=0)
            rows[:, at] = [*range(len(edges) + 1), np.nan]
            effect = mean(rows) - origin
            missing = np.isnan(codes[:, at])
            steps, of_missing = effect[:-1], float(effect[-1])
            known = steps[codes[~missing, at].astype(int)]
            centre = (known.sum() + of_missing * missing.sum()) / len(codes)
            level += centre
            if np.ptp(steps) < 1e-9:
                continue
            found.append(
                Curve(
                    feature=names[j],
                    edges=tuple(map(float, edges)),
                    steps=tuple(map(float, steps - centre)),
                    missing=of_missing - centre if missing.any() else 0.0,
                    typical=float(np.nanmedian(values[:, j])),
                )
            )
        return level, tuple(found)
