"""Speech spans packed into windows of at most 30 s, and word times brought back from them.

Whisper takes 30 s at a time, whatever they hold. Packing the spans end to end, without the silence
between them, gives it full windows: fewer of them, and no silence in which to invent words. A word's
time in the window then has to be brought back to the recording's, span by span.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sentiment.call import Word
from sentiment.speech.activity import SAMPLES_PER_MS, Audible
from sentiment.timeline import Span, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["MAX_WINDOW_MS", "HeardWord", "Window", "pack", "place", "read_window", "split_long"]

MAX_WINDOW_MS = 29_500
"""A little under Whisper's 30 s: the aligner has no place for a word that ends with the window."""

MIN_WORD_MS = 20
"""Whisper's resolution in time; no word is shorter unless its span has no room."""

EDGE_MS = 100
"""At its beginning a span was widened and holds no speech: no word of it has ended by then."""

WRITTEN_ON = frozenset("-'’.,:/%&+")
"""What a piece of a word begins with; a word of its own begins with a space."""

SENTENCE_ENDS = (".", "?", "!")

SEARCH_MS = 10_000
QUIET_MS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class HeardWord:
    """A word as an engine gives it: times in float seconds from the window's start."""

    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True, slots=True)
class Window:
    """Disjoint spans of the recording, in order, that are heard as one piece of sound."""

    spans: tuple[Span, ...]

    @property
    def duration_ms(self) -> int:
        """Length of the sound."""
        return sum(span.duration_ms for span in self.spans)

    def halves(self) -> tuple[Window, ...]:
        """Two windows of about half the spans each; the window itself if it has but one."""
        middle = len(self.spans) // 2
        return (Window(self.spans[:middle]), Window(self.spans[middle:])) if middle else (self,)


def pack(spans: Iterable[Span], *, max_ms: int = MAX_WINDOW_MS) -> tuple[Window, ...]:
    """Fill windows with the spans in order; each holds at most ``max_ms`` of sound.

    A span longer than ``max_ms`` must have been cut by :func:`split_long`.
    """
    windows: list[list[Span]] = []
    filled_ms = max_ms
    for span in spans:
        if filled_ms + span.duration_ms > max_ms:
            windows.append([])
            filled_ms = 0
        windows[-1].append(span)
        filled_ms += span.duration_ms
    return tuple(Window(tuple(w)) for w in windows)


def split_long(
    recording: Audible, channel: int, spans: Iterable[Span], *, max_ms: int = MAX_WINDOW_MS
) -> tuple[Span, ...]:
    """The spans, disjoint and in order, those longer than ``max_ms`` cut where they are quietest.

    The cut is sought in the last 10 s before it must be made, so that it seldom falls into a word.
    """
    pieces: list[Span] = []
    for start, end in union(spans):
        while end - start > max_ms:
            search = Span(start + max(max_ms - SEARCH_MS, max_ms // 2), start + max_ms)
            cut = _quietest(recording.read(channel, search), search)
            pieces.append(Span(start, cut))
            start = cut
        pieces.append(Span(start, end))
    return tuple(pieces)


def _quietest(samples: NDArray[np.float32], within: Span) -> int:
    """The middle of the quietest 100 ms, in milliseconds from the recording's start."""
    frame = QUIET_MS * SAMPLES_PER_MS
    n = len(samples) // frame
    if n == 0:
        return within.end_ms
    energy = np.square(samples[: n * frame].reshape(n, frame)).sum(axis=1)
    return within.start_ms + int(energy.argmin()) * QUIET_MS + QUIET_MS // 2


def read_window(recording: Audible, channel: int, window: Window) -> NDArray[np.float32]:
    """The window's sound, float32 ``(n,)`` at 16 kHz."""
    return np.concatenate([recording.read(channel, span) for span in window.spans])


def place(words: Sequence[HeardWord], window: Window) -> tuple[tuple[Word, ...], ...]:
    """Bring the words of a window back to the recording's time.

    A word belongs to the span in which it ends: Whisper begins a word where the one before it ended, so
    the first word of a span seems to begin in the span before.
    It is cut to its span, so none is stretched over the silence between two. Words do not overlap
    and none is of zero length; of more words than there are milliseconds in their span, the rest is
    dropped. A piece that is written on to the word before ("-house", ".m.") is joined to it.

    Returns:
        For each span of the window the words in it, in order.
    """
    starts_ms = np.cumsum([0, *(span.duration_ms for span in window.spans)]).tolist()
    found: list[list[Word]] = [[] for _ in window.spans]
    at = 0
    for word in _joined(words):
        start_ms, end_ms = round(word.start_s * 1000), round(word.end_s * 1000)
        while at + 1 < len(window.spans) and end_ms > starts_ms[at + 1] + EDGE_MS:
            at += 1
        offset_ms = window.spans[at].start_ms - starts_ms[at]
        found[at].append(
            Word(
                text=word.text.strip(),
                start_ms=start_ms + offset_ms,
                end_ms=end_ms + offset_ms,
                probability=min(1.0, max(0.0, float(word.probability))),
            )
        )
    _carry_over(found, window)
    return tuple(_fit(tuple(ws), span) for ws, span in zip(found, window.spans, strict=True))


def _carry_over(found: Sequence[list[Word]], window: Window) -> None:
    """Move the first word of a sentence to the span with the rest of it ("... today? Of" / "course").

    Now and then the aligner puts even the end of a span's first word before the joint; then the text
    tells: a lone word after the end of a sentence, and the next span begins in lower case.
    """
    before = ""
    for i, (words, after) in enumerate(pairwise(found)):
        if words and after:
            ahead = words[-2].text if len(words) > 1 else before
            alone = ahead.endswith(SENTENCE_ENDS) and not words[-1].text.endswith(SENTENCE_ENDS)
            if alone and after[0].text[:1].islower():
                start_ms = window.spans[i + 1].start_ms
                after.insert(0, replace(words.pop(), start_ms=start_ms, end_ms=start_ms))
        before = words[-1].text if words else before


def _joined(words: Sequence[HeardWord]) -> list[HeardWord]:
    """The words without empty ones, each piece that is written on to the word before joined to it."""
    found: list[HeardWord] = []
    for word in words:
        if found and word.text[:1] in WRITTEN_ON:
            before = found.pop()
            word = HeardWord(
                text=before.text + word.text,
                start_s=before.start_s,
                end_s=word.end_s,
                probability=min(before.probability, word.probability),
            )
        if word.text.strip():
            found.append(word)
    return found


def _fit(words: tuple[Word, ...], span: Span) -> tuple[Word, ...]:
    """Cut the words to the span, each after the one before and none of zero length."""
    words = words[: span.duration_ms]
    if not words:
        return ()
    least_ms = min(MIN_WORD_MS, span.duration_ms // len(words))
    times: list[Span] = []
    at_ms = span.start_ms
    for word in words:
        start_ms = max(at_ms, word.start_ms)
        at_ms = max(start_ms + least_ms, word.end_ms)
        times.append(Span(start_ms, at_ms))
    limit_ms = span.end_ms
    for i in range(len(times) - 1, -1, -1):
        end_ms = min(times[i].end_ms, limit_ms)
        limit_ms = min(times[i].start_ms, end_ms - least_ms)
        times[i] = Span(limit_ms, end_ms)
    return tuple(
        Word(text=w.text, start_ms=t.start_ms, end_ms=t.end_ms, probability=w.probability)
        for w, t in zip(words, times, strict=True)
    )
