"""What a customer will still buy, and what that is worth: BG/NBD and Gamma-Gamma.

*BG/NBD* (P. Fader, B. Hardie and K. L. Lee, *"Counting your customers" the easy way*, Marketing Science 24,
2005): while active a customer buys at a rate λ ~ Gamma(r, α) and after each purchase leaves for good with
probability p ~ Beta(a, b). *Gamma-Gamma* (P. Fader and B. Hardie, *The Gamma-Gamma model of monetary
value*, 2013): a customer's purchases vary around a mean of their own, whatever their rate is.

Both are fitted by maximum likelihood to one row for each customer (:mod:`sentiment.metrics.purchases`).

A contract that is paid until it is cancelled is not such a relationship: see :mod:`sentiment.metrics.churn`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln

from sentiment.errors import FitError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentiment.metrics.purchases import PurchaseHistory

__all__ = [
    "BgNbd",
    "GammaGamma",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "lifetime_value",
]

Floats = npt.NDArray[np.float64]

_MIN_REPEAT_BUYERS = 30
_LOG_BOUND = 14.0
"""A parameter beyond exp(±14) has run away: the data do not hold it."""


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

        The papers have a closed form with 2F1; scipy's overflows for many purchases, and the form is 0/0 at
        a = 1. Here it is the mean it stands for, of (1 - exp(-λ p t)) / p over λ ~ Gamma(r+x, α+T), which is
        done by hand, and p ~ Beta(a, b+x), which is summed.
        """
        if not days >= 0:
            raise InputError(f"{days} days: give 0 or more")
        pairs, row = np.unique(np.column_stack([x, age]), axis=0, return_inverse=True)
        bought = np.empty(len(pairs))
        for count in np.unique(pairs[:, 0]):
            mine = pairs[:, 0] == count
            p, weight = _beta_nodes(self.a, self.b + count)
            per_rate = days / (self.alpha + pairs[mine, 1])
            bought[mine] = -np.expm1(-(self.r + count) * np.log1p(per_rate[:, None] * p)) @ (weight / p)
        return bought[row.ravel()]


def _beta_nodes(a: float, b: float, step: float = 0.2) -> tuple[Floats, Floats]:
    """Nodes and weights of Beta(a, b): the trapezoidal rule in logit p, which converges exponentially.

    The tails left out hold less than 1e-13; for an ``a`` so small that more lies below exp(-600), that is
    counted at the first node, since p as small is as good as 0.
    """
    low = max(-600.0, (np.log(1e-13) + np.log(a) + betaln(a, b)) / a)
    high = np.log(np.expm1(40.0 / b)) if b > 0.1 else 40.0 / b
    y = np.arange(min(low, high - 1.0), high + step, step)
    log_p, log_rest = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
    weight = step * np.exp(a * log_p + b * log_rest - betaln(a, b))
    weight[0] += max(0.0, 1.0 - weight.sum())
    return np.exp(log_p), weight


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
