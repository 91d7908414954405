"""What a call's page holds beside the call: the recording to listen to, and its outline.

The page is written by :mod:`sentiment.formats.html`; a page made anew from the stored call takes these
from the old one, since the recording may be gone.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

from sentiment.errors import ConversationError

__all__ = ["Sound", "sound_of"]

_AUDIO = re.compile(r'<audio id="audio"[^>]* src="data:audio/mpeg;base64,([^"]*)"')
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """``playback`` is the MP3, ``None`` for text; ``peaks`` the largest |sample| per bin of each channel."""

    playback: bytes | None
    peaks: tuple[tuple[float, ...], ...]


def sound_of(page: str) -> Sound:
    """The sound in a page.

    Raises:
        ConversationError: it is no page of ours, or a damaged one.
    """
    data, audio = _DATA.search(page), _AUDIO.search(page)
    try:
        if data is None:
            raise ValueError("no data in it")
        peaks = tuple(tuple(float(v) for v in each["values"]) for each in json.loads(data[1])["peaks"])
        playback = None if audio is None else base64.b64decode(audio[1], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise ConversationError(f"not a page of a call ({error}); score the recording again") from None
    return Sound(playback=playback, peaks=peaks)
