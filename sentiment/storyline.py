"""How a call went for the customer, in one sentence a person could have written.

What is felt is named by the scores' emotions where they are probable, else it is positive, neutral or
negative. What is said to have turned it is only what came before, in the speaker's own words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sentiment.characteristics import silences
from sentiment.phrases import find, quote, sentence, speaker, when
from sentiment.wording import BETTER, WORSE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentiment.call import Call, Shift, Utterance
    from sentiment.measures import ShapeName
    from sentiment.phrases import Phrase

__all__ = ["NEUTRAL", "felt_as", "tell"]

NEUTRAL = 0.15
"""A polarity nearer to 0 is neutral."""


class _Family(NamedTuple):
    """Emotions that share a word, and a stronger word where one of them peaks."""

    word: str
    members: tuple[str, ...]
    peak_word: str | None = None
    peak_member: str = ""


NEGATIVE = (
    _Family("annoyed", ("annoyance", "anger", "disgust"), "angry", "anger"),
    _Family("disappointed", ("disappointment",)),
    _Family("worried", ("fear", "nervousness")),
    _Family("upset", ("sadness", "grief")),
    _Family("confused", ("confusion",)),
)
POSITIVE = (
    _Family("appreciative", ("gratitude", "admiration"), "grateful", "gratitude"),
    _Family("relieved", ("relief",)),
    _Family("happy", ("joy", "excitement", "amusement", "love")),
    _Family("hopeful", ("optimism",)),
)
PROBABLE, PEAK = 0.4, 0.5
"""Least mean probability of a family over a stretch to name it, and of an emotion in it to peak."""

STRONGLY_NEGATIVE = -0.4
"""An utterance this low stands out of a call that is steady otherwise."""

WAIT_MS = 10_000
"""A silence this long, just before a customer's mood falls, is told as what came before it."""

SAID_CHARS = 90
"""A turn longer than this is quoted in part: the sentence in which it says what matters, if it does."""

_TURNED = {
    "rescue": "turned",
    "lift": "brightened",
    "cooling": "cooled off",
    "breakdown": "turned",
    "quiet_rise": "warmed up",
    "quiet_fade": "faded",
}


def tell(call: Call, name: ShapeName, *, neutral: float = NEUTRAL) -> str:
    """The sentence for a call whose customer's course has this name.

    Args:
        call: scored, with its shifts.
        name: see :mod:`sentiment.shape`.
        neutral: a level nearer to 0 is neutral.
    """
    said = [u for u in call.said_by("customer") if u.score is not None]
    shifts = [s for s in call.shifts if s.role == "customer"]
    if shifts:
        return _with_shifts(call, name, said, shifts, neutral)
    if name in ("quiet_rise", "quiet_fade"):
        quarter = -(-len(said) // 4)
        start, end = (felt_as(part, neutral=neutral) for part in (said[:quarter], said[-quarter:]))
        went = f"started {start} and {_TURNED[name]} to {end} little by little"
        if start == end:
            went = f"stayed {start}, but {'more' if name == 'quiet_rise' else 'less'} so as the call went on"
        return f"The customer {went}, with no one moment that turned it."
    return _steady(name, said)


def felt_as(said: Sequence[Utterance], *, level: float | None = None, neutral: float = NEUTRAL) -> str:
    """What scored utterances feel like, in a word: an emotion's if it is probable, else the polarity's.

    Args:
        said: at least one utterance.
        level: their polarity in [-1, 1]; their mean if it is not given.
        neutral: a level nearer to 0 is neutral.
    """
    scores = [u.score for u in said if u.score is not None]
    level = sum(s.polarity for s in scores) / len(scores) if level is None else level
    if abs(level) < neutral:
        return "neutral"
    sign = 1 if level > 0 else -1
    telling = [s for s in scores if s.polarity * sign >= neutral]
    weight = sum(abs(s.polarity) for s in telling)

    def probability(family: _Family) -> float:
        felt = (max(s.emotions.get(e, 0.0) for e in family.members) * abs(s.polarity) for s in telling)
        return sum(felt) / weight if weight else 0.0

    best = max(POSITIVE if sign > 0 else NEGATIVE, key=probability)
    if probability(best) < PROBABLE:
        return "positive" if sign > 0 else "negative"
    peak = max(s.emotions.get(best.peak_member, 0.0) for s in telling)
    return best.peak_word if best.peak_word and peak >= PEAK else best.word


def _with_shifts(
    call: Call, name: ShapeName, said: Sequence[Utterance], shifts: Sequence[Shift], neutral: float
) -> str:
    quarter = -(-len(said) // 4)
    opening = [u for u in said if u.index < shifts[0].utterance_index]
    ending = [u for u in said if u.index >= shifts[-1].utterance_index]
    start = felt_as(opening, level=shifts[0].before, neutral=neutral)
    end = felt_as(ending[-quarter:], level=shifts[-1].after, neutral=neutral)
    if start == end:
        end = _again(name, end, shifts[-1].after)
    if name == "volatile":
        turns = ", ".join(f"{_way(s)} {_when(s)}" for s in shifts)
        return f"The customer started {start}, went {turns}, and ended {end}."
    told = []
    for shift in _main(shifts):
        verb = _verb(name, shift)
        told.append(f"{verb} {_when(shift)}{_cause(call, shift)}")
    return f"The customer started {start}, {', '.join(told)}, and ended {end}."


def _again(name: ShapeName, feeling: str, level: float) -> str:
    """The feeling at the end where it has the word that it had at the start."""
    if name in ("dip_and_recovery", "peak_and_loss", "volatile"):
        return f"{feeling} again"
    rose = name in ("rescue", "lift")
    return f"even more {feeling}" if rose == (level > 0) else f"less {feeling}"


def _main(shifts: Sequence[Shift]) -> list[Shift]:
    """The largest of each run of shifts in one direction, in order of time."""
    runs: list[list[Shift]] = []
    for shift in shifts:
        if runs and runs[-1][-1].direction == shift.direction:
            runs[-1].append(shift)
        else:
            runs.append([shift])
    return [max(run, key=lambda s: s.magnitude) for run in runs]


def _verb(name: ShapeName, shift: Shift) -> str:
    if name == "dip_and_recovery":
        return "fell" if shift.direction == "worse" else "recovered"
    if name == "peak_and_loss":
        return "brightened" if shift.direction == "better" else "fell back"
    better = name in ("rescue", "lift")
    if better == (shift.direction == "better"):
        return _TURNED[name]
    return "fell" if shift.direction == "worse" else "rose"


def _way(shift: Shift) -> str:
    return "up" if shift.direction == "better" else "down"


def _when(shift: Shift) -> str:
    at = when(shift.at_ms, shift.utterance_index)
    return at[0].lower() + at[1:]


def _cause(call: Call, shift: Shift) -> str:
    """What came before the shift: ", right after the agent said ...", or a long wait."""
    trigger = None if shift.trigger_index is None else call.utterances[shift.trigger_index]
    cues = BETTER if shift.direction == "better" else WORSE
    telling = trigger is not None and find(trigger.text, cues) is not None
    if shift.direction == "worse" and not telling and (wait_ms := _waited_ms(call, shift)):
        return f" after a wait of {round(wait_ms / 1000)} seconds"
    if trigger is None:
        return ""
    between = call.utterances[trigger.index + 1 : shift.utterance_index]
    right = "" if any(u.role == shift.role for u in between) else "right "
    return f" {right}after {speaker(trigger.role)} said {_said(trigger.text, cues)}"


def _waited_ms(call: Call, shift: Shift) -> int | None:
    """How long nobody spoke before the few utterances that led to the shift, if it was long."""
    near = call.utterances[max(0, shift.utterance_index - 3)].start_ms
    if near is None or shift.at_ms is None:
        return None
    waits = [s for s in silences(call) if near <= s.end_ms <= shift.at_ms and s.duration_ms >= WAIT_MS]
    return max((s.duration_ms for s in waits), default=None)


def _said(text: str, cues: tuple[Phrase, ...] = ()) -> str:
    """A quotation to stand inside a sentence: short, and without its full stop."""
    text = " ".join(text.split())
    if len(text) > SAID_CHARS:
        parts = re.split(r"(?<=[.?!]) ", text)
        # Cues stand in order of weight: an offer tells more than the thanks before it.
        text = next((part for cue in cues for part in parts if find(part, (cue,))), text)
    quoted = quote(text, max_chars=SAID_CHARS)
    return f"{quoted[:-2]}”" if quoted.endswith(".”") else quoted


_STEADY: Mapping[str, str] = {
    "steady_positive": "positive",
    "steady_neutral": "neutral",
    "steady_negative": "negative",
}


def _steady(name: ShapeName, said: Sequence[Utterance]) -> str:
    feeling = _STEADY[name]
    lowest = min(said, key=lambda u: u.score.polarity if u.score else 0.0)
    low = lowest.score.polarity if lowest.score else 0.0
    at = when(lowest.start_ms, lowest.index)
    place = f"{at[0].lower()}{at[1:]}, saying {_said(lowest.text)}"
    if feeling == "negative":
        word = felt_as(said, level=-1.0)
        return sentence(f"The customer stayed {word} throughout, most of all {place}")
    if low <= STRONGLY_NEGATIVE:
        word = felt_as([lowest])
        a = "an" if word[0] in "aeiou" else "a"
        return sentence(f"The customer stayed {feeling} throughout, but for {a} {word} moment {place}")
    return f"The customer stayed {feeling} throughout."
