"""What all commands share: exit codes, where they write, and how they tell of a fault of their own."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import Console

__all__ = ["FAILED", "INTERRUPTED", "USAGE", "clear_leftovers", "console", "fault", "printable"]

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes: some file failed; the command is wrong; stopped with Ctrl-C. All done is 0."""


def console(*, stderr: bool = False) -> Console:
    """The terminal: results go to stdout, progress and errors to stderr."""
    from rich.console import Console

    return Console(stderr=stderr)


def fault(path: Path, error: Exception) -> str:
    """What is told of a file whose error nobody foresaw, in one line."""
    what = " ".join(str(error).split())[:200]
    return f"{path}: failed by a fault of this software ({type(error).__name__}: {what}); please report it"


def printable(text: str) -> str:
    """``text`` without control characters, which could steer the terminal; each is a space."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)


def clear_leftovers(folders: Iterable[Path]) -> None:
    """Remove from results folders what a killed run left half written, and say so on stderr."""
    from sentiment.files import remove_leftovers

    for folder in folders:
        if removed := len(remove_leftovers(folder)):
            files = "file" if removed == 1 else "files"
            told = f"{folder}: removed {removed} unfinished {files} of a run that was killed"
            console(stderr=True).print(printable(told), markup=False, highlight=False, soft_wrap=True)
