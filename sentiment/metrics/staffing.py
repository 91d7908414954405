"""How many agents a forecast needs, by Erlang C or A (:mod:`sentiment.metrics.queueing`).

An interval of the day is taken as a steady state of its own (SIPP; Green, Kolesar and Soares, *Improving
the SIPP approach for staffing service systems*, Operations Research 49, 2001): good where calls are short
beside the interval, too hopeful just after a steep rise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.errors import InputError
from sentiment.metrics.queueing import Counted, Performance, Workload, erlang_b, predict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

__all__ = [
    "IntervalForecast",
    "IntervalStaffing",
    "StaffingTarget",
    "agents_needed",
    "lines_needed",
    "staff_intervals",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffingTarget:
    """What has to be reached; at least one of the four, and all that are given hold at once.

    Args:
        service_level: least share answered within ``threshold_ms``, in (0, 1).
        threshold_ms: the T of the service level; 20 s by default.
        counted: share of what: all ``offered``; only the ``answered``; or the offered ``less short
            abandons``, those who hung up within ``threshold_ms``.
        max_asa_ms: longest mean wait of the answered.
        max_abandonment: largest share who hang up, in (0, 1); needs a patience.
        max_occupancy: largest share of time an agent is busy, in (0, 1).

    Raises:
        InputError: no target, or one outside its range.
    """

    service_level: float | None = None
    threshold_ms: int = 20_000
    counted: Counted = "offered"
    max_asa_ms: float | None = None
    max_abandonment: float | None = None
    max_occupancy: float | None = None

    def __post_init__(self) -> None:
        shares = ("service_level", "max_abandonment", "max_occupancy")
        if all(getattr(self, name) is None for name in (*shares, "max_asa_ms")):
            raise InputError("no target: give a service level, a wait, an abandonment or an occupancy")
        for name in shares:
            value = getattr(self, name)
            if value is not None and not 0.0 < value < 1.0:
                raise InputError(f"{name} is {value}: give a share between 0 and 1")
        if self.max_asa_ms is not None and not self.max_asa_ms > 0:
            raise InputError(f"max_asa_ms is {self.max_asa_ms}: give a length above 0")
        if self.threshold_ms < 0:
            raise InputError(f"threshold_ms is {self.threshold_ms}: give 0 or more")

    def met_by(self, p: Performance) -> bool:
        """Whether ``p`` reaches every target given; never where ``p`` has no steady state."""
        pairs = (
            (self.service_level, p.service_level, 1.0),
            (self.max_asa_ms, p.asa_ms, -1.0),
            (self.max_abandonment, p.p_abandon, -1.0),
            (self.max_occupancy, p.occupancy, -1.0),
        )
        return all(
            value is not None and sign * value >= sign * goal
            for goal, value, sign in pairs
            if goal is not None
        )


def lines_needed(erlangs: float, *, max_blocking: float) -> int:
    """Fewest lines that block no more than ``max_blocking`` of the arrivals (Erlang B)."""
    if not 0.0 < max_blocking < 1.0:
        raise InputError(f"max_blocking is {max_blocking}: give a share between 0 and 1")
    return _fewest(lambda n: erlang_b(n, erlangs) <= max_blocking, start=0, most=1_000_000)


def agents_needed(work: Workload, target: StaffingTarget, *, max_agents: int = 100_000) -> Performance:
    """The fewest agents that reach ``target``, with what they give; 0 agents where nothing arrives.

    Raises:
        InputError: an abandonment target without a patience, or not even ``max_agents`` reach the target.
    """
    if target.max_abandonment is not None and work.patience_ms is None:
        raise InputError("an abandonment target needs patience_ms: in Erlang C nobody hangs up")

    def performance(agents: int) -> Performance:
        return predict(work, agents, threshold_ms=target.threshold_ms, counted=target.counted)

    if work.contacts == 0:
        return performance(0)
    start = 0 if work.patience_ms is not None else int(work.erlangs)
    return performance(_fewest(lambda n: target.met_by(performance(n)), start=start, most=max_agents))


def _fewest(enough: Callable[[int], bool], *, start: int, most: int) -> int:
    """The least ``n`` from ``start`` on that is enough, where more is always enough as well."""
    too_few, step = start - 1, 1
    while not enough(min(too_few + step, most)):
        too_few += step
        step *= 2
        if too_few >= most:
            raise InputError(f"{most} are not enough: ask for less, or allow more")
    upper = min(too_few + step, most)
    while upper - too_few > 1:
        middle = (upper + too_few) // 2
        too_few, upper = (too_few, middle) if enough(middle) else (middle, upper)
    return upper


@dataclass(frozen=True, kw_only=True, slots=True)
class IntervalForecast:
    """What is expected in one interval of the day, by default half an hour."""

    starts_at: datetime
    work: Workload


@dataclass(frozen=True, kw_only=True, slots=True)
class IntervalStaffing:
    """Agents for one interval: ``performance.agents`` at work, ``scheduled`` on the roster for that."""

    starts_at: datetime
    scheduled: int
    performance: Performance


def staff_intervals(
    forecast: Iterable[IntervalForecast],
    target: StaffingTarget,
    *,
    shrinkage: float = 0.0,
    min_agents: int = 0,
) -> tuple[IntervalStaffing, ...]:
    """Agents for each interval of a forecast, in its order.

    Args:
        forecast: intervals, each a steady state of its own (see the module's text).
        target: what each interval has to reach.
        shrinkage: share of paid time in which an agent is not at work with contacts (leave, training,
            breaks), in [0, 1); ``scheduled`` is the agents needed / (1 - shrinkage), rounded up.
        min_agents: never fewer agents than this at work.

    Raises:
        InputError: ``shrinkage`` is outside [0, 1), or a target cannot be reached.
    """
    if not 0.0 <= shrinkage < 1.0:
        raise InputError(f"shrinkage is {shrinkage}: give a share from 0 to below 1")
    plan = []
    for interval in forecast:
        best = agents_needed(interval.work, target)
        if best.agents < min_agents:
            best = predict(
                interval.work, min_agents, threshold_ms=target.threshold_ms, counted=target.counted
            )
        scheduled = math.ceil(best.agents / (1.0 - shrinkage) - 1e-9)
        plan.append(IntervalStaffing(starts_at=interval.starts_at, scheduled=scheduled, performance=best))
    return tuple(plan)
