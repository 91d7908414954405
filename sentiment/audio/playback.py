"""What a page needs of a recording: a small copy to play and the waveform to draw."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from sentiment.audio.recording import SAMPLE_RATE_HZ
from sentiment.timeline import Span

if TYPE_CHECKING:
    import numpy.typing as npt

    from sentiment.audio.muting import Sound

__all__ = ["peaks", "playback"]

_BLOCK_MS = 30_000
_BITS_PER_CHANNEL = 32_000  # per second: speech at 16 kHz stays plain, an hour of stereo is 29 MB


def playback(recording: Sound) -> bytes:
    """An MP3 every browser plays, at 16 kHz: stereo for two channels, else their mean in mono.

    32 kbit/s for each channel, encoded a block at a time.
    """
    import av

    stereo = recording.n_channels == 2
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as container:
        stream = container.add_stream(
            "libmp3lame", rate=SAMPLE_RATE_HZ, layout="stereo" if stereo else "mono"
        )
        stream.bit_rate = _BITS_PER_CHANNEL * (2 if stereo else 1)
        # Coded apart, so that one party's voice leaves no trace in the other's ear. Level 7 is twice
        # as fast as LAME's default and, at this rate, closer to the original (24.8 to 23.4 dB).
        stream.codec_context.options = {"joint_stereo": "0", "compression_level": "7"}
        for start_ms in range(0, recording.duration_ms, _BLOCK_MS):
            span = Span(start_ms, start_ms + _BLOCK_MS)
            block = np.stack([recording.read(c, span) for c in range(recording.n_channels)])
            if not stereo:
                block = block.mean(axis=0, keepdims=True)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo" if stereo else "mono")
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.pts = start_ms * (SAMPLE_RATE_HZ // 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def peaks(recording: Sound, channel: int, n: int) -> npt.NDArray[np.float32]:
    """The waveform of a channel: the largest ``|sample|`` of each of ``n`` equal bins.

    Returns float32 ``(n,)`` in [0, 1]. With more bins than samples, the bins without one are 0.

    Raises:
        ValueError: ``n`` is not positive.
        IndexError: there is no such channel.
    """
    if n < 1:
        raise ValueError(f"n is {n}; ask for at least one bin")
    out = np.zeros(n, dtype=np.float32)
    at = 0
    for start_ms in range(0, recording.duration_ms, _BLOCK_MS):
        block = np.abs(recording.read(channel, Span(start_ms, start_ms + _BLOCK_MS)))
        bins = (np.arange(at, at + len(block)) * n) // recording.n_samples
        np.maximum.at(out, bins, block)
        at += len(block)
    return out
