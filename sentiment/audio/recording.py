"""Recording: a call's sound at 16 kHz, on disk, read a span at a time."""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NoReturn

import numpy as np

from sentiment.audio.channels import ChannelMeter
from sentiment.audio.decode import Source, check_shape
from sentiment.call import Audio
from sentiment.errors import AudioError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from types import TracebackType

    import numpy.typing as npt

    from sentiment.timeline import Span

__all__ = ["SAMPLE_RATE_HZ", "Recording", "check_recording", "open_recording"]

SAMPLE_RATE_HZ = 16_000
"""The rate of every recording once opened; what Whisper and the voice models hear."""

_PER_MS = SAMPLE_RATE_HZ // 1000
_BYTES = 2  # int16 on disk: what telephone codecs hold, and half the disk of float32
_SCALE = 32_768.0
_READ_SAMPLES = 1 << 20
_TOO_LOUD = 2.0  # times full scale; lossy codecs overshoot it a little, wrongly scaled floats a lot


class Recording:
    """The sound of one call at 16 kHz, kept in unlinked temporary files and read a span at a time.

    Make one with :func:`open_recording` or :meth:`from_samples`; close it, or use it in a ``with``.
    Reading is safe from several threads at once.

    Attributes:
        audio: The facts of the file it came from; ``audio.n_channels`` counts the file's channels.
        warnings: Sentences a reader of the result should know.
    """

    def __init__(self, audio: Audio, spool: _Spool, warnings: tuple[str, ...]) -> None:
        self.audio = audio
        self.warnings = warnings
        self._spool = spool

    @classmethod
    def from_samples(
        cls, samples: npt.NDArray[np.float32], sample_rate_hz: int, name: str = "samples"
    ) -> Recording:
        """A recording of samples in memory, float32 ``(n_channels, n_samples)`` in [-1, 1], any rate.

        Raises:
            AudioError: no samples, another shape, over 8 channels, a rate outside 1 to 384 kHz.
            OutputError: the folder for temporary files is full or cannot be written.
        """
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim != 2:
            raise AudioError(f"{name}: samples have shape {samples.shape}; give (n_channels, n_samples)")
        n_channels, n = samples.shape
        check_shape(name, n_channels, sample_rate_hz)
        sha256 = hashlib.sha256(np.ascontiguousarray(samples).data).hexdigest()
        blocks = (samples[:, at : at + sample_rate_hz].T for at in range(0, n, sample_rate_hz))
        facts = Audio(
            name=name,
            sha256=sha256,
            codec="pcm_f32le",
            sample_rate_hz=sample_rate_hz,
            n_channels=n_channels,
            layout=_layout(n_channels, identical=False),
        )
        return _record(facts, blocks, n / sample_rate_hz, [])

    @property
    def n_channels(self) -> int:
        """Channels that can be read; 1 when all of the file's hold the same sound."""
        return self._spool.n_channels

    @property
    def n_samples(self) -> int:
        """Samples of each channel at 16 kHz."""
        return self._spool.n_samples

    @property
    def duration_ms(self) -> int:
        """Length of the decoded sound; a last part of a millisecond counts as one."""
        return -(-self.n_samples // _PER_MS)

    def read(self, channel: int, span: Span | None = None) -> npt.NDArray[np.float32]:
        """One channel's samples in ``span`` (the whole call by default), float32 ``(n,)`` in [-1, 1].

        What of the span lies outside the recording is left out, so adjoining spans join without a seam.

        Raises:
            IndexError: there is no such channel.
        """
        if not 0 <= channel < self.n_channels:
            raise IndexError(f"{self.audio.name}: no channel {channel}, there are {self.n_channels}")
        start, stop = (
            (0, self.n_samples) if span is None else (span.start_ms * _PER_MS, span.end_ms * _PER_MS)
        )
        start, stop = max(0, start), min(self.n_samples, stop)
        out = np.empty(max(0, stop - start), dtype=np.float32)
        for at in range(0, len(out), _READ_SAMPLES):
            part = out[at : at + _READ_SAMPLES]
            np.divide(self._spool.read(channel, start + at, len(part)), _SCALE, out=part, dtype=np.float32)
        return out

    def close(self) -> None:
        """Give the disk space back; reading afterwards raises ``ValueError``."""
        self._spool.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_recording(
    path: str | Path, *, opened: BufferedReader | None = None, longest_s: float = math.inf
) -> Recording:
    """Decode a recording, at any length in the same memory.

    Takes 115 MB of disk per hour and channel in the folder for temporary files (``TMPDIR``), in files
    without a name, so that the sound is gone with the process.

    Args:
        path: an audio file; only what to call it where it is ``opened`` already.
        opened: where its bytes are read from, any place in it; closed at the end.
        longest_s: seconds of sound after which it is refused: a small file can hold days of silence.

    Raises:
        AudioError: missing, not a file, not allowed, empty, not sound, no samples, over 8 channels, too long.
        OutputError: the folder for temporary files is full or cannot be written.
    """
    path = Path(path)
    name = _printable(path.name)
    with opened or _open_file(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        with Source(file, name) as source:
            facts = Audio(
                name=name,
                sha256=sha256,
                codec=source.codec,
                sample_rate_hz=source.sample_rate_hz,
                n_channels=source.n_channels,
                layout=_layout(source.n_channels, identical=False),
            )
            if (source.stated_s or 0.0) > longest_s:
                raise _too_long(name, longest_s)
            blocks = _counted(source.blocks(), name, longest_s, source.sample_rate_hz)
            return _record(facts, blocks, source.stated_s, source.warnings)


def check_recording(path: str | Path, opened: BufferedReader, *, longest_s: float = math.inf) -> None:
    """Look whether ``opened`` begins as a recording does; little of it is read. Arguments as above.

    Raises:
        AudioError: it is not sound that can be read, has over 8 channels, or says it is too long.
    """
    name = _printable(Path(path).name)
    with Source(opened, name) as source:
        if (source.stated_s or 0.0) > longest_s:
            raise _too_long(name, longest_s)


def _counted(
    blocks: Iterable[npt.NDArray[np.float32]], name: str, longest_s: float, rate_hz: int
) -> Iterator[npt.NDArray[np.float32]]:
    n = 0
    for block in blocks:
        n += len(block)
        if n > longest_s * rate_hz:
            raise _too_long(name, longest_s)
        yield block


def _too_long(name: str, longest_s: float) -> AudioError:
    return AudioError(f"{name}: is longer than {longest_s / 3600:g} hours; cut it into its calls")


def _open_file(path: Path) -> BufferedReader:
    shown = _printable(str(path))
    try:
        if path.is_dir():
            raise AudioError(f"{shown}: is a folder; give the recording's file")
        if path.exists() and not path.is_file():
            raise AudioError(f"{shown}: is not a regular file; save the recording to a file first")
        file = path.open("rb")
    except FileNotFoundError:
        raise AudioError(f"{shown}: no such file; check the path") from None
    except PermissionError:
        raise AudioError(f"{shown}: may not be read; ask for read permission") from None
    except (OSError, ValueError) as error:
        raise AudioError(f"{shown}: cannot be opened ({error}); check the path") from None
    if os.fstat(file.fileno()).st_size == 0:
        file.close()
        raise AudioError(f"{shown}: is empty (0 bytes); copy or export it again")
    return file


def _printable(text: str) -> str:
    """One line of text that any terminal and JSON file takes, whatever a file is called."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _layout(n_channels: int, *, identical: bool) -> Literal["mono", "stereo", "identical"]:
    if n_channels == 1:
        return "mono"
    return "identical" if identical else "stereo"


def _record(
    facts: Audio, blocks: Iterable[npt.NDArray[np.float32]], stated_s: float | None, warnings: list[str]
) -> Recording:
    """Bring blocks ``(n, n_channels)`` to 16 kHz on disk and say what they hold.

    ``warnings`` may grow while the blocks are read.
    """
    meter = ChannelMeter(facts.n_channels)
    spool = _Spool(facts.n_channels, stated_s)
    try:
        clean = _Clean(blocks, meter)
        for block in _resampled(clean, facts.sample_rate_hz, facts.n_channels):
            spool.write(block)
        if not spool.n_samples:
            raise AudioError(f"{facts.name}: holds no sound (0 samples); record or export it again")
        if clean.n_bad == clean.n_seen:
            raise AudioError(f"{facts.name}: its samples are not numbers (NaN or infinite); export it again")
        identical = meter.identical
        if identical:
            spool.keep_first()
    except BaseException:
        spool.close()
        raise
    said = (*warnings, *_findings(meter, clean.n_bad, facts.n_channels, identical=identical))
    audio = replace(facts, layout=_layout(facts.n_channels, identical=identical))
    return Recording(audio, spool, said)


def _findings(meter: ChannelMeter, n_bad: int, n_channels: int, *, identical: bool) -> Iterator[str]:
    if n_bad:
        yield f"{n_bad} samples were not numbers (NaN or infinite); replaced by silence."
    if meter.peak > _TOO_LOUD:
        yield f"The samples reach {meter.peak:.1f} times full scale and were clipped; export them in [-1, 1]."
    if identical and n_channels == 2:
        yield "Channels 0 and 1 hold the same sound; treated as a mono recording."
    elif identical:
        yield f"All {n_channels} channels hold the same sound; treated as a mono recording."
    if len(meter.silent) == n_channels:
        yield "The recording is silent."
    else:
        yield from (f"Channel {channel} is silent." for channel in meter.silent)


class _Clean:
    """Blocks with what is not a number replaced by 0, measured, and clipped to [-1, 1]."""

    def __init__(self, blocks: Iterable[npt.NDArray[np.float32]], meter: ChannelMeter) -> None:
        self.n_bad = self.n_seen = 0
        self._blocks, self._meter = blocks, meter

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        for block in self._blocks:
            finite = np.isfinite(block)
            self.n_seen += block.size
            self.n_bad += block.size - int(np.count_nonzero(finite))
            clean = np.where(finite, block, np.float32(0))
            self._meter.add(clean)
            yield np.clip(clean, -1, 1)


def _resampled(
    blocks: Iterable[npt.NDArray[np.float32]], rate_hz: int, n_channels: int
) -> Iterator[npt.NDArray[np.float32]]:
    """The blocks at 16 kHz; the filter runs on across them, so there are no seams."""
    if rate_hz == SAMPLE_RATE_HZ:
        yield from blocks
        return
    import soxr  # type: ignore[import-untyped,unused-ignore]

    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, n_channels, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.empty((0, n_channels), dtype=np.float32), last=True)


class _Spool:
    """Samples at 16 kHz in unlinked temporary files, int16, one file for each channel."""

    def __init__(self, n_channels: int, expected_s: float | None) -> None:
        self.n_samples = 0
        self._expected_bytes = (
            None if expected_s is None else int(expected_s * SAMPLE_RATE_HZ * _BYTES * n_channels)
        )
        self._files: list[BinaryIO] = []
        try:
            for _ in range(n_channels):
                self._files.append(tempfile.TemporaryFile(buffering=0, prefix="sentiment-"))  # noqa: SIM115
        except OSError as error:
            self._fail(error)

    @property
    def n_channels(self) -> int:
        return len(self._files)

    def write(self, block: npt.NDArray[np.float32]) -> None:
        """Append samples ``(n, n_channels)``."""
        whole = np.clip(np.rint(block.T * _SCALE), -_SCALE, _SCALE - 1).astype("<i2")
        try:
            for file, channel in zip(self._files, whole, strict=True):
                left = memoryview(channel.tobytes())
                while left:  # a nearly full disk takes a part, then raises
                    left = left[file.write(left) :]
        except OSError as error:
            self._fail(error)
        self.n_samples += len(block)

    def read(self, channel: int, start: int, n: int) -> npt.NDArray[np.int16]:
        """``n`` samples from ``start``; they have to be there."""
        data = os.pread(self._files[channel].fileno(), n * _BYTES, start * _BYTES)
        return np.frombuffer(data, dtype="<i2")

    def keep_first(self) -> None:
        """Drop all channels but the first."""
        for file in self._files[1:]:
            file.close()
        del self._files[1:]

    def close(self) -> None:
        for file in self._files:
            file.close()

    def _fail(self, error: OSError) -> NoReturn:
        self.close()
        done = self.n_samples * _BYTES * max(1, len(self._files))
        need = (
            f"about {self._expected_bytes / 1e6:.0f}"
            if self._expected_bytes
            else f"more than {done / 1e6:.0f}"
        )
        raise OutputError(
            f"{tempfile.gettempdir()}: cannot keep the decoded sound there ({error.strerror}); "
            f"it needs {need} MB, free that much or set TMPDIR to another folder"
        ) from error
