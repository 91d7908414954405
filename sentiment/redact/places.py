"""Words of postal addresses, from ``words.toml``."""

from __future__ import annotations

from sentiment.redact.word_lists import phrases, words

__all__ = [
    "AMBIGUOUS_SUFFIXES",
    "DIRECTIONS",
    "NOT_STREETS",
    "POSTCODE_AREAS",
    "STATES",
    "STATE_CODES",
    "SUFFIXES",
    "UNITS",
]

SUFFIXES = words("address.suffixes")
AMBIGUOUS_SUFFIXES = words("address.ambiguous_suffixes")
DIRECTIONS = words("address.directions")
UNITS = words("address.units")
STATES = frozenset(phrases("address.states"))
STATE_CODES = words("address.state_codes")
NOT_STREETS = words("address.not_streets")
POSTCODE_AREAS = words("address.postcode_areas")
