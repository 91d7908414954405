"""The learner: calls with answers -> curves, a reading and the answers' thresholds. Needs scikit-learn.

:class:`SatisfactionModel` is a scikit-learn regressor with ``predict_proba``. It learns in three steps, each
on what the steps before leave:

1. the *base*: the shipped score, brought in line with these answers by a line that is drawn to the
   identity, as by :data:`BASE_ANSWERS` answers (30 answers move it little, 3,000 as they say);
2. a *reading* of the text by ridge regression, of which the next step sees only out-of-fold values;
3. *curves* by boosting trees that each see one feature (``interaction_cst="no_interactions"``), monotone
   where a feature can only raise or lower satisfaction, as many rounds as serve on held-out folds: none, if
   none do. Boosted trees of one feature add up to steps, which are read off and kept.

The scores that thresholds and the interval are set by are out-of-fold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sentiment.satisfaction.answers import even_answers, fit_answers, fit_spread
from sentiment.satisfaction.boosting import BoostOptions, boost
from sentiment.satisfaction.folds import folds_of
from sentiment.satisfaction.learned import Answers, Learned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import IntervalOf

__all__ = ["SatisfactionModel"]

Floats = NDArray[np.float64]

BASE_ANSWERS = 20.0
"""How many answers the base's own line counts as."""


def _has_scale(model: SatisfactionModel) -> bool:
    """What was not given as answers on a scale has no probability of each answer."""
    return model.scale is not None


class SatisfactionModel(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Estimates the answer to a survey.

    Args:
        scale: the least and the largest answer, whole numbers. With ``None`` y is any number between its own
            ends, and there is no ``predict_proba``.
        names: of the features, the first columns of X; ``None`` numbers them.
        parts: the shape ``(n_parts, size)`` of the dialogue whose flattened parts are the columns after the
            features; ``None`` if there are none.
        rises: for each feature 1, -1 or 0, as :class:`~sentiment.satisfaction.features.Feature`.
        base: a score and its answers to go on from; ``None`` starts from nothing.
        n_folds: of the out-of-fold scores.
        n_bags: boosted models that are averaged, each on reweighted calls; with 0 there is only the base.
        random_state: seed.
    """

    learned_: Learned
    answers_: Answers

    def __init__(
        self,
        *,
        scale: tuple[int, int] | None = None,
        names: Sequence[str] | None = None,
        parts: tuple[int, int] | None = None,
        rises: Sequence[int] | None = None,
        base: tuple[Learned, Answers] | None = None,
        n_folds: int = 5,
        n_bags: int = 4,
        random_state: int = 0,
    ) -> None:
        self.scale = scale
        self.names = names
        self.parts = parts
        self.rises = rises
        self.base = base
        self.n_folds = n_folds
        self.n_bags = n_bags
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """NaN is a value that could not be measured."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, groups: Any = None, counts: Any = None) -> SatisfactionModel:
        """Learn.

        Args:
            X: ``(n, n_features + n_parts * size)``, NaN where not measured.
            y: the answers, or the mean of several, on the scale.
            groups: ``(n,)``: calls of one customer share one, and are never on both sides of a fold.
            counts: ``(n, n_answers)``: how many gave each answer, where several answered; for the thresholds.

        Raises:
            ValueError: an answer lies outside of the scale, or there are fewer than two calls.
        """
        X, y = validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=True, ensure_min_samples=2
        )
        low, high = self.scale or _scale_of(y)
        if y.min() < low or y.max() > high:
            raise ValueError(
                f"answers from {y.min():g} to {y.max():g} lie outside of the scale {low} to {high}"
            )
        self._low, self._span = float(low), float(max(high - low, 1))
        unit = (y - low) / self._span
        folds = folds_of(np.arange(len(y)) if groups is None else np.asarray(groups), self.n_folds)
        features, parts = self._split(X)
        based, left = self._on_base(features, parts, unit)
        added, held_out = boost(
            features,
            parts,
            left,
            folds,
            BoostOptions(
                names=self._names(features),
                rises=self.rises,
                shape=self.parts,
                bags=self.n_bags,
                seed=self.random_state,
            ),
        )
        self.learned_ = based.plus(added)
        held_out = held_out + unit - left
        prior = self.base[1].on(int(low), int(high)) if self.base else even_answers(int(low), int(high))
        if counts is None:
            counts = np.eye(int(self._span) + 1)[np.clip(np.rint(y - low), 0, self._span).astype(int)]
        counts = np.asarray(counts, float)
        answers = fit_answers(held_out, counts, prior)
        of: IntervalOf = "answer" if (counts.sum(1) <= 1).all() else "mean"
        self.answers_ = replace(fit_spread(answers, held_out, y), interval_of=of)
        self.held_out_ = self.answers_.expected(held_out)
        return self

    def predict(self, X: Any) -> Floats:
        """The expected answer of each call, ``(n,)``, on the scale."""
        scores = self._scores(X)
        return self.answers_.expected(scores)

    @available_if(_has_scale)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """The probability of each answer on the scale, ``(n, n_answers)``; only where a scale was given."""
        scores = self._scores(X)
        return self.answers_.distribution(scores)

    def predict_interval(self, X: Any) -> tuple[Floats, Floats]:
        """The 90 % interval of each answer."""
        scores = self._scores(X)
        return self.answers_.interval(scores)

    # -- inside ----------------------------------------------------------------------------------

    def _on_base(
        self, features: Floats, parts: NDArray[np.float32] | None, unit: Floats
    ) -> tuple[Learned, Floats]:
        """The base in line with the answers, and what it leaves of them."""
        if self.base is None:
            level = float(unit.mean())
            return Learned(level, ()), unit - level
        base = self.base[0]
        score = base.scores(base.values(features, parts), self._names(features))
        weight = BASE_ANSWERS / len(unit)
        design = np.column_stack([np.ones(len(unit)), score])
        normal = (1 + weight) * design.T @ design
        intercept, slope = np.linalg.solve(normal + 1e-9 * np.eye(2), design.T @ (unit + weight * score))
        line = base.on_line(float(intercept), float(slope))
        return line, unit - (intercept + slope * score)

    def _scores(self, X: Any) -> Floats:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        features, parts = self._split(X)
        return self.learned_.scores(self.learned_.values(features, parts), self._names(features))

    def _split(self, X: Floats) -> tuple[Floats, NDArray[np.float32] | None]:
        if self.parts is None:
            return X, None
        n = X.shape[1] - self.parts[0] * self.parts[1]
        return X[:, :n], X[:, n:].astype(np.float32)

    def _names(self, features: Floats) -> list[str]:
        return list(self.names) if self.names is not None else [f"x{i}" for i in range(features.shape[1])]


def _scale_of(y: Floats) -> tuple[int, int]:
    return int(np.floor(y.min())), max(int(np.ceil(y.max())), int(np.floor(y.min())) + 1)
