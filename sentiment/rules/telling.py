"""The sentence that tells a moment: a template with the fields of a hit in braces."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from sentiment.phrases import clock, quote, sentence, speaker, when

if TYPE_CHECKING:
    from collections.abc import Set

    from sentiment.call import Call
    from sentiment.rules.values import Hit

__all__ = ["check_template", "tell"]


def fields_of(template: str) -> list[str]:
    """The names in braces.

    Raises:
        ValueError: a brace is left open, or a field has no name, a conversion or a format.
    """
    names = []
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name or form or conversion:
            raise ValueError(f"write a field as {{{name or 'quote'}}}, without {'!' if conversion else ':'}…")
        names.append(name)
    return names


def check_template(template: str, known: Set[str]) -> None:
    """Raise ValueError, saying what is wrong, unless every field of ``template`` is ``known``."""
    if not template.strip() or "\n" in template.strip():
        raise ValueError("it must be one sentence on one line")
    try:
        names = fields_of(template)
    except ValueError as error:
        raise ValueError(f"not a template: {error}; a brace that is meant is written twice") from None
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"unknown field {{{unknown[0]}}}; there are {', '.join(sorted(known))}")


def tell(template: str, call: Call, hit: Hit, *, n: int, more: str = "") -> str:
    """The sentence for a hit, one of ``n``, with ``more`` at its end, and a full stop."""
    words = words_of(call, hit) | {"n": str(n)}
    parts = []
    for text, name, _, _ in Formatter().parse(template.strip()):
        parts.append(text)
        if name is not None:
            parts.append(words[name])
    return sentence("".join(parts) + more)


def words_of(call: Call, hit: Hit) -> dict[str, str]:
    """The fields of an explanation: those every hit has, the hit's own, and its companions'."""
    u = call.utterances[hit.first]
    lasts = None if hit.start_ms is None or hit.end_ms is None else (hit.end_ms - hit.start_ms) / 1000
    words = {
        "when": when(hit.start_ms, u.index),
        "time": f"turn {u.index + 1}" if hit.start_ms is None else clock(hit.start_ms),
        "seconds": "some" if lasts is None else f"{lasts:.0f}" if lasts >= 10 else f"{lasts:.1f}",
        "who": "someone" if u.role == "unknown" else speaker(u.role),
        "quote": quote(u.text),
        **hit.words,
    }
    for each in hit.companions:
        if each.name is not None:
            words |= {f"{each.name}.{key}": text for key, text in words_of(call, each.hit).items()}
    return words
