"""Where tables come from: files of any size through DuckDB, tables in memory, or tables of another engine.

A file is a Parquet, CSV, TSV or JSON-lines file, a pattern (``2026-*.parquet``), a list of them, or an
address on S3 (Parquet, read by pyarrow). A table of another engine is any Ibis table (PostgreSQL, Spark ...):
the metrics are then computed there, and only their sums come back.
"""

from __future__ import annotations

import glob
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import ibis

from sentiment.errors import TableError
from sentiment.metrics.workspace import Workspace, first_line

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FILE", "MARK", "ROW", "Raw", "Source", "open_source"]

Source = Any
"""A path, pattern or address, a list of them, a pandas or pyarrow table, or an Ibis table."""

FILE, ROW = "__file", "__row"
"""Columns that name a row of a file."""

MARK = b"conversation_sentiment"
"""Key of the Parquet metadata that says a file's rows were checked, and as which table."""

_READERS = {
    ".parquet": "read_parquet({path}, union_by_name=true)",
    ".csv": "read_csv({path}, all_varchar=true, header=true)",
    ".tsv": "read_csv({path}, all_varchar=true, header=true, delim='\t')",
    ".jsonl": "read_json({path}, format='newline_delimited', maximum_depth=-1)",
    ".json": "read_json({path}, maximum_depth=-1)",
}

_names = itertools.count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Raw:
    """A table as it was found.

    Args:
        name: what to call it in messages.
        table: an Ibis table; with :data:`FILE` and :data:`ROW` where it is of files.
        checked: for which of our tables its rows were checked when it was written, if they were.
    """

    name: str
    table: Any
    checked: str | None = None


def open_source(source: Source, workspace: Workspace) -> Raw:
    """Find a table.

    Args:
        source: see :data:`Source`.
        workspace: whose DuckDB reads files and tables in memory.

    Raises:
        TableError: there is no such file, its form is unknown, or it cannot be read.
    """
    con = workspace.con
    if isinstance(source, ibis.Table):
        return Raw(name=source.get_name() if hasattr(source.op(), "name") else "table", table=source)
    if isinstance(source, str | Path) or (
        isinstance(source, Sequence) and source and all(isinstance(s, str | Path) for s in source)
    ):
        parts = [source] if isinstance(source, str | Path) else list(source)
        return _open_files([str(p) for p in parts], con)
    return _open_memory(source, con)


def _open_memory(source: Any, con: Any) -> Raw:
    name = f"memory_{next(_names)}"
    try:
        con.con.register(name, source)
    except Exception as error:  # noqa: BLE001 - DuckDB's own type says nothing of ours
        raise TableError(
            f"{type(source).__name__}: cannot be read as a table ({first_line(error)}); "
            "give a path, a pandas or pyarrow table or an Ibis table"
        ) from None
    return Raw(name="table in memory", table=con.table(name))


def _open_files(patterns: Sequence[str], con: Any) -> Raw:
    if any(p.startswith(("s3://", "gs://")) for p in patterns):
        return _open_remote(patterns, con)
    paths = [path for pattern in patterns for path in _expand(pattern)]
    selects = [_select(path) for path in paths]
    name = f"files_{next(_names)}"
    parquet = all(Path(p).suffix.lower() == ".parquet" for p in paths)
    try:
        if parquet:  # one scan for all files, which DuckDB shares out among its threads
            con.raw_sql(f"CREATE TEMP VIEW {name} AS {_parquet(paths)}")
        else:
            con.raw_sql(f"CREATE TEMP VIEW {name} AS {' UNION ALL BY NAME '.join(selects)}")
        table = con.table(name)
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes DuckDB raise
        raise TableError(f"{', '.join(patterns)}: cannot be read ({first_line(error)})") from None
    return Raw(name=", ".join(patterns), table=table, checked=_mark(paths) if parquet else None)


def _expand(pattern: str) -> Iterable[str]:
    if Path(pattern).is_file():
        return [pattern]
    if Path(pattern).is_dir():
        found = sorted(str(p) for p in Path(pattern).rglob("*") if p.suffix.lower() in _READERS)
    else:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - a pattern may be absolute
    if not found:
        raise TableError(f"{pattern}: no such file; give a path, a folder or a pattern")
    return found


def _select(path: str) -> str:
    reader = _READERS.get(Path(path).suffix.lower())
    if reader is None:
        raise TableError(f"{path}: unknown form; give {', '.join(_READERS)}")
    scan = reader.format(path=_quoted(path))
    return f"SELECT *, {_quoted(path)} AS {FILE}, row_number() OVER () AS {ROW} FROM {scan}"  # noqa: S608


def _parquet(paths: Sequence[str]) -> str:
    listed = ", ".join(_quoted(p) for p in paths)
    scan = f"read_parquet([{listed}], union_by_name=true, filename=true, file_row_number=true)"
    named = f"filename AS {FILE}, file_row_number + 1 AS {ROW}"
    return f"SELECT * EXCLUDE (filename, file_row_number), {named} FROM {scan}"  # noqa: S608


def _mark(paths: Sequence[str]) -> str | None:
    """For which table all of these Parquet files were checked, if they were."""
    from pyarrow import parquet

    marks = {(parquet.read_schema(path).metadata or {}).get(MARK) for path in paths}
    mark = marks.pop() if len(marks) == 1 else None
    return None if mark is None else str(json.loads(mark)["table"])


def _open_remote(patterns: Sequence[str], con: Any) -> Raw:
    """Parquet on S3 (or GCS), by pyarrow: its drivers are in its wheel, DuckDB's would be downloaded."""
    from pyarrow import dataset, fs

    name = ", ".join(map(_without_secrets, patterns))
    try:
        places = [fs.FileSystem.from_uri(p) for p in patterns]
        system, paths = places[0][0], [path for _, path in places]
        found = [one for path in paths for one in _remote_files(system, path, fs)]
        data = dataset.dataset(found, filesystem=system, format="parquet")
    except Exception as error:  # noqa: BLE001 - network, credentials, no such key
        raise TableError(f"{name}: cannot be read ({first_line(error)})") from None
    registered = f"remote_{next(_names)}"
    con.con.register(registered, data)
    mark = (data.schema.metadata or {}).get(MARK)
    checked = None if mark is None or len(found) > 1 else str(json.loads(mark)["table"])
    return Raw(name=name, table=con.table(registered), checked=checked)


def _without_secrets(address: str) -> str:
    """An address as messages and reports may show it: without key, secret and options."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def _remote_files(system: Any, path: str, fs: Any) -> list[str]:
    """The Parquet files under a path that may end in a pattern (``bucket/2026/*.parquet``)."""
    from fnmatch import fnmatch

    if "*" not in path:
        return [path]
    base = path[: path.index("*")].rpartition("/")[0]
    infos = system.get_file_info(fs.FileSelector(base, recursive=True))
    found = sorted(info.path for info in infos if info.is_file and fnmatch(info.path, path))
    if not found:
        raise FileNotFoundError("no file fits the pattern")
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
