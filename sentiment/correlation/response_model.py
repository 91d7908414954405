"""Who answers, as a logistic model; means weighted by it, with intervals that know the model was fitted.

With ``p`` the chance to answer, the weight ``1 / p`` makes those who answered stand for all calls and
``(1 - p) / p`` for those who did not (D. Horvitz and D. Thompson, 1952; P. Rosenbaum, *Model-based
direct adjustment*, JASA 82, 1987). Weights are stabilised, divided by their mean, and cut where they are
above ``most`` (S. Cole and M. Hernan, *Constructing inverse probability weights*, American Journal of
Epidemiology 168, 2008).

Intervals come from the influence of each customer on model and mean together (J. Lunceford and M.
Davidian, *Stratification and weighting via the propensity score*, Statistics in Medicine 23, 2004):
weighting by a fitted model is more precise than by the true chances, and the error of a customer who
calls often is one error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, stdtr, stdtrit

from sentiment.correlation.values import Figure

__all__ = ["Model", "fit_response", "influence_of_mean", "to_figure", "weighted_mean"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_RIDGE = 0.5
"""Pulls effects to 0 by the weight of half a call, so that a group without answers has a finite one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Model:
    """A fitted model: ``p (n,)``, coefficients, their covariance, each call's influence ``(n, k)``."""

    columns: Floats
    answers: Bools
    p: Floats
    beta: Floats
    covariance: Floats
    influence: Floats


def fit_response(columns: Floats, answers: Bools, cluster: Ints) -> Model:
    """Fit by Newton's method.

    Args:
        columns: ``(n, k)``, the first all 1, the others centred.
        answers: ``(n,)`` who answered.
        cluster: ``(n,)`` customers, from 0.
    """
    k = columns.shape[1]
    ridge = np.diag(np.r_[0.0, np.full(k - 1, _RIDGE)])
    beta = np.zeros(k)
    beta[0] = np.log(answers.mean() / (1.0 - answers.mean()))
    for _ in range(50):
        p = expit(columns @ beta)
        hessian = (columns * (p * (1.0 - p))[:, None]).T @ columns + ridge
        step = np.linalg.solve(hessian, columns.T @ (answers - p) - ridge @ beta)
        beta = beta + np.clip(step, -3.0, 3.0)
        if np.abs(step).max() < 1e-10:
            break
    p = expit(columns @ beta)
    hessian = (columns * (p * (1.0 - p))[:, None]).T @ columns + ridge
    influence = np.linalg.solve(hessian, (columns * (answers - p)[:, None]).T).T
    return Model(
        columns=columns, answers=answers, p=p, beta=beta, influence=influence,
        covariance=_clustered(influence, cluster),
    )  # fmt: skip


def _clustered(influence: Floats, cluster: Ints) -> Floats:
    """Covariance of a sum of influences ``(n, k)`` that are independent only between clusters."""
    n_clusters = int(cluster.max()) + 1
    sums = np.zeros((n_clusters, influence.shape[1]))
    np.add.at(sums, cluster, influence)
    covariance: Floats = sums.T @ sums * (n_clusters / max(n_clusters - 1, 1))
    return covariance


def weights_of(model: Model, *, others: bool, most: float) -> tuple[Floats, Bools]:
    """Stabilised weights of those who answered (0 for the rest), and which were cut."""
    odds = (1.0 - model.p) / model.p if others else 1.0 / model.p
    weights = np.where(model.answers, odds, 0.0)
    weights = weights / weights[model.answers].mean()
    cut = weights > most
    return np.where(cut, most, weights), cut


def weighted_mean(model: Model, y: Floats, *, others: bool, most: float) -> tuple[float, Floats]:
    """Weighted mean of the answers ``y (n,)`` (NaN where there is none), and each call's influence on it."""
    weights, cut = weights_of(model, others=others, most=most)
    filled = np.where(model.answers, y, 0.0)
    total = weights.sum()
    mean = float(weights @ filled / total)
    rest = np.where(model.answers, filled - mean, 0.0)
    # both 1 / p and (1 - p) / p change by -(1 - p) / p for each unit of the linear predictor
    scale = (
        (1.0 / model.p[model.answers]).mean() if not others else (1.0 / model.p[model.answers] - 1.0).mean()
    )
    change = np.where(model.answers & ~cut, -(1.0 - model.p) / model.p / scale, 0.0)
    slope = (change * rest) @ model.columns / total
    return mean, weights * rest / total + model.influence @ slope


def influence_of_mean(values: Floats, among: Bools) -> tuple[float, Floats]:
    """Plain mean of ``values`` over the rows ``among``, and each row's influence on it."""
    mean = float(values[among].mean())
    return mean, np.where(among, values - mean, 0.0) / among.sum()


def to_figure(value: float, influence: Floats, cluster: Ints, n: int, *, test: bool = False) -> Figure:
    """A value with the 95 % interval its influences give; with ``test``, the p-value of its being 0."""
    n_clusters = len(np.unique(cluster[influence != 0.0]))
    if n_clusters < 2:
        return Figure(value, n=n, n_customers=n_clusters, reason="no interval: it rests on one customer")
    error = float(np.sqrt(_clustered(influence[:, None], cluster)[0, 0]))
    t = float(stdtrit(n_clusters - 1, 0.975))
    p = 2.0 * float(stdtr(n_clusters - 1, -abs(value) / error)) if error > 0 and test else None
    return Figure(value, value - t * error, value + t * error, n=n, n_customers=n_clusters, p_value=p)
