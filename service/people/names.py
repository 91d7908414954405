"""Names and e-mail addresses as people write them, in the one form they are kept and compared in."""

from __future__ import annotations

import re
import unicodedata

from sentiment.errors import InputError

__all__ = ["clean_email", "clean_name"]

EMAIL = re.compile(r"[^@\s<>()\[\],;:\"\\]{1,64}@[^@\s<>()\[\],;:\"\\]{1,255}")
FORBIDDEN = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's control characters, half pairs and line ends: they could steer a header or a terminal."""

BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows, so that a name reads as another one."""


def clean_name(text: str, *, what: str = "name", most: int = 200) -> str:
    """``text`` composed (NFC) and without spaces around it; ``what`` names it in an error.

    Raises:
        InputError: it is empty, longer than ``most`` characters, or holds control characters.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(c) in FORBIDDEN or c in BIDI for c in name):
        raise InputError(f"{what}: control characters and line breaks cannot be in it; leave them out")
    if not 1 <= len(name) <= most:
        raise InputError(f"{what}: it must have between 1 and {most} characters")
    return name


def clean_email(text: str) -> str:
    """``text`` in lower case and composed (NFC): two spellings of an address are one account.

    Raises:
        InputError: it is no e-mail address.
    """
    try:
        email = clean_name(text, what="e-mail", most=320).lower()
    except InputError:
        email = ""
    if not EMAIL.fullmatch(email):
        raise InputError("e-mail: not an address; write it as name@example.com")
    return email
