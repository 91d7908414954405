"""How good the results are, against references: rates that travel with their counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Literal, NamedTuple

from sentiment.timeline import Span, clip, gaps, intersection, total_ms, union

__all__ = [
    "DiarizationError",
    "Place",
    "ShiftMatches",
    "WordErrors",
    "diarization_error",
    "match_shifts",
    "word_errors",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class DiarizationError:
    """Speaker time that was got wrong, in milliseconds, out of ``total_ms`` in the reference.

    Two people speaking for a second are two seconds of speaker time. ``missed_ms``: nobody was
    found; ``false_alarm_ms``: somebody was found where nobody spoke; ``confused_ms``: another was
    found. ``speakers`` maps each hypothesis speaker to the reference speaker it was scored as.
    """

    missed_ms: int
    false_alarm_ms: int
    confused_ms: int
    total_ms: int
    speakers: Mapping[str, str]

    @property
    def rate(self) -> float | None:
        """The diarization error rate, 0 and up (it can pass 1); ``None`` if the reference is silent."""
        wrong_ms = self.missed_ms + self.false_alarm_ms + self.confused_ms
        return wrong_ms / self.total_ms if self.total_ms else None


def diarization_error(
    reference: Mapping[str, Sequence[Span]],
    hypothesis: Mapping[str, Sequence[Span]],
    *,
    collar_ms: int = 0,
    mapping: Mapping[str, str] | None = None,
) -> DiarizationError:
    """Score who was found speaking when, as NIST's ``md-eval`` does; overlapping speech counts.

    Args:
        reference: speaker to the spans in which they speak.
        hypothesis: the same, as found; the names may differ.
        collar_ms: time on either side of each start and end in the reference that is not scored.
        mapping: hypothesis speaker to reference speaker; the best one if ``None`` (all are tried: meant
            for a handful of speakers). Give one to score roles rather than mere separation.
    """
    who = {name: union(spans) for name, spans in reference.items()}
    found = {name: union(spans) for name, spans in hypothesis.items()}
    scored = _scored(who, found, collar_ms)
    who = {name: intersection(spans, scored) for name, spans in who.items()}
    found = {name: intersection(spans, scored) for name, spans in found.items()}
    if mapping is None:
        mapping = _best_mapping(who, found)
    missed = false_alarm = confused = 0
    for span, speaking, heard in _pieces(who, found):
        right = len(speaking & {mapping.get(name, "") for name in heard})
        missed += span.duration_ms * max(0, len(speaking) - len(heard))
        false_alarm += span.duration_ms * max(0, len(heard) - len(speaking))
        confused += span.duration_ms * (min(len(speaking), len(heard)) - right)
    return DiarizationError(
        missed_ms=missed,
        false_alarm_ms=false_alarm,
        confused_ms=confused,
        total_ms=sum(total_ms(spans) for spans in who.values()),
        speakers=dict(mapping),
    )


Spans = Sequence[Span]


def _scored(who: Mapping[str, Spans], found: Mapping[str, Spans], collar_ms: int) -> Spans:
    """The time that counts: all but the collars around the reference's starts and ends."""
    everything = [s for spans in (*who.values(), *found.values()) for s in spans]
    if not everything:
        return ()
    whole = Span(min(s.start_ms for s in everything), max(s.end_ms for s in everything))
    edges = {at for spans in who.values() for s in spans for at in s}
    return gaps([Span(at - collar_ms, at + collar_ms) for at in edges], whole)


def _best_mapping(who: Mapping[str, Spans], found: Mapping[str, Spans]) -> dict[str, str]:
    """The one-to-one mapping of found speakers to reference speakers that agrees for longest."""
    names = list(found)
    places = [*who, *("" for _ in names)]  # a found speaker may be nobody
    shared = {(f, w): total_ms(intersection(found[f], who[w])) if w else 0 for f in names for w in places}
    best = max(
        permutations(places, len(names)),
        key=lambda taken: sum(shared[f, w] for f, w in zip(names, taken, strict=True)),
    )
    return {f: w for f, w in zip(names, best, strict=True) if w}


def _pieces(
    who: Mapping[str, Spans], found: Mapping[str, Spans]
) -> Iterator[tuple[Span, set[str], set[str]]]:
    """Stretches in which nobody starts or stops, with the reference's and the found speakers."""
    edges = sorted({at for spans in (*who.values(), *found.values()) for s in spans for at in s})
    for start, end in pairwise(edges):
        piece = Span(start, end)
        speaking = {name for name, spans in who.items() if clip(spans, piece)}
        heard = {name for name, spans in found.items() if clip(spans, piece)}
        yield piece, speaking, heard


@dataclass(frozen=True, kw_only=True, slots=True)
class WordErrors:
    """Words that were got wrong, out of ``n_reference`` words in the reference."""

    substituted: int
    deleted: int
    inserted: int
    n_reference: int

    @property
    def rate(self) -> float | None:
        """The word error rate, 0 and up (it can pass 1); ``None`` if the reference has no words."""
        wrong = self.substituted + self.deleted + self.inserted
        return wrong / self.n_reference if self.n_reference else None


def word_errors(reference: str, hypothesis: str) -> WordErrors:
    """Compare two texts word by word, without regard to case, punctuation and hyphens.

    Raises:
        ImportError: jiwer, which aligns the words, is not installed; nothing else here needs it.
    """
    try:
        import jiwer
    except ImportError:
        raise ImportError("word_errors needs jiwer, which is not installed; run: pip install jiwer") from None

    said, heard = _plain_words(reference), _plain_words(hypothesis)
    if not said:
        return WordErrors(substituted=0, deleted=0, inserted=len(heard.split()), n_reference=0)
    found = jiwer.process_words(said, heard)
    return WordErrors(
        substituted=found.substitutions,
        deleted=found.deletions,
        inserted=found.insertions,
        n_reference=len(said.split()),
    )


def _plain_words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("\u2019", "'")))


class Place(NamedTuple):
    """Where a shift is: at the party's utterance ``first``, or anywhere up to ``last``, counted from 0."""

    first: int
    last: int
    direction: Literal["better", "worse"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftMatches:
    """Shifts that were found of those that are there.

    ``pairs`` are indices into the true and the found ones; every shift is in one pair at most.
    """

    pairs: tuple[tuple[int, int], ...]
    n_true: int
    n_found: int


def match_shifts(true: Sequence[Place], found: Sequence[Place], *, within: int = 1) -> ShiftMatches:
    """Pair each true shift with a found one of its direction, at most ``within`` utterances away.

    The closest are paired first, the earlier of equals.
    """
    near = sorted(
        (distance, i, j)
        for i, t in enumerate(true)
        for j, f in enumerate(found)
        if t.direction == f.direction and (distance := max(0, t.first - f.last, f.first - t.last)) <= within
    )
    pairs: dict[int, int] = {}
    for _, i, j in near:
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return ShiftMatches(pairs=tuple(sorted(pairs.items())), n_true=len(true), n_found=len(found))
