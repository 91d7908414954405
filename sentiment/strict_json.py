"""JSON from outside, read so that nothing in it can fail later; and dataclasses as JSON and back."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from sentiment.errors import ConversationError

__all__ = ["MAY_BE_MISSING", "check", "decode", "encode", "read_json"]

T = TypeVar("T")

LARGEST = 2**53
"""Largest integer read from JSON (but in free fields): up to it every integer is exact in any JSON reader."""

MAY_BE_MISSING = types.MappingProxyType({"may be missing": True})
"""Metadata of a field that files written by earlier versions lack; it then has its default."""

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


def encode(value: object) -> Any:
    """A value of dataclasses and named tuples as the dicts and lists :mod:`json` writes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: encode(v) for name, v in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def decode(kind: Any, value: Any, where: str) -> Any:
    """``value``, as JSON holds it, as the annotated type ``kind``; ``where`` names it in errors.

    Every field must be there, but those marked :data:`MAY_BE_MISSING`, and no other.

    Raises:
        ConversationError: it is something else; the message names the field.
    """
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return decode(next(a for a in args if a is not types.NoneType), value, where)
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")):
        return _fields(kind, value, where)
    if origin is tuple:
        check(isinstance(value, list), value, "a list", where)
        return tuple(decode(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is typing.Literal:
        check(value in args, value, " or ".join(map(repr, args)), where)
        return value
    if origin is Mapping:
        check(isinstance(value, dict), value, "an object", where)
        return {k: decode(args[1], v, f"{where}.{k}") for k, v in value.items()}
    return _scalar(kind, value, where)


def _fields(kind: type[T], value: Any, where: str) -> T:
    check(isinstance(value, dict), value, "an object", where)
    hints = _hints(cast("Any", kind))
    if unknown := sorted(value.keys() - hints.keys()):
        raise ConversationError(f"call JSON: {where} has unknown field {unknown[0]!r}")
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()  # a named tuple has them all
    optional = {f.name for f in fields if f.metadata == MAY_BE_MISSING}
    if missing := sorted(hints.keys() - value.keys() - optional):
        raise ConversationError(f"call JSON: {where} lacks the field {missing[0]!r}")
    given = {name: hint for name, hint in hints.items() if name in value}
    return kind(**{name: decode(hint, value[name], f"{where}.{name}") for name, hint in given.items()})


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is datetime:
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError):
            check(False, value, "an ISO 8601 time", where)
    if kind in (int, float) and type(value) is int:
        check(abs(value) <= LARGEST, value, f"a number within ±{LARGEST}", where)
    if kind is float:
        check(type(value) in (int, float), value, "a number", where)
        return float(value)
    if kind in (int, str, bool):
        expected = {int: "an integer", str: "text", bool: "true or false"}[kind]
        check(type(value) is kind, value, expected, where)
    return value


def check(ok: bool, value: Any, expected: str, where: str) -> None:
    """Raise ConversationError unless ``ok``: ``where`` is ``value`` and must be ``expected``."""
    if not ok:
        raise ConversationError(f"call JSON: {where} must be {expected}, not {value!r:.60}")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
