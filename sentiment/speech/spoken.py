"""When each of two voices on one channel speaks, not only which words are theirs.

Every moment is first given to a voice: a word's time to whose word it is, what lies between (an "um" the
recogniser left out, a laugh) by how it sounds, a change being likeliest in silence. Then each voice is
listened to as if on a channel of its own, the other's moments silenced, by the detector that finds
speech on the channels of a stereo call: on a mono call people speak when they would in stereo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.speech.activity import SAMPLES_PER_MS, speech_spans
from sentiment.timeline import Span, clip, union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sentiment.call import Word
    from sentiment.speech.activity import ActivityOptions, Audible
    from sentiment.speech.embedding import Voiceprints

__all__ = ["moments", "spoken"]

STEP_MS = 20
WORD_NATS = 1.0
"""What a word's inner part says for its voice, per step; its edges, which recognisers misjudge, nothing."""
WORD_EDGE_MS = 100
LONGEST_WORD_MS = 1500
CHANGE_IN_SPEECH = -6.0
CHANGE_IN_SILENCE = -1.0
"""Log odds that the voice changes from one step to the next."""
HEARD_MS = 100
"""An embedding speaks for the moments this near."""


def spoken(
    recording: Audible,
    words: Sequence[Word],
    agent: NDArray[np.bool_],
    steps: NDArray[np.bool_],
    options: ActivityOptions | None = None,
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """When the agent and when the customer speaks on the first channel; both may at once.

    Args:
        recording: what was listened to.
        words: in order of time, at least one.
        agent: bool (n_words,), whether a word is the agent's.
        steps: bool (n_steps,), whether each step of :func:`moments` is the agent's.
        options: how speech is detected; as for a channel of its own.

    Raises:
        AudioError: the recording cannot be read.
    """
    found = []
    for whose, mine in ((agent, steps), (~agent, ~steps)):
        alone = _Alone(recording, _runs(mine, recording.duration_ms))
        said = (Span(w.start_ms, w.end_ms) for w, m in zip(words, whose, strict=True) if m)
        found.append(union([*speech_spans(alone, 0, options), *said]))
    return found[0], found[1]


def moments(
    duration_ms: int,
    words: Sequence[Word],
    agent: NDArray[np.bool_],
    speech: Sequence[Span],
    prints: Voiceprints,
    sound: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log odds (n_steps,) that each step of 20 ms is the agent's, and (n_steps - 1, 2) of a change after it.

    Args:
        duration_ms: the recording's length.
        words: in order of time.
        agent: bool (n_words,), whether a word is the agent's.
        speech: where anyone speaks.
        prints: what the channel sounds like over time.
        sound: log odds (n_prints,) in nats per 0.1 s that the agent is heard.
    """
    at_ms = np.arange(0, duration_ms + 1, STEP_MS)
    odds = np.zeros(len(at_ms))
    if len(prints.at_ms):
        after = np.searchsorted(prints.at_ms, at_ms).clip(1, max(1, len(prints.at_ms) - 1))
        after = np.minimum(after, len(prints.at_ms) - 1)
        before = np.maximum(after - 1, 0)
        nearer = np.abs(prints.at_ms[before] - at_ms) < np.abs(prints.at_ms[after] - at_ms)
        near = np.where(nearer, before, after)
        heard = np.abs(prints.at_ms[near] - at_ms) <= HEARD_MS
        odds += np.where(heard, sound[near], 0.0) * STEP_MS / 100
    for word, is_agent in zip(words, agent.tolist(), strict=True):
        end_ms = min(word.end_ms, word.start_ms + LONGEST_WORD_MS)
        middle_ms = (word.start_ms + end_ms) // 2
        first = min(word.start_ms + WORD_EDGE_MS, middle_ms) // STEP_MS
        last = max(end_ms - WORD_EDGE_MS, middle_ms) // STEP_MS
        odds[first : last + 1] += WORD_NATS if is_agent else -WORD_NATS
    change = np.full((len(at_ms) - 1, 2), CHANGE_IN_SILENCE)
    for span in speech:
        change[span.start_ms // STEP_MS : span.end_ms // STEP_MS] = CHANGE_IN_SPEECH
    return odds, change


def _runs(mine: NDArray[np.bool_], duration_ms: int) -> tuple[Span, ...]:
    """The spans of a voice's steps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mine, [False]]).astype(np.int8))) * STEP_MS
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return tuple(Span(start, min(end, duration_ms)) for start, end in pairs if start < duration_ms)


class _Alone(NamedTuple):
    """A recording of which only ``spans`` are heard, the rest being silence."""

    recording: Audible
    spans: Sequence[Span]

    @property
    def duration_ms(self) -> int:
        return self.recording.duration_ms

    def read(self, channel: int, span: Span | None = None) -> NDArray[np.float32]:
        whole = span or Span(0, self.duration_ms)
        samples = self.recording.read(channel, whole)
        heard = np.zeros_like(samples)
        for start_ms, end_ms in clip(self.spans, whole):
            part = slice(
                (start_ms - whole.start_ms) * SAMPLES_PER_MS, (end_ms - whole.start_ms) * SAMPLES_PER_MS
            )
            heard[part] = samples[part]
        return heard
