"""What evaluation needs beside the software itself."""

import sys

import pytest

from sentiment.evaluation import Place, match_shifts, word_errors


def test_without_jiwer_word_errors_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ImportError, match="run: pip install jiwer"):
        word_errors("one two", "one")


def shift(first: int, direction: str = "worse", last: int | None = None) -> Place:
    return Place(first, first if last is None else last, direction)


def test_a_shift_is_right_within_an_utterance_in_its_direction() -> None:
    true = [shift(5), shift(10, "better"), shift(20, last=26)]
    assert match_shifts(true, [shift(6), shift(9, "better"), shift(23)]).pairs == ((0, 0), (1, 1), (2, 2))
    assert match_shifts(true, [shift(7), shift(10), shift(28)]).pairs == ()
    assert match_shifts(true, [shift(7), shift(19), shift(27)], within=2).pairs == ((0, 0), (2, 1))


def test_each_shift_is_paired_once_and_the_closest_first() -> None:
    matches = match_shifts([shift(5), shift(7)], [shift(6), shift(7), shift(8)])
    assert matches.pairs == ((0, 0), (1, 1))
    assert (matches.n_true, matches.n_found) == (2, 3)
    assert match_shifts([shift(5)], [shift(4), shift(5)]).pairs == ((0, 1),)
    assert match_shifts([], [shift(4)]).pairs == match_shifts([shift(4)], []).pairs == ()
