"""Accounts, for the admin: made, changed, disabled, removed; there is always an admin left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from test_passwords import CHEAP

from service.people.accounts import ConflictError, add_user, change_user, find_user
from service.people.credentials import new_key
from service.people.passwords import Passwords
from service.store.tables import AuditEntry, CoachTeam, Login, Note, Team, User

URL = "/api/v1/users"
KIM = {"email": "kim@example.com", "name": "Kim", "role": "analyst"}


@pytest.fixture
def admin(client):
    browser = client("admin")
    browser.app.state.passwords = Passwords(PasswordHasher(**CHEAP))
    return browser


def log_in(client, email, password):
    return client(None).post("/api/v1/session", json={"email": email, "password": password})


def test_a_new_account_has_a_password_for_one_login(admin, client):
    made = admin.post(URL, json=KIM)
    assert made.status_code == 201
    line = made.json()
    password = line.pop("one_time_password")
    assert (line["must_change_password"], line["has_password"], line["by_oidc"]) == (True, True, False)
    assert admin.get(f"{URL}/{line['id']}").json() == line
    said = log_in(client, KIM["email"], password)
    assert said.json()["must_change_password"] is True


def test_two_cannot_have_one_email_or_one_agent(admin):
    assert admin.post(URL, json=KIM).status_code == 201
    again = admin.post(URL, json=KIM | {"email": "KIM@example.com"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    sam = {"email": "sam@example.com", "name": "Sam", "role": "agent"}
    assert admin.post(URL, json=sam | {"agent_id": "n1"}).status_code == 409
    assert admin.post(URL, json=sam | {"agent_id": "nobody"}).status_code == 422
    assert admin.post(URL, json=sam | {"agent_id": "n2"}).status_code == 201


def test_two_who_add_the_same_at_once_make_one(centre):
    def add(_):
        try:
            with centre.database.begin() as session:
                add_user(session, "test", **KIM)
        except ConflictError:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(add, range(6))) == 1


def test_an_account_is_made_of_what_it_may_be(admin):
    for wrong in (
        {"role": "owner"}, {"role": "agent\n"}, {"email": "kim"}, {"email": "a@b.c\r\nBcc: d@e.f"},
        {"name": ""}, {"name": "Kim\r\nX-Evil: 1"}, {"name": "\u202eKim"}, {"team_ids": [1]},
        {"team_ids": [10**30]}, {"is_admin": True}, {"password_hash": "x"}, {"must_change_password": False},
        {"agent_id": "a\x00"},
    ):  # fmt: skip
        assert admin.post(URL, json=KIM | wrong).status_code == 422, wrong


def test_a_role_an_agent_and_teams_can_be_changed_and_hold_at_once(admin, client, centre):
    with centre.database.read() as session:
        south = session.scalars(select(Team.id).where(Team.name == "south")).one()
    coach = client("coach")
    url = f"{URL}/{centre.users['coach']}"
    assert admin.patch(url, json={"team_ids": [south]}).json()["team_ids"] == [south]
    seen = {item["call_id"] for item in coach.get("/api/v1/calls").json()["items"]}
    assert seen == {"call-s1", "call-s2"}
    assert admin.patch(url, json={"team_ids": [south + 100]}).status_code == 422
    line = admin.patch(url, json={"role": "agent", "agent_id": "n2"}).json()
    assert (line["role"], line["agent_id"], line["team_ids"]) == ("agent", "n2", [])
    assert {item["call_id"] for item in coach.get("/api/v1/calls").json()["items"]} == {"call-n2"}
    assert coach.get("/api/v1/teams").status_code == 403
    assert admin.patch(url, json={"agent_id": None}).json()["agent_id"] is None
    assert coach.get("/api/v1/calls").json()["items"] == []
    assert admin.patch(url, json={"role": "coach"}).json()["team_ids"] == []


def test_the_last_admin_stays(admin, client, centre):
    url = f"{URL}/{centre.users['admin']}"
    for answer in (
        admin.patch(url, json={"role": "analyst"}),
        admin.patch(url, json={"disabled": True}),
        admin.delete(url),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert admin.get(URL).status_code == 200
    other = admin.post(URL, json=KIM | {"role": "admin"}).json()["id"]
    assert admin.patch(f"{URL}/{other}", json={"disabled": True}).status_code == 200
    assert admin.delete(url).status_code == 409
    assert admin.patch(f"{URL}/{other}", json={"disabled": False}).status_code == 200
    assert admin.patch(url, json={"role": "analyst"}).status_code == 200
    assert admin.get(URL).status_code == 403


def test_of_two_admins_who_demote_each_other_at_once_one_stays(centre):
    with centre.database.begin() as session:
        second = add_user(session, "test", **KIM | {"role": "admin"}).id

    def demote(user_id):
        try:
            with centre.database.begin() as session:
                change_user(session, "test", find_user(session, user_id), {"role": "analyst"})
        except ConflictError:
            return 0
        return 1

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(demote, (centre.users["admin"], second))) == 1
    with centre.database.read() as session:
        assert len(session.scalars(select(User).where(User.role == "admin")).all()) == 1


def test_who_is_disabled_is_out_at_once_with_every_login_and_key(admin, client, centre):
    coach, program = client("coach"), client("coach", scopes=("calls.read",))
    url = f"{URL}/{centre.users['coach']}"
    assert (coach.get("/api/v1/calls").status_code, program.get("/api/v1/calls").status_code) == (200, 200)
    assert admin.patch(url, json={"disabled": True}).json()["disabled_at"] is not None
    assert (coach.get("/api/v1/calls").status_code, program.get("/api/v1/calls").status_code) == (401, 401)
    assert admin.patch(url, json={"disabled": False}).json()["disabled_at"] is None
    assert (coach.get("/api/v1/calls").status_code, program.get("/api/v1/calls").status_code) == (401, 401)


def test_a_reset_gives_a_password_for_one_login_and_ends_logins_and_lock(admin, client, centre):
    coach, program = client("coach"), client("coach", scopes=("calls.read",))
    for _ in range(5):
        log_in(client, "coach@example.com", "wrong")
    url = f"{URL}/{centre.users['coach']}"
    assert admin.get(url).json()["locked"] is True
    password = admin.post(f"{url}/password").json()["one_time_password"]
    assert coach.get("/api/v1/session").status_code == 401
    assert program.get("/api/v1/calls").status_code == 200
    assert log_in(client, "coach@example.com", password).json()["must_change_password"] is True


def test_a_lock_can_be_ended(admin, client, centre):
    url = f"{URL}/{centre.users['coach']}"
    password = admin.post(f"{url}/password").json()["one_time_password"]
    for _ in range(5):
        log_in(client, "coach@example.com", "wrong")
    assert log_in(client, "coach@example.com", password).status_code == 401
    assert admin.post(f"{url}/unlock").status_code == 204
    assert log_in(client, "coach@example.com", password).status_code == 200


def test_who_is_removed_leaves_what_they_wrote(admin, client, centre):
    coach, program = client("coach"), client("coach", scopes=("calls.read",))
    with centre.database.begin() as session:
        session.add(Note(call_id=1, text="kept", author_id=centre.users["coach"]))
    assert admin.delete(f"{URL}/{centre.users['coach']}").status_code == 204
    assert (coach.get("/api/v1/calls").status_code, program.get("/api/v1/calls").status_code) == (401, 401)
    with centre.database.read() as session:
        assert [(n.text, n.author_id) for n in session.scalars(select(Note))] == [("kept", None)]
        assert not session.scalars(select(CoachTeam)).all()
        assert [login.user_id for login in session.scalars(select(Login))] == [centre.users["admin"]]
    assert admin.delete(f"{URL}/{centre.users['coach']}").status_code == 404


def test_every_change_is_in_the_audit_log_by_ids_alone(admin, centre):
    made = admin.post(URL, json=KIM).json()["id"]
    url = f"{URL}/{made}"
    admin.patch(url, json={"name": "Kimberley", "email": "kimberley@example.com", "role": "coach"})
    admin.patch(url, json={"name": "Kimberley"})
    admin.patch(url, json={"disabled": True})
    admin.patch(url, json={"disabled": False})
    admin.post(f"{url}/password")
    admin.post(f"{url}/unlock")
    admin.delete(url)
    with centre.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [e.action.removeprefix("user.") for e in entries] == [
        "added", "changed", "disabled", "enabled", "password_given", "unlocked", "removed",
    ]  # fmt: skip
    assert {(e.actor, e.target) for e in entries} == {(f"user:{centre.users['admin']}", f"user:{made}")}
    told = str([e.detail for e in entries]).lower()
    assert "kim" not in told
    assert "example" not in told


def test_a_change_that_fails_leaves_nothing_not_even_an_entry(admin, centre):
    url = f"{URL}/{centre.users['coach']}"
    before = admin.get(url).json()
    assert admin.patch(url, json={"name": "New", "agent_id": "n1"}).status_code == 409
    assert admin.get(url).json() == before
    with centre.database.read() as session:
        assert not session.scalars(select(AuditEntry)).all()


def test_pages_of_users_give_each_once(admin, centre):
    seen, cursor = [], None
    while True:
        page = admin.get(URL, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == list(centre.users.values())


def test_a_key_can_manage_users_only_with_that_scope(client, centre):
    with centre.database.begin() as session:
        _, secret = new_key(
            session, session.get_one(User, centre.users["admin"]), name="t", scopes=["users"], days=1
        )
    program = client(None)
    program.headers["Authorization"] = f"Bearer {secret}"
    assert program.get(URL).status_code == 200
    assert client("admin", scopes=("calls.read",)).get(URL).status_code == 403
