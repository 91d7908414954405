"""Results of the metric engine: columns of figures, an entry for each group, given out as :class:`Metric`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.errors import MetricError
from sentiment.metrics.calendar import Calendar
from sentiment.metrics.intervals import LEVEL, Array, z_of
from sentiment.metrics.statistics import EMPTY, Estimates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sentiment.metrics.catalogue import Request
    from sentiment.metrics.inputs import InputReport

__all__ = ["ALL", "Figures", "Metric", "Result", "figure"]

Group = tuple[Any, ...]

ALL = "all"
"""What a total's group columns say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One figure.

    Args:
        name: as asked for: ``csat``, ``csat:mean``.
        group: what it is of, as ``{"agent": "a-12", "week": date(2026, 3, 2)}``; empty for all rows.
        value: in ``unit``; ``None`` if ``undefined`` says why.
        numerator: what was counted or added up; ``value`` is it by the denominator (in per cent for shares).
        denominator: what it is divided by, ``None`` for plain counts.
        n: rows that count.
        missing: rows that would count but for an unknown value.
        interval: 95 % interval, ``None`` if ``no_interval`` says why.
        variant: the way of counting.
        definition: that way in words.
        parameters: the values it was counted with.
    """

    name: str
    group: Mapping[str, Any]
    value: float | None
    unit: str
    numerator: float | None
    denominator: float | None
    n: int
    missing: int
    interval: tuple[float, float] | None
    variant: str
    definition: str
    undefined: str | None = None
    no_interval: str | None = None
    parameters: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One metric of every group: ``parts`` are the sums that ``estimates`` are made of."""

    request: Request
    parts: Mapping[str, Array]
    estimates: Estimates


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Every asked metric of every group, and of all rows together.

    Iterating gives a :class:`Metric` for each group and metric, then the totals.

    Args:
        by: names of the group columns.
        groups: their values, a tuple for each group, in order.
        figures: a column of figures for each metric, entries as in ``groups``.
        totals: the same for all rows together, with one entry.
        inputs: what was read, and what was set aside.
        calendar: what periods are of.
    """

    by: tuple[str, ...]
    groups: tuple[Group, ...]
    figures: tuple[Figures, ...]
    totals: tuple[Figures, ...]
    inputs: tuple[InputReport, ...]
    calendar: Calendar = field(default_factory=Calendar)

    def __iter__(self) -> Iterator[Metric]:
        if self.by:
            yield from self.rows()
        yield from self.total_rows()

    def rows(self) -> Iterator[Metric]:
        """A metric for each group and request, groups in order."""
        for i, group in enumerate(self.groups):
            labels = dict(zip(self.by, group, strict=True))
            for figures in self.figures:
                yield _metric(figures, i, labels)

    def total_rows(self) -> Iterator[Metric]:
        """A metric for each request, of all rows."""
        for figures in self.totals:
            yield _metric(figures, 0, {})

    def total(self, name: str) -> Metric:
        """The metric of all rows together; ``name`` as it was asked for.

        Raises:
            MetricError: it was not asked for.
        """
        return _metric(_named(self.totals, name), 0, {})

    def of(self, name: str, **group: Any) -> Metric:
        """The metric of one group, named by all of its columns.

        Raises:
            MetricError: it was not asked for, or there is no such group.
        """
        key = tuple(group.get(k) for k in self.by)
        if set(group) != set(self.by) or key not in self.groups:
            raise MetricError(f"{group}: no such group; results are by {', '.join(self.by) or 'nothing'}")
        return _metric(_named(self.figures, name), self.groups.index(key), group)

    def pool(self, by: Sequence[str]) -> Result:
        """The same by fewer columns: sums of the groups' parts, never averages of averages.

        Raises:
            MetricError: results are not by one of these columns, or a metric does not pool
                (a median, a peak): ask for it by these columns instead.
        """
        if unknown := [k for k in by if k not in self.by]:
            raise MetricError(f"{unknown[0]}: results are by {', '.join(self.by) or 'nothing'}")
        places = [self.by.index(k) for k in by]
        keys = [tuple(group[i] for i in places) for group in self.groups]
        groups = ordered(set(keys))
        index = {group: i for i, group in enumerate(groups)}
        into = np.array([index[key] for key in keys], dtype=np.intp)
        figures = tuple(pooled(f, into, len(groups)) for f in self.figures)
        return Result(
            by=tuple(by), groups=tuple(groups), figures=figures, totals=self.totals, inputs=self.inputs,
            calendar=self.calendar,
        )  # fmt: skip


def figure(value: float | None, whole: bool = False) -> str:
    """A number as tables show it: four figures or fewer, thousands parted; ``whole`` for counts."""
    if value is None or math.isnan(value):
        return "–"
    if not whole and 0 < abs(value) < 0.1:
        return f"{value:.2g}"
    digits = 0 if whole or abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f}"


def ordered(groups: Any) -> list[Group]:
    """Groups in order of their values, unknown ones last."""
    return sorted(groups, key=lambda group: [(value is None, _comparable(value)) for value in group])


def _comparable(value: Any) -> Any:
    return "" if value is None else value


def pooled(figures: Figures, into: Any, n_groups: int) -> Figures:
    """Figures of coarser groups: ``into`` says which one each group goes to.

    Raises:
        MetricError: the statistic does not pool.
    """
    statistic = figures.request.variant.statistic
    if not figures.parts:
        return replace(figures, estimates=nothing(reason_of(figures), n_groups))
    if not statistic.additive:
        raise MetricError(
            f"{figures.request.name}: groups' values do not add up; ask for it by fewer columns instead"
        )
    parts = {name: pool_part(name, values, into, n_groups) for name, values in figures.parts.items()}
    return Figures(request=figures.request, parts=parts, estimates=statistic.finish(parts, z_of(LEVEL)))


_MINIMA, _MAXIMA = ("low", "high_least"), ("high", "low_most")


def reason_of(figures: Figures) -> str:
    """Why a metric that has no parts is undefined."""
    return next((why for why in figures.estimates.undefined if why), EMPTY)


def is_end(name: str) -> bool:
    """Whether a part is an end of a scale, which is compared and not added."""
    return name in _MINIMA or name in _MAXIMA


def pool_part(name: str, values: Array, into: Any, n_groups: int) -> Array:
    """Sums of a part by group; the least or greatest for the ends of scales."""
    if is_end(name):
        ends = np.full(n_groups, np.nan)
        (np.fmin if name in _MINIMA else np.fmax).at(ends, into, values)
        return ends
    sums = np.zeros(n_groups)
    np.add.at(sums, into, values)
    return sums


def nothing(reason: str, n_groups: int) -> Estimates:
    """Estimates that are undefined for one reason."""
    nan, zero = np.full(n_groups, np.nan), np.zeros(n_groups)
    return Estimates(
        value=nan, numerator=nan, denominator=nan, n=zero, missing=zero, low=nan, high=nan,
        undefined=[reason] * n_groups, no_interval=[None] * n_groups,
    )  # fmt: skip


def _named(all_figures: tuple[Figures, ...], name: str) -> Figures:
    from sentiment.metrics.catalogue import parse

    wanted = parse(name).name
    for figures in all_figures:
        if figures.request.name == wanted:
            return figures
    raise MetricError(
        f"{name}: was not asked for; there are {', '.join(f.request.name for f in all_figures)}"
    )


def _metric(figures: Figures, i: int, group: Mapping[str, Any]) -> Metric:
    request, e = figures.request, figures.estimates
    interval = None if math.isnan(e.low[i]) else (float(e.low[i]), float(e.high[i]))
    return Metric(
        name=request.name,
        group=group,
        value=_number(e.value[i]),
        unit=request.variant.unit,
        numerator=_number(e.numerator[i]),
        denominator=_number(e.denominator[i]),
        n=int(e.n[i]),
        missing=int(e.missing[i]),
        interval=interval,
        variant=request.variant.name,
        definition=request.variant.says,
        undefined=e.undefined[i],
        no_interval=e.no_interval[i],
        parameters=request.parameters,
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
