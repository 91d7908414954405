"""Churn as a survival curve: how many customers are still there after a given time with us.

A monthly churn rate does not say when customers leave, and customers who are still there are neither lost nor
kept for good. The curve is Kaplan and Meier's (*Nonparametric estimation from incomplete observations*,
JASA 53, 1958): a customer counts for as long as they were seen. Its intervals are pointwise, from Greenwood's
variance on the log(-log) scale (J. Kalbfleisch and R. Prentice, *The statistical analysis of failure time
data*, 1980), so they stay in [0, 1]. Groups are compared by the log-rank test. statsmodels computes it all.

It holds where customers who are still there would go on like the others: that their time ends has nothing
to do with leaving. Who joined before the records begin, and is in them because they stayed, comes in with the
time ``entered`` at which they were first seen; else the early curve is too high (left truncation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sentiment.errors import FitError, InputError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import date

    import ibis.expr.types as ir

__all__ = ["Churn", "Interval", "LogRank", "SurvivalCurve", "churn_curves", "tenure_table"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_Z = float(ndtri(0.975))


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A figure with its 95 % interval; what cannot be computed is None, and ``reason`` says why."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurvivalCurve:
    """Share of customers still there, at each time at which one was lost.

    Attributes:
        group: the group; None for everybody.
        n_customers, n_lost: how many, and how many of them were seen leaving.
        times: ``(k,)``, rising, in the unit of the tenures.
        at_risk: ``(k,)``, customers seen just before each time: what the step rests on.
        lost: ``(k,)``, customers lost at each time.
        survival, low, high: ``(k,)``, in [0, 1], from each time until the next.
        longest: the longest tenure seen; nothing can be said beyond it.
    """

    group: Hashable | None
    n_customers: int
    n_lost: int
    times: Floats
    at_risk: Ints
    lost: Ints
    survival: Floats
    low: Floats
    high: Floats
    longest: float

    def at(self, time: float) -> Interval:
        """Share of customers still there after ``time``; 1 less it is the churn until then.

        Before the first loss the interval is the exact one of no loss among the customers then at risk.
        """
        if time > self.longest:
            return _unknown(f"no customer was seen for longer than {self.longest:g}")
        i = int(np.searchsorted(self.times, time, side="right")) - 1
        if i >= 0:
            return Interval(value=float(self.survival[i]), low=float(self.low[i]), high=float(self.high[i]))
        n = int(self.at_risk[0]) if len(self.at_risk) else self.n_customers
        return Interval(value=1.0, low=0.025 ** (1.0 / n), high=1.0)

    def time_until(self, share: float) -> Interval:
        """Time after which no more than ``share`` of the customers are left: the median at 0.5.

        The interval is that of R. Brookmeyer and J. Crowley, *A confidence interval for the median survival
        time*, Biometrics 38, 1982. An end of it that lies beyond what was seen is None.
        """
        if not 0.0 < share < 1.0:
            raise InputError(f"share is {share}: give one between 0 and 1")

        def first(curve: Floats) -> float | None:
            below = np.flatnonzero(curve <= share + 1e-12)
            return float(self.times[below[0]]) if len(below) else None

        value = first(self.survival)
        reason = None
        if value is None:
            left = self.survival[-1] if len(self.survival) else 1.0
            reason = f"{left:.1%} are still there after {self.longest:g}, the longest time seen"
        return Interval(value=value, low=first(self.low), high=first(self.high), reason=reason)

    def mean_time(self, until: float) -> Interval:
        """Mean time with us within the first ``until`` (the restricted mean: the area under the curve)."""
        if until <= 0:
            raise InputError(f"until is {until}: give a time above 0")
        if until > self.longest:
            return _unknown(f"no customer was seen for longer than {self.longest:g}")
        k = int(np.searchsorted(self.times, until, side="left"))
        steps = np.concatenate([[0.0], self.times[:k], [until]])
        areas = np.concatenate([[1.0], self.survival[:k]]) * np.diff(steps)
        after = areas.sum() - np.cumsum(areas)[:k]  # area to the right of each loss
        n, d = self.at_risk[:k].astype(np.float64), self.lost[:k]
        greenwood = np.where(n > d, d / (n * np.maximum(n - d, 1.0)), 0.0)
        half = _Z * float(np.sqrt(np.sum(after**2 * greenwood)))
        mean = float(areas.sum())
        return Interval(value=mean, low=max(0.0, mean - half), high=min(until, mean + half))


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRank:
    """Whether groups leave at the same pace (N. Mantel, 1966); ``df`` is one less than the groups."""

    chi2: float
    df: int
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Churn:
    """The curve of all customers, those of the groups in order of size, and the test between them.

    ``log_rank`` is None where there are no two groups to compare, and ``reason`` says so.
    """

    overall: SurvivalCurve
    groups: tuple[SurvivalCurve, ...]
    log_rank: LogRank | None
    reason: str | None = None


def tenure_table(
    customers: ir.Table,
    *,
    observed_until: date,
    observed_from: date | None = None,
    joined_at: str = "joined_at",
    left_at: str = "left_at",
    group: str | None = None,
) -> ir.Table:
    """What :func:`churn_curves` takes, from a table of customers.

    Columns ``tenure``, ``lost``, ``entered`` and ``group``. Tenures are days from ``joined_at`` to
    ``left_at``, or to ``observed_until`` (the last day observed) for a customer who was still there then.
    Customers with no start, or one after that day, are left out; with ``observed_from`` (the first day
    observed) so are those gone by then, and the older ones come in late.
    """
    import ibis

    until = ibis.literal(observed_until)
    since = None if observed_from is None else ibis.literal(observed_from)
    days = customers.select(
        start=customers[joined_at].cast("date"),
        end=customers[left_at].cast("date"),
        group=customers[group] if group is not None else ibis.null("string"),
    ).filter(lambda t: t.start.notnull() & (t.start <= until))
    if since is not None:
        days = days.filter(lambda t: t.end.isnull() | (t.end > since))
    late = 0 if since is None else ibis.greatest(0, since.delta(days.start, unit="day"))
    lost = days.end.notnull() & (days.end <= until)
    return days.select(
        tenure=lost.ifelse(days.end, until).delta(days.start, unit="day"),
        lost=lost,
        entered=late,
        group=days.group,
    )


def churn_curves(
    tenure: npt.ArrayLike,
    lost: npt.ArrayLike,
    *,
    group: npt.ArrayLike | None = None,
    entered: npt.ArrayLike | None = None,
) -> Churn:
    """Survival curves of all customers and of each group.

    Args:
        tenure: ``(n,)``, time with us until the customer left or was last seen; any unit, 0 or more.
        lost: ``(n,)``, whether they left then; if not, they were still there.
        group: ``(n,)``, what to compare; customers without one (None or nan) are only in the overall curve.
        entered: ``(n,)``, time with us at which each was first seen; 0 for all if left out.

    Raises:
        InputError: columns of different lengths, missing or negative tenures, or nobody seen at all.
        FitError: with ``entered``, everybody seen early has left before others come in, so that no curve
            leads from the former to the latter.
    """
    times = np.asarray(tenure, dtype=np.float64)
    left = np.asarray(lost).astype(bool)
    start = None if entered is None else np.asarray(entered, dtype=np.float64)
    labels = None if group is None else np.asarray(group, dtype=object)
    columns = [times, left, *(c for c in (start, labels) if c is not None)]
    if len({c.shape for c in columns}) != 1 or times.ndim != 1:
        raise InputError("tenure, lost, group and entered need one length")
    if len(times) == 0 or not np.all(np.isfinite(times) & (times >= 0)):
        raise InputError("no tenures, or some are missing or negative: leave such customers out")
    if start is not None:
        if not np.all((start >= 0) & (start <= times)):
            raise InputError("entered is missing, negative or after the tenure: leave such customers out")
        start = np.where(start > 0, start, -1.0)  # statsmodels has nobody at risk at their entry itself
    overall = _curve(times, left, start, None)
    if labels is None:
        return Churn(overall=overall, groups=(), log_rank=None, reason="no groups were given")
    code, names = _by_size(labels)
    curves = tuple(
        _curve(times[code == i], left[code == i], None if start is None else start[code == i], name)
        for i, name in enumerate(names)
    )
    log_rank, reason = _log_rank(times, left, start, code)
    return Churn(overall=overall, groups=curves, log_rank=log_rank, reason=reason)


def _by_size(labels: npt.NDArray[np.object_]) -> tuple[Ints, list[Any]]:
    """The number ``(n,)`` of each customer's group, the largest group being 0; -1 where it is missing."""
    import pandas as pd

    code, names = pd.factorize(labels)
    order = np.argsort(-np.bincount(code[code >= 0], minlength=len(names)), kind="stable")
    rank = np.append(np.argsort(order), -1)
    return rank[code], [names[i] for i in order]


def _curve(times: Floats, left: npt.NDArray[np.bool_], start: Floats | None, group: Any) -> SurvivalCurve:
    from statsmodels.duration.survfunc import SurvfuncRight

    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # Greenwood's variance where everybody at risk leaves
        fit = SurvfuncRight(times, left.astype(np.int64), entry=start)
    kept = fit.n_events > 0
    survival, deviation = fit.surv_prob[kept], fit.surv_prob_se[kept]
    gone = np.flatnonzero(survival <= 0.0)
    if len(gone) and gone[0] < len(survival) - 1:
        at = fit.surv_times[kept][gone[0]]
        raise FitError(
            f"everybody seen by {at:g} had left, and others come in later: leave the early ones out"
        )
    low, high = _log_log_interval(survival, deviation)
    return SurvivalCurve(
        group=group,
        n_customers=len(times),
        n_lost=int(left.sum()),
        times=np.asarray(fit.surv_times[kept], dtype=np.float64),
        at_risk=np.asarray(fit.n_risk[kept], dtype=np.int64),
        lost=np.asarray(fit.n_events[kept], dtype=np.int64),
        survival=np.asarray(survival),
        low=low,
        high=high,
        longest=float(times.max()),
    )


def _log_log_interval(survival: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """Pointwise 95 % interval; where nobody is left, from 0 up to the bound of the step before."""
    low, high = np.zeros_like(survival), np.ones_like(survival)
    some = survival > 0.0
    log_s = np.log(survival[some])
    half = _Z * deviation[some] / (survival[some] * -log_s)
    low[some] = np.exp(log_s * np.exp(half))
    high[some] = np.exp(log_s * np.exp(-half))
    if not np.all(some) and len(survival) > 1:
        high[~some] = high[some][-1]
    return low, high


def _log_rank(
    times: Floats, left: npt.NDArray[np.bool_], start: Floats | None, code: Ints
) -> tuple[LogRank | None, str | None]:
    from statsmodels.duration.survfunc import survdiff

    grouped = code >= 0
    n_groups = len(np.unique(code[grouped]))
    if n_groups < 2:
        return None, "fewer than two groups"
    if not np.any(left[grouped]):
        return None, "no customer of any group was lost"
    entry = None if start is None else start[grouped]
    chi2, p_value = survdiff(times[grouped], left[grouped].astype(np.int64), code[grouped], entry=entry)
    return LogRank(chi2=float(chi2), df=n_groups - 1, p_value=float(p_value)), None


def _unknown(reason: str) -> Interval:
    return Interval(value=None, low=None, high=None, reason=reason)
