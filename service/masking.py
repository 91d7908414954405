"""Personal data is masked before anything is stored: how the service's settings choose what, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.audio import Muted, playback
from sentiment.call import Call, Channel, Utterance
from sentiment.redact import RedactOptions, mute_spans, redact

if TYPE_CHECKING:
    from sentiment.audio import Recording
    from service.jobs.work import Redactor, Spans
    from service.settings import Settings

__all__ = ["mask_by", "mask_text", "masker", "play_muted"]


def masker(settings: Settings) -> Redactor | None:
    """What masks a call, and says what of its recording to silence; ``None`` where settings turned it off."""
    if not settings.redact:
        return None
    options = RedactOptions(muted=settings.muted)

    def mask(call: Call) -> tuple[Call, Spans]:
        redacted = redact(call, options)
        return redacted.call, mute_spans(redacted, options)

    return mask


def play_muted(recording: Recording, spans: Spans) -> bytes:
    """The copy of a recording that is kept: an MP3 with those stretches silent."""
    return playback(Muted(recording, spans))


def mask_text(text: str, settings: Settings) -> str:
    """What somebody typed about a call, masked as a transcript is."""
    mask = masker(settings)
    return text if mask is None else mask_by(mask, text)


def mask_by(mask: Redactor, text: str) -> str:
    """A text by itself, masked by what masks calls."""
    said = Utterance(index=0, channel=0, role="unknown", start_ms=None, end_ms=None, text=text)
    channel = Channel(index=0, role="unknown", source="transcript", confidence=1.0)
    call = Call(id="", duration_ms=None, channels=(channel,), utterances=(said,))
    return mask(call)[0].utterances[0].text
