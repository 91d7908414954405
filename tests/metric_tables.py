"""Small tables for tests of metrics. Import with ``from metric_tables import ...``."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from sentiment.metrics.schemas import TABLES

ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}

NOON = datetime(2026, 3, 2, 12)


def table(name, rows, **more):
    """A table of ours from dicts; what a row does not say comes from the schema's example row."""
    schema = TABLES[name]
    key, *_ = schema.key
    filled = []
    for i, row in enumerate(rows):
        default = {key: f"{name}-{i}"} | ({schema.time: NOON} if schema.time != "period_starts_at" else {})
        filled.append(default | dict(schema.example) | dict(row) | more)
    columns = list(dict.fromkeys(c for row in filled for c in row))
    types = {c.name: ARROW[c.type] for c in schema.columns}
    return pa.table(
        {c: pa.array([row.get(c) for row in filled], type=types.get(c, pa.string())) for c in columns}
    )


def repeated(rows):
    """``(n, columns)`` pairs as that many dicts."""
    return [dict(columns) for n, columns in rows for _ in range(n)]
