"""Whisper by faster-whisper (CTranslate2): the default engine, int8 on a CPU.

faster-whisper's own pipelines cut and stretch words around the silence they remove; here it encodes,
decodes and aligns windows that hold no silence, and the times are brought back by us.

On a CPU the windows are shared out among threads, each with one core: CTranslate2 decodes more slowly
with two threads in one operation than with one, since a step of the decoder is short. There the encoder is
our own (:mod:`sentiment.speech.encoder`) wherever it is faster than CTranslate2's.
"""

from __future__ import annotations

import mmap
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sentiment.errors import CorruptModelError, UnknownModelError
from sentiment.speech.transcriber import Heard, TranscriberOptions
from sentiment.speech.windows import HeardWord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sentiment.speech.encoder import WhisperEncoder
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
        contents = files.read_all()
        self._n_workers = options.n_threads if options.device == "cpu" else 1
        try:
            self._whisper = WhisperModel(
                place,
                device=options.device,
                compute_type=compute_type,
                cpu_threads=1,
                num_workers=self._n_workers,
                files=contents or None,
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
        self._encoder: WhisperEncoder | None = None
        self._workers = ThreadPoolExecutor(self._n_workers)
        if options.device == "cpu" and options.compute_type in (None, "int8"):
            self._use_own_encoder(files, contents)

    def _use_own_encoder(self, files: WhisperFiles, contents: Mapping[str, bytes]) -> None:
        """Encode by ourselves where that is faster; CTranslate2 keeps its encoder in memory all the same."""
        from sentiment.speech.encoder import best_arithmetic, load_encoder
        from sentiment.threads import one_thread_each

        if (arithmetic := best_arithmetic()) is None:
            return
        binary = contents.get("model.bin") or _mapped(files)
        self._encoder = load_encoder(files.name, binary, arithmetic)
        self._workers = one_thread_each(self._n_workers)

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

        features = np.ascontiguousarray(pad_or_trim(self._whisper.feature_extractor(sound)[..., :-1]))
        if self._encoder is not None:
            import torch

            with torch.inference_mode():
                encoded: NDArray[np.float32] = self._encoder(torch.from_numpy(features)[None]).numpy()
            return encoded
        view = StorageView.from_array(features[np.newaxis])
        return np.array(self._whisper.model.encode(view, to_cpu=True))

    def spoken(self, encoded: NDArray[np.float32], which: Sequence[int]) -> Sequence[Mapping[str, float]]:
        """The probability of each language in the sounds numbered ``which`` of those encoded."""
        from ctranslate2 import StorageView

        found = self._whisper.model.detect_language(StorageView.from_array(encoded[list(which)]))
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


def _mapped(files: WhisperFiles) -> bytes:
    """``model.bin`` of a model in a folder, of which only what is looked at is read from disk."""
    if files.path is None:
        return files.read("model.bin")
    with (files.path / "model.bin").open("rb") as file:
        return cast("bytes", mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _word(word: Mapping[str, Any]) -> HeardWord:
    return HeardWord(
        text=word["word"],
        start_s=float(word["start"]),
        end_s=float(word["end"]),
        probability=float(word["probability"]),
    )
