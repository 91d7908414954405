"""Which stretches of a call's sound hold what was masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.redact.values import RedactOptions
from sentiment.timeline import Span, union

if TYPE_CHECKING:
    from sentiment.redact.values import Redacted

__all__ = ["mute_spans"]


def mute_spans(redacted: Redacted, options: RedactOptions | None = None) -> dict[int, tuple[Span, ...]]:
    """The stretches to silence, in order, by the index into ``Call.channels``.

    Each reaches from the first masked word's start to the last's end, and ``pad_ms`` further. An
    utterance without word times is silenced whole; one without any times cannot be. In a mono recording
    the channels are voices in one sound: silence the stretches of all of them.
    """
    options = options or RedactOptions()
    spans: dict[int, list[tuple[int, int]]] = {}
    for finding in redacted.found:
        utterance = redacted.call.utterances[finding.utterance_index]
        start_ms = utterance.start_ms if finding.start_ms is None else finding.start_ms
        end_ms = utterance.end_ms if finding.end_ms is None else finding.end_ms
        if finding.kind not in options.muted or start_ms is None or end_ms is None:
            continue
        padded = (max(0, start_ms - options.pad_ms), end_ms + options.pad_ms)
        spans.setdefault(utterance.channel, []).append(padded)
    return {channel: union(each) for channel, each in sorted(spans.items())}
