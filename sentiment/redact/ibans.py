"""International account numbers, written or spelled, by their check digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.redact.checksums import IBAN_LENGTHS, is_iban
from sentiment.redact.spoken_numbers import atoms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sentiment.redact.cues import Cues
    from sentiment.redact.spoken_numbers import Atom
    from sentiment.redact.tokens import Hit, Turn

__all__ = ["find_ibans"]

_CUE_TURNS = 3
_SKIPPED = frozenset([",.-–…", "uh", "um", "and", "then"]) | {","}


def find_ibans(turns: Sequence[Turn], cues: Cues) -> Iterator[Hit]:
    """IBANs whose remainder is right; after a cue any of the country's length, since it may be misheard."""
    for turn in turns:
        by_first = {atom.first: atom for atom in atoms(turn)}
        if not by_first:
            continue
        cued = cues.said(turn.index, "iban", turns=_CUE_TURNS)
        for at in range(len(turn.tokens)):
            text = turn.tokens[at].text
            if turn.taken[at] or not (len(text) == 1 or text.upper() in IBAN_LENGTHS) or not text.isalpha():
                continue
            end = _iban_end(turn, at, by_first, cued=cued)
            if end is not None and turn.free(at, end):
                yield turn.take("BANK ACCOUNT", at, end, "IBAN")


def _iban_end(turn: Turn, at: int, by_first: Mapping[int, Atom], *, cued: bool) -> int | None:
    """The last token of the IBAN that begins at a token; reads no more than an IBAN is long."""
    text, i = "", at
    wanted = 0
    while i < len(turn.tokens) and (not wanted or len(text) < wanted):
        token = turn.tokens[i]
        atom = by_first.get(i)
        if atom is not None:
            text, last = text + atom.digits, atom.last
        elif (
            token.low.isalpha()
            and token.text.isascii()
            and len(token.text) <= (30 if token.text.isupper() else 1)
        ):
            text, last = text + token.text.upper(), i
        elif token.low.isalpha() and len(text) == 0 and len(token.text) == 2:
            text, last = token.text.upper(), i
        elif token.low in _SKIPPED and text:
            last = i
        else:
            return None
        if len(text) >= 2 and not wanted:
            wanted = IBAN_LENGTHS.get(text[:2], 0)
            if not wanted:
                return None
        if len(text) >= 4 and not text[2:4].isdecimal():
            return None
        i = last + 1
    if wanted and (is_iban(text) or (cued and len(text) == wanted)):
        return i - 1
    return None
