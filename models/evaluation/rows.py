"""The tables of the report: each set with what is compared on it, read by every system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from corpus import public_sets
from numpy.typing import NDArray

from evaluation.figures import (
    calibration_error,
    confusion,
    crossfitted,
    f1_of_marks,
    f1_per_class,
    interval,
    macro_f1,
    pearson,
    reliability,
    weighted_f1,
)
from evaluation.sets import alone, label_of, maia, meld, sample, single_label
from sentiment.affect.text import scorable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from corpus.public_sets import Example

    from evaluation.rivals import Reading, System

__all__ = [
    "EMOTION_THRESHOLD",
    "Row",
    "Task",
    "after_speech",
    "by_class",
    "calibration",
    "emotions",
    "head",
    "line",
    "measured",
    "otherwise",
    "tasks",
]

Array = NDArray[Any]

EMOTION_THRESHOLD = 0.3
"""An emotion counts as found from this probability on, where there is one threshold for all."""

CLASS_NAMES = ("negative", "neutral", "positive")
SYSTEM_NAMES = ("ours", "VADER", "TF-IDF + linear")
VADER_REACH = {"tweets": 0.90, "amazonReview": 0.82, "movieReview": 0.85, "nytEditorial": 0.75}


def line(*cells: object) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(str(c) for c in cells)} |"


def head(*cells: str) -> list[str]:
    """The first two lines of a Markdown table."""
    return [line(*cells), "|---" * len(cells) + "|"]


def classes(reading: Reading) -> Array:
    """The classes of a reading."""
    return reading.classes


def valence(reading: Reading) -> Array:
    """The valence of a reading."""
    return reading.valence


def strength(reading: Reading) -> Array:
    """The strength of a reading."""
    return reading.strength


@dataclass(frozen=True, kw_only=True)
class Task:
    """A set with one truth ``(n,)`` for each text: what of a reading is compared with it, and how.

    ``name`` is the set's, ``reach`` the value we want to reach.
    """

    name: str
    what: str
    examples: Sequence[Example]
    truth: Array
    of: Callable[[Reading], Array]
    measure: Callable[[Array, Array], float]
    reach: float | None = None

    @property
    def title(self) -> str:
        """The set and the measure."""
        return f"{self.name}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the main table: ``values`` of ours, VADER, TF-IDF, ``None`` where one has none."""

    title: str
    n: int
    values: tuple[float | None, ...]
    reach: float | None = None
    interval: tuple[float, float] | None = None

    def cells(self) -> str:
        """The line in Markdown."""
        reach = "" if self.reach is None else f"{self.reach:.2f}"
        span = "" if self.interval is None else f"{self.interval[0]:.3f} to {self.interval[1]:.3f}"
        ours, *others = ("-" if v is None else f"{v:.3f}" for v in self.values)
        return line(self.title, self.n, reach, f"**{ours}**", span, *others)


def _classed(
    name: str, what: str, examples: Sequence[Example], measure: Callable[[Array, Array], float], reach: float
) -> Task:
    truth = np.array([label_of(e) for e in examples])
    return Task(
        name=name, what=what, examples=examples, truth=truth, of=classes, measure=measure, reach=reach
    )


def _rated(name: str, examples: Sequence[Example], reach: float | None) -> Task:
    truth = np.array([e.valence for e in examples], float)
    return Task(
        name=name,
        what="valence r (polarity)",
        examples=examples,
        truth=truth,
        of=valence,
        measure=pearson,
        reach=reach,
    )


def tasks(data: Path, split: str) -> list[Task]:
    """The main figures; ``split`` is ``dev`` or ``test``."""
    dev = public_sets.goemotions(data, split)
    single = [dev[i] for i in single_label(dev)]
    sentences = public_sets.emobank(data, split)
    arousal = Task(
        name=f"EmoBank {split}",
        what="arousal r (intensity)",
        examples=sentences,
        truth=np.array([e.arousal for e in sentences], float),
        of=strength,
        measure=pearson,
        reach=0.57,
    )
    rated = public_sets.vader(data, held=True)
    return [
        _classed(f"GoEmotions {split}, one label", "3-class macro-F1", single, macro_f1, 0.80),
        _rated(f"EmoBank {split}", sentences, 0.84),
        arousal,
        *(_rated(f"vader {g}, held-out fifth", items, VADER_REACH.get(g)) for g, items in rated.items()),
        _classed("MAIA, customers' sentences", "3-class macro-F1", maia(data), macro_f1, 0.65),
        _classed(f"MELD {split}", "3-class weighted F1", meld(data, split), weighted_f1, 0.66),
    ]


def row(
    title: str,
    measure: Callable[[Array, Array], float],
    truth: Array,
    found: Sequence[Array | None],
    reach: float | None = None,
) -> Row:
    """A row from what ours, and perhaps the others, found."""
    values = [None if f is None else measure(truth, f) for f in found]
    return Row(
        title=title,
        n=len(truth),
        values=(*values, *[None] * (len(SYSTEM_NAMES) - len(values))),
        reach=reach,
        interval=None if found[0] is None else interval(measure, truth, found[0]),
    )


def measured(systems: Sequence[System], task: Task) -> Row:
    """Each system on a task."""
    found = [task.of(s.read(task.examples)) for s in systems]
    return row(task.title, task.measure, task.truth, found, task.reach)


def otherwise(systems: Sequence[System], task: Task, data: Path) -> list[Row]:
    """The same set looked at otherwise: other groupings, raw valence, strength, without the turns before."""
    readings = [s.read(task.examples) for s in systems]
    rows = []
    if task.name.startswith("GoEmotions"):
        sure = [i for i, e in enumerate(task.examples) if not (e.emotions or set()) & public_sets.AMBIGUOUS]
        found = [r.classes[sure] for r in readings]
        title = f"{task.name}, without the ambiguous group: {task.what}"
        rows.append(row(title, task.measure, task.truth[sure], found))
    if task.name.startswith("EmoBank") and task.of is valence:
        title = f"{task.name}: valence r (the valence alone, without the classes)"
        rows.append(row(title, pearson, task.truth, [readings[0].raw_valence]))
    if task.name.startswith("EmoBank") and task.of is strength:
        title = f"{task.name}: arousal r (the arousal alone, without the valence)"
        rows.append(row(title, pearson, task.truth, [readings[0].raw_arousal]))
    if task.name.startswith("vader"):
        strengths = [readings[0].strength, *(np.abs(r.valence) for r in readings[1:])]
        title = f"{task.name}: strength r (intensity with the size of the valence)"
        rows.append(row(title, pearson, np.abs(task.truth), strengths))
    if any(e.context for e in task.examples):
        found = [task.of(systems[0].read([alone(e) for e in task.examples]))]
        rows.append(
            row(f"{task.name}, without the turns before: {task.what}", task.measure, task.truth, found)
        )
    if task.name.startswith("MAIA"):
        truth = np.array([label_of(e) for e in maia(data, confusion=1)])
        title = f"{task.name}, confusion as neutral: {task.what}"
        rows.append(row(title, task.measure, truth, [r.classes for r in readings]))
    return rows


def emotions(
    systems: Sequence[System], names: Sequence[str], data: Path, split: str
) -> tuple[list[Row], list[str]]:
    """28 emotions on all items: macro-F1 by either rule, and a table of each emotion's F1."""
    dev = public_sets.goemotions(data, split)
    truth = np.array([[name in (e.emotions or ()) for name in names] for e in dev])
    half = np.array([public_sets.calibration_half(e.id) for e in dev])
    p = [s.read(dev).emotions for s in systems]
    fixed = [None if x is None else x >= EMOTION_THRESHOLD for x in p]
    fitted = [None if x is None else crossfitted(x, truth, half) for x in p]

    def macro(a: Array, b: Array) -> float:
        return float(f1_of_marks(a, b).mean())

    title = f"GoEmotions {split}: 28-emotion macro-F1"
    rows = [
        row(f"{title}, found from probability {EMOTION_THRESHOLD} on", macro, truth, fixed, 0.52),
        row(f"{title}, thresholds fitted on the other half", macro, truth, fitted, 0.52),
    ]
    table = head("emotion", "n", "ours", "ours, fitted", "TF-IDF", "TF-IDF, fitted")
    columns = [
        None if f is None else f1_of_marks(truth, f) for f in (fixed[0], fitted[0], fixed[2], fitted[2])
    ]
    for i, name in enumerate(names):
        values = ("-" if c is None else f"{c[i]:.2f}" for c in columns)
        table.append(line(name, int(truth[:, i].sum()), *values))
    return rows, table


def calibration(systems: Sequence[System], single: Task) -> tuple[Row, list[str]]:
    """ECE on the half that the temperature was not fitted on, and the bins behind ours."""
    rest = [i for i, e in enumerate(single.examples) if not public_sets.calibration_half(e.id)]
    truth = single.truth[rest]
    all_p = [s.read(single.examples).probabilities for s in systems]
    p = [None if x is None else x[rest] for x in all_p]
    found = Row(
        title=f"{single.name}, the half not calibrated on: ECE of the top class, 15 bins (lower is better)",
        n=len(rest),
        values=tuple(None if x is None else calibration_error(x, truth) for x in p),
        reach=0.03,
    )
    table = head("items", "mean probability of the top class", "share right")
    bins = [] if p[0] is None else reliability(p[0], truth)
    return found, [*table, *(line(b.n, f"{b.confidence:.3f}", f"{b.accuracy:.3f}") for b in bins)]


def by_class(systems: Sequence[System], task: Task) -> list[str]:
    """F1 of each class and system, and our confusions."""
    counts = [confusion(task.truth, s.read(task.examples).classes) for s in systems]
    f1 = [f1_per_class(c) for c in counts]
    lines = head(task.name, "n", *(f"F1 {s}" for s in SYSTEM_NAMES), *(f"ours says {c}" for c in CLASS_NAMES))
    for i, name in enumerate(CLASS_NAMES):
        lines.append(line(name, counts[0][i].sum(), *(f"{x[i]:.3f}" for x in f1), *counts[0][i]))
    return lines


def after_speech(systems: Sequence[System], task: Task, n: int, cache: Path, threads: int) -> str:
    """A line on a sample of the task as it was typed and as it was heard, both without the turns before.

    Texts of which nothing was heard have no score, and are left out on both sides; the line counts them.
    """
    import jiwer

    from evaluation.speech_round_trip import round_trip, words

    picks = sample(len(task.examples), n)
    file = cache / f"{''.join(c if c.isalnum() else '_' for c in task.name)}.json"
    spoken = round_trip([task.examples[i].text for i in picks], cache=file, threads=threads)
    pairs = [
        (i, s) for i, s in zip(picks, spoken, strict=True) if scorable(s.heard) is None and words(s.text)
    ]
    truth = task.truth[[i for i, _ in pairs]]
    typed = [alone(task.examples[i]) for i, _ in pairs]
    heard = [alone(task.examples[i], s.heard) for i, s in pairs]
    before = [task.of(s.read(typed)) for s in systems]
    after = [task.of(s.read(heard)) for s in systems]

    def drop(truth: Array, before: Array, after: Array) -> float:
        return task.measure(truth, before) - task.measure(truth, after)

    low, high = interval(drop, truth, before[0], after[0])
    wer = jiwer.wer([" ".join(words(s.text)) for _, s in pairs], [" ".join(words(s.heard)) for _, s in pairs])
    cells = [
        f"{task.measure(truth, a):.3f} ({drop(truth, b, a):+.3f})" for b, a in zip(before, after, strict=True)
    ]
    return line(
        task.title,
        f"{len(pairs)} of {len(picks)}",
        f"{wer:.3f}",
        f"{task.measure(truth, before[0]):.3f}",
        f"{task.measure(truth, after[0]):.3f}",
        f"**{drop(truth, before[0], after[0]):+.3f}**",
        f"{low:+.3f} to {high:+.3f}",
        *cells[1:],
    )
