"""Who makes a request, and whether they may: the dependencies that every route has one of.

A browser sends its login in a cookie that scripts cannot read and, with whatever changes something, the
header ``X-CSRF-Token``, whose value the page was given: a hash of the login's token, which a page of another
site, that can make the browser send the cookie, does not have. A program sends ``Authorization: Bearer``
with an API key and needs no token.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import update

from service.api.errors import ApiError
from service.people.access import PERMISSIONS, Person
from service.people.credentials import person_of_key, person_of_login
from service.settings import Settings
from service.store.columns import now
from service.store.database import Database
from service.store.tables import Key, Login

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = [
    "COOKIE",
    "CSRF_HEADER",
    "DatabaseOf",
    "SettingsOf",
    "anyone",
    "csrf_token",
    "identified",
    "may",
    "signed_in",
]

COOKIE = "sentiment_login"
CSRF_HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


DatabaseOf = Annotated[Database, Depends(_database)]
SettingsOf = Annotated[Settings, Depends(_settings)]


def csrf_token(token: str) -> str:
    """The token that pages send back, made of the login's."""
    return hashlib.sha256(b"csrf:" + token.encode()).hexdigest()


def identified(request: Request) -> Person:
    """Whoever is logged in or holds a key, even if they must change their password before anything else.

    For looking at, ending and mending one's own login; a test lists the routes.

    Raises:
        ApiError: 401 nobody is; 403 the CSRF token is missing or wrong.
    """
    database: Database = request.app.state.database
    header = request.headers.get("authorization", "")
    scheme, _, secret = header.partition(" ")
    if header:
        with database.read() as session:
            found = person_of_key(session, secret) if scheme.lower() == "bearer" else None
        return _noted(database, found, Key, Key.used_at)
    token = request.cookies.get(COOKIE)
    if not token:
        raise ApiError(401, headers={"WWW-Authenticate": "Bearer"})
    if request.method not in SAFE:
        sent = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), csrf_token(token).encode()):
            raise ApiError(403, f"The header {CSRF_HEADER} is missing or wrong; load the page again.")
    with database.read() as session:
        found = person_of_login(session, token)
    return _noted(database, found, Login, Login.seen_at)


async def signed_in(person: Annotated[Person, Depends(identified)]) -> Person:
    """Whoever is logged in or holds a key, whatever they may do.

    Raises:
        ApiError: 401, or 403 for who must change their password first.
    """
    if person.must_change_password:
        raise ApiError(403, "Change your password first.")
    return person


def may(permission: str) -> Callable[..., Awaitable[Person]]:
    """The dependency of a route that needs ``permission``.

    Raises:
        ApiError: 401 and 403 as of :func:`signed_in`, or 403 for who has not got it.
    """
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    async def check(person: Annotated[Person, Depends(signed_in)]) -> Person:
        if permission not in person.permissions:
            raise ApiError(403, f"This needs the permission {permission}: {PERMISSIONS[permission][0]}.")
        return person

    check.permission = permission  # type: ignore[attr-defined]
    return check


async def anyone() -> None:
    """The dependency of a route that is open to strangers; a test lists them all."""


def _noted(database: Database, found: tuple[Person, bool] | None, table: Any, column: Any) -> Person:
    if found is None:
        raise ApiError(401, headers={"WWW-Authenticate": "Bearer"})
    person, note = found
    if note:
        row = person.key_id if table is Key else person.login_id
        with database.begin() as session:
            session.execute(update(table).where(table.id == row).values({column: now()}))
    return person
