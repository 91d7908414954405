"""What a coaching session holds: turns of calls, also of others' as examples, and what both write."""

from __future__ import annotations

import pytest
from coaching_people import clients, more_people

from service.store.tables import Call

API = "/api/v1/coaching"


@pytest.fixture
def people(client, centre):
    """Clients by name."""
    return clients(client, more_people(centre))


def _new(browser, agent="n1"):
    answer = browser.post(API, json={"agent_id": agent, "title": "Silences"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def _do(people, session_id, *actions):
    for action in actions:
        who = people("agent" if action == "acknowledge" else "coach")
        assert who.post(f"{API}/{session_id}/{action}").status_code == 200


def test_an_agent_sees_the_turns_of_a_good_example_but_not_the_call(people):
    browser = people("qa_manager")
    session_id = _new(browser)
    own = {"call_id": "call-n1", "first_index": 1, "last_index": 2}
    example = {"call_id": "call-s1", "first_index": 4, "last_index": 5}
    assert people("coach").post(f"{API}/{session_id}/turns", json=example).status_code == 403
    for body in (own, example):
        assert browser.post(f"{API}/{session_id}/turns", json=body).status_code == 201
    browser.post(f"{API}/{session_id}/share")
    turns = people("agent").get(f"{API}/{session_id}").json()["turns"]
    assert [t["call_id"] for t in turns] == ["call-n1", None]
    assert [t["example"] for t in turns] == [False, True]
    assert [u["index"] for u in turns[1]["utterances"]] == [4, 5]
    assert turns[1]["utterances"][0]["text"] == "I am sorry, I will send the refund right now."
    assert people("agent").get("/api/v1/calls/call-s1").status_code == 404
    assert "call-s1" not in people("coach").get(f"{API}/{session_id}").text
    assert "call-s1" in browser.get(f"{API}/{session_id}").text


def test_a_coach_takes_turns_of_calls_they_see_only(people):
    session_id = _new(people("coach"))
    url = f"{API}/{session_id}/turns"
    for body, code in (
        ({"call_id": "call-s1", "first_index": 0, "last_index": 0}, 404),
        ({"call_id": "no-call", "first_index": 0, "last_index": 0}, 404),
        ({"call_id": "call-n2", "first_index": 0, "last_index": 9}, 422),
        ({"call_id": "call-n2", "first_index": 3, "last_index": 2}, 422),
        ({"call_id": "call-n2", "first_index": -1, "last_index": 2}, 422),
        ({"call_id": "call-n2", "first_index": 0, "last_index": 8}, 201),
    ):
        assert people("coach").post(url, json=body).status_code == code, body


def test_turns_are_moved_and_taken_out_and_what_was_written_on_them_stays(people):
    browser, session_id = people("coach"), _new(people("coach"))
    url = f"{API}/{session_id}/turns"
    ids = [
        browser.post(url, json={"call_id": "call-n1", "first_index": i, "last_index": i}).json()["id"]
        for i in range(4)
    ]

    def order():
        return [t["id"] for t in browser.get(f"{API}/{session_id}").json()["turns"]]

    assert order() == ids
    assert browser.patch(f"{url}/{ids[3]}", json={"position": 1}).json()["position"] == 1
    assert order() == [ids[0], ids[3], ids[1], ids[2]]
    changed = browser.patch(f"{url}/{ids[0]}", json={"last_index": 2}).json()
    assert [u["index"] for u in changed["utterances"]] == [0, 1, 2]
    assert browser.patch(f"{url}/{ids[2]}", json={"last_index": 0}).status_code == 422
    comments = f"{API}/{session_id}/comments"
    assert browser.post(comments, json={"text": "Here.", "turn_id": ids[1]}).json()["turn_id"] == ids[1]
    assert browser.delete(f"{url}/{ids[1]}").status_code == 204
    assert order() == [ids[0], ids[3], ids[2]]
    (kept,) = browser.get(comments).json()["items"]
    assert (kept["text"], kept["turn_id"]) == ("Here.", None)


def test_a_turn_of_another_session_is_none_of_this_one(people):
    browser = people("coach")
    one, two = _new(browser), _new(browser)
    turn = browser.post(
        f"{API}/{one}/turns", json={"call_id": "call-n1", "first_index": 0, "last_index": 0}
    ).json()["id"]
    assert browser.delete(f"{API}/{two}/turns/{turn}").status_code == 404
    assert browser.patch(f"{API}/{two}/turns/{turn}", json={"position": 0}).status_code == 404
    comment = {"text": "x", "turn_id": turn}
    assert browser.post(f"{API}/{two}/comments", json=comment).status_code == 404
    goal = browser.post(f"{API}/{one}/goals", json={"text": "x"}).json()["id"]
    for ask in (browser.get, browser.delete):
        assert ask(f"{API}/{two}/goals/{goal}").status_code == 404


def test_a_corrected_turn_is_shown_as_corrected(people):
    browser, session_id = people("coach"), _new(people("coach"))
    corrections = "/api/v1/calls/call-n1/utterances/1/corrections"
    for text in ("I want a fund.", "I want a refund."):
        assert browser.post(corrections, json={"text": text}).status_code == 201
    turn = browser.post(
        f"{API}/{session_id}/turns", json={"call_id": "call-n1", "first_index": 0, "last_index": 1}
    ).json()
    assert turn["utterances"][1]["text"] == "I want a refund."
    assert [u["corrected"] for u in turn["utterances"]] == [[], ["text"]]


def test_both_write_until_it_is_resolved_and_delete_only_their_own(people):
    session_id = _new(people("coach"))
    url = f"{API}/{session_id}/comments"
    assert people("agent").post(url, json={"text": "Hello?"}).status_code == 404
    _do(people, session_id, "share")
    ids = {
        name: people(name).post(url, json={"text": f"From {name}."}).json()["id"]
        for name in ("agent", "coach")
    }
    assert people("other_agent").post(url, json={"text": "x"}).status_code == 404
    assert people("analyst").post(url, json={"text": "x"}).status_code == 403
    assert people("agent").post(url, json={"text": " "}).status_code == 422
    assert people("agent").delete(f"{url}/{ids['coach']}").status_code == 404
    assert people("admin").delete(f"{url}/{ids['agent']}").status_code == 404
    page = people("agent").get(url, params={"limit": 1}).json()
    rest = people("agent").get(url, params={"limit": 1, "cursor": page["next"]}).json()
    assert [c["text"] for c in (*page["items"], *rest["items"])] == ["From agent.", "From coach."]
    assert rest["next"] is None
    assert people("agent").delete(f"{url}/{ids['agent']}").status_code == 204
    _do(people, session_id, "acknowledge", "resolve")
    assert people("coach").post(url, json={"text": "x"}).status_code == 409
    assert people("coach").delete(f"{url}/{ids['coach']}").status_code == 409


def test_a_deleted_call_takes_its_turns_along_and_nothing_else(people, centre):
    browser, session_id = people("coach"), _new(people("coach"))
    for call_id in ("call-n1", "call-n2"):
        body = {"call_id": call_id, "first_index": 0, "last_index": 1}
        turn = browser.post(f"{API}/{session_id}/turns", json=body).json()["id"]
        browser.post(f"{API}/{session_id}/comments", json={"text": call_id, "turn_id": turn})
    with centre.database.begin() as session:
        session.delete(session.query(Call).filter_by(call_id="call-n1").one())
    whole = browser.get(f"{API}/{session_id}").json()
    assert [t["call_id"] for t in whole["turns"]] == ["call-n2"]
    comments = browser.get(f"{API}/{session_id}/comments").json()["items"]
    assert [c["text"] for c in comments] == ["call-n2"]
