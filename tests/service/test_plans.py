"""No list or search reads a whole table: the plans of both databases say so."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, text

from service.people.access import Sight
from service.store.listing import list_calls
from service.store.queries import CallFilter, MomentFilter
from service.store.reviewing import Queues
from service.store.search import hits, read_terms

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LARGE = "calls|utterances|moments|facets|transcripts|documents|shifts|estimates|surveys|contacts|verdicts"
CALLS = {
    "latest": CallFilter(),
    "agent": CallFilter(agent="n1"),
    "team": CallFilter(team=1),
    "queue": CallFilter(queue="billing"),
    "customer": CallFilter(customer="c"),
    "time": CallFilter(since=NOON, until=NOON),
    "rule": CallFilter(rules=("r",)),
    "rule, emotions and shift": CallFilter(rules=("r",), emotions=("anger", "grief"), shift="worse"),
    "rule of an agent in a time": CallFilter(rules=("r",), agent="n1", since=NOON),
    "level": CallFilter(ended_below=-0.5),
    "words": CallFilter(terms=read_terms('refund "my account" -thanks')),
    "words of an agent": CallFilter(terms=read_terms("refund"), agent="n1"),
}
MOMENTS = {
    "open": MomentFilter(),
    "rule": MomentFilter(rule="r"),
    "agent": MomentFilter(agent="n1"),
    "team": MomentFilter(team=1),
    "queue": MomentFilter(queue="billing"),
    "assigned": MomentFilter(assigned_to=1),
    "time": MomentFilter(since=NOON, until=NOON),
    "call": MomentFilter(status=None, call=1),
}
SIGHTS = {"all": Sight(None), "some": Sight(frozenset({"n1", "n2"}))}


@pytest.fixture
def plans(database):
    """Runs something and gives the plan of each statement that was sent."""
    sent = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        sent.append((statement, parameters))

    def run(work):
        sent.clear()
        event.listen(database.engine, "before_cursor_execute", note)
        with database.read() as session:
            work(session)
        event.remove(database.engine, "before_cursor_execute", note)
        asked = [each for each in sent if each[0].lstrip().upper().startswith("SELECT")]
        explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
        told = []
        with database.engine.connect() as connection:
            if (
                database.dialect == "postgresql"
            ):  # tables are small here: what is left then has no index to use
                for way in ("seqscan", "bitmapscan", "sort"):
                    connection.execute(text(f"SET enable_{way} = off"))
            for statement, parameters in asked:
                rows = connection.exec_driver_sql(explain + statement, parameters).all()
                told.append("\n".join(str(row[-1]) for row in rows))
        return told

    return run


def _check(told):
    assert told
    for plan in told:
        for line in plan.splitlines():
            whole = re.search(rf"Seq Scan on ({LARGE})\b", line) or re.match(
                rf"SCAN ({LARGE})(?! USING)\b", line
            )
            assert not whole, plan


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("name", CALLS)
def test_lists_of_calls(plans, database, name, sight):
    _check(plans(lambda session: list_calls(session, CALLS[name], SIGHTS[sight], limit=50)))


@pytest.mark.parametrize("order", ["worst_end", "lowest_csat"])
def test_lists_by_a_figure_are_not_sorted(plans, database, order):
    told = plans(lambda session: list_calls(session, CallFilter(), SIGHTS["all"], order=order, limit=50))
    _check(told)
    assert "Sort" not in told[0]
    assert "TEMP B-TREE" not in told[0]


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("name", MOMENTS)
def test_the_review_queue(plans, centre, name, sight):
    def work(session):
        Queues().page(session, MOMENTS[name], SIGHTS[sight], limit=50)

    _check(plans(work))


def test_where_it_was_said(plans, centre):
    terms = read_terms("refund OR cancel")
    _check(plans(lambda session: hits(session, [1, 2, 3], terms)))


def test_latest_is_read_off_its_index(plans, database):
    (plan,) = plans(lambda session: list_calls(session, CallFilter(), SIGHTS["all"], limit=50))
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
