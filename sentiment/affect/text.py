"""Utterances -> scores: a small transformer that reads who speaks and what was said before.

One pass of the encoder (:mod:`sentiment.affect.network`) per utterance:

    <s> customer: my bag is lost agent: one moment </s> customer: great another hour on hold </s>
        └────── the turns before, newest kept ─────┘    └─ who speaks, and what is scored ─┘

The target is never cut to make room for its context. Two vectors, that of ``<s>`` and the mean over
the target, feed one linear layer whose outputs are:

    sentiment   logits of negative, neutral, positive, divided by a temperature fitted on held-out text
    emotions    a logit for each name in the configuration
    valence     tanh of it is v in [-1, 1]
    arousal     how much more or less aroused than the average sentence, in standard deviations

and the score is

    polarity    0.7 v + 0.3 (p_positive - p_negative)                  in [-1, 1]
    intensity   0.7 |polarity| + 0.3 max(0, tanh(arousal / 2))         in [0, 1]

Polarity joins what raters said about strength with how sure the classifier is. The valence alone agrees with
raters about as well or better (``models/RESULTS.md``); the classes' share keeps the sign near the label.
Intensity is mostly the size of the polarity: more of arousal agrees better with people's ratings of
arousal in text, which agree little with each other, and in news worse with their ratings of strength.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sentiment.call import Model, Role, Score, Utterance
from sentiment.errors import CorruptModelError
from sentiment.threads import one_thread_each
from sentiment.weights import verify, weights_dir

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

    from sentiment.affect.dialogue import DialogueEncoder
    from sentiment.affect.network import Network

__all__ = [
    "AffectConfig",
    "Encoded",
    "Reading",
    "TextScorer",
    "encode",
    "join",
    "load_text_scorer",
    "scorable",
]

WEIGHT_FILES = ("model.safetensors", "words.safetensors")
"""The layers, and the table of words: two files, as a file is to stay under 100 MB."""

VALENCE_SHARE, AROUSAL_SHARE = 0.7, 0.3
"""How much of polarity is valence, and of intensity arousal; see the formulas above."""

_DECIMALS = 4


@dataclass(frozen=True, kw_only=True)
class AffectConfig:
    """What ``config.json`` beside the weights says.

    ``max_len`` is the longest input and ``context_tokens`` the most of it given to earlier turns, of
    which ``context_turns`` are read; all three count from the newest. ``role_markers`` is the text set
    before a turn. ``temperature`` divides the sentiment logits. ``encoder`` are MPNet's dimensions.
    """

    name: str
    languages: tuple[str, ...]
    emotions: tuple[str, ...]
    role_markers: Mapping[str, str]
    max_len: int
    context_turns: int
    context_tokens: int
    temperature: float
    encoder: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> AffectConfig:
        """Read ``config.json``.

        Raises:
            CorruptModelError: it is not the configuration of this kind of model.
        """
        try:
            body = json.loads(path.read_text("utf-8"))
            body["languages"], body["emotions"] = tuple(body["languages"]), tuple(body["emotions"])
            return cls(**body)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptModelError(
                f"model {path.parent.name}: {path.name} is not a configuration of this version ({error}); "
                "reinstall conversation-sentiment"
            ) from None


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one input; the first ``n_context``, ``<s>`` and ``</s>`` among them, are not scored."""

    ids: tuple[int, ...]
    n_context: int
    truncated: bool


class Reading(NamedTuple):
    """The four outputs for one utterance.

    ``probabilities`` of negative, neutral, positive; ``valence`` in [-1, 1]; ``arousal`` in standard
    deviations from the average sentence; the probability of each emotion.
    """

    probabilities: tuple[float, float, float]
    valence: float
    arousal: float
    emotions: tuple[float, ...]
    truncated: bool


def scorable(text: str) -> str | None:
    """Why ``text`` cannot be scored, or ``None`` if it can."""
    return None if any(c.isalnum() for c in text) else "no words in it"


def encode(
    tokenizer: Tokenizer, config: AffectConfig, context: Sequence[tuple[Role, str]], role: Role, text: str
) -> Encoded:
    """Make the input for one utterance.

    Args:
        tokenizer: adds no special tokens by itself, nor cuts.
        context: the turns before, oldest first.
    """
    first, end = (tokenizer.encode(t, add_special_tokens=False).ids[0] for t in ("<s>", "</s>"))

    def tokens(who: Role, said: str) -> list[int]:
        ids: list[int] = tokenizer.encode(f"{config.role_markers[who]} {said}", add_special_tokens=False).ids
        return ids

    room = config.max_len - 3
    target = tokens(role, text)
    truncated = len(target) > room
    target = target[:room]
    earlier: list[int] = []
    for who, said in context[-config.context_turns :] if config.context_turns else ():
        earlier += tokens(who, said)
    keep = min(config.context_tokens, room - len(target))
    earlier = earlier[len(earlier) - keep :] if len(earlier) > keep else earlier
    return Encoded((first, *earlier, end, *target, end), len(earlier) + 2, truncated)


def join(batch: Sequence[Encoded]) -> dict[str, Any]:
    """The arguments of :meth:`sentiment.affect.network.Network.forward`."""
    import torch

    return {
        "ids": torch.tensor([token for e in batch for token in e.ids]),
        "lengths": [len(e.ids) for e in batch],
        "n_context": [e.n_context for e in batch],
    }


class TextScorer:
    """Scores utterances; make one with :func:`load_text_scorer` and keep it.

    ``model`` names the weights, ``languages`` are the ISO 639-1 codes it was trained on.
    """

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        config: AffectConfig,
        *,
        revision: str,
        threads: int,
        batch_size: int,
    ) -> None:
        self.model = Model(task="score", name=config.name, revision=revision)
        self.languages: Collection[str] = config.languages
        self._network, self._tokenizer, self._config = network, tokenizer, config
        self._batch_size, self._workers = batch_size, one_thread_each(threads)

    @staticmethod
    def scorable(text: str) -> str | None:
        """Why ``text`` cannot be scored, or ``None`` if it can."""
        return scorable(text)

    def dialogue_encoder(self) -> DialogueEncoder:
        """What reads whole conversations with this scorer's lower layers; shares its weights."""
        from sentiment.affect.dialogue import DialogueEncoder

        return DialogueEncoder(self._network.encoder, self._tokenizer, self._config)

    def score(self, utterances: Sequence[Utterance]) -> tuple[Score, ...]:
        """A score for each utterance, read in the context of those before it in the sequence.

        Order and length are kept; the result does not depend on the batch size.

        Raises:
            ValueError: an utterance has nothing to score (see :func:`scorable`); its index is named.
        """
        return self.score_calls([utterances])[0]

    def score_calls(self, calls: Sequence[Sequence[Utterance]]) -> tuple[tuple[Score, ...], ...]:
        """:meth:`score` of several calls at once; faster where they are short.

        Raises:
            ValueError: as :meth:`score`.
        """
        return tuple(tuple(self.as_score(r) for r in readings) for readings in self.read_calls(calls))

    def read_calls(self, calls: Sequence[Sequence[Utterance]]) -> tuple[tuple[Reading, ...], ...]:
        """What :meth:`score_calls` makes its scores of.

        Raises:
            ValueError: as :meth:`score`.
        """
        encoded = [e for utterances in calls for e in self._encode(utterances)]
        starts = range(0, len(encoded), self._batch_size)
        batches = [encoded[at : at + self._batch_size] for at in starts]
        found = iter([r for readings in self._workers.map(self._read_batch, batches) for r in readings])
        return tuple(tuple(next(found) for _ in utterances) for utterances in calls)

    def _encode(self, utterances: Sequence[Utterance]) -> Iterator[Encoded]:
        n = self._config.context_turns
        turns: list[tuple[Role, str]] = []
        for u in utterances:
            if reason := scorable(u.text):
                raise ValueError(f"utterance {u.index} cannot be scored: {reason}; leave it out")
            yield encode(self._tokenizer, self._config, turns[-n:] if n else (), u.role, u.text)
            turns.append((u.role, u.text))

    def _read_batch(self, batch: Sequence[Encoded]) -> list[Reading]:
        import torch

        with torch.inference_mode():
            out = self._network(**join(batch))
            classes = torch.softmax(out["sentiment"].double() / self._config.temperature, dim=-1)
            valence, arousal = torch.tanh(out["valence"].double()), out["arousal"].double()
            emotions = torch.sigmoid(out["emotions"])
        columns = (classes.tolist(), valence.tolist(), arousal.tolist(), emotions.tolist())
        return [
            Reading(tuple(p), v, a, tuple(named), e.truncated)
            for e, p, v, a, named in zip(batch, *columns, strict=True)
        ]

    def as_score(self, reading: Reading) -> Score:
        """The score that a reading makes, to four decimals."""
        p_negative, _, p_positive = reading.probabilities
        polarity = VALENCE_SHARE * reading.valence + (1 - VALENCE_SHARE) * (p_positive - p_negative)
        aroused = max(0.0, math.tanh(reading.arousal / 2))
        intensity = (1 - AROUSAL_SHARE) * abs(polarity) + AROUSAL_SHARE * aroused
        negative = round(p_negative, _DECIMALS)
        positive = min(round(p_positive, _DECIMALS), round(1 - negative, _DECIMALS))
        return Score(
            polarity=round(polarity, _DECIMALS),
            intensity=round(intensity, _DECIMALS),
            p_negative=negative,
            p_neutral=abs(round(1 - negative - positive, _DECIMALS)),
            p_positive=positive,
            emotions={
                name: round(value, _DECIMALS)
                for name, value in zip(self._config.emotions, reading.emotions, strict=True)
            },
            model=self._config.name,
            truncated=reading.truncated,
        )


def load_text_scorer(
    directory: Path | None = None, *, threads: int | None = None, batch_size: int = 8
) -> TextScorer:
    """Load the scorer from its folder, after checking every file against ``SHA256SUMS``.

    Args:
        directory: the weights; ``None`` is the installed ones.
        threads: that read a batch each; ``None`` is as many as torch has.
        batch_size: utterances per pass; more take more memory and are not faster.

    Raises:
        CorruptModelError: a file is missing, does not match its sum or does not fit the others.
    """
    directory = directory or weights_dir("affect")
    revision = verify(directory)[:12]
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    from sentiment.affect.network import Network
    from sentiment.int8 import is_fast, to_float, to_int8

    config = AffectConfig.read(directory / "config.json")
    try:
        with torch.device("meta"):
            network = Network(config.encoder, len(config.emotions))
            to_int8(network.encoder)
        weights = {n: t for name in WEIGHT_FILES for n, t in load_file(directory / name).items()}
        network.load_state_dict(weights, assign=True)
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception as error:  # noqa: BLE001 - the two libraries raise unrelated types
        why = " ".join(str(error).split())[:120]
        raise CorruptModelError(
            f"model {directory.name}: its files do not fit each other ({why}); "
            "reinstall conversation-sentiment"
        ) from None
    if not is_fast():
        to_float(network.encoder)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    network.eval()
    return TextScorer(
        network,
        tokenizer,
        config,
        revision=revision,
        threads=threads or torch.get_num_threads(),
        batch_size=batch_size,
    )
