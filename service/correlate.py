"""``sentiment correlate``: do the estimates agree with the surveys that came back?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment.errors import MetricError
from service.terminal import console, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.correlation import Correlation

__all__ = ["correlate"]

FORMATS = ("html", "json", "csv", "pdf")
Files = list[str] | None


def correlate(
    calls: Annotated[
        str, typer.Option(metavar="DIR", help="Scored calls: the folder of their JSON, or a table.")
    ],
    surveys: Annotated[
        list[str], typer.Option(metavar="FILE", help="Survey answers: CSV, Parquet or JSON lines.")
    ],
    by: Annotated[
        str, typer.Option(metavar="LIST", help="Groups whose means are compared, each for itself.")
    ] = "",
    contacts: Annotated[
        Files, typer.Option(metavar="FILE", help="Contact records, for waits, resolution ...")
    ] = None,
    customers: Annotated[Files, typer.Option(metavar="FILE", help="Customers, for who left.")] = None,
    map: Annotated[  # noqa: A002 - the option's name
        Files, typer.Option(metavar="TABLE=MAP", help="Column map, as surveys=map.toml; repeatable.")
    ] = None,
    report: Annotated[
        Path, typer.Option(help="The report; other forms go beside it, with the rows set aside.")
    ] = Path("report.html"),
    format: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(
            metavar="LIST", help=f"Any of {', '.join(FORMATS)}; as the report is named if left out."
        ),
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="IANA zone of days and weeks, and of times without an offset.")
    ] = "UTC",
    late_days: Annotated[
        float, typer.Option(min=0, help="Answers later than this after the call are counted as late.")
    ] = 14.0,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples for intervals.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other resamples.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; all if left out.")] = None,
    memory: Annotated[str, typer.Option(help="Memory DuckDB may take before it spills to disk.")] = "3GB",
) -> None:
    """Hold estimates and sentiment against CSAT, NPS and CES: how well they agree, how surely, for whom."""
    formats = _formats(format, report)
    _require_engine()
    from sentiment.correlation import CorrelationOptions, Resampling
    from sentiment.correlation import correlate as correlated
    from sentiment.metrics import Calendar

    found = correlated(
        calls=calls,
        surveys=surveys,
        by=[part.strip() for part in by.split(",") if part.strip()],
        contacts=contacts,
        customers=customers,
        maps=dict(_pairs(map)),
        calendar=Calendar(timezone=timezone),
        options=CorrelationOptions(
            late_days=late_days, resampling=Resampling(resamples=resamples, seed=seed)
        ),
        set_aside=report.parent,
        threads=threads,
        memory=memory,
    )  # fmt: skip
    _tell(found)
    _write(found, report, formats)


def _require_engine() -> None:
    from importlib.util import find_spec

    if find_spec("ibis") is None or find_spec("statsmodels") is None:
        raise MetricError("correlation needs more packages; pip install 'conversation-sentiment[metrics]'")


def _formats(text: str | None, report: Path) -> tuple[str, ...]:
    own = report.suffix.removeprefix(".").lower()
    wanted = tuple(dict.fromkeys(p.strip().lower() for p in (text or own).split(",") if p.strip()))
    if not wanted or set(wanted) - set(FORMATS):
        given = text if text is not None else str(report)
        option = "--format" if text is not None else "--report"
        raise typer.BadParameter(f"{given!r}; choose from {', '.join(FORMATS)}", param_hint=option)
    return wanted


def _pairs(texts: Sequence[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for text in texts or ():
        key, sign, value = text.partition("=")
        if not sign or not key or not value:
            raise typer.BadParameter(f"{text!r}; write TABLE=MAP", param_hint="--map")
        pairs.append((key, value))
    return pairs


def _tell(found: Correlation) -> None:
    """The verdict and the main figures on the terminal; cautions on stderr."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from sentiment.correlation.wording import instrument_name, with_interval

    terminal, errors = console(), console(stderr=True)
    _line(terminal, found.verdict)
    table = Table("", "figure", "95 % interval", "n", "customers", header_style="bold", box=SIMPLE_HEAD)
    for one in found.instruments:
        for name, figure in one.main.figures.items():
            told = figure.reason or f"{figure.low:.3f} … {figure.high:.3f}"
            value = "–" if figure.value is None else f"{figure.value:.3f}"
            table.add_row(f"{instrument_name(one.name)} {name}", value, told, f"{figure.n:,}",
                          f"{figure.n_customers:,}")  # fmt: skip
        for group in one.groups:
            _line(terminal, f"{instrument_name(one.name)} by {group.by}: "
                  + (group.reason or f"Spearman {with_interval(group.figures['spearman'])} of the means of "
                     f"{group.n_compared}"))  # fmt: skip
    if table.row_count:
        terminal.print(table)
    for caution in (*found.cautions, *(c for i in found.instruments for c in i.cautions)):
        _line(errors, f"{'Warning' if caution.serious else 'Note'}: {caution.name}: {caution.says}")
    read = found.read
    for says, n in (
        ("rows of surveys were set aside", read.n_set_aside),
        ("answers were answered again later; the newest counts", read.n_superseded),
        ("answers belong to no call that was given", read.n_without_call + read.n_without_id),
    ):
        if n:
            _line(errors, f"Note: {n:,} {says}.")
    for text in read.assumed:
        _line(errors, f"Note: {text}.")


def _line(terminal: Any, text: str) -> None:
    terminal.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def _write(found: Correlation, report: Path, formats: Sequence[str]) -> None:
    from sentiment.correlation.export import answers_csv, to_csv, to_json
    from sentiment.correlation.report import page
    from sentiment.files import write_atomically

    contents: list[tuple[Path, str | bytes]] = []
    html = page(found, made_on=date.today()) if {"html", "pdf"} & set(formats) else ""
    for form in formats:
        path = report.with_suffix(f".{form}")
        if form == "html":
            contents.append((path, html))
        elif form == "json":
            contents.append((path, to_json(found)))
        elif form == "csv":
            contents += [(path, to_csv(found)), (report.with_suffix(".answers.csv"), answers_csv(found))]
        else:
            from sentiment.correlation.pdf import to_pdf

            contents.append((path, to_pdf(html)))
    for path, content in contents:
        write_atomically(path, content, remedy="free some space or choose another --report")
        console().print(f"{path.suffix.removeprefix('.')}: {path}", soft_wrap=True, highlight=False)
