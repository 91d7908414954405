"""Words that say what a number is: "security code", "sort code", and as telling, "order number".

A number by itself is rarely anything. The cue nearest before it says what it is, in the same turn or in
one of the turns before ("may I have the card number?"), whoever speaks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from sentiment.redact.tokens import words_match
from sentiment.redact.word_lists import split_phrases, table

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from sentiment.redact.tokens import Turn

__all__ = ["Cue", "Cues", "Sought"]

Sought = Literal[
    "card", "card?", "end", "cvv", "back", "ssn", "routing", "sort", "bank", "account", "iban", "phone",
    "zip", "house", "address", "email", "other", "other?",
]  # fmt: skip
"""What a cue leads one to expect.

``card?`` is a card named in passing, ``account`` may be an account of any kind, ``end`` the last digits of
one, ``back`` a code on a card; ``other`` is a number that is nothing personal, ``other?`` a thing that may
have one.
"""

REACH_TURNS = 4
"""How many turns after a cue its number may come."""
_AFTER_WORDS = 6
_OTHER_WORDS = 5
_LOOKED_AT = 8
_NAMED_WORDS = 9
_SENTENCE_TOKENS = 16
_ALIKE = (frozenset({"cvv", "back"}), frozenset({"card", "card?"}))
_SOUGHT_BY_MASK = {
    "[card]": frozenset({"card", "card?", "end"}),
    "[cvv]": frozenset({"cvv", "back"}),
    "[ssn]": frozenset({"ssn", "end"}),
    "[bank account]": frozenset({"routing", "sort", "bank", "account", "iban", "end"}),
    "[phone]": frozenset({"phone", "end"}),
    "[address]": frozenset({"zip", "house"}),
}

_TABLE: dict[str, list[tuple[tuple[str, ...], Sought]]] = defaultdict(list)
for _sought, _listed in table("cues").items():
    for _phrase in split_phrases(_listed):
        _words = tuple(_phrase.split())
        _TABLE[_words[0]].append((_words, cast("Sought", _sought)))
for _bucket in _TABLE.values():
    _bucket.sort(key=lambda entry: -len(entry[0]))


class Cue(NamedTuple):
    """Tokens ``[first, last]`` of a turn lead one to expect a number."""

    turn: int
    first: int
    last: int
    sought: Sought


class _TurnCues:
    """The cues of one turn, so that the nearest to a place is found at once, however many there are."""

    def __init__(self, turn: Turn, cues: list[Cue]) -> None:
        self.all = cues
        self.firsts = [cue.first for cue in cues]
        self.sought = frozenset(cue.sought for cue in cues)
        self.named = [cue for cue in cues if cue.sought != "other?"]
        self.named_firsts = [cue.first for cue in self.named]
        strong = [cue for cue in self.named if cue.sought not in ("card?", "account", "end")]
        ask = strong or self.named[-1:]
        self.asked = [cue for cue in reversed(ask) if _one_sentence(turn, cue, ask[-1])]
        """What the last sentence asks for: "the last four of your social and your date of birth"."""


class Cues:
    """All cues of a call, and which of them is meant by a number."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = turns
        self._by_turn = [_TurnCues(turn, _cues(turn) if turn.english else []) for turn in turns]
        self._spent: set[Cue] = set()
        for turn in turns:
            for i, token in enumerate(turn.tokens):
                if token.masked:
                    sought = _SOUGHT_BY_MASK.get(token.low, frozenset())
                    for cue in self.before(turn.index, i):
                        if cue.sought in sought:
                            self.spend(cue)

    def spend(self, cue: Cue) -> None:
        """The number that was asked for has come; other words for it in the same turn mean it too."""
        alike = next((group for group in _ALIKE if cue.sought in group), {cue.sought})
        self._spent |= {other for other in self._by_turn[cue.turn].asked if other.sought in alike} | {cue}

    def spent(self, cue: Cue) -> bool:
        """Whether its number has come already, in this reading or, as the mask after it tells, before."""
        return cue in self._spent

    def said(self, turn: int, *sought: Sought, turns: int = 0) -> bool:
        """Whether one of these is said in a turn, or in the ``turns`` before it."""
        within = self._by_turn[max(0, turn - turns) : turn + 1]
        return any(not cues.sought.isdisjoint(sought) for cues in within)

    def asks(self, turn: int) -> bool:
        """Whether a turn leads one to expect some number, so that it is more than a "mhm"."""
        return bool(self._by_turn[turn].sought - {"other?", "card?", "account"})

    def before(self, turn: int, token: int) -> Iterator[Cue]:
        """The cues that a number at this place may follow, the likeliest first, at most one a turn.

        In its own turn the nearest. In the turns before, what they name only in passing counts where
        they name nothing better. Beyond a cue to some other number none is looked for.
        """
        own = self._by_turn[turn]
        passing, named = bisect_left(own.firsts, token) - 1, bisect_left(own.named_firsts, token) - 1
        if passing >= 0 and own.all[passing].sought == "other?":
            cue = own.all[passing]
            if self._words_between(turn, cue.last, token) <= _OTHER_WORDS:
                yield cue
                if named >= 0 and self._words_between(turn, own.named[named].last, token) <= _NAMED_WORDS:
                    yield own.named[named]
                return
        asked = [own.named[named : named + 1]] if named >= 0 else []
        asked += (self._by_turn[back].asked for back in range(turn - 1, max(-1, turn - 1 - REACH_TURNS), -1))
        for each in asked:
            yield from each
            if any(cue.sought == "other" for cue in each):
                return

    def close(self, cue: Cue, turn: int, token: int) -> bool:
        """Whether a cue before a number stands close to it, or in a turn before."""
        return cue.turn < turn or self._words_between(turn, cue.last, token) <= _OTHER_WORDS

    def after(self, turn: int, token: int) -> Cue | None:
        """The cue that follows a number closely: "417 is the code on the back"."""
        own = self._by_turn[turn]
        at = bisect_left(own.named_firsts, token + 1)
        if at == len(own.named):
            return None
        cue, own_turn = own.named[at], self._turns[turn]
        introduces = own_turn.low(cue.last + 1) in ("is", "'s", ":", "was", "number")
        if introduces or not _one_sentence(own_turn, Cue(turn, token, token, cue.sought), cue):
            return None
        return cue if self._words_between(turn, token, cue.first) < _AFTER_WORDS else None

    def nearest(self, cue: Cue, sought: Container[str]) -> Cue | None:
        """The cue for one of these that comes last before a cue, else the first after it in its turn."""
        for back in range(cue.turn, max(-1, cue.turn - 1 - REACH_TURNS), -1):
            own = self._by_turn[back]
            stop = bisect_left(own.named_firsts, cue.first) if back == cue.turn else len(own.named)
            for other in reversed(own.named[max(0, stop - _LOOKED_AT) : stop]):
                if other.sought in sought:
                    return other
        own = self._by_turn[cue.turn]
        start = bisect_left(own.named_firsts, cue.last + 1)
        return next((c for c in own.named[start : start + _LOOKED_AT] if c.sought in sought), None)

    def _words_between(self, turn: int, first: int, last: int) -> int:
        words = self._turns[turn].words
        return bisect_left(words, last) - bisect_left(words, first + 1)


def _one_sentence(turn: Turn, first: Cue, last: Cue) -> bool:
    """Whether no sentence ends between two cues; only if they are close is it looked at."""
    between = turn.tokens[first.last + 1 : last.first]
    return len(between) <= _SENTENCE_TOKENS and not any(t.low in (".", "?", "!") for t in between)


def _cues(turn: Turn) -> list[Cue]:
    """The cues of a turn in order, with the longest phrase at each place; read once."""
    known: list[Cue] | None = turn.memo.get("cues")
    if known is not None:
        return known
    found: list[Cue] = []
    at, words = 0, turn.words
    while at < len(words):
        step = 1
        for phrase, sought in _TABLE.get(turn.tokens[words[at]].low, ()):
            if words_match(turn, at, phrase):
                found.append(Cue(turn.index, words[at], words[at + len(phrase) - 1], sought))
                step = len(phrase)
                break
        at += step
    turn.memo["cues"] = found
    return found
