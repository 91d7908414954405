"""Naming, typing and checking the columns of a table, as Ibis expressions."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import ibis

from sentiment.errors import TableError
from sentiment.metrics.maps import UNITS, ColumnMap, Mapped
from sentiment.metrics.sources import FILE, ROW, Raw
from sentiment.metrics.zones import to_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sentiment.metrics.schema import Column, Schema

    Trim = Callable[[Any], Any]

__all__ = ["GIVEN", "NEWEST", "UNTIDY", "bad", "problem", "typed"]

GIVEN = "__given_"
"""Prefix of a source's columns as they were read."""

NEWEST = "__newest"
"""The column that says which copy of a row is the newest."""

MOST = 2.0**53
"""Up to here every whole number is a float64 of its own."""

UNTIDY = "__untidy"
"""The column that says whether a row has text that is empty or has white space at an end."""

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


@ibis.udf.scalar.builtin(name="ascii")  # type: ignore[untyped-decorator]
def _first_code(text: str) -> int:  # type: ignore[empty-body]
    """Code point of a text's first character, 0 for an empty one: DuckDB's function, quicker than a trim."""


def typed(raw: Raw, schema: Schema, mapping: ColumnMap, *, tidy: Collection[str] = ()) -> Any:
    """The source with our columns beside its own (those prefixed with :data:`GIVEN`).

    Args:
        raw: the source.
        schema: what it should become.
        mapping: what its columns are called.
        tidy: columns whose text is taken as it is: where every row has another one, trimming costs more than
            reading. Rows for which that is wrong say so in :data:`UNTIDY`. For tables in DuckDB.

    Raises:
        TableError: a required or mapped column is not there, or no column is ours.
    """
    table = raw.table
    names = {c: GIVEN + c for c in table.columns if c not in (FILE, ROW)}
    table = table.rename({new: old for old, new in names.items()})
    ours: dict[str, Any] = {}
    untrimmed: list[Any] = []

    def as_it_is(text: Any) -> Any:
        untrimmed.append((_first_code(text) <= ord(" ")) | (text.right(1) <= " "))
        return text

    theirs = {name.removeprefix(GIVEN).lower(): name for name in table.columns if name.startswith(GIVEN)}
    for column in schema.columns:
        trim = as_it_is if column.name in tidy else _trimmed
        if column.name in mapping.constants:
            ours[column.name] = ibis.literal(mapping.constants[column.name]).cast(column.type)
        elif column.name in mapping.columns:
            ours[column.name] = _from_map(table, raw, column, mapping, trim)
        elif column.name in theirs:
            ours[column.name] = _as_type(table[theirs[column.name]], column, mapping.timezone, trim)
        if column.any_case and column.name in ours:
            ours[column.name] = ours[column.name].lower()
    if not ours:
        given = ", ".join(names)[:200]
        raise TableError(f"{raw.name}: has no column of {schema.name}, but {given}; give a column map")
    for column in schema.columns:
        if column.required and column.name not in ours:
            raise TableError(
                f"{raw.name}: {schema.name} need a column {column.name} ({column.says}); "
                "name it so or give a column map"
            )
    for column in schema.columns:
        if column.assumed is not None:
            literal = ibis.literal(column.assumed).cast(column.type)
            ours[column.name] = ours[column.name].fill_null(literal) if column.name in ours else literal
    if mapping.newest is not None:
        ours[NEWEST] = _field(table, raw, mapping.newest)
    if tidy:
        ours[UNTIDY] = ibis.or_(*untrimmed)
    return table.mutate(**ours)


def _trimmed(text: Any) -> Any:
    return text.strip().nullif("")


def _field(table: Any, raw: Raw, path: str) -> Any:
    """A column, or a field of a nested one by its dotted path."""
    if GIVEN + path in table.columns:
        return table[GIVEN + path]
    first, *rest = path.split(".")
    try:
        value = table[GIVEN + first]
        for name in rest:
            value = value[name]
    except (ibis.common.exceptions.IbisError, AttributeError, KeyError, TypeError):
        given = ", ".join(c.removeprefix(GIVEN) for c in table.columns if c.startswith(GIVEN))[:200]
        raise TableError(f"{raw.name}: has no column {path}, which the map names, but {given}") from None
    return value


def _from_map(table: Any, raw: Raw, column: Column, mapping: ColumnMap, trim: Trim) -> Any:
    mapped: Mapped = mapping.columns[column.name]
    value = _field(table, raw, mapped.column)
    if mapped.filled:
        there = _filled(value)
        return there if mapped.unless is None else there & ~_filled(_field(table, raw, mapped.unless))
    if mapped.values:
        cases = [
            (value.cast("string") == str(theirs), ibis.literal(ours))
            for theirs, ours in mapped.values.items()
        ]
        value = ibis.cases(*cases)
    if mapped.unit != "ms":
        number = _as_type(value, _AS_NUMBER, mapping.timezone, trim)
        return _whole(number * UNITS[mapped.unit])
    return _as_type(value, column, mapping.timezone, trim)


def _filled(value: Any) -> Any:
    return value.notnull() & (value.cast("string") != "") if value.type().is_string() else value.notnull()


class _Number:
    """What a column of plain numbers looks like to :func:`_as_type`."""

    name, type = "number", "float64"


_AS_NUMBER: Any = _Number()


def _as_type(value: Any, column: Column, timezone: str, trim: Trim) -> Any:
    """A column as our type; null where its text is none of it."""
    found, wanted = value.type(), column.type
    if found.is_string():
        return _from_text(trim(value), wanted, timezone)
    if wanted == "timestamp":
        if found.is_timestamp() and found.timezone is None:
            return value if timezone == "UTC" else to_utc(value, timezone)
        if found.is_timestamp():
            return value.cast("timestamp")
        if found.is_date():
            return to_utc(value.cast("timestamp"), timezone)
    elif wanted == "string" or (
        wanted in ("int64", "float64") and (found.is_numeric() or found.is_boolean())
    ):
        return _whole(value) if wanted == "int64" and found.is_floating() else value.cast(wanted)
    elif wanted == "boolean" and (found.is_boolean() or found.is_integer()):
        return value.cast("boolean")
    raise TableError(f"{column.name}: is {found}, not {wanted}; convert it or map another column")


def _from_text(text: Any, wanted: str, timezone: str) -> Any:
    if wanted == "string":
        return text
    if wanted == "boolean":
        lower = text.lower()
        return ibis.cases((lower.isin(TRUE), True), (lower.isin(FALSE), False))
    if wanted == "timestamp":
        if timezone == "UTC":
            return text.try_cast("timestamp('UTC')").cast("timestamp")
        has_offset = text.re_search(r"([Zz]|[+-]\d\d(:?\d\d)?)$") & text.re_search(r"\d:\d")
        return ibis.ifelse(
            has_offset,
            text.try_cast("timestamp('UTC')").cast("timestamp"),
            to_utc(text.try_cast("timestamp"), timezone),
        )
    number = text.try_cast("float64")
    return number if wanted == "float64" else _whole(number)


def _whole(number: Any) -> Any:
    """Rounded to an integer; null where it is none or too large to be one (engines count nan as largest)."""
    return ibis.ifelse(number.between(-MOST, MOST), number, ibis.null(number.type())).round().cast("int64")


def problem(table: Any, schema: Schema) -> Any:
    """The first thing that is wrong with a row, in words; null for a good row."""
    found = _rules(table, schema)
    if not found:
        return ibis.null("string")
    return ibis.cases(*[(bad.fill_null(False), says) for bad, says in found], else_=ibis.null("string"))


def bad(table: Any, schema: Schema) -> Any:
    """Whether anything is wrong with a row: what :func:`problem` says, as one quick condition."""
    found = _rules(table, schema)
    return ibis.or_(*[bad for bad, _ in found]).fill_null(False) if found else ibis.literal(False)


def _rules(table: Any, schema: Schema) -> list[tuple[Any, str]]:
    """What holds of a row with a fault, and the fault in words, in the order in which they are told."""
    found: list[tuple[Any, str]] = []
    for column in schema.columns:
        if column.name in table.columns:
            found += _column_problems(table, column)
    for check in schema.checks:
        try:
            found.append((check.bad.resolve(table), check.says))
        except AttributeError:
            continue
    return found


def _column_problems(table: Any, column: Column) -> list[tuple[Any, str]]:
    value, given = table[column.name], GIVEN + column.name
    given = next((c for c in table.columns if c.lower() == given), given)
    found: list[tuple[Any, str]] = []
    there = None
    if given in table.columns and table[given].type().is_string() and column.type != "string":
        there = table[given].strip() != ""
    elif given in table.columns and table[given].type().is_floating() and column.type == "int64":
        there = table[given].notnull()
    if there is not None:
        kind = {"int64": "a number", "float64": "a number", "boolean": "yes or no", "timestamp": "a time"}
        found.append((there & value.isnull(), f"{column.name} is not {kind[column.type]}"))
    if column.required:
        found.append((value.isnull(), f"{column.name} is empty"))
    if column.type == "float64":
        found.append((value.isnan() | value.isinf(), f"{column.name} is not finite"))
    bounds = [(column.least, operator.lt, "below"), (column.most, operator.gt, "above")]
    found += [
        (outside(value, bound), f"{column.name} is {says} {bound:g}")
        for bound, outside, says in bounds
        if bound is not None
    ]
    return found
