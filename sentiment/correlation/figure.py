"""A figure that never travels without its n and its interval."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Figure"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with what it rests on.

    Args:
        value: None where it cannot be computed.
        low: lower end of the 95 % interval; None where there is none.
        high: upper end.
        n: rows it rests on.
        n_customers: customers (or groups) they come from.
        reason: why there is no value, or no interval.
        p_value: of the hypothesis that it is 0, where that was tested.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = field(kw_only=True)
    n_customers: int = field(kw_only=True)
    reason: str | None = None
    p_value: float | None = None

    @property
    def sign(self) -> int:
        """-1 or 1 where the interval leaves out 0, else 0."""
        if self.low is None or self.high is None:
            return 0
        return (self.low > 0.0) - (self.high < 0.0)
