"""The few kinds of statistic that every metric is one of, each made of sums that add up.

A statistic is written with Ibis expressions of a table's columns (``_.talk_ms + _.hold_ms``) and does
two things: it names the *parts* it needs of a group of rows (counts and sums, which the engine asks
for in one query together with those of all other metrics) and it *finishes* them, for all groups at
once, into values, numerators, denominators and intervals. The parts of groups add up to those of
their total, so that a total is never an average of averages.

A row whose value is unknown (null) is counted in ``missing`` and in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import ibis
import numpy as np

from sentiment.metrics import intervals
from sentiment.metrics.intervals import Array, Interval, Moments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Count",
    "Estimates",
    "Mean",
    "NetShare",
    "Part",
    "Ratio",
    "ScaleMean",
    "Share",
    "Statistic",
    "divide",
    "estimates",
    "restriction",
    "rows_among",
    "said_where",
    "shown",
]

Expression = Any
"""An Ibis expression of columns, deferred until it meets a table: ``ibis._.answered``."""

Bind = "Callable[[Expression], Any]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One figure of a group of rows that pools over groups: ``sum`` adds, ``min`` and ``max`` compare."""

    of: Any
    pool: Literal["sum", "min", "max"] = "sum"


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimates:
    """A statistic of every group: arrays with an entry for each; NaN where there is none.

    ``undefined`` and ``no_interval`` say why a value or an interval is missing (None where it is not).
    """

    value: Array
    numerator: Array
    denominator: Array
    n: Array
    missing: Array
    low: Array
    high: Array
    undefined: Sequence[str | None]
    no_interval: Sequence[str | None]


Parts = "Mapping[str, Array]"

EMPTY = "no rows to count: the denominator is 0"
ZERO_SUM = "the denominator adds up to 0"
MIXED = "answers on different scales have no common mean; group by scale_max"
ONE_ROW = "one row says nothing about the spread"
A_COUNT = "a count of all there is, not an estimate"


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistic:
    """Base of the kinds below. ``among`` restricts the rows; all of them where it is left out."""

    additive: ClassVar[bool] = True
    """Whether the parts of groups add up to those of their total."""
    whole: ClassVar[bool] = False
    """Whether its values are whole numbers."""

    among: Expression = None

    def parts(self, table: Any, bind: Callable[[Expression], Any]) -> dict[str, Part]:
        """Aggregates of ``table`` by name; ``bind`` turns an expression into a column of it."""
        raise NotImplementedError

    def grouped(self, table: Any, keys: Sequence[str], bind: Callable[[Expression], Any], z: float) -> Any:
        """A query of its own for the parts by ``keys``, where they are not additive."""
        raise NotImplementedError

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        """Estimates from the parts, arrays with an entry for each group."""
        raise NotImplementedError

    def expressions(self) -> dict[str, Expression]:
        """Its expressions by the field they stand in, without those left out."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: e for name, e in named.items() if isinstance(e, ibis.Deferred)}


def among_rows(of: Any, where: Any) -> Any:
    """A column where a condition holds, null elsewhere.

    Sums and counts of it are what ``FILTER (WHERE ...)`` would give; DuckDB works them out quicker.
    """
    return of if where is None else ibis.ifelse(where, of, ibis.null(of.type()))


def count_where(table: Any, where: Any) -> Part:
    """The count of a table's rows for which a condition holds; of all if there is none."""
    return Part(of=table.count() if where is None else among_rows(ibis.literal(1), where).count())


def rows_among(table: Any, bind: Callable[[Expression], Any], among: Expression) -> Part:
    """The count of rows that a restriction lets through."""
    return count_where(table, restriction(bind, among))


def restriction(bind: Callable[[Expression], Any], among: Expression) -> Any:
    """The restriction as a condition of a table's rows; ``None`` if there is none."""
    return None if among is None else bind(among)


@dataclass(frozen=True, kw_only=True, slots=True)
class Share(Statistic):
    """Rows where ``of`` holds, as a percentage of all (known) ones."""

    of: Expression

    def parts(self, table: Any, bind: Callable[[Expression], Any]) -> dict[str, Part]:
        of, where = bind(self.of), restriction(bind, self.among)
        return {
            "rows": rows_among(table, bind, self.among),
            "n": Part(of=among_rows(of, where).count()),
            "events": count_where(table, of if where is None else where & of),
        }

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n, events = parts["n"], parts["events"]
        ends = intervals.of_proportion(events, n, z)
        return estimates(
            value=100 * divide(events, n), numerator=events, denominator=n, n=n,
            missing=parts["rows"] - n, ends=Interval(100 * ends.low, 100 * ends.high),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class NetShare(Statistic):
    """Percentage of rows where ``plus`` holds minus that where ``minus`` does; the two exclude each other."""

    plus: Expression
    minus: Expression

    def parts(self, table: Any, bind: Callable[[Expression], Any]) -> dict[str, Part]:
        plus, minus, where = bind(self.plus), bind(self.minus), restriction(bind, self.among)
        return {
            "rows": rows_among(table, bind, self.among),
            "n": Part(of=among_rows(plus, where).count()),
            "plus": count_where(table, plus if where is None else where & plus),
            "minus": count_where(table, minus if where is None else where & minus),
        }

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n, net, either = parts["n"], parts["plus"] - parts["minus"], parts["plus"] + parts["minus"]
        ones = np.ones_like(n)
        ends = intervals.of_score(n, net, either, low=-ones, high=ones, z=z)
        return estimates(
            value=100 * divide(net, n), numerator=net, denominator=n, n=n,
            missing=parts["rows"] - n, ends=Interval(100 * ends.low, 100 * ends.high),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleMean(Statistic):
    """Mean of ``of``, each row's value being on a scale from ``low`` to ``high`` (columns or numbers).

    Groups in which scales differ have no mean: 4 of 5 and 4 of 7 are not the same answer.
    """

    of: Expression
    low: Expression
    high: Expression

    def parts(self, table: Any, bind: Callable[[Expression], Any]) -> dict[str, Part]:
        of, where = bind(self.of).cast("float64"), restriction(bind, self.among)
        low, high = (
            of * 0 + end if isinstance(end, float) else bind(end).cast("float64")
            for end in (self.low, self.high)
        )
        return {
            "rows": rows_among(table, bind, self.among),
            "n": Part(of=among_rows(of, where).count()),
            "sum": Part(of=among_rows(of, where).sum()),
            "squares": Part(of=among_rows(of * of, where).sum()),
            "low": Part(of=low.min(where=where), pool="min"),
            "low_most": Part(of=low.max(where=where), pool="max"),
            "high": Part(of=high.max(where=where), pool="max"),
            "high_least": Part(of=high.min(where=where), pool="min"),
        }

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n, total = parts["n"], parts["sum"]
        mixed = (n > 0) & ((parts["low"] != parts["low_most"]) | (parts["high"] != parts["high_least"]))
        n_same = np.where(mixed, 0, n)
        ends = intervals.of_score(n_same, total, parts["squares"], low=parts["low"], high=parts["high"], z=z)
        return estimates(
            value=divide(total, n_same), numerator=total, denominator=n, n=n,
            missing=parts["rows"] - n, ends=ends,
            undefined=said_where(mixed, MIXED),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean(Statistic):
    """Mean of ``of`` over rows; the result is in ``of``'s unit times ``scale``."""

    of: Expression
    scale: float = 1.0

    def parts(self, table: Any, bind: Callable[[Expression], Any]) -> dict[str, Part]:
        of, where = bind(self.of), restriction(bind, self.among)
        real = of.cast("float64")  # whole numbers add up exactly to 2**53, in half the memory of big integers
        return {
            "rows": rows_among(table, bind, self.among),
            "n": Part(of=among_rows(of, where).count()),
            "sum": Part(of=among_rows(real, where).sum()),
            "squares": Part(of=among_rows(real * real, where).sum()),
            "cubes": Part(of=among_rows(real * real * real, where).sum()),
        }

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n, total = parts["n"], parts["sum"]
        low, high = intervals.of_mean(Moments(n, total, parts["squares"], parts["cubes"]), z)
        ends = Interval(low * self.scale, high * self.scale)
        return estimates(
            value=self.scale * divide(total, n), numerator=self.scale * total, denominator=n, n=n,
            missing=parts["rows"] - n, ends=ends, no_interval=said_where(n == 1, ONE_ROW),
        )  # fmt: skip


_PRODUCTS = ("y", "x", "yy", "xy", "xx", "yyy", "xyy", "xxy", "xxx")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio(Statistic):
    """Sum of ``of`` divided by sum of ``per``, times ``scale``: a ratio of sums, not a mean of ratios.

    Where ``dependent`` says why rows do not vary independently there is no interval.
    """

    of: Expression
    per: Expression
    scale: float = 1.0
    dependent: str | None = None

    def parts(self, table: Any, bind: Callable[[Expression], Any]) -> dict[str, Part]:
        y, x = bind(self.of), bind(self.per)
        known = y.notnull() & x.notnull()
        where = known if self.among is None else known & bind(self.among)
        columns = {"y": y.cast("float64"), "x": x.cast("float64")}
        parts = {"rows": rows_among(table, bind, self.among), "n": count_where(table, where)}
        for name in _PRODUCTS:
            product = columns[name[0]]
            for letter in name[1:]:
                product = product * columns[letter]
            parts[name] = Part(of=among_rows(product, where).sum())
        return parts

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n, y, x = parts["n"], parts["y"], parts["x"]
        low, high = intervals.of_ratio(n, {name: parts[name] for name in _PRODUCTS}, z)
        zero = (n > 0) & (x == 0)
        if self.dependent is not None:
            low, high = np.full_like(low, np.nan), np.full_like(high, np.nan)
        return estimates(
            value=self.scale * divide(y, x), numerator=y, denominator=x, n=n,
            missing=parts["rows"] - n, ends=Interval(self.scale * low, self.scale * high),
            undefined=said_where(zero, ZERO_SUM),
            no_interval=said_where(n == 1, ONE_ROW)
            if self.dependent is None
            else said_where(n >= 0, self.dependent),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Count(Statistic):
    """Number of rows."""

    whole: ClassVar[bool] = True

    def parts(self, table: Any, bind: Callable[[Expression], Any]) -> dict[str, Part]:
        return {"n": rows_among(table, bind, self.among)}

    def finish(self, parts: Mapping[str, Array], z: float | Array) -> Estimates:
        n = parts["n"]
        nothing = np.full_like(n, np.nan)
        return estimates(
            value=n, numerator=n, denominator=nothing, n=n, missing=np.zeros_like(n),
            ends=Interval(nothing, nothing), no_interval=said_where(n >= 0, A_COUNT),
        )  # fmt: skip


def shown(expression: Expression) -> str:
    """An expression as a reader writes it: ``talk_ms + hold_ms`` for ``(_.talk_ms + _.hold_ms)``."""
    text = repr(expression).replace("_.", "")
    return text[1:-1] if text.startswith("(") and _closes_at_end(text) else text


def _closes_at_end(text: str) -> bool:
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return i == len(text) - 1
    return False


def said_where(condition: NDArray[np.bool_], reason: str) -> NDArray[np.object_]:
    """The reason where the condition holds, None elsewhere."""
    reasons = np.full(condition.shape, None, dtype=object)
    reasons[condition] = reason
    return reasons


def _first_said(first: NDArray[np.object_], second: NDArray[np.object_]) -> NDArray[np.object_]:
    """The first reason, the second where there is none."""
    return np.array([a or b for a, b in zip(first, second, strict=True)], dtype=object)


def divide(numerator: Array, denominator: Array) -> Array:
    """The quotient, NaN where the denominator is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator != 0, numerator / denominator, np.nan)


def estimates(
    *,
    value: Array,
    numerator: Array,
    denominator: Array,
    n: Array,
    missing: Array,
    ends: Interval,
    undefined: NDArray[np.object_] | None = None,
    no_interval: NDArray[np.object_] | None = None,
) -> Estimates:
    """Estimates that say why where there is no value: an empty denominator if nothing else."""
    why = said_where(np.isnan(value), EMPTY)
    if undefined is not None:
        why = _first_said(undefined, why)
    has_interval = ~(np.isnan(ends.low) | np.isnan(ends.high) | np.isnan(value))
    why_not = said_where(~has_interval & ~np.isnan(value), "its spread cannot be computed")
    if no_interval is not None:
        why_not = _first_said(no_interval, why_not)
        why_not[np.isnan(value)] = None
    return Estimates(
        value=value, numerator=numerator, denominator=denominator, n=n, missing=missing,
        low=np.where(has_interval, ends.low, np.nan), high=np.where(has_interval, ends.high, np.nan),
        undefined=why.tolist(), no_interval=why_not.tolist(),
    )  # fmt: skip
