"""Teams and agents: who may see which, and their changes, each audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.exc import IntegrityError

from sentiment.errors import InputError
from service.people.accounts import ConflictError
from service.people.names import clean_name
from service.store.audit import record
from service.store.tables import Agent, Call, CoachingSession, CoachTeam, Team

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.people.access import Person

__all__ = [
    "add_agent",
    "add_team",
    "change_agent",
    "remove_agent",
    "remove_team",
    "rename_team",
    "team_in_sight",
]


def team_in_sight(person: Person) -> ColumnElement[bool]:
    """The condition that a team may be seen: by a coach theirs, by who sees every agent all."""
    if person.sight.agents is None:
        return true()
    return Team.id.in_(select(CoachTeam.team_id).where(CoachTeam.user_id == person.user_id))


def add_team(session: Session, person: Person, name: str) -> Team:
    """A new team.

    Raises:
        ConflictError: there is one of that name.
    """
    team = Team(name=_free_name(session, name))
    session.add(team)
    _flush(session, "name: there is a team of that name already")
    record(session, person.actor, "team.added", f"team:{team.id}")
    return team


def rename_team(session: Session, person: Person, team: Team, name: str) -> None:
    """Give a team another name.

    Raises:
        ConflictError: there is one of that name.
    """
    if clean_name(name) == team.name:
        return
    team.name = _free_name(session, name)
    _flush(session, "name: there is a team of that name already")
    record(session, person.actor, "team.renamed", f"team:{team.id}")


def remove_team(session: Session, person: Person, team: Team) -> None:
    """Remove a team; its agents stay, in none."""
    team_id = team.id
    session.delete(team)
    session.flush()
    record(session, person.actor, "team.removed", f"team:{team_id}")


def add_agent(
    session: Session, person: Person, *, agent_id: str, name: str | None, team_id: int | None
) -> Agent:
    """A new agent.

    Raises:
        ConflictError: there is one of that id.
        InputError: there is no such team.
    """
    agent_id = clean_name(agent_id, what="id")
    if session.get(Agent, agent_id) is not None:
        raise ConflictError(f"id: there is an agent {agent_id!r} already")
    agent = Agent(
        id=agent_id, name=None if name is None else clean_name(name), team_id=_team(session, team_id)
    )
    session.add(agent)
    _flush(session, f"id: there is an agent {agent_id!r} already")
    record(session, person.actor, "agent.added", f"agent:{agent_id}", team_id=team_id)
    return agent


def change_agent(session: Session, person: Person, agent: Agent, changes: dict[str, Any]) -> None:
    """Change what ``changes`` names of ``name team_id``.

    Raises:
        InputError: there is no such team.
    """
    detail: dict[str, Any] = {}
    if "name" in changes:
        name = None if changes["name"] is None else clean_name(changes["name"])
        if name != agent.name:
            agent.name = name
            detail["name"] = "changed"
    if "team_id" in changes and changes["team_id"] != agent.team_id:
        detail["team_id"] = [agent.team_id, changes["team_id"]]
        agent.team_id = _team(session, changes["team_id"])
    if detail:
        _flush(session, "team_id: the team was removed just now")
        record(session, person.actor, "agent.changed", f"agent:{agent.id}", **detail)


def remove_agent(session: Session, person: Person, agent: Agent) -> None:
    """Remove an agent of whom nothing is kept.

    Raises:
        ConflictError: they have calls or coaching sessions.
    """
    agent_id = agent.id
    kept = ConflictError(f"agent {agent_id!r} has calls or coaching sessions; delete those first")
    for column in (Call.agent_id, CoachingSession.agent_id):
        if session.scalar(select(column).where(column == agent_id).limit(1)) is not None:
            raise kept
    session.delete(agent)
    _flush(session, str(kept))
    record(session, person.actor, "agent.removed", f"agent:{agent_id}")


def _free_name(session: Session, name: str) -> str:
    name = clean_name(name)
    if session.scalar(select(Team.id).where(Team.name == name)) is not None:
        raise ConflictError("name: there is a team of that name already")
    return name


def _team(session: Session, team_id: int | None) -> int | None:
    if team_id is not None and session.get(Team, team_id) is None:
        raise InputError(f"team_id: there is no team {team_id}")
    return team_id


def _flush(session: Session, conflict: str) -> None:
    """Of two who do the same at once the database lets one through."""
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError(conflict) from None
