"""From what a request carries, a cookie or a key, to the person who makes it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from sqlalchemy import select

from service.people.access import Person, Role, permissions_of, sight_of
from service.people.secrets import digest, new_secret
from service.store.columns import now
from service.store.tables import Key, Login, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

__all__ = ["KEY_PREFIX", "UNUSED", "new_key", "new_login", "person_of_key", "person_of_login"]

KEY_PREFIX = "csk_"
"""How every API key begins, so that one left in a text is recognised as a secret."""

UNUSED = timedelta(minutes=60)
"""A login that made no request for this long has ended."""

NOTED = timedelta(minutes=1)
"""The time of the last request is written at most this often: a read need not become a write."""


def new_login(session: Session, user: User, *, hours: int) -> str:
    """Log ``user`` in; the token for the cookie. Only its hash is kept."""
    token = new_secret()
    session.add(Login(token_sha256=digest(token), user_id=user.id, expires_at=now() + timedelta(hours=hours)))
    session.flush()
    return token


def person_of_login(session: Session, token: str) -> tuple[Person, bool] | None:
    """Who holds this token, and whether their last request should be noted; ``None`` if it is not valid."""
    found = session.execute(
        select(Login, User).join(User, Login.user_id == User.id).where(Login.token_sha256 == digest(token))
    ).first()
    if found is None:
        return None
    login, user = found
    moment = now()
    if user.disabled_at is not None or login.expires_at <= moment or login.seen_at + UNUSED <= moment:
        return None
    person = _person(session, user, permissions_of(cast("Role", user.role)), login_id=login.id)
    return person, login.seen_at + NOTED <= moment


def new_key(session: Session, user: User, *, name: str, scopes: Iterable[str], days: int) -> tuple[Key, str]:
    """An API key for ``user``, and its secret, which is told once and kept only as a hash."""
    secret = new_secret(KEY_PREFIX)
    key = Key(
        name=name, prefix=secret[:12], secret_sha256=digest(secret), user_id=user.id,
        scopes=sorted(set(scopes)), expires_at=now() + timedelta(days=days),
    )  # fmt: skip
    session.add(key)
    session.flush()
    return key, secret


def person_of_key(session: Session, secret: str) -> tuple[Person, bool] | None:
    """Who acts by this key, and whether its use should be noted; ``None`` if it is not valid."""
    found = session.execute(
        select(Key, User).join(User, Key.user_id == User.id).where(Key.secret_sha256 == digest(secret))
    ).first()
    if found is None:
        return None
    key, user = found
    moment = now()
    if user.disabled_at is not None or key.revoked_at is not None or key.expires_at <= moment:
        return None
    permissions = permissions_of(cast("Role", user.role)) & frozenset(key.scopes)
    person = _person(session, user, permissions, key_id=key.id)
    return person, key.used_at is None or key.used_at + NOTED <= moment


def _person(
    session: Session,
    user: User,
    permissions: frozenset[str],
    *,
    key_id: int | None = None,
    login_id: int | None = None,
) -> Person:
    role = cast("Role", user.role)
    return Person(
        user_id=user.id,
        email=user.email,
        name=user.name,
        role=role,
        agent_id=user.agent_id,
        permissions=permissions,
        sight=sight_of(session, user_id=user.id, role=role, agent_id=user.agent_id),
        key_id=key_id,
        login_id=login_id,
        must_change_password=user.must_change_password and key_id is None,  # a program cannot
    )
