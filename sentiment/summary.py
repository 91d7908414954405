"""A call in one line: what an overview table shows, and the order in which calls are worth opening."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.shape import call_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentiment.call import Call, Moment, Utterance
    from sentiment.measures import ShapeName

__all__ = ["Failure", "Row", "flagged", "lowest", "ranked", "summarise", "worst_first"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One call of an overview.

    ``start`` and ``end`` in [-1, 1] are those of the customer's :class:`sentiment.measures.Trajectory`: the
    level before the first shift and after the last one, or where there is none the mean polarity of the
    first and of the last quarter of the scored utterances; ``peak_intensity`` in [0, 1] is the largest of
    the customer's. All three are ``None`` if no utterance of the customer was scored. ``n_shifts``
    counts the customer's shifts; ``shape`` is the name of the customer's course and ``story`` tells it in a
    sentence, both ``None`` if there is too little to name. ``top_moment`` explains the most severe moment,
    whose severity in [0, 1] is ``top_severity``; both are ``None`` without moments.
    """

    id: str
    duration_ms: int | None
    start: float | None
    end: float | None
    peak_intensity: float | None
    n_shifts: int
    n_moments: int
    top_moment: str | None
    top_severity: float | None
    shape: ShapeName | None = None
    story: str | None = None
    agent_id: str | None = None
    queue: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A file no result could be made from: its ``name`` and the ``error``, one line."""

    name: str
    error: str


def summarise(call: Call) -> Row:
    """The overview line of a call."""
    intensities = [u.score.intensity for u in call.said_by("customer") if u.score is not None]
    shape = call.shape or call_shape(call)
    course = shape.by_participant.get("customer")
    moments = ranked(call.moments)
    return Row(
        id=call.id,
        duration_ms=call.duration_ms,
        start=None if course is None else course.start,
        end=None if course is None else course.end,
        peak_intensity=max(intensities, default=None),
        n_shifts=sum(shift.role == "customer" for shift in call.shifts),
        n_moments=len(moments),
        top_moment=moments[0].explanation if moments else None,
        top_severity=moments[0].severity if moments else None,
        shape=shape.name,
        story=shape.sentence if shape.name else None,
        agent_id=call.agent_id,
        queue=call.queue,
    )


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order they are worth opening.

    The most severe moment first; among calls without moments, and between equals, the customer who
    ended lowest. Calls whose customer could not be scored come last.
    """

    def key(row: Row) -> tuple[float, float, str]:
        severity = -1.0 if row.top_severity is None else row.top_severity
        end = math.inf if row.end is None else row.end
        return (-severity, end, row.id)

    return sorted(rows, key=key)


def ranked(moments: Iterable[Moment]) -> list[Moment]:
    """Moments, most severe first; equals stay in the order given, which is that of time."""
    return sorted(moments, key=lambda moment: -moment.severity)


def lowest(call: Call) -> Utterance | None:
    """The customer's utterance of lowest polarity (the first of equals), ``None`` if none is scored."""
    scored = ((u.score.polarity, u.index, u) for u in call.said_by("customer") if u.score is not None)
    return min(scored, default=(0.0, 0, None))[2]


def flagged(call: Call, moment: Moment) -> tuple[int, ...]:
    """Indices of the utterances a moment is about: its evidence, or if it names none, all within its span."""
    if moment.evidence.utterances:
        return moment.evidence.utterances
    if moment.start_ms is None or moment.end_ms is None:
        return ()
    return tuple(
        u.index
        for u in call.utterances
        if u.start_ms is not None
        and u.end_ms is not None
        and u.start_ms < moment.end_ms
        and u.end_ms > moment.start_ms
    )
