"""A table of a TOML file as a frozen dataclass: every key known, of its type and within its bounds.

The types are read from the dataclass, so that what a filter says of its fields is what is checked.
"""

from __future__ import annotations

import dataclasses
import types
import typing
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from sentiment.errors import RulesError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sentiment.rules.lines import Lines, Path
    from sentiment.rules.values import Within

__all__ = ["Tables", "keys_of"]

T = TypeVar("T")

_NAMES = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number"}


@cache
def keys_of(kind: type[Any]) -> Mapping[str, Any]:
    """The keys of a dataclass's table with their types; fields marked ``{"key": False}`` are none."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind) if f.metadata.get("key", True)}


@dataclass(frozen=True, slots=True)
class Tables:
    """Reads values of one file; ``source`` and ``lines`` say where each stands."""

    source: str
    lines: Lines

    def wrong(self, path: Path, message: str, value: object = None) -> NoReturn:
        """Raise RulesError at the line of ``path``, or of ``value`` near it."""
        raise RulesError(f"{self.source}:{self.lines.line(path, value)}: {message}")

    def known(self, table: Mapping[str, Any], keys: Collection[str], path: Path, what: str) -> None:
        """Refuse a key that is not one of ``keys``."""
        for key in table:
            if key not in keys:
                near = get_close_matches(key, keys, 1)
                advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(keys))}"
                self.wrong((*path, key), f"{what} has no key {key!r}; {advice}")

    def table(self, body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The table ``body`` has under ``key``; an empty one if it has none."""
        found = body.get(key, {})
        if not isinstance(found, dict):
            self.wrong((key,), f"{key} must be a table, as [{key}]")
        return found

    def array(self, body: Mapping[str, Any], key: str, path: Path) -> list[Mapping[str, Any]]:
        """The tables ``body`` has under ``key``; none if it has none."""
        found = body.get(key, [])
        header = ".".join(str(part) for part in (*path, key) if isinstance(part, str))
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.wrong((*path, key), f"{key} must be tables, each under [[{header}]]")
        return found

    def make(self, kind: type[T], table: Mapping[str, Any], path: Path, what: str) -> T:
        """The dataclass ``kind`` of its keys in ``table``."""
        hints = keys_of(cast("Any", kind))
        self.known(table, hints, path, what)
        given = {key: self.value(hints[key], value, (*path, key), what) for key, value in table.items()}
        for f in dataclasses.fields(cast("Any", kind)):
            required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            if required and f.name in hints and f.name not in table:
                self.wrong(path, f"{what} needs the key {f.name!r}")
        try:
            return kind(**given)
        except ValueError as error:
            self.wrong(path, f"{what}: {error}")

    def value(self, hint: Any, value: Any, path: Path, what: str) -> Any:
        """A value of the annotated type ``hint``."""
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return self.value(next(a for a in args if a is not types.NoneType), value, path, what)
        if origin is typing.Annotated:
            return self._bounded(self.value(args[0], value, path, what), args[1], path)
        if origin is typing.Literal:
            if value not in args:
                self.wrong(
                    path, f"{what}: {path[-1]} must be {_choice(args)}, not {value!r}{_law(path, args)}"
                )
            return value
        if origin is tuple:
            if not isinstance(value, list):
                self.wrong(path, f"{what}: {path[-1]} must be a list, as [{value!r}]")
            return tuple(self.value(args[0], each, path, what) for each in value)
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, dict):
                self.wrong(path, f"{what}: {path[-1]} must be a table, as {{ first_s = 60 }}")
            return self.make(cast("type[Any]", hint), value, path, str(path[-1]))
        return self._plain(hint, value, path, what)

    def _plain(self, hint: type[Any], value: Any, path: Path, what: str) -> Any:
        if hint is float and type(value) is int:
            value = float(value)
        if type(value) is not hint:
            self.wrong(path, f"{what}: {path[-1]} must be {_NAMES[hint]}, not {value!r}")
        if isinstance(value, str):
            self.printable(path, value)
        return value

    def printable(self, path: Path, text: str) -> None:
        """Refuse a text with control characters other than line breaks and tabs: it may reach a terminal."""
        if found := next((c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"), None):
            self.wrong(path, f"{path[-1]} has the control character {found!r} in it; leave it out")

    def _bounded(self, number: float, bounds: Within, path: Path) -> float:
        if not (bounds.least <= number <= (float("inf") if bounds.most is None else bounds.most)):
            most = "" if bounds.most is None else f" and at most {bounds.most:g}"
            self.wrong(path, f"{path[-1]} must be at least {bounds.least:g}{most}, not {number:g}")
        return number


def _choice(args: tuple[Any, ...]) -> str:
    return " or ".join(f'"{arg}"' for arg in args)


def _law(path: Path, args: tuple[Any, ...]) -> str:
    if path[-1] == "role" and args == ("customer",):
        return "; what an agent feels is not judged: ask for their wording or timing"
    return ""
