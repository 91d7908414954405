"""Filters on wording: phrases, meaning, repetition and the length of turns. English, but for length."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from sentiment.phrases import Phrase, clock, normalise, quote
from sentiment.rules.felt import Words, utterance_hit
from sentiment.rules.timed import Party, turn_hit
from sentiment.rules.values import Within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.call import Utterance
    from sentiment.rules.seen import Seen
    from sentiment.rules.values import Hit

__all__ = ["MeaningFilter", "PhraseFilter", "RepetitionFilter", "TurnFilter"]

Similarity = Annotated[float, Within(0.05, 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhraseFilter:
    """Utterances with one of the phrases, of named sets, of plain words, or by regular expression.

    Phrases are looked for as :mod:`sentiment.phrases` does, in text brought to one form; one that the
    speaker negates is not found, unless ``also_negated``. Strength: how negatively a customer says it.
    ``phrases``, and all of them in one, are what the reader makes of the keys.
    """

    name: ClassVar[str] = "phrase"
    tells: ClassVar[tuple[str, ...]] = ("kind", "found")
    role: Party = "any"
    sets: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    also_negated: bool = False
    min_words: Words = 1
    phrases: tuple[Phrase, ...] = field(default=(), metadata={"key": False})
    any_phrase: Phrase = field(default=Phrase("", ""), metadata={"key": False})

    def __post_init__(self) -> None:
        if not (self.sets or self.words or self.patterns):
            raise ValueError("give sets, words or patterns")
        if empty := [w for w in self.words if not _plain_words(w)]:
            raise ValueError(f"{empty[0]!r} has no words in it")

    def with_phrases(self, sets: Mapping[str, tuple[Phrase, ...]], patterns: tuple[str, ...]) -> PhraseFilter:
        """The same with its phrases: of the sets, its words, and its own ``patterns`` filled in."""
        own = [Phrase.of("", " ".join(_escaped(w) for w in _plain_words(words))) for words in self.words]
        own += [Phrase.of("", pattern) for pattern in patterns]
        phrases = (*(p for name in self.sets for p in sets[name]), *own)
        return replace(self, phrases=phrases, any_phrase=Phrase.any_of(phrases))

    def find(self, seen: Seen) -> list[Hit]:
        """One hit an utterance, with the first of the phrases that it has."""
        hits = []
        for u in seen.said_by(self.role):
            plain = seen.plain[u.index]
            if not self.any_phrase.may_be_in(plain):
                continue
            for phrase in self.phrases:
                said = phrase.said_in(plain, also_negated=self.also_negated)
                if said is not None and len(u.text.split()) >= self.min_words:
                    words = {"kind": phrase.kind or quote(said), "found": quote(said)}
                    words["quote"] = _quoted_at(u.text, phrase)
                    hits.append(utterance_hit(u, strength=_negative(u), numbers={}, words=words))
                    break
        return hits


_QUOTED_CHARS = 90
_LEAD_CHARS, _LEAD_WORDS = 50, 4


def _quoted_at(text: str, phrase: Phrase) -> str:
    """A quotation with the phrase: from its sentence on or, in a long one, from a few words before it."""
    text = " ".join(text.split())
    if len(text) <= _QUOTED_CHARS:
        return quote(text)
    sentences = re.split(r"(?<=[.?!]) ", text)
    first = next((i for i, each in enumerate(sentences) if phrase.may_be_in(normalise(each))), 0)
    words = " ".join(sentences[first:]).split()
    begins, after = 0, len(words)
    while after - begins > 1:
        middle = (begins + after) // 2
        if phrase.may_be_in(normalise(" ".join(words[middle:]))):
            begins = middle
        else:
            after = middle
    start = begins - _LEAD_WORDS if len(" ".join(words[:begins])) > _LEAD_CHARS else 0
    return quote(("…" if first or start else "") + " ".join(words[start:]))


def _plain_words(text: str) -> list[str]:
    return [word for word in normalise(text).split() if word != ","]


def _escaped(word: str) -> str:
    return "".join(c if c.isalnum() or c in "_'" else f"\\{c}" for c in word)


def _negative(u: Utterance) -> float:
    """How negatively a customer says it, in [0, 1]; 0 for anyone else."""
    return max(0.0, -u.score.polarity) if u.role == "customer" and u.score is not None else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class MeaningFilter:
    """Utterances that mean what one of the examples means, by the cosine of sentence embeddings.

    Strength: how negatively a customer says it.
    """

    name: ClassVar[str] = "meaning"
    tells: ClassVar[tuple[str, ...]] = ("example", "similarity")
    role: Party = "any"
    examples: tuple[str, ...]
    similarity: Similarity = 0.6
    min_words: Words = 3

    def __post_init__(self) -> None:
        if not self.examples or not all(example.strip() for example in self.examples):
            raise ValueError("give at least one example sentence, and none that is empty")

    def find(self, seen: Seen) -> list[Hit]:
        """One hit an utterance, with the example it is nearest to."""
        said = [u for u in seen.said_by(self.role) if len(u.text.split()) >= self.min_words]
        if not said:
            return []
        near = seen.vectors[[u.index for u in said]] @ seen.embedder.examples(self.examples).T
        hits = []
        for u, row in zip(said, near.tolist(), strict=True):
            similarity = max(row)
            if similarity >= self.similarity:
                words = {
                    "example": quote(self.examples[row.index(similarity)]),
                    "similarity": f"{similarity:.2f}",
                }
                numbers = {"similarity": similarity}
                hits.append(utterance_hit(u, strength=_negative(u), numbers=numbers, words=words))
        return hits


_COMMON_WORDS = """
a about all am an and any are as at be been but by can could did do does for from get go had has have he
her him his how i if in into is it its just like me my no not of oh okay on one or our out she so some than
that the their them then there they this to um uh up us was we well were what when where which who will
with would yeah yes you your please thank thanks sorry help right sir madam
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Words that two sentences may share without saying the same."""

_LOOK_BACK = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class RepetitionFilter:
    """A party says nearly the same again, after the other party had a turn.

    Nearly the same: of the words that carry meaning in either of two utterances, the share they have in
    common (the Jaccard index) is at least ``similarity``; ``min_words`` of them there must be. Earlier
    utterances are looked at up to the hundredth before. Strength: that share.
    """

    name: ClassVar[str] = "repetition"
    tells: ClassVar[tuple[str, ...]] = ("earlier", "earlier_time", "similarity")
    role: Party = "any"
    similarity: Similarity = 0.6
    min_words: Words = 4
    questions: bool = False

    def find(self, seen: Seen) -> list[Hit]:
        """One hit for each utterance that repeats one, with the most similar."""
        hits = []
        spoken: dict[str, deque[tuple[Utterance, frozenset[str]]]] = {}
        for u in seen.said_by(self.role):
            if self.questions and "?" not in u.text:
                continue
            mine = frozenset(w for w in seen.plain[u.index].split() if w not in _COMMON and w.isalpha())
            if len(mine) < self.min_words:
                continue
            before = spoken.setdefault(f"{u.role}{u.channel}", deque(maxlen=_LOOK_BACK))
            best = max(((_jaccard(mine, w), -o.index, o) for o, w in before), default=(0.0, 0, None))
            if best[2] is not None and best[0] >= self.similarity and _answered(seen, best[2], u):
                hits.append(self._hit(u, best[2], best[0]))
            before.append((u, mine))
        return hits

    def _hit(self, u: Utterance, earlier: Utterance, similarity: float) -> Hit:
        time = f"turn {earlier.index + 1}" if earlier.start_ms is None else clock(earlier.start_ms)
        words = {"earlier": quote(earlier.text), "earlier_time": time, "similarity": f"{similarity:.2f}"}
        hit = utterance_hit(u, strength=similarity, numbers={"similarity": similarity}, words=words)
        return replace(hit, utterances=(earlier.index, u.index))


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _answered(seen: Seen, first: Utterance, again: Utterance) -> bool:
    """Whether another party said something between the two."""
    between = seen.call.utterances[first.index + 1 : again.index]
    return any((u.role, u.channel) != (first.role, first.channel) and u.role != "ivr" for u in between)


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnFilter:
    """Turns by length: all that a party says until the other takes over, in words. Strength: none.

    Backchannels of the other ("mm-hm") do not end a turn.
    """

    name: ClassVar[str] = "turn"
    tells: ClassVar[tuple[str, ...]] = ("n_words",)
    role: Party = "any"
    min_words: Words = 1
    max_words: Words | None = None

    def __post_init__(self) -> None:
        if self.max_words is not None and self.max_words < self.min_words:
            raise ValueError("max_words is less than min_words")

    def find(self, seen: Seen) -> list[Hit]:
        """One hit a turn."""
        return [
            turn_hit(
                [seen.call.utterances[i] for i in turn.utterances],
                {"turn_words": float(turn.n_words)}, {"n_words": str(turn.n_words)},
            )
            for turn in seen.turns
            if self.role in ("any", turn.role)
            and self.min_words <= turn.n_words
            and (self.max_words is None or turn.n_words <= self.max_words)
        ]  # fmt: skip
