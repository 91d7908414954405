"""Sample calls to try the software on: all synthetic, their truth beside them (see ``README.md`` here)."""

from __future__ import annotations

from pathlib import Path

__all__ = ["paths"]

_RECORDINGS = {".flac", ".mp3", ".ogg", ".wav"}


def paths() -> tuple[Path, ...]:
    """The sample recordings, sorted by name; ``<name>.truth.json`` beside each says what it holds."""
    return tuple(sorted(p for p in Path(__file__).parent.iterdir() if p.suffix in _RECORDINGS))
