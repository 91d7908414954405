"""A score from answers: exact fractions throughout, so that parts add up to the whole.

What does not apply does not count: the weight of such a question goes to the rest of its section in
proportion to their weights, that of a section in which nothing applies to the other sections in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from service.coaching.definition import ChoiceQuestion, NumberQuestion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from service.coaching.definition import Definition, Section

__all__ = ["NOTHING_APPLIES", "QuestionScore", "Scored", "SectionScore", "most_of", "points_of", "score"]

NOTHING_APPLIES = "no question of the scorecard applies to this call"


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionScore:
    """One question's part. ``weight`` is its share of the whole score in per cent, as redistributed.

    ``points`` of ``most``; ``contribution`` is ``weight`` times points by most. Without points if it does not
    apply.
    """

    key: str
    points: Fraction | None
    most: Fraction
    weight: Fraction
    contribution: Fraction


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionScore:
    """One section's part: its own ``score`` in [0, 100], or ``None`` if nothing in it applies."""

    key: str
    score: Fraction | None
    weight: Fraction
    contribution: Fraction
    questions: tuple[QuestionScore, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A score in [0, 100], or ``None`` if ``undefined`` says why.

    ``failed_by`` are the questions whose answer fails the call: then the score is 0, and ``without_fail``
    what it would be by the points alone, which is what the contributions add up to.
    """

    score: Fraction | None
    without_fail: Fraction | None
    failed_by: tuple[str, ...]
    sections: tuple[SectionScore, ...]
    undefined: str | None = None


def score(definition: Definition, answers: Mapping[str, str | Decimal | None]) -> Scored:
    """The score of answers: by question, the choice or the number; ``None`` where it does not apply.

    Texts are ignored. Every question that counts must be there, and every answer be one it takes.
    """
    sections = [s for s in definition.sections if s.weight is not None]
    applying = {s.key: sum((Fraction(q.weight) for q in s.scored if answers[q.key] is not None), Fraction(0))
                for s in sections}  # fmt: skip
    whole = sum((Fraction(s.weight or 0) for s in sections if applying[s.key]), Fraction(0))
    parts = tuple(_section(s, answers, applying[s.key], whole) for s in sections)
    failed = tuple(
        q.key
        for s in sections
        for q in s.scored
        if isinstance(q, ChoiceQuestion) and any(c.fails and c.value == answers[q.key] for c in q.choices)
    )
    if not whole:
        return Scored(score=None, without_fail=None, failed_by=(), sections=parts, undefined=NOTHING_APPLIES)
    points = sum((part.contribution for part in parts), Fraction(0))
    return Scored(
        score=Fraction(0) if failed else points, without_fail=points, failed_by=failed, sections=parts
    )


def points_of(question: ChoiceQuestion | NumberQuestion, value: str | Decimal) -> Fraction:
    """The points of an answer; of a number between two knots, in proportion."""
    if isinstance(question, ChoiceQuestion):
        return next(Fraction(c.points) for c in question.choices if c.value == value)
    at, scale = Fraction(value), question.scale
    for left, right in pairwise(scale):
        if Fraction(left.at) <= at <= Fraction(right.at):
            share = (at - Fraction(left.at)) / (Fraction(right.at) - Fraction(left.at))
            return Fraction(left.points) + share * (Fraction(right.points) - Fraction(left.points))
    raise ValueError(f"{question.key}: {value} is not on its scale")


def most_of(question: ChoiceQuestion | NumberQuestion) -> Fraction:
    """The most points there are."""
    if isinstance(question, ChoiceQuestion):
        return max(Fraction(c.points) for c in question.choices)
    return max(Fraction(knot.points) for knot in question.scale)


def _section(
    section: Section, answers: Mapping[str, str | Decimal | None], applying: Fraction, whole: Fraction
) -> SectionScore:
    weight = 100 * Fraction(section.weight or 0) / whole if applying else Fraction(0)
    questions = []
    for q in section.scored:
        value, most = answers[q.key], most_of(q)
        if value is None:
            questions.append(
                QuestionScore(key=q.key, points=None, most=most, weight=Fraction(0), contribution=Fraction(0))
            )
            continue
        points, own = points_of(q, value), weight * Fraction(q.weight) / applying
        questions.append(
            QuestionScore(key=q.key, points=points, most=most, weight=own, contribution=own * points / most)
        )
    contribution = sum((q.contribution for q in questions), Fraction(0))
    return SectionScore(
        key=section.key,
        score=100 * contribution / weight if applying else None,
        weight=weight,
        contribution=contribution,
        questions=tuple(questions),
    )
