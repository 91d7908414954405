"""What a scored conversation says, as a row of figures: the table ``calls`` of the metric engine.

Times, interruptions and latencies are those of :mod:`sentiment.characteristics`, levels those of
:mod:`sentiment.shape`. An agent's figures rest on wording and timing only.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.characteristics import characterise, uncharacterised
from sentiment.errors import TableError
from sentiment.shape import call_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from sentiment.call import Call, Estimate, Role, Shift, Utterance
    from sentiment.measures import Characteristics

__all__ = ["EFFORT_RULES", "ESTIMATE_SCALES", "ConversationOptions", "figures", "read_calls", "to_table"]

PARTIES: tuple[Role, ...] = ("agent", "customer")

EFFORT_RULES = ("repeated_contact", "repeats_themselves")
"""Moments that show effort: the customer had to come back, or says the same again."""

ESTIMATE_SCALES = {"csat": (1.0, 5.0), "nps": (0.0, 10.0)}
"""Scales of the table's estimates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationOptions:
    """Thresholds.

    Args:
        recovered_share: a shift for the worse has recovered when a later one makes up this share of it.
        last_share: how much of the call its end is.
    """

    recovered_share: float = 0.5
    last_share: float = 0.1


def figures(call: Call, options: ConversationOptions | None = None) -> dict[str, Any]:
    """The figures of one call, by the names of the ``calls`` table's columns; those unknown are left out.

    Polarity in [-1, 1], intensity in [0, 1], durations in milliseconds. There are none of times in a
    conversation without them, and none of feeling where nothing was scored.
    """
    options = options or ConversationOptions()
    row: dict[str, Any] = {
        "call_id": call.id,
        "started_at": call.started_at,
        "agent_id": call.agent_id,
        "customer_id": call.customer_id,
        "queue": call.queue,
        "duration_ms": call.duration_ms,
        "effort_signals": sum(m.rule in EFFORT_RULES for m in call.moments),
    }
    row |= _feeling(call, options) | _shifts(call, options)
    measured = call.characteristics
    if measured is None and uncharacterised(call) is None:
        measured = characterise(call)
    if measured is not None:
        row |= _timing(call, measured)
    for estimate in call.estimates:
        if estimate.instrument in ESTIMATE_SCALES:
            row |= _estimate(estimate)
    return row


def _estimate(estimate: Estimate) -> dict[str, Any]:
    """An estimate on the table's scale; one made on another is moved there linearly."""
    name, (low, high) = f"predicted_{estimate.instrument}", ESTIMATE_SCALES[estimate.instrument]
    own = (low if estimate.scale_min is None else estimate.scale_min,
           high if estimate.scale_max is None else estimate.scale_max)  # fmt: skip

    def moved(value: float | None) -> float | None:
        if value is None or own == (low, high):
            return value
        return low + (value - own[0]) / (own[1] - own[0]) * (high - low)

    return {
        name: moved(estimate.expected),
        f"{name}_low": moved(estimate.low),
        f"{name}_high": moved(estimate.high),
        f"{name}_top_box": estimate.p_top_box,
        f"{name}_abstained": estimate.abstained,
    }


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _feeling(call: Call, options: ConversationOptions) -> dict[str, Any]:
    row: dict[str, Any] = {}
    shape = call.shape or call_shape(call)
    for role in PARTIES:
        course = shape.by_participant.get(role)
        if course is not None:
            row[f"{role}_polarity"] = course.mean
            row |= {f"{role}_polarity_q{i}": q.mean for i, q in enumerate(course.quarters, 1)}
            row[f"{role}_polarity_last"] = _last(call, role, options.last_share)
    scores = [u.score.intensity for u in call.said_by("customer") if u.score is not None]
    if scores:
        row["customer_intensity"] = _mean(scores)
        row["customer_intensity_peak"] = max(scores)
        row["customer_intensity_rise"] = max(scores) - statistics.median(scores)
    return row


def _last(call: Call, role: Role, share: float) -> float | None:
    """Mean polarity of a party's utterances that begin in the call's last ``share``."""
    said = [u for u in call.said_by(role) if u.score is not None and _place(u, call) >= 1 - share]
    return _mean([u.score.polarity for u in said if u.score is not None])


def _place(utterance: Utterance, call: Call) -> float:
    """Where in the call an utterance begins, in [0, 1): by time, by order where there is none."""
    if utterance.start_ms is not None and call.duration_ms:
        return utterance.start_ms / call.duration_ms
    return utterance.index / len(call.utterances)


def _shifts(call: Call, options: ConversationOptions) -> dict[str, Any]:
    if not any(u.score is not None for u in call.said_by("customer")):
        return {}
    own = [s for s in call.shifts if s.role == "customer"]
    worse = [s for s in own if s.direction == "worse"]
    return {
        "shifts_better": len(own) - len(worse),
        "shifts_worse": len(worse),
        "shifts_recovered": sum(_recovers(s, own, options) for s in worse),
    }


def _recovers(shift: Shift, shifts: Sequence[Shift], options: ConversationOptions) -> bool:
    goal = shift.after + options.recovered_share * shift.magnitude
    return any(s.utterance_index > shift.utterance_index and s.after >= goal for s in shifts)


def _timing(call: Call, measured: Characteristics) -> dict[str, Any]:
    row: dict[str, Any] = {
        "conversation_ms": measured.total_conversation_duration_ms,
        "talk_time_ms": measured.talk_time.total_time_ms,
        "non_talk_ms": measured.non_talk_time.total_time_ms,
        "dead_air_ms": measured.dead_air.total_time_ms,
        "dead_air_count": len(measured.dead_air.instances),
        "overtalk_ms": measured.overtalk.total_time_ms,
    }
    for role in PARTIES:
        talk = measured.talk_time.details_by_participant.get(role)
        speed = measured.talk_speed.details_by_participant.get(role)
        latency = measured.response_latency.details_by_participant.get(role)
        row[f"{role}_talk_ms"] = talk.total_time_ms if talk else 0
        row[f"{role}_words"] = speed.words if speed else 0
        row[f"{role}_latency_ms"] = latency.median_ms if latency else None
        row[f"interruptions_by_{role}"] = len(
            measured.interruptions.interruptions_by_interrupter.get(role, ())
        )
        row[f"{role}_speed_change"] = _speed_change(call.said_by(role))
    return row


def _speed_change(said: Sequence[Utterance]) -> float | None:
    """Words per minute in the second half of a party's utterances minus those in the first."""
    half = len(said) // 2
    first, second = _speed(said[:half]), _speed(said[half:])
    return None if first is None or second is None else second - first


def _speed(said: Sequence[Utterance]) -> float | None:
    spoken_ms = sum((u.end_ms or 0) - (u.start_ms or 0) for u in said)
    return sum(len(u.text.split()) for u in said) * 60_000 / spoken_ms if spoken_ms else None


def to_table(calls: Iterable[Call], options: ConversationOptions | None = None) -> pa.Table:
    """Scored calls as the table ``calls``, a row each; columns that no call has are left out."""
    import pyarrow as pa

    from sentiment.metrics.schemas import TABLES

    types = {
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    rows = [figures(call, options) for call in calls]
    columns = [c for c in TABLES["calls"].columns if any(row.get(c.name) is not None for row in rows)]
    return pa.table({c.name: pa.array([row.get(c.name) for row in rows], types[c.type]) for c in columns})


def read_calls(source: Any) -> pa.Table | None:
    """The table of a folder of call JSON, of such files, or of :class:`sentiment.Call` values.

    ``None`` where it is none of these (a table of calls is read as any other table is).

    Raises:
        TableError: a file cannot be read.
        ConversationError: a file of the folder is no call.
    """
    from sentiment.call import Call, from_json

    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            paths = sorted(path.glob("*.json"))
        elif path.suffix == ".json":
            paths = [path]
        else:
            return None
        if not paths:
            raise TableError(f"{path}: holds no call JSON; score calls with --format json first")
        try:
            return to_table(from_json(p.read_text("utf-8")) for p in paths)
        except OSError as error:
            raise TableError(f"{path}: cannot be read ({error.strerror})") from None
    if isinstance(source, list | tuple) and source and all(isinstance(c, Call) for c in source):
        return to_table(source)
    return None
