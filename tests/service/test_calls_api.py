"""The list of calls and a call, as each role sees them."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("admin", {"call-n1", "call-n2", "call-s1", "call-s2", "call-none"}),
        ("coach", {"call-n1", "call-n2"}),
        ("agent", {"call-n1"}),
    ],
)
def test_everybody_lists_the_calls_in_their_sight(client, role, seen):
    page = client(role).get("/api/v1/calls").json()
    assert {item["call_id"] for item in page["items"]} == seen


def test_a_call_out_of_sight_does_not_exist(client):
    answer = client("agent").get("/api/v1/calls/call-s1")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_pages_give_every_call_once(client):
    browser, seen, cursor = client("admin"), [], None
    while True:
        page = browser.get(
            "/api/v1/calls", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [item["call_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5


def test_strangers_are_told_to_log_in(client):
    answer = client(None).get("/api/v1/calls")
    assert answer.status_code == 401
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]
