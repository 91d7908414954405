"""How fast stored calls are flagged anew: ``python -m tests.benchmarks.bench_moments`` (PYTHONPATH=.:models).

The calls are synthetic and seeded: 60 utterances each, words of the service calls in ``models/corpus``
with times, the 28 emotions, a mood that goes through two or three levels, and shifts found by
``sentiment.shifts``. They are written by ``to_json``, as ``sentiment score`` writes them, and flagged by
``service.reflagging``, which is what ``sentiment moments`` runs:

    other rules     stored without moments: every call changes and every file is written
    the same rules  once more: every call is read and flagged, and nothing is written
    by meaning      the shipped rules and one by meaning: the sentence embeddings of every utterance

Processor time is that of the process and its children. That the results are equal, however many
processes, is checked each time. Figures replace ``MOMENTS.md`` beside this file.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import random
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.service_calls import ServiceCalls, ServiceUtterance

from sentiment.call import Call, Channel, Score, Utterance, Word, to_json
from sentiment.characteristics import characterise
from sentiment.rules.felt import EMOTIONS
from sentiment.rules.reader import default_rules, rules_of
from sentiment.shape import call_shape
from sentiment.shifts import find_shifts
from service.reflagging import find_calls, reflag_files

if TYPE_CHECKING:
    from sentiment.rules.values import Rules

HERE = Path(__file__).resolve().parent
N_UTTERANCES = 60
GOAL_S = 60.0
BY_MEANING = """
include_default = true
[[rule]]
name = "not_called_back"
description = "The customer says that nobody called back."
severity = 0.5
explanation = "{when} the customer said something like {example}: {quote}"
[[rule.all]]
filter = "meaning"
role = "customer"
examples = ["nobody called me back", "I am still waiting for the call you promised"]
"""


# -- stored calls ----------------------------------------------------------------------------------


class Stored:
    """Makes stored calls, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        said = ServiceCalls().examples(random.Random(seed), held=False, copies=1)
        self._agent = [each for each in said if each.role == "agent"]
        self._customer = sorted((each for each in said if each.role == "customer"), key=lambda e: e.valence)

    def call(self, number: int) -> Call:
        """A call of :data:`N_UTTERANCES`, agent and customer in turn."""
        rng, now_ms = self._rng, 500
        levels = [rng.uniform(-0.8, 0.6) for _ in range(rng.choice((2, 3)))]
        utterances = []
        for index in range(N_UTTERANCES):
            if index % 2:
                drawn = self._near(levels[index * len(levels) // N_UTTERANCES])
            else:
                drawn = rng.choice(self._agent)
            utterances.append(self._utterance(drawn, index, now_ms))
            now_ms = (utterances[-1].end_ms or 0) + rng.choice((100, 400, 900, 2_500))
            if rng.random() < 0.02:
                now_ms += rng.randrange(5_000, 60_000)
        call = Call(
            id=f"call-{number:05}",
            duration_ms=now_ms,
            agent_id=f"agent-{number % 50}",
            channels=tuple(
                Channel(index=i, role=role, source="inferred", confidence=0.99)
                for i, role in enumerate(("agent", "customer"))
            ),
            utterances=tuple(utterances),
        )
        call = replace(call, shifts=find_shifts(call), characteristics=characterise(call))
        return replace(call, shape=call_shape(call))

    def _near(self, level: float) -> ServiceUtterance:
        near = [each for each in self._customer if abs(each.valence - level) < 0.25] or self._customer
        return self._rng.choice(near)

    def _utterance(self, drawn: ServiceUtterance, index: int, start_ms: int) -> Utterance:
        rng, words, at = self._rng, [], start_ms
        for text in drawn.text.split():
            end = at + rng.randrange(150, 450)
            words.append(Word(text=text, start_ms=at, end_ms=end, probability=round(rng.uniform(0.5, 1), 3)))
            at = end + rng.choice((0, 20, 60))
        negative, neutral, positive = drawn.classes
        score = Score(
            polarity=drawn.valence, intensity=min(1.0, abs(drawn.valence) + rng.uniform(0, 0.2)),
            p_negative=negative, p_neutral=neutral, p_positive=positive,
            emotions={e: rng.uniform(0, 0.1) + 0.5 * (e in drawn.emotions) for e in EMOTIONS},
            model="synthetic",
        )  # fmt: skip
        return Utterance(
            index=index, channel=index % 2, role=drawn.role, start_ms=start_ms, end_ms=words[-1].end_ms,
            text=drawn.text, words=tuple(words), confidence=0.9, language="en", score=score,
        )  # fmt: skip


# -- flagging them anew ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one run: wall-clock and processor seconds, how many calls changed and how many moments there are."""

    what: str
    jobs: int
    seconds: float
    processor_s: float
    changed: int
    moments: int
    digest: str


def measured(what: str, folder: Path, rules: Rules, jobs: int) -> Figures:
    """Flag all calls in ``folder``, and a digest of all that is in it afterwards."""
    began, spent = time.perf_counter(), processor_s()
    outcomes = list(reflag_files(find_calls([folder]), rules, jobs=jobs, dry_run=False))
    seconds, spent = time.perf_counter() - began, processor_s() - spent
    failed = [outcome.error for outcome in outcomes if outcome.error]
    if failed:
        raise RuntimeError(failed[0])
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.json")):
        digest.update(path.read_bytes())
    return Figures(
        what=what, jobs=jobs, seconds=seconds, processor_s=spent,
        changed=sum(outcome.changed for outcome in outcomes),
        moments=sum(len(outcome.found) for outcome in outcomes), digest=digest.hexdigest(),
    )  # fmt: skip


def processor_s() -> float:
    """Processor seconds of this process and of its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def table(figures: list[Figures], n_calls: int) -> list[str]:
    """One row a run, and what it comes to for ten thousand calls."""
    rows = [
        "| run | processes | s | processor ms a call | 10,000 calls, s | calls changed | moments |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {f.what} | {f.jobs} | {f.seconds:.1f} | {1000 * f.processor_s / n_calls:.1f} | "
        f"{10_000 * f.seconds / n_calls:.0f} | {f.changed} | {f.moments} |"
        for f in figures
    ]
    return rows


def main() -> None:
    """Make calls, flag them with each number of processes, and write the figures."""
    parser = argparse.ArgumentParser(description="How fast stored calls are flagged anew.")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--jobs", default="1,2", help="numbers of processes, as 1,2")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "MOMENTS.md")
    options = parser.parse_args()
    figures: list[Figures] = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="moments-") as place:
        stored = Path(place) / "stored"
        stored.mkdir()
        maker = Stored(options.seed)
        for number in range(options.calls):
            call = maker.call(number)
            (stored / f"{call.id}.json").write_text(to_json(call), "utf-8")
        size = sum(path.stat().st_size for path in stored.iterdir()) / options.calls
        runs = (
            ("other rules", default_rules()),
            ("the same rules", default_rules()),
            ("by meaning", rules_of(BY_MEANING, "bench")),
        )
        for jobs in map(int, options.jobs.split(",")):
            folder = Path(place) / f"jobs-{jobs}"
            shutil.copytree(stored, folder)
            figures += [measured(what, folder, rules, jobs) for what, rules in runs]
            shutil.rmtree(folder)
    for what in {f.what for f in figures}:
        if len({f.digest for f in figures if f.what == what}) > 1:
            raise RuntimeError(f"{what}: the results depend on the number of processes")
    lines = [
        "# Flagging stored calls anew",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, `python -m tests.benchmarks.bench_moments --calls {options.calls} "
        f"--jobs {options.jobs} --seed {options.seed}`, Python {platform.python_version()}, "
        f"{len(default_rules().rules)} rules. What the runs are stands at the head of that file. "
        f"{options.calls} synthetic calls of {N_UTTERANCES} utterances, {size / 1000:.0f} kB each as JSON. "
        f"The goal is 10,000 calls in {GOAL_S:.0f} s by two processes. The machine's load was "
        f"{load:.1f} for {os.cpu_count()} processors before this began.",
        "",
        *table(figures, options.calls),
        "",
    ]
    if len({f.jobs for f in figures}) > 1:
        lines += ["Every number of processes gave the same files, to the byte.", ""]
    options.out.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
