"""Words into utterances: what a person would say one party said in one go."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from sentiment.call import Utterance, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentiment.speech.speakers import Voice

__all__ = ["TurnOptions", "utterances"]

_SENTENCE_END = re.compile(r"[.?!…][\"')\]]*$")
_ABBREVIATION = re.compile(r"^(mr|mrs|ms|dr|st|vs|no|a\.m|p\.m|e\.g|i\.e|[a-z])\.$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnOptions:
    """When one utterance ends and the next begins.

    A party's words are parted at a pause of ``pause_ms``; where the other party says at least
    ``reply_words`` words in a pause of ``reply_pause_ms`` or more, so that an "mm-hm" parts nothing; and
    after the end of a sentence, if that makes an utterance of ``short_words`` words and there is a pause
    of ``sentence_pause_ms``, or if it has ``long_words`` words (recognisers often leave no pause
    there). Longer ones than ``max_words`` are parted at their widest gap.
    """

    pause_ms: int = 1000
    reply_pause_ms: int = 250
    reply_words: int = 3
    sentence_pause_ms: int = 400
    short_words: int = 4
    long_words: int = 10
    max_words: int = 60


def utterances(voices: Sequence[Voice], options: TurnOptions | None = None) -> tuple[Utterance, ...]:
    """Every voice's words as utterances, ordered by start, then channel.

    Overlapping speech stays overlapping: each voice is cut on its own. The words of a voice must be
    in order of time; every word ends up in exactly one utterance.
    """
    options = options or TurnOptions()
    found: list[Utterance] = []
    for voice in voices:
        replies = sorted(w.start_ms for v in voices if v is not voice for w in v.words)
        found += [_utterance(voice, words) for words in _cut(voice.words, replies, options)]
    found.sort(key=lambda u: (u.start_ms, u.channel))
    return tuple(replace(u, index=i) for i, u in enumerate(found))


def ends_sentence(word: str) -> bool:
    """Whether a recognised word closes a sentence; ``Mr.`` and initials do not."""
    return bool(_SENTENCE_END.search(word)) and not _ABBREVIATION.match(word)


def _cut(words: Sequence[Word], replies: Sequence[int], options: TurnOptions) -> Iterator[tuple[Word, ...]]:
    """Runs of words that belong together; ``replies``: the start times of the others' words, sorted."""
    if not words:
        return
    run = [words[0]]
    for before, after in pairwise(words):
        if _parts(before, after, len(run), replies, options):
            yield from _halve(tuple(run), options.max_words)
            run = []
        run.append(after)
    yield from _halve(tuple(run), options.max_words)


def _parts(before: Word, after: Word, n_words: int, replies: Sequence[int], options: TurnOptions) -> bool:
    """Whether an utterance of ``n_words`` words ends between two of them."""
    gap_ms = after.start_ms - before.end_ms
    if gap_ms >= options.pause_ms:
        return True
    if ends_sentence(before.text) and (
        n_words >= options.long_words
        or (gap_ms >= options.sentence_pause_ms and n_words >= options.short_words)
    ):
        return True
    if gap_ms < options.reply_pause_ms:
        return False
    n_replies = bisect_left(replies, after.start_ms) - bisect_left(replies, before.end_ms)
    return n_replies >= options.reply_words


def _halve(words: tuple[Word, ...], max_words: int) -> Iterator[tuple[Word, ...]]:
    """``words`` whole, or parted at the widest gap in its middle half until no part is too long."""
    if len(words) <= max_words:
        yield words
        return
    middle = range(len(words) // 4, 3 * len(words) // 4)
    at = max(middle, key=lambda i: (words[i + 1].start_ms - words[i].end_ms, words[i].text.endswith(","), -i))
    yield from _halve(words[: at + 1], max_words)
    yield from _halve(words[at + 1 :], max_words)


def _utterance(voice: Voice, words: tuple[Word, ...]) -> Utterance:
    return Utterance(
        index=0,
        channel=voice.channel.index,
        role=voice.channel.role,
        start_ms=words[0].start_ms,
        end_ms=max(w.end_ms for w in words),
        text=" ".join(w.text for w in words),
        words=words,
        confidence=round(fmean(w.probability for w in words), 4),
        language=voice.channel.language,
    )
