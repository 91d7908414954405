"""What is measured in a call to estimate satisfaction: one table of numbers, each with where it is heard.

Every feature is a mean, a share or a logarithm, so that a chat of four turns and a call of four hundred
utterances are on one scale; what cannot be measured (times in a text conversation, a party that said
nothing) is NaN, never 0. Features of the agent rest on text, length and timing only.

A party's *parts* go by the order of its scored utterances: ``start`` is the first quarter, ``middle`` the
two after it, ``end`` the last quarter, ``last`` the last tenth, each of one utterance at least. ``low`` and
``high`` are means over the tenth that is lowest and highest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sentiment.call import Call, Role, Utterance

__all__ = ["EMOTIONS", "FEATURES", "Feature", "Heard", "Topic", "heard", "measure", "topic_of"]

Floats = NDArray[np.float64]
Part = Literal["all", "start", "middle", "end", "last", "low", "high"]

PARTIES: tuple[Role, ...] = ("customer", "agent")

EMOTIONS = [
    "anger",
    "annoyance",
    "disappointment",
    "disapproval",
    "confusion",
    "nervousness",
    "sadness",
    "relief",
    "gratitude",
    "approval",
    "joy",
    "caring",
    "remorse",
    "optimism",
    "admiration",
    "curiosity",
    "neutral",
]
"""The emotions that are read; each is a topic of its own."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A call made ready to be measured: each party's scored utterances, in order, and the call itself."""

    call: Call
    said: dict[Role, tuple[Utterance, ...]]


Value = Callable[["Utterance"], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """One number of a call.

    Attributes:
        name: as in a model's file.
        topic: what a reason calls it; features that tell the same have one topic.
        of: the number, NaN if it cannot be measured.
        where: the utterances it is heard in, the most telling of a high value first.
        rises: 1 if satisfaction can only rise with it, -1 if it can only fall, 0 if either.
    """

    name: str
    topic: str
    of: Callable[[Heard], float]
    where: Callable[[Heard], list[Utterance]]
    rises: Literal[-1, 0, 1] = 0


class Topic(NamedTuple):
    """What a reason says: ``up`` where the topic raised the estimate and ``down`` where it lowered it; or, if
    ``by_level``, ``up`` where there was more of it than usual and ``down`` where there was less."""

    up: str
    down: str
    by_level: bool = False


def heard(call: Call) -> Heard:
    """Make a call ready; utterances without a score or a known party are left aside."""
    said: dict[Role, tuple[Utterance, ...]] = {
        role: tuple(u for u in call.said_by(role) if u.score is not None) for role in PARTIES
    }
    return Heard(call, said)


def measure(ready: Heard) -> Floats:
    """The features of a call, float64 ``(len(FEATURES),)``, NaN where one cannot be measured."""
    return np.array([feature.of(ready) for feature in FEATURES])


# -- parts -----------------------------------------------------------------------------------------


def _polarity(u: Utterance) -> float:
    return u.score.polarity if u.score else math.nan


def _intensity(u: Utterance) -> float:
    return u.score.intensity if u.score else math.nan


def _emotion(name: str, u: Utterance) -> float:
    return u.score.emotions.get(name, math.nan) if u.score else math.nan


def _part(said: Sequence[Utterance], part: Part, value: Value) -> Sequence[Utterance]:
    n = len(said)
    quarter, tenth = math.ceil(n / 4), math.ceil(n / 10)
    if part == "start":
        return said[:quarter]
    if part == "middle":
        return said[quarter : n - quarter] or said
    if part == "end":
        return said[n - quarter :]
    if part == "last":
        return said[n - tenth :]
    if part in ("low", "high"):
        return sorted(said, key=value, reverse=part == "high")[:tenth]
    return said


def _mean(role: Role, part: Part, value: Value, ready: Heard) -> float:
    said = ready.said[role]
    return fmean(map(value, _part(said, part, value))) if said else math.nan


def _heard_in(role: Role, part: Part, value: Value, ready: Heard) -> list[Utterance]:
    return sorted(_part(ready.said[role], part, value), key=value, reverse=True)


def _averages(
    role: Role, kind: str, topics: dict[Part, str], value: Value, rises: Literal[-1, 0, 1]
) -> Iterable[Feature]:
    for part, topic in topics.items():
        yield Feature(
            name=f"{role}_{kind}_{part}",
            topic=topic,
            of=partial(_mean, role, part, value),
            where=partial(_heard_in, role, part, value),
            rises=rises,
        )


# -- the conversation ------------------------------------------------------------------------------


def _words(utterances: Iterable[Utterance]) -> int:
    return sum(len(u.text.split()) for u in utterances)


def _log_words(role: Role, ready: Heard) -> float:
    return math.log1p(_words(ready.call.said_by(role)))


def _log_turn(role: Role, ready: Heard) -> float:
    said = ready.call.said_by(role)
    return math.log1p(_words(said) / len(said)) if said else math.nan


def _customer_share(ready: Heard) -> float:
    words = [_words(ready.call.said_by(role)) for role in PARTIES]
    return words[0] / sum(words) if sum(words) else math.nan


def _log_turns(ready: Heard) -> float:
    """Turns are stretches in which one party speaks."""
    roles = [u.role for u in ready.call.utterances if u.role in PARTIES]
    return math.log1p(sum(a != b for a, b in pairwise(roles)))


def _customer_has_last_word(ready: Heard) -> float:
    roles = [u.role for u in ready.call.utterances if u.role in PARTIES]
    return float(roles[-1] == "customer") if roles else math.nan


def _shifted(ready: Heard) -> float:
    """The sum of the customer's shifts, in polarity, each counted by its confidence."""
    return sum((s.after - s.before) * s.confidence for s in ready.call.shifts if s.role == "customer")


def _shift_utterances(ready: Heard) -> list[Utterance]:
    shifts = sorted(
        (s for s in ready.call.shifts if s.role == "customer"), key=lambda s: -(s.after - s.before)
    )
    return [ready.call.utterances[s.utterance_index] for s in shifts]


def _share_of_call(name: str, ready: Heard) -> float:
    """A characteristic's total time as a share of the conversation."""
    measured = ready.call.characteristics
    if measured is None or not measured.total_conversation_duration_ms:
        return math.nan
    return float(getattr(measured, name).total_time_ms / measured.total_conversation_duration_ms)


def _interruptions(role: Role, ready: Heard) -> float:
    """A minute."""
    measured = ready.call.characteristics
    if measured is None or not measured.total_conversation_duration_ms:
        return math.nan
    cut_in = measured.interruptions.interruptions_by_interrupter.get(role, ())
    return len(cut_in) * 60_000 / measured.total_conversation_duration_ms


def _interrupting(role: Role, ready: Heard) -> list[Utterance]:
    measured = ready.call.characteristics
    cut_in = measured.interruptions.interruptions_by_interrupter.get(role, ()) if measured else ()
    return [ready.call.utterances[i.utterance_index] for i in cut_in]


def _latency(ready: Heard) -> float:
    """Logarithm of the seconds in which the agent answers, the median."""
    measured = ready.call.characteristics
    found = measured.response_latency.details_by_participant.get("agent") if measured else None
    return math.log1p(found.median_ms / 1000) if found else math.nan


def _log_minutes(ready: Heard) -> float:
    measured = ready.call.characteristics
    return math.log1p(measured.total_conversation_duration_ms / 60_000) if measured else math.nan


def _nowhere(_ready: Heard) -> list[Utterance]:
    return []


def _everything(role: Role, ready: Heard) -> list[Utterance]:
    return sorted(ready.said[role], key=lambda u: -len(u.text))


def _last_word(ready: Heard) -> list[Utterance]:
    said = [u for u in ready.call.utterances if u.role in PARTIES]
    return said[-1:]


# -- the table -------------------------------------------------------------------------------------

_CUSTOMER: dict[Part, str] = {
    "all": "customer_feeling",
    "start": "customer_start",
    "middle": "customer_feeling",
    "end": "customer_end",
    "last": "customer_end",
    "low": "customer_low",
    "high": "customer_high",
}
_AGENT: dict[Part, str] = {"all": "agent_wording", "end": "agent_wording", "low": "agent_wording"}
_INTENSITY: dict[Part, str] = dict.fromkeys(("all", "end", "high"), "customer_intensity")


def _emotions(role: Role) -> Iterable[Feature]:
    for name in EMOTIONS:
        topics: dict[Part, str] = dict.fromkeys(("all", "end", "high"), f"{role}_{name}")
        yield from _averages(role, name, topics, partial(_emotion, name), 0)


def _conversation() -> Iterable[Feature]:
    for role in PARTIES:
        everything = partial(_everything, role)
        yield Feature(name=f"{role}_words", topic="length", of=partial(_log_words, role), where=everything)
        yield Feature(
            name=f"{role}_turn_words", topic="length", of=partial(_log_turn, role), where=everything
        )
        yield Feature(
            name=f"interruptions_by_{role}",
            topic="interruptions",
            of=partial(_interruptions, role),
            where=partial(_interrupting, role),
        )
    customer = partial(_everything, "customer")
    yield Feature(name="customer_share", topic="customer_share", of=_customer_share, where=customer)
    yield Feature(name="turns", topic="length", of=_log_turns, where=_nowhere)
    yield Feature(name="customer_last_word", topic="last_word", of=_customer_has_last_word, where=_last_word)
    yield Feature(name="shifted", topic="shifts", of=_shifted, where=_shift_utterances, rises=1)
    yield Feature(name="minutes", topic="length", of=_log_minutes, where=_nowhere)
    yield Feature(name="agent_latency", topic="waiting", of=_latency, where=_nowhere)
    for name in ("dead_air", "non_talk_time", "overtalk"):
        topic = "overtalk" if name == "overtalk" else "waiting"
        yield Feature(name=name, topic=topic, of=partial(_share_of_call, name), where=_nowhere)


FEATURES: tuple[Feature, ...] = (
    *_averages("customer", "polarity", _CUSTOMER, _polarity, 1),
    *_averages("agent", "polarity", _AGENT, _polarity, 0),
    *_averages("customer", "intensity", _INTENSITY, _intensity, 0),
    *_emotions("customer"),
    *_emotions("agent"),
    *_conversation(),
)
"""Every feature, in the order of :func:`measure`."""

_TOPICS: dict[str, Topic] = {
    "customer_feeling": Topic("The customer's mood over the whole call was better than usual", "The customer's mood over the whole call was worse than usual"),
    "customer_start": Topic("The customer began in a better mood than usual", "The customer began in a worse mood than usual", by_level=True),
    "customer_end": Topic("The customer ended in a better mood than usual", "The customer ended in a worse mood than usual"),
    "customer_low": Topic("The customer's lowest point was milder than usual", "The customer's lowest point was deeper than usual"),
    "customer_high": Topic("The customer's best moment was warmer than usual", "The customer's best moment was no warmer than usual"),
    "customer_intensity": Topic("The customer felt more strongly than usual", "The customer felt less strongly than usual", by_level=True),
    "agent_wording": Topic("The agent's words were warmer than usual", "The agent's words were less warm than usual", by_level=True),
    "length": Topic("More was said than usual", "Less was said than usual", by_level=True),
    "customer_share": Topic("The customer had a larger share of the talk than usual", "The customer had a smaller share of the talk than usual", by_level=True),
    "last_word": Topic("The customer had the last word", "The agent had the last word", by_level=True),
    "shifts": Topic("The customer's mood turned for the better", "The customer's mood did not turn for the better"),
    "interruptions": Topic("There were more interruptions than usual", "There were fewer interruptions than usual", by_level=True),
    "waiting": Topic("There was more silence and waiting than usual", "There was less silence and waiting than usual", by_level=True),
    "overtalk": Topic("The parties talked over each other more than usual", "The parties talked over each other less than usual", by_level=True),
    "wording": Topic("What was said is like calls with good answers", "What was said is like calls with poor answers"),
}  # fmt: skip


def topic_of(name: str) -> Topic:
    """What the reasons of a topic say."""
    if name in _TOPICS:
        return _TOPICS[name]
    role, emotion = name.split("_", 1)
    return Topic(
        f"There was more {emotion} in the {role}'s words than usual",
        f"There was less {emotion} in the {role}'s words than usual",
        by_level=True,
    )
