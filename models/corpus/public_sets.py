"""The public sets, read into :class:`Example`: ``../shared/data`` or any folder of the same form.

All of them may be used commercially; :mod:`train_affect` says how each is trained on.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.call import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 20

POSITIVE = frozenset(
    str.split(
        "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief"
    )
)
NEGATIVE = frozenset(
    str.split(
        "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse "
        "sadness"
    )
)
AMBIGUOUS = frozenset(("confusion", "curiosity", "realization", "surprise"))
"""GoEmotions' own groups of its labels; the ambiguous one counts as neutral."""

FIRST_NAMES = ("john", "maria", "sam", "alex", "kim", "lisa", "mike", "emma", "carlos", "jen")

Turn = tuple[Role, str]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text with the labels its source has: classes sum to 1, valence in [-1, 1], arousal in deviations."""

    id: str
    text: str
    role: Role | None = None
    context: tuple[Turn, ...] | None = None
    sentiment: tuple[float, float, float] | None = None
    emotions: frozenset[str] | None = None
    valence: float | None = None
    arousal: float | None = None
    weight: float = 1.0


def held_out(id_: str) -> bool:
    """Whether a text is of the fifth that is only measured on: by the sha256 of its id."""
    return hashlib.sha256(id_.encode()).digest()[0] % 5 == 0


def emotion_names(data: Path) -> tuple[str, ...]:
    """The 28 names of GoEmotions, in the order of their ids."""
    return tuple((data / "goemotions" / "labels.txt").read_text("utf-8").split())


def class_of(emotion: str) -> int:
    """0 negative, 1 neutral (or ambiguous), 2 positive."""
    return 2 if emotion in POSITIVE else 0 if emotion in NEGATIVE else 1


def goemotions(data: Path, split: str) -> list[Example]:
    """``split`` is ``train`` or ``dev``; classes are the share of an item's labels in each group."""
    names, found = emotion_names(data), []
    for line in (data / "goemotions" / f"{split}.tsv").read_text("utf-8").splitlines():
        text, ids, id_ = line.split("\t")
        labels = frozenset(names[int(i)] for i in ids.split(","))
        shares = [0.0, 0.0, 0.0]
        for label in labels:
            shares[class_of(label)] += 1 / len(labels)
        text = text.replace("[NAME]", FIRST_NAMES[sum(id_.encode()) % len(FIRST_NAMES)])
        found.append(Example(id=id_, text=text, sentiment=(shares[0], shares[1], shares[2]), emotions=labels))
    return found


def vader(data: Path, *, held: bool) -> dict[str, list[Example]]:
    """The rated snippets by genre: the held-out fifth or the rest. Valence is the mean rating / 4."""
    found: dict[str, list[Example]] = {}
    for path in sorted((data / "vader").glob("*.tsv")):
        genre = path.stem.removesuffix("Snippets")
        found[genre] = []
        for line in path.read_text("utf-8", errors="replace").splitlines():
            id_, mean, text = line.split("\t", 2)
            if held_out(f"{genre}/{id_}") is held and text.strip():
                value = float(mean)
                positive, negative = (1 / (1 + math.exp((0.75 - s * value) / 0.3)) for s in (1, -1))
                classes = (negative, max(0.0, 1 - positive - negative), positive)
                found[genre].append(
                    Example(
                        id=f"{genre}/{id_}",
                        text=text.strip().replace("&amp;", "&"),
                        sentiment=classes,
                        valence=value / 4,
                        weight=0.6,
                    )
                )
    return found


def emobank(data: Path, split: str) -> list[Example]:
    """Valence ``V - 3`` and arousal in deviations (3.04, 0.26) of the sentences of a split."""
    with (data / "emobank" / "emobank.csv").open(encoding="utf-8") as file:
        return [
            Example(
                id=row["id"],
                text=row["text"],
                valence=max(-1.0, min(1.0, float(row["V"]) - 3)),
                arousal=(float(row["A"]) - 3.04) / 0.26,
            )
            for row in csv.DictReader(file)
            if row["split"] == split and any(c.isalnum() for c in row["text"])
        ]


INTENTS: dict[str, tuple[tuple[float, float, float], float, str | None]] = {
    **dict.fromkeys(
        str.split(
            "contentonly confirmation rejection openinggreeting startserviceintent changeseatassignment "
            "getproofofinsurance checkclaimstatus updateaddress checkbalance bookflight"
        ),
        ((0.03, 0.93, 0.04), 0.0, "neutral"),
    ),
    "thankyou": ((0.02, 0.43, 0.55), 0.4, "gratitude"),
    **dict.fromkeys(
        str.split("reportbrokensoftware reportbrokenphone reportlostcard disputecharge"),
        ((0.5, 0.48, 0.02), -0.3, None),
    ),
}
"""MultiDoGO's intents that tell roughly how a turn feels: classes, valence, emotion."""


def multidogo(data: Path) -> list[Example]:
    """Customers' turns whose intent is in :data:`INTENTS`, with the customer's turns before."""
    found = []
    for path in sorted((data / "multidogo").glob("*/train.tsv")):
        before: list[Turn] = []
        last = ""
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["conversationId"] != last:
                    last, before = row["conversationId"], []
                text = " ".join((row["utterance"] or "").split())
                if row["intent"] in INTENTS and any(c.isalnum() for c in text):
                    classes, valence, emotion = INTENTS[row["intent"]]
                    found.append(
                        Example(
                            id=row["utteranceId"],
                            text=text,
                            role="customer",
                            context=tuple(before[-2:]),
                            sentiment=classes,
                            valence=valence,
                            emotions=frozenset((emotion,)) if emotion else None,
                            weight=0.7,
                        )
                    )
                before.append(("customer", text))
    return found


def stc3_dialogues(data: Path) -> Iterator[tuple[list[Turn], float]]:
    """Turns and mean rated satisfaction, in [-2, 2], of the helpdesk dialogues."""
    for dialogue in json.loads((data / "stc3" / "dialogues.json").read_text("utf-8")):
        ratings = [a["quality"]["S"] for a in dialogue["annotations"]]
        turns: list[Turn] = []
        for turn in dialogue["turns"]:
            text = re.sub(r"@ ?[\w ]{0,40}@?", " ", " ".join(turn["utterances"]))
            if any(c.isalnum() for c in text):
                turns.append(
                    ("customer" if turn["sender"] == "customer" else "agent", " ".join(text.split()))
                )
        yield turns, sum(ratings) / len(ratings)


def stc3(data: Path) -> list[Example]:
    """Opening complaints of badly rated dialogues, and what the helpdesk answers, with weak classes."""
    found = []
    for number, (turns, satisfaction) in enumerate(stc3_dialogues(data)):
        for i, (role, text) in enumerate(turns[:4]):
            if role == "customer" and not (i == 0 and satisfaction <= -0.75):
                continue
            classes = (0.65, 0.33, 0.02) if role == "customer" else (0.05, 0.8, 0.15)
            found.append(
                Example(
                    id=f"{number}/{i}",
                    text=text,
                    role=role,
                    context=tuple(turns[max(0, i - 2) : i]),
                    sentiment=classes,
                    weight=0.4,
                )
            )
    return found


def unrelated_turns(data: Path) -> list[tuple[Turn, ...]]:
    """Windows of one to three turns of dialogues, to stand before texts that have none of their own."""
    dialogues = [turns for turns, _ in stc3_dialogues(data)]
    for chat in json.loads((data / "casino" / "casino_train.json").read_text("utf-8")):
        sides: dict[str, Role] = {"mturk_agent_1": "agent", "mturk_agent_2": "customer"}
        dialogues.append([(sides[t["id"]], t["text"]) for t in chat["chat_logs"]])
    with (data / "ab_redial" / "annotated_dialogues.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said = [row[k].split("\t", 1) for k in row if k and k.startswith("utterance") and row[k]]
            dialogues.append([("customer" if s[0] == "USER" else "agent", s[1]) for s in said if len(s) == 2])
    rng, found = random.Random(SEED), []
    for turns in dialogues:
        for _ in range(min(4, len(turns))):
            n, end = rng.randint(1, 3), rng.randint(1, len(turns))
            found.append(tuple((r, " ".join(t.split())[-160:]) for r, t in turns[max(0, end - n) : end]))
    return found


def calibration_half(id_: str) -> bool:
    """Whether a GoEmotions dev item is of the half on which the temperature is fitted."""
    return hashlib.sha256(id_.encode()).digest()[1] % 2 == 0
