"""Made-up contact records and surveys whose truth is known: for tests, demonstrations and measurements.

Customers call about issues by the hour and weekday (a Poisson process; nobody forecasts a day's level), wait
in a queue that is staffed for the forecast (:mod:`sentiment.synthetic.queue`), hang up or are served, and
call again about what was not resolved. How satisfied each would say they are follows from what they got, by
:class:`sentiment.synthetic.centre.Effects`; only some are asked, and who answers depends on how they feel.
All of it comes back: what surveys would show, and what everybody thought.

The same options give the same records. Each day is made from its own random numbers and the issues left over,
so memory does not grow with the number of days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from sentiment.synthetic.queue import HALF_HOUR_MS, Roster, on_duty_ms, plan_roster, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentiment.synthetic.centre import Centre, ServiceQueue

__all__ = ["Day", "People", "hire", "make_days"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]

_WEEK = np.array([1.25, 1.1, 1.0, 1.0, 0.95, 0.5, 0.3])
"""Contacts of Monday to Sunday, of a mean weekday's."""
_LOADS = np.array([0.85, 0.92, 0.97, 1.0, 1.03, 1.08, 1.15])
"""What a day brings of its forecast; any of these is as likely."""
_FIRST_HALF, _LAST_HALF = 16, 40
"""The centre is open from 8 to 20 h UTC."""
_HOLD_MS = 45_000.0
_P_REACHED = 0.6
_BREAKS = 0.1
"""Share of paid time in which an agent takes no contacts: breaks, training, meetings."""
_WEEK_AND_TODAY = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Day:
    """What one day brought, as columns of one length; ids are whole numbers, times milliseconds since 1970.

    Attributes:
        contacts: contact records; ids, times and durations are -1 where there is none.
        truth: for each contact, what it would answer to each survey (``csat nps ces``), its ``satisfaction``,
            ``p_answer``, whether it was ``asked`` (0 not; 1, 2, 3: by csat, nps, ces) and ``answers``, and
            what is behind it; -1 or nan for a contact that was not answered.
        agent_time: of each agent on duty the time logged in, at work and available.
    """

    contacts: Columns
    truth: Columns
    agent_time: Columns


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class People:
    """Customers' leniency ``(n_customers,)`` and each agent's quality and pace ``(n_agents,)``.

    Queue i has ``rosters[i]`` and the agents from ``first_agent[i]`` to the next queue's.
    """

    leniency: npt.NDArray[np.float32]
    quality: Floats
    pace: Floats
    rosters: tuple[Roster, ...]
    first_agent: tuple[int, ...]


def hire(centre: Centre) -> People:
    """Who works and who calls: the same for all days."""
    rng = np.random.default_rng([centre.seed, 0])
    rosters = tuple(_roster(centre, queue) for queue in centre.queues)
    # a quarter more than ever work on one day, so that not everybody is there every day
    sizes = [max(1, int(np.ceil(1.25 * r.n_places))) for r in rosters]
    return People(
        leniency=rng.standard_normal(centre.n_customers, dtype=np.float32),
        quality=rng.standard_normal(sum(sizes)),
        pace=np.exp(rng.normal(-0.005, 0.1, sum(sizes))),
        rosters=rosters,
        first_agent=tuple(np.cumsum([0, *sizes]).tolist()),
    )


def _roster(centre: Centre, queue: ServiceQueue) -> Roster:
    """The forecast knows the week and the contacts that come again, but not what a day brings."""
    halves = np.arange(48) + 0.5
    morning, afternoon = np.exp(-0.5 * ((halves - 21) / 3.0) ** 2), np.exp(-0.5 * ((halves - 31) / 4.5) ** 2)
    shape = np.where((halves > _FIRST_HALF) & (halves < _LAST_HALF), 0.25 + morning + 0.8 * afternoon, 0.0)
    again = 1.0 / (1.0 - centre.p_again * (1.0 - queue.p_resolved)) if queue.direction == "inbound" else 1.0
    forecast = queue.contacts_per_day * again * _WEEK[:, None] * shape / shape.sum()
    handle_ms = queue.talk_ms * (1.0 + 0.3 * queue.p_transfer) + _HOLD_MS * queue.holds + queue.after_call_ms
    return plan_roster(forecast, handle_ms, target=centre.target, staffing=centre.staffing)


# -- day after day ---------------------------------------------------------------------------------

_ISSUE = {
    "issue": np.int64,
    "customer": np.int64,
    "queue": np.int64,
    "served": np.int64,
    "complexity": np.float64,
}
"""What is carried from one contact about an issue to the next; ``served`` counts those answered before."""


def make_days(centre: Centre) -> Iterator[Day]:
    """The days in their order."""
    who = hire(centre)
    left_over: list[Columns] = [_no_issues() for _ in range(_WEEK_AND_TODAY)]
    n_contacts, n_issues = 0, 0
    for day in range(centre.n_days):
        rng = np.random.default_rng([centre.seed, 1 + day])
        load = float(rng.choice(_LOADS))
        at = centre.first_day + timedelta(days=day)
        due = left_over[day % _WEEK_AND_TODAY]
        left_over[day % _WEEK_AND_TODAY] = _no_issues()
        parts, duties = [], []
        for index in range(len(centre.queues)):
            part = _arrivals(centre, who, index, at.weekday(), load, due, n_issues, rng)
            n_issues = max(n_issues, int(part["issue"].max(initial=-1)) + 1)
            part, duty = _handle(centre, who, index, at.weekday(), part, rng)
            parts.append(part)
            duties.append(duty)
        seen = _joined(parts)
        order = np.argsort(seen["start"], kind="stable")
        seen = {name: values[order] for name, values in seen.items()}
        for delay, issues in _come_again(centre, seen, rng):
            slot = (day + delay) % _WEEK_AND_TODAY
            left_over[slot] = _joined([left_over[slot], issues])
        midnight = int(datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp() * 1000)
        yield Day(
            contacts=_contacts(centre, seen, midnight, n_contacts),
            truth=_truth(centre, who, seen, rng),
            agent_time=_agent_time(_joined(duties), seen, midnight),
        )
        n_contacts += len(order)


def _joined(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _no_issues() -> Columns:
    return {name: np.empty(0, dtype=kind) for name, kind in _ISSUE.items()}


def _arrivals(
    centre: Centre,
    who: People,
    index: int,
    weekday: int,
    load: float,
    due: Columns,
    n_issues: int,
    rng: np.random.Generator,
) -> Columns:
    """Contacts that reach one queue in a day, by time: new issues, and those of other days."""
    forecast = who.rosters[index].forecast[weekday]
    new = forecast * load * centre.queues[index].contacts_per_day * _WEEK[weekday] / max(forecast.sum(), 1e-9)
    n_new = rng.poisson(new)
    old = {name: values[due["queue"] == index] for name, values in due.items()}
    n_old = len(old["issue"])
    halves = np.repeat(np.arange(48), n_new)
    if n_old:
        halves = np.concatenate([halves, rng.choice(48, n_old, p=forecast / forecast.sum())])
    n = int(n_new.sum())
    fresh = {
        "issue": n_issues + np.arange(n),
        # the squared uniform makes some customers call far more often than others
        "customer": (centre.n_customers * rng.random(n) ** 2).astype(np.int64),
        "queue": np.full(n, index, dtype=np.int64),
        "served": np.zeros(n, dtype=np.int64),
        "complexity": rng.standard_normal(n),
    }
    arrival = ((halves + rng.random(n + n_old)) * HALF_HOUR_MS).astype(np.int64)
    order = np.argsort(arrival, kind="stable")
    found = {name: np.concatenate([fresh[name], old[name]])[order] for name in _ISSUE}
    return found | {"arrival": arrival[order]}


def _handle(
    centre: Centre,
    who: People,
    index: int,
    weekday: int,
    part: Columns,
    rng: np.random.Generator,
) -> tuple[Columns, Columns]:
    """What becomes of one queue's contacts: waits, agents, handling; and who is on duty."""
    queue, n = centre.queues[index], len(part["arrival"])
    inbound = queue.direction == "inbound"
    reached = np.ones(n, dtype=bool) if inbound else rng.random(n) < _P_REACHED
    work = _work(queue, part["complexity"], reached, rng)
    blocked = rng.random(n) < (centre.p_blocked if inbound else 0.0)
    patience = queue.patience_ms * rng.standard_exponential(n) if inbound else np.full(n, np.inf)
    patience[blocked] = -1.0  # never served, and nobody waits behind them
    first, after_last = who.first_agent[index : index + 2]
    crew = first + rng.permutation(after_last - first)  # who has each place today
    working = who.rosters[index].working(weekday)
    total = work["talk"] + work["hold"] + work["after"]
    waits, place = serve(part["arrival"], patience, total, working, who.pace[crew])
    served = place >= 0
    agent = np.where(served, crew[place], -1)
    pace = np.where(served, who.pace[agent], 1.0)
    quality = np.where(served, who.quality[agent], 0.0)
    hardship = 0.5 * part["complexity"] + 0.3 * work["transfers"]
    p_resolved = expit(logit(queue.p_resolved) + 0.4 * quality - hardship) * (served & reached)
    waited = np.where(blocked | ~np.isfinite(waits), 0.0, waits).astype(np.int64)
    columns = part | {
        "start": part["arrival"] + (0 if inbound else waited),
        "wait": waited if inbound else np.zeros_like(waited),
        "agent": agent,
        **{name: (work[name] * pace).astype(np.int64) for name in ("talk", "hold", "after")},
        "transfers": work["transfers"],
        "holds": work["holds"],
        "blocked": blocked,
        "answered": served & reached,
        "abandoned": ~served & ~blocked,
        "p_resolved": p_resolved,
        "resolved": rng.random(n) < p_resolved,
    }
    happened = served | inbound  # an outbound call that no agent came to was not made
    return {name: values[happened] for name, values in columns.items()}, _on_duty(working, crew)


def _work(
    queue: ServiceQueue, complexity: Floats, reached: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Columns:
    """What an average agent has to do for each contact; talk is lognormal, hold gamma, in ms."""
    n, difficulty, spread = len(complexity), np.exp(0.15 * complexity), queue.talk_spread
    transfers = rng.binomial(2, queue.p_transfer / 2.0, n)
    holds = rng.poisson(queue.holds * difficulty)
    talk = queue.talk_ms * difficulty * (1.0 + 0.3 * transfers)
    return {
        "transfers": transfers,
        "holds": holds,
        "talk": reached * talk * np.exp(rng.normal(-0.5 * spread**2, spread, n)),
        "hold": reached * _HOLD_MS * rng.standard_gamma(np.maximum(holds, 1e-9)) * (holds > 0),
        "after": reached * queue.after_call_ms * np.exp(rng.normal(-0.125, 0.5, n)),
    }


def _on_duty(working: npt.NDArray[np.bool_], crew: Ints) -> Columns:
    starts, lasts = on_duty_ms(working)
    return {"agent": crew[: len(starts)], "start": starts, "on_duty": lasts}


def _come_again(centre: Centre, seen: Columns, rng: np.random.Generator) -> Iterator[tuple[int, Columns]]:
    """Issues that will be called about again, by the number of days from now, 1 to 7."""
    inbound = np.array([q.direction == "inbound" for q in centre.queues])[seen["queue"]]
    again = ~seen["resolved"] & inbound & (rng.random(len(inbound)) < centre.p_again)
    issues = {name: seen[name][again] for name in _ISSUE}
    issues["served"] = issues["served"] + seen["answered"][again]
    delays = np.minimum(rng.geometric(0.4, int(again.sum())), _WEEK_AND_TODAY - 1)
    for delay in range(1, _WEEK_AND_TODAY):
        yield delay, {name: values[delays == delay] for name, values in issues.items()}


# -- what is recorded, and what is true ------------------------------------------------------------


def _contacts(centre: Centre, seen: Columns, midnight: int, n_before: int) -> Columns:
    answered = seen["answered"]

    def when(at: Ints, known: npt.NDArray[np.bool_]) -> Ints:
        return np.where(known, midnight + at, -1)

    def of_answered(values: Ints) -> Ints:
        return np.where(answered, values, -1)

    answered_at = seen["start"] + seen["wait"]
    ended_at = answered_at + np.where(answered, seen["talk"] + seen["hold"], 0)
    typing = np.array([15_000 if q.channel == "chat" else 0 for q in centre.queues])[seen["queue"]]
    return {
        "contact_id": n_before + 1 + np.arange(len(answered)),
        "customer_id": seen["customer"],
        "agent_id": seen["agent"],
        "queue": seen["queue"],
        "issue_id": seen["issue"],
        "started_at": midnight + seen["start"],
        "answered_at": when(answered_at, answered),
        "ended_at": midnight + ended_at,
        "resolved_at": when(ended_at, seen["resolved"]),
        "wait_ms": np.where(seen["blocked"], -1, seen["wait"]),
        "first_response_ms": of_answered(seen["wait"] + typing),
        "talk_ms": of_answered(seen["talk"]),
        "hold_ms": of_answered(seen["hold"]),
        "after_call_work_ms": of_answered(seen["after"]),
        "transfers": of_answered(seen["transfers"]),
        "holds": of_answered(seen["holds"]),
        "answered": answered,
        "abandoned": seen["abandoned"],
        "blocked": seen["blocked"],
        "resolved": seen["resolved"],
        "first_contact": answered & (seen["served"] == 0),
    }


_CSAT_CUTS = np.array([-2.0, -1.3, -0.6, 0.4])
_NPS_CUTS = np.linspace(-3.6, 0.9, 10)
_CES_CUTS = np.linspace(-2.6, 0.9, 6)
_INSTRUMENT_SHARES = (0.5, 0.8)
"""Half of those asked get a CSAT survey, three in ten an NPS survey, the others CES."""


def _truth(centre: Centre, who: People, seen: Columns, rng: np.random.Generator) -> Columns:
    """What everybody thinks of their contact, and who is asked and answers."""
    effects, answered, n = centre.effects, seen["answered"], len(seen["answered"])
    quality, leniency = who.quality[seen["agent"]], who.leniency[seen["customer"]].astype(np.float64)
    s = (
        effects.resolved * (seen["resolved"] - 0.7)
        + effects.wait * np.log2(1.0 + seen["wait"] / 60_000.0)
        + effects.transfers * seen["transfers"]
        + effects.holds * seen["holds"]
        + effects.again * (seen["served"] > 0)
        + effects.agent * quality
        + effects.customer * leniency
        + effects.complexity * seen["complexity"]
        + rng.standard_normal(n)
    )
    ease = 0.8 * s - 0.3 * seen["transfers"] + rng.normal(0.0, 0.6, n)
    inbound = np.array([q.direction == "inbound" for q in centre.queues])[seen["queue"]]
    asked = answered & inbound & (rng.random(n) < centre.p_asked)
    instrument = 1 + np.searchsorted(_INSTRUMENT_SHARES, rng.random(n))
    tilt = effects.answer_tilt * s + effects.answer_extremes * s**2
    p_answer = expit(logit(effects.p_answer) + tilt)

    def of_answered(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.where(answered, values, -1)

    return {
        "satisfaction": np.where(answered, s, np.nan),
        "csat": of_answered(1 + np.digitize(s, _CSAT_CUTS)),
        "nps": of_answered(np.digitize(0.9 * s + rng.normal(0.0, 0.5, n), _NPS_CUTS)),
        "ces": of_answered(1 + np.digitize(ease, _CES_CUTS)),
        "p_answer": np.where(answered, p_answer, np.nan),
        "asked": np.where(asked, instrument, 0),
        "answers": asked & (rng.random(n) < p_answer),
        "answers_after_ms": (10_800_000.0 * rng.standard_exponential(n)).astype(np.int64),
        "p_resolved": seen["p_resolved"],
        "complexity": seen["complexity"],
        "agent_quality": np.where(answered, quality, np.nan),
        "leniency": leniency,
    }


def _agent_time(duty: Columns, seen: Columns, midnight: int) -> Columns:
    """Time on duty and at work of each agent; what is finished after the shift counts as well."""
    by = seen["agent"] >= 0
    work = (seen["talk"] + seen["hold"] + seen["after"])[by]
    handling = np.bincount(seen["agent"][by], weights=work, minlength=int(duty["agent"].max(initial=-1)) + 1)[
        duty["agent"]
    ].astype(np.int64)
    on_duty = np.maximum(duty["on_duty"], handling)
    return {
        "agent_id": duty["agent"],
        "started_at": midnight + duty["start"],
        "handling_ms": handling,
        "available_ms": on_duty - handling,
        "logged_in_ms": np.rint(on_duty / (1.0 - _BREAKS)).astype(np.int64),
    }
