"""Whether a value meets its target, as far as its interval lets one say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sentiment.metrics.statistics import A_COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.metrics.packs import Target
    from sentiment.metrics.result import Metric, Result

__all__ = ["Judged", "Verdict", "judge", "verdict"]

Verdict = Literal["met", "missed", "unsure"]
"""``unsure`` where the interval has ends on both sides of the target, or an estimate has no interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A metric of a group (empty for all rows) against its target.

    ``better`` is which way is good: ``higher`` means at least ``target``, ``lower`` at most. ``verdict`` is
    ``None`` where there is no value.
    """

    name: str
    group: Mapping[str, Any]
    better: Literal["higher", "lower"]
    target: float
    source: str
    value: float | None
    verdict: Verdict | None


def verdict(metric: Metric, target: Target) -> Verdict | None:
    """Whether the whole 95 % interval is on the good side of the target, or on the bad one.

    A count of all there is has no interval and is judged as it is.
    """
    if metric.value is None:
        return None
    if metric.interval is not None:
        low, high = metric.interval
    elif metric.no_interval == A_COUNT:
        low = high = metric.value
    else:
        return "unsure"
    worst, best = (low, high) if target.better == "higher" else (-high, -low)
    goal = target.value if target.better == "higher" else -target.value
    return "met" if worst >= goal else "missed" if best < goal else "unsure"


def judge(result: Result, targets: Mapping[str, Target]) -> tuple[Judged, ...]:
    """Every metric that has a target, of each group and of all rows; ``targets`` by the metric's name."""
    return tuple(
        Judged(
            name=metric.name,
            group=metric.group,
            better=target.better,
            target=target.value,
            source=target.source,
            value=metric.value,
            verdict=verdict(metric, target),
        )
        for metric in result
        if (target := targets.get(metric.name)) is not None
    )
