"""What the other party said that best explains a change of feeling."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sentiment import phrases, wording

if TYPE_CHECKING:
    from sentiment.call import Call, Role, Utterance
    from sentiment.phrases import Phrase

__all__ = ["find_trigger"]

_CUE_WEIGHT, _WEAK_CUE_WEIGHT = 1.6, 0.6
_WEAK_CUES = frozenset({"understanding", "thanks", "a wait"})
_LENGTH_WEIGHT, _FULL_LENGTH_WORDS = 0.5, 8
_QUESTION_WEIGHT = 0.6
_POLARITY_WEIGHT = 0.5
_BACK_WEIGHT = 0.3
_ANSWERED_WEIGHT = 0.4
"""Set by judgement, not fitted: an offer outweighs a filler or two after it, a "thank you" does not."""


def find_trigger(
    call: Call, last: Utterance, first: Utterance, change: float, *, turns: int
) -> tuple[Utterance | None, str]:
    """The other party's utterance that best explains a change from ``last`` to ``first``, and why.

    Of the other party's latest ``turns`` utterances before ``first``, the latest is preferred; what
    is said (an offer, a refusal ...), how much of it there is, and wording that leans the way of the
    ``change`` (in polarity, signed) can outweigh being nearer. A mere question counts for less, and so does
    one that ``last`` already answered, in the old mood. A recorded voice is no party.
    """
    before = reversed(call.utterances[: first.index])
    latest_first = list(islice((u for u in before if _is_other_party(u, first)), turns))
    if not latest_first:
        return None, f"No trigger: {phrases.speaker(_other_role(first))} had said nothing before."
    cues = wording.BETTER if change > 0 else wording.WORSE
    weights = [
        _weight(turn, change, cues) - _BACK_WEIGHT * back - _ANSWERED_WEIGHT * (turn.index < last.index)
        for back, turn in enumerate(latest_first)
    ]
    best = latest_first[weights.index(max(weights))]
    who = phrases.speaker(best.role)
    reason = f"{'Right' if best.index > last.index else 'Soon'} after {who} said: {phrases.quote(best.text)}"
    kind = phrases.find(best.text, cues)
    return best, phrases.sentence(f"{reason} ({kind})" if kind else reason)


def _weight(turn: Utterance, change: float, cues: tuple[Phrase, ...]) -> float:
    polarity = 0.0 if turn.score is None else turn.score.polarity
    along = polarity if change > 0 else -polarity
    length = min(len(turn.text.split()), _FULL_LENGTH_WORDS) / _FULL_LENGTH_WORDS
    kind = phrases.find(turn.text, cues)
    cue = 0.0 if kind is None else _WEAK_CUE_WEIGHT if kind in _WEAK_CUES else _CUE_WEIGHT
    question = _QUESTION_WEIGHT * (kind is None and turn.text.rstrip().endswith("?"))
    return cue + _LENGTH_WEIGHT * length + _POLARITY_WEIGHT * max(0.0, along) - question


def _is_other_party(utterance: Utterance, party: Utterance) -> bool:
    if utterance.role == "ivr" or not utterance.text.strip():
        return False
    if party.role == "unknown":
        return utterance.channel != party.channel
    return utterance.role != party.role


def _other_role(party: Utterance) -> Role:
    return "agent" if party.role == "customer" else "customer" if party.role == "agent" else "unknown"
