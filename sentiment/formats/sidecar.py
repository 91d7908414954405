"""What is known about a recording beforehand, in a JSON file beside it: ``call.wav.json``.

    {"call_id": "4711", "agent_id": "a-12", "customer_id": "c-9", "queue": "billing",
     "started_at": "2026-03-02T09:30:00+01:00", "channels": {"agent": 0, "customer": 1},
     "metadata": {"anything": "else"}}

Every field may be left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from errno import ENAMETOOLONG
from typing import TYPE_CHECKING, Any

from sentiment.call import ROLES, Role
from sentiment.errors import ChannelMapError, ConversationError
from sentiment.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Sidecar", "channel_roles", "parse_channels", "read_sidecar", "sidecar_of", "sidecar_path"]

_TEXT_FIELDS = ("call_id", "agent_id", "customer_id", "queue")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sidecar:
    """The facts of a sidecar file; ``roles`` maps an audio channel to its role, ``None`` if not given."""

    call_id: str | None = None
    started_at: datetime | None = None
    agent_id: str | None = None
    customer_id: str | None = None
    queue: str | None = None
    roles: Mapping[int, Role] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def sidecar_path(recording: Path) -> Path:
    """Where the sidecar of a recording is looked for: ``call.wav`` has ``call.wav.json``."""
    return recording.with_name(recording.name + ".json")


def read_sidecar(recording: Path) -> Sidecar:
    """The sidecar of a recording; an empty one if there is no such file.

    Raises:
        ConversationError: the file is there but is not as above; unknown fields are errors too, so
            that a misspelt one is not ignored.
        ChannelMapError: its channel map is malformed.
    """
    path = sidecar_path(recording)
    try:
        body = read_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Sidecar()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == ENAMETOOLONG:
            return Sidecar()  # no file can have that name
        raise ConversationError(
            f"{path}: cannot be read as JSON ({error}); mend it or take it away"
        ) from None
    return sidecar_of(body, where=str(path))


def sidecar_of(body: object, *, where: str) -> Sidecar:
    """The facts in the JSON value of a sidecar file; ``where`` names it in errors, which are the same."""
    if not isinstance(body, dict):
        raise ConversationError(f"{where}: must hold one JSON object")
    known = {*_TEXT_FIELDS, "started_at", "channels", "metadata"}
    if unknown := sorted(body.keys() - known):
        raise ConversationError(
            f"{where}: unknown field {unknown[0]!r}; the fields are {', '.join(sorted(known))} "
            '(put anything else under "metadata")'
        )
    for name in _TEXT_FIELDS:
        if not isinstance(body.get(name, ""), str) or body.get(name) == "":
            raise ConversationError(f"{where}: {name} must be text that is not empty")
    if not isinstance(body.get("metadata", {}), dict):
        raise ConversationError(f"{where}: metadata must be an object")
    channels = body.get("channels")
    if channels is not None and not isinstance(channels, dict):
        raise ChannelMapError(f'{where}: channels must be an object such as {{"agent": 0, "customer": 1}}')
    return Sidecar(
        started_at=_moment(body.get("started_at"), where),
        roles=None if channels is None else channel_roles(channels, where=where),
        metadata=body.get("metadata", {}),
        **{name: body.get(name) for name in _TEXT_FIELDS},
    )


def parse_channels(text: str) -> dict[int, Role]:
    """``agent=0,customer=1`` as ``{0: "agent", 1: "customer"}``.

    Raises:
        ChannelMapError: not of that form.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(sign for _, sign, _ in pairs):
        raise ChannelMapError(f"--channels {text}: write it as agent=0,customer=1")
    if len({role.strip() for role, _, _ in pairs}) != len(pairs):
        raise ChannelMapError(f"--channels {text}: names a role twice")
    return channel_roles({role.strip(): number.strip() for role, _, number in pairs}, where="--channels")


def channel_roles(channels: Mapping[str, object], *, where: str) -> dict[int, Role]:
    """A map of role to channel number turned round and checked; ``where`` names it in errors.

    Raises:
        ChannelMapError: an unknown role, a channel that is not a whole number, or one given twice.
    """
    roles: dict[int, Role] = {}
    for role, number in channels.items():
        if role not in ROLES:
            raise ChannelMapError(f"{where}: unknown role {role!r}; the roles are {', '.join(ROLES)}")
        if isinstance(number, bool) or not re.fullmatch(r"[0-9]{1,3}", str(number)):
            raise ChannelMapError(f"{where}: channel {number!r:.20} of {role} must be a number from 0")
        if int(str(number)) in roles:
            raise ChannelMapError(f"{where}: channel {number} is given to two roles")
        roles[int(str(number))] = role
    return roles


def _moment(value: object, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):  # OverflowError: in UTC it is before the year 1
        pass
    raise ConversationError(
        f"{where}: started_at must be an ISO 8601 time with its zone, such as 2026-03-02T09:30:00+01:00"
    )
