"""Layers in eight-bit integers: a quarter the size, and on a CPU with VNNI four times as fast as float32.

Each row of the input and each output channel of the weights has a scale of its own, symmetric about
zero, as in LLM.int8() (Dettmers et al. 2022, arXiv:2208.07339) without its outliers. The sums are exact
integers, so a row's result does not depend on what other rows are in the batch.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Int8Embedding", "Int8Linear", "is_fast", "linear_int8", "quantise", "to_float", "to_int8"]

ROWS_AT_ONCE = 256
"""So many rows are taken through every step before the next: they stay in the processor's cache."""

LARGEST = 127


def quantise(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``x`` of ``(n, m)`` as int8 and the scale of each row, float32 ``(n, 1)``: ``x ≈ int8 * scale``."""
    largest = torch.maximum(x.amax(-1, keepdim=True), x.amin(-1, keepdim=True).neg_())
    scale = largest.clamp_min_(1e-9).div_(LARGEST)
    return (x / scale).round_().to(torch.int8), scale


def linear_int8(
    x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """``x @ (weight * scale) + bias`` with ``x`` rounded to int8.

    Args:
        x: float32 ``(..., n_in)``.
        weight: int8 ``(n_in, n_out)``.
        scale: float32 ``(n_out,)``.
        bias: float32 ``(n_out,)``.
    """
    rows = x.reshape(-1, x.shape[-1])
    out = torch.empty(rows.shape[0], weight.shape[1])
    for start in range(0, rows.shape[0], ROWS_AT_ONCE):
        part = out[start : start + ROWS_AT_ONCE]
        values, of_row = quantise(rows[start : start + ROWS_AT_ONCE])
        part.copy_(torch._int_mm(values, weight))
        part.mul_(of_row)
        torch.addcmul(bias, part, scale, out=part)
    return out.view(*x.shape[:-1], -1)


class Int8Linear(nn.Module):
    """A :class:`torch.nn.Linear` for inference, its weights rounded to int8."""

    weight: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_in, n_out, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(n_out))
        self.register_buffer("bias", torch.zeros(n_out))

    @classmethod
    def of(cls, linear: nn.Linear) -> Int8Linear:
        """The same layer, rounded."""
        made = cls(linear.in_features, linear.out_features)
        values, scale = quantise(linear.weight.detach())
        made.weight, made.scale = values.t().contiguous(), scale.flatten()
        made.bias = linear.bias.detach().clone()
        return made

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float32 ``(..., n_in)`` to ``(..., n_out)``."""
        return linear_int8(x, self.weight, self.scale, self.bias)


class Int8Embedding(nn.Module):
    """A :class:`torch.nn.Embedding` for inference, its rows rounded to int8."""

    weight: torch.Tensor
    scale: torch.Tensor

    def __init__(self, n_rows: int, size: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_rows, size, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(n_rows, 1))

    @classmethod
    def of(cls, embedding: nn.Embedding) -> Int8Embedding:
        """The same table, rounded."""
        made = cls(embedding.num_embeddings, embedding.embedding_dim)
        made.weight, made.scale = quantise(embedding.weight.detach())
        return made

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Int64 ``(...)`` to float32 ``(..., size)``."""
        return self.weight[ids] * self.scale[ids]


def is_fast() -> bool:
    """Whether this processor multiplies int8 faster than float32: x86 with VNNI.

    Without it the library's product is slow, and on older x86 it can overflow.
    """
    return bool(torch.cpu._is_vnni_supported())


def to_int8(module: nn.Module) -> None:
    """Replace every linear layer and embedding inside ``module`` by its rounded form."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear.of(child))
        elif isinstance(child, nn.Embedding):
            setattr(module, name, Int8Embedding.of(child))
        else:
            to_int8(child)


def to_float(module: nn.Module) -> None:
    """Replace every :class:`Int8Linear` inside ``module`` by a float32 layer with the same weights."""
    for name, child in module.named_children():
        if isinstance(child, Int8Linear):
            linear = nn.Linear(*child.weight.shape)
            linear.weight.data = (child.weight * child.scale).t().contiguous()
            linear.bias.data = child.bias
            setattr(module, name, linear)
        else:
            to_float(child)
