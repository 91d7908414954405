"""Grading: calls evaluated by scorecards, and the mean scores of agents."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import case, func, literal, select, tuple_
from sqlalchemy.orm import Session

import sentiment
from service.api.bodies import SmallBody
from service.api.calls import CallId, Name, call_in_sight
from service.api.coaching import editable
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.scorecard_shapes import (
    AnswerLine,
    AnswersBody,
    EvaluationBody,
    EvaluationLine,
    EvaluationWhole,
    FilledLine,
    MeanLine,
    QuestionLine,
    ScoreLine,
    SectionLine,
    given,
)
from service.api.scorecards import ScorecardId, scorecard_of
from service.api.who import DatabaseOf, may
from service.coaching.answers import fill
from service.coaching.evaluations import definition_of, grade, graded, readable
from service.coaching.scoring import Scored
from service.coaching.states import EDITABLE
from service.people.access import Person
from service.store.audit import record
from service.store.calls import read_document
from service.store.columns import now
from service.store.tables import Calibration, Call, CoachingSession, Evaluation, Scorecard

__all__ = ["Grader", "document_of", "evaluation_line", "evaluation_whole", "router"]

router = APIRouter(tags=["grading"], route_class=SmallBody)

Reader = Annotated[Person, Depends(may("coaching.read"))]
Grader = Annotated[Person, Depends(may("grade"))]
EvaluationId = Annotated[int, Path(ge=1, le=2**62, examples=[41])]
Id = Annotated[int | None, Query(ge=1, le=2**62)]


@router.get("/scorecards/{scorecard_id}/answers/{call_id}", responses=responses(401, 403, 404))
def filled_answers(
    person: Grader, database: DatabaseOf, scorecard_id: ScorecardId, call_id: CallId
) -> dict[str, FilledLine]:
    """What a call answers by itself of a scorecard, by question: where grading it begins."""
    with database.read() as session:
        definition = definition_of(scorecard_of(session, person, scorecard_id))
        call = document_of(session, call_in_sight(session, person, call_id))
    found = fill(definition, call)
    return {key: FilledLine(**each.stored()) for key, each in found.items()}


@router.get("/evaluations", responses=responses(401, 403))
def list_evaluations(
    person: Reader,
    database: DatabaseOf,
    agent: Name = None,
    scorecard: Id = None,
    coaching_session: Id = None,
    grader: Id = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EvaluationLine]:
    """Graded calls, the newest first, calibrations aside.

    Graders see those of the calls in their sight, agents those in coaching sessions shared with them.
    """
    query = _asked(select(Evaluation, Call).select_from(Evaluation), person, agent, scorecard)
    query = query if coaching_session is None else query.where(Evaluation.session_id == coaching_session)
    query = query if grader is None else query.where(Evaluation.grader_id == grader)
    if cursor is not None:
        query = query.where(Evaluation.id < unpack(cursor, int)[0])
    with database.read() as session:
        rows = session.execute(query.order_by(Evaluation.id.desc()).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    items = [evaluation_line(evaluation, call) for evaluation, call in rows]
    return Page(items=items, next=pack(items[-1].id) if more else None)


@router.get("/evaluations/means", responses=responses(401, 403))
def mean_scores(
    person: Reader,
    database: DatabaseOf,
    agent: Name = None,
    scorecard: Id = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MeanLine]:
    """The mean score of each agent by each version of a scorecard, calibrations aside."""
    keys = (Call.agent_id, Scorecard.id, Scorecard.name, Scorecard.version)
    failed = func.sum(case((Evaluation.score == 0, 1), else_=0))
    query = select(*keys, func.avg(Evaluation.score), func.count(), failed)
    query = _asked(query.select_from(Evaluation), person, agent, scorecard)
    query = query.join(Scorecard, Scorecard.id == Evaluation.scorecard_id)
    query = query.where(Evaluation.score.is_not(None), Call.agent_id.is_not(None)).group_by(*keys)
    if cursor is not None:
        last_agent, last_card = unpack(cursor, str, int)
        query = query.where(
            tuple_(Call.agent_id, Scorecard.id) > tuple_(literal(last_agent), literal(last_card))
        )
    with database.read() as session:
        rows = session.execute(query.order_by(Call.agent_id, Scorecard.id).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    names = ("agent_id", "scorecard_id", "name", "version", "mean", "n", "n_failed")
    items = [MeanLine(**dict(zip(names, row, strict=True))) for row in rows]
    return Page(items=items, next=pack(items[-1].agent_id, items[-1].scorecard_id) if more else None)


@router.post("/evaluations", status_code=201, responses=responses(401, 403, 404, 409))
def evaluate(person: Grader, database: DatabaseOf, body: EvaluationBody) -> EvaluationWhole:
    """Grade a call by a published scorecard.

    What the call answers by itself need not be given; to answer otherwise needs a reason.
    """
    with database.begin() as session:
        scorecard = scorecard_of(session, person, body.scorecard_id)
        if scorecard.state != "published":
            raise ApiError(409, f"This version is {scorecard.state}; calls are graded by published ones.")
        call = call_in_sight(session, person, body.call_id)
        if body.session_id is not None:
            coaching = editable(session, person, body.session_id)
            if coaching.agent_id != call.agent_id:
                raise ApiError(409, "The coaching session is of another agent than the call.")
        answers, score = grade(definition_of(scorecard), document_of(session, call), given(body.answers))
        evaluation = Evaluation(
            scorecard_id=scorecard.id, call_id=call.id, session_id=body.session_id,
            grader_id=person.user_id, answers=answers, score=score,
        )  # fmt: skip
        session.add(evaluation)
        session.flush()
        record(
            session, person.actor, "evaluation.made", f"evaluation:{evaluation.id}", call=call.id,
            scorecard=scorecard.id, overridden=_overridden(answers),
        )  # fmt: skip
        return evaluation_whole(evaluation, call, scorecard)


@router.get("/evaluations/{evaluation_id}", responses=responses(401, 403, 404))
def get_evaluation(person: Reader, database: DatabaseOf, evaluation_id: EvaluationId) -> EvaluationWhole:
    """A graded call: the answers with their sources, and how the score comes about."""
    with database.read() as session:
        evaluation, call = _seen(session, person, evaluation_id)
        return evaluation_whole(evaluation, call, session.get_one(Scorecard, evaluation.scorecard_id))


@router.put("/evaluations/{evaluation_id}", responses=responses(401, 403, 404, 409))
def change_evaluation(
    person: Grader, database: DatabaseOf, evaluation_id: EvaluationId, body: AnswersBody
) -> EvaluationWhole:
    """Answer anew; only who graded can, until it is shared with the agent or its calibration is closed."""
    with database.begin() as session:
        evaluation, call = _own(session, person, evaluation_id)
        scorecard = session.get_one(Scorecard, evaluation.scorecard_id)
        evaluation.answers, evaluation.score = grade(
            definition_of(scorecard), document_of(session, call), given(body.answers)
        )
        evaluation.updated_at = now()
        record(
            session, person.actor, "evaluation.changed", f"evaluation:{evaluation_id}",
            overridden=_overridden(evaluation.answers),
        )  # fmt: skip
        return evaluation_whole(evaluation, call, scorecard)


@router.delete("/evaluations/{evaluation_id}", status_code=204, responses=responses(401, 403, 404, 409))
def delete_evaluation(person: Grader, database: DatabaseOf, evaluation_id: EvaluationId) -> None:
    """Take an evaluation back; as to change it."""
    with database.begin() as session:
        evaluation, _ = _own(session, person, evaluation_id)
        session.delete(evaluation)
        record(session, person.actor, "evaluation.deleted", f"evaluation:{evaluation_id}")


def document_of(session: Session, call: Call) -> sentiment.Call:
    """The call as it was scored.

    Raises:
        ApiError: 404, it was deleted just now.
    """
    document = read_document(session, call.id)
    if document is None:
        raise ApiError(404, f"There is no call {call.call_id!r}.")
    return document


def evaluation_line(evaluation: Evaluation, call: Call) -> EvaluationLine:
    """An evaluation in a list."""
    return EvaluationLine(
        id=evaluation.id, scorecard_id=evaluation.scorecard_id, call_id=call.call_id, agent_id=call.agent_id,
        session_id=evaluation.session_id, calibration_id=evaluation.calibration_id,
        grader_id=evaluation.grader_id, score=evaluation.score, created_at=evaluation.created_at,
        updated_at=evaluation.updated_at,
    )  # fmt: skip


def evaluation_whole(evaluation: Evaluation, call: Call, scorecard: Scorecard) -> EvaluationWhole:
    """An evaluation with its answers, and the parts of its score."""
    scored = graded(definition_of(scorecard), evaluation.answers)
    return EvaluationWhole(
        **evaluation_line(evaluation, call).model_dump(),
        answers={key: AnswerLine.model_validate(each) for key, each in evaluation.answers.items()},
        parts=_parts(scored),
    )


def _parts(scored: Scored) -> ScoreLine:
    return ScoreLine(
        score=_float(scored.score), without_fail=_float(scored.without_fail),
        failed_by=list(scored.failed_by), undefined=scored.undefined,
        sections=[
            SectionLine(
                key=s.key, score=_float(s.score), weight=float(s.weight), contribution=float(s.contribution),
                questions=[
                    QuestionLine(
                        key=q.key, points=_float(q.points), most=float(q.most), weight=float(q.weight),
                        contribution=float(q.contribution),
                    )
                    for q in s.questions
                ],
            )
            for s in scored.sections
        ],
    )  # fmt: skip


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _overridden(answers: dict[str, Any]) -> list[str]:
    return sorted(key for key, answer in answers.items() if answer["overridden"])


def _asked(query: Any, person: Person, agent: str | None, scorecard: int | None) -> Any:
    query = query.join(Call, Call.id == Evaluation.call_id)
    query = query.where(readable(person), Evaluation.calibration_id.is_(None))
    query = query if agent is None else query.where(Call.agent_id == agent)
    return query if scorecard is None else query.where(Evaluation.scorecard_id == scorecard)


def _seen(session: Session, person: Person, evaluation_id: int) -> tuple[Evaluation, Call]:
    query = select(Evaluation, Call).join(Call, Call.id == Evaluation.call_id)
    row = session.execute(query.where(Evaluation.id == evaluation_id, readable(person))).first()
    if row is None:
        raise ApiError(404, f"There is no evaluation {evaluation_id}.")
    return row[0], row[1]


def _own(session: Session, person: Person, evaluation_id: int) -> tuple[Evaluation, Call]:
    """One's own evaluation, which may still change.

    What it hangs on is locked first: it cannot be shared or closed between.
    """
    evaluation, call = _seen(session, person, evaluation_id)
    if evaluation.grader_id != person.user_id:
        raise ApiError(404, f"There is no evaluation {evaluation_id} of yours.")
    if evaluation.session_id is not None:
        state = session.scalar(
            select(CoachingSession.state).where(CoachingSession.id == evaluation.session_id).with_for_update()
        )
        if state is not None and state not in EDITABLE:
            raise ApiError(409, f"Its coaching session is {state}, so it stays as it is.")
    if evaluation.calibration_id is not None:
        of_it = select(Calibration).where(Calibration.id == evaluation.calibration_id).with_for_update()
        calibration = session.scalar(of_it)
        if calibration is not None and calibration.closed_at is not None:
            raise ApiError(409, "Its calibration is closed, so it stays as it is.")
    return evaluation, call
