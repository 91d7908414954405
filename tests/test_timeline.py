"""Span arithmetic, held against the same arithmetic on sets of single milliseconds."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.timeline import Span, clip, gaps, intersection, total_ms, union

EDGES = st.integers(0, 60)
SPANS = st.lists(st.builds(Span, EDGES, EDGES), max_size=8)
"""Some of these are empty or end before they start: such spans cover nothing."""


def covered(spans):
    return {ms for span in spans for ms in range(span.start_ms, span.end_ms)}


def is_tidy(spans):
    return all(s.start_ms < s.end_ms for s in spans) and all(
        a.end_ms < b.start_ms for a, b in pairwise(spans)
    )


@settings(deadline=None)
@given(SPANS)
def test_a_union_covers_the_same_time_with_disjoint_spans_in_order(spans):
    merged = union(spans)
    assert covered(merged) == covered(spans)
    assert is_tidy(merged)
    assert union(merged) == merged


@settings(deadline=None)
@given(SPANS, st.integers(0, 10))
def test_a_union_bridges_gaps_up_to_join_ms_and_no_longer_ones(spans, join_ms):
    merged = union(spans, join_ms=join_ms)
    bridged = [g for g in gaps(spans, Span(0, 60)) if g.duration_ms <= join_ms]
    inner = [g for g in bridged if covered([Span(0, g.start_ms)]) & covered(spans)]
    inner = [g for g in inner if covered([Span(g.end_ms, 60)]) & covered(spans)]
    assert covered(merged) == covered(spans) | covered(inner)
    assert all(b.start_ms - a.end_ms > join_ms for a, b in pairwise(merged))


@settings(deadline=None)
@given(SPANS, SPANS)
def test_an_intersection_is_the_time_both_cover_whichever_comes_first(first, second):
    shared = intersection(first, second)
    assert covered(shared) == covered(first) & covered(second)
    assert shared == intersection(second, first)
    assert is_tidy(shared)


@settings(deadline=None)
@given(SPANS, st.builds(Span, EDGES, EDGES))
def test_gaps_and_clip_part_the_window_between_them(spans, within):
    free, taken = gaps(spans, within), clip(spans, within)
    assert is_tidy(free)
    assert covered(free) | covered(taken) == covered([within])
    assert not covered(free) & covered(taken)
    assert total_ms(free) + total_ms(taken) == len(covered([within]))


@settings(deadline=None)
@given(SPANS)
def test_time_covered_twice_counts_once(spans):
    assert total_ms(spans) == len(covered(spans))
    assert total_ms([*spans, *spans]) == total_ms(spans)


def test_spans_that_touch_become_one():
    assert union([Span(5, 9), Span(0, 5)]) == (Span(0, 9),)
    assert union([Span(0, 5), Span(7, 9)], join_ms=1) == (Span(0, 5), Span(7, 9))
    assert Span(2, 5).duration_ms == 3
