"""The API keeps to its own description: schemathesis asks every route what that allows and forbids."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from service.api.app import create_app
from service.people.access import PERMISSIONS
from service.people.credentials import new_key
from service.store.tables import User

HERE = Path(__file__).resolve().parent


@pytest.fixture
def served(settings, database):
    """A service without calls yet on a port of its own, and a key that may do everything."""
    with database.begin() as session:
        admin = User(email="admin@example.com", name="Admin", role="admin")
        session.add(admin)
        session.flush()
        secret = new_key(session, admin, name="all", scopes=PERMISSIONS, days=1)[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # A port, not a socket: on one made here asyncio would leave Nagle's delay on, 40 ms for each answer.
    config = uvicorn.Config(create_app(settings, database), port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}", secret
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_route_keeps_to_the_description(served, tmp_path):
    url, secret = served
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run",
        f"{url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {secret}", "--max-examples", "2",
        "--exclude-path-regex", "events$|/session|/oidc/", "--seed", "1", "--no-color",
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path)
    found = re.findall(r"^___.*|^- ST.*|^    curl.*", ran.stdout, flags=re.MULTILINE)
    assert ran.returncode == 0, "\n".join(found) or ran.stdout[-3000:] + ran.stderr[-2000:]


def test_every_route_says_what_it_is(client):
    """A summary, a tag, a description of each answer, and an error shape that is one for all."""
    described = client(None).get("/api/v1/openapi.json").json()
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            assert route.get("summary"), f"{method} {path}"
            assert route.get("description"), f"{method} {path}: give the function a docstring"
            assert route.get("tags"), f"{method} {path}"
            for status, answer in route["responses"].items():
                assert answer["description"], f"{method} {path} {status}"
                if status[0] in "45" and "content" in answer and path != "/readyz":
                    shape = answer["content"]["application/json"]["schema"]["$ref"]
                    assert shape == "#/components/schemas/ErrorBody", f"{method} {path} {status}"
