"""What an import could not use, in a file to be downloaded: where it stood and what is wrong with it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.files import Files

__all__ = ["SetAside"]

_EXAMPLES = 10


class SetAside:
    """Collects what is set aside, in a CSV file that begins with the first; :meth:`keep` gives its name."""

    def __init__(self, files: Files) -> None:
        self._incoming = files.incoming("set-aside")
        self.n = 0
        self.problems: dict[str, int] = {}
        self._write(["where", "problem", "row"])

    def add(self, where: str, problem: str, row: str = "") -> None:
        """Note one more; ``row`` is what stood there, as JSON."""
        self.n += 1
        if problem in self.problems or len(self.problems) < _EXAMPLES:
            self.problems[problem] = self.problems.get(problem, 0) + 1
        self._write([where, problem, row])

    def keep(self) -> str | None:
        """Finish the file; its name, or ``None`` if nothing was set aside."""
        return self._incoming.keep() if self.n else None

    def __enter__(self) -> SetAside:
        return self

    def __exit__(self, *_: object) -> None:
        self._incoming.__exit__(None, None, None)

    def _write(self, row: list[str]) -> None:
        text = io.StringIO()
        csv.writer(text).writerow([_harmless(value) for value in row])
        self._incoming.write(text.getvalue().encode(errors="replace"))


def _harmless(value: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula, and would run it."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
