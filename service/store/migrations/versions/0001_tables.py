"""The tables of the service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import BIG, JSON_VALUE, Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables of the service."""
    op.create_table(
        "audit",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=330), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("target", sa.String(length=330), nullable=False),
        sa.Column("detail", JSON_VALUE, nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.UniqueConstraint("sha256", name="uq_audit_sha256"),
    )
    op.create_index("ix_audit_action", "audit", ["action"], unique=False)
    op.create_index("ix_audit_target", "audit", ["target"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("contact_id", sa.String(length=300), nullable=False),
        sa.Column("agent_id", sa.String(length=200), nullable=True),
        sa.Column("customer_id", sa.String(length=300), nullable=True),
        sa.Column("queue", sa.String(length=200), nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=True),
        sa.Column("fields", JSON_VALUE, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("contact_id", name="uq_contacts_contact_id"),
    )
    op.create_index(
        "ix_contacts_agent_id_started_at_id", "contacts", ["agent_id", "started_at", "id"], unique=False
    )
    op.create_index("ix_contacts_customer_id", "contacts", ["customer_id"], unique=False)
    op.create_index("ix_contacts_started_at_id", "contacts", ["started_at", "id"], unique=False)
    op.create_table(
        "retention",
        sa.Column("queue", sa.String(length=200), nullable=False),
        sa.Column("audio_days", sa.Integer(), nullable=True),
        sa.Column("call_days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("queue", name="pk_retention"),
    )
    op.create_table(
        "submissions",
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", JSON_VALUE, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "idempotency_key", name="pk_submissions"),
    )
    op.create_index("ix_submissions_created_at", "submissions", ["created_at"], unique=False)
    op.create_table(
        "surveys",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("call_ref", sa.String(length=300), nullable=True),
        sa.Column("customer_id", sa.String(length=300), nullable=True),
        sa.Column("agent_id", sa.String(length=200), nullable=True),
        sa.Column("queue", sa.String(length=200), nullable=True),
        sa.Column("instrument", sa.String(length=40), nullable=False),
        sa.Column("question", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("scale_min", sa.Double(), nullable=False),
        sa.Column("scale_max", sa.Double(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("fields", JSON_VALUE, nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_surveys"),
        sa.UniqueConstraint("fingerprint", name="uq_surveys_fingerprint"),
    )
    op.create_index(
        "ix_surveys_agent_id_answered_at_id", "surveys", ["agent_id", "answered_at", "id"], unique=False
    )
    op.create_index("ix_surveys_answered_at_id", "surveys", ["answered_at", "id"], unique=False)
    op.create_index("ix_surveys_call_ref", "surveys", ["call_ref"], unique=False)
    op.create_index("ix_surveys_customer_id", "surveys", ["customer_id"], unique=False)
    op.create_table(
        "teams",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
        sa.UniqueConstraint("name", name="uq_teams_name"),
    )
    op.create_table(
        "watched",
        sa.Column("name_sha256", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name_sha256", name="pk_watched"),
    )
    op.create_table(
        "agents",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("team_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_agents_team_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.create_index("ix_agents_team_id", "agents", ["team_id"], unique=False)
    op.create_table(
        "calls",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("call_id", sa.String(length=300), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("happened_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("agent_id", sa.String(length=200), nullable=True),
        sa.Column("customer_id", sa.String(length=300), nullable=True),
        sa.Column("queue", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("customer_start", sa.Double(), nullable=True),
        sa.Column("customer_end", sa.Double(), nullable=True),
        sa.Column("customer_mean", sa.Double(), nullable=True),
        sa.Column("peak_intensity", sa.Double(), nullable=True),
        sa.Column("shape", sa.String(length=40), nullable=True),
        sa.Column("story", sa.Text(), nullable=True),
        sa.Column("n_utterances", sa.Integer(), nullable=False),
        sa.Column("n_shifts", sa.Integer(), nullable=False),
        sa.Column("n_moments", sa.Integer(), nullable=False),
        sa.Column("top_severity", sa.Double(), nullable=True),
        sa.Column("csat", sa.Double(), nullable=True),
        sa.Column("nps", sa.Double(), nullable=True),
        sa.Column("audio", sa.String(length=100), nullable=True),
        sa.Column("figures", JSON_VALUE, nullable=False),
        sa.Column("scored_with", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_calls_agent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("call_id", name="uq_calls_call_id"),
        sa.UniqueConstraint("content_sha256", name="uq_calls_content_sha256"),
    )
    op.create_index(
        "ix_calls_agent_id_happened_at_id", "calls", ["agent_id", "happened_at", "id"], unique=False
    )
    op.create_index("ix_calls_audio", "calls", ["audio"], unique=False)
    op.create_index("ix_calls_csat_id", "calls", ["csat", "id"], unique=False)
    op.create_index("ix_calls_customer_end_id", "calls", ["customer_end", "id"], unique=False)
    op.create_index(
        "ix_calls_customer_id_happened_at_id", "calls", ["customer_id", "happened_at", "id"], unique=False
    )
    op.create_index("ix_calls_happened_at_id", "calls", ["happened_at", "id"], unique=False)
    op.create_index("ix_calls_queue_happened_at_id", "calls", ["queue", "happened_at", "id"], unique=False)
    op.create_index("ix_calls_received_at", "calls", ["received_at"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("agent_id", sa.String(length=200), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("failed_logins", sa.Integer(), nullable=False),
        sa.Column("locked_until", Instant(), nullable=True),
        sa.Column("oidc_issuer", sa.String(length=300), nullable=True),
        sa.Column("oidc_subject", sa.String(length=300), nullable=True),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "role IN ('admin', 'qa_manager', 'coach', 'agent', 'analyst')", name="ck_users_role"
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_users_agent_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("agent_id", name="uq_users_agent_id"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.UniqueConstraint("oidc_issuer", "oidc_subject", name="uq_users_oidc_issuer_oidc_subject"),
    )
    op.create_table(
        "coach_teams",
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("team_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_coach_teams_team_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_coach_teams_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "team_id", name="pk_coach_teams"),
    )
    op.create_table(
        "coaching_sessions",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("agent_id", sa.String(length=200), nullable=False),
        sa.Column("coach_id", BIG, nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("shared_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'shared', 'acknowledged', 'disputed', 'resolved')",
            name="ck_coaching_sessions_state",
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_coaching_sessions_agent_id"),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["users.id"], name="fk_coaching_sessions_coach_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_coaching_sessions"),
    )
    op.create_index(
        "ix_coaching_sessions_agent_id_updated_at_id",
        "coaching_sessions",
        ["agent_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_coaching_sessions_coach_id_updated_at_id",
        "coaching_sessions",
        ["coach_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_coaching_sessions_updated_at_id", "coaching_sessions", ["updated_at", "id"], unique=False
    )
    op.create_table(
        "corrections",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("utterance_index", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=10), nullable=False),
        sa.Column("was", JSON_VALUE, nullable=False),
        sa.Column("value", JSON_VALUE, nullable=False),
        sa.Column("author_id", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("field IN ('role', 'text', 'polarity')", name="ck_corrections_field"),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name="fk_corrections_author_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_corrections_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index(
        "ix_corrections_call_id_utterance_index", "corrections", ["call_id", "utterance_index"], unique=False
    )
    op.create_table(
        "documents",
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_documents_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", name="pk_documents"),
    )
    op.create_table(
        "estimates",
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("instrument", sa.String(length=10), nullable=False),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("p_top_box", sa.Double(), nullable=True),
        sa.Column("p_detractor", sa.Double(), nullable=True),
        sa.Column("abstained", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_estimates_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "instrument", name="pk_estimates"),
    )
    op.create_table(
        "facets",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("happened_at", Instant(), nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_facets_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind", "name", "happened_at", "call_id", name="pk_facets"),
    )
    op.create_index("ix_facets_call_id", "facets", ["call_id"], unique=False)
    op.create_table(
        "keys",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("scopes", JSON_VALUE, nullable=False),
        sa.Column("made_by", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["keys.id"], name="fk_keys_made_by", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_keys_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("secret_sha256", name="uq_keys_secret_sha256"),
    )
    op.create_index("ix_keys_made_by", "keys", ["made_by"], unique=False)
    op.create_index("ix_keys_user_id", "keys", ["user_id"], unique=False)
    op.create_table(
        "logins",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_logins_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_logins"),
        sa.UniqueConstraint("token_sha256", name="uq_logins_token_sha256"),
    )
    op.create_index("ix_logins_user_id", "logins", ["user_id"], unique=False)
    op.create_table(
        "moments",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("agent_id", sa.String(length=200), nullable=True),
        sa.Column("queue", sa.String(length=200), nullable=True),
        sa.Column("happened_at", Instant(), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=True),
        sa.Column("end_ms", sa.Integer(), nullable=True),
        sa.Column("severity", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("evidence", JSON_VALUE, nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("assigned_to", BIG, nullable=True),
        sa.CheckConstraint("status IN ('open', 'agreed', 'disagreed', 'done')", name="ck_moments_status"),
        sa.ForeignKeyConstraint(
            ["assigned_to"], ["users.id"], name="fk_moments_assigned_to", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_moments_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_moments"),
        sa.UniqueConstraint("key", name="uq_moments_key"),
    )
    op.create_index(
        "ix_moments_agent_id_happened_at_id", "moments", ["agent_id", "happened_at", "id"], unique=False
    )
    op.create_index("ix_moments_call_id", "moments", ["call_id"], unique=False)
    op.create_index("ix_moments_happened_at_id", "moments", ["happened_at", "id"], unique=False)
    op.create_index(
        "ix_moments_status_agent_id_weight_id",
        "moments",
        ["status", "agent_id", "weight", "id"],
        unique=False,
    )
    op.create_index(
        "ix_moments_status_assigned_to_weight_id",
        "moments",
        ["status", "assigned_to", "weight", "id"],
        unique=False,
    )
    op.create_index(
        "ix_moments_status_queue_weight_id",
        "moments",
        ["status", "queue", "weight", "id"],
        unique=False,
        postgresql_include=["agent_id"],
    )
    op.create_index(
        "ix_moments_status_rule_weight_id",
        "moments",
        ["status", "rule", "weight", "id"],
        unique=False,
        postgresql_include=["agent_id"],
    )
    op.create_index(
        "ix_moments_status_weight_id",
        "moments",
        ["status", "weight", "id"],
        unique=False,
        postgresql_include=["agent_id"],
    )
    op.create_table(
        "notes",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("utterance_index", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author_id", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("kind IN ('note', 'bookmark')", name="ck_notes_kind"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name="fk_notes_author_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_notes_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_call_id", "notes", ["call_id"], unique=False)
    op.create_table(
        "scorecards",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("definition", JSON_VALUE, nullable=False),
        sa.Column("created_by", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'published', 'retired')", name="ck_scorecards_state"),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_scorecards_created_by", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scorecards"),
        sa.UniqueConstraint("name", "version", name="uq_scorecards_name_version"),
    )
    op.create_table(
        "shifts",
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("utterance_index", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("before", sa.Double(), nullable=False),
        sa.Column("after", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("trigger_index", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_shifts_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "ordinal", name="pk_shifts"),
    )
    op.create_table(
        "transcripts",
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_transcripts_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", name="pk_transcripts"),
    )
    op.create_table(
        "utterances",
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=True),
        sa.Column("end_ms", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("polarity", sa.Double(), nullable=True),
        sa.Column("intensity", sa.Double(), nullable=True),
        sa.Column("emotion", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_utterances_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "index", name="pk_utterances"),
    )
    op.create_table(
        "verdicts",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("moment_key", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("author_id", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name="fk_verdicts_author_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_verdicts_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
    )
    op.create_index("ix_verdicts_call_id", "verdicts", ["call_id"], unique=False)
    op.create_index("ix_verdicts_moment_key", "verdicts", ["moment_key"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", JSON_VALUE, nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_by", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_webhooks_created_by", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_table(
        "calibrations",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("scorecard_id", BIG, nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("created_by", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="fk_calibrations_call_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_calibrations_created_by", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["scorecard_id"], ["scorecards.id"], name="fk_calibrations_scorecard_id"),
        sa.PrimaryKeyConstraint("id", name="pk_calibrations"),
    )
    op.create_index("ix_calibrations_call_id", "calibrations", ["call_id"], unique=False)
    op.create_index("ix_calibrations_scorecard_id", "calibrations", ["scorecard_id"], unique=False)
    op.create_table(
        "coaching_goals",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("session_id", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("metric", sa.String(length=200), nullable=True),
        sa.Column("target", sa.Double(), nullable=True),
        sa.Column("before_from", Instant(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=True),
        sa.Column("after_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name="fk_coaching_goals_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_coaching_goals"),
    )
    op.create_index("ix_coaching_goals_session_id", "coaching_goals", ["session_id"], unique=False)
    op.create_table(
        "coaching_turns",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("session_id", BIG, nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("first_index", sa.Integer(), nullable=False),
        sa.Column("last_index", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="fk_coaching_turns_call_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name="fk_coaching_turns_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_coaching_turns"),
    )
    op.create_index("ix_coaching_turns_call_id", "coaching_turns", ["call_id"], unique=False)
    op.create_index("ix_coaching_turns_session_id", "coaching_turns", ["session_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("webhook_id", BIG, nullable=False),
        sa.Column("call_id", BIG, nullable=True),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("payload", JSON_VALUE, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_deliveries_call_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_deliveries_webhook_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_call_id", "deliveries", ["call_id"], unique=False)
    op.create_index("ix_deliveries_webhook_id_id", "deliveries", ["webhook_id", "id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("lane", sa.String(length=10), nullable=False),
        sa.Column("payload", JSON_VALUE, nullable=False),
        sa.Column("staged", sa.String(length=64), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("worker", sa.String(length=100), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("stage", sa.String(length=100), nullable=False),
        sa.Column("result", JSON_VALUE, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_by", BIG, nullable=True),
        sa.Column("key_id", BIG, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.CheckConstraint("lane IN ('work', 'deliver', 'house')", name="ck_jobs_lane"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="ck_jobs_state"
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_jobs_created_by", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name="fk_jobs_key_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_kind_content_sha256", "jobs", ["kind", "content_sha256"], unique=False)
    op.create_index("ix_jobs_lane_created_at_id", "jobs", ["lane", "created_at", "id"], unique=False)
    op.create_index("ix_jobs_staged", "jobs", ["staged"], unique=False)
    op.create_index(
        "ix_jobs_waiting",
        "jobs",
        ["lane", "not_before", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index(
        "uq_jobs_content",
        "jobs",
        ["kind", "content_sha256"],
        unique=True,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "coaching_comments",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("session_id", BIG, nullable=False),
        sa.Column("turn_id", BIG, nullable=True),
        sa.Column("author_id", BIG, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name="fk_coaching_comments_author_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["coaching_sessions.id"],
            name="fk_coaching_comments_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["coaching_turns.id"], name="fk_coaching_comments_turn_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_coaching_comments"),
    )
    op.create_index("ix_coaching_comments_session_id", "coaching_comments", ["session_id"], unique=False)
    op.create_index("ix_coaching_comments_turn_id", "coaching_comments", ["turn_id"], unique=False)
    op.create_table(
        "evaluations",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("scorecard_id", BIG, nullable=False),
        sa.Column("call_id", BIG, nullable=False),
        sa.Column("session_id", BIG, nullable=True),
        sa.Column("calibration_id", BIG, nullable=True),
        sa.Column("grader_id", BIG, nullable=True),
        sa.Column("answers", JSON_VALUE, nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calibration_id"], ["calibrations.id"], name="fk_evaluations_calibration_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_evaluations_call_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["grader_id"], ["users.id"], name="fk_evaluations_grader_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["scorecard_id"], ["scorecards.id"], name="fk_evaluations_scorecard_id"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name="fk_evaluations_session_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        sa.UniqueConstraint("calibration_id", "grader_id", name="uq_evaluations_calibration_id_grader_id"),
    )
    op.create_index("ix_evaluations_calibration_id", "evaluations", ["calibration_id"], unique=False)
    op.create_index("ix_evaluations_call_id", "evaluations", ["call_id"], unique=False)
    op.create_index("ix_evaluations_scorecard_id", "evaluations", ["scorecard_id"], unique=False)
    op.create_index("ix_evaluations_session_id", "evaluations", ["session_id"], unique=False)


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_evaluations_session_id", table_name="evaluations")
    op.drop_index("ix_evaluations_scorecard_id", table_name="evaluations")
    op.drop_index("ix_evaluations_call_id", table_name="evaluations")
    op.drop_index("ix_evaluations_calibration_id", table_name="evaluations")
    op.drop_table("evaluations")
    op.drop_index("ix_coaching_comments_turn_id", table_name="coaching_comments")
    op.drop_index("ix_coaching_comments_session_id", table_name="coaching_comments")
    op.drop_table("coaching_comments")
    op.drop_index(
        "uq_jobs_content",
        table_name="jobs",
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index(
        "ix_jobs_waiting",
        table_name="jobs",
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index("ix_jobs_staged", table_name="jobs")
    op.drop_index("ix_jobs_lane_created_at_id", table_name="jobs")
    op.drop_index("ix_jobs_kind_content_sha256", table_name="jobs")
    op.drop_table("jobs")
    op.drop_index("ix_deliveries_webhook_id_id", table_name="deliveries")
    op.drop_index("ix_deliveries_call_id", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index("ix_coaching_turns_session_id", table_name="coaching_turns")
    op.drop_index("ix_coaching_turns_call_id", table_name="coaching_turns")
    op.drop_table("coaching_turns")
    op.drop_index("ix_coaching_goals_session_id", table_name="coaching_goals")
    op.drop_table("coaching_goals")
    op.drop_index("ix_calibrations_scorecard_id", table_name="calibrations")
    op.drop_index("ix_calibrations_call_id", table_name="calibrations")
    op.drop_table("calibrations")
    op.drop_table("webhooks")
    op.drop_index("ix_verdicts_moment_key", table_name="verdicts")
    op.drop_index("ix_verdicts_call_id", table_name="verdicts")
    op.drop_table("verdicts")
    op.drop_table("utterances")
    op.drop_table("transcripts")
    op.drop_table("shifts")
    op.drop_table("scorecards")
    op.drop_index("ix_notes_call_id", table_name="notes")
    op.drop_table("notes")
    op.drop_index("ix_moments_status_weight_id", table_name="moments", postgresql_include=["agent_id"])
    op.drop_index("ix_moments_status_rule_weight_id", table_name="moments", postgresql_include=["agent_id"])
    op.drop_index("ix_moments_status_queue_weight_id", table_name="moments", postgresql_include=["agent_id"])
    op.drop_index("ix_moments_status_assigned_to_weight_id", table_name="moments")
    op.drop_index("ix_moments_status_agent_id_weight_id", table_name="moments")
    op.drop_index("ix_moments_happened_at_id", table_name="moments")
    op.drop_index("ix_moments_call_id", table_name="moments")
    op.drop_index("ix_moments_agent_id_happened_at_id", table_name="moments")
    op.drop_table("moments")
    op.drop_index("ix_logins_user_id", table_name="logins")
    op.drop_table("logins")
    op.drop_index("ix_keys_user_id", table_name="keys")
    op.drop_index("ix_keys_made_by", table_name="keys")
    op.drop_table("keys")
    op.drop_index("ix_facets_call_id", table_name="facets")
    op.drop_table("facets")
    op.drop_table("estimates")
    op.drop_table("documents")
    op.drop_index("ix_corrections_call_id_utterance_index", table_name="corrections")
    op.drop_table("corrections")
    op.drop_index("ix_coaching_sessions_updated_at_id", table_name="coaching_sessions")
    op.drop_index("ix_coaching_sessions_coach_id_updated_at_id", table_name="coaching_sessions")
    op.drop_index("ix_coaching_sessions_agent_id_updated_at_id", table_name="coaching_sessions")
    op.drop_table("coaching_sessions")
    op.drop_table("coach_teams")
    op.drop_table("users")
    op.drop_index("ix_calls_received_at", table_name="calls")
    op.drop_index("ix_calls_queue_happened_at_id", table_name="calls")
    op.drop_index("ix_calls_happened_at_id", table_name="calls")
    op.drop_index("ix_calls_customer_id_happened_at_id", table_name="calls")
    op.drop_index("ix_calls_customer_end_id", table_name="calls")
    op.drop_index("ix_calls_csat_id", table_name="calls")
    op.drop_index("ix_calls_audio", table_name="calls")
    op.drop_index("ix_calls_agent_id_happened_at_id", table_name="calls")
    op.drop_table("calls")
    op.drop_index("ix_agents_team_id", table_name="agents")
    op.drop_table("agents")
    op.drop_table("watched")
    op.drop_table("teams")
    op.drop_index("ix_surveys_customer_id", table_name="surveys")
    op.drop_index("ix_surveys_call_ref", table_name="surveys")
    op.drop_index("ix_surveys_answered_at_id", table_name="surveys")
    op.drop_index("ix_surveys_agent_id_answered_at_id", table_name="surveys")
    op.drop_table("surveys")
    op.drop_index("ix_submissions_created_at", table_name="submissions")
    op.drop_table("submissions")
    op.drop_table("retention")
    op.drop_index("ix_contacts_started_at_id", table_name="contacts")
    op.drop_index("ix_contacts_customer_id", table_name="contacts")
    op.drop_index("ix_contacts_agent_id_started_at_id", table_name="contacts")
    op.drop_table("contacts")
    op.drop_index("ix_audit_target", table_name="audit")
    op.drop_index("ix_audit_action", table_name="audit")
    op.drop_table("audit")
