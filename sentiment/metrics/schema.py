"""What describes a table: its columns, derived columns and checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Business", "Check", "Column", "Derived", "Schema"]

Type = Literal["string", "int64", "float64", "boolean", "timestamp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column as it may be given; a value outside [``least``, ``most``] makes its row a bad one."""

    name: str
    type: Type
    says: str
    least: float | None = None
    most: float | None = None
    required: bool = False
    assumed: Any = None
    """What an empty value, or a column that is not there, stands for; ``None``: unknown."""
    any_case: bool = False
    """Whether it is read in any case, as one of the words it may hold is: ``NPS`` for ``nps``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """A column worked out from others where it is not given itself.

    One that needs ``all_rows`` (a window over them) is only worked out where it is read.
    """

    name: str
    of: Any
    says: str
    all_rows: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """``bad`` holds for a row that cannot be true; ``says`` what is wrong with it."""

    bad: Any
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Business:
    """A column of the business hours between two times, by the calendar, in milliseconds."""

    name: str
    start: str
    end: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """A table: ``key`` identifies a row, ``time`` puts it in a period; ``example`` is a plausible row.

    One that is ``made_of`` another is not given but worked out (:mod:`sentiment.metrics.derived`).
    """

    name: str
    says: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time: str
    derived: tuple[Derived, ...] = ()
    checks: tuple[Check, ...] = ()
    business: tuple[Business, ...] = ()
    made_of: str | None = None
    example: Mapping[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((c for c in self.columns if c.name == name), None)
