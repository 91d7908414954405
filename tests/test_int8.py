"""Layers rounded to int8: close to the float ones, and a row is a row whatever stands beside it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sentiment.int8 import Int8Embedding, Int8Linear, linear_int8, quantise, to_float, to_int8


def layer(n_in: int = 64, n_out: int = 48) -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(n_in, n_out)


@given(scale=st.floats(1e-4, 1e4), seed=st.integers(0, 1000))
def test_rounding_is_within_half_a_step(scale: float, seed: int) -> None:
    torch.manual_seed(seed)
    x = scale * torch.randn(5, 64)
    values, of_row = quantise(x)
    assert values.dtype == torch.int8
    assert (values.abs().amax(1) == 127).all()
    assert ((values * of_row - x).abs() <= 0.5001 * of_row).all()


def test_a_row_of_zeros_stays_zero() -> None:
    values, scale = quantise(torch.zeros(2, 64))
    assert not values.any()
    assert torch.isfinite(scale).all()


def test_close_to_float() -> None:
    linear = layer()
    x = torch.randn(3, 7, 64)
    off = (Int8Linear.of(linear)(x) - linear(x)).norm() / linear(x).norm()
    assert off < 0.02


@pytest.mark.parametrize("n_rows", [1, 255, 256, 257, 700])
def test_a_row_does_not_depend_on_its_neighbours(n_rows: int) -> None:
    rounded = Int8Linear.of(layer())
    x = torch.randn(n_rows, 64)
    together = rounded(x)
    for i in (0, n_rows // 2, n_rows - 1):
        assert torch.equal(rounded(x[i : i + 1])[0], together[i])


def test_exact_where_nothing_is_rounded() -> None:
    x = torch.tensor([[127.0, -3.0, 0.0, 64.0]])
    weight = torch.tensor([[1], [2], [3], [-1]], dtype=torch.int8).repeat(1, 8).contiguous()
    got = linear_int8(x, weight, torch.full((8,), 0.5), torch.ones(8))
    assert torch.equal(got, torch.full((1, 8), (127 - 6 - 64) * 0.5 + 1))


def test_a_module_there_and_back() -> None:
    module = torch.nn.Sequential(layer(), torch.nn.ModuleDict({"inner": layer(48, 8)})["inner"])
    x = torch.randn(4, 64)
    before = module(x)
    to_int8(module)
    assert all(isinstance(part, Int8Linear) for part in module)
    rounded = module(x)
    to_float(module)
    assert all(isinstance(part, torch.nn.Linear) for part in module)
    assert torch.allclose(module(x), before, atol=0.05)
    assert torch.allclose(module(x), rounded, atol=0.05)


def test_embedding() -> None:
    torch.manual_seed(0)
    table = torch.nn.Embedding(10, 32)
    ids = torch.tensor([[1, 9], [0, 1]])
    assert torch.allclose(Int8Embedding.of(table)(ids), table(ids), atol=0.02)
