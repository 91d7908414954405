"""Coaching sessions as stored: who sees which, and what is said in their turns.

An agent sees their own sessions, but no draft; others those of the agents in their sight. Whoever sees a
session sees what is said in its turns, also where a turn is of a call they could not open: which call it is
stays hidden from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select, update

from service.coaching.states import EDITABLE, NotPossibleError
from service.people.access import permissions_of, sight_of
from service.store.tables import (
    Call,
    CoachingComment,
    CoachingGoal,
    CoachingSession,
    CoachingTurn,
    Correction,
    User,
    Utterance,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from service.people.access import Person

__all__ = [
    "MOST_GOALS", "MOST_TURNS", "MOST_UTTERANCES", "Counts", "Said", "Turn", "counts", "find", "may_coach",
    "move", "remove_turn", "require_editable", "turns", "visible",
]  # fmt: skip

MOST_TURNS, MOST_GOALS = 100, 20
"""How many turns and goals a session has at most."""

MOST_UTTERANCES = 40
"""How long a stretch may be: a good example is a few turns, not a call that others could not open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """An utterance as it stands: what was corrected is in its place, and ``corrected`` names it."""

    index: int
    role: str
    start_ms: int | None
    end_ms: int | None
    text: str
    polarity: float | None
    corrected: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A stretch of a call. ``call_id`` is ``None`` for who could not open the call.

    ``example`` is whether it is of another agent's call.
    """

    id: int
    position: int
    call_id: str | None
    example: bool
    first_index: int
    last_index: int
    utterances: tuple[Said, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How much there is in a session."""

    turns: int = 0
    goals: int = 0
    comments: int = 0


def visible(person: Person) -> ColumnElement[bool]:
    """The condition that somebody sees a session."""
    within = person.sight.of(CoachingSession.agent_id)
    if person.agent_id is None:
        return within
    ready = or_(CoachingSession.state != "draft", CoachingSession.agent_id != person.agent_id)
    return and_(within, ready)


def find(session: Session, person: Person, session_id: int, *, lock: bool = False) -> CoachingSession | None:
    """The session, if there is one and this person sees it; ``lock`` keeps others from changing it."""
    query = select(CoachingSession).where(CoachingSession.id == session_id, visible(person))
    return session.scalar(query.with_for_update() if lock else query)


def require_editable(coaching: CoachingSession) -> None:
    """Turns, goals and words can be changed.

    Raises:
        NotPossibleError: it was shared, and is not disputed.
    """
    if coaching.state not in EDITABLE:
        raise NotPossibleError(
            f"A session that is {coaching.state} stays as it is; it can be changed while it is "
            f"{' or '.join(EDITABLE)}."
        )


def may_coach(session: Session, user_id: int, agent_id: str) -> bool:
    """Whether a user could be the coach of this agent."""
    user = session.get(User, user_id)
    if user is None or user.disabled_at is not None or user.agent_id == agent_id:
        return False
    role: Any = user.role
    sight = sight_of(session, user_id=user.id, role=role, agent_id=user.agent_id)
    return "coaching.write" in permissions_of(role) and sight.includes(agent_id)


def turns(session: Session, coaching: CoachingSession, person: Person) -> list[Turn]:
    """The turns in order, with what is said in them."""
    own = CoachingTurn.session_id == coaching.id
    rows = session.execute(
        select(CoachingTurn, Call.call_id, Call.agent_id)
        .join(Call, Call.id == CoachingTurn.call_id)
        .where(own)
        .order_by(CoachingTurn.position, CoachingTurn.id)
    ).all()
    of_turn = and_(
        Utterance.call_id == CoachingTurn.call_id,
        Utterance.index.between(CoachingTurn.first_index, CoachingTurn.last_index),
    )
    spoken = select(CoachingTurn.id, Utterance).join(Utterance, of_turn).where(own).order_by(Utterance.index)
    right = _corrections(session, coaching)
    said: dict[int, list[Said]] = {}
    for turn_id, utterance in session.execute(spoken):
        said.setdefault(turn_id, []).append(_said(utterance, right))
    return [
        Turn(
            id=turn.id, position=turn.position, example=agent_id != coaching.agent_id,
            call_id=call_id if person.sight.includes(agent_id) else None,
            first_index=turn.first_index, last_index=turn.last_index, utterances=tuple(said.get(turn.id, ())),
        )
        for turn, call_id, agent_id in rows
    ]  # fmt: skip


def move(session: Session, turn: CoachingTurn, position: int) -> None:
    """Put a turn at ``position``, counted from 0; the others keep their order."""
    query = select(CoachingTurn).where(CoachingTurn.session_id == turn.session_id)
    others = [
        t for t in session.scalars(query.order_by(CoachingTurn.position, CoachingTurn.id)) if t is not turn
    ]
    others.insert(position, turn)
    for place, each in enumerate(others):
        each.position = place


def remove_turn(session: Session, turn: CoachingTurn) -> None:
    """Take a turn out. What was written on it stays, on the session: it may be the agent's."""
    session.execute(update(CoachingComment).where(CoachingComment.turn_id == turn.id).values(turn_id=None))
    session.delete(turn)


def counts(session: Session, ids: Sequence[int]) -> dict[int, Counts]:
    """How much there is in each of these sessions."""
    found: dict[int, dict[str, int]] = {each: {} for each in ids}
    tables: dict[str, Any] = {"turns": CoachingTurn, "goals": CoachingGoal, "comments": CoachingComment}
    for name, table in tables.items():
        query = (
            select(table.session_id, func.count()).where(table.session_id.in_(ids)).group_by(table.session_id)
        )
        for session_id, n in session.execute(query):
            found[session_id][name] = n
    return {each: Counts(**n) for each, n in found.items()}


def _corrections(session: Session, coaching: CoachingSession) -> dict[tuple[int, int], dict[str, Any]]:
    """What was put right, by call and utterance; of one field the last holds."""
    of_turn = and_(
        Correction.call_id == CoachingTurn.call_id,
        Correction.utterance_index.between(CoachingTurn.first_index, CoachingTurn.last_index),
    )
    query = select(Correction).join(CoachingTurn, of_turn).where(CoachingTurn.session_id == coaching.id)
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for each in session.scalars(query.order_by(Correction.id)):
        found.setdefault((each.call_id, each.utterance_index), {})[each.field] = each.value["value"]
    return found


def _said(utterance: Utterance, right: dict[tuple[int, int], dict[str, Any]]) -> Said:
    mended = right.get((utterance.call_id, utterance.index), {})
    values = {
        "role": utterance.role, "text": utterance.text, "polarity": utterance.polarity, **mended,
    }  # fmt: skip
    return Said(
        index=utterance.index, start_ms=utterance.start_ms, end_ms=utterance.end_ms,
        corrected=tuple(sorted(mended)), **values,
    )  # fmt: skip
