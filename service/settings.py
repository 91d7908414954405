"""Every setting of the service, in one table; ``docs/settings.md`` is :func:`page`, and a test holds that.

Each is read from an environment variable named ``SENTIMENT_`` and the name in capitals, or from a file
``.env`` in the working folder. Units are in the names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentiment.errors import InputError
from sentiment.redact import KINDS, Kind
from service.people.access import ROLES

__all__ = ["Settings", "page", "read_settings"]

Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """How this service runs. Values that cannot be are told of at the start, by name."""

    model_config = SettingsConfigDict(env_prefix="SENTIMENT_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        Path("sentiment-data"),
        description="Folder of the recordings, exports and, with SQLite, the database.",
    )
    database_url: str = Field(
        "",
        description="Database: empty for SQLite in the data folder, or postgresql+psycopg://user:password@host/name.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every network card.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8420, description="Port to listen on.")
    base_url: str = Field(
        "",
        description="Where people reach the service, as https://calls.example.com; needed for OIDC, and https makes cookies Secure.",
    )
    workers: Annotated[int, Field(ge=0)] = Field(
        1, description="Job workers that serve starts; 0 where they run apart, by sentiment worker."
    )
    web_processes: Count = Field(
        1, description="Web processes that serve starts; more than one only with PostgreSQL."
    )
    forwarded_allow_ips: str = Field(
        "",
        description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by commas; none if empty.",
    )
    model: str = Field("base", description="Whisper model that recordings are transcribed with.")
    threads: Count | None = Field(None, description="Processor threads of one worker; all if empty.")
    max_upload_mb: Count = Field(
        2048, description="Largest file that is taken, in MB (10^6 bytes); counted while it arrives."
    )
    max_audio_hours: Count = Field(
        12, description="Longest recording that is scored, in hours of audio, whatever its size."
    )
    max_queued_jobs: Count = Field(
        10_000, description="Jobs that may wait; above it uploads are answered with 429 and Retry-After."
    )
    max_attempts: Count = Field(3, description="How often a job is tried before it fails for good.")
    lease_s: Count = Field(
        60, description="How long a worker may be silent before its job is given to another, in seconds."
    )
    watch: str = Field(
        "",
        description="Folder or bucket (s3://...) that is looked through for new recordings; none if empty.",
    )
    watch_interval_s: Count = Field(60, description="How often that is done, in seconds.")
    session_hours: Count = Field(
        12, description="How long a login lasts, in hours; 60 minutes unused end it earlier."
    )
    lockout_attempts: Count = Field(5, description="Wrong passwords in a row that lock an account.")
    lockout_minutes: Count = Field(15, description="How long a locked account stays locked, in minutes.")
    oidc_issuer: str = Field(
        "", description="OpenID Connect issuer to log in with, as https://id.example.com; none if empty."
    )
    oidc_client_id: str = Field("", description="The client id this service has there.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="The client secret this service has there."
    )
    oidc_role: str = Field(
        "",
        description="Role of somebody who logs in by OIDC for the first time; empty: only people who have an account may.",
    )
    redact: bool = Field(True, description="Mask personal data in transcripts before they are stored.")
    mute: str = Field(
        "card,cvv",
        description="Kinds of personal data that are also silenced in the stored recording, separated by commas; empty: none.",
    )
    audio_key_file: Path | None = Field(
        None,
        description="File with the key that recordings are encrypted with at rest; not encrypted if empty.",
    )
    score_agent_voice: bool = Field(
        False, description="Measure the agent's voice too. Prohibited in the EU: AI Act, Article 5(1)(f)."
    )
    webhook_allow_private: bool = Field(False, description="Let webhooks go to private and local addresses.")
    log_format: Annotated[str, Field(pattern="^(json|console)$")] = Field(
        "json", description="json for machines, console for people."
    )
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = Field(
        "info", description="The least that is logged."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token that /metrics asks for; if empty it answers this machine only.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.web_processes > 1 and not self.database.startswith("postgresql"):
            raise ValueError("web_processes above 1 needs PostgreSQL: set database_url")
        if self.oidc_issuer and not (self.oidc_client_id and self.base_url):
            raise ValueError("oidc_issuer needs oidc_client_id and base_url too")
        if self.oidc_role and self.oidc_role not in ROLES:
            raise ValueError(f"oidc_role must be empty or one of {', '.join(ROLES)}")
        return self

    @field_validator("mute")
    @classmethod
    def _known_kinds(cls, value: str) -> str:
        if unknown := _kinds(value) - set(KINDS):
            raise ValueError(f"{min(unknown).lower()}: no kind; choose from {', '.join(KINDS).lower()}")
        return value

    @property
    def muted(self) -> frozenset[Kind]:
        """The kinds of personal data that are silenced in recordings."""
        return frozenset(kind for kind in KINDS if kind in _kinds(self.mute))

    @property
    def database(self) -> str:
        """The database's URL; SQLite in the data folder where none is set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'service.db'}"

    @property
    def secure(self) -> bool:
        """Whether people come by https, so that cookies may say Secure."""
        return self.base_url.startswith("https://")


def _kinds(listed: str) -> set[str]:
    return {part.strip().upper() for part in listed.split(",") if part.strip()}


def page() -> str:
    """``docs/settings.md``: every setting in a table."""
    lines = [
        "# Settings of the service",
        "",
        "Each is an environment variable, or a line of a file `.env` in the working folder. "
        "`GET /api/v1/setup` shows them as they are, without the secrets.",
        "",
        "| variable | by itself | what it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        told = default.get_secret_value() if isinstance(default, SecretStr) else default
        shown = f"`{str(told).lower() if isinstance(told, bool) else told}`" if told not in (None, "") else ""
        lines.append(f"| `SENTIMENT_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join([*lines, ""])


def read_settings(**given: object) -> Settings:
    """Settings from the environment; what is ``given`` goes before it.

    Raises:
        InputError: a setting cannot be; its variable is named, its value not told.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "_".join(str(part) for part in first["loc"])
        name = f"SENTIMENT_{where.upper()}" if where else "settings"
        raise InputError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
