"""Utterances -> scores: a small transformer that reads who speaks and what was said before.

One pass of the encoder per utterance, as a pair of segments:

    [CLS] customer: my bag is lost agent: one moment [SEP] customer: great another hour on hold [SEP]
          └────── the turns before, newest kept ─────┘     └─ who speaks, and what is scored ──┘

The target is never cut to make room for its context. Two vectors, that of ``[CLS]`` and the mean over
the second segment, feed one linear layer whose outputs are, in this order (:data:`HEADS`):

    sentiment   logits of negative, neutral, positive, divided by a temperature fitted on held-out text
    emotions    a logit for each name in the configuration
    valence     tanh of it is v in [-1, 1]
    arousal     how much more or less aroused than the average sentence, in standard deviations

and the score is

    polarity    (v + p_positive - p_negative) / 2                      in [-1, 1]
    intensity   0.8 |polarity| + 0.2 max(0, 2 sigmoid(arousal) - 1)    in [0, 1]

Polarity averages what raters said about strength with how sure the classifier is: either alone is
worse. Intensity is mostly the size of the polarity; arousal only adds, and little, since
people agree poorly about arousal in text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sentiment.call import Model, Role, Score, Utterance
from sentiment.errors import CorruptModelError
from sentiment.weights import verify, weights_dir

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch
    from tokenizers import Tokenizer

__all__ = [
    "HEADS",
    "AffectConfig",
    "Encoded",
    "TextScorer",
    "build_network",
    "encode",
    "forward",
    "load_text_scorer",
    "pad",
    "scorable",
]

HEADS: tuple[str, ...] = ("sentiment", "emotions", "valence", "arousal")
"""The parts of the last layer's output, in order; 3, ``len(emotions)``, 1 and 1 wide."""

_DECIMALS = 4


@dataclass(frozen=True, kw_only=True)
class AffectConfig:
    """What ``config.json`` beside the weights says.

    ``max_len`` is the longest input and ``context_tokens`` the most of it given to earlier turns, of
    which ``context_turns`` are read; all three count from the newest. ``role_markers`` is the text set
    before a turn. ``temperature`` divides the sentiment logits. ``encoder`` are BERT's dimensions.
    """

    name: str
    languages: tuple[str, ...]
    emotions: tuple[str, ...]
    role_markers: Mapping[str, str]
    max_len: int
    context_turns: int
    context_tokens: int
    temperature: float
    encoder: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> AffectConfig:
        """Read ``config.json``.

        Raises:
            CorruptModelError: it is not the configuration of this kind of model.
        """
        try:
            body = json.loads(path.read_text("utf-8"))
            body["languages"], body["emotions"] = tuple(body["languages"]), tuple(body["emotions"])
            return cls(**body)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptModelError(
                f"model {path.parent.name}: {path.name} is not a configuration of this version ({error}); "
                "reinstall conversation-sentiment"
            ) from None


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one input; ``n_context`` of them are the first segment, with ``[CLS]`` and ``[SEP]``."""

    ids: tuple[int, ...]
    n_context: int
    truncated: bool


def scorable(text: str) -> str | None:
    """Why ``text`` cannot be scored, or ``None`` if it can."""
    return None if any(c.isalnum() for c in text) else "no words in it"


def encode(
    tokenizer: Tokenizer, config: AffectConfig, context: Sequence[tuple[Role, str]], role: Role, text: str
) -> Encoded:
    """Make the input for one utterance.

    Args:
        tokenizer: adds no special tokens by itself, nor cuts.
        context: the turns before, oldest first.
    """
    cls, sep = (tokenizer.encode(t, add_special_tokens=False).ids[0] for t in ("[CLS]", "[SEP]"))

    def tokens(who: Role, said: str) -> list[int]:
        ids: list[int] = tokenizer.encode(f"{config.role_markers[who]} {said}", add_special_tokens=False).ids
        return ids

    room = config.max_len - 3
    target = tokens(role, text)
    truncated = len(target) > room
    target = target[:room]
    earlier: list[int] = []
    for who, said in context[-config.context_turns :] if config.context_turns else ():
        earlier += tokens(who, said)
    keep = min(config.context_tokens, room - len(target))
    earlier = earlier[len(earlier) - keep :] if len(earlier) > keep else earlier
    return Encoded((cls, *earlier, sep, *target, sep), len(earlier) + 2, truncated)


def pad(batch: Sequence[Encoded]) -> dict[str, torch.Tensor]:
    """Inputs as int64 tensors ``(n, longest)``: ``ids``, ``mask`` (1 where there is a token), ``segment``."""
    import torch

    longest = max(len(e.ids) for e in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, segment = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, e in enumerate(batch):
        n = len(e.ids)
        ids[row, :n] = torch.tensor(e.ids)
        mask[row, :n] = 1
        segment[row, e.n_context : n] = 1
    return {"ids": ids, "mask": mask, "segment": segment}


def build_network(config: AffectConfig) -> torch.nn.ModuleDict:
    """BERT's encoder (Devlin et al. 2019) and the linear layer on top, with random weights."""
    from torch import nn

    size, dropout = config.encoder["hidden_size"], config.encoder["hidden_dropout_prob"]
    layer = nn.TransformerEncoderLayer(
        size,
        config.encoder["num_attention_heads"],
        config.encoder["intermediate_size"],
        dropout,
        activation="gelu",
        layer_norm_eps=config.encoder["layer_norm_eps"],
        batch_first=True,
    )
    return nn.ModuleDict(
        {
            "words": nn.Embedding(config.encoder["vocab_size"], size),
            "positions": nn.Embedding(config.encoder["max_position_embeddings"], size),
            "segments": nn.Embedding(config.encoder["type_vocab_size"], size),
            "norm": nn.LayerNorm(size, config.encoder["layer_norm_eps"]),
            "dropout": nn.Dropout(dropout),
            "layers": nn.TransformerEncoder(
                layer, config.encoder["num_hidden_layers"], enable_nested_tensor=False
            ),
            "heads": nn.Linear(2 * size, 3 + len(config.emotions) + 2),
        }
    )


def forward(network: torch.nn.ModuleDict, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The raw outputs of :data:`HEADS` for a padded batch.

    Shapes ``(n, 3)``, ``(n, emotions)``, ``(n,)`` and ``(n,)``.
    """
    import torch

    positions = torch.arange(inputs["ids"].shape[1])
    embedded = network["words"](inputs["ids"]) + network["segments"](inputs["segment"])
    embedded = network["dropout"](network["norm"](embedded + network["positions"](positions)))
    hidden = network["layers"](embedded, src_key_padding_mask=inputs["mask"] == 0)
    weight = inputs["segment"].unsqueeze(-1).to(hidden.dtype)
    target = (hidden * weight).sum(1) / weight.sum(1)
    out = network["heads"](torch.cat([hidden[:, 0], target], dim=-1)).float()
    parts = out.split([3, out.shape[1] - 5, 1, 1], dim=-1)
    named = dict(zip(HEADS, parts, strict=True))
    return {name: part.squeeze(-1) if name in HEADS[2:] else part for name, part in named.items()}


class TextScorer:
    """Scores utterances; make one with :func:`load_text_scorer` and keep it.

    ``model`` names the weights, ``languages`` are the ISO 639-1 codes it was trained on.
    """

    def __init__(
        self,
        network: torch.nn.ModuleDict,
        tokenizer: Tokenizer,
        config: AffectConfig,
        *,
        revision: str,
        batch_size: int,
    ) -> None:
        self.model = Model(task="score", name=config.name, revision=revision)
        self.languages: Collection[str] = config.languages
        self._network, self._tokenizer, self._config = network, tokenizer, config
        self._batch_size = batch_size

    @staticmethod
    def scorable(text: str) -> str | None:
        """Why ``text`` cannot be scored, or ``None`` if it can."""
        return scorable(text)

    def score(self, utterances: Sequence[Utterance]) -> tuple[Score, ...]:
        """A score for each utterance, read in the context of those before it in the sequence.

        Order and length are kept; the result does not depend on the batch size.

        Raises:
            ValueError: an utterance has nothing to score (see :func:`scorable`); its index is named.
        """
        return self.score_calls([utterances])[0]

    def score_calls(self, calls: Sequence[Sequence[Utterance]]) -> tuple[tuple[Score, ...], ...]:
        """:meth:`score` of several calls at once; faster where they are short.

        Raises:
            ValueError: as :meth:`score`.
        """
        encoded = [e for utterances in calls for e in self._encode(utterances)]
        scores: list[Score | None] = [None] * len(encoded)
        for rows in self._batches(encoded):
            for row, score in zip(rows, self._score_batch([encoded[r] for r in rows]), strict=True):
                scores[row] = score
        found = iter(s for s in scores if s is not None)
        return tuple(tuple(next(found) for _ in utterances) for utterances in calls)

    def _encode(self, utterances: Sequence[Utterance]) -> Iterator[Encoded]:
        n = self._config.context_turns
        turns: list[tuple[Role, str]] = []
        for u in utterances:
            if reason := scorable(u.text):
                raise ValueError(f"utterance {u.index} cannot be scored: {reason}; leave it out")
            yield encode(self._tokenizer, self._config, turns[-n:] if n else (), u.role, u.text)
            turns.append((u.role, u.text))

    def _batches(self, encoded: Sequence[Encoded]) -> Iterator[list[int]]:
        """Indices in batches of like length, so that little is spent on padding."""
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
        for start in range(0, len(order), self._batch_size):
            yield order[start : start + self._batch_size]

    def _score_batch(self, batch: Sequence[Encoded]) -> list[Score]:
        import torch

        with torch.inference_mode():
            out = forward(self._network, pad(batch))
            classes = torch.softmax(out["sentiment"].double() / self._config.temperature, dim=-1)
            polarity = (torch.tanh(out["valence"]).double() + classes[:, 2] - classes[:, 0]) / 2
            aroused = (2 * torch.sigmoid(out["arousal"].double()) - 1).clamp(min=0)
            intensity = 0.8 * polarity.abs() + 0.2 * aroused
            emotions = torch.sigmoid(out["emotions"])
        columns = (classes.tolist(), polarity.tolist(), intensity.tolist(), emotions.tolist())
        return [
            self._as_score(p, pol, strength, named, e.truncated)
            for e, p, pol, strength, named in zip(batch, *columns, strict=True)
        ]

    def _as_score(
        self, p: list[float], polarity: float, intensity: float, emotions: list[float], truncated: bool
    ) -> Score:
        negative = round(p[0], _DECIMALS)
        positive = min(round(p[2], _DECIMALS), round(1 - negative, _DECIMALS))
        return Score(
            polarity=round(polarity, _DECIMALS),
            intensity=round(intensity, _DECIMALS),
            p_negative=negative,
            p_neutral=abs(round(1 - negative - positive, _DECIMALS)),
            p_positive=positive,
            emotions={
                name: round(value, _DECIMALS)
                for name, value in zip(self._config.emotions, emotions, strict=True)
            },
            model=self._config.name,
            truncated=truncated,
        )


def load_text_scorer(
    directory: Path | None = None, *, threads: int | None = None, batch_size: int = 32
) -> TextScorer:
    """Load the scorer from its folder, after checking every file against ``SHA256SUMS``.

    Args:
        directory: the weights; ``None`` is the installed ones.
        threads: of torch, for the whole process; ``None`` leaves the setting as it is.
        batch_size: utterances per pass; more is faster up to about 32 and takes more memory.

    Raises:
        CorruptModelError: a file is missing, does not match its sum or does not fit the others.
    """
    directory = directory or weights_dir("affect")
    revision = verify(directory)[:12]
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    if threads is not None:
        torch.set_num_threads(threads)
    config = AffectConfig.read(directory / "config.json")
    network = build_network(config)
    try:
        weights = load_file(directory / "model.safetensors")
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception as error:  # noqa: BLE001 - the two libraries raise unrelated types
        why = " ".join(str(error).split())[:120]
        raise CorruptModelError(
            f"model {directory.name}: its files do not fit each other ({why}); "
            "reinstall conversation-sentiment"
        ) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    network.eval()
    return TextScorer(network, tokenizer, config, revision=revision, batch_size=batch_size)
