"""How long calls and their recordings are kept, and the deletion of what is older."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, update

from service.privacy.deletion import Chosen, Deleted, delete_calls, delete_chosen
from service.store.columns import now
from service.store.tables import Call, Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement

    from service.files import Files
    from service.store.database import Database

__all__ = ["EVERY_QUEUE", "apply_retention"]

EVERY_QUEUE = ""
"""The row of every queue that has none of its own."""

SOME = 200


def apply_retention(
    database: Database, files: Files, *, tell: Callable[[str, float], None], at: datetime | None = None
) -> Deleted:
    """Delete what is older than it may be kept: recordings first, then calls with all that is theirs."""
    moment = at or now()
    with database.read() as session:
        rows = session.scalars(select(Retention)).all()
    done = Deleted()
    own = [row.queue for row in rows if row.queue != EVERY_QUEUE]
    for row in rows:
        if row.audio_days is not None:
            limit = moment - timedelta(days=row.audio_days)
            done.recordings += _drop_recordings(
                database, files, and_(_of(row, own), Call.happened_at < limit), tell
            )
        if row.call_days is not None:
            until = moment - timedelta(days=row.call_days)
            if row.queue != EVERY_QUEUE:
                part = delete_chosen(database, files, Chosen(until=until, queue=row.queue), tell=tell)
            else:
                part = _of_the_rest(database, files, until, own, tell)
            done.calls += part.calls
            done.recordings += part.recordings
            done.surveys += part.surveys
            done.contacts += part.contacts
    return done


def _of(row: Retention, own: Sequence[str]) -> ColumnElement[bool]:
    if row.queue != EVERY_QUEUE:
        return Call.queue == row.queue
    return or_(Call.queue.is_(None), Call.queue.not_in(own))


def _of_the_rest(
    database: Database, files: Files, until: datetime, own: Sequence[str], tell: Callable[[str, float], None]
) -> Deleted:
    if not own:
        return delete_chosen(database, files, Chosen(until=until), tell=tell)
    rest = or_(Call.queue.is_(None), Call.queue.not_in(own))
    return delete_calls(database, files, and_(rest, Call.happened_at < until), tell=tell)


def _drop_recordings(
    database: Database, files: Files, where: ColumnElement[bool], tell: Callable[[str, float], None]
) -> int:
    """Take the recordings away and leave the calls."""
    n, query = 0, select(Call.id, Call.audio).where(where, Call.audio.is_not(None)).limit(SOME)
    while True:
        tell("deleting recordings", 0.2)
        with database.read() as session:
            rows = session.execute(query).all()
        if not rows:
            return n
        ids = [row.id for row in rows]
        with database.read() as session:
            names = {row.audio for row in rows}
            shared = select(Call.audio).where(Call.audio.in_(names), Call.id.not_in(ids))
            names -= set(session.scalars(shared))
        for name in names:
            files.remove("recordings", name)
        with database.begin() as session:
            session.execute(update(Call).where(Call.id.in_(ids)).values(audio=None))
        n += len(names)
