"""API keys: told once, never more than their maker, gone when revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from service.api.who import CSRF_HEADER
from service.people.secrets import digest
from service.store.columns import now
from service.store.tables import AuditEntry, CoachTeam, Key, User

URL = "/api/v1/keys"


def make(browser, *scopes, days=30, name="nightly"):
    return browser.post(URL, json={"name": name, "scopes": list(scopes), "days": days})


@pytest.fixture
def program(client):
    """A client that comes with a secret."""

    def made(secret):
        stranger = client(None)
        stranger.headers["Authorization"] = f"Bearer {secret}"
        return stranger

    return made


def test_the_secret_is_told_once_and_only_its_hash_is_kept(client, centre, program):
    browser = client("coach")
    answer = make(browser, "calls.read")
    assert answer.status_code == 201
    secret = answer.json()["secret"]
    assert secret.startswith("csk_")
    with centre.database.read() as session:
        (key,) = session.scalars(select(Key))
        assert key.secret_sha256 == digest(secret)
        assert secret[4:] not in f"{key.name}{key.prefix}"
    listed = browser.get(URL).json()["items"]
    assert [item["name"] for item in listed] == ["nightly"]
    assert "secret" not in listed[0]
    assert secret not in str(listed)
    seen = program(secret).get("/api/v1/calls").json()
    assert {item["call_id"] for item in seen["items"]} == {"call-n1", "call-n2"}


def test_a_key_does_only_what_it_is_for(client, program):
    secret = make(client("admin"), "ingest").json()["secret"]
    reader = program(secret)
    assert reader.get("/api/v1/calls").status_code == 403
    assert reader.get("/api/v1/users").status_code == 403
    assert reader.get("/api/v1/session").json()["permissions"] == ["ingest"]


def test_nobody_gives_a_key_more_than_they_have(client, program):
    answers = [make(client("coach"), scope) for scope in ("users", "ingest", "calls.delete", "nonsense", "")]
    answers.append(make(client("coach"), "calls.read", "users"))
    answers.append(make(client("coach")))
    assert {answer.status_code for answer in answers} == {422}
    assert make(client("agent"), "calls.read").status_code == 403
    narrow = program(make(client("admin"), "keys", "calls.read").json()["secret"])
    assert make(narrow, "calls.read").status_code == 201
    assert make(narrow, "users").status_code == 422
    assert (
        make(program(make(client("admin"), "calls.read").json()["secret"]), "calls.read").status_code == 403
    )


def test_a_key_of_a_key_ends_no_later_and_is_revoked_with_it(client, program):
    browser = client("admin")
    first = make(browser, "keys", "calls.read", days=2).json()
    second = make(program(first["secret"]), "keys", "calls.read", days=366).json()
    third = make(program(second["secret"]), "calls.read", days=366).json()
    assert second["expires_at"] == first["expires_at"] == third["expires_at"]
    assert (second["made_by"], third["made_by"]) == (first["id"], second["id"])
    assert program(third["secret"]).get("/api/v1/calls").status_code == 200
    assert browser.delete(f"{URL}/{first['id']}").status_code == 204
    for each in (first, second, third):
        assert program(each["secret"]).get("/api/v1/calls").status_code == 401


def test_a_key_ends_by_time_by_revoking_and_with_its_owner(client, centre, program):
    browser = client("coach")
    made = [make(browser, "calls.read").json() for _ in range(3)]
    used = [program(each["secret"]) for each in made]
    assert [each.get("/api/v1/calls").status_code for each in used] == [200] * 3
    with centre.database.begin() as session:
        session.get_one(Key, made[0]["id"]).expires_at = now() - timedelta(seconds=1)
    assert browser.delete(f"{URL}/{made[1]['id']}").status_code == 204
    assert browser.delete(f"{URL}/{made[1]['id']}").status_code == 204
    assert [each.get("/api/v1/calls").status_code for each in used] == [401, 401, 200]
    with centre.database.begin() as session:
        session.get_one(User, centre.users["coach"]).disabled_at = now()
    assert used[2].get("/api/v1/calls").status_code == 401


def test_a_key_shrinks_with_its_owner(client, centre, program):
    used = program(make(client("coach"), "calls.read", "metrics.read").json()["secret"])
    with centre.database.begin() as session:
        session.delete(session.scalars(select(CoachTeam)).one())
    assert used.get("/api/v1/calls").json()["items"] == []
    with centre.database.begin() as session:
        user = session.get_one(User, centre.users["coach"])
        user.role = "agent"
    assert used.get("/api/v1/session").json()["permissions"] == ["calls.read"]


def test_a_forged_key_is_nobodys_even_with_a_login_beside_it(client):
    browser = client("admin")
    for header in ("Bearer csk_x", "Bearer ", "Basic YWRtaW46YQ==", "csk_x", "Bearer é", "x" * 5000):
        assert browser.get(URL, headers={"Authorization": header.encode()}).status_code == 401, header


def test_a_key_needs_no_token_of_a_page_but_a_login_does(client, program):
    browser = client("admin")
    secret = make(browser, "keys").json()["secret"]
    assert make(program(secret), "keys").status_code == 201
    del browser.headers[CSRF_HEADER]
    assert make(browser, "keys").status_code == 403


def test_everybody_sees_and_revokes_their_own_and_the_admin_all(client):
    coach, analyst, admin = client("coach"), client("analyst"), client("admin")
    key_id = make(coach, "calls.read").json()["id"]
    assert analyst.get(URL).json()["items"] == []
    assert analyst.delete(f"{URL}/{key_id}").status_code == 404
    assert [item["id"] for item in admin.get(URL).json()["items"]] == [key_id]
    assert client("admin", scopes=("keys",)).delete(f"{URL}/{key_id}").status_code == 404
    assert admin.delete(f"{URL}/{key_id}").status_code == 204
    assert coach.get(URL).json()["items"][0]["revoked_at"] is not None


def test_pages_of_keys_give_each_once(client):
    browser = client("coach")
    made = [make(browser, "calls.read", name=f"k{n}").json()["id"] for n in range(5)]
    seen, cursor = [], None
    while True:
        page = browser.get(URL, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == made[::-1]
    for odd in ("x", "W10", "WyJ4Il0", "WzFd" * 200):
        assert browser.get(URL, params={"cursor": odd}).status_code == 422


def test_a_name_with_a_line_end_and_a_key_for_ever_are_refused(client):
    browser = client("coach")
    for name in ("a\r\nSet-Cookie: x=y", "a\nb", "\x00", ""):
        assert make(browser, "calls.read", name=name).status_code == 422
    for days in (0, 367, -1, 10**30, "x"):
        assert make(browser, "calls.read", days=days).status_code == 422


def test_keys_are_in_the_audit_log_without_their_names_and_secrets(client, centre):
    browser = client("coach")
    made = make(browser, "calls.read", name="private-name").json()
    browser.delete(f"{URL}/{made['id']}")
    with centre.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(e.action, e.target, e.actor) for e in entries] == [
        ("key.made", f"key:{made['id']}", f"user:{centre.users['coach']}"),
        ("key.revoked", f"key:{made['id']}", f"user:{centre.users['coach']}"),
    ]
    assert "private" not in str([e.detail for e in entries])
    assert made["secret"][4:] not in str([e.detail for e in entries])
