"""Calls graded by scorecards, and whether graders agree: what is stored, and what is worked out from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from service.coaching import agreement
from service.coaching.answers import fill, join, scored_values
from service.coaching.definition import ChoiceQuestion, Definition
from service.coaching.scoring import most_of, score
from service.coaching.sessions import visible
from service.store.tables import Calibration, Call, CoachingSession, Evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from sqlalchemy import ColumnElement

    import sentiment
    from service.coaching.agreement import Agreement, Alpha, Spread
    from service.coaching.answers import Given
    from service.coaching.scoring import Scored
    from service.people.access import Person
    from service.store.tables import Scorecard

__all__ = [
    "OverCalls", "QuestionAgreement", "agreed", "definition_of", "grade", "graded", "over_calls", "readable",
    "scores_apart",
]  # fmt: skip

NOT_APPLICABLE = "(not applicable)"


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionAgreement:
    """How far graders agree on one question that counts; ``points`` are the least and the most given."""

    key: str
    exact: Agreement
    points: tuple[float, float] | None
    most: float


@dataclass(frozen=True, kw_only=True, slots=True)
class OverCalls:
    """How far graders agree on one question over several calls; ``choices`` is ``None`` for a number."""

    key: str
    calls: int
    agreeing: int
    pairs: int
    share: float | None
    choices: Alpha | None
    points: Alpha


def definition_of(scorecard: Scorecard) -> Definition:
    """What a stored scorecard asks."""
    return Definition.model_validate(scorecard.definition)


def grade(
    definition: Definition, call: sentiment.Call, given: Mapping[str, Given]
) -> tuple[dict[str, Any], float | None]:
    """The answers as they are stored, with what the call answers by itself, and the score in [0, 100].

    Raises:
        AnswersError: as :func:`service.coaching.answers.join`.
    """
    joined = join(definition, given, fill(definition, call))
    stored = {key: answer.stored() for key, answer in joined.items()}
    total = graded(definition, stored).score
    return stored, None if total is None else float(total)


def graded(definition: Definition, stored: Mapping[str, Mapping[str, Any]]) -> Scored:
    """The score of stored answers, with its parts."""
    return score(definition, scored_values(definition, stored))


def readable(person: Person) -> ColumnElement[bool]:
    """The condition that somebody sees an evaluation, joined to its call.

    Graders see those of the calls in their sight; who does not grade, those in coaching sessions they see.
    Of an open calibration everybody sees their own alone.
    """
    closed = select(Calibration.id).where(Calibration.closed_at.is_not(None))
    independent = or_(
        Evaluation.calibration_id.is_(None),
        Evaluation.grader_id == person.user_id,
        Evaluation.calibration_id.in_(closed),
    )
    within = and_(person.sight.of(Call.agent_id), independent)
    if "grade" in person.permissions:
        return within
    shown = select(CoachingSession.id).where(visible(person))
    return and_(within, Evaluation.session_id.in_(shown))


def agreed(
    definition: Definition, evaluations: Sequence[Evaluation]
) -> tuple[list[QuestionAgreement], Alpha, Alpha]:
    """How far those who graded one call agree: by question, and over all of them as units of alpha.

    Returns:
        Each question that counts; alpha of the choices (nominal, "not applicable" being one); alpha of the
        share of the points (ordinal, without what does not apply).
    """
    parts = [_points(definition, each) for each in evaluations]
    found: list[QuestionAgreement] = []
    choices: list[list[str]] = []
    points: list[list[Fraction]] = []
    for key, question in _scored(definition).items():
        answers = [_answer(each, key) for each in evaluations]
        given = [p for part in parts if (p := part[key]) is not None]
        reached = [float(p[0]) for p in given]
        span = (min(reached), max(reached)) if reached else None
        found.append(
            QuestionAgreement(
                key=key, exact=agreement.exact_agreement(answers), points=span, most=float(most_of(question))
            )
        )
        points.append([p[0] / p[1] for p in given])
        if isinstance(question, ChoiceQuestion):
            choices.append(answers)
    return found, agreement.alpha(choices, "nominal"), agreement.alpha(points, "ordinal")


def over_calls(definition: Definition, by_call: Sequence[Sequence[Evaluation]]) -> list[OverCalls]:
    """How far graders agree on each question that counts, with the calls as units of alpha."""
    parts = [[_points(definition, each) for each in evaluations] for evaluations in by_call]
    found = []
    for key, question in _scored(definition).items():
        answers = [[_answer(each, key) for each in evaluations] for evaluations in by_call]
        exact = [agreement.exact_agreement(each) for each in answers]
        agreeing, pairs = sum(e.agreeing for e in exact), sum(e.pairs for e in exact)
        points = [[p[0] for part in call if (p := part[key]) is not None] for call in parts]
        found.append(
            OverCalls(
                key=key, calls=sum(len(a) > 1 for a in answers), agreeing=agreeing, pairs=pairs,
                share=agreeing / pairs if pairs else None,
                choices=agreement.alpha(answers, "nominal") if isinstance(question, ChoiceQuestion) else None,
                points=agreement.alpha(points, "ordinal"),
            )
        )  # fmt: skip
    return found


def scores_apart(evaluations: Sequence[Evaluation]) -> Spread:
    """How far the scores of one call lie apart, by evaluation."""
    return agreement.spread({each.id: each.score for each in evaluations if each.score is not None})


def _scored(definition: Definition) -> dict[str, Any]:
    return {q.key: q for section in definition.sections for q in section.scored}


def _answer(evaluation: Evaluation, key: str) -> str:
    value = evaluation.answers[key]["value"]
    return NOT_APPLICABLE if value is None else str(value)


def _points(definition: Definition, evaluation: Evaluation) -> dict[str, tuple[Fraction, Fraction] | None]:
    """Points and most points by question; ``None`` where it does not apply."""
    return {
        q.key: None if q.points is None else (q.points, q.most)
        for section in graded(definition, evaluation.answers).sections
        for q in section.questions
    }
