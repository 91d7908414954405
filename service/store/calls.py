"""A call goes into the tables and comes out again: the document, and every row that is derived from it."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from sentiment.call import from_json, to_json
from sentiment.metrics.conversations import figures
from sentiment.review import candidates
from sentiment.summary import summarise
from service.store.columns import now
from service.store.search import fold
from service.store.tables import (
    Agent,
    Call,
    Document,
    Estimate,
    Facet,
    Moment,
    Shift,
    Transcript,
    Utterance,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    import sentiment
    from sentiment.review import Candidate

__all__ = ["FELT", "document", "moment_key", "put_call", "read_document"]

FELT = 0.3
"""Probability from which an emotion of the customer is one the call can be found by."""

NEUTRAL = "neutral"
_CONTROL = dict.fromkeys(range(32), " ")


def put_call(
    session: Session,
    call: sentiment.Call,
    *,
    content_sha256: str | None = None,
    audio: str | None = None,
    received_at: datetime | None = None,
) -> Call:
    """Store a scored call, or put it in the place of the one with its id. What people added to it stays.

    ``call`` must be redacted already; nothing here looks for personal data. An agent that was not known is
    made. ``content_sha256`` and ``audio`` stay as they are if not given.
    """
    row = session.scalar(select(Call).where(Call.call_id == call.id))
    if call.agent_id is not None and session.get(Agent, call.agent_id) is None:
        session.add(Agent(id=call.agent_id))
        session.flush()
    received = received_at or (row.received_at if row else now())
    values = _line(call, received)
    if content_sha256 is not None:
        values["content_sha256"] = content_sha256
    if audio is not None:
        values["audio"] = audio
    if row is None:
        row = Call(**values)
        session.add(row)
    else:
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()
    _put_derived(session, row, call)
    return row


def document(call: sentiment.Call) -> bytes:
    """The call as it is kept; the same call always gives the same bytes."""
    return gzip.compress(to_json(call).encode(), compresslevel=6, mtime=0)


def read_document(session: Session, row_id: int) -> sentiment.Call | None:
    """The call as it was scored, or ``None`` if there is none."""
    body = session.scalar(select(Document.body).where(Document.call_id == row_id))
    return None if body is None else from_json(gzip.decompress(body).decode())


def transcript(call: sentiment.Call) -> str:
    """What is searched: an utterance a line, so that a line's number is the utterance's index."""
    return "\n".join(fold(_line_of(u.text)) for u in call.utterances)


def _line_of(text: str) -> str:
    return " ".join(text.translate(_CONTROL).split())


def moment_key(call_id: str, moment: sentiment.Moment) -> str:
    """The key of a moment: of the call, the rule and what it is about, so that found again it is the same."""
    about = [call_id, moment.rule, moment.start_ms, *moment.evidence.utterances]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]


def _line(call: sentiment.Call, received: datetime) -> dict[str, object]:
    row = summarise(call)
    polarities = [u.score.polarity for u in call.said_by("customer") if u.score is not None]
    expected = {e.instrument: e.expected for e in call.estimates}
    models = () if call.provenance is None else call.provenance.models
    languages = [c.language for c in call.channels if c.language]
    return {
        "call_id": call.id,
        "started_at": call.started_at,
        "happened_at": call.started_at or received,
        "received_at": received,
        "duration_ms": call.duration_ms,
        "agent_id": call.agent_id,
        "customer_id": call.customer_id,
        "queue": call.queue,
        "language": languages[0] if languages else None,
        "customer_start": row.start,
        "customer_end": row.end,
        "customer_mean": sum(polarities) / len(polarities) if polarities else None,
        "peak_intensity": row.peak_intensity,
        "shape": row.shape,
        "story": row.story,
        "n_utterances": len(call.utterances),
        "n_shifts": row.n_shifts,
        "n_moments": row.n_moments,
        "top_severity": row.top_severity,
        "csat": expected.get("csat"),
        "nps": expected.get("nps"),
        "figures": {k: v for k, v in figures(call).items() if k != "started_at"},
        "scored_with": hashlib.sha256(
            repr(sorted((m.task, m.revision) for m in models)).encode()
        ).hexdigest(),
    }


def _put_derived(session: Session, row: Call, call: sentiment.Call) -> None:
    for table in (Utterance, Shift, Estimate, Facet):
        session.execute(delete(table).where(table.call_id == row.id))
    _replace(session, Document(call_id=row.id, body=document(call)))
    _replace(session, Transcript(call_id=row.id, text=transcript(call)))
    session.add_all(_utterances(row.id, call))
    session.add_all(
        Shift(
            call_id=row.id, ordinal=i, utterance_index=s.utterance_index, at_ms=s.at_ms, role=s.role,
            before=s.before, after=s.after, confidence=s.confidence, trigger_index=s.trigger_index,
            reason=s.reason,
        )
        for i, s in enumerate(call.shifts)
    )  # fmt: skip
    session.add_all(
        Estimate(
            call_id=row.id, instrument=e.instrument, expected=e.expected, low=e.low, high=e.high,
            p_top_box=e.p_top_box, p_detractor=e.p_detractor, abstained=e.abstained,
        )
        for e in call.estimates
    )  # fmt: skip
    session.add_all(
        Facet(kind=kind, name=name, happened_at=row.happened_at, call_id=row.id)
        for kind, name in _facets(call)
    )
    _put_moments(session, row, call)
    session.flush()


def _replace(session: Session, item: Document | Transcript) -> None:
    session.merge(item)


def _utterances(row_id: int, call: sentiment.Call) -> Iterable[Utterance]:
    for u in call.utterances:
        felt = {} if u.score is None else {n: p for n, p in u.score.emotions.items() if n != NEUTRAL}
        yield Utterance(
            call_id=row_id, index=u.index, role=u.role, start_ms=u.start_ms, end_ms=u.end_ms,
            text=_line_of(u.text),
            polarity=None if u.score is None else u.score.polarity,
            intensity=None if u.score is None else u.score.intensity,
            emotion=max(felt, key=lambda name: felt[name]) if felt else None,
        )  # fmt: skip


def _facets(call: sentiment.Call) -> list[tuple[str, str]]:
    found = {("rule", moment.rule) for moment in call.moments}
    found |= {("shift", shift.direction) for shift in call.shifts if shift.role == "customer"}
    for u in call.said_by("customer"):
        if u.score is not None:
            found |= {
                ("emotion", name) for name, p in u.score.emotions.items() if p >= FELT and name != NEUTRAL
            }
    return sorted(found)


def _put_moments(session: Session, row: Call, call: sentiment.Call) -> None:
    """Moments found again keep their review; those found no more go (what people said of them stays)."""
    known = {m.key: m for m in session.scalars(select(Moment).where(Moment.call_id == row.id))}
    found: dict[str, Candidate] = {}
    for each in candidates(call):
        found.setdefault(moment_key(call.id, each.moment), each)
    for key in known.keys() - found.keys():
        session.delete(known[key])
    for key, each in found.items():
        moment = each.moment
        values = {
            "agent_id": call.agent_id, "queue": call.queue, "happened_at": row.happened_at,
            "rule": moment.rule, "start_ms": moment.start_ms, "end_ms": moment.end_ms,
            "severity": moment.severity, "confidence": each.confidence,
            "weight": moment.severity * each.confidence, "explanation": moment.explanation,
            "evidence": {
                "utterances": list(moment.evidence.utterances), "numbers": dict(moment.evidence.numbers)
            },
        }  # fmt: skip
        if key in known:
            session.execute(update(Moment).where(Moment.id == known[key].id).values(values))
        else:
            session.add(Moment(key=key, call_id=row.id, status="open", **values))
