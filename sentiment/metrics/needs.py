"""Which columns a metric reads, worked out from its expressions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import ibis
from ibis.expr import operations as ops

from sentiment.metrics.schemas import TABLES

if TYPE_CHECKING:
    from sentiment.metrics.catalogue import Request
    from sentiment.metrics.inputs import Input
    from sentiment.metrics.schema import Schema

__all__ = ["lacking", "needed"]


@cache
def _full(table: str) -> Any:
    """A table with every column of a schema, and none of its rows."""
    schema = TABLES[table]
    full = ibis.table({c.name: c.type for c in schema.columns}, name=table)
    for derived in schema.derived:
        if derived.name not in full.columns:
            full = full.mutate(**{derived.name: derived.of.resolve(full)})
    return full.mutate(**{b.name: ibis.literal(0) for b in schema.business})


def needed(request: Request) -> set[str]:
    """The columns, given or derived, that a request's formula reads."""
    full = _full(request.table)
    found: set[str] = set()
    for expression in request.variant.statistic.expressions().values():
        bound = expression.resolve(full, **request.parameters)
        found |= {f.name for f in bound.op().find_topmost(ops.Field)}
    return found


def sources(schema: Schema, name: str) -> set[str]:
    """The given columns a derived one is made of, those of other derived ones resolved; itself if given."""
    derived = next((d for d in schema.derived if d.name == name), None)
    if derived is None:
        return {name}
    full = _full(schema.name)
    found = {f.name for f in derived.of.resolve(full).op().find_topmost(ops.Field)} - {name}
    return {one for part in found for one in sources(schema, part)}


def lacking(request: Request, given: Input) -> list[str]:
    """The columns that a request reads and a table has no way to."""
    there = given.columns | {b.name for b in given.schema.business if {b.start, b.end} <= given.columns}
    found: set[str] = set()
    for name in needed(request) - there:
        found |= {s for s in sources(given.schema, name) if s not in there} or {name}
    return sorted(found)
