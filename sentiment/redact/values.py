"""What masking is asked for, and what it gives back."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Literal

from sentiment.call import Call  # noqa: TC001 - a field's type, read by those who build schemas of it

__all__ = ["KINDS", "Finding", "Kind", "RedactOptions", "Redacted"]

Kind = Literal["CARD", "CVV", "BANK ACCOUNT", "SSN", "EMAIL", "PHONE", "ADDRESS", "NAME"]
"""What is masked; the mask is the kind in square brackets."""

KINDS: tuple[Kind, ...] = typing.get_args(Kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class RedactOptions:
    """Which kinds are masked in the text, and which of those are silenced in the sound too.

    ``pad_ms`` is added on either side of every silenced stretch: a recogniser's word times are off by
    a tenth of a second and more.

    Raises:
        ValueError: an unknown kind, a kind muted that is not masked, or a negative ``pad_ms``.
    """

    kinds: frozenset[Kind] = frozenset(KINDS)
    muted: frozenset[Kind] = frozenset({"CARD", "CVV"})
    pad_ms: int = 200

    def __post_init__(self) -> None:
        for kind in sorted(self.kinds | self.muted):
            if kind not in KINDS:
                raise ValueError(f"there is no kind {kind!r} to mask; choose from {', '.join(KINDS)}")
        if loose := sorted(self.muted - self.kinds):
            raise ValueError(f"{', '.join(loose)}: muted but not masked; add it to kinds")
        if self.pad_ms < 0:
            raise ValueError(f"pad_ms is {self.pad_ms}; give 0 or more milliseconds")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Where personal data stood; never what it was.

    ``[start, end)`` are characters of the original text of utterance ``utterance_index``;
    ``[start_ms, end_ms)`` is when its words were said, ``None`` where the utterance has no word times.
    ``rule`` is what found it.
    """

    kind: Kind
    utterance_index: int
    start: int
    end: int
    start_ms: int | None
    end_ms: int | None
    rule: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Redacted:
    """A call with its personal data masked, and where that was, by utterance and place."""

    call: Call
    found: tuple[Finding, ...]
