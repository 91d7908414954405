"""Calls made by hand for the tests of the report."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

from sentiment.call import (
    Audio,
    Call,
    Channel,
    Evidence,
    Model,
    Moment,
    Provenance,
    Role,
    Score,
    Shift,
    Utterance,
    Word,
)
from sentiment.characteristics import characterise, uncharacterised
from sentiment.shape import call_shape

STEP_MS = 1000
POLARITIES = (0.1, 0.0, 0.3, -0.8, 0.2, -0.9, 0.1, -0.5, 0.4, 0.6, 0.3, 0.7)
TEXTS = (
    "Thank you for calling, how can I help?",
    "Hi, my line is dead again.",
    "I am sorry, let me look.",
    "This is the third time I call about it.",
    "I can book Thursday.",
    "I want to cancel, this is useless.",
    "I understand.",
    "Then do something.",
    "I have added a credit of ten pounds.",
    "Oh, thank you.",
    "Anything else?",
    "No, that is great.",
)


def score(polarity: float) -> Score:
    """A plausible score of that polarity."""
    p_negative, p_positive = max(0.0, -polarity), max(0.0, polarity)
    return Score(
        polarity=polarity,
        intensity=min(1.0, abs(polarity) + 0.05),
        p_negative=p_negative,
        p_neutral=1 - p_negative - p_positive,
        p_positive=p_positive,
        emotions={"anger": p_negative, "gratitude": p_positive, "neutral": 1 - abs(polarity)},
        model="test-scorer",
    )


def utterance(index: int, text: str, polarity: float | None, *, timed: bool = True) -> Utterance:
    """The agent speaks on even indices, the customer on odd ones, for 0.9 s each."""
    role: Role = "agent" if index % 2 == 0 else "customer"
    start = 500 + index * STEP_MS
    return Utterance(
        index=index,
        channel=index % 2,
        role=role,
        start_ms=start if timed else None,
        end_ms=start + 900 if timed else None,
        text=text,
        confidence=0.9 if timed else None,
        score=None if polarity is None else score(polarity),
        unscored="too short to judge" if polarity is None else None,
    )


def moment(said: Utterance, severity: float, explanation: str) -> Moment:
    """A moment about one utterance."""
    return Moment(
        rule="said_so",
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        severity=severity,
        evidence=Evidence(utterances=(said.index,)),
        explanation=explanation,
    )


def make_call(*, timed: bool = True, call_id: str = "call-1") -> Call:
    """Twelve utterances; worse from the 4th, better from the 10th; the 7th is not scored."""
    said = [utterance(i, text, POLARITIES[i], timed=timed) for i, text in enumerate(TEXTS)]
    said[6] = replace(said[6], score=None, unscored="too short to judge")
    if timed:
        words = tuple(
            Word(text=w, start_ms=1500, end_ms=1600, probability=0.2 if w == "dead" else 0.9)
            for w in TEXTS[1].split()
        )
        said[1] = replace(said[1], words=words, confidence=0.5)
    return measured(_scored(said, timed=timed, call_id=call_id))


def measured(call: Call) -> Call:
    """The call with its characteristics, or the reason for having none, and its shape."""
    reason = uncharacterised(call)
    return replace(
        call,
        characteristics=characterise(call) if reason is None else None,
        uncharacterised=reason,
        shape=call_shape(call),
    )


def _scored(said: list[Utterance], *, timed: bool, call_id: str) -> Call:
    return Call(
        id=call_id,
        duration_ms=13_000 if timed else None,
        started_at=datetime(2026, 3, 14, 9, 26, tzinfo=UTC),
        agent_id="dana",
        queue="faults",
        audio=Audio(
            name="call-1.wav",
            sha256="ab" * 32,
            codec="PCM_16",
            sample_rate_hz=8000,
            n_channels=2,
            layout="stereo",
        )
        if timed
        else None,
        channels=(
            Channel(index=0, role="agent", source="inferred", confidence=0.97, language="en"),
            Channel(index=1, role="customer", source="given", confidence=1.0),
        ),
        utterances=tuple(said),
        shifts=(
            Shift(
                at_ms=said[3].start_ms,
                utterance_index=3,
                role="customer",
                before=0.0,
                after=-0.73,
                confidence=0.95,
                trigger_index=2,
                reason="the agent had to look it up",
            ),
            Shift(
                at_ms=said[9].start_ms,
                utterance_index=9,
                role="customer",
                before=-0.73,
                after=0.65,
                confidence=0.9,
                trigger_index=8,
                reason="the agent offered a credit",
            ),
        ),
        moments=(
            moment(said[3], 0.5, "The customer calls for the third time."),
            moment(said[5], 0.9, "The customer wants to cancel."),
        ),
        warnings=("The recording ends abruptly.",),
        provenance=Provenance(
            version="0.1.0",
            models=(Model(task="score", name="test-scorer", revision="r7"),),
            settings={"shifts": {"least": 3}},
        ),
    )


def tone_mp3(seconds: float = 13.0) -> bytes:
    """A playable stereo MP3 with a different tone on each channel."""
    import numpy as np
    import soundfile

    t = np.arange(int(seconds * 16_000)) / 16_000
    sound = 0.2 * np.stack([np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 330 * t)], axis=1)
    file = io.BytesIO()
    soundfile.write(file, sound.astype(np.float32), 16_000, format="MP3")
    return file.getvalue()
