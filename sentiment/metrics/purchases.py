"""What each customer bought, in one row for each: what models of purchases are fitted to.

frequency   days with a purchase after the first
recency     days from the first to the last purchase; 0 where there was one
age         days from the first purchase to the end of the observation (T in the papers)
value       mean value of a purchase day after the first; nan where there was none
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiment.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

__all__ = ["PurchaseHistory", "purchase_history", "purchase_history_table"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PurchaseHistory:
    """One row for each customer.

    Args:
        frequency, recency, age: ``(n,)``, days; as the module's text says.
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
    value: str | None = "amount",
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
        if name != "value" or columns.get("value", "amount") is not None
    }
    return PurchaseHistory(**numbers, customer_id=frame["customer_id"].to_numpy())
