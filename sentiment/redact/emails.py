"""E-mail addresses, written or said: "john dot smith at gmail dot com", "j-o-h-n 84 at yahoo.com"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.redact.spoken_numbers import atoms
from sentiment.redact.word_lists import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentiment.redact.cues import Cues
    from sentiment.redact.tokens import Hit, Turn

__all__ = ["find_emails"]

_PROVIDERS = words("email.providers")
_TOP_LEVEL = words("email.top_level")
_DOTS = frozenset({"dot", ".", "period", "point"})
_JOINS = _DOTS | frozenset({"underscore", "_", "dash", "-", "hyphen", "plus", "+", "minus"})
_NOT_LOCAL = words("email.not_local")
_MOST_LOCAL_TOKENS = 40
_MOST_PLAIN_WORDS = 4
_CUE_TURNS = 4


def find_emails(turns: Sequence[Turn], cues: Cues) -> Iterator[Hit]:
    """All e-mail addresses."""
    given: set[int] = set()
    for turn in turns:
        places = [at for at, token in enumerate(turn.tokens) if token.low in ("@", "at")]
        for at in places:
            if turn.low(at) == "@":
                yield from _written(turn, at)
        if turn.english and places:
            spoken_of = cues.said(turn.index, "email", turns=_CUE_TURNS)
            before = given.intersection(range(turn.index - _CUE_TURNS, turn.index + 1))
            yield from _spoken(turn, places, turns, sure=spoken_of or bool(before))
        if any(
            taken and (token.low == "[email]" or not token.masked)
            for taken, token in zip(turn.taken, turn.tokens, strict=True)
        ):
            given.add(turn.index)


def _written(turn: Turn, at: int) -> Iterator[Hit]:
    """What stands around an "@" without a space."""
    first = at
    while first > 0 and turn.glued(first) and _in_local(turn.low(first - 1)) and not turn.taken[first - 1]:
        first -= 1
    last = at
    while turn.glued(last + 1) and _in_domain(turn.low(last + 1)) and not turn.taken[last + 1]:
        last += 1
    while last > at and turn.low(last) in ".-":
        last -= 1
    while first < at and turn.low(first) in ".-'":
        first += 1
    dotted = any(turn.low(i) == "." for i in range(at + 1, last))
    if first < at and dotted and turn.low(last).isalpha() and turn.free(first, last):
        yield turn.take("EMAIL", first, last, "form")


def _in_local(low: str) -> bool:
    return low.isalnum() or (low in "._-+%'&" and low != "") or "'" in low


def _in_domain(low: str) -> bool:
    return low.isalnum() or low in (".", "-")


def _spoken(turn: Turn, places: Sequence[int], turns: Sequence[Turn], *, sure: bool) -> Iterator[Hit]:
    """A local part, "at", and a domain."""
    numbers: set[int] | None = None
    for at in places:
        if turn.taken[at]:
            continue
        domain = _domain(turn, at + 1)
        if domain is None:
            continue
        last, known = domain
        if numbers is None:
            numbers = {i for a in atoms(turn) for i in range(a.first, a.last + 1)}
        first, joined = _local(turn, at, numbers)
        if first < at and (known or joined or (sure and turn.low(at) == "at")) and turn.free(first, last):
            yield turn.take("EMAIL", first, last, "spoken")
        elif known and not turn.words[0] < at and turn.free(at, last):
            yield turn.take("EMAIL", at, last, "spoken")
            yield from _begun_before(turn, turns)


def _domain(turn: Turn, at: int) -> tuple[int, bool] | None:
    """The last token of a domain that begins at a token, and whether it is a well-known provider's.

    "gmail dot com", "gmail", "bluefinch.io", "petersen dash plumbing dot co dot uk".
    """
    known = turn.low(at) in _PROVIDERS
    last = at if known and turn.low(at) not in ("me", "live", "sky", "mac", "charter") else None
    i, words = at, 0
    while i < len(turn.tokens) and words <= 5 and not turn.taken[i]:
        low = turn.low(i)
        if low in _DOTS:
            if turn.low(i + 1) not in _TOP_LEVEL or i == at or (low == "." and not turn.glued(i + 1)):
                if low == ".":
                    break
                i += 1
                continue
            last = i + 1
            i += 2
            continue
        if last is not None and last > at:
            break
        if not (low.isalnum() or low in _JOINS) or low == "at":
            break
        words += 1
        i += 1
    return None if last is None else (last, known)


def _local(turn: Turn, at: int, numbers: set[int]) -> tuple[int, bool]:
    """The first token of the part before "at", and whether its words are joined by "dot" and the like."""
    first, joined, plain = at, False, 0
    i = at - 1
    while i >= 0 and at - i <= _MOST_LOCAL_TOKENS and not turn.taken[i]:
        low = turn.low(i)
        if low in ("as", "in") and "as" in (low, turn.low(i - 1)):  # "b as in boy"
            plain -= low == "as"
        elif i in numbers:
            first = i
        elif low == ",":
            pass
        elif low in _JOINS:
            if low == "." and not turn.glued(i + 1):
                break
            joined = joined or first == i + 1
        elif (
            low.isalpha()
            and len(low) == 1
            and not (low == "a" and turn.low(i + 1).isalpha() and len(turn.low(i + 1)) > 1)
        ):
            first = i
        elif low in _NOT_LOCAL or not low.isalpha() or plain >= _MOST_PLAIN_WORDS:
            break
        else:
            plain += turn.low(i - 1) not in _JOINS
            first = i
        i -= 1
    return first, joined


def _begun_before(turn: Turn, turns: Sequence[Turn]) -> Iterator[Hit]:
    """The local part, where the speaker gave it in an earlier turn and goes on with "at gmail dot com"."""
    for back in range(turn.index - 1, max(-1, turn.index - 4), -1):
        earlier = turns[back]
        if earlier.speaker != turn.speaker:
            continue
        end = len(earlier.tokens)
        while end > 0 and earlier.low(end - 1) in (".", ",", "…"):
            end -= 1
        numbers = {i for a in atoms(earlier) for i in range(a.first, a.last + 1)}
        first, _ = _local(earlier, end, numbers)
        if first < end and earlier.free(first, end - 1):
            yield earlier.take("EMAIL", first, end - 1, "spoken")
        return
