"""Uploads: what is taken, what is refused, and that what is refused leaves nothing behind."""

from __future__ import annotations

import threading

import pytest
import soundfile
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select
from work_fakes import CHAT, send, staged, wav, with_settings, work_off

from service.api.app import create_app
from service.files import Files
from service.store.tables import AuditEntry, Call, Job, Submission


@pytest.fixture
def admin(client):
    return client("admin")


def test_a_recording_becomes_a_call_that_can_be_played(admin, settings, database):
    answer = send(
        admin, ("0042.wav", wav()), agent_id="n1", queue="billing", started_at="2026-11-03T09:30:00+01:00",
        channels="agent=0,customer=1", metadata='{"site": "Leipzig"}',
    )  # fmt: skip
    assert answer.status_code == 202
    (item,) = answer.json()["items"]
    assert answer.headers["location"] == f"/api/v1/jobs/{item['job_id']}"
    work_off(settings, database)
    job = admin.get(answer.headers["location"]).json()
    assert (job["state"], job["calls"], job["progress"]) == ("done", ["0042"], 1.0)
    call = admin.get("/api/v1/calls/0042").json()
    assert (call["agent_id"], call["metadata"]) == ("n1", {"site": "Leipzig"})
    assert call["started_at"].startswith("2026-11-03T08:30")
    assert [c["role"] for c in call["channels"]] == ["agent", "customer"]
    with database.read() as session:
        audio = session.scalar(select(Call.audio).where(Call.call_id == "0042"))
    with Files.of(settings).read("recordings", audio) as file:
        _, rate = soundfile.read(file)
    assert rate == 16_000
    assert staged(settings) == []


def test_conversations_become_a_call_each(admin, settings, database):
    answer = send(admin, ("any name at all", CHAT), queue="chat")
    work_off(settings, database)
    job = admin.get(answer.headers["location"]).json()
    assert job["calls"] == ["chat-1", "chat-2"]
    assert admin.get("/api/v1/calls/chat-2").json()["queue"] == "chat"
    again = send(admin, ("other.csv", CHAT))
    assert again.status_code == 200
    assert again.json()["items"][0] == {"status": "known", "job_id": job["id"], "call_ids": []}


def test_sidecars_follow_their_files(admin, settings, database):
    parts = [
        ("file", ("a.wav", wav(seed=1))),
        ("sidecar", (None, '{"call_id": "A-1", "agent_id": "n2"}')),
        ("file", ("b.wav", wav(seed=2))),
        ("sidecar", ("b.wav.json", '{"call_id": "B-1"}')),
    ]
    answer = admin.post("/api/v1/calls", files=parts, data={"queue": "sales"})
    assert answer.status_code == 202, answer.text
    work_off(settings, database)
    assert admin.get("/api/v1/calls/A-1").json()["agent_id"] == "n2"
    assert admin.get("/api/v1/calls/B-1").json()["queue"] == "sales"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"started_at": "yesterday"}, "started_at must be an ISO 8601 time"),
        ({"channels": "agent"}, "write it as agent=0,customer=1"),
        ({"metadata": "[1]"}, "metadata: must be a JSON object"),
        ({"language": "english"}, "language: must be an ISO 639-1 code"),
        ({"agent_id": "x" * 201}, "agent_id: must have at most 200 characters"),
        ({"agent_id": "a\0b"}, "none of them U+0000"),
        ({"agentid": "x"}, "agentid: no such field"),
    ],
)
def test_wrong_facts_are_told_and_nothing_is_queued(fuzzed, fields, says):
    browser, settings = fuzzed
    answer = send(browser, ("a.wav", wav()), **fields)
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    assert staged(settings) == []
    assert browser.get("/api/v1/jobs").json()["items"] == []


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "call.wav", 415),
        (b"MZ" + bytes(500), "call.mp3", 415),
        (b"just some words", "call.wav", 415),
        (b"<html><script>alert(1)</script>", "call.jsonl", 415),
        (b'{"call_id": "x", "role": "wizard", "text": "hi"}', "chat.jsonl", 422),
        (b"", "empty.wav", 422),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n", "list.wav", 415),
        (bytes(4000), "raw.ulaw", 415),
    ],
)
def test_what_a_file_is_is_seen_in_it_not_in_its_name(fuzzed, content, name, status):
    browser, settings = fuzzed
    answer = send(browser, ("good.wav", wav()), (name, content))
    assert answer.status_code == status, answer.text
    assert staged(settings) == []


def test_a_recording_under_any_name_and_type_is_taken(admin, settings, database):
    parts = [("file", ("../../etc/passwd.txt", wav(), "text/html"))]
    answer = admin.post("/api/v1/calls", files=parts)
    assert answer.status_code == 202
    work_off(settings, database)
    assert admin.get(answer.headers["location"]).json()["calls"] == ["passwd"]
    outside = [p for p in settings.data_dir.rglob("*") if "passwd" in p.name]
    assert outside == []


def test_too_large_is_counted_while_it_comes(admin, settings, database, centre):
    app = create_app(with_settings(settings, max_upload_mb=1), centre.database)
    browser = TestClient(app, cookies=admin.cookies, headers=admin.headers)
    assert send(browser, ("big.wav", bytes(1_100_000))).status_code == 413
    sent = []

    def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.wav"\r\n\r\n'
        for _ in range(100):
            sent.append(1)
            yield bytes(100_000)

    answer = browser.post(
        "/api/v1/calls", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert staged(settings) == []


def test_too_many_parts_and_too_large_a_field_are_refused(admin, settings):
    many = [("file", (f"{n}.wav", wav())) for n in range(101)]
    assert admin.post("/api/v1/calls", files=many).status_code == 413
    assert send(admin, ("a.wav", wav()), metadata="x" * 300_000).status_code == 413
    assert staged(settings) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"--b--\r\n",
        b"--b\r\n\r\nno headers\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\ncut',
        b'--b\r\nContent-Disposition: form-data; name="queue"\r\n\r\n\xff\xfe\r\n--b--\r\n',
        b"--b\r\n" + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n\r\n--b--\r\n",
    ],
)
def test_a_malformed_body_is_refused(fuzzed, body):
    browser, settings = fuzzed
    answer = browser.post(
        "/api/v1/calls", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["code"] in ("bad_request", "invalid")
    assert staged(settings) == []


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=", ""]
)
def test_another_content_type_is_refused(fuzzed, kind):
    browser, _ = fuzzed
    assert browser.post("/api/v1/calls", content=b"{}", headers={"Content-Type": kind}).status_code == 400


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """A service that many bodies are thrown at."""
    from service.people.credentials import new_key
    from service.settings import Settings
    from service.store.database import connect, upgrade
    from service.store.tables import User

    folder = tmp_path_factory.mktemp("fuzz")
    database = connect(f"sqlite:///{folder / 'f.db'}")
    upgrade(database)
    with database.begin() as session:
        user = User(email="a@example.com", name="a", role="admin")
        session.add(user)
        session.flush()
        _, secret = new_key(session, user, name="k", scopes=("ingest",), days=1)
    settings = Settings(_env_file=None, data_dir=folder / "data")
    app = create_app(settings, database)
    with TestClient(
        app, headers={"Authorization": f"Bearer {secret}"}, raise_server_exceptions=False
    ) as made:
        yield made, settings


PARTS = st.lists(
    st.one_of(
        st.just(b"--b\r\n"), st.just(b"--b--\r\n"), st.just(b"\r\n"), st.just(b"--b"), st.just(b"\r\n--b"),
        st.just(b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n'),
        st.just(b'Content-Disposition: form-data; name="queue"\r\n'),
        st.just(b"Content-Type: audio/wav\r\n"),
        st.binary(max_size=40),
    ),
    max_size=14,
)  # fmt: skip


@given(parts=PARTS)
@examples(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_makes_a_fault_or_leaves_a_file(fuzzed, parts):
    browser, settings = fuzzed
    answer = browser.post(
        "/api/v1/calls", content=b"".join(parts), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code in (400, 413, 415, 422), answer.text
    assert staged(settings) == []


@given(filename=st.text(max_size=60), field=st.text(min_size=1, max_size=20))
@examples(max_examples=100)
def test_no_name_makes_a_fault(fuzzed, filename, field):
    browser, settings = fuzzed
    answer = browser.post("/api/v1/calls", files={field: (filename, b"x")})
    assert answer.status_code in (400, 415, 422), answer.text
    assert staged(settings) == []


# ---- the same twice ----------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer_and_does_nothing(admin, settings, database):
    first = send(admin, ("a.wav", wav()), key="k1")
    assert first.status_code == 202
    work_off(settings, database)
    again = send(admin, ("a.wav", wav()), key="k1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["location"] == first.headers["location"]
    other = send(admin, ("a.wav", wav(seed=5)), key="k1")
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["error"]["message"]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1
    assert staged(settings) == []


def test_keys_of_one_sender_do_not_meet_anothers(client):
    one, other = client("admin", scopes=("ingest",)), client("admin", scopes=("ingest",))
    assert send(one, ("a.wav", wav(seed=1)), key="k").status_code == 202
    assert send(other, ("b.wav", wav(seed=2)), key="k").status_code == 202


def test_the_same_content_again_is_the_job_and_then_the_call(admin, settings, database):
    first = send(admin, ("a.wav", wav())).json()["items"][0]
    second = send(admin, ("b.wav", wav()))
    assert second.status_code == 200
    assert second.json()["items"] == [{"status": "known", "job_id": first["job_id"], "call_ids": []}]
    work_off(settings, database)
    third = send(admin, ("c.wav", wav()))
    assert third.json()["items"][0]["call_ids"] == ["a"]
    assert staged(settings) == []


def test_another_recording_under_an_id_that_is_taken_is_a_conflict(admin, settings, database):
    send(admin, ("a.wav", wav(seed=1)))
    send(admin, ("a.wav", wav(seed=2)))  # nobody can know yet
    work_off(settings, database)
    assert send(admin, ("a.wav", wav(seed=3))).status_code == 409
    failed = admin.get("/api/v1/jobs", params={"state": "failed"}).json()["items"]
    assert [job["error"][:35] for job in failed] == ["There is another call with the id 'a"[:35]]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Call).where(Call.call_id == "a")) == 1


def test_two_clients_that_deliver_the_same_at_once_make_one_job(client, database, settings):
    browsers = [client("admin") for _ in range(6)]
    answers = []
    threads = [
        threading.Thread(target=lambda b=b: answers.append(send(b, ("same.wav", wav())))) for b in browsers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status_code for a in answers) == [200, 200, 200, 200, 200, 202]
    assert len({a.json()["items"][0]["job_id"] for a in answers}) == 1
    assert len(staged(settings)) == 2  # the file and its facts


def test_the_same_key_at_once_gives_one_answer(client, database):
    browsers = [client("admin") for _ in range(5)]
    answers = []
    threads = [
        threading.Thread(target=lambda b=b: answers.append(send(b, ("s.wav", wav()), key="one")))
        for b in browsers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {202}
    assert all(a.json() == answers[0].json() for a in answers)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Submission)) == 1


# ---- who may -----------------------------------------------------------------------------------------


def test_only_who_may_bring_things_in(client):
    for role in ("coach", "agent", "analyst"):
        assert send(client(role), ("a.wav", wav())).status_code == 403
    assert send(client(None), ("a.wav", wav())).status_code == 401


def test_an_ingest_key_sees_its_own_jobs_and_nothing_else(client, settings, database):
    one, other, admin = (
        client("admin", scopes=("ingest",)),
        client("admin", scopes=("ingest",)),
        client("admin"),
    )
    job = send(one, ("mine.wav", wav(seed=1))).json()["items"][0]["job_id"]
    send(admin, ("theirs.wav", wav(seed=2)))
    assert [j["id"] for j in one.get("/api/v1/jobs").json()["items"]] == [job]
    assert other.get("/api/v1/jobs").json()["items"] == []
    assert other.get(f"/api/v1/jobs/{job}").status_code == 404
    assert other.get(f"/api/v1/jobs/{job}/events").status_code == 404
    assert one.post(f"/api/v1/jobs/{job}/cancel").status_code == 403
    assert one.get("/api/v1/calls").status_code == 403
    assert len(admin.get("/api/v1/jobs").json()["items"]) == 2
    known = send(other, ("again.wav", wav(seed=1))).json()["items"][0]
    assert known == {"status": "known", "job_id": None, "call_ids": []}


def test_uploads_are_in_the_audit_log_by_number(admin, database):
    job = send(admin, ("Jane Doe.wav", wav())).json()["items"][0]["job_id"]
    with database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.target, entry.detail) == ("ingest", "score", {"jobs": [job]})
