"""Logging in and out in a browser, and one's own password."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from service.api.bodies import Body, SmallBody
from service.api.errors import ApiError, responses
from service.api.shapes import Line
from service.api.who import COOKIE, DatabaseOf, anyone, csrf_token, identified
from service.people.access import Person, Role
from service.people.credentials import person_of_login
from service.people.limits import LoginLimits
from service.people.login import Lock, change_password, log_in, log_out
from service.people.passwords import LONGEST, BusyError, Passwords
from service.settings import Settings

__all__ = ["address_of", "from_this_site", "router", "set_login_cookie"]

router = APIRouter(tags=["session"], route_class=SmallBody)

Somebody = Annotated[Person, Depends(identified)]
WRONG = "E-mail or password is wrong, or the account is locked for a while."
BUSY = {"Retry-After": "2"}


class Credentials(Body):
    """Who logs in."""

    email: str = Field(max_length=320, examples=["kim@example.com"])
    password: str = Field(max_length=4 * LONGEST, examples=["three of my neighbours sing"])


class NewPassword(Body):
    """One's own password, changed."""

    current: str = Field(max_length=4 * LONGEST, examples=["abcde-fghjk-mnpqr-stuvw"])
    new: str = Field(
        description="12 to 256 characters, not among the commonest, not the e-mail address.",
        max_length=4 * LONGEST,
        examples=["three of my neighbours sing"],
    )


class Who(Line):
    """Who makes the request, and what they may do. A key has no ``csrf_token`` and needs none."""

    user_id: int = Field(examples=[17])
    email: str = Field(examples=["kim@example.com"])
    name: str = Field(examples=["Kim"])
    role: Role
    agent_id: str | None = Field(description="Which agent they are, if one.", examples=["a-17"])
    permissions: list[str] = Field(examples=[["calls.read", "coaching.read"]])
    must_change_password: bool = Field(
        description="Until they have, all but this, logging out and changing it is answered with 403."
    )
    csrf_token: str | None = Field(description="What X-CSRF-Token must say.", examples=["3f0a…"])


def from_this_site(request: Request) -> None:
    """Let a post pass that a page of ours, or no page, sent: another site cannot log a browser in.

    Raises:
        ApiError: 403, another site sent it; 415, it is not JSON, as a form of another site is not.
    """
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None and fetch_site not in {"same-origin", "none"}:
        raise ApiError(403, "Log in from the pages of this service.")
    origin = request.headers.get("origin")
    if origin is not None and origin.rstrip("/").lower() not in _own_origins(request):
        raise ApiError(403, "Log in from the pages of this service.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "Send application/json.")


def _own_origins(request: Request) -> set[str]:
    settings: Settings = request.app.state.settings
    host = request.headers.get("host", "").lower()
    own = {f"{request.url.scheme}://{host}"} if host else set()
    if settings.base_url:
        parts = urlsplit(settings.base_url)
        own.add(f"{parts.scheme}://{parts.netloc}".lower())
    return own


def address_of(request: Request) -> str:
    """Where a request comes from, as far as is known."""
    return request.client.host if request.client else "unknown"


def set_login_cookie(response: Response, token: str, settings: Settings) -> None:
    """Give the browser its login: no script can read it, no other site's post or frame carries it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=3600 * settings.session_hours,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


def _who(person: Person, token: str | None) -> Who:
    return Who(
        user_id=person.user_id,
        email=person.email,
        name=person.name,
        role=person.role,
        agent_id=person.agent_id,
        permissions=sorted(person.permissions),
        must_change_password=person.must_change_password,
        csrf_token=csrf_token(token) if token and person.login_id is not None else None,
    )


def _browser(person: Person) -> None:
    if person.login_id is None:
        raise ApiError(403, "A key cannot do that; log in with a browser.")


@router.post(
    "/session",
    dependencies=[Depends(anyone), Depends(from_this_site)],
    responses=responses(400, 401, 403, 413, 415, 429),
)
def start_session(
    credentials: Credentials, request: Request, response: Response, database: DatabaseOf
) -> Who:
    """Log in: sets the cookie `sentiment_login`. Any login the browser had before ends.

    Whatever is wrong with e-mail, password or account is told by the same 401.
    """
    settings: Settings = request.app.state.settings
    limits: LoginLimits = request.app.state.login_limits
    hasher: Passwords = request.app.state.passwords
    address = address_of(request)
    if wait := limits.wait_s(address, credentials.email):
        raise ApiError(429, headers={"Retry-After": str(wait)})
    try:
        token = log_in(
            database,
            hasher,
            email=credentials.email,
            password=credentials.password,
            lock=Lock.of(settings),
            hours=settings.session_hours,
            replaces=request.cookies.get(COOKIE),
        )
    except BusyError:
        raise ApiError(429, headers=BUSY) from None
    with database.read() as session:
        found = person_of_login(session, token) if token else None
    if token is None or found is None:
        limits.failed(address)
        raise ApiError(401, WRONG, headers={"WWW-Authenticate": "Bearer"})
    set_login_cookie(response, token, settings)
    return _who(found[0], token)


@router.get("/session", responses=responses(401))
def get_session(person: Somebody, request: Request) -> Who:
    """Who makes this request, what they may do, and the token their page sends back."""
    return _who(person, request.cookies.get(COOKIE))


@router.delete("/session", status_code=204, responses=responses(401, 403))
def end_session(person: Somebody, request: Request, response: Response, database: DatabaseOf) -> None:
    """Log out: the login is gone, also if its cookie was copied."""
    _browser(person)
    log_out(database, person)
    settings: Settings = request.app.state.settings
    response.delete_cookie(COOKIE, path="/", secure=settings.secure, httponly=True, samesite="lax")


@router.post("/session/password", status_code=204, responses=responses(400, 401, 403, 413, 429))
def set_own_password(
    passwords: NewPassword, person: Somebody, request: Request, database: DatabaseOf
) -> None:
    """Change one's own password. Every other login of theirs ends. A wrong current one counts to the lock."""
    _browser(person)
    limits: LoginLimits = request.app.state.login_limits
    address = address_of(request)
    if wait := limits.wait_s(address, person.email):
        raise ApiError(429, headers={"Retry-After": str(wait)})
    try:
        changed = change_password(
            database,
            request.app.state.passwords,
            person,
            current=passwords.current,
            new=passwords.new,
            lock=Lock.of(request.app.state.settings),
        )
    except BusyError:
        raise ApiError(429, headers=BUSY) from None
    if not changed:
        limits.failed(address)
        raise ApiError(403, "The current password is wrong, or the account is locked for a while.")
