"""The audit log: who did what to what. It only grows, and a changed or missing row shows.

Each entry's hash is over its own content and the hash before it (Haber and Stornetta 1991), so no entry
can be changed, taken out or slipped in without every later one changing too. Cutting off the end
shows only against a copy of a later hash: the command that verifies the log prints the newest, to be kept
elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from service.store.columns import now
from service.store.tables import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

__all__ = ["Verified", "record", "verify"]

FIRST = "0" * 64
LOCK = 7431962


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What checking the log found: ``n`` entries, the newest hash, and the first entry that is ``broken``."""

    n: int
    newest: str
    broken: int | None
    why: str | None


def record(session: Session, actor: str, action: str, target: str, **detail: Any) -> None:
    """Add an entry, in the transaction of what it tells of: both happen or neither does.

    ``detail`` are ids, counts and settings; never what was said, nor a name.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    session.flush()
    last = session.execute(
        select(AuditEntry.id, AuditEntry.sha256).order_by(AuditEntry.id.desc()).limit(1)
    ).first()
    number, previous = (last.id + 1, last.sha256) if last else (1, FIRST)
    entry = AuditEntry(
        id=number, at=now(), actor=actor[:330], action=action, target=target[:330], detail=detail,
        previous_sha256=previous, sha256="",
    )  # fmt: skip
    entry.sha256 = _hash(entry)
    session.add(entry)
    session.flush()


def verify(session: Session) -> Verified:
    """Go through the whole log, oldest first, a thousand entries at a time."""
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with closing(session.scalars(query)) as entries:
        return _verify(entries)


def _verify(entries: Iterable[AuditEntry]) -> Verified:
    previous, expected = FIRST, 1
    for entry in entries:
        why = None
        if entry.id != expected:
            why = f"entry {expected} is missing"
        elif entry.previous_sha256 != previous or entry.sha256 != _hash(entry):
            why = f"entry {entry.id} was changed"
        if why is not None:
            return Verified(n=expected - 1, newest=previous, broken=expected, why=why)
        previous, expected = entry.sha256, expected + 1
    return Verified(n=expected - 1, newest=previous, broken=None, why=None)


def _hash(entry: AuditEntry) -> str:
    content = [
        entry.id, entry.at.isoformat(timespec="microseconds"), entry.actor, entry.action, entry.target,
        entry.detail, entry.previous_sha256,
    ]  # fmt: skip
    told = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()
