"""Recordings: any telephone or meeting recording as 16 kHz sound, read a span at a time.

:func:`open_recording` decodes a file once, block by block, and keeps the sound in an unlinked
temporary file, so memory does not grow with the length of a call. :func:`playback` makes a small MP3
of it for a page, :func:`peaks` the waveform; both take a :class:`Muted` recording too, in which stretches
are silent, and :func:`write_sound` keeps either in a file.
"""

from __future__ import annotations

from sentiment.audio.muting import Muted, Sound, mute, write_sound
from sentiment.audio.playback import peaks, playback
from sentiment.audio.recording import SAMPLE_RATE_HZ, Recording, check_recording, open_recording

__all__ = [
    "SAMPLE_RATE_HZ",
    "Muted",
    "Recording",
    "Sound",
    "check_recording",
    "mute",
    "open_recording",
    "peaks",
    "playback",
    "write_sound",
]
