"""A call, and an overview of many, as self-contained web pages.

Nothing is fetched: style, script and sound stand in the page, and its Content-Security-Policy
forbids everything else, so that no text of a call can run or phone home even if an escape were
missing. Pages work from a disk, by mail or from a server.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import cycle
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from sentiment import phrases
from sentiment.files import file_stem
from sentiment.formats.names import party_names
from sentiment.phrases import signed
from sentiment.summary import Failure, Row, flagged, lowest, ranked, summarise, worst_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentiment.call import JSON, Call, Channel, Moment, Prosody, Role, Score, Shift, Utterance

__all__ = ["call_page", "clock", "index_page", "signed"]

UNSURE_ROLE = 0.8
"""Below this probability a role is shown as one to check."""

UNCLEAR_UTTERANCE = 0.6
UNCLEAR_WORD = 0.4
"""Recogniser's probability below which an utterance, or a word in it, is marked as unclear."""

SHOWN_EMOTION = 0.2
LISTED_EMOTION = 0.05
"""Least probability of an emotion to be shown beside an utterance, and to be listed in its details."""

USUAL_AROUSAL, NOTICED_CUE = 0.1, 1.0
"""A voice so near 0.5 is the usual one; a cue is put into words from so many standard deviations on."""

CUE_WORDS = {
    "loudness": ("louder", "softer"),
    "pitch": ("higher", "lower"),
    "pitch_range": ("livelier", "flatter"),
    "balance": ("sharper", "duller"),
    "rate": ("faster", "slower"),
}

SOURCES = {
    "given": "given",
    "sidecar": "from the sidecar",
    "inferred": "inferred",
    "transcript": "from the transcript",
}


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


def call_page(call: Call, *, playback: bytes | None, peaks: Sequence[Sequence[float]] = ()) -> str:
    """One call as a page.

    Args:
        call: the call; a text conversation has no times and gets no player.
        playback: the MP3 to listen to, a channel per party; ``None`` leaves the player out.
        peaks: for each audio channel the largest |sample| per bin, in [0, 1], evenly over the call.

    Raises:
        ValueError: a number of the call is NaN or infinite.
    """
    parties = _parties(call)
    flags = _flags(call)
    turnings = [_turning(call, shift, parties) for shift in call.shifts]
    lines = _lines(call, parties, flags, turnings)
    return (
        _environment()
        .get_template("call.html.j2")
        .render(
            _page(["timeline.js", "report.js"]),
            call=call,
            row=summarise(call),
            lowest=lowest(call),
            parties=list(dict.fromkeys(parties.values())),
            flags=flags,
            turnings=turnings,
            lines=lines,
            counts=_counts(lines),
            chart=_chart(call, lines, flags, turnings, list(dict.fromkeys(parties.values())), peaks),
            audio=None if playback is None else base64.b64encode(playback).decode("ascii"),
            settings=_settings(call),
        )
    )


def index_page(rows: Sequence[Row], failures: Sequence[Failure]) -> str:
    """The overview: a line per call, the worst first, each linked to ``<call id>.html``, and what failed."""
    return (
        _environment()
        .get_template("index.html.j2")
        .render(
            _page(["index.js"]),
            rows=worst_first(rows),
            failures=failures,
            n_flagged=sum(row.n_moments > 0 for row in rows),
        )
    )


# -- what the templates are given ----------------------------------------------------------------


def _parties(call: Call) -> dict[tuple[int, Role], Party]:
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


def _flags(call: Call) -> list[Flag]:
    flags = []
    for rank, moment in enumerate(ranked(call.moments), start=1):
        about = flagged(call, moment)
        flags.append(Flag(rank, moment, min(about, default=None)))
    return flags


def _turning(call: Call, shift: Shift, parties: Mapping[tuple[int, Role], Party]) -> Turning:
    at = call.utterances[shift.utterance_index]
    trigger = None if shift.trigger_index is None else call.utterances[shift.trigger_index]
    return Turning(shift, parties[at.channel, at.role], trigger)


def _lines(
    call: Call,
    parties: Mapping[tuple[int, Role], Party],
    flags: Sequence[Flag],
    turnings: Sequence[Turning],
) -> list[Line]:
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


def _counts(lines: Sequence[Line]) -> dict[str, int]:
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


def _chart(
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


def _settings(call: Call) -> str:
    """Everything in the provenance and metadata that has no line of its own, as readable JSON."""
    settings = {} if call.provenance is None else dict(call.provenance.settings)
    body = {"settings": settings, "metadata": dict(call.metadata)}
    return json.dumps({k: v for k, v in body.items() if v}, ensure_ascii=False, indent=2, default=str)


# -- how values are written ----------------------------------------------------------------------


def clock(ms: int | None) -> str:
    """A time in the call: ``4:07``, ``1:02:09``; an en dash if there is none."""
    return "\N{EN DASH}" if ms is None else phrases.clock(ms)


def tone(polarity: float) -> str:
    """The step of the colour scale: ``n4`` (most negative) ... ``n1``, ``z``, ``p1`` ... ``p4``."""
    step = round(max(-1.0, min(1.0, polarity)) * 4)
    return "z" if step == 0 else f"{'n' if step < 0 else 'p'}{abs(step)}"


def feeling(polarity: float) -> str:
    """A polarity in words."""
    if abs(polarity) < 0.15:
        return "neutral"
    strength = "slightly " if abs(polarity) < 0.35 else "very " if abs(polarity) >= 0.75 else ""
    return strength + ("positive" if polarity > 0 else "negative")


def humanise(name: str) -> str:
    """``repeated_request`` as ``repeated request``."""
    return name.replace("_", " ").replace("-", " ")


def emotions(score: Score) -> list[tuple[str, float]]:
    """The emotions worth listing, most probable first."""
    found = [(name, p) for name, p in score.emotions.items() if p >= LISTED_EMOTION]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:8]


def felt(score: Score) -> list[tuple[str, float]]:
    """The one or two emotions shown at a glance: probable ones, and feeling nothing is none."""
    return [(name, p) for name, p in emotions(score) if p >= SHOWN_EMOTION and name != "neutral"][:2]


def sounded(voice: Prosody) -> str:
    """How the voice differed from its speaker's usual, in words; only what goes the way of the whole."""
    if voice.arousal is None:
        return f"voice not measured: {voice.unmeasured}"
    if abs(voice.arousal - 0.5) < USUAL_AROUSAL:
        return "voice about as usual"
    low = voice.arousal < 0.5
    sizes = {CUE_WORDS[name][low]: -z if low else z for name, z in voice.cues.items() if name in CUE_WORDS}
    words = [word for word in sorted(sizes, key=lambda w: -sizes[w]) if sizes[word] >= NOTICED_CUE]
    return f"voice {', '.join(words) or 'a little ' + ('calmer' if low else 'stronger')} than usual"


def pieces(said: Utterance) -> list[tuple[str, float | None]]:
    """The text in runs, each with the recogniser's probability if it is so low that it is to be marked."""
    texts = said.text.split()
    doubts = [w.probability if w.probability < UNCLEAR_WORD else None for w in said.words]
    if len(texts) != len(doubts) or not any(d is not None for d in doubts):
        return [(said.text, None)]
    runs: list[tuple[str, float | None]] = []
    for text, doubt in zip(texts, doubts, strict=True):
        if doubt is None and runs and runs[-1][1] is None:
            runs[-1] = (f"{runs[-1][0]} {text}", None)
        else:
            runs.append((text, doubt))
    return runs


# -- the page around them ------------------------------------------------------------------------


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sentiment.formats"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.filters |= {
        "clock": clock,
        "emotions": emotions,
        "feeling": feeling,
        "felt": felt,
        "humanise": humanise,
        "pieces": pieces,
        "signed": signed,
        "sounded": sounded,
        "tone": tone,
    }
    environment.globals |= {
        "SOURCES": SOURCES,
        "UNCLEAR_UTTERANCE": UNCLEAR_UTTERANCE,
        "UNSURE_ROLE": UNSURE_ROLE,
        "page_name": lambda call_id: quote(f"{file_stem(call_id)}.html", safe=""),
    }
    return environment


@cache
def _asset(name: str) -> str:
    return files("sentiment.formats").joinpath("templates", name).read_text(encoding="utf-8")


def _page(scripts: Sequence[str]) -> dict[str, object]:
    """Style and script, and the policy that lets exactly those two run."""
    style, script = _asset("report.css"), "".join(map(_asset, scripts))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "media-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return {"style": style, "script": script, "policy": policy}


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
