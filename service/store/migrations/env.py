"""How alembic runs the migrations: on the connection that :mod:`service.store.database` hands it."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, BigInteger

from service.store.columns import Instant
from service.store.tables import Base

SEARCH = ("transcripts_search", "ix_transcripts_search")
"""The search index is made by a migration by hand, for it differs between the databases."""


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Our own column types by their names, in migrations that alembic writes."""
    if kind == "type":
        for type_, name in ((Instant, "Instant()"), (JSON, "JSON_VALUE"), (BigInteger, "BIG")):
            if isinstance(item, type_):
                return name
    return False


def ours(_item: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Whether alembic compares this with the tables: all but the search index."""
    return not (kind in {"table", "index"} and (name or "").startswith(SEARCH))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=render,
    include_object=ours,
)
with context.begin_transaction():
    context.run_migrations()
