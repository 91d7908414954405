"""Scorecards and evaluations over the API: versions, overrides, who sees what, means."""

from __future__ import annotations

import copy
import json

import pytest
from coaching_people import clients, more_people

from service.coaching.definition import EXAMPLE
from service.store.tables import AuditEntry, Call, Scorecard

API = "/api/v1"
YES = {"greeting": {"value": "yes"}}


@pytest.fixture
def people(client, centre):
    """Clients by name."""
    return clients(client, more_people(centre))


@pytest.fixture
def card(people):
    """A published scorecard's id."""
    return _published(people("qa_manager"))


def _published(browser, name="Service calls", definition=EXAMPLE):
    made = browser.post(f"{API}/scorecards", json={"name": name, "definition": definition})
    assert made.status_code == 201, made.text
    answer = browser.post(f"{API}/scorecards/{made.json()['id']}/publish")
    assert answer.json()["state"] == "published", answer.text
    return made.json()["id"]


def _evaluate(browser, card, call_id="call-n1", answers=YES, **more):
    body = {"scorecard_id": card, "call_id": call_id, "answers": answers, **more}
    return browser.post(f"{API}/evaluations", json=body)


def _other():
    body = copy.deepcopy(EXAMPLE)
    body["sections"][0]["title"] = "Otherwise"
    return body


def test_a_published_version_never_changes(people, card, centre):
    browser = people("qa_manager")
    before = browser.get(f"{API}/scorecards/{card}").json()
    for state in ("published", "retired"):
        with centre.database.begin() as session:
            session.get_one(Scorecard, card).state = state
        url = f"{API}/scorecards/{card}"
        assert browser.put(url, json={"definition": _other()}).status_code == 409
        assert browser.delete(url).status_code == 409
        assert browser.post(f"{url}/publish").status_code == 409
        assert browser.get(url).json() == {**before, "state": state}


def test_editing_makes_the_next_version_and_publishing_it_retires_the_last(people, card):
    browser = people("qa_manager")
    url = f"{API}/scorecards/{card}/versions"
    draft = browser.post(url, json={"definition": _other()}).json()
    assert (draft["version"], draft["state"], draft["name"]) == (2, "draft", "Service calls")
    again = browser.post(url, json={})
    assert again.status_code == 409
    assert str(draft["id"]) in again.json()["error"]["message"]
    changed = browser.put(f"{API}/scorecards/{draft['id']}", json={"definition": EXAMPLE}).json()
    assert changed["definition"]["sections"][0]["title"] == "Manner"
    assert browser.post(f"{API}/scorecards/{draft['id']}/publish").json()["state"] == "published"
    assert people("agent").get(f"{API}/scorecards/{card}").json()["state"] == "retired"
    assert _evaluate(people("coach"), card).status_code == 409
    assert _evaluate(people("coach"), draft["id"]).status_code == 201
    third = browser.post(url, json={}).json()
    assert third["version"] == 3
    assert browser.delete(f"{API}/scorecards/{third['id']}").status_code == 204


def test_a_name_is_one_scorecard(people, card):
    body = {"name": " Service calls ", "definition": EXAMPLE}
    assert people("admin").post(f"{API}/scorecards", json=body).status_code == 409


def test_weights_that_do_not_add_up_are_refused_with_their_sum(people):
    body = copy.deepcopy(EXAMPLE)
    body["sections"][0]["weight"] = 59.9
    answer = people("admin").post(f"{API}/scorecards", json={"name": "x", "definition": body})
    assert answer.status_code == 422
    assert "add up to 99.9 %" in answer.json()["error"]["message"]
    body = copy.deepcopy(EXAMPLE)
    body["sections"][0]["questions"][1]["filled_by"]["rule"] = "no_such_rule"
    answer = people("admin").post(f"{API}/scorecards", json={"name": "x", "definition": body})
    assert answer.status_code == 422
    assert "'no_such_rule'" in answer.json()["error"]["message"]


def test_drafts_are_seen_by_who_writes_them_only(people):
    draft = people("qa_manager").post(f"{API}/scorecards", json={"name": "D", "definition": EXAMPLE}).json()
    for name, code in (("admin", 200), ("coach", 404), ("agent", 404), ("analyst", 404)):
        assert people(name).get(f"{API}/scorecards/{draft['id']}").status_code == code
        assert (len(people(name).get(f"{API}/scorecards").json()["items"]) == 1) == (code == 200)
    assert _evaluate(people("coach"), draft["id"]).status_code == 404
    assert _evaluate(people("admin"), draft["id"]).status_code == 409
    for name in ("coach", "agent", "analyst"):
        assert people(name).post(f"{API}/scorecards/{draft['id']}/publish").status_code == 403


def test_pages_of_scorecards(people):
    browser = people("admin")
    made = [_published(browser, f"Card {i}") for i in range(3)]
    first = browser.get(f"{API}/scorecards", params={"limit": 2}).json()
    rest = browser.get(f"{API}/scorecards", params={"limit": 2, "cursor": first["next"]}).json()
    assert [c["id"] for c in (*first["items"], *rest["items"])] == made[::-1]
    assert [c["id"] for c in browser.get(f"{API}/scorecards", params={"name": "Card 1"}).json()["items"]] == [
        made[1]
    ]


def test_what_the_call_answers_is_offered_and_counts(people, card):
    browser = people("coach")
    offered = browser.get(f"{API}/scorecards/{card}/answers/call-n1").json()
    assert set(offered) == {"respect", "silence"}
    assert offered["silence"] == {
        "source": "measure:longest_silence", "value": "10", "figure": 0.0, "unmeasured": None,
    }  # fmt: skip
    assert offered["respect"]["source"] == "rule:dismissive_wording"
    made = _evaluate(browser, card).json()
    assert made["answers"]["silence"]["value"] == "10"
    assert made["answers"]["silence"]["filled"]["figure"] == 0.0
    assert made["score"] == pytest.approx(100.0)
    assert [s["weight"] for s in made["parts"]["sections"]] == [60.0, 40.0]
    assert browser.get(f"{API}/scorecards/{card}/answers/call-s1").status_code == 404


def test_an_override_needs_a_reason_and_is_audited(people, card, centre):
    browser = people("coach")
    refused = _evaluate(browser, card, answers={**YES, "silence": {"value": 60}})
    assert refused.status_code == 422
    assert "answers.silence" in refused.json()["error"]["message"]
    made = _evaluate(browser, card, answers={**YES, "silence": {"value": 60, "reason": "On hold, unheard."}})
    assert made.json()["score"] == pytest.approx(60.0)
    silence = made.json()["answers"]["silence"]
    assert (silence["source"], silence["overridden"], silence["filled"]["value"]) == ("grader", True, "10")
    with centre.database.read() as session:
        (entry,) = session.query(AuditEntry).filter_by(action="evaluation.made")
        assert entry.detail["overridden"] == ["silence"]
        assert "unheard" not in json.dumps(entry.detail)
    url = f"{API}/evaluations/{made.json()['id']}"
    changed = browser.put(url, json={"answers": YES}).json()
    assert (changed["score"], changed["answers"]["silence"]["overridden"]) == (pytest.approx(100.0), False)


def test_not_applicable_is_shared_and_nothing_at_all_has_no_score(people):
    body = copy.deepcopy(EXAMPLE)
    body["sections"][0]["questions"][0]["may_be_not_applicable"] = True
    card = _published(people("admin"), "n/a", body)
    left_out = {"not_applicable": True, "reason": "A wrong number."}
    made = _evaluate(
        people("coach"),
        card,
        answers={"greeting": {"value": "partly"}, "respect": left_out, "silence": left_out},
    ).json()
    assert made["score"] == pytest.approx(50.0)
    assert [s["weight"] for s in made["parts"]["sections"]] == [100.0, 0.0]
    none = _evaluate(
        people("coach"),
        card,
        answers={"greeting": {"not_applicable": True}, "respect": left_out, "silence": left_out},
    ).json()
    assert (none["score"], none["parts"]["score"]) == (None, None)
    assert "applies" in none["parts"]["undefined"]
    means = people("coach").get(f"{API}/evaluations/means").json()["items"]
    assert [(m["mean"], m["n"]) for m in means] == [(50.0, 1)]


def test_who_sees_an_evaluation(people, card):
    made = _evaluate(people("coach"), card).json()["id"]
    url = f"{API}/evaluations/{made}"
    expected = {
        "admin": 200, "qa_manager": 200, "coach": 200, "second_coach": 200, "south_coach": 404, "agent": 404,
        "other_agent": 404, "analyst": 403,
    }  # fmt: skip
    for name, code in expected.items():
        assert people(name).get(url).status_code == code, name
        listed = people(name).get(f"{API}/evaluations")
        ids = [] if code == 403 else [e["id"] for e in listed.json()["items"]]
        assert (made in ids) == (code == 200), name
    assert _evaluate(people("coach"), card, "call-s1").status_code == 404
    assert people("admin").put(url, json={"answers": YES}).status_code == 404, "only who graded"
    assert people("second_coach").delete(url).status_code == 404
    assert people("coach").delete(url).status_code == 204


def test_an_evaluation_in_a_session_is_shown_and_kept_with_it(people, card):
    browser = people("coach")
    session_id = browser.post(f"{API}/coaching", json={"agent_id": "n1", "title": "x"}).json()["id"]
    assert _evaluate(browser, card, "call-n2", session_id=session_id).status_code == 409
    assert _evaluate(people("south_coach"), card, "call-s1", session_id=session_id).status_code == 404
    made = _evaluate(browser, card, session_id=session_id).json()["id"]
    url = f"{API}/evaluations/{made}"
    assert people("agent").get(url).status_code == 404, "the session is a draft"
    browser.post(f"{API}/coaching/{session_id}/share")
    assert people("agent").get(url).json()["score"] == pytest.approx(100.0)
    assert [e["id"] for e in people("agent").get(f"{API}/evaluations").json()["items"]] == [made]
    assert people("other_agent").get(url).status_code == 404
    assert browser.put(url, json={"answers": YES}).status_code == 409
    assert browser.delete(url).status_code == 409
    assert _evaluate(browser, card, session_id=session_id).status_code == 409
    reason = {"reason": "I did greet."}
    assert people("agent").post(f"{API}/coaching/{session_id}/dispute", json=reason).status_code == 200
    assert browser.put(url, json={"answers": {"greeting": {"value": "no"}}}).json()["score"] == pytest.approx(
        76
    )


def test_means_are_of_each_agent_and_version(people, card):
    other = _published(people("admin"), "Another")
    for call_id, answer in (("call-n1", "yes"), ("call-n1", "no"), ("call-n2", "partly"), ("call-s1", "yes")):
        assert _evaluate(people("admin"), card, call_id, {"greeting": {"value": answer}}).status_code == 201
    fails = {**YES, "respect": {"value": "no", "reason": "x"}}
    assert _evaluate(people("admin"), other, "call-n1", fails).json()["score"] == 0
    means = {
        (m["agent_id"], m["scorecard_id"]): (m["mean"], m["n"], m["n_failed"])
        for m in people("admin").get(f"{API}/evaluations/means").json()["items"]
    }
    assert means == {
        ("n1", card): (pytest.approx(88.0), 2, 0),
        ("n1", other): (0.0, 1, 1),
        ("n2", card): (pytest.approx(88.0), 1, 0),
        ("s1", card): (pytest.approx(100.0), 1, 0),
    }
    seen, cursor = [], None
    while True:
        page = (
            people("coach")
            .get(f"{API}/evaluations/means", params={"limit": 1, **({"cursor": cursor} if cursor else {})})
            .json()
        )
        seen += [(m["agent_id"], m["scorecard_id"]) for m in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [("n1", card), ("n1", other), ("n2", card)]
    narrowed = people("coach").get(f"{API}/evaluations/means", params={"agent": "n1", "scorecard": other})
    assert len(narrowed.json()["items"]) == 1


def test_a_deleted_call_takes_its_evaluations_along(people, card, centre):
    made = _evaluate(people("coach"), card).json()["id"]
    with centre.database.begin() as session:
        session.delete(session.query(Call).filter_by(call_id="call-n1").one())
    assert people("coach").get(f"{API}/evaluations/{made}").status_code == 404
    assert people("coach").get(f"{API}/scorecards/{card}").status_code == 200


def test_the_documented_example_is_a_scorecard_that_grades(people):
    schema = people("admin").get("/api/v1/openapi.json").json()["components"]["schemas"]
    example = schema["Definition-Input"]["examples"][0]
    answers = schema["AnswersBody"]["properties"]["answers"]["examples"][0]
    card = _published(people("admin"), "Documented", example)
    assert _evaluate(people("coach"), card, answers=answers).status_code == 201
