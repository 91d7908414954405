"""Every table of the service, in one place: calls and what was found in them, people, work and its traces.

A call is kept twice. Its document (``Document``) is the call as scored, whole, and the only truth; the rows
of ``Call``, ``Transcript``, ``Utterance``, ``Shift``, ``Moment``, ``Estimate`` and ``Facet`` are derived from
it by :mod:`service.store.calls`, so that lists and searches need not open documents. Whatever goes
with a call goes with its row: every foreign key to a call says ``ON DELETE CASCADE``.

What people add (notes, corrections, verdicts, coaching) is never derived, and is kept when a call is scored
or flagged anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from service.store.columns import BIG, JSON_VALUE, Instant, now

__all__ = [
    "Agent", "AuditEntry", "Base", "Calibration", "Call", "CoachTeam", "CoachingComment", "CoachingGoal",
    "CoachingSession", "CoachingTurn", "Contact", "Correction", "Delivery", "Document", "Estimate",
    "Evaluation", "Facet", "Job", "Key", "Login", "Moment", "Note", "Retention", "Scorecard", "Shift",
    "Submission", "Survey", "Team", "Transcript", "User", "Utterance", "Verdict", "Watched", "Webhook",
]  # fmt: skip


class Base(DeclarativeBase):
    """What all tables share: names of constraints, which migrations need."""

    type_annotation_map = {datetime: Instant, dict[str, Any]: JSON_VALUE, list[Any]: JSON_VALUE}  # noqa: RUF012


Base.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

CALL = "calls.id"
LIVE = text("state IN ('queued', 'running')")


def _key() -> Mapped[int]:
    return mapped_column(BIG, primary_key=True, autoincrement=True)


def _call() -> Mapped[int]:
    return mapped_column(BIG, ForeignKey(CALL, ondelete="CASCADE"))


def _call_key() -> Mapped[int]:
    return mapped_column(BIG, ForeignKey(CALL, ondelete="CASCADE"), primary_key=True)


# ---- the centre --------------------------------------------------------------------------------------


class Team(Base):
    """Agents who are coached together."""

    __tablename__ = "teams"
    id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Agent(Base):
    """Somebody who takes calls; ``id`` is what the recordings call them."""

    __tablename__ = "agents"
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(200))
    team_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("teams.id", ondelete="SET NULL"), index=True)


# ---- calls and what was found in them ----------------------------------------------------------------


class Call(Base):
    """A scored call, in a line; ``call_id`` is its id outside. Levels as in :class:`sentiment.summary.Row`.

    ``happened_at`` is when the call began or, if nobody knows, when it arrived: lists are in its order.
    ``figures`` are the row of the metric engine's table ``calls``.
    ``content_sha256`` is of the recording's bytes or the conversation's text, by which a second delivery
    is known. ``audio`` is the name of the kept recording among the data files.
    """

    __tablename__ = "calls"
    id: Mapped[int] = _key()
    call_id: Mapped[str] = mapped_column(String(300), unique=True)
    content_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    started_at: Mapped[datetime | None]
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=now)
    duration_ms: Mapped[int | None]
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id"))
    customer_id: Mapped[str | None] = mapped_column(String(300))
    queue: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(String(8))
    customer_start: Mapped[float | None]
    customer_end: Mapped[float | None]
    customer_mean: Mapped[float | None]
    peak_intensity: Mapped[float | None]
    shape: Mapped[str | None] = mapped_column(String(40))
    story: Mapped[str | None] = mapped_column(Text)
    n_utterances: Mapped[int]
    n_shifts: Mapped[int]
    n_moments: Mapped[int]
    top_severity: Mapped[float | None]
    csat: Mapped[float | None]
    nps: Mapped[float | None]
    audio: Mapped[str | None] = mapped_column(String(100))
    figures: Mapped[dict[str, Any]]
    scored_with: Mapped[str] = mapped_column(String(64))
    __table_args__ = (
        Index(None, "happened_at", "id"),
        Index(None, "agent_id", "happened_at", "id"),
        Index(None, "queue", "happened_at", "id"),
        Index(None, "customer_id", "happened_at", "id"),
        Index(None, "customer_end", "id"),
        Index(None, "csat", "id"),
        Index(None, "received_at"),
        Index(None, "audio"),
    )


class Document(Base):
    """The call as scored: :func:`sentiment.to_json`, compressed with gzip."""

    __tablename__ = "documents"
    call_id: Mapped[int] = _call_key()
    body: Mapped[bytes] = mapped_column(LargeBinary)


class Transcript(Base):
    """All that was said, an utterance a line: what is searched. The index over it is made by a migration."""

    __tablename__ = "transcripts"
    call_id: Mapped[int] = _call_key()
    text: Mapped[str] = mapped_column(Text)


class Utterance(Base):
    """One utterance as lists need it; ``emotion`` is the strongest one but neutral."""

    __tablename__ = "utterances"
    call_id: Mapped[int] = _call_key()
    index: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(10))
    start_ms: Mapped[int | None]
    end_ms: Mapped[int | None]
    text: Mapped[str] = mapped_column(Text)
    polarity: Mapped[float | None]
    intensity: Mapped[float | None]
    emotion: Mapped[str | None] = mapped_column(String(20))


class Shift(Base):
    """A shift point, as :class:`sentiment.Shift`."""

    __tablename__ = "shifts"
    call_id: Mapped[int] = _call_key()
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    utterance_index: Mapped[int]
    at_ms: Mapped[int | None]
    role: Mapped[str] = mapped_column(String(10))
    before: Mapped[float]
    after: Mapped[float]
    confidence: Mapped[float]
    trigger_index: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text)


class Moment(Base):
    """A flagged moment and where its review stands.

    ``key`` is made of the call, the rule and the utterances it is about, so a moment found again is the same
    one and keeps its review. ``weight`` is severity times confidence, in [0, 1]: see
    :mod:`sentiment.review`. ``status`` is ``open``, ``agreed``, ``disagreed`` or ``done``.
    """

    __tablename__ = "moments"
    id: Mapped[int] = _key()
    key: Mapped[str] = mapped_column(String(32), unique=True)
    call_id: Mapped[int] = _call()
    agent_id: Mapped[str | None] = mapped_column(String(200))
    queue: Mapped[str | None] = mapped_column(String(200))
    happened_at: Mapped[datetime]
    rule: Mapped[str] = mapped_column(String(100))
    start_ms: Mapped[int | None]
    end_ms: Mapped[int | None]
    severity: Mapped[float]
    confidence: Mapped[float]
    weight: Mapped[float]
    explanation: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(10), default="open")
    assigned_to: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    __table_args__ = (
        CheckConstraint("status IN ('open', 'agreed', 'disagreed', 'done')", name="status"),
        Index(None, "call_id"),
        Index(None, "status", "weight", "id", postgresql_include=["agent_id"]),  # sight without the row
        Index(
            None, "status", "rule", "weight", "id", postgresql_include=["agent_id"]
        ),  # sight without the row
        Index(None, "status", "agent_id", "weight", "id"),
        Index(
            None, "status", "queue", "weight", "id", postgresql_include=["agent_id"]
        ),  # sight without the row
        Index(None, "status", "assigned_to", "weight", "id"),
        Index(None, "happened_at", "id"),
        Index(None, "agent_id", "happened_at", "id"),
    )


class Estimate(Base):
    """An estimated answer, as :class:`sentiment.Estimate`; its reasons are in the document."""

    __tablename__ = "estimates"
    call_id: Mapped[int] = _call_key()
    instrument: Mapped[str] = mapped_column(String(10), primary_key=True)
    expected: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    p_top_box: Mapped[float | None]
    p_detractor: Mapped[float | None]
    abstained: Mapped[str | None] = mapped_column(Text)


class Facet(Base):
    """What a call can be filtered by that it may have several of: an emotion, a rule, a direction of shift.

    In the order of the key, so that "the latest calls with anger" is one stretch of one index.
    """

    __tablename__ = "facets"
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    happened_at: Mapped[datetime] = mapped_column(primary_key=True)
    call_id: Mapped[int] = _call_key()
    __table_args__ = (Index(None, "call_id"),)


class Note(Base):
    """What somebody wrote on a call or on one of its turns; a bookmark may be without words."""

    __tablename__ = "notes"
    id: Mapped[int] = _key()
    call_id: Mapped[int] = _call()
    utterance_index: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(10), default="note")
    text: Mapped[str] = mapped_column(Text, default="")
    author_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (CheckConstraint("kind IN ('note', 'bookmark')", name="kind"), Index(None, "call_id"))


class Correction(Base):
    """What somebody put right in a turn: its ``role``, ``text`` or ``polarity``. The newest holds."""

    __tablename__ = "corrections"
    id: Mapped[int] = _key()
    call_id: Mapped[int] = _call()
    utterance_index: Mapped[int]
    field: Mapped[str] = mapped_column(String(10))
    was: Mapped[dict[str, Any]]
    value: Mapped[dict[str, Any]]
    author_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (
        CheckConstraint("field IN ('role', 'text', 'polarity')", name="field"),
        Index(None, "call_id", "utterance_index"),
    )


class Verdict(Base):
    """What somebody said of a moment; kept as it was given, also when its rule finds it no more."""

    __tablename__ = "verdicts"
    id: Mapped[int] = _key()
    call_id: Mapped[int] = _call()
    moment_key: Mapped[str] = mapped_column(String(32), index=True)
    rule: Mapped[str] = mapped_column(String(100))
    verdict: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
    author_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (Index(None, "call_id"),)


# ---- surveys and contact records ---------------------------------------------------------------------


class Survey(Base):
    """A survey answer as it came; ``call_ref`` names a call that may never arrive. The newest answer counts.

    ``fingerprint`` is of the whole row: the same row delivered twice is one answer. ``fields`` are the other
    columns of the metric engine's table of surveys.
    """

    __tablename__ = "surveys"
    id: Mapped[int] = _key()
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    call_ref: Mapped[str | None] = mapped_column(String(300), index=True)
    customer_id: Mapped[str | None] = mapped_column(String(300), index=True)
    agent_id: Mapped[str | None] = mapped_column(String(200))
    queue: Mapped[str | None] = mapped_column(String(200))
    instrument: Mapped[str] = mapped_column(String(40))
    question: Mapped[str] = mapped_column(String(200), default="overall")
    value: Mapped[float]
    scale_min: Mapped[float]
    scale_max: Mapped[float]
    answered_at: Mapped[datetime | None]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    received_at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (Index(None, "answered_at", "id"), Index(None, "agent_id", "answered_at", "id"))


class Contact(Base):
    """A contact record; ``fields`` are the columns of the metric engine's table of contacts but the key ones.

    Records are delivered at least once: of one ``contact_id`` the newest ``updated_at`` is kept.
    """

    __tablename__ = "contacts"
    id: Mapped[int] = _key()
    contact_id: Mapped[str] = mapped_column(String(300), unique=True)
    agent_id: Mapped[str | None] = mapped_column(String(200))
    customer_id: Mapped[str | None] = mapped_column(String(300), index=True)
    queue: Mapped[str | None] = mapped_column(String(200))
    started_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]
    fields: Mapped[dict[str, Any]]
    __table_args__ = (Index(None, "started_at", "id"), Index(None, "agent_id", "started_at", "id"))


# ---- people ------------------------------------------------------------------------------------------


class User(Base):
    """Somebody who may log in; ``agent_id`` says which agent they are, if they are one."""

    __tablename__ = "users"
    id: Mapped[int] = _key()
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    oidc_issuer: Mapped[str | None] = mapped_column(String(300))
    oidc_subject: Mapped[str | None] = mapped_column(String(300))
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (
        CheckConstraint("role IN ('admin', 'qa_manager', 'coach', 'agent', 'analyst')", name="role"),
        UniqueConstraint("oidc_issuer", "oidc_subject"),
    )


class CoachTeam(Base):
    """Which teams a coach sees."""

    __tablename__ = "coach_teams"
    user_id: Mapped[int] = mapped_column(BIG, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    team_id: Mapped[int] = mapped_column(BIG, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)


class Login(Base):
    """A browser that is logged in. Only hashes are kept: who reads the database cannot become the person."""

    __tablename__ = "logins"
    id: Mapped[int] = _key()
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(BIG, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]


class Key(Base):
    """An API key. It may do what its owner may, and of that only its ``scopes`` (permissions).

    ``made_by`` is the key that made this one, if one did: when that is revoked, so is this.
    """

    __tablename__ = "keys"
    id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(String(200))
    prefix: Mapped[str] = mapped_column(String(12))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(BIG, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    scopes: Mapped[list[Any]]
    made_by: Mapped[int | None] = mapped_column(BIG, ForeignKey("keys.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


# ---- coaching ----------------------------------------------------------------------------------------


class CoachingSession(Base):
    """What a coach goes through with an agent."""

    __tablename__ = "coaching_sessions"
    id: Mapped[int] = _key()
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id"))
    coach_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(12), default="draft")
    state_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    shared_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'shared', 'acknowledged', 'disputed', 'resolved')", name="state"),
        Index(None, "agent_id", "updated_at", "id"),
        Index(None, "coach_id", "updated_at", "id"),
        Index(None, "updated_at", "id"),
    )


def _session() -> Mapped[int]:
    return mapped_column(BIG, ForeignKey("coaching_sessions.id", ondelete="CASCADE"), index=True)


class CoachingTurn(Base):
    """A stretch of turns of a call, ``first_index`` to ``last_index`` inclusive, in the session's order."""

    __tablename__ = "coaching_turns"
    id: Mapped[int] = _key()
    session_id: Mapped[int] = _session()
    call_id: Mapped[int] = mapped_column(BIG, ForeignKey(CALL, ondelete="CASCADE"), index=True)
    first_index: Mapped[int]
    last_index: Mapped[int]
    position: Mapped[int]


class CoachingComment(Base):
    """What coach or agent wrote on the session or on one of its turns."""

    __tablename__ = "coaching_comments"
    id: Mapped[int] = _key()
    session_id: Mapped[int] = _session()
    turn_id: Mapped[int | None] = mapped_column(
        BIG, ForeignKey("coaching_turns.id", ondelete="CASCADE"), index=True
    )
    author_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)


class CoachingGoal(Base):
    """What the agent works on: a metric as it is asked for (``csat:mean``), where it is to go, and the dates
    that part before from after."""

    __tablename__ = "coaching_goals"
    id: Mapped[int] = _key()
    session_id: Mapped[int] = _session()
    text: Mapped[str] = mapped_column(Text)
    metric: Mapped[str | None] = mapped_column(String(200))
    target: Mapped[float | None]
    before_from: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]
    after_until: Mapped[datetime | None]


class Scorecard(Base):
    """One version of a scorecard; a published one never changes. ``definition`` is documented in the API."""

    __tablename__ = "scorecards"
    id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="draft")
    definition: Mapped[dict[str, Any]]
    created_by: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("state IN ('draft', 'published', 'retired')", name="state"),
    )


class Calibration(Base):
    """Several graders grade a call by a scorecard; none sees another's answers until it is closed."""

    __tablename__ = "calibrations"
    id: Mapped[int] = _key()
    scorecard_id: Mapped[int] = mapped_column(BIG, ForeignKey("scorecards.id"), index=True)
    call_id: Mapped[int] = mapped_column(BIG, ForeignKey(CALL, ondelete="CASCADE"), index=True)
    created_by: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None]


class Evaluation(Base):
    """A call graded by a scorecard. ``answers``: question to answer, its source, override and reason."""

    __tablename__ = "evaluations"
    id: Mapped[int] = _key()
    scorecard_id: Mapped[int] = mapped_column(BIG, ForeignKey("scorecards.id"), index=True)
    call_id: Mapped[int] = mapped_column(BIG, ForeignKey(CALL, ondelete="CASCADE"), index=True)
    session_id: Mapped[int | None] = mapped_column(
        BIG, ForeignKey("coaching_sessions.id", ondelete="SET NULL"), index=True
    )
    calibration_id: Mapped[int | None] = mapped_column(
        BIG, ForeignKey("calibrations.id", ondelete="CASCADE"), index=True
    )
    grader_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    answers: Mapped[dict[str, Any]]
    score: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = (UniqueConstraint("calibration_id", "grader_id"),)


# ---- work and its traces -----------------------------------------------------------------------------


class Job(Base):
    """Work to be done by a worker. ``state``: queued, running, done, failed, cancelled.

    A worker that takes a job leases it until ``lease_until`` and renews that while it works; a job whose
    lease ran out is taken again, ``max_attempts`` times in all. ``worker`` is another text each time a job
    is taken: who holds it is who may write its result. ``payload`` holds ids, never personal data; what was
    uploaded is among the staged files under the name ``staged``. ``lane`` parts what would wait for each
    other: ``work``, ``deliver`` (webhooks) and ``house`` (what the service does for itself).

    ``content_sha256`` is of what was uploaded: of one content there is one job at a time that is not over.
    """

    __tablename__ = "jobs"
    id: Mapped[int] = _key()
    kind: Mapped[str] = mapped_column(String(30))
    lane: Mapped[str] = mapped_column(String(10), default="work")
    payload: Mapped[dict[str, Any]]
    staged: Mapped[str | None] = mapped_column(String(64))
    content_sha256: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    not_before: Mapped[datetime] = mapped_column(default=now)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(100))
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[float] = mapped_column(default=0.0)
    stage: Mapped[str] = mapped_column(String(100), default="")
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    key_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("keys.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
        CheckConstraint("lane IN ('work', 'deliver', 'house')", name="lane"),
        Index(None, "lane", "created_at", "id"),
        Index(None, "kind", "content_sha256"),
        Index(None, "staged"),
        Index("ix_jobs_waiting", "lane", "not_before", "id", sqlite_where=LIVE, postgresql_where=LIVE),
        Index(
            "uq_jobs_content",
            "kind",
            "content_sha256",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
    )


class Submission(Base):
    """A request that carried an ``Idempotency-Key``, and how it was answered; kept for a week.

    ``owner`` is who sent it, as :attr:`service.people.access.Person.actor`.
    """

    __tablename__ = "submissions"
    owner: Mapped[str] = mapped_column(String(100), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Watched(Base):
    """A file of the watched folder, by the hash of its name. ``version`` is its size and time when last seen.

    ``settled`` once that was the same twice and it was taken: it is not looked into again until it changes.
    """

    __tablename__ = "watched"
    name_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(200))
    settled: Mapped[bool] = mapped_column(default=False)
    seen_at: Mapped[datetime] = mapped_column(default=now)


class Webhook(Base):
    """Where events are sent; ``secret`` signs them, so it has to be kept readable."""

    __tablename__ = "webhooks"
    id: Mapped[int] = _key()
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[Any]]
    secret: Mapped[str] = mapped_column(String(100))
    active: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[int | None] = mapped_column(BIG, ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Delivery(Base):
    """One event for one webhook. ``state``: waiting, delivered, failed. Nothing said in a call is in it."""

    __tablename__ = "deliveries"
    id: Mapped[int] = _key()
    webhook_id: Mapped[int] = mapped_column(BIG, ForeignKey("webhooks.id", ondelete="CASCADE"))
    call_id: Mapped[int | None] = mapped_column(BIG, ForeignKey(CALL, ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    status_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    delivered_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "webhook_id", "id"),)


class Retention(Base):
    """How long calls are kept: of one queue, or of every queue without a row of its own (``queue`` "")."""

    __tablename__ = "retention"
    queue: Mapped[str] = mapped_column(String(200), primary_key=True)
    audio_days: Mapped[int | None]
    call_days: Mapped[int | None]


class AuditEntry(Base):
    """Who did what to what. Rows are only ever added; each carries the hash of the one before it."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(330))
    action: Mapped[str] = mapped_column(String(60), index=True)
    target: Mapped[str] = mapped_column(String(330), index=True)
    detail: Mapped[dict[str, Any]]
    previous_sha256: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
