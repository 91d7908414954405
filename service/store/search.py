"""Words to look for in transcripts, as people type them, and the conditions both databases understand.

    refund late          both words, anywhere in the call, in any form (refund, refunds, refunded)
    "cancel my account"  the words in a row
    refund OR credit     either
    -thanks              not this one

Words are reduced to their stems (Porter 1980; on PostgreSQL Snowball's English) and none is too common to be
looked for: "not" matters in a call.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, column, func, literal, literal_column, select, table
from sqlalchemy.dialects.postgresql import REGCONFIG

from sentiment.errors import InputError
from service.store.tables import Call, Transcript, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.orm import Session

__all__ = ["Hit", "Terms", "fold", "hits", "lexemes", "read_terms", "said_in", "within_index"]

CONFIGURATION = "sentiment_english"
"""The text search configuration that the migration makes on PostgreSQL: English stems, no stop words."""

MOST_TERMS = 16
MOST_HITS = 3
"""Utterances of a call that a search shows."""
BEGIN, END = "\x02", "\x03"
_TOKEN = re.compile(r'-?"[^"]*"|[^\s"]+')
_WORD = re.compile(r"\w+")
_MARK = re.compile(f"([^{BEGIN}]*){BEGIN}([^{END}]*){END}")
_SEARCH: ColumnElement[Any] = literal_column("transcripts.search")
_FTS5 = table("transcripts_search", column("rowid"), column("transcripts_search"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is looked for: of each group of ``wanted`` one phrase at least, and none of ``unwanted``.

    A phrase is a tuple of words that follow each other.
    """

    wanted: tuple[tuple[tuple[str, ...], ...], ...]
    unwanted: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An utterance in which something that was looked for was said; ``spans`` are its places in ``text``."""

    index: int
    text: str
    spans: tuple[tuple[int, int], ...]


def read_terms(typed: str) -> Terms:
    """What somebody typed, read.

    Raises:
        InputError: nothing to look for in it, or more than :data:`MOST_TERMS` terms.
    """
    wanted: list[list[tuple[str, ...]]] = []
    unwanted: list[tuple[str, ...]] = []
    alternative = False
    for token in _TOKEN.findall(typed):
        if token == "OR":  # noqa: S105 - a word of the language
            alternative = bool(wanted)
            continue
        plain = fold(unicodedata.normalize("NFC", token))
        phrase = tuple(word.lower() for word in _WORD.findall(plain))
        if not phrase:
            continue
        if token.startswith("-"):
            unwanted.append(phrase)
        elif alternative:
            wanted[-1].append(phrase)
        else:
            wanted.append([phrase])
        alternative = False
    if not wanted:
        raise InputError("nothing to look for: give a word that was said, not only ones that were not")
    if sum(map(len, wanted)) + len(unwanted) > MOST_TERMS:
        raise InputError(f"more than {MOST_TERMS} words to look for; put words in a row in quotes")
    return Terms(wanted=tuple(map(tuple, wanted)), unwanted=tuple(unwanted))


def fold(text: str) -> str:
    """The text without accents, character by character: a place in it is the same place in ``text``."""
    if text.isascii():
        return text
    apart = (unicodedata.normalize("NFD", c) for c in text)
    return "".join(
        d[0] if all(map(unicodedata.combining, d[1:])) else c for c, d in zip(text, apart, strict=True)
    )


def within_index(session: Session, terms: Terms) -> ColumnElement[bool]:
    """The condition that a :class:`Call` is among those of the search index, which gives them all first."""
    if session.get_bind().dialect.name == "sqlite":
        return Call.id.in_(select(_FTS5.c.rowid).where(_FTS5.c.transcripts_search.op("MATCH")(_fts5(terms))))
    found = select(Transcript.call_id).where(_SEARCH.op("@@")(_tsquery(terms)))
    held = found.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
    return Call.id.in_(select(held.c.call_id))


def said_in(terms: Terms) -> ColumnElement[bool]:
    """The condition that a :class:`Call` has what is looked for, looked up for each call (PostgreSQL)."""
    one = select(literal(1)).where(Transcript.call_id == Call.id, _SEARCH.op("@@")(_tsquery(terms)))
    return one.limit(1).scalar_subquery().is_not(None)


def lexemes(session: Session, phrase: tuple[str, ...]) -> frozenset[str]:
    """The words of a phrase as PostgreSQL's index has them."""
    configuration = literal(CONFIGURATION).cast(REGCONFIG)
    array = func.tsvector_to_array(func.to_tsvector(configuration, " ".join(phrase)))
    return frozenset(session.scalar(select(array)) or ())


def hits(session: Session, rows: Sequence[int], terms: Terms) -> dict[int, list[Hit]]:
    """For each of these calls, by row id, the first utterances in which something looked for was said."""
    if not rows:
        return {}
    if session.get_bind().dialect.name == "sqlite":
        marked: Any = func.highlight(literal_column("transcripts_search"), 0, BEGIN, END)
        query = select(_FTS5.c.rowid, marked).where(
            _FTS5.c.transcripts_search.op("MATCH")(_fts5(terms)), _FTS5.c.rowid.in_(rows)
        )
    else:
        options = f"StartSel={BEGIN},StopSel={END},HighlightAll=true"
        marked = func.ts_headline(
            literal(CONFIGURATION).cast(REGCONFIG), Transcript.text, _tsquery(terms), options
        )
        query = select(Transcript.call_id, marked).where(Transcript.call_id.in_(rows))
    marks = [(row, index, spans) for row, told in session.execute(query) for index, spans in _marks(told)]
    # Both lists apart, not as pairs: SQLite finds no index for a list of pairs.
    of_hits = select(Utterance.call_id, Utterance.index, Utterance.text).where(
        Utterance.call_id.in_(rows), Utterance.index.in_({index for _, index, _ in marks})
    )
    texts = {(row, index): said for row, index, said in session.execute(of_hits)}
    found: dict[int, list[Hit]] = {}
    for row, index, spans in marks:
        found.setdefault(row, []).append(Hit(index=index, text=texts[row, index], spans=spans))
    return found


def _marks(marked: str) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
    """The first :data:`MOST_HITS` lines with marks: the number of the line and the marked places in it."""
    lines = ((i, line) for i, line in enumerate(marked.split("\n")) if BEGIN in line)
    for index, line in islice(lines, MOST_HITS):
        spans, place = [], 0
        for plain, word in _MARK.findall(line):
            spans.append((place + len(plain), place + len(plain) + len(word)))
            place = spans[-1][1]
        yield index, tuple(spans)


def _fts5(terms: Terms) -> str:
    """In FTS5's language; every word stands in quotes, so none is an operator."""

    def phrase(words: tuple[str, ...]) -> str:
        return " + ".join(f'"{word}"' for word in words)

    wanted = " AND ".join("(" + " OR ".join(map(phrase, group)) + ")" for group in terms.wanted)
    return wanted + "".join(f" NOT ({phrase(words)})" for words in terms.unwanted)


def _tsquery(terms: Terms) -> ColumnElement[Any]:
    configuration = literal(CONFIGURATION).cast(REGCONFIG)

    def phrase(words: tuple[str, ...]) -> ColumnElement[Any]:
        return func.phraseto_tsquery(configuration, " ".join(words))

    groups = [reduce(func.tsquery_or, map(phrase, group)) for group in terms.wanted]
    return reduce(func.tsquery_and, [*groups, *(func.tsquery_not(phrase(words)) for words in terms.unwanted)])
