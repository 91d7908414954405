"""What a coaching session holds: its turns, and its goals with their figures before and after.

Both are changed only while the session is a draft or disputed.
"""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.api.bodies import SmallBody
from service.api.calls import call_in_sight
from service.api.coaching import Reader, RowId, SessionId, Writer, editable, seen, turn_of
from service.api.coaching_shapes import (
    ChangeLine,
    GoalBody,
    GoalFigures,
    GoalLine,
    TurnBody,
    TurnChange,
    TurnLine,
)
from service.api.errors import ApiError, responses
from service.api.who import DatabaseOf
from service.coaching import sessions
from service.coaching.goals import Halves, change, goal_metric, goal_table
from service.people.access import Person
from service.room import Room
from service.store.audit import record
from service.store.columns import now
from service.store.tables import Call, CoachingGoal, CoachingSession, CoachingTurn

__all__ = ["router"]

router = APIRouter(tags=["coaching"], route_class=SmallBody)

AT_ONCE = 2
_computing = Room(at_once=AT_ONCE, waiting=4, patience_s=10)


@router.post("/coaching/{session_id}/turns", status_code=201, responses=responses(401, 403, 404, 409))
def add_turn(person: Writer, database: DatabaseOf, session_id: SessionId, body: TurnBody) -> TurnLine:
    """Add a stretch of any call one may see, at the end.

    Of another agent's call, as a good example, the coached agent sees this stretch and no more.
    """
    with database.begin() as session:
        coaching = editable(session, person, session_id)
        call = call_in_sight(session, person, body.call_id)
        _require_stretch(call, body.first_index, body.last_index)
        of_session = CoachingTurn.session_id == coaching.id
        n = session.scalar(select(func.count()).select_from(CoachingTurn).where(of_session)) or 0
        if n >= sessions.MOST_TURNS:
            raise ApiError(409, f"A session has at most {sessions.MOST_TURNS} turns; make another session.")
        turn = CoachingTurn(
            session_id=coaching.id, call_id=call.id, first_index=body.first_index,
            last_index=body.last_index, position=n,
        )  # fmt: skip
        session.add(turn)
        session.flush()
        sessions.move(session, turn, n)
        coaching.updated_at = now()
        record(
            session, person.actor, "coaching.turn.added", f"coaching:{session_id}", turn=turn.id, call=call.id
        )
        return _turn_line(session, person, coaching, turn.id)


@router.patch("/coaching/{session_id}/turns/{turn_id}", responses=responses(401, 403, 404, 409))
def change_turn(
    person: Writer, database: DatabaseOf, session_id: SessionId, turn_id: RowId, body: TurnChange
) -> TurnLine:
    """Take another stretch of the same call, or move the turn among the others."""
    with database.begin() as session:
        coaching = editable(session, person, session_id)
        turn = turn_of(session, coaching, turn_id)
        first = turn.first_index if body.first_index is None else body.first_index
        last = turn.last_index if body.last_index is None else body.last_index
        if (first, last) != (turn.first_index, turn.last_index):
            call = session.get_one(Call, turn.call_id)
            if not person.sight.includes(call.agent_id):
                raise ApiError(404, "There is no such call.")
            _require_stretch(call, first, last)
            turn.first_index, turn.last_index = first, last
        if body.position is not None:
            sessions.move(session, turn, body.position)
        coaching.updated_at = now()
        record(session, person.actor, "coaching.turn.changed", f"coaching:{session_id}", turn=turn_id)
        return _turn_line(session, person, coaching, turn_id)


@router.delete(
    "/coaching/{session_id}/turns/{turn_id}", status_code=204, responses=responses(401, 403, 404, 409)
)
def delete_turn(person: Writer, database: DatabaseOf, session_id: SessionId, turn_id: RowId) -> None:
    """Take a turn out. What was written on it stays, as comments on the session."""
    with database.begin() as session:
        coaching = editable(session, person, session_id)
        sessions.remove_turn(session, turn_of(session, coaching, turn_id))
        coaching.updated_at = now()
        record(session, person.actor, "coaching.turn.removed", f"coaching:{session_id}", turn=turn_id)


@router.post("/coaching/{session_id}/goals", status_code=201, responses=responses(401, 403, 404, 409))
def add_goal(person: Writer, database: DatabaseOf, session_id: SessionId, body: GoalBody) -> GoalLine:
    """Agree on a goal: words, or words and a metric with the dates that part before from after."""
    with database.begin() as session:
        coaching = editable(session, person, session_id)
        of_session = CoachingGoal.session_id == coaching.id
        n = session.scalar(select(func.count()).select_from(CoachingGoal).where(of_session)) or 0
        if n >= sessions.MOST_GOALS:
            raise ApiError(409, f"A session has at most {sessions.MOST_GOALS} goals; make another session.")
        goal = CoachingGoal(session_id=coaching.id, **body.model_dump())
        session.add(goal)
        session.flush()
        coaching.updated_at = now()
        record(session, person.actor, "coaching.goal.added", f"coaching:{session_id}", goal=goal.id)
        return GoalLine.model_validate(goal)


@router.put("/coaching/{session_id}/goals/{goal_id}", responses=responses(401, 403, 404, 409))
def change_goal(
    person: Writer, database: DatabaseOf, session_id: SessionId, goal_id: RowId, body: GoalBody
) -> GoalLine:
    """Put another goal in the place of this one."""
    with database.begin() as session:
        coaching = editable(session, person, session_id)
        goal = _goal(session, coaching, goal_id)
        for name, value in body.model_dump().items():
            setattr(goal, name, value)
        coaching.updated_at = now()
        record(session, person.actor, "coaching.goal.changed", f"coaching:{session_id}", goal=goal_id)
        session.flush()
        return GoalLine.model_validate(goal)


@router.delete(
    "/coaching/{session_id}/goals/{goal_id}", status_code=204, responses=responses(401, 403, 404, 409)
)
def delete_goal(person: Writer, database: DatabaseOf, session_id: SessionId, goal_id: RowId) -> None:
    """Drop a goal."""
    with database.begin() as session:
        coaching = editable(session, person, session_id)
        session.delete(_goal(session, coaching, goal_id))
        coaching.updated_at = now()
        record(session, person.actor, "coaching.goal.removed", f"coaching:{session_id}", goal=goal_id)


@router.get("/coaching/{session_id}/goals/{goal_id}", responses=responses(401, 403, 404, 429))
def get_goal(person: Reader, database: DatabaseOf, session_id: SessionId, goal_id: RowId) -> GoalFigures:
    """A goal with its metric before and after, counted now from the agent's own records."""
    with database.read() as session:
        coaching = seen(session, person, session_id)
        goal = _goal(session, coaching, goal_id)
    line = GoalLine.model_validate(goal).model_dump()
    if goal.metric is None or goal.before_from is None or goal.changed_at is None:
        return GoalFigures(**line, figures=None, no_figures="The goal has no metric.")
    moment = now()
    until = moment if goal.after_until is None else goal.after_until
    if until <= goal.changed_at:
        return GoalFigures(**line, figures=None, no_figures="The time after the change has not begun.")
    request = goal_metric(goal.metric)
    halves = Halves(before_from=goal.before_from, changed_at=goal.changed_at, after_until=until)
    if not _computing.enter():
        raise ApiError(429, "Others are computing; try again.", headers={"Retry-After": "5"})
    try:
        with database.read() as session:
            table = goal_table(session, coaching.agent_id, request, halves)
        figures = change(request, table, halves, goal.target)
    finally:
        _computing.leave()
    return GoalFigures(**line, figures=ChangeLine.model_validate(figures))


def _goal(session: Session, coaching: CoachingSession, goal_id: int) -> CoachingGoal:
    goal = session.get(CoachingGoal, goal_id)
    if goal is None or goal.session_id != coaching.id:
        raise ApiError(404, f"There is no goal {goal_id} in this session.")
    return goal


def _turn_line(session: Session, person: Person, coaching: CoachingSession, turn_id: int) -> TurnLine:
    session.flush()
    found = next(t for t in sessions.turns(session, coaching, person) if t.id == turn_id)
    return TurnLine.model_validate(found)


def _require_stretch(call: Call, first: int, last: int) -> None:
    if first > last:
        raise ApiError(422, "body.first_index: must not be after last_index")
    if last >= call.n_utterances:
        raise ApiError(422, f"body.last_index: the call has {call.n_utterances} utterances, counted from 0")
    if last - first >= sessions.MOST_UTTERANCES:
        raise ApiError(422, f"body.last_index: a turn is at most {sessions.MOST_UTTERANCES} utterances")
