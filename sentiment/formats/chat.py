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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.call import ROLES, Call, Channel, Utterance
from sentiment.errors import ConversationError
from sentiment.language import written_language
from sentiment.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SUFFIXES", "read_chats"]

SUFFIXES = (".jsonl", ".csv")
_FIELDS = ("call_id", "role", "text", "start_ms", "language")


def read_chats(path: str | Path) -> tuple[Call, ...]:
    """The conversations of a file, in order of first appearance, each with its turns in order.

    A turn with a time lasts until it was sent, so it starts and ends at ``start_ms``; turns are sorted
    by it. Utterances are not scored yet.

    Raises:
        ConversationError: the file cannot be read, has no turns, or a line is not as above; the
            message names the line. Nothing is read in part.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConversationError(f"{path}: cannot be read ({why}); give a UTF-8 .jsonl or .csv file") from None
    rows = _csv_rows(path, text) if path.suffix.lower() == ".csv" else _jsonl_rows(path, text)
    turns: dict[str, list[Utterance]] = {}
    for where, row in rows:
        turns.setdefault(_text(row, "call_id", where), []).append(_turn(row, where))
    if not turns:
        raise ConversationError(f"{path}: has no turns; give one JSON object or CSV row for each turn")
    return tuple(_call(call_id, said, path) for call_id, said in turns.items())


def _jsonl_rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):  # splitlines() also splits inside JSON strings
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = read_json(line)
        except ValueError as error:
            raise ConversationError(f"{where}: is not JSON ({error}); write one object a line") from None
        if not isinstance(row, dict):
            raise ConversationError(f"{where}: is not a JSON object; write one object a line")
        yield where, row


def _csv_rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or None in row.values():
                raise ConversationError(f"{where}: has another number of fields than the header")
            yield where, {key: value for key, value in row.items() if value != "" or key == "text"}
    except csv.Error as error:
        raise ConversationError(f"{path}, line {reader.line_num}: is not CSV ({error})") from None


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
