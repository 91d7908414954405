"""Postal addresses: number, street and what follows them; post-office boxes; zip codes and postcodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sentiment.redact.places import (
    AMBIGUOUS_SUFFIXES,
    DIRECTIONS,
    NOT_STREETS,
    POSTCODE_AREAS,
    STATE_CODES,
    STATES,
    SUFFIXES,
    UNITS,
)
from sentiment.redact.spoken_numbers import atoms
from sentiment.redact.word_lists import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentiment.redact.cues import Cues
    from sentiment.redact.spoken_numbers import Atom
    from sentiment.redact.tokens import Hit, Turn

__all__ = ["find_addresses"]

_CUE_TURNS = 2
_STREET_WORDS = 4
_HOUSE_DIGITS = 6
_CITY_WORDS = 3
_CITY_PARTS = 3
_ABBREVIATED_LETTERS = 3
_ORDINALS = words("address.ordinals")
_ORDINAL_ENDS = frozenset({"st", "nd", "rd", "th"})
_STATE_STARTS = frozenset(name.split()[0] for name in STATES) | {code.lower() for code in STATE_CODES}
_POSTCODE = re.compile(r"([A-Z]{1,2})(\d[A-Z\d]?)(\d)([A-Z]{2})")


class _Reader:
    """One turn, with its numbers by where they begin and end."""

    def __init__(self, turn: Turn, cues: Cues) -> None:
        self.turn = turn
        found = atoms(turn)
        self.starting = {atom.first: atom for atom in found}
        self.ending = {atom.last: atom for atom in found}
        self.cued = cues.said(turn.index, "address", "house", "zip", turns=_CUE_TURNS)
        self.zip_cued = cues.said(turn.index, "zip", turns=_CUE_TURNS)

    def word(self, at: int) -> bool:
        """Whether a token is a word that may be a part of a name of a place."""
        low = self.turn.low(at)
        return len(low) > 0 and low[0].isalpha() and not self.turn.taken[at]

    def capital(self, at: int) -> bool:
        """Whether a token begins with a capital."""
        return 0 <= at < len(self.turn.tokens) and self.turn.tokens[at].capital


def find_addresses(turns: Sequence[Turn], cues: Cues) -> Iterator[Hit]:
    """All addresses and parts of addresses."""
    for turn in turns:
        if not turn.english or not atoms(turn):  # every address has a number in it
            continue
        read = _Reader(turn, cues)
        yield from _streets(read)
        yield from _cued_streets(read)
        yield from _boxes(read)
        yield from _postcodes(read)
        yield from _states(read)


def _streets(read: _Reader) -> Iterator[Hit]:
    """A number, a name and "street" or the like."""
    turn = read.turn
    for at, token in enumerate(turn.tokens):
        sure = token.low in SUFFIXES
        if turn.taken[at] or not (sure or token.low in AMBIGUOUS_SUFFIXES):
            continue
        if not (sure or read.cued or token.capital) or _is_suffix(read, at + 1):
            continue
        number = _house_number(read, at, bare=token.low == "broadway")
        if number is None:
            continue
        end = _rest(read, at)
        if turn.free(number, end):
            yield turn.take("ADDRESS", number, end, "street")


def _is_suffix(read: _Reader, at: int) -> bool:
    """Whether a street's name may end here and not a word before: "Maple Ridge Road"."""
    low = read.turn.low(at)
    return low in SUFFIXES or (low in AMBIGUOUS_SUFFIXES and read.capital(at))


def _house_number(read: _Reader, suffix: int, *, bare: bool) -> int | None:
    """Where the address begins that has its street's last word at ``suffix``."""
    turn, words = read.turn, 0
    i = suffix - 1
    while i >= 0 and words <= _STREET_WORDS:
        low = turn.low(i)
        if low in _ORDINAL_ENDS and turn.glued(i) and i - 1 in read.ending:
            words, i = words + 1, i - 2
            continue
        lettered = len(low) == 1 and low.isalpha() and turn.glued(i) and i - 1 in read.ending
        number = read.ending.get(i - 1 if lettered else i)
        if number is not None and (words or bare) and not number.soft:
            return _leftmost(read, number)
        if not read.word(i) and low not in (".", "'s", "-"):
            return None
        if low in NOT_STREETS or (low == "." and len(turn.low(i - 1)) > _ABBREVIATED_LETTERS):
            return None
        if low not in (".", "'s", "-"):
            words += 1
        i -= 1
    return None


def _leftmost(read: _Reader, number: Atom) -> int | None:
    """The first token of a house number, with the number of a flat before it."""
    turn, first, digits = read.turn, number.first, number.digits
    while (before := read.ending.get(first - 1)) is not None and len(digits + before.digits) <= _HOUSE_DIGITS:
        if before.soft and turn.low(before.first) not in ("oh", "o"):
            break
        first, digits = before.first, before.digits + digits
    if len(digits) > _HOUSE_DIGITS or turn.low(first - 1) in ("$", "£", "€"):
        return None
    i = first - 1  # "Flat 3, 22 Grosvenor Road", "Flat 12, Beacon House, 90 Tanner Street"
    if turn.low(i) == ",":
        i -= 1
        named = i
        while read.word(named) and read.capital(named) and i - named < 3 and turn.low(named) not in UNITS:
            named -= 1
        if turn.low(named) == ",":
            i = named - 1
        unit = read.ending.get(i)
        if unit is not None and turn.low(unit.first - 1) in UNITS:
            return unit.first - 1
        if named < first - 2 and read.capital(named + 1) and named + 1 - 1 in read.ending:
            return read.ending[named].first  # "One Liberty Plaza, 165 Broadway"
    return first


def _rest(read: _Reader, suffix: int) -> int:
    """The last token of what follows a street: direction, flat, city, state, zip or postcode."""
    turn, end = read.turn, suffix
    if (
        turn.low(end + 1) == "."
        and turn.glued(end + 1)
        and (turn.low(end + 2) == "," or turn.low(end + 2) in UNITS)
    ):
        end += 1
    if turn.low(end + 1) in DIRECTIONS and turn.low(end + 1) not in ("s",):
        end += 1
    road_number = read.starting.get(end + 1)
    if (
        road_number is not None
        and turn.low(suffix) in ("road", "highway", "hwy", "route")
        and not road_number.spoken
    ):
        end = road_number.last
    for _ in range(3):
        longer = _unit(read, end)
        if longer == end:
            break
        end = longer
    city = _city(read, end)
    return _code(read, city)


def _skip_comma(turn: Turn, at: int) -> int:
    return at + 1 if turn.low(at) == "," else at


def _unit(read: _Reader, end: int) -> int:
    """Past "apartment 4B", "Suite 240", "6th Floor"."""
    turn = read.turn
    at = _skip_comma(turn, end + 1)
    if turn.low(at) in UNITS:
        last = _number_and_letter(read, at + 1)
        return end if last is None else last
    atom = read.starting.get(at)
    if atom is not None and turn.low(atom.last + 1) in _ORDINAL_ENDS and turn.low(atom.last + 2) == "floor":
        return atom.last + 2
    if turn.low(at) in _ORDINALS and turn.low(at + 1) == "floor":
        return at + 1
    return end


def _number_and_letter(read: _Reader, at: int) -> int | None:
    """The last token of "4B", "B", "two oh four"."""
    turn, last = read.turn, None
    while (atom := read.starting.get(at)) is not None and not (atom.soft and turn.low(at) not in ("oh", "o")):
        last, at = atom.last, atom.last + 1
    low = turn.low(at)
    if len(low) == 1 and low.isalpha() and (turn.glued(at) or (last is None and low != "a")):
        return at
    return last


def _city(read: _Reader, end: int) -> int:
    """Past the city and the state after a street, if they follow."""
    for _ in range(_CITY_PARTS):
        known = _city_and_more(read, end)
        if known is not None:
            return known
        named = _named_after_comma(read, end)
        if named == end or read.turn.low(named + 1) != ",":
            return named
        end = named
    return end


def _city_and_more(read: _Reader, end: int) -> int | None:
    """The last token of a city with its state, or of one that a zip code or postcode follows."""
    turn = read.turn
    at = _skip_comma(turn, end + 1)
    for n in range(_CITY_WORDS + 1):
        code = _skip_comma(turn, at + n)
        if (state := _state(read, code)) is not None:
            return state
        if n and (_zip(read, at + n) is not None or _written_postcode(read, code) is not None):
            return at + n - 1
        if not read.word(at + n) or turn.low(at + n) in NOT_STREETS:
            return None
    return None


def _named_after_comma(read: _Reader, end: int) -> int:
    """The last of a few words with capitals between a comma and a mark or the end: ", San Mateo."."""
    turn, last = read.turn, end + 1
    if turn.low(last) != ",":
        return end
    while last - end <= _CITY_WORDS and read.word(last + 1) and read.capital(last + 1):
        last += 1
    closed = last + 1 >= len(turn.tokens) or not turn.low(last + 1)[0].isalnum()
    return last if last > end + 1 and closed else end


def _state(read: _Reader, at: int) -> int | None:
    """The last token of a state's name or code that begins at a token."""
    turn = read.turn
    if at >= len(turn.tokens) or turn.taken[at]:
        return None
    if turn.tokens[at].text in STATE_CODES:
        return at
    if f"{turn.low(at)} {turn.low(at + 1)}" in STATES:
        return at + 1
    return at if turn.low(at) in STATES else None


def _zip(read: _Reader, at: int) -> int | None:
    """The last token of five digits, or nine, that begin at a token."""
    digits, last, turn = "", None, read.turn
    written = read.starting.get(at)
    if written is not None and not written.spoken and len(written.digits) not in (1, 5, 9):
        return None
    while (atom := read.starting.get(at)) is not None and len(digits) < 9:
        digits, last = digits + atom.digits, atom.last
        at = atom.last + 1
        if turn.low(at) == "-":
            at += 1
    return last if len(digits) in (5, 9) else None


def _code(read: _Reader, end: int) -> int:
    """Past a zip code or postcode."""
    at = _skip_comma(read.turn, end + 1)
    for last in (_zip(read, at), _written_postcode(read, at)):
        if last is not None:
            return last
    return end


def _cued_streets(read: _Reader) -> Iterator[Hit]:
    """A number and capitalised words where an address is spoken of: "she lives at 2210 El Camino Real"."""
    turn = read.turn
    if not read.cued:
        return
    for atom in list(read.starting.values()):
        if turn.taken[atom.first] or atom.soft or len(atom.digits) > _HOUSE_DIGITS:
            continue
        at = atom.last + 1
        while (
            read.word(at)
            and read.capital(at)
            and len(turn.low(at)) > 1
            and at - atom.last <= _STREET_WORDS
            and turn.low(at) not in NOT_STREETS
        ):
            at += 1
        if at - atom.last - 1 >= 2 and turn.low(atom.last + 1) not in STATES:
            first = _leftmost(read, atom)
            end = _rest(read, at - 1)
            if first is not None and turn.free(first, end):
                yield turn.take("ADDRESS", first, end, "after address cue")


def _boxes(read: _Reader) -> Iterator[Hit]:
    """Post-office boxes."""
    turn = read.turn
    for at, token in enumerate(turn.tokens):
        if token.low != "box" or turn.taken[at]:
            continue
        i, letters = at - 1, ""
        while i >= 0 and len(letters) < 2 and turn.low(i) in ("p", "o", "po", "."):
            letters = turn.low(i).strip(".") + letters
            i -= 1
        last = _number_and_letter(read, at + 1)
        if letters == "po" and last is not None:
            end = _code(read, _city(read, last))
            if turn.free(i + 1, end):
                yield turn.take("ADDRESS", i + 1, end, "box")


def _written_postcode(read: _Reader, at: int) -> int | None:
    """The last token of a UK postcode written in capitals: "M1 6EU"."""
    return _postcode(read, at, spelled=False)


def _postcode(read: _Reader, at: int, *, spelled: bool) -> int | None:
    """The last token of a UK postcode; ``spelled`` letter by letter, in any case."""
    turn, text, i = read.turn, "", at
    while i < len(turn.tokens) and len(text) < 7 and not turn.taken[i]:
        token = turn.tokens[i]
        atom = read.starting.get(i)
        if atom is not None and (spelled or not atom.spoken):
            text, i = text + atom.digits, atom.last + 1
        elif token.low.isalpha() and (
            len(token.low) <= 2 if spelled else token.text.isupper() and len(token.low) <= 2
        ):
            text, i = text + token.text.upper(), i + 1
        elif spelled and token.low in (",", "-", "."):
            i += 1
            continue
        else:
            break
        match = _POSTCODE.fullmatch(text)
        if (
            match
            and match[1] in POSTCODE_AREAS
            and not (i < len(turn.tokens) and turn.glued(i) and turn.low(i).isalnum())
        ):
            return i - 1
    return None


def _postcodes(read: _Reader) -> Iterator[Hit]:
    """UK postcodes by themselves."""
    turn = read.turn
    for at, token in enumerate(turn.tokens):
        if turn.taken[at] or not token.low.isalpha() or len(token.low) > 2 or token.low.upper()[:1] == "":
            continue
        end = _written_postcode(read, at) if token.text.isupper() else None
        if end is None and read.zip_cued:
            end = _postcode(read, at, spelled=True)
        if end is not None and turn.free(at, end):
            yield turn.take("ADDRESS", at, end, "postcode")


def _states(read: _Reader) -> Iterator[Hit]:
    """A city, state and zip code without a street: "seattle washington nine eight one two two"."""
    turn = read.turn
    for at, token in enumerate(turn.tokens):
        last = _state(read, at) if token.low in _STATE_STARTS else None
        if last is None:
            continue
        end = _zip(read, _skip_comma(turn, last + 1))
        if end is None:
            continue
        first = at
        i = at - 2 if turn.low(at - 1) == "," else at - 1
        for back in range(i, max(-1, i - 2), -1):
            if (
                not read.word(back)
                or turn.low(back) in NOT_STREETS
                or turn.low(back) in ("yes", "yeah", "it's")
            ):
                break
            first = back
        if turn.free(first, end):
            yield turn.take("ADDRESS", first, end, "city and zip")
