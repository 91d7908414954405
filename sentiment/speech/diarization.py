"""Two voices on one channel: told apart by how they sound, what they say and how people take turns.

A hidden Markov model runs over the recogniser's words; its two states are the agent and the customer.
A word speaks for a state by its voice (a Gaussian per speaker over speaker embeddings) and by its
wording (:mod:`sentiment.speech.roles`); a change of speaker is rare inside a sentence and common after
a question or a pause. The Gaussians are learned from the call itself by expectation maximisation, begun
from several splits, of which the most probable result is kept. If the voices are alike two Gaussians
explain little more than one, and wording and turn taking decide.

The model is that of Bayesian speaker diarization (Landini et al., "Bayesian HMM clustering of x-vector
sequences", 2022) cut down to two speakers, with words in place of windows and wording added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.speech.roles import SPEAKS_FIRST_LOG_ODDS, phrases, tokens
from sentiment.speech.spoken import moments, spoken
from sentiment.speech.turn_taking import changes
from sentiment.timeline import Span, union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sentiment.call import Word
    from sentiment.speech.activity import ActivityOptions, Audible
    from sentiment.speech.embedding import Voiceprints
    from sentiment.speech.roles import RoleModel
    from sentiment.speech.turn_taking import TurnModel

__all__ = ["DiarizationOptions", "Evidence", "Party", "Split", "decide", "gather", "speaking", "tell_apart"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DiarizationOptions:
    """How the kinds of evidence are weighed.

    ``dimensions`` principal directions of the call's embeddings are used. ``voice_weight`` counts 0.1 s
    of voice as so many independent observations: an embedding hears 1.2 s, so that neighbours overlap.
    ``wording_weight`` scales the log odds of the wording. Any voice can be split in two that fit better
    than one: the voices are heeded only if that gains ``voice_cost`` nats.

    Two speakers have to be ``min_gain`` nats more probable than one, and either be so by the wording
    alone or sound ``clear_distance`` within-voice standard deviations apart: one person's change of
    tone gains the more the longer they speak.
    """

    dimensions: int = 10
    voice_weight: float = 0.08
    wording_weight: float = 1.0
    voice_cost: float = 9.0
    min_gain: float = 3.0
    clear_distance: float = 4.0


ELSE = 0.05
ELSE_SPREAD = 3.0
"""Share of words in neither party's voice (an announcement, a bystander, noise) and the standard
deviation of their embeddings, in that of all words'. Such words are given to a party by what they say."""

_ITERATIONS = 30
_LONGEST_WORD_MS = 1500  # recognisers stretch words over silence


class Evidence(NamedTuple):
    """What the model sees of n words.

    ``voice`` float64 (n, dimensions), whitened; ``weight`` (n,): independent observations each counts
    for; ``wording`` (n,): log odds that the agent said it; ``switch`` (n - 1, 2): log odds of a change
    after each if the agent or the customer said it.
    """

    voice: NDArray[np.float64]
    weight: NDArray[np.float64]
    wording: NDArray[np.float64]
    switch: NDArray[np.float64]


class Split(NamedTuple):
    """The most probable way to part the words between two speakers.

    ``agent`` bool (n,); ``gain``: nats by which two speakers are more probable than one;
    ``wording_gain``: the same by wording and turns alone; ``distance`` between the voices in
    within-voice standard deviations, 0 if they were not heeded.
    """

    agent: NDArray[np.bool_]
    gain: float
    wording_gain: float
    distance: float

    def two_speakers(self, options: DiarizationOptions) -> bool:
        """Whether there are two speakers rather than one."""
        if self.gain < options.min_gain or self.agent.all() or not self.agent.any():
            return False
        return self.wording_gain >= options.min_gain or self.distance >= options.clear_distance


class Party(NamedTuple):
    """One speaker's words, in order of time, and the disjoint spans in which they speak."""

    words: tuple[Word, ...]
    speech: tuple[Span, ...]


def tell_apart(
    recording: Audible,
    words: Sequence[Word],
    speech: Sequence[Span],
    wording: RoleModel | None,
    turns: TurnModel | None,
    *,
    options: DiarizationOptions | None = None,
    activity: ActivityOptions | None = None,
) -> tuple[Party, ...]:
    """The speakers on the first channel: the agent and the customer, or one if only one speaks.

    Args:
        recording: what was listened to.
        words: in order of time, at least one.
        speech: where anyone speaks.
        wording: tells the roles apart by what they say; ``None`` if it does not know the language.
        turns: tells where the speaker changes, likewise.
        options: how the evidence is weighed.
        activity: how speech is detected.

    Raises:
        AudioError: the recording cannot be read.
        CorruptModelError: the speaker encoder's weights are missing or damaged.
    """
    from sentiment.speech.embedding import listen, load_voice_encoder

    options = options or DiarizationOptions()
    spans = union([*speech, *(Span(w.start_ms, w.end_ms) for w in words)])
    prints = listen(recording, 0, spans, load_voice_encoder())
    split = decide(gather(words, prints, wording, turns, options), options)
    if not split.two_speakers(options):
        return (Party(tuple(words), tuple(speech)),)
    steps = speaking(recording.duration_ms, words, speech, prints, split, options)
    when = spoken(recording, words, split.agent, steps, activity)
    whose = zip((split.agent, ~split.agent), when, strict=True)
    return tuple(
        Party(tuple(w for w, mine in zip(words, theirs, strict=True) if mine), spans)
        for theirs, spans in whose
    )


def gather(
    words: Sequence[Word],
    prints: Voiceprints,
    wording: RoleModel | None,
    turns: TurnModel | None,
    options: DiarizationOptions,
) -> Evidence:
    """The evidence on ``words``."""
    tenths = np.array([min(max(w.end_ms - w.start_ms, 100), _LONGEST_WORD_MS) / 100 for w in words])
    said = np.zeros(len(words)) if wording is None else word_log_odds(words, wording)
    return Evidence(
        voice=_whitened(_word_vectors(words, prints), tenths, options.dimensions),
        weight=options.voice_weight * tenths,
        wording=options.wording_weight * said,
        switch=changes(words, turns),
    )


def word_log_odds(words: Sequence[Word], model: RoleModel) -> NDArray[np.float64]:
    """Log odds (n,) that the agent said each word, in nats; they sum to those of its phrase.

    A two-word feature is shared between its words, the bias among all words of the phrase.
    """
    odds = np.zeros(len(words))
    for first, end in phrases(words):
        said = [(i, token) for i in range(first, end) for token in tokens(words[i].text)]
        for at, (i, token) in enumerate(said):
            odds[i] += model.weight(token)
            if at:
                before, previous = said[at - 1]
                pair = model.weight(f"{previous} {token}") / 2
                odds[i] += pair
                odds[before] += pair
        if said:
            odds[first:end] += model.bias / (end - first)
    return odds


# -- the model -----------------------------------------------------------------------------------


def decide(evidence: Evidence, options: DiarizationOptions | None = None) -> Split:
    """The most probable way to part the words between an agent and a customer."""
    options = options or DiarizationOptions()
    by_wording, log_evidence = _smooth(evidence.wording, evidence.switch)
    begin = [by_wording]
    for direction in evidence.voice.T[:3]:
        side = 1 / (1 + np.exp(-3 * direction))
        begin += [side, 1 - side]
    one_voice = _one_voice(evidence)
    unheeded = _Fit(log_evidence + one_voice, evidence.wording, 0.0)
    heeded = max((_fit(evidence, agent) for agent in begin), key=lambda fit: fit.log_likelihood)
    heeded = heeded._replace(log_likelihood=heeded.log_likelihood - options.voice_cost)
    best = max(unheeded, heeded, key=lambda fit: fit.log_likelihood)
    alone = _one_speaker(evidence, one_voice)
    return Split(
        agent=_most_probable(best.log_odds, evidence.switch),
        gain=best.log_likelihood - alone,
        wording_gain=unheeded.log_likelihood - alone,
        distance=best.distance,
    )


class _Fit(NamedTuple):
    log_likelihood: float
    log_odds: NDArray[np.float64]
    distance: float


def _fit(evidence: Evidence, agent: NDArray[np.float64]) -> _Fit:
    """Expectation maximisation from ``agent``, each word's probability to be the agent's."""
    log_likelihood, distance = -math.inf, 0.0
    inlier = np.ones((2, len(agent)))
    log_odds = evidence.wording
    for _ in range(_ITERATIONS):
        density, distance, inlier = _voices(evidence, agent, inlier)
        log_odds = evidence.wording + density[0] - density[1]
        agent, log_z = _smooth(log_odds, evidence.switch)
        before, log_likelihood = log_likelihood, log_z + float(density.sum()) / 2
        if abs(log_likelihood - before) < 0.01:
            break
    return _Fit(log_likelihood, log_odds, distance)


def _voices(
    evidence: Evidence, agent: NDArray[np.float64], inlier: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Weighted log densities (2, n) of the words under the two voices, the distance of these, and inliers.

    The voices are Gaussians with one covariance, estimated from the words weighted by ``agent`` and by
    ``inlier`` (2, n): the probability that a word is of the voice and not of something else.
    """
    voice = evidence.voice
    share = np.stack([agent, 1 - agent]) * evidence.weight * inlier
    means = share @ voice / (share.sum(axis=1, keepdims=True) + 1e-9)
    off = voice[None] - means[:, None]
    covariance = np.einsum("sn,sni,snj->ij", share, off, off) / share.sum() + 1e-6 * np.eye(voice.shape[1])
    precision = np.linalg.inv(covariance)
    _, log_determinant = np.linalg.slogdet(covariance)
    squared = np.einsum("sni,ij,snj->sn", off, precision, off)
    voiced = math.log(1 - ELSE) - 0.5 * (squared + log_determinant)
    variance = ELSE_SPREAD**2
    other = math.log(ELSE) - 0.5 * ((voice**2).sum(axis=1) / variance + voice.shape[1] * math.log(variance))
    density = np.logaddexp(voiced, other)
    apart = means[0] - means[1]
    distance = math.sqrt(max(0.0, float(apart @ precision @ apart)))
    return evidence.weight * density, distance, np.exp(voiced - density)


def _one_voice(evidence: Evidence) -> float:
    """Log likelihood of the voice if there is but one."""
    half, inlier = np.full(len(evidence.weight), 0.5), np.ones((2, len(evidence.weight)))
    for _ in range(_ITERATIONS):
        density, _, inlier = _voices(evidence, half, inlier)
    return float(density[0].sum())


def _one_speaker(evidence: Evidence, voice: float) -> float:
    """Log likelihood if one person, agent or customer, says everything in one voice."""
    first = SPEAKS_FIRST_LOG_ODDS
    said = float(evidence.wording.sum()) / 2
    either = np.logaddexp(said - np.logaddexp(0, -first), -said - np.logaddexp(0, first))
    return voice + float(either)


def _smooth(log_odds: NDArray[np.float64], switch: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Forward-backward: each word's probability (n,) to be the agent's, and the log evidence.

    ``log_odds`` (n,) is a word's own evidence, of which each state gets half; ``switch`` (n - 1, 2).
    """
    change = _probability(switch).tolist()
    ahead = 1 / (1 + math.exp(-SPEAKS_FIRST_LOG_ODDS))
    filtered: list[float] = []
    log_z = 0.0
    for i, odds in enumerate(np.clip(log_odds, -60, 60).tolist()):
        if i:
            leave, come = change[i - 1]
            ahead = filtered[-1] * (1 - leave) + (1 - filtered[-1]) * come
        agent, customer = ahead * math.exp(odds / 2), (1 - ahead) * math.exp(-odds / 2)
        filtered.append(agent / (agent + customer))
        log_z += math.log(agent + customer)
    smoothed = list(filtered)
    for i in range(len(filtered) - 2, -1, -1):
        p, (leave, come), later = filtered[i], change[i], smoothed[i + 1]
        stays, comes = p * (1 - leave), (1 - p) * come
        leaves, other = p * leave, (1 - p) * (1 - come)
        smoothed[i] = later * stays / (stays + comes + 1e-300) + (1 - later) * leaves / (
            leaves + other + 1e-300
        )
    return np.array(smoothed), log_z


def _most_probable(log_odds: NDArray[np.float64], switch: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Viterbi: whether each word (n,) is the agent's in the most probable sequence."""
    # Only the difference of the two states' scores matters, agent's minus customer's.
    leave, come = -np.logaddexp(0, -switch).T
    stay, other = -np.logaddexp(0, switch).T  # the agent goes on; the customer does
    lead = SPEAKS_FIRST_LOG_ODDS + float(log_odds[0])
    came: list[tuple[bool, bool]] = []  # best previous state (is it the agent?) of customer, agent
    steps = np.stack([log_odds[1:], leave, come, stay, other], axis=1).tolist()
    for odds, leaves, comes, stays, others in steps:
        came.append((lead + leaves > others, lead + stays > comes))
        lead = odds + max(lead + stays, comes) - max(lead + leaves, others)
    agent = [lead > 0]
    for previous in reversed(came):
        agent.append(previous[agent[-1]])
    return np.array(agent[::-1])


def _probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    p: NDArray[np.float64] = 1 / (1 + np.exp(-log_odds))
    return p


# -- voices of moments and of words --------------------------------------------------------------


def speaking(
    duration_ms: int,
    words: Sequence[Word],
    speech: Sequence[Span],
    prints: Voiceprints,
    split: Split,
    options: DiarizationOptions,
) -> NDArray[np.bool_]:
    """Whether each step of :func:`sentiment.speech.spoken.moments` is the agent's, not the customer's."""
    sound = np.zeros(len(prints.at_ms))
    if split.distance > 0:
        sound = _sound(words, prints, split, options)
    odds, change = moments(duration_ms, words, split.agent, speech, prints, sound)
    return _most_probable(odds, change)


def _sound(
    words: Sequence[Word], prints: Voiceprints, split: Split, options: DiarizationOptions
) -> NDArray[np.float64]:
    """Log odds (n_prints,) that an embedding is the agent's voice, the voices learned from their words."""
    nearest = np.searchsorted([w.end_ms for w in words], prints.at_ms).clip(0, len(words) - 1)
    ones = np.ones(len(nearest))
    voice = _whitened(prints.vectors.astype(np.float64), ones, options.dimensions)
    weight = options.voice_weight * ones
    frames = Evidence(voice, weight, np.zeros(len(nearest)), np.zeros((len(nearest) - 1, 2)))
    agent = split.agent[nearest].astype(np.float64)
    density, _, _ = _voices(frames, agent, np.ones((2, len(nearest))))
    difference: NDArray[np.float64] = density[0] - density[1]
    return difference


def _word_vectors(words: Sequence[Word], prints: Voiceprints) -> NDArray[np.float64]:
    """The mean embedding (n, 256) of each word's time, or the nearest one."""
    firsts = np.searchsorted(prints.at_ms, [w.start_ms - 50 for w in words])
    ends = np.searchsorted(prints.at_ms, [min(w.end_ms, w.start_ms + _LONGEST_WORD_MS) + 50 for w in words])
    last = len(prints.at_ms) - 1
    return np.stack(
        [
            prints.vectors[min(first, last) : max(end, min(first, last) + 1)].astype(np.float64).mean(axis=0)
            for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)
        ]
    )


def _whitened(
    vectors: NDArray[np.float64], weight: NDArray[np.float64], dimensions: int
) -> NDArray[np.float64]:
    """The first principal components (n, dimensions) of the vectors, each of variance 1."""
    centred = vectors - np.average(vectors, axis=0, weights=weight)
    covariance = (centred * weight[:, None]).T @ centred / weight.sum()
    variance, directions = np.linalg.eigh(covariance)
    keep = slice(None, -dimensions - 1, -1)
    components: NDArray[np.float64] = centred @ directions[:, keep]
    components /= np.sqrt(np.maximum(variance[keep], 1e-12))
    return components
