"""Logging in at a real OpenID Connect provider, and everything that must not get anybody in."""

from __future__ import annotations

import hmac
import json
import stat
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from oidc_provider import CLIENT, SECRET, Provider, Running, b64, unsigned
from sqlalchemy import select

from service.api.app import create_app
from service.api.oidc import PENDING_COOKIE
from service.api.who import COOKIE
from service.people.oidc import Identity, OidcClient, OidcError, UnreachableError
from service.people.sealed import KEY_FILE, Seal
from service.store.tables import AuditEntry, User

BASE = "http://testserver"
CALLBACK = f"{BASE}/api/v1/oidc/callback"


@pytest.fixture(scope="module")
def running():
    made = Provider(redirect_uri=CALLBACK)
    made.new_key()
    server = Running(made)
    yield made
    server.stop()


@pytest.fixture
def provider(running):
    fresh = Provider(redirect_uri=CALLBACK)
    running.claims, running.user, running.sign, running.in_token = {}, fresh.user, None, True
    del running.keys[:-1]
    running.n_key_requests = 0
    return running


@pytest.fixture
def make(settings, centre, provider):
    """A browser at a service that has the provider, and knows the people of ``centre``."""
    opened = []

    def made(**more) -> TestClient:
        given = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
        used = settings.model_copy(update={})
        used = type(settings)(_env_file=None, **(used.model_dump() | given | {"base_url": BASE} | more))
        app = create_app(used, centre.database)
        opened.append(app.state.oidc)
        return TestClient(app, base_url=BASE, raise_server_exceptions=False, follow_redirects=False)

    yield made
    for oidc in opened:
        oidc.client.close()


def at_the_provider(browser: TestClient) -> dict[str, str]:
    """Go to the provider and log in there; what it sends back with."""
    away = browser.get("/api/v1/oidc/login")
    assert away.status_code == 303, away.text
    back = httpx.get(away.headers["location"])
    assert back.status_code == 307, back.text
    assert back.headers["location"].startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}


def log_in(browser: TestClient):
    return browser.get("/api/v1/oidc/callback", params=at_the_provider(browser))


@pytest.fixture
def at(provider):
    """Log in at the provider with nothing of ours but the client."""
    client = OidcClient(issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, redirect_uri=CALLBACK)

    def asked() -> Identity:
        url, pending = client.begin()
        back = parse_qs(urlsplit(httpx.get(url).headers["location"]).query)
        return client.finish(pending, code=back["code"][0], state=back["state"][0])

    yield asked
    client.close()


def reasons(centre):
    with centre.database.read() as session:
        return [
            e.detail.get("reason") for e in session.scalars(select(AuditEntry)) if e.action == "login.failed"
        ]


def test_a_person_is_known_by_a_checked_email_first_and_by_subject_ever_after(make, provider, centre):
    browser = make()
    answer = log_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/api/v1/session").json()["user_id"] == centre.users["coach"]
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    provider.user |= {"email": "renamed@example.com"}
    again = make()
    assert log_in(again).status_code == 303
    assert again.get("/api/v1/session").json()["user_id"] == centre.users["coach"]


def test_the_email_may_be_told_by_user_info_only_and_is_of_the_same_person(make, provider, centre):
    provider.in_token = False
    browser = make()
    assert log_in(browser).status_code == 303
    assert browser.get("/api/v1/session").json()["user_id"] == centre.users["coach"]
    provider.claims = {"sub": "somebody-else"}
    assert log_in(make()).status_code == 403


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_email_that_was_not_checked_is_nobodys(make, provider, centre, verified):
    provider.claims = {"email_verified": verified}
    browser = make(oidc_role="admin")
    assert log_in(browser).status_code == 403
    assert COOKIE not in browser.cookies
    assert reasons(centre) == ["email_not_verified"]


def test_newcomers_get_in_only_if_the_settings_say_as_what(make, provider, centre):
    provider.user |= {"sub": "new", "email": "New@Example.com", "name": "New\r\nSet-Cookie: a=b"}
    assert log_in(make()).status_code == 403
    assert reasons(centre) == ["no_account"]
    browser = make(oidc_role="analyst")
    assert log_in(browser).status_code == 303
    mine = browser.get("/api/v1/session").json()
    assert (mine["role"], mine["email"], mine["name"]) == ("analyst", "new@example.com", "new")


def test_nobody_takes_an_account_that_is_linked_to_another_subject(make, provider, centre):
    assert log_in(make()).status_code == 303
    provider.user |= {"sub": "subject-2"}
    assert log_in(make(oidc_role="admin")).status_code == 403
    assert reasons(centre) == ["linked_to_another"]


def test_who_is_disabled_stays_out(make, centre):
    assert log_in(make()).status_code == 303
    with centre.database.begin() as session:
        from service.store.columns import now

        session.get_one(User, centre.users["coach"]).disabled_at = now()
    assert log_in(make()).status_code == 403
    assert reasons(centre) == ["disabled"]


def test_a_one_time_password_that_was_never_used_is_gone_with_the_first_login(make, centre):
    with centre.database.begin() as session:
        user = session.get_one(User, centre.users["coach"])
        user.password_hash, user.must_change_password = "kept", True
    browser = make()
    assert log_in(browser).status_code == 303
    assert browser.get("/api/v1/session").json()["must_change_password"] is False
    with centre.database.read() as session:
        assert session.get_one(User, centre.users["coach"]).password_hash is None


def _with_another_key(claims):
    stranger = RSAKey.generate_key(2048, {"kid": "stranger"})
    return jwt.encode({"alg": "RS256", "kid": "stranger"}, claims, stranger)


def _by_the_public_key_as_a_secret(provider):
    """The oldest trick on JWT: the public key, which everybody has, as the secret of an HMAC."""

    def sign(claims):
        head = b64(json.dumps({"alg": "HS256", "kid": provider.keys[-1].kid}).encode())
        signed = f"{head}.{b64(json.dumps(claims).encode())}"
        mac = hmac.digest(provider.keys[-1].as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{b64(mac)}"

    return sign


def _with_the_name_of_another_key(provider):
    def sign(claims):
        stranger = RSAKey.generate_key(2048)
        return jwt.encode({"alg": "RS256", "kid": provider.keys[-1].kid}, claims, stranger)

    return sign


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT], "azp": "another-client"},
        {"aud": None},
        {"iss": "https://id.example.com"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"exp": "never"},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": 17},
        {"sub": "s" * 256},
    ],
)
def test_a_token_that_says_anything_else_than_it_must_lets_nobody_in(provider, at, claims):
    provider.claims = claims
    with pytest.raises(OidcError, match="|".join([*claims, "azp"])):
        at()


def test_a_token_as_it_must_be_lets_somebody_in(provider, at):
    """Also with a clock a little off, and for two audiences if it says that this client is the one."""
    provider.claims = {
        "iat": int(time.time()) + 30,
        "exp": int(time.time()) - 30,
        "aud": ["b", CLIENT],
        "azp": CLIENT,
    }
    assert at() == Identity(
        issuer=provider.issuer, subject="subject-1", email="coach@example.com", name="Kim"
    )


def test_a_wrong_answer_is_told_in_words_that_say_nothing_of_it(make, provider, centre):
    provider.claims = {"nonce": "another"}
    browser = make(oidc_role="admin")
    answer = log_in(browser)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")
    assert "nonce" not in answer.text
    assert COOKIE not in browser.cookies
    assert browser.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize(
    "sign",
    [
        lambda p: unsigned,
        lambda p: lambda c: unsigned(c) + p.signed(c).rpartition(".")[2],
        lambda p: _with_another_key,
        _by_the_public_key_as_a_secret,
        _with_the_name_of_another_key,
        lambda p: lambda c: p.signed(c)[:-8] + "AAAAAAAA",
        lambda p: lambda c: ".".join([*unsigned(c).split(".")[1:2], p.signed(c)]),
        lambda p: lambda c: "",
        lambda p: lambda c: "a.b.c",
        lambda p: lambda c: "é" * 50,
    ],
    ids=["none", "none-signed", "stranger", "hmac", "kid", "cut", "parts", "empty", "abc", "accents"],
)
def test_a_token_that_is_not_signed_by_the_provider_lets_nobody_in(provider, at, sign):
    provider.sign = sign(provider)
    with pytest.raises(OidcError) as raised:
        at()
    assert not isinstance(raised.value, UnreachableError)


def test_a_new_key_is_fetched_once_and_a_key_that_was_withdrawn_is_not_believed_again(make, provider):
    browser = make()
    assert log_in(browser).status_code == 303
    assert log_in(browser).status_code == 303
    assert provider.n_key_requests == 1
    old = provider.keys[-1]
    provider.new_key()
    provider.keys.remove(old)
    assert log_in(browser).status_code == 303
    assert provider.n_key_requests == 2
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": old.kid}, claims, old)
    assert log_in(browser).status_code == 403
    assert provider.n_key_requests == 3


def test_a_token_without_a_key_s_name_is_checked_if_there_is_only_one(make, provider):
    provider.sign = lambda claims: jwt.encode({"alg": "RS256"}, claims, provider.keys[-1])
    assert log_in(make()).status_code == 303
    provider.new_key()
    assert log_in(make()).status_code == 403


def test_the_state_belongs_to_the_browser_that_began(make):
    browser, other = make(), make()
    sent = at_the_provider(browser)
    assert other.get("/api/v1/oidc/callback", params=sent).status_code == 400
    at_the_provider(other)
    assert other.get("/api/v1/oidc/callback", params=sent).status_code == 403
    assert browser.get("/api/v1/oidc/callback", params=sent | {"state": "é"}).status_code == 403
    assert (
        browser.get("/api/v1/oidc/callback", params=sent | {"iss": "https://id.example.com"}).status_code
        == 403
    )
    assert browser.get("/api/v1/oidc/callback", params=sent).status_code == 303


def test_an_answer_cannot_be_used_twice(make):
    browser = make()
    sent = at_the_provider(browser)
    kept = browser.cookies[PENDING_COOKIE]
    assert browser.get("/api/v1/oidc/callback", params=sent).status_code == 303
    assert PENDING_COOKIE not in browser.cookies
    thief = make()
    thief.cookies.set(PENDING_COOKIE, kept)
    assert thief.get("/api/v1/oidc/callback", params=sent).status_code == 403


def test_what_the_provider_says_of_an_error_is_not_passed_on(make):
    browser = make()
    at_the_provider(browser)
    answer = browser.get(
        "/api/v1/oidc/callback", params={"error": "<script>", "error_description": "<b>call 555-0100</b>"}
    )
    assert answer.status_code == 403
    assert "script" not in answer.text
    assert "555" not in answer.text


def test_every_login_has_a_token_of_its_own_and_ends_the_one_before(make):
    browser = make()
    log_in(browser)
    first = browser.cookies[COOKIE]
    log_in(browser)
    assert browser.cookies[COOKIE] != first
    old = make()
    old.cookies.set(COOKIE, first)
    assert old.get("/api/v1/session").status_code == 401


def test_a_provider_that_is_away_or_another_is_told_as_unavailable(make, provider):
    away = make(oidc_issuer="http://127.0.0.1:9").get("/api/v1/oidc/login")
    assert (away.status_code, away.json()["error"]["code"]) == (503, "unavailable")
    assert make(oidc_issuer=f"{provider.issuer}/").get("/api/v1/oidc/login").status_code == 503


def test_without_a_provider_there_is_no_such_login(client):
    assert client(None).get("/api/v1/oidc/login").status_code == 404
    assert client(None).get("/api/v1/oidc/callback").status_code == 404


def test_what_the_browser_keeps_on_the_way_is_sealed_by_a_key_only_we_can_read(tmp_path):
    seal = Seal(tmp_path)
    mode = stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode)
    assert mode == 0o600
    closed = seal.close({"state": "secret"})
    assert "secret" not in closed
    assert Seal(tmp_path).open(closed, max_age_s=60) == {"state": "secret"}
    assert seal.open(closed[:-4] + "AAAA", max_age_s=60) is None
    assert seal.open("", max_age_s=60) is None
    assert seal.open(closed, max_age_s=-1) is None
    assert Seal(tmp_path / "other").open(closed, max_age_s=60) is None
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [KEY_FILE]
