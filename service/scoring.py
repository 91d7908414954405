"""Finds the files a command names, scores each and writes what was asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.audio import open_recording, peaks, playback
from sentiment.call import Call, Role, to_json
from sentiment.errors import (
    ConversationError,
    InputError,
    OutputError,
    SentimentError,
    UnknownModelError,
)
from sentiment.files import file_stem, write_atomically
from sentiment.formats import chat
from sentiment.formats.sidecar import read_sidecar
from sentiment.formats.subtitles import to_srt, to_text, to_webvtt
from sentiment.summary import Row, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sentiment.pipeline import Analyser, Progress

__all__ = ["AUDIO_SUFFIXES", "FORMATS", "Outcome", "find_inputs", "render", "score_file"]

AUDIO_SUFFIXES = frozenset(
    {
        ".3gp", ".aac", ".aif", ".aiff", ".amr", ".au", ".awb", ".flac", ".g722", ".gsm", ".m4a", ".mka",
        ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".wave", ".webm", ".wma",
    }
)  # fmt: skip
"""What is taken for a recording when a folder is named; a file named itself is always opened."""

FORMATS = ("json", "html", "vtt", "srt", "txt")

_N_PEAKS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one call: its ``row`` of the summary, or the ``error``; and how long it took."""

    source: Path
    row: Row | None = None
    error: str | None = None
    seconds: float = 0.0


def find_inputs(path: Path) -> tuple[Path, ...]:
    """The file named, or the recordings in the folder named and below, in order of name.

    Raises:
        InputError: a folder without recordings.
    """
    if not path.is_dir():
        return (path,)
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
    one run. A file that cannot be scored gives an outcome with its error.

    Raises:
        UnknownModelError: no call can be scored with such a model.
    """
    began = time.monotonic()
    try:
        for call, results in _calls(analyser, path, formats, roles, transcribe_only, progress):
            _claim(call.id, path, taken)
            for suffix, text in results.items():
                write_atomically(out / f"{file_stem(call.id)}.{suffix}", text)
            yield Outcome(source=path, row=summarise(call), seconds=time.monotonic() - began)
            began = time.monotonic()
    except UnknownModelError:
        raise
    except SentimentError as error:
        yield Outcome(source=path, error=str(error), seconds=time.monotonic() - began)


def render(
    call: Call, form: str, *, audio: bytes | None = None, outline: Sequence[Sequence[float]] = ()
) -> str:
    """A call in one of :data:`FORMATS`; ``audio`` (MP3) and ``outline`` (peaks) are for the page.

    Raises:
        ConversationError: subtitles were asked for and the call has no times.
    """
    if form == "html":
        from sentiment.formats.html import call_page

        return call_page(call, playback=audio, peaks=outline)
    writers = {"json": to_json, "vtt": to_webvtt, "srt": to_srt, "txt": to_text}
    return writers[form](call)


def _calls(
    analyser: Analyser,
    path: Path,
    formats: Sequence[str],
    roles: Mapping[int, Role] | None,
    transcribe_only: bool,
    progress: Progress | None,
) -> Iterator[tuple[Call, dict[str, str]]]:
    """The calls of a file, each with its results by file suffix."""
    if path.suffix.lower() in chat.SUFFIXES:
        if transcribe_only:
            raise ConversationError(
                f"{path}: is text already; give a recording, or use: sentiment score {path}"
            )
        for written in chat.read_chats(path):
            call = analyser.score(written, progress=progress)
            yield call, {form: render(call, form) for form in formats}
        return
    with open_recording(path) as recording:
        call = analyser.transcribe(recording, about=read_sidecar(path), roles=roles, progress=progress)
        if not transcribe_only:
            call = analyser.score(call, progress=progress)
        audio, outline = None, []
        if "html" in formats:
            audio = playback(recording)
            outline = [peaks(recording, c, _N_PEAKS).tolist() for c in range(recording.n_channels)]
        yield call, {form: render(call, form, audio=audio, outline=outline) for form in formats}


def _claim(call_id: str, path: Path, taken: dict[str, Path]) -> None:
    """Note that ``path`` writes the files of ``call_id``, so that no other overwrites them in this run."""
    key = file_stem(call_id).casefold()
    if key in taken:
        raise OutputError(
            f"{path}: has the call id {call_id!r} of {taken[key]}, so its results would replace the other's; "
            f'rename it, or give it a "call_id" in {path.name}.json'
        )
    taken[key] = path


def _visible(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts) and path.is_file()
