"""Writing results so that a reader sees the old file or the new one, never half of one.

A file is written under a hidden name beside its own, ``.<name>.<16 hex digits>.part``, and locked
(``flock``) while it is. A process that is killed outright leaves it behind, but not its lock: so
:func:`remove_leftovers` can tell what nobody writes any more.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from sentiment.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_stem", "make_folder", "remove_leftovers", "write_atomically"]

_LONGEST_STEM_BYTES = 180  # most file systems allow 255; room for an extension and a temporary suffix

_PART = re.compile(r"\..{0,40}\.[0-9a-f]{16}\.part", re.DOTALL)
"""The names that :func:`write_atomically` writes under, and nobody else is likely to."""


def write_atomically(
    path: Path, content: str | bytes, *, remedy: str = "free some space or choose another folder with --out"
) -> None:
    """Write ``content`` (text as UTF-8) to ``path``, making its folder, through a temporary file beside it.

    The file's mode is what the process's umask makes of a new file. Half a surrogate pair in text,
    which UTF-8 does not have, is written as ``?``. ``remedy`` is what the error advises.

    Raises:
        OutputError: the folder cannot be made or the file cannot be written (disk full, permission);
            an earlier file of that name is left as it was.
    """
    data = content.encode(errors="replace") if isinstance(content, str) else content
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            with suppress(OSError):  # a file system without locks: nothing is removed there either
                fcntl.flock(file, fcntl.LOCK_EX)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)  # before the lock goes
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); {remedy}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def remove_leftovers(folder: Path) -> tuple[Path, ...]:
    """Remove what killed processes left of :func:`write_atomically` in ``folder``; what was removed.

    A file that a live process writes is locked by it and stays, as does anything of another name.
    One that cannot be opened, locked or removed stays too.
    """
    removed: list[Path] = []
    with suppress(OSError):
        parts = sorted(path for path in folder.iterdir() if _PART.fullmatch(path.name))
        removed += (path for path in parts if _abandoned(path))
    return tuple(removed)


def _abandoned(path: Path) -> bool:
    """Remove a file unless somebody has it locked; whether it was removed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # An empty one may have been made this instant, and not locked yet. It holds nothing of anyone's.
        if not stat.S_ISREG((found := os.fstat(descriptor)).st_mode) or found.st_size == 0:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def make_folder(path: Path) -> None:
    """Make a folder for results, before any work is done for it.

    Raises:
        OutputError: it cannot be made, is a file, or cannot be written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{path}: is a file, not a folder; choose another with --out") from None
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be made ({error.strerror}); choose another folder with --out"
        ) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written to; choose another folder with --out")


def file_stem(call_id: str) -> str:
    """A file name, without extension, for a call id: the id itself where it is a plain name.

    Anything else (slashes, control characters, leading dots, over-long ids) is percent-encoded and
    cut, with a digest where cut, so that different ids give different names and none leaves its folder.
    None is ``index`` in any case: that is the overview of all calls.
    """
    stem = quote(call_id, safe=" ()[]{}+,;=@!#$&'~", errors="surrogatepass")
    if stem.startswith(".") or stem.casefold() == "index":
        stem = f"%{ord(stem[0]):02X}{stem[1:]}"
    if len(stem) > _LONGEST_STEM_BYTES:
        digest = hashlib.sha256(call_id.encode(errors="surrogatepass")).hexdigest()
        stem = f"{stem[: _LONGEST_STEM_BYTES - 17]}-{digest[:16]}"
    return stem
