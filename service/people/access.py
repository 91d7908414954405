"""What each role may do, and which agents' calls it may see. The one table that access rests on.

A route names the permission it needs (:func:`service.api.who.may`); a query that reads anything of a call, a
moment or a coaching session narrows it by the person's :class:`Sight`. What lies outside it does not exist
for that person: it is answered with 404, not 403.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import false, select, true

from service.store.tables import Agent, CoachTeam

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute, Session

__all__ = ["INGEST_SCOPES", "PERMISSIONS", "ROLES", "Person", "Role", "Sight", "permissions_of", "sight_of"]

Role = Literal["admin", "qa_manager", "coach", "agent", "analyst"]
ROLES: tuple[Role, ...] = ("admin", "qa_manager", "coach", "agent", "analyst")

PERMISSIONS: dict[str, tuple[str, tuple[Role, ...]]] = {
    "calls.read": ("see calls, their transcripts, audio and moments", ROLES),
    "calls.annotate": ("write notes and bookmarks on calls", ("admin", "qa_manager", "coach")),
    "calls.correct": ("correct speaker, text or sentiment", ("admin", "qa_manager", "coach")),
    "calls.delete": ("delete calls, customers and date ranges", ("admin",)),
    "moments.review": ("agree or disagree with moments, assign them", ("admin", "qa_manager", "coach")),
    "ingest": ("upload recordings, results, surveys and contact records", ("admin", "qa_manager")),
    "jobs.read": ("see jobs and how far they are", ("admin", "qa_manager")),
    "jobs.cancel": ("cancel jobs and try failed ones again", ("admin", "qa_manager")),
    "export": ("export calls in bulk", ("admin", "qa_manager", "analyst")),
    "metrics.read": ("compute metrics and correlation", ("admin", "qa_manager", "coach", "analyst")),
    "surveys.read": ("see survey answers", ("admin", "qa_manager", "analyst")),
    "contacts.read": ("see contact records", ("admin", "qa_manager", "analyst")),
    "coaching.read": ("see coaching sessions", ("admin", "qa_manager", "coach", "agent")),
    "coaching.write": ("make coaching sessions and share them", ("admin", "qa_manager", "coach")),
    "coaching.answer": ("acknowledge or dispute one's own sessions", ("agent",)),
    "scorecards.read": ("see scorecards", ("admin", "qa_manager", "coach", "agent", "analyst")),
    "scorecards.write": ("make and publish scorecards", ("admin", "qa_manager")),
    "grade": ("grade calls by a scorecard", ("admin", "qa_manager", "coach")),
    "centre.read": ("see agents and teams", ("admin", "qa_manager", "coach", "analyst")),
    "centre.write": ("change agents and teams", ("admin", "qa_manager")),
    "users": ("manage users", ("admin",)),
    "keys": ("manage one's own API keys", ("admin", "qa_manager", "coach", "analyst")),
    "webhooks": ("manage webhooks", ("admin",)),
    "privacy": ("retention, and the export and deletion of a customer", ("admin",)),
    "audit.read": ("read and verify the audit log", ("admin",)),
    "settings.read": ("see how the service is set up", ("admin",)),
}
"""Each permission: what it is in words, and the roles that have it. A key can have any its owner has."""

INGEST_SCOPES = ("ingest",)
"""The scopes of an ingest key: it can bring things in and follow its own jobs, and see nothing else."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The agents whose calls somebody may see; ``None``: all, and the calls of no agent too."""

    agents: frozenset[str] | None

    def of(self, column: InstrumentedAttribute[Any] | ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition that ``column``, an agent's id, is within sight."""
        if self.agents is None:
            return true()
        return column.in_(sorted(self.agents)) if self.agents else false()

    def includes(self, agent_id: str | None) -> bool:
        """Whether a call of this agent may be seen."""
        return self.agents is None or (agent_id is not None and agent_id in self.agents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whoever makes a request. ``key_id`` is set if an API key does, ``login_id`` if a browser does."""

    user_id: int
    email: str
    name: str
    role: Role
    agent_id: str | None
    permissions: frozenset[str]
    sight: Sight
    key_id: int | None = None
    login_id: int | None = None
    must_change_password: bool = False

    @property
    def actor(self) -> str:
        """What the audit log calls them: an id, which is no personal data by itself."""
        return f"user:{self.user_id}" if self.key_id is None else f"user:{self.user_id}/key:{self.key_id}"


def permissions_of(role: Role) -> frozenset[str]:
    """What a role may do."""
    return frozenset(name for name, (_, roles) in PERMISSIONS.items() if role in roles)


def sight_of(session: Session, *, user_id: int, role: Role, agent_id: str | None) -> Sight:
    """Whose calls somebody sees: an agent their own, a coach those of their teams' agents, others all."""
    if role == "agent":
        return Sight(frozenset({agent_id} if agent_id else ()))
    if role == "coach":
        teams = select(CoachTeam.team_id).where(CoachTeam.user_id == user_id)
        return Sight(frozenset(session.scalars(select(Agent.id).where(Agent.team_id.in_(teams)))))
    return Sight(None)
