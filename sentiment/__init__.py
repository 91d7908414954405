"""Listens to contact-centre calls and says how the customer felt, where that turned, and why.

import sentiment

analyser = sentiment.load()
call = analyser.analyze("call.wav")
call.utterances[3].score.polarity
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentiment import errors
from sentiment.call import (
    Audio,
    Call,
    Channel,
    Characteristics,
    Estimate,
    Evidence,
    Model,
    Moment,
    Provenance,
    Score,
    Shape,
    Shift,
    Survey,
    Utterance,
    Word,
    from_json,
    to_json,
)

if TYPE_CHECKING:
    from sentiment.pipeline import Analyser, load
    from sentiment.rules.reader import read_rules
    from sentiment.speech.transcriber import TranscriberOptions

__version__ = "0.1.0"

__all__ = [
    "Analyser",
    "Audio",
    "Call",
    "Channel",
    "Characteristics",
    "Estimate",
    "Evidence",
    "Model",
    "Moment",
    "Provenance",
    "Score",
    "Shape",
    "Shift",
    "Survey",
    "TranscriberOptions",
    "Utterance",
    "Word",
    "__version__",
    "errors",
    "from_json",
    "load",
    "read_rules",
    "to_json",
]

_LAZY = {
    "Analyser": "sentiment.pipeline",
    "load": "sentiment.pipeline",
    "read_rules": "sentiment.rules.reader",
    "TranscriberOptions": "sentiment.speech.transcriber",
}


def __getattr__(name: str) -> Any:
    """Names that need numpy come when asked for, so that ``import sentiment`` stays quick."""
    from importlib import import_module

    if name in ("metrics", "correlation"):  # whose packages are an extra, so that they are not in __all__
        return import_module(f"sentiment.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'sentiment' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
