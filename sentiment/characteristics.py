"""Who spoke when: talk time, silence, overtalk, interruptions, speed and latency of a call.

Everything rests on :func:`speech`, the time in which an utterance's words are spoken, so that the
parts add up to the millisecond. Names and meanings are those of Amazon Transcribe Call Analytics
(https://docs.aws.amazon.com/transcribe/latest/dg/tca-output-batch.html); where its documentation is
silent, they were read off its published examples, or chosen:

=================  ===============================================================================
talk time          sum of each participant's speech, with pauses of up to ``pause_s`` between the words of
                   an utterance: those at which our utterances are not parted, since Transcribe
                   counts whole turns
conversation       from 0 to the end of the last word, as in both published examples
non-talk time      silences longer than ``non_talk_s``; 3 s, as its guide to Contact Lens has it
dead air           silences longer than ``dead_air_s`` that the centre did not announce (a hold), after
                   the first word and before the last. Not in Transcribe; the limit and the exception
                   are usual in quality assurance (Observe.AI, 2021).
overtalk           at least two participants speak. Not in Transcribe.
interruption       "one participant cuts off the other participant midsentence": starts while the
                   other speaks, with ``interruption_words`` or more (an "mm-hm" is none), they overlap
                   for at least ``interruption_s`` (turns often overlap by less), and the other
                   stops first. Its instance is the overlap.
talk speed         words / talk time of the participant, so without the longer pauses, as nobody talks in
                   them; this reproduces Contact Lens's published example
response latency   silence from the end of one participant's speech to the start of another's. An
                   answer that starts before that end has none. Not in Transcribe.
=================  ===============================================================================

Who goes when (interruptions, latency) is told by runs of speech without a pause longer than a breath,
:data:`BREATH_MS`, whatever ``pause_s`` is: who starts in the other's pause does not start while they speak.
A recorded voice (``ivr``) counts as talk, but neither interrupts, nor is interrupted, nor answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, NamedTuple

from sentiment import wording
from sentiment.errors import ConversationError
from sentiment.measures import (
    Characteristics,
    Interruption,
    Interruptions,
    Latency,
    Occurrences,
    ParticipantLatency,
    ParticipantSpeed,
    ParticipantTime,
    ResponseLatency,
    TalkSpeed,
    TalkTime,
)
from sentiment.phrases import find
from sentiment.timeline import Span, gaps, intersection, total_ms, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sentiment.call import Call, Utterance

__all__ = [
    "BREATH_MS",
    "Characteristics",
    "CharacteristicsOptions",
    "Interruption",
    "Latency",
    "announced_by",
    "characterise",
    "dead_air",
    "interruptions",
    "non_talk",
    "overtalk",
    "participant",
    "response_latencies",
    "silences",
    "speech",
    "uncharacterised",
    "words_per_minute",
]


BREATH_MS = 300
"""A pause of up to this long is part of speaking."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CharacteristicsOptions:
    """Thresholds, in seconds and words; the module says what each is for."""

    pause_s: float = 1.0
    non_talk_s: float = 3.0
    dead_air_s: float = 10.0
    interruption_s: float = 1.0
    interruption_words: int = 3

    @property
    def pause_ms(self) -> int:
        """``pause_s`` in milliseconds."""
        return round(self.pause_s * 1000)


DEFAULTS = CharacteristicsOptions()


def characterise(call: Call, options: CharacteristicsOptions = DEFAULTS) -> Characteristics:
    """All characteristics of a spoken call.

    Raises:
        ConversationError: :func:`uncharacterised` says why there are none.
    """
    if reason := uncharacterised(call):
        raise ConversationError(f"{call.id}: no characteristics can be measured: {reason}")
    by_participant = _by_participant(call, options)
    spoken = union(span for spans in by_participant.values() for span in spans)
    duration_ms, speech_ms = spoken[-1].end_ms, total_ms(spoken)
    talk_ms = {who: total_ms(spans) for who, spans in by_participant.items()}
    return Characteristics(
        total_conversation_duration_ms=duration_ms,
        speech_time_ms=speech_ms,
        silence_time_ms=duration_ms - speech_ms,
        talk_time=TalkTime(
            total_time_ms=sum(talk_ms.values()),
            details_by_participant={who: ParticipantTime(total_time_ms=ms) for who, ms in talk_ms.items()},
        ),
        non_talk_time=_occurrences(non_talk(call, options)),
        dead_air=_occurrences(dead_air(call, options)),
        overtalk=_occurrences(overtalk(call, options)),
        interruptions=_interruptions(call, options),
        talk_speed=TalkSpeed(
            details_by_participant={who: _speed(call, who, ms) for who, ms in talk_ms.items()}
        ),
        response_latency=_response_latency(call),
        note=_note(call),
    )


def uncharacterised(call: Call) -> str | None:
    """Why a call has no characteristics, or ``None`` if it has."""
    if not call.utterances:
        return "nothing is said"
    if not any(speech(u) for u in call.utterances):
        return "no utterance takes time, as in a text conversation"
    untimed = sum(u.start_ms is None or u.end_ms is None for u in call.utterances)
    if untimed:
        return f"{untimed} of its {len(call.utterances)} utterances have no times"
    return None


# -- the parts of a call's time --------------------------------------------------------------------


def speech(utterance: Utterance, *, pause_ms: int = BREATH_MS) -> tuple[Span, ...]:
    """When the utterance's words are spoken, with pauses of up to ``pause_ms`` between them.

    All of the utterance where it has no word times; nothing where it has no times at all.
    """
    if utterance.start_ms is None or utterance.end_ms is None:
        return ()
    words = union([(w.start_ms, w.end_ms) for w in utterance.words], join_ms=pause_ms)
    return words or union((Span(utterance.start_ms, utterance.end_ms),))


def participant(utterance: Utterance) -> str:
    """Who an utterance counts for: its role, or ``unknown_<channel>``, one each, where that is not known."""
    return f"unknown_{utterance.channel}" if utterance.role == "unknown" else utterance.role


def silences(call: Call, options: CharacteristicsOptions = DEFAULTS) -> tuple[Span, ...]:
    """All time in which nobody speaks, from 0 to the end of the last word."""
    spoken = union(span for u in call.utterances for span in speech(u, pause_ms=options.pause_ms))
    return gaps(spoken, Span(0, spoken[-1].end_ms)) if spoken else ()


def non_talk(call: Call, options: CharacteristicsOptions = DEFAULTS) -> tuple[Span, ...]:
    """Silences longer than ``non_talk_s``."""
    return tuple(s for s in silences(call, options) if s.duration_ms > options.non_talk_s * 1000)


def dead_air(call: Call, options: CharacteristicsOptions = DEFAULTS) -> tuple[Span, ...]:
    """Silences longer than ``dead_air_s`` that nobody announced, after the first word."""
    first_ms = min((s.start_ms for u in call.utterances for s in speech(u)), default=0)
    return tuple(
        s
        for s in silences(call, options)
        if s.duration_ms > options.dead_air_s * 1000
        and s.start_ms >= first_ms
        and announced_by(call, s) is None
    )


def announced_by(call: Call, silence: Span) -> Utterance | None:
    """The utterance in which the centre says that it will be away, just before ``silence``.

    It is one of the last three before it: "One moment, please." - "Okay." - silence.
    """
    before = [u for u in call.utterances if u.start_ms is not None and u.start_ms < silence.start_ms]
    asked = (u for u in reversed(before[-3:]) if u.role in ("agent", "ivr"))
    return next((u for u in asked if find(u.text, (wording.HOLD,))), None)


def overtalk(call: Call, options: CharacteristicsOptions = DEFAULTS) -> tuple[Span, ...]:
    """Time in which at least two participants speak.

    In a mono recording the recogniser hears one of two voices at a time, so most of it is lost.
    """
    spoken = list(_by_participant(call, options).values())
    pairs = ((a, b) for i, a in enumerate(spoken) for b in spoken[i + 1 :])
    return union(span for a, b in pairs for span in intersection(a, b))


def words_per_minute(
    utterances: Iterable[Utterance], options: CharacteristicsOptions = DEFAULTS
) -> float | None:
    """Words per minute of speech in one participant's utterances; ``None`` if they take no time."""
    utterances = list(utterances)
    spoken_ms = total_ms(span for u in utterances for span in speech(u, pause_ms=options.pause_ms))
    return _rate(_words(utterances), spoken_ms)


# -- who goes when ---------------------------------------------------------------------------------


class _Run(NamedTuple):
    """A participant's speech without a pause longer than a breath, and the first and last utterance in it."""

    start_ms: int
    end_ms: int
    who: str
    first: Utterance
    last: Utterance


def _runs(call: Call) -> list[_Run]:
    """Every participant's runs of speech but the recordings', in order of start."""
    pieces: dict[str, list[tuple[Span, Utterance]]] = {}
    for u in call.utterances:
        if u.role != "ivr":
            pieces.setdefault(participant(u), []).extend((span, u) for span in speech(u))
    runs: list[_Run] = []
    for who, spoken in pieces.items():
        spoken.sort(key=lambda piece: (piece[0], piece[1].index))
        mine: list[_Run] = []
        for span, u in spoken:
            if mine and span.start_ms <= mine[-1].end_ms + BREATH_MS:
                run = mine[-1]
                last = u if span.end_ms > run.end_ms else run.last
                mine[-1] = run._replace(end_ms=max(run.end_ms, span.end_ms), last=last)
            else:
                mine.append(_Run(span.start_ms, span.end_ms, who, u, u))
        runs += mine
    return sorted(runs, key=lambda run: (run.start_ms, run.end_ms, run.first.index))


def interruptions(call: Call, options: CharacteristicsOptions = DEFAULTS) -> tuple[Interruption, ...]:
    """Where one participant cuts off another, in order of time. Mono recordings: see :func:`overtalk`."""
    found: list[Interruption] = []
    speaking: list[_Run] = []
    for run in _runs(call):
        speaking = [other for other in speaking if other.end_ms > run.start_ms]
        cut = [
            other
            for other in speaking
            if other.who != run.who
            and other.start_ms < run.start_ms
            and options.interruption_s * 1000 <= other.end_ms - run.start_ms
            and other.end_ms <= run.end_ms
        ]
        speaking.append(run)
        if cut and len(run.first.text.split()) >= options.interruption_words:
            other = max(cut, key=lambda other: other.end_ms)
            found.append(
                Interruption(
                    interrupter=run.first.role,
                    utterance_index=run.first.index,
                    interrupted_index=other.last.index,
                    start_ms=run.start_ms,
                    end_ms=other.end_ms,
                )
            )
    return tuple(found)


def response_latencies(call: Call) -> tuple[Latency, ...]:
    """The silence before each answer, in order of time.

    An answer is the first speech after a silence, by another participant than the one who spoke last.
    """
    found: list[Latency] = []
    latest: _Run | None = None
    for run in _runs(call):
        if latest is not None and latest.who != run.who and latest.end_ms <= run.start_ms:
            found.append(
                Latency(
                    utterance_index=run.first.index,
                    after_index=latest.last.index,
                    latency_ms=run.start_ms - latest.end_ms,
                )
            )
        if latest is None or run.end_ms > latest.end_ms:
            latest = run
    return tuple(found)


# -- put together ----------------------------------------------------------------------------------


def _by_participant(call: Call, options: CharacteristicsOptions) -> dict[str, tuple[Span, ...]]:
    """When each participant speaks, in the order in which they first do."""
    spoken: dict[str, list[Span]] = {}
    for u in call.utterances:
        spoken.setdefault(participant(u), []).extend(speech(u, pause_ms=options.pause_ms))
    return {who: union(spans) for who, spans in spoken.items()}


def _occurrences(spans: tuple[Span, ...]) -> Occurrences:
    return Occurrences(total_time_ms=total_ms(spans), instances=spans)


def _interruptions(call: Call, options: CharacteristicsOptions) -> Interruptions:
    found = interruptions(call, options)
    by_interrupter: dict[str, tuple[Interruption, ...]] = {}
    for each in found:
        who = participant(call.utterances[each.utterance_index])
        by_interrupter[who] = (*by_interrupter.get(who, ()), each)
    return Interruptions(
        total_count=len(found),
        total_time_ms=sum(each.duration_ms for each in found),
        interruptions_by_interrupter=by_interrupter,
    )


def _response_latency(call: Call) -> ResponseLatency:
    by_participant: dict[str, list[int]] = {}
    for each in response_latencies(call):
        who = participant(call.utterances[each.utterance_index])
        by_participant.setdefault(who, []).append(each.latency_ms)
    details: Mapping[str, ParticipantLatency] = {
        who: ParticipantLatency(count=len(ms), median_ms=median_low(ms), longest_ms=max(ms))
        for who, ms in by_participant.items()
    }
    return ResponseLatency(details_by_participant=details)


def _speed(call: Call, who: str, talk_ms: int) -> ParticipantSpeed:
    words = _words(u for u in call.utterances if participant(u) == who)
    return ParticipantSpeed(average_words_per_minute=_rate(words, talk_ms), words=words, talk_time_ms=talk_ms)


def _words(utterances: Iterable[Utterance]) -> int:
    return sum(len(u.text.split()) for u in utterances)


def _rate(words: int, spoken_ms: int) -> float | None:
    return words * 60_000 / spoken_ms if spoken_ms else None


def _note(call: Call) -> str | None:
    if call.audio is None or call.audio.layout == "stereo":
        return None
    return (
        "Both voices are on one channel, where the recogniser writes down one of two that speak at once: "
        "overtalk and interruptions are the least there was."
    )
