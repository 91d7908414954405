"""The review queue: its order, pages, verdicts that survive a new scoring, and who may give them."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest
from conftest import flagged_call
from sqlalchemy import select

from sentiment.call import Evidence, Moment
from sentiment.review import candidates, review_queue
from service.api.paging import pack
from service.people.access import Sight
from service.store import reviewing
from service.store.calls import moment_key, put_call
from service.store.queries import MomentFilter
from service.store.tables import Moment as Row
from service.store.tables import Verdict

ALL = Sight(None)


def _walk(browser, **params):
    seen, cursor = [], None
    while True:
        page = browser.get(
            "/api/v1/moments", params={**params, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            return seen


def test_the_queue_is_in_the_order_of_the_library(client):
    made = [flagged_call(f"call-{n}", agent_id=n) for n in ("n1", "n2", "s1", "s2")]
    made.append(flagged_call("call-none", agent_id=None))
    # Equals stand in the order of their calls, which here is that in which they were stored.
    stored = [dataclasses.replace(c, call_id=str(i)) for i, call in enumerate(made) for c in candidates(call)]
    expected = review_queue(stored)
    served = _walk(client("admin"), limit=3)
    assert [m["rule"] for m in served] == [r.candidate.moment.rule for r in expected]
    assert len({m["key"] for m in served}) == len(served)


def test_beyond_the_window_the_queue_goes_on_by_weight_and_gives_each_once(client, centre):
    with centre.database.begin() as session:
        call = flagged_call("many")
        moments = tuple(
            Moment(
                rule=f"r{i % 7}", start_ms=i, end_ms=i + 1, severity=((i * 37) % 100) / 100,
                evidence=Evidence(utterances=(i % 5,)), explanation="x",
            )
            for i in range(reviewing.WINDOW + 60)
        )  # fmt: skip
        put_call(session, dataclasses.replace(call, moments=moments))
        total = len(session.scalars(select(Row.id)).all())
    served = _walk(client("admin"), limit=100)
    assert len({m["key"] for m in served}) == len(served) == total
    tail = [m["severity"] * m["confidence"] for m in served[reviewing.WINDOW :]]
    assert tail == sorted(tail, reverse=True)


@pytest.mark.parametrize(("role", "calls"), [("coach", {"call-n1", "call-n2"}), ("agent", {"call-n1"})])
def test_everybody_sees_the_moments_of_the_calls_in_their_sight(client, role, calls):
    for order in ("learning", "latest"):
        assert {m["call_id"] for m in _walk(client(role), order=order)} == calls


def test_a_verdict_closes_a_moment_and_is_taken_back(client):
    browser = client("coach")
    first, *rest = browser.get("/api/v1/moments").json()["items"]
    said = browser.post("/api/v1/moments/verdicts", json={"keys": [first["key"]], "verdict": "agreed"})
    assert said.json() == {"changed": 1}
    assert [m["key"] for m in _walk(browser, status="agreed")] == [first["key"]]
    browser.post("/api/v1/moments/verdicts", json={"keys": [first["key"]], "verdict": "open"})
    assert len(_walk(browser)) == 1 + len(rest)


def test_disagreeing_needs_a_reason(client):
    browser = client("coach")
    key = browser.get("/api/v1/moments").json()["items"][0]["key"]
    answer = browser.post(
        "/api/v1/moments/verdicts", json={"keys": [key], "verdict": "disagreed", "reason": " "}
    )
    assert answer.status_code == 422
    assert "why" in answer.json()["error"]["message"]


def test_one_moment_out_of_sight_and_nothing_is_changed(client):
    mine = client("coach").get("/api/v1/moments").json()["items"][0]["key"]
    theirs = next(m["key"] for m in _walk(client("admin")) if m["call_id"] == "call-s1")
    body = {"keys": [mine, theirs], "verdict": "agreed"}
    assert client("coach").post("/api/v1/moments/verdicts", json=body).status_code == 404
    assert _walk(client("admin"), status="agreed") == []


def test_an_agent_may_not_judge(client):
    key = client("agent").get("/api/v1/moments").json()["items"][0]["key"]
    answer = client("agent").post("/api/v1/moments/verdicts", json={"keys": [key], "verdict": "agreed"})
    assert answer.status_code == 403


def test_a_review_survives_a_new_scoring_and_its_verdict_the_rule(client, centre):
    browser = client("admin")
    item = next(m for m in _walk(browser) if m["call_id"] == "call-n1")
    browser.post("/api/v1/moments/verdicts", json={"keys": [item["key"]], "verdict": "agreed"})
    browser.post("/api/v1/moments/assign", json={"keys": [item["key"]], "user_id": centre.users["coach"]})
    again = flagged_call("call-n1")
    with centre.database.begin() as session:
        put_call(session, again)
    kept = browser.get(f"/api/v1/moments/{item['key']}").json()
    assert (kept["status"], kept["assigned_to"]) == ("agreed", centre.users["coach"])
    others = tuple(m for m in again.moments if moment_key("call-n1", m) != item["key"])
    with centre.database.begin() as session:
        put_call(session, dataclasses.replace(again, moments=others))
    assert browser.get(f"/api/v1/moments/{item['key']}").status_code == 404
    with centre.database.read() as session:
        assert session.scalars(select(Verdict.verdict)).all() == ["agreed"]


def test_a_moment_filter_narrows(database, centre):
    with database.read() as session:
        page = reviewing.Queues().page(session, MomentFilter(agent="n2"), ALL, limit=50)
    assert page.moments
    assert {m.agent_id for m, _ in page.moments} == {"n2"}
    assert page.place == -1


def test_a_moment_that_was_judged_elsewhere_is_not_given_again(database, centre):
    """Though the order of the queue is remembered for a while."""
    queues = reviewing.Queues()
    with database.read() as session:
        first = queues.page(session, MomentFilter(), ALL, limit=5).moments
    with database.begin() as session:
        reviewing.judge(session, [first[0][0]], "done", reason=None, by=centre.users["admin"])
    with database.read() as session:
        again = queues.page(session, MomentFilter(), ALL, limit=5).moments
    assert [m.id for m, _ in again] == [m.id for m, _ in first[1:]]


@pytest.mark.parametrize("values", [(None, None, None), (-1, None, None), (2**40, 0.5, 1)])
def test_a_cursor_nobody_gave_is_refused(client, values):
    assert client("coach").get("/api/v1/moments", params={"cursor": pack(*values)}).status_code == 422


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("path", ["/api/v1/moments", "/api/v1/calls"])
def test_times_that_are_none_in_utc_are_refused(client, path, moment):
    browser = client("coach")
    cursor = base64.urlsafe_b64encode(json.dumps([moment, 1]).encode()).decode().rstrip("=")
    assert browser.get(path, params={"order": "latest", "cursor": cursor}).status_code == 422
    assert browser.get(path, params={"since": moment}).status_code == 422


@pytest.mark.parametrize("path", ["audit", "keys", "users", "agents", "teams", "scorecards", "evaluations"])
def test_a_cursor_without_a_row_is_refused(client, path):
    assert client("admin").get(f"/api/v1/{path}", params={"cursor": pack(None)}).status_code == 422
