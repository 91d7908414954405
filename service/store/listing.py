"""A page of calls, in bounded time whatever is asked for.

Filters are read off indices. Words are another matter: how often they were said decides which way is fast.

    rare words      the search index gives the calls that have them, and those are put in order
    common words    calls are gone through in order until the page is full; at most :data:`WINDOW` of them,
                    so a page can hold fewer than were asked for, even none, and the next one goes on

How common a word is, PostgreSQL's own statistics say. SQLite, for smaller centres, always asks its index.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import text, tuple_

from service.people.access import Sight
from service.store.queries import CallFilter, calls, columns, following
from service.store.search import Terms, lexemes, said_in, within_index
from service.store.tables import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from service.store.queries import Order

__all__ = ["WINDOW", "Listed", "list_calls"]

WINDOW = 2_000
"""Calls that are looked into for common words, for one page."""

COMMON = 0.005
"""Share of calls from which on a word is common."""

STATISTICS_S = 300.0

_known: WeakKeyDictionary[Any, tuple[float, frozenset[str]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Listed:
    """A page; ``end`` is where the next one goes on (ordering value and row id), ``None`` at the end."""

    rows: Sequence[Call]
    end: tuple[Any, int] | None


def list_calls(
    session: Session,
    asked: CallFilter,
    sight: Sight,
    *,
    order: Order = "latest",
    last: tuple[Any, int] | None = None,
    limit: int,
) -> Listed:
    """Calls within sight that have all that is asked for, from after ``last`` on."""
    query = calls(replace(asked, terms=None), sight, order=order)
    if last is not None:
        query = query.where(following(asked, order, last))
    if asked.terms is None:
        return _page(session, query, order, limit)
    alone = asked.agent is not None or asked.customer is not None
    if session.get_bind().dialect.name == "sqlite" or (not alone and _is_rare(session, asked.terms)):
        return _page(session, query.where(within_index(session, asked.terms)), order, limit)
    query = query.where(said_in(asked.terms))
    if alone or order != "latest":
        return _page(session, query, order, limit)
    return _windowed(session, query, asked, last, limit)


def _page(session: Session, query: Select[Any], order: Order, limit: int) -> Listed:
    rows = session.scalars(query.limit(limit + 1)).all()
    if len(rows) <= limit:
        return Listed(rows, None)
    return Listed(rows[:limit], _place(rows[limit - 1], order))


def _windowed(
    session: Session, query: Select[Any], asked: CallFilter, last: tuple[Any, int] | None, limit: int
) -> Listed:
    everywhere = calls(CallFilter(since=asked.since, until=asked.until), Sight(None))
    if last is not None:
        everywhere = everywhere.where(following(CallFilter(), "latest", last))
    at_edge = everywhere.with_only_columns(Call.happened_at, Call.id).offset(WINDOW - 1).limit(1)
    edge = session.execute(at_edge).first()
    if edge is None:
        return _page(session, query, "latest", limit)
    value, row_id, _ = columns(asked, "latest")
    within = query.where(tuple_(value, row_id) >= tuple_(edge.happened_at, edge.id))
    found = _page(session, within, "latest", limit)
    return found if found.end is not None else Listed(found.rows, (edge.happened_at, edge.id))


def _place(row: Call, order: Order) -> tuple[Any, int]:
    value = {"latest": row.happened_at, "worst_end": row.customer_end, "lowest_csat": row.csat}[order]
    return value, row.id


def _is_rare(session: Session, terms: Terms) -> bool:
    """Whether, of something that must have been said, each way to say it has a word that few calls have."""
    often = _common_words(session)
    return any(all(lexemes(session, phrase) - often for phrase in group) for group in terms.wanted)


def _common_words(session: Session) -> frozenset[str]:
    """By PostgreSQL's statistics, which change slowly: read again every few minutes."""
    engine, moment = session.get_bind(), time.monotonic()
    known = _known.get(engine)
    if known is not None and moment - known[0] < STATISTICS_S:
        return known[1]
    found = session.execute(
        text(
            "SELECT most_common_elems::text::text[], most_common_elem_freqs FROM pg_stats "
            "WHERE schemaname = current_schema AND tablename = 'transcripts' AND attname = 'search'"
        )
    ).first()
    pairs = () if found is None or found[0] is None else zip(found[0], found[1], strict=False)
    words = frozenset(word for word, share in pairs if share >= COMMON)
    _known[engine] = (moment, words)
    return words
