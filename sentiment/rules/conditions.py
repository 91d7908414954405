"""Conditions of a rule as values: filters with their limits, and groups of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sentiment.rules.filters import COMMON_FIELDS, FILTERS
from sentiment.rules.said import PhraseFilter
from sentiment.rules.tables import Tables, keys_of
from sentiment.rules.values import Condition, Filter, Group, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.rules.lines import Path
    from sentiment.rules.phrasebook import Phrasebook

__all__ = ["Conditions", "fields_told"]

Place = Literal["first", "companion"]
"""Whether a condition's hits are what is looked for, or are looked for beside those of another."""

_RELATION = ("where", "within_turns", "within_s")


@dataclass(frozen=True, slots=True)
class Conditions:
    """Reads the conditions of a file's rules; every method raises RulesError where one is wrong."""

    tables: Tables
    book: Phrasebook

    def group(self, table: Mapping[str, Any], path: Path, place: Place = "first") -> Group:
        """The group that ``table`` holds under ``all`` or ``any``, limits beside it."""
        how: Literal["all", "any"] = "all" if "all" in table else "any"
        if "all" in table and "any" in table:
            self.tables.wrong((*path, "any"), "a group has all or any, not both; put one inside the other")
        members = self.tables.array(table, how, path)
        if not members:
            self.tables.wrong((*path, how), f"{how} is empty; give it a condition")
        inner = (*path, how)
        limits = self._limits(table, path, place, {how}) if len(path) > 2 else Limits()
        if how == "any":
            # Alternatives beside a first condition say themselves where they are looked for.
            each: Place = "companion" if place == "companion" else "first"
            found = [self.condition(m, (*inner, i), each, alternative=True) for i, m in enumerate(members)]
        else:
            found = [
                self.condition(m, (*inner, i), "companion" if i else "first") for i, m in enumerate(members)
            ]
        names = [each.limits.name for each in found]
        for i, name in enumerate(names):
            if name is not None and name in names[:i]:
                line = self.tables.lines.line((*inner, names.index(name), "name"))
                self.tables.wrong(
                    (*inner, i, "name"),
                    f"a condition named {name!r} is on line {line} already; name one otherwise",
                )
        return Group(how=how, conditions=tuple(found), limits=limits)

    def condition(
        self, table: Mapping[str, Any], path: Path, place: Place, *, alternative: bool = False
    ) -> Condition | Group:
        """A condition of a group: a filter, or a group within it."""
        if alternative and (refused := {"negate", "name"} & table.keys()):
            key = min(refused)
            self.tables.wrong((*path, key), f"{key} belongs to the group, not to one of its alternatives")
        if "filter" not in table:
            if "all" in table or "any" in table:
                return self.group(table, path, place)
            self.tables.wrong(path, f"a condition needs a filter, or all or any; filters are {_names()}")
        return self._leaf(table, path, place)

    def _leaf(self, table: Mapping[str, Any], path: Path, place: Place) -> Condition:
        name = table["filter"]
        if not isinstance(name, str) or name not in FILTERS:
            self.tables.wrong((*path, "filter"), f"there is no filter {name!r}; filters are {_names()}")
        kind = FILTERS[name]
        own = keys_of(kind)
        known = {"filter", *own, *keys_of(Limits)}
        what = f"filter {name}"
        self.tables.known(table, known, path, what)
        made = self.tables.make(kind, {k: v for k, v in table.items() if k in own}, path, what)
        limits = self._limits(table, path, place, {"filter", *own})
        if isinstance(made, PhraseFilter):
            made = self._with_phrases(made, path)
        return Condition(filter=made, limits=limits)

    def _with_phrases(self, made: PhraseFilter, path: Path) -> Filter:
        for name in made.sets:
            if name not in self.book.sets:
                there = ", ".join(sorted(self.book.sets))
                self.tables.wrong(
                    (*path, "sets"), f"there is no phrase set {name!r}; there are {there}", name
                )
        patterns = tuple(self.book.pattern(self.tables, p, (*path, "patterns")) for p in made.patterns)
        return made.with_phrases(self.book.sets, patterns)

    def _limits(self, table: Mapping[str, Any], path: Path, place: Place, others: set[str]) -> Limits:
        """The limits among the keys of ``table`` that are not ``others``."""
        keys = {key: value for key, value in table.items() if key not in others}
        if place == "first":
            for key in ("negate", "name", *_RELATION):
                if key in keys:
                    self.tables.wrong(
                        (*path, key), f"{key} is for a condition beside another; this one comes first"
                    )
        return self.tables.make(Limits, keys, path, "a condition")


def fields_told(condition: Condition | Group) -> frozenset[str]:
    """The fields an explanation can have: of the first condition, and of companions with a name."""
    if isinstance(condition, Condition):
        return frozenset((*COMMON_FIELDS, *condition.filter.tells))
    each = [fields_told(member) for member in condition.conditions]
    if condition.how == "any":
        return frozenset.intersection(*each)
    named = zip(condition.conditions[1:], each[1:], strict=True)
    of_others = {f"{c.limits.name}.{key}" for c, keys in named if c.limits.name for key in keys}
    return each[0] | of_others


def _names() -> str:
    return ", ".join(FILTERS)
