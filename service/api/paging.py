"""Lists a page at a time, by a cursor: where the last page ended, which new rows cannot shift."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, literal, tuple_

from service.api.errors import ApiError

__all__ = ["Cursor", "Limit", "Page", "after", "pack", "unpack"]

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="How many to give at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=1000, description="`next` of the page before; left out, the list begins."),
]


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(None, description="Cursor of the next page; null at the end.")


def pack(*values: Any) -> str:
    """A cursor that holds ``values``; opaque to whoever gets it."""
    plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def unpack(cursor: str, *kinds: type, gaps: bool = False) -> tuple[Any, ...]:
    """The values of a cursor, each of its kind; with ``gaps`` some may be ``None``.

    Raises:
        ApiError: 422, it is not one of ours.
    """
    wrong = ApiError(422, "query.cursor: not a cursor of this list; leave it out to begin anew")
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise wrong
        if not gaps and None in values:
            raise wrong
        return tuple(_as(kind, value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise wrong from None


def _as(kind: type, value: Any) -> Any:
    if value is None:
        return None
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise ValueError(value)
    return value


def after(
    value_column: Any, id_column: Any, value: Any, last_id: int, *, descending: bool
) -> ColumnElement[bool]:
    """The condition that a row comes after ``(value, last_id)`` in an order by both columns.

    Compared as a pair, which both databases find in an index of both.
    """
    row, last = tuple_(value_column, id_column), tuple_(literal(value, value_column.type), literal(last_id))
    return row < last if descending else row > last
