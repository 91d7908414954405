"""Purchase histories: orders become one row for each customer, and a history that cannot be is an error."""

from __future__ import annotations

import math
from datetime import date, datetime

import ibis
import numpy as np
import pandas as pd
import pytest

from sentiment.errors import InputError
from sentiment.metrics.purchases import PurchaseHistory, purchase_history


def test_orders_become_histories():
    orders = ibis.memtable(
        pd.DataFrame(
            [
                ("a", datetime(2026, 1, 1, 9), 10.0),
                ("a", datetime(2026, 1, 1, 23), 5.0),
                ("a", datetime(2026, 1, 4, 1), 20.0),
                ("a", datetime(2026, 1, 11, 12), 10.0),
                ("a", datetime(2026, 1, 11, 13), 30.0),
                ("a", datetime(2026, 2, 1, 0), 999.0),
                ("b", datetime(2026, 1, 21), 7.0),
                (None, datetime(2026, 1, 21), 7.0),
            ],
            columns=["who", "at", "paid"],
        )
    )
    columns = {"customer": "who", "ordered_at": "at"}
    h = purchase_history(orders, observed_until=date(2026, 1, 31), value="paid", **columns)
    assert h.customer_id.tolist() == ["a", "b"]
    assert h.frequency.tolist() == [2, 0]
    assert h.recency.tolist() == [10, 0]
    assert h.age.tolist() == [30, 10]
    assert h.value[0] == pytest.approx(30.0)  # 20 and 40
    assert math.isnan(h.value[1])
    assert purchase_history(orders, observed_until=date(2026, 1, 31), value=None, **columns).value is None


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (([1, 2], [1], [9, 9]), "one length"),
        (([1], [10], [9]), "after the end"),
        (([0], [1], [9]), "repeat buyers"),
        (([1], [math.nan], [9]), "recency"),
        (([-1], [1], [9]), "frequency"),
        (([1], [1], [9], [0.0]), "not above 0"),
    ],
)
def test_a_history_that_cannot_be_says_so(columns, says):
    with pytest.raises(InputError, match=says):
        PurchaseHistory(
            **{
                name: np.array(column, dtype=float)
                for name, column in zip(("frequency", "recency", "age", "value"), columns, strict=False)
            }
        )
