"""The words that the rules go by, from ``words.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

__all__ = ["phrases", "split_phrases", "table", "words"]


def words(name: str) -> frozenset[str]:
    """A list of single words by its name: ``address.suffixes``."""
    section, _, key = name.partition(".")
    return frozenset(table(section)[key].split())


def phrases(name: str) -> tuple[str, ...]:
    """A list of phrases by its name, in order."""
    section, _, key = name.partition(".")
    return split_phrases(table(section)[key])


def split_phrases(listed: str) -> tuple[str, ...]:
    """The phrases of one list."""
    return tuple(" ".join(phrase.split()) for phrase in listed.split(","))


def table(section: str) -> dict[str, str]:
    """All lists of a section, by key."""
    found: dict[str, str] = _read()[section]
    return found


@cache
def _read() -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
