"""Contact-centre metrics: one definition each, computed by group and period on tables of any size.

from sentiment import metrics

result = metrics.compute(["csat", "nps"], surveys="s.csv", contacts="c.parquet", by=["agent", "week"])
result.total("csat").value, result.total("csat").interval
"""

from __future__ import annotations

from sentiment.metrics.calendar import Calendar, load_calendar
from sentiment.metrics.catalogue import CATALOGUE, Request, find, parse
from sentiment.metrics.compare import Comparison, compare
from sentiment.metrics.definition import Definition
from sentiment.metrics.engine import compute
from sentiment.metrics.maps import ColumnMap, load_map
from sentiment.metrics.packs import Pack, load_pack, pack_names
from sentiment.metrics.result import Metric, Result
from sentiment.metrics.rolling import rolled

__all__ = [
    "CATALOGUE",
    "Calendar",
    "ColumnMap",
    "Comparison",
    "Definition",
    "Metric",
    "Pack",
    "Request",
    "Result",
    "compare",
    "compute",
    "find",
    "load_calendar",
    "load_map",
    "load_pack",
    "pack_names",
    "parse",
    "rolled",
]
