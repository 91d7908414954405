"""Everything of one kind about the calls asked for, a batch at a time, in the order of the calls' rows.

Nothing is kept: an export is made while it is sent, so there are no copies to delete later. Each batch is
read in a transaction of its own; a call that is deleted meanwhile is not in it.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from service.store.calls import read_document
from service.store.columns import Instant
from service.store.queries import calls
from service.store.search import within_index
from service.store.tables import Call, Estimate, Moment, Shift, Survey, Utterance, Verdict
from service.streams import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from service.people.access import Sight
    from service.store.database import Database
    from service.store.queries import CallFilter

__all__ = ["KINDS", "Form", "Kind", "documents", "export"]

Kind = Literal["calls", "utterances", "shifts", "moments", "estimates", "surveys", "verdicts"]
Form = Literal["csv", "jsonl", "parquet"]
BATCH = 500
HIDDEN = frozenset({"id", "figures", "scored_with", "content_sha256", "audio", "fingerprint", "agent_id_1"})
"""Columns of ours that mean nothing outside."""

KINDS: dict[str, Any] = {
    "calls": Call, "utterances": Utterance, "shifts": Shift, "moments": Moment, "estimates": Estimate,
    "surveys": Survey, "verdicts": Verdict,
}  # fmt: skip

Row = dict[str, Any]


def documents(database: Database, asked: CallFilter, sight: Sight) -> Iterator[bytes]:
    """The calls whole, as ``sentiment score`` writes them, a line each."""
    from sentiment.call import to_json

    for batch in _batches(database, asked, sight):
        with database.read() as session:
            found = [read_document(session, row) for row, _ in batch]
        yield "".join(
            json.dumps(json.loads(to_json(c)), ensure_ascii=False) + "\n" for c in found if c
        ).encode()


def export(database: Database, kind: Kind, form: Form, asked: CallFilter, sight: Sight) -> Iterator[bytes]:
    """A file with every row of ``kind`` of the calls asked for; its ``call_id`` is that of outside."""
    names = [c.name for c in KINDS[kind].__table__.columns if c.name not in HIDDEN]
    names = ["call_id", *(n for n in names if n not in {"call_id", "call_ref"})]
    write = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[form]
    return write(names, kind, _rows(database, kind, names, asked, sight))


def _rows(
    database: Database, kind: Kind, names: list[str], asked: CallFilter, sight: Sight
) -> Iterator[list[Row]]:
    table = KINDS[kind]
    for batch in _batches(database, asked, sight):
        ids = dict(batch)
        with database.read() as session:
            yield [_row(each, names, ids) for each in _of(session, table, ids)]


def _of(session: Session, table: Any, ids: dict[int, str]) -> list[Any]:
    if table is Survey:
        return list(
            session.scalars(select(Survey).where(Survey.call_ref.in_(ids.values())).order_by(Survey.id))
        )
    column = Call.id if table is Call else table.call_id
    rows = select(table).where(column.in_(ids)).order_by(*table.__table__.primary_key)
    return list(session.scalars(rows))


def _row(each: Any, names: list[str], ids: dict[int, str]) -> Row:
    if isinstance(each, Survey):
        call_id = each.call_ref
    else:
        call_id = each.call_id if isinstance(each, Call) else ids[each.call_id]
    return {"call_id": call_id, **{name: getattr(each, name) for name in names if name != "call_id"}}


def _batches(database: Database, asked: CallFilter, sight: Sight) -> Iterator[list[tuple[int, str]]]:
    """Row ids and ids of the calls asked for, :data:`BATCH` at a time."""
    last = 0
    query = calls(asked, sight).with_only_columns(Call.id, Call.call_id)
    query = query.order_by(None).order_by(Call.id).limit(BATCH)
    while True:
        with database.read() as session:
            rest = query.where(Call.id > last)
            if asked.terms is not None:
                rest = rest.where(within_index(session, asked.terms))
            batch = [(row[0], row[1]) for row in session.execute(rest)]
        if not batch:
            return
        yield batch
        last = batch[-1][0]


def _jsonl(_names: list[str], _kind: Kind, batches: Iterator[list[Row]]) -> Iterator[bytes]:
    for rows in batches:
        yield "".join(json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in rows).encode()


def _csv(names: list[str], _kind: Kind, batches: Iterator[list[Row]]) -> Iterator[bytes]:
    """With what a spreadsheet would run as a formula made text, by an apostrophe before it (OWASP)."""
    yield _csv_lines([names])
    for rows in batches:
        yield _csv_lines([[_cell(row[name]) for name in names] for row in rows])


def _csv_lines(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _parquet(names: list[str], kind: Kind, batches: Iterator[list[Row]]) -> Iterator[bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, _type(KINDS[kind], name)) for name in names])
    sink = Sink()
    with parquet.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
        for rows in batches:
            plain = [
                {n: _text(v) if isinstance(v, dict | list) else v for n, v in row.items()} for row in rows
            ]
            writer.write_table(pa.Table.from_pylist(plain, schema))
            yield sink.taken()
    yield sink.taken()


def _type(table: Any, name: str) -> Any:
    import pyarrow as pa

    if name == "call_id":
        return pa.string()
    kind = table.__table__.columns[name].type
    if isinstance(kind, Instant):
        return pa.timestamp("us", "UTC")
    return {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}.get(kind.python_type, pa.string())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value.isoformat()
