"""Where anyone speaks: streaming equals the whole, spans are well formed, noise is not speech."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sounds
from hypothesis import given
from hypothesis import strategies as st

from sentiment.audio import Recording, open_recording
from sentiment.speech import activity
from sentiment.speech.activity import ActivityOptions, find_spans, speech_probabilities, speech_spans
from sentiment.timeline import total_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def _spans(flags: list[float], **options: int) -> list[tuple[int, int]]:
    probabilities = np.array(flags, np.float32)
    duration_ms = 32 * len(flags)
    return [tuple(s) for s in find_spans(probabilities, duration_ms, ActivityOptions(**options))]


def test_a_pause_shorter_than_the_least_silence_does_not_end_speech() -> None:
    speech = [0.9] * 10 + [0.1] * 5 + [0.9] * 10 + [0.1] * 20
    assert _spans(speech, pad_ms=0, min_silence_ms=400) == [(0, 25 * 32)]
    assert _spans(speech, pad_ms=0, min_silence_ms=160) == [(0, 320), (15 * 32, 25 * 32)]


def test_a_click_is_dropped_and_a_word_is_padded_within_the_recording() -> None:
    assert _spans([0.1] * 20 + [0.9] * 3 + [0.1] * 20) == []
    assert _spans([0.9] * 10 + [0.1] * 30, pad_ms=200) == [(0, 520)]
    assert _spans([0.1] * 30 + [0.9] * 10, pad_ms=200) == [(760, 1280)]


def test_between_the_two_thresholds_speech_goes_on_but_does_not_begin() -> None:
    assert _spans([0.4] * 40) == []
    assert _spans([0.9] * 5 + [0.4] * 40, pad_ms=0) == [(0, 45 * 32)]


@given(st.lists(st.floats(0, 1, width=32), max_size=200), st.integers(0, 300), st.integers(32, 600))
def test_spans_are_disjoint_in_order_and_within(flags: list[float], pad_ms: int, silence_ms: int) -> None:
    options = ActivityOptions(pad_ms=pad_ms, min_silence_ms=silence_ms)
    spans = find_spans(np.array(flags, np.float32), 32 * len(flags), options)
    assert all(0 <= s.start_ms < s.end_ms <= 32 * len(flags) for s in spans)
    assert all(a.end_ms < b.start_ms for a, b in itertools.pairwise(spans))


def _recording(samples: NDArray[np.float32]) -> Recording:
    return Recording.from_samples(samples[None, :], 16_000, "made")


@pytest.mark.model
@pytest.mark.parametrize("name", [n for n in sounds.SOUNDS if n != "sung_tones"])
def test_no_sound_of_the_telephone_is_speech(name: str) -> None:
    with _recording(sounds.SOUNDS[name](60)) as recording:
        assert speech_spans(recording, 0) == ()


@pytest.mark.model
@pytest.mark.shared
def test_blocks_give_the_same_probabilities_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from faster_whisper.vad import get_vad_model

    path = DATA / "asr" / "2412-153948-0000.flac"
    if not path.exists():
        pytest.skip(f"{path.name} is not on this machine")
    with open_recording(path) as recording:
        whole = recording.read(0)
        expected = get_vad_model()(np.pad(whole, (0, -len(whole) % 512))).reshape(-1)
        monkeypatch.setattr(activity, "BLOCK_MS", 3200)
        np.testing.assert_allclose(speech_probabilities(recording, 0), expected, atol=1e-5)
        assert 0.6 < total_ms(speech_spans(recording, 0)) / recording.duration_ms < 1


@pytest.mark.model
def test_an_empty_tail_and_a_short_recording_are_fine() -> None:
    with _recording(np.zeros(100, np.float32)) as recording:
        assert speech_spans(recording, 0) == ()


@pytest.mark.model
def test_onnxruntime_is_told_to_send_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    activity._session.cache_clear()
    activity._session()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert "onnxruntime" in sys.modules
