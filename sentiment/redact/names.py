"""Names of persons: after what introduces one, from lists of names, and wherever they come again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.redact.gazetteer import names
from sentiment.redact.name_cues import (
    ANSWER_STARTS,
    BUT_NAMES,
    GREETINGS,
    MEDIUM,
    NATIONS,
    NOT_NAMES,
    QUESTIONS,
    RELATIONS,
    STRONG,
    TITLES,
    WEAK_ENDS,
    phrase_end,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentiment.redact.cues import Cues
    from sentiment.redact.tokens import Hit, Turn

__all__ = ["find_names"]

_MOST_WORDS = 4
_MOST_LETTERS = 24
_ANSWER_TURNS = 2
_BEGINNINGS = (STRONG, MEDIUM, TITLES, RELATIONS, GREETINGS, frozenset({"you"}))
_BEFORE_NAMES = frozenset({",", "uh", "um", "is", ":", "-", "—"})
_AFTER_NAMES = frozenset({",", ".", "!", "?", "", "and", "from", "calling", "with"})


def find_names(turns: Sequence[Turn], cues: Cues) -> Iterator[Hit]:
    """All names of persons; what was introduced as a name is then found wherever it is said."""
    introduced: set[str] = set()
    spelled: set[str] = set()
    for turn in turns:
        if turn.english and turn.tokens:
            reader = _Reader(turn, turns, cues)
            for first, last, rule in reader.read():
                if turn.free(first, last):
                    introduced |= {t.low for t in turn.tokens[first : last + 1] if len(t.low) >= 3}
                    if rule == "spelled":
                        spelled.add("".join(t.low for t in turn.tokens[first : last + 1] if t.low.isalpha()))
                    yield turn.take("NAME", first, last, rule)
    introduced -= NOT_NAMES
    for turn in turns:
        if turn.english:
            yield from _again(turn, introduced, spelled - NOT_NAMES)


class _Reader:
    """Finds the names of one turn, in the order of how sure the rules are."""

    def __init__(self, turn: Turn, turns: Sequence[Turn], cues: Cues) -> None:
        self._turn, self._turns, self._cues = turn, turns, cues
        self._known = names()

    def read(self) -> Iterator[tuple[int, int, str]]:
        """Tokens ``[first, last]`` that are a name, and the rule; places may overlap."""
        turn = self._turn
        yield from self._answer()
        for place, at in self._places():
            low = turn.tokens[at].low
            for table in (STRONG, MEDIUM):
                if low in table and (end := phrase_end(turn, place, table)) is not None:
                    yield from self._after(end, "introduced", sure=table is STRONG)
            if low in TITLES and at + 1 < len(turn.tokens):
                yield from self._titled(at)
            if low in RELATIONS:
                yield from self._relation(at)
            if low in GREETINGS or (low == "you" and turn.low(at - 1) == "thank"):
                yield from self._after(at, "addressed", sure=False)
            if low in self._known.first or low in self._known.first_ambiguous:
                yield from self._speaking(at)
                yield from self._listed(at)
            if len(low) == 1:
                yield from self._spelled(at)

    def _places(self) -> list[tuple[int, int]]:
        """Where a rule may begin: the place among the words, and the token; found once."""
        turn = self._turn
        places: list[tuple[int, int]] | None = turn.memo.get("names")
        if places is None:
            known = (self._known.first, self._known.first_ambiguous, *_BEGINNINGS)
            lows = ((place, at, turn.tokens[at].low) for place, at in enumerate(turn.words))
            places = [(p, at) for p, at, low in lows if len(low) == 1 or any(low in words for words in known)]
            turn.memo["names"] = places
        return places

    # -- one name ------------------------------------------------------------------------------

    def _is_word(self, at: int) -> bool:
        turn = self._turn
        if not 0 <= at < len(turn.tokens) or turn.taken[at]:
            return False
        low = turn.tokens[at].low
        if low in ("will", "may"):
            return turn.tokens[at].capital and not turn.starts_sentence(at)
        return (
            len(low) > 1
            and low[0].isalpha()
            and low not in NOT_NAMES
            and "'" not in low[-3:-1]
            and len(low) <= _MOST_LETTERS
        )

    def _first(self, at: int, *, ambiguous: bool) -> bool:
        """Whether a token is a first name; an ambiguous one only with a capital."""
        if not self._is_word(at):
            return False
        token = self._turn.tokens[at]
        return token.low in self._known.first or (
            ambiguous and token.capital and token.low in self._known.first_ambiguous
        )

    def _last(self, at: int) -> bool:
        """Whether a token goes on a name: a capital that is none of an English word, or a surname."""
        if not self._is_word(at):
            return False
        turn = self._turn
        token = turn.tokens[at]
        known = self._known
        if token.low in known.last or token.low in known.first:
            return True
        if token.capital:
            return not turn.starts_sentence(at) and token.low not in BUT_NAMES
        return turn.all_lower and token.low in known.last_ambiguous and token.low not in BUT_NAMES

    def _whole(self, first: int) -> int:
        """The last token of the name that begins at a token: further names, initials, "O-Brien"."""
        turn, last, words = self._turn, first, 1
        while words < _MOST_WORDS:
            at = last + 1
            if turn.low(at) == "." and turn.glued(at) and len(turn.low(last)) == 1:
                at += 1
            elif turn.low(at) == "-" and turn.glued(at) and turn.glued(at + 1) and self._is_word(at + 1):
                last, words = at + 1, words + 1
                continue
            initial = self._initial(at)
            if not (initial or self._last(at)) or (
                initial and not self._last(at + 1) and not self._last(at + 2)
            ):
                break
            last, words = at, words + 1
        return last

    def _initial(self, at: int) -> bool:
        turn = self._turn
        low = turn.low(at)
        return (
            len(low) == 1 and low.isalpha() and turn.tokens[at].capital and low != "i" and not turn.taken[at]
        )

    def _after(self, end: int, rule: str, *, sure: bool) -> Iterator[tuple[int, int, str]]:
        """The name that follows an introduction, if one does; ``sure``: it introduces nothing else."""
        turn, at = self._turn, end + 1
        while turn.low(at) in _BEFORE_NAMES:
            at += 1
        if at >= len(turn.tokens) or turn.low(at) in TITLES:
            return
        if self._surely(at) if sure else self._likely(at, end, rule):
            yield at, self._whole(at), rule

    def _surely(self, at: int) -> bool:
        """Whether a name is what stands after "my name is"."""
        turn, known = self._turn, self._known
        token = turn.tokens[at]
        if self._first(at, ambiguous=True) or (self._initial(at) and turn.low(at + 1) == "."):
            return True
        if not self._is_word(at) or token.low in WEAK_ENDS:
            return False
        listed = token.low in known.first or token.low in known.last
        return token.capital or listed or (turn.all_lower and token.low not in BUT_NAMES)

    def _likely(self, at: int, end: int, rule: str) -> bool:
        """Whether a name is what stands after "this is", "I'm", "thanks" and the like."""
        turn, known = self._turn, self._known
        token = turn.tokens[at]
        ambiguous = token.low in known.first_ambiguous or token.low in known.last_ambiguous
        if turn.all_lower and token.low in known.last and rule == "introduced":
            return self._is_word(at)
        if turn.all_lower and token.low in known.first_ambiguous:
            return self._is_word(at + 1) and turn.low(at + 1) in known.last
        if self._first(at, ambiguous=True):
            return True
        if not (token.capital and self._is_word(at)) or turn.starts_sentence(at):
            return False
        if token.low in BUT_NAMES or token.low in NATIONS:
            return False
        surname = token.low in known.last or (self._last(at + 1) and turn.low(at + 1) in known.last)
        if rule == "introduced" and surname:
            return True
        alone = turn.low(at + 1) in _AFTER_NAMES and not ambiguous and not token.text.isupper()
        return alone and (turn.low(end) in ("i'm", "am", "im") or rule == "addressed")

    def _titled(self, at: int) -> Iterator[tuple[int, int, str]]:
        """ "Mr. Patel", "Mr. and Mrs. Hargreaves"."""
        turn = self._turn
        name = at + 1
        while name - at < 5 and (turn.low(name) in (".", "and", "&") or turn.low(name) in TITLES):
            name += 1
        if not self._is_word(name):
            return
        token = turn.tokens[name]
        short = turn.low(at) in ("ms", "mr", "mrs", "dr")
        if token.capital or token.low in self._known.last or (short and token.low not in BUT_NAMES):
            title = turn.tokens[at].text
            if token.capital or turn.all_lower or (title[0].isupper() and not title.isupper()):
                yield name, self._whole(name), "title"

    def _relation(self, at: int) -> Iterator[tuple[int, int, str]]:
        """ "my son Austin", "my wife, Carmen"."""
        turn = self._turn
        name = at + 2 if turn.low(at + 1) == "," else at + 1
        if self._first(name, ambiguous=True):
            yield name, self._whole(name), "relation"
        before = at - 1  # "Grace, my daughter"
        if (
            turn.low(before) in ("my", "our")
            and turn.low(before - 1) == ","
            and self._first(before - 2, ambiguous=True)
        ):
            yield before - 2, before - 2, "relation"

    def _speaking(self, at: int) -> Iterator[tuple[int, int, str]]:
        """ "Benedict speaking", "Omar here"."""
        turn = self._turn
        here = turn.low(at + 1) == "here" and (turn.starts_sentence(at) or turn.all_lower)
        if (here or turn.low(at + 1) == "speaking") and self._first(at, ambiguous=True):
            yield at, at, "introduced"

    def _listed(self, at: int) -> Iterator[tuple[int, int, str]]:
        """A name that the lists have, where nothing introduces it."""
        turn = self._turn
        token = turn.tokens[at]
        known = self._known
        if token.text.isupper() and len(token.low) > 1:
            return  # an acronym
        if token.capital and token.low in known.first and self._is_word(at):
            yield at, self._whole(at), "listed"
        elif token.capital and token.low in known.first_ambiguous and self._is_word(at):
            low = turn.low(at + 1)
            sure = low in known.last or (low in known.last_ambiguous and not turn.starts_sentence(at))
            if sure and turn.tokens[at + 1].capital and low not in BUT_NAMES:
                yield at, self._whole(at), "listed"
        elif token.low in known.first and turn.all_lower and self._is_word(at) and len(token.low) > 2:
            yield at, self._whole(at), "listed"

    def _spelled(self, at: int) -> Iterator[tuple[int, int, str]]:
        """Letters one by one ("S-M-I-T-H") where a name is spoken of, or that spell a known one."""
        turn = self._turn
        if turn.glued(at) and turn.low(at - 1).isalnum():
            return
        if self._letter(at - 1) or (turn.low(at - 1) in ("-", ".", ",") and self._letter(at - 2)):
            return
        letters, last, i = turn.low(at), at, at + 1
        while i < len(turn.tokens):
            if self._letter(i):
                letters, last = letters + turn.low(i), i
            elif turn.low(i) not in ("-", ".", ",") or not self._letter(i + 1):
                break
            i += 1
        after = turn.low(last + 1)
        if len(letters) < 3 or not self._letter(at) or after.isdecimal():
            return
        known = letters in self._known.first or letters in self._known.last
        asked = any(self._asks(back) for back in range(turn.index, max(-1, turn.index - 3), -1))
        if (known and len(letters) > 3) or asked:
            yield at, last, "spelled"

    def _letter(self, at: int) -> bool:
        low = self._turn.low(at)
        return len(low) == 1 and low.isalpha() and not self._turn.taken[at]

    # -- asked for -----------------------------------------------------------------------------

    def _asks(self, at: int) -> bool:
        """Whether a turn speaks of a name or its spelling."""
        turn = self._turns[at]
        return any(phrase_end(turn, place, QUESTIONS) is not None for place in range(len(turn.words))) or any(
            t.low in ("spell", "spelled", "spelling", "spelt", "name", "surname") for t in turn.tokens
        )

    def _answer(self) -> Iterator[tuple[int, int, str]]:
        """The name that answers "may I have your name?"."""
        turn = self._turn
        asked = None
        for back in range(turn.index - 1, max(-1, turn.index - 1 - _ANSWER_TURNS), -1):
            earlier = self._turns[back]
            if earlier.speaker != turn.speaker:
                asked = self._question_last(earlier)
                break
        if not asked:
            return
        at = 0
        while turn.low(at) in ANSWER_STARTS or turn.low(at) in (",", ".", "…", "-"):
            at += 1
        if not (self._is_word(at) or self._initial(at)):
            return
        token, known = turn.tokens[at], self._known
        end = at
        while end + 1 < len(turn.tokens) and end - at < 3 and self._is_word(end + 1):
            end += 1
        closed = end + 1 >= len(turn.tokens) or turn.low(end + 1) in (".", ",", "?", "!", "-", "…")
        listed = token.low in known.first or token.low in known.last
        if listed or self._initial(at) or (token.capital and token.low not in BUT_NAMES):
            yield at, self._whole(at), "answer"
        elif closed and not token.capital and token.low not in BUT_NAMES and turn.all_lower and end - at < 3:
            yield at, end, "answer"

    @staticmethod
    def _question_last(turn: Turn) -> bool:
        """Whether a turn ends by asking for a name, within its last words."""
        n = len(turn.words)
        return any(phrase_end(turn, place, QUESTIONS) is not None for place in range(max(0, n - 12), n))


def _again(turn: Turn, introduced: set[str], spelled: set[str]) -> Iterator[Hit]:
    """Names that were introduced or spelled elsewhere in the call, unless they are English words here."""
    known = names()
    for at, token in enumerate(turn.tokens):
        if turn.taken[at] or (token.low not in introduced and token.low not in spelled):
            continue
        listed = token.low in known.first or token.low in known.last
        word = (
            token.low in known.first_ambiguous or token.low in known.last_ambiguous or token.low in BUT_NAMES
        )
        if ((listed or token.low in spelled) and not word) or (
            token.capital and not (word and turn.starts_sentence(at))
        ):
            yield turn.take("NAME", at, at, "said again")
