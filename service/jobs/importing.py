"""The job ``import_results``: calls that ``sentiment score`` wrote come into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DataError, IntegrityError

from sentiment.call import from_json
from sentiment.errors import InputError
from service.jobs.scoring import redacted
from service.jobs.set_aside import SetAside
from service.jobs.storing import conversation_sha256, store, without_words
from service.jobs.unpacking import entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from sentiment.call import Call
    from service.jobs.unpacking import Entry
    from service.jobs.work import Ending, Task

__all__ = ["import_results"]

BATCH = 50
"""Calls stored in one transaction: enough to be quick, few enough that others need not wait."""

UNPACKED_PER_UPLOAD = 20
"""An archive may unpack to this many times the largest upload."""


def import_results(task: Task) -> Ending:
    """Store each call of what was staged; those that cannot be are set aside, and told of.

    Nobody is sent events of them: an archive is not news.

    Raises:
        InputError: not one of them could be stored.
    """
    work = task.work
    if task.held.staged is None:
        raise InputError("nothing was uploaded for this job; upload it again")
    largest = UNPACKED_PER_UPLOAD * work.settings.max_upload_mb * 1_000_000
    n_stored, batch = 0, list[tuple[str, "Call", str]]()
    with SetAside(work.files, work.redact) as aside, work.files.read("staging", task.held.staged) as file:
        for entry in entries(file, largest_in_all=largest):
            task.tell("importing", entry.fraction)
            call = _read(task, entry, aside)
            if call is not None:
                batch.append(call)
            if len(batch) >= BATCH:
                n_stored += _store(task, batch, aside)
                batch = []
        n_stored += _store(task, batch, aside)
        if not n_stored:
            first = next(iter(aside.problems), "it holds no call JSON")
            raise InputError(f"No call could be imported: {first}")
        name = aside.keep()

    def end(_session: Session) -> Mapping[str, Any]:
        return {"stored": n_stored, "set_aside": aside.n, "problems": aside.problems, "file": name}

    return end


def _read(task: Task, entry: Entry, aside: SetAside) -> tuple[str, Call, str] | None:
    """Where the call stood, the call as it may be stored, and the hash of its content."""
    if entry.data is None:
        aside.add(entry.where, entry.problem or "it cannot be read")
        return None
    try:
        call = from_json(entry.data)
    except InputError as error:
        aside.add(entry.where, without_words(error))
        return None
    sha256 = conversation_sha256(call)
    return entry.where, redacted(task, call)[0], sha256


def _store(task: Task, batch: list[tuple[str, Call, str]], aside: SetAside) -> int:
    refused: list[tuple[str, str]] = []
    with task.transaction() as session:
        for where, call, sha256 in batch:
            try:
                with session.begin_nested():
                    store(session, call, content_sha256=sha256, tell=False)
            except InputError as error:
                refused.append((where, without_words(error)))
            except (DataError, IntegrityError) as error:
                refused.append((where, f"the database does not take it ({type(error.orig).__name__})"))
    for where, problem in refused:
        aside.add(where, problem)
    return len(batch) - len(refused)
