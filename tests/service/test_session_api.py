"""Logging in and out, the lock, the cookie, and one's own password."""

from __future__ import annotations

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from sqlalchemy import select
from test_passwords import CHEAP, Counting

from service.api.app import create_app
from service.api.who import COOKIE, CSRF_HEADER, csrf_token
from service.people.accounts import FIRST_ADMIN, first_admin
from service.people.credentials import UNUSED
from service.people.login import Lock, log_in
from service.people.passwords import Passwords
from service.people.secrets import digest
from service.store.audit import verify
from service.store.columns import now
from service.store.tables import AuditEntry, Login, User

RIGHT = "three of my neighbours sing"
NEW = "four of my neighbours dance"
URL = "/api/v1/session"


@pytest.fixture
def service(settings, centre):
    """Browsers at a service whose coach has a password; what hashes is cheap."""
    hasher = Passwords(PasswordHasher(**CHEAP))
    with centre.database.begin() as session:
        session.get_one(User, centre.users["coach"]).password_hash = hasher.hash(RIGHT)

    def made(**more) -> TestClient:
        app = create_app(settings.model_copy(update=more), centre.database)
        app.state.passwords = hasher
        return TestClient(app, raise_server_exceptions=False)

    return made


def enter(browser, password=RIGHT, email="coach@example.com", **more):
    return browser.post(URL, json={"email": email, "password": password}, **more)


def actions(centre):
    with centre.database.read() as session:
        assert verify(session).broken is None
        return [
            (e.action, e.target, e.detail.get("reason"))
            for e in session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        ]


def test_who_logs_in_is_told_who_they_are_and_gets_a_cookie_no_script_reads(service, centre):
    browser = service()
    answer = enter(browser, email=" Coach@Example.COM")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["user_id"], said["role"], said["must_change_password"]) == (
        centre.users["coach"],
        "coach",
        False,
    )
    assert "moments.review" in said["permissions"]
    cookie = {part.strip() for part in answer.headers["set-cookie"].split(";")}
    assert {"HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={12 * 3600}"} <= cookie
    assert "Secure" not in cookie
    assert browser.get(URL).json() == said
    assert actions(centre) == [("login", f"user:{centre.users['coach']}", None)]


def test_with_https_the_cookie_says_secure(service):
    answer = enter(service(base_url="https://calls.example.com"))
    assert "Secure" in answer.headers["set-cookie"]


def test_only_a_hash_of_the_token_is_kept(service, centre):
    browser = service()
    enter(browser)
    with centre.database.read() as session:
        assert session.scalars(select(Login.token_sha256)).all() == [digest(browser.cookies[COOKIE])]


def test_a_token_that_was_there_before_is_neither_used_nor_left(service, centre):
    """No fixation: whatever a browser brings along, its login has a new token; the old one is nobody's."""
    browser = service()
    browser.cookies.set(COOKIE, "chosen-by-another")
    enter(browser)
    assert browser.cookies.get(COOKIE, domain="testserver.local") != "chosen-by-another"
    first = browser.cookies.get(COOKIE, domain="testserver.local")
    browser.cookies.clear()
    browser.cookies.set(COOKIE, first)
    enter(browser)
    old = service()
    old.cookies.set(COOKIE, first)
    assert old.get(URL).status_code == 401


def test_logging_out_ends_the_login_itself_not_only_the_cookie(service, centre):
    browser = service()
    csrf = enter(browser).json()["csrf_token"]
    token = browser.cookies[COOKIE]
    assert browser.delete(URL).status_code == 403
    assert browser.delete(URL, headers={CSRF_HEADER: csrf}).status_code == 204
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, token)
    assert browser.get(URL).status_code == 401
    assert [action for action, _, _ in actions(centre)] == ["login", "logout"]


def test_a_forged_token_is_nobodys(client):
    stranger = client(None)
    for token in ("", "x", "é", "a" * 5000, "../../x", "' OR 1=1 --"):
        answer = stranger.get(URL, headers={"Cookie": f"{COOKIE}={token}".encode()})
        assert answer.status_code == 401, token


def test_a_login_ends_by_time(client, centre):
    for name, delta in (("expires_at", timedelta(seconds=-1)), ("seen_at", -UNUSED)):
        browser = client("coach")
        assert browser.get(URL).status_code == 200
        with centre.database.begin() as session:
            login = session.scalars(select(Login).order_by(Login.id.desc())).first()
            setattr(login, name, now() + delta)
        assert browser.get(URL).status_code == 401


def test_the_token_of_a_page_fits_its_own_login_only(client):
    mine, other = client("coach"), client("coach")
    wrong = other.headers[CSRF_HEADER]
    for sent in (wrong, "", "x", csrf_token("")):
        assert mine.delete(URL, headers={CSRF_HEADER: sent}).status_code == 403
    assert mine.delete(URL).status_code == 204
    assert other.get(URL).status_code == 200


def test_wrong_unknown_disabled_locked_and_without_password_are_answered_alike(service, centre):
    browser = service(lockout_attempts=2)
    answers = [enter(browser, "wrong")]
    answers.append(enter(browser, email="nobody@example.com"))
    answers.append(enter(browser, email="analyst@example.com"))
    answers.append(enter(browser, email="no address\x00"))
    answers.append(enter(browser, "wrong"))
    answers.append(enter(browser, RIGHT))
    with centre.database.begin() as session:
        user = session.get_one(User, centre.users["coach"])
        user.locked_until, user.disabled_at = None, now()
    answers.append(enter(browser, RIGHT))
    told = set()
    for answer in answers:
        error = answer.json()["error"]
        told.add((answer.status_code, error["code"], error["message"], "set-cookie" in answer.headers))
    assert len(told) == 1
    assert told.pop()[0] == 401
    coach, analyst = f"user:{centre.users['coach']}", f"user:{centre.users['analyst']}"
    assert actions(centre) == [
        ("login.failed", coach, "wrong"),
        ("login.failed", "user:none", "unknown"),
        ("login.failed", analyst, "wrong"),
        ("login.failed", "user:none", "unknown"),
        ("login.failed", coach, "wrong"),
        ("login.locked", coach, None),
        ("login.failed", coach, "locked"),
        ("login.failed", coach, "disabled"),
    ]


def test_every_kind_of_no_costs_exactly_one_check_of_a_hash(centre):
    counting = Counting()
    hasher = Passwords(counting)
    with centre.database.begin() as session:
        session.get_one(User, centre.users["coach"]).password_hash = hasher.hash(RIGHT)
        locked = session.get_one(User, centre.users["admin"])
        locked.password_hash, locked.locked_until = hasher.hash(RIGHT), now() + timedelta(hours=1)
    for email in ("coach@example.com", "nobody@example.com", "admin@example.com", "analyst@example.com", "x"):
        before = len(counting.verified)
        lock = Lock(attempts=5, minutes=15)
        assert log_in(centre.database, hasher, email=email, password="wrong", lock=lock, hours=1) is None
        assert len(counting.verified) == before + 1


def test_a_lock_ends_by_time_and_a_right_password_forgets_the_wrong_ones(service, centre):
    browser = service(lockout_attempts=3)
    for _ in range(2):
        assert enter(browser, "wrong").status_code == 401
    assert enter(browser).status_code == 200
    for _ in range(3):
        assert enter(browser, "wrong").status_code == 401
    assert enter(browser).status_code == 401
    with centre.database.begin() as session:
        session.get_one(User, centre.users["coach"]).locked_until = now()
    assert enter(browser).status_code == 200


def test_too_many_tries_wait_whether_the_email_is_somebodys_or_not(service):
    browser = service(lockout_attempts=100)
    for email in ("coach@example.com", "nobody@example.com"):
        codes = [enter(browser, "wrong", email=email).status_code for _ in range(11)]
        assert codes == [401] * 10 + [429]
        assert int(enter(browser, email=email).headers["retry-after"]) > 0


def test_tries_at_once_count_as_many(service, centre):
    """Checked side by side before any is counted, they are counted one after the other all the same."""
    from concurrent.futures import ThreadPoolExecutor

    browser = service(lockout_attempts=3)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda n: enter(browser, "wrong").status_code, range(8)))
    assert codes == [401] * 8
    locks = [action for action, _, _ in actions(centre) if action == "login.locked"]
    assert len(locks) == 1
    assert enter(service(lockout_attempts=3)).status_code == 401


def test_another_site_cannot_log_a_browser_in(service):
    browser = service()
    for headers in (
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example.com"},
        {"Origin": "https://testserver"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert enter(browser, headers=headers).status_code == 403, headers
    assert enter(browser, headers={"Sec-Fetch-Site": "none"}).status_code == 200
    ours = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert enter(browser, headers=ours).status_code == 200


def test_behind_a_proxy_the_page_s_site_is_that_of_the_settings(service):
    browser = service(base_url="https://calls.example.com")
    assert enter(browser, headers={"Origin": "https://calls.example.com"}).status_code == 200
    assert enter(browser, headers={"Origin": "http://calls.example.com"}).status_code == 403


def test_a_form_cannot_log_in(service):
    body = b'{"email": "coach@example.com", "password": "three of my neighbours sing"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = service().post(URL, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 415, kind
        assert "set-cookie" not in answer.headers


def test_a_body_that_is_none_is_refused(service):
    browser = service()
    surrogate = b'{"email": "a", "password": "\\ud800"}'
    more = b'{"email":"a","password":"b","c":1}'
    for body in (b"{", b"[]", b'{"email": 1}', surrogate, more, b"\xff", b"[" * 100_000):
        answer = browser.post(URL, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text


def test_a_body_without_end_is_not_read_to_it(service):
    sent = 0

    def endless():
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 100_000

    answer = service().post(URL, content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_hash_of_old_parameters_is_renewed_at_the_next_login(service, centre):
    old = PasswordHasher(**CHEAP | {"time_cost": 2}).hash(RIGHT)
    with centre.database.begin() as session:
        session.get_one(User, centre.users["coach"]).password_hash = old
    assert enter(service()).status_code == 200
    with centre.database.read() as session:
        renewed = session.get_one(User, centre.users["coach"]).password_hash
    assert renewed != old
    assert "t=1" in renewed
    assert enter(service()).status_code == 200


def _change(browser, csrf, current=RIGHT, new=NEW):
    return browser.post(f"{URL}/password", json={"current": current, "new": new}, headers={CSRF_HEADER: csrf})


def test_changing_the_password_ends_every_other_login(service, centre):
    browser, other = service(), service()
    csrf = enter(browser).json()["csrf_token"]
    enter(other)
    assert _change(browser, csrf).status_code == 204
    assert browser.get(URL).status_code == 200
    assert other.get(URL).status_code == 401
    assert enter(service()).status_code == 401
    assert enter(service(), NEW).status_code == 200
    assert ("password.changed", f"user:{centre.users['coach']}", None) in actions(centre)


def test_a_login_left_open_is_no_way_to_guess_the_password(service):
    browser = service(lockout_attempts=3)
    csrf = enter(browser).json()["csrf_token"]
    assert [_change(browser, csrf, current="wrong").status_code for _ in range(3)] == [403] * 3
    assert _change(browser, csrf).status_code == 403
    assert enter(service()).status_code == 401


def test_a_new_password_must_be_a_good_one(service):
    browser = service()
    csrf = enter(browser).json()["csrf_token"]
    for new in ("short", "password1234", "coach@example.com", RIGHT):
        answer = _change(browser, csrf, new=new)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"].startswith("password: ")


def test_a_key_logs_nobody_out_and_changes_no_password(client):
    program = client("admin", scopes=("keys",))
    mine = program.get(URL).json()
    assert (mine["permissions"], mine["csrf_token"]) == (["keys"], None)
    assert program.delete(URL).status_code == 403
    assert program.post(f"{URL}/password", json={"current": RIGHT, "new": NEW}).status_code == 403


def test_the_first_start_makes_an_admin_who_must_change_the_password_first(database, settings):
    hasher = Passwords(PasswordHasher(**CHEAP))
    email, password = first_admin(database, hasher)
    assert email == FIRST_ADMIN
    assert first_admin(database, hasher) is None
    app = create_app(settings, database)
    app.state.passwords = hasher
    browser = TestClient(app, raise_server_exceptions=False)
    said = enter(browser, password, email=email).json()
    assert said["must_change_password"] is True
    browser.headers[CSRF_HEADER] = said["csrf_token"]
    assert browser.get("/api/v1/users").status_code == 403
    assert browser.get("/api/v1/calls").status_code == 403
    assert _change(browser, said["csrf_token"], current=password).status_code == 204
    assert browser.get("/api/v1/users").status_code == 200
    assert enter(TestClient(app), password, email=email).status_code == 401


def test_of_several_starts_at_once_one_makes_the_admin(database):
    from concurrent.futures import ThreadPoolExecutor

    hasher = Passwords(PasswordHasher(**CHEAP), at_once=8)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda n: first_admin(database, hasher), range(6)))
    assert sum(each is not None for each in made) == 1
    with database.read() as session:
        assert len(session.scalars(select(User)).all()) == 1


def test_nothing_of_a_person_is_in_the_audit_log(service, centre):
    browser = service(lockout_attempts=1)
    enter(browser)
    enter(browser, "wrong")
    with centre.database.read() as session:
        told = " ".join(
            f"{e.actor} {e.action} {e.target} {e.detail}" for e in session.scalars(select(AuditEntry))
        )
    assert told
    for private in ("example.com", "coach@", "wrong password", RIGHT):
        assert private not in told
