"""Calls, surveys, contacts and customers through the metric engine's reading, as tables in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sentiment.correlation.answers import COUNTS, judge_answers
from sentiment.correlation.values import Read
from sentiment.errors import MetricError, TableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from sentiment.metrics import Calendar, ColumnMap
    from sentiment.metrics.inputs import Input

__all__ = ["ESTIMATED", "Tables", "opened", "read_tables"]

ESTIMATED = ("csat", "nps")
"""Instruments whose answers calls carry estimates of."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tables:
    """``calls``: a row each, with a column ``by:KEY`` for each group; ``answers``: every good survey row."""

    calls: pd.DataFrame
    answers: pd.DataFrame
    read: Read


@contextmanager
def opened(
    *,
    calls: Any,
    surveys: Any,
    contacts: Any = None,
    customers: Any = None,
    maps: Mapping[str, ColumnMap | str | Path] | None = None,
    set_aside: Path | None = None,
    threads: int | None = None,
    memory: str = "3GB",
) -> Iterator[dict[str, Input]]:
    """The tables, named, typed and checked; copies among the survey answers are left in."""
    from sentiment.metrics.engine import open_tables
    from sentiment.metrics.inputs import open_input
    from sentiment.metrics.maps import ColumnMap, load_map
    from sentiment.metrics.schemas import TABLES
    from sentiment.metrics.workspace import Workspace

    maps = dict(maps or {})
    given = maps.pop("surveys", None)
    mapping = given if given is None or isinstance(given, ColumnMap) else load_map(given)
    others = {"calls": calls, "contacts": contacts, "customers": customers}
    workspace = Workspace.open(threads=threads, memory=memory)
    try:
        inputs = open_tables(others, maps, workspace, set_aside)
        inputs["surveys"] = open_input(
            surveys, TABLES["surveys"], workspace=workspace, mapping=mapping, set_aside=set_aside,
            keep_copies=True,
        )  # fmt: skip
        for name in ("calls", "surveys"):
            if "call_id" not in inputs[name].columns:
                raise TableError(
                    f"{inputs[name].report.source}: {name} need a column call_id to be joined by; "
                    f"name it in a column map: --map {name}=map.toml"
                )
        yield inputs
    finally:
        workspace.close()


def read_tables(
    inputs: Mapping[str, Input], *, by: Sequence[str], calendar: Calendar, late_days: float
) -> Tables:
    """Calls with their groups, and what became of each answer.

    Raises:
        MetricError: calls cannot be grouped by one of ``by``.
    """
    from sentiment.metrics.workspace import run

    calls = run(inputs["calls"].table, inputs["calls"].report.source).to_pandas()
    for name in ("started_at", "customer_id", "duration_ms"):
        if name not in calls:
            calls[name] = None
    beside = {k: v for k, v in inputs.items() if k != "surveys"}
    for key in by:
        calls[f"by:{key}"] = _grouped(key, calls, beside, calendar)
    rows = run(inputs["surveys"].table, inputs["surveys"].report.source).to_pandas()
    if "question" not in rows:
        rows["question"] = "overall"
    answers, assumed = judge_answers(rows, calls)
    calls["customer_id"] = _customers(calls, answers, beside, calendar)
    return Tables(
        calls=calls, answers=answers, read=_read(calls, answers, inputs, assumed, late_days)
    )  # fmt: skip


def _grouped(key: str, calls: pd.DataFrame, inputs: Mapping[str, Input], calendar: Calendar) -> pd.Series:
    """The value of a group column for each call, as text; None where unknown."""
    from sentiment.metrics.views import Selection, view_of
    from sentiment.metrics.workspace import run

    view = view_of("calls", inputs, Selection(by=(key,), calendar=calendar))
    if isinstance(view, str):
        raise MetricError(
            f"by {key}: {view}; give contacts that have it with --contacts, or leave it out of --by"
        )
    found = run(view.table.select("call_id", view.keys[0]), view.name).to_pandas()
    values = calls["call_id"].map(found.drop_duplicates("call_id").set_index("call_id")[view.keys[0]])
    return values.map(str, na_action="ignore").astype(object).where(values.notna(), None)


def _customers(
    calls: pd.DataFrame, answers: pd.DataFrame, inputs: Mapping[str, Input], calendar: Calendar
) -> pd.Series:
    """Who called: as the call says, else its contact, else its survey."""
    own = calls["customer_id"].astype(object)
    if own.isna().all() and "customer_id" in (inputs["contacts"].columns if "contacts" in inputs else ()):
        without = replace(inputs["calls"], table=inputs["calls"].table.select("call_id"))
        own = _grouped("customer", calls, {**inputs, "calls": without}, calendar)
    said = answers.dropna(subset=["call_id", "customer_id"]).drop_duplicates("call_id")
    own = own.where(own.notna(), calls["call_id"].map(said.set_index("call_id")["customer_id"]))
    return own.astype(object).where(own.notna(), None)


def _read(
    calls: pd.DataFrame,
    answers: pd.DataFrame,
    inputs: Mapping[str, Input],
    assumed: tuple[str, ...],
    late_days: float,
) -> Read:
    status = answers["status"]
    counted = answers[status == COUNTS]
    n_of = status.value_counts()
    estimates = [f"predicted_{i}" for i in ESTIMATED if f"predicted_{i}" in calls]
    reasons = [f"predicted_{i}_abstained" for i in ESTIMATED if f"predicted_{i}_abstained" in calls]
    estimated = calls[estimates].notna().any(axis=1) if estimates else calls["call_id"].isna()
    abstained = ~estimated & calls[reasons].notna().any(axis=1) if reasons else calls["call_id"].isna()
    why = calls.loc[abstained, reasons].bfill(axis=1).iloc[:, 0].value_counts() if reasons else {}
    report = inputs["surveys"].report
    n_answered = int(calls["call_id"].isin(counted["call_id"]).sum())
    return Read(
        n_calls=len(calls),
        n_estimated=int(estimated.sum()),
        n_abstained=int(abstained.sum()),
        abstentions={str(k): int(v) for k, v in dict(why).items()},
        n_rows=len(answers),
        n_set_aside=report.set_aside,
        n_answers=int((status != "not answered").sum()),
        n_unanswered=int(n_of.get("not answered", 0)),
        n_superseded=int(n_of.get("answered again later", 0)),
        n_without_id=int(n_of.get("names no call", 0)),
        n_without_call=int(n_of.get("no such call", 0)),
        n_off_scale=int(n_of.get("its scale is unknown", 0) + n_of.get("not on the scale taken for it", 0)),
        n_late=int((counted["days_after"] > late_days).sum()),
        n_early=int((counted["days_after"] < 0).sum()),
        late_days=late_days,
        n_other_questions=int(n_of.get("another question", 0)),
        n_calls_answered=n_answered,
        n_calls_unanswered=len(calls) - n_answered,
        inputs=tuple(inputs[name].report for name in ("calls", "surveys", "contacts", "customers")
                     if name in inputs),
        assumed=assumed,
    )  # fmt: skip
