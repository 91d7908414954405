"""Packing, placing, cleaning up, choosing the language: everything around the engines, with a fake one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.call import Model, Word
from sentiment.errors import UnknownModelError
from sentiment.speech.cleanup import cut_loops, drop_invented, is_looped, is_unheard
from sentiment.speech.transcriber import (
    Heard,
    TranscriberOptions,
    WindowTranscriber,
    choose_language,
    load_transcriber,
)
from sentiment.speech.windows import MAX_WINDOW_MS, HeardWord, Window, pack, place, split_long
from sentiment.timeline import Span, total_ms, union

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


class Ramp:
    """A recording whose every sample is its own time in milliseconds: what is read can be recognised."""

    n_channels = 1

    def __init__(self, duration_ms: int) -> None:
        self.duration_ms = duration_ms
        self.longest_read_ms = 0

    def read(self, channel: int, span: Span | None = None) -> NDArray[np.float32]:
        assert span is not None, "the whole channel was read at once"
        self.longest_read_ms = max(self.longest_read_ms, span.duration_ms)
        return np.arange(span.start_ms * 16, span.end_ms * 16, dtype=np.float32) / 16


class Parrot:
    """An engine that says, for each second it hears, the time at which that second was recorded."""

    def __init__(self, languages: Sequence[str] = ("en", "de"), says: Any = None) -> None:
        self.languages = frozenset(languages)
        self.says = says
        self.batches: list[int] = []

    def encode(self, sounds: Sequence[NDArray[np.float32]]) -> Any:
        self.batches.append(len(sounds))
        assert all(len(sound) <= 30 * 16_000 for sound in sounds)
        return sounds

    def spoken(self, encoded: Any, which: Sequence[int]) -> Sequence[Mapping[str, float]]:
        return [{"en": 0.1, "de": 0.9}] * len(which)

    def decode(self, encoded: Any, durations_s: Sequence[float], language: str) -> Sequence[Heard]:
        if self.says is not None:
            return [self.says(sound) for sound in encoded]
        return [
            Heard(
                words=tuple(
                    HeardWord(
                        text=f" {round(float(sound[s * 16_000 + 8_000]))}",
                        start_s=s + 0.4,
                        end_s=s + 0.6,
                        probability=0.9,
                    )
                    for s in range(len(sound) // 16_000)
                ),
                avg_logprob=-0.2,
                no_speech_prob=0.1,
            )
            for sound in encoded
        ]


def _transcriber(engine: Parrot, **options: Any) -> WindowTranscriber:
    return WindowTranscriber(engine, Model(task="transcribe", name="parrot", revision="1"), **options)


def _words(*texts: str, each_ms: int = 300, gap_ms: int = 50, probability: float = 0.9) -> tuple[Word, ...]:
    step = each_ms + gap_ms
    return tuple(
        Word(text=t, start_ms=i * step, end_ms=i * step + each_ms, probability=probability)
        for i, t in enumerate(texts)
    )


def _texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


_spans = st.lists(st.tuples(st.integers(0, 200_000), st.integers(1, 40_000)), max_size=30).map(
    lambda pairs: union(Span(a, a + b) for a, b in pairs)
)


# -- windows -------------------------------------------------------------------------------------


@given(_spans)
def test_windows_hold_every_span_once_in_order_and_fit(spans: tuple[Span, ...]) -> None:
    pieces = split_long(Ramp(300_000), 0, spans)
    assert union(pieces) == union(spans)
    assert total_ms(pieces) == sum(p.duration_ms for p in pieces)
    windows = pack(pieces)
    assert [s for w in windows for s in w.spans] == list(pieces)
    assert all(0 < w.duration_ms <= MAX_WINDOW_MS for w in windows)
    assert all(a.duration_ms + b.spans[0].duration_ms > MAX_WINDOW_MS for a, b in itertools.pairwise(windows))


def test_a_long_span_is_cut_where_it_is_quiet() -> None:
    class Loud(Ramp):
        def read(self, channel: int, span: Span | None = None) -> NDArray[np.float32]:
            times = super().read(channel, span)
            return np.where((times >= 25_000) & (times < 25_300), 0.001, 0.5).astype(np.float32)

    first, second = split_long(Loud(40_000), 0, [Span(0, 40_000)])
    assert 25_000 < first.end_ms < 25_300
    assert second == Span(first.end_ms, 40_000)


@given(
    _spans.filter(bool),
    st.lists(st.tuples(st.floats(0, 31), st.floats(0, 3)), max_size=60),
)
def test_placed_words_are_in_order_never_empty_and_inside_their_span(
    spans: tuple[Span, ...], times: list[tuple[float, float]]
) -> None:
    window = Window(spans)
    heard = [
        HeardWord(text=f" w{i}", start_s=start, end_s=start + length, probability=0.5)
        for i, (start, length) in enumerate(sorted(times))
    ]
    placed = place(heard, window)
    assert len(placed) == len(spans)
    for span, words in zip(spans, placed, strict=True):
        for word in words:
            assert span.start_ms <= word.start_ms < word.end_ms <= span.end_ms
        assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(words))


def test_a_word_stretched_over_removed_silence_is_cut_to_its_span() -> None:
    window = Window((Span(1_000, 2_000), Span(9_000, 10_000)))
    heard = [
        HeardWord(text=" before", start_s=0.2, end_s=1.1, probability=0.9),
        HeardWord(text=" after", start_s=0.9, end_s=1.8, probability=0.9),
        HeardWord(text=" last", start_s=2.0, end_s=2.0, probability=0.9),
    ]
    (before,), (after, last) = place(heard, window)
    assert (before.start_ms, before.end_ms) == (1_200, 2_000)
    assert (after.start_ms, after.end_ms) == (9_000, 9_800)
    assert (last.start_ms, last.end_ms) == (9_980, 10_000)


# -- the transcriber -----------------------------------------------------------------------------


def test_words_come_back_at_the_time_they_were_recorded() -> None:
    recording, spans = Ramp(600_000), tuple(Span(s, s + 7_000) for s in range(2_000, 590_000, 20_000))
    engine = Parrot()
    transcript = _transcriber(engine, batch_size=3).transcribe(recording, 0, spans)
    assert transcript.language == "de"
    assert transcript.language_probability == pytest.approx(0.9)
    assert len(transcript.words) == 7 * len(spans)
    for word in transcript.words:
        assert word.start_ms <= int(word.text) <= word.end_ms
    assert max(engine.batches) == 3
    assert recording.longest_read_ms <= 7_000


def test_a_given_language_is_not_listened_for() -> None:
    transcript = _transcriber(Parrot(), language="de").transcribe(Ramp(9_000), 0, [Span(0, 5_000)])
    assert (transcript.language, transcript.language_probability) == ("de", None)
    with pytest.raises(UnknownModelError, match="does not know the language 'xx'"):
        _transcriber(Parrot()).transcribe(Ramp(9_000), 0, [Span(0, 5_000)], language="xx")


def test_an_english_model_hears_english() -> None:
    transcript = _transcriber(Parrot(languages=("en",))).transcribe(Ramp(9_000), 0, [Span(0, 5_000)])
    assert (transcript.language, transcript.language_probability) == ("en", None)
    with pytest.raises(UnknownModelError, match="'de'; it knows en"):
        _transcriber(Parrot(languages=("en",)), language="de")


def test_nobody_speaks() -> None:
    transcript = _transcriber(Parrot()).transcribe(Ramp(9_000), 0, ())
    assert (transcript.words, transcript.language, transcript.language_probability) == ((), None, None)


def test_a_window_whisper_says_holds_no_speech_gives_no_words() -> None:
    def says(_sound: object) -> Heard:
        word = HeardWord(text=" Surely", start_s=0.1, end_s=0.5, probability=0.9)
        return Heard(words=(word,), avg_logprob=-1.4, no_speech_prob=0.8)

    assert _transcriber(Parrot(says=says)).transcribe(Ramp(9_000), 0, [Span(0, 5_000)]).words == ()


def test_a_window_in_which_whisper_got_stuck_is_heard_again_in_halves() -> None:
    parrot = Parrot()

    def says(sound: NDArray[np.float32]) -> Heard:
        if len(sound) > 10 * 16_000:
            stuck = [
                HeardWord(text=" come in now", start_s=i * 0.1, end_s=i * 0.1 + 0.1, probability=0.9)
                for i in range(60)
            ]
            return Heard(words=tuple(stuck), avg_logprob=-0.1, no_speech_prob=0.0)
        return Parrot().decode([sound], [0], "en")[0]

    parrot.says = says
    spans = [Span(s, s + 3_000) for s in range(0, 60_000, 10_000)]
    words = _transcriber(parrot).transcribe(Ramp(60_000), 0, spans).words
    assert [int(w.text) for w in words] == [s.start_ms + 500 + 1_000 * i for s in spans for i in range(3)]


@pytest.mark.parametrize(
    ("heard", "durations_ms", "language"),
    [
        ([{"en": 0.6, "de": 0.4}, {"en": 0.1, "de": 0.9}], [20_000, 20_000], "de"),
        ([{"en": 0.9, "de": 0.1}, {"en": 0.1, "de": 0.9}], [29_000, 1_000], "en"),
        ([{"cy": 0.4, "en": 0.3, "de": 0.3}], [20_000], "en"),
        ([{"de": 0.7, "en": 0.3}], [2_000], "en"),
        ([{"de": 0.9, "en": 0.1}], [2_000], "de"),
    ],
)
def test_the_language_is_the_mean_over_windows_and_english_when_unsure(
    heard: list[Mapping[str, float]], durations_ms: list[int], language: str
) -> None:
    chosen, probability = choose_language(heard, durations_ms)
    assert chosen == language
    assert 0 <= probability <= 1


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UnknownModelError, match="'kaldi': no such engine; use faster-whisper or openai"):
        load_transcriber(TranscriberOptions(engine="kaldi"))  # type: ignore[arg-type]


# -- clean-up ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "no no no",
        "No, no, no, no, no!",
        "I, I, uh, I want to, I want to go",
        "thank you, thank you so much thank you",
        "my number is 8 0 0 0 0 0 0",
        "bye bye bye bye bye",
    ],
)
def test_people_may_repeat_themselves(said: str) -> None:
    words = _words(*said.split())
    assert cut_loops(words) == words


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("hello " + "come in as soon as possible " * 5 + "today", "hello come in as soon as possible today"),
        ("so " + "the car " * 6, "so the car"),
        ("well " + "no " * 30 + "thanks", "well no thanks"),
        ("I'm Sean. I'm Sean. I'm Sean. I'm Sean.", "I'm Sean."),
        ("E, T, E T e t E T E T", "E, T,"),
    ],
)
def test_loops_are_cut_to_one_copy(said: str, left: str) -> None:
    assert " ".join(_texts(cut_loops(_words(*said.split())))) == left


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("A-L-E-X-" * 11 + "A-L-E", "A-L-E-X"),
        ("S.E.A.N." * 4, "S.E.A.N."),
        ("it's-" + "M-A-A-M-A-A-" * 5 + "so-there", "it's-M-A-A-so-there"),
        ("a-l-A-L-a-l-A-l", "a-l"),
    ],
)
def test_a_word_that_loops_in_itself_is_cut_to_one_copy(said: str, left: str) -> None:
    word = Word(text=said, start_ms=1000, end_ms=9000, probability=0.4)
    (cut,) = cut_loops([word])
    assert cut.text == left
    assert 1000 < cut.end_ms < 6000, "the time of the copies goes with them"


@pytest.mark.parametrize(
    "word", ["A-L-E-X-A-L-E-X", "bye-bye-bye", "no-no-no-no-no", "1,000,000", "0-8-0-0-0-0-0-0", "e.g.", "-"]
)
def test_a_word_in_which_little_is_repeated_is_kept(word: str) -> None:
    words = _words("so", word)
    assert cut_loops(words) == words


def test_a_phrase_repeated_faster_than_speech_is_cut() -> None:
    slow, fast = _words("see", "you", "soon"), _words(*["see", "you", "soon"] * 2, each_ms=20, gap_ms=0)
    assert cut_loops(slow + tuple(fast)) != slow + tuple(fast)
    assert _texts(cut_loops(fast)) == ["see", "you", "soon"]


def test_a_recorded_announcement_may_repeat_itself_after_a_pause() -> None:
    phrase = ["please", "stay", "on", "the", "line"]
    words = tuple(
        Word(text=t, start_ms=copy * 10_000 + i * 400, end_ms=copy * 10_000 + i * 400 + 300, probability=0.9)
        for copy in range(6)
        for i, t in enumerate(phrase)
    )
    assert cut_loops(words) == words


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=80))
def test_cutting_loops_only_removes_words_keeps_their_order_and_ends(said: list[str]) -> None:
    words = _words(*said)
    cut = cut_loops(words)
    kept = iter(words)
    assert all(any(word is other for other in kept) for word in cut)
    assert set(_texts(cut)) == set(said)


@given(
    st.lists(st.integers(0, 1000).map(str), min_size=1, max_size=8, unique=True),
    st.integers(8, 30),
)
def test_any_phrase_said_eight_times_or_more_is_left_once(phrase: list[str], copies: int) -> None:
    assert _texts(cut_loops(_words(*phrase * copies))) == phrase


def test_phantoms_go_only_when_whisper_was_unsure() -> None:
    assert drop_invented(_words("Thank", "you.", probability=0.4)) == ()
    assert drop_invented(_words("Thanks", "for", "watching!", probability=0.45)) == ()
    sure = _words("Thank", "you.", probability=0.8)
    assert drop_invented(sure) == sure
    names = _words("Jack", "Satelli", probability=0.4)
    assert drop_invented(names) == names
    assert drop_invented(_words("Jack", "Satelli", probability=0.1)) == ()
    assert drop_invented(_words("...", "♪")) == ()


def test_whispers_own_rules() -> None:
    assert is_unheard(0.9, -1.5)
    assert not is_unheard(0.9, -0.5)
    assert not is_unheard(0.1, -1.5)
    assert is_looped("come in as soon as possible " * 8)
    assert not is_looped("So let's just go ahead and pencil you in for two days from now.")
    assert not is_looped("")


def _heard(*timed: tuple[str, float, float]) -> list[HeardWord]:
    return [HeardWord(text=text, start_s=start, end_s=end, probability=0.9) for text, start, end in timed]


TWO_SPANS = Window((Span(0, 2000), Span(40_000, 42_000)))


def test_a_word_belongs_to_the_span_in_which_it_ends() -> None:
    first, second = place(_heard((" for", 1.2, 1.6), (" me", 1.6, 1.8), (" two", 1.8, 2.3)), TWO_SPANS)
    assert [w.text for w in first] == ["for", "me"]
    assert [(w.text, w.start_ms, w.end_ms) for w in second] == [("two", 40_000, 40_300)]


def test_the_first_word_of_a_sentence_goes_with_the_rest_of_it() -> None:
    words = _heard((" today?", 1.0, 1.5), (" Of", 1.5, 1.9), (" course,", 2.3, 2.8))
    first, second = place(words, TWO_SPANS)
    assert [w.text for w in first] == ["today?"]
    assert [w.text for w in second] == ["Of", "course,"]
    assert second[0].start_ms >= 40_000
    assert second[0].end_ms > second[0].start_ms
    kept = place(_heard((" today?", 1.0, 1.5), (" Sure.", 1.5, 1.9), (" and", 2.3, 2.8)), TWO_SPANS)
    assert [[w.text for w in ws] for ws in kept] == [["today?", "Sure."], ["and"]]


def test_pieces_that_are_written_on_are_one_word() -> None:
    words = _heard(
        (" in", 0.1, 0.2),
        ("-house", 0.2, 0.5),
        (" at", 0.5, 0.6),
        (" 8", 0.6, 0.7),
        (" a", 0.7, 0.8),
        (".m.", 0.8, 0.9),
    )
    (found, _) = place(words, TWO_SPANS)
    assert [(w.text, w.start_ms, w.end_ms) for w in found] == [
        ("in-house", 100, 500), ("at", 500, 600), ("8", 600, 700), ("a.m.", 700, 900),
    ]  # fmt: skip
