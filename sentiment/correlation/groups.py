"""Agreement of group means (agents, queues, weeks ...), and how many answers a group's mean needs.

How many: by the one-way random effects model answer = mean + group + rest. A group's mean of ``n``
answers has the reliability

    n * icc / (1 + (n - 1) * icc),        icc = between / (between + within)

(P. Shrout and J. Fleiss, *Intraclass correlations: uses in assessing rater reliability*, Psychological
Bulletin 86, 1979, ICC(1, n); C. Spearman and W. Brown, 1910), so that a reliability R needs

    n = R / (1 - R) * (1 - icc) / icc

answers. Variances come from the analysis of variance with groups of unequal size (S. Searle, G. Casella
and C. McCulloch, *Variance components*, 1992, 3.6), the interval of ``icc`` from the F distribution with
the effective group size ``n0`` in place of the common one: exact for groups of one size, near it for
others.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sentiment.correlation import coefficients as c
from sentiment.correlation.bands import moved
from sentiment.correlation.bootstrap import Resampling, figures
from sentiment.correlation.values import Figure, Group, GroupAgreement, Reliability
from sentiment.metrics.intervals import of_score, z_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from sentiment.correlation.agreement import Pairs

__all__ = ["NEEDED", "group_agreement", "reliability"]

Floats = npt.NDArray[np.float64]

NEEDED = (0.7, 0.8)
"""Reliabilities for which it is said how many answers a group needs."""

_LEAST_GROUPS = 3


def group_agreement(
    pairs: Pairs, calls: pd.DataFrame, by: str, resampling: Resampling, *, least: int
) -> GroupAgreement:
    """Means of each group, and the agreement of those with at least ``least`` answers.

    Args:
        pairs: the answered calls.
        calls: all calls.
        by: the group; a column ``by:KEY`` of both.
        resampling: intervals come from resampling groups.
        least: fewest answers for a group to be compared.
    """
    frame = pairs.frame.assign(__x=pairs.x, __y=pairs.y)
    answered = {str(k): (g["__x"].to_numpy(), g["__y"].to_numpy()) for k, g in frame.groupby(f"by:{by}")}
    components = reliability([y for _, y in answered.values()])
    groups = _groups(pairs, calls, by, answered, components)
    compared = [name for name, (_, y) in answered.items() if len(y) >= least]
    none = Figure(None, n=0, n_customers=len(compared), reason="too few groups")
    if len(compared) < _LEAST_GROUPS:
        return GroupAgreement(
            by=by, groups=groups, n_compared=len(compared), figures={"spearman": none, "pearson": none},
            reliability=components,
            reason=f"{len(compared)} of {len(groups)} groups have {least} answers or more; "
            f"{_LEAST_GROUPS} are needed to compare their means",
        )  # fmt: skip
    x = np.array([answered[name][0].mean() for name in compared])
    y = np.array([answered[name][1].mean() for name in compared])
    return GroupAgreement(
        by=by, groups=groups, n_compared=len(compared), figures=_figures(pairs, x, y, resampling),
        reliability=components,
    )  # fmt: skip


def _figures(pairs: Pairs, x: Floats, y: Floats, resampling: Resampling) -> Mapping[str, Figure]:
    by_x, by_y = c.sort(x), c.sort(y)
    statistics = {
        "spearman": lambda w: c.spearman(by_x, by_y, w),
        "kendall": lambda w: c.kendall(by_x, by_y, w),
        "pearson": lambda w: c.pearson(x, y, w),
    }
    if pairs.same_scale:
        statistics["mae"] = lambda w: c.mae(x, y, w)
    found = figures(statistics, np.arange(len(x)), resampling)
    return {
        name: replace(f, reason=f.reason and f.reason.replace("customers", "groups"))
        for name, f in found.items()
    }


def _groups(
    pairs: Pairs,
    calls: pd.DataFrame,
    by: str,
    answered: Mapping[str, tuple[Floats, Floats]],
    components: Reliability | None,
) -> tuple[Group, ...]:
    """Every group that has a call, by name."""
    estimates = calls[pairs.predictor].to_numpy(dtype=np.float64, na_value=np.nan)
    if pairs.same_scale:
        estimates = moved(estimates, pairs.instrument, pairs.scale)
    icc = 0.0 if components is None or components.icc.value is None else max(components.icc.value, 0.0)
    found = []
    for name, rows in calls.assign(__x=estimates).groupby(f"by:{by}"):
        x, y = answered.get(str(name), (np.empty(0), np.empty(0)))
        known = rows["__x"].dropna()
        n = len(y)
        found.append(
            Group(
                name=str(name),
                n_calls=len(rows),
                n_answers=n,
                answered=_mean(y, pairs.scale),
                predicted=float(x.mean()) if n else None,
                predicted_all=float(known.mean()) if len(known) else None,
                reliability=None if components is None or n == 0 else n * icc / (1.0 + (n - 1.0) * icc),
            )
        )
    return tuple(found)


def _mean(y: Floats, scale: tuple[float, float]) -> Figure:
    """A mean answer with the interval that ``sentiment metrics`` gives it."""
    if len(y) == 0:
        return Figure(None, n=0, n_customers=0, reason="no answers")
    n, total, squares = np.array([float(len(y))]), np.array([y.sum()]), np.array([(y * y).sum()])
    low, high = np.array([scale[0]]), np.array([scale[1]])
    ends = of_score(n, total, squares, low=low, high=high, z=z_of(0.95))
    return Figure(
        float(y.mean()), float(ends.low[0]), float(ends.high[0]), n=len(y), n_customers=len(y)
    )  # fmt: skip


def reliability(groups: list[Floats], *, level: float = 0.95) -> Reliability | None:
    """Variance components of answers in groups; None without two groups and an answer more than groups."""
    from scipy.stats import f

    sizes = np.array([len(g) for g in groups if len(g)], dtype=np.float64)
    k, n = len(sizes), sizes.sum()
    if k < 2 or n <= k:
        return None
    means = np.array([g.mean() for g in groups if len(g)])
    within = sum(((g - g.mean()) ** 2).sum() for g in groups if len(g)) / (n - k)
    grand = (sizes * means).sum() / n
    among = (sizes * (means - grand) ** 2).sum() / (k - 1)
    n0 = (n - (sizes**2).sum() / n) / (k - 1)
    between = (among - within) / n0
    if within <= 0:
        undefined = Figure(None, n=int(n), n_customers=k, reason="answers do not vary within groups")
        nothing = dict.fromkeys(NEEDED)
        return Reliability(
            between=float(max(between, 0.0)), within=0.0, icc=undefined, p_value=None, needed=nothing,
            needed_range=dict.fromkeys(NEEDED, (None, None)),
        )  # fmt: skip
    ratio = among / within
    ends = [ratio / f.ppf(q, k - 1, n - k) for q in ((1 + level) / 2, (1 - level) / 2)]
    low, icc, high = ((e - 1) / (e + n0 - 1) for e in (ends[0], ratio, ends[1]))
    return Reliability(
        between=float(max(between, 0.0)),
        within=float(within),
        icc=Figure(float(icc), float(low), float(high), n=int(n), n_customers=k),
        p_value=float(f.sf(ratio, k - 1, n - k)),
        needed={r: _needed(r, icc) for r in NEEDED},
        needed_range={r: (_needed(r, high), _needed(r, low)) for r in NEEDED},
    )


def _needed(target: float, icc: float) -> int | None:
    if icc <= 0:
        return None
    return max(1, math.ceil(target / (1.0 - target) * (1.0 - icc) / icc - 1e-9))
