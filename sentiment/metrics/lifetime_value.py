"""What a customer will still buy, and what that is worth: BG/NBD and Gamma-Gamma.

*BG/NBD* (P. Fader, B. Hardie and K. L. Lee, *"Counting your customers" the easy way*, Marketing Science 24,
2005): while active a customer buys at a rate λ ~ Gamma(r, α) and after each purchase leaves for good with
probability p ~ Beta(a, b). *Gamma-Gamma* (P. Fader and B. Hardie, *The Gamma-Gamma model of monetary
value*, 2013): a customer's purchases vary around a mean of their own, whatever their rate is.

Both are fitted by maximum likelihood to one row for each customer:

    frequency   days with a purchase after the first
    recency     days from the first to the last purchase; 0 where there was one
    age         days from the first purchase to the end of the observation (T in the papers)
    value       mean value of a purchase day after the first; nan where there was none

A contract that is paid until it is cancelled is not such a relationship: see :mod:`sentiment.metrics.churn`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from sentiment.errors import FitError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import ibis.expr.types as ir

__all__ = [
    "BgNbd",
    "GammaGamma",
    "PurchaseHistory",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "lifetime_value",
    "purchase_history",
    "purchase_history_table",
]

Floats = npt.NDArray[np.float64]

_MIN_REPEAT_BUYERS = 30
_LOG_BOUND = 14.0
"""A parameter beyond exp(±14) has run away: the data do not hold it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PurchaseHistory:
    """One row for each customer, as the module's text says.

    Args:
        frequency, recency, age: ``(n,)``, days; see the module's text.
        value: ``(n,)``, in currency; nan where ``frequency`` is 0. None where values are not known.
        customer_id: ``(n,)``, or None.

    Raises:
        InputError: lengths differ, a value is negative or not finite, recency exceeds age, or a customer with
            one purchase has a recency.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    value: Floats | None = None
    customer_id: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        x, t_x, age = self.frequency, self.recency, self.age
        given = [v for v in (x, t_x, age, self.value, self.customer_id) if v is not None]
        if len({v.shape for v in given}) != 1 or x.ndim != 1:
            raise InputError("a purchase history needs columns of one length")
        for name, v in (("frequency", x), ("recency", t_x), ("age", age)):
            if not np.all(np.isfinite(v) & (v >= 0)):
                raise InputError(
                    f"{name} of a purchase history is negative or missing: leave such customers out"
                )
        if np.any(t_x > age):
            raise InputError("a customer's last purchase is after the end of the observation")
        if np.any((t_x > 0) != (x > 0)):
            raise InputError("recency is above 0 for repeat buyers and 0 for all others")
        if self.value is not None and not np.all(self.value[x > 0] > 0):
            raise InputError("the value of a repeat buyer is not above 0: leave free orders and refunds out")


def purchase_history_table(
    orders: ir.Table,
    *,
    observed_until: date,
    customer: str = "customer_id",
    ordered_at: str = "ordered_at",
    value: str | None = "value",
) -> ir.Table:
    """The purchase history of each customer as a table expression, on any engine Ibis speaks to.

    Orders of one day are one purchase of their summed value, as in the papers. Orders after
    ``observed_until`` (the last day observed), and orders without customer or day, are left out. A
    customer whose days after the first sum to nothing has value null.
    """
    import ibis

    end = ibis.literal(observed_until)
    known = orders.filter(orders[customer].notnull(), orders[ordered_at].notnull())
    amount = known[value].cast("float64") if value is not None else ibis.null("float64")
    days = (
        known.select(customer_id=known[customer], day=known[ordered_at].cast("date"), amount=amount)
        .filter(lambda t: t.day <= end)
        .group_by("customer_id", "day")
        .aggregate(amount=lambda t: t.amount.sum())
        .mutate(first=lambda t: t.day.min().over(ibis.window(group_by="customer_id")))
    )
    return days.group_by("customer_id").aggregate(
        frequency=lambda t: t.count() - 1,
        recency=lambda t: t.day.max().delta(t.day.min(), unit="day"),
        age=lambda t: end.delta(t.day.min(), unit="day"),
        value=lambda t: t.amount.mean(where=t.day > t["first"]),
    )


def purchase_history(orders: ir.Table, *, observed_until: date, **columns: str | None) -> PurchaseHistory:
    """:func:`purchase_history_table`, computed; customers in order of their id."""
    table = purchase_history_table(orders, observed_until=observed_until, **columns)  # type: ignore[arg-type]
    frame = table.order_by("customer_id").to_pandas()
    numbers = {
        name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in ("frequency", "recency", "age", "value")
        if name != "value" or columns.get("value", "") is not None
    }
    return PurchaseHistory(**numbers, customer_id=frame["customer_id"].to_numpy())


# -- how often, and how long -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class BgNbd:
    """A fitted BG/NBD model: rates λ ~ Gamma(r, α) per day, leaving p ~ Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    n_customers: int

    def p_alive(self, history: PurchaseHistory) -> Floats:
        """Probability ``(n,)`` in [0, 1] that each customer is still active; 1 before a repeat purchase."""
        x, t_x, age = history.frequency, history.recency, history.age
        seen = np.maximum(x, 1.0)
        gone = (
            np.log(self.a)
            - np.log(self.b + seen - 1.0)
            + (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + t_x))
        )
        return np.where(x > 0, expit(-gone), 1.0)

    def expected_purchases(self, history: PurchaseHistory, days: float) -> Floats:
        """Expected number ``(n,)`` of each customer's purchases in the ``days`` to come (eq. 10)."""
        active = self._while_active(history.frequency, history.age, days)
        return np.asarray(active * self.p_alive(history))

    def expected_purchases_of_new(self, days: float) -> float:
        """Expected number of repeat purchases of a new customer in their first ``days`` (eq. 9)."""
        return float(self._while_active(np.zeros(1), np.zeros(1), days)[0])

    def _while_active(self, x: Floats, age: Floats, days: float) -> Floats:
        """Purchases ``(n,)`` of a customer who is active when the ``days`` begin.

        By Euler's transformation of the papers' 2F1, whose parameters then do not grow with ``x``:

            (a+b+x-1)/(a-1) · [1 - (1-z)^(a-1) · 2F1(a+b-1-r, a-1; a+b+x-1; z)],   z = days / (α + T + days)

        At a = 1 that is 0/0 with a smooth limit, taken from both sides of it.
        """
        if not days >= 0:
            raise InputError(f"{days} days: give 0 or more")
        z = days / (self.alpha + age + days)

        def at(a: float) -> Floats:
            c = a + self.b + x - 1.0
            rest = (1.0 - z) ** (a - 1.0) * hyp2f1(a + self.b - 1.0 - self.r, a - 1.0, c, z)
            return np.asarray(c / (a - 1.0) * (1.0 - rest))

        near = 1e-5
        return at(self.a) if abs(self.a - 1.0) > near else 0.5 * (at(1.0 - near) + at(1.0 + near))


def fit_bg_nbd(history: PurchaseHistory) -> BgNbd:
    """The BG/NBD model of greatest likelihood.

    Raises:
        FitError: fewer than 30 customers bought again, or the likelihood has no maximum that can be found:
            then these figures do not determine the model.
    """
    _enough_repeat_buyers(int(np.sum(history.frequency > 0)))
    scale = float(np.mean(history.age))  # the search is in mean ages, so that no unit matters
    rows = np.column_stack([history.frequency, history.recency / scale, history.age / scale])
    unique, counts = np.unique(rows, axis=0, return_counts=True)
    x, t_x, age = unique.T
    (r, alpha, a, b), log_likelihood = _maximise(
        lambda p: _bg_nbd_terms(p, x, t_x, age), counts.astype(np.float64), start=(1.0, 1.0, 1.0, 1.0)
    )
    # densities of purchase times are per scaled day: put the unit back
    log_likelihood -= float(np.log(scale) * history.frequency.sum())
    return BgNbd(
        r=r,
        alpha=alpha * scale,
        a=a,
        b=b,
        log_likelihood=log_likelihood,
        n_customers=len(history.frequency),
    )


def _bg_nbd_terms(p: Floats, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
    """Log likelihood ``(n,)`` of each row (eq. 6) and its gradient ``(n, 4)`` in r, α, a, b.

    L = Γ(r+x) α^r / Γ(r) · [B(a, b+x)/B(a, b) (α+T)^-(r+x) + {x > 0} B(a+1, b+x-1)/B(a, b) (α+t_x)^-(r+x)]
    """
    r, alpha, a, b = p
    again = x > 0
    before = np.maximum(x, 1.0) - 1.0
    stays = betaln(a, b + x) - (r + x) * np.log(alpha + age)
    leaves = np.where(again, betaln(a + 1.0, b + before) - (r + x) * np.log(alpha + t_x), -np.inf)
    both = np.logaddexp(stays, leaves)
    log_l = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b) + both
    w = np.exp(stays - both)  # share of the first of the two terms
    v = 1.0 - w
    whole = digamma(a + b)
    gradient = np.empty((len(x), 4))
    gradient[:, 0] = (
        digamma(r + x) - digamma(r) + np.log(alpha) - w * np.log(alpha + age) - v * np.log(alpha + t_x)
    )
    gradient[:, 1] = r / alpha - (r + x) * (w / (alpha + age) + v / (alpha + t_x))
    gradient[:, 2] = w * digamma(a) + v * digamma(a + 1.0) - digamma(a + b + x) - digamma(a) + whole
    gradient[:, 3] = w * digamma(b + x) + v * digamma(b + before) - digamma(a + b + x) - digamma(b) + whole
    return log_l, gradient


# -- how much --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class GammaGamma:
    """A fitted Gamma-Gamma model: values ~ Gamma(p, ν) with ν ~ Gamma(q, v), in the currency of the data.

    Attributes:
        frequency_value_r: Pearson's r of frequency and value over repeat buyers. The model takes it to be 0;
            far from it, the values are not those of the customers who go on buying.
    """

    p: float
    q: float
    v: float
    log_likelihood: float
    n_customers: int
    frequency_value_r: float

    def expected_value(self, history: PurchaseHistory) -> Floats:
        """Expected mean value ``(n,)`` of a purchase of each customer, all they have bought considered.

        Raises:
            InputError: the history has no values.
            FitError: q is not above 1, so a customer without repeat purchase has no finite mean.
        """
        x = history.frequency
        value = np.where(x > 0, _values(history), 0.0)
        if self.q <= 1.0 and np.any(x == 0):
            raise FitError(
                f"q is {self.q:.3g}: values spread so far that their mean is not finite; trim them"
            )
        return np.asarray(self.p * (self.v + x * value) / (self.p * x + self.q - 1.0))


def fit_gamma_gamma(history: PurchaseHistory) -> GammaGamma:
    """The Gamma-Gamma model of greatest likelihood, over customers who bought again.

    Raises:
        InputError: the history has no values.
        FitError: as :func:`fit_bg_nbd`.
    """
    again = history.frequency > 0
    _enough_repeat_buyers(int(again.sum()))
    x, m = history.frequency[again], _values(history)[again]
    scale = float(np.mean(m))

    def terms(parameters: Floats) -> tuple[Floats, Floats]:
        return _gamma_gamma_terms(parameters, x, m / scale)

    (p, q, v), log_likelihood = _maximise(terms, np.ones(len(x)), start=(1.0, 2.0, 1.0))
    spread = np.std(x) > 0 and np.std(m) > 0
    return GammaGamma(
        p=p,
        q=q,
        v=v * scale,
        log_likelihood=log_likelihood - float(np.log(scale) * len(m)),
        n_customers=len(x),
        frequency_value_r=float(np.corrcoef(x, m)[0, 1]) if spread else 0.0,
    )


def _gamma_gamma_terms(parameters: Floats, x: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Log likelihood ``(n,)`` (eq. 1a of the 2013 note) and its gradient ``(n, 3)`` in p, q, v."""
    p, q, v = parameters
    total = x * m + v
    log_l = (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(v)
        + (p * x - 1.0) * np.log(m)
        + p * x * np.log(x)
        - (p * x + q) * np.log(total)
    )
    d_both = digamma(p * x + q)
    gradient = np.column_stack(
        [
            x * (d_both - digamma(p * x) + np.log(m) + np.log(x) - np.log(total)),
            d_both - digamma(q) + np.log(v) - np.log(total),
            q / v - (p * x + q) / total,
        ]
    )
    return log_l, gradient


def _values(history: PurchaseHistory) -> Floats:
    if history.value is None:
        raise InputError("the purchase history has no values: name the orders' value column")
    return history.value


# -- what that is worth ----------------------------------------------------------------------------


def lifetime_value(
    history: PurchaseHistory,
    purchases: BgNbd,
    values: GammaGamma,
    *,
    periods: int = 12,
    period_days: float = 30.0,
    discount: float = 0.01,
    margin: float = 1.0,
) -> Floats:
    """Present value ``(n,)`` of each customer's purchases over the ``periods`` after the observation.

    Args:
        periods, period_days: how far it looks; a purchase counts as made at the end of its period.
        discount: discount of one period (0.01 a month is 12.7 % a year).
        margin: share of a purchase's value that is earned, in (0, 1].

    Raises:
        InputError: an argument is out of its range.
    """
    if periods < 1 or not period_days > 0 or not discount > -1 or not 0 < margin <= 1:
        raise InputError(
            "a lifetime value needs periods and days above 0, a discount above -1, a margin in (0, 1]"
        )
    bought = [purchases.expected_purchases(history, i * period_days) for i in range(periods + 1)]
    factors = (1.0 + discount) ** -np.arange(1.0, periods + 1.0)
    return np.asarray(margin * values.expected_value(history) * (factors @ np.diff(bought, axis=0)))


# -- greatest likelihood ---------------------------------------------------------------------------


def _enough_repeat_buyers(n: int) -> None:
    if n < _MIN_REPEAT_BUYERS:
        raise FitError(f"{n} customers bought again: at least {_MIN_REPEAT_BUYERS} are needed to fit a model")


def _maximise(
    terms: Callable[[Floats], tuple[Floats, Floats]], weights: Floats, *, start: tuple[float, ...]
) -> tuple[tuple[float, ...], float]:
    """Positive parameters of greatest weighted likelihood, and its logarithm; sought in log space."""
    n = float(weights.sum())

    def loss(log_p: Floats) -> tuple[float, Floats]:
        p = np.exp(log_p)
        values, gradient = terms(p)
        return -float(weights @ values) / n, -(weights @ gradient) * p / n

    first = np.log(np.array(start))
    bounds = [(-_LOG_BOUND, _LOG_BOUND)] * len(start)
    tight = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2_000}
    best = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options=tight)
    slope = float(np.max(np.abs(loss(best.x)[1])))
    if not np.isfinite(best.fun) or slope > 1e-5 or np.any(np.abs(best.x) > _LOG_BOUND - 0.1):
        raise FitError(
            "no maximum of the likelihood could be found: the customers do not differ as the model needs, "
            "or are too few; give more customers or a longer time"
        )
    _check_curvature(loss, best.x)
    return tuple(float(v) for v in np.exp(best.x)), -float(best.fun) * n


def _check_curvature(loss: Callable[[Floats], tuple[float, Floats]], at: Floats, step: float = 1e-4) -> None:
    """That the point is a peak and not a ridge: the Hessian there is positive definite."""
    hessian = np.array(
        [(loss(at + step * e)[1] - loss(at - step * e)[1]) / (2.0 * step) for e in np.eye(len(at))]
    )
    if np.linalg.eigvalsh(0.5 * (hessian + hessian.T))[0] <= 1e-7:
        raise FitError(
            "the likelihood is flat at its maximum: other parameters fit these customers as well; "
            "give more customers or a longer time"
        )
