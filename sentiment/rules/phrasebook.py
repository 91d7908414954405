"""Named sets of phrases, written in TOML: kinds of a thing to say, each by regular expressions.

    [fragments]
    boss = 'manager|supervisor'

    [phrases.escalation]
    "asked for a supervisor" = ['(?:speak|talk) to (?:a|your) {boss}']

Expressions are matched against normalised text (:func:`sentiment.phrases.normalise`): lower case,
contractions spelled out. A space in one matches punctuation too; ``{boss}`` stands for the fragment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sentiment.phrases import Phrase, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.rules.lines import Path
    from sentiment.rules.tables import Tables

__all__ = ["Phrasebook"]

_FRAGMENT = re.compile(r"\{([A-Za-z_]\w*)\}")

_PROBE = "a , a a"
"""A text in which an expression that can match without a word does."""

_NO_LETTERS = re.compile(_FRAGMENT.pattern + r"|\\.|\(\?P[<=]\w+[>)]")
"""What stands in an expression in letters that are not to be found in the text."""

_CONTRACTED = re.compile(r"\w+['’]\w+|(?<![^ ])\w+(?![^ ])")
"""Words with an apostrophe, and words that are whole: parts of others may look like contractions."""


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """Sets of phrases and fragments of expressions, by name."""

    sets: Mapping[str, tuple[Phrase, ...]] = field(default_factory=dict)
    fragments: Mapping[str, str] = field(default_factory=dict)

    def extended(self, tables: Tables, body: Mapping[str, Any]) -> Phrasebook:
        """With a file's own ``fragments`` and ``phrases``; one of a name there is already replaces it.

        Raises:
            RulesError: one is not what it should be.
        """
        book = Phrasebook(self.sets, dict(self.fragments))
        for name, pattern in tables.table(body, "fragments").items():
            path: Path = ("fragments", name)
            if not isinstance(pattern, str):
                tables.wrong(path, f"fragment {name!r} must be a regular expression in quotes")
            filled = f"(?:{book.expression(tables, pattern, path)})"
            book = Phrasebook(book.sets, {**book.fragments, name: filled})
        sets = {
            name: book._set(tables, kinds, ("phrases", name))
            for name, kinds in tables.table(body, "phrases").items()
        }
        return Phrasebook({**book.sets, **sets}, book.fragments)

    def _set(self, tables: Tables, kinds: Any, path: Path) -> tuple[Phrase, ...]:
        if not isinstance(kinds, dict) or not kinds:
            tables.wrong(
                path, f"phrase set {path[-1]!r} must be a table of kinds, each a list of regular expressions"
            )
        found = []
        for kind, patterns in kinds.items():
            here = (*path, kind)
            tables.printable(here, kind)
            if (
                not isinstance(patterns, list)
                or not patterns
                or not all(isinstance(p, str) for p in patterns)
            ):
                tables.wrong(here, f"{kind!r} must be a list of regular expressions in quotes")
            found.append(Phrase.of(kind, *(self.pattern(tables, p, here) for p in patterns)))
        return tuple(found)

    def pattern(self, tables: Tables, pattern: str, path: Path) -> str:
        """:meth:`expression` of a whole pattern, known to find words and none that text never has.

        Raises:
            RulesError: as :meth:`expression`; it can match where no word is; or it has letters that are
                never in the form of text that it is matched against.
        """
        whole = self.expression(tables, pattern, path)
        found = (match[0] for match in re.finditer(Phrase.of("", whole).expression, _PROBE))
        if not all(re.search(r"\w", each) for each in found):
            tables.wrong(
                path,
                f"{pattern!r} matches where nothing is said; make it need a word (not all of it optional, "
                "and no empty alternative)",
                pattern,
            )
        letters = _NO_LETTERS.sub(" ", pattern)
        if upper := re.search(r"\w*[A-Z]\w*", letters):
            tables.wrong(
                path,
                f"{pattern!r} never matches, as text is brought to lower case; write {upper[0].lower()!r}",
                pattern,
            )
        for word in _CONTRACTED.findall(letters):
            if (spelled := normalise(word)) != word:
                tables.wrong(
                    path,
                    f"{pattern!r} never matches, as contractions in text are spelled out and variants of a "
                    f"word are one; write {spelled!r} for {word!r}",
                    pattern,
                )
        return whole

    def expression(self, tables: Tables, pattern: str, path: Path) -> str:
        """``pattern`` with its ``{fragments}`` in place, known to be a regular expression.

        Raises:
            RulesError: there is no such fragment, or it is no regular expression.
        """
        for name in _FRAGMENT.findall(pattern):
            if name not in self.fragments:
                there = ", ".join(sorted(self.fragments))
                tables.wrong(path, f"there is no fragment {{{name}}}; there are {there}", pattern)
        whole = _FRAGMENT.sub(lambda match: self.fragments[match[1]], pattern)
        try:
            re.compile(Phrase.of("", whole).expression)
        except re.error as error:
            tables.wrong(path, f"{pattern!r} is not a regular expression: {error}", pattern)
        return whole
