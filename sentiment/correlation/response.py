"""Who answers, and what those who did not would have said.

What weighting can do is limited: it is right if, among calls with the same predictor, length and groups,
those who answered feel as those who did not. What drives both answering and feeling and is not in the
model stays in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sentiment.correlation.bands import moved
from sentiment.correlation.bootstrap import clusters
from sentiment.correlation.response_model import (
    Model,
    fit_response,
    influence_of_mean,
    to_figure,
    weighted_mean,
    weights_of,
)
from sentiment.correlation.values import Figure, Means, Rate, Response, Term
from sentiment.metrics.intervals import of_proportion, z_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sentiment.correlation.agreement import Pairs

__all__ = ["response"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LEAST = 30
"""Fewest answers, and fewest calls without one, for a model of who answers."""
_LEAST_CUSTOMERS = 10
_TOO_FEW = f"a model needs {_LEAST} calls with an answer, as many without, and {_LEAST_CUSTOMERS} customers"
_MOST_LEVELS, _PER_LEVEL = 12, 50
_BANDS = 5
MOST_WEIGHT = 10.0
"""A stabilised weight is cut at this many times the mean."""


def response(pairs: Pairs, calls: pd.DataFrame, answers: pd.DataFrame, by: Sequence[str]) -> Response:
    """Response rates, the model, and raw and weighted means.

    Args:
        pairs: the answered calls that have the predictor: which predictor it is, its scale and bands.
        calls: all calls.
        answers: the instrument's answers that count (``answer`` on the scale), and the rows of those asked
            who did not answer (``answer`` missing).
        by: group columns ``by:KEY`` of ``calls``.
    """
    given = answers.dropna(subset=["answer"]).drop_duplicates("call_id").set_index("call_id")["answer"]
    y = calls["call_id"].map(given).to_numpy(dtype=np.float64)
    x = calls[pairs.predictor].to_numpy(dtype=np.float64, na_value=np.nan)
    x = moved(x, pairs.instrument, pairs.scale) if pairs.same_scale else x
    answered = ~np.isnan(y)
    cluster = clusters(calls["customer_id"].to_numpy(dtype=object))
    invited = calls["call_id"].isin(answers.loc[answers["answer"].isna(), "call_id"]).to_numpy() | answered
    share_name, shares = _share(pairs, y)
    names, columns = _design(x, calls, by)
    model = None
    if min(answered.sum(), (~answered).sum()) >= _LEAST and len(np.unique(cluster)) >= _LEAST_CUSTOMERS:
        model = fit_response(columns, answered, cluster)
    effective, largest, n_trimmed = _effective(model)
    return Response(
        overall=_rate("all calls", answered),
        asked=_rate("calls asked", answered[invited]) if invited.sum() > answered.sum() else None,
        by_band=_by_band(x, answered),
        by_group={k: _by_group(calls[f"by:{k}"], answered) for k in by},
        mean=_means(model, y, x if pairs.same_scale else None, cluster, answered),
        terms=() if model is None else _terms(model, names, cluster),
        p_bias=None if model is None else _joint(model, names),
        share_name=share_name,
        share=_means(model, shares, _top_box(pairs, calls), cluster, answered),
        effective_n=effective,
        largest_weight=largest,
        n_trimmed=n_trimmed,
        reason=None if model is not None else _TOO_FEW,
    )


def _share(pairs: Pairs, y: Floats) -> tuple[str, Floats]:
    """What the instrument is reported as, for each call: 0 or 1 by the top box; NPS -100, 0 or 100."""
    if pairs.instrument == "nps":
        return "NPS", np.where(np.isnan(y), np.nan, 100.0 * (pairs.bands.of(y) - 1.0))
    return "top box, %", np.where(np.isnan(y), np.nan, 100.0 * (y >= pairs.bands.top))


def _top_box(pairs: Pairs, calls: pd.DataFrame) -> Floats | None:
    name = f"{pairs.predictor}_top_box"
    if pairs.instrument == "nps" or not pairs.same_scale or name not in calls:
        return None
    chances: Floats = 100.0 * calls[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return None if np.isnan(chances).all() else chances


def _rate(name: str, answered: Bools) -> Rate:
    n, k = len(answered), int(answered.sum())
    ends = of_proportion(np.array([float(k)]), np.array([float(n)]), z_of(0.95))
    figure = (
        Figure(k / n, float(ends.low[0]), float(ends.high[0]), n=n, n_customers=n)
        if n
        else Figure(None, n=0, n_customers=0, reason="no calls")
    )
    return Rate(name=name, n_calls=n, n_answers=k, rate=figure)


def _by_band(x: Floats, answered: Bools) -> tuple[Rate, ...]:
    known = ~np.isnan(x)
    if known.sum() < _BANDS or np.ptp(x[known]) == 0:
        return ()
    edges = np.unique(np.quantile(x[known], np.linspace(0, 1, _BANDS + 1)))
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    rates = [
        _rate(f"{edges[k]:.2f} … {edges[k + 1]:.2f}", answered[known & (place == k)])
        for k in range(len(edges) - 1)
    ]
    return (*rates, _rate("unknown", answered[~known])) if (~known).any() else tuple(rates)


def _by_group(groups: pd.Series, answered: Bools) -> tuple[Rate, ...]:
    return tuple(
        _rate(str(name), answered[(groups == name).to_numpy()]) for name in sorted(groups.dropna().unique())
    )


def _design(x: Floats, calls: pd.DataFrame, by: Sequence[str]) -> tuple[list[str], Floats]:
    """Columns of the model: predictor, its square, length, groups of few levels; all centred."""
    known = ~np.isnan(x)
    z = np.where(known, x - (x[known].mean() if known.any() else 0.0), 0.0)
    spread = z[known].std() if known.any() else 0.0
    columns: dict[str, Floats] = {}
    if spread > 0:
        z = z / spread
        columns["predictor"] = z
        if len(np.unique(z[known])) > 2:  # of two values the square says nothing new
            columns["predictor squared"] = np.where(known, z * z - 1.0, 0.0)
    if (~known).any() and known.any():
        columns["predictor unknown"] = (~known).astype(np.float64)
    length = calls["duration_ms"].to_numpy(dtype=np.float64, na_value=np.nan)
    if (length > 0).any() and np.nanstd(length) > 0:
        log = np.log(np.where(length > 0, length, np.nan))
        log = np.where(np.isnan(log), np.nanmean(log), log)
        columns["length (log)"] = (log - log.mean()) / max(float(log.std()), 1e-12)
    for key in dict.fromkeys([*(k for k in by), *(["queue"] if "queue" in calls else [])]):
        groups = calls[f"by:{key}" if key in by else key]
        common = groups.value_counts()
        common = common[common >= _PER_LEVEL]
        if 2 <= len(common) <= _MOST_LEVELS:
            for name in common.index[1:]:  # against the most common group
                columns[f"{key} {name}"] = (groups == name).to_numpy().astype(np.float64)
    matrix = np.column_stack([np.ones(len(x)), *(v - v.mean() for v in columns.values())])
    return ["(mean)", *columns], matrix


def _terms(model: Model, names: Sequence[str], cluster: npt.NDArray[np.int64]) -> tuple[Term, ...]:
    from scipy.special import ndtr

    found = []
    n, n_clusters = len(model.p), int(cluster.max()) + 1
    for i, name in enumerate(names[1:], 1):
        beta, error = float(model.beta[i]), float(np.sqrt(model.covariance[i, i]))
        low, high = beta - 1.96 * error, beta + 1.96 * error
        found.append(
            Term(
                name=name,
                odds_ratio=Figure(
                    float(np.exp(beta)), float(np.exp(low)), float(np.exp(high)), n=n, n_customers=n_clusters,
                    p_value=float(2.0 * ndtr(-abs(beta) / error)),
                ),
            )
        )  # fmt: skip
    return tuple(found)


def _joint(model: Model, names: Sequence[str]) -> float | None:
    """Wald's test that neither the predictor nor its square matters."""
    from scipy.stats import chi2

    at = [i for i, name in enumerate(names) if name in ("predictor", "predictor squared")]
    if not at:
        return None
    beta, covariance = model.beta[at], model.covariance[np.ix_(at, at)]
    return float(chi2.sf(beta @ np.linalg.solve(covariance, beta), len(at)))


def _means(
    model: Model | None, y: Floats, x: Floats | None, cluster: npt.NDArray[np.int64], answered: Bools
) -> Means:
    n = int(answered.sum())
    none = Figure(None, n=n, n_customers=0, reason="no answers" if n == 0 else "too few answers for a model")
    raw = weighted = shift = others = none
    if n:
        mean, of_mean = influence_of_mean(y, answered)
        raw = to_figure(mean, of_mean, cluster, n)
        if model is not None:
            every, of_every = weighted_mean(model, y, others=False, most=MOST_WEIGHT)
            rest, of_rest = weighted_mean(model, y, others=True, most=MOST_WEIGHT)
            weighted = to_figure(every, of_every, cluster, n)
            shift = to_figure(every - mean, of_every - of_mean, cluster, n, test=True)
            others = to_figure(rest, of_rest, cluster, n)
    return Means(
        raw=raw,
        weighted=weighted,
        shift=shift,
        others_weighted=others,
        others_estimated=_estimated(x, ~answered, cluster),
        all_estimated=_estimated(x, np.ones_like(answered), cluster),
    )


def _estimated(x: Floats | None, among: Bools, cluster: npt.NDArray[np.int64]) -> Figure | None:
    """Mean estimate over some calls."""
    known = among if x is None else among & ~np.isnan(x)
    if x is None or not known.any():
        return None
    value, influence = influence_of_mean(x, known)
    return to_figure(value, influence, cluster, int(known.sum()))


def _effective(model: Model | None) -> tuple[float | None, float | None, int]:
    """Effective number of answers, largest weight, and how many were cut."""
    if model is None:
        return None, None, 0
    weights, cut = weights_of(model, others=False, most=MOST_WEIGHT)
    return float(weights.sum() ** 2 / (weights @ weights)), float(weights.max()), int(cut.sum())
