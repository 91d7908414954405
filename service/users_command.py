"""``sentiment user``: the accounts of the service, on the machine that has its database.

Passwords are made here or asked for, never taken from the command line, where others could read them.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment.errors import InputError, OutputError
from service.terminal import console, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from service.store.database import Database
    from service.store.tables import User

__all__ = ["app"]

ACTOR = "console"
"""What the audit log calls whoever uses these commands."""

app = typer.Typer(help="Accounts of the service: add, list, disable, give a password.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The account's e-mail address.")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for the password; if left out, one is made and shown.")]


@app.command()
def add(
    email: Email,
    role: Annotated[str, typer.Option(help="admin, qa_manager, coach, agent or analyst.")],
    name: Annotated[
        str | None, typer.Option(help="As others see it; the e-mail's first part if left out.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Which agent they are, as recordings call them.")] = None,
    ask: Ask = False,
) -> None:
    """Make an account. Its password must be changed at the first login."""
    from service.people.accounts import add_user

    with _database() as database:
        password, kept = _password(email, ask=ask)
        with database.begin() as session:
            add_user(
                session, ACTOR, email=email, name=name or email.partition("@")[0], role=role, agent_id=agent,
                password_hash=kept,
            )  # fmt: skip
    _tell(f"{email} is {role} now.", password)


@app.command(name="list")
def list_users() -> None:
    """List every account."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text
    from sqlalchemy import select

    from service.store.columns import now
    from service.store.tables import CoachTeam, Team, User

    table = Table(header_style="bold", box=SIMPLE_HEAD)
    for column in ("Id", "E-mail", "Name", "Role", "Agent", "Teams", "State"):
        table.add_column(column, overflow="fold")
    with _database() as database, database.read() as session:
        teams: dict[int, list[str]] = {}
        of_coaches = select(CoachTeam.user_id, Team.name).join(Team, Team.id == CoachTeam.team_id)
        for user_id, team in session.execute(of_coaches.order_by(Team.name)):
            teams.setdefault(user_id, []).append(team)
        for user in session.scalars(select(User).order_by(User.id)):
            state = "disabled" if user.disabled_at else ""
            if not state and user.locked_until is not None and user.locked_until > now():
                state = "locked"
            cells = (
                str(user.id), user.email, user.name, user.role, user.agent_id or "",
                ", ".join(teams.get(user.id, ())), state,
            )  # fmt: skip
            table.add_row(*(Text(printable(cell)) for cell in cells))
    console().print(table)


@app.command()
def disable(email: Email) -> None:
    """Disable an account: its logins end and its keys are revoked."""
    from service.people.accounts import set_disabled

    with _account(email) as (session, user):
        set_disabled(session, ACTOR, user, disabled=True)
    _tell(f"{email} is disabled.")


@app.command()
def enable(email: Email) -> None:
    """Enable a disabled account again; its keys stay revoked."""
    from service.people.accounts import set_disabled

    with _account(email) as (session, user):
        set_disabled(session, ACTOR, user, disabled=False)
    _tell(f"{email} is enabled.")


@app.command()
def role(
    email: Email,
    role: Annotated[str, typer.Argument(help="admin, qa_manager, coach, agent or analyst.")],
    agent: Annotated[str | None, typer.Option(help="Which agent they are, too.")] = None,
) -> None:
    """Give an account another role."""
    from service.people.accounts import change_user

    with _account(email) as (session, user):
        change_user(session, ACTOR, user, {"role": role} | ({} if agent is None else {"agent_id": agent}))
    _tell(f"{email} is {role} now.")


@app.command()
def password(email: Email, ask: Ask = False) -> None:
    """Give an account a new password, to be changed at the next login; ends its logins and its lock."""
    from service.people.accounts import give_password

    made, kept = _password(email, ask=ask)
    with _account(email) as (session, user):
        give_password(session, ACTOR, user, kept)
    _tell(f"{email} has a new password.", made)


@app.command()
def teams(
    email: Email,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TEAM...", help="All the teams they coach.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="They coach no team any more.")] = False,
) -> None:
    """Say which teams a coach sees."""
    from sqlalchemy import select

    from service.people.accounts import change_user
    from service.store.tables import Team

    if bool(names) == none:
        raise typer.BadParameter("name the teams, or give --none", param_hint="TEAM...")
    with _account(email) as (session, user):
        known = select(Team).where(Team.name.in_(names or ()))
        found = {team.name: team.id for team in session.scalars(known)}
        if missing := [name for name in names or () if name not in found]:
            raise InputError(f"{printable(missing[0])}: there is no team of that name")
        change_user(session, ACTOR, user, {"team_ids": list(found.values())})
    _tell(f"{email} coaches {', '.join(found) or 'no team'}.")


@app.command()
def unlock(email: Email) -> None:
    """End the lock that wrong passwords put on an account."""
    from service.people.accounts import unlock as end_lock

    with _account(email) as (session, user):
        end_lock(session, ACTOR, user)
    _tell(f"{email} is unlocked.")


@contextmanager
def _database() -> Iterator[Database]:
    """The database of the settings; its tables are made if there are none.

    Raises:
        OutputError: the tables are of another version, or the service's packages are missing.
    """
    if find_spec("sqlalchemy") is None or find_spec("argon2") is None:
        raise OutputError("accounts need more packages; pip install 'conversation-sentiment[service]'")
    from service.settings import read_settings
    from service.store.database import connect, revision, upgrade

    database = connect(read_settings().database, pool_size=1)
    try:
        have, needed = revision(database)
        if have is None:
            upgrade(database)
        elif have != needed:
            raise OutputError(
                f"the database has revision {have}, this version needs {needed}; start sentiment serve once"
            )
        yield database
    finally:
        database.close()


@contextmanager
def _account(email: str) -> Iterator[tuple[Session, User]]:
    """A transaction, and the account in it, held."""
    from service.people.accounts import user_by_email
    from service.people.names import clean_email

    with _database() as database, database.begin() as session:
        user = user_by_email(session, clean_email(email))
        if user is None:
            raise InputError(f"{printable(email)}: there is no account with this address")
        yield session, user


def _password(email: str, *, ask: bool) -> tuple[str | None, str]:
    """A password that was made, or ``None`` if it was asked for; and its hash."""
    from service.people.passwords import accept, one_time_password, passwords

    if not ask:
        made = one_time_password()
        return made, passwords().hash(made)
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    accept(typed, email=email)
    return None, passwords().hash(typed)


def _tell(text: str, made: str | None = None) -> None:
    terminal = console()
    terminal.print(printable(text), markup=False, highlight=False, soft_wrap=True)
    if made is not None:
        terminal.print(f"Password for the first login: {made}", markup=False, highlight=False, soft_wrap=True)
