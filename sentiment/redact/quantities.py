"""Numbers that count or date something: prices, times, dates, "three lines", and parts of codes ("14C")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.redact.spoken_numbers import atoms
from sentiment.redact.word_lists import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.redact.spoken_numbers import Atom
    from sentiment.redact.tokens import Turn

__all__ = ["MONTHS", "numbers_alone"]

MONTHS = words("numbers.months")
_UNITS = words("numbers.units")
_CURRENCY = frozenset("$£€¥")


def numbers_alone(turn: Turn) -> list[Atom]:
    """The unclaimed atoms that count and date nothing, and are no part of a code of letters and digits."""
    found = atoms(turn)
    if found and "alone" not in turn.memo:
        turn.memo["alone"] = _alone(turn, found)
    return [atom for atom in turn.memo.get("alone", ()) if turn.free(atom.first, atom.last)]


def _alone(turn: Turn, atoms: Sequence[Atom]) -> list[Atom]:
    coded = _in_codes(turn, atoms)
    counts = [in_code or _counts(turn, atom) for in_code, atom in zip(coded, atoms, strict=True)]
    for here in (range(1, len(atoms)), range(len(atoms) - 1, 0, -1)):  # "$1,249.99" and "19.99 percent"
        for i in here:
            if counts[i - 1] != counts[i] and _one_figure(turn, atoms[i - 1], atoms[i]):
                counts[i - 1] = counts[i] = True
    for i in range(1, len(atoms)):
        if _price_or_date(turn, atoms, i):
            counts[i - 1] = counts[i] = True
    return [atom for atom, counted in zip(atoms, counts, strict=True) if not counted]


def _in_codes(turn: Turn, atoms: Sequence[Atom]) -> list[bool]:
    """Which atoms are a part of a code of single letters and digits: "K 7 R 2", "H M 4 4 8 1"."""
    coded: list[bool] = []
    for i, atom in enumerate(atoms):
        letter = turn.low(atom.first - 1)
        after_letter = len(letter) == 1 and letter.isalpha() and letter not in "aio"
        goes_on = i > 0 and coded[-1] and atoms[i - 1].last + 1 == atom.first
        coded.append(after_letter or goes_on)
    return coded


def _counts(turn: Turn, atom: Atom) -> bool:
    before, after = turn.low(atom.first - 1), turn.low(atom.last + 1)
    if before in _CURRENCY or after in _UNITS:
        return True
    if not atom.spoken and (
        (turn.glued(atom.first) and before.isalpha()) or (turn.glued(atom.last + 1) and after.isalpha())
    ):
        return True
    small = len(atom.digits) <= 2
    if small and (before in MONTHS or after in MONTHS):
        return True
    if after == "of" and small:
        return True
    return before in MONTHS and len(atom.digits) == 4


def _one_figure(turn: Turn, left: Atom, right: Atom) -> bool:
    """Whether "." or "," joins two groups of digits without a space: "1,249.99"."""
    return (
        right.first == left.last + 2
        and turn.low(left.last + 1) in (".", ",")
        and turn.glued(left.last + 1)
        and turn.glued(right.first)
    )


def _price_or_date(turn: Turn, atoms: Sequence[Atom], i: int) -> bool:
    """Whether two neighbours are a price "47.50", a time "9:30", a date "11/27" or "2025-11-01"."""
    left, right = atoms[i - 1], atoms[i]
    mark = turn.low(left.last + 1)
    if left.spoken or right.spoken or right.first != left.last + 2:
        return False
    if mark in (":", "/"):
        return len(left.digits) <= 4 and len(right.digits) <= 4
    if mark == "." and _one_figure(turn, left, right):
        dotted_on = (
            turn.low(right.last + 1) == "." and turn.glued(right.last + 1) and turn.glued(right.last + 2)
        )
        return len(right.digits) == 2 and len(left.digits) <= 5 and not dotted_on
    if mark == "-" and turn.glued(right.first):
        year_first = len(left.digits) == 4 and left.digits[:2] in ("19", "20") and len(right.digits) == 2
        return year_first and turn.low(right.last + 1) == "-"
    return False
