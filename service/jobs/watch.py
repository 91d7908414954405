"""The job ``watch``: new recordings in a folder or bucket are taken in, each once.

A file counts as whole when its size and time are the same twice, an interval apart. What was taken is
remembered by a hash of its name, its size and its time, so that a bucket is not read through again at every
start; a file whose content came before, under whichever name, makes no second job.
"""

from __future__ import annotations

import hashlib
import posixpath
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sentiment.errors import InputError, OutputError
from service.jobs.intake import QueueFullError, offer, recording_or_chat
from service.jobs.queue import enqueue
from service.jobs.storing import without_words
from service.scoring import AUDIO_SUFFIXES
from service.store.columns import now
from service.store.tables import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

    from service.jobs.work import Ending, Task

__all__ = ["look"]

_LARGEST_SIDECAR = 1_000_000
_PIECE = 1 << 20


def look(task: Task) -> Ending:
    """Look through the watched folder once.

    Raises:
        OutputError: it cannot be reached; it is looked at again after the interval.
    """
    system, root = _open(task.work.settings.watch)
    taken, refused = 0, 0
    try:
        for path, version in _recordings(system, root):
            task.tell(f"looking; {taken} taken", 0.0)
            if not _is_settled(task, path, version):
                continue
            try:
                taken += _take(task, system, path, version)
            except QueueFullError:
                break  # the rest is there the next time
            except InputError as error:
                refused += 1
                _refuse(task, path, version, error)
    except (OSError, ValueError, PermissionError) as error:
        raise OutputError(f"The watched folder cannot be read ({type(error).__name__}).") from None

    def end(_session: Session) -> Mapping[str, Any]:
        return {"taken": taken, "refused": refused}

    return end


def _open(address: str) -> tuple[Any, str]:
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise OutputError(
            f"SENTIMENT_WATCH: its kind of address needs a package more ({error.name})"
        ) from None
    except (ValueError, OSError) as error:
        raise OutputError(f"SENTIMENT_WATCH: cannot be opened ({type(error).__name__})") from None
    return system, str(root)


def _recordings(system: Any, root: str) -> Iterator[tuple[str, str]]:
    """Path and version of each recording below, in order of name; hidden ones are being written."""
    system.invalidate_cache()
    for path, info in sorted(system.find(root, detail=True).items()):
        relative = path.removeprefix(root).lstrip("/")
        suffix = posixpath.splitext(path)[1].lower()
        if suffix in AUDIO_SUFFIXES and not any(p.startswith(".") for p in relative.split("/")):
            changed = (
                info.get("mtime") or info.get("LastModified") or info.get("updated") or info.get("created")
            )
            yield path, f"{info['size']}:{changed}:{info.get('ETag', '')}"[:200]


def _key(path: str) -> str:
    return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()


def _is_settled(task: Task, path: str, version: str) -> bool:
    """Whether a file is the same as the last time and was not taken yet; notes it otherwise."""
    with task.work.database.read() as session:
        seen = session.get(Watched, _key(path))
    if seen is None or seen.version != version:
        _remember(task, path, version, settled=False)
        return False
    if seen.settled and seen.seen_at < now() - timedelta(days=1):
        _remember(task, path, version, settled=True)  # it is still there, so it is still remembered
    return not seen.settled


def _remember(task: Task, path: str, version: str, *, settled: bool) -> None:
    with task.transaction() as session:
        session.merge(Watched(name_sha256=_key(path), version=version, settled=settled, seen_at=now()))


def _refuse(task: Task, path: str, version: str, error: InputError) -> None:
    """A file that cannot be used is a failed job, for people to see; it is not looked at again."""
    with task.transaction() as session:
        job = enqueue(session, "score", {})
        job.state, job.error, job.finished_at = "failed", without_words(error), now()
        session.merge(Watched(name_sha256=_key(path), version=version, settled=True, seen_at=now()))


def _take(task: Task, system: Any, path: str, version: str) -> int:
    files, settings = task.work.files, task.work.settings
    about = _sidecar(system, path)
    with files.incoming("staging") as file:
        with system.open(path, "rb") as source:
            while piece := source.read(_PIECE):
                file.write(piece)
                task.tell("reading", 0.0)
        staged = file.keep()
    is_new = False
    try:
        offered = recording_or_chat(
            files, staged, file.sha256, name=posixpath.basename(path), about=about,
            longest_s=settings.max_audio_hours * 3600.0, trust_name=True,
        )  # fmt: skip
        with task.transaction() as session:
            is_new = offer(session, settings, offered).is_new
            session.merge(Watched(name_sha256=_key(path), version=version, settled=True, seen_at=now()))
    except BaseException:
        is_new = False
        raise
    finally:
        if not is_new:
            files.remove("staging", staged)
    return int(is_new)


def _sidecar(system: Any, path: str) -> Mapping[str, Any]:
    from sentiment.strict_json import read_json

    place = f"{path}.json"
    try:
        if not system.exists(place):
            return {}
        with system.open(place, "rb") as file:
            text = file.read(_LARGEST_SIDECAR + 1)
        found = read_json(text.decode("utf-8-sig"))
    except (ValueError, OSError):
        raise InputError("the sidecar cannot be read as JSON") from None
    if len(text) > _LARGEST_SIDECAR or not isinstance(found, dict):
        raise InputError("the sidecar must hold one JSON object")
    return found
