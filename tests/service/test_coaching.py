"""Coaching sessions: where they stand, who sees what of them, and who may change it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from coaching_people import clients, more_people

from service.coaching.states import ACTIONS, STATES, NotPossibleError, after, possible
from service.store.audit import verify
from service.store.tables import Agent, AuditEntry, CoachingSession, Team, User

API = "/api/v1/coaching"

LEGAL = {
    ("draft", "share"): "shared",
    ("disputed", "share"): "shared",
    ("shared", "acknowledge"): "acknowledged",
    ("shared", "dispute"): "disputed",
    ("acknowledged", "resolve"): "resolved",
    ("disputed", "resolve"): "resolved",
}
"""Every step there is, written down once more, apart from the code's own table."""

BODIES = {"dispute": {"reason": "The customer asked me to wait."}}


@pytest.fixture
def people(client, centre):
    """Clients by name."""
    return clients(client, more_people(centre))


def _new(browser, agent="n1", **more):
    answer = browser.post(API, json={"agent_id": agent, "title": "Silences", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def _do(people, session_id, *actions):
    for action in actions:
        who = people("agent" if action in ("acknowledge", "dispute") else "coach")
        answer = who.post(f"{API}/{session_id}/{action}", json=BODIES.get(action))
        assert answer.status_code == 200, answer.text


def _in_state(centre, session_id, state):
    with centre.database.begin() as session:
        session.get_one(CoachingSession, session_id).state = state


@pytest.mark.parametrize(("state", "action"), list(product(STATES, ACTIONS)))
def test_the_steps_are_these_and_no_others(state, action):
    if (state, action) in LEGAL:
        assert after(state, action) == LEGAL[state, action]
        assert action in possible(state)
    else:
        with pytest.raises(NotPossibleError, match=state):
            after(state, action)
        assert action not in possible(state)


def test_every_pair_of_state_and_action_over_the_api(people, centre):
    session_id = _new(people("coach"))
    for state, action in product(STATES, ACTIONS):
        _in_state(centre, session_id, state)
        coached = action in ("acknowledge", "dispute")
        answer = people("agent" if coached else "coach").post(
            f"{API}/{session_id}/{action}", json=BODIES.get(action)
        )
        if coached and state == "draft":
            assert answer.status_code == 404, "a draft does not exist for its agent"
        elif (state, action) in LEGAL:
            assert answer.status_code == 200, answer.text
            assert answer.json()["state"] == LEGAL[state, action]
        else:
            assert answer.status_code == 409
            message = answer.json()["error"]["message"]
            assert state in message
            for name in possible(state) or ("nothing more",):
                assert name in message


def test_only_its_agent_answers_and_only_coach_or_qa_moves_on(people, centre):
    session_id = _new(people("coach"))
    _in_state(centre, session_id, "shared")
    expected = {
        "coach": 403, "admin": 403, "qa_manager": 403, "analyst": 403, "other_agent": 404, "south_coach": 403,
    }  # fmt: skip
    for name, code in expected.items():
        for action in ("acknowledge", "dispute"):
            answer = people(name).post(f"{API}/{session_id}/{action}", json=BODIES.get(action))
            assert answer.status_code == code, (name, action)
    _in_state(centre, session_id, "acknowledged")
    for name, code in {
        "agent": 403, "other_agent": 403, "analyst": 403, "south_coach": 404, "second_coach": 403,
    }.items():  # fmt: skip
        assert people(name).post(f"{API}/{session_id}/resolve").status_code == code, name
    assert people("qa_manager").post(f"{API}/{session_id}/resolve").json()["state"] == "resolved"


def test_a_dispute_needs_a_reason_which_stays_when_it_is_shared_again(people):
    session_id = _new(people("coach"))
    _do(people, session_id, "share")
    for body in ({}, {"reason": ""}, {"reason": "   "}):
        assert people("agent").post(f"{API}/{session_id}/dispute", json=body).status_code == 422
    _do(people, session_id, "dispute", "share", "dispute", "resolve")
    shown = people("agent").get(f"{API}/{session_id}").json()
    assert shown["dispute_reason"] == BODIES["dispute"]["reason"]
    assert shown["possible"] == []
    comments = people("coach").get(f"{API}/{session_id}/comments").json()["items"]
    assert [c["text"] for c in comments] == [BODIES["dispute"]["reason"]] * 2


def test_who_sees_a_session_at_each_stage(people, centre):
    session_id = _new(people("coach"))
    everybody = {
        "admin": 200, "qa_manager": 200, "coach": 200, "second_coach": 200, "south_coach": 404, "agent": 404,
        "other_agent": 404, "analyst": 403,
    }  # fmt: skip
    for state in STATES:
        _in_state(centre, session_id, state)
        everybody["agent"] = 404 if state == "draft" else 200
        for name, code in everybody.items():
            assert people(name).get(f"{API}/{session_id}").status_code == code, (state, name)
            listed = people(name).get(API)
            seen = [] if listed.status_code == 403 else [each["id"] for each in listed.json()["items"]]
            assert (session_id in seen) == (code == 200), (state, name)
            assert people(name).get(f"{API}/{session_id}/comments").status_code == code


def test_a_session_is_made_for_agents_in_sight_only_and_not_for_oneself(people, centre):
    assert people("coach").post(API, json={"agent_id": "s1", "title": "x"}).status_code == 404
    assert people("admin").post(API, json={"agent_id": "nobody", "title": "x"}).status_code == 404
    assert people("admin").post(API, json={"agent_id": "s1", "title": "  "}).status_code == 422
    with centre.database.begin() as session:
        session.get_one(User, centre.users["second_coach"]).agent_id = "s2"
        north = session.query(Team).filter_by(name="north").one()
        session.get_one(Agent, "s2").team_id = north.id
    answer = people("second_coach").post(API, json={"agent_id": "s2", "title": "x"})
    assert answer.status_code == 409
    made = _new(people("coach"), agent="s2")
    assert people("second_coach").get(f"{API}/{made}").status_code == 404, "a draft on themselves"


def test_what_an_agent_was_asked_to_acknowledge_stays_as_it_was(people, centre):
    browser, session_id = people("coach"), _new(people("coach"))
    turn = {"call_id": "call-n1", "first_index": 0, "last_index": 1}
    turn_id = browser.post(f"{API}/{session_id}/turns", json=turn).json()["id"]
    goal_id = browser.post(f"{API}/{session_id}/goals", json={"text": "Greet."}).json()["id"]
    url = f"{API}/{session_id}"
    for state in STATES:
        for method, path, body in (
            ("POST", f"{url}/turns", turn),
            ("PATCH", f"{url}/turns/{turn_id}", {"position": 0}),
            ("POST", f"{url}/goals", {"text": "More."}),
            ("PUT", f"{url}/goals/{goal_id}", {"text": "Other."}),
            ("PATCH", url, {"title": "Otherwise"}),
        ):
            _in_state(centre, session_id, state)
            answer = browser.request(method, path, json=body)
            editable = state in ("draft", "disputed")
            assert (answer.status_code < 300) == editable, (state, method, path, answer.text)
            assert editable or answer.status_code == 409
        if state not in ("draft", "disputed"):
            for path in (f"{url}/turns/{turn_id}", f"{url}/goals/{goal_id}"):
                assert browser.delete(path).status_code == 409
        if state != "draft":
            assert browser.delete(url).status_code == 409
    _in_state(centre, session_id, "draft")
    assert browser.delete(url).status_code == 204
    assert browser.get(url).status_code == 404


def test_a_key_that_may_only_read_writes_nothing(client, people):
    session_id = _new(people("admin"))
    reader = client("admin", scopes=("coaching.read",))
    assert reader.get(f"{API}/{session_id}").json()["possible"] == []
    assert reader.post(f"{API}/{session_id}/comments", json={"text": "x"}).status_code == 403
    assert reader.post(f"{API}/{session_id}/share").status_code == 403


def test_another_coach_of_the_team_reads_and_takes_over_only_if_given(people, centre):
    session_id = _new(people("coach"))
    second = people("second_coach")
    assert second.get(f"{API}/{session_id}").json()["possible"] == []
    assert second.patch(f"{API}/{session_id}", json={"title": "Mine"}).status_code == 403
    assert second.post(f"{API}/{session_id}/share").status_code == 403
    for name, code in (("south_coach", 422), ("agent", 422), ("analyst", 422), ("second_coach", 200)):
        answer = people("qa_manager").patch(f"{API}/{session_id}", json={"coach_id": centre.users[name]})
        assert answer.status_code == code, name
    assert second.post(f"{API}/{session_id}/share").status_code == 200
    assert people("coach").post(f"{API}/{session_id}/resolve").status_code == 403


def test_pages_give_every_session_once_and_filters_narrow(people):
    browser = people("admin")
    made = [_new(browser, agent=agent) for agent in ("n1", "n2", "s1", "n1", "s2")]
    seen, cursor = [], None
    while True:
        page = browser.get(API, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]
    assert len(browser.get(API, params={"agent": "n1"}).json()["items"]) == 2
    browser.post(f"{API}/{made[0]}/share")
    assert [each["id"] for each in browser.get(API, params={"state": "shared"}).json()["items"]] == [made[0]]
    assert browser.get(API, params={"agent": "s1"}).json()["items"]
    assert people("coach").get(API, params={"agent": "s1"}).json()["items"] == []


def test_every_change_is_in_the_audit_log_without_a_word_of_it(people, centre):
    session_id = _new(people("coach"), summary="secret summary")
    url = f"{API}/{session_id}"
    turn = {"call_id": "call-n1", "first_index": 0, "last_index": 1}
    people("coach").post(f"{url}/turns", json=turn)
    people("coach").post(f"{url}/comments", json={"text": "secret comment"})
    people("coach").post(f"{url}/goals", json={"text": "secret goal"})
    _do(people, session_id, "share", "dispute")
    with centre.database.read() as session:
        entries = session.query(AuditEntry).filter_by(target=f"coaching:{session_id}").order_by(AuditEntry.id)
        assert [e.action for e in entries] == [
            "coaching.made", "coaching.turn.added", "coaching.comment.added", "coaching.goal.added",
            "coaching.shared", "coaching.disputed",
        ]  # fmt: skip
        told = json.dumps([e.detail for e in entries])
        assert "secret" not in told
        assert "wait" not in told
        assert verify(session).broken is None


def test_of_two_answers_at_once_one_counts(client, people, centre):
    session_id = _new(people("coach"))
    browsers = [client("agent") for _ in range(4)]
    for _ in range(3):
        _in_state(centre, session_id, "shared")
        with ThreadPoolExecutor(4) as pool:
            codes = list(
                pool.map(
                    lambda browser, action: (
                        browser.post(f"{API}/{session_id}/{action}", json=BODIES.get(action)).status_code
                    ),
                    browsers,
                    ["acknowledge", "dispute"] * 2,
                )
            )
        assert sorted(codes) == [200, 409, 409, 409]
