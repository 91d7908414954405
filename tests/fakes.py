"""Stand-ins for the engines, and quiet recordings. Import with ``from fakes import fake_analyser``.

Not in ``conftest.py``: there are several of that name, and a test could only import the last one loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from factories import score

from sentiment.audio import SAMPLE_RATE_HZ, Recording
from sentiment.call import Model, Score, Utterance, Word
from sentiment.pipeline import Analyser
from sentiment.speech.transcriber import Transcript

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass
class FakeTranscriber:
    """Says what it is told to, for each channel; counts how often it was asked."""

    said: Mapping[int, Sequence[tuple[str, int]]]
    language: str | None = "en"
    model: Model = field(default=Model(task="transcribe", name="fake-whisper", revision="0"))
    n_asked: int = 0

    def transcribe(self, recording, channel, spans, *, language=None):
        """Each phrase's words, 300 ms apart, from its start."""
        self.n_asked += 1
        words = tuple(
            Word(text=word, start_ms=start + 300 * i, end_ms=start + 300 * i + 250, probability=0.9)
            for phrase, start in self.said.get(channel, ())
            for i, word in enumerate(phrase.split())
        )
        return Transcript(words=words, language=self.language, language_probability=0.99)


@dataclass
class FakeScorer:
    """Reads the words good and bad, and counts how often it was asked."""

    model: Model = field(default=Model(task="score", name="fake-affect", revision="1"))
    languages: tuple[str, ...] = ("en",)
    n_asked: int = 0

    def scorable(self, text: str) -> str | None:
        return None if any(c.isalnum() for c in text) else "no words in it"

    def score(self, utterances: Sequence[Utterance]) -> tuple[Score, ...]:
        self.n_asked += 1
        return tuple(score(0.8 * ("good" in u.text) - 0.8 * ("bad" in u.text)) for u in utterances)


def fake_analyser(transcriber: FakeTranscriber | None = None, scorer: FakeScorer | None = None) -> Analyser:
    transcriber, scorer = transcriber or FakeTranscriber({}), scorer or FakeScorer()
    return Analyser(transcriber=lambda: transcriber, scorer=lambda: scorer)


def quiet_recording(n_channels: int = 2, seconds: float = 20.0, name: str = "call.wav") -> Recording:
    """Faint noise, another on each channel."""
    noise = np.random.default_rng(0).normal(0, 1e-3, (n_channels, int(seconds * SAMPLE_RATE_HZ)))
    return Recording.from_samples(noise.astype(np.float32), SAMPLE_RATE_HZ, name=name)
