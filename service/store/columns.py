"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, DateTime, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["BIG", "JSON_VALUE", "Instant", "now"]

BIG = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key; SQLite only counts up what is declared INTEGER, which has 64 bits there too."""

JSON_VALUE = JSON().with_variant(JSONB, "postgresql")


class Instant(TypeDecorator[datetime]):
    """A moment in time, aware and in UTC; SQLite, which has no time zones, keeps UTC without saying so.

    Raises:
        ValueError: a time without a zone is stored: nobody could say which moment it is.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value}: a time without a time zone cannot be stored; give it one")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - of SQLAlchemy
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
