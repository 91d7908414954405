"""Passwords: how they are hashed, checked, made and refused.

Hashed with Argon2id by the parameters of RFC 9106 for ordinary memory (64 MiB, 3 passes); a hash made with
other parameters is made anew when its owner next logs in. What is refused follows NIST SP 800-63B: short
ones and guessable ones; there are no rules about digits and signs.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from sentiment.errors import InputError
from service.people.secrets import new_secret
from service.room import Room

__all__ = ["BusyError", "Hasher", "Passwords", "accept", "one_time_password", "passwords"]

SHORTEST, LONGEST = 12, 256

WAITING = 12
"""How many may wait to be hashed: strangers who try to log in must not hold every thread there is."""

LEET = str.maketrans("013457@$!€", "oleastasie")

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""For passwords that are read from a screen and typed: nothing that looks like another."""


class Hasher(Protocol):
    """What is used of :class:`argon2.PasswordHasher`."""

    def hash(self, password: str) -> str:
        """A new hash, with its salt and parameters in it."""

    def verify(self, hash: str, password: str) -> bool:  # noqa: A002 - argon2's name
        """Whether it is the hash of this password; raises if not."""

    def check_needs_rehash(self, hash: str) -> bool:  # noqa: A002 - argon2's name
        """Whether it was made with other parameters."""


class BusyError(Exception):
    """Too many passwords are being hashed already; each takes 64 MiB. Try again in a second."""


class Passwords:
    """Hashes and checks, at most ``at_once`` at a time."""

    def __init__(self, hasher: Hasher | None = None, *, at_once: int = 4, patience_s: float = 3.0) -> None:
        self._hasher: Hasher = hasher or PasswordHasher()
        self._room = Room(at_once=at_once, waiting=WAITING, patience_s=patience_s)
        self._decoy = self._hasher.hash(new_secret())

    def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            BusyError: too many are being hashed.
        """
        with self._turn():
            return self._hasher.hash(_normal(password))

    def check(self, kept: str | None, password: str) -> bool:
        """Whether ``kept`` is the hash of ``password``. Without one, a decoy takes as long to be wrong.

        Raises:
            BusyError: too many are being hashed.
        """
        with self._turn():
            try:
                right = self._hasher.verify(kept or self._decoy, _normal(password))
            except (VerifyMismatchError, InvalidHashError):
                return False
        return right and kept is not None

    def stale(self, kept: str) -> bool:
        """Whether the hash was made with parameters that are no longer ours."""
        return self._hasher.check_needs_rehash(kept)

    def _turn(self) -> _Turn:
        return _Turn(self._room)


class _Turn:
    """Holds one of the places; waits for it, but not for ever."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def __enter__(self) -> None:
        if not self._room.enter():
            raise BusyError

    def __exit__(self, *_exc: object) -> None:
        self._room.leave()


@cache
def passwords() -> Passwords:
    """Those of this process."""
    return Passwords()


def accept(password: str, *, email: str) -> None:
    """Let a new password pass that is long enough and not guessed at once.

    Raises:
        InputError: it is too short or long, among the commonest, or made of the e-mail address.
    """
    text = _normal(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise InputError(f"password: it must have between {SHORTEST} and {LONGEST} characters")
    plain = text.lower()
    local = email.lower().partition("@")[0]
    if email and (plain in email.lower() or email.lower() in plain or _stem(plain) == _stem(local)):
        raise InputError("password: it is made of the e-mail address; choose another")
    if plain in _commonest() or _monotonous(plain) or _stem(plain) in _commonest() or not _stem(plain):
        raise InputError("password: it is among those that are guessed first; choose another")


def one_time_password() -> str:
    """A password of 100 random bits, to be read from a screen, typed once and changed."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(20))
    return "-".join(letters[i : i + 5] for i in range(0, 20, 5))


def _normal(password: str) -> str:
    """The same characters however a keyboard composes them."""
    return unicodedata.normalize("NFKC", password)


def _stem(plain: str) -> str:
    """The word that digits and signs were put around: ``P@ssw0rd2024!`` is ``password``."""
    stripped = plain.strip("0123456789!?.,;:-_+*#$%&/()=@ ")
    return "".join(c for c in stripped.translate(LEET) if c.isalpha()) if stripped else ""


def _monotonous(plain: str) -> bool:
    """Whether it is few characters, a block over and over, or a row of neighbours."""
    if len(set(plain)) < 5:
        return True
    if plain in (plain + plain)[1:-1]:
        return True
    steps = {ord(b) - ord(a) for a, b in pairwise(plain)}
    return steps in ({1}, {-1})


@cache
def _commonest() -> frozenset[str]:
    """Those of 12 characters and more among zxcvbn's 30,000 commonest, and words that many are made of."""
    listed = Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(listed.split())
