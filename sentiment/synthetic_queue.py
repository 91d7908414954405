"""The telephone queue of a made-up contact centre: who is on duty, who waits, who hangs up, who answers.

Agents are rostered as planners do it, by Erlang C for the forecast of each half hour of the week. How long
callers then wait comes from that roster, in one of two ways:

- :func:`serve` runs the queue contact by contact, first come first served, the agent who has been free
  longest answering. It is exact.
- :func:`draw_waits` draws each wait from the Erlang A distribution of its half hour, for very many contacts.
  It is a simplification: each half hour is in a steady state, neighbours wait independently, and an
  agent may have two contacts at once.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from sentiment.metrics.queueing import WaitDistribution, Workload, wait_distribution
from sentiment.metrics.staffing import StaffingTarget, agents_needed

__all__ = ["HALF_HOUR_MS", "Roster", "draw_waits", "on_duty_ms", "plan_roster", "serve"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HALF_HOUR_MS = 1_800_000
_HALVES = 48


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Roster:
    """Forecast contacts and agents on duty ``(7, 48)``, for each weekday (Monday first) and half hour.

    An agent of rank r, from 0, is on duty while there are more than r; ``n_agents`` is the most at once.
    """

    forecast: Floats
    agents: Ints
    handle_ms: float

    @property
    def n_agents(self) -> int:
        """Most agents on duty at once."""
        return int(self.agents.max())


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
    arrival_ms: Ints, patience_ms: Floats, handle_ms: Floats, on_duty: Ints, pace: Floats
) -> tuple[Floats, Ints]:
    """Run one queue for one day.

    Args:
        arrival_ms: ``(n,)``, rising, from midnight.
        patience_ms: ``(n,)``, how long each caller waits before hanging up; inf for ever.
        handle_ms: ``(n,)``, how long an average agent takes for each.
        on_duty: ``(48,)``, agents on duty in each half hour; those of the lowest ranks.
        pace: ``(max(on_duty),)``, how long each agent takes, 1 being average.

    Returns:
        For each contact the wait ``(n,)`` in ms, until answered or hung up, and the rank ``(n,)`` of the
        agent who answered; -1 for a caller who hung up.
    """
    duty, n_ranks = on_duty.tolist(), int(on_duty.max(initial=0))
    agents = [(_next_duty(duty, rank, 0.0), rank) for rank in range(n_ranks)]
    heapq.heapify(agents)
    waits, ranks = patience_ms.copy(), np.full(len(arrival_ms), -1, dtype=np.int64)
    paces = pace.tolist()
    rows = zip(arrival_ms.tolist(), patience_ms.tolist(), handle_ms.tolist(), strict=True)
    for i, (now, patience, handle) in enumerate(rows):
        if not agents:
            break
        while True:
            free, rank = agents[0]
            start = max(free, now)
            ready = _next_duty(duty, rank, start)
            if ready == start:
                break
            heapq.heapreplace(agents, (ready, rank))
        if start - now <= patience and start < _NEVER:
            waits[i], ranks[i] = start - now, rank
            heapq.heapreplace(agents, (start + handle * paces[rank], rank))
    return waits, ranks


_NEVER = float("inf")


def _next_duty(duty: list[int], rank: int, at: float) -> float:
    """The first time from ``at`` on at which the agent of this rank is on duty; inf if not today."""
    if at == _NEVER:
        return at
    half = int(at) // HALF_HOUR_MS
    if half < _HALVES and duty[half] > rank:
        return at
    later = next((h for h in range(half + 1, _HALVES) if duty[h] > rank), None)
    return _NEVER if later is None else float(later * HALF_HOUR_MS)


def draw_waits(
    arrival_ms: Ints,
    patience_ms: Floats,
    roster: Roster,
    weekday: int,
    load: float,
    mean_patience_ms: float,
    rng: np.random.Generator,
) -> tuple[Floats, Ints]:
    """As :func:`serve`, but drawn, for a day with ``load`` times the forecast."""
    waits, ranks = np.empty(len(arrival_ms)), np.empty(len(arrival_ms), dtype=np.int64)
    cells = np.searchsorted(arrival_ms, np.arange(_HALVES + 1) * HALF_HOUR_MS)
    for half in range(_HALVES):
        mine = slice(int(cells[half]), int(cells[half + 1]))
        n, agents = mine.stop - mine.start, int(roster.agents[weekday, half])
        if n == 0:
            continue
        contacts = round(float(roster.forecast[weekday, half]) * load, 2)
        if agents == 0 or contacts == 0:
            waits[mine], ranks[mine] = np.inf, -1
            continue
        drawn = _distribution(contacts, roster.handle_ms, mean_patience_ms, agents)
        waits[mine] = drawn.draw(rng.random(n))
        ranks[mine] = rng.integers(0, agents, n)
    gone = waits > patience_ms
    return np.where(gone, patience_ms, waits), np.where(gone, -1, ranks)


@lru_cache(maxsize=2_048)
def _distribution(contacts: float, handle_ms: float, patience_ms: float, agents: int) -> WaitDistribution:
    work = Workload(contacts=contacts, handle_ms=handle_ms, patience_ms=patience_ms)
    return wait_distribution(work, agents)


def on_duty_ms(on_duty: Ints) -> tuple[Ints, Ints]:
    """When each rank ``(max(on_duty),)`` comes on duty, and for how long in the day; ms."""
    working = on_duty[None, :] > np.arange(int(on_duty.max(initial=0)))[:, None]
    return working.argmax(axis=1) * HALF_HOUR_MS, working.sum(axis=1) * HALF_HOUR_MS
