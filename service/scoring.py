"""Finds the files a command names, scores each and writes what was asked for."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sentiment.audio import open_recording, peaks, playback
from sentiment.call import Call, Role, from_json, to_json
from sentiment.errors import (
    ConversationError,
    InputError,
    OutputError,
    SentimentError,
    UnknownModelError,
)
from sentiment.files import file_stem, write_atomically
from sentiment.formats import chat
from sentiment.formats.call_analytics import to_call_analytics
from sentiment.formats.sidecar import read_sidecar
from sentiment.formats.subtitles import to_srt, to_text, to_webvtt
from sentiment.summary import Row, summarise
from service.terminal import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence, Set
    from pathlib import Path

    from sentiment.audio import Recording
    from sentiment.pipeline import Analyser, Progress

__all__ = ["AUDIO_SUFFIXES", "FORMATS", "Outcome", "earlier_rows", "find_inputs", "render", "score_file"]

AUDIO_SUFFIXES = frozenset(
    {
        ".3gp", ".aac", ".aif", ".aiff", ".al", ".alaw", ".amr", ".au", ".awb", ".caf", ".flac", ".g722",
        ".gsm", ".m4a", ".mka", ".mkv", ".mov", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".pcma", ".pcmu",
        ".sln", ".sln16", ".ul", ".ulaw", ".w64", ".wav", ".wave", ".webm", ".wma",
    }
)  # fmt: skip
"""What is taken for a recording when a folder is named; a file named itself is always opened."""

FORMATS = ("json", "html", "vtt", "srt", "txt", "tca")

_N_PEAKS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one call: its ``row`` of the summary and ``warnings``, or the ``error``."""

    source: Path
    row: Row | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0


def find_inputs(path: Path) -> tuple[Path, ...]:
    """The file named, or the recordings in the folder named and below, in order of name.

    Raises:
        InputError: a folder without recordings.
    """
    try:
        if not path.is_dir():
            return (path,)
    except OSError as error:
        raise InputError(f"{path}: cannot be looked at ({error.strerror}); check the path") from None
    inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES and _visible(p, path))
    if not inside:
        raise InputError(f"{path}: a folder with no recordings in it; name a folder that has some, or a file")
    return tuple(inside)


def score_file(
    analyser: Analyser,
    path: Path,
    *,
    out: Path,
    formats: Sequence[str],
    taken: dict[str, Path],
    roles: Mapping[int, Role] | None = None,
    transcribe_only: bool = False,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Score the calls of one file, write each one's results as soon as it is done, and say so.

    ``taken`` remembers which file each call id came from, so that none overwrites another's results in
    one run. A call that cannot be scored gives an outcome with its error, and the next one is taken up.

    Raises:
        UnknownModelError: no call can be scored with such a model.
    """
    if path.suffix.lower() not in chat.SUFFIXES:

        def one_recording() -> tuple[Call, tuple[str, ...]]:
            about = read_sidecar(path)
            _claim(about.call_id or path.stem, path, taken)
            with open_recording(path) as recording:
                call = analyser.transcribe(recording, about=about, roles=roles, progress=progress)
                if not transcribe_only:
                    call = analyser.score(call, recording=recording, progress=progress)
                return call, _write(call, out, formats, recording)

        yield _outcome(path, one_recording)
        return

    def one_chat(written: Call) -> tuple[Call, tuple[str, ...]]:
        _claim(written.id, path, taken)
        call = analyser.score(written, progress=progress)
        return call, _write(call, out, formats, None)

    try:
        if transcribe_only:
            raise ConversationError(f"{path}: is text already; to score it: sentiment score {path}")
        chats = chat.read_chats(path)
    except SentimentError as error:
        yield Outcome(source=path, error=str(error))
        return
    yield from (Outcome(source=path, error=str(error)) for error in chats.errors)
    for written in chats.calls:
        yield _outcome(path, partial(one_chat, written))


def earlier_rows(out: Path, *, but: Set[str]) -> list[Row]:
    """The calls of earlier runs whose JSON and page are in ``out``, except those with an id in ``but``."""
    rows = []
    known = {f"{file_stem(call_id)}.json" for call_id in but}
    for path in sorted(out.glob("*.json")):
        if path.name in known or not path.with_suffix(".html").is_file():
            continue
        try:
            call = from_json(path.read_bytes())
        except (ConversationError, OSError):
            continue  # not a call of this version: its page stays, but it cannot be listed
        if call.id not in but:
            rows.append(summarise(call))
    return rows


def render(
    call: Call, form: str, *, audio: bytes | None = None, outline: Sequence[Sequence[float]] = ()
) -> str:
    """A call in one of :data:`FORMATS`; ``audio`` (MP3) and ``outline`` (peaks) are for the page.

    Raises:
        ConversationError: the form cannot hold this call, as subtitles one without times.
    """
    if form == "html":
        from sentiment.formats.html import call_page

        return call_page(call, playback=audio, peaks=outline)
    writers = {"json": to_json, "vtt": to_webvtt, "srt": to_srt, "txt": to_text, "tca": to_call_analytics}
    return writers[form](call)


def _outcome(path: Path, work: Callable[[], tuple[Call, tuple[str, ...]]]) -> Outcome:
    """What becomes of one call that ``work`` scores and writes, telling what was left out.

    An error that nobody foresaw must not cost the calls after it.
    """
    began = time.monotonic()
    try:
        call, left_out = work()
    except UnknownModelError:
        raise
    except SentimentError as error:
        return Outcome(source=path, error=str(error), seconds=time.monotonic() - began)
    except Exception as error:
        logging.getLogger(__name__).debug("%s", path, exc_info=True)
        return Outcome(source=path, error=fault(path, error), seconds=time.monotonic() - began)
    warnings = (*call.warnings, *left_out)
    return Outcome(source=path, row=summarise(call), warnings=warnings, seconds=time.monotonic() - began)


def _write(call: Call, out: Path, formats: Sequence[str], recording: Recording | None) -> tuple[str, ...]:
    """Write the call in every format that can hold it; a warning for each that cannot.

    Raises:
        ConversationError: none of them can.
    """
    refused: dict[str, ConversationError] = {}
    audio, outline = None, []
    if "html" in formats and recording is not None:
        audio = playback(recording)
        outline = [peaks(recording, c, _N_PEAKS).tolist() for c in range(recording.n_channels)]
    for form in sorted(formats, key="html".__eq__):  # the page last: one older than its call was left behind
        try:
            text = render(call, form, audio=audio, outline=outline)
        except ConversationError as error:
            refused[form] = error
            continue
        write_atomically(out / f"{file_stem(call.id)}.{form}", text)
    if len(refused) == len(formats):
        raise refused[formats[0]]
    return tuple(f"no {form} was written: {error}" for form, error in refused.items())


def _claim(call_id: str, path: Path, taken: dict[str, Path]) -> None:
    """Note that ``path`` writes the files of ``call_id``, so that no other overwrites them in this run."""
    key = file_stem(call_id).casefold()
    if key in taken:
        if path.suffix.lower() in chat.SUFFIXES:
            advice = "give its conversations other call ids"
        else:
            advice = f'rename it, or give it a "call_id" in {path.name}.json'
        raise OutputError(
            f"{path}: has the call id {call_id!r}, as {taken[key]} does, and its results would replace the "
            f"other's; {advice}"
        )
    taken[key] = path


def _visible(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts) and path.is_file()
