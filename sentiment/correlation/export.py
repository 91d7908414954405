"""Results as JSON and CSV: every figure with its interval and n, and every answer with what became of it."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentiment.correlation.figure import Figure
    from sentiment.correlation.values import Correlation, Instrument

__all__ = ["SCHEMA", "answers_csv", "to_csv", "to_json"]

SCHEMA = "conversation-sentiment/correlation/1"
"""Version tag of the JSON; the number changes when a reader of the old form would break."""

_HEAD = (
    "instrument",
    "part",
    "by",
    "group",
    "name",
    "value",
    "low",
    "high",
    "n",
    "n_customers",
    "p_value",
    "reason",
)


def to_json(found: Correlation) -> str:
    """The whole result but the single answers, which :func:`answers_csv` has."""
    body = {f.name: getattr(found, f.name) for f in dataclasses.fields(found) if f.name != "answers"}
    plain = {"schema": SCHEMA, "verdict": found.verdict, **_plain(body)}
    return json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {f"{k:g}" if isinstance(k, float) else str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def to_csv(found: Correlation) -> str:
    """A row for each figure; ``part`` is calls, calibration, groups, response, drift or operations."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    for one in found.instruments:
        for part, by, group, name, figure in _figures(one):
            writer.writerow((one.name, part, by, group, name, *_cells(figure)))
    if found.operations is not None:
        for link in found.operations.links:
            name = f"{link.figure} with {link.operation}"
            writer.writerow(("", "operations", "", "", name, *_cells(link.overall)))
            if link.within is not None:
                writer.writerow(
                    ("", "operations", found.operations.group, "within", name, *_cells(link.within))
                )
    return text.getvalue()


def _cells(f: Figure) -> tuple[Any, ...]:
    return f.value, f.low, f.high, f.n, f.n_customers, f.p_value, f.reason


def _figures(one: Instrument) -> Iterator[tuple[str, str, str, str, Figure]]:
    for a in one.agreements:
        for name, figure in a.figures.items():
            yield "calls", "", "", f"{a.predictor}: {name}", figure
    for b in one.calibration.bins:
        yield (
            "calibration",
            "",
            f"{b.low:.4g} … {b.high:.4g}",
            f"mean answer at {b.predicted:.4g}",
            b.answered,
        )
    if one.calibration.slope is not None and one.calibration.offset is not None:
        yield "calibration", "", "", "slope", one.calibration.slope
        yield "calibration", "", "", "offset", one.calibration.offset
    if one.confusion is not None:
        yield "calls", "", "", "in the same band", one.confusion.accuracy
    for g in one.groups:
        for name, figure in g.figures.items():
            yield "groups", g.by, "", name, figure
        if g.reliability is not None:
            yield "groups", g.by, "", "intraclass correlation", g.reliability.icc
        for member in g.groups:
            yield "groups", g.by, member.name, "mean answer", member.answered
    yield from _response(one)
    for p in one.drift.periods:
        yield "drift", one.drift.period, p.starts, "gap", p.gap
        yield "drift", one.drift.period, p.starts, "spearman", p.spearman
    for t in one.drift.trends:
        yield "drift", "", "", f"change of the {t.name}", t.change


def _response(one: Instrument) -> Iterator[tuple[str, str, str, str, Figure]]:
    r = one.response
    for rate in (r.overall, *((r.asked,) if r.asked else ())):
        yield "response", "", rate.name, "rate", rate.rate
    for rate in r.by_band:
        yield "response", "predictor", rate.name, "rate", rate.rate
    for by, rates in r.by_group.items():
        for rate in rates:
            yield "response", by, rate.name, "rate", rate.rate
    for term in r.terms:
        yield "response", "", term.name, "odds ratio", term.odds_ratio
    for what, means in (("mean", r.mean), (r.share_name, r.share)):
        for f in dataclasses.fields(means):
            figure = getattr(means, f.name)
            if figure is not None:
                yield "response", "", f.name, what, figure


def answers_csv(found: Correlation) -> str:
    """Every survey row that could be read, with ``status``: ``counts``, or why it does not."""
    rows = found.answers
    first = ["call_id", "instrument", "question", "status", "value", "answer", "scale_low", "scale_high",
             "answered_at", "days_after"]  # fmt: skip
    others = [c for c in rows.columns if c not in first and not c.startswith("__")]
    named = [c for c in first if c in rows.columns] + others
    text: str = rows[named].to_csv(index=False, lineterminator="\n")
    return text
