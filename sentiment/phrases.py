"""Finding set phrases in what people said, and writing times, feelings and quotations in sentences.

Text may be as a recogniser or a keyboard wrote it: phrases are looked for in one form of it (lower
case, contractions spelled out, punctuation as commas), so that ``"I've"``, ``"ive"`` and ``"I have"``
are one pattern. A phrase that the speaker negates ("I don't want to cancel") is not found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentiment.call import Role

__all__ = ["Phrase", "clock", "find", "normalise", "quote", "sentence", "signed", "speaker", "when"]

_CONTRACTIONS = (
    (r"\b(?:can't|cant|cannot)\b", "can not"),
    (r"\b(?:won't|wont)\b", "will not"),
    (r"\b(do|does|did|is|are|was|were|have|has|had|would|should|could)(?:n't|nt)\b", r"\1 not"),
    (r"\b(i|we|you|they)(?:'ve|ve)\b", r"\1 have"),
    (r"\bi'?m\b", "i am"),
    (r"\bi'll\b", "i will"),
    (r"\b(we|you|they|it|he|she|that)'ll\b", r"\1 will"),
    (r"\b(you|they|we)'re\b|\b(you|they)re\b", r"\1\2 are"),
    (r"\b(i|we|you|they)'d\b", r"\1 would"),
    (r"\b(that|it|there|what|this|he|she|here|name)'s\b|\b(that|there|what)s\b", r"\1\2 is"),
    (r"\bgonna\b", "going to"),
    (r"\bwanna\b", "want to"),
    (r"\blet's\b|\blets\b", "let us"),
    (r"\bcancell?(?:ing)\b", "cancelling"),
)
_CONTRACTION_RULES = tuple((re.compile(pattern), by) for pattern, by in _CONTRACTIONS)

_NEGATIONS = frozenset({"not", "never", "without", "no", "nobody", "hardly"})
_SUBJECTS = frozenset({"i", "we", "but", "and", "so", "then", "or"})
_REPORTING = frozenset({"think", "say", "saying", "said", "mean", "meant", "sure", "suggesting"})
_NEGATION_REACH_WORDS = 5


@dataclass(frozen=True, slots=True)
class Phrase:
    """A way to say something: its ``kind`` in words, and a regular expression over normalised text."""

    kind: str
    expression: str

    @classmethod
    def of(cls, kind: str, *expressions: str) -> Phrase:
        """Any of these regular expressions; a space in one matches punctuation too."""
        spaced = "|".join(f"(?:{e})" for e in expressions).replace(" ", "[ ,]+")
        return cls(kind, rf"\b(?:{spaced})\b")

    @classmethod
    def any_of(cls, phrases: Iterable[Phrase]) -> Phrase:
        """All of these as one, to see at one go whether there is any."""
        bare = (phrase.expression.removeprefix(r"\b").removesuffix(r"\b") for phrase in phrases)
        return cls("", rf"\b(?:{'|'.join(bare)})\b")

    def may_be_in(self, plain: str) -> bool:
        """Whether ``plain`` (normalised) has the words, negated or not."""
        return _compiled(self.expression).search(plain) is not None

    def said_in(self, plain: str, *, also_negated: bool = False) -> str | None:
        """The words of ``plain`` (normalised) that say it and are not negated, or ``None``."""
        for match in _compiled(self.expression).finditer(plain):
            if also_negated or not _negated(plain[: match.start()], match.group()):
                return match.group()
        return None


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Compiled when first needed: compiling all of them would slow down the import."""
    return re.compile(expression)


def normalise(text: str) -> str:
    """Lower case, contractions spelled out, each run of punctuation a comma with spaces around it."""
    return " ".join(map(_plain, _TOKEN.findall(text.lower().replace("’", "'"))))


_TOKEN = re.compile(r"[\w']+|[^\w\s']+")


@lru_cache(maxsize=2**15)
def _plain(token: str) -> str:
    """A word with its contraction spelled out, or a comma. Remembered: people use few words, and often."""
    if not (token[0] == "'" or token[0].isalnum() or token[0] == "_"):
        return ","
    for pattern, by in _CONTRACTION_RULES:
        token = pattern.sub(by, token)
    return token


def find(text: str, phrases: tuple[Phrase, ...]) -> str | None:
    """The ``kind`` of the first of ``phrases`` that ``text`` says and does not negate, or ``None``."""
    plain = normalise(text)
    return next((phrase.kind for phrase in phrases if phrase.said_in(plain) is not None), None)


def _negated(before: str, phrase: str) -> bool:
    """Whether the words just before a phrase, in the same clause, negate it.

    A subject starts a new clause ("if you don't help I will cancel"), except after a verb of saying
    ("I'm not saying I will cancel").
    """
    words = [*before.rpartition(",")[2].split(), *phrase.split()[:1]]
    for at in range(len(words) - 1, max(-1, len(words) - 2 - _NEGATION_REACH_WORDS), -1):
        if words[at] in _NEGATIONS and at < len(words) - 1:
            return True
        if words[at] in _SUBJECTS and not (at > 0 and words[at - 1] in _REPORTING):
            return False
    return False


def quote(text: str, *, max_chars: int = 90) -> str:
    """The text in quotation marks, on one line, cut at a word if longer than ``max_chars``."""
    text = " ".join(text.split())
    if len(text) > max_chars:
        head, space, _ = text[: max_chars - 1].rpartition(" ")
        text = (head if space else text[: max_chars - 1]).rstrip(" ,;:.") + "…"
    return f"“{text}”"


def sentence(text: str) -> str:
    """The text with a full stop, unless it closes with a quotation that has its own."""
    return text if re.search(r"[.?!…]”?$", text) else f"{text}."


def when(start_ms: int | None, index: int) -> str:
    """``At 2:14``, or ``In turn 7`` where there are no times."""
    if start_ms is None:
        return f"In turn {index + 1}"
    return f"At {clock(start_ms)}"


def clock(ms: int) -> str:
    """A time in the call, in milliseconds from its start, to the second: ``4:07``, ``1:02:09``."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def signed(value: float) -> str:
    """A polarity with its sign and two decimals: ``+0.40``, ``−0.62`` (a real minus), ``0.00``."""
    text = f"{value:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def speaker(role: Role) -> str:
    """Who a role is in a sentence about somebody else: ``the agent``, ``the recording`` ..."""
    names = {"agent": "the agent", "customer": "the customer", "ivr": "the recording"}
    return names.get(role, "the other speaker")
