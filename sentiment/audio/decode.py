"""A file of sound -> blocks of samples at its own rate, whatever the codec.

One decoder, FFmpeg (through PyAV), reads every format. libsndfile was measured beside it and gives up
at the first damaged frame of an MP3 or FLAC file, where FFmpeg goes on, and its MP3 decoder prints to
the user's terminal.
"""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from types import TracebackType

    import numpy.typing as npt

__all__ = ["MAX_CHANNELS", "MAX_RATE_HZ", "MIN_RATE_HZ", "Source", "check_shape"]

MAX_CHANNELS = 8
MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 384_000

# Containers that hold sound themselves. Play lists (hls, concat) are left out on purpose: a file
# somebody uploads must not be able to name other files or addresses to read.
_CONTAINERS = (
    "aac,ac3,aiff,amr,asf,au,avi,caf,flac,flv,ircam,loas,matroska,mov,mp3,mpeg,mpegts,"
    "nistsphere,nut,ogg,sox,voc,w64,wav,wv"
)

# Telephone formats without a header, by what PBXs call them: FFmpeg format and rate in Hz, one channel.
_HEADERLESS = {
    ".al": ("alaw", 8_000),
    ".alaw": ("alaw", 8_000),
    ".g722": ("g722", 16_000),
    ".gsm": ("gsm", 8_000),
    ".pcma": ("alaw", 8_000),
    ".pcmu": ("mulaw", 8_000),
    ".sln": ("sln", 8_000),
    ".sln16": ("s16le", 16_000),
    ".ul": ("mulaw", 8_000),
    ".ulaw": ("mulaw", 8_000),
}

# Where the length that FFmpeg reports was written by the recorder, not guessed from the bit rate.
_STATES_LENGTH = {
    "aiff",
    "asf",
    "au",
    "avi",
    "caf",
    "flac",
    "matroska,webm",
    "wav",
    "mov,mp4,m4a,3gp,3g2,mj2",
}
# Where frames carry their own time, so that a hole can be told from the end. Not FLAC: after damage
# FFmpeg's times for it leap to and fro.
_STATES_TIMES = {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "ogg"}
_SHORTEST_GAP_S = 0.05
_LONGEST_GAP_S = 600.0  # a longer leap is a clock set anew or a damaged time
_MOST_MISSING_S = 3600.0
_MP3_TAGS = (b"Xing", b"Info", b"VBRI")
_SHORT_BY_S = 0.3  # codecs pad and trim their ends by up to a quarter of a second at 8 kHz


def check_shape(name: str, n_channels: int, sample_rate_hz: int) -> None:
    """Raise :class:`AudioError` for more channels or another rate than a recording of a call has."""
    if n_channels > MAX_CHANNELS:
        raise AudioError(
            f"{name}: has {n_channels} channels; at most {MAX_CHANNELS} are read, so export only the parties'"
        )
    if n_channels < 1:
        raise AudioError(f"{name}: has no channels; export it again with at least one")
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"{name}: its sample rate is {sample_rate_hz} Hz; "
            f"convert it to one from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz"
        )


class Source:
    """The first audio track of an open file; a context manager.

    ``codec`` is FFmpeg's name of it (``pcm_mulaw``, ``opus`` ...). After :meth:`blocks` ran to its end,
    ``warnings`` says what could not be decoded.

    Raises:
        AudioError: not sound that can be read, no audio track, too many channels, an odd rate.
    """

    def __init__(self, file: BufferedReader, name: str) -> None:
        self._file, self._name = file, name
        self.warnings: list[str] = []
        self._head = file.read(1 << 18)
        self._container = self._open()
        try:
            self._stream = self._first_track()
            codec = self._stream.codec_context
            codec.thread_count = 1
            self.codec: str = codec.codec.canonical_name
            self.sample_rate_hz: int = codec.sample_rate or 0
            self.n_channels: int = codec.channels or 0
            self._layout = codec.layout
            if not self.sample_rate_hz or not self.n_channels:
                raise AudioError(f"{name}: holds no sound (0 samples); record or export it again")
            check_shape(name, self.n_channels, self.sample_rate_hz)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def stated_s(self) -> float | None:
        """Seconds of sound the file says it holds, ``None`` when it does not say."""
        form, length = self._container.format.name, self._stream.duration
        if form not in _STATES_LENGTH and not (form == "mp3" and any(tag in self._head for tag in _MP3_TAGS)):
            return None
        if length is not None:
            return float(length * self._stream.time_base)
        return None if self._container.duration is None else self._container.duration / 1_000_000

    def blocks(self) -> Iterator[npt.NDArray[np.float32]]:
        """The sound, about a second at a time: float32 ``(n, n_channels)``, full scale is 1.

        Holes in it are filled with silence where the file gives times, so what follows keeps its own.
        """
        n_read = 0
        for block in _batched(self._pieces(), self.sample_rate_hz):
            n_read += len(block)
            yield block
        self._check_whole(n_read / self.sample_rate_hz)

    def _check_whole(self, read_s: float) -> None:
        form, stated_s = self._container.format.name, self.stated_s
        if (
            form == "wav" and self._head[:4] == b"RIFF"
        ):  # FFmpeg cuts a WAV file's length to what is there without a word
            stated_s = read_s / _part_present(self._head, self._file.seek(0, os.SEEK_END))
        if stated_s is not None and stated_s - read_s > _SHORT_BY_S:
            self.warnings.append(
                f"The file is cut short or damaged: it says it holds {stated_s:.1f} s of sound, "
                f"{read_s:.1f} s could be read."
            )
        elif form == "ogg" and not _ogg_ends(self._file):
            self.warnings.append("The file lacks its end: it was cut short, or its recorder was stopped.")

    def _open(self) -> Any:
        import av

        try:
            return self._av_open(options={"format_whitelist": _CONTAINERS})
        except (av.FFmpegError, ValueError) as error:
            headerless = _HEADERLESS.get(PurePath(self._name).suffix.lower())
            if headerless is None:
                raise AudioError(f"{self._name}: {self._why_unreadable()}") from error
        form, rate_hz = headerless
        try:
            container = self._av_open(format=form, options={"sample_rate": str(rate_hz)})
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(f"{self._name}: cannot be read as {form}; export it as WAV") from error
        self.warnings.append(f"The file has no header; read as {form}, {rate_hz} Hz, one channel.")
        return container

    def _av_open(self, **how: Any) -> Any:
        import av

        self._file.seek(0)
        return av.open(self._file, metadata_errors="replace", **how)

    def _why_unreadable(self) -> str:
        if self._head[4:8] == b"ftyp":
            return "is an MP4 file without its index, cut short or damaged; copy or export it again"
        return "is not a sound file that can be read; export it as WAV, FLAC, MP3, Ogg or M4A"

    def _first_track(self) -> Any:
        tracks = self._container.streams.audio
        if not tracks:
            raise AudioError(f"{self._name}: has no audio track; give the recording that has the sound")
        if tracks[0].codec_context is None:
            raise AudioError(f"{self._name}: its sound is in a codec that cannot be read; export it as WAV")
        return tracks[0]

    def _pieces(self) -> Iterator[npt.NDArray[np.float32]]:
        """Decoded pieces, float32 ``(n, n_channels)``, all at the track's rate and layout.

        Raises:
            AudioError: the times that frames carry leave more than an hour without sound.
        """
        clock = _Clock(ticks=self._container.format.name in _STATES_TIMES)
        converter, form = None, None
        for frame in self._frames():
            if missing_s := clock.missing_before(frame):
                if clock.missing_s > _MOST_MISSING_S:
                    raise AudioError(
                        f"{self._name}: its timestamps are damaged: they leave more than "
                        f"{_MOST_MISSING_S / 60:.0f} minutes without sound; export it as WAV"
                    )
                yield from self._silence(missing_s)
            now = (frame.sample_rate, frame.layout.name, frame.format.name)
            if now != form:  # some streams change their form on the way
                yield from self._converted(converter, None)
                converter, form = self._converter(), now
            yield from self._converted(converter, frame)
        yield from self._converted(converter, None)
        if clock.missing_s:
            self.warnings.append(
                f"Gaps in the file, {clock.missing_s:.1f} s in all, were filled with silence."
            )

    def _silence(self, seconds: float) -> Iterator[npt.NDArray[np.float32]]:
        """A second at a time: a long hole need not fit into memory."""
        n = round(seconds * self.sample_rate_hz)
        for at in range(0, n, self.sample_rate_hz):
            yield np.zeros((min(self.sample_rate_hz, n - at), self.n_channels), dtype=np.float32)

    def _frames(self) -> Iterator[Any]:
        import av

        n_bad = 0
        for packet in self._packets():
            try:
                yield from packet.decode()
            except av.FFmpegError:
                n_bad += 1
        if n_bad:
            parts = "1 damaged part" if n_bad == 1 else f"{n_bad} damaged parts"
            self.warnings.append(f"{parts} of the file could not be decoded.")

    def _packets(self) -> Iterator[Any]:
        import av

        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, OSError) as error:
            self.warnings.append(f"The file could not be read to its end ({error}).")

    def _converter(self) -> Any:
        import av

        return av.AudioResampler(format="flt", layout=self._layout, rate=self.sample_rate_hz)

    def _converted(self, converter: Any, frame: Any) -> Iterator[npt.NDArray[np.float32]]:
        for piece in converter.resample(frame) if converter else ():
            yield piece.to_ndarray().reshape(-1, self.n_channels)


class _Clock:
    """Compares the times that frames carry with the sound so far."""

    def __init__(self, *, ticks: bool) -> None:
        self.missing_s = 0.0
        self._ticks = ticks
        self._due_s: float | None = None

    def missing_before(self, frame: Any) -> float:
        """Seconds of sound that are missing between the last frame and this one."""
        if not self._ticks or frame.time is None:
            return 0.0
        late_s = 0.0 if self._due_s is None else frame.time - self._due_s
        # Small differences are rounded times; they are left to add up, and made good if they do.
        rebase = self._due_s is None or abs(late_s) >= _SHORTEST_GAP_S
        self._due_s = (frame.time if rebase else self._due_s) + frame.samples / frame.sample_rate
        if not _SHORTEST_GAP_S <= late_s <= _LONGEST_GAP_S:
            return 0.0
        self.missing_s += late_s
        return late_s


def _part_present(head: bytes, size: int) -> float:
    """The part in (0, 1] of a RIFF WAV file's stated data that is there; 1 for other files."""
    at = 12 if head[:4] == b"RIFF" else len(head)
    while at + 8 <= len(head):
        stated = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == b"data":
            present = size - at - 8
            # Recorders that write to a pipe leave 0 or a huge number for "not known".
            known = 0 < stated < 0x7FFF_0000 or 0 < stated <= present
            return min(1.0, present / stated) if known and present > 0 else 1.0
        at += 8 + stated + stated % 2
    return 1.0


def _ogg_ends(file: BufferedReader) -> bool:
    """Whether the last page of an Ogg file is marked as the last of its stream (RFC 3533, section 6)."""
    file.seek(-min(1 << 17, os.fstat(file.fileno()).st_size), os.SEEK_END)  # a page has at most 64 KB
    tail = file.read()
    flags = tail.rfind(b"OggS") + 5
    return 5 <= flags < len(tail) and bool(tail[flags] & 4)


def _batched(pieces: Iterator[npt.NDArray[np.float32]], n: int) -> Iterator[npt.NDArray[np.float32]]:
    """Join pieces to blocks of at least ``n`` samples (the last may be shorter)."""
    held: list[npt.NDArray[np.float32]] = []
    n_held = 0
    for piece in pieces:
        held.append(piece)
        n_held += len(piece)
        if n_held >= n:
            yield np.concatenate(held)
            held, n_held = [], 0
    if n_held:
        yield np.concatenate(held)
