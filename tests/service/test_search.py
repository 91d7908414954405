"""Search finds the same calls on both databases, and says where it was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from factories import agent, call, customer
from sqlalchemy import insert, text

from sentiment.errors import InputError
from service.people.access import Sight
from service.store import listing
from service.store.calls import put_call
from service.store.listing import list_calls
from service.store.queries import CallFilter
from service.store.search import Terms, hits, read_terms
from service.store.tables import Call, Transcript

ALL = Sight(None)


def test_what_people_type_is_read():
    assert read_terms('refund "cancel my account" OR credit -thanks') == Terms(
        wanted=((("refund",),), (("cancel", "my", "account"), ("credit",))), unwanted=(("thanks",),)
    )


@pytest.mark.parametrize("typed", ["", "  ", "-thanks", '""', "OR", "!!!", "a " * 40])
def test_a_search_for_nothing_is_refused(typed):
    with pytest.raises(InputError):
        read_terms(typed)


@pytest.fixture
def said(database):
    texts = {
        "one": ("I was NOT happy with the refunds at all.", "I am sorry about the delay."),
        "two": ("Please cancel my account today.", "Thanks, I will."),
        "three": ("I want to cancel. My old account is fine.", "It's a café on 5th street."),
    }
    with database.begin() as session:
        for name, (first, second) in texts.items():
            put_call(session, call(customer(first, -0.5), agent(second), id=name))
    return database


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("refund", {"one"}),
        ("REFUNDED", {"one"}),
        ('"not happy"', {"one"}),
        ("cancel account", {"two", "three"}),
        ('"cancel my account"', {"two"}),
        ("cancel -thanks", {"three"}),
        ("refund OR today", {"one", "two"}),
        ("cafe", {"three"}),
        ('" AND " OR NEAR', set()),
        ("it's", {"three"}),
        ("zebra", set()),
    ],
)
def test_calls_are_found_by_what_was_said(said, typed, found):
    with said.read() as session:
        listed = list_calls(session, CallFilter(terms=read_terms(typed)), ALL, limit=10)
    assert {row.call_id for row in listed.rows} == found


def test_a_hit_is_the_utterance_and_the_place_in_it(said):
    terms = read_terms("sorry")
    with said.read() as session:
        (row,) = list_calls(session, CallFilter(terms=terms), ALL, limit=10).rows
        (hit,) = hits(session, [row.id], terms)[row.id]
    assert (hit.index, hit.text) == (1, "I am sorry about the delay.")
    assert [hit.text[a:b] for a, b in hit.spans] == ["sorry"]


@pytest.mark.parametrize(
    "typed", ["' OR 1=1 --", '"; DROP TABLE calls', "a:b* ^c", "(", "\\", "%_", "\x00refund"]
)
def test_hostile_searches_find_nothing_and_break_nothing(said, typed):
    try:
        terms = read_terms(typed)
    except InputError:
        return
    with said.read() as session:
        list_calls(session, CallFilter(terms=terms), ALL, limit=10)


def test_common_words_are_found_by_going_through_the_calls(database):
    """More calls than a window, all with the words, and some with a rare one: pages give each once."""
    if database.dialect == "sqlite":
        pytest.skip("SQLite always asks its index")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    n = listing.WINDOW + 500
    rows = [
        {"call_id": f"c{i}", "happened_at": moment + timedelta(seconds=i), "received_at": moment,
         "n_utterances": 1, "n_shifts": 0, "n_moments": 0, "figures": {}, "scored_with": ""}
        for i in range(n)
    ]  # fmt: skip
    with database.begin() as session:
        ids = session.scalars(insert(Call).returning(Call.id), rows).all()
        texts = [f"my refund please{' zebra' if i % 1000 == 0 else ''}" for i in range(n)]
        session.execute(
            insert(Transcript), [{"call_id": c, "text": t} for c, t in zip(ids, texts, strict=True)]
        )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE transcripts"))
    for typed, expected in (
        ("refund -zebra", n - len(range(0, n, 1000))),
        ("zebra", len(range(0, n, 1000))),
        ('"please refund"', 0),
        ('"refund please"', n),
    ):
        seen, last, pages = [], None, 0
        while pages == 0 or last is not None:
            with database.read() as session:
                page = list_calls(session, CallFilter(terms=read_terms(typed)), ALL, last=last, limit=4000)
            seen += [row.id for row in page.rows]
            last, pages = page.end, pages + 1
        assert len(seen) == len(set(seen)) == expected, typed
