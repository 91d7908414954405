"""Texts -> vectors: what a row promises, and that the shipped vectors order meanings as people would."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from sentiment.errors import CorruptModelError
from sentiment.meaning import Meaning, load_meaning

if TYPE_CHECKING:
    from pathlib import Path

VECTORS = {"call": (2, 0), "back": (0, 1), "##ed": (0, 0.5), "the": (0, 0), "[UNK]": (0, 0)}

PAIRS = {("back", "call"): (-4, 0)}


def write_sums(folder: Path) -> None:
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n"
        for p in folder.iterdir()
        if "SUMS" not in p.name
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of five pieces, two of which mean nothing."""
    folder = tmp_path / "meaning"
    folder.mkdir()
    words = models.WordPiece({piece: i for i, piece in enumerate(VECTORS)}, unk_token="[UNK]")
    tokenizer = Tokenizer(words)
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    rows = np.array([*([x * 2 for x in row] for row in VECTORS.values()), *PAIRS.values()], np.int8)
    pieces = list(VECTORS)
    pairs = np.array([[pieces.index(piece) for piece in pair] for pair in PAIRS], np.int32)
    tensors = {"vectors": rows, "scales": np.array([0.5] * 5 + [1], np.float32), "pairs": pairs}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"name": "tiny", "languages": ["en"], "size": 2}))
    write_sums(folder)
    return folder


@pytest.fixture(scope="module")
def shipped() -> Meaning:
    return load_meaning()


def test_a_row_is_the_sum_of_its_pieces_made_one_long(folder: Path) -> None:
    rows = load_meaning(folder).embed(["call", "Called back!", "the call"])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[1, 0], [0.8, 0.6], [1, 0]], rtol=1e-6)


def test_a_pair_counts_where_its_pieces_are_neighbours_in_its_order(folder: Path) -> None:
    rows = load_meaning(folder).embed(["back call", "call back", "back the call", "back ? call"])
    straight, turned = np.array([-2, 1]) / 5**0.5, np.array([2, 1]) / 5**0.5
    np.testing.assert_allclose(rows, [straight, turned, straight, straight], rtol=1e-6)


@pytest.mark.parametrize("text", ["", "  \n", "the", "zebra", "?!"])
def test_a_text_of_which_nothing_is_known_is_zero_and_moves_no_other(folder: Path, text: str) -> None:
    np.testing.assert_array_equal(load_meaning(folder).embed([text, "back", text]), [[0, 0], [0, 1], [0, 0]])


def test_no_texts_are_no_rows(folder: Path) -> None:
    assert load_meaning(folder).embed([]).shape == (0, 2)


def test_the_model_is_named_with_its_checksum(folder: Path) -> None:
    model = load_meaning(folder).model
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert (model.task, model.name, model.revision) == ("meaning", "tiny", digest[:12])


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(CorruptModelError, match=rf"model meaning: {name} has sha256"):
        load_meaning(folder)


@pytest.mark.parametrize(
    ("name", "contents", "why"),
    [
        (
            "config.json",
            b'{"name": "tiny", "languages": ["en"], "size": 3}',
            r"vectors are \(6, 2\), not \(6, 3\)",
        ),
        ("config.json", b'{"name": "tiny"}', "languages"),
        ("config.json", b"[]", "do not fit each other"),
        ("tokenizer.json", b"{}", "do not fit each other"),
        ("model.safetensors", b"nonsense", "do not fit each other"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_line(
    folder: Path, name: str, contents: bytes, why: str
) -> None:
    (folder / name).write_bytes(contents)
    write_sums(folder)
    with pytest.raises(CorruptModelError, match=why) as caught:
        load_meaning(folder)
    assert "\n" not in str(caught.value)


def test_rows_are_one_long_and_do_not_depend_on_their_neighbours(shipped: Meaning) -> None:
    texts = [f"{word} my order number {n} is late" for n in range(150) for word in ("hello", "no,")] + [
        "",
        "ok",
    ]
    rows = shipped.embed(texts)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1.0] * 300 + [0.0, 1.0], atol=1e-6)
    np.testing.assert_array_equal(shipped.embed(texts[::-1])[::-1], rows)
    np.testing.assert_array_equal(np.concatenate([shipped.embed([text]) for text in texts]), rows)


def test_case_and_white_space_do_not_count(shipped: Meaning) -> None:
    plain, other = shipped.embed(["nobody called me back", "  Nobody\tCALLED me\nback "])
    np.testing.assert_array_equal(plain, other)


@pytest.mark.parametrize(
    ("rule", "near", "far"),
    [
        ("nobody called me back", "I never got a phone call", "my parcel is late"),
        ("I want to speak to a manager", "let me talk to your supervisor", "I want to pay by card"),
        ("I was charged twice", "there are two identical payments", "the app is slow"),
        ("this call is recorded", "our conversation may be monitored", "your order has been shipped"),
        ("I want a refund", "give me my money back", "what time do you close"),
    ],
)
def test_a_paraphrase_is_nearer_than_another_matter(shipped: Meaning, rule: str, near: str, far: str) -> None:
    query, *rest = shipped.embed([rule, near, far])
    assert query @ rest[0] > query @ rest[1] + 0.1


def test_importing_it_loads_no_engine() -> None:
    code = (
        "import sys, sentiment.meaning; print(*({'torch', 'tokenizers', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
