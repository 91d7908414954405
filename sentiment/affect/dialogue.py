"""A whole conversation -> vectors of what was said, by party and part: the dialogue encoder.

The lower layers of the scorer's encoder, which its training leaves as MPNet has them
(all-mpnet-base-v2), read the conversation in windows of whole turns:

    <s> customer: my bag is lost ... </s> agent: one moment ... </s> customer: ...

The vectors of all tokens of a part are averaged; the parts are those of :data:`PARTS`. A linear reading of
middle layers carries over to what a fine-tuned network was not trained on, needs no weights of its own, and
says exactly which utterance gave how much (:meth:`Dialogue.shares`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sentiment.affect.text import scorable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenizers import Tokenizer

    from sentiment.affect.network import Encoder
    from sentiment.affect.text import AffectConfig
    from sentiment.call import Role, Utterance

__all__ = ["LAYERS", "PARTS", "Dialogue", "DialogueEncoder"]

LAYERS = 6
"""How many layers read; the recipe of the scorer leaves so many as they are."""

WINDOW = 384
"""Most tokens read at once; MPNet was trained on up to 512."""

PARTS = ("all", "customer", "agent", "customer_late", "agent_late", "customer_last_turn", "last_turn")
"""What is averaged: everything; each party; each party in the later half of the turns; the customer's last
turn; the last turn of either."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialogue:
    """A conversation, read.

    ``vectors`` is float32 ``(n_tokens, size)``; ``utterance`` ``(n_tokens,)`` the index of each token's
    utterance; ``member`` bool ``(len(PARTS), n_tokens)`` which part it is in.
    """

    vectors: Floats
    utterance: NDArray[np.int64]
    member: NDArray[np.bool_]

    def parts(self) -> Floats:
        """The mean of each part, ``(len(PARTS), size)``; NaN for one in which nothing was said."""
        counts = self.member.sum(1, keepdims=True).astype(np.float32)
        counts[counts == 0] = np.nan
        means: Floats = (self.member.astype(np.float32) @ self.vectors) / counts
        return means

    def shares(self, weights: Floats) -> dict[int, float]:
        """What each utterance gives to a weighted sum of the parts, by its index.

        Args:
            weights: ``(len(PARTS), size)``; the values add up to ``nansum(parts() * weights)``.
        """
        counts = np.maximum(self.member.sum(1), 1)
        of_token = ((self.vectors @ weights.T) * self.member.T / counts).sum(1)
        return {int(i): float(of_token[self.utterance == i].sum()) for i in np.unique(self.utterance)}


class DialogueEncoder:
    """Reads conversations; :meth:`sentiment.affect.text.TextScorer.dialogue_encoder` makes one.

    ``size`` is the length of a vector.
    """

    def __init__(self, encoder: Encoder, tokenizer: Tokenizer, config: AffectConfig) -> None:
        self.size: int = config.encoder["hidden_size"]
        self._encoder, self._tokenizer, self._config = encoder, tokenizer, config

    def read(self, utterances: Sequence[Utterance]) -> Dialogue | None:
        """Read the customer's and the agent's utterances, in order; ``None`` if they hold no words."""
        import torch

        said = [u for u in utterances if u.role in ("customer", "agent") and scorable(u.text) is None]
        if not said:
            return None
        tokens = [t for turn, group in enumerate(self._turns(said)) for t in self._tokens(turn, group)]
        vectors = []
        with torch.inference_mode():
            for window in _windows(tokens):
                ids = torch.tensor([self._id("<s>"), *(t.id for t in window)])
                vectors.append(self._encoder(ids, [len(ids)], layers=LAYERS)[1:].numpy())
        return Dialogue(
            vectors=np.concatenate(vectors),
            utterance=np.array([t.utterance for t in tokens]),
            member=_members(tokens),
        )

    def _turns(self, said: Sequence[Utterance]) -> Iterator[list[Utterance]]:
        for _, group in groupby(said, key=lambda u: u.role):
            yield list(group)

    def _tokens(self, turn: int, group: list[Utterance]) -> Iterator[_Token]:
        """The tokens of one turn: who speaks, what they say, the end."""
        marker = self._config.role_markers[group[0].role]
        for i, u in enumerate(group):
            text = f"{marker} {u.text}" if i == 0 else u.text
            for token in self._tokenizer.encode(text, add_special_tokens=False).ids:
                yield _Token(token, u.index, u.role, turn)
        yield _Token(self._id("</s>"), group[-1].index, group[-1].role, turn)

    def _id(self, special: str) -> int:
        found = self._tokenizer.token_to_id(special)
        assert found is not None, special
        return found


@dataclass(frozen=True, slots=True)
class _Token:
    id: int
    utterance: int
    role: Role
    turn: int


def _windows(tokens: Sequence[_Token]) -> Iterator[Sequence[_Token]]:
    """Stretches of at most :data:`WINDOW` tokens less one, cut between turns where a turn is not longer."""
    room, start = WINDOW - 1, 0
    while start < len(tokens):
        end = min(start + room, len(tokens))
        if end < len(tokens):
            joint = next((i for i in range(end, start, -1) if tokens[i - 1].turn != tokens[i].turn), end)
            end = joint if joint > start else end
        yield tokens[start:end]
        start = end


def _members(tokens: Sequence[_Token]) -> NDArray[np.bool_]:
    turn = np.array([t.turn for t in tokens])
    customer = np.array([t.role == "customer" for t in tokens])
    late = turn >= turn[-1] / 2
    last_turn_of_customer = turn[customer].max() if customer.any() else -1
    return np.array(
        [
            np.ones(len(tokens), bool),
            customer,
            ~customer,
            customer & late,
            ~customer & late,
            turn == last_turn_of_customer,
            turn == turn[-1],
        ]
    )
