"""A file that is sent while it is made."""

from __future__ import annotations

import io
from typing import Any

__all__ = ["Sink"]


class Sink(io.RawIOBase):
    """Takes what a writer writes and holds it until it is taken; nobody can seek in it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Hold ``data``."""
        self._parts.append(bytes(data))
        self._place += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        """How much was written so far."""
        return self._place

    def taken(self) -> bytes:
        """What was written since it was taken last."""
        found, self._parts = b"".join(self._parts), []
        return found
