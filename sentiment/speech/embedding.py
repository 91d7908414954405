"""What a voice sounds like, as a vector: Resemblyzer's speaker encoder.

A three-layer LSTM reads 1.6 s of a 40-band mel spectrogram and its last state becomes a unit vector;
windows of one voice point the same way. Method: Wan et al., "Generalized end-to-end loss for speaker
verification" (2018). Weights: Resemblyzer 0.1.4 (Apache-2.0), see ``models/speaker/MODEL_CARD.md``.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.errors import CorruptModelError
from sentiment.timeline import Span, clip, union
from sentiment.weights import verify, weights_dir

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sentiment.speech.activity import Audible

__all__ = ["EMBEDDING_SIZE", "VoiceEncoder", "Voiceprints", "listen", "load_voice_encoder", "mel_spectrogram"]

SAMPLE_RATE_HZ = 16_000
FFT_SAMPLES = 400
HOP_SAMPLES = 160
MEL_BANDS = 40
EMBEDDING_SIZE = 256
FRAME_MS = 10

RUN_STEP_FRAMES = 40
RUN_LENGTHS = (90, 110, 130, 150)
"""The network reads a run of 1.5 s begun every 0.4 s, and its state after 0.9, 1.1, 1.3 and 1.5 s is
taken as the embedding of that stretch: one every 0.1 s, for a quarter of the work of reading a window
for each. On a real call these tell the parties apart as well as windows of 1.6 s do."""

LOUDNESS_DBFS = -30.0
"""Quieter recordings are raised to this mean level, as the encoder was trained."""

BLOCK_MS = 60_000
_BATCH = 128


@cache
def mel_filters() -> NDArray[np.float32]:
    """Triangular filters (40, 201) from 0 to 8 kHz on the Slaney mel scale, each of unit area.

    Slaney, "Auditory Toolbox" (1998): linear below 1 kHz, logarithmic above.
    """
    top_mel = 15 + 27 * np.log(SAMPLE_RATE_HZ / 2 / 1000) / np.log(6.4)
    mels = np.linspace(0, top_mel, MEL_BANDS + 2)
    edges_hz = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))
    bins_hz = np.linspace(0, SAMPLE_RATE_HZ / 2, FFT_SAMPLES // 2 + 1)
    low, middle, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    triangles = np.minimum((bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle))
    filters: NDArray[np.float32] = (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)
    return filters


def mel_spectrogram(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power mel spectrogram (1 + n // 160, 40) of 16 kHz samples (n,).

    Frame ``i`` is centred on sample ``160 * i``; beyond the ends there is silence. Not logarithmic.
    """
    padded = np.pad(samples, FFT_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    mel: NDArray[np.float32] = power.astype(np.float32) @ mel_filters().T
    return mel


class VoiceEncoder:
    """Turns windows of mel spectrogram into unit vectors."""

    def __init__(self, folder: Path) -> None:
        """Load the weights in ``folder``.

        Raises:
            CorruptModelError: a file is missing, or its checksum is not the one in ``SHA256SUMS``.
        """
        import torch
        from safetensors.torch import load_file

        verify(folder)
        self.lstm = torch.nn.LSTM(MEL_BANDS, EMBEDDING_SIZE, num_layers=3, batch_first=True)
        self.linear = torch.nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)
        both = torch.nn.ModuleDict({"lstm": self.lstm, "linear": self.linear})
        try:
            both.load_state_dict(load_file(folder / "model.safetensors"))
        except (RuntimeError, OSError) as error:
            raise CorruptModelError(f"speaker model in {folder}: {str(error).splitlines()[0]}") from None
        both.eval().requires_grad_(requires_grad=False)

    def embed(self, runs: NDArray[np.float32], lengths: Sequence[int]) -> NDArray[np.float32]:
        """Unit vectors (n, len(lengths), 256) of the first ``lengths`` frames of runs (n, n_frames, 40)."""
        import torch

        last = [length - 1 for length in lengths]
        parts: list[NDArray[np.float32]] = [np.empty((0, len(last), EMBEDDING_SIZE), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(runs), _BATCH):
                states, _ = self.lstm(torch.from_numpy(np.ascontiguousarray(runs[start : start + _BATCH])))
                raw = torch.relu(self.linear(states[:, last]))
                parts.append(torch.nn.functional.normalize(raw, dim=-1).numpy())
        return np.concatenate(parts)


@cache
def load_voice_encoder() -> VoiceEncoder:
    """The shipped encoder, loaded once.

    Raises:
        CorruptModelError: its weights are missing or damaged.
    """
    return VoiceEncoder(weights_dir("speaker"))


class Voiceprints(NamedTuple):
    """What a channel sounds like over time: ``vectors`` float16 (n, 256) at ``at_ms`` int (n,), ascending."""

    at_ms: NDArray[np.int64]
    vectors: NDArray[np.float16]


def listen(recording: Audible, channel: int, spans: Sequence[Span], encoder: VoiceEncoder) -> Voiceprints:
    """An embedding every 0.1 s within ``spans`` of a channel, of the 0.9 to 1.5 s around it.

    The sound is read a minute at a time: an hour of speech takes 18 MB.

    Raises:
        AudioError: the recording cannot be read.
    """
    spans = union(spans)
    gain = _gain(recording, channel, spans)
    parts = [
        _listen(recording, channel, spans, Span(start, start + BLOCK_MS), gain, encoder)
        for start in range(0, recording.duration_ms, BLOCK_MS)
    ]
    return Voiceprints(np.concatenate([p.at_ms for p in parts]), np.concatenate([p.vectors for p in parts]))


def _listen(
    recording: Audible, channel: int, spans: Sequence[Span], block: Span, gain: float, encoder: VoiceEncoder
) -> Voiceprints:
    """The embeddings whose runs begin in ``block``, counted from half the shortest run before it."""
    lead, longest = RUN_LENGTHS[0] // 2, max(RUN_LENGTHS)
    first = block.start_ms // FRAME_MS - lead
    starts = np.arange(first, block.end_ms // FRAME_MS - lead, RUN_STEP_FRAMES)
    centres_ms = (starts[:, None] + np.array(RUN_LENGTHS) // 2) * FRAME_MS
    inside = np.zeros(centres_ms.shape, bool)
    for start_ms, end_ms in clip(spans, Span(block.start_ms, block.end_ms + longest * FRAME_MS)):
        inside |= (centres_ms >= start_ms) & (centres_ms < end_ms)
    wanted = inside.any(axis=1)
    if not wanted.any():
        return Voiceprints(np.empty(0, np.int64), np.empty((0, EMBEDDING_SIZE), np.float16))
    margin_ms = 2 * FRAME_MS  # so that the outermost frames hear their neighbours, not padding
    samples = _read_padded(
        recording, channel, first * FRAME_MS - margin_ms, int(starts[-1] + longest) * FRAME_MS + margin_ms
    )
    mel = mel_spectrogram(samples * np.float32(gain))[2:]
    runs = np.lib.stride_tricks.sliding_window_view(mel, longest, axis=0)[starts[wanted] - first]
    vectors = encoder.embed(runs.transpose(0, 2, 1), RUN_LENGTHS)
    kept = inside[wanted]
    return Voiceprints(centres_ms[wanted][kept], vectors[kept].astype(np.float16))


def _read_padded(recording: Audible, channel: int, start_ms: int, end_ms: int) -> NDArray[np.float32]:
    """The samples of ``[start_ms, end_ms)``, with silence where it reaches beyond the recording."""
    inside = Span(max(0, start_ms), min(end_ms, recording.duration_ms))
    samples = recording.read(channel, inside)
    before = (inside.start_ms - start_ms) * SAMPLE_RATE_HZ // 1000
    total = (end_ms - start_ms) * SAMPLE_RATE_HZ // 1000
    return np.pad(samples, (before, max(0, total - before - len(samples))))


def _gain(recording: Audible, channel: int, spans: Sequence[Span]) -> float:
    """The factor, at least 1, that raises the mean level within ``spans`` to :data:`LOUDNESS_DBFS`."""
    energy, n = 0.0, 0
    for span in spans:
        for start in range(span.start_ms, span.end_ms, BLOCK_MS):
            samples = recording.read(channel, Span(start, min(start + BLOCK_MS, span.end_ms)))
            energy += float(np.dot(samples, samples))
            n += len(samples)
    rms = math.sqrt(energy / n) if n else 0.0
    return max(1.0, 10 ** (LOUDNESS_DBFS / 20) / rms) if rms > 0 else 1.0
