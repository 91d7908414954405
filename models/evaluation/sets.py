"""The texts that are measured on, all in one form; none of them is trained on.

MAIA and MELD are never trained on at all, by their licences; the others are their held-out parts.
"""

from __future__ import annotations

import csv
import json
import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from corpus import public_sets
from corpus.public_sets import Example

from sentiment.affect.text import scorable
from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentiment.call import Role

__all__ = ["MAIA_EMOTIONS", "alone", "label_of", "maia", "meld", "missing", "sample", "single_label"]

Turn = tuple["Role", str]

MAIA_EMOTIONS = (
    *("empathy", "happiness", "neutral", "disappointment", "confusion", "frustration", "anger", "anxiety"),
)
"""By their numbers in the files."""

_NEGATIVE, _NEUTRAL, _POSITIVE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_CONTEXT_TURNS = 3
"""As many earlier turns go with an item; the scorer reads the newest of them."""


def missing(data: Path, split: str) -> list[str]:
    """The files under ``data`` that are needed and not there."""
    needed = (
        "goemotions/labels.txt",
        f"goemotions/{split}.tsv",
        "emobank/emobank.csv",
        f"meld/{split}_sent_emo.csv",
    )
    lost = [name for name in needed if not (data / name).is_file()]
    return lost + [f"{d}/*.{s}" for d, s in (("vader", "tsv"), ("maia_dqe", "json")) if not _any(data, d, s)]


def _any(data: Path, folder: str, suffix: str) -> bool:
    return any((data / folder).glob(f"*.{suffix}"))


def label_of(example: Example) -> int:
    """0 negative, 1 neutral, 2 positive: the class with the largest share."""
    shares = example.sentiment or _NEUTRAL
    return max(range(3), key=shares.__getitem__)


def single_label(examples: Sequence[Example]) -> list[int]:
    """Indices of the GoEmotions items with exactly one label."""
    return [i for i, e in enumerate(examples) if len(e.emotions or ()) == 1]


def sample(n_items: int, n: int, seed: int = public_sets.SEED) -> list[int]:
    """``n`` indices of ``n_items`` items, always the same ones; all of them if there are no more."""
    return sorted(random.Random(seed).sample(range(n_items), min(n, n_items)))


def alone(example: Example, text: str | None = None) -> Example:
    """The example without the turns before, and with another text if one is given."""
    return replace(example, context=(), text=example.text if text is None else text)


def maia(data: Path, *, confusion: int = 0) -> list[Example]:
    """The customers' sentences of the MAIA chats in English, each with the sentences before it.

    Happiness and empathy are positive; disappointment, frustration, anger and anxiety negative; ``confusion``
    is the class of confusion, which is how the annotators marked many plain questions. Turns whose labels do
    not line up with their sentences serve as context only. Placeholders (``#NAME#``) become words.

    Raises:
        InputError: a file is not of this form.
    """
    classes = [_POSITIVE, _POSITIVE, _NEUTRAL, *[_NEGATIVE] * 5]
    classes[MAIA_EMOTIONS.index("confusion")] = (_NEGATIVE, _NEUTRAL, _POSITIVE)[confusion]
    found: list[Example] = []
    for path in sorted((data / "maia_dqe").glob("*.json")):
        try:
            for number, chat in enumerate(json.loads(path.read_text("utf-8"))):
                found += _maia_chat(chat["turns"], f"{path.stem}/{number}", classes)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise InputError(
                f"{path.name}: not a MAIA chat file ({error!r}); get it again from github.com/deep-spin"
            ) from None
    return found


def _maia_chat(
    turns: Sequence[dict[str, object]], name: str, classes: Sequence[tuple[float, float, float]]
) -> list[Example]:
    found: list[Example] = []
    before: list[Turn] = []
    for turn in turns:
        inbound = turn["floor"] == "inbound"
        role: Role = "customer" if inbound else "agent"
        sentences = turn["text_mt" if inbound else "text_src"]
        labels = turn["Emotion"] or []
        if not isinstance(sentences, list) or not isinstance(labels, list):
            raise TypeError("sentences and emotions have to be lists")
        for i, sentence in enumerate(sentences):
            text = re.sub(r"#(?:PRS_)?([A-Z]+)#", lambda m: m[1].lower(), sentence)
            if scorable(text) is not None:
                continue
            if inbound and len(labels) == len(sentences) and labels[i] is not None:
                found.append(
                    Example(
                        id=f"{name}/{len(before)}",
                        text=text,
                        role=role,
                        context=tuple(before[-_CONTEXT_TURNS:]),
                        sentiment=classes[labels[i]],
                    )
                )
            before.append((role, text))
    return found


def meld(data: Path, split: str = "dev") -> list[Example]:
    """The utterances of MELD's scenes with those before; the scorer is not told who speaks.

    Raises:
        InputError: the file is not of this form.
    """
    path = data / "meld" / f"{split}_sent_emo.csv"
    found: list[Example] = []
    before: list[Turn] = []
    scene = None
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if not {"Utterance", "Sentiment", "Dialogue_ID"} <= row.keys():
                raise InputError(f"{path.name}: not a MELD file; it needs Utterance, Sentiment, Dialogue_ID")
            if row["Dialogue_ID"] != scene:
                scene, before = row["Dialogue_ID"], []
            text = row["Utterance"]
            if scorable(text) is not None:
                continue
            number = ("negative", "neutral", "positive").index(row["Sentiment"])
            found.append(
                Example(
                    id=f"{scene}/{len(before)}",
                    text=text,
                    role="unknown",
                    context=tuple(before[-_CONTEXT_TURNS:]),
                    sentiment=(_NEGATIVE, _NEUTRAL, _POSITIVE)[number],
                )
            )
            before.append(("unknown", text))
    return found
