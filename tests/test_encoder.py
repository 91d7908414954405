"""The encoder in torch against the originals: transformers' on random weights, CTranslate2's on tiny.en."""

from __future__ import annotations

import struct
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from sentiment import samples
from sentiment.audio import open_recording
from sentiment.errors import CorruptModelError
from sentiment.speech.encoder import (
    Arithmetic,
    WhisperEncoder,
    best_arithmetic,
    load_encoder,
)
from sentiment.threads import one_thread_each
from sentiment.timeline import Span
from sentiment.weights import find_whisper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Length of the difference in units of the expected."""
    return float((found - expected).norm() / expected.norm())


def _encode(encoder: WhisperEncoder | None, mel: torch.Tensor) -> torch.Tensor:
    assert encoder is not None
    with torch.inference_mode():
        encoded: torch.Tensor = encoder(mel)
    return encoded


# -- random weights ------------------------------------------------------------------------------


def _random_whisper(n_mels: int) -> Any:
    """A small Whisper of transformers, with weights that float16 holds exactly."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(1)
    config = WhisperConfig(
        vocab_size=64, num_mel_bins=n_mels, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, d_model=64, encoder_ffn_dim=256, decoder_ffn_dim=256,
        max_source_positions=1500, max_target_positions=20, pad_token_id=0, bos_token_id=1, eos_token_id=1,
        decoder_start_token_id=2,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():  # its own beginnings are so small that no layer would matter
        for parameter in model.model.encoder.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    return model.half().float()


def _stored(folder: Path, n_mels: int, quantization: str) -> bytes:
    """It as CTranslate2 stores it."""
    from ctranslate2.converters.transformers import WhisperLoader

    spec = WhisperLoader().get_model_spec(_random_whisper(n_mels).half())
    spec.register_vocabulary([str(i) for i in range(64)])
    spec.validate()
    spec.optimize(quantization=quantization)
    spec._serialize(folder / "model.bin")
    return (folder / "model.bin").read_bytes()


@pytest.mark.parametrize(
    ("quantization", "arithmetic", "n_mels", "tolerance"),
    [
        ("float32", "float32", 80, 1e-5),
        ("float16", "float32", 128, 1e-5),
        ("bfloat16", "float32", 80, 1e-2),
        ("int16", "float32", 80, 1e-2),
        ("int8", "float32", 80, 2e-2),
        ("int8", "int8", 80, 3e-2),
        ("float16", "int8", 128, 3e-2),
        ("float16", "bfloat16", 80, 2e-2),
    ],
)
def test_it_computes_what_the_original_computes(
    tmp_path: Path, quantization: str, arithmetic: Arithmetic, n_mels: int, tolerance: float
) -> None:
    mel = torch.randn(2, n_mels, 3000, generator=torch.Generator().manual_seed(2))
    encoder = load_encoder("random", _stored(tmp_path, n_mels, quantization), arithmetic)
    with torch.inference_mode():
        expected = _random_whisper(n_mels).model.encoder(mel).last_hidden_state
    found = _encode(encoder, mel)
    assert found.dtype == torch.float32
    assert found.shape == expected.shape == (2, 1500, 64)
    assert _error(found, expected) < tolerance


@pytest.mark.parametrize("arithmetic", ["int8", "bfloat16", "float32"])
def test_a_window_does_not_depend_on_its_neighbours(tmp_path: Path, arithmetic: Arithmetic) -> None:
    encoder = load_encoder("random", _stored(tmp_path, 80, "float16"), arithmetic)
    mel = torch.randn(3, 80, 3000, generator=torch.Generator().manual_seed(3))
    mel[1] *= 50
    together = _encode(encoder, mel)
    alone = torch.cat([_encode(encoder, each[None]) for each in mel])
    assert torch.equal(together, alone)


def test_int8_keeps_no_float_copy_of_the_large_weights(tmp_path: Path) -> None:
    encoder = load_encoder("random", _stored(tmp_path, 80, "float16"), "int8")
    assert encoder is not None
    weights = {name: t for name, t in encoder.state_dict().items() if t.ndim == 2 and "blocks" in name}
    assert len(weights) == 8
    assert {t.dtype for t in weights.values()} == {torch.int8}


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    binary = _stored(tmp_path, 80, "float16")
    renamed = binary.replace(b"encoder/layer_1/ffn/linear_1/bias", b"encoder/layer_1/ffn/linear_1/bios")
    for damaged in (renamed, binary[:5000], b"\6\0\0\0", b"\6\0"):
        with pytest.raises(CorruptModelError, match=r"Whisper model 'mine': its encoder cannot be read"):
            load_encoder("mine", damaged, "int8")


def test_another_layout_is_left_to_ctranslate2(tmp_path: Path) -> None:
    binary = _stored(tmp_path, 80, "float16")
    assert load_encoder("later", struct.pack("<I", 7) + binary[4:], "int8") is None


# -- the choice, and threads ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amx", "vnni", "expected"),
    [(True, True, "bfloat16"), (False, True, "int8"), (False, False, None)],
)
def test_the_arithmetic_goes_by_what_the_processor_has(
    monkeypatch: pytest.MonkeyPatch, amx: bool, vnni: bool, expected: str | None
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: vnni)
    assert best_arithmetic() == expected


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_workers_run_on_one_core_each_and_nobody_else_does(three_threads: None) -> None:
    with one_thread_each(4) as pool:
        barrier = threading.Barrier(4)

        def own_setting(_: int) -> tuple[int, int]:
            barrier.wait(10)  # so that each of the four workers answers
            return threading.get_ident(), torch.get_num_threads()

        assert torch.get_num_threads() == 3
        torch.set_num_threads(2)  # as the scorer may
        answers = dict(pool.map(own_setting, range(4)))
        later: list[int] = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
    assert list(answers.values()) == [1, 1, 1, 1]
    assert (torch.get_num_threads(), later) == (2, [2])


# -- real weights --------------------------------------------------------------------------------


@cache
def _ctranslate2(compute_type: str) -> Any:
    from faster_whisper import WhisperModel

    files = find_whisper("tiny.en").read_all()
    return WhisperModel("tiny.en", device="cpu", compute_type=compute_type, cpu_threads=1, files=files)


def _speech() -> NDArray[np.float32]:
    """The log-Mel spectrum of half a minute of a sample call, ``(80, 3000)``."""
    from faster_whisper.audio import pad_or_trim

    with open_recording(samples.paths()[0]) as recording:
        sound = recording.read(0, Span(0, 29_000))
    return np.ascontiguousarray(pad_or_trim(_ctranslate2("float32").feature_extractor(sound)[..., :-1]))


def _reference(mel: NDArray[np.float32], compute_type: str) -> torch.Tensor:
    from ctranslate2 import StorageView

    view = StorageView.from_array(mel[None])
    return torch.from_numpy(np.array(_ctranslate2(compute_type).model.encode(view, to_cpu=True)))


@pytest.mark.model
def test_tiny_en_is_encoded_as_ctranslate2_encodes_it() -> None:
    """Measured: float32 differs by 4e-6, bfloat16 by 0.037, int8 by 0.056; CTranslate2's int8 by 0.064."""
    mel = _speech()
    exact, rounded = _reference(mel, "float32"), _reference(mel, "int8")
    binary = find_whisper("tiny.en").read("model.bin")
    error = {
        kind: _error(_encode(load_encoder("tiny.en", binary, kind), torch.from_numpy(mel)[None]), exact)
        for kind in ("float32", "bfloat16", "int8")
    }
    assert error["float32"] < 1e-4
    assert error["bfloat16"] < 0.1
    assert error["int8"] < 1.25 * _error(rounded, exact)
