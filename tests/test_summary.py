from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_calls import make_call, utterance

from sentiment.call import Call, Evidence
from sentiment.summary import Row, flagged, lowest, ranked, summarise, worst_first

polarities = st.floats(-1, 1)


def customer_call(*values: float | None) -> Call:
    """The customer says one utterance per value, the agent one before each."""
    said = []
    for value in values:
        said.append(utterance(len(said), "so", 0.9))
        said.append(utterance(len(said), "so", value))
    return Call(id="c", duration_ms=None, utterances=tuple(said))


def test_start_and_end_are_means_of_the_customers_outer_quarters():
    row = summarise(customer_call(0.2, 0.4, None, -0.9, -0.9, 0.0, -0.5, -0.3, 0.1))

    # eight scored: two at each end; the agent's +0.9 counts nowhere
    assert row.start == pytest.approx(0.3)
    assert row.end == pytest.approx(-0.1)
    assert row.peak_intensity == pytest.approx(0.95)


def test_a_single_utterance_is_both_start_and_end():
    row = summarise(customer_call(-0.4))
    assert row.start == row.end == pytest.approx(-0.4)


@pytest.mark.parametrize("values", [(), (None,), (None, None)])
def test_nothing_scored_is_none_and_not_zero(values):
    row = summarise(customer_call(*values))
    assert (row.start, row.end, row.peak_intensity) == (None, None, None)
    assert (row.n_shifts, row.n_moments, row.top_moment, row.top_severity) == (0, 0, None, None)


@given(st.lists(polarities, min_size=1, max_size=30))
def test_start_and_end_lie_within_what_was_scored(values):
    row = summarise(customer_call(*values))
    for value in (row.start, row.end):
        assert min(values) - 1e-9 <= value <= max(values) + 1e-9


def test_counts_and_the_top_moment():
    call = make_call()
    call = replace(call, shifts=(*call.shifts, replace(call.shifts[0], role="agent")))

    row = summarise(call)

    assert row.n_shifts == 2, "the agent's shift is not the customer's"
    assert (row.n_moments, row.top_moment, row.top_severity) == (2, "The customer wants to cancel.", 0.9)
    assert (row.agent_id, row.queue, row.duration_ms) == ("dana", "faults", 13_000)


def test_the_shape_has_its_name_and_its_sentence_or_neither():
    row = summarise(make_call())
    assert row.shape == "dip_and_recovery"
    assert row.story is not None
    assert row.story.startswith("The customer started neutral, fell at 0:03")
    short = summarise(customer_call(0.2))
    assert (short.shape, short.story) == (None, None)


def test_a_call_stored_without_a_shape_has_the_same_row():
    assert summarise(replace(make_call(), shape=None)) == summarise(make_call())


def test_lowest_is_the_customers():
    found = lowest(make_call())
    assert found is not None
    assert found.index == 5
    assert lowest(customer_call(None)) is None


def test_ranked_keeps_time_among_equals():
    first, second = make_call().moments
    assert ranked([first, second]) == [second, first]
    assert ranked([first, replace(first, rule="later")])[0] is first


def test_a_moment_without_evidence_is_about_what_was_said_in_its_span():
    call = make_call()
    bare = replace(call.moments[0], evidence=Evidence(), start_ms=3600, end_ms=5600)
    assert flagged(call, call.moments[0]) == (3,)
    assert flagged(call, bare) == (3, 4, 5)
    assert flagged(call, replace(bare, start_ms=None)) == ()


def row(call_id: str, severity: float | None, end: float | None) -> Row:
    return replace(summarise(make_call(call_id=call_id)), top_severity=severity, end=end)


def test_worst_first():
    calm, unscored, severe, low = (
        row("calm", None, 0.2),
        row("un", None, None),
        row("s", 0.9, 0.9),
        row("l", 0.9, -1),
    )
    assert worst_first([calm, unscored, severe, low]) == [low, severe, calm, unscored]
