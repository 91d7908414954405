"""Room for a few at a time to do what is dear, and for a few more to wait for it.

Whoever waits holds one of the threads that answer every request: without a bound on who waits, one person
who asks for forty dear things at once keeps everybody else out.
"""

from __future__ import annotations

import threading

__all__ = ["Room"]


class Room:
    """``at_once`` are in, at most ``waiting`` wait, none longer than ``patience_s`` seconds."""

    def __init__(self, *, at_once: int, waiting: int, patience_s: float) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._door = threading.BoundedSemaphore(at_once + waiting)
        self._patience_s = patience_s

    def enter(self) -> bool:
        """Come in, after waiting if need be; ``False``: it is full. Who came in must :meth:`leave`."""
        if not self._door.acquire(blocking=False):
            return False
        if self._free.acquire(timeout=self._patience_s):
            return True
        self._door.release()
        return False

    def leave(self) -> None:
        """Make room for the next one."""
        self._free.release()
        self._door.release()
