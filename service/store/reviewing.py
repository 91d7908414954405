"""The review queue over all that is stored, and what becomes of a moment in it.

The order is that of :mod:`sentiment.review`. Novelty depends on what stands above, so a queue of millions
cannot be kept in order; but a moment's value is at most its weight (severity times confidence), so the top of
the queue is made of the :data:`WINDOW` moments of greatest weight among those asked for, put in learning
order. What comes after them follows by weight.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import literal, select, tuple_, update

from sentiment.call import Evidence
from sentiment.call import Moment as Found
from sentiment.review import Candidate, review_queue
from service.store.queries import moments
from service.store.tables import Call, Moment, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from service.people.access import Sight
    from service.store.queries import MomentFilter

__all__ = ["WINDOW", "QueuePage", "Queues", "in_sight", "judge", "with_call_ids"]

WINDOW = 150
"""Moments that are put in learning order."""

FRESH_S = 5.0
MOST_QUEUES = 256

Verdicts = Literal["agreed", "disagreed", "done", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """Moments with the ids their calls have outside; where the next page goes on.

    ``place`` is how many came before the next page, -1 at the end; ``last`` the weight and id of the lightest
    moment so far, once the pages went beyond the window.
    """

    moments: list[tuple[Moment, str]]
    place: int
    last: tuple[float, int] | None


@dataclass(frozen=True, slots=True)
class _Order:
    """The window of one question in learning order; ``beyond`` is where what follows it begins."""

    ids: list[int]
    beyond: tuple[float, int] | None
    made: float


class Queues:
    """Answers what the review queue holds, and remembers the order of a question for a few seconds.

    People turn pages of one queue: what takes the time, putting the window in order, is then done once. A
    moment is looked at anew each time it is given, so one that was judged meanwhile is not given again; a
    new one comes in after :data:`FRESH_S` at the latest.
    """

    def __init__(self) -> None:
        self._orders: dict[tuple[MomentFilter, Sight], _Order] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Put every queue in order anew when it is asked for: something was changed here."""
        with self._lock:
            self._orders.clear()

    def page(
        self,
        session: Session,
        asked: MomentFilter,
        sight: Sight,
        *,
        place: int = 0,
        last: tuple[float, int] | None = None,
        limit: int,
    ) -> QueuePage:
        """A page of the queue, from after ``place`` moments, or by weight from after ``last``."""
        if last is not None:
            row = tuple_(Moment.weight, Moment.id)
            rest = moments(asked, sight).where(row < tuple_(literal(last[0]), literal(last[1])))
            rest = rest.order_by(Moment.weight.desc(), Moment.id.desc()).limit(limit + 1)
            found = _with_calls(session, rest)
            page, more = found[:limit], len(found) > limit
            end = (page[-1][0].weight, page[-1][0].id) if page else None
            return QueuePage(moments=page, place=place + len(page) if more else -1, last=end)
        order = self._order(session, asked, sight)
        ids = order.ids[place : place + limit]
        known = {
            m.id: (m, c) for m, c in _with_calls(session, moments(asked, sight).where(Moment.id.in_(ids)))
        }
        page, end_place = [known[i] for i in ids if i in known], place + len(ids)
        if end_place < len(order.ids):
            return QueuePage(moments=page, place=end_place, last=None)
        return QueuePage(moments=page, place=-1 if order.beyond is None else end_place, last=order.beyond)

    def _order(self, session: Session, asked: MomentFilter, sight: Sight) -> _Order:
        moment = time.monotonic()
        with self._lock:
            known = self._orders.get((asked, sight))
            if known is not None and moment - known.made < FRESH_S:
                return known
        made = _put_in_order(session, asked, sight, moment)
        with self._lock:
            if len(self._orders) >= MOST_QUEUES:
                self._orders.clear()
            self._orders[asked, sight] = made
        return made


def _put_in_order(session: Session, asked: MomentFilter, sight: Sight, moment: float) -> _Order:
    columns = (
        Moment.id, Moment.call_id, Moment.agent_id, Moment.rule, Moment.start_ms, Moment.severity,
        Moment.confidence, Moment.weight,
    )  # fmt: skip
    heaviest = moments(asked, sight).with_only_columns(Moment.id)  # read off the index alone
    heaviest = heaviest.order_by(Moment.weight.desc(), Moment.id.desc()).limit(WINDOW + 1)
    query = select(*columns).where(Moment.id.in_(heaviest.scalar_subquery()))
    rows = session.execute(query.order_by(Moment.weight.desc(), Moment.id.desc())).all()
    window = rows[:WINDOW]
    asked_for = [
        Candidate(
            call_id=str(row.call_id), agent_id=row.agent_id, confidence=row.confidence,
            moment=Found(
                rule=row.rule, start_ms=row.start_ms, end_ms=None, severity=row.severity,
                evidence=Evidence(utterances=(row.id,)), explanation="",
            ),
        )
        for row in window
    ]  # fmt: skip
    ids = [ranked.candidate.moment.evidence.utterances[0] for ranked in review_queue(asked_for)]
    return _Order(ids, (window[-1].weight, window[-1].id) if len(rows) > WINDOW else None, moment)


def _with_calls(session: Session, query: Select[Any]) -> list[tuple[Moment, str]]:
    joined = query.join(Call, Call.id == Moment.call_id).add_columns(Call.call_id)
    return [(row[0], row[1]) for row in session.execute(joined)]


def judge(
    session: Session, found: Sequence[Moment], verdict: Verdicts, *, reason: str | None, by: int
) -> None:
    """Set where the review of these moments stands, and keep who said so and why: it is training data."""
    for moment in found:
        session.add(
            Verdict(
                call_id=moment.call_id, moment_key=moment.key, rule=moment.rule, verdict=verdict,
                reason=reason, author_id=by,
            )
        )  # fmt: skip
    session.execute(update(Moment).where(Moment.id.in_([m.id for m in found])).values(status=verdict))


def with_call_ids(session: Session, found: Sequence[Moment]) -> list[tuple[Moment, str]]:
    """Each moment with the id its call has outside."""
    wanted = select(Call.id, Call.call_id).where(Call.id.in_({m.call_id for m in found}))
    ids: dict[int, str] = {row: call_id for row, call_id in session.execute(wanted)}  # noqa: C416 - typed
    return [(moment, ids[moment.call_id]) for moment in found]


def in_sight(session: Session, keys: Sequence[str], sight: Sight) -> list[Moment]:
    """The moments of these keys that are within sight."""
    return list(session.scalars(select(Moment).where(Moment.key.in_(keys), sight.of(Moment.agent_id))))
