"""Does the agreement change over time? By period for the eye, and two trends with a test each.

- *gap*: answered minus estimated (for a sentiment figure, what a straight line through it leaves of the
  answer), regressed on time;
- *rank*: the answer's rank regressed on the predictor's, on time and on their product; the product's
  coefficient says how the rank correlation changes.

Errors are robust to customers who answer more than once (K.-Y. Liang and S. Zeger, 1986); the two
p-values are corrected by Holm's method (S. Holm, 1979). A straight trend also shows a jump, only less
sharply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sentiment.correlation import coefficients as c
from sentiment.correlation.bootstrap import Resampling, figures
from sentiment.correlation.values import Drift, Figure, Period, Trend

if TYPE_CHECKING:
    import pandas as pd

    from sentiment.correlation.agreement import Pairs

__all__ = ["drift"]

Floats = npt.NDArray[np.float64]

_LEAST, _LEAST_DAYS, _PER_PERIOD, _LONG_DAYS = 50, 14.0, 10, 120.0


def drift(pairs: Pairs, resampling: Resampling, timezone: str) -> Drift:
    """Agreement by week (by month where over 120 days are seen), and how it changes from first to last."""
    import pandas as pd

    started = pd.to_datetime(pairs.frame["started_at"], utc=True)
    known = started.notna().to_numpy()
    if not known.any():
        return Drift(period="week", periods=(), trends=(), reason="the calls do not say when they began")
    days = (started - started.min()).dt.total_seconds().to_numpy() / 86_400.0
    span = float(np.nanmax(days))
    period = "month" if span > _LONG_DAYS else "week"
    gap = _gap(pairs)
    periods = _periods(pairs, started, gap, period, timezone, resampling)
    n, n_customers = int(known.sum()), len(np.unique(pairs.cluster[known]))
    if n < _LEAST or span < _LEAST_DAYS or n_customers < resampling.least_clusters:
        return Drift(
            period=period, periods=periods, trends=(),
            reason=f"{n} answers over {span:.0f} days are too few to tell a trend: "
            f"at least {_LEAST} over {_LEAST_DAYS:.0f} days",
        )  # fmt: skip
    trends = _trends(pairs, gap, days / span, known)
    if not trends:
        return Drift(
            period=period, periods=periods, trends=(), reason="one side does not vary, or only with time"
        )
    return Drift(period=period, periods=periods, trends=trends)


def _gap(pairs: Pairs) -> Floats:
    if pairs.same_scale:
        return pairs.y - pairs.x
    spread = pairs.x.var()
    slope = np.cov(pairs.x, pairs.y, bias=True)[0, 1] / spread if spread > 0 else 0.0
    rest: Floats = pairs.y - pairs.y.mean() - slope * (pairs.x - pairs.x.mean())
    return rest


def _periods(
    pairs: Pairs, started: pd.Series, gap: Floats, period: str, timezone: str, resampling: Resampling
) -> tuple[Period, ...]:
    local = started.dt.tz_convert(timezone).dt.tz_localize(None)
    begins = local.dt.to_period("M" if period == "month" else "W-SUN").dt.start_time.dt.strftime("%Y-%m-%d")
    found = []
    for start in sorted(set(begins.dropna())):
        inside = (begins == start).to_numpy()
        x, y, g = c.sort(pairs.x[inside]), c.sort(pairs.y[inside]), gap[inside]
        n = int(inside.sum())
        cluster = np.unique(pairs.cluster[inside], return_inverse=True)[1]
        if n < _PER_PERIOD:
            few = Figure(
                None, n=n, n_customers=int(cluster.max()) + 1, reason=f"fewer than {_PER_PERIOD} answers"
            )
            found.append(Period(starts=start, n=n, gap=few, spearman=few))
            continue
        two = figures(
            {"gap": lambda w, g=g: c.mean(g, w), "rho": lambda w, x=x, y=y: c.spearman(x, y, w)},  # type: ignore[misc]
            cluster, resampling,
        )  # fmt: skip
        found.append(Period(starts=start, n=n, gap=two["gap"], spearman=two["rho"]))
    return tuple(found)


def _trends(pairs: Pairs, gap: Floats, time: Floats, known: npt.NDArray[np.bool_]) -> tuple[Trend, ...]:
    from scipy.stats import rankdata
    from statsmodels.stats.multitest import multipletests

    x, y = rankdata(pairs.x[known]), rankdata(pairs.y[known])
    if x.std() == 0 or y.std() == 0:
        return ()
    t = time[known] - time[known].mean()
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    ones = np.ones(len(t))
    changes = {
        "gap": _coefficient(np.column_stack([t, ones]), gap[known], pairs.cluster[known]),
        "rank": _coefficient(np.column_stack([x * t, x, t, ones]), y, pairs.cluster[known]),
    }
    told = {name: figure for name, figure in changes.items() if figure is not None}
    if not told:
        return ()
    adjusted = multipletests([f.p_value for f in told.values()], method="holm")[1]
    return tuple(
        Trend(name=name, change=figure, p_adjusted=float(p))
        for (name, figure), p in zip(told.items(), adjusted, strict=True)
    )


def _coefficient(columns: Floats, y: Floats, cluster: npt.NDArray[np.int64]) -> Figure | None:
    """The first column's coefficient, cluster-robust; None where the others say the same as it."""
    import statsmodels.api as sm

    if np.linalg.matrix_rank(columns) < columns.shape[1]:  # the predictor itself only follows time
        return None

    fit = sm.OLS(y, columns).fit(cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True)
    low, high = fit.conf_int()[0]
    return Figure(
        float(fit.params[0]), float(low), float(high), n=len(y), n_customers=len(np.unique(cluster)),
        p_value=float(fit.pvalues[0]),
    )  # fmt: skip
