"""Every metric's definition, one or two files for each family, and how one is asked for by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sentiment.errors import MetricError
from sentiment.metrics.catalogue import contacts, conversations, customers, queues, sales, surveys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.metrics.definition import Definition, Variant

__all__ = ["CATALOGUE", "Request", "find", "parse"]

CATALOGUE: dict[str, Definition] = {
    d.name: d
    for family in (surveys, contacts, queues, customers, sales, conversations)
    for d in family.DEFINITIONS
}
"""Every definition by name."""

_NAMES: dict[str, str] = {alias: d.name for d in CATALOGUE.values() for alias in (d.name, *d.aliases)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A metric as it is asked for: its definition, a variant, and the value of every parameter."""

    definition: Definition
    variant: Variant
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``aht``; ``csat:mean`` for another variant than the first; with what parameters were given."""
        first = self.variant is self.definition.variants[0]
        given = [
            f"{p.name}={self.parameters[p.name]:g}"
            if isinstance(self.parameters[p.name], float)
            else f"{p.name}={self.parameters[p.name]}"
            for p in self.definition.parameters
            if self.parameters[p.name] != p.default
        ]
        return ":".join([self.definition.name, *([] if first else [self.variant.name]), *given])

    @property
    def table(self) -> str:
        """Whose rows are counted."""
        return self.variant.table or self.definition.table


def find(name: str) -> Definition:
    """The definition of that name or alias, in any case; ``-`` is taken for ``_``.

    Raises:
        MetricError: there is none.
    """
    key = name.strip().lower().replace("-", "_").replace(" ", "_")
    if key not in _NAMES:
        near = difflib.get_close_matches(key, _NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else "see: sentiment metrics list"
        raise MetricError(f"{name}: no such metric; {hint}")
    return CATALOGUE[_NAMES[key]]


def parse(text: str) -> Request:
    """What a request in words means: ``service_level``, ``csat:mean``, ``service_level:answered:threshold_s=30``.

    Raises:
        MetricError: no such metric, variant or parameter, or a value of the wrong type.
    """
    name, *rest = text.split(":")
    definition = find(name)
    variant = definition.variants[0]
    values = {p.name: p.default for p in definition.parameters}
    for part in rest:
        key, is_parameter, value = part.partition("=")
        if is_parameter:
            values[key.strip()] = _value(text, definition, key.strip(), value.strip())
            continue
        named = next((v for v in definition.variants if v.name == part.strip()), None)
        if named is None:
            names = ", ".join(v.name for v in definition.variants)
            raise MetricError(f"{text}: {definition.name} has no variant {part!r}; it has {names}")
        variant = named
    return Request(definition=definition, variant=variant, parameters=values)


def _value(text: str, definition: Definition, key: str, value: str) -> float | str:
    parameter = next((p for p in definition.parameters if p.name == key), None)
    if parameter is None:
        names = ", ".join(p.name for p in definition.parameters) or "none"
        raise MetricError(f"{text}: {definition.name} has no parameter {key!r}; it has {names}")
    if isinstance(parameter.default, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise MetricError(f"{text}: {key} takes a number, not {value!r}") from None
