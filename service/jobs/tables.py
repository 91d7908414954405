"""The jobs ``surveys`` and ``contacts``: a table goes through the metric engine's checks into the store.

What the engine would set aside is set aside here, by the same rules and for the same reasons.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from sentiment.errors import InputError, TableError
from service.jobs.set_aside import SetAside
from service.masking import mask_by
from service.store.columns import now
from service.store.tables import Contact, Survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from sentiment.metrics.inputs import Input
    from sentiment.metrics.maps import ColumnMap
    from service.jobs.work import Ending, Task

__all__ = ["import_contacts", "import_surveys", "read_map"]

BATCH = 1_000
MOST_ROWS = 20_000_000
"""Rows of the largest Parquet file that is taken: a small one can claim any number."""

_SURVEY = {
    "call_id": 300,
    "customer_id": 300,
    "agent_id": 200,
    "queue": 200,
    "instrument": 40,
    "question": 200,
}
_SURVEY_OWN = (*_SURVEY, "value", "scale_min", "scale_max", "answered_at")
_CONTACT = {"contact_id": 300, "customer_id": 300, "agent_id": 200, "queue": 200}
_CONTACT_OWN = (*_CONTACT, "started_at")


@dataclass(slots=True)
class _Tally:
    """What became of the rows."""

    read: int = 0
    stored: int = 0
    known: int = 0
    unanswered: int = 0
    aside: SetAside | None = field(default=None, repr=False)


def import_surveys(task: Task) -> Ending:
    """Store each survey answer of a table once, however often it comes.

    Raises:
        TableError: it cannot be read, or no row of it can be used.
    """
    return _import(task, "surveys", _survey, _put_surveys)


def import_contacts(task: Task) -> Ending:
    """Store each contact record of a table; of one contact the newest stays.

    Raises:
        TableError: it cannot be read, or no row of it can be used.
    """
    return _import(task, "contacts", _contact, _put_contacts)


def read_map(text: str, table: str) -> ColumnMap:
    """The column map that a caller gave: its TOML, or the name of a ready one.

    Raises:
        TableError: it is neither, or is for another table.
    """
    from sentiment.metrics.maps import load_map, ready_maps

    if "=" not in text and "\n" not in text.strip():
        name = text.strip()
        if name not in ready_maps():
            raise TableError(f"map: there is no ready map {name[:80]!r}; there are {', '.join(ready_maps())}")
        found = load_map(name)
    else:
        with tempfile.TemporaryDirectory(prefix="sentiment-") as folder:
            path = Path(folder) / "map.toml"
            path.write_text(text, "utf-8")
            try:
                found = load_map(path)
            except TableError as error:
                raise TableError(str(error).replace(str(path), "map")) from None
    if found.table != table:
        raise TableError(f"map: is for {found.table}, not for {table}")
    return found


Row = dict[str, Any]


def _import(
    task: Task,
    table: str,
    shape: Callable[[Row, _Tally, str], Row | None],
    put: Callable[[Session, Sequence[Row]], int],
) -> Ending:
    work = task.work
    with SetAside(work.files, work.redact) as aside:
        tally = _Tally(aside=aside)
        task.tell("checking the rows", 0.0)
        with _opened(task, table, aside) as found:
            total = found.report.rows
            for batch in _batches(found):
                shaped = [shape(row, tally, f"row {tally.read + i + 1}") for i, row in enumerate(batch)]
                good = [row for row in shaped if row is not None]
                tally.read += len(batch)
                with task.transaction() as session:
                    stored = put(session, good) if good else 0
                tally.stored += stored
                tally.known += len(good) - stored
                task.tell("storing the rows", min(1.0, tally.read / (total or tally.read)))
        if tally.stored + tally.known + tally.unanswered == 0:
            first = next(iter(aside.problems), "it has none")
            raise TableError(f"no row of {table} can be stored: {first}")
        name = aside.keep()
    result = {
        "stored": tally.stored, "known": tally.known, "unanswered": tally.unanswered,
        "set_aside": aside.n, "problems": aside.problems, "assumed": dict(found.report.assumed), "file": name,
    }  # fmt: skip
    return lambda _session: result


@contextmanager
def _opened(task: Task, table: str, aside: SetAside) -> Iterator[Input]:
    """The table, its good rows only; the others are noted. It is read from a copy that only DuckDB sees."""
    from sentiment.metrics.inputs import open_input
    from sentiment.metrics.schemas import TABLES
    from sentiment.metrics.workspace import Workspace

    files, staged = task.work.files, task.held.staged
    if staged is None:
        raise InputError("nothing was uploaded for this job; upload it again")
    facts = files.facts(staged)
    mapping = read_map(facts["map"], table) if facts.get("map") else None
    with tempfile.TemporaryDirectory(prefix="sentiment-") as name:
        folder = Path(name)
        path = folder / f"{table}.{facts['form']}"
        with files.read("staging", staged) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        workspace = Workspace.open(threads=task.work.settings.threads, spill=folder / "spill")
        try:
            _check_rows(path)
            found = open_input(
                str(path), TABLES[table], workspace=workspace, mapping=mapping, set_aside=folder,
                keep_copies=mapping is not None and mapping.newest is not None,
            )  # fmt: skip
            if found.report.file is not None:
                _note(Path(found.report.file), aside)
            yield found
        except TableError as error:
            told, mask = str(error).replace(f"{folder}/", ""), task.work.redact
            raise TableError(told if mask is None else mask_by(mask, told)) from None
        finally:
            workspace.close()


def _check_rows(path: Path) -> None:
    if path.suffix != ".parquet":
        return
    from pyarrow import ArrowException, parquet

    try:
        n = parquet.ParquetFile(path).metadata.num_rows
    except (ArrowException, OSError) as error:
        raise TableError(
            f"{path.name}: is no Parquet file that can be read ({type(error).__name__})"
        ) from None
    if n > MOST_ROWS:
        raise TableError(f"{path.name}: says it has {n} rows; give at most {MOST_ROWS} at a time")


def _note(path: Path, aside: SetAside) -> None:
    """Take over the rows that the engine set aside."""
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            where = f"row {row.pop('row', None) or '?'}"
            row.pop("file", None)
            aside.add(where, row.pop("problem", ""), row)


def _batches(found: Input) -> Iterator[list[Row]]:
    import ibis

    from sentiment.metrics.columns import NEWEST

    wanted = [c.name for c in found.schema.columns if c.name in found.table.columns]
    table = found.table
    if NEWEST in table.columns:
        table = table.mutate(updated_at=table[NEWEST])
        wanted.append("updated_at")
    # not to_pyarrow_batches: ibis 12 asks DuckDB 2 for a function that is no more
    cursor = found.workspace.con.raw_sql(ibis.to_sql(table.select(wanted), dialect="duckdb"))
    while rows := cursor.fetchmany(BATCH):
        yield [{k: _utc(v) for k, v in zip(wanted, row, strict=True)} for row in rows]


def _utc(value: Any) -> Any:
    """Times of the engine are UTC and do not say so."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _unfit(row: Row, longest: Mapping[str, int]) -> str | None:
    """Why a database cannot hold the row."""
    for name, value in row.items():
        if isinstance(value, str) and "\0" in value:
            return f"{name} holds the character U+0000"
        if name in longest and isinstance(value, str) and len(value) > longest[name]:
            return f"{name} is longer than {longest[name]} characters"
    return None


def _survey(row: Row, tally: _Tally, where: str) -> Row | None:
    if row.get("value") is None:
        tally.unanswered += 1
        return None
    problem = _unfit(row, _SURVEY)
    if row.get("scale_min") is None or row.get("scale_max") is None:
        problem = problem or "scale_min or scale_max is empty"
    if problem is not None and tally.aside is not None:
        tally.aside.add(where, problem, row)
        return None
    told = json.dumps({k: _plain(v) for k, v in sorted(row.items())}, separators=(",", ":"))
    return {
        "fingerprint": hashlib.sha256(told.encode()).hexdigest(),
        "call_ref": row.get("call_id"),
        **{k: row.get(k) for k in ("customer_id", "agent_id", "queue", "instrument", "value")},
        "question": row.get("question") or "overall",
        "scale_min": row["scale_min"],
        "scale_max": row["scale_max"],
        "answered_at": row.get("answered_at"),
        "fields": {k: _plain(v) for k, v in row.items() if k not in _SURVEY_OWN and v is not None},
        "received_at": now(),
    }


def _put_surveys(session: Session, rows: Sequence[Row]) -> int:
    unique = list({row["fingerprint"]: row for row in rows}.values())
    statement = _insert(session)(Survey).values(unique).on_conflict_do_nothing(index_elements=["fingerprint"])
    return len(session.scalars(statement.returning(Survey.id)).all())


def _contact(row: Row, tally: _Tally, where: str) -> Row | None:
    newest = row.pop("updated_at", None)
    updated, problem = _moment(newest), _unfit(row, _CONTACT)
    if newest is not None and updated is None:
        problem = problem or "the column that says which is the newest holds no time"
    if problem is not None and tally.aside is not None:
        tally.aside.add(where, problem, row)
        return None
    return {
        **{k: row.get(k) for k in _CONTACT_OWN},
        "updated_at": updated,
        "fields": {k: _plain(v) for k, v in row.items() if k not in _CONTACT_OWN and v is not None},
    }


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _put_contacts(session: Session, rows: Sequence[Row]) -> int:
    """Of one contact the newest stays; without times the one that came last."""
    unique: dict[str, Row] = {}
    for row in rows:
        before = unique.get(row["contact_id"])
        if before is None or _newer(row, before):
            unique[row["contact_id"]] = row
    statement = _insert(session)(Contact).values(list(unique.values()))
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["contact_id"],
        set_={name: new[name] for name in (*_CONTACT_OWN[1:], "updated_at", "fields")},
        where=(new.updated_at.is_(None))
        | (Contact.updated_at.is_(None))
        | (new.updated_at >= Contact.updated_at),
    )
    return len(session.scalars(statement.returning(Contact.id)).all())


def _newer(row: Row, before: Row) -> bool:
    if row["updated_at"] is None or before["updated_at"] is None:
        return True
    return bool(row["updated_at"] >= before["updated_at"])


def _insert(session: Session) -> Any:
    on_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert if on_postgres else sqlite.insert
