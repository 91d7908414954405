"""Logging in by password, and changing it.

To the outside a wrong password, an unknown e-mail, a disabled and a locked account are one thing: it did not
work. What it was is in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from sentiment.errors import InputError
from service.people.accounts import end_logins, find_user
from service.people.credentials import new_login
from service.people.names import clean_email
from service.people.passwords import accept
from service.people.secrets import digest
from service.store.audit import record
from service.store.columns import now
from service.store.tables import Login, User

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.people.access import Person
    from service.people.passwords import Passwords
    from service.settings import Settings
    from service.store.database import Database

__all__ = ["Lock", "change_password", "log_in", "log_out", "open_login"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """How many wrong passwords in a row lock an account, and for how many minutes."""

    attempts: int
    minutes: int

    @classmethod
    def of(cls, settings: Settings) -> Lock:
        """As the settings say."""
        return cls(attempts=settings.lockout_attempts, minutes=settings.lockout_minutes)


def log_in(
    database: Database,
    hasher: Passwords,
    *,
    email: str,
    password: str,
    lock: Lock,
    hours: int,
    replaces: str | None = None,
) -> str | None:
    """The token of a new login, or ``None``. ``replaces`` is the token the browser had before: it ends.

    The slow hashing is done between transactions; whether the account is locked, and still has the password
    that was checked, is asked with its row held, so that many tries at once count as many.

    Raises:
        BusyError: too many passwords are being hashed.
    """
    with database.read() as session:
        try:
            user = session.scalar(select(User).where(User.email == clean_email(email)))
        except InputError:
            user = None
    kept = user.password_hash if user else None
    right = hasher.check(kept, password)
    renewed = hasher.hash(password) if right and kept is not None and hasher.stale(kept) else None
    with database.begin() as session:
        held = find_user(session, user.id) if user else None
        if held is None:
            record(session, "nobody", "login.failed", "user:none", reason="unknown")
            return None
        if not _passed(session, held, right=right and held.password_hash == kept, lock=lock):
            return None
        if renewed is not None:
            held.password_hash = renewed
        return open_login(session, held, hours=hours, replaces=replaces, by="password")


def open_login(session: Session, user: User, *, hours: int, by: str, replaces: str | None = None) -> str:
    """Log in somebody who has proved who they are ``by`` password or OIDC; the new token."""
    session.execute(delete(Login).where(Login.user_id == user.id, Login.expires_at <= now()))
    if replaces:
        session.execute(delete(Login).where(Login.token_sha256 == digest(replaces)))
    token = new_login(session, user, hours=hours)
    record(session, f"user:{user.id}", "login", f"user:{user.id}", by=by)
    return token


def log_out(database: Database, person: Person) -> None:
    """End this login."""
    with database.begin() as session:
        session.execute(delete(Login).where(Login.id == person.login_id))
        record(session, person.actor, "logout", f"user:{person.user_id}")


def change_password(
    database: Database, hasher: Passwords, person: Person, *, current: str, new: str, lock: Lock
) -> bool:
    """Change one's own password, and end every other login; whether ``current`` was right.

    A wrong one counts towards the lock: a login left open is no way to guess the password.

    Raises:
        InputError: the new one is refused, or is the current one.
        BusyError: too many passwords are being hashed.
    """
    accept(new, email=person.email)
    with database.read() as session:
        kept = session.scalar(select(User.password_hash).where(User.id == person.user_id))
    right = hasher.check(kept, current)
    if right and new == current:
        raise InputError("password: it is the one you have; choose another")
    renewed = hasher.hash(new) if right else None
    with database.begin() as session:
        user = find_user(session, person.user_id)
        if user is None or not _passed(session, user, right=right and user.password_hash == kept, lock=lock):
            return False
        user.password_hash, user.must_change_password = renewed, False
        ended = end_logins(session, user, but=person.login_id)
        record(session, person.actor, "password.changed", f"user:{user.id}", logins=ended)
    return True


def _passed(session: Session, user: User, *, right: bool, lock: Lock) -> bool:
    """Whether a held account lets its owner in; counts what was wrong, and locks."""
    target, moment = f"user:{user.id}", now()
    if user.disabled_at is not None:
        record(session, "nobody", "login.failed", target, reason="disabled")
        return False
    if user.locked_until is not None and user.locked_until > moment:
        record(session, "nobody", "login.failed", target, reason="locked")
        return False
    if right:
        user.failed_logins, user.locked_until = 0, None
        return True
    user.failed_logins += 1
    record(session, "nobody", "login.failed", target, reason="wrong", n=user.failed_logins)
    if user.failed_logins >= lock.attempts:
        user.failed_logins, user.locked_until = 0, moment + timedelta(minutes=lock.minutes)
        record(session, "nobody", "login.locked", target, minutes=lock.minutes)
    return False
