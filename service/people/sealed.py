"""What a browser keeps for us and must neither read nor change: encrypted, with a key of this service's own.

The key is made at the first start and lies in the data folder, for its owner only. There is no default.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from sentiment.errors import OutputError

__all__ = ["KEY_FILE", "Seal"]

KEY_FILE = "login.key"


class Seal:
    """Encrypts and authenticates small values (Fernet: AES-128-CBC, HMAC-SHA256, the time it was made)."""

    def __init__(self, data_dir: Path) -> None:
        path = data_dir / KEY_FILE
        try:
            self._fernet = Fernet(_read_or_make(path))
        except OSError as error:
            raise OutputError(f"{path}: cannot be read or made: {error.strerror}") from error
        except ValueError:
            raise OutputError(
                f"{path}: not a key of this service; remove it, and a new one is made"
            ) from None

    def close(self, value: dict[str, str]) -> str:
        """``value`` as text that fits a cookie."""
        return self._fernet.encrypt(json.dumps(value).encode()).decode()

    def open(self, text: str, *, max_age_s: int) -> dict[str, str] | None:
        """What was closed at most ``max_age_s`` seconds ago; ``None`` if it is older or not ours."""
        try:
            value: dict[str, str] = json.loads(self._fernet.decrypt(text.encode(), ttl=max_age_s))
        except InvalidToken:
            return None
        return value


def _read_or_make(path: Path) -> bytes:
    """The key in the file; of processes that start at once, that of the one that was first."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    return path.read_bytes()
