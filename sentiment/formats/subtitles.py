"""Transcripts as WebVTT (W3C, with voice spans), SubRip and plain text."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from sentiment.errors import ConversationError
from sentiment.formats.names import party_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentiment.call import Call, Utterance

__all__ = ["to_srt", "to_text", "to_webvtt"]


def to_webvtt(call: Call) -> str:
    """The transcript as WebVTT, a cue for each utterance with its speaker as ``<v Agent>``.

    Raises:
        ConversationError: a text conversation without times.
    """
    names = party_names(call)
    lines = ["WEBVTT", ""]
    for utterance, start_ms, end_ms in _timed(call, "WebVTT"):
        voice = names[utterance.channel, utterance.role]
        lines += [
            str(utterance.index),
            f"{_clock(start_ms)} --> {_clock(end_ms)}",
            f"<v {voice}>{html.escape(_one_line(utterance.text), quote=False)}",
            "",
        ]
    return "\n".join(lines)


def to_srt(call: Call) -> str:
    """The transcript as SubRip subtitles.

    Raises:
        ConversationError: a text conversation without times.
    """
    names = party_names(call)
    lines: list[str] = []
    for number, (utterance, start_ms, end_ms) in enumerate(_timed(call, "SubRip"), 1):
        times = f"{_clock(start_ms)} --> {_clock(end_ms)}".replace(".", ",")
        voice = names[utterance.channel, utterance.role]
        lines += [str(number), times, f"{voice}: {_one_line(utterance.text)}", ""]
    return "\n".join(lines)


def to_text(call: Call) -> str:
    """The transcript as plain text, a line for each utterance with its time (if known) and speaker."""
    names = party_names(call)
    lines = []
    for utterance in call.utterances:
        at = "" if utterance.start_ms is None else f"[{_clock(utterance.start_ms)}] "
        voice = names[utterance.channel, utterance.role]
        lines.append(f"{at}{voice}: {_one_line(utterance.text)}\n")
    return "".join(lines)


def _timed(call: Call, form: str) -> Iterator[tuple[Utterance, int, int]]:
    for utterance in call.utterances:
        if utterance.start_ms is None or utterance.end_ms is None:
            raise ConversationError(
                f"{call.id}: has no times, so it cannot be written as {form}; choose json or html"
            )
        yield utterance, utterance.start_ms, max(utterance.end_ms, utterance.start_ms + 1)


def _one_line(text: str) -> str:
    """A cue's text must not hold a line break, nor WebVTT's arrow."""
    return " ".join(text.split()).replace("-->", "→")


def _clock(at_ms: int) -> str:
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"
