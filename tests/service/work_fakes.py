"""Work over a test's database, with an analyser that hears what it is told to."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from fakes import FakeTranscriber, fake_analyser

from service.files import Files
from service.jobs import intake, queue
from service.jobs.work import Work, kinds
from service.jobs.worker import Worker
from service.store.tables import Job

if TYPE_CHECKING:
    from service.settings import Settings
    from service.store.database import Database

TALK = {
    0: [("Thank you for calling how can I help you", 0), ("I am sorry about that", 7000)],
    1: [("this is bad really bad", 4000), ("oh good that is so good", 10_000)],
}


CHAT = "\n".join(
    json.dumps({"call_id": call_id, "role": role, "text": text})
    for call_id in ("chat-1", "chat-2")
    for role, text in (("customer", "this is bad"), ("agent", "I will help"), ("customer", "good, thanks"))
).encode()


def wav(seconds: float = 0.2, seed: int = 0) -> bytes:
    """A stereo recording of faint noise; other seeds are other recordings."""
    noise = np.random.default_rng(seed).normal(0, 1e-2, (int(seconds * 8000), 2))
    out = io.BytesIO()
    soundfile.write(out, noise, 8000, format="WAV")
    return out.getvalue()


def make_work(settings: Settings, database: Database, **more: Any) -> Work:
    """Work with a fake analyser and nothing masked, unless ``more`` says otherwise."""
    given: dict[str, Any] = {
        "files": Files(settings.data_dir),
        "analyser": fake_analyser(FakeTranscriber(TALK)),
        "redact": None,
    }
    return Work(settings=settings, database=database, **(given | more))


def worker_of(work: Work, **known: Any) -> Worker:
    """A worker that knows the kinds of the service and those given."""
    return Worker(work=work, kinds={**kinds(), **known}, name="tested")


def worker_that_only(work: Work, *names: str) -> Worker:
    """A worker that knows some of the kinds."""
    return Worker(work=work, kinds={name: kinds()[name] for name in names}, name="tested")


def with_settings(settings: Settings, **changed: Any) -> Settings:
    """The settings, some of them changed."""
    return settings.model_copy(update=changed)


def stage(work: Work, content: bytes, *, name: str = "call.wav", **about: Any) -> intake.Offered:
    """Stage a recording or conversations as an upload does."""
    with work.files.incoming("staging") as file:
        file.write(content)
        staged = file.keep()
    return intake.recording_or_chat(work.files, staged, file.sha256, name=name, about=about, longest_s=3600.0)


def enqueue(work: Work, offered: intake.Offered) -> int:
    """Queue what was staged; the job's id."""
    with work.database.begin() as session:
        return intake.offer(session, work.settings, offered).job_id


def job_of(database: Database, job_id: int) -> Job:
    """The job as it is now."""
    with database.read() as session:
        return session.get_one(Job, job_id)


def due_now(database: Database, job_id: int) -> None:
    """Let a job that waits to be tried again be due."""
    with database.begin() as session:
        session.get_one(Job, job_id).not_before = queue.clock(session)


def expire(database: Database, job_id: int) -> None:
    """Let the lease of a running job have run out."""
    with database.begin() as session:
        job = session.get_one(Job, job_id)
        job.lease_until = queue.clock(session) - timedelta(seconds=1)


def staged(settings: Settings) -> list[str]:
    """What lies in the staging area."""
    folder = settings.data_dir / "staging"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def send(browser: Any, *files: tuple[str, bytes], key: str | None = None, **fields: str) -> Any:
    """Upload files, each a name and its content; the answer."""
    headers = {} if key is None else {"Idempotency-Key": key}
    parts = [("file", (name, content, "application/octet-stream")) for name, content in files]
    return browser.post("/api/v1/calls", files=parts, data=fields, headers=headers)


def work_off(settings: Settings, database: Database, **more: Any) -> None:
    """Do every job that waits and is due."""
    worker = worker_of(make_work(settings, database, **more))
    while worker.run_one("work"):
        pass
