"""Deletion that really deletes: recordings, documents, every derived row, surveys, contact records.

Files go before rows: a deletion that is cut short has left rows whose recording is gone, and going on ends
it; the other way round a recording would stay that no row knows of. What the database keeps of deleted rows
until it needs the room is overwritten by :func:`tidy`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, delete, select, text

from service.store.tables import Call, Contact, Survey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from service.files import Files
    from service.store.database import Database

__all__ = ["Chosen", "Deleted", "delete_calls", "delete_chosen", "pseudonym", "tidy"]

SOME = 200


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is to be deleted: of a ``customer``, or what happened in ``[since, until)`` (of a ``queue``)."""

    customer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    queue: str | None = None


@dataclass(kw_only=True)
class Deleted:
    """How much was deleted."""

    calls: int = 0
    recordings: int = 0
    surveys: int = 0
    contacts: int = 0


def pseudonym(customer: str) -> str:
    """What the audit log calls a customer: found by who knows the id, and read by nobody else."""
    return "customer:" + hashlib.sha256(f"customer:{customer}".encode()).hexdigest()[:32]


def delete_chosen(
    database: Database, files: Files, chosen: Chosen, *, tell: Callable[[str, float], None]
) -> Deleted:
    """Delete all that is ``chosen``, some at a time; call it again if it was cut short."""
    if chosen.customer is None and chosen.since is None and chosen.until is None:
        raise ValueError("neither a customer nor a time")
    done = delete_calls(database, files, _calls(chosen), tell=tell)
    for table, when in ((Survey, Survey.answered_at), (Contact, Contact.started_at)):
        if chosen.customer is not None:
            where: ColumnElement[bool] = table.customer_id == chosen.customer
        elif chosen.queue is None:
            where = _between(when, chosen)
        elif table is Contact:
            where = and_(_between(when, chosen), Contact.queue == chosen.queue)
        else:
            continue  # a survey has no queue but its call's, and went with that
        n = _delete_some(database, table, where, tell)
        if table is Survey:
            done.surveys += n
        else:
            done.contacts += n
    return done


def delete_calls(
    database: Database, files: Files, where: ColumnElement[bool], *, tell: Callable[[str, float], None]
) -> Deleted:
    """Delete calls, with everything of theirs."""
    done, query = (
        Deleted(),
        select(Call.id, Call.call_id, Call.audio).where(where).order_by(Call.id).limit(SOME),
    )
    while True:
        tell("deleting calls", 0.5)
        with database.read() as session:
            rows = session.execute(query).all()
        if not rows:
            return done
        ids, names = [row.id for row in rows], [row.call_id for row in rows]
        done.recordings += _delete_recordings(database, files, ids, {row.audio for row in rows if row.audio})
        with database.begin() as session:
            done.surveys += _count(session.execute(delete(Survey).where(Survey.call_ref.in_(names))))
            done.contacts += _count(session.execute(delete(Contact).where(Contact.contact_id.in_(names))))
            done.calls += _count(session.execute(delete(Call).where(Call.id.in_(ids))))


def tidy(database: Database) -> None:
    """Make the database forget what was deleted: it keeps it in its files for a while.

    SQLite: deleted rows are overwritten at once, but the search index only marks words as gone until its
    parts are put together, and pages wait in the log. PostgreSQL: VACUUM frees the rows; what lies in free
    pages, in its write-ahead log and in backups is overwritten in time, as in every PostgreSQL.
    """
    if database.dialect == "sqlite":
        with database.begin() as session:
            session.execute(text("INSERT INTO transcripts_search(transcripts_search) VALUES ('optimize')"))
        with database.engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("documents", "transcripts", "utterances", "calls", "moments", "surveys", "contacts"):
            connection.execute(text(f"VACUUM {table}"))


def _delete_recordings(database: Database, files: Files, ids: Sequence[int], names: set[str]) -> int:
    with database.read() as session:
        shared = select(Call.audio).where(Call.audio.in_(names), Call.id.not_in(ids))
        names = names - {name for name in session.scalars(shared) if name}
    for name in names:
        files.remove("recordings", name)
    return len(names)


def _delete_some(
    database: Database, table: Any, where: ColumnElement[bool], tell: Callable[[str, float], None]
) -> int:
    n = 0
    while True:
        tell(f"deleting {table.__tablename__}", 0.8)
        with database.begin() as session:
            ids = session.scalars(select(table.id).where(where).limit(SOME)).all()
            session.execute(delete(table).where(table.id.in_(ids)))
        if not ids:
            return n
        n += len(ids)


def _calls(chosen: Chosen) -> ColumnElement[bool]:
    if chosen.customer is not None:
        return Call.customer_id == chosen.customer
    within = _between(Call.happened_at, chosen)
    return within if chosen.queue is None else and_(within, Call.queue == chosen.queue)


def _between(column: Any, chosen: Chosen) -> ColumnElement[bool]:
    conditions = []
    if chosen.since is not None:
        conditions.append(column >= chosen.since)
    if chosen.until is not None:
        conditions.append(column < chosen.until)
    return and_(*conditions)


def _count(result: Any) -> int:
    return int(result.rowcount)
