"""Every filter there is, by name. ``docs/rules.md`` describes each with an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.rules.felt import (
    EmotionFilter,
    EstimateFilter,
    IntensityFilter,
    MoodFilter,
    PolarityFilter,
    ShiftFilter,
)
from sentiment.rules.said import MeaningFilter, PhraseFilter, RepetitionFilter, TurnFilter
from sentiment.rules.timed import (
    InterruptionFilter,
    NonTalkFilter,
    OvertalkFilter,
    ResponseLatencyFilter,
    TalkSpeedFilter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.rules.values import Filter

__all__ = ["COMMON_FIELDS", "FILTERS"]

FILTERS: Mapping[str, type[Filter]] = {
    kind.name: kind
    for kind in (
        PhraseFilter, MeaningFilter, RepetitionFilter, TurnFilter,
        PolarityFilter, IntensityFilter, EmotionFilter, MoodFilter, ShiftFilter, EstimateFilter,
        InterruptionFilter, OvertalkFilter, NonTalkFilter, TalkSpeedFilter, ResponseLatencyFilter,
    )
}  # fmt: skip

COMMON_FIELDS = ("when", "time", "seconds", "who", "quote")
"""Fields of the explanation that every filter's hits have; ``n``, the number of hits, is the moment's."""
