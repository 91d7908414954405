"""Every name of a shape on a call made for it, what its numbers mean, and that noise makes no shape."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from itertools import chain, combinations, zip_longest

import pytest
from factories import agent, call, customer, score, utterance
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.call import Shift
from sentiment.shape import ShapeOptions, _trend, call_shape


def conversation(polarities, shifts=(), **more):
    """The customer's turns of these polarities with the agent's between them.

    ``shifts`` are ``(place among the customer's turns, before, after)``.
    """
    mine = [customer(polarity=p) for p in polarities]
    turns = [u for u in chain(*zip_longest(mine, [agent() for _ in mine[1:]])) if u]
    made = call(*turns, **more)
    found = tuple(
        Shift(
            at_ms=made.utterances[2 * at].start_ms,
            utterance_index=2 * at,
            role="customer",
            before=before,
            after=after,
            confidence=0.9,
            trigger_index=2 * at - 1,
            reason="",
        )
        for at, before, after in shifts
    )
    return dataclasses.replace(made, shifts=found)


@pytest.mark.parametrize(
    ("name", "polarities", "shifts"),
    [
        ("steady_positive", [0.4, 0.3, 0.5, 0.4], []),
        ("steady_neutral", [0.0, 0.1, -0.1, 0.0], []),
        ("steady_negative", [-0.4, -0.5, -0.4, -0.6], []),
        ("quiet_rise", [-0.4, -0.3, -0.2, 0.0, 0.1, 0.2, 0.3, 0.4], []),
        ("quiet_fade", [0.4, 0.3, 0.2, 0.1, 0.0, -0.1, -0.3, -0.4], []),
        ("lift", [0.0, 0.0, 0.6, 0.6], [(2, 0.0, 0.6)]),
        ("lift", [-0.8, -0.8, -0.3, -0.3], [(2, -0.8, -0.3)]),
        ("rescue", [-0.6, -0.6, 0.5, 0.5], [(2, -0.6, 0.5)]),
        ("rescue", [-0.6, -0.6, 0.0, 0.0], [(2, -0.6, 0.0)]),
        ("rescue", [-0.3, -0.3, -0.8, -0.8, 0.5, 0.5], [(2, -0.3, -0.8), (4, -0.8, 0.5)]),
        ("cooling", [0.6, 0.6, 0.0, 0.0], [(2, 0.6, 0.0)]),
        ("cooling", [0.6, 0.6, -0.4, -0.4, 0.0, 0.0], [(2, 0.6, -0.4), (4, -0.4, 0.0)]),
        ("breakdown", [0.5, 0.5, -0.6, -0.6], [(2, 0.5, -0.6)]),
        ("breakdown", [-0.2, -0.2, -0.7, -0.7], [(2, -0.2, -0.7)]),
        ("breakdown", [0.5, 0.5, -0.8, -0.8, -0.4, -0.4], [(2, 0.5, -0.8), (4, -0.8, -0.4)]),
        ("dip_and_recovery", [0.5, 0.5, -0.5, -0.5, 0.5, 0.5], [(2, 0.5, -0.5), (4, -0.5, 0.5)]),
        ("peak_and_loss", [0.0, 0.0, 0.7, 0.7, -0.1, -0.1], [(2, 0.0, 0.7), (4, 0.7, -0.1)]),
        ("lift", [0.0, 0.0, 0.8, 0.8, 0.5, 0.5], [(2, 0.0, 0.8), (4, 0.8, 0.5)]),
        (
            "volatile",
            [0.4, 0.4, -0.5, -0.5, 0.5, 0.5, -0.5, -0.5],
            [(2, 0.4, -0.5), (4, -0.5, 0.5), (6, 0.5, -0.5)],
        ),
    ],
)
def test_each_name_on_a_call_made_for_it(name, polarities, shifts):
    shape = call_shape(conversation(polarities, shifts))
    assert (shape.name, shape.unnamed) == (name, None)
    assert shape.sentence.startswith("The customer ")


def test_a_rescue_and_a_breakdown_have_the_same_mean():
    rescue = call_shape(conversation([-0.6, -0.6, 0.6, 0.6], [(2, -0.6, 0.6)]))
    breakdown = call_shape(conversation([0.6, 0.6, -0.6, -0.6], [(2, 0.6, -0.6)]))
    assert rescue.by_participant["customer"].mean == breakdown.by_participant["customer"].mean == 0.0
    assert (rescue.name, breakdown.name) == ("rescue", "breakdown")


def test_noise_without_a_shift_is_steady():
    """The trend test lets one call in a hundred pass; here at most three of two hundred do."""
    names = []
    for seed in range(200):
        noise = random.Random(seed)
        made = conversation([max(-1.0, min(1.0, noise.gauss(0, 0.35))) for _ in range(16)])
        names.append(call_shape(made).name)
    assert sum(not str(name).startswith("steady") for name in names) <= 3


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (conversation([-0.5, -0.5, -0.5]), "too short to tell, with 3 scored utterances"),
        (call(*[customer("No.", -0.5) for _ in range(9)]), "too short to tell, with 9 scored utterances"),
        (call(customer(polarity=-0.5), customer(polarity=None)), "with 1 scored utterance of"),
        (call(utterance("unknown"), agent()), "no voice is known to be the customer's"),
        (call(), "no voice is known to be the customer's"),
    ],
)
def test_too_little_has_no_name_and_says_why(made, why):
    shape = call_shape(made)
    assert shape.name is None
    assert why in shape.unnamed
    assert shape.unnamed in shape.sentence


def test_the_agent_has_numbers_and_no_share_in_the_name():
    made = conversation([0.0, 0.1, 0.0, 0.1])
    angry = dataclasses.replace(
        made,
        utterances=tuple(
            u if u.role == "customer" else dataclasses.replace(u, score=score(-0.9)) for u in made.utterances
        ),
        shifts=(
            Shift(
                at_ms=None, utterance_index=1, role="agent", before=0.5, after=-0.9, confidence=1.0,
                trigger_index=None, reason="",
            ),
        ),
    )  # fmt: skip
    shape = call_shape(angry)
    assert (shape.name, shape.sentence) == ("steady_neutral", "The customer stayed neutral throughout.")
    assert shape.by_participant["agent"].mean == pytest.approx(-0.9)


def test_the_numbers_of_a_course():
    made = conversation([0.4, 0.0, -0.8, -0.6, -0.4, 0.2, 0.1, 0.4])
    course = call_shape(made).by_participant["customer"]
    assert course.utterances == 8
    assert (course.start, course.end) == pytest.approx((0.2, 0.25))
    assert (course.lowest, course.lowest_index) == (-0.8, 4)
    assert course.lowest_at_ms == made.utterances[4].start_ms
    assert course.recovery == pytest.approx(1.0)  # from -0.6, the lowest three, to more than 0.2
    assert course.volatility == pytest.approx(
        ((0.4**2 + 0.8**2 + 0.2**2 + 0.2**2 + 0.6**2 + 0.1**2 + 0.3**2) / 7) ** 0.5
    )


def test_start_and_end_are_the_levels_around_the_shifts_where_there_are_any():
    made = conversation([0.4, 0.0, -0.8, -0.6, -0.4, 0.2, 0.1, 0.4], [(2, 0.2, -0.6), (5, -0.6, 0.0)])
    courses = call_shape(made).by_participant
    assert (courses["customer"].start, courses["customer"].end) == (0.2, 0.0)
    assert courses["customer"].recovery == pytest.approx((0.0 + 0.6) / (0.2 + 0.6))
    assert (courses["agent"].start, courses["agent"].end) == (0.0, 0.0), "the shifts are the customer's"


def test_half_of_a_fall_won_back():
    course = call_shape(conversation([0.5, 0.5, -0.5, -0.5, -0.5, -0.5, 0.0, 0.0])).by_participant["customer"]
    assert course.recovery == pytest.approx(0.5)
    never_fell = call_shape(conversation([0.0, 0.1, 0.0, 0.1])).by_participant["customer"]
    assert never_fell.recovery is None


def test_slopes_are_those_of_a_straight_line():
    straight = call(*(customer(polarity=-0.5 + 0.1 * i, start_ms=30_000 * i) for i in range(6)))
    course = call_shape(straight).by_participant["customer"]
    assert course.slope_per_utterance == pytest.approx(0.1)
    assert course.slope_per_minute == pytest.approx(0.2)


def test_one_utterance_has_no_slope_and_no_volatility():
    course = call_shape(call(customer(polarity=0.3))).by_participant["customer"]
    assert (course.slope_per_minute, course.slope_per_utterance, course.volatility) == (None, None, None)
    assert (course.start, course.end, course.lowest, course.recovery) == (0.3, 0.3, 0.3, None)


def test_quarters_are_of_time_and_an_empty_one_has_no_mean():
    said = [(160, 4640, 0.0), (7370, 11190, -1.0), (22610, 24140, 1.0), (30580, 32110, 0.5)]
    made = call(*(customer(polarity=p, start_ms=a, end_ms=b) for a, b, p in said))
    course = call_shape(made).by_participant["customer"]
    assert [(q.start_ms, q.end_ms) for q in course.quarters] == [
        (0, 8027), (8027, 16055), (16055, 24082), (24082, 32110),
    ]  # fmt: skip
    assert [q.utterances for q in course.quarters] == [2, 0, 1, 1]
    assert [q.score for q in course.quarters] == [-2.5, None, 5.0, 2.5]
    assert course.score == pytest.approx(5 / 3)


def test_without_times_quarters_are_of_utterances():
    course = call_shape(conversation([0.0, 0.2, 0.4, 0.6, 0.8], timed=False)).by_participant["customer"]
    assert [(q.start_ms, q.utterances) for q in course.quarters] == [
        (None, 1),
        (None, 1),
        (None, 1),
        (None, 2),
    ]
    assert course.slope_per_minute is None
    assert course.slope_per_utterance == pytest.approx(0.2)


def test_a_recorded_voice_and_what_is_not_scored_have_no_course():
    assert call_shape(call(utterance("ivr", polarity=0.5), customer(polarity=None))).by_participant == {}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.booleans())
def test_numbers_stay_in_their_ranges(polarities, timed):
    course = call_shape(conversation(polarities, timed=timed)).by_participant["customer"]
    assert sum(q.utterances for q in course.quarters) == course.utterances == len(polarities)
    for level in (course.start, course.end, course.mean, course.lowest):
        assert min(polarities) - 1e-9 <= level <= max(polarities) + 1e-9
    assert course.recovery is None or 0.0 <= course.recovery <= 1.0
    assert course.volatility is None or 0.0 <= course.volatility <= 2.0
    assert -5.0 <= course.score <= 5.0


def test_thresholds_are_options():
    made = conversation([0.2, 0.2, 0.2, 0.2])
    assert call_shape(made).name == "steady_positive"
    assert call_shape(made, ShapeOptions(neutral=0.25)).name == "steady_neutral"


@given(st.lists(st.sampled_from([-0.5, 0.0, 0.1, 0.25, 0.5]) | st.floats(-1, 1), min_size=2, max_size=40))
def test_the_trend_is_kendalls_over_all_pairs(values):
    s = sum((b > a) - (b < a) for a, b in combinations(values, 2))
    n = len(values)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    assert _trend(values) == (0.0 if s == 0 else pytest.approx((s - (s > 0) + (s < 0)) / variance**0.5))


def test_the_trend_of_a_very_long_call_takes_no_time():
    rng = random.Random(1)
    values = [rng.uniform(-1, 1) for _ in range(20_000)]
    began = time.process_time()
    _trend(values)
    assert time.process_time() - began < 2, "over all pairs it is 20 seconds or more"
