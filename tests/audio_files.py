"""Makes the sound files that the audio tests read: every codec, and every way a file can be broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

TONES_HZ = (440.0, 1000.0)
"""The tone in channel 0 and in channel 1: below 4 kHz, and not multiples of each other."""


def tones(seconds: float, sample_rate_hz: int, n_channels: int = 2) -> np.ndarray:
    """Another tone in each channel, half of full scale: float32 ``(n_channels, n)``."""
    at = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    return np.stack([0.5 * np.sin(2 * np.pi * hz * at) for hz in TONES_HZ[:n_channels]]).astype(np.float32)


def babble(seconds: float, sample_rate_hz: int = 8000, seed: int = 0, n_channels: int = 1) -> np.ndarray:
    """Noise that comes and goes in syllables, float32 ``(n_channels, n)``; other seeds are other voices."""
    rng = np.random.default_rng(seed)
    n = round(seconds * sample_rate_hz)
    level = np.abs(np.sin(np.pi * np.arange(n) / sample_rate_hz * rng.uniform(1, 3, (n_channels, 1))))
    return (0.1 * level * rng.standard_normal((n_channels, n))).astype(np.float32)


def loudest_hz(samples: np.ndarray, sample_rate_hz: int = 16_000) -> float:
    """The frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * sample_rate_hz / len(samples))


def write(path: Path, samples: np.ndarray, sample_rate_hz: int, subtype: str | None = None) -> Path:
    """Write ``(n_channels, n)`` through libsndfile, the form by the file's ending."""
    import soundfile

    form = "OGG" if path.suffix == ".opus" else "RAW" if path.suffix in (".ul", ".pcma", ".sln") else None
    soundfile.write(path, samples.T, sample_rate_hz, subtype=subtype, format=form)
    return path


def encode(
    path: Path,
    samples: np.ndarray,
    sample_rate_hz: int,
    codec: str,
    *,
    video: bool = False,
) -> Path:
    """Write ``(n_channels, n)`` through FFmpeg, with a black picture track if asked."""
    import av

    layout = "mono" if len(samples) == 1 else "stereo"
    with av.open(str(path), "w") as out:
        picture = _picture_track(out) if video else None
        stream = out.add_stream(codec, rate=sample_rate_hz, layout=layout)
        if codec == "wmav2":
            stream.bit_rate = 64_000
        stream.codec_context.open()
        if picture is not None:
            _write_picture(out, picture)
        fit = av.AudioResampler(
            format=stream.codec_context.format.name,
            layout=layout,
            rate=sample_rate_hz,
            frame_size=stream.codec_context.frame_size,
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = sample_rate_hz, 0
        for piece in [*fit.resample(frame), *fit.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return path


def write_silent_film(path: Path) -> Path:
    """A video without an audio track."""
    import av

    with av.open(str(path), "w") as out:
        _write_picture(out, _picture_track(out))
    return path


def _picture_track(out):
    track = out.add_stream("libvpx" if out.format.name == "webm" else "mpeg4", rate=10)
    track.width, track.height, track.pix_fmt = 64, 64, "yuv420p"
    return track


def _write_picture(out, track) -> None:
    import av

    for _ in range(10):
        out.mux(track.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
    out.mux(track.encode(None))


def write_amr_wb(path: Path, n_frames: int) -> Path:
    """AMR-WB by hand (RFC 4867, section 5): there is no free encoder. 6.6 kbit/s frames of noise."""
    rng = np.random.default_rng(0)
    frames = (b"\x04" + rng.bytes(16) + b"\xf0" for _ in range(n_frames))  # 132 bits and 4 of padding
    path.write_bytes(b"#!AMR-WB\n" + b"".join(frames))
    return path


def cut(path: Path, part: float) -> Path:
    """The first ``part`` of a file, as a copy that stopped leaves it."""
    data = path.read_bytes()
    short = path.with_name(f"cut-{path.name}")
    short.write_bytes(data[: int(len(data) * part)])
    return short


def scribble(path: Path, n_bytes: int) -> Path:
    """A file with random bytes over its middle."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + n_bytes] = np.random.default_rng(1).bytes(n_bytes)
    bad = path.with_name(f"bad-{path.name}")
    bad.write_bytes(data)
    return bad
