"""The options of a made-up contact centre: its queues, its staff, and what is planted in its surveys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from sentiment.errors import InputError
from sentiment.metrics.staffing import StaffingTarget

__all__ = ["Centre", "Effects", "ServiceQueue"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceQueue:
    """A queue: how much comes, how it is worked on, and how it goes. Means, unless said otherwise.

    Args:
        contacts_per_day: new issues on a mean weekday.
        talk_ms: talk time; ``talk_spread`` is the standard deviation of its logarithm.
        after_call_ms: work after a contact.
        patience_ms: how long a caller is ready to wait.
        p_resolved: share of answered contacts that settle the issue, for an average agent and issue.
        p_transfer, holds: share passed on; holds for each contact, of 45 s.
        direction: an ``outbound`` contact waits for an agent, not the customer; ``p_resolved`` is then
            of those reached, six in ten.
    """

    name: str
    contacts_per_day: float
    talk_ms: float = 240_000.0
    talk_spread: float = 0.6
    after_call_ms: float = 45_000.0
    patience_ms: float = 120_000.0
    p_resolved: float = 0.75
    p_transfer: float = 0.1
    holds: float = 0.3
    channel: str = "voice"
    direction: Literal["inbound", "outbound"] = "inbound"


@dataclass(frozen=True, kw_only=True, slots=True)
class Effects:
    """Planted: what a contact does to its customer's satisfaction, whose noise has standard deviation 1.

    Args:
        resolved: of its settling the issue.
        wait: of each doubling of the wait, from a minute's: coefficient of log2(1 + minutes).
        transfers, holds: of each.
        again: of not being the first contact about the issue.
        agent, customer: of one standard deviation of the agent's quality, and of the customer's leniency.
        complexity: of one standard deviation of the issue's.
        p_answer: share of those asked who answer, at the mean satisfaction.
        answer_tilt: log odds of answering for one more satisfaction.
        answer_extremes: log odds of answering for satisfaction squared: the angry and the delighted answer.
    """

    resolved: float = 1.0
    wait: float = -0.35
    transfers: float = -0.4
    holds: float = -0.15
    again: float = -0.4
    agent: float = 0.3
    customer: float = 0.5
    complexity: float = -0.2
    p_answer: float = 0.2
    answer_tilt: float = -0.15
    answer_extremes: float = 0.25


_QUEUES = (
    ServiceQueue(name="billing", contacts_per_day=420),
    ServiceQueue(name="technical", contacts_per_day=300, talk_ms=420_000, p_resolved=0.6, holds=0.6),
    ServiceQueue(name="sales", contacts_per_day=180, talk_ms=300_000, patience_ms=60_000, p_resolved=0.85),
    ServiceQueue(name="chat", contacts_per_day=150, talk_ms=480_000, channel="chat", patience_ms=180_000),
    ServiceQueue(name="follow-up", contacts_per_day=60, talk_ms=180_000, direction="outbound"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Centre:
    """A made-up contact centre and the days to make of it.

    Args:
        seed: another seed makes other records.
        n_customers: customers, some of whom call far more often than others.
        target: what the roster is planned for (Erlang C, on the forecast).
        staffing: share of the planned agents who come: below 1, waits and abandonment grow.
        p_blocked: share of inbound contacts that find all lines busy.
        p_again: share of those not served, or not resolved, who call again within a week.
        p_asked: share of answered inbound contacts asked for a survey.
        agents_per_team: a queue's agents come in teams of this many.

    Raises:
        InputError: no days, customers or queues, or two queues of one name.
    """

    seed: int = 0
    first_day: date = date(2026, 1, 5)
    n_days: int = 28
    n_customers: int = 20_000
    queues: tuple[ServiceQueue, ...] = _QUEUES
    target: StaffingTarget = field(default_factory=lambda: StaffingTarget(service_level=0.8))
    staffing: float = 1.0
    p_blocked: float = 0.003
    p_again: float = 0.6
    p_asked: float = 0.4
    agents_per_team: int = 15
    effects: Effects = Effects()

    def __post_init__(self) -> None:
        if self.n_days < 1 or self.n_customers < 1 or not self.queues:
            raise InputError("a contact centre needs at least a day, a customer and a queue")
        if len({q.name for q in self.queues}) < len(self.queues):
            raise InputError("two queues have one name")
