"""Rolling windows: each period together with those before it.

Sums of a window are those of its periods. What does not add up (medians, peaks, rates) is counted anew from
the rows: :func:`sentiment.metrics.compute` does so, with ``rolling``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sentiment.errors import MetricError
from sentiment.metrics.calendar import PERIODS, next_period
from sentiment.metrics.intervals import LEVEL, z_of
from sentiment.metrics.result import Figures, Result, nothing, ordered, pool_part, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentiment.metrics.views import View
    from sentiment.metrics.workspace import Workspace

__all__ = ["Windows", "require_period", "rolled", "windows_of"]

FROM_ROWS = "a median, peak or rate of a window is counted from its rows: give compute(..., rolling=N)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """``opens`` gives the first period of each window by its last; ``ends`` the windows a period is in.

    ``place`` is where among the group columns the period stands.
    """

    place: int
    opens: Mapping[Any, Any]
    ends: Mapping[Any, Sequence[Any]]

    def over(self, view: View, workspace: Workspace) -> View:
        """A view whose rows stand in every window they are in, grouped by its last period."""
        key = view.keys[self.place]
        pairs = [(start, end) for start, ends in self.ends.items() for end in ends]
        starts, ends = zip(*pairs, strict=True) if pairs else ((), ())
        kind = view.table[key].type().to_pyarrow()
        laid_out = pa.table({"__start": pa.array(starts, kind), "__end": pa.array(ends, kind)})
        windows = workspace.lay_out(laid_out, view.table)
        both = view.table.join(windows, view.table[key] == windows["__start"])
        return replace(view, table=both.mutate(**{key: both["__end"]}).drop("__start", "__end"))


def require_period(by: Sequence[str], width: int) -> str:
    """The period among group columns.

    Raises:
        MetricError: there is none, or the width is below 2.
    """
    period = next((k for k in by if k in PERIODS), None)
    if period is None:
        raise MetricError("a rolling window needs a period: group by day, week ...")
    if width < 2:
        raise MetricError(f"a rolling window of {width}: give 2 periods or more")
    return period


def windows_of(result: Result, width: int) -> Windows:
    """The windows that lie within a result's periods.

    Raises:
        MetricError: as :func:`require_period`.
    """
    period = require_period(result.by, width)
    place = result.by.index(period)
    every = _every_period([g[place] for g in result.groups if g[place] is not None], period)
    ends: dict[Any, list[Any]] = {}
    for i in range(width - 1, len(every)):
        for start in every[i - width + 1 : i + 1]:
            ends.setdefault(start, []).append(every[i])
    opens = {every[i]: every[i - width + 1] for i in range(width - 1, len(every))}
    return Windows(place=place, opens=opens, ends=ends)


def rolled(result: Result, width: int) -> Result:
    """Each period's metrics over it and the ``width - 1`` periods before it, as one pool.

    Periods without rows count as empty ones; a window that begins before the data does is left out.
    Medians, peaks and rates are undefined: they need the rows, so ask :func:`sentiment.metrics.compute`.

    Raises:
        MetricError: results are not by a period, or the width is below 2.
    """
    windows = windows_of(result, width)
    place = windows.place
    sources, targets = [], []
    for i, group in enumerate(result.groups):
        for end in windows.ends.get(group[place], ()):
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
        return replace(figures, estimates=nothing(reason_of(figures), n_groups))
    if not statistic.additive:
        return replace(figures, parts={}, estimates=nothing(FROM_ROWS, n_groups))
    parts = {n: pool_part(n, v[chosen], into, n_groups) for n, v in figures.parts.items()}
    return replace(figures, parts=parts, estimates=statistic.finish(parts, z_of(LEVEL)))
