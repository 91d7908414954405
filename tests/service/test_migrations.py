"""Migrations go up and down with data in the tables, and end where the tables are described."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from factories import call, customer
from sqlalchemy import inspect, text

from service.people.access import Sight
from service.store.calls import put_call, read_document
from service.store.database import downgrade, revision, upgrade
from service.store.listing import list_calls
from service.store.queries import CallFilter
from service.store.search import read_terms
from service.store.tables import Base

SEARCH = "transcripts_search", "ix_transcripts_search"


def _found(database, typed):
    with database.read() as session:
        listed = list_calls(session, CallFilter(terms=read_terms(typed)), Sight(None), limit=10)
    return [row.call_id for row in listed.rows]


def test_down_and_up_again_loses_nothing_and_finds_everything(database):
    said = call(customer("My zebra wants a refund.", -0.4), id="c-1")
    with database.begin() as session:
        row = put_call(session, said).id
    downgrade(database, "0001")
    with database.read() as session:
        assert read_document(session, row) == said
    with database.engine.begin() as connection:  # what an older version writes, without an index over it
        connection.execute(text("UPDATE transcripts SET text = text || ' giraffe'"))
    upgrade(database)
    assert _found(database, "zebra refunds") == _found(database, "giraffe") == ["c-1"]
    have, want = revision(database)
    assert have == want


def test_down_to_nothing_leaves_nothing(database):
    downgrade(database, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    upgrade(database)
    assert _found(database, "anything") == []


def test_the_migrations_make_the_tables_that_are_described(database):
    def ours(item, name, kind, _reflected, _compared):
        return not (kind in {"table", "index"} and (name or "").startswith(SEARCH))

    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": False, "target_metadata": Base.metadata}
        )
        found = [d for d in compare_metadata(context, Base.metadata) if "search" not in str(d)]
    assert found == []


def test_two_that_start_at_once_both_find_the_tables_up_to_date(database):
    from concurrent.futures import ThreadPoolExecutor

    if database.dialect == "sqlite":
        pytest.skip("one process serves SQLite")
    downgrade(database, "base")
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(upgrade, database) for _ in range(3)]:
            done.result()
    have, want = revision(database)
    assert have == want
