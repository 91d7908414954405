"""Agent or customer? Worked out from the wording.

A linear model over lower-cased one- and two-word phrases gives the log odds that a phrase was said
by the agent ("is there anything else I can help you with") rather than by the customer ("I was
wondering how much that would cost"). Its features are binary and not normalised, so evidence adds
up over a call and grows with what was said. :mod:`models.train_roles` is the recipe.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from sentiment.errors import CorruptModelError
from sentiment.weights import weights_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sentiment.call import Word

__all__ = [
    "LANGUAGE",
    "PAUSE_MS",
    "RoleModel",
    "evidence",
    "load_role_model",
    "phrases",
    "probability_first_is_agent",
    "tokens",
]

LANGUAGE = "en"
"""The one language the wording model was trained on; other languages give no evidence."""

PAUSE_MS = 500
"""A silence this long between two words ends a phrase."""

SPEAKS_FIRST_LOG_ODDS = 1.0
"""Prior log odds that who speaks first is the agent (0.73): the centre answers most calls, but on
outbound calls the customer says hello first."""

SURPRISE = 0.01
"""Share of calls that are like nothing the model knows; no role is ever surer than this leaves open."""

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|0")
_SENTENCE_END = (".", "?", "!")


def tokens(text: str) -> list[str]:
    """Lower-cased words without punctuation, every number as ``0``, as a recogniser would give them."""
    return _TOKEN.findall(_NUMBER.sub("0", text.lower().replace("\u2019", "'")))


def ngrams(text: str) -> set[str]:
    """The one- and two-word phrases of a text: the model's features."""
    words = tokens(text)
    return {*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))}


@dataclass(frozen=True, slots=True)
class RoleModel:
    """The wording model. ``weights`` is float32 (n_features,), ``bias`` and the result are log odds.

    ``call_scale`` shrinks the sum over a call's phrases, which are not independent, so that the
    logistic of it is a calibrated probability.
    """

    vocabulary: Mapping[str, int]
    weights: NDArray[np.float32]
    bias: float
    call_scale: float

    def weight(self, term: str) -> float:
        """Log odds one word or pair of words adds; 0 if it is not known."""
        at = self.vocabulary.get(term)
        return 0.0 if at is None else float(self.weights[at])

    def log_odds(self, text: str) -> float:
        """Log odds, in nats, that the agent said ``text``; 0 if no word of it is known."""
        known = [self.vocabulary[g] for g in ngrams(text) if g in self.vocabulary]
        return float(self.weights[known].sum()) + self.bias if known else 0.0


def phrases(words: Sequence[Word], pause_ms: int = PAUSE_MS) -> Iterator[tuple[int, int]]:
    """Index ranges ``[first, end)`` of the words between sentence ends and pauses, in order."""
    first = 0
    for i, word in enumerate(words):
        last = i + 1 == len(words)
        if (
            last
            or word.text.rstrip().endswith(_SENTENCE_END)
            or words[i + 1].start_ms - word.end_ms >= pause_ms
        ):
            yield first, i + 1
            first = i + 1


def evidence(words: Sequence[Word], model: RoleModel) -> float:
    """Calibrated log odds that everything in ``words`` was said by the agent."""
    spoken = (" ".join(w.text for w in words[first:end]) for first, end in phrases(words))
    return model.call_scale * sum(model.log_odds(text) for text in spoken)


def probability_first_is_agent(
    first: Sequence[Word], second: Sequence[Word], model: RoleModel | None
) -> float | None:
    """Probability that of two parties the first is the agent and the second the customer.

    The better of the two assignments has it at 0.5 or more. ``None`` if neither said anything.
    Without a ``model`` (a language it does not know) only who speaks first counts; if one party is
    silent, only the other one's words do.
    """
    if not first and not second:
        return None
    log_odds = evidence(first, model) - evidence(second, model) if model else 0.0
    if first and second:
        log_odds += math.copysign(SPEAKS_FIRST_LOG_ODDS, second[0].start_ms - first[0].start_ms)
    return SURPRISE / 2 + (1 - SURPRISE) / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


@cache
def load_role_model(folder: Path | None = None) -> RoleModel:
    """The shipped wording model, or the one in ``folder``.

    Raises:
        CorruptModelError: a file is missing or unreadable.
    """
    from safetensors.numpy import load_file

    folder = folder or weights_dir("roles")
    try:
        tensors = load_file(folder / "model.safetensors")
        terms = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        weights, bias, scale = tensors["weights"], tensors["bias"], tensors["call_scale"]
    except (OSError, ValueError, KeyError) as error:
        raise CorruptModelError(f"role model in {folder}: {error}; install the package again") from None
    if len(terms) != len(weights):
        raise CorruptModelError(
            f"role model in {folder}: {len(terms)} phrases but {len(weights)} weights; "
            "install the package again"
        )
    vocabulary = {term: i for i, term in enumerate(terms)}
    return RoleModel(vocabulary, weights.astype(np.float32), float(bias[0]), float(scale[0]))
