"""The scorer's network: the encoder of MPNet (Song et al. 2020, arXiv:2004.09297) and one linear layer.

MPNet's encoder is that of BERT (layer norm after each half, GELU) with a learned bias for each head and
distance between two tokens, shared by all layers, instead of segments.

Texts of different lengths go through it end to end, without padding, and only attention looks at them one
by one: nothing is computed for nothing, and what a text gives does not depend on its neighbours, not even
by a last bit that rounding to int8 would make more of.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["HEADS", "Encoder", "Layer", "Network"]

HEADS: tuple[str, ...] = ("sentiment", "emotions", "valence", "arousal")
"""The parts of the last layer's output, in order; 3, ``n_emotions``, 1 and 1 wide."""

FIRST_POSITION = 2
FARTHEST = 128


class Layer(nn.Module):
    """Self attention, then two linear layers; each is added to its input and normalised."""

    def __init__(self, size: int, n_heads: int, inner_size: int, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.dropout = n_heads, dropout
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.norm1 = nn.LayerNorm(size)
        self.inner = nn.Linear(size, inner_size)
        self.outer = nn.Linear(inner_size, size)
        self.norm2 = nn.LayerNorm(size)

    def forward(self, x: torch.Tensor, lengths: Sequence[int], bias: torch.Tensor) -> torch.Tensor:
        """``x`` is ``(n_tokens, size)``; ``bias``, ``(heads, longest, longest)``, is added to attention."""
        heads = self.qkv(x).view(len(x), 3, self.n_heads, -1).permute(1, 2, 0, 3)
        seen = torch.cat([self._attend(part, bias) for part in heads.split(list(lengths), dim=2)])
        x = self.norm1(x + functional.dropout(self.out(seen), self.dropout, self.training))
        inner = self.outer(functional.gelu(self.inner(x)))
        normed: torch.Tensor = self.norm2(x + functional.dropout(inner, self.dropout, self.training))
        return normed

    def _attend(self, qkv: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """One text's ``(3, heads, length, size / heads)`` to ``(length, size)``."""
        n = qkv.shape[2]
        q, k, v = qkv.unsqueeze(1)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias[None, :, :n, :n])
        return seen[0].transpose(0, 1).reshape(n, -1)


class Encoder(nn.Module):
    """Token ids -> a vector for each token."""

    def __init__(self, dimensions: Mapping[str, Any], dropout: float = 0.0) -> None:
        """``dimensions`` are named as in MPNet's own configuration."""
        super().__init__()
        size = dimensions["hidden_size"]
        self.n_buckets = dimensions["relative_attention_num_buckets"]
        self.dropout = dropout
        self.words = nn.Embedding(dimensions["vocab_size"], size)
        self.positions = nn.Embedding(dimensions["max_position_embeddings"], size)
        self.norm = nn.LayerNorm(size)
        self.distances = nn.Embedding(self.n_buckets, dimensions["num_attention_heads"])
        self.layers = nn.ModuleList(
            Layer(size, dimensions["num_attention_heads"], dimensions["intermediate_size"], dropout)
            for _ in range(dimensions["num_hidden_layers"])
        )
        for norm in self.modules():
            if isinstance(norm, nn.LayerNorm):
                norm.eps = dimensions["layer_norm_eps"]

    def forward(self, ids: torch.Tensor, lengths: Sequence[int], layers: int | None = None) -> torch.Tensor:
        """``ids`` are those of all texts one after another, ``(n_tokens,)``; gives ``(n_tokens, size)``.

        ``layers`` is how many of the layers they go through, all if ``None``.
        """
        places = torch.cat([torch.arange(n) for n in lengths]) + FIRST_POSITION
        x: torch.Tensor = self.norm(self.words(ids) + self.positions(places))
        x = functional.dropout(x, self.dropout, self.training)
        bias = self.distances(distance_buckets(max(lengths), self.n_buckets)).permute(2, 0, 1).contiguous()
        for layer in self.layers[:layers]:
            x = layer(x, lengths, bias)
        return x


class Network(nn.Module):
    """The encoder, and a linear layer over the first token's vector and the mean of the target's."""

    def __init__(self, dimensions: Mapping[str, Any], n_emotions: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_emotions = n_emotions
        self.encoder = Encoder(dimensions, dropout)
        self.heads = nn.Linear(2 * dimensions["hidden_size"], 3 + n_emotions + 2)

    def forward(
        self, ids: torch.Tensor, lengths: Sequence[int], n_context: Sequence[int]
    ) -> dict[str, torch.Tensor]:
        """The raw outputs of :data:`HEADS`.

        Args:
            ids: int64 ``(n_tokens,)``: the tokens of all ``n`` texts, one text after another.
            lengths: how many tokens each text has.
            n_context: how many of them, from its first, stand before what is scored.

        Returns:
            Float32 of shapes ``(n, 3)``, ``(n, n_emotions)``, ``(n,)`` and ``(n,)``.
        """
        texts = self.encoder(ids, lengths).split(list(lengths))
        seen = [torch.cat([x[0], x[n:].mean(0)]) for x, n in zip(texts, n_context, strict=True)]
        parts = self.heads(torch.stack(seen)).split([3, self.n_emotions, 1, 1], dim=-1)
        sentiment, emotions, valence, arousal = parts
        return dict(zip(HEADS, (sentiment, emotions, valence.squeeze(-1), arousal.squeeze(-1)), strict=True))


def distance_buckets(length: int, n_buckets: int) -> torch.Tensor:
    """Which bucket the distance from each token (row) to each other (column) is in; ``(length, length)``.

    Half of the buckets look ahead; of each half, half hold one distance each and the rest grow
    logarithmically up to 128 (Raffel et al. 2020, arXiv:1910.10683).
    """
    places = torch.arange(length)
    ahead = places[None, :] - places[:, None]
    half, exact = n_buckets // 2, n_buckets // 4
    far = ahead.abs()
    growth = torch.log(far.clamp(min=1) / exact) / math.log(FARTHEST / exact) * (half - exact)
    bucket = torch.where(far < exact, far, (exact + growth.long()).clamp(max=half - 1))
    return bucket + half * (ahead > 0)
