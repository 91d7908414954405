"""Dialogues with rated satisfaction: ``../shared/data`` or any folder of the same form.

    stc3        customers and helpdesks, translated posts; 19 raters each, -2..2 (annotations CC BY 4.0)
    ab_redial   a film recommender and its users; one rater a row, 1..5 (MIT)
    casino      negotiations; each side's own satisfaction, five levels (CC BY 4.0)
    uss         MultiWOZ and CCPE with three or four raters, 1..5 (no licence: only measured on)

Each is read into :class:`Rated`, on the scale 1 to 5. A dialogue of stc3 is of the fifth that is only
measured on where :func:`corpus.public_sets.held_out` says so of its id.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.call import Call, Role, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Rated", "ab_redial", "casino", "stc3", "uss"]

LEVELS = (
    "Extremely dissatisfied",
    "Slightly dissatisfied",
    "Undecided",
    "Slightly satisfied",
    "Extremely satisfied",
)
MOVES = ("Submit-Deal", "Accept-Deal", "Reject-Deal", "Walk-Away")
ANSWERS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rated:
    """A conversation, not scored yet, and how many raters gave each answer from 1 to 5.

    ``group`` is shared by what must not be on both sides of a split: ratings of one dialogue.
    """

    call: Call
    counts: tuple[int, ...]
    group: str

    @property
    def mean(self) -> float:
        """The raters' mean, in [1, 5]."""
        return sum(a * n for a, n in zip(ANSWERS, self.counts, strict=True)) / sum(self.counts)


def _call(id_: str, turns: Iterable[tuple[Role, str]]) -> Call:
    said: list[Utterance] = []
    for role, raw in turns:
        text = " ".join(raw.split())
        if any(c.isalnum() for c in text):
            said.append(
                Utterance(
                    index=len(said),
                    channel=0,
                    role=role,
                    start_ms=None,
                    end_ms=None,
                    text=text,
                    language="en",
                )
            )
    return Call(id=id_, duration_ms=None, utterances=tuple(said))


def _counts(ratings: Iterable[int]) -> tuple[int, ...]:
    given = list(ratings)
    return tuple(given.count(a) for a in ANSWERS)


def stc3(data: Path, *, joined: bool = False) -> Iterator[Rated]:
    """The helpdesk dialogues; an utterance is a post or, if ``joined``, all posts of a turn."""
    for dialogue in json.loads((data / "stc3" / "dialogues.json").read_text("utf-8")):
        turns: list[tuple[Role, str]] = []
        for turn in dialogue["turns"]:
            role: Role = "customer" if turn["sender"] == "customer" else "agent"
            posts = [" ".join(turn["utterances"])] if joined else turn["utterances"]
            turns += [(role, post) for post in posts]
        ratings = _counts(a["quality"]["S"] + 3 for a in dialogue["annotations"])
        yield Rated(call=_call(dialogue["id"], turns), counts=ratings, group=dialogue["id"])


def ab_redial(data: Path) -> Iterator[Rated]:
    """The recommender's dialogues, once for each rater."""
    with (data / "ab_redial" / "annotated_dialogues.csv").open(encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            lines = [row[k].split("\t", 1) for k in row if k and k.startswith("utterance") and row[k]]
            turns: list[tuple[Role, str]] = [
                ("customer" if who == "USER" else "agent", text)
                for who, text in (x for x in lines if len(x) == 2)
            ]
            if turns and row["dialogue-overall"]:
                call = _call(f"ab_redial/{number}", turns)
                group = "ab_redial/" + " ".join(u.text for u in call.utterances)[:200]
                yield Rated(call=call, counts=_counts([round(float(row["dialogue-overall"]))]), group=group)


def casino(data: Path) -> Iterator[Rated]:
    """The negotiations, once from each side, which is the customer then."""
    for part in ("train", "valid", "test"):
        for chat in json.loads((data / "casino" / f"casino_{part}.json").read_text("utf-8")):
            for me, about in chat["participant_info"].items():
                turns: list[tuple[Role, str]] = [
                    ("customer" if t["id"] == me else "agent", t["text"])
                    for t in chat["chat_logs"]
                    if not t["text"].startswith(MOVES)
                ]
                id_ = f"casino/{chat['dialogue_id']}"
                level = LEVELS.index(about["outcomes"]["satisfaction"]) + 1
                yield Rated(call=_call(f"{id_}/{me}", turns), counts=_counts([level]), group=id_)


def uss(data: Path, part: str) -> Iterator[Rated]:
    """``part`` is ``MWOZ`` or ``CCPE``; the raters' overall answers."""
    text = (data / "uss" / f"{part}.txt").read_text("utf-8")
    for number, block in enumerate(b for b in text.split("\n\n") if b.strip()):
        turns: list[tuple[Role, str]] = []
        ratings: list[int] = []
        for line in block.strip("\n").split("\n"):
            fields = line.split("\t")
            if fields[1] == "OVERALL":
                ratings = [int(x) for x in fields[-1].split(",")]
            else:
                turns.append(("customer" if fields[0] == "USER" else "agent", fields[1]))
        id_ = f"uss/{part}/{number}"
        yield Rated(call=_call(id_, turns), counts=_counts(ratings), group=id_)
