"""The service on this machine: tables brought up to date, job workers beside, the web in front.

Workers are processes of their own, so that a recording that brings one down costs that job and nothing else;
one that ends is started again. On SIGTERM or Ctrl-C no new request is taken, those that run are answered,
each worker ends or gives back its job, and only then does the process end.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import structlog
import uvicorn

from sentiment.errors import OutputError
from service import logs
from service.api.app import create_app
from service.people.accounts import first_admin
from service.settings import read_settings
from service.store.audit import record
from service.store.database import connect, upgrade
from service.terminal import console

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from service.settings import Settings
    from service.store.database import Database

__all__ = ["application", "make_data_folder", "open_database", "serve"]

GRACE_S = 20
"""How long running requests and jobs are waited for at the end, in seconds."""


def open_database(settings: Settings) -> Database:
    """The database of the settings, with the folder it may be in, its tables up to date.

    Raises:
        OutputError: the data folder or the database cannot be had.
    """
    make_data_folder(settings)
    database = connect(settings.database)
    upgrade(database)
    return database


def make_data_folder(settings: Settings) -> None:
    """Make the data folder, for nobody else to read.

    Raises:
        OutputError: it cannot be had.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        settings.data_dir.chmod(0o700)
    except OSError as error:
        raise OutputError(f"{settings.data_dir}: cannot be used as data folder: {error.strerror}") from None


def application() -> FastAPI:
    """The web application of the settings in the environment; each web process makes its own."""
    settings = read_settings()
    logs.configure(form=settings.log_format, level=settings.log_level)
    return create_app(settings, connect(settings.database))


def serve(settings: Settings) -> None:
    """Run until told to stop.

    Raises:
        OutputError: see :func:`open_database`.
    """
    logs.configure(form=settings.log_format, level=settings.log_level)
    os.umask(0o077)
    database = open_database(settings)
    if settings.score_agent_voice:
        with database.begin() as session:
            record(session, "settings", "agent_voice.on", "settings")
        structlog.get_logger("service.serve").warning(
            "the agent's voice is measured", law="AI Act, Article 5(1)(f)"
        )
    if made := first_admin(database):
        told = f"First admin: {made[0]}  password for the first login: {made[1]}"
        console(stderr=True).print(told, markup=False, highlight=False, soft_wrap=True)
    database.close()
    os.environ.update(_environment(settings))
    signal.signal(
        signal.SIGTERM, _end
    )  # uvicorn raises the signal again when it is done: to end, not to die of
    workers = [_Worker(i) for i in range(settings.workers)]
    try:
        for worker in workers:
            worker.start()
        uvicorn.run(
            "service.serve:application",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.web_processes,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=bool(settings.forwarded_allow_ips),
            forwarded_allow_ips=settings.forwarded_allow_ips or None,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=30,
            h11_max_incomplete_event_size=64 * 1024,
        )
    finally:
        for worker in workers:
            worker.stop()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _environment(settings: Settings) -> dict[str, str]:
    """What the processes that are started find in their environment: the settings as they are here."""
    found = {
        "SENTIMENT_DATABASE_URL": settings.database,
        "SENTIMENT_DATA_DIR": str(settings.data_dir.resolve()),
    }
    if not settings.database_url:
        found["SENTIMENT_DATABASE_URL"] = f"sqlite:///{settings.data_dir.resolve() / 'service.db'}"
    if settings.web_processes > 1:
        folder = settings.data_dir / "run" / "prometheus"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        found["PROMETHEUS_MULTIPROC_DIR"] = str(folder.resolve())
    return found


class _Worker:
    """A job worker as a process, started again when it ends, more slowly each time it ends soon."""

    def __init__(self, number: int) -> None:
        self.number, self.stopping = number, threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.thread.join(1)

    def _keep(self) -> None:
        log, pause = structlog.get_logger("service.serve"), 1.0
        while not self.stopping.is_set():
            began = time.monotonic()
            command = [sys.executable, "-m", "service", "worker", "--of-serve"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own command
            code = self.process.wait()
            if self.stopping.is_set():
                return
            pause = 1.0 if time.monotonic() - began > 60 else min(60.0, pause * 2)
            log.error("worker ended", worker=self.number, code=code, again_in_s=pause)
            self.stopping.wait(pause)
