"""Who answers, as values: rates, the model of answering, and means as answered and weighted."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read by those who inspect the fields
from dataclasses import dataclass

from sentiment.correlation.figure import Figure  # noqa: TC001 - as above

__all__ = ["Means", "Rate", "Response", "Term"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A response rate: answers of calls."""

    name: str
    n_calls: int
    n_answers: int
    rate: Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """What goes with answering: the odds ratio of one more standard deviation, or of a group."""

    name: str
    odds_ratio: Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """A mean as answered, and what it may be for others.

    Args:
        raw: over the answers as they came.
        weighted: weighted to stand for all calls.
        shift: weighted minus raw, with its p-value.
        others_weighted: weighted to stand for the calls without an answer.
        others_estimated: what the estimates say of those; None where there is no estimate of it.
        all_estimated: what they say of all calls.
    """

    raw: Figure
    weighted: Figure
    shift: Figure
    others_weighted: Figure
    others_estimated: Figure | None
    all_estimated: Figure | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """Who answers, and what that does to the mean.

    Args:
        overall: answers of all calls.
        asked: answers of the calls whose customer is known to have been asked; None if nobody says.
        by_band: by fifths of the predictor.
        by_group: by each ``--by`` column.
        terms: the response model.
        p_bias: joint test that whether someone answers has nothing to do with the predictor.
        mean: the mean answer.
        share: what the instrument is reported as, ``share_name``: per cent in the top box, or NPS.
        effective_n: how many equally weighted answers the weighted ones are worth (L. Kish, 1965).
        largest_weight, n_trimmed: after trimming; how many weights were cut.
        reason: why there is no model.
    """

    overall: Rate
    asked: Rate | None
    by_band: tuple[Rate, ...]
    by_group: Mapping[str, tuple[Rate, ...]]
    terms: tuple[Term, ...]
    p_bias: float | None
    mean: Means
    share_name: str
    share: Means
    effective_n: float | None
    largest_weight: float | None
    n_trimmed: int
    reason: str | None = None
