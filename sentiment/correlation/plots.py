"""Pictures of the report as shapes in their own coordinates; the template only writes them down as SVG.

A picture is 420 units wide, so that its writing can be read on a telephone. Colours are roles: 0 what was
answered, 1 what was estimated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sentiment.correlation.wording import number, with_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.correlation.figure import Figure
    from sentiment.correlation.response_values import Rate, Response
    from sentiment.correlation.values import Calibration, Drift, GroupAgreement, Instrument

__all__ = ["Picture", "by_answer", "calibrated", "drifting", "grouped", "means", "responding"]

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 300, 44, 12, 12, 44
ROW, MOST_ROWS = 22, 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    """A value, and its interval from one end to the other; a diamond where ``colour`` is 1."""

    x: float
    y: float
    says: str
    colour: int = 0
    ends: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A path; ``kind`` is line, area, guide or bar."""

    path: str
    kind: str
    colour: int = 0
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Writing at a place; ``anchor`` as SVG has it."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A plot: ``says`` is what it shows, for those who do not see it; ``note`` stands under it."""

    says: str
    height: float
    grid: tuple[tuple[float, float, float, float], ...]
    texts: tuple[Text, ...]
    shapes: tuple[Shape, ...]
    dots: tuple[Dot, ...]
    note: str = ""
    width: float = WIDTH


class _Axis:
    """Values to places, from round number to round number."""

    def __init__(self, values: Sequence[float], start: float, end: float, *, most: int = 6) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = low - (abs(low) or 1.0) / 10, high + (abs(high) or 1.0) / 10
        step = 10.0 ** math.floor(math.log10(high - low))
        step = next(s for s in (step / 5, step / 2, step, step * 2) if (high - low) / s <= most)
        self.low, self.high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        self.start, self.end = start, end
        n = round((self.high - self.low) / step)
        self.marks = [self.low + i * step for i in range(n + 1)]

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def label(self, value: float) -> str:
        return f"{value:.6g}".replace("-", "−")


def _frame(x: _Axis | None, y: _Axis, x_title: str, height: float = HEIGHT) -> tuple[list, list[Text]]:  # type: ignore[type-arg]
    grid = [(LEFT, y(v), WIDTH - RIGHT, y(v)) for v in y.marks]
    texts = [Text(x=LEFT - 6, y=y(v) + 4, text=y.label(v), anchor="end") for v in y.marks]
    if x is not None:
        texts += [Text(x=x(v), y=height - BOTTOM + 17, text=x.label(v)) for v in x.marks]
    texts.append(Text(x=(LEFT + WIDTH - RIGHT) / 2, y=height - 8, text=x_title))
    return grid, texts


def _ends(figure: Figure) -> list[float]:
    return [v for v in (figure.value, figure.low, figure.high) if v is not None]


def _upright(x: float, figure: Figure, y: _Axis, says: str, colour: int = 0) -> Dot | None:
    if figure.value is None:
        return None
    ends = None if figure.low is None or figure.high is None else (x, y(figure.low), x, y(figure.high))
    return Dot(x=round(x, 1), y=y(figure.value), says=says, colour=colour, ends=ends)


def calibrated(found: Calibration, estimate: str, answer: str, *, same_scale: bool) -> Picture | None:
    """Mean answer at each level of the estimate, with the line on which the two are equal."""
    bins = [b for b in found.bins if b.answered.value is not None]
    if len(bins) < 2:
        return None
    heights = [v for b in bins for v in _ends(b.answered)]
    widths = [b.predicted for b in bins]
    shared = [*heights, *widths] if same_scale else heights
    x = _Axis(shared if same_scale else widths, LEFT + 8, WIDTH - RIGHT - 8)
    y = _Axis(shared, HEIGHT - BOTTOM, TOP)
    grid, texts = _frame(x, y, f"{estimate} →")
    dots = [
        _upright(x(b.predicted), b.answered, y,
                 f"{estimate} {number(b.low)} … {number(b.high)}, mean {number(b.predicted)}: mean answer "
                 f"{with_interval(b.answered)}, n = {b.answered.n:,}")
        for b in bins
    ]  # fmt: skip
    shapes = []
    if same_scale:
        shapes.append(Shape(path=f"M{x(x.low)} {y(x.low)} L{x(x.high)} {y(x.high)}", kind="guide"))
    return Picture(
        says=f"Mean {answer} by {estimate}, with 95 % intervals", height=HEIGHT, grid=tuple(grid),
        texts=tuple(texts),
        shapes=tuple(shapes), dots=tuple(d for d in dots if d),
        note="On the dashed line an estimate means what it says." if same_scale else "",
    )  # fmt: skip


def by_answer(found: Instrument, estimate: str, answer: str) -> Picture | None:
    """How the estimate is spread among the calls of each answer: a violin, its middle half and its median."""
    if len(found.points) < 10:
        return None
    points = np.array(found.points)
    low, high = found.scale
    step = 1.0 if high - low <= 11 else (high - low) / 10.0
    level = np.round((points[:, 1] - low) / step)
    y = _Axis(points[:, 0].tolist(), HEIGHT - BOTTOM, TOP)
    n_levels = round((high - low) / step) + 1
    width = (WIDTH - LEFT - RIGHT) / n_levels
    grid, texts = _frame(None, y, f"{answer} →")
    shapes, dots = [], []
    for k in range(n_levels):
        values, x = points[level == k, 0], LEFT + (k + 0.5) * width
        texts.append(Text(x=round(x, 1), y=HEIGHT - BOTTOM + 17, text=f"{low + k * step:g}"))
        if len(values) == 0:
            continue
        middle = float(np.median(values))
        if len(values) >= 8 and np.ptp(values) > 0:
            shapes.append(Shape(path=_violin(values, x, 0.44 * width, y), kind="area", colour=1))
            a, b = (y(float(q)) for q in np.quantile(values, [0.25, 0.75]))
            shapes.append(Shape(path=f"M{x:.1f} {a} V{b}", kind="thick", colour=1))
        else:
            shapes += [Shape(path=f"M{x - 3:.1f} {y(float(v))} h6", kind="line", colour=1) for v in values]
        says = f"{answer} {low + k * step:g}: median {estimate} {number(middle)}, n = {len(values):,}"
        dots.append(Dot(x=round(x, 1), y=y(middle), says=says, colour=1))
    return Picture(
        says=f"{estimate} by {answer}: distributions and medians", height=HEIGHT, grid=tuple(grid),
        texts=tuple(texts), shapes=tuple(shapes), dots=tuple(dots),
        note="Width: how many calls. Bar: the middle half. Where shapes overlap, calls cannot be told apart.",
    )  # fmt: skip


def _violin(values: Floats, x: float, half: float, y: _Axis) -> str:
    """A closed path around a normal kernel density (bandwidth by Silverman's rule)."""
    spread = min(float(values.std()), float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.34 or np.inf)
    width = 0.9 * max(spread, 1e-9) * len(values) ** -0.2
    at = np.linspace(values.min(), values.max(), 28)
    density = np.exp(-0.5 * ((at[:, None] - values[None, :]) / width) ** 2).mean(axis=1)
    reach = half * density / density.max()
    right = [f"{x + r:.1f} {y(float(v))}" for v, r in zip(at, reach, strict=True)]
    left = [f"{x - r:.1f} {y(float(v))}" for v, r in zip(at[::-1], reach[::-1], strict=True)]
    return "M" + " L".join([*right, *left]) + " Z"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    name: str
    marks: tuple[tuple[Figure, int, str], ...]
    beside: str = ""


def _rows(rows: Sequence[_Row], title: str, says: str, *, names: float, note: str = "") -> Picture | None:
    """Dots with intervals, a row for each name."""
    known = [v for r in rows for f, _, _ in r.marks for v in _ends(f)]
    if not known:
        return None
    end = WIDTH - (46 if any(r.beside for r in rows) else RIGHT)
    x = _Axis(known, names + 6, end, most=5)
    height = TOP + len(rows) * ROW + BOTTOM
    foot = height - BOTTOM
    grid = [(x(v), TOP, x(v), foot) for v in x.marks]
    texts = [Text(x=x(v), y=foot + 17, text=x.label(v)) for v in x.marks]
    texts.append(Text(x=(names + end) / 2, y=height - 8, text=title))
    dots = []
    most = max(8, int(names / 6.6))
    for i, row in enumerate(rows):
        middle = TOP + (i + 0.5) * ROW
        name = row.name if len(row.name) <= most else row.name[: most - 1] + "…"
        texts.append(Text(x=names - 4, y=middle + 4, text=name, anchor="end"))
        if row.beside:
            texts.append(Text(x=WIDTH - 2, y=middle + 4, text=row.beside, anchor="end"))
        for figure, colour, told in row.marks:
            if figure.value is None:
                continue
            at = middle if len(row.marks) == 1 else middle + (-3 if colour == 0 else 4)
            ends = (
                None if figure.low is None or figure.high is None else (x(figure.low), at, x(figure.high), at)
            )
            dots.append(Dot(x=x(figure.value), y=at, says=told, colour=colour, ends=ends))
    return Picture(says=says, height=height, grid=tuple(grid), texts=tuple(texts), shapes=(),
                   dots=tuple(dots),                    note=note)  # fmt: skip


def grouped(found: GroupAgreement, answer: str, *, same_scale: bool) -> Picture | None:
    """Groups with their mean answer and its interval, beside it the mean estimate of the same calls."""
    from sentiment.correlation.figure import Figure

    largest = sorted(found.groups, key=lambda g: -g.n_answers)[:MOST_ROWS]
    shown = [g for g in largest if g.n_answers]
    shown = sorted(shown, key=lambda g: g.name if found.by in _TIMES else -(g.answered.value or 0.0))
    rows = []
    for g in shown:
        marks = [(g.answered, 0, f"{g.name}: mean answer {with_interval(g.answered)}, n = {g.n_answers:,}")]
        if same_scale and g.predicted is not None:
            one = Figure(g.predicted, n=g.n_answers, n_customers=g.n_answers)
            marks.append((one, 1, f"{g.name}: mean estimate of the same calls {number(g.predicted)}"))
        rows.append(_Row(name=g.name, marks=tuple(marks), beside=f"n {g.n_answers:,}"))
    left_out = sum(1 for g in found.groups if g.n_answers) - len(shown)
    return _rows(
        rows, answer, f"Mean {answer} of each {found.by} with 95 % intervals", names=96,
        note=f"{left_out} with fewer answers are in the table only." if left_out else "",
    )  # fmt: skip


_TIMES = ("hour", "day", "week", "month", "quarter", "year", "weekday", "hour_of_day")


def means(found: Response, answer: str) -> Picture | None:
    """The mean as answered and weighted, and of the calls nobody answered."""
    mean = found.mean
    given = (
        ("as answered", mean.raw, 0),
        ("weighted: all calls", mean.weighted, 0),
        ("estimated: all calls", mean.all_estimated, 1),
        ("weighted: no answer", mean.others_weighted, 0),
        ("estimated: no answer", mean.others_estimated, 1),
    )
    rows = [
        _Row(name=name, marks=((figure, colour, f"{name}: {with_interval(figure)}, n = {figure.n:,}"),))
        for name, figure, colour in given
        if figure is not None and figure.value is not None
    ]
    return _rows(
        rows, f"mean {answer}", f"Mean {answer} as answered and weighted, with 95 % intervals", names=140
    )


def responding(bands: Sequence[Rate], estimate: str) -> Picture | None:
    """Share of calls with an answer, by fifths of the estimate."""
    if len(bands) < 2:
        return None
    values = [100.0 * v for b in bands for v in _ends(b.rate)]
    y = _Axis([0.0, *values], HEIGHT - BOTTOM, TOP)
    grid, texts = _frame(None, y, "from lowest to highest fifth →")
    width = (WIDTH - LEFT - RIGHT) / len(bands)
    shapes, dots = [], []
    for k, band in enumerate(bands):
        if band.rate.value is None or band.rate.low is None or band.rate.high is None:
            continue
        x, top = LEFT + (k + 0.5) * width, y(100.0 * band.rate.value)
        says = f"{band.name}: {band.n_answers:,} of {band.n_calls:,} calls, {100 * band.rate.value:.1f} %"
        path = f"M{x - 0.36 * width:.1f} {y(0.0)} V{top} h{0.72 * width:.1f} V{y(0.0)} Z"
        shapes.append(Shape(path=path, kind="bar", says=says))
        ends = (x, y(100.0 * band.rate.low), x, y(100.0 * band.rate.high))
        dots.append(Dot(x=round(x, 1), y=top, says=says, ends=ends))
        edge = band.name.rpartition(" … ")[2].replace("-", "−")
        texts.append(Text(x=round(x, 1), y=HEIGHT - BOTTOM + 17, text=f"to {edge}"))
    return Picture(
        says=f"Response rate in per cent by {estimate}, with 95 % intervals", height=HEIGHT, grid=tuple(grid),
        texts=tuple(texts), shapes=tuple(shapes), dots=tuple(dots),
    )  # fmt: skip


def drifting(found: Drift, gap: str) -> Picture | None:
    """Answer minus estimate by period; 0 is no gap."""
    periods = [p for p in found.periods if p.gap.value is not None]
    if len(periods) < 2:
        return None
    y = _Axis([0.0, *(v for p in periods for v in _ends(p.gap))], HEIGHT - BOTTOM, TOP)
    grid, texts = _frame(None, y, f"{found.period} →")
    width = (WIDTH - LEFT - RIGHT) / len(periods)
    dots = [
        _upright(LEFT + (k + 0.5) * width, p.gap, y,
                 f"{found.period} of {p.starts}: {gap} {with_interval(p.gap)}, n = {p.n:,}")
        for k, p in enumerate(periods)
    ]  # fmt: skip
    every = max(1, math.ceil(len(periods) / 5))
    for k, p in enumerate(periods):
        if k % every == 0:
            texts.append(
                Text(x=round(LEFT + (k + 0.5) * width, 1), y=HEIGHT - BOTTOM + 17, text=p.starts[2:])
            )
    line = "M" + " L".join(f"{d.x} {d.y}" for d in dots if d)
    zero = Shape(path=f"M{LEFT} {y(0.0)} H{WIDTH - RIGHT}", kind="guide")
    return Picture(
        says=f"{gap} by {found.period}, with 95 % intervals", height=HEIGHT, grid=tuple(grid),
        texts=tuple(texts),
        shapes=(zero, Shape(path=line, kind="line")), dots=tuple(d for d in dots if d),
    )  # fmt: skip
