"""Full-text search over transcripts: FTS5 on SQLite, a generated tsvector on PostgreSQL."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE VIRTUAL TABLE transcripts_search USING fts5("
    "text, content='transcripts', content_rowid='call_id', tokenize='porter unicode61 remove_diacritics 2')",
    "CREATE TRIGGER transcripts_search_insert AFTER INSERT ON transcripts BEGIN "
    "INSERT INTO transcripts_search(rowid, text) VALUES (new.call_id, new.text); END",
    "CREATE TRIGGER transcripts_search_delete AFTER DELETE ON transcripts BEGIN "
    "INSERT INTO transcripts_search(transcripts_search, rowid, text) "
    "VALUES ('delete', old.call_id, old.text); END",
    "CREATE TRIGGER transcripts_search_update AFTER UPDATE ON transcripts BEGIN "
    "INSERT INTO transcripts_search(transcripts_search, rowid, text) "
    "VALUES ('delete', old.call_id, old.text); "
    "INSERT INTO transcripts_search(rowid, text) VALUES (new.call_id, new.text); END",
    "INSERT INTO transcripts_search(transcripts_search) VALUES ('rebuild')",
)
POSTGRESQL = (
    "CREATE TEXT SEARCH DICTIONARY sentiment_stem (TEMPLATE = snowball, Language = english)",
    "CREATE TEXT SEARCH CONFIGURATION sentiment_english (COPY = english)",
    "ALTER TEXT SEARCH CONFIGURATION sentiment_english "
    "ALTER MAPPING REPLACE english_stem WITH sentiment_stem",
    "ALTER TABLE transcripts ADD COLUMN search tsvector "
    "GENERATED ALWAYS AS (to_tsvector('sentiment_english', text)) STORED",
    "ALTER TABLE transcripts ALTER COLUMN search SET STORAGE MAIN",  # in the row: looked at often
    "ALTER TABLE transcripts ALTER COLUMN search SET STATISTICS 1000",
    "CREATE INDEX ix_transcripts_search ON transcripts USING gin (search)",
)


def upgrade() -> None:
    """Index every transcript that is there."""
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Take the index away; the transcripts stay."""
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER transcripts_search_{name}")
        op.execute("DROP TABLE transcripts_search")
    else:
        op.execute("DROP INDEX ix_transcripts_search")
        op.execute("ALTER TABLE transcripts DROP COLUMN search")
        op.execute("DROP TEXT SEARCH CONFIGURATION sentiment_english")
        op.execute("DROP TEXT SEARCH DICTIONARY sentiment_stem")
