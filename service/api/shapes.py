"""What the API gives of a call: the models of its answers, made of rows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CallLine", "Line", "MomentLine"]

Polarity = Field(ge=-1, le=1)


class Line(BaseModel):
    """Read from a row of the same names."""

    model_config = ConfigDict(from_attributes=True)


class CallLine(Line):
    """A call in a list. Levels in [-1, 1]; ``csat`` is the estimated answer (1 to 5), ``nps`` (0 to 10)."""

    call_id: str = Field(examples=["2026-11-03-0042"])
    started_at: datetime | None
    received_at: datetime
    duration_ms: int | None = Field(examples=[184000])
    agent_id: str | None = Field(examples=["a-17"])
    customer_id: str | None
    queue: str | None = Field(examples=["billing"])
    language: str | None = Field(examples=["en"])
    customer_start: float | None = Field(examples=[-0.42])
    customer_end: float | None = Field(examples=[0.31])
    customer_mean: float | None
    peak_intensity: float | None
    shape: str | None = Field(examples=["rescue"])
    story: str | None
    n_utterances: int
    n_shifts: int
    n_moments: int
    top_severity: float | None
    csat: float | None
    nps: float | None


class MomentLine(Line):
    """A flagged moment and where its review stands."""

    key: str = Field(examples=["0d3b1f0c9a5e4d7788aa10b2c3d4e5f6"])
    call_id: str = Field(examples=["2026-11-03-0042"])
    agent_id: str | None
    queue: str | None
    happened_at: datetime
    rule: str = Field(examples=["threat_to_leave"])
    start_ms: int | None
    end_ms: int | None
    severity: float = Field(ge=0, le=1)
    confidence: float = Field(ge=0, le=1)
    explanation: str
    utterances: list[int]
    status: Literal["open", "agreed", "disagreed", "done"]
    assigned_to: int | None
