"""The commands on rules: ``sentiment moments`` flags stored calls anew, ``sentiment rules`` lists rules."""

from __future__ import annotations

import csv
import io
import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.terminal import FAILED, INTERRUPTED, USAGE, clear_leftovers, console, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.review import Ranked
    from sentiment.rules.values import Rules
    from service.reflagging import Outcome

__all__ = ["RulesFile", "moments", "problems", "rules", "write_overviews"]

RulesFile = Annotated[
    Path | None, typer.Option("--rules", help="File of rules (TOML). The shipped ones if left out.")
]

QUEUE_COLUMNS = (
    "place", "call_id", "agent_id", "rule", "start_ms", "end_ms", "severity", "confidence", "novelty",
    "value", "explanation",
)  # fmt: skip
"""Of the file that ``--queue`` writes."""


def moments(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Call JSON, or folders of it, as sentiment score writes it."),
    ],
    rules_file: RulesFile = None,
    top: Annotated[int, typer.Option(min=0, help="How much of the review queue to show.")] = 10,
    queue: Annotated[
        Path | None, typer.Option(help="Write the whole review queue to this file, .csv or .json.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, envvar="SENTIMENT_JOBS", help="Processes; one for each processor if left out."),
    ] = None,
) -> None:
    """Flag stored calls anew, without their audio: find moments by these rules, and say what changed."""
    from sentiment.review import review_queue
    from sentiment.threads import processors
    from service.folder_lock import sole_run
    from service.reflagging import find_calls

    if queue is not None and queue.suffix.lower() not in (".csv", ".json"):
        raise typer.BadParameter(f"{queue}: end it in .csv or .json", param_hint="--queue")
    in_force = _rules(rules_file)
    files = find_calls(paths)
    if queue is not None:
        _spare_others(queue, [path for path, _ in files])
    began = time.monotonic()
    with nullcontext() if dry_run else sole_run(path if path.is_dir() else path.parent for path in paths):
        if not dry_run:
            clear_leftovers(dict.fromkeys(path.parent for path, _ in files))
        outcomes, stopped = _reflag(files, in_force, jobs=jobs or processors(), dry_run=dry_run)
        seconds = time.monotonic() - began
        ranked = review_queue(each for outcome in outcomes for each in outcome.found)
        _show_changes(outcomes, in_force)
        _show_queue(ranked[:top])
        if not dry_run and not stopped:
            write_overviews(outcomes)
    if queue is not None:
        _write_queue(ranked, queue)
    raise typer.Exit(_report(outcomes, seconds, stopped=stopped, dry_run=dry_run))


def rules(rules_file: RulesFile = None) -> None:
    """List the rules in force, and what each finds."""
    in_force = _rules(rules_file)
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("Rule", no_wrap=True)
    table.add_column("Severity", justify="right", no_wrap=True)
    table.add_column("Finds")
    for rule in in_force.rules:
        low, high = rule.severity
        severity = f"{low:g}" if low == high else f"{low:g} – {high:g}"
        table.add_row(Text(rule.name), severity, Text(printable(rule.description)))
    console().print(table)
    n = len(in_force.rules)
    console().print(
        f"{n} {'rule' if n == 1 else 'rules'} of {in_force.source}, SHA-256 {in_force.sha256}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _rules(path: Path | None) -> Rules:
    from sentiment.rules.reader import default_rules, read_rules

    return default_rules() if path is None else read_rules(path)


def _reflag(
    files: Sequence[tuple[Path, bool]], in_force: Rules, *, jobs: int, dry_run: bool
) -> tuple[list[Outcome], bool]:
    """The outcomes so far, with a progress bar on stderr, and whether Ctrl-C cut it short."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from service.reflagging import reflag_files

    outcomes: list[Outcome] = []
    columns = (TextColumn("flagging"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(files))
        try:
            for outcome in reflag_files(files, in_force, jobs=jobs, dry_run=dry_run):
                outcomes.append(outcome)
                bar.advance(task)
        except KeyboardInterrupt:
            return outcomes, True
    return outcomes, False


def _show_changes(outcomes: Sequence[Outcome], in_force: Rules) -> None:
    """A row for each rule: moments added, gone, reworded and kept, and in how many calls it changed any."""
    from collections import Counter

    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    counts = Counter((change.rule, change.what) for o in outcomes for change in o.changes)
    calls = Counter(
        rule for o in outcomes for rule in {change.rule for change in o.changes if change.what != "kept"}
    )
    known = [rule.name for rule in in_force.rules]
    names = [*known, *sorted({rule for rule, _ in counts} - set(known))]
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("Rule", no_wrap=True)
    for name in ("Added", "Gone", "Reworded", "Kept", "Calls changed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in names:
        numbers = [counts[name, what] for what in ("added", "gone", "reworded", "kept")]
        if any(numbers):
            table.add_row(Text(name), *(str(n) if n else "–" for n in (*numbers, calls[name])))
    if table.row_count:
        console().print(table)


def _show_queue(ranked: Sequence[Ranked]) -> None:
    """A heading and a sentence for each moment; a table would leave the sentences no room."""
    from rich.padding import Padding
    from rich.text import Text

    out = console()
    if ranked:
        out.print("[bold]To review first[/bold]")
    for place, each in enumerate(ranked, 1):
        moment = each.candidate.moment
        head = f"{place:>3}  {each.candidate.call_id}  {moment.rule}  {moment.severity:.2f}"
        out.print(Text(printable(head), style="bold"), soft_wrap=True)
        out.print(Padding(Text(printable(moment.explanation)), (0, 0, 0, 5)))
    if ranked:
        out.print()


def _spare_others(queue: Path, inputs: Sequence[Path]) -> None:
    """Refuse to write the queue over a call, or over a file that no queue was written to before."""
    if not queue.exists():
        return
    if any(queue.samefile(path) for path in inputs):
        why = "is one of the files to flag"
    elif not queue.is_file():
        why = "is not a file"
    else:
        with queue.open("rb") as file:
            begins = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not begins or begins.startswith(b"[" if queue.suffix.lower() == ".json" else b"place,call_id,"):
            return
        why = "holds something else than a queue"
    told = f"Error: {queue}: {why}; name another file with --queue"
    console(stderr=True).print(printable(told), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(USAGE)


def _write_queue(ranked: Sequence[Ranked], path: Path) -> None:
    """The queue as a CSV table or a JSON list, the same columns in both."""
    from sentiment.files import write_atomically

    rows = [_columns(place, each) for place, each in enumerate(ranked, 1)]
    if path.suffix.lower() == ".json":
        text = json.dumps(rows, ensure_ascii=False, indent=1)
    else:
        lines = io.StringIO()
        writer = csv.DictWriter(lines, QUEUE_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text = lines.getvalue()
    write_atomically(path, text, remedy="free some space, or name another file with --queue")
    console().print(f"Queue: {path}", soft_wrap=True, highlight=False)


def _columns(place: int, each: Ranked) -> dict[str, object]:
    moment = each.candidate.moment
    values = (
        place, each.candidate.call_id, each.candidate.agent_id, moment.rule, moment.start_ms, moment.end_ms,
        moment.severity, round(each.candidate.confidence, 3), round(each.novelty, 3), round(each.value, 4),
        moment.explanation,
    )  # fmt: skip
    return dict(zip(QUEUE_COLUMNS, values, strict=True))


def write_overviews(outcomes: Sequence[Outcome]) -> None:
    """Make the overview anew in each folder that has one, if it is older than a call in it."""
    from sentiment.files import write_atomically
    from sentiment.formats.html import index_page
    from service.scoring import earlier_rows

    by_folder: dict[Path, list[Outcome]] = {}
    for outcome in outcomes:
        by_folder.setdefault(outcome.source.parent, []).append(outcome)
    for folder, inside in by_folder.items():
        index = folder / "index.html"
        if not index.is_file():
            continue
        made_ns = index.stat().st_mtime_ns
        shown = [(o, o.row) for o in inside if o.row is not None]
        if any(o.changed or o.mended or o.source.stat().st_mtime_ns > made_ns for o, _ in shown):
            rows = [row for _, row in shown]
            rows += earlier_rows(folder, but={row.id for row in rows})
            write_atomically(index, index_page(rows, ()))


def _report(outcomes: Sequence[Outcome], seconds: float, *, stopped: bool, dry_run: bool) -> int:
    """One line of what was done, every failure on stderr, and the exit code."""
    errors = console(stderr=True)
    for told in problems(outcomes):
        errors.print(printable(told), markup=False, highlight=False, soft_wrap=True)
    failed = sum(bool(o.error or o.stale) for o in outcomes)
    done = [o for o in outcomes if o.error is None and not o.skipped]
    changed = sum(o.changed for o in done)
    would = "would change" if dry_run else "changed"
    line = f"{len(done)} {'call' if len(done) == 1 else 'calls'} in {seconds:.1f} s: {changed} {would}"
    if mended := sum(o.mended for o in done):
        pages = "page" if mended == 1 else "pages"
        line += f"; {mended} {pages} older than the call {'would be ' if dry_run else ''}made anew"
    if skipped := sum(o.skipped for o in outcomes):
        line += f"; {skipped} other JSON {'file' if skipped == 1 else 'files'} left alone"
    if failed:
        line += f"; {failed} failed"
    console().print(line, highlight=False)
    if stopped:
        errors.print("Stopped. What was finished is kept.", highlight=False)
        return INTERRUPTED
    return FAILED if failed else 0


_NAMED = 5
"""How many files a warning names."""


def problems(outcomes: Sequence[Outcome]) -> list[str]:
    """A line for each failure, one for all of a folder that cannot be written, and one for damaged files."""
    lines: list[str] = []
    unwritten: dict[Path, list[str]] = {}
    for outcome in outcomes:
        if outcome.unwritten and outcome.error:
            unwritten.setdefault(outcome.source.parent, []).append(outcome.error)
        elif outcome.error or outcome.stale:
            lines.append(f"Error: {outcome.error or outcome.stale}")
    for first, *others in unwritten.values():
        more = f" ({len(others)} more in this folder)" if others else ""
        lines.append(f"Error: {first}{more}")
    if damaged := [str(o.source) for o in outcomes if o.damaged]:
        more = f" and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
        lines.append(
            f"Warning: {', '.join(damaged[:_NAMED])}{more}: empty or not JSON; if these were calls, they are "
            "lost: score their recordings again"
        )
    return lines
