"""A recording with stretches of it silent, and writing sound to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

import numpy as np

from sentiment.audio.recording import SAMPLE_RATE_HZ
from sentiment.timeline import Span, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from sentiment.audio.recording import Recording

__all__ = ["Muted", "Sound", "mute", "write_sound"]

_FADE_MS = 5
_BLOCK_MS = 30_000
_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")
_BITS_PER_CHANNEL = {"opus": 24_000, "mp3": 32_000}  # per second; either keeps speech at 16 kHz plain


class Sound(Protocol):
    """What can be played and written: a :class:`Recording`, or one with stretches of it silent."""

    @property
    def n_channels(self) -> int:
        """Channels that can be read."""

    @property
    def n_samples(self) -> int:
        """Samples of each channel at 16 kHz."""

    @property
    def duration_ms(self) -> int:
        """Length; a last part of a millisecond counts as one."""

    def read(self, channel: int, span: Span | None = None) -> npt.NDArray[np.float32]:
        """One channel's samples in ``span``, float32 ``(n,)`` in [-1, 1]."""


class Muted:
    """A recording as it is heard with stretches of it silent; read like a recording.

    ``spans`` are by channel (:func:`sentiment.redact.mute_spans`). Where the sound has one channel it
    holds every voice, so the stretches of all are silent in it.

    Raises:
        ValueError: spans of a channel that there is not.
    """

    def __init__(self, recording: Recording, spans: Mapping[int, Iterable[Span]]) -> None:
        self._recording = recording
        self._spans = _by_channel(spans, recording.n_channels)

    @property
    def n_channels(self) -> int:
        """Channels that can be read."""
        return self._recording.n_channels

    @property
    def n_samples(self) -> int:
        """Samples of each channel at 16 kHz."""
        return self._recording.n_samples

    @property
    def duration_ms(self) -> int:
        """Length; a last part of a millisecond counts as one."""
        return self._recording.duration_ms

    def read(self, channel: int, span: Span | None = None) -> npt.NDArray[np.float32]:
        """One channel's samples in ``span`` (all by default), float32 ``(n,)`` in [-1, 1].

        Raises:
            IndexError: there is no such channel.
        """
        samples = self._recording.read(channel, span)
        start = 0 if span is None else max(0, span.start_ms) * SAMPLE_RATE_HZ // 1000
        _silence(samples, start, SAMPLE_RATE_HZ, self._spans[channel])
        return samples


def mute(
    samples: npt.NDArray[np.float32], sample_rate_hz: int, spans: Mapping[int, Iterable[Span]]
) -> npt.NDArray[np.float32]:
    """A copy of samples ``(n_channels, n_samples)`` that is silent in ``spans``, by channel.

    The sound fades out in the 5 ms before a span and in again in the 5 ms after it, so that nothing
    clicks. Sound of one channel holds every voice: the spans of all channels are silent in it.

    Raises:
        ValueError: samples of another shape, or spans of a channel that there is not.
    """
    if samples.ndim != 2:
        raise ValueError(f"samples have shape {samples.shape}; give (n_channels, n_samples)")
    muted = np.array(samples, dtype=np.float32)
    for channel, own in enumerate(_by_channel(spans, len(muted))):
        _silence(muted[channel], 0, sample_rate_hz, own)
    return muted


def _by_channel(spans: Mapping[int, Iterable[Span]], n_channels: int) -> list[tuple[Span, ...]]:
    if n_channels == 1:
        return [union(span for own in spans.values() for span in own)]
    if strange := sorted(channel for channel in spans if not 0 <= channel < n_channels):
        raise ValueError(
            f"spans of channel {strange[0]}, but there are {n_channels} channels; check the call's"
        )
    return [union(spans.get(channel, ())) for channel in range(n_channels)]


def _silence(
    samples: npt.NDArray[np.float32], first: int, sample_rate_hz: int, spans: Iterable[Span]
) -> None:
    """Silence ``spans`` in samples ``(n,)`` of which the first is the recording's ``first``-th, in place."""
    fade = max(1, sample_rate_hz * _FADE_MS // 1000)
    falling = np.linspace(1, 0, fade + 1, dtype=np.float32)[1:]
    last = first + len(samples)
    for span in spans:
        start, end = span.start_ms * sample_rate_hz // 1000, -(-span.end_ms * sample_rate_hz // 1000)
        if end + fade <= first or start - fade >= last:
            continue
        samples[max(0, start - first) : max(0, end - first)] = 0
        for at, gain in ((start - fade, falling), (end, falling[::-1])):
            low, high = max(first, at), min(last, at + fade)
            if low < high:
                samples[low - first : high - first] *= gain[low - at : high - at]


def write_sound(sound: Sound, file: BinaryIO, kind: Literal["flac", "opus", "mp3"]) -> None:
    """Write sound at 16 kHz to an open file, half a minute at a time, whatever its length.

    ``flac`` keeps every channel to the bit as it is read; ``opus`` (in Ogg) and ``mp3`` hold two channels,
    or the mean of any other number. The file must be writable and, for its length to be told, seekable.
    """
    import av

    n_kept = sound.n_channels if kind == "flac" or sound.n_channels == 2 else 1
    layout = _LAYOUTS[n_kept - 1]
    codec, container_format = {
        "flac": ("flac", "flac"),
        "opus": ("libopus", "ogg"),
        "mp3": ("libmp3lame", "mp3"),
    }[kind]
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout=layout)
        if kind == "flac":
            stream.codec_context.format = av.AudioFormat("s16")
        else:
            stream.bit_rate = _BITS_PER_CHANNEL[kind] * n_kept
        for start_ms in range(0, sound.duration_ms, _BLOCK_MS):
            span = Span(start_ms, start_ms + _BLOCK_MS)
            block = np.stack([sound.read(c, span) for c in range(sound.n_channels)])
            if n_kept != len(block):
                block = block.mean(axis=0, keepdims=True)
            whole = np.clip(np.rint(block.T * 32_768), -32_768, 32_767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(whole.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.pts = start_ms * (SAMPLE_RATE_HZ // 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
