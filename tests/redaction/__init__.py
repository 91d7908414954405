"""Calls whose personal data is labelled, for ``test_redact.py`` and ``benchmarks/bench_redaction.py``.

``dev.jsonl`` is what the rules were written on, ``test.jsonl``, of other themes, what was kept from
them. Each line is a call: ``[[KIND:text]]`` marks personal data, ``[[-:text]]`` what looks like it and is
none. Everything was made up by hand; card numbers are random ones that pass Luhn's test, or test numbers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Labelled", "Span", "load"]

_MARK = re.compile(r"\[\[([A-Z]+|-):(.*?)\]\]")
_LONG = {"BANK": "BANK ACCOUNT"}


@dataclass(frozen=True, slots=True)
class Span:
    """``[start, end)`` of a turn's text is of a kind; ``kind`` is ``-`` for what only looks like it."""

    turn: int
    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """One call: its turns as (role, text), and what they hold."""

    id: str
    theme: str
    turns: tuple[tuple[Literal["agent", "customer"], str], ...]
    spans: tuple[Span, ...]


def load(half: Literal["dev", "test"]) -> list[Labelled]:
    """The calls of one half."""
    lines = Path(__file__).with_name(f"{half}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_labelled(json.loads(line)) for line in lines]


def _labelled(row: dict) -> Labelled:
    turns, spans = [], []
    for index, (role, marked) in enumerate(row["turns"]):
        text, at = "", 0
        for match in _MARK.finditer(marked):
            text += marked[at : match.start()]
            spans.append(Span(index, len(text), len(text) + len(match[2]), _LONG.get(match[1], match[1])))
            text, at = text + match[2], match.end()
        turns.append((role, text + marked[at:]))
    return Labelled(row["id"], row["theme"], tuple(turns), tuple(spans))
