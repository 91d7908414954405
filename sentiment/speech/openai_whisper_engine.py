"""Whisper by openai-whisper (torch): the second engine, on the same weights as the first.

It is given the same windows; only the network's arithmetic and the decoder are another's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sentiment.errors import CorruptModelError, UnknownModelError
from sentiment.speech.ct2_checkpoint import load_openai_model
from sentiment.speech.transcriber import Heard, TranscriberOptions
from sentiment.speech.windows import HeardWord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sentiment.weights import WhisperFiles

__all__ = ["OpenAIWhisperEngine"]

PREPENDED = "\"'“¿([{-"
APPENDED = "\"'.。,，!！?？:：”)]}、"


class _Encoded(NamedTuple):
    """The log-Mel spectra, ``(n, n_mels, 3000)``, which the aligner wants, and the encoder's output."""

    mel: Any
    features: Any


class OpenAIWhisperEngine:
    """An :class:`~sentiment.speech.transcriber.Engine` on torch."""

    def __init__(self, files: WhisperFiles, options: TranscriberOptions) -> None:
        """Load the model; a CTranslate2 model's weights are converted on the way.

        Raises:
            UnknownModelError: openai-whisper is not installed.
            CorruptModelError: the files are not a Whisper, or a sum is wrong.
        """
        try:
            import torch
            import whisper
        except ImportError:
            raise UnknownModelError(
                "speech engine 'openai-whisper': not installed; run: pip install openai-whisper"
            ) from None
        device = options.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device != "cpu" and not torch.cuda.is_available():
            raise UnknownModelError(
                f"speech engine 'openai-whisper': there is no {device} device here; use cpu"
            )
        if device == "cpu":
            torch.set_num_threads(options.n_threads)
        if files.layout == "openai":
            try:
                self._whisper = whisper.load_model(str(files.path), device=device)
            except (RuntimeError, KeyError, EOFError, OSError) as error:
                why = " ".join(str(error).split())[:120]
                raise CorruptModelError(
                    f"Whisper model {files.name!r}: torch cannot load it ({why}); fetch it again"
                ) from None
        else:
            self._whisper = load_openai_model(files, device=device)
        self._fp16 = device != "cpu"
        self._beam_size = options.beam_size

    @property
    def languages(self) -> frozenset[str]:
        """The languages the model knows."""
        from whisper.tokenizer import LANGUAGES

        if not self._whisper.is_multilingual:
            return frozenset({"en"})
        return frozenset(list(LANGUAGES)[: self._whisper.num_languages])

    def encode(self, sounds: Sequence[NDArray[np.float32]]) -> _Encoded:
        """Encode sounds of at most 30 s each."""
        import torch
        from whisper.audio import log_mel_spectrogram, pad_or_trim

        n_mels = self._whisper.dims.n_mels
        mel = torch.stack([log_mel_spectrogram(pad_or_trim(sound), n_mels) for sound in sounds])
        mel = mel.to(self._whisper.device)
        with torch.inference_mode():
            return _Encoded(mel, self._whisper.embed_audio(mel.half() if self._fp16 else mel))

    def spoken(self, encoded: _Encoded, which: Sequence[int]) -> Sequence[Mapping[str, float]]:
        """The probability of each language in the sounds numbered ``which`` of those encoded."""
        import torch

        with torch.inference_mode():
            _, probabilities = self._whisper.detect_language(encoded.features[list(which)])
        found: Sequence[Mapping[str, float]] = probabilities
        return found

    def decode(self, encoded: _Encoded, durations_s: Sequence[float], language: str) -> Sequence[Heard]:
        """What is said in each sound, decoded without timestamps, aligned by cross attention."""
        from whisper.decoding import DecodingOptions
        from whisper.tokenizer import get_tokenizer

        whisper = self._whisper
        options = DecodingOptions(
            language=language,
            beam_size=self._beam_size if self._beam_size > 1 else None,
            without_timestamps=True,
            fp16=self._fp16,
        )
        tokenizer = get_tokenizer(
            whisper.is_multilingual, num_languages=whisper.num_languages, language=language, task="transcribe"
        )
        return [
            Heard(
                words=self._aligned(tokenizer, result.tokens, mel, round(seconds * 100)),
                avg_logprob=float(result.avg_logprob),
                no_speech_prob=float(result.no_speech_prob),
            )
            for result, mel, seconds in zip(
                whisper.decode(encoded.features, options), encoded.mel, durations_s, strict=True
            )
        ]

    def _aligned(
        self, tokenizer: Any, tokens: Sequence[int], mel: Any, n_frames: int
    ) -> tuple[HeardWord, ...]:
        from whisper.timing import find_alignment, merge_punctuations

        text = [token for token in tokens if token < tokenizer.eot]
        words = find_alignment(self._whisper, tokenizer, text, mel, min(3000, n_frames))
        merge_punctuations(words, PREPENDED, APPENDED)
        return tuple(
            HeardWord(
                text=word.word,
                start_s=float(word.start),
                end_s=float(word.end),
                probability=float(word.probability),
            )
            for word in words
            if word.word
        )
