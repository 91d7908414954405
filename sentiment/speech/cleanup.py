"""Words that Whisper made up, taken out again: pure functions on words with times.

Whisper writes something for every sound it is given. Voice activity keeps silence, tones and music
from it; what slips through shows in its own numbers and in what it writes: phrases it learned from
subtitles, and phrases repeated over and over.
"""

from __future__ import annotations

import re
import string
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Word

__all__ = ["PHANTOMS", "cut_loops", "drop_invented", "is_looped", "is_unheard"]

PHANTOMS = frozenset(
    {
        "you", "thank you", "thank you very much", "thank you so much", "thank you for watching",
        "thank you so much for watching", "thanks for watching", "thanks", "please subscribe",
        "please subscribe to my channel", "see you next time", "see you in the next video", "bye", "bye bye",
        "okay", "oh", "so", "yeah", "hmm", "mm", "i'm sorry", "the end", "music", "applause", "silence",
        "subtitles by the amara org community", "transcription by castingwords", "and", "the", "i",
    }
)  # fmt: skip
"""What Whisper writes for sounds without speech, lower case, without punctuation. Callers do say
"thank you", so these are dropped only where Whisper itself was unsure."""

PHANTOM_PROBABILITY = 0.5
UNHEARD_PROBABILITY = 0.2
NO_SPEECH = 0.6
MIN_LOGPROB = -1.0
MAX_COMPRESSION = 2.4
LOOP_COPIES = 4
LOOP_WORDS = 8
LOOP_PAUSE_MS = 1_000
FASTEST_WORD_MS = 70
LONGEST_PHRASE = 40
LONGEST_RUN = 500
"""Words looked at in one go; Whisper cannot write more for one window."""


def is_unheard(no_speech_prob: float, avg_logprob: float) -> bool:
    """Whether a window holds no speech by Whisper's own rule (openai/whisper, ``transcribe``): it
    thinks so (``no_speech_prob`` in [0, 1]) and is unsure of its text (``avg_logprob`` <= 0)."""
    return no_speech_prob > NO_SPEECH and avg_logprob < MIN_LOGPROB


def is_looped(text: str) -> bool:
    """Whether text repeats itself so much that Whisper would decode again: it shrinks more than 2.4
    times when compressed (openai/whisper's ``compression_ratio_threshold``)."""
    raw = text.encode("utf-8")
    return bool(raw) and len(raw) / len(zlib.compress(raw)) > MAX_COMPRESSION


def drop_invented(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of one stretch of speech, or none if they are not to be believed.

    They are not if their mean probability is very low, or low and they are one of the
    :data:`PHANTOMS`, or nothing but punctuation.
    """
    phrase = " ".join(filter(None, (_plain(word.text) for word in words)))
    if not phrase:
        return ()
    probability = sum(word.probability for word in words) / len(words)
    if probability < UNHEARD_PROBABILITY or (probability < PHANTOM_PROBABILITY and phrase in PHANTOMS):
        return ()
    return tuple(words)


def cut_loops(words: Sequence[Word]) -> tuple[Word, ...]:
    """Leave the first copy of a phrase that is repeated as no person would.

    People do say "no no no" and "I, I, uh". A repetition is cut if the phrase comes at least 4 times
    in a row and 8 words or more in all, or if the copies are spoken faster than anyone can (70 ms a
    word). Copies with a pause of a second or more between them are kept: that is how a recorded
    announcement repeats itself. What stands in one word, as the letters of a spelled name do
    ("A-L-E-X-A-L-E-X-..."), is cut by the first of these rules, with the copy the word breaks off in.
    """
    kept = [_cut_within(word) for word in words]
    texts = [_plain(word.text) for word in kept]
    at = 0
    while at < len(kept):
        loop = _loop_at(kept, texts, at)
        if loop is None:
            at += 1
        else:
            del kept[loop], texts[loop]
            at = max(at - 1, 0)  # what is left may be part of a longer loop
    return tuple(kept)


_PART = re.compile(r"[^-–—.]+[-–—.]*")


def _cut_within(word: Word) -> Word:
    """The word with the first copy only of what its parts repeat; it lasts as long as its share of parts."""
    parts: list[str] = _PART.findall(word.text)
    plain = [_plain(part) for part in parts]
    for at in range(len(parts) - LOOP_WORDS + 1):
        for length in range(1, (len(parts) - at) // LOOP_COPIES + 1):
            end = at + length
            while end < len(parts) and plain[end] == plain[end - length]:
                end += 1
            if end - at >= max(LOOP_COPIES * length, LOOP_WORDS):
                left = [*parts[: at + length], *parts[end:]]
                took_ms = (word.end_ms - word.start_ms) * len(left) // len(parts)
                text = "".join(left).rstrip("-–—")
                return _cut_within(replace(word, text=text, end_ms=word.start_ms + took_ms))
    return word


def _loop_at(words: Sequence[Word], texts: Sequence[str], at: int) -> slice | None:
    """The copies to cut after the phrase that begins at ``at``, if it is repeated as no person would."""
    run = at + 1  # the words up to the next pause
    while run < len(words) and words[run].start_ms - words[run - 1].end_ms < LOOP_PAUSE_MS:
        run += 1
        if run - at > LONGEST_RUN:
            break
    for length in range(1, min(LONGEST_PHRASE, (run - at) // 2) + 1):
        end = at + length
        while (
            end + length <= run
            and texts[end] == texts[at]
            and texts[end : end + length] == texts[at : at + length]
        ):
            end += length
        if _is_implausible(words[at:end], length):
            return slice(at + length, end)
    return None


def _is_implausible(repeats: Sequence[Word], length: int) -> bool:
    copies = len(repeats) // length
    if copies < 2:
        return False
    again_ms = repeats[-1].end_ms - repeats[length].start_ms
    too_fast = again_ms < FASTEST_WORD_MS * (len(repeats) - length)
    return too_fast or (copies >= LOOP_COPIES and len(repeats) >= LOOP_WORDS)


def _plain(text: str) -> str:
    """Lower case without punctuation at the ends, so that copies are seen to be the same."""
    return text.lower().strip(string.punctuation + "…。、！？♪ ")
