"""What is measured over a whole call: the values of its characteristics and of its shape.

Names of characteristics are those of ``ConversationCharacteristics`` in Amazon Transcribe Call Analytics
where it has them, in our spelling: ``TotalTimeMillis`` is ``total_time_ms``, ``AGENT`` is ``"agent"``.
Where it defines nothing, the docstring says what was chosen. How they are computed is in
:mod:`sentiment.characteristics`, how a shape is found in :mod:`sentiment.shape`.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read when JSON is decoded
from dataclasses import dataclass
from typing import Literal

from sentiment.timeline import Span  # noqa: TC001 - as above

__all__ = [
    "Characteristics",
    "Interruption",
    "Interruptions",
    "Latency",
    "Occurrences",
    "ParticipantLatency",
    "ParticipantSpeed",
    "ParticipantTime",
    "Quarter",
    "ResponseLatency",
    "Role",
    "Shape",
    "ShapeName",
    "TalkSpeed",
    "TalkTime",
    "Trajectory",
]

Role = Literal["agent", "customer", "ivr", "unknown"]
"""Who speaks. ``ivr`` is a recorded or synthetic voice of the centre."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticipantTime:
    """How long one participant speaks, in milliseconds."""

    total_time_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkTime:
    """How long each participant speaks.

    ``total_time_ms`` is the sum of the participants', so that time in which two speak counts twice,
    as in Transcribe's published examples (50.8 s of talk in a call of 42.5 s).
    """

    total_time_ms: int
    details_by_participant: Mapping[str, ParticipantTime]

    def ratio(self, participant: str) -> float | None:
        """The talk ratio: the participant's share of all talk, in [0, 1]; ``None`` if nobody spoke."""
        said = self.details_by_participant.get(participant)
        if not self.total_time_ms:
            return None
        return 0.0 if said is None else said.total_time_ms / self.total_time_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrences:
    """Disjoint stretches of the call, in order of time, and what they add up to."""

    total_time_ms: int
    instances: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Interruption:
    """``interrupter`` starts while another party speaks, and that one falls silent first.

    ``[start_ms, end_ms)`` is the time in which both speak, short pauses included: from the interrupter's
    first word to the other's last. ``utterance_index`` is what the interrupter says,
    ``interrupted_index`` what is cut off.
    """

    interrupter: Role
    utterance_index: int
    interrupted_index: int
    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        """Milliseconds in which both speak."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Interruptions:
    """All interruptions, by who interrupts; a participant who does not is left out, as Transcribe does."""

    total_count: int
    total_time_ms: int
    interruptions_by_interrupter: Mapping[str, tuple[Interruption, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticipantSpeed:
    """Words per minute of the participant's own talk time; ``None`` if no time passed in saying them."""

    average_words_per_minute: float | None
    words: int
    talk_time_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkSpeed:
    """How fast each participant speaks."""

    details_by_participant: Mapping[str, ParticipantSpeed]


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """The silence of ``latency_ms`` before ``utterance_index`` answers what ``after_index`` said."""

    utterance_index: int
    after_index: int
    latency_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticipantLatency:
    """How long a participant takes to answer: over ``count`` answers, at least one."""

    count: int
    median_ms: int
    longest_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseLatency:
    """How long each participant takes to answer; one who never answers is left out."""

    details_by_participant: Mapping[str, ParticipantLatency]


@dataclass(frozen=True, kw_only=True, slots=True)
class Characteristics:
    """Who spoke for how long, how fast, over whom, and when nobody did; all in integer milliseconds.

    The conversation lasts from 0 to the end of the last word, as ``TotalConversationDurationMillis`` in
    Transcribe's published examples: ``speech_time_ms`` (at least one speaks) and ``silence_time_ms``
    (nobody does) add up to it, and with two participants ``talk_time.total_time_ms`` is
    ``speech_time_ms + overtalk.total_time_ms``.

    Participants are ``agent``, ``customer`` and ``ivr``; voices whose role is unknown are one each,
    ``unknown_<channel>``. ``non_talk_time`` are the longer silences, ``dead_air`` those of them that
    nobody announced, between the first word and the last. ``note`` is what a reader should know about
    the measurement, or ``None``.
    """

    total_conversation_duration_ms: int
    speech_time_ms: int
    silence_time_ms: int
    talk_time: TalkTime
    non_talk_time: Occurrences
    dead_air: Occurrences
    overtalk: Occurrences
    interruptions: Interruptions
    talk_speed: TalkSpeed
    response_latency: ResponseLatency
    note: str | None = None


# -- shape -----------------------------------------------------------------------------------------

ShapeName = Literal[
    "steady_positive",
    "steady_neutral",
    "steady_negative",
    "quiet_rise",
    "quiet_fade",
    "lift",
    "rescue",
    "cooling",
    "breakdown",
    "dip_and_recovery",
    "peak_and_loss",
    "volatile",
]
"""How a customer's feeling went over the call; :mod:`sentiment.shape` defines each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarter:
    """One of four equal parts of the time from 0 to the end of what a participant says.

    Without times it is a quarter of the participant's scored utterances, and both ends are ``None``.
    ``mean`` in [-1, 1] is the mean polarity of the ``utterances`` scored that begin in it, ``None`` if
    there is none.
    """

    start_ms: int | None
    end_ms: int | None
    utterances: int
    mean: float | None

    @property
    def score(self) -> float | None:
        """``mean`` on Transcribe's scale, -5 to +5."""
        return None if self.mean is None else 5.0 * self.mean


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """How the polarity of what one participant says goes over the call; polarities in [-1, 1].

    ``utterances`` is how many were scored, at least one. ``start`` is the level before the participant's
    first shift and ``end`` the level after the last one; without shifts they are the means of the first and
    of the last quarter of the utterances (rounded up). ``mean`` is that of all. The slopes are of straight
    lines fitted to all (least squares), ``None`` for one utterance or where no time passes. ``lowest`` is
    the lowest polarity, at ``lowest_index``. ``recovery`` in [0, 1] is the share of the fall from ``start``
    to the lowest three neighbouring utterances that ``end`` has won back, ``None`` if there was
    no such fall. ``volatility`` is the root mean square of the successive differences (RMSSD, in [0, 2]),
    ``None`` for one utterance.
    """

    utterances: int
    start: float
    end: float
    mean: float
    slope_per_minute: float | None
    slope_per_utterance: float | None
    lowest: float
    lowest_index: int
    lowest_at_ms: int | None
    recovery: float | None
    volatility: float | None
    quarters: tuple[Quarter, ...]

    @property
    def score(self) -> float | None:
        """The whole call on Transcribe's scale, -5 to +5: the mean of the quarters that have a score."""
        scores = [q.score for q in self.quarters if q.score is not None]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How the call went for the customer: a ``name``, or why it is ``unnamed``, and a plain ``sentence``.

    Numbers are given for every participant who was scored, but a recording; a name and words for what
    is felt only for the customer.
    """

    name: ShapeName | None
    unnamed: str | None
    sentence: str
    by_participant: Mapping[str, Trajectory]
