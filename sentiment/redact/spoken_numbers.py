"""Digits as they are written and as they are said: "4111", "forty-one eleven", "double four", "oh".

Words that only sound like digits ("for", "to", "ate") count where a spoken digit stands beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sentiment.redact.word_lists import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentiment.redact.tokens import Turn

__all__ = ["FILLERS", "UNITS", "Atom", "Run", "atoms", "runs"]

UNITS = {
    "zero": "0", "nought": "0", "naught": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "niner": "9",
}  # fmt: skip
"""Single digits by their names."""
_SOFT = {"oh": "0", "o": "0", "for": "4", "fore": "4", "to": "2", "too": "2", "ate": "8", "won": "1"}
_TEENS = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15",
    "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
_TENS = {
    "twenty": "2", "thirty": "3", "forty": "4", "fourty": "4", "fifty": "5", "sixty": "6", "seventy": "7",
    "eighty": "8", "ninety": "9",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}

FILLERS = words("numbers.fillers")
"""What people say between the digits of one number."""
_MARKS = frozenset(",.-–—‐‑…;:()/·•\u200b\u200c\u200d\ufeff")
_LONGEST_GAP = 6


class Atom(NamedTuple):
    """Digits said or written in one go: tokens ``[first, last]``.

    ``split`` is another reading, "forty one" as 40 1. ``soft`` is a word that only sounds like a digit,
    ``cardinal`` a number with "hundred" or "thousand" in it.
    """

    first: int
    last: int
    digits: str
    split: str
    spoken: bool = True
    soft: bool = False
    cardinal: bool = False


class Run(NamedTuple):
    """Atoms of one turn with no more than marks and fillers between them."""

    turn: Turn
    atoms: tuple[Atom, ...]

    @property
    def first(self) -> int:
        """The first token."""
        return self.atoms[0].first

    @property
    def last(self) -> int:
        """The last token."""
        return self.atoms[-1].last

    @property
    def digits(self) -> str:
        """All digits in order."""
        return "".join(atom.digits for atom in self.atoms)

    @property
    def core(self) -> Run:
        """Without words at the ends that only sound like digits, unless nothing else is left."""
        hard = [
            i
            for i, atom in enumerate(self.atoms)
            if not atom.soft or self.turn.low(atom.first) in ("oh", "o")
        ]
        return Run(self.turn, self.atoms[hard[0] : hard[-1] + 1]) if hard else self


def atoms(turn: Turn) -> list[Atom]:
    """The digits of a turn, in order; read once."""
    known: list[Atom] | None = turn.memo.get("atoms")
    if known is not None:
        return known
    found = []
    at, tokens = 0, turn.tokens
    while at < len(tokens):
        atom = _atom(turn, at)
        if atom is None:
            at += 1
        else:
            found.append(atom)
            at = atom.last + 1
    known = [a for i, a in enumerate(found) if not a.soft or _beside_a_digit(turn, found, i)]
    turn.memo["atoms"] = known
    return known


def _atom(turn: Turn, at: int) -> Atom | None:
    low = turn.tokens[at].low
    if low.isdecimal():
        return Atom(at, at, low, low, spoken=False)
    if not turn.english or turn.tokens[at].masked:
        return None
    if low in _TIMES:
        digit = UNITS.get(turn.low(at + 1)) or ("0" if turn.low(at + 1) in ("oh", "o") else turn.low(at + 1))
        if len(digit) == 1 and digit.isdecimal():
            return Atom(at, at + 1, digit * _TIMES[low], digit * _TIMES[low])
        return None
    if low in _SOFT:
        return Atom(at, at, _SOFT[low], _SOFT[low], soft=True)
    if low in UNITS or low in _TEENS or low in _TENS:
        return _cardinal(turn, at)
    return None


def _below_hundred(turn: Turn, at: int) -> Atom | None:
    """A number of one or two digits said in words."""
    low = turn.low(at)
    if low in UNITS:
        return Atom(at, at, UNITS[low], UNITS[low])
    if low in _TEENS:
        return Atom(at, at, _TEENS[low], _TEENS[low])
    if low not in _TENS:
        return None
    end = at + 2 if turn.low(at + 1) == "-" else at + 1
    unit = UNITS.get(turn.low(end), "0")
    if unit == "0":
        return Atom(at, at, _TENS[low] + "0", _TENS[low] + "0")
    return Atom(at, end, _TENS[low] + unit, f"{_TENS[low]}0{unit}")


def _cardinal(turn: Turn, at: int) -> Atom | None:
    """ "eight hundred", "two thousand and six", or just the number there."""
    small = _below_hundred(turn, at)
    if small is None or turn.low(small.last + 1) not in ("hundred", "thousand"):
        return small
    value, last = int(small.digits), small.last
    for scale, name in ((1000, "thousand"), (100, "hundred")):
        if turn.low(last + 1) == name:
            value, last = value * scale, last + 1
            rest = _rest(turn, last + 1)
            if rest is None:
                break
            more, last = rest
            if scale == 1000 and turn.low(last + 1) == "hundred":
                value, last = value + more * 100, last + 1
                if (final := _rest(turn, last + 1)) is not None:
                    value, last = value + final[0], final[1]
            else:
                value += more
            break
    return Atom(at, last, str(value), str(value), cardinal=True)


def _rest(turn: Turn, at: int) -> tuple[int, int] | None:
    """What follows "hundred" or "thousand" as a part of the same number: its value and last token.

    "eight hundred five five five" is 800 and more digits, "eight hundred and five" is 805.
    """
    linked = turn.low(at) == "and"
    small = _below_hundred(turn, at + 1 if linked else at)
    if small is None:
        return None
    if len(small.digits) == 1 and not linked and _below_hundred(turn, small.last + 1) is not None:
        return None
    return int(small.digits), small.last


def _beside_a_digit(turn: Turn, found: Sequence[Atom], i: int) -> bool:
    """Whether a spoken digit stands right beside (a written one, too, for "oh")."""
    atom = found[i]
    oh = turn.low(atom.first) in ("oh", "o")
    for other in (*found[max(0, i - 1) : i], *found[i + 1 : i + 2]):
        near = other.last + 1 == atom.first or atom.last + 1 == other.first
        if near and (oh or (other.spoken and len(other.digits) == 1 and not other.soft)):
            return True
        if near and other.soft and turn.low(other.first) in ("oh", "o"):
            return True
    return False


def runs(turn: Turn, found: Sequence[Atom]) -> Iterator[Run]:
    """The atoms grouped to numbers."""
    group: list[Atom] = []
    for atom in found:
        if group and not only_fillers(turn, group[-1].last + 1, atom.first):
            yield Run(turn, tuple(group))
            group = []
        group.append(atom)
    if group:
        yield Run(turn, tuple(group))


def only_fillers(turn: Turn, start: int, stop: int) -> bool:
    """Whether nothing but marks and a few fillers stands in ``[start, stop)``."""
    if stop - start > _LONGEST_GAP:
        return False
    return all(t.low in _MARKS or t.low in FILLERS for t in turn.tokens[start:stop])
