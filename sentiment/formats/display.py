"""How single values are written in a report: times, feelings, voices, unclear words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment import phrases
from sentiment.phrases import signed
from sentiment.storyline import NEUTRAL

if TYPE_CHECKING:
    from sentiment.call import Prosody, Score, Utterance

__all__ = [
    "UNCLEAR_UTTERANCE",
    "clock",
    "emotions",
    "feeling",
    "felt",
    "humanise",
    "pieces",
    "seconds",
    "signed",
    "sounded",
    "tenths",
    "tone",
]

UNCLEAR_UTTERANCE = 0.6
UNCLEAR_WORD = 0.4
"""Recogniser's probability below which an utterance, or a word in it, is marked as unclear."""

SHOWN_EMOTION = 0.2
LISTED_EMOTION = 0.05
"""Least probability of an emotion to be shown beside an utterance, and to be listed in its details."""

USUAL_AROUSAL, NOTICED_CUE = 0.1, 1.0
"""A voice so near 0.5 is the usual one; a cue is put into words from so many standard deviations on."""

CUE_WORDS = {
    "loudness": ("louder", "softer"),
    "pitch": ("higher", "lower"),
    "pitch_range": ("livelier", "flatter"),
    "balance": ("sharper", "duller"),
    "rate": ("faster", "slower"),
}


def clock(ms: int | None) -> str:
    """A time in the call: ``4:07``, ``1:02:09``; an en dash if there is none."""
    return "\N{EN DASH}" if ms is None else phrases.clock(ms)


def seconds(ms: int) -> str:
    """A length of time: ``0.7 s``, from a minute on ``1:05``."""
    return f"{ms / 1000:.1f} s" if ms < 60_000 else phrases.clock(ms)


def tenths(score: float) -> str:
    """A score of -5 to +5 with its sign and one decimal: ``+2.5``, ``−0.4``, ``0.0``."""
    text = f"{score:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def tone(polarity: float) -> str:
    """The step of the colour scale: ``n4`` (most negative) ... ``n1``, ``z``, ``p1`` ... ``p4``."""
    step = round(max(-1.0, min(1.0, polarity)) * 4)
    return "z" if step == 0 else f"{'n' if step < 0 else 'p'}{abs(step)}"


def feeling(polarity: float) -> str:
    """A polarity in words."""
    if abs(polarity) < NEUTRAL:
        return "neutral"
    strength = "slightly " if abs(polarity) < 0.35 else "very " if abs(polarity) >= 0.75 else ""
    return strength + ("positive" if polarity > 0 else "negative")


def humanise(name: str) -> str:
    """``repeated_request`` as ``repeated request``."""
    return name.replace("_", " ").replace("-", " ")


def emotions(score: Score) -> list[tuple[str, float]]:
    """The emotions worth listing, most probable first."""
    found = [(name, p) for name, p in score.emotions.items() if p >= LISTED_EMOTION]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:8]


def felt(score: Score) -> list[tuple[str, float]]:
    """The one or two emotions shown at a glance: probable ones, and feeling nothing is none."""
    return [(name, p) for name, p in emotions(score) if p >= SHOWN_EMOTION and name != "neutral"][:2]


def sounded(voice: Prosody) -> str:
    """How the voice differed from its speaker's usual, in words; only what goes the way of the whole."""
    if voice.arousal is None:
        return f"voice not measured: {voice.unmeasured}"
    if abs(voice.arousal - 0.5) < USUAL_AROUSAL:
        return "voice about as usual"
    low = voice.arousal < 0.5
    sizes = {CUE_WORDS[name][low]: -z if low else z for name, z in voice.cues.items() if name in CUE_WORDS}
    words = [word for word in sorted(sizes, key=lambda w: -sizes[w]) if sizes[word] >= NOTICED_CUE]
    return f"voice {', '.join(words) or 'a little ' + ('calmer' if low else 'stronger')} than usual"


def pieces(said: Utterance) -> list[tuple[str, float | None]]:
    """The text in runs, each with the recogniser's probability if it is so low that it is to be marked."""
    texts = said.text.split()
    doubts = [w.probability if w.probability < UNCLEAR_WORD else None for w in said.words]
    if len(texts) != len(doubts) or not any(d is not None for d in doubts):
        return [(said.text, None)]
    runs: list[tuple[str, float | None]] = []
    for text, doubt in zip(texts, doubts, strict=True):
        if doubt is None and runs and runs[-1][1] is None:
            runs[-1] = (f"{runs[-1][0]} {text}", None)
        else:
            runs.append((text, doubt))
    return runs
