"""The job ``score``: a staged recording or file of conversations becomes stored calls."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.audio import open_recording
from sentiment.errors import ConversationError, InputError
from sentiment.formats.chat import chats_of
from sentiment.formats.sidecar import Sidecar, sidecar_of
from service.jobs.storing import conversation_sha256, is_stored, store, without_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from sentiment.call import Call
    from service.jobs.work import Ending, Spans, Task

__all__ = ["redacted", "score"]

MOST_LISTED = 10_000
"""A job's result lists at most so many calls."""


def score(task: Task) -> Ending:
    """Score what was staged.

    Raises:
        InputError: it cannot be used, whatever is tried.
    """
    staged = _staged(task)
    facts = task.work.files.facts(staged)
    about = sidecar_of(facts.get("about", {}), where="sidecar")
    if facts.get("form", "audio") == "audio":
        return _recording(task, staged, facts, about)
    return _conversations(task, staged, facts, about)


def redacted(task: Task, call: Call) -> tuple[Call, Spans]:
    """The call as it may be stored, and what of its recording must not be heard."""
    return (call, {}) if task.work.redact is None else task.work.redact(call)


def _staged(task: Task) -> str:
    if task.held.staged is None:
        raise InputError("nothing was uploaded for this job; upload it again")
    return task.held.staged


def _recording(task: Task, staged: str, facts: Mapping[str, Any], about: Sidecar) -> Ending:
    work, sha256 = task.work, task.held.content_sha256 or ""
    longest_s = work.settings.max_audio_hours * 3600.0
    name = Path("recording").with_suffix(facts.get("suffix", ""))
    task.tell("opening", 0.0)
    with open_recording(name, opened=work.files.read("staging", staged), longest_s=longest_s) as recording:
        call = work.analyser.transcribe(
            recording, about=about, language=facts.get("language"), progress=task.tell
        )
        # Masked before it is scored: whatever is made of the words is made of the masked ones.
        call, spans = redacted(task, call)
        call = work.analyser.score(call, recording=recording, progress=task.tell)
        task.tell("keeping the recording", 0.99)
        audio = work.files.write("recordings", io.BytesIO(work.play(recording, spans)))

    def end(session: Session) -> Mapping[str, Any]:
        row = store(session, call, content_sha256=sha256, audio=audio)
        return {"calls": [row.id]}

    return end


def _conversations(task: Task, staged: str, facts: Mapping[str, Any], about: Sidecar) -> Ending:
    """Each conversation is stored as soon as it is scored; what an earlier try stored is passed over."""
    with task.work.files.read("staging", staged) as file:
        text = file.read().decode("utf-8-sig")
    chats = chats_of(text, Path(f"conversations.{facts['form']}"))
    rows, problems = [], [without_words(error) for error in chats.errors]
    for n, written in enumerate(chats.calls):
        task.tell(f"scoring conversation {n + 1} of {len(chats.calls)}", n / len(chats.calls))
        try:
            rows.append(_one(task, _with_facts(written, about)))
        except InputError as error:
            problems.append(without_words(error))
    if not rows:
        raise ConversationError(f"None of its conversations can be stored: {problems[0]}")

    def end(_session: Session) -> Mapping[str, Any]:
        return {"calls": rows[:MOST_LISTED], "failed": len(problems), "problems": problems[:20]}

    return end


def _one(task: Task, written: Call) -> int:
    sha256 = conversation_sha256(written)
    with task.work.database.read() as session:
        known = is_stored(session, written.id, sha256)
    if known is not None:
        return known
    call = task.work.analyser.score(redacted(task, written)[0])
    with task.transaction() as session:
        return store(session, call, content_sha256=sha256).id


def _with_facts(call: Call, about: Sidecar) -> Call:
    return replace(
        call, started_at=about.started_at, agent_id=about.agent_id, customer_id=about.customer_id,
        queue=about.queue, metadata=about.metadata,
    )  # fmt: skip
