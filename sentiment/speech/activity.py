"""Where anyone speaks on a channel: the silero voice activity model, read in blocks.

Silero VAD (https://github.com/snakers4/silero-vad, MIT) is a small recurrent network; its version 6
travels inside faster-whisper. It gives each 32 ms of sound the probability that someone speaks.
faster-whisper's own helper wants the whole recording in memory; here the recurrent state is carried
from block to block instead, which gives the same numbers with flat memory however long the call is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sentiment.call import Model
from sentiment.timeline import Span, union

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ActivityOptions", "Audible", "find_spans", "speech_probabilities", "speech_spans"]

SAMPLES_PER_MS = 16
WINDOW_SAMPLES = 512
WINDOW_MS = WINDOW_SAMPLES // SAMPLES_PER_MS
CONTEXT_SAMPLES = 64
STATE_SIZE = 128
BLOCK_MS = 60_000
"""A whole number of windows; 60 s of sound take about 30 MB while they are judged."""


ACTIVITY_MODEL = Model(task="activity", name="silero-vad of faster-whisper", revision="6")
"""For a call's provenance."""


class Audible(Protocol):
    """What is needed of a :class:`sentiment.audio.Recording`: sound at 16 kHz, a span at a time."""

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds."""

    def read(self, channel: int, span: Span | None = None) -> NDArray[np.float32]:
        """The samples of one channel in ``span``, float32 ``(n,)`` in [-1, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityOptions:
    """How probabilities become spans; the defaults suit telephone calls.

    Speech begins where the probability reaches ``threshold`` and ends once it has stayed below
    ``threshold - hysteresis`` for ``min_silence_ms``. What is shorter than ``min_speech_ms`` is dropped
    (clicks, breaths), the rest is widened by ``pad_ms`` on both sides.
    """

    threshold: float = 0.5
    hysteresis: float = 0.15
    min_silence_ms: int = 400
    min_speech_ms: int = 150
    pad_ms: int = 200


def speech_spans(
    recording: Audible, channel: int, options: ActivityOptions | None = None
) -> tuple[Span, ...]:
    """Where anyone speaks on ``channel``: disjoint spans in order of time, within the recording.

    Memory does not grow with the length of the recording but for 4 bytes per 32 ms.

    Raises:
        AudioError: the recording cannot be read.
    """
    return find_spans(
        speech_probabilities(recording, channel), recording.duration_ms, options or ActivityOptions()
    )


def speech_probabilities(recording: Audible, channel: int) -> NDArray[np.float32]:
    """The probability in [0, 1] that someone speaks, float32 ``(n_windows,)``, one per 32 ms."""
    session = _session()
    state, cell = np.zeros((2, 1, 1, STATE_SIZE), np.float32)
    context = np.zeros(CONTEXT_SAMPLES, np.float32)
    found = [np.zeros(0, np.float32)]
    for block in _blocks(recording, channel):
        windows = block.reshape(-1, WINDOW_SAMPLES)
        before = np.vstack([context, windows[:-1, -CONTEXT_SAMPLES:]])
        probabilities, state, cell = session.run(
            None, {"input": np.hstack([before, windows]), "h": state, "c": cell}
        )
        context = windows[-1, -CONTEXT_SAMPLES:]
        found.append(probabilities.reshape(-1))
    return np.concatenate(found)


def find_spans(
    probabilities: NDArray[np.float32], duration_ms: int, options: ActivityOptions
) -> tuple[Span, ...]:
    """Turn one probability per 32 ms into speech spans, as silero's own utility does.

    Args:
        probabilities: float ``(n_windows,)`` in [0, 1].
        duration_ms: the recording's length, which no span goes beyond.
        options: thresholds and durations.
    """
    spans: list[Span] = []
    start_ms: int | None = None
    silent_from_ms: int | None = None
    for i, probability in enumerate(probabilities.tolist()):
        at_ms = i * WINDOW_MS
        if probability >= options.threshold:
            silent_from_ms = None
            start_ms = at_ms if start_ms is None else start_ms
        elif start_ms is not None and probability < options.threshold - options.hysteresis:
            silent_from_ms = at_ms if silent_from_ms is None else silent_from_ms
            if at_ms + WINDOW_MS - silent_from_ms >= options.min_silence_ms:
                spans.append(Span(start_ms, silent_from_ms))
                start_ms = silent_from_ms = None
    if start_ms is not None:
        spans.append(Span(start_ms, silent_from_ms or len(probabilities) * WINDOW_MS))
    return union(
        Span(max(0, s.start_ms - options.pad_ms), min(duration_ms, s.end_ms + options.pad_ms))
        for s in spans
        if s.duration_ms >= options.min_speech_ms
    )


def _blocks(recording: Audible, channel: int) -> Iterator[NDArray[np.float32]]:
    """The channel in blocks of whole windows; the last one is filled up with zeros."""
    for start_ms in range(0, recording.duration_ms, BLOCK_MS):
        end_ms = min(start_ms + BLOCK_MS, recording.duration_ms)
        samples = recording.read(channel, Span(start_ms, end_ms))
        if len(samples):
            yield np.pad(samples, (0, -len(samples) % WINDOW_SAMPLES))


@cache
def _session() -> Any:
    """The ONNX session of silero, on one thread.

    onnxruntime 1.31 sends usage events to its maker unless told not to before it is first imported.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from faster_whisper.vad import get_vad_model

    return get_vad_model().session
