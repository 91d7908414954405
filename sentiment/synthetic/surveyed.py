"""Made-up scored calls with estimates, and surveys of known truth: planted agreement, bias, drift, or
nothing.

Each call leaves its customer with a satisfaction (mean 0, variance 1 over all calls): the agent's
quality, the customer's leniency, what happened, chance. The estimate sees it only in part: ``agreement``
is the correlation of what it sees with the satisfaction. Estimates are calibrated unless they claim to
see more; their intervals hold the answer at least as often as they say, since answers come in whole
points. Who answers depends on the satisfaction as planted, so that the answers that come back may
mislead; the truth, what everybody would have answered, comes along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit, logit, ndtr, ndtri

from sentiment.errors import InputError

__all__ = ["CSAT_CUTS", "NPS_CUTS", "Surveyed", "SurveyedCalls", "make_surveyed_calls"]

Floats = npt.NDArray[np.float64]

CSAT_CUTS = ndtri(np.array([0.08, 0.18, 0.35, 0.68]))
"""Satisfaction at which an answer goes up by one: 8 % would answer 1, 32 % would answer 5."""
NPS_CUTS = ndtri(np.array([0.04, 0.06, 0.08, 0.10, 0.13, 0.21, 0.30, 0.44, 0.62, 0.78]))

_QUEUES = ("billing", "technical", "sales", "premium")


@dataclass(frozen=True, kw_only=True, slots=True)
class Surveyed:
    """What to make.

    Args:
        agreement: correlation, in (-1, 1), of what the estimate sees with the satisfaction; 0 plants nothing.
        claimed: agreement that estimates are made for; the true one if left out. Above it they are too sure.
        agent, customer: share of the satisfaction's variance that is the agent's, the customer's.
        wait: correlation-like effect of the wait within a queue on satisfaction.
        paradox: the ``premium`` queue waits longest and is the most satisfied, so that over all calls a
            long wait seems to please.
        p_answer: share who answer at the mean satisfaction.
        tilt: log odds of answering for one more satisfaction.
        tilt_seen: the same for one more of what the estimate sees: weighting by it can undo that.
        extremes: the same for satisfaction squared less 1: the angry and the delighted answer.
        drift: by how much answers rise from the first day to the last without the estimate seeing it.
        p_abstain: share of calls that are not estimated.
    """

    seed: int = 0
    n_calls: int = 4_000
    n_customers: int = 2_500
    n_agents: int = 30
    n_days: int = 84
    first_day: datetime = datetime(2026, 1, 5, tzinfo=UTC)
    agreement: float = 0.5
    claimed: float | None = None
    agent: float = 0.08
    customer: float = 0.1
    wait: float = -0.2
    paradox: bool = False
    p_answer: float = 0.2
    tilt: float = 0.0
    tilt_seen: float = 0.0
    extremes: float = 0.0
    drift: float = 0.0
    p_abstain: float = 0.02

    def __post_init__(self) -> None:
        if not -1.0 < self.agreement < 1.0 or min(self.n_calls, self.n_customers, self.n_agents) < 1:
            raise InputError("surveyed calls need an agreement within (-1, 1), a call, a customer, an agent")
        if self.agent < 0 or self.customer < 0 or self.agent + self.customer + self.wait**2 >= 0.9:
            raise InputError("agent + customer + wait^2 take more than .9 of the satisfaction's variance")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurveyedCalls:
    """``calls``, ``surveys``, ``contacts`` and ``customers`` as the metric engine reads them.

    ``truth`` has for each call ``call_id``, ``satisfaction``, what its customer would answer (``csat``,
    ``nps``), ``p_answer`` and ``answers``.
    """

    calls: pa.Table
    surveys: pa.Table
    contacts: pa.Table
    customers: pa.Table
    truth: pa.Table


def make_surveyed_calls(options: Surveyed = Surveyed()) -> SurveyedCalls:
    """The tables; the same options give the same ones."""
    rng = np.random.default_rng([options.seed, 4711])
    who = _who(options, rng)
    s = _satisfaction(options, who, rng)
    seen = options.agreement * s + np.sqrt(1.0 - options.agreement**2) * rng.standard_normal(len(s))
    late = options.drift * who["day"] / max(options.n_days, 1)
    csat, nps = 1 + np.digitize(s + late, CSAT_CUTS), np.digitize(s + late, NPS_CUTS)
    moved = options.tilt * s + options.tilt_seen * seen + options.extremes * (s * s - 1.0)
    p_answer = expit(logit(options.p_answer) + moved)
    answers = rng.random(len(s)) < p_answer
    ids = pa.array([f"call-{i:06d}" for i in range(len(s))])
    shared = {
        "call_id": ids,
        "customer_id": pa.array([f"c{i}" for i in who["customer"]]),
        "agent_id": pa.array([f"a{i:02d}" for i in who["agent"]]),
        "queue": pa.array([_QUEUES[i] for i in who["queue"]]),
    }
    truth = {"call_id": ids, "satisfaction": s, "csat": csat, "nps": nps, "p_answer": p_answer,
             "answers": answers}  # fmt: skip
    return SurveyedCalls(
        calls=_calls(options, shared, who, seen, rng),
        surveys=_surveys(shared, who, answers, {"csat": csat, "nps": nps}, rng),
        contacts=_contacts(shared, who, s, rng),
        customers=_customers(options, who, s, rng),
        truth=pa.table(truth),
    )


def _who(options: Surveyed, rng: np.random.Generator) -> dict[str, Any]:
    n = options.n_calls
    agent = rng.integers(options.n_agents, size=n)
    queue = agent % len(_QUEUES)  # an agent works in one queue
    day = np.sort(rng.random(n)) * options.n_days
    first = int(options.first_day.timestamp() * 1000)
    wait = rng.standard_normal(n)
    longer = np.where(queue == 3, 2.0, 0.0) if options.paradox else np.zeros(n)
    return {
        "agent": agent,
        "queue": queue,
        "customer": rng.integers(options.n_customers, size=n),
        "day": day,
        "started": first + (day * 86_400_000).astype(np.int64),
        "duration": (240_000 * np.exp(0.5 * rng.standard_normal(n))).astype(np.int64),
        "wait": wait,
        "wait_ms": (30_000 * np.exp(0.6 * (wait + longer))).astype(np.int64),
    }


def _satisfaction(options: Surveyed, who: dict[str, Any], rng: np.random.Generator) -> Floats:
    quality = rng.standard_normal(options.n_agents) * np.sqrt(options.agent)
    leniency = rng.standard_normal(options.n_customers) * np.sqrt(options.customer)
    rest = 1.0 - options.agent - options.customer - options.wait**2
    s: Floats = (
        quality[who["agent"]]
        + leniency[who["customer"]]
        + options.wait * who["wait"]
        + np.sqrt(rest) * rng.standard_normal(options.n_calls)
    )
    if options.paradox:
        s = (s + np.where(who["queue"] == 3, 1.2, -0.4)) / np.sqrt(1.0 + 0.48)
    return s


def _estimate(seen: Floats, agreement: float, cuts: Floats, least: int) -> dict[str, Floats]:
    """Mean, 90 % interval and top box of the answer, given what is seen of the satisfaction."""
    spread = np.sqrt(1.0 - agreement**2)
    below = ndtr((cuts[None, :] - agreement * seen[:, None]) / spread)
    n_points = len(cuts) + 1
    chances = np.diff(np.hstack([np.zeros((len(seen), 1)), below, np.ones((len(seen), 1))]), axis=1)
    points = least + np.arange(n_points)
    top = 2 if n_points <= 7 or n_points == 11 else 1
    return {
        "": chances @ points,
        "_low": (least + (below < 0.05).sum(axis=1)).astype(np.float64),
        "_high": (least + (below < 0.95).sum(axis=1)).astype(np.float64),
        "_top_box": chances[:, -top:].sum(axis=1),
    }


def _calls(
    options: Surveyed, shared: dict[str, Any], who: dict[str, Any], seen: Floats, rng: np.random.Generator
) -> pa.Table:
    n = len(seen)
    claimed = options.agreement if options.claimed is None else options.claimed
    abstains = rng.random(n) < options.p_abstain
    columns = dict(shared) | {
        "started_at": pa.array(who["started"]).view(pa.timestamp("ms", "UTC")),
        "duration_ms": pa.array(who["duration"]),
    }
    for name, share in (("customer_polarity", 0.6), ("customer_polarity_q4", 0.8)):
        noise = np.sqrt(1.0 - share**2) * rng.standard_normal(n)
        columns[name] = pa.array(np.tanh(0.4 * (share * seen + noise)))
    for instrument, cuts, least in (("csat", CSAT_CUTS, 1), ("nps", NPS_CUTS, 0)):
        for part, values in _estimate(seen, claimed, cuts, least).items():
            columns[f"predicted_{instrument}{part}"] = pa.array(values, mask=abstains)
        why = np.where(abstains, "too little customer speech", "")
        columns[f"predicted_{instrument}_abstained"] = pa.array(why, mask=~abstains)
    return pa.table(columns)


def _surveys(
    shared: dict[str, Any], who: dict[str, Any], answers: npt.NDArray[np.bool_],
    values: dict[str, npt.NDArray[Any]], rng: np.random.Generator,
) -> pa.Table:  # fmt: skip
    """A row for each answer to CSAT, and to NPS from half of those who answer."""
    after = (3_600_000 * rng.standard_exponential(len(answers))).astype(np.int64)
    also = answers & (rng.random(len(answers)) < 0.5)
    parts = []
    for instrument, given, (low, high) in (("csat", answers, (1, 5)), ("nps", also, (0, 10))):
        at = np.flatnonzero(given)
        time = (who["started"] + who["duration"] + 300_000 + after)[at]
        parts.append(
            pa.table(
                {
                    "call_id": shared["call_id"].take(pa.array(at)),
                    "customer_id": shared["customer_id"].take(pa.array(at)),
                    "instrument": pa.array([instrument] * len(at), pa.string()),
                    "value": pa.array(values[instrument][at].astype(np.float64)),
                    "scale_min": pa.array(np.full(len(at), float(low))),
                    "scale_max": pa.array(np.full(len(at), float(high))),
                    "answered_at": pa.array(time).view(pa.timestamp("ms", "UTC")),
                }
            )
        )
    return pa.concat_tables(parts)


def _contacts(shared: dict[str, Any], who: dict[str, Any], s: Floats, rng: np.random.Generator) -> pa.Table:
    """The contact record of each call; hold goes with nothing, the matter is settled if the call pleased."""
    n = len(s)
    started = pa.array(who["started"] - who["wait_ms"]).view(pa.timestamp("ms", "UTC"))
    return pa.table(
        {
            "contact_id": pa.array([f"contact-{i:06d}" for i in range(n)]),
            **shared,
            "started_at": started,
            "wait_ms": pa.array(who["wait_ms"]),
            "talk_ms": pa.array(who["duration"]),
            "hold_ms": pa.array((20_000 * rng.standard_exponential(n)).astype(np.int64)),
            "after_call_work_ms": pa.array(np.full(n, 30_000, dtype=np.int64)),
            "transfers": pa.array(rng.poisson(0.15, n)),
            "answered": pa.array(np.ones(n, dtype=bool)),
            "abandoned": pa.array(np.zeros(n, dtype=bool)),
            "resolved": pa.array(rng.random(n) < expit(0.8 + 0.9 * s)),
            "first_contact": pa.array(np.ones(n, dtype=bool)),
        }
    )


def _customers(options: Surveyed, who: dict[str, Any], s: Floats, rng: np.random.Generator) -> pa.Table:
    """Customers; one whose last call displeased is likelier to leave in the month after it."""
    last = np.full(options.n_customers, np.nan)
    at = np.zeros(options.n_customers, dtype=np.int64)
    last[who["customer"]], at[who["customer"]] = s, who["started"]  # calls are in order of time
    leaves = rng.random(len(last)) < np.where(np.isnan(last), 0.0, expit(-2.5 - 0.8 * np.nan_to_num(last)))
    left = at + 86_400_000 * (1 + rng.integers(28, size=len(last)))
    joined = int(options.first_day.timestamp() * 1000) - 86_400_000 * rng.integers(30, 2_000, len(last))
    return pa.table(
        {
            "customer_id": pa.array([f"c{i}" for i in range(len(last))]),
            "joined_at": pa.array(joined).view(pa.timestamp("ms", "UTC")),
            "left_at": pa.array(left, mask=~leaves).view(pa.timestamp("ms", "UTC")),
        }
    )
