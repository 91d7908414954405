"""All that is kept on one customer, as a ZIP file to be handed over: what they have a right to see."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from sentiment.call import to_json
from sentiment.files import file_stem
from service.store.calls import read_document
from service.store.tables import Call, Contact, Correction, Note, Survey, Verdict
from service.streams import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.files import Files
    from service.store.database import Database

__all__ = ["disclose", "is_known"]

PIECE = 1 << 20
ABOUT = """All that this service keeps on the customer.

calls/         each call: its transcript, scores, shifts, moments and estimates (JSON), and the recording
notes.json     what was written on their calls, corrected in them and said of their moments
surveys.json   their survey answers
contacts.json  their contact records
"""


def is_known(database: Database, customer: str) -> bool:
    """Whether anything is kept on a customer."""
    with database.read() as session:
        return any(
            session.scalar(select(table.id).where(table.customer_id == customer).limit(1)) is not None
            for table in (Call, Survey, Contact)
        )


def disclose(database: Database, files: Files, customer: str) -> Iterator[bytes]:
    """The bytes of the ZIP file, made while they are sent: no copy is kept."""
    with database.read() as session:
        rows = session.execute(
            select(Call.id, Call.call_id, Call.audio).where(Call.customer_id == customer).order_by(Call.id)
        ).all()
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ABOUT.txt", ABOUT)
        for number, row in enumerate(rows, 1):
            name = f"calls/{number:05d}-{file_stem(row.call_id)}"
            with database.read() as session:
                call = read_document(session, row.id)
            if call is not None:
                archive.writestr(f"{name}.json", to_json(call))
            if row.audio is not None:
                with (
                    files.read("recordings", row.audio) as recording,
                    archive.open(f"{name}.mp3", "w") as out,
                ):
                    while piece := recording.read(PIECE):
                        out.write(piece)
                        yield sink.taken()
            yield sink.taken()
        ids, names = [row.id for row in rows], [row.call_id for row in rows]
        for name, told in _rest(database, customer, ids, names):
            archive.writestr(name, json.dumps(told, ensure_ascii=False, indent=1, default=str))
    yield sink.taken()


def _rest(
    database: Database, customer: str, ids: list[int], names: list[str]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    with database.read() as session:
        notes: list[dict[str, Any]] = []
        for table in (Note, Correction, Verdict):
            found = session.scalars(select(table).where(table.call_id.in_(ids)))
            notes += [{"kind": table.__tablename__, **_plain(each)} for each in found]
        yield "notes.json", notes
        mine = or_(Survey.customer_id == customer, Survey.call_ref.in_(names))
        yield "surveys.json", [_plain(each) for each in session.scalars(select(Survey).where(mine))]
        theirs = select(Contact).where(Contact.customer_id == customer)
        yield "contacts.json", [_plain(each) for each in session.scalars(theirs)]


def _plain(row: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
