"""The sentence that tells a moment: a template with the fields of a hit in braces."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from sentiment.phrases import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

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


def tell(template: str, words: Mapping[str, str], *, more: str = "") -> str:
    """The sentence, with ``more`` at its end, and a full stop."""
    parts = []
    for text, name, _, _ in Formatter().parse(template.strip()):
        parts.append(text)
        if name is not None:
            parts.append(words[name])
    return sentence("".join(parts) + more)
