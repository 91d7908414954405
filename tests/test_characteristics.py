"""Who spoke when: the parts of a call's time add up, and each measure means what its docstring says."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
from factories import agent, call, customer, utterance
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.call import Audio, Word
from sentiment.characteristics import (
    CharacteristicsOptions,
    announced_by,
    characterise,
    dead_air,
    interruptions,
    non_talk,
    overtalk,
    response_latencies,
    silences,
    speech,
    uncharacterised,
    words_per_minute,
)
from sentiment.errors import ConversationError
from sentiment.timeline import Span, total_ms, union

SIX = "one two three four five six"


def words(*spans):
    return tuple(Word(text="w", start_ms=a, end_ms=b, probability=1.0) for a, b in spans)


def spoken(made, *spans):
    """An utterance with a word for each span."""
    return dataclasses.replace(
        made, start_ms=spans[0][0], end_ms=spans[-1][1], words=words(*spans), text="w " * len(spans)
    )


@st.composite
def conversations(draw, roles=("agent", "customer")):
    """Utterances of these roles, in order of start, some with word times, overlapping as they like."""
    made = []
    for _ in range(draw(st.integers(1, 12))):
        start_ms, length_ms = draw(st.integers(0, 40_000)), draw(st.integers(1, 9_000))
        said = utterance(
            draw(st.sampled_from(roles)),
            " ".join(["w"] * draw(st.integers(1, 8))),
            start_ms=start_ms,
            end_ms=start_ms + length_ms,
        )
        if draw(st.booleans()):
            edges = sorted(draw(st.lists(st.integers(0, length_ms), min_size=2, max_size=8)))
            said = spoken(said, *((start_ms + a, start_ms + b) for a, b in pairwise(edges)))
        made.append(said)
    return call(*sorted(made, key=lambda u: u.start_ms))


def moved(made, by_ms):
    def move(u):
        said = tuple(
            dataclasses.replace(w, start_ms=w.start_ms + by_ms, end_ms=w.end_ms + by_ms) for w in u.words
        )
        return dataclasses.replace(u, start_ms=u.start_ms + by_ms, end_ms=u.end_ms + by_ms, words=said)

    return dataclasses.replace(made, utterances=tuple(map(move, made.utterances)))


def swapped(made):
    other = {"agent": "customer", "customer": "agent"}
    said = tuple(dataclasses.replace(u, role=other[u.role]) for u in made.utterances)
    return dataclasses.replace(made, utterances=said)


# -- the parts add up ------------------------------------------------------------------------------


@settings(deadline=None)
@given(conversations())
def test_talk_and_silence_make_up_the_conversation(made):
    if uncharacterised(made):  # every word of zero length
        return
    found = characterise(made)
    assert found.speech_time_ms + found.silence_time_ms == found.total_conversation_duration_ms
    assert found.silence_time_ms == total_ms(silences(made))
    talk = found.talk_time
    assert talk.total_time_ms == sum(p.total_time_ms for p in talk.details_by_participant.values())
    assert talk.total_time_ms - found.overtalk.total_time_ms == found.speech_time_ms
    assert sum(talk.ratio(who) for who in talk.details_by_participant) == pytest.approx(1.0)
    for part in (found.non_talk_time, found.dead_air, found.overtalk):
        assert part.total_time_ms == sum(s.duration_ms for s in part.instances)
        assert part.instances == union(part.instances)
    assert set(found.dead_air.instances) <= set(found.non_talk_time.instances) <= set(silences(made))


@settings(deadline=None)
@given(conversations(roles=("agent", "customer", "ivr")))
def test_with_three_voices_overtalk_is_at_most_the_talk_beyond_one(made):
    if uncharacterised(made):
        return
    found = characterise(made)
    beyond_one = found.talk_time.total_time_ms - found.speech_time_ms
    assert found.overtalk.total_time_ms <= beyond_one <= 2 * found.overtalk.total_time_ms


@settings(deadline=None)
@given(conversations(), st.integers(1, 50_000))
def test_a_later_start_only_adds_silence(made, by_ms):
    if uncharacterised(made):
        return
    before, after = characterise(made), characterise(moved(made, by_ms))
    assert after.total_conversation_duration_ms == before.total_conversation_duration_ms + by_ms
    assert after.silence_time_ms == before.silence_time_ms + by_ms
    same = ("speech_time_ms", "talk_time", "talk_speed", "response_latency")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert after.overtalk.total_time_ms == before.overtalk.total_time_ms
    assert after.dead_air.total_time_ms == before.dead_air.total_time_ms
    assert after.interruptions.total_time_ms == before.interruptions.total_time_ms


@settings(deadline=None)
@given(conversations())
def test_parties_change_places(made):
    if uncharacterised(made):
        return
    ours, theirs = characterise(made), characterise(swapped(made))
    other = {"agent": "customer", "customer": "agent"}
    assert theirs.talk_time.details_by_participant == {
        other[who]: time for who, time in ours.talk_time.details_by_participant.items()
    }
    assert theirs.overtalk == ours.overtalk
    assert theirs.non_talk_time == ours.non_talk_time
    assert [other[i.interrupter] for i in interruptions(made)] == [
        i.interrupter for i in interruptions(swapped(made))
    ]
    assert response_latencies(swapped(made)) == response_latencies(made)


@settings(deadline=None)
@given(conversations())
def test_interruptions_lie_in_overtalk_and_latencies_in_silence(made):
    both = union(overtalk(made), join_ms=300)
    for each in interruptions(made):
        assert each.duration_ms >= 1000
        # Who is cut off may have drawn breath just then: the overtalk begins up to a joined pause later.
        assert any(s.start_ms - 300 <= each.start_ms and each.end_ms <= s.end_ms for s in both)
    quiet = silences(made, CharacteristicsOptions(pause_s=0.3))
    for each in response_latencies(made):
        starts = {s.start_ms for s in speech(made.utterances[each.utterance_index])}
        assert each.latency_ms == 0 or any(
            s.duration_ms == each.latency_ms and s.end_ms in starts for s in quiet
        )


# -- speech ----------------------------------------------------------------------------------------


def test_speech_is_the_words_with_short_pauses_between_them():
    said = spoken(customer(), (1000, 1200), (1500, 1700), (2001, 2300))
    assert speech(said) == (Span(1000, 1700), Span(2001, 2300))
    assert speech(said, pause_ms=0) == (Span(1000, 1200), Span(1500, 1700), Span(2001, 2300))


def test_speech_without_word_times_is_the_utterance_and_without_times_nothing():
    assert speech(customer(start_ms=5, end_ms=9)) == (Span(5, 9),)
    assert speech(customer(start_ms=5, end_ms=5)) == ()
    assert speech(customer()) == ()


# -- silence ---------------------------------------------------------------------------------------


def test_non_talk_is_longer_than_its_threshold():
    made = call(
        agent(start_ms=0, end_ms=1000),
        customer(start_ms=4000, end_ms=5000),  # 3.000 s is not longer than 3 s
        agent(start_ms=8001, end_ms=9000),
    )
    assert non_talk(made) == (Span(5000, 8001),)
    assert non_talk(made, CharacteristicsOptions(non_talk_s=2.5)) == (Span(1000, 4000), Span(5000, 8001))


def test_silence_before_the_first_word_is_no_dead_air():
    made = call(agent(start_ms=20_000, end_ms=21_000), customer(start_ms=22_000, end_ms=23_000))
    assert non_talk(made) == (Span(0, 20_000),)
    assert dead_air(made) == ()


def test_an_announced_wait_is_no_dead_air():
    silence = Span(3000, 30_000)
    announced = call(
        agent("Let me put you on hold for a moment.", start_ms=0, end_ms=2000),
        customer("Okay.", start_ms=2500, end_ms=3000),
        agent("Thanks for waiting.", start_ms=30_000, end_ms=31_000),
    )
    assert dead_air(announced) == ()
    assert announced_by(announced, silence) == announced.utterances[0]
    unannounced = call(
        agent("Right.", start_ms=0, end_ms=2000),
        customer("Please hold my booking for me.", start_ms=2500, end_ms=3000),
        agent("So.", start_ms=30_000, end_ms=31_000),
    )
    assert dead_air(unannounced) == (silence,)


def test_a_recorded_voice_breaks_the_silence():
    made = call(
        customer(start_ms=0, end_ms=1000),
        utterance("ivr", start_ms=6000, end_ms=7000),
        agent(start_ms=15_000, end_ms=16_000),
    )
    assert characterise(made).silence_time_ms == 5000 + 8000
    assert dead_air(made) == ()


# -- both at once ----------------------------------------------------------------------------------


def test_an_interruption_is_by_who_starts_last_and_goes_on():
    made = call(
        customer("And then I told your colleague that", start_ms=0, end_ms=5000),
        agent(SIX, start_ms=3000, end_ms=8000),
    )
    (found,) = interruptions(made)
    assert (found.interrupter, found.utterance_index, found.interrupted_index) == ("agent", 1, 0)
    assert (found.start_ms, found.end_ms, found.duration_ms) == (3000, 5000, 2000)
    assert characterise(made).interruptions.interruptions_by_interrupter == {"agent": (found,)}
    assert overtalk(made) == (Span(3000, 5000),)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (agent(SIX, start_ms=4200, end_ms=8000), "an overlap this short is ordinary turn taking"),
        (agent("Mm-hm.", start_ms=3000, end_ms=8000), "too few words: it only shows attention"),
        (agent(SIX, start_ms=2000, end_ms=4500), "the other one goes on, so nothing is cut off"),
        (agent(SIX, start_ms=0, end_ms=8000), "both start at once"),
        (utterance("ivr", SIX, start_ms=3000, end_ms=8000), "a recording knows nothing of it"),
        (customer(SIX, start_ms=3000, end_ms=8000), "the same person"),
    ],
)
def test_what_is_no_interruption(second, why):
    made = sorted((customer(SIX, start_ms=0, end_ms=5000), second), key=lambda u: u.start_ms)
    assert interruptions(call(*made)) == (), why


def test_an_overlap_goes_on_where_the_recogniser_splits_a_long_turn():
    made = call(
        customer(SIX, start_ms=0, end_ms=4000),
        agent(SIX, start_ms=3500, end_ms=9000),
        customer(SIX, start_ms=4000, end_ms=6000),
    )
    (found,) = interruptions(made)
    assert (found.start_ms, found.end_ms, found.interrupted_index) == (3500, 6000, 2)


def test_who_starts_in_the_others_pause_does_not_interrupt():
    made = call(
        spoken(customer(), (0, 1000), (1900, 2500), (2500, 4000)),
        agent(SIX, start_ms=1400, end_ms=6000),
    )
    assert interruptions(made) == ()
    assert overtalk(made) == (Span(1400, 4000),)


def test_going_on_after_the_other_said_mm_is_no_interruption():
    made = call(
        agent(SIX, start_ms=0, end_ms=4000),
        customer("Yes yes yes I see", start_ms=3000, end_ms=5500),
        agent(SIX, start_ms=4100, end_ms=9000),
    )
    assert interruptions(made) == ()


# -- speed and latency -----------------------------------------------------------------------------


def test_words_per_minute_counts_the_time_in_which_words_are_spoken():
    said = spoken(customer(), (0, 500), (1500, 2000), (5000, 6000))
    assert words_per_minute([said]) == pytest.approx(3 / (3.0 / 60))
    assert words_per_minute([said], CharacteristicsOptions(pause_s=0.3)) == pytest.approx(3 / (2.0 / 60))
    assert words_per_minute([customer()]) is None
    assert words_per_minute([]) is None


def test_an_answer_comes_after_a_silence_by_the_other_one():
    made = call(
        customer(SIX, start_ms=0, end_ms=1000),
        customer(SIX, start_ms=3000, end_ms=4000),  # goes on: no answer
        agent(SIX, start_ms=4700, end_ms=6000),
        customer(SIX, start_ms=5500, end_ms=7000),  # starts before the end: no silence
        agent(SIX, start_ms=7300, end_ms=8000),
        utterance("ivr", SIX, start_ms=8500, end_ms=9000),  # a recording answers nobody
    )
    assert [(x.after_index, x.utterance_index, x.latency_ms) for x in response_latencies(made)] == [
        (1, 2, 700),
        (3, 4, 300),
    ]
    details = characterise(made).response_latency.details_by_participant
    assert {who: (d.count, d.median_ms, d.longest_ms) for who, d in details.items()} == {
        "agent": (2, 300, 700)
    }


# -- the whole -------------------------------------------------------------------------------------


CONTACT_LENS = (
    # Turns of the example in Amazon Connect's guide, "Example Contact Lens output files".
    ("agent", 0, 90, "Okay."),
    ("customer", 160, 4640, "Just hello. My name is Peter and help."),
    ("agent", 4640, 6610, "Hello. Peter, how can I help you?"),
    ("customer", 7370, 11190, "I need to cancel. I want to cancel my plan subscription."),
    ("agent", 11220, 15210, "That sounds very bad. I can offer a 20% discount to make you stay with us."),
    ("customer", 15840, 18120, "That sounds interesting. Thank you accept."),
    (
        "agent",
        18310,
        21820,
        "Alright, I made all the changes to the account and now these discounts applied.",
    ),
    ("customer", 22610, 24140, "Awesome. Thank you so much."),
    (
        "agent",
        24120,
        29710,
        "No worries. I will send you all the details later today and call you back next week "
        "to check up on you.",
    ),
    ("customer", 30580, 32110, "Thank you. Sir. Have a nice evening."),
)


def test_the_published_example_of_contact_lens():
    """Talk times differ from the published ones by half a per cent, which has them shorter than its turns."""
    made = call(*(utterance(role, text, start_ms=a, end_ms=b) for role, a, b, text in CONTACT_LENS))
    found = characterise(made)
    assert found.total_conversation_duration_ms == 32110
    talk = {who: p.total_time_ms for who, p in found.talk_time.details_by_participant.items()}
    assert talk == {"agent": pytest.approx(15079, rel=0.005), "customer": pytest.approx(13619, rel=0.005)}
    speed = found.talk_speed.details_by_participant
    assert speed["agent"].average_words_per_minute == pytest.approx(239, abs=1.5)
    assert speed["customer"].average_words_per_minute == pytest.approx(163, abs=0.5)
    for who, each in speed.items():
        assert each.average_words_per_minute == each.words * 60_000 / talk[who], "of its own talk time"
    assert found.interruptions.total_count == found.non_talk_time.total_time_ms == 0


def test_unknown_voices_are_one_participant_each():
    made = call(
        utterance("unknown", start_ms=0, end_ms=1000), utterance("unknown", start_ms=1000, end_ms=3000)
    )
    made = dataclasses.replace(
        made,
        utterances=(made.utterances[0], dataclasses.replace(made.utterances[1], channel=1)),
    )
    found = characterise(made).talk_time
    assert {who: p.total_time_ms for who, p in found.details_by_participant.items()} == {
        "unknown_0": 1000,
        "unknown_1": 2000,
    }
    assert found.ratio("unknown_1") == pytest.approx(2 / 3)
    assert found.ratio("agent") == 0.0


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (call(), "nothing is said"),
        (call(customer(), agent(), timed=False), "text conversation"),
        (call(customer(start_ms=3, end_ms=3)), "text conversation"),
    ],
)
def test_without_spoken_time_there_are_none_and_it_says_why(made, reason):
    assert reason in uncharacterised(made)
    with pytest.raises(ConversationError, match=reason):
        characterise(made)


def test_one_utterance_without_times_is_too_many():
    made = call(customer(), agent())
    made = dataclasses.replace(
        made, utterances=(made.utterances[0], dataclasses.replace(made.utterances[1], start_ms=None))
    )
    assert uncharacterised(made) == "1 of its 2 utterances have no times"


def test_one_channel_for_both_voices_is_noted():
    about = {"name": "x.wav", "sha256": "0", "codec": "pcm", "sample_rate_hz": 8000}
    mono = Audio(**about, n_channels=1, layout="mono")
    stereo = Audio(**about, n_channels=2, layout="stereo")
    assert "one channel" in characterise(call(customer(), audio=mono)).note
    assert characterise(call(customer(), audio=stereo)).note is None
