"""How the vectors of meaning are measured: the file of intents, and the arithmetic on made-up vectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from distil_meaning import is_special, principal_axes, sif_weights
from evaluation.meaning import (
    Intent,
    best_threshold,
    decide,
    ordinary_taken,
    quiet_threshold,
    read_intents,
    similarities,
)
from sklearn.metrics import average_precision_score, roc_auc_score

from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LINE = {"intent": "a", "role": "agent", "half": "tune", "examples": ["x"], "same": ["y"], "other": ["z"]}


def at_angles(texts: Sequence[str]) -> NDArray[np.float32]:
    """A text is its angle in degrees."""
    angles = np.radians([float(text) for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def intents() -> list[Intent]:
    return [
        Intent(name="east", half="tune", examples=("0", "10"), same=("20", "-20", "60"), other=("45",)),
        Intent(name="west", half="test", examples=("180",), same=("200", "160"), other=("150", "100")),
    ]


def test_the_file_has_what_a_figure_needs() -> None:
    intents = read_intents()
    assert len(intents) >= 15
    assert sum(len(i.same) for i in intents) >= 120
    assert {sum(i.half == half for i in intents) for half in ("tune", "test")} == {len(intents) // 2}


@pytest.mark.parametrize(
    "wrong", [{"half": "both"}, {"same": []}, {"same": ["x"]}, {"other": ["z", "z"]}, {"examples": None}]
)
def test_a_wrong_line_is_named(tmp_path: Path, wrong: dict[str, object]) -> None:
    path = tmp_path / "intents.jsonl"
    path.write_text(json.dumps(LINE) + "\n" + json.dumps(LINE | wrong) + "\n")
    with pytest.raises(InputError, match=r"intents\.jsonl:2: "):
        read_intents(path)


def test_a_text_is_as_near_as_the_nearest_example(intents: list[Intent]) -> None:
    east, west = similarities(intents, at_angles)
    np.testing.assert_allclose(east.same, np.cos(np.radians([10, 20, 50])), atol=1e-6)
    np.testing.assert_allclose(east.rest, np.cos(np.radians([160, 150, 140, 90])), atol=1e-6)
    assert east.figure(roc_auc_score, near_misses=True) == pytest.approx(2 / 3)
    assert east.figure(average_precision_score, near_misses=False) == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert west.figure(roc_auc_score, near_misses=False) == 1


def test_the_threshold_is_chosen_on_one_half_and_counted_on_the_other(intents: list[Intent]) -> None:
    items = similarities(intents, at_angles)
    best = best_threshold(items)
    assert decide(items, "tune", best).f1 == pytest.approx(6 / 7)  # all three, and the near miss between them
    found = decide(items, "test", 0.85)
    assert (found.found, found.near_misses, found.rest) == (2, 1, 0)
    assert (found.precision, found.recall) == (2 / 3, 1)
    assert decide(items, "test", 1.1).precision is None


def test_the_recommended_threshold_takes_few_ordinary_turns(intents: list[Intent]) -> None:
    items = similarities(intents, at_angles)
    near = np.concatenate([np.full(994, 0.1), [0.3, 0.415, 0.5, 0.6, 0.7, 0.9]]).astype(np.float32)
    ordinary = {"east": near, "west": near[:100]}
    assert quiet_threshold(items, ordinary) == 0.31
    assert ordinary_taken(items, "tune", 0.31, ordinary) == pytest.approx(0.005)
    assert ordinary_taken(items, "test", 0.31, ordinary) == 0


def test_rare_pieces_weigh_more() -> None:
    weights = sif_weights(np.array([0, 1, 999]))
    assert weights[0] == weights[1] > 0.4 > 0.002 > weights[2] > 0


def test_axes_are_those_of_greatest_spread_about_the_mean() -> None:
    rows = np.array([[5, 3, 0], [5, -3, 0], [5, 0, 1], [5, 0, -1]], np.float32)
    np.testing.assert_allclose(np.abs(principal_axes(rows, 2)), [[0, 0], [1, 0], [0, 1]], atol=1e-6)


def test_pieces_that_stand_for_no_text() -> None:
    assert [is_special(p) for p in ("<s>", "[UNK]", "[unused3]", "<", "]", "##a", "a")] == [True] * 3 + [
        False
    ] * 4
