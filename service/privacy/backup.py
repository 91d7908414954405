"""A backup in one file, and its restoring; the same file whichever database is behind the service.

A tar file: ``tables/*.jsonl.gz`` (all rows, read in one transaction, so that they fit together), the kept
recordings as they lie in the data folder, sealed if they are, and ``manifest.json`` (version, revision of
the tables, rows of each). The key that seals them is not in it. Uploads that wait, and rows set aside, are
left out.

It is restored into an empty database only. What was deleted after it was made comes back with it: repeat
those deletions (the audit log of the service that was lost, or of one beside it, says which).
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
import tempfile
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import LargeBinary, func, insert, select, text

from sentiment import __version__
from sentiment.errors import InputError, OutputError
from service.store.audit import verify
from service.store.columns import Instant
from service.store.database import revision, upgrade
from service.store.tables import Base, Call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Table
    from sqlalchemy.orm import Session

    from service.files import Files
    from service.store.database import Database

__all__ = ["back_up", "restore"]

FORMAT = "conversation-sentiment/backup/1"
ROWS = 1000


def back_up(database: Database, files: Files, path: Path) -> dict[str, int]:
    """Write the backup to ``path``, readable by its owner only; the rows of each table.

    Raises:
        OutputError: ``path`` is there already, or cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)  # of one that was cut short, or laid there to be written to
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        if path.exists():
            part.unlink()
            raise OutputError(f"{path}: is there already; name another file")
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
            counts = _write(database, files, archive, path.parent)
        _sync(part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: the backup could not be written: {error.strerror}") from None
    return counts


def restore(database: Database, files: Files, path: Path) -> dict[str, int]:
    """Put a backup into an empty database and data folder; the rows of each table.

    Raises:
        InputError: it is no backup, of a later version, or does not hold together.
        OutputError: there is something in the database already.
    """
    try:
        with tarfile.open(path, "r") as archive:
            manifest = json.loads(_member(archive, "manifest.json").read())
            if manifest.get("format") != FORMAT:
                raise InputError(f"{path}: is not a backup of this service")
            upgrade(database, manifest["revision"])
            _require_empty(database, path)
            counts = _read(database, archive, manifest["rows"])
            _recordings(files, archive)
    except (tarfile.TarError, OSError, KeyError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be restored: {type(error).__name__}: {error}") from None
    upgrade(database)
    with database.read() as session:
        log = verify(session)
    if log.broken is not None:
        raise InputError(f"{path}: was restored, but its audit log does not hold: {log.why}")
    return counts


def _write(database: Database, files: Files, archive: tarfile.TarFile, folder: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    with database.read() as session:
        if database.dialect == "postgresql":
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        have, _ = revision(database)
        for table in Base.metadata.sorted_tables:
            with tempfile.TemporaryFile(dir=folder) as packed:
                with gzip.open(packed, "wt", compresslevel=5, encoding="utf-8") as out:
                    n = 0
                    for line in _lines(session, table):
                        out.write(line)
                        n += 1
                counts[table.name] = n
                _add(archive, f"tables/{table.name}.jsonl.gz", packed)
        names = session.scalars(select(Call.audio).where(Call.audio.is_not(None)).distinct()).all()
    for name in names:
        stored = files.path("recordings", name or "")
        if stored.exists():  # deleted since the rows were read
            archive.add(stored, f"recordings/{name}", recursive=False)
    manifest = {"format": FORMAT, "version": __version__, "revision": have, "rows": counts,
                "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}  # fmt: skip
    _add(archive, "manifest.json", io.BytesIO(json.dumps(manifest, indent=1).encode()))
    return counts


def _lines(session: Session, table: Table) -> Iterator[str]:
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=ROWS)
    for row in session.execute(query):
        values = [_plain(value) for value in row]
        yield json.dumps(dict(zip(table.columns.keys(), values, strict=True)), ensure_ascii=False) + "\n"


def _read(database: Database, archive: tarfile.TarFile, expected: dict[str, int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    with database.begin() as session:
        for table in Base.metadata.sorted_tables:
            rows: list[dict[str, Any]] = []
            n = 0
            with gzip.open(
                _member(archive, f"tables/{table.name}.jsonl.gz"), "rt", encoding="utf-8"
            ) as lines:
                for line in lines:
                    rows.append(_typed(table, json.loads(line)))
                    n += 1
                    if len(rows) == ROWS:
                        session.execute(insert(table), rows)
                        rows = []
            if rows:
                session.execute(insert(table), rows)
            if n != expected[table.name]:
                raise InputError(f"{table.name}: the backup holds {n} rows of {expected[table.name]}")
            counts[table.name] = n
            _go_on_counting(session, table)
    return counts


def _recordings(files: Files, archive: tarfile.TarFile) -> None:
    for member in archive:
        area, _, name = member.name.partition("/")
        if area != "recordings" or not member.isfile():
            continue
        path = files.path("recordings", name)  # refuses what is no name of ours
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = archive.extractfile(member)
        assert source is not None
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            while piece := source.read(1 << 20):
                out.write(piece)


def _require_empty(database: Database, path: Path) -> None:
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            if session.scalar(select(func.count()).select_from(table.select().limit(1).subquery())):
                raise OutputError(
                    f"{path}: can only be restored into an empty database; {table.name} has rows already"
                )


def _go_on_counting(session: Session, table: Table) -> None:
    """PostgreSQL counts keys apart from the rows: go on after the highest."""
    column = table.autoincrement_column
    if column is None or session.get_bind().dialect.name != "postgresql":
        return
    highest = session.scalar(select(func.max(column)))
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    session.execute(select(func.setval(sequence, highest or 1, highest is not None)))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    typed = {}
    for name, value in row.items():
        kind = table.columns[name].type
        if value is not None and isinstance(kind, LargeBinary):
            value = base64.b64decode(value)
        elif value is not None and isinstance(kind, Instant):
            value = datetime.fromisoformat(value)
        typed[name] = value
    return typed


def _add(archive: tarfile.TarFile, name: str, content: BinaryIO) -> None:
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, io.SEEK_END)
    member.mtime, member.mode = int(time.time()), 0o600
    content.seek(0)
    archive.addfile(member, content)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _member(archive: tarfile.TarFile, name: str) -> Any:
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found
