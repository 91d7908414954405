"""Industry packs: named lists of metrics, their variants and targets (``packs.toml``, or a file like it)."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sentiment.errors import MetricError
from sentiment.metrics.catalogue import Request, parse
from sentiment.metrics.statistics import NetShare, Share

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Pack", "Target", "load_pack", "pack_names"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a metric should reach: at least ``value`` if ``better`` is higher, at most if it is lower.

    ``value`` is in the metric's unit; ``source`` says where it comes from.
    """

    value: float
    better: Literal["higher", "lower"]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """``metrics`` of an industry, and ``targets`` for some of them by name."""

    name: str
    says: str
    metrics: tuple[Request, ...]
    targets: Mapping[str, Target] = field(default_factory=dict)


def _shipped() -> dict[str, Any]:
    return tomllib.loads(files("sentiment.metrics").joinpath("packs.toml").read_text("utf-8"))


def pack_names() -> tuple[str, ...]:
    """Names of the packs."""
    return tuple(_shipped())


def load_pack(name: str) -> Pack:
    """A pack by its name, or the one pack of a ``.toml`` file of your own.

    Raises:
        MetricError: there is none of that name, or the file is not a pack; the message names the entry.
    """
    if name.lower().endswith(".toml"):
        packs = _read(Path(name))
        if len(packs) != 1:
            raise MetricError(f"{name}: holds {len(packs)} packs; give a file with one table, the pack")
        ((key, body),) = packs.items()
        return _pack(key, body, name)
    packs = _shipped()
    if name.lower() not in packs:
        raise MetricError(f"{name}: no such pack; packs are {', '.join(packs)}, or give a .toml file")
    return _pack(name.lower(), packs[name.lower()], "packs.toml")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MetricError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MetricError(f"{path}: is not TOML ({error})") from None


def _pack(name: str, body: Any, where: str) -> Pack:
    if not isinstance(body, dict) or not isinstance(body.get("metrics"), list):
        raise MetricError(f"{where}: pack {name} needs metrics, a list of names as in sentiment metrics list")
    if unknown := set(body) - {"says", "metrics", "targets"}:
        raise MetricError(f"{where}: pack {name} has {min(unknown)}; it may have says, metrics and targets")
    metrics = tuple(parse(str(metric)) for metric in body["metrics"])
    by_name = {request.name: request for request in metrics}
    entries = body.get("targets", {})
    if not isinstance(entries, dict):
        raise MetricError(f"{where}: pack {name}: targets is a table, [{name}.targets], not {entries!r}")
    targets = {}
    for metric, entry in entries.items():
        request = by_name.get(parse(metric).name)
        if request is None:
            raise MetricError(
                f"{where}: pack {name} has a target for {metric}, which is not among its metrics"
            )
        targets[request.name] = _target(entry, request, f"{where}: pack {name}, target for {metric}")
    return Pack(name=name, says=str(body.get("says", "")), metrics=metrics, targets=targets)


def _target(entry: Any, request: Request, where: str) -> Target:
    if not isinstance(entry, dict) or set(entry) - {"value", "better", "source"}:
        raise MetricError(
            f"{where}: write {{ value = 80, source = '...' }}, with better = 'lower' if need be"
        )
    value = entry.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise MetricError(f"{where}: value is {value!r}; give a number in {request.variant.unit}")
    least = -100 if isinstance(request.variant.statistic, NetShare) else 0
    is_share = isinstance(request.variant.statistic, Share | NetShare)
    if is_share and not least <= value <= 100:
        raise MetricError(f"{where}: value is {value:g}; it can only be {least} to 100")
    known = request.definition.better
    better = entry.get("better", known)
    if better not in ("higher", "lower"):
        raise MetricError(f"{where}: say which way is good with better = 'higher' or 'lower'")
    if known is not None and better != known:
        raise MetricError(f"{where}: better is {better!r}, but {known} is better for {request.name}")
    return Target(value=float(value), better=better, source=str(entry.get("source", "")))
