"""Contact-centre metrics: one definition each, computed by group and period on tables of any size.

from sentiment import metrics

result = metrics.compute(["csat", "nps", "aht"], surveys="s.csv", contacts="c.parquet", by=["agent", "week"])
result.total("csat").value, result.total("csat").interval
"""

from __future__ import annotations

from sentiment.metrics.calendar import Calendar
from sentiment.metrics.catalogue import CATALOGUE, Request, find, parse
from sentiment.metrics.definition import Definition
from sentiment.metrics.engine import compute
from sentiment.metrics.maps import ColumnMap, load_map
from sentiment.metrics.result import Metric, Result

__all__ = [
    "CATALOGUE",
    "Calendar",
    "ColumnMap",
    "Definition",
    "Metric",
    "Request",
    "Result",
    "compute",
    "find",
    "load_map",
    "parse",
]
