"""The accounts of people, for who manages them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import select

from service.api.bodies import AgentId, Body, Email, Name, RowId, SmallBody, TeamIds
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.session import BUSY
from service.api.shapes import Line
from service.api.who import DatabaseOf, may
from service.people import accounts
from service.people.access import Person, Role
from service.people.passwords import BusyError, Passwords, one_time_password
from service.store.columns import now
from service.store.tables import CoachTeam, User

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["router"]

router = APIRouter(prefix="/users", tags=["users"], route_class=SmallBody)

Manager = Annotated[Person, Depends(may("users"))]
OneTime = Field(
    description="To be told to them; shown this once, and changed at the first login.",
    examples=["abcde-fghjk-mnpqr-stuvw"],
)


class NewUser(Body):
    """An account to make."""

    email: Email = Field(examples=["kim@example.com"])
    name: Name = Field(examples=["Kim"])
    role: Role = Field(examples=["analyst"])
    agent_id: AgentId | None = Field(None, description="Which agent they are, if one.", examples=[None])
    team_ids: TeamIds = Field(default_factory=list, description="Of a coach: their teams.", examples=[[]])


class UserChange(Body):
    """What is to change; what is left out or null stays, but ``agent_id``."""

    email: Email | None = Field(None, examples=["kim@example.com"])
    name: Name | None = Field(None, examples=["Kim"])
    role: Role | None = Field(None, examples=["analyst"])
    agent_id: AgentId | None = Field(None, description="null: they are no agent.", examples=[None])
    team_ids: TeamIds | None = Field(None, description="Of a coach: all their teams.", examples=[None])
    disabled: bool | None = Field(
        None, description="true ends their logins and revokes their keys.", examples=[False]
    )

    def changes(self) -> dict[str, Any]:
        """What was given."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None or name == "agent_id"}


class UserLine(Line):
    """An account."""

    id: int = Field(examples=[17])
    email: str = Field(examples=["kim@example.com"])
    name: str = Field(examples=["Kim"])
    role: Role
    agent_id: str | None = Field(examples=["a-17"])
    team_ids: list[int] = Field(examples=[[3]])
    has_password: bool
    by_oidc: bool = Field(description="Whether they have logged in by OpenID Connect.")
    must_change_password: bool
    locked: bool = Field(description="By wrong passwords, for a while.")
    disabled_at: datetime | None
    created_at: datetime


class OneTimePassword(Line):
    """A password for one login."""

    one_time_password: str = OneTime


class MadeUser(UserLine):
    """A new account and its first password."""

    one_time_password: str = OneTime


def _lines(session: Session, users: Sequence[User]) -> list[UserLine]:
    teams: dict[int, list[int]] = {user.id: [] for user in users}
    found = select(CoachTeam).where(CoachTeam.user_id.in_(teams)).order_by(CoachTeam.team_id)
    for each in session.scalars(found):
        teams[each.user_id].append(each.team_id)
    moment = now()
    return [
        UserLine.model_validate(
            {
                **{name: getattr(user, name) for name in UserLine.model_fields if hasattr(user, name)},
                "team_ids": teams[user.id],
                "has_password": user.password_hash is not None,
                "by_oidc": user.oidc_subject is not None,
                "locked": user.locked_until is not None and user.locked_until > moment,
            }
        )
        for user in users
    ]


def _held(session: Session, user_id: int) -> User:
    user = accounts.find_user(session, user_id)
    if user is None:
        raise ApiError(404, f"There is no user {user_id}.")
    return user


def _new_password(request: Request) -> tuple[str, str]:
    """A one-time password and its hash."""
    hasher: Passwords = request.app.state.passwords
    password = one_time_password()
    try:
        return password, hasher.hash(password)
    except BusyError:
        raise ApiError(429, headers=BUSY) from None


@router.get("", dependencies=[Depends(may("users"))], responses=responses(401, 403))
def list_users(database: DatabaseOf, limit: Limit = 50, cursor: Cursor = None) -> Page[UserLine]:
    """Every account, in the order they were made."""
    query = select(User).order_by(User.id).limit(limit + 1)
    if cursor is not None:
        query = query.where(User.id > unpack(cursor, int)[0])
    with database.read() as session:
        rows = session.scalars(query).all()
        more, rows = len(rows) > limit, rows[:limit]
        lines = _lines(session, rows)
    return Page(items=lines, next=pack(rows[-1].id) if more else None)


@router.post("", status_code=201, responses=responses(400, 401, 403, 409, 413, 429))
def post_user(new: NewUser, person: Manager, request: Request, database: DatabaseOf) -> MadeUser:
    """Make an account; the answer has a one-time password, which is gone once they log in by OIDC."""
    password, kept = _new_password(request)
    with database.begin() as session:
        user = accounts.add_user(session, person.actor, password_hash=kept, **new.model_dump())
        (line,) = _lines(session, [user])
    return MadeUser(**line.model_dump(), one_time_password=password)


@router.get("/{user_id}", dependencies=[Depends(may("users"))], responses=responses(401, 403, 404))
def get_user(user_id: RowId, database: DatabaseOf) -> UserLine:
    """An account."""
    with database.read() as session:
        user = session.get(User, user_id)
        if user is None:
            raise ApiError(404, f"There is no user {user_id}.")
        (line,) = _lines(session, [user])
    return line


@router.patch("/{user_id}", responses=responses(400, 401, 403, 404, 409, 413))
def patch_user(user_id: RowId, change: UserChange, person: Manager, database: DatabaseOf) -> UserLine:
    """Change an account. The last admin who can log in stays one."""
    changes = change.changes()
    disabled = changes.pop("disabled", None)
    with database.begin() as session:
        user = _held(session, user_id)
        if disabled is not None:
            accounts.set_disabled(session, person.actor, user, disabled=disabled)
        accounts.change_user(session, person.actor, user, changes)
        (line,) = _lines(session, [user])
    return line


@router.delete("/{user_id}", status_code=204, responses=responses(401, 403, 404, 409))
def delete_user(user_id: RowId, person: Manager, database: DatabaseOf) -> None:
    """Remove an account, its logins and keys. What they wrote stays, without an author."""
    with database.begin() as session:
        accounts.remove_user(session, person.actor, _held(session, user_id))


@router.post("/{user_id}/password", responses=responses(401, 403, 404, 429))
def reset_password(
    user_id: RowId, person: Manager, request: Request, database: DatabaseOf
) -> OneTimePassword:
    """Give somebody a one-time password in the place of theirs; ends their logins and the lock."""
    password, kept = _new_password(request)
    with database.begin() as session:
        accounts.give_password(session, person.actor, _held(session, user_id), kept)
    return OneTimePassword(one_time_password=password)


@router.post("/{user_id}/unlock", status_code=204, responses=responses(401, 403, 404))
def unlock_user(user_id: RowId, person: Manager, database: DatabaseOf) -> None:
    """End the lock that wrong passwords put on an account."""
    with database.begin() as session:
        accounts.unlock(session, person.actor, _held(session, user_id))
