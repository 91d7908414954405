"""``sentiment user``: accounts from the command line, on the database of the settings."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from service import cli
from service.people.passwords import passwords
from service.store.database import connect, revision
from service.store.tables import AuditEntry, Team, User

RIGHT = "three of my neighbours sing"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``run("list")`` is the command on a database in the test's folder; it fails with the error's text."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENTIMENT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def made(*words, typed=""):
        result = CliRunner().invoke(cli.app, ["user", *words], input=typed)
        return result.output if result.exit_code == 0 else f"failed: {result.exception or ''} {result.output}"

    return made


@pytest.fixture
def database(tmp_path, run):
    run("list")
    opened = connect(f"sqlite:///{tmp_path / 'data' / 'service.db'}")
    yield opened
    opened.close()


def one(database, email="kim@example.com"):
    with database.read() as session:
        return session.scalars(select(User).where(User.email == email)).one()


def test_the_first_account_can_be_made_before_the_service_ever_ran(run, database):
    told = run("add", "Kim@example.com", "--role", "admin", "--name", "Kim")
    assert revision(database)[0] == revision(database)[1]
    made = re.search(r"Password for the first login: (\S+)", told).group(1)
    user = one(database)
    assert (user.role, user.name, user.must_change_password) == ("admin", "Kim", True)
    assert passwords().check(user.password_hash, made)
    assert "kim@example.com" in run("list")


def test_a_password_is_asked_for_twice_and_never_shown(run, database):
    told = run("add", "kim@example.com", "--role", "admin", "--ask", typed=f"{RIGHT}\n{RIGHT}\n")
    assert RIGHT not in told
    assert passwords().check(one(database).password_hash, RIGHT)
    assert run("password", "kim@example.com", "--ask", typed="password1234\npassword1234\n").startswith(
        "failed"
    )
    assert passwords().check(one(database).password_hash, RIGHT)
    told = run("password", "kim@example.com")
    assert passwords().check(one(database).password_hash, told.split()[-1])


def test_no_command_takes_a_password_from_the_command_line(run):
    for command in ("add", "password"):
        assert "PASSWORD" not in run(command, "--help").replace("--ask", "")
    assert run("password", "kim@example.com", RIGHT).startswith("failed")


def test_roles_teams_locks_and_disabling(run, database):
    run("add", "kim@example.com", "--role", "coach")
    run("add", "sam@example.com", "--role", "admin")
    with database.begin() as session:
        session.add_all((Team(name="north"), Team(name="south [red]")))
    assert "north, south [red]" in run("teams", "kim@example.com", "north", "south [red]")
    assert "south [red]" in run("list")
    assert "no team of that name" in run("teams", "kim@example.com", "west")
    assert "no team" in run("teams", "kim@example.com", "--none")
    assert run("teams", "kim@example.com").startswith("failed")
    run("role", "kim@example.com", "analyst")
    assert one(database).role == "analyst"
    run("disable", "kim@example.com")
    assert one(database).disabled_at is not None
    run("enable", "kim@example.com")
    assert one(database).disabled_at is None
    assert "only admin" in run("disable", "sam@example.com")
    assert "only admin" in run("role", "sam@example.com", "coach")
    assert "is unlocked" in run("unlock", "kim@example.com")
    with database.read() as session:
        assert {entry.actor for entry in session.scalars(select(AuditEntry))} == {"console"}


def test_what_is_not_there_is_told_in_a_line(run, database):
    assert "no account" in run("disable", "nobody@example.com")
    assert "not an address" in run("disable", "nobody")
    assert "no role" in run("add", "kim@example.com", "--role", "owner")
    assert "no agent" in run("add", "kim@example.com", "--role", "agent", "--agent", "a-1")
