"""Scorecards: drafts, published versions that never change, and retired ones that stay readable."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from sqlalchemy import ColumnElement, exists, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sentiment.rules.reader import default_rules
from service.api.bodies import SmallBody
from service.api.calls import Name
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.scorecard_shapes import (
    DefinitionBody,
    MeasureLine,
    ScorecardBody,
    ScorecardLine,
    ScorecardWhole,
    State,
    VersionBody,
)
from service.api.who import DatabaseOf, may
from service.coaching.definition import ChoiceQuestion, Definition
from service.coaching.measures import MEASURES
from service.people.access import Person
from service.store.audit import record
from service.store.tables import Facet, Scorecard

__all__ = ["ScorecardId", "router", "scorecard_of"]

router = APIRouter(tags=["scorecards"], route_class=SmallBody)

Reader = Annotated[Person, Depends(may("scorecards.read"))]
Writer = Annotated[Person, Depends(may("scorecards.write"))]
ScorecardId = Annotated[
    int, Path(ge=1, le=2**62, description="Id of a version of a scorecard.", examples=[3])
]


@router.get("/scorecards", responses=responses(401, 403))
def list_scorecards(
    person: Reader,
    database: DatabaseOf,
    name: Name = None,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ScorecardLine]:
    """Every version of every scorecard, the newest first; drafts only for who writes scorecards."""
    query = select(Scorecard).where(_visible(person)).order_by(Scorecard.id.desc())
    query = query if name is None else query.where(Scorecard.name == name)
    query = query if state is None else query.where(Scorecard.state == state)
    if cursor is not None:
        query = query.where(Scorecard.id < unpack(cursor, int)[0])
    with database.read() as session:
        rows = session.scalars(query.limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    return Page(
        items=[ScorecardLine.model_validate(row) for row in rows], next=pack(rows[-1].id) if more else None
    )


@router.get("/scorecards/measures", responses=responses(401, 403))
def list_measures(_person: Reader) -> list[MeasureLine]:
    """What of a call can answer a number by itself."""
    return [MeasureLine(name=name, unit=m.unit, says=m.says) for name, m in MEASURES.items()]


@router.get("/scorecards/{scorecard_id}", responses=responses(401, 403, 404))
def get_scorecard(person: Reader, database: DatabaseOf, scorecard_id: ScorecardId) -> ScorecardWhole:
    """A version of a scorecard, also a retired one."""
    with database.read() as session:
        return _whole(scorecard_of(session, person, scorecard_id))


@router.post("/scorecards", status_code=201, responses=responses(401, 403, 409))
def make_scorecard(person: Writer, database: DatabaseOf, body: ScorecardBody) -> ScorecardWhole:
    """Make a scorecard, as a draft of version 1."""
    try:
        with database.begin() as session:
            if session.scalar(select(exists().where(Scorecard.name == body.name))):
                raise ApiError(
                    409, "There is a scorecard of that name; make its next version, or name it otherwise."
                )
            return _added(session, person, body.name, 1, body.definition)
    except IntegrityError:
        raise ApiError(409, "A scorecard of that name was made just now.") from None


@router.put("/scorecards/{scorecard_id}", responses=responses(401, 403, 404, 409))
def change_scorecard(
    person: Writer, database: DatabaseOf, scorecard_id: ScorecardId, body: DefinitionBody
) -> ScorecardWhole:
    """Change a draft. A published version never changes: make the next one."""
    with database.begin() as session:
        scorecard = scorecard_of(session, person, scorecard_id, lock=True)
        _require_draft(scorecard, "change")
        _require_rules(session, body.definition)
        scorecard.definition = body.definition.model_dump(mode="json")
        record(session, person.actor, "scorecard.changed", f"scorecard:{scorecard_id}")
        return _whole(scorecard)


@router.post("/scorecards/{scorecard_id}/versions", status_code=201, responses=responses(401, 403, 404, 409))
def next_version(
    person: Writer, database: DatabaseOf, scorecard_id: ScorecardId, body: VersionBody
) -> ScorecardWhole:
    """Make the next version of a scorecard, as a draft; there is one draft of a name at a time."""
    try:
        with database.begin() as session:
            scorecard = scorecard_of(session, person, scorecard_id)
            same = select(Scorecard).where(Scorecard.name == scorecard.name)
            newest = session.scalars(same.order_by(Scorecard.version.desc())).all()
            drafts = [each.id for each in newest if each.state == "draft"]
            if drafts:
                raise ApiError(
                    409, f"Version {newest[0].version} is a draft yet; change scorecard {drafts[0]}."
                )
            definition = body.definition or Definition.model_validate(scorecard.definition)
            return _added(session, person, scorecard.name, newest[0].version + 1, definition)
    except IntegrityError:
        raise ApiError(409, "The next version was made just now.") from None


@router.post("/scorecards/{scorecard_id}/publish", responses=responses(401, 403, 404, 409))
def publish(person: Writer, database: DatabaseOf, scorecard_id: ScorecardId) -> ScorecardWhole:
    """Publish a draft: from now on calls are graded by it. The version before it is retired."""
    with database.begin() as session:
        scorecard = scorecard_of(session, person, scorecard_id, lock=True)
        _require_draft(scorecard, "publish")
        session.execute(
            update(Scorecard)
            .where(Scorecard.name == scorecard.name, Scorecard.state == "published")
            .values(state="retired")
        )
        scorecard.state = "published"
        record(session, person.actor, "scorecard.published", f"scorecard:{scorecard_id}")
        return _whole(scorecard)


@router.post("/scorecards/{scorecard_id}/retire", responses=responses(401, 403, 404, 409))
def retire(person: Writer, database: DatabaseOf, scorecard_id: ScorecardId) -> ScorecardWhole:
    """Retire a published version: no call is graded by it any more, what was graded stays."""
    with database.begin() as session:
        scorecard = scorecard_of(session, person, scorecard_id, lock=True)
        if scorecard.state != "published":
            raise ApiError(409, f"This version is {scorecard.state}; only a published one can be retired.")
        scorecard.state = "retired"
        record(session, person.actor, "scorecard.retired", f"scorecard:{scorecard_id}")
        return _whole(scorecard)


@router.delete("/scorecards/{scorecard_id}", status_code=204, responses=responses(401, 403, 404, 409))
def delete_scorecard(person: Writer, database: DatabaseOf, scorecard_id: ScorecardId) -> None:
    """Throw a draft away."""
    with database.begin() as session:
        scorecard = scorecard_of(session, person, scorecard_id, lock=True)
        _require_draft(scorecard, "delete")
        session.delete(scorecard)
        record(session, person.actor, "scorecard.deleted", f"scorecard:{scorecard_id}")


def scorecard_of(session: Session, person: Person, scorecard_id: int, *, lock: bool = False) -> Scorecard:
    """The version of a scorecard.

    Raises:
        ApiError: 404, there is none, or it is a draft and this person writes no scorecards.
    """
    query = select(Scorecard).where(Scorecard.id == scorecard_id, _visible(person))
    scorecard = session.scalar(query.with_for_update() if lock else query)
    if scorecard is None:
        raise ApiError(404, f"There is no scorecard {scorecard_id}.")
    return scorecard


def _visible(person: Person) -> ColumnElement[bool]:
    return true() if "scorecards.write" in person.permissions else Scorecard.state != "draft"


def _whole(scorecard: Scorecard) -> ScorecardWhole:
    return ScorecardWhole.model_validate(scorecard)


def _added(
    session: Session, person: Person, name: str, version: int, definition: Definition
) -> ScorecardWhole:
    _require_rules(session, definition)
    scorecard = Scorecard(
        name=name, version=version, state="draft", definition=definition.model_dump(mode="json"),
        created_by=person.user_id,
    )  # fmt: skip
    session.add(scorecard)
    session.flush()
    record(session, person.actor, "scorecard.made", f"scorecard:{scorecard.id}", version=version)
    return _whole(scorecard)


def _require_draft(scorecard: Scorecard, do: str) -> None:
    if scorecard.state != "draft":
        raise ApiError(
            409,
            f"This version is {scorecard.state} and never changes; cannot {do} it. Make the next version.",
        )


def _require_rules(session: Session, definition: Definition) -> None:
    """A rule nobody knows would never fire, and answer every call the same."""
    shipped = {rule.name for rule in default_rules().rules}
    for question in definition.questions.values():
        if not isinstance(question, ChoiceQuestion) or question.filled_by is None:
            continue
        rule = question.filled_by.rule
        found = exists().where(Facet.kind == "rule", Facet.name == rule)
        if rule not in shipped and not session.scalar(select(found)):
            raise ApiError(
                422,
                f"body.definition: question {question.key!r}: no rule {rule!r} is shipped, nor has one "
                "of that name found anything in a call; check its name",
            )
