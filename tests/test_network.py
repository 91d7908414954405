"""The scorer's network: MPNet as published, and no more of a text than the text."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sentiment.affect.network import HEADS, Network, distance_buckets
from sentiment.int8 import to_int8

DIMENSIONS = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 200,
    "layer_norm_eps": 1e-5,
    "relative_attention_num_buckets": 32,
}


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network(DIMENSIONS, 28).eval()


def inputs(lengths: list[int], n_context: int = 0) -> dict[str, Any]:
    torch.manual_seed(1)
    ids = torch.randint(4, 50, (sum(lengths),))
    return {"ids": ids, "lengths": lengths, "n_context": [n_context] * len(lengths)}


def test_shapes(network: Network) -> None:
    out = network(**inputs([5, 9]))
    assert tuple(out) == HEADS
    assert [tuple(out[h].shape) for h in HEADS] == [(2, 3), (2, 28), (2,), (2,)]


@pytest.mark.parametrize("rounded", [False, True])
def test_a_text_gives_the_same_in_any_company(network: Network, rounded: bool) -> None:
    if rounded:
        to_int8(network.encoder)
    together = inputs([6, 31, 2, 17])
    with torch.inference_mode():
        hidden = network.encoder(together["ids"], together["lengths"]).split(together["lengths"])
        for ids, expected in zip(together["ids"].split(together["lengths"]), hidden, strict=True):
            alone = network.encoder(ids, [len(ids)])
            assert torch.equal(alone, expected) if rounded else torch.allclose(alone, expected, atol=1e-6)


def test_the_turns_before_are_not_averaged_in(network: Network) -> None:
    assert not torch.allclose(network(**inputs([8], 5))["valence"], network(**inputs([8], 2))["valence"])


def test_distances_are_told_apart_near_by_and_grouped_far_off() -> None:
    buckets = distance_buckets(300, 32)
    assert buckets.diagonal().eq(0).all()
    assert buckets[10, 7] == 3
    assert buckets[7, 10] == 16 + 3
    assert buckets[0, 299] == buckets[0, 200] == 31
    assert buckets.min() == 0
    assert buckets.max() == 31
    assert (buckets[0].diff() >= 0)[1:].all()


def test_it_is_mpnet() -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed (extra: train)")
    from train_affect import from_mpnet

    torch.manual_seed(0)
    theirs = transformers.MPNetModel(transformers.MPNetConfig(**DIMENSIONS), add_pooling_layer=False).eval()
    for p in theirs.parameters():
        torch.nn.init.normal_(p, std=0.2)
    ours = Network(DIMENSIONS, 28).encoder.eval()
    ours.load_state_dict(from_mpnet(theirs.state_dict()))
    ids = inputs([4, 150])["ids"]
    with torch.inference_mode():
        got = ours(ids, [4, 150])
        for part, at in ((ids[:4], slice(4)), (ids[4:], slice(4, None))):
            assert torch.allclose(got[at], theirs(part[None]).last_hidden_state[0], atol=1e-5)
