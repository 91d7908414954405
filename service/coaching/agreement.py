"""Whether graders agree: pairs with the same answer, Krippendorff's alpha, and how far scores spread.

Alpha is 1 minus observed over expected disagreement: 1 is perfect agreement, 0 what chance gives, below 0
worse than chance. It takes any number of graders, and answers that are missing. From coincidences of values,
as in
Krippendorff, K. (2011). Computing Krippendorff's Alpha-Reliability.
https://repository.upenn.edu/asc_papers/43
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

__all__ = ["Agreement", "Alpha", "Spread", "alpha", "exact_agreement", "spread"]

Level = Literal["nominal", "ordinal"]
Value = TypeVar("Value", bound="Hashable")

FEW = "fewer than two graders answered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """``agreeing`` of ``pairs`` of graders gave the same answer: ``share`` in [0, 1], or why none is."""

    share: float | None
    agreeing: int
    pairs: int
    undefined: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alpha:
    """Krippendorff's alpha, in [-1, 1], or why there is none.

    ``units`` are the questions (or calls) that two graders or more answered, ``values`` their answers.
    """

    value: float | None
    level: Level
    units: int
    values: int
    undefined: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How far graders' scores lie apart; ``n`` have one.

    ``furthest`` are those who differ most from the median, each with by how much; several if they are as far.
    ``undefined`` says why there is none.
    """

    n: int
    lowest: float | None
    highest: float | None
    median: float | None
    furthest: tuple[tuple[int, float], ...]
    undefined: str | None = None


def exact_agreement(answers: Sequence[Hashable]) -> Agreement:
    """How many pairs of graders gave the same answer to one question."""
    n = len(answers)
    pairs = n * (n - 1) // 2
    if not pairs:
        return Agreement(share=None, agreeing=0, pairs=0, undefined=FEW)
    agreeing = sum(one == other for one, other in combinations(answers, 2))
    return Agreement(share=agreeing / pairs, agreeing=agreeing, pairs=pairs)


def alpha(units: Sequence[Sequence[Value]], level: Level) -> Alpha:
    """Alpha over units, each the values its graders gave; those of fewer than two do not count.

    Args:
        units: values that can be ordered, if the level is ``ordinal``.
        level: ``nominal``: values are the same or not. ``ordinal``: they differ by the ranks between them.
    """
    pairable = [unit for unit in units if len(unit) > 1]
    n = sum(len(unit) for unit in pairable)
    if not pairable:
        return Alpha(value=None, level=level, units=0, values=0, undefined=FEW)
    totals = Counter(value for unit in pairable for value in unit)
    places = sorted(totals) if level == "ordinal" else list(totals)  # type: ignore[type-var]
    apart = _distances(places, totals, level)
    observed = Fraction(0)
    for unit in pairable:
        counted = Counter(unit)
        among = sum(counted[c] * counted[k] * apart[c, k] for c in counted for k in counted)
        observed += Fraction(among) / (len(unit) - 1)
    expected = Fraction(sum(totals[c] * totals[k] * apart[c, k] for c in places for k in places), 1) / (n - 1)
    if not expected:
        why = "every answer is the same, so agreement cannot be told from habit"
        return Alpha(value=None, level=level, units=len(pairable), values=n, undefined=why)
    value = float(1 - observed / expected)
    return Alpha(value=value, level=level, units=len(pairable), values=n)


def spread(scores: Mapping[int, float]) -> Spread:
    """How far scores lie apart, by grader."""
    if len(scores) < 2:
        return Spread(
            n=len(scores), lowest=None, highest=None, median=None, furthest=(),
            undefined="fewer than two graders have a score",
        )  # fmt: skip
    middle = median(scores.values())
    gaps = {grader: value - middle for grader, value in scores.items()}
    most = max(abs(gap) for gap in gaps.values())
    furthest: tuple[tuple[int, float], ...] = ()
    why = None
    if len(scores) < 3:
        why = "of two graders each differs from the median by as much"
    elif most:
        furthest = tuple(sorted((g, gap) for g, gap in gaps.items() if abs(gap) >= most - 1e-9))
    return Spread(
        n=len(scores), lowest=min(scores.values()), highest=max(scores.values()), median=middle,
        furthest=furthest, undefined=why,
    )  # fmt: skip


def _distances(
    places: Sequence[Value], totals: Mapping[Value, int], level: Level
) -> dict[tuple[Value, Value], Fraction]:
    """The squared difference of every two values."""
    if level == "nominal":
        return {(c, k): Fraction(c != k) for c in places for k in places}
    upto, sums = 0, {}
    for value in places:
        sums[value] = upto + Fraction(totals[value], 2)  # the mean rank, but for a constant
        upto += totals[value]
    return {(c, k): (sums[c] - sums[k]) ** 2 for c in places for k in places}
