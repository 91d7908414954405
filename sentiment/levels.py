"""The level of a party's feeling behind its noisy scores: a hidden Markov model, exact and online.

What is hidden is the level, on a grid in [-1, 1]. It stays as it is from one utterance to the next, or,
rarely, jumps to another one at least ``min_jump`` away, the likelier the more time has passed (a party
kept on hold may come back in another mood): stretches of constant level with lengths that are geometric,
as in other Bayesian models of change points (D. Barry and J. A. Hartigan, JASA 88, 1993; P. Fearnhead
and Z. Liu, JRSS B 69, 2007). As the levels are on a grid the sums over all ways to cut a call into
stretches are those of a hidden Markov model (L. R. Rabiner, Proc. IEEE 77, 1989; S. Chib, J. Econometrics
86, 1998): exact, in time linear in the number of utterances, and one utterance at a time where a call
goes on.

What is seen is the polarity ``y`` of each utterance, which is one of three things:

    typical   N(level, v + (strength level)²)   v by how unsure the score is and how short the utterance
    filler    N(0, v)                           "It's Daniel Porter.": says nothing about the level; the
                                                likelier the shorter and the less intense it is
    odd       N(0, odd_sd²)                     out of keeping with the level, whatever that is

A stretch begins with the first utterance that tells of its level: that one is no filler. How noisy a
speaker is, is not known either: a factor on ``v`` is hidden beside the level, and constant.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Utterance

__all__ = ["LevelOptions", "Levels", "Likelihood", "Messages", "Observations", "Pace"]

Floats = npt.NDArray[np.float64]

_FEW = 3
"""From so many intervals on a party's pace is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelOptions:
    """What levels and scores are like.

    Args:
        expected_utterances: mean length of a stretch, in utterances of one party at its usual pace.
        longest_pause: an interval counts for this many usual ones at most.
        level_sd: spread of the levels of stretches, in polarity.
        min_jump: least change of level, in polarity.
        noise_sd: spread of typical utterances around their level, beyond what the scorer is unsure of.
        score_noise: share of the variance of a score's three classes (-1, 0, 1) that is noise.
        strength: spread of the strength of feeling among a stretch's utterances, as a share of its level.
        short_words: an utterance of this many words has twice the variance of a very long one, and twice
            the odds of being filler.
        filler: share of long and quiet utterances that are filler; of one with intensity 1 none is.
        odd: share of utterances that are odd.
        odd_sd: spread of odd utterances.
        scales: how much noisier than that speakers may be: factors on the variance, equally likely.
        n_levels: levels on the grid, an odd number.
    """

    expected_utterances: float = 40.0
    longest_pause: float = 8.0
    level_sd: float = 0.5
    min_jump: float = 0.4
    noise_sd: float = 0.1
    score_noise: float = 0.1
    strength: float = 0.3
    short_words: float = 0.3
    filler: float = 0.15
    odd: float = 0.1
    odd_sd: float = 0.6
    scales: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    n_levels: int = 21


class Pace:
    """How long a party usually takes from the start of one utterance to that of the next.

    Says of each interval how many usual ones it is, the median so far; so it is the same for a slow party
    and a quick one, and never uses what comes later.
    """

    def __init__(self) -> None:
        self._intervals_ms: list[int] = []
        self._last_ms: int | None = None

    def step(self, start_ms: int | None) -> float:
        """Intervals, 1 and up, since the utterance before; 1 while too little is known, or without times."""
        past, last_ms = self._intervals_ms, self._last_ms
        self._last_ms = start_ms
        if start_ms is None or last_ms is None:
            return 1.0
        interval_ms = max(0, start_ms - last_ms)
        found = max(1.0, interval_ms / max(1, past[len(past) // 2])) if len(past) >= _FEW else 1.0
        insort(past, interval_ms)
        return found


@dataclass(frozen=True, slots=True)
class Observations:
    """What of ``n`` utterances the model sees, each ``(n,)``; ``elapsed`` is what :class:`Pace` says."""

    polarity: Floats
    class_variance: Floats
    intensity: Floats
    words: Floats
    elapsed: Floats

    @classmethod
    def of(cls, utterances: Sequence[Utterance], pace: Pace | None = None) -> Observations:
        """Of utterances that all have a score; ``pace`` is that of the utterances before them."""
        pace = pace or Pace()
        rows = [
            (s.polarity, s.p_negative + s.p_positive - (s.p_positive - s.p_negative) ** 2, s.intensity)
            for u in utterances
            if (s := u.score) is not None
        ]
        table = np.array(rows, dtype=np.float64).reshape(-1, 3)
        words = np.array([max(1, len(u.text.split())) for u in utterances], dtype=np.float64)
        elapsed = np.array([pace.step(u.start_ms) for u in utterances], dtype=np.float64)
        return cls(
            table[:, 0], np.clip(table[:, 1], 0.0, 1.0), np.clip(table[:, 2], 0.0, 1.0), words, elapsed
        )


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Density of each of ``n`` polarities in each state, ``(n, S, K)``, and how likely a jump was before.

    ``stay`` where the level is as it was, ``jump`` where a stretch begins; ``typical`` is the part of
    ``stay`` that is of typical utterances. ``S`` are the scales of noise, ``K`` the levels. ``rate``
    ``(n,)`` is the probability of a jump just before each utterance, by the time that has passed alone.
    """

    stay: Floats
    jump: Floats
    typical: Floats
    rate: Floats


@dataclass(frozen=True, slots=True)
class Messages:
    """What the forward and the backward pass leave for ``n`` utterances.

    ``forward`` is the filtered probability of each state given what came up to an utterance, and ``forward *
    backward`` the smoothed one, given all; both ``(n, S, K)``. ``evidence`` ``(n,)`` is the density of each
    utterance given those before it.
    """

    like: Likelihood
    forward: Floats
    backward: Floats
    evidence: Floats


class Levels:
    """The model; makes likelihoods and passes messages.

    ``grid`` ``(K,)`` are the levels; ``leads`` ``(K, K)`` the probabilities of where a jump leads, from row
    to column; ``start`` ``(S, K)`` those of the first state.
    """

    def __init__(self, options: LevelOptions = LevelOptions()) -> None:
        self.options = options
        self.grid: Floats = np.linspace(-1.0, 1.0, options.n_levels)
        prior = np.exp(-0.5 * (self.grid / options.level_sd) ** 2)
        # A hair less than min_jump, as steps of the grid are not exact in binary.
        far = np.abs(self.grid[:, None] - self.grid[None, :]) >= options.min_jump - 1e-9
        leads = np.where(far, prior, 0.0)
        self.leads: Floats = leads / leads.sum(axis=1, keepdims=True)
        self.start: Floats = np.tile(prior / prior.sum(), (len(options.scales), 1)) / len(options.scales)

    def likelihood(self, seen: Observations) -> Likelihood:
        """Of each utterance in each state."""
        o = self.options
        short = 1.0 + o.short_words / seen.words
        variance = (o.noise_sd**2 + o.score_noise * seen.class_variance) * short
        odds = o.filler / (1.0 - o.filler) * short * (1.0 - seen.intensity)
        filler = ((1.0 - o.odd) * odds / (1.0 + odds))[:, None, None]
        spread = variance[:, None, None] * np.array(o.scales)[None, :, None]
        y = seen.polarity[:, None, None]
        near = _normal(y - self.grid, spread + (o.strength * self.grid) ** 2)
        odd = o.odd * _normal(y, np.array(o.odd_sd**2))
        typical = (1.0 - o.odd - filler) * near
        stays = 1.0 - 1.0 / max(o.expected_utterances, 1.0)
        return Likelihood(
            stay=typical + filler * _normal(y, spread) + odd,
            jump=(1.0 - o.odd) * near + odd,
            typical=typical,
            rate=1.0 - stays ** np.minimum(seen.elapsed, o.longest_pause),
        )

    def advance(self, before: Floats, stay: Floats, jump: Floats, rate: float) -> Floats:
        """Joint density of the next utterance and the state ``(..., K)`` it is said in."""
        return np.asarray((1.0 - rate) * before * stay + (rate * before @ self.leads) * jump)

    def smooth(self, seen: Observations) -> Messages:
        """Both passes over all utterances, of which there must be one."""
        like = self.likelihood(seen)
        n = len(like.stay)
        forward, backward, evidence = np.empty_like(like.stay), np.ones_like(like.stay), np.empty(n)
        for j in range(n):
            stay, jump = like.stay[j], like.jump[j]
            joint = self.advance(forward[j - 1], stay, jump, like.rate[j]) if j else self.start * stay
            evidence[j] = joint.sum()
            np.divide(joint, evidence[j], out=forward[j])
        stays = like.stay * ((1.0 - like.rate) / evidence)[:, None, None]
        jumps = like.jump * (like.rate / evidence)[:, None, None]
        back = np.ascontiguousarray(self.leads.T)
        for j in range(n - 1, 0, -1):
            np.add(stays[j] * backward[j], (jumps[j] * backward[j]) @ back, out=backward[j - 1])
        return Messages(like, forward, backward, evidence)

    def jumps(self, m: Messages) -> tuple[Floats, Floats]:
        """Probability ``(n,)`` of a jump up, and of one down, just before each utterance, given all."""
        after = m.like.jump * m.backward * (m.like.rate / m.evidence)[:, None, None]
        found = []
        for part in (np.triu(self.leads), np.tril(self.leads)):
            probability = np.zeros(len(after))
            probability[1:] = np.einsum("nsk,nsk->n", m.forward[:-1] @ part, after[1:])
            found.append(probability)
        return found[0], found[1]

    def typical(self, m: Messages) -> Floats:
        """Probability ``(n,)`` that each utterance is typical of its level, given all."""
        share = m.like.typical / m.like.stay
        return np.asarray((share * m.forward * m.backward).sum(axis=(1, 2)))

    def change(self, before: Floats, since: Sequence[Likelihood]) -> tuple[float, float]:
        """Probability that the level is above, and below, what it was some utterances ago.

        ``before`` ``(S, K)`` are the filtered probabilities then, ``since`` the likelihoods of the
        utterances that followed.
        """
        joint = before[:, :, None] * np.eye(len(self.grid))
        for like in since:
            for stay, jump, rate in zip(like.stay, like.jump, like.rate, strict=True):
                joint = self.advance(joint, stay[:, None, :], jump[:, None, :], rate)
                joint /= joint.sum()
        table = joint.sum(axis=0)
        return float(np.triu(table, 1).sum()), float(np.tril(table, -1).sum())


def _normal(distance: Floats, variance: Floats) -> Floats:
    """Density of a normal distribution at a distance from its mean."""
    return np.asarray(np.exp(-0.5 * distance * distance / variance) / np.sqrt(2.0 * np.pi * variance))
