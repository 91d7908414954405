"""Notes, bookmarks and corrections: kept beside what was scored, and only by who may."""

from __future__ import annotations

import pytest


def test_a_note_is_written_read_and_deleted_by_its_author(client):
    coach = client("coach")
    made = coach.post("/api/v1/calls/call-n1/notes", json={"text": "Well done.", "utterance_index": 4})
    assert made.status_code == 201
    assert [n["text"] for n in client("agent").get("/api/v1/calls/call-n1/notes").json()] == ["Well done."]
    url = f"/api/v1/calls/call-n1/notes/{made.json()['id']}"
    assert client("qa_manager").delete(url).status_code == 403
    assert coach.delete(url).status_code == 204
    assert coach.get("/api/v1/calls/call-n1/notes").json() == []


def test_a_note_of_another_call_is_not_reached_through_this_one(client):
    made = client("admin").post("/api/v1/calls/call-s1/notes", json={"text": "South."}).json()
    assert client("coach").delete(f"/api/v1/calls/call-n1/notes/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    "body", [{"text": " "}, {"kind": "poem", "text": "x"}, {"text": "x", "utterance_index": 99}]
)
def test_a_note_that_says_nothing_or_points_nowhere_is_refused(client, body):
    assert client("coach").post("/api/v1/calls/call-n1/notes", json=body).status_code in {404, 422}


def test_a_correction_stands_beside_the_score(client):
    coach = client("coach")
    url = "/api/v1/calls/call-n1/utterances/1/corrections"
    made = coach.post(url, json={"role": "agent", "polarity": 0.5})
    assert made.status_code == 201
    told = {c["field"]: (c["was"], c["value"]) for c in coach.get("/api/v1/calls/call-n1/corrections").json()}
    assert told == {"role": ("customer", "agent"), "polarity": (-0.8, 0.5)}
    scored = coach.get("/api/v1/calls/call-n1").json()["utterances"][1]
    assert (scored["role"], scored["score"]["polarity"]) == ("customer", -0.8)


def test_an_agent_cannot_correct_how_they_were_heard(client):
    url = "/api/v1/calls/call-n1/utterances/1/corrections"
    assert client("agent").post(url, json={"polarity": 1.0}).status_code == 403
