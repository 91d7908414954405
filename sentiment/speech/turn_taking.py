"""Does the speaker change between two words? From punctuation, pauses and what is said on either side.

Inside a sentence a change is rare. Where a sentence ends it depends on its words, on those that follow
and on who spoke: after an agent's "and your last name" the customer answers, after a customer's "okay"
the agent goes on. A logistic regression over the two sentences, for each party that may have spoken,
is averaged with a simple rule of punctuation and pauses, which holds where the recogniser's sentences
are not those of the written calls it was trained on. :mod:`models.train_roles` is the recipe.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sentiment.errors import CorruptModelError
from sentiment.speech.roles import phrases, tokens
from sentiment.weights import weights_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sentiment.call import Word

__all__ = ["TurnModel", "changes", "junction", "load_turn_model", "switch_log_odds"]

SWITCH_LOG_ODDS = -5.0
SWITCH_AFTER_SENTENCE = 3.5
SWITCH_AFTER_QUESTION = 1.7
SWITCH_PER_SECOND = 2.3
SWITCH_TO_REPLY = 1.4
SWITCH_TO_REPLY_INSIDE = 2.2
"""Log odds that the speaker changes between two words, and what is added after a sentence, after a
question, per second of pause (to 1.5 s), and if the next word is one that replies begin with (after a
sentence, inside one). A logistic regression on a real call's and on synthetic calls' channels."""

REPLIES = frozenset(
    tokens(
        "okay ok yeah yes yep no nope sure great oh alright all thank thanks right hi hello hey perfect good "
        "well bye mm uh um awesome"
    )
)

LEARNED_SHARE = 0.5
LEARNED_PRIOR = -0.5
LEARNED_PER_SECOND = 1.5
USUAL_PAUSE_S = 0.25
"""The learned log odds count for this share. Turns of real calls have more sentences than the written
calls' (hence the prior), which have no pauses (hence the slope, about the usual pause)."""

_ENDS = (".", "?", "!")
_NUMBERS = frozenset(
    tokens(
        "zero oh one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty "
        "sixty seventy eighty ninety hundred 0"
    )
)
_COMMON = frozenset(tokens("the a an i you it to and is of that in on for we do okay yeah so"))


@dataclass(frozen=True, slots=True)
class TurnModel:
    """Log odds of a change at a sentence's end: ``bias`` plus the ``weights`` of a junction's features."""

    weights: Mapping[str, float]
    bias: float

    def log_odds(self, left: str, right: str, party: str) -> float:
        """Log odds that the speaker changes if ``party`` (``A`` or ``C``) said the left sentence."""
        return self.bias + sum(self.weights.get(f, 0.0) for f in junction(left, right, party))


def junction(left: str, right: str, party: str) -> set[str]:
    """Features of the place between two sentences if ``party`` said the left one.

    Each feature stands there twice, alone and with the party, so that what holds for both is shared.
    """
    before, after = tokens(left), tokens(right)
    asked = "q" if left.rstrip().endswith("?") else "s"
    sizes = f"{_size(before)}{_size(after)}"
    found = {
        asked,
        f"left size {asked} {sizes[0]}",
        f"right size {asked} {sizes[1]}",
        *(f"left has {t}" for t in before[:3]),
        f"left begins {' '.join(before[:1])}",
        f"left begins {' '.join(before[:2])}",
        f"left ends {' '.join(before[-2:])}",
        f"left begins {asked} {' '.join(before[:1])}",
        f"right begins {' '.join(after[:1])}",
        f"right begins {' '.join(after[:2])}",
        f"right begins {asked} {' '.join(after[:1])}",
    }
    found |= {f"left is {' '.join(before)}"} if len(before) < 4 else set()
    found |= {f"right is {' '.join(after)}"} if len(after) < 4 else set()
    found |= {"left number"} if _NUMBERS.intersection(before) else set()
    found |= {"right number"} if _NUMBERS.intersection(after) else set()
    found |= {"echo"} if set(before) & set(after) - _COMMON else set()
    return found | {f"{party} {feature}" for feature in found}


def _size(words: Sequence[str]) -> int:
    return sum(len(words) >= n for n in (2, 4, 8))


def changes(words: Sequence[Word], model: TurnModel | None) -> NDArray[np.float64]:
    """Log odds (n - 1, 2) that the speaker changes after each word, if the agent or the customer said it.

    Without a ``model`` (a language it does not know) only punctuation and pauses count.
    """
    simple = np.array([switch_log_odds(a, b) for a, b in pairwise(words)], np.float64)
    found = np.repeat(simple[:, None], 2, axis=1)
    if model is None:
        return found
    for (first, end), (_, next_end) in pairwise(phrases(words)):
        if not words[end - 1].text.rstrip().endswith(_ENDS):
            continue
        left = " ".join(w.text for w in words[first:end])
        right = " ".join(w.text for w in words[end:next_end])
        pause_s = _pause_s(words[end - 1], words[end])
        extra = LEARNED_PRIOR + LEARNED_PER_SECOND * (pause_s - USUAL_PAUSE_S)
        learned = np.array([model.log_odds(left, right, party) for party in "AC"]) + extra
        found[end - 1] = LEARNED_SHARE * learned + (1 - LEARNED_SHARE) * found[end - 1]
    return found


def switch_log_odds(before: Word, after: Word) -> float:
    """Log odds that the speaker changes between two consecutive words, by punctuation and pause alone."""
    text = before.text.rstrip()
    ended, asked = text.endswith(_ENDS), text.endswith("?")
    replying = tokens(after.text)[:1]
    replies = bool(replying) and replying[0] in REPLIES
    return (
        SWITCH_LOG_ODDS
        + SWITCH_AFTER_SENTENCE * ended
        + SWITCH_AFTER_QUESTION * asked
        + SWITCH_PER_SECOND * _pause_s(before, after)
        + replies * (SWITCH_TO_REPLY if ended else SWITCH_TO_REPLY_INSIDE)
    )


def _pause_s(before: Word, after: Word) -> float:
    return min(max(after.start_ms - before.end_ms, 0), 1500) / 1000


@cache
def load_turn_model(folder: Path | None = None) -> TurnModel:
    """The shipped turn-taking model, or the one in ``folder``.

    Raises:
        CorruptModelError: its file is missing or unreadable.
    """
    folder = folder or weights_dir("roles")
    try:
        found = json.loads((folder / "turns.json").read_text(encoding="utf-8"))
        model = TurnModel({str(k): float(v) for k, v in found["weights"].items()}, float(found["bias"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptModelError(
            f"turn-taking model in {folder}: {error!r}; install the package again"
        ) from None
    if not all(map(math.isfinite, (model.bias, *model.weights.values()))):
        raise CorruptModelError(f"turn-taking model in {folder}: not all numbers; install the package again")
    return model
