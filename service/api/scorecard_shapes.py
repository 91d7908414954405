"""What the API takes and gives of scorecards, evaluations and calibrations."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.api.shapes import Line
from service.coaching.answers import Given
from service.coaching.definition import Definition

__all__ = [
    "AgreementLine", "AlphaLine", "AnswerBody", "AnswerLine", "Answers", "AnswersBody", "CalibrationBody",
    "CalibrationLine", "CalibrationWhole", "DefinitionBody", "EvaluationBody", "EvaluationLine",
    "EvaluationWhole", "FilledLine", "MeanLine", "MeasureLine", "OverCallsLine", "ScoreLine", "ScorecardBody",
    "ScorecardLine", "ScorecardWhole", "SpreadLine", "VersionBody", "given",
]  # fmt: skip

EXAMPLE = {"greeting": {"value": "yes"}}
"""Fits the example of a scorecard; what it leaves out is filled in from the call."""

RowId = Annotated[int, Field(ge=1, le=2**62)]
Percent = Annotated[float, Field(ge=0, le=100)]
State = Literal["draft", "published", "retired"]


class ScorecardBody(BaseModel):
    """A new scorecard, as version 1."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        examples=["Service calls"]
    )
    definition: Definition


class DefinitionBody(BaseModel):
    """What a draft is to be."""

    definition: Definition


class VersionBody(BaseModel):
    """What the next version is to be; left out, the same to begin with."""

    definition: Definition | None = None


class ScorecardLine(Line):
    """A version of a scorecard in a list."""

    id: int
    name: str = Field(examples=["Service calls"])
    version: int
    state: State
    created_by: int | None
    created_at: datetime


class ScorecardWhole(ScorecardLine):
    """A version of a scorecard. Weights and points are decimals, as text."""

    definition: Definition


class MeasureLine(BaseModel):
    """A figure of a call that can answer a number by itself."""

    name: str = Field(examples=["talk_ratio"])
    unit: str = Field(examples=["%"])
    says: str


class AnswerBody(BaseModel):
    """An answer: a choice, a number or a text, or that the question does not apply.

    ``reason`` is needed where the call gives another answer by itself.
    """

    model_config = ConfigDict(extra="forbid")
    value: Annotated[str, Field(max_length=10_000)] | Annotated[Decimal, Field(max_digits=20)] | None = None
    not_applicable: bool = False
    reason: str | None = Field(None, max_length=2000)
    comment: str | None = Field(None, max_length=5000)


Answers = Annotated[
    dict[Annotated[str, Field(max_length=40)], AnswerBody],
    Field(
        max_length=1000, examples=[EXAMPLE], description="By question; what the call answers may be left out."
    ),
]


class AnswersBody(BaseModel):
    """All answers; those left out are what the call gives by itself."""

    answers: Answers


class EvaluationBody(AnswersBody):
    """A call to be graded by a published scorecard; in a coaching session, its agent sees it once shared."""

    scorecard_id: RowId = Field(examples=[3])
    call_id: str = Field(min_length=1, max_length=300, examples=["2026-11-03-0042"])
    session_id: RowId | None = None


class FilledLine(Line):
    """What the call answers by itself: ``value``, or why nothing (``unmeasured``).

    ``figure`` is what was measured, before it was brought to the scale's nearest end.
    """

    source: str = Field(examples=["measure:talk_ratio", "rule:dismissive_wording"])
    value: str | None
    figure: float | None
    unmeasured: str | None


class AnswerLine(BaseModel):
    """The answer that counts; ``source`` is ``grader``, or what of the call gave it."""

    value: str | None
    not_applicable: bool
    source: str = Field(examples=["grader", "measure:talk_ratio"])
    overridden: bool
    reason: str | None
    comment: str | None
    filled: FilledLine | None


class QuestionLine(BaseModel):
    """A question's part of the score: ``contribution`` is ``weight`` (of 100) times points by most."""

    key: str
    points: float | None = Field(description="Null: it does not apply.")
    most: float
    weight: Percent
    contribution: Percent


class SectionLine(BaseModel):
    """A section's part of the score; ``score`` is its own, of 100, or null if nothing in it applies."""

    key: str
    score: Percent | None
    weight: Percent
    contribution: Percent
    questions: list[QuestionLine]


class ScoreLine(BaseModel):
    """The score with its parts. An answer that fails the call makes it 0, whatever the points."""

    score: Percent | None
    without_fail: Percent | None
    failed_by: list[str]
    undefined: str | None
    sections: list[SectionLine]


class EvaluationLine(BaseModel):
    """A graded call in a list."""

    id: int
    scorecard_id: int
    call_id: str
    agent_id: str | None
    session_id: int | None
    calibration_id: int | None
    grader_id: int | None
    score: Percent | None
    created_at: datetime
    updated_at: datetime


class EvaluationWhole(EvaluationLine):
    """A graded call: the answers, and how the score comes about."""

    answers: dict[str, AnswerLine]
    parts: ScoreLine


class MeanLine(BaseModel):
    """The mean score of ``n`` graded calls of an agent by a version of a scorecard.

    Calls to which nothing applied have no score and do not count; ``n_failed`` have the score 0.
    """

    agent_id: str
    scorecard_id: int
    name: str
    version: int
    mean: Percent
    n: int
    n_failed: int = Field(description="How many of them have the score 0.")


class CalibrationBody(BaseModel):
    """A call that several are to grade by a published scorecard."""

    scorecard_id: RowId = Field(examples=[3])
    call_id: str = Field(min_length=1, max_length=300, examples=["2026-11-03-0042"])


class CalibrationLine(BaseModel):
    """A calibration in a list."""

    id: int
    scorecard_id: int
    call_id: str
    created_by: int | None
    created_at: datetime
    closed_at: datetime | None
    n_graders: int


class ExactLine(Line):
    """``agreeing`` of ``pairs`` of graders gave the same answer."""

    share: float | None = Field(ge=0, le=1)
    agreeing: int
    pairs: int
    undefined: str | None


class AlphaLine(Line):
    """Krippendorff's alpha (2011): 1 is perfect agreement, 0 what chance gives; or why there is none."""

    value: float | None = Field(ge=-1, le=1)
    level: Literal["nominal", "ordinal"]
    units: int
    values: int
    undefined: str | None


class QuestionAgreementLine(Line):
    """How far graders agree on a question; ``points`` are the least and the most that were given."""

    key: str
    exact: ExactLine
    points: tuple[float, float] | None
    most: float


class FurthestLine(BaseModel):
    """Whose score differs most from the median, and by how much."""

    evaluation_id: int
    grader_id: int | None
    difference: float


class SpreadLine(BaseModel):
    """How far the scores lie apart; ``undefined`` says what there is none of, and why."""

    n: int
    lowest: Percent | None
    highest: Percent | None
    median: Percent | None
    furthest: list[FurthestLine]
    undefined: str | None


class AgreementLine(BaseModel):
    """How far graders agree on a call.

    Both alphas have the questions as units: ``choices`` of the answers, ``points`` of the share of points.
    """

    questions: list[QuestionAgreementLine]
    choices: AlphaLine
    points: AlphaLine
    spread: SpreadLine


class CalibrationWhole(CalibrationLine):
    """A calibration: while it is open, one's own evaluation; once closed, all, and how far they agree."""

    evaluations: list[EvaluationWhole]
    agreement: AgreementLine | None


class OverCallsLine(Line):
    """How far graders agree on a question, over all closed calibrations; the calls are the units of alpha."""

    key: str
    calls: int
    agreeing: int
    pairs: int
    share: float | None = Field(ge=0, le=1)
    choices: AlphaLine | None = Field(description="Null for a number.")
    points: AlphaLine


def given(answers: dict[str, AnswerBody]) -> dict[str, Given]:
    """The answers of a request."""
    plain: dict[str, Any] = {key: answer.model_dump() for key, answer in answers.items()}
    return {key: Given(**answer) for key, answer in plain.items()}
