"""Filters on what the customer feels, and on what they would answer in a survey.

All of them read the customer. What an agent feels is not judged: rules about agents read wording
(``said``) and timing (``timed``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from sentiment.phrases import quote, signed, speaker
from sentiment.rules.values import Companion, Hit, Percent, Within

if TYPE_CHECKING:
    from sentiment.call import Call, Score, Shift, Utterance
    from sentiment.rules.seen import Seen

__all__ = [
    "EMOTIONS",
    "EmotionFilter",
    "EstimateFilter",
    "IntensityFilter",
    "MoodFilter",
    "PolarityFilter",
    "ShiftFilter",
]

EMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity",
    "desire", "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear",
    "gratitude", "grief", "joy", "love", "nervousness", "optimism", "pride", "realization", "relief",
    "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
"""The names of GoEmotions (Demszky et al. 2020), which the shipped scorer gives."""

Polarity = Annotated[float, Within(-1, 1)]
Probability = Annotated[float, Within(0, 1)]
Words = Annotated[int, Within(1)]


def between(value: float, at_least: float | None, at_most: float | None) -> bool:
    """Whether ``value`` lies within the limits that are given, both inclusive."""
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)


def some_limit(at_least: float | None, at_most: float | None) -> None:
    """Raise ValueError unless there is a limit, and room between the two."""
    if at_least is None and at_most is None:
        raise ValueError("give at_least or at_most")
    if at_least is not None and at_most is not None and at_most < at_least:
        raise ValueError("at_most is less than at_least")


def utterance_hit(
    u: Utterance, *, strength: float = 0.0, numbers: dict[str, float], words: dict[str, str]
) -> Hit:
    """A hit that is one utterance."""
    return Hit(
        first=u.index, last=u.index, role=u.role, start_ms=u.start_ms, end_ms=u.end_ms,
        utterances=(u.index,), strength=strength, numbers=numbers, words=words,
    )  # fmt: skip


def _felt(u: Utterance, score: Score, strength: float) -> Hit:
    return utterance_hit(
        u, strength=strength,
        numbers={"polarity": score.polarity, "intensity": score.intensity},
        words={"polarity": signed(score.polarity), "intensity": f"{score.intensity:.2f}"},
    )  # fmt: skip


def _scored(seen: Seen) -> list[tuple[Utterance, Score]]:
    return [(u, u.score) for u in seen.said_by("customer") if u.score is not None]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolarityFilter:
    """The customer's utterances by polarity. Strength: how far from neutral, times intensity."""

    name: ClassVar[str] = "polarity"
    tells: ClassVar[tuple[str, ...]] = ("polarity", "intensity")
    role: Literal["customer"] = "customer"
    at_least: Polarity | None = None
    at_most: Polarity | None = None
    min_words: Words = 1

    def __post_init__(self) -> None:
        some_limit(self.at_least, self.at_most)

    def find(self, seen: Seen) -> list[Hit]:
        """One hit an utterance."""
        return [
            _felt(u, score, abs(score.polarity) * score.intensity)
            for u, score in _scored(seen)
            if between(score.polarity, self.at_least, self.at_most) and len(u.text.split()) >= self.min_words
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class IntensityFilter:
    """The customer's utterances by emotional intensity. Strength: the intensity."""

    name: ClassVar[str] = "intensity"
    tells: ClassVar[tuple[str, ...]] = ("polarity", "intensity")
    role: Literal["customer"] = "customer"
    at_least: Probability | None = None
    at_most: Probability | None = None
    min_words: Words = 1

    def __post_init__(self) -> None:
        some_limit(self.at_least, self.at_most)

    def find(self, seen: Seen) -> list[Hit]:
        """One hit an utterance."""
        return [
            _felt(u, score, score.intensity)
            for u, score in _scored(seen)
            if between(score.intensity, self.at_least, self.at_most) and len(u.text.split()) >= self.min_words
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class EmotionFilter:
    """The customer's utterances in which any of the emotions is probable. Strength: its probability.

    With ``felt_at_least``, a least probability times intensity, that product is the strength.
    """

    name: ClassVar[str] = "emotion"
    tells: ClassVar[tuple[str, ...]] = ("emotion", "probability", "polarity", "intensity")
    role: Literal["customer"] = "customer"
    emotions: tuple[str, ...]
    at_least: Probability = 0.5
    felt_at_least: Probability | None = None
    min_words: Words = 1

    def __post_init__(self) -> None:
        if not self.emotions:
            raise ValueError("emotions is empty; name one or more")
        if unknown := [e for e in self.emotions if e not in EMOTIONS]:
            raise ValueError(f"unknown emotion {unknown[0]!r}; choose from {', '.join(EMOTIONS)}")

    def find(self, seen: Seen) -> list[Hit]:
        """One hit an utterance, with the most probable of the emotions."""
        hits = []
        for u, score in _scored(seen):
            p, emotion = max((score.emotions.get(e, 0.0), e) for e in self.emotions)
            strength = p if self.felt_at_least is None else p * score.intensity
            enough = p >= self.at_least and strength >= (self.felt_at_least or 0.0)
            if enough and len(u.text.split()) >= self.min_words:
                felt = _felt(u, score, strength)
                hits.append(
                    utterance_hit(
                        u, strength=strength, numbers={f"{emotion}_probability": p},
                        words={**felt.words, "emotion": emotion, "probability": f"{p:.2f}"},
                    )
                )  # fmt: skip
        return hits


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodFilter:
    """The customer's mean polarity, weighted by words, over all they say or its first or last part.

    A part is a share of the customer's own words, at least two utterances; fewer than three scored
    utterances are too few to tell. Strength: how far the mean is from neutral.
    """

    name: ClassVar[str] = "mood"
    tells: ClassVar[tuple[str, ...]] = ("polarity",)
    role: Literal["customer"] = "customer"
    at_least: Polarity | None = None
    at_most: Polarity | None = None
    first_percent: Percent | None = None
    last_percent: Percent | None = None

    def __post_init__(self) -> None:
        some_limit(self.at_least, self.at_most)
        if self.first_percent is not None and self.last_percent is not None:
            raise ValueError("give first_percent or last_percent, not both")

    def find(self, seen: Seen) -> list[Hit]:
        """One hit at most, quoting the utterance that is furthest in the direction of the limit."""
        said = self._part([(u, max(1, len(u.text.split())), score) for u, score in _scored(seen)])
        if not said:
            return []
        polarity = math.fsum(n * s.polarity for _, n, s in said) / sum(n for _, n, _ in said)
        if not between(polarity, self.at_least, self.at_most):
            return []
        sign = 1 if polarity < 0 else -1
        typical = min(said, key=lambda item: sign * item[2].polarity)[0]
        first, last = said[0][0], said[-1][0]
        starts = [u.start_ms for u, _, _ in said if u.start_ms is not None]
        ends = [u.end_ms for u, _, _ in said if u.end_ms is not None]
        return [
            Hit(
                first=first.index, last=last.index, role="customer",
                start_ms=min(starts, default=None), end_ms=max(ends, default=None),
                utterances=tuple(u.index for u, _, _ in said), strength=abs(polarity),
                numbers={"polarity": polarity},
                words={"quote": quote(typical.text), "polarity": signed(polarity)},
            )
        ]  # fmt: skip

    def _part(self, said: list[tuple[Utterance, int, Score]]) -> list[tuple[Utterance, int, Score]]:
        if len(said) < 3:
            return []
        percent = self.last_percent if self.first_percent is None else self.first_percent
        if percent is None:
            return said
        enough = percent / 100 * sum(n for _, n, _ in said)
        backwards = self.first_percent is None
        part: list[tuple[Utterance, int, Score]] = []
        n_words = 0
        for item in reversed(said) if backwards else said:
            if len(part) >= 2 and n_words >= enough:
                break
            part.append(item)
            n_words += item[1]
        return part[::-1] if backwards else part


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftFilter:
    """A lasting change of the customer's mood. Strength: its size times its confidence."""

    name: ClassVar[str] = "shift"
    tells: ClassVar[tuple[str, ...]] = ("before", "after", "cause")
    role: Literal["customer"] = "customer"
    direction: Literal["better", "worse", "either"] = "either"
    min_change: Annotated[float, Within(0, 2)] = 0.0
    min_confidence: Probability = 0.0
    before_at_most: Polarity | None = None
    before_at_least: Polarity | None = None
    after_at_most: Polarity | None = None
    after_at_least: Polarity | None = None

    def find(self, seen: Seen) -> list[Hit]:
        """One hit a shift: its first utterance, and the turn that triggered it."""
        return [
            _shift_hit(seen, shift)
            for shift in seen.call.shifts
            if shift.role == self.role
            and self.direction in ("either", shift.direction)
            and shift.magnitude >= self.min_change
            and shift.confidence >= self.min_confidence
            and between(shift.before, self.before_at_least, self.before_at_most)
            and between(shift.after, self.after_at_least, self.after_at_most)
        ]


def _shift_hit(seen: Seen, shift: Shift) -> Hit:
    first = seen.call.utterances[shift.utterance_index]
    hit = utterance_hit(
        first, strength=min(1.0, shift.magnitude * shift.confidence),
        numbers={
            "polarity_before": shift.before,
            "polarity_after": shift.after,
            "confidence": shift.confidence,
        },
        words={
            "before": signed(shift.before),
            "after": signed(shift.after),
            "cause": _cause(seen.call, shift),
        },
    )  # fmt: skip
    if shift.trigger_index is None:
        return replace(hit, start_ms=shift.at_ms)
    trigger = utterance_hit(seen.call.utterances[shift.trigger_index], numbers={}, words={})
    return replace(hit, start_ms=shift.at_ms, companions=(Companion(hit=trigger, name=None, near=True),))


def _cause(call: Call, shift: Shift) -> str:
    """`` right after the agent said “…”``, with a space before it; empty where no trigger is known."""
    if shift.trigger_index is None:
        return ""
    trigger = call.utterances[shift.trigger_index]
    between_them = call.utterances[trigger.index + 1 : shift.utterance_index]
    right = "" if any(u.role == "customer" for u in between_them) else "right "
    return f" {right}after {speaker(trigger.role)} said {quote(trigger.text)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class EstimateFilter:
    """What the customer would answer, as estimated, on the survey's own scale. Strength: none.

    Nothing is found where no estimate was made.
    """

    name: ClassVar[str] = "estimate"
    tells: ClassVar[tuple[str, ...]] = ("instrument", "expected", "low", "high")
    role: Literal["customer"] = "customer"
    instrument: Literal["csat", "nps", "ces"]
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        some_limit(self.at_least, self.at_most)

    def find(self, seen: Seen) -> list[Hit]:
        """One hit at most: it is about the whole call, and stands at the customer's last utterance."""
        said = seen.said_by("customer")
        for estimate in seen.call.estimates:
            if estimate.instrument != self.instrument or estimate.expected is None or not said:
                continue
            if between(estimate.expected, self.at_least, self.at_most):
                ends = {"low": estimate.low, "high": estimate.high}
                words = {key: "unknown" if v is None else f"{v:.1f}" for key, v in ends.items()}
                words |= {"instrument": estimate.instrument.upper(), "expected": f"{estimate.expected:.1f}"}
                numbers = {f"{self.instrument}_expected": estimate.expected}
                return [utterance_hit(said[-1], numbers=numbers, words=words)]
        return []
