"""Writing results so that a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from sentiment.errors import OutputError

__all__ = ["file_stem", "write_atomically"]

_LONGEST_STEM_BYTES = 180  # most file systems allow 255; room for an extension and a temporary suffix


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8) to ``path``, making its folder, through a temporary file beside it.

    Raises:
        OutputError: the folder cannot be made or the file cannot be written (disk full, permission);
            an earlier file of that name is left as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}); "
            "free some space or choose another folder with --out"
        ) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def file_stem(call_id: str) -> str:
    """A file name, without extension, for a call id: the id itself where it is a plain name.

    Anything else (slashes, control characters, leading dots, over-long ids) is percent-encoded and
    cut, with a digest where cut, so that different ids give different names and none leaves its folder.
    """
    stem = quote(call_id, safe=" ()[]{}+,;=@!#$&'~")
    if stem.startswith("."):
        stem = "%2E" + stem[1:]
    if len(stem) > _LONGEST_STEM_BYTES:
        import hashlib

        stem = stem[: _LONGEST_STEM_BYTES - 17] + "-" + hashlib.sha256(call_id.encode()).hexdigest()[:16]
    return stem


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
