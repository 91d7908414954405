"""The voice's part of intensity: how an utterance was said, against how its speaker usually speaks.

Nothing here was learned from voices. Five cues that rise with arousal in nearly every study of emotional
speech (Scherer 2003; Juslin & Laukka 2003; Laukka, Juslin & Bresin 2005) are measured as eGeMAPS does (Eyben
et al. 2016): loudness, pitch, the range of pitch, spectral balance (effort brightens a voice) and
rate. Each becomes a number of standard deviations above the speaker's own median in this call, so that
microphone, line gain, sex and habit drop out; their mean, weighted as below, gives the arousal:

    z        (value - his median) / his spread          each in [-3, 3]
    arousal  1 / (1 + exp(-1.7 mean of z))              0.5 is his usual

A line or codec with automatic gain control evens loudness out; balance and pitch then carry the rest.

By the EU AI Act, Article 5(1)(f), emotions of workers may not be inferred from their voice: only the
customer's is measured unless :class:`VoiceOptions` says otherwise, and a recorded voice never is.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sentiment.affect.pitch import STEP_MS, Track, track
from sentiment.call import Call, Prosody, Role, Utterance
from sentiment.timeline import Span, gaps, union

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sentiment.audio import Recording

__all__ = [
    "CUES",
    "Cue",
    "Measures",
    "VoiceOptions",
    "compare",
    "hear",
    "joined_intensity",
    "measure",
    "recall",
]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceOptions:
    """Whose voice is measured, and from how much of it.

    ``score_agent_voice`` lets everyone's be measured but a recorded voice's; it is logged and recorded.
    Else a channel's role has to be customer, and at least ``min_role_confidence`` sure, lest it be an
    agent's voice. An utterance needs ``min_voiced_ms`` of voice, a speaker ``min_utterances`` such.
    """

    score_agent_voice: bool = False
    min_role_confidence: float = 0.8
    min_voiced_ms: int = 200
    min_utterances: int = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """One way a voice shows arousal; all rise with it.

    ``weight`` is its part in the mean: loudness and pitch, which every study finds, count whole, the
    others half. ``spread`` is the standard deviation to expect between one speaker's utterances in a
    conversation, in the cue's unit; it stands in for his own where there is little of him.
    """

    weight: float
    spread: float


CUES: Mapping[str, Cue] = {
    "loudness": Cue(weight=1.0, spread=3.0),  # dB
    "pitch": Cue(weight=1.0, spread=2.0),  # semitones
    "pitch_range": Cue(weight=0.5, spread=1.5),  # semitones
    "balance": Cue(weight=0.5, spread=2.5),  # dB
    "rate": Cue(weight=0.5, spread=0.8),  # syllables per second
}

Measures = dict[str, float]
"""A cue's name to its value in the cue's unit; ``rate`` is missing where there is too little to count.
``voiced_s`` is beside them: how many seconds of voice they were measured on."""

_LARGEST_Z = 3.0
_PRIOR_UTTERANCES = 10
_PRIOR_VOICED_S = 0.5
_LEAST_SPREAD = 0.5
_TOO_QUIET_DB = -75.0
_QUIETEST_DB = 30.0
_STRAY_ST = 11.0  # so far from an utterance's median pitch is a mistake, mostly of an octave
_PAUSE_MS = 250
_RATE_FROM_MS = 800
_DIP_DB = 2.0
_PEAK_DEPTH_DB = 25.0
_MIN_PIECE_MS = 100
_OTHERS_MARGIN_MS = 100
_DECIMALS = 4


# -- one utterance -------------------------------------------------------------------------------


def measure(pieces: Sequence[NDArray[np.float32]], options: VoiceOptions | None = None) -> Measures | str:
    """What one utterance's voice is like, or in words why that cannot be told.

    Args:
        pieces: its sound, float32 ``(n,)`` in [-1, 1] at 16 kHz, parted where something was cut out.
    """
    options = options or VoiceOptions()
    heard = track(pieces)
    if not heard.level_db.size or heard.level_db.max() < _TOO_QUIET_DB:
        return "no sound in it"
    voiced = ~np.isnan(heard.pitch_st) & (heard.level_db > heard.level_db.max() - _QUIETEST_DB)
    if voiced.any():
        voiced &= np.abs(heard.pitch_st - np.median(heard.pitch_st[voiced])) < _STRAY_ST
    voiced_ms = int(voiced.sum()) * STEP_MS
    if voiced_ms < options.min_voiced_ms:
        return f"less than {options.min_voiced_ms / 1000:g} s of voice in it"
    low, high = np.percentile(heard.pitch_st[voiced], (20, 80))
    found = {
        "loudness": float(np.percentile(heard.level_db[voiced], 80)),
        "pitch": float(np.median(heard.pitch_st[voiced])),
        "pitch_range": float(high - low),
        "balance": float(np.median(heard.balance_db[voiced])),
        "voiced_s": voiced_ms / 1000,
    }
    rate = _rate(heard, voiced)
    return found if rate is None else {**found, "rate": rate}


def _rate(heard: Track, voiced: NDArray[np.bool_]) -> float | None:
    """Syllables a second, pauses left out; ``None`` for less than 0.8 s.

    A syllable is a voiced peak of the level with dips of 2 dB on either side (de Jong & Wempe 2009).
    """
    at = np.flatnonzero(voiced)
    steps = np.diff(at)
    speaking_ms = (1 + int(steps[steps * STEP_MS <= _PAUSE_MS].sum())) * STEP_MS
    if speaking_ms < _RATE_FROM_MS:
        return None
    smooth = np.convolve(np.pad(heard.level_db, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    nuclei = [p for p in _summits(smooth) if voiced[p] and smooth[p] > smooth.max() - _PEAK_DEPTH_DB]
    return 1000 * len(nuclei) / speaking_ms


def _summits(level_db: NDArray[np.float64]) -> list[int]:
    """Where the level is highest between two dips of at least 2 dB."""
    found: list[int] = []
    top = bottom = 0
    rising = True
    for i, level in enumerate(level_db.tolist()):
        if rising:
            if level > level_db[top]:
                top = i
            elif level < level_db[top] - _DIP_DB:
                found.append(top)
                rising, bottom = False, i
        elif level < level_db[bottom]:
            bottom = i
        elif level > level_db[bottom] + _DIP_DB:
            rising, top = True, i
    return [*found, top] if rising else found


# -- against the speaker's usual -----------------------------------------------------------------


def compare(
    measured: Sequence[Measures], options: VoiceOptions | None = None
) -> list[dict[str, float]] | str:
    """For each of one speaker's utterances its cues in standard deviations above his usual, in [-3, 3].

    His usual is the median. The spread is 1.4826 times the median absolute deviation, drawn towards the
    spread to be expected (its variance counts as ten utterances) and never less than half of that. It is
    widened by what is not known for sure: the median of few utterances (its variance is
    pi / 2n of one's) and values measured on little voice. A reason in words if there are too few.
    """
    options = options or VoiceOptions()
    if len(measured) < options.min_utterances:
        return f"fewer than {options.min_utterances} utterances to know the speaker's usual voice by"
    deviations: list[dict[str, float]] = [{} for _ in measured]
    for name, cue in CUES.items():
        values = np.array([m[name] for m in measured if name in m])
        if len(values) < options.min_utterances:
            continue
        usual, n = float(np.median(values)), len(values)
        own = 1.4826 * float(np.median(np.abs(values - usual)))
        mixed = (n * own**2 + _PRIOR_UTTERANCES * cue.spread**2) / (n + _PRIOR_UTTERANCES)
        spread = max(math.sqrt(mixed), _LEAST_SPREAD * cue.spread)
        for m, z in zip(measured, deviations, strict=True):
            if name in m:
                unsure = math.sqrt(1 + math.pi / 2 / n + _PRIOR_VOICED_S / m["voiced_s"])
                z[name] = max(-_LARGEST_Z, min(_LARGEST_Z, (m[name] - usual) / (spread * unsure)))
    return deviations


def arousal(cues: Mapping[str, float]) -> float:
    """Arousal in (0, 1) from cues in standard deviations; 1.7 brings the logistic near the normal curve."""
    total = sum(CUES[name].weight for name in cues)
    mean = sum(CUES[name].weight * z for name, z in cues.items()) / total
    return 1 / (1 + math.exp(-1.7 * mean))


def joined_intensity(text: float, voice: float) -> float:
    """Intensity in [0, 1] from what was said and how, each in [0, 1]; never falls when either rises.

    A voice at its usual (0.5) leaves the words' intensity as it is; one raised as far as can be closes 0.4
    of the way to 1, one as low as can be takes 0.2 off. In between the way goes with the square of
    the distance, since within half a standard deviation voices always move.
    """
    way = 2 * voice - 1
    return text + (1 - text) * 0.4 * way**2 if way > 0 else text * (1 - 0.2 * way**2)


# -- a call --------------------------------------------------------------------------------------


def hear(recording: Recording, call: Call, options: VoiceOptions | None = None) -> Call:
    """The scored call with the voice joined to the intensity of each utterance whose voice may be measured.

    What it rests on stands in ``Score.voice``. In a mono recording, time in which another voice has words
    is left out. Reads one utterance at a time.

    Args:
        recording: what the call was transcribed from.
        call: with scores whose intensity is that of the words.
    """
    options = options or VoiceOptions()
    if options.score_agent_voice:
        _LOG.warning("%s: %s", call.id, AGENT_WARNING)
    utterances = list(call.utterances)
    for channel in sorted({u.channel for u in utterances}):
        mine = [u for u in utterances if u.channel == channel and _may_hear(call, u, options)]
        for index, voice in _listen(recording, call, mine, options).items():
            utterances[index] = _joined(utterances[index], voice)
    return _told(replace(call, utterances=tuple(utterances)))


def recall(earlier: Call, call: Call, options: VoiceOptions | None = None) -> Call:
    """A call that was scored anew without its recording, with the voice as it was measured ``earlier``."""
    options = options or VoiceOptions()
    utterances = tuple(
        _joined(u, before.score.voice)
        if before.score and before.score.voice and _may_hear(call, u, options)
        else u
        for before, u in zip(earlier.utterances, call.utterances, strict=True)
    )
    return _told(replace(call, utterances=utterances))


AGENT_WARNING = (
    "The agent's voice was measured too (score_agent_voice is on); in the EU, inferring workers' emotions "
    "from their voice is prohibited (AI Act, Article 5(1)(f))."
)


def _told(call: Call) -> Call:
    """The call with the warning if it is true of it, and without it if not."""
    others = any(u.role != "customer" and u.score and u.score.voice for u in call.utterances)
    warnings = [w for w in call.warnings if w != AGENT_WARNING]
    return replace(call, warnings=(*warnings, *[AGENT_WARNING] * others))


def _may_hear(call: Call, utterance: Utterance, options: VoiceOptions) -> bool:
    allowed: set[Role] = {"customer", "agent", "unknown"} if options.score_agent_voice else {"customer"}
    if utterance.role not in allowed:
        return False
    known = [c.confidence for c in call.channels if c.index == utterance.channel and c.role == utterance.role]
    return options.score_agent_voice or min(known, default=0.0) >= options.min_role_confidence


def _listen(
    recording: Recording, call: Call, mine: Sequence[Utterance], options: VoiceOptions
) -> dict[int, Prosody]:
    """What one speaker's voice says in each of his scored utterances, by the utterance's index."""
    found = {u.index: measure(_sound(recording, call, u), options) for u in mine}
    measured = {index: m for index, m in found.items() if not isinstance(m, str)}
    compared = compare(list(measured.values()), options)
    cues = {} if isinstance(compared, str) else dict(zip(measured, compared, strict=True))
    voices = {}
    for u in mine:
        why = found[u.index] if u.index not in measured else compared
        if u.score is not None:
            z = cues.get(u.index)
            voices[u.index] = Prosody(
                arousal=None if z is None else round(arousal(z), _DECIMALS),
                cues={} if z is None else {name: round(value, 2) for name, value in z.items()},
                text_intensity=u.score.intensity,
                unmeasured=why if z is None and isinstance(why, str) else None,
            )
    return voices


def _sound(recording: Recording, call: Call, utterance: Utterance) -> list[NDArray[np.float32]]:
    """The utterance's samples; from a mono recording only where nobody else has a word."""
    if utterance.start_ms is None or utterance.end_ms is None:
        return []
    span = Span(utterance.start_ms, utterance.end_ms)
    if recording.n_channels > 1:
        return [recording.read(utterance.channel, span)]
    others = union(
        Span(w.start_ms - _OTHERS_MARGIN_MS, w.end_ms + _OTHERS_MARGIN_MS)
        for u in call.utterances
        if u.channel != utterance.channel and u.start_ms is not None and u.end_ms is not None
        if u.start_ms - _OTHERS_MARGIN_MS < span.end_ms and u.end_ms + _OTHERS_MARGIN_MS > span.start_ms
        for w in u.words
    )
    return [recording.read(0, s) for s in gaps(others, span) if s.duration_ms >= _MIN_PIECE_MS]


def _joined(utterance: Utterance, voice: Prosody) -> Utterance:
    """The utterance with its voice; its score is that of the words."""
    score = utterance.score
    if score is None:
        return utterance
    voice = replace(voice, text_intensity=score.intensity)
    intensity = score.intensity if voice.arousal is None else joined_intensity(score.intensity, voice.arousal)
    return replace(utterance, score=replace(score, intensity=round(intensity, _DECIMALS), voice=voice))
