"""API keys: made, listed, revoked. Nobody can give a key more than they have themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, select, true, update

from sentiment.errors import InputError
from service.people.access import PERMISSIONS, Person
from service.people.credentials import new_key
from service.people.names import clean_name
from service.store.audit import record
from service.store.columns import now
from service.store.tables import Key, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

__all__ = ["LONGEST_DAYS", "make_key", "of_sight", "revoke_key"]

LONGEST_DAYS = 366


def of_sight(person: Person) -> ColumnElement[bool]:
    """The condition that a key may be seen and revoked: one's own, and for who manages users any."""
    return true() if "users" in person.permissions else Key.user_id == person.user_id


def make_key(
    session: Session, person: Person, *, name: str, scopes: Iterable[str], days: int
) -> tuple[Key, str]:
    """A key of ``person``'s own and its secret. One that a key makes has no more scopes and ends no later.

    Raises:
        InputError: a scope is no permission or not theirs; it would end too late.
    """
    wanted = sorted(set(scopes))
    if unknown := [scope for scope in wanted if scope not in PERMISSIONS]:
        raise InputError(
            f"scopes: there is no permission {unknown[0]!r}; choose from {', '.join(PERMISSIONS)}"
        )
    if lacking := [scope for scope in wanted if scope not in person.permissions]:
        raise InputError(
            f"scopes: you have not got {lacking[0]!r} yourself, so a key of yours cannot have it"
        )
    if not wanted or not 1 <= days <= LONGEST_DAYS:
        raise InputError(f"a key needs a scope, and between 1 and {LONGEST_DAYS} days")
    user = session.get_one(User, person.user_id)
    key, secret = new_key(session, user, name=clean_name(name), scopes=wanted, days=days)
    if person.key_id is not None:
        maker = session.get_one(Key, person.key_id)
        key.made_by, key.expires_at = maker.id, min(key.expires_at, maker.expires_at)
    record(session, person.actor, "key.made", f"key:{key.id}", scopes=wanted, days=days, made_by=key.made_by)
    return key, secret


def revoke_key(session: Session, person: Person, key_id: int) -> bool:
    """Revoke a key and every key that it made; whether it is within sight. Twice is as once."""
    key = session.scalar(select(Key).where(Key.id == key_id, of_sight(person)))
    if key is None:
        return False
    revoked: list[int] = []
    made = [key.id]
    while made:
        revoked += session.scalars(
            update(Key)
            .where(Key.id.in_(made), Key.revoked_at.is_(None))
            .values(revoked_at=now())
            .returning(Key.id)
        ).all()
        made = list(session.scalars(select(Key.id).where(Key.made_by.in_(made))))
    if revoked:
        record(session, person.actor, "key.revoked", f"key:{key_id}", keys=sorted(revoked))
    return True
