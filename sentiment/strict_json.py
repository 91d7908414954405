"""JSON from outside, read so that nothing in it can fail later; and dataclasses as JSON and back."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NoReturn

from sentiment.errors import ConversationError

__all__ = ["MAY_BE_MISSING", "check", "decode", "encode", "read_json"]

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
        value = json.loads(text, parse_constant=_refuse)
        if not _all_finite((value,), DEEPEST):
            json.loads(text, parse_float=_finite)  # again and slowly, to say which number it is
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} levels deep") from None
    return _clean(value) if _may_hold_half_pairs(text) else value


def _all_finite(values: Iterable[Any], levels: int) -> bool:
    """Whether every number is finite; raises ValueError for lists and objects more than ``levels`` deep."""
    for value in values:
        kind = type(value)
        if kind is float:
            if value - value != 0.0:
                return False
        elif kind is dict or kind is list:
            if not levels:
                raise ValueError(f"nested more than {DEEPEST} levels deep")
            if not _all_finite(value if kind is list else value.values(), levels - 1):
                return False
    return True


def _may_hold_half_pairs(text: str | bytes) -> bool:
    """Whether a surrogate is written in ``text``, as an escape or, in a string, as itself."""
    if isinstance(text, bytes):
        return b"\\ud" in text or b"\\uD" in text
    return "\\ud" in text or "\\uD" in text or not (text.isascii() or _encodes(text))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _whole_characters(value)
    if isinstance(value, list):
        return [_clean(v) for v in value]
    if isinstance(value, dict):
        return {_whole_characters(k): _clean(v) for k, v in value.items()}
    return value


def _whole_characters(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:20]} is not a number JSON can hold")


def encode(value: object) -> Any:
    """A value of dataclasses and named tuples as the dicts and lists :mod:`json` writes."""
    kind: Any = type(value)
    if kind in _AS_IT_IS:
        return value
    if names := _names(kind):
        return {name: encode(getattr(value, name)) for name in names}
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    return value


_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass or a named tuple; none of anything else."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(getattr(kind, "_fields", ()))


def decode(kind: Any, value: Any, where: str) -> Any:
    """``value``, as JSON holds it, as the annotated type ``kind``; ``where`` names it in errors.

    Every field must be there, but those marked :data:`MAY_BE_MISSING`, and no other.

    Raises:
        ConversationError: it is something else; the message names the field.
    """
    try:
        return _decoder(kind)(value)
    except _WrongError as wrong:
        raise ConversationError(f"call JSON: {where}{''.join(reversed(wrong.path))} {wrong}") from None


def check(ok: bool, value: Any, expected: str, where: str) -> None:
    """Raise ConversationError unless ``ok``: ``where`` is ``value`` and must be ``expected``."""
    if not ok:
        raise ConversationError(f"call JSON: {where} must be {expected}, not {value!r:.60}")


class _WrongError(Exception):
    """What is wrong with a value; the decoders around it add where it is, innermost first."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str] = []


def _wrong(value: Any, expected: str) -> NoReturn:
    raise _WrongError(f"must be {expected}, not {value!r:.60}")


Decoder = Callable[[Any], Any]


@cache
def _decoder(kind: Any) -> Decoder:
    """What decodes a type: made once, since an archive holds millions of values of each."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = _decoder(next(a for a in args if a is not types.NoneType))
        return lambda value: None if value is None else inner(value)
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")):
        return _fields(kind)
    if origin is tuple:
        return _items(_decoder(args[0]))
    if origin is typing.Literal:
        return _one_of(args)
    if origin is Mapping:
        return _entries(_decoder(args[1]))
    return _SCALARS.get(kind, _anything)


def _fields(kind: type[Any]) -> Decoder:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()  # a named tuple has them all
    optional = {f.name for f in fields if f.metadata == MAY_BE_MISSING}
    needed = frozenset(hints.keys() - optional)
    decoders = {name: _decoder(hint) for name, hint in hints.items()}
    names = decoders.keys()
    make = _maker(kind, decoders)

    def decode_fields(value: Any) -> Any:
        if not isinstance(value, dict):
            _wrong(value, "an object")
        whole = value.keys() == names
        if not whole and not (needed <= value.keys() <= names):
            if unknown := sorted(value.keys() - names):
                raise _WrongError(f"has unknown field {unknown[0]!r}")
            raise _WrongError(f"lacks the field {min(needed - value.keys())!r}")
        try:
            if whole and make is not None:
                return make(value)
            return kind(**{name: decoders[name](inner) for name, inner in value.items()})
        except _WrongError:
            _blame((f".{name}", decoders[name], inner) for name, inner in value.items())
            raise

    return decode_fields


def _maker(kind: type[Any], decoders: Mapping[str, Decoder]) -> Decoder | None:
    """Makes a dataclass of slots from all its fields in half the time of its ``__init__``.

    That of a frozen one sets each field by ``object.__setattr__``, which looks its slot up again. ``None``
    for a class that has no slots, or does more than take its fields.
    """
    slots = [getattr(kind, name, None) for name in decoders]
    if hasattr(kind, "__post_init__") or not all(isinstance(s, types.MemberDescriptorType) for s in slots):
        return None
    parts = [(name, d, slot.__set__) for (name, d), slot in zip(decoders.items(), slots, strict=True) if slot]
    new = object.__new__

    def make(value: Any) -> Any:
        made = new(kind)
        for name, decoder, put in parts:
            put(made, decoder(value[name]))
        return made

    return make


def _blame(parts: Iterable[tuple[str, Decoder, Any]]) -> None:
    """Decode the parts of what failed one by one, to raise the error with the name of the first wrong one."""
    for name, decoder, value in parts:
        try:
            decoder(value)
        except _WrongError as wrong:
            wrong.path.append(name)
            raise


def _items(decoder: Decoder) -> Decoder:
    def decode_items(value: Any) -> Any:
        if not isinstance(value, list):
            _wrong(value, "a list")
        try:
            return tuple([decoder(inner) for inner in value])
        except _WrongError:
            _blame((f"[{i}]", decoder, inner) for i, inner in enumerate(value))
            raise

    return decode_items


def _entries(decoder: Decoder) -> Decoder:
    def decode_entries(value: Any) -> Any:
        if not isinstance(value, dict):
            _wrong(value, "an object")
        try:
            return {key: decoder(inner) for key, inner in value.items()}
        except _WrongError:
            _blame((f".{key}", decoder, inner) for key, inner in value.items())
            raise

    return decode_entries


def _one_of(choices: tuple[Any, ...]) -> Decoder:
    expected = " or ".join(map(repr, choices))

    def decode_choice(value: Any) -> Any:
        return value if value in choices else _wrong(value, expected)

    return decode_choice


def _text(value: Any) -> Any:
    return value if type(value) is str else _wrong(value, "text")


def _truth(value: Any) -> Any:
    return value if type(value) is bool else _wrong(value, "true or false")


def _integer(value: Any) -> Any:
    if type(value) is not int:
        _wrong(value, "an integer")
    return value if -LARGEST <= value <= LARGEST else _wrong(value, f"a number within ±{LARGEST}")


def _number(value: Any) -> Any:
    if type(value) is float:
        return value
    if type(value) is not int:
        _wrong(value, "a number")
    return float(value) if -LARGEST <= value <= LARGEST else _wrong(value, f"a number within ±{LARGEST}")


def _time(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _WrongError(f"must be an ISO 8601 time, not {value!r:.60}") from None


def _anything(value: Any) -> Any:
    return value


_SCALARS: dict[Any, Decoder] = {str: _text, bool: _truth, int: _integer, float: _number, datetime: _time}
