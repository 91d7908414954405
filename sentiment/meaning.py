"""Texts -> vectors whose dot product says how near two texts are in meaning; cheap enough for archives.

Each piece of a word has a fixed vector, and so have frequent pairs of neighbours ("not happy"); that of a
text is the sum of its pieces' and pairs', made one long. No network runs, so a processor core embeds
tens of thousands of utterances a second. The vectors are distilled from a sentence encoder (as Model2Vec's
are: Tulkens and van Dongen 2024, MinishLab) and hold their weight, less for frequent pieces (Arora et al.
2017, SIF). ``models/distil_meaning.py`` is the recipe, ``models/meaning/MODEL_CARD.md`` says what such
vectors can't tell apart: who does what to whom, and often what a "not" belongs to.

    meaning = load_meaning()
    near = meaning.embed(said) @ meaning.embed(["nobody called me back"]).T     # (n, 1), in [-1, 1]
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np

from sentiment.call import Model
from sentiment.errors import CorruptModelError
from sentiment.weights import verify, weights_dir

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

__all__ = ["Meaning", "MeaningConfig", "load_meaning"]

_BATCH = 128
"""Texts whose pieces' vectors are held at once: few enough for the processor's cache."""

_WORDS_KEPT = 2**16
"""Words of which it is remembered into which pieces they fall; splitting is most of the work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeaningConfig:
    """What ``config.json`` beside the vectors says.

    ``languages`` are the ISO 639-1 codes the vectors were made for; ``size`` is their length.
    """

    name: str
    languages: tuple[str, ...]
    size: int

    @classmethod
    def read(cls, path: Path) -> MeaningConfig:
        """Read ``config.json``.

        Raises:
            OSError, ValueError, KeyError, TypeError: it is not the configuration of this kind of model.
        """
        body = json.loads(path.read_text("utf-8"))
        return cls(name=body["name"], languages=tuple(body["languages"]), size=int(body["size"]))


class Meaning:
    """Embeds texts; make one with :func:`load_meaning` and keep it.

    ``model`` names the vectors, ``languages`` are the ISO 639-1 codes they were made for, ``size`` is the
    length of an embedding. Texts of other languages get vectors too, of little meaning.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        vectors: NDArray[np.float32],
        pairs: NDArray[np.int32],
        config: MeaningConfig,
        *,
        revision: str,
    ) -> None:
        """Use vectors as they are.

        Args:
            tokenizer: gives the pieces of a text.
            vectors: ``(n_pieces + n_pairs, size)``, a row for each id of ``tokenizer`` and then for each
                pair, its weight included.
            pairs: ``(n_pairs, 2)``, the ids of the pieces of each pair.
            config: what the vectors are.
            revision: which they are.

        Raises:
            ValueError: they do not fit each other.
        """
        n_pieces = tokenizer.get_vocab_size()
        if vectors.shape != (expected := (n_pieces + len(pairs), config.size)):
            raise ValueError(f"vectors are {vectors.shape}, not {expected}")
        self.model = Model(task="meaning", name=config.name, revision=revision)
        self.languages = config.languages
        self.size = config.size
        self._tokenizer, self._vectors = tokenizer, vectors
        self._known: NDArray[np.bool_] = np.any(vectors != 0, axis=1)
        self._pairs = {(int(a), int(b)): row for row, (a, b) in enumerate(pairs, n_pieces)}
        self._pieces = lru_cache(maxsize=_WORDS_KEPT)(self._split)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text, float32 ``(n, size)``, of unit length.

        A text in which no piece is known has a row of zeros, similar to nothing. A row depends on its own
        text alone, to the last bit.
        """
        found = np.zeros((len(texts), self.size), np.float32)
        for at in range(0, len(texts), _BATCH):
            found[at : at + _BATCH] = self._sums(texts[at : at + _BATCH])
        norms = np.sqrt(np.einsum("ij,ij->i", found, found))[:, None]
        found /= np.where(norms > 0, norms, 1)
        return found

    def _split(self, word: str) -> tuple[int, ...]:
        """The ids of the known pieces of a word, which is any text without white space."""
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        return tuple(i for i in ids if self._known[i])

    def _rows(self, text: str) -> list[int]:
        """The rows of the vectors that make up a text: its known pieces, then their known pairs."""
        pieces = [i for word in text.split() for i in self._pieces(word)]
        return pieces + [self._pairs[pair] for pair in pairwise(pieces) if pair in self._pairs]

    def _sums(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The sum of the vectors of each text, ``(n, size)``."""
        rows = [self._rows(text) for text in texts]
        lengths = np.fromiter(map(len, rows), np.intp, len(rows))
        said = np.flatnonzero(lengths)
        sums = np.zeros((len(texts), self.size), np.float32)
        if len(said):
            ids = np.fromiter(chain.from_iterable(rows), np.intp, int(lengths.sum()))
            starts = np.cumsum(lengths[said]) - lengths[said]
            sums[said] = np.add.reduceat(self._vectors[ids], starts, axis=0)
        return sums


def load_meaning(directory: Path | None = None) -> Meaning:
    """Load the vectors from their folder, after checking every file against ``SHA256SUMS``.

    Args:
        directory: the weights; ``None`` is the installed ones.

    Raises:
        CorruptModelError: a file is missing, does not match its sum or does not fit the others.
    """
    directory = directory or weights_dir("meaning")
    revision = verify(directory)[:12]
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        config = MeaningConfig.read(directory / "config.json")
        tensors = load_file(directory / "model.safetensors")
        vectors = tensors["vectors"].astype(np.float32) * tensors["scales"].astype(np.float32)[:, None]
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return Meaning(tokenizer, vectors, tensors["pairs"], config, revision=revision)
    except Exception as error:  # noqa: BLE001 - the two libraries raise unrelated types
        why = " ".join(str(error).split())[:120]
        raise CorruptModelError(
            f"model {directory.name}: its files do not fit each other ({why}); "
            "reinstall conversation-sentiment"
        ) from None
