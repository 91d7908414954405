"""Column maps: what another system's columns are called here, as a small TOML file.

    table = "contacts"
    timezone = "Europe/Berlin"        # of times without an offset; UTC if left out
    newest = "LastUpdateTimestamp"    # of rows with one key the newest counts, without it the first

    [columns]
    contact_id = "ContactId"                                   # the same under another name
    talk_ms = { column = "TalkSeconds", unit = "s" }           # s, min or h; ms if left out
    answered = { column = "AgentName", filled = true }         # true where it is not empty
    abandoned = { column = "QueuedAt", filled = true, unless = "AgentName" }
    direction = { column = "Type", values = { IN = "inbound", OUT = "outbound" } }
    queue = "Queue.Name"                                       # a field in a nested record (JSON)

    [constants]
    channel = "voice"

Maps that come with the package are asked for by name: ``amazon-connect``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sentiment.errors import TableError
from sentiment.metrics.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["UNITS", "ColumnMap", "Mapped", "load_map", "ready_maps"]

UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
"""Units a duration may come in, in milliseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapped:
    """Where a column comes from: see the module's docstring for what each field means."""

    column: str
    unit: str = "ms"
    filled: bool = False
    unless: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnMap:
    """How a foreign table becomes one of ours."""

    table: str
    columns: Mapping[str, Mapped] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = "UTC"
    newest: str | None = None


def ready_maps() -> tuple[str, ...]:
    """Names of the maps that come with the package."""
    folder = files("sentiment.metrics").joinpath("maps")
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


def load_map(source: str | Path) -> ColumnMap:
    """Read a column map from a file, or a ready one by its name.

    Raises:
        TableError: there is none, it is not TOML, or it names a table, column, unit or zone there is not.
    """
    name = str(source)
    if name in ready_maps():
        text = files("sentiment.metrics").joinpath("maps", f"{name}.toml").read_text("utf-8")
    else:
        try:
            text = Path(source).read_text("utf-8")
        except OSError as error:
            known = ", ".join(ready_maps())
            raise TableError(f"{name}: cannot be read ({error.strerror}); ready maps are {known}") from None
        except UnicodeDecodeError:
            raise TableError(f"{name}: is not UTF-8 text; save the map as UTF-8") from None
    try:
        body = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{name}: is not TOML ({error})") from None
    return _map(name, body)


def _map(name: str, body: dict[str, Any]) -> ColumnMap:
    known = {"table", "timezone", "newest", "columns", "constants"}
    if unknown := set(body) - known:
        raise TableError(f"{name}: unknown entry {min(unknown)!r}; a map has {', '.join(sorted(known))}")
    table, zone = body.get("table"), body.get("timezone", "UTC")
    if table not in TABLES:
        raise TableError(f"{name}: table = {table!r}; choose from {', '.join(TABLES)}")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        raise TableError(f"{name}: timezone = {zone!r} is no IANA time zone, as Europe/Berlin is") from None
    columns, constants = body.get("columns", {}), body.get("constants", {})
    schema = TABLES[table]
    for column in (*columns, *constants):
        if schema.column(column) is None:
            names = ", ".join(c.name for c in schema.columns)
            raise TableError(f"{name}: {table} has no column {column!r}; it has {names}")
    return ColumnMap(
        table=table,
        columns={key: _mapped(name, key, value) for key, value in columns.items()},
        constants=constants,
        timezone=zone,
        newest=body.get("newest"),
    )


def _mapped(name: str, key: str, value: Any) -> Mapped:
    if isinstance(value, str):
        return Mapped(column=value)
    where = f"{name}: columns.{key}"
    if not isinstance(value, dict) or not isinstance(value.get("column"), str):
        raise TableError(f"{where}: write a column's name, or a table with column = its name")
    if unknown := set(value) - {"column", "unit", "filled", "unless", "values"}:
        raise TableError(f"{where}: unknown entry {min(unknown)!r}; use unit, filled, unless or values")
    if value.get("unit", "ms") not in UNITS:
        raise TableError(f"{where}: unit = {value['unit']!r}; choose from {', '.join(UNITS)}")
    return Mapped(**value)
