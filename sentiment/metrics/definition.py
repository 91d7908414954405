"""What a metric's definition holds. The documentation, the command line and the engine all read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.metrics.statistics import Statistic

__all__ = ["Definition", "Example", "Parameter", "Variant", "times"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A worked example: ``n`` rows of each kind give ``value``.

    ``rows`` pairs how many rows with the columns in which they differ from the table's example row.
    ``places`` is to how many decimals the source gives the value.
    """

    says: str
    rows: tuple[tuple[int, Mapping[str, Any]], ...]
    value: float
    places: int = 3


def times(n: int, **columns: Any) -> tuple[int, Mapping[str, Any]]:
    """``n`` rows with these columns."""
    return n, columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A number or text that a formula names; ``says`` is what it means."""

    name: str
    default: float | str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One way to count a metric: ``says`` in words, ``statistic`` as an expression of the columns."""

    name: str
    says: str
    statistic: Statistic
    unit: str
    examples: tuple[Example, ...] = ()
    table: str | None = None
    """Where it is counted, if not where the definition's other variants are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A metric.

    Args:
        name: what it is called in commands and results.
        title: what it is called in sentences.
        family: surveys, contacts, customers, or conversations: a chapter of the documentation.
        table: whose rows are counted (a name of :data:`sentiment.metrics.schemas.TABLES`).
        variants: ways to count it; the first is the default.
        moves: what makes it go up or down.
        misleads: how it is misread.
        better: which way is good, where one is.
        parameters: what the formulas name beside columns.
        aliases: other names it is asked by.
        source: where the definition or its figures come from.
    """

    name: str
    title: str
    family: Literal["surveys", "contacts", "customers", "conversations"]
    table: str
    variants: tuple[Variant, ...]
    moves: str
    misleads: str
    better: Literal["higher", "lower"] | None = None
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = field(default=())
    source: str = ""
