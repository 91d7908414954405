"""Whisper by faster-whisper (CTranslate2): the default engine, int8 on a CPU.

faster-whisper's own pipelines cut and stretch words around the silence they remove; here it encodes,
decodes and aligns windows that hold no silence, and the times are brought back by us.

On a CPU the windows are shared out among threads, each with one core: CTranslate2 decodes more slowly
with two threads in one operation than with one, since a step of the decoder is short.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.errors import CorruptModelError, UnknownModelError
from sentiment.speech.transcriber import Heard, TranscriberOptions
from sentiment.speech.windows import HeardWord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sentiment.weights import WhisperFiles

__all__ = ["FasterWhisperEngine"]

PREPENDED = "\"'“¿([{-"
APPENDED = "\"'.。,，!！?？:：”)]}、"


class FasterWhisperEngine:
    """An :class:`~sentiment.speech.transcriber.Engine` on CTranslate2."""

    def __init__(self, files: WhisperFiles, options: TranscriberOptions) -> None:
        """Load the model.

        Raises:
            UnknownModelError: the model is an openai-whisper checkpoint, or the device or compute type
                cannot be had here.
            CorruptModelError: the files are not a CTranslate2 Whisper, or a sum is wrong.
        """
        from faster_whisper import WhisperModel

        if files.layout != "ctranslate2":
            raise UnknownModelError(
                f"Whisper model {files.name!r}: a .pt checkpoint runs on the openai-whisper engine only"
            )
        place = files.name if files.path is None else str(files.path)
        compute_type = options.compute_type or ("int8" if options.device == "cpu" else "auto")
        self._n_workers = options.n_threads if options.device == "cpu" else 1
        try:
            self._whisper = WhisperModel(
                place,
                device=options.device,
                compute_type=compute_type,
                cpu_threads=1,
                num_workers=self._n_workers,
                files=files.read_all() or None,
            )
        except ValueError as error:
            raise UnknownModelError(
                f"Whisper model {files.name!r}: cannot run on {options.device} as {compute_type} ({error})"
            ) from None
        except RuntimeError as error:
            if options.device != "cpu" and "CUDA" in str(error):
                raise UnknownModelError(
                    f"device {options.device!r}: cannot be used here ({error}); use --device cpu"
                ) from None
            why = " ".join(str(error).split())[:120]
            raise CorruptModelError(
                f"Whisper model {files.name!r}: CTranslate2 cannot load it ({why}); fetch it again"
            ) from None
        self._beam_size = options.beam_size
        self._workers = ThreadPoolExecutor(self._n_workers)

    @property
    def languages(self) -> frozenset[str]:
        """The languages the model knows."""
        return frozenset(self._whisper.supported_languages)

    def encode(self, sounds: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Encode sounds of at most 30 s each; float32 ``(n, 1500, n_state)``.

        Each is followed by silence up to 30 s. Less would cost less, but then Whisper hears a word in a
        ringing tone.
        """
        return np.concatenate(list(self._workers.map(self._encode, sounds)))

    def _encode(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        from ctranslate2 import StorageView
        from faster_whisper.audio import pad_or_trim

        features = pad_or_trim(self._whisper.feature_extractor(sound)[..., :-1])
        view = StorageView.from_array(np.ascontiguousarray(features[np.newaxis]))
        return np.array(self._whisper.model.encode(view, to_cpu=True))

    def spoken(self, encoded: NDArray[np.float32]) -> Sequence[Mapping[str, float]]:
        """For each sound the probability of each language."""
        from ctranslate2 import StorageView

        found = self._whisper.model.detect_language(StorageView.from_array(encoded))
        return [{token[2:-2]: float(probability) for token, probability in each} for each in found]

    def decode(
        self, encoded: NDArray[np.float32], durations_s: Sequence[float], language: str
    ) -> Sequence[Heard]:
        """What is said in each sound, decoded without timestamps, aligned by cross attention."""
        shares = np.array_split(np.arange(len(durations_s)), min(self._n_workers, len(durations_s)))
        heard = self._workers.map(
            lambda share: self._decode(encoded[share], [durations_s[i] for i in share], language), shares
        )
        return [each for share in heard for each in share]

    def _decode(
        self, encoded: NDArray[np.float32], durations_s: Sequence[float], language: str
    ) -> list[Heard]:
        from ctranslate2 import StorageView
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens, merge_punctuations

        whisper = self._whisper
        tokenizer = Tokenizer(
            whisper.hf_tokenizer, whisper.model.is_multilingual, task="transcribe", language=language
        )
        view = StorageView.from_array(encoded)
        results = whisper.model.generate(
            view,
            [whisper.get_prompt(tokenizer, [], without_timestamps=True)] * len(durations_s),
            beam_size=self._beam_size,
            max_length=whisper.max_length,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [[t for t in result.sequences_ids[0] if t < tokenizer.eot] for result in results]
        frames = [min(3000, round(s * whisper.frames_per_second)) for s in durations_s]
        aligned = whisper.find_alignment(tokenizer, tokens, view, frames)
        for words in aligned:
            merge_punctuations(words, PREPENDED, APPENDED)
        return [
            Heard(
                words=tuple(_word(word) for word in words if word["word"]),
                avg_logprob=float(result.scores[0]),
                no_speech_prob=float(result.no_speech_prob),
            )
            for words, result in zip(aligned, results, strict=True)
        ]


def _word(word: Mapping[str, Any]) -> HeardWord:
    return HeardWord(
        text=word["word"],
        start_s=float(word["start"]),
        end_s=float(word["end"]),
        probability=float(word["probability"]),
    )
