"""Two voices on one channel, and the voice encoder under them."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.call import Word
from sentiment.errors import CorruptModelError
from sentiment.evaluation import diarization_error
from sentiment.speech import diarization
from sentiment.speech.diarization import Evidence, decide
from sentiment.speech.embedding import (
    VoiceEncoder,
    Voiceprints,
    listen,
    load_voice_encoder,
    mel_filters,
    mel_spectrogram,
)
from sentiment.speech.roles import SPEAKS_FIRST_LOG_ODDS
from sentiment.speech.spoken import STEP_MS, moments, spoken
from sentiment.speech.turn_taking import changes, load_turn_model, switch_log_odds
from sentiment.timeline import Span

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 16_000

# Computed by Resemblyzer 0.1.4 with librosa 0.11 of ``chirp``.
GOLDEN_MEL = [3.40706, 0.000199968, 0.000309232, 3.19021]
GOLDEN_EMBEDDING = [(20, 0.243594), (212, 0.215318), (34, 0.174557), (225, 0.124489), (89, 0.066801)]


def word(text: str, start_ms: int, end_ms: int | None = None) -> Word:
    return Word(
        text=text, start_ms=start_ms, end_ms=start_ms + 200 if end_ms is None else end_ms, probability=0.9
    )


def chirp(seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * SECOND)) / SECOND
    sound: np.ndarray = 0.1 * np.sin(2 * np.pi * (200 * t + 300 * t**2)) * (1 + np.sin(9 * t))
    return sound.astype(np.float32)


class FakeRecording:
    """Sound in memory."""

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = samples

    @property
    def duration_ms(self) -> int:
        return len(self.samples) * 1000 // SECOND

    def read(self, channel: int, span: Span | None = None) -> np.ndarray:
        assert channel == 0
        span = span or Span(0, self.duration_ms)
        assert 0 <= span.start_ms <= span.end_ms <= self.duration_ms
        return self.samples[span.start_ms * 16 : span.end_ms * 16]


# -- the encoder ---------------------------------------------------------------------------------


def test_mel_filters_have_unit_area_and_slaney_centres() -> None:
    filters = mel_filters()
    assert filters.shape == (40, 201)
    # Of unit area on a 40 Hz grid, up to the grid's coarseness in the narrow low bands.
    assert filters[20:].sum(axis=1) * 40 == pytest.approx(np.ones(20), rel=0.05)
    assert np.flatnonzero(filters[0])[0] * 40 < 100
    assert np.flatnonzero(filters[-1])[-1] * 40 > 7900


def test_mel_spectrogram_is_librosas() -> None:
    """Golden values of ``librosa.feature.melspectrogram`` 0.11 (n_fft 400, hop 160, 40 bands)."""
    mel = mel_spectrogram(chirp(1.0))
    assert mel.shape == (101, 40)
    assert mel[[10, 10, 50, 99], [3, 5, 5, 10]] == pytest.approx(GOLDEN_MEL, rel=1e-3)


def test_embeddings_are_resemblyzers() -> None:
    """Golden values of ``resemblyzer.VoiceEncoder`` 0.1.4 on its own mel window."""
    vectors = load_voice_encoder().embed(mel_spectrogram(chirp(2.0))[None, :160], (160,))
    assert vectors.shape == (1, 1, 256)
    assert float(np.linalg.norm(vectors)) == pytest.approx(1)
    at = [i for i, _ in GOLDEN_EMBEDDING]
    assert vectors[0, 0, at] == pytest.approx([v for _, v in GOLDEN_EMBEDDING], abs=1e-5)


def test_a_damaged_weight_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  model.safetensors\n")
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(CorruptModelError):
        VoiceEncoder(tmp_path)


def test_listening_covers_the_spans_once_and_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = FakeRecording(chirp(7.0))
    spans = (Span(0, 2500), Span(4000, 7000))
    whole = listen(recording, 0, spans, load_voice_encoder())
    assert whole.vectors.dtype == np.float16
    inside = [at for at in whole.at_ms if any(s.start_ms <= at < s.end_ms for s in spans)]
    assert len(inside) == len(whole.at_ms)
    assert np.diff(whole.at_ms).min() >= 90
    assert sum(np.diff(whole.at_ms) > 110) == 1  # the gap between the spans
    monkeypatch.setattr("sentiment.speech.embedding.BLOCK_MS", 2000)
    parted = listen(recording, 0, spans, load_voice_encoder())
    assert parted.at_ms.tolist() == whole.at_ms.tolist()
    assert np.abs(parted.vectors.astype(float) - whole.vectors).max() < 2e-3


def test_listening_to_silence_is_not_an_error() -> None:
    assert len(listen(FakeRecording(np.zeros(SECOND, np.float32)), 0, (), load_voice_encoder()).at_ms) == 0
    silent = listen(FakeRecording(np.zeros(SECOND, np.float32)), 0, (Span(0, 1000),), load_voice_encoder())
    assert np.isfinite(silent.vectors.astype(float)).all()


# -- the model -----------------------------------------------------------------------------------


Switch = list[tuple[float, float]]


def brute_force(log_odds: list[float], switch: Switch) -> tuple[list[float], float, tuple[bool, ...]]:
    """Posterior, log evidence and best path by listing every path."""

    def score(path: tuple[bool, ...]) -> float:
        first = SPEAKS_FIRST_LOG_ODDS if path[0] else -SPEAKS_FIRST_LOG_ODDS
        total = -math.log1p(math.exp(-first))
        total += sum(o / 2 if agent else -o / 2 for o, agent in zip(log_odds, path, strict=True))
        for z, a, b in zip(switch, path, path[1:], strict=False):
            total -= math.log1p(math.exp(-z[not a] if a != b else z[not a]))
        return total

    scores = {path: score(path) for path in product((True, False), repeat=len(log_odds))}
    evidence = math.log(sum(math.exp(s) for s in scores.values()))
    posterior = [
        sum(math.exp(s - evidence) for path, s in scores.items() if path[i]) for i in range(len(log_odds))
    ]
    return posterior, evidence, max(scores, key=scores.__getitem__)


@given(st.data())
def test_inference_is_exact(data: st.DataObject) -> None:
    log_odds = data.draw(st.lists(st.floats(-5, 5), min_size=1, max_size=6))
    n = len(log_odds) - 1
    pair = st.tuples(st.floats(-5, 5), st.floats(-5, 5))
    switch = data.draw(st.lists(pair, min_size=n, max_size=n))
    table = np.array(switch).reshape(-1, 2)
    posterior, evidence, path = brute_force(log_odds, switch)
    smoothed, log_z = diarization._smooth(np.array(log_odds), table)
    assert smoothed == pytest.approx(posterior, abs=1e-9)
    assert log_z == pytest.approx(evidence)
    found = tuple(bool(a) for a in diarization._most_probable(np.array(log_odds), table))
    if found != path:  # only ever a tie
        assert score_of(found, log_odds, switch) == pytest.approx(score_of(path, log_odds, switch))


def score_of(path: tuple[bool, ...], log_odds: list[float], switch: Switch) -> float:
    own = sum(o if agent else -o for o, agent in zip(log_odds, path, strict=True)) / 2
    turns = sum(
        -math.log1p(math.exp(-z[not a] if a != b else z[not a]))
        for z, a, b in zip(switch, path, path[1:], strict=False)
    )
    first = SPEAKS_FIRST_LOG_ODDS / 2 * (1 if path[0] else -1)
    return own + turns + first


def conversation(
    distance: float, wording: float, n_turns: int = 24, words_per_turn: int = 10, seed: int = 0
) -> tuple[Evidence, np.ndarray]:
    """Turns of two voices ``distance`` apart whose wording gives ``wording`` nats a turn, and the truth."""
    draw = np.random.default_rng(seed)
    agent = np.repeat(np.arange(n_turns) % 2 == 0, words_per_turn)
    n = len(agent)
    voice = draw.normal(size=(n // words_per_turn, 6)).repeat(words_per_turn, axis=0) * 0.5
    voice += draw.normal(size=(n, 6)) * 0.85
    voice[:, 0] += np.where(agent, distance / 2, -distance / 2)
    side = np.where(agent, 1.0, -1.0)
    said = side * wording / words_per_turn + draw.normal(size=n) * 0.2
    switch = np.full((n - 1, 2), -5.0)
    switch[words_per_turn - 1 :: words_per_turn] = 0.5
    switch[words_per_turn // 2 - 1 :: words_per_turn] = -2.0
    return Evidence(voice / voice.std(axis=0), np.full(n, 0.2), said, switch), agent


def test_clear_voices_are_told_apart_and_wording_names_them() -> None:
    evidence, agent = conversation(distance=6, wording=0.5)
    split = decide(evidence)
    assert (split.agent == agent).mean() > 0.97
    assert split.distance > 4
    swapped = decide(evidence._replace(wording=-evidence.wording))
    assert (swapped.agent == ~agent).mean() > 0.97


def test_alike_voices_are_told_apart_by_what_they_say() -> None:
    evidence, agent = conversation(distance=0.3, wording=2.5)
    assert (decide(evidence).agent == agent).mean() > 0.9


def test_wording_does_not_overrule_clear_voices() -> None:
    evidence, agent = conversation(distance=6, wording=1.5)
    wrong = evidence.wording.copy()
    wrong[50:60] *= -1  # one agent turn that sounds like a customer's
    assert (decide(evidence._replace(wording=wrong)).agent == agent).mean() > 0.97


@pytest.mark.parametrize("seed", range(3))
def test_one_voice_is_not_taken_for_two(seed: int) -> None:
    options = diarization.DiarizationOptions()
    evidence, _ = conversation(distance=0, wording=2.0, seed=seed)
    alone = evidence._replace(wording=np.abs(evidence.wording))
    assert not decide(alone, options).two_speakers(options)
    both, _ = conversation(distance=6, wording=2.0, seed=seed)
    assert decide(both, options).two_speakers(options)


def test_a_change_of_tone_is_not_a_second_speaker_however_long_one_speaks() -> None:
    evidence, _ = conversation(distance=2.5, wording=2.0, n_turns=300)
    split = decide(evidence._replace(wording=np.zeros(len(evidence.wording))))
    assert split.gain > 20
    assert not split.two_speakers(diarization.DiarizationOptions())


def test_two_clear_voices_need_no_wording() -> None:
    evidence, _ = conversation(distance=6, wording=0)
    split = decide(evidence._replace(wording=np.zeros(len(evidence.wording))))
    assert split.wording_gain == pytest.approx(0)
    assert split.two_speakers(diarization.DiarizationOptions())


def test_a_change_of_speaker_is_likelier_after_a_question_or_a_pause() -> None:
    plain = switch_log_odds(word("the", 0), word("car", 200))
    sentence = switch_log_odds(word("car.", 0), word("It", 200))
    question = switch_log_odds(word("car?", 0), word("It", 200))
    answer = switch_log_odds(word("car?", 0), word("Yes,", 200))
    paused = switch_log_odds(word("the", 0), word("car", 1200))
    assert plain < sentence < question < answer
    assert plain < paused
    assert switch_log_odds(word("the", 0, 500), word("car", 300)) == plain  # overlap is no pause


def test_words_outside_the_listened_time_take_the_nearest_voice() -> None:
    prints = Voiceprints(np.array([100, 200, 300]), np.eye(3, 256).astype(np.float16))
    vectors = diarization._word_vectors([word("early", 0, 20), word("late", 5000)], prints)
    assert vectors[0] @ np.eye(3, 256)[0] > 0
    assert vectors[1] == pytest.approx(np.eye(3, 256)[2])


# -- turn taking ---------------------------------------------------------------------------------


def said(text: str) -> list[Word]:
    return [word(t, 250 * i) for i, t in enumerate(text.split())]


def test_who_asked_tells_whether_the_other_answers() -> None:
    """The agent asks and the customer answers; a thing the customer says is not an answer to itself."""
    words = said("Can I get your last name? Kowalski. Okay. And your phone number?")
    (after_question, after_name) = changes(words, load_turn_model())[[5, 6]]
    assert after_question[0] > 0
    assert after_name[1] > 0  # the customer gave it, the agent says okay


def test_a_statement_is_less_often_answered_than_a_question() -> None:
    model = load_turn_model()
    going_on = changes(said("I can help you with that. We have a few options."), model)[5]
    asking = changes(said("What is your account number? We have a few options."), model)[4]
    assert going_on[0] < 0 < asking[0]


def test_without_a_model_only_punctuation_and_pauses_count() -> None:
    words = said("Bonjour. Oui, merci.")
    found = changes(words, None)
    assert found.shape == (2, 2)
    assert found[0].tolist() == [switch_log_odds(words[0], words[1])] * 2
    assert changes(words[:1], load_turn_model()).shape == (0, 2)


def test_inside_a_sentence_the_turn_model_is_not_asked() -> None:
    words = said("What is your account number? Four two.")
    plain, learned = changes(words, None), changes(words, load_turn_model())
    assert (plain != learned).any(axis=1).tolist() == [i == 4 for i in range(len(words) - 1)]


def test_a_damaged_turn_model_is_refused(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"bias": 0}', '{"bias": NaN, "weights": {}}'):
        (tmp_path / "turns.json").write_text(text)
        load_turn_model.cache_clear()
        with pytest.raises(CorruptModelError, match="turn-taking model"):
            load_turn_model(tmp_path)
    load_turn_model.cache_clear()


# -- when each voice speaks ----------------------------------------------------------------------


def test_moments_follow_words_and_between_them_the_sound() -> None:
    words = [word("yes", 0, 400), word("no", 2000, 2400)]
    agent = np.array([True, False])
    speech = (Span(0, 2500),)
    prints = Voiceprints(np.arange(50, 2500, 100), np.zeros((25, 256), np.float16))
    for until_ms in (700, 1500):
        sound = np.where(prints.at_ms < until_ms, 3.0, -3.0)
        odds, change = moments(2600, words, agent, speech, prints, sound)
        steps = diarization._most_probable(odds, change)
        assert abs(int(steps.sum()) * STEP_MS - until_ms) <= 100


def test_without_sound_the_voice_changes_in_silence() -> None:
    words = [word("yes", 0, 400), word("no", 2000, 2400)]
    prints = Voiceprints(np.zeros(0, np.int64), np.zeros((0, 256), np.float16))
    speech = (Span(0, 1600), Span(1800, 2500))
    odds, change = moments(2600, words, np.array([True, False]), speech, prints, np.zeros(0))
    steps = diarization._most_probable(odds, change)
    assert 1580 <= int(steps.sum()) * STEP_MS <= 1820


def test_a_voice_is_heard_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector gets each voice's moments with silence for the rest; its words always count."""
    heard: list[np.ndarray] = []

    def detect(recording: FakeRecording, channel: int, _options: object) -> tuple[Span, ...]:
        heard.append(recording.read(channel, Span(100, recording.duration_ms)))
        return ()

    monkeypatch.setattr("sentiment.speech.spoken.speech_spans", detect)
    recording = FakeRecording(np.ones(SECOND, np.float32))
    words, agent = [word("yes", 0, 300), word("no", 700, 1000)], np.array([True, False])
    steps = np.arange(0, 1001, STEP_MS) < 500
    assert spoken(recording, words, agent, steps) == ((Span(0, 300),), (Span(700, 1000),))
    assert heard[0].tolist() == [1.0] * 400 * 16 + [0.0] * 500 * 16
    assert (heard[0] + heard[1] == 1).all()


# -- the error rate ------------------------------------------------------------------------------


def test_error_rate_counts_misses_false_alarms_and_confusion() -> None:
    reference = {"a": [Span(0, 1000)], "b": [Span(1000, 2000)]}
    found = {"x": [Span(0, 1200)], "y": [Span(1200, 1900), Span(2000, 2050)]}
    error = diarization_error(reference, found)
    assert (error.missed_ms, error.false_alarm_ms, error.confused_ms, error.total_ms) == (100, 50, 200, 2000)
    assert error.rate == pytest.approx(0.175)
    assert error.speakers == {"x": "a", "y": "b"}


def test_error_rate_of_overlap_collar_and_fixed_roles() -> None:
    reference = {"agent": [Span(0, 1000)], "customer": [Span(500, 1500)]}
    one = {"agent": [Span(0, 1500)]}
    error = diarization_error(reference, one)
    assert (error.missed_ms, error.confused_ms, error.total_ms) == (500, 500, 2000)
    swapped = {"agent": [Span(500, 1500)], "customer": [Span(0, 1000)]}
    assert diarization_error(reference, swapped).rate == 0
    mapping = {"agent": "agent", "customer": "customer"}
    assert diarization_error(reference, swapped, mapping=mapping).confused_ms == 1000
    shifted = {"a": [Span(100, 900)]}
    assert diarization_error({"a": [Span(0, 1000)]}, shifted, collar_ms=250).rate == 0
    assert diarization_error({}, {"a": [Span(0, 10)]}).rate is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20), st.sampled_from("ab")), min_size=1))
def test_a_perfect_hypothesis_has_no_error(turns: list[tuple[int, int, str]]) -> None:
    spans: dict[str, list[Span]] = {}
    for start, length, name in turns:
        spans.setdefault(name, []).append(Span(start, start + length))
    renamed = {f"speaker {name}": s for name, s in spans.items()}
    error = diarization_error(spans, renamed)
    assert error.rate == 0
    nothing = diarization_error(spans, {})
    assert nothing.missed_ms == nothing.total_ms
