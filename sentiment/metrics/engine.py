"""Computes metrics: one query for each table, whatever the number of metrics and groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np

from sentiment.errors import MetricError
from sentiment.metrics.calendar import Calendar
from sentiment.metrics.catalogue import Request, parse
from sentiment.metrics.conversations import read_calls
from sentiment.metrics.derived import derived_input
from sentiment.metrics.inputs import Input, open_input
from sentiment.metrics.intervals import LEVEL, z_of
from sentiment.metrics.maps import ColumnMap, load_map
from sentiment.metrics.needs import lacking, needed
from sentiment.metrics.ranked import Rate
from sentiment.metrics.result import Figures, Group, Result, is_end, nothing, ordered, pool_part
from sentiment.metrics.rolling import Windows, require_period, rolled, windows_of
from sentiment.metrics.schemas import TABLES, given_schema
from sentiment.metrics.views import Selection, View, group_seconds, view_of, whole_seconds
from sentiment.metrics.workspace import Workspace, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sentiment.metrics.intervals import Array
    from sentiment.metrics.sources import Source

__all__ = ["compute", "open_tables"]


def compute(
    metrics: Sequence[str | Request],
    *,
    by: Sequence[str] = (),
    calendar: Calendar | None = None,
    since: date | None = None,
    until: date | None = None,
    where: Mapping[str, Any] | None = None,
    rolling: int | None = None,
    maps: Mapping[str, ColumnMap | str | Path] | None = None,
    set_aside: Path | None = None,
    threads: int | None = None,
    memory: str = "3GB",
    **tables: Source,
) -> Result:
    """Compute metrics by group.

    Args:
        metrics: what to compute: ``csat``, ``csat:mean``, ``service_level:threshold_s=30``.
        by: columns to group by (``agent`` is short for ``agent_id``), one of which may be a period
            (``week``) of the calendar. A column that a table lacks is taken from the contact record or
            scored call of the same ``call_id``, or the customer of the same ``customer_id``.
        calendar: time zone, weeks, business hours; UTC if left out.
        since: first local day that counts.
        until: local day before which it ends.
        where: only rows whose columns have these values.
        rolling: give each period together with those before it, this many in all, counted as one.
        maps: column maps by table, or where to read them.
        set_aside: folder for files of the rows that were set aside.
        threads: processor threads of DuckDB; as many as there are cores if left out.
        memory: memory DuckDB may take before it spills to disk.
        tables: where each table is: ``surveys="s.csv", contacts=ibis_table``; names are those of
            :data:`sentiment.metrics.schemas.TABLES`.

    Raises:
        MetricError: no such metric, variant, parameter or period; nothing to compute; no period to roll.
        TableError: no such table, or one that cannot be read.
    """
    requests = _requests(metrics)
    if rolling is not None:
        require_period(by, rolling)
    workspace = Workspace.open(threads=threads, memory=memory)
    try:
        inputs = open_tables(tables, maps or {}, workspace, set_aside)
        selection = Selection(
            by=tuple(by), calendar=calendar or Calendar(), since=since, until=until, where=dict(where or {})
        )
        result = _compute(requests, inputs, selection)
        return result if rolling is None else _rolled(result, rolling, inputs, selection)
    finally:
        workspace.close()


def _requests(metrics: Sequence[str | Request]) -> tuple[Request, ...]:
    parsed = [parse(m) if isinstance(m, str) else m for m in metrics]
    if not parsed:
        raise MetricError("no metric was asked for; see: sentiment metrics list")
    return tuple({request.name: request for request in parsed}.values())


def open_tables(
    tables: Mapping[str, Source],
    maps: Mapping[str, ColumnMap | str | Path],
    workspace: Workspace,
    set_aside: Path | None,
) -> dict[str, Input]:
    """Find, name, type and check tables, as :func:`compute` does."""
    loaded = {name: m if isinstance(m, ColumnMap) else load_map(m) for name, m in maps.items()}
    if isinstance(tables.get("calls"), str | Path | list | tuple):
        scored = read_calls(tables["calls"])
        tables = tables if scored is None else {**tables, "calls": scored}
    return {
        name: open_input(
            source, given_schema(name), workspace=workspace, mapping=loaded.get(name), set_aside=set_aside
        )
        for name, source in tables.items()
        if source is not None
    }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Column:
    """A request's parts by group, or why there are none."""

    request: Request
    groups: tuple[Group, ...]
    parts: Mapping[str, Array]
    total: Mapping[str, Array] | None = None
    """Parts of all rows together, where groups' parts do not add up to them."""
    undefined: str | None = None


def _compute(requests: Sequence[Request], inputs: Mapping[str, Input], selection: Selection) -> Result:
    by_table: dict[str, list[Request]] = {}
    for request in requests:
        by_table.setdefault(request.table, []).append(request)
    columns: dict[str, _Column] = {}
    for table, wanted in by_table.items():
        columns |= {c.request.name: c for c in _of_table(table, wanted, inputs, selection)}
    columns = _without_empty(columns, selection)
    groups = ordered({group for column in columns.values() for group in column.groups})
    place = {group: i for i, group in enumerate(groups)}
    figures, totals = [], []
    for request in requests:
        column = columns[request.name]
        into = np.array([place[group] for group in column.groups], dtype=np.intp)
        figures.append(_figures(column, into, len(groups)))
        totals.append(_total(column))
    return Result(
        by=selection.by, groups=tuple(groups), figures=tuple(figures), totals=tuple(totals),
        inputs=tuple(i.report for i in inputs.values()), calendar=selection.calendar,
    )  # fmt: skip


def _without_empty(columns: Mapping[str, _Column], selection: Selection) -> dict[str, _Column]:
    """Without the groups of no known period in which nothing counts, as of surveys nobody answered."""
    if selection.period is None:
        return dict(columns)
    place = selection.by.index(selection.period)
    undated = {c: [i for i, g in enumerate(c.groups) if g[place] is None] for c in columns.values()}
    alive = {
        c.groups[i] for c, rows in undated.items() for i in rows if any(v[i] > 0 for v in c.parts.values())
    }
    kept = {}
    for name, column in columns.items():
        empty = {i for i in undated[column] if column.groups[i] not in alive}
        stay = [i for i in range(len(column.groups)) if i not in empty]
        groups = tuple(column.groups[i] for i in stay)
        parts = {part: values[stay] for part, values in column.parts.items()}
        kept[name] = replace(column, groups=groups, parts=parts) if empty else column
    return kept


def _rolled(result: Result, width: int, inputs: Mapping[str, Input], selection: Selection) -> Result:
    """The result by windows: sums are pooled; what does not add up is counted anew from the rows."""
    pooled, windows = rolled(result, width), windows_of(result, width)
    place = {group: i for i, group in enumerate(pooled.groups)}
    figures = list(pooled.figures)
    for i, old in enumerate(result.figures):
        if old.request.variant.statistic.additive or not old.parts:
            continue
        (column,) = _of_table(old.request.table, [old.request], inputs, selection, windows)
        into = np.array([place[group] for group in column.groups], dtype=np.intp)
        figures[i] = _figures(column, into, len(place))
    return replace(pooled, figures=tuple(figures))


def _figures(column: _Column, into: Any, n_groups: int) -> Figures:
    if column.undefined is not None:
        return Figures(request=column.request, parts={}, estimates=nothing(column.undefined, n_groups))
    if column.total is not None:
        parts = {name: _placed(values, into, n_groups) for name, values in column.parts.items()}
    else:
        parts = {name: pool_part(name, values, into, n_groups) for name, values in column.parts.items()}
    estimates = column.request.variant.statistic.finish(parts, z_of(LEVEL))
    return Figures(request=column.request, parts=parts, estimates=estimates)


def _placed(values: Array, into: Any, n_groups: int) -> Array:
    """Each value at its group's place; 0 for groups without rows."""
    placed = np.zeros(n_groups)
    placed[into] = values
    return placed


def _total(column: _Column) -> Figures:
    if column.total is None:
        return _figures(column, np.zeros(len(column.groups), dtype=np.intp), 1)
    estimates = column.request.variant.statistic.finish(column.total, z_of(LEVEL))
    return Figures(request=column.request, parts=column.total, estimates=estimates)


def _of_table(
    table: str,
    requests: Sequence[Request],
    inputs: Mapping[str, Input],
    selection: Selection,
    windows: Windows | None = None,
) -> list[_Column]:
    """All additive requests of one table in one query, each other one in its own (by windows, if given)."""
    if TABLES[table].made_of is not None:
        made = derived_input(table, inputs, selection)
        if isinstance(made, str):
            return [_undefined(r, made) for r in requests]
        inputs = {**inputs, table: made}
    if table not in inputs:
        return [_undefined(r, f"no {table} were given") for r in requests]
    absent = {r.name: lacking(r, inputs[table]) for r in requests}
    columns = [
        _undefined(r, f"{table} have no column {', '.join(absent[r.name])}")
        for r in requests
        if absent[r.name]
    ]
    possible = [r for r in requests if not absent[r.name]]
    if not possible:
        return columns
    view = view_of(table, inputs, selection, frozenset().union(*map(needed, possible)))
    if isinstance(view, str):
        return columns + [_undefined(r, view) for r in possible]
    additive = [r for r in possible if r.variant.statistic.additive]
    columns += _query(view, additive) if additive else []
    return columns + [
        _query_alone(view, r, inputs[table], selection, windows)
        for r in possible
        if not r.variant.statistic.additive
    ]


def _query_alone(
    view: View, request: Request, given: Input, selection: Selection, windows: Windows | None
) -> _Column:
    """A statistic that does not add up: by group, and once more for the total (unless by windows)."""
    statistic, z = request.variant.statistic, z_of(LEVEL)

    def asked(of: View, keys: Sequence[str]) -> tuple[tuple[Group, ...], dict[str, Array]]:
        bind = partial(_bound, view=of, request=request)
        return _answer(statistic.grouped(of.table, keys, bind, z), keys, of.name)

    grouped = view if windows is None else windows.over(view, given.workspace)
    groups, parts = asked(grouped, view.keys)
    total = parts if not view.keys else {} if windows is not None else asked(view, ())[1]
    if isinstance(statistic, Rate):
        whole = whole_seconds(view, given.schema.time, selection)
        opens = None if windows is None else windows.opens
        parts = {**parts, "seconds": group_seconds(groups, selection, whole, opens)}
        total = {**total, "seconds": np.array([whole])}
    return _Column(request=request, groups=groups, parts=parts, total=total)


def _bound(expression: Any, view: View, request: Request) -> Any:
    if not isinstance(expression, ibis.Deferred):
        return expression
    return expression.resolve(view.table, **request.parameters)


def _answer(query: Any, keys: Sequence[str], name: str) -> tuple[tuple[Group, ...], dict[str, Array]]:
    """The groups of a query's answer, and its other columns as numbers."""
    answer = run(query, name)
    groups = tuple(zip(*[answer[k].to_pylist() for k in keys], strict=True)) if keys else ((),)
    return groups, {c: _floats(answer[c]) for c in answer.column_names if c not in keys}


def _undefined(request: Request, reason: str) -> _Column:
    return _Column(request=request, groups=(), parts={}, undefined=reason)


def _query(view: View, requests: Sequence[Request]) -> list[_Column]:
    """Additive statistics: parts that several of them need are asked for once."""
    aggregates: dict[str, Any] = {}
    names: dict[Any, str] = {}
    parts_of: dict[str, dict[str, str]] = {}
    for request in requests:

        def bind(expression: Any, request: Request = request) -> Any:
            return _bound(expression, view, request)

        own = parts_of.setdefault(request.name, {})
        for part, aggregate in request.variant.statistic.parts(view.table, bind).items():
            name = names.setdefault(aggregate.of.op(), f"part_{len(names)}")
            aggregates[name] = aggregate.of
            own[part] = name
    query = (
        view.table.group_by(list(view.keys)).aggregate(**aggregates)
        if view.keys
        else view.table.aggregate(**aggregates)
    )
    groups, numbers = _answer(query, view.keys, view.name)
    return [_Column(request=r, groups=groups, parts=_named(parts_of[r.name], numbers)) for r in requests]


def _named(names: Mapping[str, str], numbers: Mapping[str, Array]) -> dict[str, Array]:
    """A request's parts. A sum over no rows is 0, though SQL says null; the end of a scale is unknown."""
    return {
        part: numbers[name] if is_end(part) else np.nan_to_num(numbers[name], nan=0.0)
        for part, name in names.items()
    }


def _floats(column: Any) -> Array:
    """A column as float64; NaN where it is null."""
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
