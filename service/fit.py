"""``sentiment fit`` learns satisfaction from your own surveys, ``sentiment estimate`` estimates by it."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment.errors import MetricError
from service.terminal import FAILED, INTERRUPTED, clear_leftovers, console, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sentiment.call import Call, Model
    from sentiment.fitting import Fitted
    from service.reflagging import Outcome

__all__ = ["SatisfactionDir", "estimate", "fit"]

SatisfactionDir = Annotated[
    Path | None,
    typer.Option("--satisfaction", help="Folder that sentiment fit wrote. The shipped estimate if left out."),
]


def fit(
    calls: Annotated[Path, typer.Option(metavar="DIR", help="Scored calls: the folder of their JSON.")],
    surveys: Annotated[
        list[str],
        typer.Option(metavar="FILE", help="Survey answers: CSV, Parquet or JSON lines; repeatable."),
    ],
    map: Annotated[  # noqa: A002 - the option's name
        Path | None, typer.Option(help="Column map of the surveys: a TOML file.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the model and its report.")] = Path("satisfaction"),
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Write the model even if it is no better than the shipped one.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; all if left out.")] = None,
) -> None:
    """Learn on your own surveys how satisfied callers are; say whether that beats the shipped estimate."""
    _require()
    from sentiment.affect.text import load_text_scorer
    from sentiment.files import make_folder, write_atomically
    from sentiment.fitting import fit as fitted_to

    make_folder(out)
    scored, unread = _read_calls(calls)
    for told in unread:
        console(stderr=True).print(
            printable(f"Warning: left out: {told}"), markup=False, highlight=False, soft_wrap=True
        )
    with _progress() as tell:
        fitted = fitted_to(
            scored,
            surveys=surveys if len(surveys) > 1 else surveys[0],
            scorer=load_text_scorer(threads=threads),
            maps={"surveys": map} if map else None,
            set_aside=out,
            progress=tell,
        )
    text = fitted.report()
    for line in text.split("\n"):
        console().print(printable(line), markup=False, highlight=False, soft_wrap=True)
    write_atomically(out / "report.md", text + "\n")
    body = json.dumps(fitted.body(), ensure_ascii=False, indent=1, allow_nan=False)
    write_atomically(out / "report.json", body + "\n")
    _write(fitted, out, anyway=anyway)


def _write(fitted: Fitted, out: Path, *, anyway: bool) -> None:
    from sentiment.satisfaction.files import write_model

    if fitted.better or anyway:
        model = fitted.stored if anyway else fitted.recommended
        revision = write_model(model, out)
        kept = [name for name in fitted.instruments if name not in model.about["fitted"]]
        told = (
            f"Model: {out}, revision {revision}. Use it with: sentiment estimate CALLS --satisfaction {out}"
            + (f". The fit to {', '.join(map(str.upper, kept))} is not in it (--anyway)" if kept else "")
        )
    else:
        told = "No model was written: the report says why the fit is not to be used; --anyway writes it."
        if (out / "model.json").is_file():
            told += f" {out} still holds the model of an earlier run."
    console().print(printable(told), markup=False, highlight=False, soft_wrap=True)
    console().print(f"Report: {out / 'report.md'}", markup=False, highlight=False, soft_wrap=True)


def estimate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Call JSON, or folders of it, as sentiment score writes it."),
    ],
    satisfaction: SatisfactionDir = None,
    rules_file: Annotated[
        Path | None, typer.Option("--rules", help="File of rules (TOML). The shipped ones if left out.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; all if left out.")] = None,
) -> None:
    """Estimate stored calls anew, without their audio: by another model, or where there was none yet."""
    from sentiment.affect.text import load_text_scorer
    from sentiment.rules.reader import default_rules, read_rules
    from sentiment.satisfaction.estimate import load_satisfaction
    from service.estimating import estimate_file
    from service.folder_lock import sole_run
    from service.moments import write_overviews
    from service.reflagging import find_calls

    files = find_calls(paths)
    rules = default_rules() if rules_file is None else read_rules(rules_file)
    model = load_satisfaction(load_text_scorer(threads=threads), satisfaction)
    outcomes: list[Outcome] = []
    stopped = False
    with sole_run(path if path.is_dir() else path.parent for path in paths), _progress() as tell:
        clear_leftovers(dict.fromkeys(path.parent for path, _ in files))
        try:
            for n, (path, named) in enumerate(files):
                tell("estimating", n / len(files))
                outcomes.append(estimate_file(path, model, rules, named=named))
        except KeyboardInterrupt:
            stopped = True
        write_overviews(outcomes)
    raise typer.Exit(_report(outcomes, model.model, stopped=stopped))


def _report(outcomes: Sequence[Outcome], model: Model, *, stopped: bool) -> int:
    """What was estimated, why the rest was not, every failure on stderr, and the exit code."""
    from service.moments import problems

    errors = console(stderr=True)
    for told in problems(outcomes):
        errors.print(printable(told), markup=False, highlight=False, soft_wrap=True)
    done = [o for o in outcomes if o.error is None and not o.skipped]
    why = Counter(o.abstained.split(":")[0] for o in done if o.abstained)
    n = len(done) - why.total()
    line = f"{n} {'call' if n == 1 else 'calls'} estimated by {model.name} {model.revision}"
    if skipped := sum(o.skipped for o in outcomes):
        line += f"; {skipped} other JSON {'file' if skipped == 1 else 'files'} left alone"
    failed = sum(bool(o.error or o.stale) for o in outcomes)
    if failed:
        line += f"; {failed} failed"
    console().print(line, highlight=False)
    for reason, times in why.most_common():
        console().print(
            printable(f"{times} not estimated: {reason}"), markup=False, highlight=False, soft_wrap=True
        )
    if stopped:
        errors.print("Stopped. What was finished is kept.", highlight=False)
        return INTERRUPTED
    return FAILED if failed else 0


def _require() -> None:
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("ibis", "statsmodels", "sklearn")):
        raise MetricError("fitting needs more packages; pip install 'conversation-sentiment[surveys]'")


def _read_calls(folder: Path) -> tuple[list[Call], list[str]]:
    """Every call of a folder, and a line for each file that should hold one and does not.

    Raises:
        InputError: the folder is not there, holds no call, or two calls of one id.
    """
    from sentiment.call import from_json
    from sentiment.errors import ConversationError, InputError
    from service.reflagging import find_calls, is_call, is_json

    calls: dict[str, tuple[Path, Call]] = {}
    unread = []
    for path, _ in find_calls([folder]):
        try:
            text = path.read_bytes()
            if not is_call(text):
                if not is_json(text):
                    unread.append(f"{path}: empty or not JSON; if it was a call, score its recording again")
                continue
            call = from_json(text)
        except ConversationError as error:
            unread.append(f"{path}: {error}")
            continue
        except OSError as error:
            unread.append(f"{path}: cannot be read ({error.strerror}); check its permissions")
            continue
        if call.id in calls:
            raise InputError(
                f"{path}: has the call id {call.id!r}, as {calls[call.id][0]} does, so it cannot be said "
                "whose the answers are; move one of them elsewhere"
            )
        calls[call.id] = path, call
    if not calls:
        why = f" ({unread[0]})" if unread else ""
        raise InputError(f"{folder}: holds no scored calls{why}; score calls with --format json first")
    return [call for _, call in calls.values()], unread


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task: Any = bar.add_task("", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)
