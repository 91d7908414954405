"""Differences between groups or periods, with intervals and tests corrected for their number.

A group is held against another, or against all others together, whose figures are pooled from their
parts. The interval of a difference comes from the two intervals (MOVER, see
:mod:`sentiment.metrics.intervals`), the p value is the level at which it just touches 0, and many
comparisons at once are corrected: Holm's method bounds the chance of any false alarm (default),
Benjamini and Hochberg's the share of false alarms among alarms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sentiment.errors import MetricError
from sentiment.metrics.intervals import LEVEL, Array, Interval, difference, two_sided_p, z_of
from sentiment.metrics.result import is_end, pool_part, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentiment.metrics.result import Figures, Result

__all__ = ["REST", "Comparison", "adjusted", "compare"]

REST = "all others"
"""What a group is held against if nothing else is named."""

Method = Literal["holm", "benjamini-hochberg"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """``second`` minus ``first`` of one metric.

    Args:
        name: the metric.
        within: the other group columns, which both share.
        key: the group column that differs.
        first, second: its values, or :data:`REST`.
        first_value, second_value: the metric of each.
        difference: in the metric's unit; ``None`` if ``undefined`` says why.
        interval: 95 % interval of the difference, not corrected for the number of comparisons.
        p: two-sided, not corrected.
        p_adjusted: corrected for all comparisons made together.
    """

    name: str
    within: Mapping[str, Any]
    key: str
    first: Any
    second: Any
    first_value: float | None
    second_value: float | None
    unit: str
    difference: float | None
    interval: tuple[float, float] | None
    p: float | None
    p_adjusted: float | None = None
    undefined: str | None = None


def compare(
    result: Result,
    key: str,
    pair: tuple[Any, Any] | None = None,
    *,
    method: Method = "holm",
) -> tuple[Comparison, ...]:
    """Compare groups of a result.

    Args:
        result: what :func:`sentiment.metrics.engine.compute` gave.
        key: the group column whose values are compared.
        pair: two of its values, the second minus the first; each value against all others if left out,
            or, where there are only two, the later one against the other: once, not twice.
        method: how p values are corrected for their number.

    Raises:
        MetricError: results are not by that column, it has no such value, or the method is unknown.
    """
    if key not in result.by:
        raise MetricError(
            f"{key}: results are by {', '.join(result.by) or 'nothing'}; group by it to compare"
        )
    place = result.by.index(key)
    if pair is not None:
        there = list(dict.fromkeys(group[place] for group in result.groups))
        for value in pair:
            if value not in there:
                some = ", ".join(map(str, there[:12])) + (" ..." if len(there) > 12 else "")
                raise MetricError(f"{key} {value}: there is no such group, but {some or 'none'}")
    found: list[Comparison] = []
    for figures in result.figures:
        found += _of_metric(result, figures, place, pair)
    p = np.array([np.nan if c.p is None else c.p for c in found])
    corrected = adjusted(p, method)
    return tuple(
        _with_adjusted(c, None if np.isnan(q) else float(q)) for c, q in zip(found, corrected, strict=True)
    )


def _with_adjusted(comparison: Comparison, p: float | None) -> Comparison:
    return replace(comparison, p_adjusted=p)


def _of_metric(
    result: Result, figures: Figures, place: int, pair: tuple[Any, Any] | None
) -> list[Comparison]:
    """The comparisons of one metric, all of their intervals at once."""
    groups, statistic = result.groups, figures.request.variant.statistic
    others = [(*group[:place], *group[place + 1 :]) for group in groups]
    if pair is None:
        seconds, names = _against_rest(groups, others, place)
    else:
        before = {others[i]: i for i, group in enumerate(groups) if group[place] == pair[0]}
        seconds = [i for i, g in enumerate(groups) if g[place] == pair[1] and others[i] in before]
        names = [pair[0]] * len(seconds)
    why = None
    if not figures.parts:
        why = reason_of(figures)
    elif pair is None and not statistic.additive:
        why = "a median, peak or rate of all others cannot be pooled; name two groups"
    if why is not None or not seconds:
        return [
            _undefined(result, figures, place, i, n, why or "") for i, n in zip(seconds, names, strict=True)
        ]
    second = {n: v[np.array(seconds)] for n, v in figures.parts.items()}
    if pair is None:
        first = {n: v[np.array(seconds)] for n, v in _rest(figures.parts, others).items()}
    else:
        chosen = np.array([before[others[i]] for i in seconds])
        first = {n: v[chosen] for n, v in figures.parts.items()}
    return _differences(result, figures, place, seconds, names, first, second)


def _against_rest(
    groups: Sequence[tuple[Any, ...]], others: Sequence[tuple[Any, ...]], place: int
) -> tuple[list[int], list[Any]]:
    """Which groups are held against the rest, and what that is called.

    Where only two share their other columns, the rest of either is the other one: one comparison, which
    counted twice would make the correction for their number too strict.
    """
    beside: dict[tuple[Any, ...], list[int]] = {}
    for i, key in enumerate(others):
        beside.setdefault(key, []).append(i)
    alone = {pair[1]: groups[pair[0]][place] for pair in beside.values() if len(pair) == 2}
    left_out = {pair[0] for pair in beside.values() if len(pair) == 2}
    seconds = [i for i in range(len(groups)) if i not in left_out]
    return seconds, [alone.get(i, REST) for i in seconds]


def _rest(parts: Mapping[str, Array], others: Sequence[tuple[Any, ...]]) -> dict[str, Array]:
    """The parts of all groups that share their other columns with a group, without its own."""
    ids = {key: i for i, key in enumerate(dict.fromkeys(others))}
    into = np.array([ids[key] for key in others], dtype=np.intp)
    whole = {n: pool_part(n, v, into, len(ids))[into] for n, v in parts.items()}
    return {n: v if is_end(n) else v - parts[n] for n, v in whole.items()}


def _differences(
    result: Result,
    figures: Figures,
    place: int,
    seconds: Sequence[int],
    names: Sequence[Any],
    first_parts: Mapping[str, Array],
    second_parts: Mapping[str, Array],
) -> list[Comparison]:
    statistic = figures.request.variant.statistic

    def interval_at(z: float | Array) -> Interval:
        a, b = statistic.finish(first_parts, z), statistic.finish(second_parts, z)
        return difference(a.value, Interval(a.low, a.high), b.value, Interval(b.low, b.high))

    first = statistic.finish(first_parts, z_of(LEVEL))
    second = statistic.finish(second_parts, z_of(LEVEL))
    ends, p = interval_at(z_of(LEVEL)), two_sided_p(interval_at)
    rows = []
    for k, i in enumerate(seconds):
        blank = _undefined(result, figures, place, i, names[k], None)
        rows.append(
            replace(
                blank,
                first_value=_number(first.value[k]),
                second_value=_number(second.value[k]),
                difference=_number(second.value[k] - first.value[k]),
                interval=None if np.isnan(ends.low[k]) else (float(ends.low[k]), float(ends.high[k])),
                p=_number(p[k]),
                undefined=first.undefined[k]
                or second.undefined[k]
                or first.no_interval[k]
                or second.no_interval[k],
            )
        )
    return rows


def _undefined(
    result: Result, figures: Figures, place: int, i: int, first: Any, why: str | None
) -> Comparison:
    group = dict(zip(result.by, result.groups[i], strict=True))
    return Comparison(
        name=figures.request.name, within={k: v for k, v in group.items() if k != result.by[place]},
        key=result.by[place], first=first, second=result.groups[i][place], first_value=None,
        second_value=_number(figures.estimates.value[i]), unit=figures.request.variant.unit, difference=None,
        interval=None, p=None, undefined=why,
    )  # fmt: skip


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def adjusted(p: Array, method: Method = "holm") -> Array:
    """p values corrected for their number; NaN stays and does not count.

    Raises:
        MetricError: the method is unknown.
    """
    if method not in ("holm", "benjamini-hochberg"):
        raise MetricError(f"{method!r}: no such correction; choose holm or benjamini-hochberg")
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    m, corrected = len(order), np.full(len(p), np.nan)
    if method == "holm":
        steps = p[order] * (m - np.arange(m))
        corrected[order] = np.minimum(np.maximum.accumulate(steps), 1) if m else steps
    else:
        steps = p[order] * m / (np.arange(m) + 1)
        corrected[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1) if m else steps
    return corrected
