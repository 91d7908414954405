"""What the API takes and gives of coaching sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from service.api.shapes import Line
from service.coaching.goals import goal_metric
from service.coaching.states import Action, State

__all__ = [
    "ChangeLine", "CommentBody", "CommentLine", "DisputeBody", "GoalBody", "GoalFigures", "GoalLine",
    "SaidLine", "SessionBody", "SessionChange", "SessionLine", "SessionWhole", "TurnBody", "TurnChange",
    "TurnLine",
]  # fmt: skip

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Index = Annotated[int, Field(ge=0, le=2**31 - 1)]
Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class SessionBody(BaseModel):
    """A new session, of one of the agents in sight; who makes it is its coach."""

    agent_id: str = Field(min_length=1, max_length=200, examples=["a-17"])
    title: Title = Field(examples=["Silences in billing calls"])
    summary: str = Field("", max_length=20_000)


class SessionChange(BaseModel):
    """What is changed; what is left out stays. ``coach_id`` gives the session to another coach."""

    title: Title | None = Field(None, examples=["Silences in billing calls"])
    summary: str | None = Field(None, max_length=20_000)
    coach_id: int | None = Field(None, ge=1, le=2**62)


class DisputeBody(BaseModel):
    """Why the agent does not agree."""

    reason: Words = Field(examples=["The customer had asked me to wait."])


class TurnBody(BaseModel):
    """A stretch of a call: its first and last utterance, both included; at most 40."""

    call_id: str = Field(min_length=1, max_length=300, examples=["2026-11-03-0042"])
    first_index: Index = Field(examples=[2])
    last_index: Index = Field(examples=[4])

    @model_validator(mode="after")
    def _in_order(self) -> TurnBody:
        if self.first_index > self.last_index:
            raise ValueError("first_index must not be after last_index")
        return self


class TurnChange(BaseModel):
    """What is changed: another stretch of the same call, or another place among the turns (from 0)."""

    first_index: Index | None = None
    last_index: Index | None = None
    position: Annotated[int, Field(ge=0, le=1000)] | None = None


class CommentBody(BaseModel):
    """What is written on the session, or on one of its turns."""

    text: Words = Field(examples=["Here you could have said how long it takes."])
    turn_id: int | None = Field(None, ge=1, le=2**62)


class CommentLine(Line):
    """A comment as it stands."""

    id: int
    session_id: int
    turn_id: int | None
    author_id: int | None
    text: str
    created_at: datetime


def _a_metric(text: str) -> str:
    return goal_metric(text).name


class GoalBody(BaseModel):
    """What the agent works on.

    With a metric, its figures are those of ``[before_from, changed_at)`` and ``[changed_at, after_until)``;
    without ``after_until``, until now.
    """

    text: Words = Field(examples=["Say what you are doing while the customer waits."])
    metric: Annotated[str, Field(max_length=200), AfterValidator(_a_metric)] | None = Field(
        None, examples=["dead_air"], description="As in /metrics/definitions: dead_air, csat:mean."
    )
    target: Number | None = Field(None, description="In the metric's unit.", examples=[2.5])
    before_from: AwareDatetime | None = Field(None, examples=["2026-09-01T00:00:00Z"])
    changed_at: AwareDatetime | None = Field(None, examples=["2026-10-01T00:00:00Z"])
    after_until: AwareDatetime | None = Field(None, examples=["2026-11-01T00:00:00Z"])

    @model_validator(mode="after")
    def _dated(self) -> GoalBody:
        if self.metric is None:
            if (self.target, self.before_from, self.changed_at, self.after_until) != (None,) * 4:
                raise ValueError("a target and dates are of a metric; give one, or leave them out")
            return self
        if self.before_from is None or self.changed_at is None:
            raise ValueError("a metric needs before_from and changed_at, which part before from after")
        if self.before_from >= self.changed_at:
            raise ValueError("before_from must be before changed_at")
        if self.after_until is not None and self.changed_at >= self.after_until:
            raise ValueError("changed_at must be before after_until")
        return self


class GoalLine(Line):
    """A goal as it stands."""

    id: int
    session_id: int
    text: str
    metric: str | None
    target: float | None
    before_from: datetime | None
    changed_at: datetime | None
    after_until: datetime | None


class SideLine(Line):
    """The metric of one half: ``value`` of ``n`` rows, with its 95 % interval; or why there is none."""

    value: float | None
    numerator: float | None
    denominator: float | None
    n: int
    interval: tuple[float, float] | None
    undefined: str | None
    no_interval: str | None


class ChangeLine(Line):
    """Before and after, and after minus before with its 95 % interval; ``undefined`` says why there is none.

    ``verdict`` is whether ``after`` meets the target: ``unsure`` if its interval lies on both sides.
    """

    metric: str = Field(examples=["dead_air"])
    unit: str = Field(examples=["%"])
    says: str
    better: Literal["higher", "lower"] | None
    before: SideLine
    after: SideLine
    difference: float | None
    interval: tuple[float, float] | None
    undefined: str | None
    verdict: Literal["met", "missed", "unsure"] | None


class GoalFigures(GoalLine):
    """A goal with its figures; ``no_figures`` says why there are none."""

    figures: ChangeLine | None
    no_figures: str | None = None


class SaidLine(Line):
    """An utterance; ``corrected`` names what was put right by somebody, and is given so."""

    index: int
    role: Literal["agent", "customer", "ivr", "unknown"]
    start_ms: int | None
    end_ms: int | None
    text: str
    polarity: float | None
    corrected: list[str]


class TurnLine(Line):
    """A stretch of a call. ``call_id`` is null where this person could not open the call."""

    id: int
    position: int
    call_id: str | None
    example: bool = Field(description="Whether it is of another agent's call.")
    first_index: int
    last_index: int
    utterances: list[SaidLine]


class SessionLine(Line):
    """A session in a list."""

    id: int
    agent_id: str = Field(examples=["a-17"])
    coach_id: int | None
    title: str
    state: State
    created_at: datetime
    updated_at: datetime
    shared_at: datetime | None
    n_turns: int = 0
    n_goals: int = 0
    n_comments: int = 0


class SessionWhole(SessionLine):
    """A session with its turns and goals; comments and figures have routes of their own.

    ``possible`` is what this person may do with it now.
    """

    summary: str
    dispute_reason: str | None = Field(description="Why the agent disputed it, when they last did.")
    possible: list[Action]
    turns: list[TurnLine]
    goals: list[GoalLine]
