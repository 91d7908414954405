"""Polyserial correlation: of a measured variable with the hidden one behind an answer in a few steps.

A survey answer is read as a satisfaction that varies continuously, cut into the scale's points; the
polyserial correlation is that of the estimate with the satisfaction itself (U. Olsson, F. Drasgow and N.
Dorans, *The polyserial correlation coefficient*, Psychometrika 47, 1982), here by their two-step
estimator: mean, spread and cuts from the margins, then the correlation by maximum likelihood. It assumes
that both are jointly normal and comes out larger than Pearson's, which the coarse scale attenuates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    from sentiment.correlation.coefficients import Sorted

__all__ = ["polyserial"]

Floats = npt.NDArray[np.float64]

_MOST = 0.9999
_STEPS = 60
_ENOUGH = 1e-8


def polyserial(x: Floats, y: Sorted, weights: Floats, *, steps: int = _STEPS) -> Floats:
    """The polyserial correlation for each weighting.

    Args:
        x: the measured variable, ``(n,)``.
        y: the answers, ``(n,)``.
        weights: ``(m, n)``, whole numbers.
        steps: most steps of the search. It begins at Olsson, Drasgow and Dorans' ad hoc estimate, so that
            three are enough where thousands of resamples are needed (R. Davidson and J. MacKinnon,
            *Bootstrap testing in nonlinear models*, International Economic Review 40, 1999).

    Returns:
        ``(m,)`` in [-1, 1]; NaN where ``x`` or ``y`` does not vary.
    """
    n = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = x - (weights @ x)[:, None] / n
        spread = np.sqrt(np.einsum("mn,mn,mn->m", weights, z, z)[:, None] / n)
        masses = np.stack([(weights * (y.level == k)).sum(axis=1) for k in range(y.n_levels)], axis=1)
    defined = (spread[:, 0] > 1e-12 * (np.abs(x).max(initial=0.0) + 1e-300)) & ((masses > 0).sum(axis=1) > 1)
    found = np.full(len(weights), np.nan)
    if defined.any():
        found[defined] = _fit((z / np.where(spread > 0, spread, 1.0))[defined], y, weights[defined],
                              masses[defined], steps)  # fmt: skip
    return found


def _fit(z: Floats, y: Sorted, weights: Floats, masses: Floats, steps: int) -> Floats:
    n = masses.sum(axis=1, keepdims=True)
    shares = np.cumsum(masses, axis=1)[:, :-1] / n
    cuts = np.clip(ndtri(shares), -40.0, 40.0)  # an empty end class has an infinite cut
    density = np.exp(-cuts * cuts / 2.0) / np.sqrt(2.0 * np.pi)
    levels = np.arange(y.n_levels, dtype=np.float64)
    middle = (masses @ levels)[:, None] / n
    covariance = np.einsum("mn,mn,mn->m", weights, z, levels[y.level][None, :] - middle) / n[:, 0]
    start = np.clip(covariance / density.sum(axis=1), -0.95, 0.95)
    ends = np.full((len(masses), 1), 40.0)
    low, high = np.hstack([-ends, cuts])[:, y.level], np.hstack([cuts, ends])[:, y.level]
    theta, limit = np.arctanh(start), float(np.arctanh(_MOST))
    for _ in range(steps):
        gradient, information = _slope(np.tanh(theta), z, low, high, weights)
        step = np.clip(gradient / np.maximum(information, 1e-12), -0.5, 0.5)
        theta = np.clip(theta + step, -limit, limit)
        if np.abs(step).max() < _ENOUGH:
            break
    found: Floats = np.tanh(theta)
    return found


def _slope(rho: Floats, z: Floats, low: Floats, high: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Score and (outer product) information of ``atanh(rho)``."""
    r = rho[:, None]
    s = np.sqrt(1.0 - r * r)
    a, b = (low - r * z) / s, (high - r * z) / s
    flip = a > 0.0  # the difference of two upper tails is that of two lower ones, without cancellation
    a_tail, b_tail = np.where(flip, -b, a), np.where(flip, -a, b)
    p = np.maximum(ndtr(b_tail) - ndtr(a_tail), 1e-300)
    up = np.exp(-b * b / 2.0) * (r * high - z)
    down = np.exp(-a * a / 2.0) * (r * low - z)
    score = (up - down) / (np.sqrt(2.0 * np.pi) * s * p)  # times (1 - rho^2): of atanh(rho)
    return np.einsum("mn,mn->m", weights, score), np.einsum("mn,mn,mn->m", weights, score, score)
