"""Deletion leaves nothing behind, disclosure gives all, retention lets go in time, backups come back."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import flagged_call
from factories import agent, call, customer
from sqlalchemy import text

from sentiment.errors import InputError, OutputError
from service.files import Files
from service.privacy.backup import back_up, restore
from service.privacy.deletion import Chosen, delete_chosen, pseudonym, tidy
from service.privacy.retention import apply_retention
from service.store.audit import record, verify
from service.store.calls import put_call
from service.store.columns import now
from service.store.database import connect, upgrade
from service.store.tables import Base, Contact, Job, Retention, Survey

WORD = "Xylophonist"


def _quiet(_stage, _fraction):
    """Progress that nobody watches."""


@pytest.fixture
def files(settings):
    return Files.of(settings)


@pytest.fixture
def kept(centre, files):
    """A customer with a call that has everything: recording, note, survey, contact record."""
    audio = files.write("recordings", io.BytesIO(f"{WORD} speaking".encode()))
    moment = now()
    with centre.database.begin() as session:
        made = call(
            customer(f"The {WORD} said I will cancel my account.", -0.8), agent("I am sorry."), id="c-1",
            customer_id=f"cust-{WORD}", agent_id="n1", queue="claims", started_at=moment - timedelta(days=40),
        )  # fmt: skip
        put_call(session, made, content_sha256="a" * 64, audio=audio)
        session.add(
            Survey(
                fingerprint="f" * 64, call_ref="c-1", customer_id=f"cust-{WORD}", instrument="csat", value=1,
                scale_min=1, scale_max=5, answered_at=moment,
            )
        )  # fmt: skip
        session.add(Contact(contact_id="c-1", customer_id=f"cust-{WORD}", fields={"note": WORD}))
    return audio


def _everywhere(database):
    """Every value of every table, as one text."""
    with database.read() as session:
        rows = [str(tuple(row)) for t in Base.metadata.sorted_tables for row in session.execute(t.select())]
    return "\n".join(sorted(rows))


def test_nothing_of_a_deleted_customer_is_left(centre, files, kept, settings):
    database = centre.database
    done = delete_chosen(database, files, Chosen(customer=f"cust-{WORD}"), tell=_quiet)
    tidy(database)
    assert (done.calls, done.recordings, done.surveys, done.contacts) == (1, 1, 1, 1)
    assert not files.path("recordings", kept).exists()
    assert WORD not in _everywhere(database)
    if database.dialect == "sqlite":
        database.close()
        path = settings.database.removeprefix("sqlite:///")
        for stored in Path(path).parent.glob("service.db*"):
            assert WORD.lower().encode() not in stored.read_bytes().lower()


def test_a_time_range_takes_its_calls_and_no_others(centre, files, kept):
    chosen = Chosen(since=now() - timedelta(days=50), until=now() - timedelta(days=30))
    done = delete_chosen(centre.database, files, chosen, tell=_quiet)
    assert done.calls == 1
    with centre.database.read() as session:
        left = session.execute(text("SELECT count(*) FROM calls")).scalar()
    assert left == 5


def test_a_recording_two_calls_share_stays_while_one_is_left(centre, files, kept):
    with centre.database.begin() as session:
        put_call(session, call(customer("Hi."), id="c-2"), content_sha256="b" * 64, audio=kept)
    delete_chosen(centre.database, files, Chosen(customer=f"cust-{WORD}"), tell=_quiet)
    assert files.path("recordings", kept).exists()


def test_the_api_deletes_one_call_and_notes_it(client, centre, kept):
    browser = client("admin")
    assert browser.delete("/api/v1/calls/c-1").status_code == 204
    assert browser.get("/api/v1/calls/c-1").status_code == 404
    entries = browser.get("/api/v1/audit").json()["items"]
    assert entries[0]["action"] == "deleted"
    assert WORD not in json.dumps(entries)


def test_deletions_in_bulk_are_a_job_that_forgets_whom_it_was_about(client, centre, files, kept, settings):
    from fakes import fake_analyser

    from service.jobs.work import Work
    from service.jobs.worker import Worker

    asked = client("admin").post("/api/v1/privacy/deletions", json={"customer": f"cust-{WORD}"})
    assert asked.status_code == 202
    with_fakes = {"analyser": fake_analyser(), "redact": None}
    work = Work(settings=settings, database=centre.database, files=files, **with_fakes)
    assert Worker(work=work).run_one("work")
    assert WORD not in _everywhere(centre.database)
    entries = client("admin").get("/api/v1/audit").json()["items"]
    told = {e["action"]: e["target"] for e in entries}
    assert told["deletion.asked"] == told["deleted"] == pseudonym(f"cust-{WORD}")


def test_uploads_of_a_deleted_customer_do_not_bring_them_back(client, centre, settings):
    """One that waits, and one that failed and could be tried again; those of others stay."""
    from work_fakes import due_now, enqueue, job_of, make_work, stage, staged, wav, worker_of

    from service.jobs.work import Kind

    work = make_work(settings, centre.database)
    failed = enqueue(work, stage(work, wav(seed=1), call_id="f", customer_id=f"cust-{WORD}"))

    def broken(_task):
        raise RuntimeError

    for _ in range(3):
        worker_of(work, score=Kind(lane="work", run=broken)).run_one("work")
        due_now(centre.database, failed)
    asked = client("admin").post("/api/v1/privacy/deletions", json={"customer": f"cust-{WORD}"})
    waiting = enqueue(work, stage(work, wav(seed=2), call_id="w", customer_id=f"cust-{WORD}"))
    other = enqueue(work, stage(work, wav(seed=3), call_id="o", customer_id="cust-other"))
    assert len(staged(settings)) == 6
    worker_of(work).run_one("work")
    done = client("admin").get(f"/api/v1/jobs/{asked.json()['job_id']}").json()
    assert (done["state"], done["result"]["calls"], done["calls"]) == ("done", 0, [])
    assert client("qa_manager").get("/api/v1/jobs").status_code == 200
    states = [job_of(centre.database, job).state for job in (failed, waiting, other)]
    assert states == ["failed", "cancelled", "queued"]
    assert len(staged(settings)) == 2
    assert client("admin").post(f"/api/v1/jobs/{failed}/retry").status_code == 409


def test_a_recording_that_is_being_scored_is_stopped_and_the_deletion_tried_again(client, centre, settings):
    from work_fakes import due_now, enqueue, job_of, make_work, stage, staged, wav, worker_of

    from service.jobs import queue

    work = make_work(settings, centre.database)
    running = enqueue(work, stage(work, wav(), call_id="r", customer_id=f"cust-{WORD}"))
    assert queue.claim(centre.database, "work", "another", lease_s=60).id == running
    asked = client("admin").post("/api/v1/privacy/deletions", json={"customer": f"cust-{WORD}"})
    deletion = asked.json()["job_id"]
    worker_of(work).run_one("work")
    assert job_of(centre.database, deletion).state == "queued"
    assert job_of(centre.database, running).cancel_asked
    with centre.database.begin() as session:
        session.get_one(Job, running).state = "cancelled"
    due_now(centre.database, deletion)
    worker_of(work).run_one("work")
    assert job_of(centre.database, deletion).state == "done"
    assert WORD not in _everywhere(centre.database)
    assert len(staged(settings)) == 2  # the worker that stopped removes it


def test_what_was_set_aside_of_a_deleted_customer_is_gone(client, centre, settings):
    from work_fakes import work_off

    head = "call_id,instrument,value,scale_min,scale_max,customer_id\n"
    places = []
    for whose in (f"cust-{WORD}", "cust-other"):
        content = f"{head}x,csat,5,1,5,fine\ny,csat,many,1,5,{whose}\n".encode()
        answer = client("admin").post("/api/v1/imports/surveys", files={"file": ("s.csv", content)})
        places.append(answer.headers["location"])
    work_off(settings, centre.database)
    assert [client("admin").get(f"{place}/set-aside").status_code for place in places] == [200, 200]
    client("admin").post("/api/v1/privacy/deletions", json={"customer": f"cust-{WORD}"})
    work_off(settings, centre.database)
    assert [client("admin").get(f"{place}/set-aside").status_code for place in places] == [404, 200]


def test_the_file_of_sqlite_forgets_whom_a_deletion_was_about(client, centre, settings):
    """The job's payload names the customer until the job ends, which is after it tidied up."""
    from work_fakes import work_off

    if centre.database.dialect != "sqlite":
        pytest.skip("PostgreSQL overwrites in its own time")
    path = Path(str(centre.database.engine.url.database))
    client("admin").post("/api/v1/privacy/deletions", json={"customer": f"cust-{WORD}"})
    work_off(settings, centre.database)
    kept = path.read_bytes() + path.with_name(f"{path.name}-wal").read_bytes()
    assert WORD.encode() not in kept


def test_a_deletion_is_stopped_by_nobody_who_could_not_ask_for_it(client, centre):
    asked = client("admin").post("/api/v1/privacy/deletions", json={"customer": "cust-1"})
    job = asked.json()["job_id"]
    assert client("qa_manager").post(f"/api/v1/jobs/{job}/cancel").status_code == 403
    assert client("qa_manager").post(f"/api/v1/jobs/{job}/retry").status_code == 403
    assert client("admin").get(f"/api/v1/jobs/{job}").json()["state"] == "queued"
    assert client("admin").post(f"/api/v1/jobs/{job}/cancel").json()["state"] == "cancelled"


def test_a_backup_is_not_written_into_a_file_that_others_laid_there(centre, files, kept, tmp_path):
    """In a folder that others may write to, they could read it as it is written, and afterwards."""
    theirs = tmp_path / ".backup.tar.part"
    theirs.write_bytes(b"")
    theirs.chmod(0o666)
    with theirs.open("rb") as watched:
        back_up(centre.database, files, tmp_path / "backup.tar")
        assert watched.read() == b""
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"customer": "x", "since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
        {"since": "2026-01-01T00:00:00Z"},
        {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"since": "2026-01-01", "until": "2026-02-01"},
    ],
)
def test_a_deletion_that_says_not_what_is_refused(client, body):
    assert client("admin").post("/api/v1/privacy/deletions", json=body).status_code == 422


def test_disclosure_holds_all_there_is(client, kept):
    url = f"/api/v1/privacy/customers/cust-{WORD}/disclosure"
    with zipfile.ZipFile(io.BytesIO(client("admin").get(url).content)) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        (spoken,) = (n for n in names if n.endswith(".mp3"))
        assert archive.read(spoken) == f"{WORD} speaking".encode()
        (document,) = (n for n in names if n.startswith("calls/") and n.endswith(".json"))
        assert WORD in archive.read(document).decode()
        assert json.loads(archive.read("surveys.json"))[0]["value"] == 1
        assert json.loads(archive.read("contacts.json"))[0]["fields"] == {"note": WORD}
    assert client("admin").get("/api/v1/privacy/customers/nobody/disclosure").status_code == 404


def test_retention_takes_recordings_first_and_calls_later(centre, files, kept):
    with centre.database.begin() as session:
        session.add(Retention(queue="claims", audio_days=30, call_days=60))
        session.add(Retention(queue="", audio_days=1, call_days=1))
    done = apply_retention(centre.database, files, tell=_quiet)
    assert (done.calls, done.recordings) == (0, 1)
    assert not files.path("recordings", kept).exists()
    later = apply_retention(centre.database, files, tell=_quiet, at=now() + timedelta(days=21))
    assert later.calls == 6  # the claims call by its own rule, the five others by everybody's


def test_a_backup_comes_back_whole(centre, files, kept, settings, tmp_path):
    database = centre.database
    with database.begin() as session:
        record(session, "user:1", "tested", "call:1", n=1)
    before = _everywhere(database)
    path = tmp_path / "backup.tar"
    back_up(database, files, path)
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(OutputError, match="empty"):
        restore(database, files, path)
    again = connect(f"sqlite:///{tmp_path / 'again' / 'service.db'}")
    there = Files(tmp_path / "again")
    restore(again, there, path)
    assert _everywhere(again) == before
    with there.read("recordings", kept) as recording:
        assert recording.read() == f"{WORD} speaking".encode()
    with again.begin() as session:
        put_call(session, flagged_call("after"))
        record(session, "user:1", "tested", "call:2")
    with again.read() as session:
        assert verify(session).broken is None
        found = session.execute(
            text("SELECT count(*) FROM transcripts_search WHERE transcripts_search MATCH 'xylophonist'")
        )
        assert found.scalar() == 1
    again.close()


def test_a_backup_goes_from_sqlite_to_postgresql(database, centre, files, kept, tmp_path, request):
    if database.dialect != "postgresql":
        pytest.skip("the way back is the test above")
    path = tmp_path / "backup.tar"
    back_up(database, files, path)
    light = connect(f"sqlite:///{tmp_path / 'light.db'}")
    restore(light, Files(tmp_path / "light"), path)
    second = tmp_path / "second.tar"
    back_up(light, Files(tmp_path / "light"), second)
    with database.begin() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    restore(database, files, second)
    with database.begin() as session:
        assert put_call(session, flagged_call("next")).id > 6
    light.close()


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\0" * 10240])
def test_what_is_no_backup_is_said(tmp_path, content):
    path = tmp_path / "b.tar"
    path.write_bytes(content)
    empty = connect(f"sqlite:///{tmp_path / 'e.db'}")
    upgrade(empty)
    with pytest.raises(InputError, match=r"b\.tar"):
        restore(empty, Files(tmp_path), path)
    empty.close()


@pytest.mark.parametrize(
    "harm", ["UPDATE audit SET actor = 'user:9' WHERE id = 2", "DELETE FROM audit WHERE id = 2"]
)
def test_a_changed_audit_log_shows(centre, client, harm):
    with centre.database.begin() as session:
        for i in range(4):
            record(session, "user:1", "tested", f"call:{i}", n=i)
    assert client("admin").get("/api/v1/audit/check").json()["holds"]
    with centre.database.begin() as session:
        session.execute(text(harm))
    told = client("admin").get("/api/v1/audit/check").json()
    assert (told["holds"], "2" in told["problem"]) == (False, True)


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        (None, 200, b"0123456789"), ("bytes=0-3", 206, b"0123"), ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"), ("bytes=5-100", 206, b"56789"), ("bytes=10-", 416, b""),
        ("bytes=3-1", 416, b""), ("bytes=-0", 416, b""), ("lines=1-2", 416, b""), ("bytes=-", 416, b""),
    ],
)  # fmt: skip
def test_any_part_of_a_recording_can_be_had(client, centre, files, asked, status, expected):
    name = files.write("recordings", io.BytesIO(b"0123456789"))
    with centre.database.begin() as session:
        put_call(session, flagged_call("call-n1"), audio=name)
    answer = client("agent").get("/api/v1/calls/call-n1/audio", headers={"Range": asked} if asked else {})
    assert (answer.status_code, answer.content) == (status, expected)
    assert client("agent").get("/api/v1/calls/call-s1/audio").status_code == 404
