"""Span arithmetic on integer milliseconds; spans are half open, ``[start_ms, end_ms)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Span", "clip", "gaps", "intersection", "total_ms", "union"]


class Span(NamedTuple):
    """A stretch of time ``[start_ms, end_ms)`` in milliseconds from the call's start."""

    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds; never negative for a well-formed span."""
        return self.end_ms - self.start_ms


def union(spans: Iterable[tuple[int, int]], *, join_ms: int = 0) -> tuple[Span, ...]:
    """Merge spans that overlap or lie at most ``join_ms`` apart.

    Returns disjoint spans in order of time. Empty spans are dropped.
    """
    merged: list[Span] = []
    first = last = 0
    begun = False
    for start, end in sorted(spans):
        if end <= start:
            continue
        if begun and start <= last + join_ms:
            if end > last:
                last = end
            continue
        if begun:
            merged.append(Span(first, last))
        first, last, begun = start, end, True
    if begun:
        merged.append(Span(first, last))
    return tuple(merged)


def intersection(first: Iterable[Span], second: Iterable[Span]) -> tuple[Span, ...]:
    """The time covered by both sets of spans, as disjoint spans in order of time."""
    a, b = union(first), union(second)
    shared: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i].start_ms, b[j].start_ms), min(a[i].end_ms, b[j].end_ms)
        if start < end:
            shared.append(Span(start, end))
        if a[i].end_ms <= b[j].end_ms:
            i += 1
        else:
            j += 1
    return tuple(shared)


def gaps(spans: Iterable[Span], within: Span) -> tuple[Span, ...]:
    """The time inside ``within`` that no span covers, in order of time."""
    free: list[Span] = []
    at = within.start_ms
    for start, end in clip(spans, within):
        if start > at:
            free.append(Span(at, start))
        at = end
    if at < within.end_ms:
        free.append(Span(at, within.end_ms))
    return tuple(free)


def clip(spans: Iterable[Span], within: Span) -> tuple[Span, ...]:
    """The union of the spans, cut to ``within``."""
    return intersection(spans, (within,))


def total_ms(spans: Iterable[Span]) -> int:
    """Milliseconds covered by at least one span."""
    return sum(s.duration_ms for s in union(spans))
