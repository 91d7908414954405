"""Speed and memory of the whole job beside a rival, in one run: ``python -m tests.benchmarks``.

Every figure comes from a process of its own, so that peak memory is its own and nothing is warm.
The pairs are run in turn (ours, theirs, ours, theirs ...) and the ratios of neighbours are given,
since a machine's speed drifts. Results replace ``RESULTS.md`` beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REAL_CALL = ROOT.parent / "shared" / "data" / "calls" / "auto_repairs_40.stereo.flac"
SAMPLE_CALL = ROOT / "sentiment" / "samples" / "angry_then_resolved.ogg"


# -- what is measured: each runs in its own process and returns its figures ------------------------


def ours(path: str, model: str) -> dict[str, float]:
    """The whole job, audio to a scored call as JSON, the models loaded before the clock starts."""
    import sentiment
    from sentiment.audio import open_recording

    analyser = sentiment.load(sentiment.TranscriberOptions(model=model))
    began = time.perf_counter()
    analyser.transcriber()
    analyser.scorer()
    loading = time.perf_counter() - began
    stages: dict[str, float] = {}
    last = ["opening", time.perf_counter()]

    def tell(stage: str, _fraction: float) -> None:
        now = time.perf_counter()
        stages[last[0]] = stages.get(last[0], 0.0) + now - last[1]
        last[:] = [stage, now]

    began = time.perf_counter()
    with open_recording(path) as recording:
        call = analyser.score(analyser.transcribe(recording, progress=tell), progress=tell)
    sentiment.to_json(call)
    seconds = time.perf_counter() - began
    words = sum(len(u.words) for u in call.utterances)
    return {
        "seconds": seconds,
        "words": words,
        "loading": loading,
        **{f"stage {k}": v for k, v in stages.items()},
    }


PLAIN: dict[str, dict[str, Any]] = {
    "with word times, as we give them": {"word_timestamps": True},
    "text only (the library's default)": {},
    "text only, beam 5 (the command's default)": {"beam_size": 5, "best_of": 5},
}
"""How openai-whisper's own ``transcribe`` is called."""


def plain_whisper(path: str, model: str, how: str) -> dict[str, float]:
    """openai-whisper's own ``transcribe`` of every channel on the same weights, loaded beforehand."""
    import soundfile
    import soxr

    from sentiment.speech.ct2_checkpoint import load_openai_model
    from sentiment.weights import find_whisper

    whisper = load_openai_model(find_whisper(model))
    began = time.perf_counter()
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    words = 0
    for channel in samples.T:
        audio = soxr.resample(channel, rate, 16_000)
        words += len(whisper.transcribe(audio, fp16=False, **PLAIN[how])["text"].split())
    return {"seconds": time.perf_counter() - began, "words": words}


def nothing() -> dict[str, float]:
    """``import sentiment`` alone."""
    began = time.perf_counter()
    import sentiment  # noqa: F401

    return {"seconds": time.perf_counter() - began}


WORKERS: dict[str, Callable[..., dict[str, float]]] = {f.__name__: f for f in (ours, plain_whisper, nothing)}


# -- running and reporting --------------------------------------------------------------------------


def measure(name: str, *args: str) -> dict[str, float]:
    """One worker in a fresh process; its figures with ``peak_mb``, the process's largest memory."""
    command = [sys.executable, "-m", "tests.benchmarks", "--worker", name, *args]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} {args}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def whole_job(runs: int, call: Path, model: str) -> list[str]:
    rounds = []
    for n in range(runs):
        print(f"whole job beside plain openai-whisper, {model}: {n + 1} of {runs}", flush=True)
        mine = measure("ours", str(call), model)
        rounds.append((mine, {how: measure("plain_whisper", str(call), model, how) for how in PLAIN}))
    mine = [m for m, _ in rounds]

    def middle(of: Sequence[dict[str, float]], what: str) -> float:
        return statistics.median(each[what] for each in of)

    total = middle(mine, "seconds")
    lines = [
        f"## Whole job, `{model}`, {call.name}",
        "",
        f"| median of {runs} | seconds | ours is faster by (lowest to highest) | peak memory, MB | words |",
        "|---|---|---|---|---|",
        f"| ours: audio to scored call | {total:.1f} | | {middle(mine, 'peak_mb'):.0f} "
        f"| {middle(mine, 'words'):.0f} |",
    ]
    for how in PLAIN:
        theirs = [t[how] for _, t in rounds]
        ratios = [t[how]["seconds"] / m["seconds"] for m, t in rounds]
        lines.append(
            f"| openai-whisper, both channels, {how} | {middle(theirs, 'seconds'):.1f} "
            f"| **{statistics.median(ratios):.1f}x** ({min(ratios):.1f} to {max(ratios):.1f}) "
            f"| {middle(theirs, 'peak_mb'):.0f} | {middle(theirs, 'words'):.0f} |"
        )
    stages = [(k.removeprefix("stage "), middle(mine, k)) for k in mine[0] if k.startswith("stage ")]
    told = ", ".join(f"{name} {v:.2f} s ({v / total:.0%})" for name, v in stages)
    return [
        *lines,
        "",
        f"All models are loaded before the clock starts; ours take {middle(mine, 'loading'):.1f} s. "
        f"Where our time goes: {told}.",
        "",
    ]


def memory(call: Path, model: str, minutes: list[int]) -> list[str]:
    import soundfile

    samples, rate = soundfile.read(call, dtype="float32", always_2d=True)
    lines = [
        f"## Memory against length, `{model}`",
        "",
        "| minutes (stereo) | peak memory, MB | times real time |",
        "|---|---|---|",
    ]
    for length in minutes:
        print(f"memory of a call of {length} minutes", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "long.flac"
            with soundfile.SoundFile(path, "w", rate, samples.shape[1]) as file:
                left = length * 60 * rate
                while left > 0:
                    file.write(samples[:left])
                    left -= len(samples)
            found = measure("ours", str(path), model)
        lines.append(f"| {length} | {found['peak_mb']:.0f} | {length * 60 / found['seconds']:.1f} |")
    return [*lines, ""]


def start_up(runs: int) -> list[str]:
    print("start-up", flush=True)
    imports = [measure("nothing")["seconds"] for _ in range(runs)]
    helps = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(
            [Path(sys.executable).with_name("sentiment"), "--help"], capture_output=True, check=True
        )
        helps.append(time.perf_counter() - began)
    return [
        "## Start-up",
        "",
        f"`import sentiment`: {statistics.median(imports):.3f} s (median of {runs}, in a running Python); "
        f"`sentiment --help`: {statistics.median(helps):.2f} s, the whole process.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=3, help="counted pairs of each comparison")
    parser.add_argument("--model", default="base")
    parser.add_argument("--minutes", default="5,20,60", help="lengths for the memory figures")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    args = parser.parse_args()
    if args.worker:
        found = WORKERS[args.worker[0]](*args.worker[1:])
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**found, "peak_mb": peak_mb}))
        return
    call = REAL_CALL if REAL_CALL.exists() else SAMPLE_CALL
    lines = [
        "# Speed and memory",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, `{' '.join(['python -m tests.benchmarks', *sys.argv[1:]])}`, "
        f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores of {_processor()}.",
        "Absolute times drift with the machine; the ratios are what to read.",
        "",
        *whole_job(args.runs, call, args.model),
        *memory(call, args.model, [int(m) for m in args.minutes.split(",")]),
        *start_up(max(args.runs, 5)),
    ]
    args.out.write_text("\n".join(lines), "utf-8")
    print(f"written: {args.out}")


def _processor() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "an unknown processor"
    name = next(
        (line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?"
    )
    return name + (" with AMX" if "amx_bf16" in info else " without AMX")


if __name__ == "__main__":
    main()
