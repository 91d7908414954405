"""Industry packs: named lists of metrics, their variants and their thresholds (``packs.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sentiment.errors import MetricError
from sentiment.metrics.catalogue import Request, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Pack", "Target", "load_pack", "pack_names"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A value from which on a metric is worth a look: at least (``better`` higher) or at most."""

    warn: float
    alert: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """``metrics`` of an industry, and ``targets`` for some of them by name."""

    name: str
    says: str
    metrics: tuple[Request, ...]
    targets: Mapping[str, Target] = field(default_factory=dict)


def _packs() -> dict[str, Any]:
    return tomllib.loads(files("sentiment.metrics").joinpath("packs.toml").read_text("utf-8"))


def pack_names() -> tuple[str, ...]:
    """Names of the packs."""
    return tuple(_packs())


def load_pack(name: str) -> Pack:
    """A pack by its name.

    Raises:
        MetricError: there is none of that name.
    """
    packs = _packs()
    if name.lower() not in packs:
        raise MetricError(f"{name}: no such pack; packs are {', '.join(packs)}")
    body = packs[name.lower()]
    return Pack(
        name=name.lower(),
        says=body["says"],
        metrics=tuple(parse(metric) for metric in body["metrics"]),
        targets={parse(m).name: Target(**t) for m, t in body.get("targets", {}).items()},
    )
