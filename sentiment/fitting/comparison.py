"""Ways to estimate an answer, each measured on calls that it was not learned from.

Twice: by customer (each fifth of the customers is held out in turn, and what a way chooses for itself, rounds
of boosting and the strength of a ridge, it chooses within the other four: nested cross-validation), and by
time (the latest fifth of the calls is held out).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sentiment.correlation import coefficients as co
from sentiment.correlation.bootstrap import Resampling, figures
from sentiment.satisfaction.features import FEATURES
from sentiment.satisfaction.folds import folds_of
from sentiment.satisfaction.model import SatisfactionModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sentiment.correlation.figure import Figure
    from sentiment.fitting.samples import Progress, Sample
    from sentiment.satisfaction.learned import Answers, Learned

__all__ = ["OWN", "WAYS", "FitOptions", "Held", "compare", "new_model"]

Floats = NDArray[np.float64]

OWN = "own fit"
MEAN, LAST, SHIPPED, IN_LINE = "mean", "last quarter", "shipped", "shipped, in line"
WAYS = {
    MEAN: "the mean of the other answers",
    LAST: "a line on the customer's last-quarter sentiment",
    SHIPPED: "the shipped default as it is",
    IN_LINE: "the shipped default, brought in line with the answers",
    OWN: "the fit to these answers",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FitOptions:
    """How it is fitted and measured.

    Args:
        min_answers: an instrument with fewer is not fitted.
        n_folds: parts the customers are held out in.
        latest_share: how much of the calls is held out by time.
        n_bags: boosted models that are averaged.
        resampling: of the intervals, over customers.
    """

    min_answers: int = 10
    n_folds: int = 5
    latest_share: float = 0.2
    n_bags: int = 4
    resampling: Resampling = field(default_factory=Resampling)


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What was found on held-out calls.

    ``ways`` are figures of each way: ``mae``, ``spearman``, ``skill`` (1 - squared error / that of the mean),
    and of those that have a 90 % interval its ``coverage``. ``gains`` is by how much the own fit's mean
    absolute error is smaller than another way's. ``reason`` says why there is nothing.
    """

    name: str
    n: int
    n_customers: int
    ways: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    gains: Mapping[str, Figure] = field(default_factory=dict)
    reason: str | None = None


def new_model(sample: Sample, base: tuple[Learned, Answers], n_bags: int, size: int) -> SatisfactionModel:
    """What learns; with ``n_bags`` 0 it only brings the base in line."""
    n_parts = (sample.x.shape[1] - len(FEATURES)) // size
    return SatisfactionModel(
        scale=sample.scale,
        names=[f.name for f in FEATURES],
        rises=[f.rises for f in FEATURES],
        parts=(n_parts, size),
        base=base,
        n_bags=n_bags,
    )


def compare(
    sample: Sample, base: tuple[Learned, Answers], size: int, options: FitOptions, tell: Progress
) -> tuple[Held, Held]:
    """By customer, and by time."""
    n = len(sample.y)
    folds = folds_of(sample.customer, options.n_folds)
    splits = [folds == fold for fold in np.unique(folds)]
    if len(splits) < 2:
        by_customer = Held(name="customers", n=n, n_customers=1, reason="all answers are one customer's")
    else:
        by_customer = _held("customers", sample, base, splits, size, options, tell)
    late = _latest(sample.at, options.latest_share)
    if late is None:
        why = "fewer than half of the calls have a time, or all have the same"
        return by_customer, Held(name="time", n=0, n_customers=0, reason=why)
    if late.sum() < 5:
        return by_customer, Held(name="time", n=int(late.sum()), n_customers=0, reason="too few late calls")
    return by_customer, _held("time", sample, base, [late], size, options, tell)


def _latest(at: Floats, share: float) -> NDArray[np.bool_] | None:
    known = ~np.isnan(at)
    if known.mean() < 0.5 or np.ptp(at[known]) == 0:
        return None
    return known & (at > np.quantile(at[known], 1 - share))


def _held(
    name: str,
    sample: Sample,
    base: tuple[Learned, Answers],
    splits: list[NDArray[np.bool_]],
    size: int,
    options: FitOptions,
    tell: Progress,
) -> Held:
    n = len(sample.y)
    estimates = {way: np.full(n, np.nan) for way in WAYS}
    inside = {way: np.full(n, np.nan) for way in (SHIPPED, IN_LINE, OWN)}
    for done, test in enumerate(splits):
        tell(f"{sample.instrument}: measuring, by {name}", done / len(splits))
        train = ~test
        estimates[MEAN][test] = sample.y[train].mean()
        estimates[LAST][test] = _line(sample.last_quarter, sample.y, train, test)
        shipped = base[1].on(*sample.scale)
        model = new_model(sample, base, 0, size)
        part = _rows(sample, train)
        in_line = model.fit(part.x, part.y, groups=part.customer)
        own = new_model(sample, base, options.n_bags, size).fit(part.x, part.y, groups=part.customer)
        features = sample.x[test][:, : len(FEATURES)]
        parts = sample.x[test][:, len(FEATURES) :].astype(np.float32)
        scores = base[0].scores(base[0].values(features, parts), [f.name for f in FEATURES])
        estimates[SHIPPED][test] = shipped.expected(scores)
        estimates[IN_LINE][test] = in_line.predict(sample.x[test])
        estimates[OWN][test] = own.predict(sample.x[test])
        for way, (low, high) in (
            (SHIPPED, shipped.interval(scores)),
            (IN_LINE, in_line.predict_interval(sample.x[test])),
            (OWN, own.predict_interval(sample.x[test])),
        ):
            inside[way][test] = (low <= sample.y[test]) & (sample.y[test] <= high)
    seen = ~np.isnan(estimates[OWN])
    return _figures(
        name,
        sample,
        {way: e[seen] for way, e in estimates.items()},
        {way: held[seen] for way, held in inside.items()},
        seen,
        options,
    )


def _rows(sample: Sample, of: NDArray[np.bool_]) -> Sample:
    from dataclasses import replace

    return replace(
        sample,
        ids=tuple(np.array(sample.ids)[of]),
        x=sample.x[of],
        y=sample.y[of],
        last_quarter=sample.last_quarter[of],
        customer=sample.customer[of],
        at=sample.at[of],
    )


def _line(x: Floats, y: Floats, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> Floats:
    """Least squares; where x is unknown or does not vary, the mean."""
    use = train & ~np.isnan(x)
    mean = y[train].mean()
    if use.sum() < 3 or np.ptp(x[use]) == 0:
        return np.full(int(test.sum()), mean)
    slope, intercept = np.polyfit(x[use], y[use], 1)
    found: Floats = np.where(np.isnan(x[test]), mean, intercept + slope * x[test])
    return found


def _share(over: Floats, under: Floats) -> Floats:
    """NaN where the mean makes no error at all."""
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)


def _figures(
    name: str,
    sample: Sample,
    estimates: Mapping[str, Floats],
    inside: Mapping[str, Floats],
    seen: NDArray[np.bool_],
    options: FitOptions,
) -> Held:
    y = sample.y[seen]
    _, customer = np.unique(sample.customer[seen], return_inverse=True)
    target = co.sort(y)
    baseline = (estimates[MEAN] - y) ** 2

    def of(way: str) -> dict[str, Callable[[Floats], Floats]]:
        e = estimates[way]
        ranked, error, squared = co.sort(e), np.abs(e - y), (e - y) ** 2
        found: dict[str, Callable[[Floats], Floats]] = {
            "mae": lambda w: w @ error / w.sum(1),
            "skill": lambda w: 1 - _share(w @ squared, w @ baseline),
        }
        if np.ptp(e) > 0 and way != MEAN:
            found["spearman"] = lambda w: co.spearman(ranked, target, w)
        if way in inside:
            found["coverage"] = lambda w: w @ inside[way] / w.sum(1)
        return found

    def gain(way: str) -> Callable[[Floats], Floats]:
        better = np.abs(estimates[way] - y) - np.abs(estimates[OWN] - y)
        return lambda w: w @ better / w.sum(1)

    ways = {way: figures(of(way), customer, options.resampling) for way in WAYS}
    others = {way: gain(way) for way in WAYS if way != OWN}
    return Held(
        name=name,
        n=len(y),
        n_customers=int(customer.max()) + 1,
        ways=ways,
        gains=figures(others, customer, options.resampling),
    )
