"""From scores and answers to thresholds and an interval (:mod:`sentiment.satisfaction.learned`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sentiment.satisfaction.learned import Answers

__all__ = ["COVERAGE", "even_answers", "fit_answers", "fit_spread"]

Floats = NDArray[np.float64]

COVERAGE = 0.9
"""How many of the answers an interval is to hold."""

MOST_ANSWERS = 20
"""A scale of more answers is fitted in tenths."""

PRIOR_SPREAD = 0.2
"""Standard deviation, beforehand, of the first threshold (unit scale) and of the logs of the gaps and of the
slope. A handful of answers outweigh it for where the thresholds lie, some sixty for the gaps between."""


def even_answers(scale_min: int, scale_max: int) -> Answers:
    """Answers with evenly spaced thresholds, where nothing is known yet."""
    n = scale_max - scale_min
    return Answers(scale_min, scale_max, 8.0, tuple((k + 0.5) / n for k in range(n)), 1.645)


def fit_answers(scores: Floats, counts: Floats, prior: Answers) -> Answers:
    """Thresholds and slope of greatest penalised likelihood.

    Args:
        scores: ``(n,)``, of calls that the score was not learned from.
        counts: ``(n, len(prior.scale))``: how many gave each answer; a row sums to 1 if one person answered,
            and counts as one answer whatever it sums to.
        prior: what thresholds and slope are drawn to.
    """
    from scipy.optimize import minimize

    if prior.scale_max - prior.scale_min > MOST_ANSWERS:
        tenths = fit_answers(scores, _in_tenths(counts), prior.on(0, 10))
        return tenths.on(prior.scale_min, prior.scale_max)
    weights = counts / counts.sum(1, keepdims=True)
    start = _free(prior)

    def loss(free: Floats) -> float:
        p = np.clip(_bound(free, prior).distribution(scores), 1e-9, 1.0)
        return float(-(weights * np.log(p)).sum() + 0.5 * (((free - start) / PRIOR_SPREAD) ** 2).sum())

    found = minimize(loss, start, method="L-BFGS-B")
    return _bound(found.x, prior)


def _in_tenths(counts: Floats) -> Floats:
    """Counts of a fine scale as counts of 0 to 10, each answer with the nearest."""
    tenth = np.rint(np.linspace(0, 10, counts.shape[1])).astype(int)
    found = np.zeros((len(counts), 11))
    np.add.at(found.T, tenth, counts.T)
    return found


def _free(answers: Answers) -> Floats:
    """The first threshold, the logs of the gaps between the rest, and of the slope."""
    t = np.asarray(answers.thresholds)
    return np.concatenate([t[:1], np.log(np.diff(t)), [np.log(answers.slope)]])


def _bound(free: Floats, like: Answers) -> Answers:
    t = free[0] + np.concatenate([[0.0], np.cumsum(np.exp(np.clip(free[1:-1], -9, 3)))])
    return replace(like, thresholds=tuple(map(float, t)), slope=float(np.exp(np.clip(free[-1], -3, 5))))


def fit_spread(answers: Answers, scores: Floats, given: Floats) -> Answers:
    """``answers`` with the interval set by what was given, for calls the score was not learned from.

    The spread is the conformal quantile of ``|given - expected| / deviation``; with fewer than nine answers,
    for which there is none, it is that of the prior.
    """
    n = len(given)
    rank = int(np.ceil((n + 1) * COVERAGE))
    if rank > n:
        return answers
    off = np.sort(np.abs(given - answers.expected(scores)) / answers.deviation(scores))
    return replace(answers, spread=float(off[rank - 1]))
