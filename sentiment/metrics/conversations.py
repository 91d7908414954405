"""What a scored conversation says, as a row of figures: the table ``calls`` of the metric engine.

An agent's figures rest on wording and timing only.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sentiment import wording
from sentiment.timeline import Span, gaps, intersection, total_ms, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from sentiment.call import Call, Role, Shift, Utterance

__all__ = ["ConversationOptions", "figures", "to_table"]

PARTIES: tuple[Role, ...] = ("agent", "customer")


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationOptions:
    """Thresholds.

    Args:
        non_talk_s: silence of everyone counts as non-talk time where it is longer (Contact Lens: 3 s).
        dead_air_s: and as dead air where it is longer than this.
        overtalk_s: both parties speaking counts as overtalk where it is longer.
        recovered_share: a shift for the worse has recovered when a later one makes up this share of it.
        last_share: how much of the call its end is.
    """

    non_talk_s: float = 3.0
    dead_air_s: float = 10.0
    overtalk_s: float = 0.5
    recovered_share: float = 0.5
    last_share: float = 0.1


def figures(call: Call, options: ConversationOptions | None = None) -> dict[str, Any]:
    """The figures of one call, by the names of the ``calls`` table's columns; ``None`` where unknown.

    Polarity in [-1, 1], intensity in [0, 1], durations in milliseconds. What needs times is ``None``
    in a conversation without them; what needs scores is ``None`` where nothing was scored.
    """
    options = options or ConversationOptions()
    row: dict[str, Any] = {
        "call_id": call.id,
        "started_at": call.started_at,
        "agent_id": call.agent_id,
        "customer_id": call.customer_id,
        "queue": call.queue,
        "duration_ms": call.duration_ms,
    }
    row |= _feeling(call, options) | _shifts(call, options) | _timing(call, options) | _effort(call)
    for estimate in call.estimates:
        if estimate.instrument in ("csat", "nps"):
            row[f"predicted_{estimate.instrument}"] = estimate.expected
    return row


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _feeling(call: Call, options: ConversationOptions) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for role in PARTIES:
        scored = [(u, u.score) for u in call.said_by(role) if u.score is not None]
        polarity = [score.polarity for _, score in scored]
        row[f"{role}_polarity"] = _mean(polarity)
        row[f"{role}_scored"] = len(polarity)
        for i in range(4):
            part = [s.polarity for u, s in scored if 4 * _place(u, call) // 1 == i]
            row[f"{role}_polarity_q{i + 1}"] = _mean(part)
        last = [s.polarity for u, s in scored if _place(u, call) >= 1 - options.last_share]
        row[f"{role}_polarity_last"] = _mean(last)
    intensity = [u.score.intensity for u in call.said_by("customer") if u.score is not None]
    row["customer_intensity"] = _mean(intensity)
    row["customer_intensity_peak"] = max(intensity, default=None)
    row["customer_intensity_rise"] = max(intensity) - statistics.median(intensity) if intensity else None
    return row


def _place(utterance: Utterance, call: Call) -> float:
    """Where in the call an utterance begins, in [0, 1): by time, by order where there is none."""
    if utterance.start_ms is not None and call.duration_ms:
        return min(utterance.start_ms / call.duration_ms, 1 - 1e-9)
    return utterance.index / len(call.utterances)


def _shifts(call: Call, options: ConversationOptions) -> dict[str, Any]:
    own = [s for s in call.shifts if s.role == "customer"]
    worse = [s for s in own if s.direction == "worse"]
    scored = any(u.score is not None for u in call.said_by("customer"))
    return {
        "shifts_better": len(own) - len(worse) if scored else None,
        "shifts_worse": len(worse) if scored else None,
        "shifts_recovered": sum(_recovers(s, own, options) for s in worse) if scored else None,
    }


def _recovers(shift: Shift, shifts: Sequence[Shift], options: ConversationOptions) -> bool:
    goal = shift.after + options.recovered_share * shift.magnitude
    return any(s.utterance_index > shift.utterance_index and s.after >= goal for s in shifts)


def _spans(call: Call, *roles: Role) -> list[Span]:
    return [
        Span(u.start_ms, u.end_ms)
        for u in call.utterances
        if u.role in roles and u.start_ms is not None and u.end_ms is not None
    ]


def _timing(call: Call, options: ConversationOptions) -> dict[str, Any]:
    row: dict[str, Any] = {f"{role}_words": sum(len(u.text.split()) for u in call.said_by(role)) for role in PARTIES}
    if call.duration_ms is None or any(u.start_ms is None or u.end_ms is None for u in call.utterances):
        return row
    agent, customer = _spans(call, "agent"), _spans(call, "customer")
    everyone = _spans(call, "agent", "customer", "ivr", "unknown")
    silences = [g.duration_ms for g in gaps(everyone, Span(0, call.duration_ms))]
    both = [s for s in intersection(agent, customer) if s.duration_ms > options.overtalk_s * 1000]
    row |= {
        "agent_talk_ms": total_ms(agent),
        "customer_talk_ms": total_ms(customer),
        "non_talk_ms": sum(s for s in silences if s > options.non_talk_s * 1000),
        "dead_air_ms": sum(s for s in silences if s > options.dead_air_s * 1000),
        "dead_air_count": sum(s > options.dead_air_s * 1000 for s in silences),
        "overtalk_ms": total_ms(both),
    }
    for role, other in (PARTIES, PARTIES[::-1]):
        row[f"interruptions_by_{role}"] = _interruptions(call, role, other, options)
        latencies = list(_latencies(call, role, other))
        row[f"{role}_latency_ms"] = sum(latencies) if latencies else None
        row[f"{role}_replies"] = len(latencies)
        row[f"{role}_speed_change"] = _speed_change(call.said_by(role))
    return row


def _interruptions(call: Call, role: Role, other: Role, options: ConversationOptions) -> int:
    """How often ``role`` begins while ``other`` speaks, and both go on for longer than the threshold."""
    theirs = union(_spans(call, other))
    least_ms = options.overtalk_s * 1000
    return sum(
        any(t.start_ms < s.start_ms and min(t.end_ms, s.end_ms) - s.start_ms > least_ms for t in theirs)
        for s in _spans(call, role)
    )


def _latencies(call: Call, role: Role, other: Role) -> Iterable[int]:
    """Milliseconds from the end of the other party's turn to this one's reply; 0 where it comes in before."""
    for before, after in pairwise(call.utterances):
        if (before.role, after.role) == (other, role) and before.end_ms is not None and after.start_ms is not None:
            yield max(0, after.start_ms - before.end_ms)


def _speed_change(said: Sequence[Utterance]) -> float | None:
    """Words per minute in the second half of a party's utterances minus those in the first."""
    half = len(said) // 2
    speeds = [_speed(said[:half]), _speed(said[half:])]
    return None if speeds[0] is None or speeds[1] is None else speeds[1] - speeds[0]


def _speed(said: Sequence[Utterance]) -> float | None:
    spoken_ms = sum((u.end_ms or 0) - (u.start_ms or 0) for u in said)
    return sum(len(u.text.split()) for u in said) * 60_000 / spoken_ms if spoken_ms else None


def _effort(call: Call) -> dict[str, Any]:
    """How often the customer has to say something again, by what they say of it themselves."""
    said = call.said_by("customer")
    return {"re_explaining": sum(bool(wording.re_explaining(u.text)) for u in said) if said else None}


def to_table(calls: Iterable[Call], options: ConversationOptions | None = None) -> pa.Table:
    """Scored calls as the table ``calls``, a row each."""
    import pyarrow as pa

    from sentiment.metrics.schemas import TABLES

    types = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "timestamp": pa.timestamp("us", "UTC")}
    rows = [figures(call, options) for call in calls]
    columns = TABLES["calls"].columns
    return pa.table({c.name: pa.array([row.get(c.name) for row in rows], types[c.type]) for c in columns})
