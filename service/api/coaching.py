"""Coaching: sessions of an agent and a coach, what both write, and where it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.api.bodies import SmallBody
from service.api.calls import Name
from service.api.coaching_shapes import (
    CommentBody,
    CommentLine,
    DisputeBody,
    GoalLine,
    SessionBody,
    SessionChange,
    SessionLine,
    SessionWhole,
    TurnLine,
)
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, after, pack, unpack
from service.api.who import DatabaseOf, may
from service.coaching import sessions, states
from service.coaching.states import Action, NotPossibleError, State
from service.people.access import Person
from service.store.audit import record
from service.store.columns import now
from service.store.tables import (
    Agent,
    CoachingComment,
    CoachingGoal,
    CoachingSession,
    CoachingTurn,
)

__all__ = ["Reader", "RowId", "SessionId", "Writer", "editable", "router", "seen", "turn_of"]

router = APIRouter(tags=["coaching"], route_class=SmallBody)

Reader = Annotated[Person, Depends(may("coaching.read"))]
Writer = Annotated[Person, Depends(may("coaching.write"))]
Coached = Annotated[Person, Depends(may("coaching.answer"))]
RowId = Annotated[int, Path(ge=1, le=2**62)]
SessionId = Annotated[int, Path(ge=1, le=2**62, description="The session's id.", examples=[17])]
UserId = Annotated[int | None, Query(ge=1, le=2**62)]


@router.get("/coaching", responses=responses(401, 403))
def list_sessions(
    person: Reader,
    database: DatabaseOf,
    agent: Name = None,
    coach: UserId = None,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SessionLine]:
    """Sessions within sight, the latest changed first. An agent sees their own, but no draft."""
    query = select(CoachingSession).where(sessions.visible(person))
    for column, value in (
        (CoachingSession.agent_id, agent), (CoachingSession.coach_id, coach), (CoachingSession.state, state),
    ):  # fmt: skip
        query = query if value is None else query.where(column == value)
    if cursor is not None:
        last = unpack(cursor, datetime, int)
        query = query.where(after(CoachingSession.updated_at, CoachingSession.id, *last, descending=True))
    query = query.order_by(CoachingSession.updated_at.desc(), CoachingSession.id.desc()).limit(limit + 1)
    with database.read() as session:
        rows = session.scalars(query).all()
        more, rows = len(rows) > limit, rows[:limit]
        counts = sessions.counts(session, [row.id for row in rows])
    items = [_line(row, counts[row.id]) for row in rows]
    return Page(items=items, next=pack(rows[-1].updated_at, rows[-1].id) if more else None)


@router.post("/coaching", status_code=201, responses=responses(401, 403, 404, 409))
def make_session(person: Writer, database: DatabaseOf, body: SessionBody) -> SessionWhole:
    """Begin a session, as a draft that its agent does not see."""
    with database.begin() as session:
        if not person.sight.includes(body.agent_id) or session.get(Agent, body.agent_id) is None:
            raise ApiError(404, f"There is no agent {body.agent_id!r}.")
        if body.agent_id == person.agent_id:
            raise ApiError(409, "Nobody coaches themselves.")
        coaching = CoachingSession(coach_id=person.user_id, state="draft", **body.model_dump())
        session.add(coaching)
        session.flush()
        record(session, person.actor, "coaching.made", f"coaching:{coaching.id}")
        return whole(session, person, coaching)


@router.get("/coaching/{session_id}", responses=responses(401, 403, 404))
def get_session(person: Reader, database: DatabaseOf, session_id: SessionId) -> SessionWhole:
    """A session with its turns and goals."""
    with database.read() as session:
        return whole(session, person, seen(session, person, session_id))


@router.patch("/coaching/{session_id}", responses=responses(401, 403, 404, 409))
def change_session(
    person: Writer, database: DatabaseOf, session_id: SessionId, body: SessionChange
) -> SessionWhole:
    """Change title and summary, while it is a draft or disputed; or give it to another coach, at any time."""
    values = body.model_dump(exclude_none=True)
    with database.begin() as session:
        coaching = _own(session, person, session_id)
        if set(values) - {"coach_id"}:
            _require(sessions.require_editable, coaching)
        if body.coach_id is not None and not sessions.may_coach(session, body.coach_id, coaching.agent_id):
            raise ApiError(422, f"body.coach_id: user {body.coach_id} cannot coach this agent")
        for name, value in values.items():
            setattr(coaching, name, value)
        if values:
            coaching.updated_at = now()
            record(session, person.actor, "coaching.changed", f"coaching:{session_id}", fields=sorted(values))
        return whole(session, person, coaching)


@router.delete("/coaching/{session_id}", status_code=204, responses=responses(401, 403, 404, 409))
def delete_session(person: Writer, database: DatabaseOf, session_id: SessionId) -> None:
    """Throw a draft away. What was shared stays."""
    with database.begin() as session:
        coaching = _own(session, person, session_id)
        if coaching.state != "draft":
            raise ApiError(409, f"A session that is {coaching.state} stays; only a draft can be deleted.")
        session.delete(coaching)
        record(session, person.actor, "coaching.deleted", f"coaching:{session_id}")


@router.post("/coaching/{session_id}/share", responses=responses(401, 403, 404, 409))
def share(person: Writer, database: DatabaseOf, session_id: SessionId) -> SessionWhole:
    """Show a draft to its agent; or a disputed session again, changed or not."""
    return _moved(person, database, session_id, "share")


@router.post("/coaching/{session_id}/resolve", responses=responses(401, 403, 404, 409))
def resolve(person: Writer, database: DatabaseOf, session_id: SessionId) -> SessionWhole:
    """Close a session that its agent acknowledged or disputed."""
    return _moved(person, database, session_id, "resolve")


@router.post("/coaching/{session_id}/acknowledge", responses=responses(401, 403, 404, 409))
def acknowledge(person: Coached, database: DatabaseOf, session_id: SessionId) -> SessionWhole:
    """Say that one has seen it and agrees; only its agent can."""
    return _moved(person, database, session_id, "acknowledge")


@router.post("/coaching/{session_id}/dispute", responses=responses(401, 403, 404, 409))
def dispute(person: Coached, database: DatabaseOf, session_id: SessionId, body: DisputeBody) -> SessionWhole:
    """Say that one does not agree, and why; only its agent can. The reason stays among the comments too."""
    return _moved(person, database, session_id, "dispute", reason=body.reason)


@router.get("/coaching/{session_id}/comments", responses=responses(401, 403, 404))
def list_comments(
    person: Reader, database: DatabaseOf, session_id: SessionId, limit: Limit = 50, cursor: Cursor = None
) -> Page[CommentLine]:
    """What was written on the session and its turns, oldest first."""
    with database.read() as session:
        coaching = seen(session, person, session_id)
        query = select(CoachingComment).where(CoachingComment.session_id == coaching.id)
        if cursor is not None:
            query = query.where(CoachingComment.id > unpack(cursor, int)[0])
        rows = session.scalars(query.order_by(CoachingComment.id).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    items = [CommentLine.model_validate(row) for row in rows]
    return Page(items=items, next=pack(rows[-1].id) if more else None)


@router.post("/coaching/{session_id}/comments", status_code=201, responses=responses(401, 403, 404, 409))
def add_comment(
    person: Reader, database: DatabaseOf, session_id: SessionId, body: CommentBody
) -> CommentLine:
    """Write on the session or a turn: its agent, and whoever may coach. Once it is resolved, nobody."""
    _require_voice(person)
    with database.begin() as session:
        coaching = _open(session, person, session_id)
        if body.turn_id is not None:
            turn_of(session, coaching, body.turn_id)
        comment = CoachingComment(session_id=coaching.id, author_id=person.user_id, **body.model_dump())
        session.add(comment)
        session.flush()
        coaching.updated_at = now()
        record(session, person.actor, "coaching.comment.added", f"coaching:{session_id}", comment=comment.id)
        return CommentLine.model_validate(comment)


@router.delete(
    "/coaching/{session_id}/comments/{comment_id}",
    status_code=204,
    responses=responses(401, 403, 404, 409),
)
def delete_comment(person: Reader, database: DatabaseOf, session_id: SessionId, comment_id: RowId) -> None:
    """Delete one's own comment, until the session is resolved."""
    _require_voice(person)
    with database.begin() as session:
        coaching = _open(session, person, session_id)
        comment = session.get(CoachingComment, comment_id)
        own = comment is not None and comment.author_id == person.user_id
        if comment is None or not own or comment.session_id != coaching.id:
            raise ApiError(404, f"There is no comment {comment_id} of yours on this session.")
        session.delete(comment)
        coaching.updated_at = now()
        record(
            session, person.actor, "coaching.comment.deleted", f"coaching:{session_id}", comment=comment_id
        )


def seen(session: Session, person: Person, session_id: int, *, lock: bool = False) -> CoachingSession:
    """The session.

    Raises:
        ApiError: 404, there is none, or this person may not see it.
    """
    coaching = sessions.find(session, person, session_id, lock=lock)
    if coaching is None:
        raise ApiError(404, f"There is no coaching session {session_id}.")
    return coaching


def editable(session: Session, person: Person, session_id: int) -> CoachingSession:
    """The session, locked, whose turns and goals this person may change now.

    Raises:
        ApiError: 404 as :func:`seen`; 403 it is another coach's; 409 it is neither a draft nor disputed.
    """
    coaching = _own(session, person, session_id)
    _require(sessions.require_editable, coaching)
    return coaching


def whole(session: Session, person: Person, coaching: CoachingSession) -> SessionWhole:
    """The session as it is given."""
    goals = select(CoachingGoal).where(CoachingGoal.session_id == coaching.id).order_by(CoachingGoal.id)
    line = _line(coaching, sessions.counts(session, [coaching.id])[coaching.id])
    return SessionWhole(
        **line.model_dump(),
        summary=coaching.summary,
        dispute_reason=coaching.state_reason,
        possible=[a for a in states.possible(_state(coaching)) if _may(person, coaching, a)],
        turns=[TurnLine.model_validate(turn) for turn in sessions.turns(session, coaching, person)],
        goals=[GoalLine.model_validate(goal) for goal in session.scalars(goals)],
    )


def _state(coaching: CoachingSession) -> State:
    return cast("State", coaching.state)


def _line(coaching: CoachingSession, counts: sessions.Counts) -> SessionLine:
    line = SessionLine.model_validate(coaching)
    line.n_turns, line.n_goals, line.n_comments = counts.turns, counts.goals, counts.comments
    return line


def _require(check: Any, coaching: CoachingSession) -> None:
    try:
        check(coaching)
    except NotPossibleError as error:
        raise ApiError(409, str(error)) from None


def _is_coach(person: Person, coaching: CoachingSession) -> bool:
    """A coach changes their own sessions, and those that nobody's any more; QA and admins all."""
    return person.role != "coach" or coaching.coach_id in (None, person.user_id)


def _may(person: Person, coaching: CoachingSession, action: Action) -> bool:
    if action in ("acknowledge", "dispute"):
        return "coaching.answer" in person.permissions and person.agent_id == coaching.agent_id
    return "coaching.write" in person.permissions and _is_coach(person, coaching)


def _own(session: Session, person: Person, session_id: int) -> CoachingSession:
    coaching = seen(session, person, session_id, lock=True)
    if not _is_coach(person, coaching):
        raise ApiError(403, "This session is another coach's; ask them, or a QA manager.")
    return coaching


def _open(session: Session, person: Person, session_id: int) -> CoachingSession:
    coaching = seen(session, person, session_id, lock=True)
    if coaching.state == "resolved":
        raise ApiError(409, "This session is resolved; nothing more is written on it.")
    return coaching


def _require_voice(person: Person) -> None:
    """Writing is more than reading: a key that may only read cannot."""
    if not person.permissions & {"coaching.write", "coaching.answer"}:
        raise ApiError(403, "This needs the permission coaching.write or coaching.answer.")


def _moved(
    person: Person, database: Any, session_id: int, action: Action, *, reason: str | None = None
) -> SessionWhole:
    with database.begin() as session:
        coaching = seen(session, person, session_id, lock=True)
        if not _may(person, coaching, action):
            raise ApiError(403, "Only the session's agent answers it, and only its coach or QA moves it on.")
        before = coaching.state
        try:
            coaching.state = states.after(_state(coaching), action)
        except NotPossibleError as error:
            raise ApiError(409, str(error)) from None
        coaching.updated_at = now()
        if action == "share":
            coaching.shared_at = coaching.updated_at
        if reason is not None:
            coaching.state_reason = reason
            session.add(CoachingComment(session_id=coaching.id, author_id=person.user_id, text=reason))
        record(session, person.actor, f"coaching.{coaching.state}", f"coaching:{session_id}", before=before)
        return whole(session, person, coaching)


def turn_of(session: Session, coaching: CoachingSession, turn_id: int) -> CoachingTurn:
    """The turn.

    Raises:
        ApiError: 404, the session has no such turn.
    """
    turn = session.get(CoachingTurn, turn_id)
    if turn is None or turn.session_id != coaching.id:
        raise ApiError(404, f"There is no turn {turn_id} in this session.")
    return turn
