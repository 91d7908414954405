"""A file of rules (TOML) as values; whatever is wrong in it is told with its line. See ``docs/rules.md``."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.errors import RulesError
from sentiment.rules.conditions import Conditions, fields_told
from sentiment.rules.lines import Lines
from sentiment.rules.phrasebook import Phrasebook
from sentiment.rules.tables import Tables, keys_of
from sentiment.rules.telling import check_template
from sentiment.rules.values import Rule, Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.rules.lines import Path as Place

__all__ = ["FILE_KEYS", "RULE_KEYS", "default_rules", "phrasebook", "read_rules", "rules_of"]

FILE_KEYS = ("include_default", "leave_out", "fragments", "phrases", "rule")
RULE_KEYS = (
    "name", "description", "severity", "explanation", "keep", "merge_s", "yields_to", "all", "any",
)  # fmt: skip
"""The keys of a file, and of a rule in it."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@cache
def default_rules() -> Rules:
    """The rules that are shipped."""
    return rules_of(_shipped("default.toml").text, "default")


@cache
def phrasebook() -> Phrasebook:
    """The phrases that are shipped."""
    file = _shipped("phrases.toml")
    return Phrasebook().extended(file.tables, file.body)


def read_rules(path: str | Path) -> Rules:
    """The rules in a file.

    Raises:
        RulesError: it cannot be read, or something in it is wrong; ``file:line:`` comes first.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError(f"{path}:1: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise RulesError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    return rules_of(text, path.name)


def rules_of(text: str, source: str) -> Rules:
    """The rules in a TOML text; ``source`` names it in errors and in what a call records.

    Raises:
        RulesError: something in it is wrong.
    """
    file = _File.of(text, source)
    conditions = Conditions(file.tables, phrasebook().extended(file.tables, file.body))
    own = [
        _rule(conditions, table, ("rule", i))
        for i, table in enumerate(file.tables.array(file.body, "rule", ()))
    ]
    places = {rule.name: i for i, rule in enumerate(own)}
    for i, rule in enumerate(own):
        if places[rule.name] != i:
            line = file.tables.lines.line(("rule", i, "name"))
            file.tables.wrong(
                ("rule", places[rule.name], "name"), f"a rule named {rule.name!r} is on line {line} already"
            )
    if file.included:
        rules = {rule.name: rule for rule in (*default_rules().rules, *own) if rule.name not in file.left_out}
    else:
        rules = {rule.name: rule for rule in own}
    if not rules:
        file.tables.wrong((), "there are no rules in it; write a [[rule]], or include_default = true")
    return _in_force(file, Rules(source=source, sha256=_sha256(file), rules=tuple(rules.values())), places)


def _sha256(file: _File) -> str:
    """Of all that the rules are made of: what it says, not how it is laid out or commented."""
    said = [file.body, _shipped("phrases.toml").body]
    if file.included:
        said.append(_shipped("default.toml").body)
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was read: its text, its content and where things stand in it."""

    text: str
    body: Mapping[str, Any]
    tables: Tables
    included: bool = False
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, source: str) -> _File:
        text = text.replace("\r\n", "\n")
        try:
            body = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error))
            line = found[2] if found else str(text.rstrip().count("\n") + 1)
            what = found[1] if found else str(error).removesuffix(" (at end of document)")
            raise RulesError(f"{source}:{line}: not TOML: {what[:1].lower()}{what[1:]}") from None
        file = cls(text, body, Tables(source, Lines.of(text)))
        return file._with_options()

    def _with_options(self) -> _File:
        tables, body = self.tables, self.body
        tables.known(body, FILE_KEYS, (), "a file of rules")
        included = tables.value(bool, body.get("include_default", False), ("include_default",), "the file")
        left_out = tables.value(tuple[str, ...], body.get("leave_out", []), ("leave_out",), "the file")
        if left_out and not included:
            tables.wrong(("leave_out",), "leave_out is for default rules; add include_default = true")
        for name in left_out:
            if name not in (there := [rule.name for rule in default_rules().rules]):
                tables.wrong(
                    ("leave_out",), f"there is no default rule {name!r}; there are {', '.join(there)}", name
                )
        return replace(self, included=included, left_out=left_out)


@cache
def _shipped(name: str) -> _File:
    return _File.of(files("sentiment.rules").joinpath(name).read_text("utf-8"), name)


# -- one rule --------------------------------------------------------------------------------------


def _rule(conditions: Conditions, table: Mapping[str, Any], path: Place) -> Rule:
    tables = conditions.tables
    tables.known(table, RULE_KEYS, path, "a rule")
    for key in ("name", "description", "severity", "explanation"):
        if key not in table:
            tables.wrong(path, f"a rule needs the key {key!r}")
    name = table["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        tables.wrong((*path, "name"), f"name must be lower-case letters, digits and _, not {name!r}")
    what = f"rule {name}"
    if not ("all" in table or "any" in table):
        tables.wrong(path, f"{what} looks for nothing; give it conditions under [[rule.all]] or [[rule.any]]")
    hints = keys_of(Rule)
    given = {
        key: tables.value(hints[key], table[key], (*path, key), what)
        for key in ("name", "description", "explanation", "keep", "merge_s", "yields_to")
        if key in table
    }
    if not given["description"].strip() or "\n" in given["description"]:
        tables.wrong((*path, "description"), f"{what}: description must be one line")
    find = conditions.group({key: table[key] for key in ("all", "any") if key in table}, path)
    try:
        check_template(given["explanation"], fields_told(find) | {"n"})
    except ValueError as error:
        tables.wrong((*path, "explanation"), f"{what}: explanation: {error}")
    return Rule(find=find, severity=_severity(tables, table["severity"], (*path, "severity"), what), **given)


def _severity(tables: Tables, value: Any, path: Place, what: str) -> tuple[float, float]:
    """A number, or that of the weakest and of the strongest hit."""
    ends = value if isinstance(value, list) else [value, value]
    numbers = all(type(v) in (int, float) and 0 <= v <= 1 for v in ends)
    if len(ends) != 2 or not numbers or ends[0] > ends[1]:
        tables.wrong(
            path, f"{what}: severity must be a number in [0, 1], or two in rising order, not {value!r}"
        )
    return float(ends[0]), float(ends[1])


def _in_force(file: _File, rules: Rules, places: Mapping[str, int]) -> Rules:
    """The rules, each yielding only to rules there are, and none in a circle."""
    there = {rule.name for rule in rules.rules}
    for rule in rules.rules:
        for name in set(rule.yields_to) - there - set(file.left_out):
            file.tables.wrong(
                ("rule", places[rule.name], "yields_to"),
                f"rule {rule.name}: there is no rule {name!r} to yield to",
            )
    kept = tuple(
        replace(rule, yields_to=tuple(name for name in rule.yields_to if name in there))
        for rule in rules.rules
    )
    rules = replace(rules, rules=kept)
    try:
        rules.in_turn()
    except ValueError as error:
        at: Place = next((("rule", i, "yields_to") for i in places.values()), ())
        file.tables.wrong(at, f"yields_to: {error}")
    return rules
