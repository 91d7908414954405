"""What a worker can do: from the kind of a job to the function that does it, and what that needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sentiment.audio import Recording, playback
from sentiment.call import Call
from sentiment.timeline import Span
from service.jobs import queue

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session

    from sentiment.pipeline import Analyser
    from service.files import Files
    from service.jobs.queue import Held, Lane
    from service.settings import Settings
    from service.store.database import Database

__all__ = ["Ending", "Kind", "Player", "Redactor", "Spans", "Task", "Work", "kinds", "play_unmuted"]

Spans = Mapping[int, Sequence[Span]]
"""By channel of a recording, the stretches to be silenced."""

Redactor = Callable[[Call], tuple[Call, Spans]]
"""Masks a call's personal data; the call masked, and what of its recording is to be silenced."""

Player = Callable[[Recording, Spans], bytes]
"""Makes the copy of a recording that is kept and played, an MP3 with those stretches silent."""


def play_unmuted(recording: Recording, spans: Spans) -> bytes:
    """The :data:`Player` of a service that masks nothing.

    Raises:
        ValueError: there is something to silence.
    """
    if any(spans.values()):
        raise ValueError("this player silences nothing; give Work one that does")
    return playback(recording)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What jobs are done with.

    Args:
        redact: masks personal data before anything is stored; ``None`` where settings turned that off.
        play: makes the copy of a recording that is kept.
    """

    settings: Settings
    database: Database
    files: Files
    analyser: Analyser
    redact: Redactor | None
    play: Player = play_unmuted


Ending = Callable[["Session"], Mapping[str, Any]]
"""Writes what a job made and says its result, in the one transaction in which the job is done."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One taking of a job, as the function that does it sees it.

    ``tell(stage, fraction)`` notes how far it is and is where a job stops that was cancelled, taken over or
    has to be given back: call it often, and let through what it raises.
    """

    held: Held
    work: Work
    tell: Callable[[str, float], None]

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction for a part of the work, so long as this worker holds the job.

        Raises:
            LeaseLostError: it does not.
        """
        return queue.fenced(self.work.database, self.held)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of job.

    Args:
        lane: which jobs it waits behind.
        run: does it. Raises InputError for what will not work however often it is tried.
        attempts: how often it is tried; as in the settings if ``None``.
        failed: writes what follows from its failing for good, in that transaction.
        every_s: it is never over, but done again so many seconds after it ended.
    """

    lane: Lane
    run: Callable[[Task], Ending]
    attempts: int | None = None
    failed: Callable[[Session, Held, str], None] | None = None
    every_s: Callable[[Settings], float] | None = None


def kinds() -> dict[str, Kind]:
    """Every kind of job by name."""
    from service.jobs import erasing, housekeeping, importing, scoring, tables, watch, webhooks

    return {
        "score": Kind(lane="work", run=scoring.score),
        "import_results": Kind(lane="work", run=importing.import_results),
        "surveys": Kind(lane="work", run=tables.import_surveys),
        "contacts": Kind(lane="work", run=tables.import_contacts),
        "deliver": Kind(
            lane="deliver", run=webhooks.deliver, attempts=webhooks.ATTEMPTS, failed=webhooks.delivery_failed
        ),
        "delete": Kind(lane="work", run=erasing.erase),
        "tidy": Kind(lane="work", run=erasing.put_in_order),
        "retain": Kind(lane="house", run=erasing.retain, every_s=lambda _: erasing.RETAIN_EVERY_S),
        "watch": Kind(lane="house", run=watch.look, every_s=lambda settings: settings.watch_interval_s),
        "sweep": Kind(lane="house", run=housekeeping.sweep, every_s=lambda _: housekeeping.EVERY_S),
    }
