"""What of a call can answer a question of a scorecard by itself.

The figures are those of :mod:`sentiment.characteristics` and :mod:`sentiment.shape`, in the units that people
grade in; of the agent there is timing only, never a feeling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.characteristics import characterise, uncharacterised
from sentiment.shape import call_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentiment.call import Call
    from sentiment.measures import Characteristics, Trajectory

__all__ = ["MEASURES", "Measure", "Measured", "fired", "measured"]

NOBODY = "the agent or the customer says nothing"


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, or why there is none."""

    value: float | None
    unmeasured: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of one call: its ``unit``, what it ``says``, and how it is read."""

    unit: str
    says: str
    of: Callable[[Call], Measured]


def measured(call: Call, name: str) -> Measured:
    """The figure ``name`` of :data:`MEASURES` of a call, to four decimals."""
    found = MEASURES[name].of(call)
    return found if found.value is None else Measured(round(found.value, 4))


def fired(call: Call, rule: str) -> bool | None:
    """Whether a moment rule found something in a call; ``None`` if nobody looked for moments in it.

    Rules of one's own are only recorded by their hash: of them it is taken that they have this rule.
    """
    if any(moment.rule == rule for moment in call.moments):
        return True
    looked = call.provenance is not None and "rules" in call.provenance.settings
    return False if looked else None


def _timed(read: Callable[[Characteristics], float | None], why: str = NOBODY) -> Callable[[Call], Measured]:
    def of(call: Call) -> Measured:
        if call.characteristics is None and (reason := uncharacterised(call)):
            return Measured(None, reason)
        value = read(call.characteristics or characterise(call))
        return Measured(None, why) if value is None else Measured(value)

    return of


def _felt(read: Callable[[Trajectory], float]) -> Callable[[Call], Measured]:
    def of(call: Call) -> Measured:
        course = (call.shape or call_shape(call)).by_participant.get("customer")
        return (
            Measured(None, "nothing the customer says was scored")
            if course is None
            else Measured(read(course))
        )

    return of


def _talk_ratio(c: Characteristics) -> float | None:
    by = c.talk_time.details_by_participant
    if "agent" not in by or "customer" not in by:
        return None
    both = by["agent"].total_time_ms + by["customer"].total_time_ms
    return 100 * by["agent"].total_time_ms / both if both else None


def _longest_silence(c: Characteristics) -> float:
    return max((span.duration_ms for span in c.non_talk_time.instances), default=0) / 1000


def _of_whole(ms: int, c: Characteristics) -> float | None:
    return 100 * ms / c.total_conversation_duration_ms if c.total_conversation_duration_ms else None


def _interruptions(who: str) -> Callable[[Characteristics], float]:
    return lambda c: float(len(c.interruptions.interruptions_by_interrupter.get(who, ())))


def _speed(c: Characteristics) -> float | None:
    speed = c.talk_speed.details_by_participant.get("agent")
    return None if speed is None else speed.average_words_per_minute


def _latency(c: Characteristics) -> float | None:
    latency = c.response_latency.details_by_participant.get("agent")
    return None if latency is None else latency.median_ms / 1000


MEASURES: dict[str, Measure] = {
    "talk_ratio": Measure("%", "the agent's share of the time agent and customer speak", _timed(_talk_ratio)),
    "longest_silence": Measure(
        "s", "the longest silence; 0 if none is longer than 3 s", _timed(_longest_silence)
    ),
    "dead_air": Measure(
        "s",
        "silences longer than 10 s that nobody announced, added up",
        _timed(lambda c: c.dead_air.total_time_ms / 1000),
    ),
    "silence_share": Measure(
        "%",
        "silences longer than 3 s, of the call",
        _timed(lambda c: _of_whole(c.non_talk_time.total_time_ms, c)),
    ),
    "overtalk_share": Measure(
        "%", "time in which two speak, of the call", _timed(lambda c: _of_whole(c.overtalk.total_time_ms, c))
    ),
    "interruptions_by_agent": Measure(
        "times", "how often the agent cuts the customer off", _timed(_interruptions("agent"))
    ),
    "interruptions_by_customer": Measure(
        "times", "how often the customer cuts the agent off", _timed(_interruptions("customer"))
    ),
    "agent_speed": Measure("words/min", "how fast the agent speaks", _timed(_speed)),
    "agent_latency": Measure(
        "s",
        "the agent's median silence before an answer",
        _timed(_latency, "the agent never answers after a silence"),
    ),
    "customer_end": Measure("-1..1", "how the customer feels at the end", _felt(lambda t: t.end)),
    "customer_mean": Measure("-1..1", "how the customer feels on average", _felt(lambda t: t.mean)),
    "customer_change": Measure(
        "-2..2", "how the customer feels at the end, less how at the start", _felt(lambda t: t.end - t.start)
    ),
}
"""Every figure by name."""
