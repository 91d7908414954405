"""A scored call is stored: once by its content, never over another's, and whoever listens is told."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from sqlalchemy import select

from sentiment.errors import InputError
from service.jobs.events import call_scored, moments_flagged
from service.store.calls import put_call
from service.store.tables import Call, Moment

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    import sentiment

__all__ = ["LONGEST", "conversation_sha256", "is_stored", "storable", "store", "without_words"]

_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*(?:'|\Z)|"(?:\\.|[^"\\])*(?:"|\Z)""", re.DOTALL)
_NUMBER = re.compile(r"\d{7,}(?:\.\d*)?(?:e[+-]?\d+)?")

LONGEST = {"call_id": 300, "agent_id": 200, "customer_id": 300, "queue": 200}
"""How many characters each of these may have."""


def store(
    session: Session,
    call: sentiment.Call,
    *,
    content_sha256: str,
    audio: str | None = None,
    tell: bool = True,
) -> Call:
    """Store a call that is redacted already, in the place of an earlier scoring of the same content.

    ``tell`` whether webhooks hear of it.

    Raises:
        InputError: another content has its id, its content is there under another id, or a database cannot
            hold it.
    """
    storable(call)
    row = session.scalar(select(Call).where(Call.call_id == call.id))
    if row is not None and row.content_sha256 not in (None, content_sha256):
        raise InputError(
            f"There is another call with the id {call.id!r}; give this one another, or delete that one."
        )
    twin = session.scalar(
        select(Call.call_id).where(Call.content_sha256 == content_sha256, Call.call_id != call.id)
    )
    if twin is not None:
        raise InputError(f"The same content is there already, as call {twin!r}.")
    known: frozenset[str] = frozenset()
    if row is not None:
        known = frozenset(session.scalars(select(Moment.key).where(Moment.call_id == row.id)))
    row = put_call(session, call, content_sha256=content_sha256, audio=audio)
    if tell:
        call_scored(session, row)
        moments_flagged(session, row, known)
    return row


def is_stored(session: Session, call_id: str, content_sha256: str) -> int | None:
    """The row of the call with this id and content, if it is there."""
    return session.scalar(
        select(Call.id).where(Call.call_id == call_id, Call.content_sha256 == content_sha256)
    )


def conversation_sha256(call: sentiment.Call) -> str:
    """By which a call's content is known again: of its recording's bytes, or of what was written and when."""
    if call.audio is not None:
        return call.audio.sha256
    said = [[u.role, u.text, u.start_ms] for u in call.utterances]
    return hashlib.sha256(json.dumps([call.id, said]).encode()).hexdigest()


def storable(call: sentiment.Call) -> None:
    """Refuse what a database cannot hold.

    Raises:
        InputError: the field is named.
    """
    values = {
        "call_id": call.id, "agent_id": call.agent_id, "customer_id": call.customer_id, "queue": call.queue
    }  # fmt: skip
    for name, value in values.items():
        if value is not None and not 0 < len(value) <= LONGEST[name]:
            raise InputError(f"{name} must have 1 to {LONGEST[name]} characters; it has {len(value)}")
    texts = [*filter(None, values.values()), *(u.text for u in call.utterances)]
    texts += [shift.reason for shift in call.shifts]
    texts += [text for moment in call.moments for text in (moment.rule, moment.explanation)]
    if any("\0" in text for text in texts):
        raise InputError("a text in it holds the character U+0000, which no database takes; remove it")


def without_words(error: Exception) -> str:
    """An error's text without what it quotes, which may be something that was said.

    A quotation can hold escaped quotes, and can be cut off before its end; a number that is as long as one
    of a card stands without quotes.
    """
    return _NUMBER.sub("...", _QUOTED.sub("'...'", str(error)))
