"""A call as tokens: what the rules read, with the places of everything in the original text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sentiment.redact.values import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Hit", "Token", "Turn", "mask_of", "mask_turn", "turn_of"]

# Digits and letters are parted ("4b", "9am"), and so is a final 's: "name's" is said like "name is".
_TOKEN = re.compile(
    rf"\[(?:{'|'.join(KINDS)})\]|\d+|[^\W\d_]+(?:['’](?![sS]\b)[^\W\d_]+)*|['’][sS]\b|[^\w\s]|_"
)


class Token(NamedTuple):
    """A word, a run of digits, a mark, or a mask, at ``[start, end)`` of the utterance's text."""

    text: str
    low: str
    start: int
    end: int
    masked: bool = False

    @property
    def capital(self) -> bool:
        """Whether it is written with a capital first."""
        return self.text[0].isupper()


class Hit(NamedTuple):
    """Tokens ``[first, last]`` of a turn that are of a kind, and the rule that says so."""

    kind: Kind
    turn: int
    first: int
    last: int
    rule: str


@dataclass(slots=True)
class Turn:
    """One utterance as the rules see it.

    ``taken`` marks the tokens that a rule has claimed already: the surer rules go first. ``words`` are
    the places of the tokens that are words or digits. ``english`` is whether rules by words apply.
    ``memo`` keeps what depends on the tokens alone and is asked for in each reading: numbers, cues.
    """

    index: int
    speaker: int
    english: bool
    tokens: list[Token]
    words: list[int] = field(init=False)
    taken: list[bool] = field(init=False)
    all_lower: bool = field(init=False)
    memo: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.release()
        self.words = [
            i for i, t in enumerate(self.tokens) if not t.masked and (t.low.isalnum() or len(t.low) > 1)
        ]
        self.all_lower = not any(t.capital for t in self.tokens if not t.masked)

    def release(self) -> None:
        """Forget what rules have claimed, for another reading."""
        self.taken = [token.masked for token in self.tokens]

    def low(self, at: int) -> str:
        """The token there in lower case, nothing beyond the ends."""
        return self.tokens[at].low if 0 <= at < len(self.tokens) else ""

    def glued(self, at: int) -> bool:
        """Whether nothing stands between this token and the one before it."""
        return 0 < at < len(self.tokens) and self.tokens[at - 1].end == self.tokens[at].start

    def starts_sentence(self, at: int) -> bool:
        """Whether a capital there may be no more than that of a sentence's beginning."""
        if at == 0 or self.tokens[at - 1].low not in _SENTENCE_ENDS:
            return at == 0
        before = self.low(at - 2)
        return not (self.tokens[at - 1].low == "." and (before in _ABBREVIATED or len(before) == 1))

    def free(self, first: int, last: int) -> bool:
        """Whether no rule has claimed any of these tokens."""
        return not any(self.taken[first : last + 1])

    def take(self, kind: Kind, first: int, last: int, rule: str) -> Hit:
        """Claim these tokens."""
        self.taken[first : last + 1] = [True] * (last + 1 - first)
        return Hit(kind, self.index, first, last, rule)


_SENTENCE_ENDS = frozenset(".?!…")
_ABBREVIATED = frozenset({"mr", "mrs", "ms", "dr", "st"})


def mask_of(kind: Kind) -> str:
    """The token that stands for a kind: ``[CARD]``."""
    return f"[{kind}]"


_MASKS = frozenset(map(mask_of, KINDS))


def turn_of(text: str, *, index: int, speaker: int, english: bool) -> Turn:
    """The tokens of one utterance; linear in its length."""
    tokens = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        low = token.lower()
        if not token.isascii():
            low = low.replace("’", "'")
            if token.isdecimal():
                low = "".join(str(int(c)) for c in token)
        tokens.append(Token(token, low, match.start(), match.end(), token in _MASKS))
    return Turn(index, speaker, english, tokens)


def mask_turn(turn: Turn, hits: Iterable[Hit]) -> Turn:
    """The turn as it would be read again once these hits, which do not overlap, are masked."""
    tokens: list[Token] = []
    at = 0
    for hit in sorted(hits, key=lambda h: h.first):
        tokens += turn.tokens[at : hit.first]
        mask = mask_of(hit.kind)
        start, end = turn.tokens[hit.first].start, turn.tokens[hit.last].end
        tokens.append(Token(mask, mask.lower(), start, end, masked=True))
        at = hit.last + 1
    tokens += turn.tokens[at:]
    return Turn(turn.index, turn.speaker, turn.english, tokens)


def words_match(turn: Turn, at: int, phrase: Sequence[str]) -> bool:
    """Whether the words from the ``at``-th on are these."""
    words, tokens = turn.words, turn.tokens
    if at + len(phrase) > len(words):
        return False
    for i, word in enumerate(phrase, start=at):  # noqa: SIM110 - three times as fast as all()
        if tokens[words[i]].low != word:
            return False
    return True
