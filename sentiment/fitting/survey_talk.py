"""The survey itself, where it is spoken in the recording: it would give the answer away.

An automatic survey at a call's end ("on a scale from one to five ...", "five") is in the transcript, and a
model that reads it predicts the answer from the answer. Such utterances are found by their wording, and
nothing from the first of them on is measured.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.call import Call

__all__ = ["without_survey_talk"]

_NUMBER = r"(?:\d{1,3}|zero|one|two|three|four|five|six|seven|eight|nine|ten)"
_ASKED = re.compile(
    rf"\bscale (?:of|from) {_NUMBER} (?:to|through) {_NUMBER}\b"
    rf"|\bfrom {_NUMBER} to {_NUMBER},? (?:where|with|how|please)\b"
    rf"|\bhow (?:satisfied|likely) (?:are|were|would) you\b.*\b(?:recommend|service|call|today)\b"
    rf"|\brate (?:the|your|this|our)\b.*\b(?:call|service|agent|experience|satisfaction)\b"
    rf"|\b(?:short|brief|customer|satisfaction|two.question) survey\b",
    re.IGNORECASE,
)
_LATE = 0.6
"""A survey is held after the call's matter: what is said in the first part of it is about something else."""


def without_survey_talk(call: Call) -> tuple[Call, str | None]:
    """The call up to the survey spoken in it, and the words that ask; ``None`` and the whole call if none do.

    Only the later part of a call is searched. Shifts that begin in what is left out go with it, and so does
    what was measured over the whole call, as it measures the survey too.
    """
    n = len(call.utterances)
    first = next(
        (u.index for u in call.utterances if u.index >= _LATE * n and _ASKED.search(u.text)),
        None,
    )
    if first is None:
        return call, None
    kept = replace(
        call,
        utterances=call.utterances[:first],
        shifts=tuple(
            s
            for s in call.shifts
            if s.utterance_index < first and (s.trigger_index is None or s.trigger_index < first)
        ),
        moments=(),
        estimates=(),
        shape=None,
        characteristics=None,
    )
    return kept, call.utterances[first].text
