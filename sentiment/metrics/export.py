"""Results as tables: JSON, CSV and Parquet, a row for each metric of each group."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from sentiment.errors import OutputError
from sentiment.files import write_atomically
from sentiment.metrics.result import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentiment.metrics.compare import Comparison
    from sentiment.metrics.result import Figures, Result
    from sentiment.metrics.targets import Judged

__all__ = ["FORMATS", "to_arrow", "to_json", "write"]

SCHEMA = "conversation-sentiment/metrics/1"
"""Version tag of the JSON; the number changes when a reader of the old form would break."""

FORMATS = ("json", "csv", "parquet")


def to_arrow(result: Result) -> pa.Table:
    """A row for each metric of each group, then of the totals, whose group columns say :data:`ALL`."""
    rows = len(result.groups) if result.by else 0
    tables = [_columns(f, result, result.groups) for f in result.figures] if rows else []
    totals = [_columns(f, result, ((ALL,) * len(result.by),)) for f in result.totals]
    return pa.concat_tables([*tables, *totals])


def _columns(figures: Figures, result: Result, groups: Sequence[tuple[Any, ...]]) -> pa.Table:
    e, request, n = figures.estimates, figures.request, len(groups)
    columns: dict[str, Any] = {
        name: pa.array([_text(group[i]) for group in groups], pa.string()) for i, name in enumerate(result.by)
    }
    columns |= {
        "metric": pa.array([request.name] * n),
        "variant": pa.array([request.variant.name] * n),
        "value": _numbers(e.value),
        "unit": pa.array([request.variant.unit] * n),
        "numerator": _numbers(e.numerator),
        "denominator": _numbers(e.denominator),
        "n": pa.array(e.n.astype(np.int64)),
        "missing": pa.array(e.missing.astype(np.int64)),
        "low": _numbers(e.low),
        "high": _numbers(e.high),
        "undefined": pa.array(list(e.undefined), pa.string()),
        "no_interval": pa.array(list(e.no_interval), pa.string()),
    }
    return pa.table(columns)


def _numbers(values: Any) -> pa.Array:
    return pa.array(values, mask=np.isnan(values), type=pa.float64())


def _text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%MZ")
    return None if value is None else str(value)


def to_json(result: Result, comparisons: Sequence[Comparison] = (), judged: Sequence[Judged] = ()) -> str:
    """The whole result as JSON: metrics, totals, comparisons, what meets its target, and what was read."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "by": list(result.by),
            "timezone": result.calendar.timezone,
            "metrics": [_plain(m) for m in result.rows()] if result.by else [],
            "totals": [_plain(m) for m in result.total_rows()],
            "comparisons": [_plain(c) for c in comparisons],
            "targets": [_plain(j) for j in judged],
            "inputs": [_plain(i) for i in result.inputs],
        },
        ensure_ascii=False,
        indent=1,
        allow_nan=False,
        default=_encoded,
    )


def _plain(value: Any) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def _encoded(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(value)
    return _text(value) if isinstance(value, date) else str(value)


def write(
    result: Result,
    path: Path,
    *,
    comparisons: Sequence[Comparison] = (),
    judged: Sequence[Judged] = (),
) -> Path:
    """Write a result in the form that the file's extension names: one of :data:`FORMATS`.

    Raises:
        OutputError: the file cannot be written.
    """
    form = path.suffix.removeprefix(".")
    if form == "json":
        write_atomically(path, to_json(result, comparisons, judged))
        return path
    sink = pa.BufferOutputStream()
    if form == "csv":
        csv.write_csv(to_arrow(result), sink)
    elif form == "parquet":
        parquet.write_table(to_arrow(result), sink)
    else:
        raise OutputError(f"{path}: unknown form {form!r}; choose from {', '.join(FORMATS)}")
    write_atomically(path, sink.getvalue().to_pybytes())
    return path
