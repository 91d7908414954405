"""What an import could not use, in a file to be downloaded: where it stood and what is wrong with it."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from service.masking import mask_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.files import Files
    from service.jobs.work import Redactor

__all__ = ["SetAside", "mentions"]

_EXAMPLES = 10

_IDS = frozenset({"call_id", "contact_id", "customer_id", "agent_id", "queue"})
"""Columns by which a row is found again where it came from; they are stored as they are, too."""


class SetAside:
    """Collects what is set aside, in a CSV file that begins with the first; :meth:`keep` gives its name.

    What stood in a row is masked as a transcript is: a comment that slipped into the wrong column can hold
    the number of a card.
    """

    def __init__(self, files: Files, mask: Redactor | None) -> None:
        self._incoming, self._mask = files.incoming("set-aside"), mask
        self.n = 0
        self.problems: dict[str, int] = {}
        self._write(["where", "problem", "row"])

    def add(self, where: str, problem: str, row: Mapping[str, Any] | None = None) -> None:
        """Note one more; ``row`` is what stood there, by column."""
        self.n += 1
        if problem in self.problems or len(self.problems) < _EXAMPLES:
            self.problems[problem] = self.problems.get(problem, 0) + 1
        told = {} if row is None else {name: self._masked(name, value) for name, value in row.items()}
        self._write([where, problem, json.dumps(told, default=str) if told else ""])

    def _masked(self, name: str, value: Any) -> Any:
        if self._mask is None or name in _IDS or not isinstance(value, str):
            return value
        return mask_by(self._mask, value)

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


def mentions(files: Files, name: str, customer: str) -> bool:
    """Whether a row in a file that was set aside has a value that is this customer's id."""
    told = json.dumps(customer).replace('"', '""').encode()  # as JSON in a cell of CSV
    with files.read("set-aside", name) as file:
        return any(told in line for line in file)


def _harmless(value: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula, and would run it."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
