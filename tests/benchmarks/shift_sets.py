"""Calls whose shifts are known: planted ones, MELD, MAIA and the sample calls, each with its scores.

Planted in text: utterances of GoEmotions dev (one label, valence by :data:`EMOTIONS`) and of the held-out
fifth of the vader sets (valence by their raters), between the agents' turns of ``agent_turns.txt``; the
shipped scorer has learned from none of them. In the ``service`` set what is neutral comes from customers of
MultiDoGO dev instead, who give names and numbers as callers do. Half of all texts are for dev, half for test.

MELD, never trained on: a speaker of a scene is a party. Its train split is what settings for quick talk are
chosen on. A *flip* is where a speaker's label goes
from negative to positive or back; neutral ones between may be its place, too. A *lasting* change of label is
one as in MAIA.

MAIA, never trained or tuned on: the customer's sentences; happiness and empathy are +1, disappointment,
frustration, anger and anxiety -1, neutral and confusion 0. There is a lasting change between two sentences if
the means of up to three labels before and after differ by at least 1, no cut nearby differing more; at least
two labels have to stand on either side. Where neighbouring cuts differ as much, each may be its place.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from corpus import public_sets
from evaluation.sets import MAIA_EMOTIONS

from sentiment import samples
from sentiment.call import Call, Role, Score, Utterance
from sentiment.evaluation import Place
from sentiment.synthetic.calls import (
    PlantedCall,
    PlantOptions,
    Pool,
    Saying,
    Shape,
    plain_pool,
    plant,
    with_noise,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sentiment.affect.text import TextScorer

HERE = Path(__file__).resolve().parent

EMOTIONS = {
    **dict.fromkeys(["anger", "disgust", "sadness", "grief", "disappointment", "fear"], -0.65),
    **dict.fromkeys(["annoyance", "disapproval", "embarrassment", "nervousness", "remorse"], -0.45),
    "neutral": 0.0,
    **dict.fromkeys(["amusement", "approval", "caring", "desire", "optimism"], 0.45),
    **dict.fromkeys(["admiration", "excitement", "gratitude", "joy", "love", "pride", "relief"], 0.65),
}
"""Valence of GoEmotions' labels, set by judgement; the ambiguous ones are left out."""

NEUTRAL_INTENTS = frozenset({"contentonly", "confirmation"})
MAX_WORDS = 40


class Case(NamedTuple):
    """One party of a scored call: its utterances' indices, its shifts, and their triggers if known."""

    call: Call
    party: tuple[int, ...]
    true: tuple[Place, ...]
    triggers: tuple[int | None, ...] = ()
    shape: str = ""


# -- planted ---------------------------------------------------------------------------------------


def planted_case(planted: PlantedCall) -> Case:
    """The customer of a planted call."""
    party = tuple(u.index for u in planted.call.said_by("customer"))
    true = tuple(
        Place(party.index(s.utterance_index), party.index(s.last_index), s.direction) for s in planted.shifts
    )
    return Case(planted.call, party, true, tuple(s.trigger_index for s in planted.shifts), planted.shape)


def plans(
    pool: Pool, *, seed: int, n_calls: int, lengths: tuple[int, int], shapes: Sequence[Shape]
) -> list[PlantedCall]:
    """Calls of all shapes and of lengths from one to the other, evenly on a logarithmic scale."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n_calls):
        shape = shapes[k % len(shapes)]
        n = int(np.exp(rng.uniform(*np.log(lengths))))
        odd = float(rng.choice([0.0, 0.05, 0.1]))
        least = {"dip": 15, "fade": 16, "steps": 10, "step": 10}.get(shape, 8)
        options = PlantOptions(shape=shape, n_utterances=max(n, least), odd=odd, min_stretch=5)
        found.append(plant(pool, options, seed=seed * 10_000 + k))
    return found


def noisy(
    noise_sd: float, *, seed: int, n_calls: int, lengths: tuple[int, int], shapes: Sequence[Shape]
) -> list[Case]:
    """Planted calls with scores drawn around the levels, without texts."""
    calls = plans(plain_pool(seed), seed=seed, n_calls=n_calls, lengths=lengths, shapes=shapes)
    return [planted_case(with_noise(c, noise_sd, seed=seed + k)) for k, c in enumerate(calls)]


def half(text: str) -> bool:
    """Whether a text is for the test, by its sha256; the others are for dev."""
    return hashlib.sha256(f"half of {text}".encode()).digest()[0] % 2 == 1


def text_pool(data: Path, *, test: bool, service: bool) -> Pool:
    """What is said in calls planted in text."""
    sayings = [
        Saying(text=e.text, valence=EMOTIONS[label])
        for e in public_sets.goemotions(data, "dev")
        if len(e.emotions or ()) == 1 and (label := min(e.emotions or ())) in EMOTIONS
    ]
    for items in public_sets.vader(data, held=True).values():
        sayings += [Saying(text=e.text, valence=e.valence) for e in items if e.valence is not None]
    if service:
        sayings = [s for s in sayings if abs(s.valence) > 0.1] + list(_service(data))
    turns = agent_turns(test=test)
    return Pool(
        sayings=tuple(s for s in sayings if half(s.text) is test and 0 < len(s.text.split()) <= MAX_WORDS
                      and any(c.isalnum() for c in s.text)),
        neutral=turns["neutral"],
        better=turns["offer"] + turns["fix"],
        worse=turns["refusal"] + turns["wait"],
        waits=frozenset(turns["wait"]),
    )  # fmt: skip


def _service(data: Path) -> Iterable[Saying]:
    """Each plain answer of MultiDoGO's dev customers once."""
    texts: dict[str, None] = {}
    for path in sorted((data / "multidogo").glob("*/dev.tsv")):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["intent"] in NEUTRAL_INTENTS:
                    texts[" ".join((row["utterance"] or "").split())] = None
    return (Saying(text=text, valence=0.0) for text in texts)


def agent_turns(*, test: bool) -> dict[str, tuple[str, ...]]:
    """The agents' turns by kind: every other one of each."""
    found: dict[str, list[str]] = {}
    for line in (HERE / "agent_turns.txt").read_text("utf-8").splitlines():
        if line.startswith("== "):
            found[line[3:]] = []
        elif line and not line.startswith("#"):
            list(found.values())[-1].append(line)
    return {kind: tuple(lines[0 if test else 1 :: 2]) for kind, lines in found.items()}


# -- scored by people ------------------------------------------------------------------------------


def lasting(labels: Sequence[float], *, width: int = 3, least: float = 1.0) -> tuple[Place, ...]:
    """The lasting changes of one party's labels; see the head of this file."""
    y = np.array(labels, dtype=float)
    steps = np.zeros(len(y) + 1)
    for j in range(2, len(y) - 1):
        steps[j] = y[j : j + width].mean() - y[max(0, j - width) : j].mean()
    found = []
    size = np.abs(steps).round(9)
    while size.max(initial=0.0) >= least:
        first = last = int(size.argmax())
        while size[last + 1] == size[first] and steps[last + 1] == steps[first]:
            last += 1
        found.append(Place(first, last, "better" if steps[first] > 0 else "worse"))
        size[max(0, first - width + 1) : last + width] = 0.0
    return tuple(sorted(found))


def flips(labels: Sequence[float]) -> tuple[Place, ...]:
    """Where one party's labels go from negative to positive or back."""
    polar = [i for i, label in enumerate(labels) if label]
    return tuple(
        Place(a + 1, b, "better" if labels[b] > 0 else "worse")
        for a, b in itertools.pairwise(polar)
        if labels[a] != labels[b]
    )


def labelled(call: Call, labels: dict[int, float], groups: dict[str, list[int]]) -> dict[str, list[Case]]:
    """A case for each group of at least four utterances of a call, by either kind of change."""
    found: dict[str, list[Case]] = {"flips": [], "lasting": []}
    for party in groups.values():
        if len(party) >= 4:
            y = [labels[i] for i in party]
            found["flips"].append(Case(call, tuple(party), flips(y)))
            found["lasting"].append(Case(call, tuple(party), lasting(y)))
    return found


def said(index: int, role: Role, channel: int, text: str) -> Utterance:
    """An utterance without times."""
    return Utterance(index=index, channel=channel, role=role, start_ms=None, end_ms=None, text=text)


def meld(
    data: Path, split: str = "dev", *, every: int = 1
) -> list[tuple[Call, dict[int, float], dict[str, list[int]]]]:
    """The scenes of MELD: the call, a label for each utterance, and each speaker's utterances.

    ``every`` takes one scene in so many.
    """
    scenes: dict[str, list[dict[str, str]]] = {}
    with (data / "meld" / f"{split}_sent_emo.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if any(c.isalnum() for c in row["Utterance"]):
                scenes.setdefault(row["Dialogue_ID"], []).append(row)
    value = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}
    found = []
    for name, rows in list(scenes.items())[::every]:
        speakers: dict[str, list[int]] = {}
        for i, row in enumerate(rows):
            speakers.setdefault(row["Speaker"], []).append(i)
        channel = {speaker: k for k, speaker in enumerate(speakers)}
        turns = tuple(said(i, "unknown", channel[r["Speaker"]], r["Utterance"]) for i, r in enumerate(rows))
        labels = {i: value[row["Sentiment"]] for i, row in enumerate(rows)}
        found.append((Call(id=f"meld-{split}-{name}", duration_ms=None, utterances=turns), labels, speakers))
    return found


def maia(data: Path) -> list[tuple[Call, dict[int, float], dict[str, list[int]]]]:
    """The MAIA chats: the call, a label for each labelled sentence of the customer, and their indices."""
    value = {"happiness": 1.0, "empathy": 1.0, "neutral": 0.0, "confusion": 0.0}
    found = []
    for path in sorted((data / "maia_dqe").glob("*.json")):
        for number, chat in enumerate(json.loads(path.read_text("utf-8"))):
            turns: list[Utterance] = []
            labels: dict[int, float] = {}
            for turn in chat["turns"]:
                inbound = turn["floor"] == "inbound"
                sentences = turn["text_mt" if inbound else "text_src"]
                emotions = turn["Emotion"] or []
                for i, text in enumerate(sentences):
                    if not any(c.isalnum() for c in text.replace("#", "")):
                        continue
                    if inbound and len(emotions) == len(sentences) and emotions[i] is not None:
                        labels[len(turns)] = value.get(MAIA_EMOTIONS[emotions[i]], -1.0)
                    role: Role = "customer" if inbound else "agent"
                    turns.append(said(len(turns), role, int(inbound), text.replace("#", "")))
            call = Call(id=f"maia-{path.stem}-{number}", duration_ms=None, utterances=tuple(turns))
            found.append((call, labels, {"customer": list(labels)}))
    return found


def sample_cases() -> list[Case]:
    """The sample calls with the words and times of their truth."""
    found = []
    for path in sorted(Path(samples.__file__).parent.glob("*.truth.json")):
        truth = json.loads(path.read_text("utf-8"))
        turns = tuple(
            dataclasses.replace(
                said(i, t["role"], int(t["role"] == "customer"), t["text"]),
                start_ms=t["start_ms"],
                end_ms=t.get("end_ms"),
            )
            for i, t in enumerate(truth["turns"])
        )
        call = Call(id=path.name.split(".")[0], duration_ms=None, utterances=turns)
        party = tuple(u.index for u in call.said_by("customer"))
        places = [party.index(s["turn_index"]) for s in truth["shifts"]]
        found.append(
            Case(
                call,
                party,
                tuple(Place(p, p, s["direction"]) for p, s in zip(places, truth["shifts"], strict=True)),
                tuple(s["trigger_turn"] for s in truth["shifts"]),
                "sample" if places else "flat",
            )
        )
    return found


# -- scores ----------------------------------------------------------------------------------------


def scored(calls: Sequence[Call], scorer: TextScorer, cache: Path | None) -> list[Call]:
    """The calls with scores of the real scorer; ``cache`` keeps each call's for the next run."""
    return [_scored(call, scorer, cache) for call in calls]


def _scored(call: Call, scorer: TextScorer, cache: Path | None) -> Call:
    what = json.dumps([scorer.model.revision, *((u.role, u.text) for u in call.utterances)])
    kept = cache / f"{hashlib.sha256(what.encode()).hexdigest()[:24]}.json" if cache else None
    if kept and kept.is_file():
        scores = [Score(**s) for s in json.loads(kept.read_text("utf-8"))]
    else:
        scores = [dataclasses.replace(s, emotions={}) for s in scorer.score(call.utterances)]
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps([dataclasses.asdict(s) for s in scores]), "utf-8")
    both = zip(call.utterances, scores, strict=True)
    return dataclasses.replace(call, utterances=tuple(dataclasses.replace(u, score=s) for u, s in both))
