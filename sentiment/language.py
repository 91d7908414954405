"""Which language a text is written in."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["written_language"]

_MIN_WORDS = 8  # fewer, and names and numbers decide
_MIN_PROBABILITY = 0.9


def written_language(text: str) -> str | None:
    """The ISO 639-1 code of the language of ``text``; ``None`` if it is too short or unclear to say.

    By py3langid, over 97 languages (Lui and Baldwin 2012, "langid.py").
    """
    if len(text.split()) < _MIN_WORDS:
        return None
    language, probability = _identifier().classify(text)
    return str(language) if probability >= _MIN_PROBABILITY else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
