"""Every domain value: what a call is, and how it becomes JSON and comes back unchanged.

Time is integer milliseconds from the call's start, spans are half open ``[start_ms, end_ms)``.
Polarity is valence in [-1, 1], intensity is in [0, 1], probabilities sum to 1. What could not be
computed is ``None`` with a reason beside it, never 0.

Values are immutable: a step takes a :class:`Call` and returns a new one (``dataclasses.replace``).
The JSON form has the same field names and is described by ``call.schema.json`` in this package.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar, cast

from sentiment.errors import ConversationError
from sentiment.strict_json import read_json

__all__ = [
    "SCHEMA",
    "Audio",
    "Call",
    "Channel",
    "Estimate",
    "Evidence",
    "Model",
    "Moment",
    "Provenance",
    "Role",
    "Score",
    "Shift",
    "Survey",
    "Utterance",
    "Word",
    "from_json",
    "to_json",
]

SCHEMA = "conversation-sentiment/call/1"
"""Version tag of the call JSON; the number changes when a reader of the old form would break."""

Role = Literal["agent", "customer", "ivr", "unknown"]
"""Who speaks. ``ivr`` is a recorded or synthetic voice of the centre."""

ROLES: tuple[Role, ...] = typing.get_args(Role)

Instrument = Literal["csat", "nps", "ces"]

RoleSource = Literal["given", "sidecar", "inferred", "transcript"]
"""Where a channel's role comes from: the command, the sidecar file, worked out from what is said
(and, for mono, the voices), or the text conversation itself."""

LARGEST = 2**53
"""Largest integer read from JSON (but in metadata): up to it every integer is exact in any JSON reader."""

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
class Score:
    """How an utterance feels.

    ``polarity`` in [-1, 1]; ``intensity`` in [0, 1]; ``p_negative + p_neutral + p_positive`` is 1;
    ``emotions`` maps an emotion's name to its probability in [0, 1] (several may be true at once);
    ``truncated`` is whether the text was too long to be read whole.
    """

    polarity: float
    intensity: float
    p_negative: float
    p_neutral: float
    p_positive: float
    emotions: Mapping[str, float]
    model: str
    truncated: bool = False

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
    polarities in [-1, 1] of the stretches on either side, ``confidence`` in [0, 1] is the probability
    that the level changed, and ``trigger_index`` is the other party's turn that best explains it
    (``None`` if they said nothing before), with the ``reason`` in words.
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
class Estimate:
    """What the customer would have answered, on the survey's own scale; or why it was not estimated."""

    instrument: Instrument
    expected: float | None
    low: float | None
    high: float | None
    p_top_box: float | None
    abstained: str | None = None


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
    result should know (a truncated file, identical channels, an unscored language).
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

    def said_by(self, role: Role) -> tuple[Utterance, ...]:
        """The utterances of one role, in order."""
        return tuple(u for u in self.utterances if u.role == role)


# -- JSON ----------------------------------------------------------------------------------------

T = TypeVar("T")


def to_json(call: Call, *, indent: int | None = 1) -> str:
    """A call as JSON text that :func:`from_json` turns back into an equal value.

    Raises:
        ValueError: a number is NaN or infinite; neither is JSON.
    """
    body = {"schema": SCHEMA, **_encode(call)}
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
    call = _decode_fields(Call, body, "call")
    _check_references(call)
    return call


def _check_references(call: Call) -> None:
    """Refuse an index that leads nowhere."""
    n_channels = len(call.channels) or math.inf  # a call that lists no channels may still number them
    for i, c in enumerate(call.channels):
        _check(c.index == i, c.index, str(i), f"call.channels[{i}].index")
    for i, u in enumerate(call.utterances):
        _check(u.index == i, u.index, str(i), f"call.utterances[{i}].index")
        _check(0 <= u.channel < n_channels, u.channel, "a channel's index", f"call.utterances[{i}].channel")
    references: dict[str, int | None] = {}
    for i, shift in enumerate(call.shifts):
        references[f"call.shifts[{i}].utterance_index"] = shift.utterance_index
        references[f"call.shifts[{i}].trigger_index"] = shift.trigger_index
    for i, moment in enumerate(call.moments):
        for j, at in enumerate(moment.evidence.utterances):
            references[f"call.moments[{i}].evidence.utterances[{j}]"] = at
    for where, index in references.items():
        _check(index is None or 0 <= index < len(call.utterances), index, "an utterance's index", where)


def _encode(value: object) -> JSON:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_encode(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _encode(v) for k, v in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _decode(kind: Any, value: JSON, where: str) -> Any:
    """``value`` as the annotated type ``kind``; ``where`` names it in errors."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _decode(next(a for a in args if a is not types.NoneType), value, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_fields(kind, value, where)
    if origin is tuple:
        _check(isinstance(value, list), value, "a list", where)
        return tuple(_decode(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is typing.Literal:
        _check(value in args, value, " or ".join(map(repr, args)), where)
        return value
    if origin is Mapping:
        _check(isinstance(value, dict), value, "an object", where)
        return {k: _decode(args[1], v, f"{where}.{k}") for k, v in value.items()}
    return _decode_scalar(kind, value, where)


def _decode_fields(kind: type[T], value: JSON, where: str) -> T:
    _check(isinstance(value, dict), value, "an object", where)
    hints = _hints(cast("Any", kind))
    if unknown := sorted(value.keys() - hints.keys()):
        raise ConversationError(f"call JSON: {where} has unknown field {unknown[0]!r}")
    if missing := sorted(hints.keys() - value.keys()):
        raise ConversationError(f"call JSON: {where} lacks the field {missing[0]!r}")
    return kind(**{name: _decode(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})


def _decode_scalar(kind: Any, value: JSON, where: str) -> Any:
    if kind is datetime:
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError):
            _check(False, value, "an ISO 8601 time", where)
    if kind in (int, float) and type(value) is int:
        _check(abs(value) <= LARGEST, value, f"a number within ±{LARGEST}", where)
    if kind is float:
        _check(type(value) in (int, float), value, "a number", where)
        return float(value)
    if kind in (int, str, bool):
        expected = {int: "an integer", str: "text", bool: "true or false"}[kind]
        _check(type(value) is kind, value, expected, where)
    return value


def _check(ok: bool, value: JSON, expected: str, where: str) -> None:
    if not ok:
        raise ConversationError(f"call JSON: {where} must be {expected}, not {value!r:.60}")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
