"""Whose account an identity of the OpenID Connect provider is.

Known by issuer and subject, which never change. The first time, an account with the same e-mail is theirs if
the provider checked that address, and nobody else came by it before; else one is made, if the settings
say as what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from sentiment.errors import InputError
from service.people.accounts import add_user, find_user, user_by_email
from service.people.login import open_login
from service.people.names import clean_email, clean_name
from service.store.audit import record
from service.store.tables import User

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.people.oidc import Identity
    from service.store.database import Database

__all__ = ["log_in_by_oidc"]


def log_in_by_oidc(
    database: Database, identity: Identity, *, role: str, hours: int, replaces: str | None = None
) -> str | None:
    """The token of a new login, or ``None``: disabled, or without an account and none may be made.

    ``role`` is what newcomers become; empty, there are none. ``replaces`` is the token the browser had.
    """
    with database.begin() as session:
        user, reason = _account(session, identity, role)
        if user is not None and user.disabled_at is not None:
            reason = "disabled"
        if user is None or reason:
            target = f"user:{user.id}" if user else "user:none"
            record(session, "nobody", "login.failed", target, reason=reason, by="oidc")
            return None
        return open_login(session, user, hours=hours, by="oidc", replaces=replaces)


def _account(session: Session, identity: Identity, role: str) -> tuple[User | None, str]:
    """The account, held; or why there is none."""
    linked = session.scalar(
        select(User.id).where(User.oidc_issuer == identity.issuer, User.oidc_subject == identity.subject)
    )
    if linked is not None:
        return find_user(session, linked), ""
    try:
        email = clean_email(identity.email or "")
    except InputError:
        return None, "email_not_verified"
    user = user_by_email(session, email)
    if user is not None:
        if user.oidc_subject is not None:
            return None, "linked_to_another"
        if user.disabled_at is None:
            _link(session, user, identity)
        return user, ""
    if not role:
        return None, "no_account"
    made = add_user(session, "system", email=email, name=_name(identity, email.partition("@")[0]), role=role)
    _link(session, made, identity)
    return made, ""


def _link(session: Session, user: User, identity: Identity) -> None:
    """From now on they are known by their subject. A one-time password that was never used is gone."""
    user.oidc_issuer, user.oidc_subject = identity.issuer, identity.subject
    if user.must_change_password:
        user.password_hash, user.must_change_password = None, False
    session.flush()
    record(session, f"user:{user.id}", "user.linked", f"user:{user.id}")


def _name(identity: Identity, otherwise: str) -> str:
    try:
        return clean_name(identity.name or otherwise)
    except InputError:
        return otherwise
