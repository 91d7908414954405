"""Lists of calls and of moments: what they can be narrowed by, and in which order they come.

Every list is read off an index from where the page begins: nothing is counted, and nothing is sorted that an
index has not sorted already. A test looks at the plans on both databases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, Select, and_, literal, select, tuple_
from sqlalchemy.orm import aliased

from service.store.tables import Agent, Call, Facet, Moment

if TYPE_CHECKING:
    from datetime import datetime

    from service.people.access import Sight
    from service.store.search import Terms

__all__ = ["CallFilter", "MomentFilter", "Order", "calls", "columns", "following", "moments"]

Order = Literal["latest", "worst_end", "lowest_csat"]


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """What calls are asked for; ``None`` is any. Times are half open, ``[since, until)``.

    ``ended_below`` and ``ended_above`` are of the customer's level at the end, in [-1, 1]; ``csat_below``
    and ``csat_above`` of the estimated answer, 1 to 5. ``rules`` and ``emotions``: all of them.
    """

    agent: str | None = None
    team: int | None = None
    queue: str | None = None
    customer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ended_below: float | None = None
    ended_above: float | None = None
    csat_below: float | None = None
    csat_above: float | None = None
    shift: Literal["better", "worse"] | None = None
    rules: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    terms: Terms | None = None

    @property
    def facet_leads(self) -> bool:
        """Whether the first facet's index gives the calls: those of one agent or customer are fewer."""
        return bool(self.facets) and self.agent is None and self.customer is None

    @property
    def facets(self) -> list[tuple[str, str]]:
        """What a call must have, as rows of :class:`Facet`."""
        shift = [("shift", self.shift)] if self.shift else []
        return [("rule", r) for r in self.rules] + [("emotion", e) for e in self.emotions] + shift


@dataclass(frozen=True, kw_only=True)
class MomentFilter:
    """What moments are asked for; ``None`` is any."""

    status: str | None = "open"
    rule: str | None = None
    agent: str | None = None
    team: int | None = None
    queue: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    assigned_to: int | None = None
    call: int | None = None


def calls(asked: CallFilter, sight: Sight, *, order: Order = "latest") -> Select[Any]:
    """Rows of :class:`Call` within sight, in order; the caller adds where the page begins, and its limit.

    Asked for the latest with some facet, the facet's own index gives the calls in their order. What was said
    (``terms``) is the caller's to look for: :mod:`service.store.listing`.
    """
    query = select(Call).where(*_of_calls(asked, sight))
    facets = asked.facets
    if asked.facet_leads and order == "latest":
        (kind, name), *facets = facets
        query = query.join(Facet, Facet.call_id == Call.id).where(Facet.kind == kind, Facet.name == name)
        query = query.where(*_between(Facet.happened_at, asked.since, asked.until))
        query = query.order_by(Facet.happened_at.desc(), Facet.call_id.desc())
    else:
        value, row_id, descending = columns(asked, order)
        query = query.where(value.is_not(None)) if order != "latest" else query
        query = query.order_by(*((c.desc() if descending else c.asc()) for c in (value, row_id)))
    for kind, name in facets:
        also = aliased(Facet)
        # As a value, not as a condition that exists: the planner would join, taking facets to be independent.
        has = select(literal(1)).where(
            also.kind == kind,
            also.name == name,
            also.happened_at == Call.happened_at,
            also.call_id == Call.id,
        )
        query = query.where(has.limit(1).scalar_subquery().is_not(None))
    return query


def following(asked: CallFilter, order: Order, last: tuple[Any, int]) -> ColumnElement[bool]:
    """The condition that a call comes after ``last``, compared as a pair, as the indices are ordered."""
    value, row_id, descending = columns(asked, order)
    row, end = tuple_(value, row_id), tuple_(literal(last[0], value.type), literal(last[1]))
    return row < end if descending else row > end


def columns(asked: CallFilter, order: Order) -> tuple[Any, Any, bool]:
    """The columns a page's end is told by, and whether they descend."""
    if order == "latest":
        return (
            (Facet.happened_at, Facet.call_id, True)
            if asked.facet_leads
            else (Call.happened_at, Call.id, True)
        )
    return (Call.customer_end if order == "worst_end" else Call.csat), Call.id, False


def moments(asked: MomentFilter, sight: Sight) -> Select[Any]:
    """Rows of :class:`Moment` within sight, in no order yet."""
    conditions: list[ColumnElement[bool]] = [sight.of(Moment.agent_id)]
    same = {
        Moment.status: asked.status, Moment.rule: asked.rule, Moment.agent_id: asked.agent,
        Moment.queue: asked.queue, Moment.assigned_to: asked.assigned_to, Moment.call_id: asked.call,
    }  # fmt: skip
    conditions += [column == value for column, value in same.items() if value is not None]
    if asked.team is not None:
        conditions.append(Moment.agent_id.in_(select(Agent.id).where(Agent.team_id == asked.team)))
    conditions += _between(Moment.happened_at, asked.since, asked.until)
    return select(Moment).where(and_(*conditions))


def _of_calls(asked: CallFilter, sight: Sight) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [sight.of(Call.agent_id)]
    same = {Call.agent_id: asked.agent, Call.queue: asked.queue, Call.customer_id: asked.customer}
    conditions += [column == value for column, value in same.items() if value is not None]
    if asked.team is not None:
        conditions.append(Call.agent_id.in_(select(Agent.id).where(Agent.team_id == asked.team)))
    conditions += _between(Call.happened_at, asked.since, asked.until)
    conditions += _between(Call.customer_end, asked.ended_above, asked.ended_below)
    conditions += _between(Call.csat, asked.csat_above, asked.csat_below)
    return conditions


def _between(column: Any, least: Any, below: Any) -> list[ColumnElement[bool]]:
    conditions = [] if least is None else [column >= least]
    return conditions if below is None else [*conditions, column < below]
