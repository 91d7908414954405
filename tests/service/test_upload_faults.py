"""Uploads when the queue or the disk is full, the client slow, or the file a bomb."""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import threading
import time
import zipfile

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from work_fakes import due_now, job_of, send, staged, wav, with_settings, work_off

from service.api.app import create_app
from service.api.multipart import Limits
from service.files import Files
from service.store.tables import Job


@pytest.fixture
def admin(client):
    return client("admin")


# ---- no room, no time, no disk -----------------------------------------------------------------------


def test_a_full_queue_says_when_to_come_again(admin, settings, database, centre):
    app = create_app(with_settings(settings, max_queued_jobs=1), centre.database)
    browser = TestClient(app, cookies=admin.cookies, headers=admin.headers)
    assert send(browser, ("a.wav", wav(seed=1))).status_code == 202
    full = send(browser, ("b.wav", wav(seed=2)))
    assert (full.status_code, full.headers["retry-after"]) == (429, "60")
    work_off(settings, database)
    assert send(browser, ("b.wav", wav(seed=2))).status_code == 202


def test_several_files_with_room_for_one_are_taken_whole_or_not(admin, settings, database, centre):
    app = create_app(with_settings(settings, max_queued_jobs=1), centre.database)
    browser = TestClient(app, cookies=admin.cookies, headers=admin.headers)
    assert send(browser, ("a.wav", wav(seed=1)), ("b.wav", wav(seed=2))).status_code == 429
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0
    assert staged(settings) == []


class Full(io.RawIOBase):
    """A disk with room for so many bytes more."""

    left = 0

    def __init__(self, path):
        self.file = path.open("xb")

    def write(self, data):
        Full.left -= len(data)
        if Full.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)

    def fileno(self):
        return self.file.fileno()

    def flush(self):
        self.file.flush()

    def close(self):
        self.file.close()


@pytest.mark.parametrize("room", [0, 100, 3000])
def test_a_full_disk_is_told_and_leaves_nothing(admin, settings, database, centre, room):
    app = create_app(settings, centre.database)
    app.state.files = Files(settings.data_dir, None, Full)
    Full.left = room
    browser = TestClient(app, cookies=admin.cookies, headers=admin.headers, raise_server_exceptions=False)
    answer = send(browser, ("a.wav", wav()))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert staged(settings) == []
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_a_full_disk_in_the_worker_is_tried_again(admin, settings, database):
    job = send(admin, ("a.wav", wav())).json()["items"][0]["job_id"]
    Full.left = 10
    work_off(settings, database, files=Files(settings.data_dir, None, Full))
    row = job_of(database, job)
    assert (row.state, row.attempts) == ("queued", 1)
    assert "No space left" in row.error
    due_now(database, job)
    work_off(settings, database)
    assert job_of(database, job).state == "done"


@pytest.fixture
def server(settings, centre):
    """A real server on a socket, that waits half a second for a client who says nothing."""
    import uvicorn

    app = create_app(settings, centre.database)
    app.state.upload_limits = Limits(silence_s=0.5, grace_s=1.0, slowest=1_000.0)
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.02)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    thread.join()


def talk(port, browser, pause, n):
    """Send an upload ``n`` bytes at a time; what the server says."""
    auth = browser.headers["Authorization"]
    head = (
        "POST /api/v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        f"Authorization: {auth}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x.wav"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode())
        connection.settimeout(pause)
        for _ in range(200):
            try:
                return connection.recv(1000).decode()
            except TimeoutError:
                connection.sendall(b"x" * n)
    raise AssertionError("no answer")


def test_a_client_that_says_nothing_or_next_to_nothing_is_not_waited_for(server, client, settings):
    browser = client("admin", scopes=("ingest",))
    assert talk(server, browser, 2.0, 1).startswith("HTTP/1.1 408")
    assert talk(server, browser, 0.05, 1).startswith("HTTP/1.1 408")
    assert staged(settings) == []


# ---- bombs -------------------------------------------------------------------------------------------


def silence(hours):
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", 8000, 1, format="FLAC") as file:
        for _ in range(int(hours * 60)):
            file.write(np.zeros(8000 * 60, dtype="int16"))
    return out.getvalue()


def test_hours_of_silence_in_a_small_file_are_refused(admin, settings, database, centre):
    bomb = silence(1.5)
    assert len(bomb) < 500_000
    app = create_app(with_settings(settings, max_audio_hours=1), centre.database)
    browser = TestClient(app, cookies=admin.cookies, headers=admin.headers)
    answer = send(browser, ("bomb.flac", bomb))
    assert answer.status_code == 415
    assert "longer than 1 hours" in answer.json()["error"]["message"]


def test_hours_that_the_file_does_not_own_up_to_are_counted_by_the_worker(admin, settings, database):
    bomb = bytearray(silence(1.5))
    at = bomb.index(b"fLaC") + 8 + 13
    bomb[at] &= 0xF0
    bomb[at + 1 : at + 5] = bytes(4)  # STREAMINFO: number of samples unknown
    answer = send(admin, ("bomb.flac", bytes(bomb)))
    assert answer.status_code == 202
    work_off(with_settings(settings, max_audio_hours=1), database)
    job = admin.get(answer.headers["location"]).json()
    assert (job["state"], job["error"]) == (
        "failed", "recording: is longer than 1 hours; cut it into its calls",
    )  # fmt: skip
    assert staged(settings) == []


def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


def import_results(browser, content):
    return browser.post("/api/v1/imports/results", files={"file": ("results.zip", content)})


def made_call(browser, call_id):
    """The JSON of a call as it was scored, under another id."""
    return json.dumps(browser.get("/api/v1/calls/call-n1").json() | {"id": call_id})


def test_results_come_in_from_a_zip_and_what_cannot_is_set_aside(admin, settings, database):
    content = archive(
        **{
            "../../escape.json": made_call(admin, "imported-1"),
            "/etc/cron.d/x.json": made_call(admin, "imported-2"),
            "broken.json": "{",
            "report.html": "<html>",
            "taken.json": made_call(admin, "call-n1").replace("three weeks", "five weeks"),
        }
    )
    answer = import_results(admin, content)
    assert answer.status_code == 202
    work_off(settings, database)
    job = admin.get(answer.headers["location"]).json()
    assert job["state"] == "done", job
    assert (job["result"]["stored"], job["result"]["set_aside"]) == (3, 1)
    assert admin.get("/api/v1/calls/imported-2").status_code == 200
    aside = admin.get(f"{answer.headers['location']}/set-aside")
    assert aside.headers["content-type"].startswith("text/csv")
    assert "broken.json" in aside.text
    assert not [p for p in settings.data_dir.parent.rglob("*") if p.name in ("escape.json", "x.json")]


@pytest.mark.parametrize("indent", [None, 1])
def test_results_come_in_as_lines_and_alone(admin, settings, database, indent):
    call = json.loads(made_call(admin, "line-1"))
    text = json.dumps(call, indent=indent)
    if indent is None:
        text += "\n" + json.dumps({**call, "id": "line-2"})
    answer = import_results(admin, text.encode())
    work_off(settings, database)
    job = admin.get(answer.headers["location"]).json()
    assert job["result"]["stored"] == (2 if indent is None else 1), job


def test_an_archive_that_unpacks_to_too_much_is_refused(admin, settings, database):
    content = archive(**{f"{n}.json": bytes(9_000_000) for n in range(3)})
    assert len(content) < 100_000
    answer = import_results(admin, content)
    work_off(with_settings(settings, max_upload_mb=1), database)
    job = admin.get(answer.headers["location"]).json()
    assert job["state"] == "failed"
    assert "unpacks to more than is taken" in job["error"]
    assert staged(settings) == []


@pytest.mark.parametrize("damage", ["cut", "scribbled", "directory"])
def test_a_damaged_archive_is_a_plain_failure(admin, settings, database, damage):
    content = bytearray(archive(**{f"{n}.json": made_call(admin, f"z-{n}") for n in range(5)}))
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "scribbled":
        content[200:3000] = bytes(2800)
    else:
        at = content.rindex(b"PK\x05\x06")
        content[at + 12 : at + 16] = (0x7FFFFFFF).to_bytes(4, "little")
    answer = import_results(admin, bytes(content))
    assert answer.status_code == 202
    work_off(settings, database)
    job = admin.get(answer.headers["location"]).json()
    assert job["state"] in ("failed", "done")
    assert "fault of this software" not in (job["error"] or "")
