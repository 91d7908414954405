"""The shape of a call: how the customer's feeling went from start to end.

A call's mean cannot tell a rescue from a fade. The levels between the customer's shifts
(:mod:`sentiment.shifts`) can: "negative" is a level of ``-neutral`` or less, "positive" of ``neutral`` or
more, "first" and "last" are the first and the last level.

================  ================================================================================
name              the customer's polarity
================  ================================================================================
steady_positive   no shift and no drift, positive over all
steady_neutral    no shift and no drift, neither
steady_negative   no shift and no drift, negative over all
quiet_rise        no shift, but a drift upwards: nothing in particular turned it
quiet_fade        no shift, but a drift downwards
lift              shifted up, though not out of the negative: neutral to positive, or less negative
rescue            shifted up from negative to neutral or positive
cooling           shifted down, but not to negative
breakdown         shifted down to negative, or to more negative
dip_and_recovery  shifted down, then up, and won back ``won_back`` of the fall or more
peak_and_loss     shifted up, then down, and lost ``won_back`` of the rise or more
volatile          changed direction twice or more
================  ================================================================================

A fall and rise that begins negative and ends otherwise is a rescue; a fall that is not won back, or a rise
that is not lost, goes by its first and last level. A drift is a change of ``change`` or more from the first
to the last quarter of the customer's utterances, and a significant trend over all of them (M. G.
Kendall, *Rank Correlation Methods*, 1975; the Mann-Kendall test, with correction for ties).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from sentiment.characteristics import participant
from sentiment.measures import Quarter, Shape, ShapeName, Trajectory
from sentiment.storyline import NEUTRAL, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Call, Shift, Utterance

__all__ = ["ShapeOptions", "call_shape"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShapeOptions:
    """What counts as a change, and as enough to name one.

    Args:
        neutral: a level nearer to 0 is neutral; in polarity.
        change: least difference between start and end, and least fall that can be won back; in polarity.
        won_back: share of a fall that must be won back to be a recovery, of a rise that must be lost.
        trend_z: least |z| of the trend test for a drift; 2.58 is 1 % two-sided.
        min_utterances, min_words: the customer says less than this: too little to name.
    """

    neutral: float = NEUTRAL
    change: float = 0.3
    won_back: float = 0.5
    trend_z: float = 2.58
    min_utterances: int = 4
    min_words: int = 12


def call_shape(call: Call, options: ShapeOptions = ShapeOptions()) -> Shape:
    """The shape of a scored call whose shifts were found."""
    by_participant: dict[str, list[Utterance]] = {}
    for u in call.utterances:
        if u.role != "ivr" and u.score is not None:
            by_participant.setdefault(participant(u), []).append(u)
    shifts: dict[str, list[Shift]] = {}
    for shift in call.shifts:
        shifts.setdefault(participant(call.utterances[shift.utterance_index]), []).append(shift)
    trajectories = {
        who: _trajectory(said, shifts.get(who, ()), options) for who, said in by_participant.items()
    }
    customer = by_participant.get("customer", [])
    unnamed = _too_little(call, customer, options)
    name = None if unnamed else _name(call, customer, trajectories["customer"], options)
    return Shape(
        name=name,
        unnamed=unnamed,
        sentence=tell(call, name, neutral=options.neutral)
        if name
        else f"The course is not named: {unnamed}.",
        by_participant=trajectories,
    )


def _too_little(call: Call, customer: Sequence[Utterance], options: ShapeOptions) -> str | None:
    if not any(u.role == "customer" for u in call.utterances):
        return "no voice is known to be the customer's"
    words = sum(len(u.text.split()) for u in customer)
    if len(customer) < options.min_utterances or words < options.min_words:
        turns = "utterance" if len(customer) == 1 else "utterances"
        return f"too short to tell, with {len(customer)} scored {turns} of the customer"
    return None


# -- the name --------------------------------------------------------------------------------------


def _name(call: Call, customer: Sequence[Utterance], course: Trajectory, options: ShapeOptions) -> ShapeName:
    shifts = [s for s in call.shifts if s.role == "customer"]
    if not shifts:
        return _without_shifts(customer, course, options)
    levels = [shifts[0].before, *(s.after for s in shifts)]
    directions = [direction for direction, _ in groupby(s.direction for s in shifts)]
    first, last = levels[0], levels[-1]
    if len(directions) > 2:
        return "volatile"
    if len(directions) == 2:
        low, high = min(levels), max(levels)
        rescued = first <= -options.neutral < last
        if directions[0] == "worse" and not rescued and last - low >= options.won_back * (first - low):
            return "dip_and_recovery"
        if directions[0] == "better" and high - last >= options.won_back * (high - first):
            return "peak_and_loss"
    if last > first:
        return "rescue" if first <= -options.neutral < last else "lift"
    return "breakdown" if last <= -options.neutral else "cooling"


def _without_shifts(customer: Sequence[Utterance], course: Trajectory, options: ShapeOptions) -> ShapeName:
    change = course.end - course.start
    if abs(change) >= options.change:
        z = _trend([u.score.polarity for u in customer if u.score is not None])
        if abs(z) >= options.trend_z and z * change > 0:
            return "quiet_rise" if change > 0 else "quiet_fade"
    if abs(course.mean) < options.neutral:
        return "steady_neutral"
    return "steady_positive" if course.mean > 0 else "steady_negative"


def _trend(values: Sequence[float]) -> float:
    """The Mann-Kendall statistic z of values in order of time; 0 if all are equal."""
    n = len(values)
    s = 0  # pairs that rise minus pairs that fall
    earlier: list[float] = []  # sorted
    for value in values:
        below, not_above = bisect_left(earlier, value), bisect_right(earlier, value)
        s += below - (len(earlier) - not_above)
        earlier.insert(not_above, value)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return 0.0 if s == 0 else (s - math.copysign(1, s)) / math.sqrt(variance)


# -- the numbers -----------------------------------------------------------------------------------


def _trajectory(said: Sequence[Utterance], shifts: Sequence[Shift], options: ShapeOptions) -> Trajectory:
    """``said`` are one participant's scored utterances, in order; ``shifts`` are that participant's."""
    y = [u.score.polarity for u in said if u.score is not None]
    n = math.ceil(len(y) / 4)
    # Shifts are shown beside start and end, with their levels: one number for each.
    start, end = (shifts[0].before, shifts[-1].after) if shifts else (fmean(y[:n]), fmean(y[-n:]))
    at = y.index(min(y))
    low = min(fmean(y[i : i + 3]) for i in range(max(1, len(y) - 2)))
    fall = start - low
    minutes = [u.start_ms / 60_000 for u in said if u.start_ms is not None]
    steps = [(b - a) ** 2 for a, b in pairwise(y)]
    return Trajectory(
        utterances=len(y),
        start=start,
        end=end,
        mean=fmean(y),
        slope_per_minute=_slope(minutes, y) if len(minutes) == len(y) else None,
        slope_per_utterance=_slope([float(i) for i in range(len(y))], y),
        lowest=y[at],
        lowest_index=said[at].index,
        lowest_at_ms=said[at].start_ms,
        recovery=min(1.0, max(0.0, (end - low) / fall)) if fall >= options.change else None,
        volatility=math.sqrt(fmean(steps)) if steps else None,
        quarters=_quarters(said),
    )


def _slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Of the least-squares line through the points; ``None`` if they share one ``x``."""
    middle = fmean(x)
    spread = sum((a - middle) ** 2 for a in x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / spread if spread else None


def _quarters(said: Sequence[Utterance]) -> tuple[Quarter, ...]:
    ends = [u.end_ms for u in said if u.start_ms is not None and u.end_ms is not None]
    if len(ends) < len(said):
        bounds = [len(said) * k // 4 for k in range(5)]
        return tuple(_quarter(said[a:b], None, None) for a, b in pairwise(bounds))
    # Ends cut to the millisecond, as in Transcribe's published examples.
    edges = [max(ends) * k // 4 for k in range(5)]
    parts: list[list[Utterance]] = [[], [], [], []]
    for u in said:
        parts[sum(u.start_ms >= edge for edge in edges[1:4] if u.start_ms is not None)].append(u)
    return tuple(_quarter(part, a, b) for part, (a, b) in zip(parts, pairwise(edges), strict=True))


def _quarter(said: Sequence[Utterance], start_ms: int | None, end_ms: int | None) -> Quarter:
    polarities = [u.score.polarity for u in said if u.score is not None]
    mean = fmean(polarities) if polarities else None
    return Quarter(start_ms=start_ms, end_ms=end_ms, utterances=len(polarities), mean=mean)
