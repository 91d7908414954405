"""Filters on timing: who speaks when, how fast, and when nobody does.

The measures are those of :mod:`sentiment.characteristics`. A call without times has no hits here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from sentiment.characteristics import announced_by, overtalk, response_latencies, silences, words_per_minute
from sentiment.phrases import quote, speaker
from sentiment.rules.felt import Words, between, some_limit, utterance_hit
from sentiment.rules.values import Hit, Seconds, Within

if TYPE_CHECKING:
    from sentiment.call import Utterance
    from sentiment.characteristics import Interruption
    from sentiment.rules.seen import Seen
    from sentiment.timeline import Span

__all__ = [
    "InterruptionFilter",
    "NonTalkFilter",
    "OvertalkFilter",
    "Party",
    "ResponseLatencyFilter",
    "TalkSpeedFilter",
]

Party = Literal["customer", "agent", "ivr", "any"]

_FULL_OVERLAP_S = 10.0
_FULL_SILENCE_S = 60.0
_FULL_LATENCY_S = 20.0
"""So long an overlap, a silence and a wait for an answer have strength 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InterruptionFilter:
    """A party starts while the other speaks and goes on until the other stops. ``role`` interrupts.

    ``min_s`` and ``max_s`` are of the overlap. Strength: the overlap, 1 from ten seconds.
    """

    name: ClassVar[str] = "interruption"
    tells: ClassVar[tuple[str, ...]] = ("interrupted",)
    role: Party = "any"
    min_s: Seconds = 1.0

    def find(self, seen: Seen) -> list[Hit]:
        """One hit an interruption, at the utterance that interrupts."""
        return [
            self._hit(seen, each)
            for each in seen.interruptions
            if self.role in ("any", each.interrupter) and each.duration_ms >= self.min_s * 1000
        ]

    def _hit(self, seen: Seen, each: Interruption) -> Hit:
        u = seen.call.utterances[each.utterance_index]
        cut = seen.call.utterances[each.interrupted_index]
        overlap_s = each.duration_ms / 1000
        return Hit(
            first=u.index, last=u.index, role=u.role, start_ms=each.start_ms, end_ms=each.end_ms,
            utterances=tuple(sorted({u.index, cut.index})), strength=min(1.0, overlap_s / _FULL_OVERLAP_S),
            numbers={"overlap_s": overlap_s}, words={"interrupted": quote(cut.text)},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class OvertalkFilter:
    """Two parties speak at once, whoever began. Strength: how long, 1 from ten seconds."""

    name: ClassVar[str] = "overtalk"
    tells: ClassVar[tuple[str, ...]] = ()
    min_s: Seconds = 1.0

    def find(self, seen: Seen) -> list[Hit]:
        """One hit a stretch; told by the utterance that began it."""
        long = [s for s in overtalk(seen.call) if s.duration_ms >= self.min_s * 1000]
        return [self._hit(seen, span) for span in long]

    def _hit(self, seen: Seen, span: Span) -> Hit:
        both = [
            u
            for u, spoken in zip(seen.call.utterances, seen.spoken, strict=True)
            if any(s.start_ms < span.end_ms and span.start_ms < s.end_ms for s in spoken)
        ]
        u = max(both, key=lambda each: (each.start_ms or 0, each.index))
        return Hit(
            first=u.index, last=u.index, role=u.role, start_ms=span.start_ms, end_ms=span.end_ms,
            utterances=tuple(each.index for each in both),
            strength=min(1.0, span.duration_ms / 1000 / _FULL_OVERLAP_S),
            numbers={"overlap_s": span.duration_ms / 1000},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class NonTalkFilter:
    """Nobody speaks, between the first word and the last. Strength: how long, 1 from a minute.

    ``announced``: only silences that the centre announced ("one moment, please"), or with ``false``
    only those it did not (dead air); both kinds if left out.
    """

    name: ClassVar[str] = "non_talk"
    tells: ClassVar[tuple[str, ...]] = ("what",)
    min_s: Annotated[float, Within(1)] = 3.0
    announced: bool | None = None

    def find(self, seen: Seen) -> list[Hit]:
        """One hit a silence, told by what was said before it: the announcement, or the last thing."""
        ends = {span.end_ms: i for i, spoken in enumerate(seen.spoken) for span in spoken}
        hits = []
        for silence in silences(seen.call):
            if silence.start_ms not in ends or silence.duration_ms < self.min_s * 1000:
                continue
            last = seen.call.utterances[ends[silence.start_ms]]
            announcement = announced_by(seen.call, silence)
            if self.announced in (None, announcement is not None):
                hits.append(self._hit(silence, announcement or last, held=announcement is not None))
        return hits

    def _hit(self, silence: Span, before: Utterance, *, held: bool) -> Hit:
        silence_s = silence.duration_ms / 1000
        what = "the customer was kept waiting" if held else "no words were heard"
        return Hit(
            first=before.index, last=before.index, role=before.role,
            start_ms=silence.start_ms, end_ms=silence.end_ms, utterances=(before.index,),
            strength=min(1.0, silence_s / _FULL_SILENCE_S),
            numbers={"silence_s": silence_s, **({"hold_s": silence_s} if held else {})},
            words={"what": what},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkSpeedFilter:
    """Turns by words a minute of speech; a turn of few words has no speed. Strength: none."""

    name: ClassVar[str] = "talk_speed"
    tells: ClassVar[tuple[str, ...]] = ("words_per_minute",)
    role: Party = "any"
    at_least: Annotated[float, Within(0)] | None = None
    at_most: Annotated[float, Within(0)] | None = None
    min_words: Words = 15

    def __post_init__(self) -> None:
        some_limit(self.at_least, self.at_most)

    def find(self, seen: Seen) -> list[Hit]:
        """One hit a turn."""
        hits = []
        for turn in seen.turns:
            if self.role not in ("any", turn.role) or turn.n_words < self.min_words:
                continue
            said = [seen.call.utterances[i] for i in turn.utterances]
            speed = words_per_minute(said)
            if speed is not None and between(speed, self.at_least, self.at_most):
                hits.append(turn_hit(said, {"words_per_minute": speed}, {"words_per_minute": f"{speed:.0f}"}))
        return hits


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseLatencyFilter:
    """The silence before ``role`` answers the other party. Strength: how long, 1 from twenty seconds."""

    name: ClassVar[str] = "response_latency"
    tells: ClassVar[tuple[str, ...]] = ("asked", "asker")
    role: Party = "any"
    min_s: Seconds = 3.0

    def find(self, seen: Seen) -> list[Hit]:
        """One hit an answer; its time is that of the silence before it."""
        hits = []
        for each in response_latencies(seen.call):
            u, before = seen.call.utterances[each.utterance_index], seen.call.utterances[each.after_index]
            if self.role not in ("any", u.role) or each.latency_ms < self.min_s * 1000 or u.start_ms is None:
                continue
            end_ms = min((s.start_ms for s in seen.spoken[u.index]), default=u.start_ms)
            start_ms = end_ms - each.latency_ms
            hits.append(
                Hit(
                    first=u.index, last=u.index, role=u.role, start_ms=start_ms, end_ms=end_ms,
                    utterances=tuple(sorted({before.index, u.index})),
                    strength=min(1.0, each.latency_ms / 1000 / _FULL_LATENCY_S),
                    numbers={"latency_s": each.latency_ms / 1000},
                    words={"asked": quote(before.text), "asker": speaker(before.role)},
                )
            )  # fmt: skip
        return hits


def turn_hit(said: list[Utterance], numbers: dict[str, float], words: dict[str, str]) -> Hit:
    """A hit that is a turn; it quotes all of it."""
    first, last = said[0], said[-1]
    if len(said) == 1:
        return utterance_hit(first, numbers=numbers, words=words)
    ends = [u.end_ms for u in said if u.end_ms is not None]
    return Hit(
        first=first.index, last=last.index, role=first.role,
        start_ms=first.start_ms, end_ms=max(ends, default=None),
        utterances=tuple(u.index for u in said), numbers=numbers,
        words={"quote": quote(" ".join(u.text for u in said)), **words},
    )  # fmt: skip
