"""The service calls of ``service_calls.jsonl``: written utterances, each with what stands before it.

Each line of the file is one JSON object; ``SERVICE_CALLS.md`` says how the labels were given.

    {"slots": {"item": ["bag", ...]}}                      the first line: what {item} may be
    {"context": "calm", "turns": [[["agent", "..."]]]}     turns that may stand before, by kind
    {"id": "joy", "role": "customer", "context": ["goodnews", "none"], "sentiment": [0.01, 0.05, 0.94],
     "valence": 0.82, "emotions": ["joy"], "texts": ["I'm over the moon"]}

A group has ``context``, kinds of which one is drawn (``none``: no turns; ``any``: see :data:`ANY`), or
``before``, turns of its own in the form of a context's. A turn ``@complaint`` is any text of the groups
whose id begins so. ``sentiment`` is negative, neutral, positive; it sums to 1.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from corpus.public_sets import held_out
from sentiment.call import Role
from sentiment.errors import InputError

if TYPE_CHECKING:
    import random

PATH = Path(__file__).resolve().with_name("service_calls.jsonl")
SLOT = re.compile(r"\{(\w+)\}")
MAX_TURNS = 3
EMOTIONS = frozenset(
    str.split(
        "admiration amusement anger annoyance approval caring confusion curiosity desire disappointment "
        "disapproval disgust embarrassment excitement fear gratitude grief joy love nervousness optimism "
        "pride realization relief remorse sadness surprise neutral"
    )
)
ANY = {
    "none": 6,
    "calm": 5,
    "complaint": 4,
    "badnews": 2,
    "goodnews": 2,
    "hold": 1,
    "asked": 1,
    "resolved": 1,
}
"""How often each kind of context is drawn for ``any``, relative to the others."""

Turn = tuple[Role, str]


@dataclass(frozen=True, kw_only=True)
class ServiceUtterance:
    """An utterance, the turns before it (0 to 3, oldest first) and its labels.

    ``classes`` are negative, neutral, positive and sum to 1; ``valence`` is in [-1, 1]; ``emotions`` are
    names of GoEmotions; ``id`` is its group's.
    """

    id: str
    role: Role
    context: tuple[Turn, ...]
    text: str
    classes: tuple[float, float, float]
    valence: float
    emotions: frozenset[str]


class ServiceCalls:
    """The file, read and checked; :class:`~sentiment.errors.InputError` names a line that is wrong."""

    def __init__(self, path: Path = PATH) -> None:
        self.slots: dict[str, list[str]] = {}
        self.contexts: dict[str, list[list[Turn]]] = {}
        self.groups: list[dict[str, Any]] = []
        self._kept: dict[tuple[str, Role], list[str]] = {}  # by group and role, none held out
        lines = list(enumerate(path.read_text("utf-8").splitlines(), 1))
        for check in (self._add, self._check):  # a group may name one of a later line
            for number, line in lines:
                try:
                    check(json.loads(line))
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise InputError(f"{path}:{number}: {error!r}; see models/service_calls.py") from error

    def _add(self, item: dict[str, Any]) -> None:
        if "slots" in item:
            self.slots = item["slots"]
        elif "texts" in item:
            self.groups.append(item)
            self._kept[item["id"], item["role"]] = [text for text in item["texts"] if not held_out(text)]
        else:
            self.contexts[item["context"]] = item["turns"]

    def examples(self, rng: random.Random, *, held: bool, copies: int) -> list[ServiceUtterance]:
        """``copies`` of each text that is ``held`` out, or of each that is not; slots and turns are drawn."""
        return [
            ServiceUtterance(
                id=group["id"],
                role=group["role"],
                context=self._turns(rng, rng.choice(group["before"]))
                if "before" in group
                else self.before(rng, rng.choice(group["context"])),
                text=self._fill(rng, text),
                classes=tuple(group["sentiment"]),
                valence=group["valence"],
                emotions=frozenset(group["emotions"]),
            )
            for group in self.groups
            for text in group["texts"]
            if held_out(text) is held
            for _ in range(copies)
        ]

    def before(self, rng: random.Random, kind: str) -> tuple[Turn, ...]:
        """Turns of that kind of context, to stand before a text; ``any`` and ``none`` are kinds too."""
        if kind == "any":
            kind = rng.choices(tuple(ANY), tuple(ANY.values()))[0]
        return () if kind == "none" else self._turns(rng, rng.choice(self.contexts[kind]))

    def _turns(self, rng: random.Random, turns: list[Turn]) -> tuple[Turn, ...]:
        return tuple(
            (role, self._fill(rng, rng.choice(self._named(role, text)) if text[0] == "@" else text))
            for role, text in turns
        )

    def _named(self, role: Role, name: str) -> list[str]:
        """The texts, none held out, that a turn ``@name`` of that role may be."""
        kept = [texts for (id_, r), texts in self._kept.items() if r == role and id_.startswith(name[1:])]
        return [text for texts in kept for text in texts]

    def _fill(self, rng: random.Random, text: str) -> str:
        """``text`` with its slots filled and, every other time, written as a sentence."""
        text = SLOT.sub(lambda slot: rng.choice(self.slots[slot[1]]), text)
        if rng.random() < 0.5:
            text = text[0].upper() + text[1:] + ("" if text[-1] in ".?!," else ".")
        return text

    def _check(self, item: dict[str, Any]) -> None:
        """Raise ``KeyError``, ``TypeError`` or ``ValueError`` for a line that is wrong."""
        texts, spans = list(item.get("texts", ())), item.get("turns", item.get("before", ()))
        for span in spans:
            if not 1 <= len(span) <= MAX_TURNS or not {role for role, _ in span} <= set(get_args(Role)):
                raise ValueError(f"1 to {MAX_TURNS} turns with roles expected, not {span}")
            for role, text in span:
                texts.append(text)
                if text[:1] == "@" and not self._named(role, text):
                    raise ValueError(f"no group of the role {role} begins with {text[1:]!r}")
        for text in texts:
            if not text.strip() or not set(SLOT.findall(text)) <= set(self.slots):
                raise ValueError(f"empty or with an unknown slot: {text!r}")
        if "texts" in item:
            kinds, named = {*self.contexts, "any", "none"}, set(item.get("context", ()))
            checks = {
                "role": item["role"] in get_args(Role),
                "context or before": bool(spans) != (bool(named) and named <= kinds),
                "sentiment": abs(sum(item["sentiment"]) - 1) < 1e-6 and min(item["sentiment"]) >= 0,
                "valence": abs(item["valence"]) <= 1,
                "emotions": set(item["emotions"]) <= EMOTIONS,
                "texts, or one twice": len(set(item["texts"])) == len(item["texts"]) > 0,
            }
            if wrong := [name for name, right in checks.items() if not right]:
                raise ValueError(f"{item['id']}: wrong {', '.join(wrong)}")
