"""Masks in what quotes a call: the sentences of its shifts, moments and estimates, and its metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentiment.call import Call
    from sentiment.redact.apply import Masking

__all__ = ["mask_quotes", "mask_strings"]

_QUOTED = re.compile(r"“([^”]*)”")


def mask_quotes(call: Call, maskings: Mapping[int, Masking]) -> Call:
    """The call with every quotation of a masked utterance masked too (:func:`sentiment.phrases.quote`)."""
    if not maskings:
        return call
    quotable = [_Quotable(masking) for masking in maskings.values()]

    def masked(text: str) -> str:
        return _QUOTED.sub(lambda match: f"“{_mask_quotation(match[1], quotable)}”", text)

    return replace(
        call,
        shifts=tuple(replace(s, reason=masked(s.reason)) for s in call.shifts),
        moments=tuple(replace(m, explanation=masked(m.explanation)) for m in call.moments),
        estimates=tuple(
            replace(e, reasons=tuple(replace(r, explanation=masked(r.explanation)) for r in e.reasons))
            for e in call.estimates
        ),
    )


class _Quotable:
    """An utterance as it is quoted: on one line. ``at[i]`` is where its i-th character stands in the text."""

    def __init__(self, masking: Masking) -> None:
        self.masking = masking
        text = masking.original
        self.at: list[int] = []
        line: list[str] = []
        for match in re.finditer(r"\S+", text):
            if line:
                line.append(" ")
                self.at.append(match.start() - 1)
            line.append(match.group())
            self.at += range(match.start(), match.end())
        self.line = "".join(line)


def _mask_quotation(quoted: str, quotable: list[_Quotable]) -> str:
    """The quotation masked as the utterance that it is a part of; what is none of a masked one stays."""
    bare = quoted.strip("…")
    if not bare.strip():
        return quoted
    for each in quotable:
        start = each.line.find(bare)
        if start < 0:
            continue
        first, last = each.at[start], each.at[start + len(bare) - 1]
        masked = " ".join(each.masking.slice(first, last + 1).split())
        return quoted.replace(bare, masked)
    return quoted


def mask_strings(value: Any, mask: Callable[[str], str]) -> Any:
    """Every text in nested JSON masked, except under keys that are ids (``id``, ``order_id``)."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: each if _is_id(key) else mask_strings(each, mask) for key, each in value.items()}
    if isinstance(value, list):
        return [mask_strings(each, mask) for each in value]
    return value


def _is_id(key: str) -> bool:
    return re.search(r"(?:^|[_\-\s])ids?$|I[dD]s?$", key) is not None or key.lower() in ("id", "ids")
