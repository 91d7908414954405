"""Teams and agents: what each role sees of them, and their changes."""

from __future__ import annotations

from sqlalchemy import select

from service.store.tables import Agent, AuditEntry, Team

TEAMS, AGENTS = "/api/v1/teams", "/api/v1/agents"


def teams(centre):
    with centre.database.read() as session:
        return {team.name: team.id for team in session.scalars(select(Team))}


def test_a_coach_sees_their_teams_and_those_agents(client, centre):
    coach = client("coach")
    north = teams(centre)["north"]
    assert coach.get(TEAMS).json()["items"] == [
        {"id": north, "name": "north", "coach_ids": [centre.users["coach"]]}
    ]
    lines = coach.get(AGENTS).json()["items"]
    assert [(line["id"], line["team_id"], line["user_id"]) for line in lines] == [
        ("n1", north, centre.users["agent"]),
        ("n2", north, None),
    ]
    south = teams(centre)["south"]
    assert coach.get(AGENTS, params={"team_id": south}).json()["items"] == []
    assert coach.get(f"{TEAMS}/{south}").status_code == coach.get(f"{AGENTS}/s1").status_code == 404
    assert client("agent").get(TEAMS).status_code == 403


def test_a_team_without_agents_is_seen_by_its_coach(client, centre):
    with centre.database.begin() as session:
        for agent in session.scalars(select(Agent)):
            agent.team_id = None
    coach = client("coach")
    assert [team["name"] for team in coach.get(TEAMS).json()["items"]] == ["north"]
    assert coach.get(AGENTS).json()["items"] == []


def test_an_agent_who_changes_teams_changes_who_sees_their_calls(client, centre):
    manager, coach = client("qa_manager"), client("coach")
    assert manager.patch(f"{AGENTS}/s1", json={"team_id": teams(centre)["north"]}).status_code == 200
    assert coach.get("/api/v1/calls/call-s1").status_code == 200
    assert manager.patch(f"{AGENTS}/s1", json={"team_id": None}).json()["team_id"] is None
    assert coach.get("/api/v1/calls/call-s1").status_code == 404


def test_teams_and_agents_are_made_renamed_and_removed(client, centre):
    manager = client("qa_manager")
    east = manager.post(TEAMS, json={"name": " east "}).json()
    assert east["name"] == "east"
    assert manager.post(TEAMS, json={"name": "east"}).status_code == 409
    assert manager.patch(f"{TEAMS}/{east['id']}", json={"name": "north"}).status_code == 409
    assert manager.patch(f"{TEAMS}/{east['id']}", json={"name": "west"}).json()["name"] == "west"
    made = manager.post(AGENTS, json={"id": "w1", "name": "Wim", "team_id": east["id"]})
    assert (made.status_code, made.json()["team_id"]) == (201, east["id"])
    assert manager.post(AGENTS, json={"id": "w1"}).status_code == 409
    assert manager.post(AGENTS, json={"id": "w2", "team_id": 10**9}).status_code == 422
    assert manager.delete(f"{TEAMS}/{east['id']}").status_code == 204
    assert manager.get(f"{AGENTS}/w1").json()["team_id"] is None
    assert manager.delete(f"{AGENTS}/w1").status_code == 204
    assert manager.delete(f"{AGENTS}/w1").status_code == 404
    with centre.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(e.action, e.target) for e in entries] == [
        ("team.added", f"team:{east['id']}"),
        ("team.renamed", f"team:{east['id']}"),
        ("agent.added", "agent:w1"),
        ("team.removed", f"team:{east['id']}"),
        ("agent.removed", "agent:w1"),
    ]
    assert "Wim" not in str([e.detail for e in entries])


def test_an_agent_with_calls_is_not_removed(client):
    manager = client("qa_manager")
    assert manager.delete(f"{AGENTS}/n1").status_code == 409
    assert manager.get(f"{AGENTS}/n1").status_code == 200


def test_names_are_one_line(client):
    manager = client("qa_manager")
    for name in ("a\r\nX-Evil: 1", "\x00", "", " ", "x" * 201):
        assert manager.post(TEAMS, json={"name": name}).status_code == 422
        assert manager.post(AGENTS, json={"id": name}).status_code == 422
        assert manager.patch(f"{AGENTS}/n1", json={"name": name}).status_code == 422


def test_pages_of_agents_and_teams_give_each_once(client):
    browser = client("analyst")
    for url, key, expected in ((AGENTS, "id", ["n1", "n2", "s1", "s2"]), (TEAMS, "name", ["north", "south"])):
        seen, cursor = [], None
        while True:
            page = browser.get(url, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
            seen += [item[key] for item in page["items"]]
            if (cursor := page["next"]) is None:
                break
        assert seen == expected
