"""Card numbers by their check digit, however they are grouped, written or said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.redact.checksums import Luhn, network_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentiment.redact.chains import Chain
    from sentiment.redact.spoken_numbers import Atom
    from sentiment.redact.tokens import Hit, Turn

__all__ = ["claim", "find_cards"]

MIN_DIGITS, MAX_DIGITS = 13, 19


def find_cards(chain: Chain) -> Iterator[Hit]:
    """Claim every stretch of a number that passes Luhn's test and is as long as a card's.

    A number of 13 to 19 digits counts whoever issues it; a part of a longer one only if it is as long
    as the cards of its network. "Forty one" is read as 41 and as 40 1, and words that only sound like
    digits with and without.
    """
    pieces = chain.pieces
    if sum(len(atom.digits) for _, atom in pieces) < MIN_DIGITS:
        return
    hard = [(turn, atom) for turn, atom in pieces if not atom.soft]
    readings = [(pieces, False), (pieces, True)]
    if len(hard) < len(pieces):
        readings += [(hard, False), (hard, True)]
    for read, split in readings:
        texts = [atom.split if split else atom.digits for _, atom in read]
        for start, stop in _windows(read, texts):
            if all(turn.free(atom.first, atom.last) for turn, atom in read[start:stop]):
                yield from claim(read[start:stop], "CARD", "check digit")


def claim(pieces: Sequence[tuple[Turn, Atom]], kind: str, rule: str) -> Iterator[Hit]:
    """Claim the pieces, one hit for each turn they are in."""
    at = 0
    while at < len(pieces):
        turn, first = pieces[at]
        end = at
        while end + 1 < len(pieces) and pieces[end + 1][0] is turn:
            end += 1
        yield turn.take(kind, first.first, pieces[end][1].last, rule)  # type: ignore[arg-type]
        at = end + 1


def _windows(pieces: Sequence[tuple[Turn, Atom]], texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Stretches ``[start, stop)`` of pieces that are a card's digits; linear in the digits."""
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text))
    digits = "".join(texts)
    luhn = Luhn(digits)
    if MIN_DIGITS <= len(digits) <= MAX_DIGITS and luhn.holds(0, len(digits)):
        yield 0, len(pieces)
        return
    for start, stop in _tight(pieces):
        if MIN_DIGITS <= starts[stop] - starts[start] <= MAX_DIGITS and luhn.holds(
            starts[start], starts[stop]
        ):
            yield start, stop
    piece_at = {place: i for i, place in enumerate(starts)}
    for i in range(len(pieces)):
        length = network_length(digits[starts[i] : starts[i] + 4])
        stop_at = piece_at.get(starts[i] + length) if length else None
        if stop_at is not None and luhn.holds(starts[i], starts[stop_at]):
            yield i, stop_at


def _tight(pieces: Sequence[tuple[Turn, Atom]]) -> Iterator[tuple[int, int]]:
    """Stretches of digits with spaces or a hyphen between them; with hyphens only; and each by itself."""
    for allowed in ((" ", "-"), ("-",), ()):
        start = 0
        for i in range(1, len(pieces) + 1):
            if i < len(pieces) and _joint(pieces[i - 1], pieces[i]) in allowed:
                continue
            yield start, i
            start = i


def _joint(left: tuple[Turn, Atom], right: tuple[Turn, Atom]) -> str | None:
    """What stands between two pieces: a space, a hyphen, or ``None`` for anything else."""
    (turn, before), (other, after) = left, right
    if turn is not other:
        return None
    between = turn.tokens[before.last + 1 : after.first]
    if not between:
        return " "
    return "-" if len(between) == 1 and between[0].low == "-" else None
