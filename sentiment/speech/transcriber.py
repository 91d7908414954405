"""Speech to text: the seam behind which the Whisper engines stand.

Both engines hear the same windows of speech (:mod:`sentiment.speech.windows`) and are cleaned up by
the same rules (:mod:`sentiment.speech.cleanup`); they differ only in who runs the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from sentiment.call import Model, Word
from sentiment.errors import UnknownModelError
from sentiment.speech.cleanup import cut_loops, drop_invented, is_looped, is_unheard
from sentiment.speech.windows import HeardWord, Window, pack, place, read_window, split_long
from sentiment.threads import processors
from sentiment.weights import find_whisper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sentiment.speech.activity import Audible
    from sentiment.timeline import Span

__all__ = [
    "Engine",
    "EngineName",
    "Heard",
    "Transcriber",
    "TranscriberOptions",
    "Transcript",
    "WindowTranscriber",
    "choose_language",
    "load_transcriber",
]

EngineName = Literal["faster-whisper", "openai-whisper"]

FALLBACK_LANGUAGE = "en"
LISTENED_TO = 2
"""So many windows, the longest of the first batch, tell a channel's language."""

ENOUGH_SPEECH_MS = 3_000
SURE_ENOUGH = 0.5
SURE_FROM_LITTLE = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """What was said on one channel.

    ``words`` are in order, do not overlap, and none is of zero length. ``language`` is an ISO 639-1
    code, ``None`` if there are no words; ``language_probability`` in [0, 1] is ``None`` if the language
    was given, or is the only one the model knows.
    """

    words: tuple[Word, ...]
    language: str | None
    language_probability: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriberOptions:
    """Which Whisper is run, and how.

    ``model`` is a name, path or hub id as :func:`sentiment.weights.find_whisper` takes them. ``device``
    is ``cpu``, ``cuda`` or ``auto``. ``compute_type`` is CTranslate2's (``int8``, ``float16`` ...);
    ``None`` means ``int8`` on a CPU and ``float16`` on a GPU; the openai-whisper engine computes in
    float32 on a CPU and float16 on a GPU. ``beam_size`` 1 is greedy. ``batch_size`` windows of 30 s are
    held at a time. ``threads`` ``None`` means one per core. ``language`` ``None`` means: listen for it.
    """

    model: str = "base"
    engine: EngineName = "faster-whisper"
    device: str = "cpu"
    compute_type: str | None = None
    beam_size: int = 1
    batch_size: int = 4
    threads: int | None = None
    language: str | None = None

    @property
    def n_threads(self) -> int:
        """The threads to use: those asked for, else the cores this process may use."""
        if self.threads is not None:
            return self.threads
        return processors()


class Transcriber(Protocol):
    """Turns the speech of one channel into words."""

    @property
    def model(self) -> Model:
        """The model and its revision, for a call's provenance."""

    def transcribe(
        self, recording: Audible, channel: int, spans: Iterable[Span], *, language: str | None = None
    ) -> Transcript:
        """What is said in ``spans`` of ``channel``; ``language`` is listened for if not given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What an engine makes of one window: its words and Whisper's own doubts.

    ``avg_logprob`` is the mean log probability of a token, ``no_speech_prob`` is in [0, 1].
    """

    words: tuple[HeardWord, ...]
    avg_logprob: float
    no_speech_prob: float


class Engine(Protocol):
    """A Whisper network. ``encode`` is the costly part, so its result serves the other two."""

    @property
    def languages(self) -> frozenset[str]:
        """The languages it knows; one if it is not multilingual."""

    def encode(self, sounds: Sequence[NDArray[np.float32]]) -> Any:
        """Encode sounds of at most 30 s each, float32 ``(n,)`` at 16 kHz."""

    def spoken(self, encoded: Any, which: Sequence[int]) -> Sequence[Mapping[str, float]]:
        """The probability of each language in the sounds numbered ``which`` of those encoded."""

    def decode(self, encoded: Any, durations_s: Sequence[float], language: str) -> Sequence[Heard]:
        """What is said in each sound."""


class WindowTranscriber:
    """A :class:`Transcriber` made of an engine: packs, decodes a batch at a time, cleans up.

    Memory does not grow with the length of the call.
    """

    def __init__(
        self, engine: Engine, model: Model, *, batch_size: int = 4, language: str | None = None
    ) -> None:
        """Take an engine that is loaded.

        Raises:
            UnknownModelError: the model does not know ``language``.
        """
        self.model = model
        self._engine = engine
        self._batch_size = batch_size
        self._language = language
        self._check(language)

    def transcribe(
        self, recording: Audible, channel: int, spans: Iterable[Span], *, language: str | None = None
    ) -> Transcript:
        """What is said in ``spans`` of ``channel``.

        Raises:
            UnknownModelError: the model does not know ``language``.
            AudioError: the recording cannot be read.
        """
        self._check(language)
        language, probability = language or self._language, None
        if len(self._engine.languages) == 1:
            (language,) = self._engine.languages
        windows = pack(split_long(recording, channel, spans))
        words: list[Word] = []
        for start in range(0, len(windows), self._batch_size):
            group = windows[start : start + self._batch_size]
            encoded = self._engine.encode([read_window(recording, channel, w) for w in group])
            if language is None:
                longest = sorted(range(len(group)), key=lambda i: group[i].duration_ms)[-LISTENED_TO:]
                language, probability = choose_language(
                    self._engine.spoken(encoded, longest), [group[i].duration_ms for i in longest]
                )
            heard = self._decode(encoded, group, language)
            for window, each in zip(group, heard, strict=True):
                words += self._believed(recording, channel, window, each, language)
        if not words:
            return Transcript(words=(), language=None, language_probability=None)
        return Transcript(words=cut_loops(words), language=language, language_probability=probability)

    def _decode(self, encoded: Any, windows: Sequence[Window], language: str) -> Sequence[Heard]:
        return self._engine.decode(encoded, [w.duration_ms / 1000 for w in windows], language)

    def _believed(
        self, recording: Audible, channel: int, window: Window, heard: Heard, language: str
    ) -> list[Word]:
        """The words of each span of a window, cleaned up; a window in which Whisper got stuck is heard
        in halves."""
        if is_unheard(heard.no_speech_prob, heard.avg_logprob):
            return []
        halves = window.halves()
        if len(halves) > 1 and is_looped("".join(word.text for word in heard.words)):
            found: list[Word] = []
            for half in halves:
                encoded = self._engine.encode([read_window(recording, channel, half)])
                (again,) = self._decode(encoded, (half,), language)
                found += self._believed(recording, channel, half, again, language)
            return found
        return [word for stretch in place(heard.words, window) for word in drop_invented(stretch)]

    def _check(self, language: str | None) -> None:
        if language is not None and language not in self._engine.languages:
            some = ", ".join(sorted(self._engine.languages)[:12])
            raise UnknownModelError(
                f"Whisper model {self.model.name!r}: it does not know the language {language!r}; "
                f"it knows {some}{' ...' if len(self._engine.languages) > 12 else ''}"
            )


def choose_language(heard: Sequence[Mapping[str, float]], durations_ms: Sequence[int]) -> tuple[str, float]:
    """The language of a channel from the probabilities of each of its windows.

    The probabilities are averaged, weighted by how much speech each window holds. Whisper is unsure
    of short sounds: with less than 3 s of speech the best must reach 0.8, else 0.5; if it does not,
    English is taken.

    Returns:
        The ISO 639-1 code and its mean probability in [0, 1].
    """
    total_ms = sum(durations_ms)
    mean: dict[str, float] = {}
    for probabilities, duration_ms in zip(heard, durations_ms, strict=True):
        for code, probability in probabilities.items():
            mean[code] = mean.get(code, 0.0) + probability * duration_ms / total_ms
    best = max(mean, key=lambda code: mean[code])
    needed = SURE_ENOUGH if total_ms >= ENOUGH_SPEECH_MS else SURE_FROM_LITTLE
    chosen = best if mean[best] >= needed else FALLBACK_LANGUAGE
    return chosen, min(1.0, mean.get(chosen, 0.0))


def load_transcriber(options: TranscriberOptions | None = None) -> Transcriber:
    """Load a Whisper model; it takes about a second for ``base``. Keep the result.

    Raises:
        UnknownModelError: no such model, engine or device, the engine is not installed, or the model
            does not know ``options.language``.
        CorruptModelError: a file of the model is missing or its checksum is wrong.
    """
    options = options or TranscriberOptions()
    if options.engine not in get_args(EngineName):
        raise UnknownModelError(
            f"speech engine {options.engine!r}: no such engine; use {' or '.join(get_args(EngineName))}"
        )
    files = find_whisper(options.model)
    engine: Engine
    if options.engine == "openai-whisper":
        from sentiment.speech.openai_whisper_engine import OpenAIWhisperEngine

        engine = OpenAIWhisperEngine(files, options)
    else:
        from sentiment.speech.faster_whisper_engine import FasterWhisperEngine

        engine = FasterWhisperEngine(files, options)
    return WindowTranscriber(
        engine,
        Model(task="transcribe", name=f"{options.engine} {files.name}", revision=files.revision),
        batch_size=options.batch_size,
        language=options.language,
    )
