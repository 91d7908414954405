"""The worker: takes jobs, does them, and says what became of each. No fault of a job ends it."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError

from sentiment.errors import InputError, SentimentError
from service.jobs import queue
from service.jobs.events import job_failed
from service.jobs.queue import Held, Lane, LeaseLostError
from service.jobs.work import Ending, Kind, Task, Work, kinds
from service.store.audit import record
from service.store.tables import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy.orm import Session

__all__ = ["Worker", "stand_by"]

log = structlog.get_logger("service.worker")

DELIVERERS = 4
"""Webhooks are slow for reasons of others, so several are sent at a time."""

BEAT_S = 1.0
IDLE_S = 1.0
LONGEST_WAIT_S = 30.0
WRITE_FOR_S = 600.0
"""How long a worker tries to write a result to a database that is away."""

GRACE_S = 20.0
"""How long a job that does not say how far it is may go on once the worker has to stop."""

MOST_CLASHES = 5

GONE = (OperationalError, InterfaceError)


class CancelledError(Exception):
    """Somebody wants the job stopped."""


class StoppedError(Exception):
    """The worker has to stop; its job is given back."""


@dataclass
class _Progress:
    """Where a job is, between the thread that does it and the one that tells the database."""

    stage: str = ""
    fraction: float = 0.0
    cancel: bool = False
    lost: bool = False


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Does jobs with ``work``. ``abandon`` is called when the process has to end in spite of one."""

    work: Work
    kinds: Mapping[str, Kind] = field(default_factory=kinds)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    abandon: Callable[[], None] = lambda: None
    grace_s: float = GRACE_S

    def run(self, stop: threading.Event) -> None:
        """Take and do jobs of every lane until ``stop`` is set and what was taken is done or given back."""
        lanes: list[Lane] = ["work", "house", *["deliver"] * DELIVERERS]  # type: ignore[list-item]
        threads = [threading.Thread(target=self._loop, args=(lane, stop), name=lane) for lane in lanes]
        for thread in threads:
            thread.start()
        log.info("worker started", worker=self.name)
        for thread in threads:
            thread.join()
        log.info("worker stopped", worker=self.name)

    def _loop(self, lane: Lane, stop: threading.Event) -> None:
        wait_s = IDLE_S
        while not stop.is_set():
            try:
                if lane == "house":
                    stand_by(self.work, self.kinds)
                while not stop.is_set() and self.run_one(lane, stop):
                    pass
                wait_s = IDLE_S
            except GONE as error:
                log.warning("database unavailable", lane=lane, error=type(error.orig).__name__)
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
            except Exception as error:  # noqa: BLE001 - the loop outlives any fault
                log.error("fault of the worker", lane=lane, **_where(error))  # noqa: TRY400
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
            stop.wait(wait_s)

    def run_one(self, lane: Lane, stop: threading.Event | None = None) -> bool:
        """Take the next job of a lane and do it; whether there was one."""
        lease_s = self.work.settings.lease_s
        held = queue.claim(self.work.database, lane, self.name, lease_s=lease_s)
        if held is None:
            return False
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(job=held.id, kind=held.kind):
            outcome = self._do(held, stop or threading.Event())
            log.info("job", outcome=outcome, attempt=held.attempts, s=round(time.monotonic() - began, 2))
        return True

    def _do(self, held: Held, stop: threading.Event) -> str:
        kind = self.kinds.get(held.kind)
        if kind is None:
            return self._failed(
                held, None, f"{held.kind}: this worker knows no such job; update it", final=True
            )
        if held.cancel_asked:
            return self._over(held, "cancelled", lambda session: queue.end_cancelled(session, held))
        if held.exhausted and kind.every_s is None:
            told = f"Its worker stopped without a word {held.max_attempts} times; it is not tried again."
            return self._failed(held, kind, told, final=True)
        try:
            with self._beating(held, stop) as tell:
                ending = kind.run(Task(held=held, work=self.work, tell=tell))
            return self._finished(held, kind, ending)
        except CancelledError:
            return self._over(held, "cancelled", lambda session: queue.end_cancelled(session, held))
        except StoppedError:
            return self._write("given back", lambda: self._fenced(held, queue.give_back))
        except LeaseLostError:
            return "taken over"
        except InputError as error:
            return self._failed(held, kind, str(error), final=True)
        except SentimentError as error:
            return self._failed(held, kind, str(error), final=False)
        except Exception as error:  # noqa: BLE001 - whatever a job raises is its own failure
            where = _where(error)
            log.error("fault of a job", **where)  # noqa: TRY400
            return self._failed(held, kind, _told(error, where), final=False)

    def _finished(self, held: Held, kind: Kind, ending: Ending) -> str:
        def write(session: Session) -> None:
            result = ending(session)
            if kind.every_s is not None:
                queue.again(session, held, in_s=kind.every_s(self.work.settings))
                return
            queue.finish(session, held, result)
            if kind.lane == "work":
                record(session, "worker", "job.done", f"job:{held.id}", kind=held.kind)

        return self._over(held, "done", write)

    def _failed(self, held: Held, kind: Kind | None, error: str, *, final: bool) -> str:
        """Try it again later, or never; what is known of the failure goes with it."""
        if kind is not None and kind.every_s is not None:
            wait_s = kind.every_s(self.work.settings)
            return self._write(
                "failed", lambda: self._fenced(held, lambda s, h: queue.again(s, h, in_s=wait_s, error=error))
            )
        if not final and held.attempts < held.max_attempts:
            wait_s = queue.retry_in(held.attempts)
            return self._write(
                "to be tried again",
                lambda: self._fenced(held, lambda s, h: queue.fail(s, h, error, retry_s=wait_s)),
            )

        def write(session: Session) -> None:
            queue.fail(session, held, error, retry_s=None)
            if kind is not None and kind.failed is not None:
                kind.failed(session, held, error)
            if kind is None or kind.lane == "work":
                job_failed(session, held)
                record(session, "worker", "job.failed", f"job:{held.id}", kind=held.kind)

        return self._over(held, "failed", write, keep=not final)

    def _over(self, held: Held, outcome: str, write: Callable[[Session], None], *, keep: bool = False) -> str:
        """End the job; what was staged for it goes, unless it may be tried again by hand."""
        said = self._write(outcome, lambda: self._fenced(held, lambda session, _: write(session)))
        if said == outcome and held.staged is not None and not keep:
            with suppress(OSError):  # the sweep removes it later
                self.work.files.remove("staging", held.staged)
        return said

    def _fenced(self, held: Held, write: Callable[[Session, Held], None]) -> None:
        with queue.fenced(self.work.database, held) as session:
            write(session, held)

    def _write(self, outcome: str, write: Callable[[], None]) -> str:
        """Write what became of a job, for as long as the database is away and nobody else has the job."""
        wait_s, until, clashes = 0.2, time.monotonic() + WRITE_FOR_S, 0
        while True:
            try:
                write()
            except LeaseLostError:
                return "taken over"
            except IntegrityError:  # another worker made the same agent, or another row, at this moment
                clashes += 1
                if clashes > MOST_CLASHES:
                    raise
            except GONE as error:
                if time.monotonic() > until:
                    raise
                log.warning("database unavailable", error=type(error.orig).__name__)
                time.sleep(wait_s)
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
            else:
                return outcome

    @contextmanager
    def _beating(self, held: Held, stop: threading.Event) -> Iterator[Callable[[str, float], None]]:
        """Renew the lease from a thread while the block runs; gives what the block tells its progress to."""
        progress, ended = _Progress(), threading.Event()

        def tell(stage: str, fraction: float) -> None:
            progress.stage, progress.fraction = stage, fraction
            if progress.lost:
                raise LeaseLostError(f"job {held.id} was taken over")
            if progress.cancel:
                raise CancelledError
            if stop.is_set():
                raise StoppedError

        thread = threading.Thread(
            target=self._beat, args=(held, progress, ended, stop), name=f"beat-{held.id}"
        )
        thread.start()
        try:
            yield tell
        finally:
            ended.set()
            thread.join()

    def _beat(self, held: Held, progress: _Progress, ended: threading.Event, stop: threading.Event) -> None:
        lease_s = self.work.settings.lease_s
        renewed, told, stopped = time.monotonic(), ("", 0.0), 0.0
        while not ended.wait(min(BEAT_S, lease_s / 4)):
            moment, said = time.monotonic(), (progress.stage, progress.fraction)
            if stop.is_set():
                stopped = stopped or moment
                if moment - stopped > self.grace_s:
                    self._abandoned(held)
                    return
            if said == told and moment - renewed < lease_s / 4 and moment - renewed < 2 * BEAT_S:
                continue
            try:
                beat = queue.renew(self.work.database, held, lease_s=lease_s, stage=said[0], progress=said[1])
            except GONE:
                continue  # it may come back in time; if not, the fence holds
            except Exception as error:  # noqa: BLE001
                log.error("fault of the worker", **_where(error))  # noqa: TRY400
                continue
            renewed, told = moment, said
            progress.cancel, progress.lost = beat.cancel, not beat.held
            if not beat.held:
                return

    def _abandoned(self, held: Held) -> None:
        """The process must end and the job does not listen: another worker does it."""
        try:
            self._fenced(held, queue.give_back)
        except (LeaseLostError, *GONE):
            log.warning("job left to its lease", job=held.id)
        else:
            log.info("job", job=held.id, outcome="given back")
        self.abandon()


def stand_by(work: Work, known: Mapping[str, Kind]) -> None:
    """See that each job that is never over is there: once, whichever workers there are."""
    for name, kind in known.items():
        if kind.every_s is None or (name == "watch" and not work.settings.watch):
            continue
        with work.database.read() as session:
            there = session.scalar(
                select(Job.id).where(Job.kind == name, Job.state.in_(("queued", "running")))
            )
        if there is None:
            with suppress(IntegrityError), work.database.begin() as session:  # another worker was first
                queue.enqueue(session, name, {}, lane=kind.lane, content_sha256=name)


def _where(error: BaseException) -> dict[str, Any]:
    """What may be logged of an error: its kind and place. Its text can hold what somebody said."""
    frames = traceback.extract_tb(error.__traceback__)
    place = [f"{os.path.basename(f.filename)}:{f.lineno}" for f in frames[-4:]]  # noqa: PTH119
    return {"fault": type(error).__name__, "at": " > ".join(place)}


def _told(error: BaseException, where: dict[str, Any]) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"The disk or the network could not be used ({error.strerror})."
    return f"A fault of this software ({where['fault']} at {where['at']}); please report it."
