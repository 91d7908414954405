"""What was learned about satisfaction, as numbers one can read: curves, a reading of the text, answers.

Satisfaction is on the unit scale, 0 for the worst answer and 1 for the best. A call's score is additive,

    score = level + sum of curve_j(feature_j)

where some features are linear readings of the text, so that what each gives is a number of its own: no
approximation stands between an estimate and its reasons (T. Hastie and R. Tibshirani, *Generalized additive
models*, 1986; Y. Lou et al., *Intelligible models*, KDD 2012). The probability of each answer follows from
the score (:class:`Answers`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import IntervalOf

__all__ = ["Answers", "Curve", "Learned", "Reading", "reading_names"]

Floats = NDArray[np.float64]


def reading_names(n: int) -> list[str]:
    """The names of the features that ``n`` readings are."""
    return [f"reading_{i}" for i in range(n)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """What a feature gives to the score: a step for each stretch between ``edges``.

    ``steps`` has one value more than ``edges``; ``missing`` is for a feature that could not be measured;
    their mean over the calls it was learned from is 0. ``typical`` is the feature's median there.
    """

    feature: str
    edges: tuple[float, ...]
    steps: tuple[float, ...]
    missing: float
    typical: float

    def at(self, values: Floats) -> Floats:
        """The step of each value; NaN is missing."""
        found = np.asarray(self.steps)[np.searchsorted(np.asarray(self.edges), values, side="right")]
        return np.where(np.isnan(values), self.missing, found)


@dataclass(frozen=True, slots=True)
class Reading:
    """A linear reading of the parts of a dialogue (:mod:`sentiment.affect.dialogue`).

    ``weights`` is float32 ``(n_parts, size)``, ``offsets`` ``(n_parts,)`` what is taken off for a part in
    which something was said: a part without words neither adds nor takes.
    """

    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def of(self, parts: NDArray[np.float32]) -> Floats:
        """The readings of ``(n, n_parts, size)`` or ``(n, n_parts * size)``, NaN where no part has words."""
        shaped = parts.reshape(len(parts), *self.weights.shape)
        each = np.einsum("nps,ps->np", np.nan_to_num(shaped), self.weights) - self.offsets
        said = ~np.isnan(shaped[:, :, 0])
        return np.where(said.any(1), np.where(said, each, 0.0).sum(1), np.nan)


@dataclass(frozen=True, slots=True)
class Learned:
    """A score: its ``level``, a curve for each feature that counts, and the readings among the features."""

    level: float
    curves: tuple[Curve, ...]
    readings: tuple[Reading, ...] = ()

    def values(self, features: Floats, parts: NDArray[np.float32] | None) -> Floats:
        """The features of ``n`` calls with the readings of their dialogues as further columns.

        Args:
            features: ``(n, n_features)``.
            parts: as :meth:`Reading.of` takes them; may be ``None`` where there are no readings.
        """
        if not self.readings or parts is None:
            return features
        return np.column_stack([features, *(reading.of(parts) for reading in self.readings)])

    def effects(self, values: Floats, names: Sequence[str]) -> Floats:
        """What each curve gives, ``(n, len(curves))``.

        Args:
            values: as :meth:`values` gives them.
            names: of the features.
        """
        at = {name: i for i, name in enumerate([*names, *reading_names(len(self.readings))])}
        columns = [curve.at(values[:, at[curve.feature]]) for curve in self.curves]
        return np.stack(columns, axis=1) if columns else np.zeros((len(values), 0))

    def scores(self, values: Floats, names: Sequence[str]) -> Floats:
        """The score of each row of ``values``; nearly always in [0, 1]."""
        total: Floats = self.level + self.effects(values, names).sum(1)
        return total

    def on_line(self, intercept: float, slope: float) -> Learned:
        """``intercept + slope * score``."""
        curves = tuple(_scaled(curve, slope) for curve in self.curves)
        return Learned(intercept + slope * self.level, curves, self.readings)

    def plus(self, other: Learned) -> Learned:
        """The sum of two scores; the readings of ``other`` are numbered after these."""
        n, after = len(self.readings), reading_names(len(self.readings) + len(other.readings))
        new = dict(zip(reading_names(len(other.readings)), after[n:], strict=True))
        renamed = [replace(c, feature=new.get(c.feature, c.feature)) for c in other.curves]
        by_name: dict[str, list[Curve]] = {}
        for curve in (*self.curves, *renamed):
            by_name.setdefault(curve.feature, []).append(curve)
        curves = tuple(_added(each) for each in by_name.values())
        return Learned(self.level + other.level, curves, (*self.readings, *other.readings))


def _scaled(curve: Curve, factor: float) -> Curve:
    return replace(curve, steps=tuple(factor * s for s in curve.steps), missing=factor * curve.missing)


def _added(curves: Sequence[Curve]) -> Curve:
    """The sum of curves of one feature, whose typical value is the last one's."""
    if len(curves) == 1:
        return curves[0]
    edges = np.unique(np.concatenate([c.edges for c in curves]))
    inside = np.concatenate([edges[:1] - 1.0, (edges[:-1] + edges[1:]) / 2, edges[-1:] + 1.0])
    steps = np.sum([c.at(inside) for c in curves], axis=0)
    return Curve(
        feature=curves[0].feature,
        edges=tuple(map(float, edges)),
        steps=tuple(map(float, steps)),
        missing=sum(c.missing for c in curves),
        typical=curves[-1].typical,
    )


@dataclass(frozen=True, slots=True)
class Answers:
    """How likely each answer on a scale is, given the score: proportional odds.

    P(answer <= k) = 1 / (1 + exp(-slope (threshold_k - score))) (P. McCullagh, *Regression models for
    ordinal data*, J. R. Statist. Soc. B 42, 1980). There is one threshold fewer than answers. ``spread`` is
    how many standard deviations of the answer its 90 % interval reaches to either side, such that it
    held nine in ten of the answers it was set by (split conformal: J. Lei et al., JASA 113, 2018).
    ``interval_of`` says what those were: one person's ``answer``, or the ``mean`` of many people's to a call.
    """

    scale_min: int
    scale_max: int
    slope: float
    thresholds: tuple[float, ...]
    spread: float
    interval_of: IntervalOf = "answer"

    @property
    def scale(self) -> NDArray[np.int64]:
        """The answers one can give."""
        return np.arange(self.scale_min, self.scale_max + 1)

    def distribution(self, scores: Floats) -> Floats:
        """The probability of each answer, ``(n, len(scale))``."""
        below = _expit(self.slope * (np.asarray(self.thresholds)[None, :] - np.asarray(scores)[:, None]))
        edges = np.concatenate([np.zeros((len(below), 1)), below, np.ones((len(below), 1))], axis=1)
        return np.diff(edges, axis=1)

    def expected(self, scores: Floats) -> Floats:
        """The mean answer."""
        mean: Floats = self.distribution(scores) @ self.scale
        return mean

    def deviation(self, scores: Floats) -> Floats:
        """The standard deviation of the answer."""
        p = self.distribution(scores)
        variance = p @ (self.scale**2) - (p @ self.scale) ** 2
        return np.sqrt(np.maximum(variance, 0.0))

    def interval(self, scores: Floats) -> tuple[Floats, Floats]:
        """The 90 % interval, cut to the scale."""
        mean, reach = self.expected(scores), self.spread * self.deviation(scores)
        return np.maximum(mean - reach, self.scale_min), np.minimum(mean + reach, self.scale_max)

    def on(self, scale_min: int, scale_max: int) -> Answers:
        """The same satisfaction told on another scale: its thresholds lie between these as its boundaries do.

        The boundary between two answers is half way between them on the unit scale; beyond the outermost
        thresholds the line through the two next to it goes on.
        """
        own, other = (
            _boundaries(lo, hi) for lo, hi in ((self.scale_min, self.scale_max), (scale_min, scale_max))
        )
        known = np.asarray(self.thresholds)
        found = np.interp(other, own, known)
        for outside, (a, b) in ((other < own[0], (0, 1)), (other > own[-1], (-2, -1))):
            line = (known[b] - known[a]) / (own[b] - own[a])
            end = a if a == 0 else b
            found = np.where(outside, known[end] + line * (other - own[end]), found)
        return replace(self, scale_min=scale_min, scale_max=scale_max, thresholds=tuple(map(float, found)))


def _boundaries(scale_min: int, scale_max: int) -> Floats:
    return (np.arange(scale_max - scale_min) + 0.5) / (scale_max - scale_min)


def _expit(x: Floats) -> Floats:
    half: Floats = 0.5 * (1.0 + np.tanh(0.5 * x))
    return half
