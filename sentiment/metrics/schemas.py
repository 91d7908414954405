"""The tables that metrics read: their columns, what is derived where it is not given, and what is checked.

Times are UTC, durations integer milliseconds. A file needs only the columns that the asked metrics
read; one that is named as here needs no map (:mod:`sentiment.metrics.maps` renames others).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.errors import TableError
from sentiment.metrics.contact_tables import AGENT_TIME, CALLS, CONTACTS, INVITATIONS, SURVEYS
from sentiment.metrics.customer_tables import (
    BUYERS,
    CAMPAIGNS,
    CUSTOMERS,
    MEMBERSHIP,
    ORDERS,
    RELATIONSHIPS,
    VISITS,
)  # fmt: skip

if TYPE_CHECKING:
    from sentiment.metrics.schema import Schema

__all__ = ["GIVEN_TABLES", "TABLES", "given_schema"]

TABLES: dict[str, Schema] = {
    s.name: s
    for s in (
        SURVEYS,
        CONTACTS,
        AGENT_TIME,
        CUSTOMERS,
        ORDERS,
        VISITS,
        CAMPAIGNS,
        CALLS,
        INVITATIONS,
        MEMBERSHIP,
        BUYERS,
        RELATIONSHIPS,
    )
}
"""Every table by name."""

GIVEN_TABLES = tuple(name for name, schema in TABLES.items() if schema.made_of is None)
"""Those that are given, in order; the others are worked out from them."""


def given_schema(name: str) -> Schema:
    """The schema of a table that is given.

    Raises:
        TableError: there is no such table.
    """
    if name not in GIVEN_TABLES:
        raise TableError(f"{name}: no such table; tables are {', '.join(GIVEN_TABLES)}")
    return TABLES[name]
