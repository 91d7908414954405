"""``sentiment metrics``: contact-centre metrics from tables; ``list``, ``explain`` and ``prepare``."""

from __future__ import annotations

from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment.errors import MetricError
from service import metric_models
from service.terminal import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from sentiment.metrics import Calendar, Result
    from sentiment.metrics.compare import Comparison
    from sentiment.metrics.result import Figures
    from sentiment.metrics.targets import Judged

__all__ = ["app"]

FORMATS = ("table", "json", "csv", "parquet", "html")
SHOWN = 40
"""How many lines of groups the table on the terminal shows; files hold all of them."""

app = typer.Typer(
    help="Contact-centre metrics from surveys, contact records, customers, orders and scored calls."
)


def _files(says: str) -> Any:
    return typer.Option(
        metavar="FILE", help=f"{says}: Parquet, CSV or JSON lines; a pattern, a folder or s3://."
    )


@app.callback(invoke_without_command=True, no_args_is_help=True)
def metrics(
    context: typer.Context,
    metrics: Annotated[
        str | None, typer.Option(metavar="LIST", help="As csat,nps,service_level:answered.")
    ] = None,
    pack: Annotated[str | None, typer.Option(help="An industry's list of metrics: see metrics list.")] = None,
    surveys: Annotated[list[str] | None, _files("Surveys")] = None,
    contacts: Annotated[list[str] | None, _files("Contact records")] = None,
    agent_time: Annotated[list[str] | None, _files("Agents' time")] = None,
    customers: Annotated[list[str] | None, _files("Customers")] = None,
    orders: Annotated[list[str] | None, _files("Orders")] = None,
    visits: Annotated[list[str] | None, _files("Visits")] = None,
    campaigns: Annotated[list[str] | None, _files("Campaigns")] = None,
    calls: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Scored calls: the folder of their JSON, or a table."),
    ] = None,
    map: Annotated[  # noqa: A002 - the option's name
        list[str] | None,
        typer.Option(metavar="TABLE=MAP", help="Column map: a TOML file, or amazon-connect; repeatable."),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="LIST", help="Group by columns and one period: agent,week.")
    ] = "",
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only these rows; repeatable.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First local day.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Local day before which to end.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="IANA zone of days and weeks; UTC if left out.")
    ] = None,
    calendar: Annotated[
        Path | None, typer.Option(help="TOML file: timezone, week_starts, year_starts, hours, holidays.")
    ] = None,
    rolling: Annotated[
        int | None, typer.Option(min=2, help="Each period with those before it, this many.")
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(metavar="COLUMN[=A,B]", help="Differences: B minus A, or each against all others."),
    ] = None,
    correction: Annotated[
        str, typer.Option(help="For many comparisons: holm or benjamini-hochberg.")
    ] = "holm",
    format: Annotated[str, typer.Option(metavar="LIST", help=f"Any of {', '.join(FORMATS)}.")] = "table",  # noqa: A002
    out: Annotated[Path, typer.Option(help="Folder for files, and for rows that were set aside.")] = Path(
        "out"
    ),
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; all if left out.")] = None,
    memory: Annotated[str, typer.Option(help="Memory DuckDB may take before it spills to disk.")] = "3GB",
) -> None:
    """Compute metrics; with a sub-command, list and explain them or prepare a table."""
    _require_engine()
    if context.invoked_subcommand is not None:
        return
    from sentiment.metrics import compute, load_pack, parse
    from sentiment.metrics.targets import judge

    formats = _formats(format)
    requests = [parse(m) for m in _listed(metrics or "")]
    loaded = load_pack(pack) if pack else None
    requests += list(loaded.metrics) if loaded else []
    tables = {
        "surveys": surveys, "contacts": contacts, "agent_time": agent_time, "customers": customers,
        "orders": orders, "visits": visits, "campaigns": campaigns,
        "calls": calls[0] if calls and len(calls) == 1 else calls,
    }  # fmt: skip
    result = compute(
        requests,
        by=_listed(by),
        calendar=_calendar(calendar, timezone),
        since=since.date() if since else None,
        until=until.date() if until else None,
        where=dict(_pairs(where, "--where")),
        rolling=rolling,
        maps=dict(_pairs(map, "--map")),
        set_aside=out,
        threads=threads,
        memory=memory,
        **{name: source for name, source in tables.items() if source},
    )
    comparisons = _compared(result, compare, correction)
    judged = judge(result, loaded.targets if loaded else {})
    if "table" in formats:
        _show(result, comparisons, judged)
    _tell_inputs(result)
    _write(result, comparisons, judged, [f for f in formats if f != "table"], out)


@app.command(name="list")
def list_metrics() -> None:
    """Name every metric with its variants, and every pack."""
    from sentiment.metrics import CATALOGUE, load_pack, pack_names

    terminal = console()
    for family in dict.fromkeys(d.family for d in CATALOGUE.values()):
        terminal.print(f"[bold]{family}[/bold]", highlight=False)
        for d in (d for d in CATALOGUE.values() if d.family == family):
            others = ", ".join(f"{d.name}:{v.name}" for v in d.variants[1:])
            terminal.print(f"  {d.name:28}{d.title}", highlight=False, soft_wrap=True)
            if others:
                terminal.print(f"  {'':28}  {others}", style="dim", highlight=False, soft_wrap=True)
    terminal.print("[bold]packs[/bold]", highlight=False)
    for name in pack_names():
        pack = load_pack(name)
        names = ", ".join(r.name for r in pack.metrics)
        terminal.print(f"  {name:28}{pack.says}: {names}", highlight=False, soft_wrap=True)


@app.command()
def explain(name: Annotated[str, typer.Argument(metavar="METRIC", help="As nps, or aht:median.")]) -> None:
    """Say how a metric is counted, from which columns, what moves it and how it misleads."""
    from sentiment.metrics.documentation import explained

    console().print(explained(name), markup=False, highlight=False, soft_wrap=True)


@app.command()
def prepare(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="contacts, surveys, customers ...")],
    source: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, patterns or folders.")],
    out: Annotated[Path, typer.Option(help="Parquet file for the good rows.")],
    map: Annotated[str | None, typer.Option(metavar="MAP", help="Column map.")] = None,  # noqa: A002
    threads: Annotated[int | None, typer.Option(min=1)] = None,
    memory: Annotated[str, typer.Option()] = "3GB",
) -> None:
    """Check a table once; its good rows go to a Parquet file that is not checked again."""
    from sentiment.metrics import load_map
    from sentiment.metrics.inputs import prepare as prepared
    from sentiment.metrics.schemas import given_schema
    from sentiment.metrics.workspace import Workspace

    workspace = Workspace.open(threads=threads, memory=memory)
    try:
        report = prepared(
            source, given_schema(table), out, workspace=workspace, mapping=load_map(map) if map else None
        )
    finally:
        workspace.close()
    terminal = console()
    terminal.print(f"{(report.rows or 0) - report.set_aside:,} rows: {out}", highlight=False, soft_wrap=True)
    _tell_input(report, terminal)


metric_models.register(app)


def _require_engine() -> None:
    """Refuse in words where the packages that compute metrics are not installed."""
    if find_spec("ibis") is None or find_spec("duckdb") is None:
        raise MetricError("metrics need more packages; pip install 'conversation-sentiment[metrics]'")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _formats(text: str) -> list[str]:
    formats = _listed(text.lower())
    if not formats or set(formats) - set(FORMATS):
        raise typer.BadParameter(f"{text!r}; choose from {', '.join(FORMATS)}", param_hint="--format")
    return formats


def _pairs(texts: Sequence[str] | None, option: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts or ():
        key, sign, value = text.partition("=")
        if not sign or not key or not value:
            raise typer.BadParameter(f"{text!r}; write NAME=VALUE", param_hint=option)
        pairs.append((key, value))
    return pairs


def _calendar(path: Path | None, timezone: str | None) -> Calendar:
    from dataclasses import replace

    from sentiment.metrics import Calendar, load_calendar

    calendar = load_calendar(path) if path else Calendar()
    return replace(calendar, timezone=timezone) if timezone else calendar


def _compared(result: Result, text: str | None, correction: str) -> tuple[Comparison, ...]:
    if text is None:
        return ()
    from sentiment.metrics import compare

    key, _, values = text.partition("=")
    named = _listed(values)
    if values and len(named) != 2:
        raise typer.BadParameter(f"{text!r}; write COLUMN=A,B", param_hint="--compare")
    if correction not in ("holm", "benjamini-hochberg"):
        raise typer.BadParameter(f"{correction!r}; holm or benjamini-hochberg", param_hint="--correction")
    pair = None
    if named and key in result.by:
        place = result.by.index(key)
        texts = {str(g[place]): g[place] for g in result.groups}
        pair = texts.get(named[0], named[0]), texts.get(named[1], named[1])
    return compare(result, key, pair, method=correction)  # type: ignore[arg-type]


def _show(result: Result, comparisons: Sequence[Comparison], judged: Sequence[Judged]) -> None:
    """The groups and their totals on the terminal, a column for each metric."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    terminal = console()
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    for name in result.by:
        table.add_column(escape(name), no_wrap=True)
    if not result.by:
        table.add_column("")
    for figures in result.figures:
        table.add_column(f"{figures.request.name}\n{figures.request.variant.unit}", justify="right")
    for i, group in enumerate(result.groups[:SHOWN] if result.by else ()):
        labels = [escape(_text(value)) for value in group]
        table.add_row(*labels, *[_cell(figures, i) for figures in result.figures])
    label = ["all", *[""] * (len(result.by) - 1)]
    table.add_row(*label, *[_cell(figures, 0) for figures in result.totals], style="bold")
    if judged:
        targets = {j.name: _target(j) for j in judged if not j.group}
        table.add_row("target", *label[1:], *[targets.get(f.request.name, "") for f in result.totals])
    terminal.print(table)
    if len(result.groups) > SHOWN:
        terminal.print(f"{len(result.groups) - SHOWN} more groups: --format csv has all.", highlight=False)
    for figures in result.totals:
        if figures.estimates.undefined[0]:
            terminal.print(
                f"{figures.request.name}: {figures.estimates.undefined[0]}", markup=False, highlight=False
            )
    for c in comparisons[:SHOWN]:
        _line(terminal, _comparison(c))


def _target(judged: Judged) -> str:
    from sentiment.metrics.result import figure

    sign = "≥" if judged.better == "higher" else "≤"
    return f"{sign} {figure(judged.target)}\n[dim]{judged.verdict or 'no value'}[/dim]"


def _cell(figures: Figures, i: int) -> str:
    from sentiment.metrics.result import figure

    e = figures.estimates
    value = figure(e.value[i], figures.request.variant.statistic.whole)
    low, high = figure(e.low[i]), figure(e.high[i])
    return value if e.low[i] != e.low[i] else f"{value}\n[dim]{low} … {high}[/dim]"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%MZ")
    return "(unknown)" if value is None else str(value)


def _comparison(c: Comparison) -> str:
    within = "".join(f", {k} {_text(v)}" for k, v in c.within.items())
    head = f"{c.name}{within}: {c.key} {_text(c.second)} against {_text(c.first)}"
    if c.difference is None or c.interval is None or c.p_adjusted is None:
        return f"{head}: {c.undefined}"
    low, high = c.interval
    return (
        f"{head}: {c.difference:+,.2f} {c.unit} ({low:+,.2f} … {high:+,.2f}), "
        f"p = {c.p_adjusted:.3g} after correction"
    )


def _tell_inputs(result: Result) -> None:
    terminal = console(stderr=True)
    for report in result.inputs:
        _tell_input(report, terminal)


def _tell_input(report: Any, terminal: Console) -> None:
    if report.set_aside:
        terminal.print(
            f"{report.table}: {report.set_aside:,} of {report.rows:,} rows were set aside"
            + (f", in {report.file}" if report.file else ""),
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        for problem, n in report.problems.items():
            _line(terminal, f"  {n:,}: {problem}")
        first = report.examples[0]
        terminal.print(
            f"  first: {first.where}: {first.problem}", markup=False, highlight=False, soft_wrap=True
        )
    for column, says in report.assumed.items():
        terminal.print(
            f"{report.table}: no {column}; taken: {says}", markup=False, highlight=False, soft_wrap=True
        )


def _line(terminal: Console, text: str) -> None:
    terminal.print(text, markup=False, highlight=False, soft_wrap=True)


def _write(
    result: Result,
    comparisons: Sequence[Comparison],
    judged: Sequence[Judged],
    formats: Sequence[str],
    out: Path,
) -> None:
    from sentiment.files import write_atomically
    from sentiment.metrics.export import write
    from sentiment.metrics.report import page

    for form in formats:
        path = out / f"metrics.{form}"
        if form == "html":
            write_atomically(path, page(result, comparisons, judged, made_on=date.today()))
        else:
            write(result, path, comparisons=comparisons, judged=judged)
        console().print(f"{form}: {path}", soft_wrap=True, highlight=False)
