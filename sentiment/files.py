"""Writing results so that a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from sentiment.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_stem", "make_folder", "write_atomically"]

_LONGEST_STEM_BYTES = 180  # most file systems allow 255; room for an extension and a temporary suffix


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
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); {remedy}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


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
