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
Flags = npt.NDArray[np.bool_]

HALF_HOUR_MS = 1_800_000
_HALVES = 48
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
    back, paces = _back_on_duty(working), pace.tolist()
    agents = [(_ready(back[i], 0.0), i) for i in range(len(back))]
    heapq.heapify(agents)
    waits, who = patience_ms.copy(), np.full(len(arrival_ms), -1, dtype=np.int64)
    rows = zip(arrival_ms.tolist(), patience_ms.tolist(), handle_ms.tolist(), strict=True)
    for row, (now, patience, handle) in enumerate(rows if agents else ()):
        while True:
            free, agent = agents[0]
            start = max(free, now)
            ready = _ready(back[agent], start)
            if ready == start:
                break
            heapq.heapreplace(agents, (ready, agent))
        if start - now <= patience and start < _NEVER:
            waits[row], who[row] = start - now, agent
            heapq.heapreplace(agents, (start + handle * paces[agent], agent))
    return waits, who


_NEVER = float("inf")


def _back_on_duty(working: Flags) -> list[list[float]]:
    """For each agent and half hour, when they take contacts again: its begin if they do so then."""
    back = np.full((len(working), _HALVES + 1), _NEVER)
    for half in range(_HALVES - 1, -1, -1):
        back[:, half] = np.where(working[:, half], half * HALF_HOUR_MS, back[:, half + 1])
    return [list(row) for row in back.tolist()]


def _ready(back: list[float], at: float) -> float:
    """The first time from ``at`` on at which this agent takes contacts; inf if not today."""
    return at if at == _NEVER else max(at, back[min(int(at) // HALF_HOUR_MS, _HALVES)])


def draw_waits(
    arrival_ms: Ints,
    patience_ms: Floats,
    roster: Roster,
    weekday: int,
    working: Flags,
    load: float,
    mean_patience_ms: float,
    rng: np.random.Generator,
) -> tuple[Floats, Ints]:
    """As :func:`serve`, but drawn, for a day with ``load`` times the forecast."""
    waits, who = np.empty(len(arrival_ms)), np.empty(len(arrival_ms), dtype=np.int64)
    cells = np.searchsorted(arrival_ms, np.arange(_HALVES + 1) * HALF_HOUR_MS)
    for half in range(_HALVES):
        mine = slice(int(cells[half]), int(cells[half + 1]))
        n, on_duty = mine.stop - mine.start, np.flatnonzero(working[:, half])
        if n == 0:
            continue
        contacts = round(float(roster.forecast[weekday, half]) * load, 2)
        if len(on_duty) == 0 or contacts == 0:
            waits[mine], who[mine] = np.inf, -1
            continue
        drawn = _distribution(contacts, roster.handle_ms, mean_patience_ms, len(on_duty))
        waits[mine] = drawn.draw(rng.random(n))
        who[mine] = rng.choice(on_duty, n)
    gone = waits > patience_ms
    return np.where(gone, patience_ms, waits), np.where(gone, -1, who)


@lru_cache(maxsize=2_048)
def _distribution(contacts: float, handle_ms: float, patience_ms: float, agents: int) -> WaitDistribution:
    work = Workload(contacts=contacts, handle_ms=handle_ms, patience_ms=patience_ms)
    return wait_distribution(work, agents)


def on_duty_ms(working: Flags) -> tuple[Ints, Ints]:
    """When each agent ``(m,)`` comes on duty, and for how long in the day; ms."""
    return working.argmax(axis=1) * HALF_HOUR_MS, working.sum(axis=1) * HALF_HOUR_MS
