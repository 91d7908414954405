"""Words become the utterances a person would hear."""

import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.call import Channel, Word
from sentiment.speech.speakers import Voice
from sentiment.speech.turns import TurnOptions, ends_sentence, utterances


def voice(index, role, *timed):
    """A voice from ``(text, start_ms, end_ms)``: the text's words share the span evenly."""
    words = []
    for text, start, end in timed:
        parts = text.split()
        step = (end - start) // len(parts)
        words += [
            Word(text=p, start_ms=start + i * step, end_ms=start + (i + 1) * step, probability=0.5)
            for i, p in enumerate(parts)
        ]
    return Voice(channel=Channel(index=index, role=role, source="given", confidence=1.0), words=tuple(words))


def texts(*voices, **options):
    return [u.text for u in utterances(voices, TurnOptions(**options))]


def test_a_pause_parts_and_a_short_gap_does_not():
    one = voice(0, "agent", ("my number is", 0, 900), ("four two", 1500, 2000), ("and nine", 3000, 3500))
    assert texts(one) == ["my number is four two", "and nine"]


def test_a_sentence_end_with_a_breath_parts():
    one = voice(0, "agent", ("I am so sorry.", 0, 900), ("Let me check.", 1400, 2000), ("Okay.", 2100, 2300))
    assert texts(one) == ["I am so sorry.", "Let me check. Okay."]


def test_a_greeting_of_two_words_stays_with_what_follows():
    one = voice(0, "agent", ("Good afternoon.", 0, 900), ("This is Rachel.", 1500, 2200))
    assert texts(one) == ["Good afternoon. This is Rachel."]


def test_a_long_sentence_ends_its_utterance_even_without_a_breath():
    one = voice(0, "customer", ("I have been on hold for more than an hour now. This is absurd.", 0, 4000))
    assert texts(one) == ["I have been on hold for more than an hour now.", "This is absurd."]


def test_titles_and_initials_end_no_sentence():
    assert [ends_sentence(w) for w in ("Mr.", "J.", "a.m.", "done.", 'done."', "why?", "3.50", "so")] == [
        False, False, False, True, True, True, False, False,
    ]  # fmt: skip


def test_a_reply_parts_the_turn_around_it_but_a_mm_hm_does_not():
    agent = voice(0, "agent", ("so the total", 0, 1000), ("comes to nine", 1600, 2500))
    assert texts(agent, voice(1, "customer", ("mm-hm", 1100, 1300))) == [
        "so the total comes to nine",
        "mm-hm",
    ]
    reply = voice(1, "customer", ("no wait a moment", 1000, 1560))
    assert texts(agent, reply) == ["so the total", "no wait a moment", "comes to nine"]


def test_overlapping_speech_stays_overlapping():
    first, second = utterances(
        [
            voice(0, "agent", ("let me explain this to you", 0, 3000)),
            voice(1, "customer", ("no listen", 1000, 2000)),
        ]
    )
    assert (first.start_ms, first.end_ms, second.start_ms, second.end_ms) == (0, 3000, 1000, 2000)
    assert (first.index, first.role, second.index, second.role) == (0, "agent", 1, "customer")


def test_an_endless_utterance_is_parted_at_its_widest_gap():
    one = voice(0, "agent", (" ".join(["word"] * 40), 0, 8000), (" ".join(["more"] * 40), 8300, 16_300))
    assert texts(one) == [" ".join(["word"] * 40), " ".join(["more"] * 40)]


def test_of_equal_gaps_an_endless_utterance_is_parted_after_a_comma():
    said = " ".join(["word"] * 24 + ["then,"] + ["more"] * 45)
    assert texts(voice(0, "agent", (said, 0, 14_000))) == [
        " ".join(["word"] * 24 + ["then,"]),
        " ".join(["more"] * 45),
    ]


def test_replies_count_from_the_end_of_the_word_before_to_the_start_of_the_one_after():
    agent = voice(0, "agent", ("so the total", 0, 999), ("comes to nine", 1600, 2500))
    early = voice(1, "customer", ("no", 998, 999), ("no", 1100, 1200), ("no", 1300, 1400))
    late = voice(1, "customer", ("no", 1100, 1200), ("no", 1300, 1400), ("no", 1600, 1700))
    inside = voice(1, "customer", ("no", 999, 1000), ("no", 1300, 1400), ("no", 1599, 1700))
    assert "so the total comes to nine" in texts(agent, early)
    assert "so the total comes to nine" in texts(agent, late)
    assert "so the total" in texts(agent, inside)


def test_twenty_thousand_words_of_each_party_take_a_second_at_most():
    spoken = [(f"w{i}", 600 * i, 600 * i + 300) for i in range(20_000)]
    voices = [voice(index, "agent", *spoken) for index in (0, 1)]
    start = time.process_time()
    utterances(voices)
    assert time.process_time() - start < 3.0  # about 0.5 s on a free core; 40 s if all replies are tried


def test_confidence_is_the_mean_word_probability_and_no_words_give_nothing():
    assert utterances([voice(0, "agent", ("hello there", 0, 800))])[0].confidence == 0.5
    assert utterances([voice(0, "agent")]) == ()


@settings(deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 2500), st.integers(1, 600), st.sampled_from(["so", "yes.", "no,"])),
            max_size=90,
        ),
        min_size=1,
        max_size=2,
    )
)
def test_every_word_is_in_exactly_one_utterance_in_order(spoken):
    voices = []
    for index, gaps in enumerate(spoken):
        words, at = [], 0
        for gap, length, text in gaps:
            words.append(Word(text=text, start_ms=at + gap, end_ms=at + gap + length, probability=1.0))
            at += gap + length
        channel = Channel(index=index, role="unknown", source="given", confidence=1.0)
        voices.append(Voice(channel=channel, words=tuple(words)))
    found = utterances(voices)
    for v in voices:
        assert tuple(w for u in found if u.channel == v.channel.index for w in u.words) == v.words
    assert [u.index for u in found] == list(range(len(found)))
    assert all(a.start_ms <= b.start_ms for a, b in pairwise(found))
    assert all(u.start_ms == u.words[0].start_ms and u.end_ms == u.words[-1].end_ms for u in found)
    assert all(len(u.words) <= TurnOptions().max_words for u in found)
