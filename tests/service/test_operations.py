"""What runs the service can rely on: health, headers, logs without personal data, and an orderly end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from service.api.operations import STATIC


def test_every_answer_has_the_headers_that_keep_a_page_safe(client):
    for path in ("/healthz", "/api/v1/calls", "/docs", "/nowhere", "/static/swagger/start.js"):
        headers = client(None).get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert "unsafe-eval" not in headers["content-security-policy"], path
        assert (
            "script-src 'self'" in headers["content-security-policy"]
            or "default-src 'self'" in headers["content-security-policy"]
        ), path
        assert headers["x-request-id"], path


def test_the_page_of_the_api_takes_nothing_from_outside(client):
    page = client(None).get("/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    for source in sources:
        assert source.startswith("/static/"), source
        assert client(None).get(source).status_code == 200
    assert not re.search(r"<script(?! src)", page)
    assert (STATIC / "swagger" / "LICENSE").exists()


def test_ready_says_what_is_in_the_way(client, centre, settings):
    assert client(None).get("/readyz").json()["data"] == "cannot be written"
    settings.data_dir.mkdir()
    assert client(None).get("/readyz").json()["ready"] is True
    from service.store.database import downgrade

    downgrade(centre.database, "0001")
    told = client(None).get("/readyz")
    assert (told.status_code, told.json()["ready"]) == (503, False)
    assert "0001" in told.json()["tables"]


def test_the_log_of_a_request_holds_no_id_of_a_call_and_no_question(client, capsys):
    from service import logs

    logs.configure(level="info")
    client("admin").get("/api/v1/calls/call-secret-17", params={"text": "kidney"})
    logs.configure(level="warning")
    told = capsys.readouterr().err
    lines = [json.loads(line) for line in told.splitlines() if '"event": "request"' in line]
    assert lines
    assert all({"method", "route", "status", "ms", "request_id"} <= line.keys() for line in lines)
    assert "call-secret-17" not in told
    assert "kidney" not in told


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_serve_answers_works_and_leaves_no_worker_behind(tmp_path, end):
    """The real command with its worker; told to end, it ends with 0; killed, its worker ends by itself."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SENTIMENT_")}
    environment |= {"SENTIMENT_DATA_DIR": str(tmp_path / "data"), "SENTIMENT_PORT": str(port)}
    log = (tmp_path / "log").open("w")
    served = subprocess.Popen(
        [sys.executable, "-m", "service", "serve"], env=environment, stderr=log, stdout=log
    )
    try:
        assert _eventually(lambda: _status(port, "/readyz") == 200)
        assert _status(port, "/api/v1/calls") == 401
        assert _eventually(lambda: "worker started" in (tmp_path / "log").read_text())
        (worker,) = _children(served.pid)
    finally:
        served.send_signal(end)
        assert served.wait(40) == (0 if end == signal.SIGTERM else -end)
        log.close()
    assert _eventually(lambda: not _alive(worker))
    told = (tmp_path / "log").read_text()
    assert len(re.findall("password for the first login", told)) == 1
    assert (tmp_path / "data" / "service.db").stat().st_mode & 0o077 == 0


def _status(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _eventually(check, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.2)
    return False


def _children(pid):
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
