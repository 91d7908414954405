"""The engines a computation uses, and the temporary views it leaves in them until it is done."""

from __future__ import annotations

import itertools
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
from ibis.expr import operations as ops

from sentiment.errors import MetricError, TableError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Workspace", "first_line", "run"]

_names = itertools.count()

VIEWS = {"duckdb": "CREATE TEMP VIEW", "postgres": "CREATE TEMP VIEW", "pyspark": "CREATE TEMPORARY VIEW"}
"""How each engine makes a view that only this session sees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """``con`` is the DuckDB that reads files and tables in memory."""

    con: Any
    views: list[tuple[Any, str]] = field(default_factory=list)

    @classmethod
    def open(cls, *, threads: int | None = None, memory: str = "3GB", spill: Path | None = None) -> Workspace:
        """A DuckDB in memory that spills to disk what does not fit.

        Args:
            threads: processor threads; as many as this process may use if left out.
            memory: how much memory it may take, as ``3GB``.
            spill: folder for what does not fit; in the system's temporary folder if left out.

        Raises:
            MetricError: ``memory`` is no amount.
        """
        try:
            con = ibis.duckdb.connect(
                threads=threads or len(os.sched_getaffinity(0)),
                memory_limit=memory,
                temp_directory=str(spill or Path(tempfile.gettempdir()) / f"sentiment-metrics-{os.getpid()}"),
                preserve_insertion_order=False,
            )
        except Exception as error:
            if "memory" not in str(error).lower():
                raise
            raise MetricError(f"memory {memory!r} is no amount of memory, as 3GB is") from None
        con.raw_sql("SET TimeZone = 'UTC'")
        return cls(con=con)

    def settle(self, table: Any) -> Any:
        """The same rows as a temporary view: what is built on it is quicker to compile, and as quick to run.

        Left as it is on an engine whose views others would see, and where it holds tables of this process.
        """
        backend = table.get_backend()
        make = VIEWS.get(backend.name)
        if make is None or table.op().find(ops.InMemoryTable):
            return table
        name = f"sentiment_{os.getpid()}_{next(_names)}"
        backend.raw_sql(f"{make} {name} AS {ibis.to_sql(table, dialect=backend.name)}")
        self.views.append((backend, name))
        return backend.table(name)

    def keep(self, table: Any) -> Any:
        """The same rows, worked out once and kept until the end; left as they are on an engine of others."""
        if table.get_backend() is not self.con:
            return table
        return self.con.create_table(f"kept_{next(_names)}", table, temp=True)

    def lay_out(self, rows: pa.Table, beside: Any) -> Any:
        """A small table of ours in the engine that ``beside`` is in, for this session only."""
        backend, name = beside.get_backend(), f"sentiment_{os.getpid()}_{next(_names)}"
        if backend.name == "duckdb":
            backend.con.register(name, rows)
        elif backend.name == "pyspark":
            frame = backend._session.createDataFrame(rows.to_pandas(date_as_object=True))
            frame.createOrReplaceTempView(name)
        elif backend.name == "postgres":
            backend.create_table(name, rows, temp=True)
        else:
            return ibis.memtable(rows)
        return backend.table(name)

    def require_utc(self, table: Any, name: str) -> None:
        """Refuse an engine whose session would read times with a zone in another zone than UTC.

        Raises:
            TableError: its session's time zone is not UTC.
        """
        backend = table.get_backend()
        if backend is self.con:
            return
        if backend.name == "pyspark":
            zone = backend._session.conf.get("spark.sql.session.timeZone")
        elif backend.name in ("postgres", "duckdb"):
            zone = backend.raw_sql("SELECT current_setting('TimeZone')").fetchone()[0]
        else:
            return
        if zone.upper() not in ("UTC", "ETC/UTC", "GMT", "Z", "ETC/GMT"):
            raise TableError(
                f"{name}: the session's time zone is {zone}; set it to UTC before computing metrics"
            )

    def close(self) -> None:
        """Drop the views and the DuckDB."""
        for backend, name in reversed(self.views):
            if backend is not self.con:
                backend.raw_sql(f"DROP VIEW IF EXISTS {name}")
        self.con.disconnect()


def run(query: Any, name: str) -> Any:
    """The answer to a query, as a pyarrow table.

    Raises:
        TableError: the engine cannot read the table.
    """
    try:
        return query.to_pyarrow()
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes an engine raise
        raise TableError(f"{name}: cannot be read ({first_line(error)})") from None


def first_line(error: Exception) -> str:
    """What an engine's error says, in one line."""
    if "not utf-8 encoded" in str(error):
        return "it is not UTF-8 text; save it as UTF-8"
    return str(error).strip().partition("\n")[0][:300]
