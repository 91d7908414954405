"""Rolling windows: each period together with those before it, from the parts of single periods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.errors import MetricError
from sentiment.metrics.calendar import PERIODS, next_period
from sentiment.metrics.intervals import LEVEL, z_of
from sentiment.metrics.result import Figures, Result, nothing, ordered, pool_part

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["rolled"]


def rolled(result: Result, width: int) -> Result:
    """Each period's metrics over it and the ``width - 1`` periods before it, as one pool.

    Periods without rows count as empty ones; a window that begins before the data does is left out.
    Medians, peaks and rates do not pool and are undefined.

    Raises:
        MetricError: results are not by a period, or the width is below 2.
    """
    period = next((k for k in result.by if k in PERIODS), None)
    if period is None:
        raise MetricError("a rolling window needs a period: group by day, week ...")
    if width < 2:
        raise MetricError(f"a rolling window of {width}: give 2 periods or more")
    place = result.by.index(period)
    every = _every_period([g[place] for g in result.groups if g[place] is not None], period)
    windows = {every[i]: every[i - width + 1 : i + 1] for i in range(width - 1, len(every))}
    ends_in: dict[Any, list[Any]] = {}
    for end, window in windows.items():
        for start in window:
            ends_in.setdefault(start, []).append(end)
    sources, targets = [], []
    for i, group in enumerate(result.groups):
        for end in ends_in.get(group[place], ()):
            sources.append(i)
            targets.append((*group[:place], end, *group[place + 1 :]))
    groups = ordered(set(targets))
    index = {group: i for i, group in enumerate(groups)}
    into = np.array([index[t] for t in targets], dtype=np.intp)
    chosen = np.array(sources, dtype=np.intp)
    figures = tuple(_rolled(f, chosen, into, len(groups)) for f in result.figures)
    return replace(result, groups=tuple(groups), figures=figures)


def _every_period(starts: Sequence[Any], period: str) -> list[Any]:
    if not starts:
        return []
    every, at = [], min(starts)
    while at <= max(starts):
        every.append(at)
        at = next_period(at, period)
    return every


def _rolled(figures: Figures, chosen: Any, into: Any, n_groups: int) -> Figures:
    statistic = figures.request.variant.statistic
    if not figures.parts:
        return replace(figures, estimates=nothing(figures.estimates.undefined[0] or "", n_groups))
    if not statistic.additive:
        why = "a median, peak or rate of a window cannot be pooled from its periods"
        return replace(figures, parts={}, estimates=nothing(why, n_groups))
    parts = {n: pool_part(n, v[chosen], into, n_groups) for n, v in figures.parts.items()}
    return replace(figures, parts=parts, estimates=statistic.finish(parts, z_of(LEVEL)))
