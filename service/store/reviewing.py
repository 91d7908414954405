"""The review queue over all that is stored, and what becomes of a moment in it.

The order is that of :mod:`sentiment.review`. Novelty depends on what stands above, so a queue of millions
cannot be kept in order; but a moment's value is at most its weight (severity times confidence), so the top of
the queue is made of the :data:`WINDOW` moments of greatest weight among those asked for, put in learning
order. What comes after them follows by weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlalchemy import literal, select, tuple_, update

from sentiment.call import Evidence
from sentiment.call import Moment as Found
from sentiment.review import Candidate, review_queue
from service.store.queries import moments
from service.store.tables import Call, Moment, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from service.people.access import Sight
    from service.store.queries import MomentFilter

__all__ = ["WINDOW", "in_sight", "judge", "queue_page", "with_call_ids"]

WINDOW = 300
"""Moments that are put in learning order."""

Verdicts = Literal["agreed", "disagreed", "done", "open"]


def queue_page(
    session: Session,
    asked: MomentFilter,
    sight: Sight,
    *,
    place: int,
    last: tuple[float, int] | None,
    limit: int,
) -> tuple[list[Moment], int, tuple[float, int] | None]:
    """A page of the queue.

    Args:
        place: how many came before.
        last: weight and id of the lightest moment of the window, if the pages went beyond it already.
        limit: most to give.

    Returns:
        The moments, the place after them, and where the next page goes on by weight; the place is -1 at
        the end.
    """
    query = moments(asked, sight).order_by(Moment.weight.desc(), Moment.id.desc())
    if last is not None:
        row = tuple_(Moment.weight, Moment.id)
        rest = list(
            session.scalars(query.where(row < tuple_(literal(last[0]), literal(last[1]))).limit(limit + 1))
        )
        page = rest[:limit]
        end = place + len(page) if len(rest) > limit else -1
        return page, end, (page[-1].weight, page[-1].id) if page else None
    window = list(session.scalars(query.limit(WINDOW + 1)))
    beyond, window = len(window) > WINDOW, window[:WINDOW]
    page = _learning_order(window)[place : place + limit]
    end = place + len(page)
    if end < len(window):
        return page, end, None
    return page, end if beyond else -1, (window[-1].weight, window[-1].id) if window else None


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


def _learning_order(window: list[Moment]) -> list[Moment]:
    by_key = {moment.key: moment for moment in window}
    asked = [
        Candidate(
            call_id=str(m.call_id),
            agent_id=m.agent_id,
            confidence=m.confidence,
            moment=Found(
                rule=m.rule, start_ms=m.start_ms, end_ms=m.end_ms, severity=m.severity,
                evidence=Evidence(), explanation=m.key,
            ),
        )
        for m in window
    ]  # fmt: skip
    return [by_key[ranked.candidate.moment.explanation] for ranked in review_queue(asked)]


def with_call_ids(session: Session, found: Sequence[Moment]) -> list[tuple[Moment, str]]:
    """Each moment with the id its call has outside."""
    wanted = select(Call.id, Call.call_id).where(Call.id.in_({m.call_id for m in found}))
    ids: dict[int, str] = {row: call_id for row, call_id in session.execute(wanted)}  # noqa: C416 - typed
    return [(moment, ids[moment.call_id]) for moment in found]


def in_sight(session: Session, keys: Sequence[str], sight: Sight) -> list[Moment]:
    """The moments of these keys that are within sight."""
    return list(session.scalars(select(Moment).where(Moment.key.in_(keys), sight.of(Moment.agent_id))))
