"""The command ``sentiment``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from sentiment import __version__
from sentiment.errors import InputError, MetricError, RulesError, SentimentError, UnknownModelError
from service import correlate as correlate_command
from service import fit as fit_command
from service import keep, users_command, work_commands
from service import metrics as metrics_command
from service import moments as moments_command
from service.terminal import FAILED, INTERRUPTED, USAGE, clear_leftovers, console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Role
    from sentiment.pipeline import Analyser
    from service.scoring import Outcome

__all__ = ["main"]

app = typer.Typer(
    name="sentiment",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Listens to calls: who said what, how the customer felt, where that turned, what to review.",
)

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Recordings, folders of them; for score also text (.jsonl .csv)."),
]
Out = Annotated[Path, typer.Option(help="Folder for the results; made if it is not there.")]
Channels = Annotated[
    str | None,
    typer.Option(
        metavar="ROLE=N,...", help="Who is on which channel, as agent=0,customer=1. Worked out if left out."
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        envvar="SENTIMENT_MODEL",
        help="Whisper model: base and tiny.en come with the package; or a hub id, or a local path.",
    ),
]
Engine = Annotated[str, typer.Option(envvar="SENTIMENT_ENGINE", help="faster-whisper or openai-whisper.")]
Language = Annotated[str | None, typer.Option(help="Language spoken, as en or de. Detected if left out.")]
Device = Annotated[str, typer.Option(envvar="SENTIMENT_DEVICE", help="cpu, cuda or auto.")]
ComputeType = Annotated[
    str | None,
    typer.Option(envvar="SENTIMENT_COMPUTE_TYPE", help="Number type of faster-whisper: int8, float32 ..."),
]
BeamSize = Annotated[int | None, typer.Option(min=1, help="Whisper's beam; 1 is greedy and fastest.")]
Threads = Annotated[
    int | None, typer.Option(min=1, envvar="SENTIMENT_THREADS", help="Processor threads; all if left out.")
]


@app.command()
def score(
    paths: Paths,
    out: Out = Path("out"),
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option(metavar="LIST", help="What to write for each call: json, html, vtt, srt, txt, tca.")
    ] = "json,html",
    channels: Channels = None,
    model: ModelName = "base",
    engine: Engine = "faster-whisper",
    language: Language = None,
    device: Device = "cpu",
    compute_type: ComputeType = None,
    beam_size: BeamSize = None,
    threads: Threads = None,
    rules: moments_command.RulesFile = None,
    satisfaction: fit_command.SatisfactionDir = None,
    score_agent_voice: Annotated[
        bool,
        typer.Option(
            "--score-agent-voice",
            help="Measure the agent's voice too. Prohibited in the EU: AI Act, Article 5(1)(f).",
        ),
    ] = False,
) -> None:
    """Score calls: transcript, sentiment, shifts and flagged moments, a report for each and an overview."""
    from service.scoring import FORMATS

    analyser = _analyser(
        model=model, engine=engine, language=language, device=device,
        compute_type=compute_type, beam_size=beam_size, threads=threads, score_agent_voice=score_agent_voice,
        rules=rules, satisfaction=satisfaction,
    )  # fmt: skip
    formats = _formats(format, FORMATS, "--format")
    outcomes, stopped = _run(analyser, paths, out=out, formats=formats, channels=channels)
    _show_table(outcomes)
    if "html" in formats and outcomes:
        _write_index(outcomes, out)
    elif any(outcome.row for outcome in outcomes):
        console().print(f"Results: {out}", soft_wrap=True, highlight=False)
    raise typer.Exit(_report(outcomes, stopped))


@app.command()
def transcribe(
    paths: Paths,
    out: Out = Path(),
    output_format: Annotated[
        str, typer.Option(metavar="LIST", help="What to write: vtt, srt, txt, json.")
    ] = "vtt",
    channels: Channels = None,
    model: ModelName = "base",
    engine: Engine = "faster-whisper",
    language: Language = None,
    device: Device = "cpu",
    compute_type: ComputeType = None,
    beam_size: BeamSize = None,
    threads: Threads = None,
) -> None:
    """Write down what was said and by whom; nothing is scored."""
    analyser = _analyser(
        model=model, engine=engine, language=language, device=device,
        compute_type=compute_type, beam_size=beam_size, threads=threads,
    )  # fmt: skip
    formats = _formats(output_format, ("vtt", "srt", "txt", "json"), "--output-format")
    outcomes, stopped = _run(
        analyser, paths, out=out, formats=formats, channels=channels, transcribe_only=True
    )
    for outcome in outcomes:
        if outcome.row:
            from sentiment.files import file_stem

            for form in formats:
                console().print(out / f"{file_stem(outcome.row.id)}.{form}", soft_wrap=True, highlight=False)
    raise typer.Exit(_report(outcomes, stopped))


@app.command()
def doctor() -> None:
    """Say what is installed and which models are found where, with their checksums."""
    from service.doctor import examine

    raise typer.Exit(0 if examine(console()) else FAILED)


app.add_typer(metrics_command.app, name="metrics")
app.add_typer(users_command.app, name="user")
app.command(name="correlate")(correlate_command.correlate)
app.command(name="moments")(moments_command.moments)
app.command(name="rules")(moments_command.rules)
app.command(name="fit")(fit_command.fit)
app.command(name="estimate")(fit_command.estimate)
app.command(name="serve")(keep.serve)
app.command(name="backup")(keep.backup)
app.command(name="restore")(keep.restore)
app.add_typer(keep.audit, name="audit")
app.command(name="worker")(work_commands.worker)
app.add_typer(work_commands.key, name="key")


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        console().print(f"sentiment {__version__}", highlight=False)
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit(USAGE)


def main() -> None:
    """Run the command; every foreseen error is one line on stderr and a non-zero exit code."""
    try:
        app()
    except (UnknownModelError, RulesError, MetricError) as error:
        _fail(error, USAGE)
    except SentimentError as error:
        _fail(error, FAILED)
    except KeyboardInterrupt:
        console(stderr=True).print("Stopped.")
        sys.exit(INTERRUPTED)


def _fail(error: SentimentError, code: int) -> None:
    console(stderr=True).print(f"Error: {error}", markup=False, soft_wrap=True, highlight=False)
    sys.exit(code)


def _analyser(
    *,
    engine: str,
    threads: int | None,
    score_agent_voice: bool = False,
    rules: Path | None = None,
    satisfaction: Path | None = None,
    **options: Any,
) -> Analyser:
    from sentiment.pipeline import load
    from sentiment.rules.reader import read_rules
    from sentiment.speech.transcriber import EngineName, TranscriberOptions

    if engine not in get_args(EngineName):
        raise typer.BadParameter(
            f"{engine!r}; choose from {', '.join(get_args(EngineName))}", param_hint="--engine"
        )
    if satisfaction is not None:
        from sentiment.satisfaction.files import read_model

        read_model(satisfaction)  # a wrong folder is told before anything is heard
    given = {name: value for name, value in options.items() if value is not None}
    return load(
        TranscriberOptions(engine=cast("EngineName", engine), threads=threads, **given),
        threads=threads,
        score_agent_voice=score_agent_voice,
        rules=None if rules is None else read_rules(rules),
        satisfaction=satisfaction,
    )


def _formats(text: str, known: Sequence[str], option: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not wanted or set(wanted) - set(known):
        raise typer.BadParameter(f"{text!r}; choose from {', '.join(known)}", param_hint=option)
    return wanted


def _run(
    analyser: Analyser,
    paths: Sequence[Path],
    *,
    out: Path,
    formats: Sequence[str],
    channels: str | None,
    transcribe_only: bool = False,
) -> tuple[list[Outcome], int]:
    """Score with a progress bar on stderr; the outcomes so far, and the exit code if it was cut short."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from sentiment.files import make_folder
    from service.scoring import Outcome, find_inputs, score_file

    roles = _roles(channels)
    make_folder(out)
    clear_leftovers([out])
    inputs: list[Path] = []
    outcomes: list[Outcome] = []
    for path in paths:
        try:
            inputs += [found for found in find_inputs(path) if found not in inputs]
        except InputError as error:
            outcomes.append(Outcome(source=path, error=str(error)))
    taken: dict[str, Path] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(inputs))
        try:
            for n, path in enumerate(inputs):

                def tell(stage: str, fraction: float, n: int = n, name: str = path.name) -> None:
                    bar.update(task, description=f"{name[:40]}: {stage}", completed=n + fraction)

                for outcome in score_file(
                    analyser, path, out=out, formats=formats, taken=taken, roles=roles,
                    transcribe_only=transcribe_only, progress=tell,
                ):  # fmt: skip
                    outcomes.append(outcome)
                    said = "failed" if outcome.row is None else f"done in {outcome.seconds:.1f} s"
                    for line in (said, *(f"warning: {warning}" for warning in outcome.warnings)):
                        bar.console.print(
                            f"{path.name}: {line}", markup=False, highlight=False, soft_wrap=True
                        )
        except KeyboardInterrupt:
            return outcomes, INTERRUPTED
        except UnknownModelError as error:
            outcomes.append(Outcome(source=path, error=str(error)))
            return outcomes, USAGE
    return outcomes, 0


def _roles(channels: str | None) -> dict[int, Role] | None:
    from sentiment.formats.sidecar import parse_channels

    try:
        return None if channels is None else parse_channels(channels)
    except SentimentError as error:
        raise typer.BadParameter(str(error), param_hint="--channels") from None


def _show_table(outcomes: Sequence[Outcome]) -> None:
    """The calls that were scored, a row each."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from sentiment.formats.display import clock, humanise, signed

    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("Call", overflow="fold")
    for name in ("Duration", "Customer\nstart → end"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Shape", width=9)
    for name in ("Peak\nintensity", "Flagged\nmoments"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in (outcome.row for outcome in outcomes):
        if row is None:
            continue
        table.add_row(
            Text(row.id),
            clock(row.duration_ms),
            "–" if row.start is None or row.end is None else f"{signed(row.start)} → {signed(row.end)}",
            humanise(row.shape) if row.shape else "–",
            "–" if row.peak_intensity is None else f"{row.peak_intensity:.2f}",
            str(row.n_moments),
        )
    if table.row_count:
        console().print(table)


def _report(outcomes: Sequence[Outcome], stopped: int) -> int:
    """Tell of every failure on stderr, and give the exit code; ``stopped`` is that of a run cut short."""
    errors = console(stderr=True)
    failures = [outcome for outcome in outcomes if outcome.row is None]
    for outcome in failures:
        errors.print(f"Error: {outcome.error}", markup=False, highlight=False, soft_wrap=True)
    if stopped == INTERRUPTED:
        n_done = len(outcomes) - len(failures)
        calls = "call was" if n_done == 1 else "calls were"
        errors.print(f"Stopped. {n_done} {calls} finished and kept.", highlight=False)
    return stopped or (FAILED if failures else 0)


def _write_index(outcomes: Sequence[Outcome], out: Path) -> None:
    from sentiment.files import write_atomically
    from sentiment.formats.html import index_page
    from sentiment.summary import Failure
    from service.scoring import earlier_rows

    rows = [outcome.row for outcome in outcomes if outcome.row]
    rows += earlier_rows(out, but={row.id for row in rows})
    failures = [Failure(name=str(o.source), error=o.error or "") for o in outcomes if o.row is None]
    index = out / "index.html"
    write_atomically(index, index_page(rows, failures))
    console().print(f"Report: {index}", soft_wrap=True, highlight=False)
