"""Shift points against rivals, on the same scores: planted calls, MELD, MAIA and the sample calls.

    PYTHONPATH=models python -m tests.benchmarks.bench_shifts --data ../shared/data [--scores FOLDER]

What the calls are and what counts as a shift there stands at the head of ``shift_sets.py``, what the rivals
are in ``shift_rivals.py``. A found shift is right if it has the direction of a true one and is at most one
utterance of the same party from it; each true one is found once. F1 is of all shifts of a set, those found
in flat calls among the wrong ones.

Ours has one setting for everything, chosen on dev calls. Each rival has the settings that are best, by F1, on
dev calls of the same noise (and in text those for text): more than a user could know. On MAIA and the
sample calls, on which nothing is tuned, it has those for text. MELD is measured twice: so, and with settings
chosen on MELD train for ours and for each rival alike ("quick talk"). "Few alarms": of the settings with at
most one false alarm in ten flat dev calls, which is what ours was held to. Dev and test calls differ in seeds
and in texts.
``--scores`` keeps the scores of the real scorer in a folder for the next run. Results replace ``SHIFTS.md``.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sentiment.affect.text import load_text_scorer
from sentiment.evaluation import Place, match_shifts
from sentiment.levels import LevelOptions
from sentiment.shifts import ShiftOptions, find_shifts
from sentiment.synthetic.calls import SHAPES, PlantOptions, plain_pool, plant, with_noise
from sentiment.triggers import find_trigger
from tests.benchmarks import shift_sets
from tests.benchmarks.bench_diarization import machine
from tests.benchmarks.shift_rivals import RIVALS, Rival
from tests.benchmarks.shift_sets import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sentiment.affect.text import TextScorer
    from sentiment.call import Call

HERE = Path(__file__).resolve().parent
OURS = "ours"
NOISES = (0.15, 0.25, 0.35, 0.5)
DEV_SEED, TEST_SEED = 100, 200
FEW_ALARMS = 0.1
LENGTHS = ((8, 15), (16, 60), (61, 300), (1000, 3000))
MID = (12, 40)
TEXT, SERVICE = "text", "text, service"


class Result(NamedTuple):
    """Counts of a detector on a set; ``late_ms`` of those right, ``alarms`` a flat call."""

    right: int
    found: int
    true: int
    alarms: int
    flat: int
    late_ms: tuple[int, ...] = ()

    @property
    def f1(self) -> float:
        """F1, 0 where there is nothing right."""
        return 2 * self.right / max(1, self.found + self.true)

    @property
    def precision(self) -> float:
        """Share of the found that are right."""
        return self.right / max(1, self.found)

    @property
    def recall(self) -> float:
        """Share of the true that are found."""
        return self.right / max(1, self.true)

    def __add__(self, other: Any) -> Result:
        """Counts together."""
        return Result(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING = Result(0, 0, 0, 0, 0)


SHIPPED = ShiftOptions()


def ours(case: Case, options: ShiftOptions = SHIPPED) -> list[Place]:
    """Our shifts of the case's party."""
    place = {index: k for k, index in enumerate(case.party)}
    return [
        Place(place[s.utterance_index], place[s.utterance_index], s.direction)
        for s in find_shifts(_only(case.call, case.party), options)
        if s.utterance_index in place
    ]


def quick_talk() -> list[ShiftOptions]:
    """Our settings for talk in which a feeling holds for a few turns only, as in a scene of a play."""
    found = []
    for stretch, odd, confidence, magnitude in itertools.product(
        (2.0, 4.0, 8.0, 16.0), (0.01, 0.1), (0.15, 0.25, 0.4), (0.2, 0.35, 0.5)
    ):
        levels = LevelOptions(expected_utterances=stretch, odd=odd)
        found.append(
            ShiftOptions(
                min_confidence=confidence, min_magnitude=magnitude, reach_utterances=1, levels=levels
            )
        )
    return found


def ours_tuned(dev: Sequence[Case]) -> Callable[[Case], list[Place]]:
    """Ours with the setting of :func:`quick_talk` that has the best F1 on dev calls."""
    settings = quick_talk()
    f1 = [total(judge_all(dev, functools.partial(ours, options=s))).f1 for s in settings]
    return functools.partial(ours, options=settings[int(np.argmax(f1))])


def theirs(rival: Rival, setting: Any, case: Case) -> list[Place]:
    """A rival's, from the same polarities."""
    scores = [case.call.utterances[i].score for i in case.party]
    return rival.find(np.array([s.polarity for s in scores if s is not None]), setting)


def judge(case: Case, found: list[Place]) -> Result:
    """What of it is right."""
    m = match_shifts(case.true, found)
    starts = [case.call.utterances[i].start_ms for i in case.party]
    late: list[int] = []
    for i, j in m.pairs:
        first, at = starts[case.true[i].first], starts[found[j].first]
        if first is not None and at is not None:
            late.append(abs(at - first))
    flat = case.shape == "flat"
    return Result(len(m.pairs), m.n_found, m.n_true, m.n_found * flat, int(flat), tuple(late))


def judge_all(cases: Sequence[Case], find: Callable[[Case], list[Place]]) -> list[Result]:
    """Case by case."""
    return [judge(case, find(case)) for case in cases]


def total(results: Sequence[Result]) -> Result:
    """All cases together."""
    return functools.reduce(Result.__add__, results, NOTHING)


def interval(results: Sequence[Result], draws: int = 1000) -> tuple[float, float]:
    """95 % of F1, by a seeded bootstrap over calls."""
    counts = np.array([(r.right, r.found, r.true) for r in results])
    picks = np.random.default_rng(0).integers(0, len(counts), (draws, len(counts)))
    right, found, true = counts[picks].sum(axis=1).T
    low, high = np.quantile(2 * right / np.maximum(1, found + true), [0.025, 0.975])
    return float(low), float(high)


def tuned(rival: Rival, dev: Sequence[Case], alarms: float | None = None) -> Callable[[Case], list[Place]]:
    """The rival with the setting that has the best F1 on dev calls, of those with so few false alarms."""
    results = [total(judge_all(dev, functools.partial(theirs, rival, s))) for s in rival.settings]
    few = [(r.f1, -i) for i, r in enumerate(results) if alarms is None or r.alarms <= alarms * max(1, r.flat)]
    return functools.partial(theirs, rival, rival.settings[-max(few)[1]])


def detectors(dev: Sequence[Case]) -> dict[str, Callable[[Case], list[Place]]]:
    """Ours, and all rivals at their best on these dev calls; the kernels with few false alarms, too."""
    found = {OURS: ours} | {rival.name: tuned(rival, dev) for rival in RIVALS}
    return found | {f"{rival.name}, few alarms": tuned(rival, dev, FEW_ALARMS) for rival in RIVALS[:2]}


# -- the sets --------------------------------------------------------------------------------------


def text_cases(
    data: Path, scorer: TextScorer, cache: Path | None, *, test: bool, service: bool, n_calls: int
) -> list[Case]:
    """Calls planted in text, read by the real scorer."""
    pool = shift_sets.text_pool(data, test=test, service=service)
    seed = (TEST_SEED if test else DEV_SEED) + service
    planted = shift_sets.plans(pool, seed=seed, n_calls=n_calls, lengths=MID, shapes=SHAPES)
    cases = [shift_sets.planted_case(p) for p in planted]
    calls = shift_sets.scored([c.call for c in cases], scorer, cache)
    return [case._replace(call=call) for case, call in zip(cases, calls, strict=True)]


def noise_cases(noise_sd: float, *, test: bool, n_calls: int, lengths: tuple[int, int] = MID) -> list[Case]:
    """Calls with scores drawn around levels."""
    seed = (TEST_SEED if test else DEV_SEED) * 1000 + round(noise_sd * 100) + lengths[0]
    return shift_sets.noisy(noise_sd, seed=seed, n_calls=n_calls, lengths=lengths, shapes=SHAPES)


def human_cases(
    labelled: Sequence[tuple[Call, dict[int, float], dict[str, list[int]]]],
    scorer: TextScorer,
    cache: Path | None,
) -> dict[str, list[Case]]:
    """Parties of calls that people labelled, by either kind of change."""
    calls = shift_sets.scored([call for call, _, _ in labelled], scorer, cache)
    found: dict[str, list[Case]] = {"flips": [], "lasting": []}
    for call, (_, labels, groups) in zip(calls, labelled, strict=True):
        for kind, cases in shift_sets.labelled(call, labels, groups).items():
            found[kind] += cases
    return found


# -- the tables ------------------------------------------------------------------------------------


def head(*cells: str) -> list[str]:
    """The first two lines of a table."""
    return [line(*cells), "|---" * len(cells) + "|"]


def line(*cells: object) -> str:
    """A line of a table."""
    return f"| {' | '.join(str(c) for c in cells)} |"


def detail(cases: Sequence[Case], finders: Mapping[str, Callable[[Case], list[Place]]]) -> list[str]:
    """Every figure of one set."""
    lines = head(
        "", "F1", "95 %", "precision", "recall", "false alarms a flat call", "off by, s (median of the right)"
    )
    for name, find in finders.items():
        results = judge_all(cases, find)
        r = total(results)
        low, high = interval(results)
        alarms = f"{r.alarms / r.flat:.2f} ({r.alarms} of {r.flat})" if r.flat else "-"
        late = f"{statistics.median(r.late_ms) / 1000:.1f}" if r.late_ms else "-"
        lines.append(
            line(
                name,
                f"**{r.f1:.3f}**",
                f"{low:.3f} to {high:.3f}",
                f"{r.precision:.3f} ({r.right} of {r.found})",
                f"{r.recall:.3f} ({r.right} of {r.true})",
                alarms,
                late,
            )
        )
    return lines


def f1_table(
    sets: Mapping[str, Sequence[Case]], finders: Mapping[str, Mapping[str, Callable[[Case], list[Place]]]]
) -> list[str]:
    """F1 of every detector on every set, and our false alarms."""
    results = {
        name: {set_: total(judge_all(cases, finders[set_][name])) for set_, cases in sets.items()}
        for name in next(iter(finders.values()))
    }
    counts = [f"{s} ({len(c)} calls, {results[OURS][s].true} shifts)" for s, c in sets.items()]
    lines = head("F1", *counts)
    lines += [line(name, *(f"{r.f1:.3f}" for r in row.values())) for name, row in results.items()]
    flat = [f"{r.alarms / r.flat:.2f}" if r.flat else "-" for r in results[OURS].values()]
    return [*lines, line("ours: false alarms a flat call", *flat)]


def trigger_table(sets: Mapping[str, Sequence[Case]]) -> list[str]:
    """Triggers found, by us and by taking the turn just before, at our shifts and at the true places."""
    lines = head("", "shifts", "ours", "the turn just before")
    for name, cases in sets.items():
        for where in ("the right ones of our shifts", "the true places"):
            n = right = before = 0
            for case in cases:
                for first, trigger, said in _triggers(case, where):
                    n += 1
                    right += said == trigger
                    turns = [u.index for u in case.call.utterances[:first] if u.role == "agent"]
                    before += bool(turns) and turns[-1] == trigger
            shares = (f"{k / n:.3f} ({k})" if n else "-" for k in (right, before))
            lines.append(line(f"{name}: {where}", n, *shares))
    return lines


def _triggers(case: Case, where: str) -> list[tuple[int, int | None, int | None]]:
    """For each shift its utterance, its true trigger, and what we say."""
    found = []
    if where == "the true places":
        for true, trigger in zip(case.true, case.triggers, strict=True):
            last, first = (case.call.utterances[case.party[true.first + k]] for k in (-1, 0))
            change = 1.0 if true.direction == "better" else -1.0
            said, _ = find_trigger(case.call, last, first, change, turns=ShiftOptions().trigger_turns)
            found.append((first.index, trigger, said.index if said else None))
        return found
    shifts = [s for s in find_shifts(case.call) if s.utterance_index in case.party]
    for i, j in match_shifts(case.true, ours(case)).pairs:
        found.append((shifts[j].utterance_index, case.triggers[i], shifts[j].trigger_index))
    return found


def sample_table(cases: Sequence[Case]) -> list[str]:
    """The sample calls one by one."""
    lines = head("call", "true shifts (turn, direction, trigger)", "found (confidence)")
    for case in cases:
        true = (
            f"{case.party[t.first]} {t.direction} {trigger}"
            for t, trigger in zip(case.true, case.triggers, strict=True)
        )
        found = (
            f"{s.utterance_index} {s.direction} {s.trigger_index} ({s.confidence:.2f})"
            for s in find_shifts(case.call)
            if s.utterance_index in case.party
        )
        lines.append(line(case.call.id, "; ".join(true) or "none", "; ".join(found) or "none"))
    return lines


def speed_table() -> list[str]:
    """Processor time of a long call, the least of three; rivals with a middling penalty."""
    lines = head("milliseconds", *(f"{n:,} utterances" for n in (750, 1500, 3000)))
    rows: dict[str, list[str]] = {OURS: []} | {r.name: [] for r in RIVALS if "ruptures" in r.name}
    for n in (750, 1500, 3000):
        options = PlantOptions(shape="steps", n_utterances=n)
        call = with_noise(plant(plain_pool(), options, seed=1), 0.25, seed=1).call
        party = tuple(u.index for u in call.said_by("customer"))
        for name, row in rows.items():
            rival = next((r for r in RIVALS if r.name == name), None)
            times = []
            for _ in range(3):
                began = time.process_time()
                if rival is None:
                    find_shifts(_only(call, party))
                else:
                    theirs(rival, rival.settings[len(rival.settings) // 2], Case(call, party, ()))
                times.append(time.process_time() - began)
            row.append(f"{min(times) * 1000:.0f}")
    return [*lines, *(line(name, *row) for name, row in rows.items())]


def _only(call: Call, party: Sequence[int]) -> Call:
    """The call with the scores of one party alone."""
    keep = set(party)
    utterances = (u if u.index in keep else dataclasses.replace(u, score=None) for u in call.utterances)
    return dataclasses.replace(call, utterances=tuple(utterances))


def by_kind(cases: Sequence[Case], finders: Mapping[str, Callable[[Case], list[Place]]]) -> list[str]:
    """Of the calls planted in text, each shape by itself."""
    shapes = [s for s in SHAPES if s != "flat"]
    lines = head("F1", *shapes)
    for name, find in finders.items():
        rows = (total(judge_all([c for c in cases if c.shape == s], find)).f1 for s in shapes)
        lines.append(line(name, *(f"{f1:.3f}" for f1 in rows)))
    return lines


def by_length() -> list[str]:
    """Noise of 0.25 at all lengths; the rivals tuned on dev calls of the same length."""
    sets, finders = {}, {}
    for n_calls, lengths in zip((150, 100, 50, 6), LENGTHS, strict=True):
        name = f"{lengths[0]} to {lengths[1]:,} utterances"
        sets[name] = noise_cases(0.25, test=True, n_calls=n_calls, lengths=lengths)
        # Pelt takes minutes for thousands of utterances: there the settings for hundreds must do.
        alike = min(lengths, LENGTHS[2])
        finders[name] = detectors(noise_cases(0.25, test=False, n_calls=30, lengths=alike))
    return f1_table(sets, finders)


def report(data: Path, scores: Path | None) -> list[str]:
    """Measure everything."""
    began = time.monotonic()
    scorer = load_text_scorer(threads=1)
    sets: dict[str, list[Case]] = {}
    finders = {}
    for name, service in ((TEXT, False), (SERVICE, True)):
        dev = text_cases(data, scorer, scores, test=False, service=service, n_calls=24)
        finders[name] = detectors(dev)
        sets[name] = text_cases(data, scorer, scores, test=True, service=service, n_calls=60)
    for noise_sd in NOISES:
        name = f"noise {noise_sd}"
        finders[name] = detectors(noise_cases(noise_sd, test=False, n_calls=100))
        sets[name] = noise_cases(noise_sd, test=True, n_calls=300)
    lines = ["## Planted calls", "", *f1_table(sets, finders), ""]
    for name in (TEXT, SERVICE):
        lines += [f"### {name.capitalize()}", "", *detail(sets[name], finders[name]), ""]
    lines += ["### Text, by shape", "", *by_kind(sets[TEXT], finders[TEXT]), ""]
    lines += ["### Noise 0.25, by length", "", *by_length(), ""]
    quick = human_cases(shift_sets.meld(data, "train", every=3), scorer, scores)
    for kind, cases in human_cases(shift_sets.meld(data), scorer, scores).items():
        tuned_on_train = {OURS: ours_tuned(quick[kind])} | {r.name: tuned(r, quick[kind]) for r in RIVALS}
        lines += [f"## MELD dev, {kind}, settings for quick talk from MELD train", ""]
        lines += [*detail(cases, tuned_on_train), ""]
    for title, labelled in (("MELD dev", shift_sets.meld(data)), ("MAIA", shift_sets.maia(data))):
        for kind, cases in human_cases(labelled, scorer, scores).items():
            lines += [f"## {title}, {kind}", "", *detail(cases, finders[TEXT]), ""]
    samples = shift_sets.sample_cases()
    calls = shift_sets.scored([c.call for c in samples], scorer, scores)
    samples = [case._replace(call=call) for case, call in zip(samples, calls, strict=True)]
    lines += ["## Sample calls, from their written words", "", *detail(samples, finders[TEXT]), ""]
    lines += [*sample_table(samples), ""]
    triggers = {name: sets[name] for name in (TEXT, SERVICE)} | {"samples": samples}
    lines += ["## Triggers", "", *trigger_table(triggers), ""]
    lines += ["## Speed", "", *speed_table(), ""]
    facts = (
        f"{datetime.now(UTC):%Y-%m-%d}, `PYTHONPATH=models python -m tests.benchmarks.bench_shifts --data "
        f"../shared/data`, {machine()}, {(time.monotonic() - began) / 60:.0f} minutes; scores by "
        f"{scorer.model.name}, weights {scorer.model.revision}. What is measured, and how, stands at the "
        "head of that file and of `shift_sets.py`. All but MELD and MAIA is synthetic."
    )
    return ["# Shift points", "", facts, "", *lines]


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of the form of shared/data")
    parser.add_argument("--scores", type=Path, help="folder that keeps the real scorer's scores")
    parser.add_argument("--out", type=Path, default=HERE / "SHIFTS.md")
    options = parser.parse_args()
    lines = report(options.data, options.scores)
    options.out.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
