"""From a staged file to a job: what it is, by its content; whether it came before; whether there is room."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sentiment.audio import check_recording
from sentiment.errors import AudioError, InputError
from sentiment.formats.chat import chats_of
from sentiment.formats.sidecar import sidecar_of
from service.jobs import queue
from service.jobs.storing import LONGEST
from service.jobs.unpacking import is_zip
from service.store.columns import now
from service.store.tables import Call, Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from service.files import Files
    from service.settings import Settings

__all__ = [
    "ConflictError", "Known", "Offered", "QueueFullError", "TooLargeError", "UnsupportedError", "offer",
    "recording_or_chat", "results", "table",
]  # fmt: skip

LARGEST_TEXT = 50_000_000
"""Bytes of the largest file of written conversations; it is read into memory whole."""

_HEAD = 1 << 16
KNOWN_FOR = timedelta(hours=24)
"""The same import within this time is the same one."""

HEADERLESS = frozenset({".al", ".alaw", ".g722", ".gsm", ".pcma", ".pcmu", ".sln", ".sln16", ".ul", ".ulaw"})
"""Telephone formats without a header: nothing in them says what they are, so their names have to."""


class UnsupportedError(InputError):
    """A file is of no kind that is taken."""


class TooLargeError(InputError):
    """A file is larger than its kind may be."""


class ConflictError(InputError):
    """What is offered does not fit what is there."""


class QueueFullError(Exception):
    """As many jobs wait as may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A staged file whose kind is known. ``call_id`` is set if it is one call whose id is known."""

    kind: str
    staged: str
    content_sha256: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What became of an offer: the job, and whether it is new; or the calls that are there already."""

    is_new: bool
    job_id: int | None = None
    calls: tuple[str, ...] = ()


def recording_or_chat(
    files: Files,
    staged: str,
    sha256: str,
    *,
    name: str,
    about: Mapping[str, Any],
    language: str | None = None,
    longest_s: float,
    trust_name: bool = False,
) -> Offered:
    """Recognise a recording or a file of conversations, and lay its facts beside it.

    Args:
        files: where it is staged.
        staged: under which name.
        sha256: of its content.
        name: what it was called where it comes from; a recording's id is made of it if no other is given.
        about: the facts, as in a sidecar file.
        language: what is spoken; listened for if not given.
        longest_s: how long a recording may be.
        trust_name: take the word of a name that ends in ``.ulaw`` or the like.

    Raises:
        UnsupportedError: it is neither.
        InputError: the facts are wrong, or a conversation is.
    """
    known = sidecar_of(dict(about), where="the facts")
    form, facts = _form(files, staged), dict(about)
    for field, longest in LONGEST.items():
        if len(str(facts.get(field) or "")) > longest or "\0" in str(facts.get(field) or ""):
            raise InputError(f"{field}: must have at most {longest} characters, none of them U+0000")
    kept: dict[str, Any] = {"form": form, "language": language}
    if form == "audio":
        facts["call_id"] = known.call_id or _id_of(name, sha256)
        suffix = PurePosixPath(name).suffix.lower()
        if trust_name and suffix in HEADERLESS:
            kept["suffix"] = suffix
        _check_audio(files, staged, kept.get("suffix", ""), longest_s)
    elif "call_id" in facts:
        raise InputError("call_id: conversations carry their own ids; leave it out")
    files.put_facts(staged, {**kept, "about": facts})
    return Offered(kind="score", staged=staged, content_sha256=sha256, call_id=facts.get("call_id"))


def results(files: Files, staged: str, sha256: str) -> Offered:
    """Recognise results of ``sentiment score``: an archive of them, lines of JSON, or one.

    Raises:
        UnsupportedError: it is none of these.
    """
    head = _head(files, staged)
    if not is_zip(head) and not _text(head).startswith("{"):
        raise UnsupportedError("the file is neither a zip archive nor JSON")
    return Offered(kind="import_results", staged=staged, content_sha256=sha256)


def table(files: Files, staged: str, sha256: str, *, kind: str, column_map: str | None) -> Offered:
    """Recognise a table of surveys or contacts: Parquet, JSON lines or CSV.

    Raises:
        UnsupportedError: it is none of these.
        TableError: the column map is wrong.
    """
    from service.jobs.tables import read_map

    if column_map:
        read_map(column_map, kind)
    head = _head(files, staged)
    if head.startswith(b"PAR1"):
        form = "parquet"
    else:
        begins = _text(head)
        if not begins.strip():
            raise UnsupportedError("the file is neither Parquet, CSV nor JSON lines")
        form = "jsonl" if begins.startswith("{") else "csv"
    files.put_facts(staged, {"form": form, "map": column_map})
    content = hashlib.sha256(f"{sha256}\n{column_map or ''}".encode()).hexdigest()
    return Offered(kind=kind, staged=staged, content_sha256=content)


def offer(
    session: Session,
    settings: Settings,
    offered: Offered,
    *,
    created_by: int | None = None,
    key_id: int | None = None,
) -> Known:
    """Make a job of an offer, unless its content came before.

    Raises:
        ConflictError: its call id is that of another call.
        QueueFullError: no more may wait.
        IntegrityError: the same content is offered by somebody else at this moment; offer it again.
    """
    known = _known(session, offered)
    if known is not None:
        return known
    if offered.call_id is not None:
        there = session.scalar(select(Call.id).where(Call.call_id == offered.call_id))
        if there is not None:
            raise ConflictError(
                f"There is another call with the id {offered.call_id!r}; give this one another call_id."
            )
    if queue.waiting(session, settings.max_queued_jobs) >= settings.max_queued_jobs:
        raise QueueFullError
    job = queue.enqueue(
        session, offered.kind, {}, max_attempts=settings.max_attempts, staged=offered.staged,
        content_sha256=offered.content_sha256, created_by=created_by, key_id=key_id,
    )  # fmt: skip
    return Known(is_new=True, job_id=job.id)


def _known(session: Session, offered: Offered) -> Known | None:
    """The job that is about the same content, or the calls that came of it."""
    same = (Job.kind == offered.kind, Job.content_sha256 == offered.content_sha256)
    live = session.scalar(select(Job.id).where(*same, Job.state.in_(("queued", "running"))))
    if live is not None:
        return Known(is_new=False, job_id=live)
    done = session.scalar(select(Job).where(*same, Job.state == "done").order_by(Job.id.desc()).limit(1))
    if offered.kind != "score":
        recent = done is not None and (done.finished_at or done.created_at) > now() - KNOWN_FOR
        return Known(is_new=False, job_id=done.id) if done is not None and recent else None
    call = session.scalar(select(Call.call_id).where(Call.content_sha256 == offered.content_sha256))
    if call is not None:
        return Known(is_new=False, job_id=None if done is None else done.id, calls=(call,))
    if done is None or offered.call_id is not None:
        return None
    rows = list((done.result or {}).get("calls", ()))
    there = session.scalar(select(func.count()).select_from(Call).where(Call.id.in_(rows[:1000])))
    if not rows or there != len(rows[:1000]):
        return None  # some of it was deleted since: what is offered comes in anew
    return Known(is_new=False, job_id=done.id)


def _form(files: Files, staged: str) -> str:
    """``audio``, ``jsonl`` or ``csv``; of text, that it holds conversations was looked at."""
    head = _head(files, staged)
    begins = _text(head)
    if not begins.strip():
        return "audio"
    with files.read("staging", staged) as file:
        whole = file.read(LARGEST_TEXT + 1)
    if len(whole) > LARGEST_TEXT:
        raise TooLargeError(f"the file is text of more than {LARGEST_TEXT / 1e6:.0f} MB; divide it")
    first = begins.partition("\n")[0]
    if begins.startswith("{"):
        form = "jsonl"
    elif "call_id" in first and "text" in first:
        form = "csv"
    else:
        raise UnsupportedError("the file is text, but not conversations as JSON lines or CSV")
    try:
        text = whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnsupportedError("the file is not UTF-8 text") from None
    found = chats_of(text, Path(f"conversations.{form}"))
    if not found.calls:
        raise found.errors[0]
    return form


def _check_audio(files: Files, staged: str, suffix: str, longest_s: float) -> None:
    with files.read("staging", staged) as file:
        try:
            check_recording(f"recording{suffix}", file, longest_s=longest_s)
        except AudioError as error:
            raise UnsupportedError(str(error)) from None


def _head(files: Files, staged: str) -> bytes:
    with files.read("staging", staged) as file:
        return file.read(_HEAD)


def _text(head: bytes) -> str:
    """The beginning of a file as text, without white space before it; empty if it is none."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not merely cut in the middle of a character
            return ""
        text = head[: error.start].decode("utf-8-sig")
    odd = sum(1 for c in text if ord(c) < ord(" ") and c not in "\t\r\n\f")
    return "" if odd else text.lstrip()


def _id_of(name: str, sha256: str) -> str:
    """A recording's id, of its file's name as the command does it; of its content if it has no name."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    stem = "".join(c for c in stem if c.isprintable()).strip()[: LONGEST["call_id"]]
    return stem or f"call-{sha256[:16]}"
