"""What the parties of a call are called in everything a person reads."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentiment.call import Call, Role

__all__ = ["party_names"]

ROLE_NAMES: Mapping[Role, str] = {
    "agent": "Agent",
    "customer": "Customer",
    "ivr": "Recorded voice",
    "unknown": "Speaker",
}


def party_names(call: Call) -> dict[tuple[int, Role], str]:
    """Who speaks, by channel and role, channels first; equal roles are numbered ("Speaker 1")."""
    keys: list[tuple[int, Role]] = [(c.index, c.role) for c in call.channels]
    keys = list(dict.fromkeys(keys + [(u.channel, u.role) for u in call.utterances]))
    n_parties = Counter(role for _, role in keys)
    named: Counter[Role] = Counter()
    names = {}
    for channel, role in keys:
        named[role] += 1
        number = f" {named[role]}" if n_parties[role] > 1 else ""
        names[channel, role] = ROLE_NAMES[role] + number
    return names
