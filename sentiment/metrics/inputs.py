"""From a table as it was found to one of ours: columns named and typed, every row checked.

A row that cannot be true (a negative duration, an NPS of 11, a date that is none, a key that was
there before) is *set aside*: counted, reported by file and row with what is wrong, written to a file
where one is asked for, and left out of every metric, whichever columns a metric reads. A file that
:func:`prepare` wrote carries a mark and is not checked again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import ibis
from ibis import _
from ibis.expr import datatypes as dt  # noqa: TC002 - Ibis reads the annotation

from sentiment.errors import OutputError, TableError
from sentiment.metrics import columns
from sentiment.metrics.maps import ColumnMap
from sentiment.metrics.sources import FILE, MARK, ROW, Raw, Source, open_source
from sentiment.metrics.workspace import Workspace, run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from sentiment.metrics.schema import Schema

__all__ = ["BadRow", "Input", "InputReport", "open_input", "prepare"]

EXAMPLES = 10
"""How many bad rows a report names; the file of those set aside has them all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """A row that was set aside: ``where`` names it (file and row, or its key), ``problem`` says why."""

    where: str
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class InputReport:
    """What was read of one table.

    Args:
        table: one of our tables.
        source: where it came from.
        rows: rows found; ``None`` for a file that was checked when it was prepared.
        set_aside: how many of them count in no metric.
        problems: how many for each reason.
        examples: the first of them.
        file: where they were written, if they were.
        assumed: columns that were not there and what was taken for them.
    """

    table: str
    source: str
    rows: int | None
    set_aside: int = 0
    problems: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[BadRow, ...] = ()
    file: str | None = None
    assumed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One of our tables, good rows only: the columns that are there, then the derived ones."""

    schema: Schema
    table: Any
    report: InputReport
    workspace: Workspace
    late: Mapping[str, Any] = field(default_factory=dict)
    """Columns that need a window over all rows: worked out where they are read."""

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns it has."""
        return frozenset((*self.table.columns, *self.late))

    def with_columns(self, names: Collection[str]) -> Any:
        """The table, with those of its late columns that are named."""
        wanted = {name: of.resolve(self.table) for name, of in self.late.items() if name in names}
        return self.table.mutate(**wanted) if wanted else self.table


def open_input(
    source: Source,
    schema: Schema,
    *,
    workspace: Workspace,
    mapping: ColumnMap | None = None,
    set_aside: Path | None = None,
    keep_copies: bool = False,
) -> Input:
    """Find a table, name and type its columns, check its rows.

    Args:
        source: see :data:`sentiment.metrics.sources.Source`.
        schema: what it should become.
        workspace: whose DuckDB reads files.
        mapping: what its columns are called; ours if left out.
        set_aside: folder for the rows set aside, as ``<table>.set_aside.csv``.
        keep_copies: leave rows whose key was there before where they are, with what orders them:
            the columns ``__file`` and ``__row`` of files, and ``__newest`` where the map names one.

    Raises:
        TableError: it cannot be read, has none of our columns, lacks a required one, or has no good row.
        OutputError: the file of rows set aside cannot be written.
    """
    raw = open_source(source, workspace)
    mapping = mapping or ColumnMap(table=schema.name)
    if mapping.table != schema.name:
        raise TableError(f"{raw.name}: the map is for {mapping.table}, not for {schema.name}")
    if raw.checked == schema.name:
        report = InputReport(table=schema.name, source=raw.name, rows=None)
        own = [c for c in raw.table.columns if c not in (FILE, ROW)]
        return _derive(schema, raw.table.select(own), report, workspace)
    if any(t.is_timestamp() and t.timezone for t in raw.table.schema().values()):
        workspace.require_utc(raw.table, raw.name)
    return _checked(raw, schema, mapping, set_aside, workspace, keep_copies)


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]
def _hash(text: str) -> dt.uint64:
    """DuckDB's hash."""


def _checked(
    raw: Raw, schema: Schema, mapping: ColumnMap, folder: Path | None, workspace: Workspace, keep_copies: bool
) -> Input:
    typed, n_rows, n_bad, unique = _looked_over(raw, schema, mapping, workspace)
    good, bad = typed, None
    if n_bad:
        wrong = columns.bad(typed, schema)
        good = typed.filter(~wrong)
        bad = typed.mutate(__problem=columns.problem(typed, schema)).filter(wrong)
    duplicated = None if keep_copies or unique else _duplicates(good, schema, raw.name, workspace)
    if duplicated is not None:
        good, again = duplicated
        bad = again if bad is None else bad.union(again)
    report = InputReport(table=schema.name, source=raw.name, rows=n_rows)
    if bad is not None:
        report = _report_bad(bad, report, schema, folder)
    if n_rows and report.set_aside == n_rows:
        first = report.examples[0]
        raise TableError(f"{raw.name}: no row of {schema.name} can be used; {first.where}: {first.problem}")
    kept = [c for c in (FILE, ROW, columns.NEWEST) if keep_copies and c in good.columns]
    return _derive(schema, _selected(schema, good, kept), report, workspace)


def _looked_over(
    raw: Raw, schema: Schema, mapping: ColumnMap, workspace: Workspace
) -> tuple[Any, int, int, bool]:
    """The typed table, its rows, how many are bad, and whether its keys are known to differ.

    In our DuckDB one scan says it all: keys are taken as they are (and trimmed in a second scan where some
    need it), and as many hashes as there are keys show that none comes twice.
    """
    if raw.table.get_backend() is workspace.con:
        untrimmed = columns.typed(raw, schema, mapping, tidy=schema.key)
        found = _counts(untrimmed, schema, raw.name, **_keys(untrimmed, schema))
        if not found["untidy"]:
            typed = workspace.settle(untrimmed.drop(columns.UNTIDY))
            return typed, found["n"], found["bad"], found["twice"] == 0
    typed = columns.typed(raw, schema, mapping)
    found = _counts(typed, schema, raw.name)
    return workspace.settle(typed), found["n"], found["bad"], False


def _counts(typed: Any, schema: Schema, name: str, **more: Any) -> dict[str, int]:
    bad = typed.count(where=columns.bad(typed, schema))
    return dict(run(typed.aggregate(n=typed.count(), bad=bad, **more), name).to_pylist()[0])


def _keys(typed: Any, schema: Schema) -> dict[str, Any]:
    """How many keys are not trimmed, and how many more keys than hashes of keys there are."""
    untidy = typed.count(where=typed[columns.UNTIDY])
    if not set(schema.key) <= set(typed.columns):
        return {"untidy": untidy, "twice": ibis.literal(0)}
    key = [typed[k] for k in schema.key]
    text = (
        ibis.literal("\x1f").join([k.cast("string") for k in key]) if len(key) > 1 else key[0].cast("string")
    )
    keyed = ibis.and_(*[k.notnull() for k in key])
    hashes = ibis.ifelse(keyed, _hash(text), ibis.null("uint64"))
    return {"untidy": untidy, "twice": hashes.count() - hashes.nunique()}


def _selected(schema: Schema, table: Any, kept: Sequence[str] = ()) -> Any:
    """Our columns, then the source's others under their own names: results can be grouped by any of them."""
    ours = {c.name: table[c.name] for c in schema.columns if c.name in table.columns}
    taken = {name.lower() for name in ours}  # engines take Queue and queue for one
    given = {c.removeprefix(columns.GIVEN): table[c] for c in table.columns if c.startswith(columns.GIVEN)}
    others = {name: column for name, column in given.items() if name.lower() not in taken}
    return table.select(**(others | ours | {name: table[name] for name in kept}))


def _duplicates(good: Any, schema: Schema, name: str, workspace: Workspace) -> tuple[Any, Any] | None:
    """The rows to keep and the copies to set aside; ``None`` where no key comes twice."""
    key = list(schema.key)
    if not set(key) <= set(good.columns):
        return None
    keyed = good.filter(*[good[k].notnull() for k in key])
    twice = workspace.keep(keyed.group_by(key).aggregate(__n=_.count()).filter(_["__n"] > 1).select(key))
    if _run(twice.aggregate(n=twice.count()), name)[0][0] == 0:
        return None
    copies = good.semi_join(twice, key)
    newest = columns.NEWEST in good.columns
    order = [copies[columns.NEWEST].desc(nulls_first=False)] if newest else []
    order += [copies[c] for c in (FILE, ROW) if c in good.columns] or [copies[schema.key[0]]]
    window = ibis.window(group_by=[copies[k] for k in key], order_by=order)
    ranked = copies.mutate(__rank=ibis.row_number().over(window))
    says = f"{' + '.join(key)} was there before" + ("; a newer copy counts" if newest else "")
    again = ranked.filter(_["__rank"] > 0).drop("__rank").mutate(__problem=ibis.literal(says))
    first = ranked.filter(_["__rank"] == 0).drop("__rank")
    return good.anti_join(twice, key).union(first), again


def _report_bad(bad: Any, report: InputReport, schema: Schema, folder: Path | None) -> InputReport:
    counts = bad.group_by("__problem").aggregate(n=_.count()).order_by(ibis.desc("n"), "__problem")
    problems = dict(_run(counts, report.source))
    order = [bad[c] for c in (FILE, ROW, schema.key[0]) if c in bad.columns]
    named = [c for c in (FILE, ROW, *schema.key) if c in bad.columns]
    first = bad.order_by(order).limit(EXAMPLES).select("__problem", *named) if order else bad.limit(EXAMPLES)
    rows = first.to_pyarrow().to_pylist()
    file = None if folder is None else _write_bad(bad, folder / f"{schema.name}.set_aside.csv")
    return replace(
        report,
        set_aside=sum(problems.values()),
        problems=problems,
        examples=tuple(BadRow(where=_where(row, schema), problem=row["__problem"]) for row in rows),
        file=file,
    )


def _where(row: Mapping[str, Any], schema: Schema) -> str:
    """``calls.csv row 12 (contact_id 4711)``."""
    place = f"{row[FILE]} row {row[ROW]}" if FILE in row else ""
    key = ", ".join(f"{k} {row[k]}" for k in schema.key if row.get(k) is not None)
    return f"{place} ({key})" if place and key else place or key or "a row without a key"


def _write_bad(bad: Any, path: Path) -> str:
    """Write the rows set aside as they were read, with what is wrong with each."""
    from pyarrow import csv

    first = [c for c in ("__problem", FILE, ROW) if c in bad.columns]
    given = [c for c in bad.columns if c.startswith(columns.GIVEN)]
    texts = {"problem" if c == "__problem" else c.lstrip("_"): bad[c].cast("string") for c in first}
    texts |= {c.removeprefix(columns.GIVEN): bad[c].cast("string") for c in given}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        csv.write_csv(bad.select(**texts).to_pyarrow(), path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from None
    return str(path)


def _derive(schema: Schema, table: Any, report: InputReport, workspace: Workspace) -> Input:
    """Add the derived columns whose sources are there, in order; remember what was assumed."""
    table = workspace.settle(table)
    assumed: dict[str, str] = {}
    late: dict[str, Any] = {}
    for derived in schema.derived:
        if derived.name in table.columns or derived.name in late:
            continue
        try:
            column = derived.of.resolve(table) if isinstance(derived.of, ibis.Deferred) else derived.of
        except AttributeError:
            continue
        if derived.all_rows:
            late[derived.name] = derived.of
            continue
        table = table.mutate(**{derived.name: column})
        if schema.column(derived.name) is not None:
            assumed[derived.name] = derived.says
    report = replace(report, assumed=assumed)
    return Input(schema=schema, table=table, report=report, workspace=workspace, late=late)


def prepare(
    source: Source, schema: Schema, path: Path, *, workspace: Workspace, mapping: ColumnMap | None = None
) -> InputReport:
    """Check a table once and write its good rows to a Parquet file that is not checked again.

    Args:
        source: see :data:`sentiment.metrics.sources.Source`.
        schema: what it should become.
        path: the file; the rows set aside go beside it.
        workspace: whose DuckDB reads files.
        mapping: what its columns are called; ours if left out.

    Raises:
        TableError: as :func:`open_input`.
        OutputError: the file cannot be written.
    """
    found = open_input(source, schema, workspace=workspace, mapping=mapping, set_aside=path.parent)
    mark = json.dumps({"table": schema.name}).replace("'", "''")
    query = ibis.to_sql(found.table, dialect="duckdb")
    target = str(path).replace("'", "''")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        workspace.con.raw_sql(
            f"COPY ({query}) TO '{target}' "
            f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{MARK.decode()}: '{mark}'}})"
        )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from None
    return found.report


def _run(query: Any, name: str) -> Sequence[tuple[Any, ...]]:
    """The rows of a query's answer."""
    return list(zip(*[column.to_pylist() for column in run(query, name).columns], strict=True))
