"""Personal data out of transcripts, before they are stored: which characters, and which of the sound.

:func:`redact` masks a call's texts and says where it did; :func:`mute_spans` gives the stretches of each
channel to silence, which :class:`sentiment.audio.Muted` does. ``docs/privacy.md`` says what is
found and how well. Only the standard library is needed.
"""

from __future__ import annotations

from sentiment.redact.muting import mute_spans
from sentiment.redact.redact import redact
from sentiment.redact.values import KINDS, Finding, Kind, Redacted, RedactOptions

__all__ = ["KINDS", "Finding", "Kind", "RedactOptions", "Redacted", "mute_spans", "redact"]
