"""What a correlation of estimates with surveys is made of: frozen values, a figure never without its n.

Shares are in [0, 1], answers and estimates on the survey's own scale unless a field says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read by those who inspect the fields
from dataclasses import dataclass, field
from typing import Any

from sentiment.correlation.figure import Figure
from sentiment.correlation.response_values import Means, Rate, Response, Term

__all__ = [
    "Agreement",
    "Bin",
    "Calibration",
    "Caution",
    "Confusion",
    "Correlation",
    "Drift",
    "Figure",
    "Group",
    "GroupAgreement",
    "Instrument",
    "Link",
    "Means",
    "Operations",
    "Period",
    "Rate",
    "Read",
    "Reliability",
    "Response",
    "Term",
    "Trend",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Caution:
    """Something a reader must know before believing the result; ``serious`` if it may undo it."""

    name: str
    says: str
    serious: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How well one predictor agrees with the answers, call by call.

    Args:
        predictor: ``predicted_csat``, or a sentiment figure such as ``customer_polarity``.
        same_scale: whether it is an estimate of the answer itself; a sentiment figure has only
            coefficients that need no common scale.
        figures: by name: spearman, kendall, pearson, polyserial, auc_top_box, and for an estimate
            mae, kappa, bias (mean estimate minus mean answer) and coverage (of the 90 % interval).
    """

    predictor: str
    same_scale: bool
    figures: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Calls whose predictor lies in [``low``, ``high``]: its mean, and the mean answer."""

    low: float
    high: float
    predicted: float
    answered: Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What was answered at each level of the predictor.

    ``slope`` and ``offset`` are of the line answer = offset + slope * estimate; 1 and 0 if the estimate means
    what it says. None for a sentiment figure.
    """

    bins: tuple[Bin, ...]
    slope: Figure | None = None
    offset: Figure | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    """Calls by predicted (rows) and surveyed (columns) band, with ``says``, what each band is."""

    bands: tuple[str, ...]
    says: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    accuracy: Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """One period: answered minus estimated, and the rank correlation in it."""

    starts: str
    n: int
    gap: Figure
    spearman: Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """A change over the whole time seen, with its p-value, corrected for the number of trends tested."""

    name: str
    change: Figure
    p_adjusted: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """Agreement over time; ``reason`` where it cannot be told."""

    period: str
    periods: tuple[Period, ...]
    trends: tuple[Trend, ...]
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One group: its calls, how many were answered, means over the answered and over all calls.

    ``answered`` is the mean answer, ``predicted`` the mean predictor of the answered calls,
    ``predicted_all`` of all of them. ``reliability`` in [0, 1] is how much of the differences between
    groups with this many answers is not chance.
    """

    name: str
    n_calls: int
    n_answers: int
    answered: Figure
    predicted: float | None
    predicted_all: float | None
    reliability: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """How much of what answers differ by lies between groups, and how many answers a group's mean needs.

    Args:
        between: variance of the groups' true means.
        within: variance of answers within a group.
        icc: between / (between + within), with its interval.
        p_value: F test that all groups are alike.
        needed: for a reliability of .7 and .8: how many answers a group needs; None where groups do not
            differ, so that no number is enough.
        needed_range: the same at the ends of the interval of ``icc``; None at an end: no number.
    """

    between: float
    within: float
    icc: Figure
    p_value: float | None
    needed: Mapping[float, int | None]
    needed_range: Mapping[float, tuple[int | None, int | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupAgreement:
    """Agreement of group means: figures as of calls, each group counting once."""

    by: str
    groups: tuple[Group, ...]
    n_compared: int
    figures: Mapping[str, Figure]
    reliability: Reliability | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """Everything of one survey instrument; ``agreements`` has the main predictor first.

    ``may`` and ``may_not`` say what may and what may not be concluded.
    """

    name: str
    scale: tuple[float, float]
    n_answers: int
    n_customers: int
    n_rescaled: int
    agreements: tuple[Agreement, ...]
    calibration: Calibration
    confusion: Confusion | None
    drift: Drift
    groups: tuple[GroupAgreement, ...]
    response: Response
    cautions: tuple[Caution, ...]
    verdict: str
    may: tuple[str, ...]
    may_not: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    """Predictor and answer of each answered call (of a seeded sample of 2,000 where there are more)."""

    @property
    def main(self) -> Agreement:
        """The predictor the verdict is about."""
        return self.agreements[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Rank correlation of a sentiment figure, estimate or answer with an operational figure.

    ``within`` is the same within ``group`` (None without one); ``turns`` where the two surely differ in
    sign (Simpson's paradox). ``q_value`` is corrected for all pairs (Benjamini and Hochberg, 1995).
    """

    figure: str
    operation: str
    overall: Figure
    within: Figure | None
    turns: bool
    q_value: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """How satisfaction goes with operational figures.

    ``drivers`` holds :class:`sentiment.metrics.drivers.Drivers` by outcome; ``left_out`` says which figures
    and models there are not, and why.
    """

    group: str | None
    links: tuple[Link, ...]
    drivers: Mapping[str, Any]
    left_out: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What was read, and what became of every answer.

    Args:
        n_calls, n_estimated, n_abstained: calls; those with an estimate; those whose estimate abstained.
        abstentions: reasons, with how many calls each.
        n_rows: rows of the surveys that are good; ``n_set_aside`` those that are not.
        n_answers: rows with an answer, whatever became of them.
        n_unanswered: invitations without an answer.
        n_superseded: answers to what was answered again later; the newest counts.
        n_without_id: answers that name no call; ``n_without_call``: name a call that there is not.
        n_off_scale: answers whose scale is unknown, or that are not on the one taken for them.
        n_late, n_early: answers later than ``late_days`` after the call; before it began.
        n_other_questions: answers about something else than the whole.
        n_calls_answered, n_calls_unanswered: calls with and without any answer.
        inputs: the metric engine's report on each table.
        assumed: what was taken for what nobody said.
    """

    n_calls: int
    n_estimated: int
    n_abstained: int
    abstentions: Mapping[str, int]
    n_rows: int
    n_set_aside: int
    n_answers: int
    n_unanswered: int
    n_superseded: int
    n_without_id: int
    n_without_call: int
    n_off_scale: int
    n_late: int
    n_early: int
    late_days: float
    n_other_questions: int
    n_calls_answered: int
    n_calls_unanswered: int
    inputs: tuple[Any, ...]
    assumed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Correlation:
    """The whole answer to: does it agree with our surveys?"""

    by: tuple[str, ...]
    timezone: str
    read: Read
    instruments: tuple[Instrument, ...]
    operations: Operations | None
    cautions: tuple[Caution, ...]
    settings: Mapping[str, Any]
    answers: Any = field(compare=False, repr=False)
    """A row for each survey row that is good, with what became of it (``status``): a pandas table."""

    @property
    def verdict(self) -> str:
        """What to take away, in a few sentences."""
        return " ".join(i.verdict for i in self.instruments) or "No call has an answer: nothing can be said."

    def instrument(self, name: str) -> Instrument:
        """The results of one instrument.

        Raises:
            KeyError: no call has an answer to it.
        """
        for found in self.instruments:
            if found.name == name:
                return found
        have = ", ".join(i.name for i in self.instruments) or "none"
        raise KeyError(f"no call has an answer to {name}; there are {have}")
