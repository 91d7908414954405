"""Silence where personal data was said, and sound written to files."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest

from sentiment.audio import (
    SAMPLE_RATE_HZ,
    Muted,
    Recording,
    mute,
    open_recording,
    peaks,
    playback,
    write_sound,
)
from sentiment.timeline import Span

NOISE = np.random.default_rng(3).uniform(-0.5, 0.5, (2, 70 * SAMPLE_RATE_HZ)).astype(np.float32)


def test_a_span_is_silent_and_the_rest_untouched() -> None:
    out = mute(NOISE, SAMPLE_RATE_HZ, {1: [Span(1000, 2000)]})
    assert not out[1, 16_000:32_000].any()
    assert (out[0] == NOISE[0]).all()
    fade = 80  # 5 ms
    assert (out[1, : 16_000 - fade] == NOISE[1, : 16_000 - fade]).all()
    assert (out[1, 32_000 + fade :] == NOISE[1, 32_000 + fade :]).all()
    assert NOISE[1, 16_000:32_000].any()


def test_the_fades_do_not_click() -> None:
    out = mute(np.ones((1, 16_000), dtype=np.float32), SAMPLE_RATE_HZ, {0: [Span(400, 500)]})
    assert np.abs(np.diff(out[0])).max() <= 1 / 80 + 1e-6


def test_one_channel_holds_every_voice() -> None:
    out = mute(NOISE[:1], SAMPLE_RATE_HZ, {0: [Span(0, 10)], 3: [Span(500, 600)]})
    assert not out[0, :160].any()
    assert not out[0, 8_000:9_600].any()


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100])
def test_every_rate_is_covered_to_the_last_sample(rate: int) -> None:
    samples = np.ones((1, rate), dtype=np.float32)
    out = mute(samples, rate, {0: [Span(333, 667)]})
    assert not out[0, int(0.333 * rate) + 1 : int(0.667 * rate)].any()


def test_spans_of_a_channel_that_there_is_not_are_refused() -> None:
    with pytest.raises(ValueError, match="channel 2, but there are 2"):
        mute(NOISE, SAMPLE_RATE_HZ, {2: [Span(0, 1)]})
    with pytest.raises(ValueError, match="shape"):
        mute(NOISE[0], SAMPLE_RATE_HZ, {})


def test_a_muted_recording_reads_like_one_muted_at_once_wherever_it_is_cut() -> None:
    spans = {0: [Span(29_998, 30_003), Span(30_009, 30_020)], 1: [Span(0, 5), Span(69_990, 80_000)]}
    with Recording.from_samples(NOISE, SAMPLE_RATE_HZ) as recording:
        muted = Muted(recording, spans)
        whole = mute(np.stack([recording.read(0), recording.read(1)]), SAMPLE_RATE_HZ, spans)
        for channel in (0, 1):
            assert (muted.read(channel) == whole[channel]).all()
            parts = [muted.read(channel, Span(at, at + 3)) for at in range(29_990, 30_030, 3)]
            assert (np.concatenate(parts) == whole[channel, 29_990 * 16 : 30_032 * 16]).all()
        assert peaks(muted, 1, 70)[0] > 0


@pytest.mark.parametrize(
    ("kind", "codec", "loudest"), [("flac", "flac", 0.0), ("opus", "opus", 0.01), ("mp3", "mp3", 0.01)]
)
def test_what_is_written_is_silent_there_and_as_long(tmp_path, kind, codec, loudest) -> None:
    path = tmp_path / f"call.{kind}"
    with Recording.from_samples(NOISE, SAMPLE_RATE_HZ) as recording:
        muted = Muted(recording, {1: [Span(29_000, 31_000)]})
        with path.open("wb") as file:
            write_sound(muted, file, kind)
        with open_recording(path) as written:
            assert written.audio.codec == codec
            assert (written.n_channels, written.n_samples) == (2, recording.n_samples)
            assert np.abs(written.read(1, Span(29_100, 30_900))).max() <= loudest
            assert np.abs(written.read(0, Span(29_100, 30_900))).max() > 0.3
            if kind == "flac":
                assert (written.read(0) == recording.read(0)).all()
                assert np.abs(written.read(1) - muted.read(1)).max() <= 1 / 32_768


def test_the_playback_copy_of_a_muted_recording_is_silent_there(tmp_path) -> None:
    with Recording.from_samples(NOISE, SAMPLE_RATE_HZ) as recording:
        (tmp_path / "call.mp3").write_bytes(playback(Muted(recording, {0: [Span(1_000, 3_000)]})))
    with open_recording(tmp_path / "call.mp3") as written:
        assert np.abs(written.read(0, Span(1_100, 2_900))).max() < 0.01


def test_three_channels_are_kept_in_flac_and_mixed_elsewhere() -> None:
    three = np.concatenate([NOISE, NOISE[:1]])[:, : SAMPLE_RATE_HZ * 2]
    three[2] *= 0.5
    with Recording.from_samples(three, SAMPLE_RATE_HZ) as recording:
        for kind, n in (("flac", 3), ("mp3", 1)):
            out = io.BytesIO()
            write_sound(Muted(recording, {}), out, kind)
            assert len(out.getvalue()) > 1000
            import av

            out.seek(0)
            with av.open(out) as container:
                assert container.streams.audio[0].codec_context.channels == n


def test_memory_does_not_grow_with_the_length(tmp_path) -> None:
    def most(copies: int) -> int:
        with Recording.from_samples(
            np.tile(NOISE[:, : SAMPLE_RATE_HZ * 35], copies), SAMPLE_RATE_HZ
        ) as recording:
            muted = Muted(recording, {0: [Span(0, 10_000)]})
            tracemalloc.start()
            with (tmp_path / "x.flac").open("wb") as file:
                write_sound(muted, file, "flac")
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

    assert most(6) < 1.3 * most(2)
