"""Statistics whose groups do not add up: rates in time, peaks, quantiles. Each is a query of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import ibis
import numpy as np

from sentiment.metrics import intervals
from sentiment.metrics.intervals import Array, Interval
from sentiment.metrics.statistics import (
    A_COUNT,
    Estimates,
    Expression,
    Statistic,
    divide,
    estimates,
    restriction,
    rows_among,
    said_where,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Peak", "Quantile", "Rate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate(Statistic):
    """Rows in a second of the group's period: of the whole span of time where there is no period.

    Groups share their seconds, so the engine counts a total anew. It gives the part ``seconds``.
    """

    additive: ClassVar[bool] = False

    def grouped(self, table: Any, keys: Sequence[str], bind: Callable[[Expression], Any], z: float) -> Any:
        return _aggregate(table, keys, n=rows_among(table, bind, self.among).of)

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n, seconds = parts["n"], parts["seconds"]
        nothing = np.full_like(n, np.nan)
        return estimates(
            value=divide(n, seconds), numerator=n, denominator=seconds, n=n, missing=np.zeros_like(n),
            ends=Interval(nothing, nothing), no_interval=said_where(n >= 0, A_COUNT),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak(Statistic):
    """Most rows in any one second. Seconds are counted anew for a total: groups' peaks do not add up."""

    additive: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    of: Expression
    """The time of a row."""

    def grouped(self, table: Any, keys: Sequence[str], bind: Callable[[Expression], Any], z: float) -> Any:
        where = restriction(bind, self.among)
        rows = table if where is None else table.filter(where)
        each = rows.group_by([rows[k] for k in keys] + [bind(self.of).truncate("s").name("__second")])
        seconds = each.aggregate(__n=ibis._.count())
        return _aggregate(seconds, keys, n=seconds["__n"].sum(), peak=seconds["__n"].max())

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n = parts["n"]
        nothing = np.full_like(n, np.nan)
        return estimates(
            value=np.where(n > 0, parts["peak"], np.nan), numerator=parts["peak"], denominator=nothing, n=n,
            missing=np.zeros_like(n), ends=Interval(nothing, nothing),
            no_interval=said_where(n >= 0, A_COUNT),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantile(Statistic):
    """The ``level`` quantile of ``of`` times ``scale``, interpolated between order statistics.

    The engine ranks the rows for it: exact, and computed anew for a total, since quantiles do not add up.
    Interpolation is the usual one (Hyndman & Fan's type 7, that of numpy and ``percentile_cont``).
    """

    additive: ClassVar[bool] = False

    of: Expression
    level: float
    scale: float = 1.0

    def grouped(self, table: Any, keys: Sequence[str], bind: Callable[[Expression], Any], z: float) -> Any:
        where = restriction(bind, self.among)
        rows = table.mutate(__value=bind(self.of).cast("float64"))
        if where is not None:
            rows = rows.filter(where)
        rows = rows.select(*keys, "__value")
        by_key = ibis.window(group_by=[rows[k] for k in keys])
        in_order = ibis.window(
            group_by=[rows[k] for k in keys], order_by=rows["__value"].asc(nulls_first=False)
        )
        ranked = rows.mutate(
            __rank=ibis.row_number().over(in_order) + 1, __n=rows["__value"].count().over(by_key)
        )
        n, rank = ranked["__n"].cast("float64"), ranked["__rank"].cast("float64")
        at, reach = (n - 1) * self.level + 1, z * (n * self.level * (1 - self.level)).sqrt()
        places = {
            "below": at.floor(),
            "above": ibis.least(at.floor() + 1, n),
            "low": (n * self.level - reach).floor(),
            "high": (n * self.level + reach).ceil() + 1,
        }
        return _aggregate(
            ranked,
            keys,
            rows=ranked.count(),
            n=ranked["__value"].count(),
            **{name: ranked["__value"].max(where=rank == place) for name, place in places.items()},
        )

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n = parts["n"]
        weight = (n - 1) * self.level % 1
        value = self.scale * (parts["below"] + weight * (parts["above"] - parts["below"]))
        wider = z / intervals.z_of(intervals.LEVEL)
        low = value - (value - self.scale * parts["low"]) * wider
        high = value + (self.scale * parts["high"] - value) * wider
        few = np.isnan(parts["low"]) | np.isnan(parts["high"])
        return estimates(
            value=np.where(n > 0, value, np.nan), numerator=np.full_like(n, np.nan), denominator=n, n=n,
            missing=parts["rows"] - n, ends=Interval(low, high),
            no_interval=said_where(few, "too few rows to bound this quantile"),
        )  # fmt: skip


def _aggregate(table: Any, keys: Sequence[str], **columns: Any) -> Any:
    return table.group_by(list(keys)).aggregate(**columns) if keys else table.aggregate(**columns)
