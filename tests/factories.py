"""Calls built by hand: ``call(customer("I am so angry!", -0.8), agent("I'm sorry."))``.

Import with ``from factories import agent, call, customer``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from sentiment.call import Call, Channel, Role, Score, Utterance

MS_PER_WORD = 400
PAUSE_MS = 300


def score(
    polarity: float, *, intensity: float | None = None, emotions: dict[str, float] | None = None
) -> Score:
    """A score of the given polarity whose three classes agree with it and are as sure as can be."""
    p_negative, p_positive = max(0.0, -polarity), max(0.0, polarity)
    return Score(
        polarity=polarity,
        intensity=abs(polarity) if intensity is None else intensity,
        p_negative=p_negative,
        p_neutral=1.0 - p_negative - p_positive,
        p_positive=p_positive,
        emotions=dict(emotions or {}),
        model="fake",
    )


def utterance(
    role: Role,
    text: str = "So I wanted to ask about the thing I bought last week.",
    polarity: float | None = 0.0,
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    intensity: float | None = None,
    emotions: dict[str, float] | None = None,
) -> Utterance:
    """One utterance; ``polarity=None`` leaves it unscored. :func:`call` sets index, channel and times."""
    return Utterance(
        index=-1,
        channel=-1,
        role=role,
        start_ms=start_ms,
        end_ms=end_ms,
        text=text,
        score=None if polarity is None else score(polarity, intensity=intensity, emotions=emotions),
        unscored="not asked for" if polarity is None else None,
    )


def agent(
    text: str = "Let me have a look at your account here.", polarity: float | None = 0.0, **more: Any
) -> Utterance:
    """What an agent says; ``more`` goes to :func:`utterance`."""
    return utterance("agent", text, polarity, **more)


def customer(
    text: str = "So I wanted to ask about the thing I bought last week.",
    polarity: float | None = 0.0,
    **more: Any,
) -> Utterance:
    """What a customer says; ``more`` goes to :func:`utterance`."""
    return utterance("customer", text, polarity, **more)


def call(*utterances: Utterance, timed: bool = True, **fields: Any) -> Call:
    """A call of these utterances, one channel per role in order of appearance.

    Where an utterance has no times it starts ``PAUSE_MS`` after the one before and takes
    ``MS_PER_WORD`` per word; with ``timed=False`` nothing has times, as in a text chat.
    ``fields`` overrides fields of the :class:`Call`.
    """
    roles = tuple(dict.fromkeys(u.role for u in utterances))
    placed: list[Utterance] = []
    now_ms = 0
    for index, u in enumerate(utterances):
        start_ms = now_ms if u.start_ms is None else u.start_ms
        end_ms = start_ms + MS_PER_WORD * max(1, len(u.text.split())) if u.end_ms is None else u.end_ms
        now_ms = max(now_ms, end_ms + PAUSE_MS)
        times = {"start_ms": start_ms, "end_ms": end_ms} if timed else {"start_ms": None, "end_ms": None}
        placed.append(dataclasses.replace(u, index=index, channel=roles.index(u.role), **times))
    ends = [u.end_ms for u in placed if u.end_ms is not None]
    defaults: dict[str, Any] = {
        "id": "test",
        "duration_ms": max(ends, default=0) if timed else None,
        "channels": tuple(
            Channel(index=i, role=role, source="given" if timed else "transcript", confidence=1.0)
            for i, role in enumerate(roles)
        ),
        "utterances": tuple(placed),
    }
    return Call(**(defaults | fields))
