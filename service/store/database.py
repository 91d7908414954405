"""A database for the tables: SQLite beside the data, or PostgreSQL; brought up to date by migrations."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from sentiment.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config

__all__ = ["Database", "connect", "downgrade", "revision", "upgrade"]

BUSY_MS = 10_000
"""How long a writer of SQLite waits for another one."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open database. ``dialect`` is ``sqlite`` or ``postgresql``."""

    engine: Engine

    @property
    def dialect(self) -> str:
        """Which of the two it is."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session whose work is kept if the block ends well and undone if it raises.

        On SQLite it takes the writer's lock at once: a transaction that read first could not write later
        if another one wrote between.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if self.dialect == "sqlite":
                session.connection(execution_options={"sentiment_write": True})
                session.execute(text("BEGIN IMMEDIATE"))
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session to read from; nothing done in it is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def connect(url: str, *, pool_size: int = 10) -> Database:
    """Open the database at ``url``: ``sqlite:///path`` or ``postgresql+psycopg://...``.

    What a statement carried is in no error's text: it can be what somebody said.

    Raises:
        OutputError: the URL is of another kind, or cannot be read; the password in it is not told.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise OutputError("SENTIMENT_DATABASE_URL is not a database URL, as sqlite:///service.db") from None
    name = parsed.drivername
    if name == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=20, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        return Database(engine)
    if name == "postgresql+psycopg":
        engine = create_engine(
            parsed, pool_size=pool_size, max_overflow=10, pool_pre_ping=True, hide_parameters=True
        )
        return Database(engine)
    raise OutputError(f"{name}: not a database of ours; give sqlite:///path or postgresql+psycopg://...")


def upgrade(database: Database, to: str = "head") -> None:
    """Bring the tables to revision ``to``. Two that start at once wait for each other on PostgreSQL."""
    from alembic import command

    _migrate(database, lambda config: command.upgrade(config, to))


def downgrade(database: Database, to: str) -> None:
    """Take the tables back to revision ``to`` (``base``: none)."""
    from alembic import command

    _migrate(database, lambda config: command.downgrade(config, to))


def revision(database: Database) -> tuple[str | None, str | None]:
    """The revision the tables have and the one they should have; ``None`` before the first."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with database.engine.connect() as connection:
        have = MigrationContext.configure(connection).get_current_revision()
    return have, ScriptDirectory.from_config(_config()).get_current_head()


def _migrate(database: Database, work: Any) -> None:
    config = _config()
    try:
        with database.engine.connect() as connection:
            if database.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_lock(7431961)"))
                connection.commit()
            try:
                config.attributes["connection"] = connection
                work(config)
                connection.commit()
            finally:
                if database.dialect == "postgresql":
                    connection.rollback()
                    connection.execute(text("SELECT pg_advisory_unlock(7431961)"))
                    connection.commit()
    except SQLAlchemyError as error:
        where = database.engine.url.render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise OutputError(f"{where}: the tables could not be brought up to date: {reason}") from error


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """WAL: readers and a writer do not wait for each other. What is deleted is overwritten, too.

    Python's module would begin transactions by itself and only before some statements; SQLAlchemy's events
    do it instead, so that reads of one session see one state.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "temp_store = MEMORY",
        "cache_size = -65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
