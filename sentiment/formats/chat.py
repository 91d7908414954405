"""Text conversations: JSON lines or CSV, one turn a line, any number of conversations a file.

    {"call_id": "c1", "role": "customer", "text": "My card was charged twice.", "start_ms": 4000}

``call_id``, ``role`` (agent, customer, ivr, unknown) and ``text`` are needed. ``start_ms`` (milliseconds
from the conversation's start) and ``language`` (ISO 639-1; of
``en-US`` the ``en`` is taken) may be given; a conversation gives
``start_ms`` for every turn or for none. Where no turn of a conversation names its language, it is worked
out from all of its text. CSV has the same names in its header.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sentiment.call import ROLES, Call, Channel, Utterance
from sentiment.errors import ConversationError
from sentiment.language import written_language
from sentiment.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["SUFFIXES", "Chats", "chats_of", "read_chats"]

SUFFIXES = (".jsonl", ".csv")
_NEEDED = ("call_id", "role", "text")
_FIELDS = (*_NEEDED, "start_ms", "language")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chats:
    """What is in a file: the ``calls`` to score, and ``errors``, one for each conversation not among them.

    A line that cannot be read fails the conversation it belongs to. Where it does not tell which that is, it
    has an error of its own (a file with very many has one for what is left), and each call a warning.
    """

    calls: tuple[Call, ...]
    errors: tuple[ConversationError, ...] = ()


def read_chats(path: str | Path) -> Chats:
    """The conversations of a file, in order of first appearance, each with its turns in order.

    A turn with a time lasts until it was sent, so it starts and ends at ``start_ms``; turns are sorted
    by it. Utterances are not scored yet.

    Raises:
        ConversationError: the file cannot be read, has no turns, or the header of a CSV file is not as above.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConversationError(f"{path}: cannot be read ({why}); give a UTF-8 .jsonl or .csv file") from None
    return chats_of(text, path)


def chats_of(text: str, path: Path) -> Chats:
    """The conversations in a file's text; ``path`` says by its ending whether it is CSV, and names it.

    Raises:
        ConversationError: as :func:`read_chats`.
    """
    turns: dict[str, list[Utterance]] = {}
    faults: dict[str | None, list[_Fault]] = {}
    for where, line in _csv_lines(path, text) if path.suffix.lower() == ".csv" else _jsonl_lines(path, text):
        if isinstance(line, _Fault):
            faults.setdefault(line.call_id, []).append(line)
            continue
        try:
            turns.setdefault(_text(line, "call_id", where), []).append(_turn(line, where))
        except ConversationError as error:
            call_id = _call_id(line)
            faults.setdefault(call_id, []).append(_Fault(where, str(error), call_id))
    if not turns and not faults:
        raise ConversationError(f"{path}: has no turns; give one JSON object or CSV row for each turn")
    return _sorted_out(path, turns, faults)


class _Fault(NamedTuple):
    """A line that cannot be read: where it is, what is told of it, and its conversation if it says."""

    where: str
    told: str
    call_id: str | None


_MOST_TOLD = 10
"""Lines of no known conversation that are told of one by one."""


def _sorted_out(
    path: Path, turns: Mapping[str, list[Utterance]], faults: Mapping[str | None, list[_Fault]]
) -> Chats:
    """The conversations without a fault, and an error for each of the others."""
    calls, errors = [], []
    stray = faults.get(None, [])
    for call_id, bad in faults.items():
        if call_id is not None:
            more = f" (and {len(bad) - 1} more of its lines)" if len(bad) > 1 else ""
            errors.append(ConversationError(f"{bad[0].told}{more}; conversation {call_id!r} is not scored"))
    errors += [ConversationError(fault.told) for fault in stray[:_MOST_TOLD]]
    if rest := stray[_MOST_TOLD:]:
        errors.append(ConversationError(f"{rest[0].told} ({len(rest)} lines from here on)"))
    for call_id in (each for each in turns if each not in faults):
        try:
            call = _call(call_id, turns[call_id], path)
        except ConversationError as error:
            errors.append(error)
        else:
            calls.append(replace(call, warnings=(_may_be_missing(path, stray),)) if stray else call)
    return Chats(calls=tuple(calls), errors=tuple(errors))


def _may_be_missing(path: Path, stray: Sequence[_Fault]) -> str:
    where = f"{path.name}{stray[0].where.removeprefix(str(path))}"  # a call does not keep where folders are
    more = f" and {len(stray) - 1} more" if len(stray) > 1 else ""
    return (
        f"{where}{more}: cannot be read, and does not tell its conversation; if that is this one, "
        "a turn is missing here"
    )


_JSON_CALL_ID = re.compile(r'"call_id"\s*:\s*("(?:[^"\\]|\\.)*"|\d+(?=\s*[,}]))')


def _jsonl_lines(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any] | _Fault]]:
    """Each line that is not empty, after where it is (``file:line``)."""
    for number, line in enumerate(text.split("\n"), 1):  # splitlines() also splits inside JSON strings
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = read_json(line)
        except ValueError as error:
            told = f"{where}: is not JSON ({error}); write one object a line"
            yield where, _Fault(where, told, _salvaged(line))
            continue
        if isinstance(row, dict):
            yield where, row
        else:
            yield where, _Fault(where, f"{where}: is not a JSON object; write one object a line", None)


def _salvaged(line: str) -> str | None:
    """The call id of a line that is not JSON, if that much of it is."""
    found = _JSON_CALL_ID.search(line)
    try:
        return None if found is None else _call_id({"call_id": read_json(found[1])})
    except ValueError:
        return None


def _csv_lines(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any] | _Fault]]:
    """Each record that is not empty, after where it begins.

    After one that is none, reading goes on at the next line of the file: a quotation mark that nobody
    closed would otherwise take the lines after it along.
    """
    lines = list(io.StringIO(text, newline=""))
    header: list[str] = []
    at = 0
    while at < len(lines):
        reader = csv.reader((lines[i] for i in range(at, len(lines))), strict=True)
        where = f"{path}:{at + 1}"
        try:
            fields = next(reader)
            if not header:
                header = _header(fields, where)
            elif fields and len(fields) != len(header):
                raise csv.Error(f"it has {len(fields)} fields, and the header {len(header)}")
            elif fields:
                row = zip(header, fields, strict=True)
                yield where, {name: value for name, value in row if value != "" or name == "text"}
        except csv.Error as error:
            if not header:
                raise ConversationError(f"{where}: is not CSV ({error})") from None
            yield where, _Fault(where, f"{where}: is not CSV ({error})", _first_field(lines[at], header))
            at += 1
        else:
            at += reader.line_num


def _header(fields: list[str], where: str) -> list[str]:
    """The names of the columns; none yet if the line is empty."""
    unknown = [name for name in fields if name not in _FIELDS]
    missing = [name for name in _NEEDED if name not in fields]
    if fields and (unknown or missing):
        told = f"unknown column {unknown[0]!r}" if unknown else f"there is no column {missing[0]}"
        raise ConversationError(f"{where}: {told}; the columns are {', '.join(_FIELDS)}")
    return fields


def _first_field(line: str, header: Sequence[str]) -> str | None:
    """The call id of a line that is no record, if it stands first, where nothing can have moved it."""
    if header[0] != "call_id":
        return None
    fields = next(csv.reader([line]), [])
    return _call_id({"call_id": fields[0]}) if len(fields) > 1 else None


def _call_id(row: Mapping[str, Any]) -> str | None:
    try:
        return _text(row, "call_id", "")
    except ConversationError:
        return None


def _turn(row: Mapping[str, Any], where: str) -> Utterance:
    if unknown := [name for name in row if name not in _FIELDS]:
        raise ConversationError(f"{where}: unknown field {unknown[0]!r}; the fields are {', '.join(_FIELDS)}")
    role = _text(row, "role", where).strip().lower()
    if role not in ROLES:
        raise ConversationError(f"{where}: role {role!r} is not one of {', '.join(ROLES)}")
    start_ms = _milliseconds(row.get("start_ms"), where)
    return Utterance(
        index=0,
        channel=0,
        role=role,
        start_ms=start_ms,
        end_ms=start_ms,
        text=_text(row, "text", where, may_be_empty=True),
        language=_language(row.get("language"), where),
    )


def _text(row: Mapping[str, Any], name: str, where: str, *, may_be_empty: bool = False) -> str:
    value = row.get(name)
    if name == "call_id" and type(value) is int:
        return str(value)
    if not isinstance(value, str) or not (value.strip() or may_be_empty):
        raise ConversationError(f"{where}: {name} must be text, not {value!r:.40}")
    return value


def _milliseconds(value: object, where: str) -> int | None:
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < 1e12:
        raise ConversationError(f"{where}: start_ms must be milliseconds from the start, not {value!r:.40}")
    return round(number)


def _language(value: object, where: str) -> str | None:
    """The language of a code or tag: ``en`` of ``en-US``; ``None`` if it is not given."""
    if value is None or value == "":
        return None
    code = re.split("[-_]", value.strip().lower())[0] if isinstance(value, str) else ""
    if not re.fullmatch("[a-z]{2,3}", code):
        raise ConversationError(
            f'{where}: language must be an ISO 639-1 code such as "en", not {value!r:.40}'
        )
    return code


def _call(call_id: str, said: list[Utterance], path: Path) -> Call:
    timed = [u.start_ms for u in said if u.start_ms is not None]
    if timed and len(timed) != len(said):
        raise ConversationError(
            f"{path}: conversation {call_id!r} has start_ms on some turns only; give it on all or on none"
        )
    if timed:
        said = sorted(said, key=lambda u: u.start_ms or 0)
    roles = list(dict.fromkeys(u.role for u in said))
    if all(u.language is None for u in said):
        language = written_language("\n".join(u.text for u in said))
        said = [replace(u, language=language) for u in said]
    return Call(
        id=call_id,
        duration_ms=max(timed) if timed else None,
        channels=tuple(
            Channel(index=i, role=role, source="transcript", confidence=1.0) for i, role in enumerate(roles)
        ),
        utterances=tuple(replace(u, index=i, channel=roles.index(u.role)) for i, u in enumerate(said)),
    )
