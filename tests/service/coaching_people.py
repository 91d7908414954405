"""More people for the tests of coaching: another agent, a coach of the south, a second one of the north."""

from __future__ import annotations

from service.coaching.answers import Given
from service.coaching.definition import EXAMPLE, Definition
from service.coaching.evaluations import grade
from service.store.calls import read_document
from service.store.tables import (
    Calibration,
    Call,
    CoachingComment,
    CoachingGoal,
    CoachingSession,
    CoachingTurn,
    CoachTeam,
    Evaluation,
    Scorecard,
    Team,
    User,
)


def more_people(centre):
    """Adds ``other_agent`` (n2), ``south_coach``, and ``second_coach`` of the north to the centre's users."""
    with centre.database.begin() as session:
        teams = {team.name: team.id for team in session.query(Team)}
        for name, role, agent_id, team in (
            ("other_agent", "agent", "n2", None),
            ("south_coach", "coach", None, "south"),
            ("second_coach", "coach", None, "north"),
        ):
            user = User(email=f"{name}@example.com", name=name, role=role, agent_id=agent_id)
            session.add(user)
            session.flush()
            centre.users[name] = user.id
            if team is not None:
                session.add(CoachTeam(user_id=user.id, team_id=teams[team]))
    return centre


def clients(client, centre):
    """``clients(...)("coach")`` is the coach's browser, made once."""
    made = {}

    def of(name):
        assert name in centre.users
        if name not in made:
            made[name] = client(name)
        return made[name]

    return of


def coaching_examples(session, users):
    """Of north and south one each of what paths of coaching name, and whether a team's sight bounds it.

    The session of the north is disputed: its agent sees it, and its coach may change it.
    """
    definition = Definition.model_validate(EXAMPLE)
    card = Scorecard(
        name="Example", version=1, state="published", definition=definition.model_dump(mode="json")
    )
    session.add(card)
    session.flush()
    made = {"scorecard_id": {"north": card.id, "south": card.id}}
    for side, agent_id in (("north", "n1"), ("south", "s1")):
        call = session.query(Call).filter_by(call_id=f"call-{agent_id}").one()
        answers, total = grade(definition, read_document(session, call.id), {"greeting": Given(value="yes")})
        coaching = CoachingSession(
            agent_id=agent_id, coach_id=users.get("coach" if side == "north" else "south"), state="disputed",
            title=f"{side}ern", summary=f"{side}ern", state_reason=f"{side}ern",
        )  # fmt: skip
        calibration = Calibration(scorecard_id=card.id, call_id=call.id)
        session.add_all((coaching, calibration))
        session.flush()
        of_session = {"session_id": coaching.id}
        rows = {
            "turn_id": CoachingTurn(**of_session, call_id=call.id, first_index=0, last_index=1, position=0),
            "comment_id": CoachingComment(**of_session, text=f"{side}ern"),
            "goal_id": CoachingGoal(**of_session, text=f"{side}ern"),
            "evaluation_id": Evaluation(
                **of_session, scorecard_id=card.id, call_id=call.id, answers=answers, score=total
            ),
        }
        session.add_all(rows.values())
        session.flush()
        rows |= {"session_id": coaching, "calibration_id": calibration}
        for name, row in rows.items():
            made.setdefault(name, {})[side] = row.id
    return {
        name: (str(ids["north"]), str(ids["south"]), name != "scorecard_id") for name, ids in made.items()
    }
