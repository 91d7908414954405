"""Every domain value: what a call is, and how it becomes JSON and comes back unchanged.

Time is integer milliseconds from the call's start, spans are half open ``[start_ms, end_ms)``.
Polarity is valence in [-1, 1], intensity is in [0, 1], probabilities sum to 1. What could not be
computed is ``None`` with a reason beside it, never 0.

Values are immutable: a step takes a :class:`Call` and returns a new one (``dataclasses.replace``).
The JSON form has the same field names and is described by ``call.schema.json`` in this package.
"""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Mapping  # noqa: TC003 - read when JSON is decoded
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - as above
from typing import Any, Literal

from sentiment.errors import ConversationError
from sentiment.measures import Characteristics, Role, Shape
from sentiment.strict_json import MAY_BE_MISSING, check, decode, encode, read_json

__all__ = [
    "SCHEMA",
    "Audio",
    "Call",
    "Channel",
    "Characteristics",
    "Estimate",
    "Evidence",
    "Model",
    "Moment",
    "Prosody",
    "Provenance",
    "Reason",
    "Role",
    "Score",
    "Shape",
    "Shift",
    "Survey",
    "Utterance",
    "Word",
    "from_json",
    "to_json",
]

SCHEMA = "conversation-sentiment/call/1"
"""Version tag of the call JSON; the number changes when a reader of the old form would break."""

ROLES: tuple[Role, ...] = typing.get_args(Role)

Instrument = Literal["csat", "nps", "ces"]

IntervalOf = Literal["answer", "mean"]

RoleSource = Literal["given", "sidecar", "inferred", "transcript"]
"""Where a channel's role comes from: the command, the sidecar file, worked out from what is said
(and, for mono, the voices), or the text conversation itself."""

JSON = Any
"""What :mod:`json` reads: dict, list, str, int, float, bool or None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One spoken word. ``probability`` in [0, 1] is the recogniser's."""

    text: str
    start_ms: int
    end_ms: int
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Prosody:
    """How an utterance was said, against how its speaker usually speaks in this call.

    ``arousal`` in [0, 1], 0.5 being the speaker's usual; it is ``None`` if ``unmeasured`` says why.
    ``cues`` are what it rests on (``loudness pitch pitch_range balance rate``), in standard deviations
    above the usual. ``text_intensity`` in [0, 1] is that of the words alone.
    """

    arousal: float | None
    cues: Mapping[str, float]
    text_intensity: float
    unmeasured: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How an utterance feels.

    ``polarity`` in [-1, 1]; ``intensity`` in [0, 1]; ``p_negative + p_neutral + p_positive`` is 1;
    ``emotions`` maps an emotion's name to its probability in [0, 1] (several may be true at once);
    ``truncated`` is whether the text was too long to be read whole. ``voice`` is set where the voice was
    listened to (the customer's, in a recording) and is part of ``intensity``.
    """

    polarity: float
    intensity: float
    p_negative: float
    p_neutral: float
    p_positive: float
    emotions: Mapping[str, float]
    model: str
    truncated: bool = False
    voice: Prosody | None = field(default=None, metadata=MAY_BE_MISSING)

    @property
    def label(self) -> Literal["negative", "neutral", "positive"]:
        """The most probable of the three classes."""
        if self.p_neutral >= max(self.p_negative, self.p_positive):
            return "neutral"
        return "negative" if self.p_negative > self.p_positive else "positive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """What one party says in one go.

    ``index`` is the place in ``Call.utterances``, ordered by start. ``channel`` is the index into
    ``Call.channels``. The times are ``None`` in a text conversation that gives none. ``confidence``
    in [0, 1] is the mean word probability, ``None`` for text. ``language`` is an ISO 639-1 code.
    Exactly one of ``score`` and ``unscored`` (the reason) is set once the call was scored.
    """

    index: int
    channel: int
    role: Role
    start_ms: int | None
    end_ms: int | None
    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    language: str | None = None
    score: Score | None = None
    unscored: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """A lasting change in one party's polarity.

    It begins with utterance ``utterance_index`` at ``at_ms``. ``before`` and ``after`` are mean
    polarities in [-1, 1] of what is typical of the stretches on either side, ``confidence`` in [0, 1] is the
    probability that the level changed there, and ``trigger_index`` is the other party's turn that best
    explains it (``None`` if they said nothing before), with the ``reason`` in words.
    """

    at_ms: int | None
    utterance_index: int
    role: Role
    before: float
    after: float
    confidence: float
    trigger_index: int | None
    reason: str

    @property
    def direction(self) -> Literal["better", "worse"]:
        """Which way the feeling went."""
        return "better" if self.after > self.before else "worse"

    @property
    def magnitude(self) -> float:
        """Size of the change in polarity, in [0, 2]."""
        return abs(self.after - self.before)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a moment rests on: utterance indices, and named numbers (units in their names)."""

    utterances: tuple[int, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A stretch of the call worth a manager's time, and why, in one sentence.

    ``severity`` in [0, 1] orders moments across calls: higher is worth hearing first.
    """

    rule: str
    start_ms: int | None
    end_ms: int | None
    severity: float
    evidence: Evidence
    explanation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """One survey answer; ``value`` on the instrument's own scale ``[scale_min, scale_max]``."""

    call_id: str
    instrument: Instrument
    value: float
    scale_min: float
    scale_max: float
    answered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One thing in the call that moved an estimate, in one sentence, and where it is heard.

    ``feature`` is its name, ``effect`` how far it moved the expected answer from that of the average
    call, on the survey's own scale; ``utterances`` are indices, the most telling first.
    """

    feature: str
    effect: float
    explanation: str
    utterances: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What the customer would have answered, on the survey's own scale; or why it was not estimated.

    ``distribution`` is the probability of each whole answer from ``scale_min`` to ``scale_max`` (sums to
    1); ``expected`` its mean; ``low`` and ``high`` the 90 % interval, ``interval_of`` what is to lie in it:
    the customer's ``answer``, or the ``mean`` of what many people would answer; ``p_top_box`` the probability
    of a top answer (CSAT 4-5, NPS 9-10), ``p_detractor`` of a low one (CSAT 1-2, NPS 0-6). ``reasons``
    are what moved it most, the largest first. Either ``abstained`` says why there is no estimate or the
    numbers are set; files written by earlier versions have no more than the mean and its interval.
    """

    instrument: Instrument
    expected: float | None
    low: float | None
    high: float | None
    p_top_box: float | None
    abstained: str | None = None
    scale_min: float | None = field(default=None, metadata=MAY_BE_MISSING)
    scale_max: float | None = field(default=None, metadata=MAY_BE_MISSING)
    p_detractor: float | None = field(default=None, metadata=MAY_BE_MISSING)
    distribution: tuple[float, ...] = field(default=(), metadata=MAY_BE_MISSING)
    interval_of: IntervalOf | None = field(default=None, metadata=MAY_BE_MISSING)
    reasons: tuple[Reason, ...] = field(default=(), metadata=MAY_BE_MISSING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """One voice of the call: an audio channel or, in a mono recording, a speaker found in it.

    ``confidence`` in [0, 1] is the probability that ``role`` is right; 1 if it was given.
    ``language`` is what was heard there (ISO 639-1), with its probability.
    """

    index: int
    role: Role
    source: RoleSource
    confidence: float
    language: str | None = None
    language_probability: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """The recording a call was scored from, as found in the file.

    ``layout`` is ``stereo`` (a channel per party), ``mono``, or ``identical`` (several channels that
    hold the same sound, treated as mono). ``sha256`` is of the file's bytes.
    """

    name: str
    sha256: str
    codec: str
    sample_rate_hz: int
    n_channels: int
    layout: Literal["mono", "stereo", "identical"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model that took part: its ``task`` (``transcribe``, ``score`` ...), name and revision."""

    task: str
    name: str
    revision: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What made a result: our version, the models, and every setting that shapes it."""

    version: str
    models: tuple[Model, ...] = ()
    settings: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A conversation and all that was found in it.

    ``duration_ms`` and ``audio`` are ``None`` for text. ``warnings`` are sentences a reader of the
    result should know (a truncated file, identical channels, an unscored language). Once the call was
    scored, ``shape`` is set and exactly one of ``characteristics`` and ``uncharacterised``, the reason
    why there are none; files written by earlier versions have neither.
    """

    id: str
    duration_ms: int | None
    started_at: datetime | None = None
    agent_id: str | None = None
    customer_id: str | None = None
    queue: str | None = None
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    audio: Audio | None = None
    channels: tuple[Channel, ...] = ()
    utterances: tuple[Utterance, ...] = ()
    shifts: tuple[Shift, ...] = ()
    moments: tuple[Moment, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: Provenance | None = None
    characteristics: Characteristics | None = field(default=None, metadata=MAY_BE_MISSING)
    uncharacterised: str | None = field(default=None, metadata=MAY_BE_MISSING)
    shape: Shape | None = field(default=None, metadata=MAY_BE_MISSING)

    def said_by(self, role: Role) -> tuple[Utterance, ...]:
        """The utterances of one role, in order."""
        return tuple(u for u in self.utterances if u.role == role)


# -- JSON ----------------------------------------------------------------------------------------


def to_json(call: Call, *, indent: int | None = 1) -> str:
    """A call as JSON text that :func:`from_json` turns back into an equal value.

    Raises:
        ValueError: a number is NaN or infinite; neither is JSON.
    """
    body = {"schema": SCHEMA, **encode(call)}
    return json.dumps(body, ensure_ascii=False, indent=indent, allow_nan=False)


def from_json(text: str | bytes) -> Call:
    """Read a call from its JSON text.

    Raises:
        ConversationError: not JSON, another schema, or a field that is missing, unknown, of the
            wrong type or refers to an utterance or channel there is not; the message names the field.
    """
    try:
        body = read_json(text)
    except ValueError as error:
        raise ConversationError(f"call JSON: not valid JSON ({error}); write it again") from None
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        found = body.get("schema") if isinstance(body, dict) else type(body).__name__
        raise ConversationError(
            f"call JSON: expected schema {SCHEMA!r} but found {found!r}; score the call again"
        )
    body = {key: value for key, value in body.items() if key != "schema"}
    call: Call = decode(Call, body, "call")
    _check_references(call)
    return call


def _check_references(call: Call) -> None:
    """Refuse an index that leads nowhere."""
    n_channels = len(call.channels) or math.inf  # a call that lists no channels may still number them
    for i, c in enumerate(call.channels):
        check(c.index == i, c.index, str(i), f"call.channels[{i}].index")
    for i, u in enumerate(call.utterances):
        check(u.index == i, u.index, str(i), f"call.utterances[{i}].index")
        check(0 <= u.channel < n_channels, u.channel, "a channel's index", f"call.utterances[{i}].channel")
    references: dict[str, int | None] = {}
    for i, shift in enumerate(call.shifts):
        references[f"call.shifts[{i}].utterance_index"] = shift.utterance_index
        references[f"call.shifts[{i}].trigger_index"] = shift.trigger_index
    for i, moment in enumerate(call.moments):
        for j, at in enumerate(moment.evidence.utterances):
            references[f"call.moments[{i}].evidence.utterances[{j}]"] = at
    for i, estimate in enumerate(call.estimates):
        for j, reason in enumerate(estimate.reasons):
            for k, at in enumerate(reason.utterances):
                references[f"call.estimates[{i}].reasons[{j}].utterances[{k}]"] = at
    references |= _measured(call)
    for where, index in references.items():
        check(index is None or 0 <= index < len(call.utterances), index, "an utterance's index", where)


def _measured(call: Call) -> dict[str, int]:
    """The utterances that interruptions and lowest points refer to, by where they stand."""
    found: dict[str, int] = {}
    if call.characteristics is not None:
        for who, each in call.characteristics.interruptions.interruptions_by_interrupter.items():
            where = f"call.characteristics.interruptions.interruptions_by_interrupter.{who}"
            for i, interruption in enumerate(each):
                found[f"{where}[{i}].utterance_index"] = interruption.utterance_index
                found[f"{where}[{i}].interrupted_index"] = interruption.interrupted_index
    if call.shape is not None:
        for who, course in call.shape.by_participant.items():
            found[f"call.shape.by_participant.{who}.lowest_index"] = course.lowest_index
    return found
