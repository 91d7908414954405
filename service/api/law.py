"""How the service is set up, and what of the law it keeps by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from service.api.errors import responses
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.settings import Settings
from service.store.tables import Retention

if TYPE_CHECKING:
    from service.store.database import Database

__all__ = ["router"]

router = APIRouter(tags=["operations"])

SECRET = frozenset({"database_url", "oidc_client_secret", "metrics_token"})


class SettingLine(BaseModel):
    """A setting; the value of a secret is not told, only whether there is one."""

    name: str = Field(examples=["SENTIMENT_MAX_UPLOAD_MB"])
    value: str | int | bool | None
    changed: bool = Field(description="Whether it differs from what it is by itself.")
    says: str


class LawLine(BaseModel):
    """A duty, how it is kept here, and whether that is in force."""

    duty: str
    source: str
    kept_by: str
    in_force: bool


class Setup(BaseModel):
    """The whole."""

    settings: list[SettingLine]
    law: list[LawLine]


@router.get("/setup", responses=responses(401, 403))
def get_setup(
    _person: Annotated[Person, Depends(may("settings.read"))], request: Request, database: DatabaseOf
) -> Setup:
    """Every setting as it is, and what of the law is kept by it."""
    settings: Settings = request.app.state.settings
    return Setup(settings=_settings(settings), law=_law(settings, database))


def _settings(settings: Settings) -> list[SettingLine]:
    lines = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        changed = value != field.default
        if name in SECRET:
            shown: str | int | bool | None = "set" if changed else "not set"
        else:
            shown = value if value is None or isinstance(value, bool | int) else str(value)
        lines.append(
            SettingLine(
                name=f"SENTIMENT_{name.upper()}", value=shown, changed=changed, says=field.description or ""
            )
        )
    return lines


def _law(settings: Settings, database: Database) -> list[LawLine]:
    with database.read() as session:
        rules = session.scalar(select(func.count()).select_from(Retention)) or 0
    return [
        LawLine(
            duty="Emotions of workers are not inferred from their voice.",
            source="Regulation (EU) 2024/1689 (AI Act), Article 5(1)(f)",
            kept_by="The agent's side is scored from its words only, unless SENTIMENT_SCORE_AGENT_VOICE is "
            "set, which the audit log notes at each start.",
            in_force=not settings.score_agent_voice,
        ),
        LawLine(
            duty="No more personal data than is needed is kept.",
            source="GDPR, Article 5(1)(c); PCI DSS 4.0, requirement 3.3",
            kept_by="Personal data are masked in transcripts before they are stored (SENTIMENT_REDACT), and "
            f"silenced in recordings: {settings.mute or 'nothing'} (SENTIMENT_MUTE).",
            in_force=settings.redact and "CARD" in settings.muted,
        ),
        LawLine(
            duty="Personal data are kept no longer than is needed.",
            source="GDPR, Article 5(1)(e)",
            kept_by="Retention rules, applied every hour; there are none until an admin sets them.",
            in_force=rules > 0,
        ),
        LawLine(
            duty="People get to see what is kept on them, and can have it deleted.",
            source="GDPR, Articles 15 and 17",
            kept_by="Disclosure of all on one customer, and deletion of recordings, documents and every row.",
            in_force=True,
        ),
        LawLine(
            duty="Who did what can be shown.",
            source="GDPR, Articles 5(2) and 30",
            kept_by="An audit log that only grows, chained by hashes; sentiment audit verify checks it.",
            in_force=True,
        ),
        LawLine(
            duty="Recordings are protected where they lie.",
            source="GDPR, Article 32(1)(a)",
            kept_by="Encryption at rest (AES-256-GCM) with the key in SENTIMENT_AUDIO_KEY_FILE.",
            in_force=settings.audio_key_file is not None,
        ),
    ]
