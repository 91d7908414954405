"""What a scorecard is: sections of questions, and how much each counts. Checked when it is read.

Weights are decimals and add up to exactly 100 % at each level: those of the sections, and those of the
questions in each section. A text has no points and no weight; a section of texts alone has none either.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from service.coaching.measures import MEASURES

__all__ = [
    "EXAMPLE", "Choice", "ChoiceQuestion", "Definition", "FromMeasure", "FromRule", "Knot", "NumberQuestion",
    "Question", "Section", "TextQuestion",
]  # fmt: skip

WHOLE = Decimal(100)

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["greeting"])]
Words = Annotated[str, Field(min_length=1, max_length=500)]
Weight = Annotated[Decimal, Field(gt=0, le=100, max_digits=7, decimal_places=4, description="In per cent.")]
Points = Annotated[Decimal, Field(ge=0, le=1000, max_digits=8, decimal_places=4)]
Number = Annotated[Decimal, Field(ge=-1_000_000, le=1_000_000, max_digits=11, decimal_places=4)]


def _known(name: str) -> str:
    if name not in MEASURES:
        raise ValueError(f"{name!r} is measured of no call; there are {', '.join(MEASURES)}")
    return name


MeasureName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(MEASURES)})
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(_Strict):
    """One of the answers to choose from. One that ``fails`` makes the whole score 0, and has no points."""

    value: Key
    label: Words
    points: Points
    fails: bool = False

    @model_validator(mode="after")
    def _fails_without_points(self) -> Choice:
        if self.fails and self.points:
            raise ValueError(f"choice {self.value!r} fails the call, so it can have no points")
        return self


class Knot(_Strict):
    """What a number is worth: ``points`` at ``at``; between two knots in proportion."""

    at: Number
    points: Points


class FromRule(_Strict):
    """The answer is taken from a moment rule: which choice if it found something, which if not."""

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]{0,99}$", examples=["dismissive_wording"])
    fired: Key
    not_fired: Key


class FromMeasure(_Strict):
    """The answer is measured; outside the scale it counts as the scale's nearest end."""

    measure: MeasureName


class _Asked(_Strict):
    key: Key
    text: Words
    help: str = Field("", max_length=2000)


class ChoiceQuestion(_Asked):
    """One choice of several. A rule can answer it."""

    kind: Literal["choice"]
    weight: Weight
    choices: list[Choice] = Field(min_length=2, max_length=20)
    may_be_not_applicable: bool = False
    filled_by: FromRule | None = None

    @model_validator(mode="after")
    def _choices_fit(self) -> ChoiceQuestion:
        values = [choice.value for choice in self.choices]
        _no_doubles(values, f"question {self.key!r}: choice")
        if not any(choice.points for choice in self.choices):
            raise ValueError(f"question {self.key!r}: no choice has points, so nobody could do well")
        if self.filled_by is not None:
            for value in (self.filled_by.fired, self.filled_by.not_fired):
                if value not in values:
                    raise ValueError(
                        f"question {self.key!r}: filled_by names {value!r}, which is no choice of it"
                    )
        return self


class NumberQuestion(_Asked):
    """A number from the scale's first to its last knot. It can be measured."""

    kind: Literal["number"]
    weight: Weight
    unit: str = Field("", max_length=40)
    scale: list[Knot] = Field(min_length=2, max_length=20)
    may_be_not_applicable: bool = False
    filled_by: FromMeasure | None = None

    @model_validator(mode="after")
    def _scale_fits(self) -> NumberQuestion:
        places = [knot.at for knot in self.scale]
        if any(first >= second for first, second in pairwise(places)):
            raise ValueError(f"question {self.key!r}: the scale's numbers must go up from knot to knot")
        if not any(knot.points for knot in self.scale):
            raise ValueError(f"question {self.key!r}: the scale has no points, so nobody could do well")
        return self


class TextQuestion(_Asked):
    """Words, which count for nothing."""

    kind: Literal["text"]
    required: bool = False


Question: TypeAlias = Annotated[ChoiceQuestion | NumberQuestion | TextQuestion, Field(discriminator="kind")]


class Section(_Strict):
    """Questions that belong together. ``weight`` is left out if all of them are texts."""

    key: Key
    title: Words
    weight: Weight | None = None
    questions: list[Question] = Field(min_length=1, max_length=50)

    @property
    def scored(self) -> list[ChoiceQuestion | NumberQuestion]:
        """The questions that count."""
        return [q for q in self.questions if not isinstance(q, TextQuestion)]

    @model_validator(mode="after")
    def _weights_fit(self) -> Section:
        if not self.scored:
            if self.weight is not None:
                raise ValueError(f"section {self.key!r}: it only asks for texts, so it can have no weight")
            return self
        if self.weight is None:
            raise ValueError(f"section {self.key!r}: it has questions that count, so it needs a weight")
        _whole([q.weight for q in self.scored], f"section {self.key!r}: the weights of its questions")
        return self


EXAMPLE: dict[str, Any] = {
    "sections": [
        {
            "key": "manner",
            "title": "Manner",
            "weight": "60",
            "questions": [
                {
                    "kind": "choice",
                    "key": "greeting",
                    "text": "Did the agent greet the customer?",
                    "weight": "40",
                    "choices": [
                        {"value": "yes", "label": "Yes", "points": "2"},
                        {"value": "partly", "label": "Partly", "points": "1"},
                        {"value": "no", "label": "No", "points": "0"},
                    ],
                },
                {
                    "kind": "choice",
                    "key": "respect",
                    "text": "Did the agent take the customer seriously?",
                    "weight": "60",
                    "may_be_not_applicable": True,
                    "choices": [
                        {"value": "yes", "label": "Yes", "points": "1"},
                        {"value": "no", "label": "No", "points": "0", "fails": True},
                    ],
                    "filled_by": {"rule": "dismissive_wording", "fired": "no", "not_fired": "yes"},
                },
            ],
        },
        {
            "key": "flow",
            "title": "Flow",
            "weight": "40",
            "questions": [
                {
                    "kind": "number",
                    "key": "silence",
                    "text": "Longest silence",
                    "unit": "s",
                    "weight": "100",
                    "may_be_not_applicable": True,
                    "scale": [{"at": "10", "points": "10"}, {"at": "60", "points": "0"}],
                    "filled_by": {"measure": "longest_silence"},
                },
                {"kind": "text", "key": "remark", "text": "What would have helped?"},
            ],
        },
    ]
}
"""A scorecard as it is written."""


class Definition(_Strict):
    """A scorecard: sections whose weights add up to 100 %."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})
    sections: list[Section] = Field(min_length=1, max_length=20)

    @property
    def questions(self) -> dict[str, ChoiceQuestion | NumberQuestion | TextQuestion]:
        """Every question by its key, in order."""
        return {q.key: q for section in self.sections for q in section.questions}

    @model_validator(mode="after")
    def _fits(self) -> Definition:
        _no_doubles([section.key for section in self.sections], "section")
        _no_doubles([q.key for section in self.sections for q in section.questions], "question")
        weights = [section.weight for section in self.sections if section.weight is not None]
        if not weights:
            raise ValueError("no question counts: give at least one a choice or a number")
        _whole(weights, "the weights of the sections")
        return self


def _whole(weights: list[Decimal], whose: str) -> None:
    total = sum(weights, Decimal(0))
    if total != WHOLE:
        raise ValueError(f"{whose} add up to {total.normalize():f} %, not to 100 %")


def _no_doubles(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} is there twice; name each differently")
        seen.add(name)
