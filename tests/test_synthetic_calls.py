"""Planted calls: what is said fits the plan, the truth is where it says, and a seed is a call."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.call import from_json, to_json
from sentiment.errors import InputError
from sentiment.synthetic.calls import SHAPES, PlantOptions, Pool, Saying, plain_pool, plant, with_noise

POOL = Pool(
    sayings=(
        Saying(text="This is a disgrace.", valence=-0.6),
        Saying(text="I am rather annoyed about all of this.", valence=-0.5),
        Saying(text="It is four four seven.", valence=0.0),
        Saying(text="That is really kind of you, thanks.", valence=0.6),
        Saying(text="Good, that is fine.", valence=0.4),
        Saying(text="So so.", valence=0.25),
        Saying(text="Hm.", valence=-0.25),
    ),
    neutral=("Okay.", "And the postcode?"),
    better=("I can refund that.",),
    worse=("No, we can't.", "Please hold."),
    waits=frozenset({"Please hold."}),
)
every_shape = pytest.mark.parametrize("shape", SHAPES)
calls = st.builds(
    lambda shape, n, odd, filler, seed: plant(
        POOL, PlantOptions(shape=shape, n_utterances=n, odd=odd, filler=filler), seed=seed
    ),
    st.sampled_from(SHAPES),
    st.integers(14, 80),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 1000),
)


def party(planted):
    """Valences of what the customer says, and the places of its shifts among them."""
    said = planted.call.said_by("customer")
    place = {u.index: k for k, u in enumerate(said)}
    return [planted.valences[u.index] for u in said], [
        (place[s.utterance_index], place[s.last_index], s) for s in planted.shifts
    ]


@settings(max_examples=60, deadline=None)
@given(calls)
def test_the_truth_is_in_the_call(planted):
    turns = planted.call.utterances
    valences, shifts = party(planted)
    assert [u.index for u in turns] == list(range(len(turns))) == list(range(len(planted.valences)))
    assert {u.text for u in planted.call.said_by("customer")} <= {s.text for s in POOL.sayings}
    for begin, last, shift in shifts:
        assert begin <= last
        assert turns[shift.trigger_index].role == "agent"
        assert shift.trigger_index < shift.utterance_index
        assert turns[shift.trigger_index].text in (POOL.better if shift.direction == "better" else POOL.worse)
        # Both sides of a shift are typical of the levels there.
        assert abs(valences[begin - 1] - shift.before) <= 0.35 or abs(shift.before) <= 0.1
        assert valences[last] == pytest.approx(shift.after, abs=0.35)
        assert (valences[last] - valences[begin - 1]) * (shift.after - shift.before) > 0
    for (_, last, old), (begin, _, new) in itertools.pairwise(shifts):
        assert new.before == old.after
        assert begin - last >= 4


@every_shape
def test_each_shape_has_its_shifts(shape):
    n = {"flat": 0, "step": 1, "dip": 2, "fade": 1, "steps": 3}[shape]
    planted = plant(POOL, PlantOptions(shape=shape, n_utterances=80), seed=5)
    assert planted.shape == shape
    assert len(planted.shifts) == n
    assert len(planted.call.said_by("customer")) == 80
    if shape == "dip":
        down, up = planted.shifts
        assert down.before == up.after
        assert down.direction != up.direction
    if shape == "fade":
        valences, ((begin, last, shift),) = party(planted)
        assert last - begin == 6
        steps = np.diff(valences[begin - 1 : last + 1])
        assert (steps * (shift.after - shift.before) >= -0.3).all()


@pytest.mark.parametrize("level", [-1, 0, 1])
def test_a_flat_call_keeps_its_level_but_for_filler_and_odd_utterances(level):
    options = PlantOptions(shape="flat", n_utterances=400, level=level, filler=0.2, odd=0.1)
    valences, _ = party(plant(POOL, options, seed=1))
    kinds = np.sign([0.0 if abs(v) <= 0.1 else v for v in valences])
    assert (kinds == level).mean() > 0.65
    against = (kinds == -level).mean() if level else (kinds != 0).mean()
    assert 0.05 < against < 0.15


def test_filler_and_odd_utterances_never_hide_a_level_for_long():
    options = PlantOptions(shape="flat", n_utterances=500, level=-1, filler=0.5, odd=0.3)
    valences, _ = party(plant(POOL, options, seed=1))
    typical = [i for i, v in enumerate(valences) if v <= -0.25]
    assert max(np.diff(typical)) <= 3


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 100))
def test_a_seed_is_a_call(seed):
    options = PlantOptions(shape="steps", n_utterances=40)
    assert plant(POOL, options, seed=seed) == plant(POOL, options, seed=seed)
    assert plant(POOL, options, seed=seed).call != plant(POOL, options, seed=seed + 1).call
    assert with_noise(plant(POOL, seed=seed), 0.3, seed=1) == with_noise(plant(POOL, seed=seed), 0.3, seed=1)


def test_some_triggers_come_late_and_some_are_answered():
    """Between the trigger and the shift stand another turn of the agent, an answer, or nothing."""
    before = []
    for seed in range(200):
        planted = plant(POOL, PlantOptions(late_trigger=0.3, answered_trigger=0.2), seed=seed)
        (shift,) = planted.shifts
        between = planted.call.utterances[shift.trigger_index + 1 : shift.utterance_index]
        before.append("".join(u.role[0] for u in between))
    assert before.count("") / 200 == pytest.approx(0.8 * 0.7, abs=0.1)
    assert before.count("a") / 200 == pytest.approx(0.8 * 0.3, abs=0.1)
    assert sum("c" in b for b in before) / 200 == pytest.approx(0.2, abs=0.1)


def test_noise_is_what_it_is_said_to_be():
    planted = plant(plain_pool(), PlantOptions(shape="steps", n_utterances=2000), seed=2)
    noisy = with_noise(planted, 0.2, seed=3)
    error = np.array([u.score.polarity for u in noisy.call.utterances]) - np.array(planted.valences)
    assert error.std() == pytest.approx(0.2, abs=0.02)  # a little less: polarity ends at 1
    exact = with_noise(planted, 0.0, seed=3)
    assert [u.score.polarity for u in exact.call.utterances] == pytest.approx(list(planted.valences))
    for u in noisy.call.utterances:
        assert u.score.p_negative + u.score.p_neutral + u.score.p_positive == pytest.approx(1.0)
        assert min(u.score.p_negative, u.score.p_neutral, u.score.p_positive) >= 0.0
        if abs(u.score.polarity) > 0.6:
            assert u.score.label == ("positive" if u.score.polarity > 0 else "negative")


@settings(max_examples=20, deadline=None)
@given(calls)
def test_it_is_a_call_like_any_other(planted):
    scored = with_noise(planted, 0.2, seed=1).call
    assert from_json(to_json(scored)) == scored
    ends = [u.end_ms for u in scored.utterances]
    starts = [u.start_ms for u in scored.utterances]
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert ends[-1] <= scored.duration_ms


def test_nobody_speaks_for_long_after_a_wait():
    planted = plant(POOL, PlantOptions(shape="steps", n_utterances=600, decoys=0.3), seed=3)
    turns = planted.call.utterances
    pauses = {True: [], False: []}
    for u, after in itertools.pairwise(turns):
        pauses[u.text in POOL.waits].append(after.start_ms - u.end_ms)
    assert np.mean(pauses[True]) > 20 * np.mean(pauses[False])


def test_what_cannot_be_planted_is_refused():
    with pytest.raises(InputError, match="dip call of 10 utterances: too short for 3 stretches of 4"):
        plant(POOL, PlantOptions(shape="dip", n_utterances=10), seed=0)
    calm = Pool(sayings=POOL.sayings[2:3], neutral=POOL.neutral, better=POOL.better, worse=POOL.worse)
    with pytest.raises(InputError, match="nothing to say with a valence from"):
        plant(calm, PlantOptions(shape="flat", level=-1), seed=0)
    mute = Pool(sayings=POOL.sayings, neutral=(), better=POOL.better, worse=POOL.worse)
    with pytest.raises(InputError, match="a kind of turn of the other party is missing"):
        plant(mute, seed=0)
