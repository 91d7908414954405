"""What introduces, asks for and follows the name of a person, and the words that are none: ``words.toml``."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sentiment.redact.tokens import words_match
from sentiment.redact.word_lists import phrases, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sentiment.redact.tokens import Turn

__all__ = [
    "ANSWER_STARTS",
    "BUT_NAMES",
    "GREETINGS",
    "MEDIUM",
    "NATIONS",
    "NOT_NAMES",
    "QUESTIONS",
    "RELATIONS",
    "STRONG",
    "TITLES",
    "WEAK_ENDS",
    "phrase_end",
]

Phrases = dict[str, list[tuple[str, ...]]]


def _table(listed: Iterable[str]) -> Phrases:
    table: Phrases = defaultdict(list)
    for phrase in listed:
        split = tuple(phrase.split())
        table[split[0]].append(split)
    for bucket in table.values():
        bucket.sort(key=len, reverse=True)
    return table


def phrase_end(turn: Turn, place: int, table: Mapping[str, Sequence[tuple[str, ...]]]) -> int | None:
    """The last token of the longest phrase of a table that begins with the ``place``-th word, or ``None``."""
    for phrase in table.get(turn.tokens[turn.words[place]].low, ()):
        if words_match(turn, place, phrase):
            return turn.words[place + len(phrase) - 1]
    return None


STRONG = _table(phrases("name.strong"))
MEDIUM = _table(phrases("name.medium"))
QUESTIONS = _table(phrases("name.questions"))
GREETINGS = words("name.greetings")
TITLES = words("name.titles")
RELATIONS = words("name.relations")
ANSWER_STARTS = words("name.answer_starts")
NATIONS = words("name.nations")
WEAK_ENDS = words("name.weak_ends")
NOT_NAMES = words("name.not_names")
BUT_NAMES = words("name.but_names")
