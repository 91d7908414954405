"""What can be set about a correlation."""

from __future__ import annotations

from dataclasses import dataclass, field

from sentiment.correlation.bootstrap import Resampling

__all__ = ["CorrelationOptions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrelationOptions:
    """Settings and thresholds.

    Args:
        resampling: how intervals are found.
        late_days: an answer this many days or more after the call's start is counted as late; it is used.
        least_per_group: fewest answers for a group's mean to be compared.
        leak: a rank correlation of single calls above this is not believed. Between sentiment and surveys .24
            is published for calls and .73 for groups of them; two halves of a panel of raters at .8.
        few: with fewer answers than this intervals are wide, and it is said.
        too_few: with fewer than this nothing is concluded.
        low_response: a response rate below this is said.
        dominated: a customer with more than this share of the answers is said.
    """

    resampling: Resampling = field(default_factory=Resampling)
    late_days: float = 14.0
    least_per_group: int = 5
    leak: float = 0.9
    few: int = 100
    too_few: int = 30
    low_response: float = 0.05
    dominated: float = 0.1
