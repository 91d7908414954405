"""The model of a recogniser's mistakes: what it changes, and what it never may."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from corpus.asr_noise import TABLE, as_heard, is_negation, load_noise, sound_of
from corpus.make_asr_noise import aligned, believable, measure
from evaluation.speech_round_trip import Spoken, carried, voice_of, words
from hypothesis import given
from hypothesis import strategies as st

TEXTS = (
    "I don't think the technician who came on Tuesday ever looked at the router, did he?",
    "Thank you SO much!!! You've been really helpful today :)",
    "I was charged $40 twice for order 4711 and nobody called me back.",
)


NEGATIONS = ("not", "never", "no", "don't", "can't", "won't", "nobody", "didnt", "couldn’t")


def changed(text: str, n: int = 300) -> list[str]:
    return [as_heard(random.Random(seed), text) for seed in range(n)]


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_seed_gives_the_same_text(text: str) -> None:
    assert changed(text, 40) == changed(text, 40)
    assert len(set(changed(text, 40))) > 10


@given(
    st.integers(0, 10**6),
    st.sampled_from(NEGATIONS),
)
def test_negations_are_kept_and_never_made_up(seed: int, negation: str) -> None:
    rng = random.Random(seed)
    heard = as_heard(rng, f"I do {negation} like what the agent told me about the bill").replace(".", "")
    n = sum(is_negation(word) for word in heard.split())
    assert 1 <= n <= 2  # twice where it is said again
    heard = as_heard(rng, "I can see that you would have wanted to have it before Monday morning")
    assert not any(is_negation(word.strip(".,?!")) for word in heard.split())


@given(st.integers(0, 10**6), st.text(min_size=1, max_size=60))
def test_any_text_with_words_keeps_some(seed: int, text: str) -> None:
    heard = as_heard(random.Random(seed), text)
    if any(c.isalnum() for c in text):
        assert any(c.isalnum() for c in heard)


def test_errors_are_as_many_as_were_measured_and_texts_differ_in_them() -> None:
    import jiwer

    said = " ".join(
        words("we ordered the blue chairs for our office in march and they came last friday morning")
    )
    rates = [jiwer.wer(said, " ".join(words(heard))) for heard in changed(said, 800)]
    assert 0.05 < sum(rates) / len(rates) < 0.35
    assert sum(rate == 0 for rate in rates) > 80
    assert sum(rate > 0.25 for rate in rates) > 80


def test_writing_varies() -> None:
    heard = changed("Well, I called YOU, and you hung up!")
    assert any(h == h.lower() and "," not in h for h in heard)
    assert any("," in h and h.endswith(".") for h in heard)
    assert all("YOU" not in h for h in heard)


def test_the_table_is_small_and_holds_no_negation() -> None:
    assert TABLE.stat().st_size < 300_000
    noise = load_noise()
    assert not any(is_negation(w) for forms, _ in noise.forms.values() for f in forms for w in f.split())
    assert all(0 <= r.misheard + r.lost <= 1 and 0 <= r.added <= 1 for r in noise.words.values())
    # many texts are heard without an error, and none is made worse than the limit
    assert noise.severity[0] == 0
    assert max(noise.severity) > 1


def test_alignment_pairs_words_that_look_alike() -> None:
    said, heard = words("I am gonna call the store again"), words("I am going to call store again")
    assert list(aligned(said, heard)) == [
        ("i", "i"),
        ("am", "am"),
        ("gonna", "going to"),
        ("call", "call"),
        ("the", ""),
        ("store", "store"),
        ("again", "again"),
    ]
    assert list(aligned(["again"], ["a", "gain"])) == [("again", "a gain")]
    assert ("", "so") in list(aligned(["yes"], ["yes", "so"]))


def test_measuring_counts_what_was_misheard_lost_and_added() -> None:
    spoken = [
        Spoken("The bill was wrong again.", "v", "The bill was long again."),
        Spoken("The bill is not right", "v", "The bill is now right"),
        Spoken("Please call the store", "v", "Please call uh store"),
        Spoken("complete garbage here", "v", "nothing was like it at all"),
    ]
    table = json.loads(json.dumps(measure(spoken, {"garbage": -2.0})))
    assert table["words"]["wrong"] == [1, 0, {"long": 1}]
    assert "not" not in table["words"]
    assert table["classes"]["negation"] == {"said": 1, "misheard": 1, "lost": 0, "added": 0}
    assert table["texts"] == 4
    assert max(table["text_error_rates"]) > 0.6
    assert "garbage" not in table["words"]


def test_a_mishearing_that_changes_what_is_felt_is_not_learned() -> None:
    feelings = {"love": 3.2, "hate": -2.7, "hated": -3.0, "lovely": 2.8}
    assert believable("love", "lovely", feelings)
    assert not believable("late", "hate", feelings)
    assert not believable("can", "can't", feelings)
    assert not believable("router", "umbrella", feelings)


def test_sounds() -> None:
    assert sound_of("bill") == sound_of("pill") == sound_of("fell")
    assert sound_of("order") != sound_of("router")


def test_the_telephone_keeps_the_level_and_adds_silence() -> None:
    import numpy as np

    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.float32)
    heard = carried(tone, 16_000)
    assert len(heard) == 8_000 + 2 * 2_000
    assert np.abs(heard[:1_900]).max() == 0
    assert np.sqrt(np.mean(heard[2_000:10_000] ** 2)) == pytest.approx(0.07, rel=0.03)
    assert len(np.unique(heard)) < 256


def test_each_text_has_its_voice_and_all_voices_are_used() -> None:
    voices = Counter(voice_of(f"text {i}").label for i in range(400))
    assert len(voices) == 5
    assert voice_of("text 1") == voice_of("text 1")
