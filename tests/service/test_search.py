"""Search finds the same calls on both databases, and says where it was said."""

from __future__ import annotations

import pytest
from factories import agent, call, customer

from sentiment.errors import InputError
from service.people.access import Sight
from service.store.calls import put_call
from service.store.queries import CallFilter, calls
from service.store.search import Terms, hits, read_terms

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
    query = calls(CallFilter(terms=read_terms(typed)), ALL, said.dialect)
    with said.read() as session:
        assert {row.call_id for row in session.scalars(query)} == found


def test_a_hit_is_the_utterance_and_the_place_in_it(said):
    terms = read_terms("sorry")
    with said.read() as session:
        row = session.scalars(calls(CallFilter(terms=terms), ALL, said.dialect)).one()
        (hit,) = hits(session, [row.id], terms)[row.id]
    assert (hit.index, hit.text) == (1, "I am sorry about the delay.")
    assert [hit.text[a:b] for a, b in hit.spans] == ["sorry"]


@pytest.mark.parametrize(
    "typed", ["' OR 1=1 --", '"; DROP TABLE calls', "a:b* ^c", "(", "\\", "%_", "\x00refund"]
)
def test_hostile_searches_find_nothing_and_break_nothing(said, typed):
    try:
        query = calls(CallFilter(terms=read_terms(typed)), ALL, said.dialect)
    except InputError:
        return
    with said.read() as session:
        session.scalars(query).all()
