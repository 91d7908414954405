"""Random secrets, and the hashes that are kept of them.

A secret of 256 random bits needs no slow hash: nobody can try them all. Passwords, which people choose,
are another matter: :mod:`service.people.passwords`.
"""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["digest", "new_secret"]


def new_secret(prefix: str = "") -> str:
    """A new secret of 256 bits, safe in URLs and headers, after ``prefix``."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret: its SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()
