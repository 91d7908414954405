"""JSON from outside, read so that nothing in it can fail later."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["read_json"]

DEEPEST = 100
"""Most levels of lists and objects; writing JSON again recurses, so it must end well before Python does."""


def read_json(text: str | bytes) -> Any:
    """``text`` as dict, list, str, int, float, bool or None, which can be written as UTF-8 JSON again.

    Half a surrogate pair (``"\\ud83d"``, which no UTF-8 file can hold) becomes U+FFFD.

    Raises:
        ValueError: not JSON, a number that is NaN or infinite or out of a float's range, or lists and
            objects nested more than :data:`DEEPEST` levels deep.
    """
    try:
        return _clean(json.loads(text, parse_constant=_refuse, parse_float=_finite), DEEPEST)
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} levels deep") from None


def _clean(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _whole_characters(value)
    if not isinstance(value, list | dict):
        return value
    if not levels:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    if isinstance(value, list):
        return [_clean(v, levels - 1) for v in value]
    return {_whole_characters(k): _clean(v, levels - 1) for k, v in value.items()}


def _whole_characters(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:20]} is not a number JSON can hold")
