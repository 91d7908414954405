"""Teams and agents: lists within sight, and changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from sqlalchemy import select

from service.api.bodies import LAST, AgentId, Body, Name, RowId, SmallBody
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.shapes import Line
from service.api.who import DatabaseOf, may
from service.people import centre
from service.people.access import Person
from service.store.tables import Agent, CoachTeam, Team, User

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["router"]

router = APIRouter(tags=["centre"], route_class=SmallBody)

Reader = Annotated[Person, Depends(may("centre.read"))]
Writer = Annotated[Person, Depends(may("centre.write"))]
AgentPath = Annotated[
    str, Path(max_length=200, description="What the recordings call the agent.", examples=["a-17"])
]
TeamId = Annotated[int, Field(ge=1, le=LAST, examples=[None])]


class TeamBody(Body):
    """A team to make, or its new name."""

    name: Name = Field(examples=["Billing, late shift"])


class TeamLine(Line):
    """A team, and who coaches it."""

    id: int = Field(examples=[3])
    name: str = Field(examples=["Billing, late shift"])
    coach_ids: list[int] = Field(description="Users.", examples=[[17]])


class NewAgent(Body):
    """An agent to make, before their first call or after."""

    id: AgentId = Field(examples=["a-18"])
    name: Name | None = Field(None, examples=["Sam"])
    team_id: TeamId | None = None


class AgentChange(Body):
    """What is to change; what is left out stays."""

    name: Name | None = Field(None, examples=["Sam"])
    team_id: TeamId | None = Field(None, description="null: in no team.")


class AgentLine(Line):
    """An agent, their team, and the account they log in with."""

    id: str = Field(examples=["a-17"])
    name: str | None = Field(examples=["Sam"])
    team_id: int | None = Field(examples=[3])
    user_id: int | None = Field(examples=[17])


def _team_lines(session: Session, teams: Sequence[Team]) -> list[TeamLine]:
    coaches: dict[int, list[int]] = {team.id: [] for team in teams}
    found = select(CoachTeam).where(CoachTeam.team_id.in_(coaches)).order_by(CoachTeam.user_id)
    for each in session.scalars(found):
        coaches[each.team_id].append(each.user_id)
    return [TeamLine(id=team.id, name=team.name, coach_ids=coaches[team.id]) for team in teams]


def _agent_lines(session: Session, agents: Sequence[Agent]) -> list[AgentLine]:
    ids = [agent.id for agent in agents]
    found = session.execute(select(User.agent_id, User.id).where(User.agent_id.in_(ids)))
    users = {row.agent_id: row.id for row in found}
    return [AgentLine(id=a.id, name=a.name, team_id=a.team_id, user_id=users.get(a.id)) for a in agents]


def _team(session: Session, person: Person, team_id: int) -> Team:
    team = session.scalar(select(Team).where(Team.id == team_id, centre.team_in_sight(person)))
    if team is None:
        raise ApiError(404, f"There is no team {team_id}.")
    return team


def _agent(session: Session, person: Person, agent_id: str) -> Agent:
    agent = session.scalar(select(Agent).where(Agent.id == agent_id, person.sight.of(Agent.id)))
    if agent is None:
        raise ApiError(404, f"There is no agent {agent_id!r}.")
    return agent


@router.get("/teams", responses=responses(401, 403))
def list_teams(
    person: Reader, database: DatabaseOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[TeamLine]:
    """Teams within sight, in the order they were made."""
    query = select(Team).where(centre.team_in_sight(person)).order_by(Team.id).limit(limit + 1)
    if cursor is not None:
        query = query.where(Team.id > unpack(cursor, int)[0])
    with database.read() as session:
        rows = session.scalars(query).all()
        more, rows = len(rows) > limit, rows[:limit]
        lines = _team_lines(session, rows)
    return Page(items=lines, next=pack(rows[-1].id) if more else None)


@router.post("/teams", status_code=201, responses=responses(400, 401, 403, 409, 413))
def post_team(new: TeamBody, person: Writer, database: DatabaseOf) -> TeamLine:
    """Make a team."""
    with database.begin() as session:
        team = centre.add_team(session, person, new.name)
        return _team_lines(session, [team])[0]


@router.get("/teams/{team_id}", responses=responses(401, 403, 404))
def get_team(team_id: RowId, person: Reader, database: DatabaseOf) -> TeamLine:
    """A team within sight."""
    with database.read() as session:
        return _team_lines(session, [_team(session, person, team_id)])[0]


@router.patch("/teams/{team_id}", responses=responses(400, 401, 403, 404, 409, 413))
def patch_team(team_id: RowId, change: TeamBody, person: Writer, database: DatabaseOf) -> TeamLine:
    """Give a team another name."""
    with database.begin() as session:
        team = _team(session, person, team_id)
        centre.rename_team(session, person, team, change.name)
        return _team_lines(session, [team])[0]


@router.delete("/teams/{team_id}", status_code=204, responses=responses(401, 403, 404))
def delete_team(team_id: RowId, person: Writer, database: DatabaseOf) -> None:
    """Remove a team; its agents stay, in none, and its coaches see them no more."""
    with database.begin() as session:
        centre.remove_team(session, person, _team(session, person, team_id))


@router.get("/agents", responses=responses(401, 403))
def list_agents(
    person: Reader,
    database: DatabaseOf,
    team_id: Annotated[int | None, Query(ge=1, le=LAST, description="Only of this team.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AgentLine]:
    """Agents within sight, by id."""
    query = select(Agent).where(person.sight.of(Agent.id)).order_by(Agent.id).limit(limit + 1)
    if team_id is not None:
        query = query.where(Agent.team_id == team_id)
    if cursor is not None:
        query = query.where(Agent.id > unpack(cursor, str)[0])
    with database.read() as session:
        rows = session.scalars(query).all()
        more, rows = len(rows) > limit, rows[:limit]
        lines = _agent_lines(session, rows)
    return Page(items=lines, next=pack(rows[-1].id) if more else None)


@router.post("/agents", status_code=201, responses=responses(400, 401, 403, 409, 413))
def post_agent(new: NewAgent, person: Writer, database: DatabaseOf) -> AgentLine:
    """Make an agent. One who takes a call that is scored is made by that, too."""
    with database.begin() as session:
        agent = centre.add_agent(session, person, agent_id=new.id, name=new.name, team_id=new.team_id)
        return _agent_lines(session, [agent])[0]


@router.get("/agents/{agent_id}", responses=responses(401, 403, 404))
def get_agent(agent_id: AgentPath, person: Reader, database: DatabaseOf) -> AgentLine:
    """An agent within sight."""
    with database.read() as session:
        return _agent_lines(session, [_agent(session, person, agent_id)])[0]


@router.patch("/agents/{agent_id}", responses=responses(400, 401, 403, 404, 413))
def patch_agent(agent_id: AgentPath, change: AgentChange, person: Writer, database: DatabaseOf) -> AgentLine:
    """Change an agent's name or team."""
    changes = {name: getattr(change, name) for name in change.model_fields_set}
    with database.begin() as session:
        agent = _agent(session, person, agent_id)
        centre.change_agent(session, person, agent, changes)
        return _agent_lines(session, [agent])[0]


@router.delete("/agents/{agent_id}", status_code=204, responses=responses(401, 403, 404, 409))
def delete_agent(agent_id: AgentPath, person: Writer, database: DatabaseOf) -> None:
    """Remove an agent of whom no call and no coaching session is kept."""
    with database.begin() as session:
        centre.remove_agent(session, person, _agent(session, person, agent_id))
