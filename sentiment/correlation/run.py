"""From tables to the whole result."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment import __version__
from sentiment.correlation import cautions as warn
from sentiment.correlation.agreement import Pairs, agreement, calibration, confusion, pairs_of
from sentiment.correlation.answers import COUNTS, on_one_scale
from sentiment.correlation.bands import bands_of
from sentiment.correlation.drift import drift
from sentiment.correlation.groups import group_agreement
from sentiment.correlation.operations import operations, operations_table
from sentiment.correlation.options import CorrelationOptions
from sentiment.correlation.response import response
from sentiment.correlation.tables import ESTIMATED, Tables, opened, read_tables
from sentiment.correlation.values import Correlation, Instrument
from sentiment.correlation.verdict import conclusions, verdict
from sentiment.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from sentiment.metrics import Calendar, ColumnMap

__all__ = ["correlate"]

_SENTIMENT = ("customer_polarity_q4", "customer_polarity")
"""Sentiment figures that are held against answers, the one that stands in for an estimate first."""

_SHOWN = 2_000


def correlate(
    *,
    calls: Any,
    surveys: Any,
    by: Sequence[str] = (),
    contacts: Any = None,
    customers: Any = None,
    maps: Mapping[str, ColumnMap | str | Path] | None = None,
    calendar: Calendar | None = None,
    options: CorrelationOptions | None = None,
    set_aside: Path | None = None,
    threads: int | None = None,
    memory: str = "3GB",
) -> Correlation:
    """Hold estimates (and the customers' sentiment) against the surveys that came back.

    Args:
        calls: the folder of scored calls' JSON, a list of :class:`sentiment.Call`, or a table of calls.
        surveys: any table or file of answers; see the table ``surveys`` of the metric engine.
        by: groups whose means are compared, each for itself: columns, and periods such as ``week``.
        contacts: contact records: more to group by, and the operational figures.
        customers: customers, for who left.
        maps: column maps by table.
        calendar: time zone and first day of weeks.
        options: see :class:`CorrelationOptions`.
        set_aside: folder for rows that were set aside.
        threads: processor threads of DuckDB.
        memory: memory DuckDB may take.

    Raises:
        TableError: a table cannot be used, or the calls have neither estimates nor sentiment.
        MetricError: calls cannot be grouped so.
    """
    from sentiment.metrics import Calendar

    calendar, options = calendar or Calendar(), options or CorrelationOptions()
    by = tuple(dict.fromkeys(by))
    with opened(
        calls=calls, surveys=surveys, contacts=contacts, customers=customers, maps=maps, set_aside=set_aside,
        threads=threads, memory=memory,
    ) as inputs:  # fmt: skip
        tables = read_tables(inputs, by=by, calendar=calendar, late_days=options.late_days)
        beside = operations_table(inputs, tables.calls)
    if not any(c in tables.calls for c in (*(f"predicted_{i}" for i in ESTIMATED), *_SENTIMENT)):
        raise TableError(
            f"{tables.read.inputs[0].source}: calls have neither estimates nor the customers' sentiment"
            + (f" (estimates of {tables.read.n_abstained:,} abstained)" if tables.read.n_abstained else "")
            + "; score them first with sentiment score --format json"
        )
    counted = tables.answers[tables.answers["status"] == COUNTS]
    names = sorted(set(counted["instrument"]), key=lambda n: (*(n != k for k in ("csat", "nps", "ces")), n))
    instruments = tuple(_instrument(name, tables, by, calendar.timezone, options) for name in names)
    answered = {n: counted[counted["instrument"] == n].set_index("call_id")["answer"] for n in names}
    has_customers = bool(tables.calls["customer_id"].notna().any())
    return Correlation(
        by=by,
        timezone=calendar.timezone,
        read=tables.read,
        instruments=instruments,
        operations=None if contacts is None and customers is None
        else operations(tables.calls, beside, answered),
        cautions=warn.of_reading(tables.read, has_customers=has_customers),
        settings={"version": __version__, **asdict(options)},
        answers=tables.answers,
    )  # fmt: skip


def _instrument(
    name: str, tables: Tables, by: Sequence[str], timezone: str, options: CorrelationOptions
) -> Instrument:
    calls, rows = tables.calls, tables.answers[tables.answers["instrument"] == name]
    counted, scale, n_rescaled = on_one_scale(rows[rows["status"] == COUNTS])
    asked = rows[(rows["status"] == "not answered") & (rows["question"] == "overall")]
    bands, resampling = bands_of(name, scale), options.resampling
    answered = calls.merge(counted[["call_id", "answer"]], on="call_id")
    every = [pairs_of(answered, p, name, scale, bands) for p in _predictors(name, answered)]
    main = every[0]
    agreements = tuple(agreement(pairs, resampling) for pairs in every)
    calibrated = calibration(main, resampling)
    drifts = drift(main, resampling, timezone)
    groups = tuple(group_agreement(main, calls, k, resampling, least=options.least_per_group) for k in by)
    given = _with_asked(counted, asked)
    responded = response(main, calls, given, by)
    found = warn.of_instrument(main, agreements[0], calibrated, drifts, responded, options, n_rescaled)
    told = (name, agreements[0], groups, responded, found)
    may, may_not = conclusions(*told)
    return Instrument(
        name=name, scale=scale, n_answers=len(answered), n_customers=int(main.cluster.max(initial=-1)) + 1,
        n_rescaled=n_rescaled, agreements=agreements, calibration=calibrated,
        confusion=confusion(main, resampling), drift=drifts, groups=groups, response=responded,
        cautions=found,
        verdict=verdict(*told, options), may=may, may_not=may_not, points=_points(main, resampling.seed),
    )  # fmt: skip


def _predictors(name: str, answered: pd.DataFrame) -> list[str]:
    """The estimate where there is one, then sentiment; for what has no estimate of its own, CSAT's."""
    wanted = [f"predicted_{name}"] if name in ESTIMATED else ["predicted_csat"]
    wanted += _SENTIMENT
    there = [p for p in wanted if p in answered]
    known = [p for p in there if answered[p].notna().any()]
    return known or there[:1] or [next(c for c in answered.columns if c.startswith("predicted_"))]


def _with_asked(counted: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    if asked.empty:
        return counted[["call_id", "answer"]]
    return pd.concat([counted[["call_id", "answer"]], asked[["call_id"]]], ignore_index=True)


def _points(pairs: Pairs, seed: int) -> tuple[tuple[float, float], ...]:
    x, y = pairs.x, pairs.y
    if len(x) > _SHOWN:
        at = np.sort(np.random.default_rng(seed).choice(len(x), _SHOWN, replace=False))
        x, y = x[at], y[at]
    return tuple(zip(x.tolist(), y.tolist(), strict=True))
