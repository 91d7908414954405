"""The telephone queue of a made-up contact centre: who works when, who waits, who hangs up, who answers.

Agents are rostered as planners do it, by Erlang C for the forecast of each half hour of the week, in two
shifts. The queue is then run contact by contact, first come first served, the agent who has been free longest
answering: waits and abandonment come from the roster.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from sentiment.metrics.queueing import Workload
from sentiment.metrics.staffing import StaffingTarget, agents_needed

__all__ = ["HALF_HOUR_MS", "Roster", "on_duty_ms", "plan_roster", "serve"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

HALF_HOUR_MS = 1_800_000
_HALVES = 48
_DAY_MS = _HALVES * HALF_HOUR_MS
_CHANGE = 28
"""The late shift begins at 14 h."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Roster:
    """Forecast contacts and agents on duty ``(7, 48)``, for each weekday (Monday first) and half hour."""

    forecast: Floats
    agents: Ints
    handle_ms: float

    @property
    def n_places(self) -> int:
        """Most agents who work on one day, in both shifts."""
        return max(len(self.working(weekday)) for weekday in range(7))

    def working(self, weekday: int) -> Flags:
        """Who works when, ``(places, 48)``: those of the early shift, then those who follow at 14 h."""
        agents = self.agents[weekday]
        shifts = []
        for early in (True, False):
            of_shift = np.where((np.arange(_HALVES) < _CHANGE) == early, agents, 0)
            shifts.append(of_shift[None, :] > np.arange(int(of_shift.max()))[:, None])
        return np.concatenate(shifts)


def plan_roster(
    forecast: Floats, handle_ms: float, *, target: StaffingTarget, staffing: float = 1.0
) -> Roster:
    """Agents for a week's ``forecast (7, 48)`` of contacts, to reach ``target`` by Erlang C.

    ``staffing`` is what share of them really comes, 1 for all; where contacts are expected at least
    one does, and those of the last half hour stay one more, to finish.
    """
    needed = cache(
        lambda contacts: agents_needed(Workload(contacts=contacts, handle_ms=handle_ms), target).agents
    )
    agents = np.array([[needed(round(float(c), 2)) for c in day] for day in forecast])
    agents = np.where(forecast > 0, np.maximum(1, np.rint(agents * staffing)), 0).astype(np.int64)
    after = np.roll(agents, 1, axis=1)
    after[:, 0] = 0
    return Roster(forecast=forecast, agents=np.where(agents > 0, agents, after), handle_ms=handle_ms)


def serve(
    arrival_ms: Ints, patience_ms: Floats, handle_ms: Floats, working: Flags, pace: Floats
) -> tuple[Floats, Ints]:
    """Run one queue for one day.

    Args:
        arrival_ms: ``(n,)``, rising, from midnight.
        patience_ms: ``(n,)``, how long each caller waits before hanging up; inf for ever.
        handle_ms: ``(n,)``, how long an average agent takes for each.
        working: ``(m, 48)``, in which half hours each of ``m`` agents takes contacts.
        pace: ``(m,)``, how long each agent takes, 1 being average.

    Returns:
        For each contact the wait ``(n,)`` in ms, until answered or hung up, and the agent ``(n,)`` who
        answered, from 0; -1 for a caller who hung up.
    """
    again, paces = _on_duty_again(working), pace.tolist()
    agents = [(again[i][0], i) for i in range(len(again))]
    heapq.heapify(agents)
    waits, who = patience_ms.copy(), np.full(len(arrival_ms), -1, dtype=np.int64)
    rows = zip(arrival_ms.tolist(), patience_ms.tolist(), handle_ms.tolist(), strict=True)
    for row, (now, patience, handle) in enumerate(rows if agents else ()):
        while True:
            free, agent = agents[0]
            start = free if free > now else now
            ready = again[agent][int(start) // HALF_HOUR_MS] if start < _DAY_MS else _NEVER
            if ready <= start:
                break
            heapq.heapreplace(agents, (ready, agent))
        if start - now <= patience and start < _NEVER:
            waits[row], who[row] = start - now, agent
            heapq.heapreplace(agents, (start + handle * paces[agent], agent))
    return waits, who


_NEVER = float("inf")


def _on_duty_again(working: Flags) -> list[list[float]]:
    """For each agent and half hour, when they next take contacts: its begin, a later one's, or inf."""
    again = np.full((len(working), _HALVES + 1), _NEVER)
    for half in range(_HALVES - 1, -1, -1):
        again[:, half] = np.where(working[:, half], half * HALF_HOUR_MS, again[:, half + 1])
    return [list(row) for row in again.tolist()]


def on_duty_ms(working: Flags) -> tuple[Ints, Ints]:
    """When each agent ``(m,)`` comes on duty, and for how long in the day; ms."""
    return working.argmax(axis=1) * HALF_HOUR_MS, working.sum(axis=1) * HALF_HOUR_MS
