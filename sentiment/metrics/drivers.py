"""Drivers of an outcome such as CSAT: what goes with it when everything else is held constant.

One model over all drivers at once, not a list of correlations: long calls get poor ratings, but perhaps only
since hard issues make long calls. Each driver has

- its *effect*, standardised, with a 95 % interval robust to unequal variance and to customers who
  answer more than once (clusters; K.-Y. Liang and S. Zeger, 1986);
- its *share* of the variance that the drivers explain together (:mod:`sentiment.metrics.importance`);
  a driver without an effect still gets a part of the share of those it goes with: read both;
- its variance inflation (VIF): by what factor its variance is larger for being like the others;
- its association taken *alone*, over all and within groups, and whether its sign turns (E. Simpson, 1951).

Where a group (queue, team) is named, each driver enters as its difference from the group's mean, and the
means stand beside it (Y. Mundlak, *On the pooling of time series and cross section data*, Econometrica
46, 1978): effects are then within groups, for any number. An effect is an association, not proof of a cause.

Missing values: a driver that is missing in more than ``max_missing`` of the rows with an outcome is left out
and listed; of the rest, rows with all values are used. Both counts are reported. If whether a value is
missing has to do with the outcome, that is not enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from sentiment.errors import FitError, InputError
from sentiment.metrics.driver_design import Design, build_design, spanning, usable_drivers
from sentiment.metrics.importance import r_squared, r_squared_shares, variance_inflation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

__all__ = ["Driver", "DriverOptions", "Drivers", "Effect", "find_drivers"]

Floats = npt.NDArray[np.float64]

_MIN_CLUSTERS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverOptions:
    """How drivers are found.

    Args:
        model: ``linear`` (least squares; effects in standard deviations of the outcome) or ``ordinal``
            (proportional odds: P. McCullagh, 1980; effects in log odds of a higher answer), for outcomes of
            a few levels. Shares are of the linear model's variance in both.
        max_missing: a driver missing in a larger share of the rows is left out.
        rows_per_term: fewest rows for each column of the model.
    """

    model: Literal["linear", "ordinal"] = "linear"
    max_missing: float = 0.2
    rows_per_term: int = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A change of the outcome for one standard deviation more of a driver, with its 95 % interval."""

    value: float
    low: float
    high: float
    p_value: float

    @property
    def sign(self) -> int:
        """-1 or 1 where the interval leaves out 0, else 0."""
        return (self.low > 0.0) - (self.high < 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Driver:
    """One driver.

    Attributes:
        effect: with all other drivers, controls and groups held constant.
        per_unit: the same for one unit of the driver, in units of the outcome (log odds if ordinal).
        q_value: the p-value, corrected for the number of drivers (Y. Benjamini and Y. Hochberg, 1995).
        share: share in [0, 1] of what all drivers explain together; they add up to 1.
        vif: variance inflation, 1 or more; above 5 the effect is hard to tell from that of others.
        sd: one standard deviation of the driver, in its own unit.
        alone: the driver's linear association with the outcome, nothing held constant.
        within: the same within groups; None without groups.
        sign_turns: where ``alone`` and the effect differ in sign, both surely: ``within groups`` if
            the groups alone turn it (Simpson's paradox), else ``with others held constant``.
    """

    name: str
    effect: Effect
    per_unit: float
    q_value: float
    share: float
    vif: float
    sd: float
    alone: Effect
    within: Effect | None
    sign_turns: Literal["within groups", "with others held constant"] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drivers:
    """The drivers of an outcome, the one with the largest share first.

    Attributes:
        n_rows, n_clusters: rows used, and customers (or rows, without clusters) they come from.
        n_without_outcome, n_incomplete: rows left out for a missing outcome; for another missing value.
        r_squared: share of the outcome's variance that the whole linear model explains.
        r_squared_drivers: what the drivers explain of what controls and group means leave.
        left_out: drivers that could not be judged, and why.
    """

    outcome: str
    model: str
    drivers: tuple[Driver, ...]
    n_rows: int
    n_clusters: int
    n_without_outcome: int
    n_incomplete: int
    r_squared: float
    r_squared_drivers: float
    left_out: Mapping[str, str] = field(default_factory=dict)


def find_drivers(
    table: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    *,
    customer: str | None = "customer_id",
    group: str | None = None,
    controls: Sequence[str] = (),
    options: DriverOptions = DriverOptions(),
) -> Drivers:
    """What goes with ``outcome``, over the contacts in ``table``.

    Args:
        table: a row for each contact; outcome and drivers are numbers or yes/no, controls may be text.
        outcome: the column to explain.
        drivers: the columns that may explain it.
        customer: rows of one customer are not independent; None if there is one row for each. A row
            whose customer is missing counts as one of its own.
        group: column within whose groups effects are taken, and sign changes looked for.
        controls: columns held constant but not judged; text becomes a yes/no column for each value.

    Raises:
        InputError: a column is missing or not of numbers, or drivers say the same.
        FitError: too few rows or customers, an outcome that does not vary or (ordinal) has too many
            levels, or no convergence.
    """
    columns = [outcome, *drivers, *controls, *(c for c in (customer, group) if c is not None)]
    if missing := [c for c in columns if c not in table.columns]:
        raise InputError(
            f"the table has no column {missing[0]!r}: it has {', '.join(map(str, table.columns))}"
        )
    if len(set(columns)) < len(columns) or not drivers:
        raise InputError(
            "no drivers, or a column is named twice: each has one part, outcome, driver, control ..."
        )
    known = table[table[outcome].notna()]
    names, left_out = usable_drivers(known, drivers, options.max_missing)
    used = known.dropna(subset=[*names, *controls, *([group] if group else [])])
    left_out |= {n: f"it is always {used[n].iloc[0]:g}" for n in names if len(used) and used[n].nunique() < 2}
    design, flat = build_design(
        used, outcome, [n for n in names if n not in left_out], customer, group, controls
    )
    left_out |= dict.fromkeys(flat, f"it does not vary within any {group}")
    _check(design, options)
    fit = _fit_joint(design, options)
    return Drivers(
        outcome=outcome,
        model=options.model,
        drivers=_judge(design, fit, group is not None, options),
        n_rows=len(design.y),
        n_clusters=len(design.y) if design.cluster is None else int(design.cluster.max()) + 1,
        n_without_outcome=len(table) - len(known),
        n_incomplete=len(known) - len(used),
        r_squared=r_squared(np.column_stack([design.inner, design.rest]), design.y),
        r_squared_drivers=float(r_squared_shares(design.inner, design.rest, design.y).sum()),
        left_out=left_out,
    )


def _check(design: Design, options: DriverOptions) -> None:
    n, p = design.inner.shape
    terms = p + design.rest.shape[1]
    if p == 0:
        raise FitError(f"none of the drivers can be judged on the {n} complete rows")
    if n < options.rows_per_term * (terms + 1):
        raise FitError(
            f"{n} complete rows for a model of {terms} terms: at least {options.rows_per_term} for each"
        )
    n_clusters = n if design.cluster is None else int(design.cluster.max()) + 1
    if n_clusters < _MIN_CLUSTERS:
        raise FitError(f"{n_clusters} customers: at least {_MIN_CLUSTERS} are needed for intervals")
    if np.ptp(design.y) == 0:
        raise FitError(f"the outcome is always {design.y[0]:g}")
    values, vectors = np.linalg.eigh(np.corrcoef(design.inner, rowvar=False).reshape(p, p))
    if values[0] < 1e-10:
        same = [name for name, v in zip(design.names, vectors[:, 0], strict=True) if abs(v) > 1e-3]
        raise InputError(
            f"drivers {', '.join(same)} say the same, each follows from the rest: leave one of them out"
        )


# -- effects ---------------------------------------------------------------------------------------


def _least_squares(columns: Floats, y: Floats, cluster: npt.NDArray[np.int64] | None) -> Any:
    """Least squares with an intercept; HC3 intervals, or by cluster."""
    import statsmodels.api as sm

    model = sm.OLS(y, np.column_stack([columns, np.ones(len(y))]))
    if cluster is None:
        return model.fit(cov_type="HC3", use_t=True)
    return model.fit(cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True)


def _ordinal(columns: Floats, y: Floats, cluster: npt.NDArray[np.int64] | None) -> Any:
    """Proportional odds; robust intervals, by cluster where there are any."""
    import warnings

    from statsmodels.miscmodels.ordinal_model import OrderedModel
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, HessianInversionWarning

    if len(np.unique(y)) > 15:
        raise FitError(f"the outcome has {len(np.unique(y))} levels: use the linear model")
    robust: dict[str, Any] = {"cov_type": "HC0"}
    if cluster is not None:
        robust = {"cov_type": "cluster", "cov_kwds": {"groups": cluster}}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", HessianInversionWarning)
        try:
            return OrderedModel(y, columns, distr="logit").fit(method="bfgs", disp=False, **robust)
        except (ConvergenceWarning, HessianInversionWarning, np.linalg.LinAlgError) as error:
            raise FitError(
                "the ordinal model does not converge: try fewer drivers, or the linear model"
            ) from error


def _effect(fit: Any, i: int, scale: float = 1.0) -> Effect:
    low, high = fit.conf_int()[i]
    return Effect(
        value=float(fit.params[i]) / scale,
        low=float(low) / scale,
        high=float(high) / scale,
        p_value=float(fit.pvalues[i]),
    )


def _fit_joint(design: Design, options: DriverOptions) -> Any:
    fit = _least_squares if options.model == "linear" else _ordinal
    return fit(np.column_stack([design.inner, design.rest]), design.y, design.cluster)


def _judge(design: Design, fit: Any, grouped: bool, options: DriverOptions) -> tuple[Driver, ...]:
    from statsmodels.stats.multitest import multipletests

    y_sd = float(design.y.std(ddof=1))
    scale = y_sd if options.model == "linear" else 1.0
    effects = [_effect(fit, i, scale) for i in range(len(design.names))]
    q_values = multipletests([e.p_value for e in effects], method="fdr_bh")[1]
    shares = r_squared_shares(design.inner, design.rest, design.y)
    vif = variance_inflation(design.inner, design.rest)
    found = []
    for i, name in enumerate(design.names):
        alone = _effect(_least_squares(design.x[:, [i]], design.y, design.cluster), 0, y_sd)
        within = None
        if grouped and design.means is not None:
            both = np.column_stack([design.inner[:, i], spanning(design.means[:, [i]])])
            within = _effect(_least_squares(both, design.y, design.cluster), 0, y_sd)
        found.append(
            Driver(
                name=name,
                effect=effects[i],
                per_unit=effects[i].value * scale / float(design.sd[i]),
                q_value=float(q_values[i]),
                share=float(shares[i] / shares.sum()),
                vif=float(vif[i]),
                sd=float(design.sd[i]),
                alone=alone,
                within=within,
                sign_turns=_sign_turns(alone, within, effects[i]),
            )
        )
    return tuple(sorted(found, key=lambda d: -d.share))


def _sign_turns(
    alone: Effect, within: Effect | None, effect: Effect
) -> Literal["within groups", "with others held constant"] | None:
    if within is not None and alone.sign * within.sign == -1:
        return "within groups"
    return "with others held constant" if alone.sign * effect.sign == -1 else None
