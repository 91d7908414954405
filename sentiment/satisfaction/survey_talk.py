"""The survey itself, where it is spoken in the recording: it would give the answer away.

An automatic survey at a call's end ("on a scale from one to five ...", "five") is in the transcript, and a
model that reads it predicts the answer from the answer. It is found by wording, by who asks and by the
numbers that answer; nothing from its first question on is measured, when an estimate is learned or made.

That a survey will come ("you may get a short survey by text") gives nothing away and is left in, as is one
question for a rating amid a call, which is about something else.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sentiment.characteristics import characterise, uncharacterised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Call, Utterance

__all__ = ["without_survey_talk"]

_NUMBER = r"(?:\d{1,3}|zero|one|two|three|four|five|six|seven|eight|nine|ten)"
_ASKED = re.compile(
    rf"\bscale (?:of|from) {_NUMBER} (?:to|through) {_NUMBER}\b"
    rf"|\bfrom {_NUMBER} to {_NUMBER},? (?:where|with|how|please)\b"
    rf"|\bhow (?:satisfied|happy|easy|likely) (?:are|were|was|would|is)\b"
    rf".*\b(?:recommend|service|call|today|experience|agent|representative|support|problem|issue)\b"
    rf"|\brate (?:the|your|this|our|how)\b"
    rf".*\b(?:call|service|agent|experience|satisfaction|representative|support)\b",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"\b(?:short|brief|quick|customer|satisfaction|(?:one|two|three|four|five)[ -]question) survey\b",
    re.IGNORECASE,
)
_BEFORE = (
    r"(?:i would|i'd|i'll|say|give (?:it|you|her|him|them)|give|an?|u[hm]+|oh|well|so|yes|yeah|okay|ok|maybe|"
    r"probably|definitely|it's|that's|let's|number)"
)
_AFTER = rf"(?:out of {_NUMBER}|stars?|points?|please|thanks|thank you|definitely|for sure|i (?:guess|think))"
_REPLY = re.compile(rf"\W*(?:{_BEFORE}\W+)*{_NUMBER}(?:\W+{_AFTER})*\W*", re.IGNORECASE)
"""A number and nothing else to speak of."""

_LATE = 0.6
"""A survey is held after the call's matter: a single question in the first part is about something else."""

_REACH = 3
"""How many utterances on an announced survey has its first answer, or its recorded voice."""


def without_survey_talk(call: Call) -> tuple[Call, str | None]:
    """The call up to the survey spoken in it, and the words it begins with; ``None`` and the whole call if
    there is none.

    Shifts that begin in what is left out go with it; what was measured over the whole call is measured anew,
    or left out where that cannot be done.
    """
    first = _first(call.utterances)
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
    if call.characteristics is not None and uncharacterised(kept) is None:
        kept = replace(kept, characteristics=characterise(kept))
    return kept, call.utterances[first].text


def _first(said: Sequence[Utterance]) -> int | None:
    """Where the survey begins."""
    after_the_last_agent = 1 + max((i for i, u in enumerate(said) if u.role == "agent"), default=-1)
    answered: list[int] = []
    for i, u in enumerate(said):
        late = i >= _LATE * len(said)
        if _ASKED.search(u.text):
            # An opening may ask callers to stay for a survey; no agent follows upon the survey itself.
            if u.role == "ivr" and i >= after_the_last_agent > 0:
                return i
            if late and (u.role != "customer" or _answered(said, i, 2)):
                return answered[0] if answered else i
            if u.role != "customer" and _answered(said, i, 2):
                answered.append(i)
        elif _ANNOUNCED.search(u.text):
            machine = any(o.role == "ivr" for o in said[i + 1 : i + 1 + _REACH])
            handed_over = machine and i + 1 >= after_the_last_agent > 0
            if handed_over or (late and (machine or _answered(said, i, _REACH))):
                return answered[0] if answered else i
    return answered[0] if len(answered) > 1 else None


def _answered(said: Sequence[Utterance], at: int, reach: int) -> bool:
    """Whether another party answers with a number within ``reach`` utterances."""
    return any(o.role != said[at].role and _REPLY.fullmatch(o.text) for o in said[at + 1 : at + 1 + reach])
