"""The sentences: what is felt is named only where it is probable, and what turned it is what came before."""

from __future__ import annotations

import dataclasses

import pytest
from factories import agent, call, customer

from sentiment.call import Shift
from sentiment.storyline import felt_as, tell

ANNOYED = {"annoyance": 0.7, "anger": 0.2}
ANGRY = {"annoyance": 0.6, "anger": 0.8}
GRATEFUL = {"gratitude": 0.9, "joy": 0.5}
FIX = "I've just refunded the second charge."


def shifted(made, *shifts):
    """``shifts``: ``(utterance, before, after, trigger)``."""
    found = tuple(
        Shift(
            at_ms=made.utterances[at].start_ms,
            utterance_index=at,
            role="customer",
            before=before,
            after=after,
            confidence=0.9,
            trigger_index=trigger,
            reason="",
        )
        for at, before, after, trigger in shifts
    )
    return dataclasses.replace(made, shifts=found)


def rescued(**more):
    made = call(
        customer("My card was charged twice.", -0.5, emotions=ANNOYED),
        agent("Let me see."),
        customer("Nobody calls me back.", -0.6, emotions=ANNOYED),
        agent(FIX, start_ms=70_000) if more.get("timed", True) else agent(FIX),
        customer("Oh, thank you!", 0.7, emotions=GRATEFUL),
        agent("You're welcome."),
        customer("You were great.", 0.6, emotions=GRATEFUL),
        **more,
    )
    return shifted(made, (4, -0.55, 0.65, 3))


def test_a_rescue():
    assert tell(rescued(), "rescue") == (
        "The customer started annoyed, turned at 1:12 right after the agent said “I've just refunded the "
        "second charge”, and ended grateful."
    )


def test_without_times_it_counts_turns():
    assert ", turned in turn 5 right after the agent said" in tell(rescued(timed=False), "rescue")


def test_an_answer_in_the_old_mood_makes_it_soon_and_not_right_after():
    made = call(
        customer(polarity=-0.5),
        agent(FIX),
        customer("Hm.", -0.4),
        customer(polarity=0.5),
        customer(polarity=0.5),
    )
    assert " after the agent said" in (told := tell(shifted(made, (3, -0.5, 0.5, 1)), "rescue"))
    assert "right after" not in told


def test_a_dip_and_recovery_tells_both_turns():
    made = call(
        customer(polarity=0.5),
        agent("It was lost."),
        customer(polarity=-0.6),
        agent(FIX),
        customer(polarity=0.6),
        customer(polarity=0.6),
    )
    told = tell(shifted(made, (2, 0.5, -0.6, 1), (4, -0.6, 0.6, 3)), "dip_and_recovery")
    first, second = (f"0:{made.utterances[i].start_ms // 1000:02}" for i in (2, 4))
    assert told == (
        f"The customer started positive, fell at {first} right after the agent said “It was lost”, recovered "
        f"at {second} right after the agent said “I've just refunded the second charge”, and ended positive "
        "again."
    )


def test_a_fall_after_a_long_wait_tells_of_the_wait():
    made = call(
        customer(polarity=0.0),
        agent("Hello, are you there?", start_ms=60_000),
        customer(polarity=-0.6),
        customer(polarity=-0.7, emotions=ANNOYED),
    )
    told = tell(shifted(made, (2, 0.0, -0.65, 1)), "breakdown")
    assert "after a wait of 55 seconds, and ended annoyed" in told
    refused = dataclasses.replace(made.utterances[1], text="Unfortunately we do not cover that.")
    made = dataclasses.replace(made, utterances=(made.utterances[0], refused, *made.utterances[2:]))
    assert "Unfortunately" in tell(shifted(made, (2, 0.0, -0.65, 1)), "breakdown")


def test_a_volatile_call_lists_its_turns():
    made = call(*(customer(polarity=p) for p in (0.5, -0.5, 0.5, -0.5)))
    told = tell(shifted(made, (1, 0.5, -0.5, None), (2, -0.5, 0.5, None), (3, 0.5, -0.5, None)), "volatile")
    assert (
        told
        == "The customer started positive, went down at 0:05, up at 0:10, down at 0:15, and ended negative."
    )


def test_of_several_shifts_one_way_the_largest_is_told():
    made = call(*(customer(polarity=p) for p in (-0.8, -0.5, 0.6, 0.6)))
    told = tell(shifted(made, (1, -0.8, -0.5, None), (2, -0.5, 0.6, None)), "rescue")
    assert told == "The customer started negative, turned at 0:10, and ended positive."


@pytest.mark.parametrize(
    ("name", "before", "after", "ended"),
    [
        ("breakdown", -0.3, -0.8, "started annoyed, turned at 0:05, and ended even more annoyed."),
        ("lift", -0.8, -0.3, "started annoyed, brightened at 0:05, and ended less annoyed."),
        ("cooling", 0.8, 0.3, "started appreciative, cooled off at 0:05, and ended less appreciative."),
        ("lift", 0.2, 0.8, "started appreciative, brightened at 0:05, and ended even more appreciative."),
    ],
)
def test_the_same_feeling_more_or_less(name, before, after, ended):
    felt = {"annoyance": 0.8} if after < 0 else {"admiration": 0.8}
    made = call(customer(polarity=before, emotions=felt), customer(polarity=after, emotions=felt))
    assert tell(shifted(made, (1, before, after, None)), name) == f"The customer {ended}"


def test_a_quiet_fade_has_no_moment():
    made = call(*(customer(polarity=p) for p in (0.4, 0.3, 0.2, 0.1, 0.0, -0.2, -0.3, -0.4)))
    assert tell(made, "quiet_fade") == (
        "The customer started positive and faded to negative little by little, with no one moment that "
        "turned it."
    )
    made = call(*(customer(polarity=p) for p in (0.9, 0.9, 0.8, 0.8, 0.7, 0.6, 0.4, 0.4)))
    assert "stayed positive, but less so" in tell(made, "quiet_fade")


def test_steady_calls():
    neutral = call(*(customer(polarity=0.0) for _ in range(4)))
    assert tell(neutral, "steady_neutral") == "The customer stayed neutral throughout."
    dented = call(
        *(customer(polarity=0.0) for _ in range(3)), customer("The light came on.", -0.5, emotions=ANNOYED)
    )
    assert tell(dented, "steady_neutral") == (
        "The customer stayed neutral throughout, but for an annoyed moment at 0:15, saying “The light came "
        "on”."
    )
    bad = call(*(customer(polarity=-0.4, emotions=ANNOYED) for _ in range(3)), customer("Useless.", -0.9))
    told = tell(bad, "steady_negative")
    assert told == "The customer stayed negative throughout, most of all at 0:15, saying “Useless”."


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("annoyed", [customer(polarity=-0.5, emotions=ANNOYED)]),
        ("angry", [customer(polarity=-0.5, emotions=ANNOYED), customer(polarity=-0.8, emotions=ANGRY)]),
        ("worried", [customer(polarity=-0.5, emotions={"nervousness": 0.8, "annoyance": 0.3})]),
        ("negative", [customer(polarity=-0.5, emotions={"annoyance": 0.3, "sadness": 0.3})]),
        ("negative", [customer(polarity=-0.5, emotions=GRATEFUL)]),
        ("grateful", [customer(polarity=0.5, emotions=GRATEFUL), customer(polarity=0.0)]),
        ("appreciative", [customer(polarity=0.5, emotions={"admiration": 0.8})]),
        ("positive", [customer(polarity=0.5, emotions={"approval": 0.9})]),
        ("neutral", [customer(polarity=0.1, emotions=GRATEFUL)]),
        # One angry word among many that are not does not make the stretch an angry one.
        ("negative", [customer(polarity=-0.5, emotions=ANGRY), *[customer(polarity=-0.5)] * 4]),
    ],
)
def test_a_feeling_is_named_only_where_it_is_probable(word, said):
    assert felt_as(said) == word


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("word " * 60, "word word…”, and ended"),
        (
            "Thanks for that, it is all I need to see what went on with your two payments. I can refund the "
            "second one in full today. Is there anything else?",
            "said “I can refund the second one in full today”, and ended",
        ),
        (
            "We looked at every order that you placed this year and at what was paid for it too. "
            "Congratulations.",
            "said “We looked at every order that you placed this year and at what was paid for it too…”, and",
        ),
    ],
)
def test_a_long_turn_is_quoted_in_part(said, quoted):
    made = shifted(call(customer(polarity=-0.5), agent(said), customer(polarity=0.5)), (2, -0.5, 0.5, 1))
    assert quoted in tell(made, "rescue")
