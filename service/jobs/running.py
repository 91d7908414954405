"""A worker as a process: what it works with, and how it is stopped."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from service.files import Files
from service.jobs.work import Work
from service.masking import masker, play_muted

if TYPE_CHECKING:
    from types import FrameType

    from service.jobs.worker import Worker
    from service.settings import Settings
    from service.store.database import Database

__all__ = ["run_until_stopped", "work_of"]


def work_of(settings: Settings, database: Database) -> Work:
    """What a worker of this service works with. No model is loaded before the first job needs it."""
    from sentiment.pipeline import load
    from sentiment.speech.transcriber import TranscriberOptions

    analyser = load(
        TranscriberOptions(model=settings.model, threads=settings.threads),
        threads=settings.threads,
        score_agent_voice=settings.score_agent_voice,
    )
    return Work(
        settings=settings, database=database, files=Files.of(settings), analyser=analyser,
        redact=masker(settings), play=play_muted,
    )  # fmt: skip


def run_until_stopped(worker: Worker, *, of_serve: bool = False) -> None:
    """Run a worker until SIGTERM or SIGINT; what it has in hand is finished or given back.

    The jobs are done in threads: a signal is handled between two steps of the main thread, which would be
    minutes away if it were transcribing. A job that does not come back is given back for it, and the
    process ends under it. A worker ``of_serve`` also stops when its standard input is closed: the process
    that started it is gone, however it went.
    """
    stop = threading.Event()

    def asked(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    if of_serve:
        threading.Thread(target=_until_closed, args=(stop,), name="parent", daemon=True).start()
    running = threading.Thread(target=replace(worker, abandon=_leave).run, args=(stop,), name="worker")
    running.start()
    while running.is_alive():
        running.join(0.5)


def _until_closed(stop: threading.Event) -> None:
    with suppress(OSError):
        sys.stdin.buffer.read()
    stop.set()


def _leave() -> None:
    os._exit(0)
