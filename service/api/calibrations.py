"""Calibration: several grade a call, each without seeing the others, and then see how far they agree."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.api.bodies import SmallBody
from service.api.calls import call_in_sight
from service.api.errors import ApiError, responses
from service.api.grading import Grader, document_of, evaluation_whole
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.scorecard_shapes import (
    AgreementLine,
    AlphaLine,
    AnswersBody,
    CalibrationBody,
    CalibrationLine,
    CalibrationWhole,
    EvaluationWhole,
    FurthestLine,
    OverCallsLine,
    QuestionAgreementLine,
    SpreadLine,
    given,
)
from service.api.scorecards import ScorecardId, scorecard_of
from service.api.who import DatabaseOf, may
from service.coaching.evaluations import agreed, definition_of, grade, over_calls, scores_apart
from service.people.access import Person
from service.store.audit import record
from service.store.columns import now
from service.store.tables import Calibration, Call, Evaluation, Scorecard

__all__ = ["router"]

router = APIRouter(tags=["grading"], route_class=SmallBody)

Leader = Annotated[Person, Depends(may("scorecards.write"))]
CalibrationId = Annotated[int, Path(ge=1, le=2**62, examples=[5])]


@router.get("/calibrations", responses=responses(401, 403))
def list_calibrations(
    person: Grader,
    database: DatabaseOf,
    closed: bool | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CalibrationLine]:
    """Calibrations of calls within sight, the newest first."""
    query = select(Calibration, Call).join(Call, Call.id == Calibration.call_id)
    query = query.where(person.sight.of(Call.agent_id)).order_by(Calibration.id.desc())
    if closed is not None:
        at = Calibration.closed_at
        query = query.where(at.is_not(None) if closed else at.is_(None))
    if cursor is not None:
        query = query.where(Calibration.id < unpack(cursor, int)[0])
    with database.read() as session:
        rows = session.execute(query.limit(limit + 1)).all()
        more, rows = len(rows) > limit, rows[:limit]
        counted = _counts(session, [calibration.id for calibration, _ in rows])
    items = [_line(calibration, call, counted.get(calibration.id, 0)) for calibration, call in rows]
    return Page(items=items, next=pack(items[-1].id) if more else None)


@router.post("/calibrations", status_code=201, responses=responses(401, 403, 404, 409))
def make_calibration(person: Leader, database: DatabaseOf, body: CalibrationBody) -> CalibrationWhole:
    """Have a call graded by whoever may grade and sees it, each for themselves."""
    with database.begin() as session:
        scorecard = scorecard_of(session, person, body.scorecard_id)
        if scorecard.state != "published":
            raise ApiError(409, f"This version is {scorecard.state}; calls are graded by published ones.")
        call = call_in_sight(session, person, body.call_id)
        calibration = Calibration(scorecard_id=scorecard.id, call_id=call.id, created_by=person.user_id)
        session.add(calibration)
        session.flush()
        record(session, person.actor, "calibration.made", f"calibration:{calibration.id}", call=call.id)
        return _whole(session, person, calibration, call)


@router.get("/calibrations/{calibration_id}", responses=responses(401, 403, 404))
def get_calibration(person: Grader, database: DatabaseOf, calibration_id: CalibrationId) -> CalibrationWhole:
    """A calibration: one's own evaluation while it is open; all of them, and their agreement, afterwards."""
    with database.read() as session:
        return _whole(session, person, *_seen(session, person, calibration_id))


@router.post(
    "/calibrations/{calibration_id}/evaluations", status_code=201, responses=responses(401, 403, 404, 409)
)
def take_part(
    person: Grader, database: DatabaseOf, calibration_id: CalibrationId, body: AnswersBody
) -> EvaluationWhole:
    """Grade the call; once each. To answer anew, change the evaluation."""
    try:
        with database.begin() as session:
            calibration, call = _seen(session, person, calibration_id, lock=True)
            if calibration.closed_at is not None:
                raise ApiError(409, "This calibration is closed.")
            scorecard = session.get_one(Scorecard, calibration.scorecard_id)
            answers, score = grade(definition_of(scorecard), document_of(session, call), given(body.answers))
            evaluation = Evaluation(
                scorecard_id=scorecard.id, call_id=call.id, calibration_id=calibration.id,
                grader_id=person.user_id, answers=answers, score=score,
            )  # fmt: skip
            session.add(evaluation)
            session.flush()
            record(
                session, person.actor, "evaluation.made", f"evaluation:{evaluation.id}", call=call.id,
                calibration=calibration.id,
            )  # fmt: skip
            return evaluation_whole(evaluation, call, scorecard)
    except IntegrityError:
        raise ApiError(409, "You graded this call already; change your evaluation.") from None


@router.post("/calibrations/{calibration_id}/close", responses=responses(401, 403, 404, 409))
def close(person: Leader, database: DatabaseOf, calibration_id: CalibrationId) -> CalibrationWhole:
    """Close a calibration: nobody grades any more, and all see how far they agree."""
    with database.begin() as session:
        calibration, call = _seen(session, person, calibration_id, lock=True)
        if calibration.closed_at is not None:
            raise ApiError(409, "This calibration is closed already.")
        calibration.closed_at = now()
        record(session, person.actor, "calibration.closed", f"calibration:{calibration_id}")
        return _whole(session, person, calibration, call)


@router.get("/scorecards/{scorecard_id}/agreement", responses=responses(401, 403, 404))
def agreement_over_calls(
    person: Grader, database: DatabaseOf, scorecard_id: ScorecardId
) -> list[OverCallsLine]:
    """How far graders agree on each question, over the closed calibrations within sight."""
    with database.read() as session:
        definition = definition_of(scorecard_of(session, person, scorecard_id))
        query = (
            select(Evaluation)
            .join(Calibration, Calibration.id == Evaluation.calibration_id)
            .join(Call, Call.id == Calibration.call_id)
            .where(Calibration.scorecard_id == scorecard_id, Calibration.closed_at.is_not(None))
            .where(person.sight.of(Call.agent_id))
            .order_by(Evaluation.id)
        )
        by_calibration: dict[int | None, list[Evaluation]] = {}
        for evaluation in session.scalars(query):
            by_calibration.setdefault(evaluation.calibration_id, []).append(evaluation)
    found = over_calls(definition, list(by_calibration.values()))
    return [OverCallsLine.model_validate(each) for each in found]


def _seen(
    session: Session, person: Person, calibration_id: int, *, lock: bool = False
) -> tuple[Calibration, Call]:
    query = select(Calibration, Call).join(Call, Call.id == Calibration.call_id)
    query = query.where(Calibration.id == calibration_id, person.sight.of(Call.agent_id))
    row = session.execute(query.with_for_update(of=Calibration) if lock else query).first()
    if row is None:
        raise ApiError(404, f"There is no calibration {calibration_id}.")
    return row[0], row[1]


def _counts(session: Session, ids: list[int]) -> dict[int | None, int]:
    query = select(Evaluation.calibration_id, func.count()).where(Evaluation.calibration_id.in_(ids))
    return {row[0]: row[1] for row in session.execute(query.group_by(Evaluation.calibration_id))}


def _line(calibration: Calibration, call: Call, n_graders: int) -> CalibrationLine:
    return CalibrationLine(
        id=calibration.id, scorecard_id=calibration.scorecard_id, call_id=call.call_id,
        created_by=calibration.created_by, created_at=calibration.created_at,
        closed_at=calibration.closed_at, n_graders=n_graders,
    )  # fmt: skip


def _whole(session: Session, person: Person, calibration: Calibration, call: Call) -> CalibrationWhole:
    query = select(Evaluation).where(Evaluation.calibration_id == calibration.id).order_by(Evaluation.id)
    every = list(session.scalars(query))
    scorecard = session.get_one(Scorecard, calibration.scorecard_id)
    is_open = calibration.closed_at is None
    shown = [each for each in every if each.grader_id == person.user_id] if is_open else every
    return CalibrationWhole(
        **_line(calibration, call, len(every)).model_dump(),
        evaluations=[evaluation_whole(each, call, scorecard) for each in shown],
        agreement=None if is_open else _agreement(scorecard, every),
    )


def _agreement(scorecard: Scorecard, every: list[Evaluation]) -> AgreementLine:
    questions, choices, points = agreed(definition_of(scorecard), every)
    apart, graders = scores_apart(every), {each.id: each.grader_id for each in every}
    return AgreementLine(
        questions=[QuestionAgreementLine.model_validate(each) for each in questions],
        choices=AlphaLine.model_validate(choices),
        points=AlphaLine.model_validate(points),
        spread=SpreadLine(
            n=apart.n, lowest=apart.lowest, highest=apart.highest, median=apart.median,
            furthest=[
                FurthestLine(evaluation_id=each, grader_id=graders[each], difference=gap)
                for each, gap in apart.furthest
            ],
            undefined=apart.undefined,
        ),
    )  # fmt: skip
