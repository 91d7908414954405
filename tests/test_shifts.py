"""Shifts: planted changes are found, flat calls are left alone, and the probabilities are exact."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import pytest
from factories import agent, call, customer, utterance
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment import samples
from sentiment.affect.text import load_text_scorer
from sentiment.call import from_json, to_json
from sentiment.levels import Levels, Observations
from sentiment.phrases import find
from sentiment.shifts import LevelTracker, ShiftOptions, find_shifts
from sentiment.triggers import find_trigger
from sentiment.wording import BETTER, WORSE

SCORER_SD = 0.25
"""How far the scorer's polarities lie from people's ratings: 0.23 on the held-out fifth of the vader sets."""


def noisy_call(levels, rng, sd=SCORER_SD):
    """An agent's neutral turn before each of the customer's, whose polarity is the level and noise."""
    turns = []
    for level in levels:
        said = "word " * int(rng.integers(2, 25))
        turns += [agent(), customer(said, float(np.clip(level + rng.normal(0, sd), -1, 1)))]
    return call(*turns)


@pytest.fixture(scope="module")
def scorer():
    return load_text_scorer(threads=1)


def steady(role_turn, polarity, n):
    return [t for _ in range(n) for t in (agent(), role_turn(polarity=polarity))]


# -- known answers, simulated ----------------------------------------------------------------------


@pytest.mark.parametrize("direction", [-1, 1])
def test_a_planted_change_of_0_8_is_found_within_one_utterance_in_three_calls_of_four(direction):
    rng = np.random.default_rng(20)
    n_found = n_extra = 0
    for _ in range(60):
        n, at = int(rng.integers(16, 50)), int(rng.integers(4, 12))
        found = find_shifts(noisy_call([-0.4 * direction] * at + [0.4 * direction] * (n - at), rng))
        right = [s for s in found if abs(s.utterance_index // 2 - at) <= 1]
        n_found += any(s.after > s.before if direction > 0 else s.after < s.before for s in right)
        n_extra += len(found) - bool(right)
    assert n_found >= 0.75 * 60
    assert n_extra <= 0.35 * 60  # mostly the same change, placed further away


@pytest.mark.parametrize("level", [-0.5, 0.0, 0.5])
def test_at_most_one_flat_call_in_ten_raises_an_alarm(level):
    rng = np.random.default_rng(21)
    alarms = sum(bool(find_shifts(noisy_call([level] * int(rng.integers(10, 60)), rng))) for _ in range(60))
    assert alarms <= 6


def test_confidence_does_not_overclaim():
    """Of the shifts given about 0.9, about nine in ten or more are at a real change; so for the others."""
    rng = np.random.default_rng(22)
    confidences, real = [], []
    for _ in range(250):
        at, size = int(rng.integers(4, 20)), float(rng.choice([0.0, 0.4, 0.6, 0.8]))
        found = find_shifts(noisy_call([size / 2] * at + [-size / 2] * (30 - at), rng))
        confidences += [s.confidence for s in found]
        real += [size > 0 and abs(s.utterance_index // 2 - at) <= 3 for s in found]
    p, hit = np.array(confidences), np.array(real)
    assert len(p) > 40
    for low, high in ((0.5, 0.8), (0.8, 1.01)):
        chosen = (p >= low) & (p < high)
        assert hit[chosen].mean() > p[chosen].mean() - 0.15
    assert p[hit].mean() > p[~hit].mean()


def timed(call):
    start = time.process_time()
    found = find_shifts(call)
    return time.process_time() - start, found


def test_the_time_is_linear_and_three_thousand_utterances_take_a_blink():
    rng = np.random.default_rng(25)
    long = noisy_call(rng.choice([-0.5, 0.0, 0.5], 100).repeat(30), rng)
    short = dataclasses.replace(long, utterances=long.utterances[: len(long.utterances) // 4])
    seconds, found = min(timed(long) for _ in range(3))
    quarter_s, _ = min(timed(short) for _ in range(3))
    assert len(found) > 20
    assert seconds < 8 * quarter_s  # 16 times were it quadratic
    assert seconds < 1.0  # customer and agent: 0.12 s on a free core


@pytest.mark.model
@pytest.mark.parametrize("name", ["angry_then_resolved", "dip_and_recovery", "long_hold", "steady_neutral"])
def test_the_shifts_of_the_sample_calls_are_found_where_they_are(name, scorer):
    truth = json.loads((Path(samples.__file__).parent / f"{name}.truth.json").read_text("utf-8"))
    said = call(*[utterance(t["role"], t["text"], polarity=None) for t in truth["turns"]]).utterances
    scored = call(
        *(
            dataclasses.replace(u, score=s, unscored=None)
            for u, s in zip(said, scorer.score(said), strict=True)
        )
    )
    found = [s for s in find_shifts(scored) if s.role == "customer"]
    assert [(s.utterance_index, s.direction) for s in found] == [
        (s["turn_index"], s["direction"]) for s in truth["shifts"]
    ]


# -- what is a shift, and what is not --------------------------------------------------------------


def test_one_odd_utterance_is_no_shift():
    turns = steady(customer, 0.1, 14)
    turns[15] = customer("That is an absolute disgrace, honestly.", -1.0)
    assert find_shifts(call(*turns)) == ()


def test_a_dip_that_recovers_is_two_shifts():
    turns = [*steady(customer, 0.3, 8), *steady(customer, -0.7, 5), *steady(customer, 0.3, 8)]
    down, up = find_shifts(call(*turns))
    assert (down.utterance_index, down.direction) == (17, "worse")
    assert (up.utterance_index, up.direction) == (27, "better")
    assert down.before == pytest.approx(0.3)
    assert down.after == up.before == pytest.approx(-0.7)
    assert down.magnitude == pytest.approx(1.0)


def test_a_slow_slide_is_found_though_no_one_place_is_certain():
    levels = np.concatenate((np.full(8, 0.5), np.linspace(0.5, -0.6, 12), np.full(8, -0.6)))
    found = find_shifts(call(*[t for p in levels for t in (agent(), customer(polarity=float(p)))]))
    assert found
    assert all(s.direction == "worse" for s in found)


def test_a_change_below_the_minimum_magnitude_is_none():
    turns = [*steady(customer, 0.1, 20), *steady(customer, -0.1, 20)]
    assert find_shifts(call(*turns), ShiftOptions(min_confidence=0.0)) == ()


def test_short_utterances_weigh_little():
    """Three curt words of disapproval do not turn a mood; three full sentences do."""
    calm = steady(customer, 0.3, 8)
    curt = find_shifts(call(*calm, *[t for _ in range(3) for t in (agent(), customer("No.", -0.3))]))
    full = find_shifts(call(*calm, *steady(customer, -0.3, 3)))
    assert sum(s.confidence for s in curt) < sum(s.confidence for s in full)


def test_each_party_has_its_own_shifts_and_a_recorded_voice_none():
    turns = []
    for k in range(20):
        turns += [
            utterance("ivr", "Your call matters to us.", 0.9 if k < 10 else -0.9),
            agent(polarity=0.6 if k < 8 else -0.4),
            customer(polarity=-0.6 if k < 12 else 0.5),
        ]
    found = find_shifts(call(*turns))
    assert [(s.role, s.utterance_index) for s in found] == [("agent", 25), ("customer", 38)]


def test_unknown_speakers_are_told_apart_by_channel():
    turns = []
    for k in range(12):
        turns += [utterance("unknown", polarity=0.5), utterance("unknown", polarity=0.5 if k < 6 else -0.7)]
    two = call(*turns)
    two = dataclasses.replace(
        two, utterances=tuple(dataclasses.replace(u, channel=u.index % 2) for u in two.utterances)
    )
    (shift,) = find_shifts(two)
    assert (shift.utterance_index, shift.role, shift.trigger_index) == (13, "unknown", 12)


@pytest.mark.parametrize("turns", [[], [customer()], [customer(polarity=None)] * 5, [customer(), agent()]])
def test_too_little_to_go_by_gives_no_shifts(turns):
    assert find_shifts(call(*turns)) == ()


def test_unscored_utterances_are_passed_over():
    turns = [*steady(customer, 0.4, 8), customer(polarity=None), *steady(customer, -0.6, 8)]
    (shift,) = find_shifts(call(*turns))
    assert shift.utterance_index == 18


def test_a_text_chat_has_shifts_without_times():
    (shift,) = find_shifts(call(*steady(customer, 0.4, 8), *steady(customer, -0.6, 8), timed=False))
    assert shift.at_ms is None
    assert shift.utterance_index == 17


polarities_of_a_party = st.lists(st.floats(-1, 1), max_size=25)


def alternating(polarities):
    return call(*[t for p in polarities for t in (agent(), customer(polarity=p))])


@settings(max_examples=25, deadline=None)
@given(polarities_of_a_party)
def test_whatever_the_scores_the_shifts_are_well_formed(polarities):
    scored = alternating(polarities)
    found = find_shifts(scored)
    assert found == find_shifts(scored)
    assert [s.utterance_index for s in found] == sorted({s.utterance_index for s in found})
    for s in found:
        assert 0.5 <= s.confidence <= 1.0
        assert s.magnitude >= 0.3
        assert -1.0 <= s.before <= 1.0
        assert -1.0 <= s.after <= 1.0
        assert s.at_ms == scored.utterances[s.utterance_index].start_ms
        assert s.trigger_index is None or scored.utterances[s.trigger_index].role == "agent"
    whole = dataclasses.replace(scored, shifts=found)
    assert from_json(to_json(whole)) == whole


@st.composite
def turning_calls(draw):
    """Calls that have shifts, more often than not."""
    levels = draw(st.lists(st.sampled_from([-0.6, 0.0, 0.6]), min_size=1, max_size=3))
    noise = draw(st.lists(st.floats(-0.3, 0.3), min_size=8, max_size=8))
    return alternating([level + e for level in levels for e in noise])


def brief(shifts):
    """What a shift is, apart from its words."""
    return [
        (s.utterance_index, s.direction, pytest.approx(s.confidence), pytest.approx(s.before)) for s in shifts
    ]


@settings(max_examples=10, deadline=None)
@given(turning_calls())
def test_mirrored_polarity_mirrors_the_shifts(scored):
    def mirror(u):
        if u.score is None:
            return u
        old = u.score
        new = dataclasses.replace(
            old, polarity=-old.polarity, p_negative=old.p_positive, p_positive=old.p_negative
        )
        return dataclasses.replace(u, score=new)

    mirrored = dataclasses.replace(scored, utterances=tuple(map(mirror, scored.utterances)))
    other_way = {"better": "worse", "worse": "better"}
    assert brief(find_shifts(mirrored)) == [
        (s.utterance_index, other_way[s.direction], pytest.approx(s.confidence), pytest.approx(-s.before))
        for s in find_shifts(scored)
    ]


@settings(max_examples=10, deadline=None)
@given(turning_calls(), st.integers(2, 50))
def test_a_slower_call_has_the_same_shifts_later(scored, factor):
    slower = dataclasses.replace(
        scored,
        utterances=tuple(
            dataclasses.replace(u, start_ms=u.start_ms * factor, end_ms=u.end_ms * factor)
            for u in scored.utterances
        ),
    )
    assert find_shifts(slower) == tuple(
        dataclasses.replace(s, at_ms=s.at_ms * factor) for s in find_shifts(scored)
    )


@settings(max_examples=10, deadline=None)
@given(turning_calls(), st.integers(1, 5))
def test_what_is_not_scored_at_the_end_changes_nothing(scored, n):
    more = call(*scored.utterances, *[customer(polarity=None) for _ in range(n)])
    assert find_shifts(more) == find_shifts(scored)


@settings(max_examples=10, deadline=None)
@given(turning_calls())
def test_what_the_agent_feels_changes_nothing_for_the_customer(scored):
    moody = dataclasses.replace(
        scored,
        utterances=tuple(
            agent(u.text, (-0.6, 0.6)[u.index % 4 > 1], start_ms=u.start_ms, end_ms=u.end_ms)
            if u.role == "agent"
            else u
            for u in scored.utterances
        ),
    )
    moody = call(*moody.utterances)
    of_customer = [s for s in find_shifts(moody) if s.role == "customer"]
    assert brief(of_customer) == brief(find_shifts(scored))


# -- a call that goes on ---------------------------------------------------------------------------


def followed(scored):
    """What a tracker says after each of the customer's utterances."""
    tracker = LevelTracker()
    said = scored.said_by("customer")
    return [(tracker.add(u), tracker.changed_since(said[0].index)) for u in said]


@settings(max_examples=10, deadline=None)
@given(turning_calls(), st.integers(1, 8))
def test_the_future_changes_nothing_that_was_said_while_the_call_went_on(scored, n):
    cut = dataclasses.replace(scored, utterances=scored.utterances[: 2 * n])
    assert followed(scored)[:n] == followed(cut)


@settings(max_examples=10, deadline=None)
@given(turning_calls())
def test_at_the_end_the_tracker_says_what_the_whole_call_does(scored):
    """The filter ends where the forward pass of the batch does, which all else is made of."""
    model = Levels(ShiftOptions().levels)
    said = scored.said_by("customer")
    messages = model.smooth(Observations.of(said))
    now, _ = followed(scored)[-1]
    last = messages.forward[-1].sum(axis=0)
    assert now.mean == pytest.approx(float(last @ model.grid))
    assert now.sd == pytest.approx(float(np.sqrt(last @ model.grid**2 - (last @ model.grid) ** 2)), abs=1e-7)


def test_the_tracker_sees_a_shift_two_utterances_after_it_and_forgets_an_odd_one():
    tracker = LevelTracker()
    turns = [customer(polarity=0.4)] * 8 + [customer(polarity=-0.6)] * 4
    scored = call(*turns)
    for u in scored.utterances[:8]:
        level = tracker.add(u)
    assert level.mean == pytest.approx(0.4, abs=0.1)
    assert max(tracker.changed_since(0)) < 0.1
    tracker.add(scored.utterances[8])
    assert tracker.changed_since(7).worse < 0.6
    tracker.add(scored.utterances[9])
    assert tracker.changed_since(7).worse > 0.8
    assert tracker.changed_since(7).better < 0.05

    odd = LevelTracker()
    for u in call(*turns[:8], customer(polarity=-0.6), *turns[:4]).utterances:
        odd.add(u)
    assert odd.changed_since(7).worse < 0.1


def test_a_tracker_refuses_what_it_cannot_follow():
    scored = call(customer(), customer(polarity=None), customer())
    tracker = LevelTracker()
    tracker.add(scored.utterances[2])
    with pytest.raises(ValueError, match="utterance 1 has no score"):
        tracker.add(scored.utterances[1])
    with pytest.raises(ValueError, match="utterance 0 does not come after 2"):
        tracker.add(scored.utterances[0])
    with pytest.raises(ValueError, match="utterance 0 was not taken in"):
        tracker.changed_since(0)


# -- what turned it --------------------------------------------------------------------------------


def turned(*agent_says, before=-0.5, after=0.5):
    """The shift of a customer between whose two levels the agent says these things."""
    scored = call(
        *steady(customer, before, 8), *[agent(t) for t in agent_says], customer(polarity=after),
        *steady(customer, after, 7),
    )  # fmt: skip
    (shift,) = find_shifts(scored)
    assert shift.utterance_index == 16 + len(agent_says)
    return shift


def test_the_trigger_is_what_the_other_party_said_last():
    shift = turned("Let me have a look at that for you.")
    assert shift.trigger_index == 16
    assert shift.reason == "Right after the agent said: “Let me have a look at that for you.”"


@pytest.mark.parametrize(
    ("after", "cue", "kind"),
    [
        (0.5, "I can offer you a free rental car.", "an offer"),
        (0.5, "I've fixed it, it should work now.", "a fix"),
        (0.5, "I am so sorry about all of this.", "an apology"),
        (-0.5, "Unfortunately I can't refund that.", "a refusal"),
        (-0.5, "I'll transfer you to billing now.", "a transfer"),
        (-0.5, "Please hold the line while I check.", "a wait"),
    ],
)
def test_what_was_said_outweighs_a_filler_after_it(after, cue, kind):
    shift = turned(cue, "Okay.", before=-after, after=after)
    assert shift.trigger_index == 16
    assert shift.reason == f"Right after the agent said: “{cue}” ({kind})."


def test_a_refusal_that_names_others_is_no_fix():
    said = (
        "I'm sorry, that's not something that we cover under the warranty. You could take it to a garage "
        "near you, and they should be able to get you settled."
    )
    assert find(said, BETTER[:2]) is None, "neither an offer nor a fix"
    assert find(said, WORSE) == "a refusal"
    assert find("That's not something we do.", WORSE) == "a refusal"
    assert find("You should now be able to log in.", BETTER) == "a fix"


def test_an_offer_does_not_explain_a_fall():
    assert (
        turned("I can offer you a free car.", "You have to wait.", before=0.5, after=-0.5).trigger_index == 17
    )


def test_what_the_customer_already_answered_in_the_old_mood_is_no_trigger():
    turns = steady(customer, -0.5, 8)
    turns[14] = agent("Thank you so much for your patience.")
    (shift,) = find_shifts(call(*turns, *steady(customer, 0.5, 8)))
    assert shift.utterance_index == 17
    assert shift.trigger_index == 16


def test_a_mere_question_turns_nothing_if_something_was_told_before_it():
    told = "The technician comes on Thursday instead of today."
    asked = "And which browser are you using at the moment?"
    assert turned(told, asked, before=0.5, after=-0.5).trigger_index == 16
    assert turned(asked, told, before=0.5, after=-0.5).trigger_index == 17


def test_no_trigger_where_the_other_party_had_said_nothing():
    monologue = [customer(polarity=0.5) for _ in range(8)] + [customer(polarity=-0.6) for _ in range(8)]
    (shift,) = find_shifts(call(utterance("ivr", "Please hold."), *monologue, agent()))
    assert shift.trigger_index is None
    assert shift.reason == "No trigger: the agent had said nothing before."


@pytest.mark.parametrize(
    ("party", "other", "who"),
    [
        ("customer", "unknown", "the other speaker"),
        ("unknown", "agent", "the agent"),
        ("unknown", "customer", "the customer"),
        ("agent", "customer", "the customer"),
    ],
)
def test_the_trigger_is_named_by_its_own_role(party, other, who):
    said = call(utterance(party), utterance(other, "Let me see."), utterance(party, polarity=0.5))
    trigger, reason = find_trigger(said, said.utterances[0], said.utterances[2], 0.5, turns=3)
    assert trigger == said.utterances[1]
    assert reason == f"Right after {who} said: “Let me see.”"
