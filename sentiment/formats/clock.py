"""How times are shown to people."""

from __future__ import annotations

__all__ = ["duration"]


def duration(milliseconds: int) -> str:
    """``4:05`` or ``1:02:09``: hours where there are some, minutes, seconds rounded down."""
    seconds = milliseconds // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"
