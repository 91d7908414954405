"""Distil the vectors of :mod:`sentiment.meaning` from a sentence encoder.

    python models/distil_meaning.py --data ../shared/data

Each piece of a word of all-mpnet-base-v2 goes through the encoder by itself; what comes out is reduced to
its principal components and weighted by how rare the piece is (Model2Vec: Tulkens and van Dongen 2024,
MinishLab; weights: Arora, Liang and Ma 2017, "A simple but tough-to-beat baseline for sentence
embeddings"). Seeded.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from corpus.public_sets import goemotions
from corpus.service_calls import ServiceCalls
from safetensors.numpy import save_file
from safetensors.torch import load_file
from tokenizers import Tokenizer
from train_affect import from_mpnet, unpack_mpnet

from sentiment.affect.network import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
NAME = "meaning-mpnet-1"
SIZE = 256
SIF = 1e-3
"""``a`` of the weight ``a / (a + share of the pieces)``; 1e-3 to 1e-4 in the paper."""


def public_texts(data: Path) -> list[str]:
    """Each text once: customers' turns of MultiDoGO, GoEmotions, written service calls."""
    found: list[str] = []
    for path in sorted((data / "multidogo").glob("*/train.tsv")):
        with path.open(encoding="utf-8") as file:
            found += [row["utterance"] or "" for row in csv.DictReader(file, delimiter="\t")]
    found += [example.text for example in goemotions(data, "train")]
    for u in ServiceCalls().examples(random.Random(0), held=False, copies=2):
        found += [u.text, *(text for _, text in u.context)]
    return list(dict.fromkeys(text for text in (" ".join(t.split()) for t in found) if text))


def load_teacher(folder: Path) -> Encoder:
    """all-mpnet-base-v2 out of ``folder``."""
    encoder = Encoder(json.loads((folder / "config.json").read_text("utf-8")))
    encoder.load_state_dict(from_mpnet(load_file(folder / "model.safetensors")))
    return encoder.eval()


def embed(
    encoder: Encoder, inputs: Sequence[Sequence[int]], tokens_at_once: int = 1024
) -> NDArray[np.float32]:
    """The encoder's sentence embeddings, ``(n, 768)`` of unit length: the mean of its last vectors."""
    found = np.zeros((len(inputs), encoder.words.embedding_dim), np.float32)
    batch: list[int] = []
    order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
    with torch.inference_mode():
        for place, i in enumerate(order):
            batch.append(i)
            if len(batch) * len(inputs[i]) < tokens_at_once and place + 1 < len(order):
                continue
            lengths = [len(inputs[j]) for j in batch]
            out = encoder(torch.tensor([token for j in batch for token in inputs[j]]), lengths)
            means = torch.stack([x.mean(0) for x in out.split(lengths)])
            found[batch] = torch.nn.functional.normalize(means).numpy()
            batch = []
    return found


def sif_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weight of each piece; one that was never seen counts as seen once."""
    share = np.maximum(counts, 1) / counts.sum()
    weights: NDArray[np.float64] = SIF / (SIF + share)
    return weights


def principal(vectors: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The first ``size`` principal components of rows, in each row's own share."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    reduced: NDArray[np.float32] = centred @ axes[:, ::-1][:, :size]
    return reduced


def save(folder: Path, vectors: NDArray[np.float32], tokenizer: Tokenizer) -> None:
    """Write the model's files, the vectors as int8 rows with a scale each, and their sums."""
    folder.mkdir(parents=True, exist_ok=True)
    scales = np.abs(vectors).max(axis=1) / 127
    rounded = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    save_file({"vectors": rounded, "scales": scales.astype(np.float32)}, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"name": NAME, "languages": ["en"], "size": vectors.shape[1]}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    files = ("config.json", "model.safetensors", "tokenizer.json")
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")


def main() -> None:
    """Read the arguments and make the vectors."""
    parser = argparse.ArgumentParser(description="Distil the vectors of sentiment.meaning.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=Path, default=HERE / "meaning")
    parser.add_argument("--scratch", type=Path, default=Path("build"), help="where the encoder is unpacked")
    args = parser.parse_args()
    args.scratch.mkdir(parents=True, exist_ok=True)
    folder = unpack_mpnet(args.scratch)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    first, end = (tokenizer.encode(t, add_special_tokens=False).ids[0] for t in ("<s>", "</s>"))
    n_pieces = tokenizer.get_vocab_size()
    raw = embed(load_teacher(folder), [(first, piece, end) for piece in range(n_pieces)])

    encoded = tokenizer.encode_batch(public_texts(args.data), add_special_tokens=False)
    counts = np.bincount([i for e in encoded for i in e.ids], minlength=n_pieces)
    vectors = principal(raw, SIZE) * sif_weights(counts)[:, None].astype(np.float32)
    vectors[[i for i in range(n_pieces) if is_special(tokenizer.id_to_token(i))]] = 0
    save(args.out, vectors, tokenizer)


def is_special(piece: str | None) -> bool:
    """Whether a piece stands for no text: ``<s>``, ``[UNK]``, ``[unused7]``."""
    return piece is None or (len(piece) > 2 and (piece[0], piece[-1]) in (("<", ">"), ("[", "]")))


if __name__ == "__main__":
    main()
