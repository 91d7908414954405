"""Measure :mod:`sentiment.meaning` on rules as people would write them, into ``MEANING.md``.

    python models/evaluation/meaning.py --data ../shared/data [--scratch build/distil]

``meaning.jsonl`` holds 16 intents that a rule may look for, each on a line, with who says it:

    examples   the sentences a rule's author would give
    same       what customers or agents say instead, mostly in other words
    other      near misses: words of the examples, another meaning (negated, done by somebody else, already
               done, about something else)

A text's similarity to an intent is that to the nearest of its examples. Average precision (AP) and AUC are
of ``same`` against ``other`` (near misses) or against everything else in the file too (all), the mean over
intents; the interval is 95 %, by a seeded bootstrap over intents. Ordinary turns are customers' turns of the
service chats' development set (MultiDoGO), on which nothing was trained; a few of them do mean what an
intent means, and agents' turns are not among them.

Both thresholds are chosen on the intents marked ``tune`` and measured on those marked ``test``, all texts
against all intents. Precision is that of this file, where near misses are as many as texts that mean the
same and one text in thirty means what is looked for; in calls near misses are rarer, and so is what is
looked for. Hence the recommended threshold goes by ordinary turns.

The texts were written for this, not recorded, by one hand, before any vectors were fitted. The recipe leaves
them out of what it fits on. Never fit on them, or the figures mean nothing; choose between variants by
the intents marked ``tune``.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from distil_meaning import Teacher, embed, plain_vectors, public_texts, service_chats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score, roc_auc_score

from evaluation.figures import interval
from sentiment.errors import InputError
from sentiment.meaning import Meaning, MeaningConfig, load_meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Embed = Callable[[Sequence[str]], Vectors]

PATH = Path(__file__).with_name("meaning.jsonl")
SEED = 20
ORDINARY = 3000
GRID = np.arange(0.20, 0.96, 0.01)
ORDINARY_TAKEN = 0.005
"""The share of ordinary turns that a rule may take at the recommended threshold."""

OURS, ENCODER = "ours", "MPNet, the encoder itself"


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """What a rule looks for: its examples, texts that mean the same, and near misses."""

    name: str
    half: Literal["tune", "test"]
    examples: tuple[str, ...]
    same: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Similarities:
    """Similarity to an intent, in [-1, 1], of its own texts, its near misses, and texts of other intents."""

    intent: Intent
    same: Vectors
    other: Vectors
    rest: Vectors

    def figure(self, measure: Callable[..., Any], *, near_misses: bool) -> float:
        """``measure(truth, similarity)`` of what means the same against near misses, or all other texts."""
        wrong = self.other if near_misses else np.concatenate([self.other, self.rest])
        return float(measure([1] * len(self.same) + [0] * len(wrong), np.concatenate([self.same, wrong])))


def read_intents(path: Path = PATH) -> list[Intent]:
    """The intents of the file.

    Raises:
        InputError: a line is wrong, or a text stands in it twice.
    """
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            body = json.loads(line)
            texts = {kind: tuple(body[kind]) for kind in ("examples", "same", "other")}
            intent = Intent(name=body["intent"], half=body["half"], **texts)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}:{number}: {error!r}; see {Path(__file__).name}") from error
        said = Counter(text for kind in texts.values() for text in kind)
        if intent.half not in ("tune", "test") or not all(texts.values()) or max(said.values()) > 1:
            raise InputError(f"{path}:{number}: half wrong, texts missing, or one of them twice")
        found.append(intent)
    return found


def similarities(intents: Sequence[Intent], method: Embed) -> list[Similarities]:
    """How near every text is to every intent."""
    texts = list(dict.fromkeys(t for i in intents for kind in (i.examples, i.same, i.other) for t in kind))
    vectors = dict(zip(texts, method(texts), strict=True))

    def nearest(said: Sequence[str], intent: Intent) -> Vectors:
        rows = np.stack([vectors[text] for text in said])
        found: Vectors = (rows @ np.stack([vectors[text] for text in intent.examples]).T).max(axis=1)
        return found

    found = []
    for intent in intents:
        own = {*intent.examples, *intent.same, *intent.other}
        rest = [t for i in intents if i is not intent for t in (*i.same, *i.other) if t not in own]
        found.append(
            Similarities(
                intent=intent,
                same=nearest(intent.same, intent),
                other=nearest(intent.other, intent),
                rest=nearest(list(dict.fromkeys(rest)), intent),
            )
        )
    return found


def ordinary_turns(data: Path) -> list[str]:
    """Distinct customers' turns of service chats that nothing was trained on."""
    said = {" ".join(text.split()) for text in service_chats(data, "dev")} - {""}
    return random.Random(SEED).sample(sorted(said), ORDINARY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """What a threshold finds in some intents: how many of how many."""

    found: int
    n_same: int
    near_misses: int
    n_other: int
    rest: int
    n_rest: int

    @property
    def recall(self) -> float:
        """The share of texts that mean the same which are found."""
        return self.found / self.n_same

    @property
    def precision(self) -> float | None:
        """The share of what is found that means the same; ``None`` if nothing is found."""
        all_found = self.found + self.near_misses + self.rest
        return self.found / all_found if all_found else None

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.found / (self.found + self.near_misses + self.rest + self.n_same)


def decide(items: Sequence[Similarities], half: str, threshold: float) -> Decisions:
    """Every text against every intent of ``half``."""
    mine = [s for s in items if s.intent.half == half]

    def count(kind: str) -> int:
        return int(sum((getattr(s, kind) >= threshold).sum() for s in mine))

    return Decisions(
        found=count("same"),
        n_same=sum(len(s.same) for s in mine),
        near_misses=count("other"),
        n_other=sum(len(s.other) for s in mine),
        rest=count("rest"),
        n_rest=sum(len(s.rest) for s in mine),
    )


def best_threshold(items: Sequence[Similarities]) -> float:
    """The threshold of best F1 on the intents to tune on."""
    return float(max(GRID, key=lambda t: decide(items, "tune", float(t)).f1).round(2))


def ordinary_taken(
    items: Sequence[Similarities], half: str, threshold: float, ordinary: Mapping[str, Vectors]
) -> float:
    """The share of ordinary turns taken for an intent of ``half``, by their similarities to each intent."""
    names = [s.intent.name for s in items if s.intent.half == half]
    return float(np.mean([(ordinary[name] >= threshold).mean() for name in names]))


def quiet_threshold(items: Sequence[Similarities], ordinary: Mapping[str, Vectors]) -> float:
    """The lowest threshold that takes few enough ordinary turns on the intents to tune on."""
    few = (t for t in GRID if ordinary_taken(items, "tune", float(t), ordinary) <= ORDINARY_TAKEN)
    return float(next(few).round(2))


def rate(method: Embed, texts: Sequence[str]) -> float:
    """Texts a second of processor time."""
    began = time.process_time()
    method(texts)
    return len(texts) / (time.process_time() - began)


# -- the report ----------------------------------------------------------------------------------


def methods(teacher: Teacher, texts: Sequence[str]) -> dict[str, Embed]:
    """Every way of embedding that is compared, by name."""
    ours = load_meaning()
    vectors = plain_vectors(teacher, teacher.ids(texts, ends=False))
    config = MeaningConfig(name="plain", languages=ours.languages, size=vectors.shape[1])
    no_pairs = np.zeros((0, 2), np.int32)
    words = TfidfVectorizer(sublinear_tf=True).fit(texts)
    letters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 4), min_df=3).fit(texts)
    encoder = teacher.encoder(rounded=False)
    return {
        OURS: ours.embed,
        "plain Model2Vec": Meaning(teacher.tokenizer, vectors, no_pairs, config, revision="").embed,
        "TF-IDF of words": lambda said: words.transform(said).toarray(),
        "TF-IDF of letters": lambda said: letters.transform(said).toarray(),
        ENCODER: lambda said: embed(encoder, teacher.ids(said, ends=True)),
    }


def compare(items: Mapping[str, Sequence[Similarities]]) -> str:
    """A row for each method: AP and AUC, near misses and all."""
    rows = [
        "| method | AP, all | 95 % | AUC, all | AP, near misses | AUC, near misses | AP, all, `test` only |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in items.items():
        cells = []
        for measure in (average_precision_score, roc_auc_score):
            cells.append([s.figure(measure, near_misses=False) for s in found])
            cells.append([s.figure(measure, near_misses=True) for s in found])
        ap, ap_near, auc, auc_near = cells
        low, high = interval(lambda values: float(np.mean(values)), ap)
        test = [value for value, s in zip(ap, found, strict=True) if s.intent.half == "test"]
        figures = [f"{np.mean(values):.3f}" for values in (auc, ap_near, auc_near, test)]
        rows.append(f"| {name} | **{np.mean(ap):.3f}** | {low:.3f} to {high:.3f} | {' | '.join(figures)} |")
    return "\n".join(rows)


def thresholds(
    items: Sequence[Similarities], ordinary: Mapping[str, Vectors], marks: Mapping[float, str]
) -> str:
    """What thresholds find in the intents marked ``test``; ``marks`` are words for some of them."""
    rows = [
        "| threshold | precision | recall | found | near misses | texts of other intents | ordinary turns |",
        "|---|---|---|---|---|---|---|",
    ]
    for threshold in sorted({*marks, *(round(0.3 + 0.05 * i, 2) for i in range(8))}):
        d = decide(items, "test", threshold)
        taken = ordinary_taken(items, "test", threshold, ordinary)
        precision = "none found" if d.precision is None else f"{d.precision:.2f}"
        rows.append(
            f"| {threshold:.2f}{marks.get(threshold, '')} | {precision} | {d.recall:.2f} "
            f"| {d.found} of {d.n_same} "
            f"| {d.near_misses} of {d.n_other} | {d.rest} of {d.n_rest} | {1000 * taken:.1f} in 1,000 |"
        )
    return "\n".join(rows)


def by_intent(
    items: Mapping[str, Sequence[Similarities]], ordinary: Mapping[str, Vectors], threshold: float
) -> str:
    """AP of each intent against all texts, by ours and by the encoder, and the ordinary turns ours takes."""
    rows = ["| intent | half | AP, ours | AP, MPNet | ordinary turns, ours |", "|---|---|---|---|---|"]
    for ours, theirs in zip(items[OURS], items[ENCODER], strict=True):
        cells = [f"{s.figure(average_precision_score, near_misses=False):.2f}" for s in (ours, theirs)]
        taken = f"{1000 * (ordinary[ours.intent.name] >= threshold).mean():.1f} in 1,000"
        rows.append(f"| {ours.intent.name} | {ours.intent.half} | {' | '.join(cells)} | {taken} |")
    return "\n".join(rows)


def worst_mistakes(items: Sequence[Similarities], method: Embed, n: int = 12) -> str:
    """The near misses most like an example: what these vectors cannot tell apart."""
    rows = ["| example | near miss | similarity |", "|---|---|---|"]
    found = []
    for s in items:
        near = method(s.intent.other) @ method(s.intent.examples).T
        best = near.argmax(axis=1)
        found += [(near[i, k], s.intent.examples[k], s.intent.other[i]) for i, k in enumerate(best)]
    for value, example, text in sorted(found, reverse=True)[:n]:
        rows.append(f"| {example} | {text} | {value:.2f} |")
    return "\n".join(rows)


def report(data: Path, scratch: Path) -> str:
    """All figures as Markdown."""
    torch.set_num_threads(1)
    intents, turns = read_intents(), ordinary_turns(data)
    embeds = methods(Teacher(scratch), public_texts(data))
    items = {name: similarities(intents, method) for name, method in embeds.items()}
    ours = embeds[OURS]
    said = ours(turns)
    ordinary = {i.name: (said @ ours(i.examples).T).max(axis=1) for i in intents}
    quiet = quiet_threshold(items[OURS], ordinary)
    marks = {best_threshold(items[OURS]): " (best F1)", quiet: " (recommended)"}
    speed, encoder_speed = rate(load_meaning().embed, turns), rate(embeds[ENCODER], turns[:200])
    ratio = speed / encoder_speed
    words = sum(len(turn.split()) for turn in turns) / len(turns)
    model = load_meaning().model
    n_same, n_other = sum(len(i.same) for i in intents), sum(len(i.other) for i in intents)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    return f"""# Figures of the vectors of meaning

{model.name}, weights {model.revision}, {datetime.now(UTC):%Y-%m-%d}, {machine}:

    python models/evaluation/meaning.py --data ../shared/data

{len(intents)} intents, {n_same} texts that mean the same, {n_other} near misses.

{compare(items)}

Recommended threshold: **{quiet:.2f}**, the lowest that takes at most {1000 * ORDINARY_TAKEN:.0f} in 1,000
ordinary turns on the intents marked `tune`. On those marked `test`:

{thresholds(items[OURS], ordinary, marks)}

Speed on one core, in processor time, {ORDINARY} ordinary turns of {words:.1f} words, nothing remembered from
before: {speed:,.0f} turns a second. MPNet in float32: {encoder_speed:,.0f}, {ratio:,.0f} times slower.

## By intent

AP against all; ordinary turns at the recommended threshold.

{by_intent(items, ordinary, quiet)}

## What they take for the same

{worst_mistakes(items[OURS], ours)}

## How it is measured

{NOTES}"""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--scratch", type=Path, default=Path("build/distil"), help="as of distil_meaning.py")
    parser.add_argument("--out", type=Path, default=PATH.with_name("MEANING.md"))
    args = parser.parse_args()
    text = report(args.data, args.scratch)
    args.out.write_text(text, "utf-8")
    print(text)


NOTES = (__doc__ or "").split("\n\n", 2)[2]


if __name__ == "__main__":
    main()
