"""Results as one web page: tables, and plots with intervals as inline SVG. No script, nothing fetched."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sentiment.metrics.calendar import PERIODS
from sentiment.metrics.result import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.metrics.compare import Comparison
    from sentiment.metrics.result import Figures, Result
    from sentiment.metrics.targets import Judged

__all__ = ["page"]

LINES, BARS, ROWS = 8, 40, 2_000
"""Most series in a plot over time, most bars in a plot of groups, most rows in a table."""

SAYS = {
    "met": "surely met",
    "missed": "surely missed",
    "unsure": "the interval does not tell",
    None: "no value",
}
"""A verdict in words."""

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 260, 64, 36, 12
APART = 5
"""How far beside each other the series' marks of one period stand, so that no interval hides another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A value in a plot, in its coordinates: ``low`` and ``high`` are the ends of its interval."""

    x: float
    y: float
    low: float | None
    high: float | None
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Marks of one group, joined by lines where neighbours are known."""

    name: str
    colour: int
    marks: tuple[Mark, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """One metric's plot: series, labels of both axes as (position, text), and what was left out.

    ``target`` is the height of the target's line, if it has one.
    """

    series: tuple[Series, ...]
    x_labels: tuple[tuple[float, str], ...]
    y_labels: tuple[tuple[float, str], ...]
    target: float | None
    left_out: int


def page(
    result: Result,
    comparisons: Sequence[Comparison] = (),
    judged: Sequence[Judged] = (),
    *,
    made_on: date | None = None,
) -> str:
    """The whole page.

    Args:
        result: what was computed.
        comparisons: differences to list under it.
        judged: what has a target, and whether it meets it.
        made_on: the day to name in it.
    """
    environment = Environment(
        loader=PackageLoader("sentiment.metrics"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"figure": figure, "text": _text}
    verdicts: dict[str, list[Judged]] = {}
    for each in judged:
        verdicts.setdefault(each.name, []).append(each)
    sections = [
        {
            "figures": f,
            "definition": f.request.definition,
            "total": t.estimates,
            "plot": _plot(result, f, verdicts.get(f.request.name, [])) if result.by else None,
            "judged": verdicts.get(f.request.name, []),
        }
        for f, t in zip(result.figures, result.totals, strict=True)
    ]
    return environment.get_template("metrics.html").render(
        result=result, sections=sections, comparisons=comparisons, made_on=made_on, most=ROWS, SAYS=SAYS,
        width=WIDTH, height=HEIGHT, left=LEFT, bottom=HEIGHT - BOTTOM,
    )  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%MZ")
    return "(unknown)" if value is None else str(value)


def _plot(result: Result, figures: Figures, judged: Sequence[Judged]) -> Plot | None:
    """A line for each group over time; a bar with its interval for each group where there is no period."""
    known = [i for i in range(len(result.groups)) if not math.isnan(figures.estimates.value[i])]
    if not known:
        return None
    period = next((k for k in result.by if k in PERIODS), None)
    goal = judged[0].target if judged else None
    if period is None:
        return _over_groups(result, figures, known, goal)
    return _over_time(result, figures, known, period, goal)


class _Axis:
    """Values to heights, with a margin, from round number to round number."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = low - (abs(low) or 1) / 10, high + (abs(high) or 1) / 10
        step = 10 ** math.floor(math.log10(high - low))
        step = next(s for s in (step / 5, step / 2, step, step * 2) if (high - low) / s <= 6)
        self.low: float = math.floor(low / step) * step
        self.high: float = math.ceil(high / step) * step
        n = round((self.high - self.low) / step)
        self.labels = tuple((self(self.low + i * step), f"{self.low + i * step:,.6g}") for i in range(n + 1))

    def __call__(self, value: float) -> float:
        share: float = (value - self.low) / (self.high - self.low)
        height = HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
        return round(height, 1)


def _axis(figures: Figures, shown: Sequence[int], goal: float | None) -> _Axis:
    e = figures.estimates
    ends = [float(a[i]) for a in (e.value, e.low, e.high) for i in shown if not math.isnan(a[i])]
    return _Axis(ends if goal is None else [*ends, goal])


def _mark(figures: Figures, i: int, x: float, axis: _Axis, label: str) -> Mark:
    e, whole = figures.estimates, figures.request.variant.statistic.whole
    interval = not math.isnan(e.low[i])
    says = f"{label}: {figure(float(e.value[i]), whole)} {figures.request.variant.unit}, n = {int(e.n[i]):,}"
    if interval:
        says += f" ({figure(float(e.low[i]))} … {figure(float(e.high[i]))})"
    return Mark(
        x=round(x, 1),
        y=axis(float(e.value[i])),
        low=axis(float(e.low[i])) if interval else None,
        high=axis(float(e.high[i])) if interval else None,
        says=says,
    )


def _over_groups(result: Result, figures: Figures, known: Sequence[int], goal: float | None) -> Plot:
    shown = sorted(known, key=lambda i: -figures.estimates.n[i])[:BARS]
    shown = sorted(shown)
    axis = _axis(figures, shown, goal)
    step = (WIDTH - LEFT) / len(shown)
    names = [", ".join(_text(v) for v in result.groups[i]) for i in shown]
    marks = tuple(
        _mark(figures, i, LEFT + (k + 0.5) * step, axis, name)
        for k, (i, name) in enumerate(zip(shown, names, strict=True))
    )
    every = max(1, math.ceil(len(shown) / 12))
    labels = tuple((m.x, n[:14]) for k, (m, n) in enumerate(zip(marks, names, strict=True)) if k % every == 0)
    return Plot(
        series=(Series(name="", colour=0, marks=marks, paths=()),), x_labels=labels, y_labels=axis.labels,
        target=None if goal is None else axis(goal), left_out=len(known) - len(shown),
    )  # fmt: skip


def _over_time(
    result: Result, figures: Figures, known: Sequence[int], period: str, goal: float | None
) -> Plot:
    place = result.by.index(period)
    dated = [i for i in known if result.groups[i][place] is not None]
    starts = sorted({result.groups[i][place] for i in dated})
    at = {start: LEFT + (k + 0.5) * (WIDTH - LEFT) / len(starts) for k, start in enumerate(starts)}
    others: dict[tuple[Any, ...], list[int]] = {}
    for i in dated:
        group = result.groups[i]
        others.setdefault((*group[:place], *group[place + 1 :]), []).append(i)
    largest = sorted(others, key=lambda g: -sum(figures.estimates.n[i] for i in others[g]))[:LINES]
    axis = _axis(figures, [i for g in largest for i in others[g]], goal)
    series = []
    for colour, group in enumerate(g for g in others if g in largest):
        name = ", ".join(_text(v) for v in group)
        marks = tuple(
            _mark(
                figures,
                i,
                at[result.groups[i][place]] + (colour - (len(largest) - 1) / 2) * APART,
                axis,
                f"{name} {_text(result.groups[i][place])}".strip(),
            )
            for i in others[group]
        )
        path = "M" + " L".join(f"{m.x} {m.y}" for m in marks)
        series.append(Series(name=name, colour=colour, marks=marks, paths=(path,)))
    every = max(1, math.ceil(len(starts) / 8))
    labels = tuple((round(at[s], 1), _text(s)) for s in starts[::every])
    return Plot(
        series=tuple(series), x_labels=labels, y_labels=axis.labels,
        target=None if goal is None else axis(goal), left_out=len(others) - len(largest),
    )  # fmt: skip
