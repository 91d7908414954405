"""What the numbers of a call are: accounts, social-security and phone numbers, security codes, zip codes.

A number is told by the cue before it ("the security code is"), or after it, or by its form
("(415) 555-0162"). An echo of what was found, by whoever, is found too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING

from sentiment.redact.cards import claim, find_cards
from sentiment.redact.chains import Chain, chains
from sentiment.redact.checksums import is_routing_number, network_length
from sentiment.redact.quantities import numbers_alone
from sentiment.redact.spoken_numbers import Run, atoms, runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentiment.redact.cues import Cue, Cues
    from sentiment.redact.spoken_numbers import Atom
    from sentiment.redact.tokens import Hit, Turn
    from sentiment.redact.values import Kind

__all__ = ["find_card_numbers", "find_numbers"]

_BANK_TALK_TURNS = 12
_ECHO_TURNS = 3
_ECHO_DIGITS = 3
_FAR_ECHO_DIGITS = 6
_REMEMBERED = 20
_MOST_CUES = 4
_CODE_TURNS = 3
_PART_LENGTHS = frozenset({4, 6, 8, 10, 11})  # of a card that is read in groups
_FOLLOWED_BY_CUE = frozenset(
    {"cvv", "back", "card", "ssn", "phone", "sort", "routing", "account", "bank", "zip"}
)


def find_card_numbers(turns: Sequence[Turn], cues: Cues) -> list[Hit]:
    """Card numbers by their check digit; the surest of all rules, so it goes first."""
    found = [_free_atoms(turn) for turn in turns]
    hits = []
    for chain in chains(turns, found, cues):
        for hit in find_cards(chain):
            hits.append(hit)
            for cue in cues.before(hit.turn, hit.first):
                cues.spend(cue)
    return hits


def find_numbers(turns: Sequence[Turn], cues: Cues, cards: Sequence[Hit]) -> list[Hit]:
    """All other numbers; ``cards`` are what :func:`find_card_numbers` found."""
    found = [numbers_alone(turn) for turn in turns]
    carded = {t.index for t in turns if any(token.low == "[card]" for token in t.tokens)}
    carded |= {hit.turn for hit in cards}
    hits: list[Hit] = []
    for chain in chains(turns, found, cues):
        told = _told(chain, cues) or _code_after_card(chain, cues, carded)
        if told is not None:
            kind, rule, part = told
            hits += claim(part.pieces, kind, rule)
            hits += _before(part, kind, rule)
    return hits


def find_echoes(turns: Sequence[Turn], values: Sequence[tuple[int, Kind, str]]) -> Iterator[Hit]:
    """Digits that repeat a found value (turn, kind, digits), or a part of one said just before or after."""
    exact = {digits: kind for _, kind, digits in values if len(digits) >= _FAR_ECHO_DIGITS}
    waiting = deque(sorted(values, key=lambda value: value[0]))
    near: deque[tuple[int, Kind, str]] = deque(maxlen=_REMEMBERED)
    for turn in turns:
        while waiting and waiting[0][0] <= turn.index + _ECHO_TURNS:
            near.append(waiting.popleft())
        for run in runs(turn, numbers_alone(turn)):
            core = run.core
            kind = exact.get(core.digits)
            if kind is None and len(core.digits) >= _ECHO_DIGITS:
                kind = next(
                    (k for at, k, d in near if abs(at - turn.index) <= _ECHO_TURNS and core.digits in d), None
                )
            if kind is not None:
                yield turn.take(kind, core.first, core.last, "echo")


def digits_of(hit: Hit, turn: Turn) -> str:
    """The digits of a hit, as numbers are read."""
    found = atoms(turn)
    at = bisect_left(found, hit.first, key=lambda atom: atom.first)
    digits = []
    while at < len(found) and found[at].last <= hit.last:
        digits.append(found[at].digits)
        at += 1
    return "".join(digits)


def _free_atoms(turn: Turn) -> list[Atom]:
    return [atom for atom in atoms(turn) if turn.free(atom.first, atom.last)]


def _told(chain: Chain, cues: Cues) -> tuple[Kind, str, Chain] | None:
    """What a number is: its kind, the rule, and the part of the chain that it is."""
    first = chain.runs[0]
    before = list(cues.before(first.turn.index, first.first))
    cue = before[0] if before else None
    whole_first = len(chain.digits) == network_length(chain.digits)
    for part in (chain, chain.core) if whole_first else (chain.core, chain):
        for each in before[:_MOST_CUES]:
            if (kind := _fits(each, part, cues)) is not None:
                return kind, f"after {each.sought.rstrip('?')} cue", part
        last = part.runs[-1]
        following = cues.after(last.turn.index, last.last)
        if following is not None and following.sought in _FOLLOWED_BY_CUE and not _asked(cue, first):
            kind = _fits(following, part, cues)
            if kind is not None:
                return kind, f"before {following.sought} cue", part
    part = chain.core
    other = (
        cue is not None and cue.sought.startswith("other") and cues.close(cue, first.turn.index, first.first)
    )
    kind = _by_form(part, other=other)
    if kind is None and is_routing_number(part.digits) and _bank_talk(first.turn.index, cues):
        kind = "BANK ACCOUNT"
    return None if kind is None else (kind, "form", part)


def _code_after_card(chain: Chain, cues: Cues, carded: set[int]) -> tuple[Kind, str, Chain] | None:
    """ "The code is 695" is a security code if a card number was given just before."""
    core, turn = chain.core, chain.runs[0].turn
    cue = next(cues.before(turn.index, chain.runs[0].first), None)
    if (
        cue is None
        or cue.turn != turn.index
        or turn.low(cue.first) != "code"
        or len(core.digits) not in (3, 4)
    ):
        return None
    near = carded.intersection(range(turn.index - _CODE_TURNS, turn.index + 1))
    return ("CVV", "after a card", core) if near else None


def _asked(cue: Cue | None, run: Run) -> bool:
    """Whether a cue before the number in its own turn already says what it is."""
    return cue is not None and cue.turn == run.turn.index


def _fits(cue: Cue, chain: Chain, cues: Cues) -> Kind | None:
    """The kind of a number after a cue, if it looks like what the cue leads one to expect."""
    digits = chain.digits
    n = len(digits)
    turn = chain.runs[0].turn.index
    sought = cue.sought
    if sought == "end" and 3 <= n <= 6:
        return _ended(cue, cues)
    if sought == "back" and not cues.said(turn, "card", "card?", "cvv", turns=_BANK_TALK_TURNS):
        return None
    if sought == "ssn" and _year(chain, cue) and not cues.said(cue.turn, "end"):
        return None
    if sought in ("card", "card?"):
        ended = n == 4 and cues.said(turn, "end", turns=1)
        partly = sought == "card" and n in _PART_LENGTHS and not cues.spent(cue) and not _year(chain, cue)
        begins = digits[0] in "23456" or (sought == "card" and digits[0] != "0")  # it may be misheard
        whole = 12 <= n <= 19 and begins
        fits: Kind | None = "CARD" if whole or ended or partly else None
        complete = whole or ended
    else:
        fits = _plain_fit(sought, n, _bank_talk(turn, cues))
        complete = n != 3 or sought in ("cvv", "back")
        full = (sought == "ssn" and n == 9) or (sought == "phone" and n >= 10)
        if cues.spent(cue) and not full:
            return None
        if sought == "bank" and n < 6:
            fits = "BANK ACCOUNT" if n == 4 and cues.said(turn, "end", turns=1) else None
    if fits is not None and complete:
        cues.spend(cue)
    return fits


def _bank_talk(turn: int, cues: Cues) -> bool:
    """Whether it is about a bank, so that an account is one there."""
    return cues.said(turn, "routing", "sort", "bank", "iban", turns=_BANK_TALK_TURNS)


def _plain_fit(sought: str, n: int, bank_talk: bool) -> Kind | None:
    """The kind of ``n`` digits after a cue whose numbers have a length of their own."""
    if sought in ("cvv", "back") and n in (3, 4):
        return "CVV"
    if sought == "ssn" and 3 <= n <= 9:
        return "SSN"
    account = sought == "bank" or (sought == "account" and bank_talk)
    if (
        (sought == "routing" and 8 <= n <= 9)
        or (sought == "sort" and n == 6)
        or (sought == "iban" and n >= 8)
        or (account and 6 <= n <= 17)
    ):
        return "BANK ACCOUNT"
    if sought == "phone" and 7 <= n <= 15:
        return "PHONE"
    if (sought == "zip" and n in (5, 9)) or (sought == "house" and n <= 5):
        return "ADDRESS"
    return None


def _ended(cue: Cue, cues: Cues) -> Kind | None:
    """What ends with these digits: the thing last spoken of that has a number."""
    kinds: dict[str, Kind] = {
        "card": "CARD", "card?": "CARD", "ssn": "SSN", "bank": "BANK ACCOUNT", "account": "BANK ACCOUNT",
        "phone": "PHONE", "routing": "BANK ACCOUNT",
    }  # fmt: skip
    thing = cues.nearest(cue, kinds)
    return None if thing is None else kinds[thing.sought]


def _year(chain: Chain, cue: Cue) -> bool:
    """Whether four digits are more likely a year, since they are said in another turn than the cue."""
    digits = chain.digits
    return len(digits) == 4 and digits[:2] in ("19", "20") and cue.turn != chain.runs[0].turn.index


def _by_form(chain: Chain, *, other: bool) -> Kind | None:
    """The kind of a number that is written or said as only one kind is; ``other``: it was said to be none."""
    if len(chain.runs) > 1:
        return None if other else _spoken_phone(chain)
    run = chain.runs[0]
    digits, groups = chain.digits, [len(atom.digits) for atom in run.atoms]
    if run.turn.low(run.first - 1) in ("+", "plus") and 8 <= len(digits) <= 15:
        return "PHONE"
    if any(atom.spoken for atom in run.atoms):
        return None if other else _spoken_phone(chain)
    marks = {t.low for t in run.turn.tokens[run.first : run.last] if not t.low.isdecimal()}
    if groups[-3:] == [3, 3, 4] and len(groups) <= 4 and marks <= {"-", ".", "(", ")"}:
        national = digits[-10] in "23456789" and digits[:-10] in ("", "1")
        if national and (not other or "(" in marks or run.turn.low(run.first - 1) == "("):
            return "PHONE"
    if other:
        return None
    if groups == [3, 2, 4] and marks == {"-"} and digits[:3] not in ("000", "666"):
        return "SSN"
    if groups == [3, 4] and marks == {"-"} and digits[0] in "23456789":
        return "PHONE"
    if digits[0] == "0" and digits[1:2] in tuple("12378") and 10 <= len(digits) <= 11:
        return "PHONE" if len(groups) > 1 or digits[1] == "7" else None
    return None


def _spoken_phone(chain: Chain) -> Kind | None:
    """A phone number in one's words: ten digits as in North America, or eleven that begin with 0 or 1."""
    digits = chain.digits
    if any(atom.cardinal and len(atom.digits) > 3 for _, atom in chain.pieces):
        return None
    american = len(digits) == 10 and digits[0] in "23456789" and digits[3] in "23456789"
    return "PHONE" if american or (len(digits) == 11 and digits[0] in "01") else None


def _before(chain: Chain, kind: Kind, rule: str) -> Iterator[Hit]:
    """The "+" of a phone number, or its bracket."""
    run = chain.runs[0]
    at = run.first - 1
    if kind == "PHONE" and run.turn.low(at) == "(":
        at -= 1
    if kind == "PHONE" and run.turn.low(at) in ("+", "plus") and run.turn.free(at, run.first - 1):
        yield run.turn.take(kind, at, run.first - 1, rule)
