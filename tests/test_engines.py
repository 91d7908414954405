"""The real engines, on the same weights: what they hear, that they agree, and that they invent nothing."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest
import sounds

from sentiment import samples
from sentiment.audio import Recording, open_recording
from sentiment.errors import CorruptModelError, UnknownModelError
from sentiment.evaluation import word_errors
from sentiment.speech.activity import speech_spans
from sentiment.speech.ct2_checkpoint import load_openai_model, read_variables
from sentiment.speech.faster_whisper_engine import FasterWhisperEngine
from sentiment.speech.transcriber import (
    EngineName,
    Transcriber,
    TranscriberOptions,
    Transcript,
    load_transcriber,
)
from sentiment.timeline import Span
from sentiment.weights import find_whisper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sentiment.call import Word

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ENGINES: tuple[EngineName, ...] = ("faster-whisper", "openai-whisper")

pytestmark = [
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning"),  # openai-whisper's
]


@cache
def _load(model: str, engine: EngineName = "faster-whisper") -> Transcriber:
    return load_transcriber(TranscriberOptions(model=model, engine=engine, threads=1))


def _shared(name: str) -> Recording:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path.name} is not on this machine")
    return open_recording(path)


def _hear(recording: Recording, transcriber: Transcriber) -> list[Transcript]:
    return [
        transcriber.transcribe(recording, c, speech_spans(recording, c)) for c in range(recording.n_channels)
    ]


@cache
def _call(model: str, engine: EngineName) -> tuple[Transcript, ...]:
    with _shared("calls/auto_repairs_40.stereo.flac") as recording:
        return tuple(_hear(recording, _load(model, engine)))


def _said(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words).lower()


def _rate(reference: str, heard: str) -> float:
    rate = word_errors(reference, heard).rate
    assert rate is not None
    return rate


# -- the same weights ----------------------------------------------------------------------------


def _random_whisper() -> tuple[object, object]:
    """A tiny random transformers Whisper and its CTranslate2 spec."""
    import torch
    from ctranslate2.converters.transformers import WhisperLoader
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(1)
    config = WhisperConfig(
        vocab_size=64, num_mel_bins=80, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, d_model=32, encoder_ffn_dim=128, decoder_ffn_dim=128,
        max_source_positions=1500, max_target_positions=20, pad_token_id=0, bos_token_id=1, eos_token_id=1,
        decoder_start_token_id=2,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    return model, WhisperLoader().get_model_spec(model.half())


@pytest.mark.parametrize(("quantization", "tolerance"), [("float32", 2e-2), ("float16", 2e-2), ("int8", 0.1)])
def test_converted_weights_compute_what_the_original_computes(
    tmp_path: Path, quantization: str, tolerance: float
) -> None:
    import torch

    original, spec = _random_whisper()
    spec.register_vocabulary([str(i) for i in range(64)])  # type: ignore[attr-defined]
    spec.validate()  # type: ignore[attr-defined]
    spec.optimize(quantization=quantization)  # type: ignore[attr-defined]
    spec._serialize(tmp_path / "model.bin")  # type: ignore[attr-defined]
    (tmp_path / "config.json").write_text('{"alignment_heads": [[1, 0]]}')
    (tmp_path / "tokenizer.json").write_text("{}")
    converted = load_openai_model(find_whisper(str(tmp_path)))
    mel, tokens = torch.randn(1, 80, 3000), torch.tensor([[2, 5, 9, 30]])
    with torch.inference_mode():
        expected = original.float()(input_features=mel, decoder_input_ids=tokens).logits  # type: ignore[attr-defined]
        found = converted(mel, tokens)
    assert converted.alignment_heads.to_dense().nonzero().tolist() == [[1, 0]]
    assert float((found - expected).abs().max()) < tolerance * float(expected.abs().max())


def test_what_is_no_ctranslate2_whisper_is_refused(tmp_path: Path) -> None:
    for file in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / file).write_bytes(b"\6\0\0\0\5\0what\0")
    with pytest.raises(CorruptModelError, match="not a CTranslate2 Whisper"):
        load_openai_model(find_whisper(str(tmp_path)))
    with pytest.raises(CorruptModelError, match="CTranslate2 cannot load it"):
        load_transcriber(TranscriberOptions(model=str(tmp_path), threads=1))


def test_every_variable_of_tiny_en_is_read() -> None:
    variables = read_variables(find_whisper("tiny.en").read("model.bin"))
    assert variables["decoder/embeddings/weight"].shape == (51864, 384)
    assert all(np.isfinite(values).all() for values in variables.values())


def test_a_checkpoint_needs_the_openai_engine(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"not torch's")
    options = TranscriberOptions(model=str(tmp_path / "mine.pt"), threads=1)
    with pytest.raises(UnknownModelError, match="runs on the openai-whisper engine only"):
        load_transcriber(options)


def test_the_language_must_be_one_the_model_knows() -> None:
    with pytest.raises(UnknownModelError, match="does not know the language 'de'"):
        load_transcriber(TranscriberOptions(model="tiny.en", language="de", threads=1))


# -- what they hear ------------------------------------------------------------------------------

LIMITS = {  # word error rate with tiny.en, with room for another processor's rounding
    "jfk.flac": 0.10,
    "stereo_diarization.wav": 0.25,
    "2412-153948-0000.flac": 0.15,
    "ES2011a.Headset-0-40s-46s.wav": 0.40,
    "commercial_mono.wav": 0.25,
}


@pytest.mark.shared
@pytest.mark.parametrize("file", LIMITS)
def test_word_error_rate_stays_below_what_was_measured(file: str) -> None:
    with _shared(f"asr/{file}") as recording:
        heard = [_said(t.words) for t in _hear(recording, _load("tiny.en"))]
    rows = [line.split("\t") for line in (DATA / "asr" / "references.tsv").read_text("utf-8").splitlines()]
    references = [row[2] for row in rows if row[0] == file]
    assert _rate(" ".join(references), " ".join(heard[: len(references)])) <= LIMITS[file]


@pytest.mark.shared
@pytest.mark.parametrize("engine", ENGINES)
def test_words_of_a_real_call_are_in_order_and_inside_speech(engine: EngineName) -> None:
    transcripts = _call("tiny.en", engine)
    with _shared("calls/auto_repairs_40.stereo.flac") as recording:
        for channel, transcript in enumerate(transcripts):
            spans = speech_spans(recording, channel)
            words = transcript.words
            assert len(words) > 200
            assert all(w.start_ms < w.end_ms for w in words)
            assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(words))
            assert all(any(s.start_ms <= w.start_ms and w.end_ms <= s.end_ms for s in spans) for w in words)
            assert all(0 <= w.probability <= 1 for w in words)


@pytest.mark.shared
def test_the_engines_agree_on_a_real_call() -> None:
    """Measured with tiny.en: they differ in 5.9 % of the agent's words and 6.3 % of the customer's."""
    first, second = _call("tiny.en", "faster-whisper"), _call("tiny.en", "openai-whisper")
    for ours, theirs in zip(first, second, strict=True):
        assert ours.language == theirs.language == "en"
        assert _rate(_said(theirs.words), _said(ours.words)) <= 0.12


@pytest.mark.shared
def test_the_call_is_heard_once() -> None:
    agent, customer = (_said(t.words) for t in _call("tiny.en", "faster-whisper"))
    assert "thank you for calling platinum motors" in agent
    assert "bring it in" in agent
    assert customer.count("my name's jack") <= 1
    assert customer.count("finalize the appointment") == 1


@pytest.mark.parametrize("model", ["base", "tiny.en"])
@pytest.mark.parametrize("name", sounds.SOUNDS)
def test_no_word_is_invented_for_sounds_of_the_telephone(name: str, model: str) -> None:
    with Recording.from_samples(sounds.SOUNDS[name](60)[None, :], 16_000, name) as recording:
        assert _hear(recording, _load(model))[0].words == ()


@pytest.mark.parametrize("model", ["base", "tiny.en"])
@pytest.mark.parametrize("name", sounds.SOUNDS)
def test_no_word_is_invented_even_if_it_is_taken_for_speech(name: str, model: str) -> None:
    with Recording.from_samples(sounds.SOUNDS[name](8)[None, :], 16_000, name) as recording:
        spans = (Span(0, 4_000), Span(5_000, 6_000))
        transcript = _load(model).transcribe(recording, 0, spans)
    assert (transcript.words, transcript.language) == ((), None)


# -- the encoder -----------------------------------------------------------------------------------


def _encoded(model: str, compute_type: str | None, threads: int = 1) -> NDArray[np.float32]:
    """Two windows of the first sample call as the default engine encodes them."""
    options = TranscriberOptions(model=model, compute_type=compute_type, threads=threads)
    engine = FasterWhisperEngine(find_whisper(model), options)
    with open_recording(samples.paths()[0]) as recording:
        return engine.encode([recording.read(0, Span(i * 20_000, i * 20_000 + 15_000)) for i in range(2)])


def _error(found: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def test_the_default_engine_encodes_as_well_as_ctranslate2_does() -> None:
    """Both round to int8. Measured with VNNI: ours differs from float32 by 0.064, theirs by 0.056."""
    with mock.patch("sentiment.speech.encoder.best_arithmetic", return_value=None):
        theirs = _encoded("tiny.en", "int8")
    ours, exact = _encoded("tiny.en", None), _encoded("tiny.en", "float32")
    assert ours.dtype == np.float32
    assert ours.shape == exact.shape == (2, 1500, 384)
    assert 0 < _error(ours, exact) < 1.25 * _error(theirs, exact)


def test_a_model_in_a_folder_is_encoded_as_a_bundled_one(tmp_path: Path) -> None:
    for file, contents in find_whisper("tiny.en").read_all().items():
        (tmp_path / file).write_bytes(contents)
    assert np.array_equal(_encoded(str(tmp_path), None), _encoded("tiny.en", None))


def test_threads_change_neither_the_result_nor_torch() -> None:
    import torch

    before = torch.get_num_threads()
    assert np.array_equal(_encoded("tiny.en", None, threads=2), _encoded("tiny.en", None, threads=1))
    assert torch.get_num_threads() == before


# -- another language ----------------------------------------------------------------------------

GERMAN = (
    "Guten Tag, ich rufe an, weil meine Rechnung in diesem Monat viel zu hoch ist. "
    "Ich habe schon zweimal mit Ihren Kollegen gesprochen, aber niemand konnte mir helfen."
)


def _espeak(tmp_path: Path, text: str, voice: str) -> Recording:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    path = tmp_path / "speech.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", str(path), text], check=True)
    return open_recording(path)


def test_another_language_is_heard_as_such(tmp_path: Path) -> None:
    with _espeak(tmp_path, GERMAN, "de") as recording:
        (transcript,) = _hear(recording, _load("base"))
    assert transcript.language == "de"
    assert transcript.language_probability is not None
    assert transcript.language_probability > 0.5
    assert {"rechnung", "niemand", "helfen"} <= set(re.findall(r"\w+", _said(transcript.words)))
