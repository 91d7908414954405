"""A grader's answers and what the call answers by itself, joined: who overrides says why."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sentiment.errors import InputError
from service.coaching.definition import ChoiceQuestion, NumberQuestion, TextQuestion
from service.coaching.measures import fired, measured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.call import Call
    from service.coaching.definition import Definition, FromMeasure, FromRule

__all__ = ["AnswersError", "Filled", "Given", "Joined", "fill", "join", "scored_values"]

MOST_WORDS, PLACES = 10_000, 4


class AnswersError(InputError):
    """Answers that a scorecard does not take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What a grader answers: a choice, a number or a text; or that the question does not apply.

    ``reason`` is why, where it is another answer than the call gives by itself.
    """

    value: str | Decimal | None = None
    not_applicable: bool = False
    reason: str | None = None
    comment: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """The answer the call gives by itself: ``value``, or why there is none (``unmeasured``).

    ``source`` is ``measure:talk_ratio`` or ``rule:dismissive_wording``; ``figure`` what was measured, before
    it was brought to the scale's nearest end.
    """

    source: str
    value: str | Decimal | None = None
    figure: float | None = None
    unmeasured: str | None = None

    def stored(self) -> dict[str, Any]:
        """As JSON; decimals as text, so that they stay what they are."""
        return {
            "source": self.source, "value": _plain(self.value), "figure": self.figure,
            "unmeasured": self.unmeasured,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """The answer that counts. ``overridden`` if it is not what the call gives by itself."""

    value: str | Decimal | None
    not_applicable: bool
    source: str
    overridden: bool
    reason: str | None
    comment: str | None
    filled: Filled | None

    def stored(self) -> dict[str, Any]:
        """As JSON; decimals as text, so that they stay what they are."""
        filled = None if self.filled is None else self.filled.stored()
        return {
            "value": _plain(self.value), "not_applicable": self.not_applicable, "source": self.source,
            "overridden": self.overridden, "reason": self.reason, "comment": self.comment, "filled": filled,
        }  # fmt: skip


def fill(definition: Definition, call: Call) -> dict[str, Filled]:
    """What a call answers by itself, by question."""
    found = {}
    for key, question in definition.questions.items():
        if isinstance(question, TextQuestion) or question.filled_by is None:
            continue
        if isinstance(question, NumberQuestion):
            found[key] = _measure(question, question.filled_by, call)
        else:
            found[key] = _rule(question.filled_by, call)
    return found


def join(
    definition: Definition, given: Mapping[str, Given], filled: Mapping[str, Filled]
) -> dict[str, Joined]:
    """The answers that count, by question.

    Raises:
        AnswersError: a question is not there, not answered, or answered as it cannot be; or the call's own
            answer is overridden without a reason. The question is named.
    """
    questions = definition.questions
    if unknown := set(given) - set(questions):
        raise AnswersError(f"answers.{min(unknown)}: the scorecard has no such question")
    joined: dict[str, Joined] = {}
    missing = []
    for key, question in questions.items():
        answer = given.get(key)
        if answer is not None and answer.value is None and not answer.not_applicable:
            if answer.reason:
                raise AnswersError(f"answers.{key}: a reason, but no answer; give value or not_applicable")
            comment, answer = answer.comment, None
        else:
            comment = None if answer is None else answer.comment
        own = filled.get(key)
        if answer is not None:
            joined[key] = _answered(question, _checked(question, answer), own)
        elif own is not None and own.value is not None:
            joined[key] = Joined(
                value=own.value, not_applicable=False, source=own.source, overridden=False, reason=None,
                comment=comment, filled=own,
            )  # fmt: skip
        elif not isinstance(question, TextQuestion) or question.required:
            missing.append(key)
    if missing:
        raise AnswersError(f"answers.{missing[0]}: not answered; unanswered are {', '.join(missing)}")
    return joined


def scored_values(
    definition: Definition, stored: Mapping[str, Mapping[str, Any]]
) -> dict[str, str | Decimal | None]:
    """Stored answers as :func:`service.coaching.scoring.score` takes them."""
    values: dict[str, str | Decimal | None] = {}
    for key, question in definition.questions.items():
        if isinstance(question, TextQuestion):
            continue
        value = stored[key]["value"]
        values[key] = Decimal(value) if isinstance(question, NumberQuestion) and value is not None else value
    return values


def _plain(value: str | Decimal | None) -> str | None:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _measure(question: NumberQuestion, source: FromMeasure, call: Call) -> Filled:
    found = measured(call, source.measure)
    name = f"measure:{source.measure}"
    if found.value is None:
        return Filled(source=name, unmeasured=found.unmeasured)
    low, high = question.scale[0].at, question.scale[-1].at
    value = min(max(Decimal(str(found.value)), low), high)
    return Filled(source=name, value=value, figure=found.value)


def _rule(source: FromRule, call: Call) -> Filled:
    found, name = fired(call, source.rule), f"rule:{source.rule}"
    if found is None:
        return Filled(source=name, unmeasured="nobody looked for moments in this call")
    return Filled(source=name, value=source.fired if found else source.not_fired)


def _checked(question: ChoiceQuestion | NumberQuestion | TextQuestion, answer: Given) -> Given:
    """The answer with its value as the question's kind has it."""
    where = f"answers.{question.key}"
    if answer.not_applicable:
        if answer.value is not None:
            raise AnswersError(f"{where}: both a value and not_applicable; give one of them")
        if isinstance(question, TextQuestion) or not question.may_be_not_applicable:
            raise AnswersError(f"{where}: cannot be not applicable; answer it")
        return answer
    if isinstance(question, NumberQuestion):
        low, high = question.scale[0].at, question.scale[-1].at
        try:
            value = Decimal(str(answer.value))
        except InvalidOperation:
            value = Decimal("NaN")
        if value.is_nan() or not low <= value <= high or value != round(value, PLACES):
            raise AnswersError(
                f"{where}: give a number from {low:f} to {high:f}, with at most {PLACES} decimals"
            )
        return Given(value=value, reason=answer.reason, comment=answer.comment)
    text = str(answer.value)
    if isinstance(question, ChoiceQuestion):
        values = [choice.value for choice in question.choices]
        if text not in values:
            raise AnswersError(f"{where}: give one of {', '.join(values)}")
    elif len(text) > MOST_WORDS or not text.strip():
        raise AnswersError(f"{where}: give 1 to {MOST_WORDS} characters")
    return Given(value=text, reason=answer.reason, comment=answer.comment)


def _answered(
    question: ChoiceQuestion | NumberQuestion | TextQuestion, answer: Given, own: Filled | None
) -> Joined:
    reason = (answer.reason or "").strip() or None
    if own is not None and own.value is not None:
        if answer.value == own.value:
            return Joined(
                value=own.value, not_applicable=False, source=own.source, overridden=False, reason=None,
                comment=answer.comment, filled=own,
            )  # fmt: skip
        if reason is None:
            raise AnswersError(
                f"answers.{question.key}: {own.source} says {_plain(own.value)}; "
                "give a reason to answer otherwise"
            )
        overridden = True
    else:
        overridden = False
    return Joined(
        value=answer.value, not_applicable=answer.not_applicable, source="grader", overridden=overridden,
        reason=reason, comment=answer.comment, filled=own,
    )  # fmt: skip
