"""What the page of a call is made of: the call's values, joined for the template to lay out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from sentiment.characteristics import participant
from sentiment.formats.display import emotions, humanise, signed
from sentiment.formats.names import party_names
from sentiment.summary import flagged, ranked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentiment.call import JSON, Call, Channel, Moment, Role, Score, Shift, Utterance
    from sentiment.measures import Interruption, ParticipantLatency, ParticipantSpeed, Trajectory

__all__ = [
    "Figures",
    "Flag",
    "Line",
    "Party",
    "Turning",
    "count_lines",
    "draw_chart",
    "find_flags",
    "find_parties",
    "find_turning",
    "list_settings",
    "make_lines",
    "take_figures",
]


@dataclass(frozen=True, slots=True)
class Party:
    """One voice: ``style`` is ``customer``, ``agent``, ``ivr``, ``first`` or ``second`` (see report.css)."""

    name: str
    style: str
    role: Role
    channel: Channel | None


@dataclass(frozen=True, slots=True)
class Flag:
    """A moment with its ``rank`` (1 is the most severe) and the first utterance it is about."""

    rank: int
    moment: Moment
    utterance: int | None


@dataclass(frozen=True, slots=True)
class Turning:
    """A shift with the turn that best explains it."""

    shift: Shift
    party: Party
    trigger: Utterance | None


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance of the transcript with all that is shown beside it."""

    said: Utterance
    party: Party
    flags: tuple[Flag, ...]
    turnings: tuple[Turning, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """A party's column in the table of how the call went; what was not measured is ``None`` or empty."""

    party: Party
    talk_time_ms: int | None
    talk_ratio: float | None
    speed: ParticipantSpeed | None
    latency: ParticipantLatency | None
    interruptions: tuple[Interruption, ...]
    course: Trajectory | None


def find_parties(call: Call) -> dict[tuple[int, Role], Party]:
    """Who speaks, by channel and role, and how each is shown."""
    channels = {channel.index: channel for channel in call.channels}
    styles = cycle(("first", "second"))
    parties = {}
    for (index, role), name in party_names(call).items():
        style = next(styles) if role == "unknown" else role
        channel = channels.get(index)
        known = channel if channel is not None and channel.role == role else None
        parties[index, role] = Party(name, style, role, known)
    return parties


def find_flags(call: Call) -> list[Flag]:
    """The call's moments, most severe first."""
    flags = []
    for rank, moment in enumerate(ranked(call.moments), start=1):
        about = flagged(call, moment)
        flags.append(Flag(rank, moment, min(about, default=None)))
    return flags


def find_turning(call: Call, shift: Shift, parties: Mapping[tuple[int, Role], Party]) -> Turning:
    """A shift with its party and its trigger."""
    at = call.utterances[shift.utterance_index]
    trigger = None if shift.trigger_index is None else call.utterances[shift.trigger_index]
    return Turning(shift, parties[at.channel, at.role], trigger)


def take_figures(call: Call, parties: Mapping[tuple[int, Role], Party]) -> list[Figures]:
    """A column for each participant who was measured or scored."""
    by_participant: dict[str, Party] = {}
    for u in call.utterances:
        by_participant.setdefault(participant(u), parties[u.channel, u.role])
    found = call.characteristics
    columns = []
    for who, party in by_participant.items():
        talk = None if found is None else found.talk_time.details_by_participant.get(who)
        columns.append(
            Figures(
                party=party,
                talk_time_ms=None if talk is None else talk.total_time_ms,
                talk_ratio=None if found is None else found.talk_time.ratio(who),
                speed=None if found is None else found.talk_speed.details_by_participant.get(who),
                latency=None if found is None else found.response_latency.details_by_participant.get(who),
                interruptions=()
                if found is None
                else found.interruptions.interruptions_by_interrupter.get(who, ()),
                course=None if call.shape is None else call.shape.by_participant.get(who),
            )
        )
    return columns


def make_lines(
    call: Call,
    parties: Mapping[tuple[int, Role], Party],
    flags: Sequence[Flag],
    turnings: Sequence[Turning],
) -> list[Line]:
    """The transcript, a line for each utterance."""
    flags_at: dict[int, list[Flag]] = {}
    for flag in flags:
        for index in flagged(call, flag.moment):
            flags_at.setdefault(index, []).append(flag)
    turnings_at: dict[int, list[Turning]] = {}
    for turning in turnings:
        turnings_at.setdefault(turning.shift.utterance_index, []).append(turning)
    return [
        Line(
            u,
            parties[u.channel, u.role],
            tuple(flags_at.get(u.index, ())),
            tuple(turnings_at.get(u.index, ())),
        )
        for u in call.utterances
    ]


def count_lines(lines: Sequence[Line]) -> dict[str, int]:
    """How many utterances each filter button leaves."""
    return {
        "all": len(lines),
        "customer": sum(line.said.role == "customer" for line in lines),
        "agent": sum(line.said.role == "agent" for line in lines),
        "negative": sum(
            line.said.score is not None and line.said.score.label == "negative" for line in lines
        ),
        "flagged": sum(bool(line.flags) for line in lines),
    }


def draw_chart(
    call: Call,
    lines: Sequence[Line],
    flags: Sequence[Flag],
    turnings: Sequence[Turning],
    parties: Sequence[Party],
    peaks: Sequence[Sequence[float]],
) -> JSON:
    """What timeline.js draws.

    Positions are milliseconds; utterance indices (``timed`` is false) if any time is missing.
    """
    timed = all(u.start_ms is not None and u.end_ms is not None for u in call.utterances)
    timed = timed and (call.duration_ms is not None or bool(lines))
    end_ms = max((u.end_ms or 0 for u in call.utterances), default=0)
    by_channel = {p.channel.index: at for at, p in enumerate(parties) if p.channel is not None}
    paired = len(peaks) == len(by_channel) > 1
    return {
        "timed": timed,
        "length": max(call.duration_ms or 0, end_ms) if timed else len(lines),
        "parties": [{"name": p.name, "style": p.style} for p in parties],
        "utterances": [
            {
                "party": parties.index(line.party),
                "start": line.said.start_ms,
                "end": line.said.end_ms,
                "polarity": None if line.said.score is None else round(line.said.score.polarity, 3),
                "intensity": None if line.said.score is None else round(line.said.score.intensity, 3),
                "details": None if line.said.score is None else _details(line.said.score),
            }
            for line in lines
        ],
        "moments": [
            {"rank": f.rank, "start": f.moment.start_ms, "end": f.moment.end_ms, "utterance": f.utterance}
            for f in flags
        ],
        "shifts": [
            {
                "start": t.shift.at_ms,
                "utterance": t.shift.utterance_index,
                "direction": t.shift.direction,
                "title": f"{t.party.name}: {signed(t.shift.before)} to {signed(t.shift.after)}",
            }
            for t in turnings
        ],
        "peaks": [
            {"party": by_channel.get(at) if paired else None, "values": [round(float(v), 3) for v in channel]}
            for at, channel in enumerate(peaks)
        ],
    }


def _details(score: Score) -> JSON:
    """Two lists of name and probability, shown when a score is opened."""
    classes = {"negative": score.p_negative, "neutral": score.p_neutral, "positive": score.p_positive}
    return [
        [[humanise(name), round(p, 2)] for name, p in emotions(score)],
        [[name, round(p, 2)] for name, p in classes.items()],
    ]


def list_settings(call: Call) -> str:
    """Everything in the provenance and metadata that has no line of its own, as readable JSON."""
    settings = {} if call.provenance is None else dict(call.provenance.settings)
    body = {"settings": settings, "metadata": dict(call.metadata)}
    return json.dumps({k: v for k, v in body.items() if v}, ensure_ascii=False, indent=2, default=str)
