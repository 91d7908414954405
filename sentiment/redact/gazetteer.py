"""First names and surnames, from ``names.txt``; ``models/corpus/make_names.py`` says where they come from."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["Names", "names"]


class Names(NamedTuple):
    """Sets of names in lower case; those that are also English words apart, as ambiguous."""

    first: frozenset[str]
    first_ambiguous: frozenset[str]
    last: frozenset[str]
    last_ambiguous: frozenset[str]


@cache
def names() -> Names:
    """The lists, read when first needed."""
    text = files(__package__).joinpath("names.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^\[.*\]$", text, flags=re.MULTILINE)[1:]
    return Names(*(frozenset(block.split()) for block in blocks))
