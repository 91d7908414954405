"""More people for the tests of coaching: another agent, a coach of the south, a second one of the north."""

from __future__ import annotations

from service.store.tables import CoachTeam, Team, User


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
