"""People's accounts: made, changed, disabled, removed. Each change is audited in its own transaction.

The routes and the commands both go through here, so that the rules hold for both: there is always an admin
who can log in; who is disabled is out at once; an agent is one person at most; only coaches have teams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from sentiment.errors import InputError
from service.people.access import ROLES, Role
from service.people.names import clean_email, clean_name
from service.people.passwords import Passwords, one_time_password, passwords
from service.store.audit import record
from service.store.columns import now
from service.store.tables import Agent, CoachTeam, Key, Login, Team, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from service.store.database import Database

__all__ = [
    "FIRST_ADMIN", "ConflictError", "add_user", "change_user", "end_logins", "find_user", "first_admin",
    "give_password", "remove_user", "set_disabled", "unlock", "user_by_email",
]  # fmt: skip

FIRST_ADMIN = "admin@localhost"
"""The e-mail of the account that the first start makes; its owner may change it."""

FIRST_LOCK = 7431963
"""PostgreSQL's advisory lock of whoever makes the first admin."""


class ConflictError(InputError):
    """What is asked for does not fit what is there; answered with 409."""


def find_user(session: Session, user_id: int) -> User | None:
    """The account, held until the transaction ends, so that nothing changes it meanwhile."""
    found = select(User).where(User.id == user_id).with_for_update(key_share=True)
    return session.scalar(found.execution_options(populate_existing=True))


def user_by_email(session: Session, email: str) -> User | None:
    """The account with this address, held as by :func:`find_user`."""
    found = select(User).where(User.email == email).with_for_update(key_share=True)
    return session.scalar(found.execution_options(populate_existing=True))


def add_user(
    session: Session,
    actor: str,
    *,
    email: str,
    name: str,
    role: str,
    password_hash: str | None = None,
    agent_id: str | None = None,
    team_ids: Iterable[int] = (),
) -> User:
    """A new account. A password given here is somebody else's choice: it must be changed at the first login.

    Raises:
        InputError: no such role, agent or team; no e-mail address; teams for somebody who is no coach.
        ConflictError: the e-mail or the agent is somebody's already.
    """
    user = User(
        email=clean_email(email),
        name=clean_name(name),
        role=_role(role),
        password_hash=password_hash,
        must_change_password=password_hash is not None,
    )
    if session.scalar(select(User.id).where(User.email == user.email)) is not None:
        raise ConflictError("e-mail: there is an account with this address already")
    session.add(user)
    _flush(session)
    _link_agent(session, user, agent_id)
    teams = _set_teams(session, user, team_ids)
    record(session, actor, "user.added", f"user:{user.id}", role=user.role, agent_id=agent_id, team_ids=teams)
    return user


def change_user(session: Session, actor: str, user: User, changes: dict[str, Any]) -> None:
    """Change what ``changes`` names of ``email name role agent_id team_ids``; ``user`` is held.

    Somebody who is a coach no longer loses their teams.

    Raises:
        InputError: as for :func:`add_user`.
        ConflictError: as for :func:`add_user`; or nobody else is admin.
    """
    detail: dict[str, Any] = {}
    if "email" in changes and (email := clean_email(changes["email"])) != user.email:
        if session.scalar(select(User.id).where(User.email == email)) is not None:
            raise ConflictError("e-mail: there is an account with this address already")
        user.email = email
        detail["email"] = "changed"
    if "name" in changes and (name := clean_name(changes["name"])) != user.name:
        user.name = name
        detail["name"] = "changed"
    if "role" in changes and (role := _role(changes["role"])) != user.role:
        if user.role == "admin":
            _require_another_admin(session, user)
        detail["role"] = [user.role, role]
        user.role = role
        if role != "coach":
            session.execute(delete(CoachTeam).where(CoachTeam.user_id == user.id))
    _flush(session)
    if "agent_id" in changes and changes["agent_id"] != user.agent_id:
        detail["agent_id"] = [user.agent_id, changes["agent_id"]]
        _link_agent(session, user, changes["agent_id"])
    if "team_ids" in changes:
        detail["team_ids"] = _set_teams(session, user, changes["team_ids"])
    if detail:
        record(session, actor, "user.changed", f"user:{user.id}", **detail)


def set_disabled(session: Session, actor: str, user: User, *, disabled: bool) -> None:
    """Disable an account or enable it again; ``user`` is held.

    Disabling ends its logins and revokes its keys, which enabling does not bring back.

    Raises:
        ConflictError: nobody else is admin.
    """
    if disabled == (user.disabled_at is not None):
        return
    if not disabled:
        user.disabled_at = None
        record(session, actor, "user.enabled", f"user:{user.id}")
        return
    _require_another_admin(session, user)
    user.disabled_at = now()
    ended = end_logins(session, user)
    revoked = session.execute(
        update(Key)
        .where(Key.user_id == user.id, Key.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(Key.id)
    ).all()
    record(session, actor, "user.disabled", f"user:{user.id}", logins=ended, keys=len(revoked))


def remove_user(session: Session, actor: str, user: User) -> None:
    """Remove an account, its logins and its keys; what they wrote stays, without an author. ``user`` is held.

    Raises:
        ConflictError: nobody else is admin.
    """
    _require_another_admin(session, user)
    user_id = user.id
    session.delete(user)
    session.flush()
    record(session, actor, "user.removed", f"user:{user_id}")


def give_password(session: Session, actor: str, user: User, password_hash: str) -> None:
    """Put a one-time password in the place of the one there is; ends the logins, and the lock."""
    user.password_hash, user.must_change_password = password_hash, True
    user.failed_logins, user.locked_until = 0, None
    ended = end_logins(session, user)
    record(session, actor, "user.password_given", f"user:{user.id}", logins=ended)


def unlock(session: Session, actor: str, user: User) -> None:
    """End the lock of wrong passwords."""
    user.failed_logins, user.locked_until = 0, None
    record(session, actor, "user.unlocked", f"user:{user.id}")


def end_logins(session: Session, user: User, *, but: int | None = None) -> int:
    """Log somebody out everywhere ``but`` in one login; how many ended."""
    ended = delete(Login).where(Login.user_id == user.id).returning(Login.id)
    if but is not None:
        ended = ended.where(Login.id != but)
    return len(session.execute(ended).all())


def first_admin(database: Database, hasher: Passwords | None = None) -> tuple[str, str] | None:
    """Make an admin if there is none: their e-mail and one-time password, told only now; else ``None``.

    Of processes that start at once one makes it.

    Raises:
        ConflictError: there is no admin, but somebody else has the first admin's e-mail.
    """
    with database.read() as session:
        if session.scalar(select(func.count()).where(User.role == "admin")):
            return None
    password = one_time_password()
    kept = (hasher or passwords()).hash(password)
    with database.begin() as session:
        if database.dialect == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FIRST_LOCK})
        if session.scalar(select(func.count()).where(User.role == "admin")):
            return None
        add_user(session, "system", email=FIRST_ADMIN, name="Admin", role="admin", password_hash=kept)
    return FIRST_ADMIN, password


def _role(role: str) -> Role:
    if role not in ROLES:
        raise InputError(f"role: there is no role {role!r}; choose from {', '.join(ROLES)}")
    return role


def _require_another_admin(session: Session, user: User) -> None:
    """Holds every admin's row, in one order: of two who are demoted at once the second is looked at after."""
    if user.role != "admin":
        return
    admins = session.scalars(
        select(User.id)
        .where(User.role == "admin", User.disabled_at.is_(None))
        .order_by(User.id)
        .with_for_update(key_share=True)
    ).all()
    if not set(admins) - {user.id}:
        raise ConflictError("role: this is the only admin who can log in; make another one first")


def _link_agent(session: Session, user: User, agent_id: str | None) -> None:
    if agent_id is not None:
        if session.get(Agent, agent_id) is None:
            raise InputError(f"agent_id: there is no agent {agent_id!r}; make them first")
        if session.scalar(select(User.id).where(User.agent_id == agent_id, User.id != user.id)) is not None:
            raise ConflictError(f"agent_id: agent {agent_id!r} is another account's already")
    user.agent_id = agent_id
    _flush(session)


def _set_teams(session: Session, user: User, team_ids: Iterable[int]) -> list[int]:
    wanted = sorted(set(team_ids))
    if wanted and user.role != "coach":
        raise InputError(f"team_ids: only a coach has teams, and this is the role {user.role}")
    there = session.scalars(select(Team.id).where(Team.id.in_(wanted))).all()
    if missing := sorted(set(wanted) - set(there)):
        raise InputError(f"team_ids: there is no team {missing[0]}")
    session.execute(delete(CoachTeam).where(CoachTeam.user_id == user.id))
    session.add_all(CoachTeam(user_id=user.id, team_id=team) for team in wanted)
    _flush(session)
    return wanted


def _flush(session: Session) -> None:
    """Two that add the same at once are told apart by the database."""
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError("somebody else changed the same just now; load it and try again") from None
