"""Train the satisfaction estimate of :mod:`sentiment.satisfaction`.

    python models/train_satisfaction.py --data ../shared/data

Scores rated dialogues with the shipped scorer, reads them with the dialogue encoder, and learns curves, a
reading and thresholds (:class:`sentiment.satisfaction.model.SatisfactionModel`) from the helpdesk dialogues
of ``stc3``, a post an utterance. A fifth of them, by the hash of its ids, is never learned from.

Seeded: the same scorer, data and versions give the same numbers. What is measured in the dialogues is kept in
``--cache``; without it, an hour on one core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from corpus.public_sets import held_out
from corpus.rated_dialogues import Rated, ab_redial, casino, stc3, uss
from numpy.typing import NDArray

from sentiment.affect.dialogue import PARTS
from sentiment.affect.text import load_text_scorer
from sentiment.call import from_json, to_json
from sentiment.satisfaction.features import FEATURES, heard, measure
from sentiment.satisfaction.files import Stored, write_model
from sentiment.satisfaction.model import SatisfactionModel
from sentiment.shifts import find_shifts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sentiment.affect.text import TextScorer
    from sentiment.call import Call

HERE = Path(__file__).resolve().parent
NAME = "satisfaction-1"
SCALE, NPS = (1, 5), (0, 10)
SIZE = 768
FLOATS = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Rated dialogues: what is learned from, ``(n, n_columns)``, the counts of answers, ``(n, 5)``."""

    calls: tuple[Call, ...]
    x: FLOATS
    counts: FLOATS
    groups: tuple[str, ...]

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """Which are only measured on, ``(n,)``."""
        return np.array([held_out(call.id) for call in self.calls])

    @property
    def mean(self) -> FLOATS:
        """The raters' mean, ``(n,)``, in [1, 5]."""
        found: FLOATS = self.counts @ np.arange(1, 6) / self.counts.sum(1)
        return found

    def where(self, of: NDArray[np.bool_]) -> Measured:
        """The rows of a mask."""
        at = np.flatnonzero(of)
        return Measured(
            calls=tuple(self.calls[i] for i in at),
            x=self.x[at],
            counts=self.counts[at],
            groups=tuple(self.groups[i] for i in at),
        )


def scored(name: str, rated: Sequence[Rated], scorer: TextScorer, cache: Path) -> list[Call]:
    """The conversations of a set with scores and shifts, as they were kept or scored now."""
    file = cache / f"{name}-{scorer.model.revision}.jsonl"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as out:
            for start in range(0, len(rated), 40):
                some = [r.call for r in rated[start : start + 40]]
                for call, scores in zip(some, scorer.score_calls([c.utterances for c in some]), strict=True):
                    said = tuple(replace(u, score=s) for u, s in zip(call.utterances, scores, strict=True))
                    out.write(to_json(replace(call, utterances=said), indent=None) + "\n")
                print(f"{name}: {start + len(some)} of {len(rated)}", file=sys.stderr, flush=True)
        partial.replace(file)
    calls = [from_json(line) for line in file.read_text("utf-8").splitlines()]
    return [replace(call, shifts=find_shifts(call)) for call in calls]


def measured(name: str, rated: Iterable[Rated], scorer: TextScorer, cache: Path) -> Measured:
    """Measure a set; dialogues are read once with each scorer and kept."""
    items = list(rated)
    calls = scored(name, items, scorer, cache)
    file = cache / f"{name}-{scorer.model.revision}.npy"
    if not file.exists():
        encoder = scorer.dialogue_encoder()
        nothing = np.full((len(PARTS), encoder.size), np.nan, np.float32)
        read = [encoder.read(call.utterances) for call in calls]
        np.save(file, np.array([nothing if d is None else d.parts() for d in read]).reshape(len(calls), -1))
    return Measured(
        calls=tuple(calls),
        x=np.column_stack([[measure(heard(call)) for call in calls], np.load(file)]),
        counts=np.array([r.counts for r in items], float),
        groups=tuple(r.group for r in items),
    )


def all_sets(data: Path, scorer: TextScorer, cache: Path) -> dict[str, Measured]:
    """Every set, measured."""
    sets = {
        "stc3": stc3(data),
        "stc3-turns": stc3(data, joined=True),
        "ab_redial": ab_redial(data),
        "casino": casino(data),
        "uss-MWOZ": uss(data, "MWOZ"),
        "uss-CCPE": uss(data, "CCPE"),
    }
    return {name: measured(name, rated, scorer, cache) for name, rated in sets.items()}


def new_model() -> SatisfactionModel:
    """What learns."""
    return SatisfactionModel(
        scale=SCALE,
        names=[f.name for f in FEATURES],
        rises=[f.rises for f in FEATURES],
        parts=(len(PARTS), SIZE),
        n_bags=8,
    )


def train(sets: dict[str, Measured]) -> SatisfactionModel:
    """Learn from what may be learned from."""
    kept = sets["stc3"].where(~sets["stc3"].held_out)
    model = new_model()
    return model.fit(kept.x, kept.mean, groups=np.array(kept.groups), counts=kept.counts)


def main() -> None:
    """Measure, learn, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "satisfaction")
    parser.add_argument("--cache", type=Path, default=HERE / "satisfaction.cache")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    scorer = load_text_scorer(threads=args.threads)
    sets = all_sets(args.data, scorer, args.cache)
    model = train(sets)
    csat = model.answers_
    about = {
        "recipe": "models/train_satisfaction.py",
        "learned_from": "stc3 (four fifths, by dialogue)",
        "dialogues": int((~sets["stc3"].held_out).sum()),
        "interval_for": "the mean of many raters",
    }
    stored = Stored(
        name=NAME,
        features=tuple(f.name for f in FEATURES),
        reads=scorer.model.revision,
        instruments={"csat": (model.learned_, csat), "nps": (model.learned_, csat.on(*NPS))},
        about=about,
    )
    print(f"{args.out}: revision {write_model(stored, args.out)}")


if __name__ == "__main__":
    main()
