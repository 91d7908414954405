"""What callers get from a number of agents: Erlang B, C and A.

Arrivals are Poisson and handle times exponential, in a steady state. With unlimited patience that is
Erlang C (M/M/n); with exponential patience it is Erlang A (M/M/n+M, C. Palm, *Methods of judging the
annoyance caused by congestion*, Tele 4, 1953), which also says how many hang up. Erlang C needs more
agents than work; Erlang A holds at any load. Erlang C is pessimistic where callers do hang up.

Erlang A is computed from the density of the virtual wait (what a caller with unlimited patience would wait),

    v(t) ∝ exp(λ H(t) - n μ t),   H(t) = (1 - exp(-θ t)) / θ

(F. Baccelli and G. Hebuterne, *On queues with impatient customers*, Performance '81; S. Zeltyn and
A. Mandelbaum, *Call centers with impatient customers*, Queueing Systems 51, 2005). Each measure is an
integral of a positive function against it, in log space, so nothing cancels or overflows with many agents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Counted",
    "Performance",
    "Workload",
    "erlang_b",
    "erlang_c",
    "predict",
]

Floats = npt.NDArray[np.float64]
Counted = Literal["offered", "answered", "offered less short abandons"]
"""What a service level is a share of: all, those answered, or all but who hung up within the threshold."""

_TAIL_NATS = 50.0
"""The integrals leave out what is less than exp(-50) of the peak."""
_N_PANELS = 96
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """What arrives in a period, and how long it takes.

    Args:
        contacts: expected number of contacts in the period.
        handle_ms: mean handle time (talk, hold and after-call work).
        interval_ms: length of the period; half an hour if not said.
        patience_ms: mean time a caller is ready to wait; None for callers who never hang up (Erlang C).

    Raises:
        InputError: a figure is not finite, negative, or a length of zero.
    """

    contacts: float
    handle_ms: float
    interval_ms: int = 1_800_000
    patience_ms: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.contacts) and self.contacts >= 0):
            raise InputError(f"contacts is {self.contacts}: give a number of 0 or more")
        for name in ("handle_ms", "interval_ms", "patience_ms"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value}: give a length above 0")

    @property
    def erlangs(self) -> float:
        """Offered work: agents that would be busy if nobody waited or hung up."""
        return self.contacts * self.handle_ms / self.interval_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """What callers and agents get in a steady state.

    Shares are in [0, 1]. Where there is no steady state (Erlang C with no more agents than work) all
    measures are None and ``reason`` says why; so they are where nothing arrives.

    Attributes:
        p_wait: share of callers who are not answered at once.
        service_level: share answered within ``threshold_ms``, of those that are counted.
        p_abandon: share of callers who hang up; 0 in Erlang C.
        asa_ms: mean wait of the answered.
        mean_wait_ms: mean wait of all callers, those who hang up too.
        occupancy: share of their time the agents are busy.
        mean_queue: mean number of callers waiting.
    """

    agents: int
    erlangs: float
    threshold_ms: int
    p_wait: float | None = None
    service_level: float | None = None
    p_abandon: float | None = None
    asa_ms: float | None = None
    mean_wait_ms: float | None = None
    occupancy: float | None = None
    mean_queue: float | None = None
    reason: str | None = None


# -- the formulas ----------------------------------------------------------------------------------


def erlang_b(servers: int, erlangs: float) -> float:
    """Share of arrivals lost where nobody can wait: the blocking of ``servers`` lines, in [0, 1].

    By the recursion B(n) = aB(n-1) / (n + aB(n-1)), which loses no precision.
    """
    if servers < 0 or not (math.isfinite(erlangs) and erlangs >= 0):
        raise InputError(f"{servers} servers and {erlangs} erlangs: give numbers of 0 or more")
    blocking = 1.0
    for n in range(1, servers + 1):
        blocking = erlangs * blocking / (n + erlangs * blocking)
    return blocking


def erlang_c(servers: int, erlangs: float) -> float:
    """Share of arrivals that wait where everybody does, in [0, 1].

    Raises:
        InputError: there are no more servers than work, so the queue grows without limit.
    """
    if erlangs >= servers and erlangs > 0:
        raise InputError(_overload(servers, erlangs))
    blocking = erlang_b(servers, erlangs)
    return servers * blocking / (servers - erlangs * (1.0 - blocking)) if erlangs else 0.0


def predict(
    work: Workload,
    agents: int,
    *,
    threshold_ms: int = 20_000,
    counted: Counted = "offered",
) -> Performance:
    """What ``agents`` agents give: Erlang A where ``work`` has a patience, else Erlang C.

    ``counted`` says what the service level is a share of.
    """
    if agents < 0:
        raise InputError(f"{agents} agents: give 0 or more")
    base = Performance(agents=agents, erlangs=work.erlangs, threshold_ms=threshold_ms)
    if work.contacts == 0:
        return replace(base, reason="nothing arrives")
    if agents == 0 and work.patience_ms is not None:
        nobody = replace(base, p_wait=1.0, service_level=0.0, p_abandon=1.0, reason="no agents")
        return replace(nobody, mean_wait_ms=work.patience_ms)
    if work.patience_ms is not None:
        return _erlang_a(work, base, work.patience_ms, counted)
    if work.erlangs >= agents:
        return replace(base, reason=_overload(agents, work.erlangs))
    return _erlang_c(work, base)


def _overload(agents: int, erlangs: float) -> str:
    return (
        f"{erlangs:.4g} erlangs of work for {agents} agents: without abandonment the queue grows for ever; "
        f"use more than {int(erlangs)} agents, or give a patience"
    )


def _erlang_c(work: Workload, base: Performance) -> Performance:
    p_wait = erlang_c(base.agents, work.erlangs)
    relief_ms = work.handle_ms / (base.agents - work.erlangs)
    wait_ms = p_wait * relief_ms
    return replace(
        base,
        p_wait=p_wait,
        service_level=1.0 - p_wait * math.exp(-base.threshold_ms / relief_ms),
        p_abandon=0.0,
        asa_ms=wait_ms,
        mean_wait_ms=wait_ms,
        occupancy=work.erlangs / base.agents,
        mean_queue=wait_ms * work.contacts / work.interval_ms,
    )


def _erlang_a(work: Workload, base: Performance, patience_ms: float, counted: Counted) -> Performance:
    rate, leave = work.contacts / work.interval_ms, 1.0 / patience_ms
    t, weight, log_mass = _virtual_wait(rate, base.agents / work.handle_ms, leave, base.threshold_ms)
    p_wait = _p_wait(math.log(rate) + log_mass, erlang_b(base.agents - 1, work.erlangs))
    stays, leaves = np.exp(-leave * t), -np.expm1(-leave * t)
    early = t <= base.threshold_ms
    answered = 1.0 - p_wait + p_wait * float(weight @ stays)
    p_abandon = p_wait * float(weight @ leaves)
    gone_early = p_wait * float(weight @ np.minimum(leaves, -math.expm1(-leave * base.threshold_ms)))
    of = {"offered": 1.0, "answered": answered, "offered less short abandons": 1.0 - gone_early}[counted]
    return replace(
        base,
        p_wait=p_wait,
        service_level=(1.0 - p_wait + p_wait * float(weight[early] @ stays[early])) / of,
        p_abandon=p_abandon,
        asa_ms=p_wait * float(weight @ (t * stays)) / answered,
        mean_wait_ms=p_abandon * patience_ms,
        occupancy=min(1.0, work.erlangs * answered / base.agents),
        mean_queue=rate * p_abandon * patience_ms,
    )


def _p_wait(log_busy: float, free_share: float) -> float:
    """P(wait) from the log odds of all being busy against being in the last state with an agent free.

    ``free_share`` is the share of that last state, n-1, in all states with an agent free: B(n-1).
    """
    if free_share == 0.0:  # so many agents that it is below the smallest float
        return 0.0
    log_odds = log_busy + math.log(free_share)
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700.0 else 0.0


def _virtual_wait(rate: float, serve: float, leave: float, split: float) -> tuple[Floats, Floats, float]:
    """Nodes ``(m,)`` in ms, their probabilities ``(m,)`` given a wait, and log ∫ exp(λH(t) - nμt) dt.

    The log integrand is concave with its peak at ln(λ / nμ) / θ, or at 0. A panel ends at ``split``, so that
    a sum up to there is as exact as the whole.
    """

    def depth(t: npt.ArrayLike) -> Floats:
        """How far, in nats, the log integrand at ``t`` is below its peak."""
        at = np.asarray(t, dtype=np.float64)
        return top + rate / leave * np.expm1(-leave * at) + serve * at

    peak = max(0.0, math.log(rate / serve) / leave)
    top = 0.0
    top = -float(depth(peak))
    reach = 1.0 / (serve + leave)
    while depth(peak + reach) < _TAIL_NATS:
        reach *= 2.0
    end = _crossing(depth, peak, peak + reach)
    begin = 0.0 if depth(0.0) < _TAIL_NATS else _crossing(depth, peak, 0.0)
    cuts = np.union1d(np.linspace(begin, end, _N_PANELS + 1), np.clip([split], begin, end))
    half = 0.5 * np.diff(cuts)[:, None]
    t = (cuts[:-1, None] + half * (1.0 + _NODES)).ravel()
    mass = (half * _NODE_WEIGHTS).ravel() * np.exp(-depth(t))
    total = float(mass.sum())
    return t, mass / total, top + math.log(total)


def _crossing(depth: Callable[[float], Floats], inside: float, outside: float) -> float:
    """Where ``depth`` passes the tail's nats between a point inside and one outside."""
    for _ in range(50):
        middle = 0.5 * (inside + outside)
        inside, outside = (middle, outside) if depth(middle) < _TAIL_NATS else (inside, middle)
    return outside
