"""What all commands share: exit codes and where they write."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["FAILED", "INTERRUPTED", "USAGE", "console"]

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes: some file failed; the command is wrong; stopped with Ctrl-C. All done is 0."""


def console(*, stderr: bool = False) -> Console:
    """The terminal: results go to stdout, progress and errors to stderr."""
    from rich.console import Console

    return Console(stderr=stderr)
