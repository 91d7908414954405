"""How sentiment, estimates and answers go with operational figures: handle time, waits, transfers,
resolution ...

A table of rank correlations, over all calls and within queues, corrected for the number of pairs; and
one model of drivers for each outcome (:mod:`sentiment.metrics.drivers`). Both say what goes together,
not what causes what.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiment.correlation.bootstrap import clusters
from sentiment.correlation.rank_links import rank_correlation, rank_correlation_within
from sentiment.correlation.values import Link, Operations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from sentiment.metrics.inputs import Input

__all__ = ["FIGURES", "OPERATIONS", "operations", "operations_table"]

OPERATIONS = {
    "handle_ms": "handle time",
    "wait_ms": "wait (speed of answer)",
    "hold_ms": "hold",
    "transfers": "transfers",
    "resolved_first": "resolved at first contact",
    "again_in_7_days": "called again within 7 days",
    "abandoned_that_day": "share abandoned in the queue that day",
    "left_in_90_days": "customer left within 90 days",
    "duration_ms": "length of the call",
}
"""Operational figures, in words."""

FIGURES = ("customer_polarity", "customer_polarity_q4", "customer_polarity_last", "customer_intensity")
"""Sentiment figures; estimates and answers join them."""

_DAY_MS = 86_400_000
_AGAIN_DAYS, _LEFT_DAYS, _LEAST_ROWS = 7, 90, 30


def operations_table(inputs: Mapping[str, Input], calls: pd.DataFrame) -> pd.DataFrame:
    """A row for each call with the operational figures there are, read while the tables are open."""
    import pandas as pd

    from sentiment.metrics.by_call import SUMS
    from sentiment.metrics.workspace import run

    found = pd.DataFrame({"call_id": calls["call_id"]})
    found["duration_ms"] = pd.to_numeric(calls["duration_ms"])
    if "contacts" in inputs and "call_id" in inputs["contacts"].columns:
        given = inputs["contacts"]
        late = [c for c in ("after_ms", "seen_ms") if c in given.columns]
        wanted = [*SUMS, "transfers", "resolved", "first_contact", "abandoned", "started_at", "queue"]
        table = given.with_columns(frozenset(late))
        names = ["call_id", *(c for c in [*wanted, *late] if c in table.columns)]
        rows = run(table.select(*names), given.report.source).to_pandas()
        found = found.merge(_by_call(rows, SUMS), on="call_id", how="left")
        found["abandoned_that_day"] = _abandoned(rows, found["call_id"])
    if "customers" in inputs:
        table = inputs["customers"].table
        if "left_at" in table.columns:
            left = run(table.select("customer_id", "left_at"), inputs["customers"].report.source).to_pandas()
            found["left_in_90_days"] = _left(calls, left)
    return found


def _by_call(rows: pd.DataFrame, sums: Sequence[str]) -> pd.DataFrame:
    """Of a call's contacts the sums of durations and transfers, and what its last one tells."""
    rows = rows[rows["call_id"].notna()]
    if "started_at" in rows:
        rows = rows.sort_values("started_at", kind="stable")
    by = rows.groupby("call_id")
    last = by.tail(1).set_index("call_id")
    found = {
        name: by[name].sum(min_count=1).astype("float64") for name in (*sums, "transfers") if name in rows
    }
    if "resolved" in rows and "first_contact" in rows:
        first = last["first_contact"].astype("boolean").fillna(False)
        found["resolved_first"] = last["resolved"].astype("float64").where(first.astype(bool))
    if "after_ms" in rows:
        again = (last["after_ms"] <= _AGAIN_DAYS * _DAY_MS).astype("float64")
        seen = last["after_ms"].notna() | (last["seen_ms"] >= _AGAIN_DAYS * _DAY_MS)
        found["again_in_7_days"] = again.where(seen)
    import pandas as pd

    return pd.DataFrame(found).rename_axis("call_id").reset_index()


def _abandoned(rows: pd.DataFrame, ids: pd.Series) -> Any:
    """Share of contacts abandoned in the call's queue on its day: what callers met, not did."""
    if not {"abandoned", "queue", "started_at"} <= set(rows.columns):
        return np.nan
    rows = rows.assign(day=rows["started_at"].dt.floor("D"))
    share = rows["abandoned"].astype("float64").groupby([rows["queue"], rows["day"]]).transform("mean")
    known = rows["call_id"].notna()
    return ids.map(share[known].groupby(rows.loc[known, "call_id"]).last())


def _left(calls: pd.DataFrame, customers: pd.DataFrame) -> pd.Series:
    """Whether the customer left within 90 days of the call; unknown where they were not seen that long."""
    import pandas as pd

    started = pd.to_datetime(calls["started_at"], utc=True)
    left = pd.to_datetime(
        calls["customer_id"].map(
            customers.drop_duplicates("customer_id").set_index("customer_id")["left_at"]
        ),
        utc=True,
    )
    known = calls["customer_id"].isin(customers["customer_id"])
    last_seen = max([t for t in (started.max(), pd.to_datetime(customers["left_at"], utc=True).max())
                     if not pd.isna(t)], default=pd.NaT)  # fmt: skip
    days = (left - started).dt.total_seconds() / 86_400.0
    gone = (days >= 0) & (days <= _LEFT_DAYS)
    seen = gone | ((last_seen - started).dt.total_seconds() / 86_400.0 >= _LEFT_DAYS)
    return gone.astype("float64").where((known & seen & ~(days < 0)).to_numpy()).set_axis(calls.index)


def operations(
    calls: pd.DataFrame, table: pd.DataFrame, answered: Mapping[str, pd.Series]
) -> Operations:  # fmt: skip
    """The table of links and the drivers.

    Args:
        calls: all calls, with sentiment figures and estimates.
        table: of :func:`operations_table`.
        answered: by instrument the answers, by call id.
    """
    frame = calls.merge(
        table.drop(columns="duration_ms"), on="call_id", how="left", suffixes=("", "_contact")
    )
    figures = [f for f in FIGURES if f in frame]
    figures += [f"predicted_{i}" for i in ("csat", "nps") if f"predicted_{i}" in frame]
    for instrument, values in answered.items():
        frame[instrument] = frame["call_id"].map(values)
        figures.append(instrument)
    there = [o for o in OPERATIONS if o in frame and frame[o].nunique() > 1]
    left_out = {
        o: "it is the same for every call"
        if o in frame and frame[o].notna().any()
        else "not in the tables that were given"
        for o in OPERATIONS
        if o not in there
    }
    group = "queue" if "queue" in frame and 2 <= frame["queue"].nunique() <= 50 else None
    links = [_link(frame, f, o, group) for f in figures for o in there]
    drivers, reasons = _drivers(frame, [*answered, *(f for f in figures if f.startswith("predicted_"))],
                                [o for o in there if o != "left_in_90_days"], group)  # fmt: skip
    return Operations(
        group=group, links=_corrected(links), drivers=drivers, left_out=left_out | reasons
    )  # fmt: skip


def _link(frame: pd.DataFrame, figure: str, operation: str, group: str | None) -> Link:
    both = frame[frame[figure].notna() & frame[operation].notna()]
    x = both[figure].to_numpy(dtype=np.float64)
    y = both[operation].to_numpy(dtype=np.float64)
    cluster = _clusters(both, operation)
    overall = rank_correlation(x, y, cluster)
    if len(both) < _LEAST_ROWS:
        overall = replace(
            overall, low=None, high=None, p_value=None, reason=f"fewer than {_LEAST_ROWS} calls"
        )
    within = None
    if group is not None:
        known = both[group].notna().to_numpy()
        codes = np.unique(both[group].to_numpy(dtype=object)[known].astype(str), return_inverse=True)[1]
        within = rank_correlation_within(x[known], y[known], codes, _renumbered(cluster[known]))
    turns = within is not None and overall.sign * within.sign == -1
    return Link(figure=figure, operation=operation, overall=overall, within=within, turns=turns, q_value=None)


def _clusters(frame: pd.DataFrame, operation: str) -> npt.NDArray[np.int64]:
    """Customers; for what a queue's whole day shares, that queue's day."""
    if operation == "abandoned_that_day" and "queue" in frame:
        import pandas as pd

        day = pd.to_datetime(frame["started_at"], utc=True).dt.floor("D").astype(str)
        return np.unique((frame["queue"].astype(str) + day).to_numpy(dtype=str), return_inverse=True)[1]
    return clusters(frame["customer_id"].to_numpy(dtype=object))


def _renumbered(cluster: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(cluster, return_inverse=True)[1].astype(np.int64)


def _corrected(links: Sequence[Link]) -> tuple[Link, ...]:
    from scipy.stats import false_discovery_control

    tested = [i for i, link in enumerate(links) if link.overall.p_value is not None]
    if not tested:
        return tuple(links)
    q = dict(zip(tested, false_discovery_control([links[i].overall.p_value for i in tested]), strict=True))
    return tuple(replace(link, q_value=float(q[i]) if i in q else None) for i, link in enumerate(links))


def _drivers(
    frame: pd.DataFrame, outcomes: Sequence[str], candidates: Sequence[str], group: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """One model for each outcome; why there is none otherwise."""
    from sentiment.errors import FitError, InputError
    from sentiment.metrics.drivers import find_drivers

    found: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    # handle time holds hold and, nearly, the call's length: one of them stands for all three
    names = [c for c in candidates if c not in ("duration_ms", "abandoned_that_day") or (c == "duration_ms"
             and "handle_ms" not in candidates)]  # fmt: skip
    customer = "customer_id" if frame["customer_id"].notna().any() else None
    for outcome in outcomes:
        n = int(frame[[outcome, *names]].notna().all(axis=1).sum())
        if n < _LEAST_ROWS:
            reasons[f"drivers of {outcome}"] = f"{n} calls with all of it, of {_LEAST_ROWS} needed"
            continue
        try:
            numbers = frame.assign(**{c: frame[c].astype("float64") for c in [outcome, *names]})
            found[outcome] = find_drivers(numbers, outcome, names, customer=customer, group=group)
        except (FitError, InputError) as error:
            reasons[f"drivers of {outcome}"] = str(error)
    return found, reasons
