"""Masks put in place: in a text, and in the words that make it up."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from sentiment.call import Word
from sentiment.redact.tokens import mask_of
from sentiment.redact.values import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Utterance
    from sentiment.redact.values import Kind

__all__ = ["Masking", "mask_utterance"]


class Masking:
    """A text with spans ``(start, end, kind, rule)`` masked; spans in order, apart from one another."""

    def __init__(self, text: str, spans: Sequence[tuple[int, int, Kind, str]]) -> None:
        self.original, self.spans = text, spans
        self._starts = [start for start, *_ in spans]
        self.text = self.slice(0, len(text))

    def slice(self, start: int, end: int) -> str:
        """The masked form of ``original[start:end]``; a span cut by either end is masked whole."""
        parts, at = [], start
        first = max(0, bisect_right(self._starts, start) - 1)
        for from_, to, kind, _ in self.spans[first:]:
            if to <= start:
                continue
            if from_ >= end:
                break
            parts += [self.original[at : max(at, from_)], mask_of(kind)]
            at = to
        parts.append(self.original[at:end] if at < end else "")
        return "".join(parts)


def mask_utterance(utterance: Utterance, masking: Masking) -> tuple[Utterance, list[Finding]]:
    """The utterance masked, and its findings with the times of their words.

    Where the words do not spell the text, they become one word of the whole masked text: nothing
    says which of them to mask.
    """
    words, text = utterance.words, utterance.text
    places = _places(words, text) if words else []
    if words and places is None:
        whole = _joined(words, masking.text)
        times = [(whole.start_ms, whole.end_ms)] * len(masking.spans)
        masked: tuple[Word, ...] = (whole,)
    else:
        masked, times = _masked_words(words, places or [], masking)
    findings = [
        Finding(
            kind=kind,
            utterance_index=utterance.index,
            start=start,
            end=end,
            start_ms=time[0] if words else None,
            end_ms=time[1] if words else None,
            rule=rule,
        )
        for (start, end, kind, rule), time in zip(masking.spans, times, strict=True)
    ]
    return replace(utterance, text=masking.text, words=masked), findings


def _places(words: Sequence[Word], text: str) -> list[tuple[int, int]] | None:
    """Where each word stands in the text, or ``None`` if the words do not spell it."""
    at, places = 0, []
    for word in words:
        bare = word.text.strip()
        start = text.find(bare, at) if bare else at
        if start < 0 or text[at:start].strip():
            return None
        at = start + len(bare)
        places.append((start, at))
    return None if text[at:].strip() else places


def _masked_words(
    words: Sequence[Word], places: Sequence[tuple[int, int]], masking: Masking
) -> tuple[tuple[Word, ...], list[tuple[int, int]]]:
    """The words with those of each span made one; and the time of each span."""
    masked: list[Word] = []
    times = [(0, 0)] * len(masking.spans)
    i = s = 0
    while i < len(words):
        while s < len(masking.spans) and masking.spans[s][1] <= places[i][0]:
            s += 1
        if s == len(masking.spans) or masking.spans[s][0] >= places[i][1]:
            masked.append(words[i])
            i += 1
            continue
        begun, first = i, s
        end = masking.spans[s][1]
        while (
            i < len(words) and places[i][0] < end
        ):  # and on, where one word holds the next span's beginning too
            i += 1
            while s + 1 < len(masking.spans) and masking.spans[s + 1][0] < places[i - 1][1]:
                s += 1
                end = masking.spans[s][1]
        run = words[begun:i]
        text = masking.slice(places[begun][0], places[i - 1][1])
        masked.append(_joined(run, text))
        for each in range(first, s + 1):
            inside = [
                w for w, (a, b) in zip(run, places[begun:i], strict=True)
                if a < masking.spans[each][1] and masking.spans[each][0] < b
            ]  # fmt: skip
            times[each] = (min(w.start_ms for w in inside), max(w.end_ms for w in inside))
        s += 1
    return tuple(masked), times


def _joined(words: Sequence[Word], text: str) -> Word:
    """One word in the place of several, as sure as the least sure of them."""
    space = words[0].text[: len(words[0].text) - len(words[0].text.lstrip())]
    return Word(
        text=space + text,
        start_ms=min(w.start_ms for w in words),
        end_ms=max(w.end_ms for w in words),
        probability=min(w.probability for w in words),
    )
