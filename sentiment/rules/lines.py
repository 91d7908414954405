"""Where things stand in a TOML file: the standard library's reader does not say.

The text must have been read by :mod:`tomllib` before, so it is known to be well formed; this only
walks over its lines. A key in an inline table or a list has the line of the key that holds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

__all__ = ["Lines"]

Path = tuple[str | int, ...]
"""How a value is reached: keys, and positions in arrays of tables."""

_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_TOKEN = re.compile(r"""\"{3}|'{3}|"(?:\\.|[^"\\])*"|'[^']*'|[\[\]{}]|#.*""")


@dataclass(frozen=True, slots=True)
class Lines:
    """Line numbers, from 1, by path; ``text`` is split into ``rows``."""

    at: dict[Path, int]
    rows: list[str]

    @classmethod
    def of(cls, text: str) -> Lines:
        """The lines of a well-formed TOML text."""
        rows = text.split("\n")
        at: dict[Path, int] = {(): 1}
        table: Path = ()
        last: dict[Path, int] = {}  # how many tables an array has so far
        number = 0
        while number < len(rows):
            row, number = rows[number], number + 1
            if header := _HEADER.match(row):
                table = _table(_parts(header[2]), array=header[1] == "[[", last=last)
                for depth in range(1, len(table) + 1):
                    at.setdefault(table[:depth], number)
            elif key := _KEY.match(row):
                path = table
                for part in _parts(key[1]):
                    path = (*path, part)
                    at.setdefault(path, number)
                number += _rows_more(rows, number, row[key.end() :])
        return cls(at, rows)

    def line(self, path: Path, value: Any = None) -> int:
        """The line of ``path`` or of what holds it; of ``value``, a text, if it is seen further on."""
        known = path
        while known not in self.at:
            known = known[:-1]
        start = self.at[known]
        if isinstance(value, str) and value:
            plain = value.split("\n", 1)[0]
            for number in range(start, min(start + 60, len(self.rows)) + 1):
                row = self.rows[number - 1]
                if plain in row or plain.replace("\\", "\\\\") in row:
                    return number
        return start


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _table(parts: list[str], *, array: bool, last: dict[Path, int]) -> Path:
    """The path a table header names, with the positions in arrays that it leaves out."""
    path: Path = ()
    for depth, part in enumerate(parts):
        path = (*path, part)
        if depth == len(parts) - 1 and array:
            last[path] = last.get(path, -1) + 1
        if path in last:
            path = (*path, last[path])
    return path


def _rows_more(rows: list[str], number: int, value: str) -> int:
    """How many rows after ``number`` a value goes on: a long text, or a list over several rows."""
    depth, closing, row, more = 0, "", value, 0
    while True:
        at = 0
        while at < len(row):
            if closing:
                end = row.find(closing, at)
                if end < 0:
                    break
                at, closing = end + 3, ""
                continue
            token = _TOKEN.search(row, at)
            if token is None:
                break
            at = token.end()
            if token[0] in ('"""', "'''"):
                closing = token[0]
            elif token[0] in "[{":
                depth += 1
            elif token[0] in "]}":
                depth -= 1
        if (depth <= 0 and not closing) or number + more >= len(rows):
            return more
        row, more = rows[number + more], more + 1
