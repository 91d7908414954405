"""Where a party's feeling changed for good, how sure that is, and what turned it.

A shift is a lasting change of level, not one odd utterance; a dip that recovers is two shifts.

The polarities of one party's utterances are read as noisy measurements of a level that is constant
between changes: ``y_i ~ N(level, v_i)``, ``level ~ N(0, level_sd²)`` anew for each stretch, and
lengths of stretches geometric. Given that, the probability of a change before each utterance is
computed exactly (P. Fearnhead, *Exact and efficient Bayesian inference for multiple changepoint
problems*, Statistics and Computing 16, 2006). A party with more than ``max_candidates`` utterances
gets the same with the least likely starts of the current stretch dropped at each step (Fearnhead and
Liu, *On-line inference for multiple changepoint problems*, JRSS B 69, 2007), which makes the time linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sentiment.call import Call, Shift, Utterance
from sentiment.triggers import find_trigger

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ShiftOptions", "find_shifts"]

Floats = npt.NDArray[np.float64]

_ODD_SDS = 1.5
"""An utterance further than this many standard deviations beyond both its neighbours is odd."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftOptions:
    """What counts as a shift.

    Args:
        min_confidence: least probability in [0, 1] that the level changed there.
        min_magnitude: least change of polarity, in [0, 2].
        min_utterances, min_words: a stretch has at least this many utterances or this many words.
        expected_utterances: mean length of a stretch, in utterances of one party.
        level_sd: spread of the levels of stretches, in polarity.
        noise_sd: spread of long utterances around their level, beyond what the scorer is unsure of.
        score_noise: share of the variance of a score's three classes (-1, 0, 1) that is noise.
        short_words: an utterance of this many words has twice the variance of a very long one.
        reach_utterances: a change so many utterances to either side is the same change.
        max_candidates: stretches considered at each utterance; exact up to this many utterances.
        trigger_turns: how many of the other party's utterances before a shift may be its trigger.
    """

    min_confidence: float = 0.5
    min_magnitude: float = 0.3
    min_utterances: int = 2
    min_words: int = 40
    expected_utterances: float = 70.0
    level_sd: float = 0.5
    noise_sd: float = 0.25
    score_noise: float = 0.2
    short_words: float = 3.0
    reach_utterances: int = 3
    max_candidates: int = 256
    trigger_turns: int = 4


def find_shifts(call: Call, options: ShiftOptions = ShiftOptions()) -> tuple[Shift, ...]:
    """The lasting changes in each party's polarity, in order of their utterances.

    Customer and agent are the parties; where neither is known, each channel of unknown role is one.
    Utterances without a score are passed over. The same call always gives the same shifts.
    """
    found = [shift for party in _parties(call) for shift in _shifts_of(call, party, options)]
    return tuple(sorted(found, key=lambda shift: shift.utterance_index))


def _parties(call: Call) -> list[list[Utterance]]:
    scored = [u for u in call.utterances if u.score is not None]
    known = [[u for u in scored if u.role == role] for role in ("customer", "agent")]
    if any(u.role in ("customer", "agent") for u in call.utterances):
        return known
    unknown = [u for u in scored if u.role == "unknown"]
    return [[u for u in unknown if u.channel == channel] for channel in sorted({u.channel for u in unknown})]


def _shifts_of(call: Call, party: list[Utterance], options: ShiftOptions) -> list[Shift]:
    if len(party) < 2:
        return []
    y = np.array([u.score.polarity for u in party if u.score is not None])
    words = np.array([len(u.text.split()) for u in party], dtype=np.float64)
    variance = _noise_variance(party, words, options)
    variance = variance * _noise_scale(y, variance)
    variance = variance + np.maximum(0.0, _oddness(y) - _ODD_SDS * np.sqrt(variance)) ** 2
    starts, confidence = _segment(y, variance, words, options)
    shifts = []
    levels = _levels(y, variance, starts)
    for k, start in enumerate(starts):
        first, before, after = party[start], levels[k], levels[k + 1]
        trigger, reason = find_trigger(
            call, party[start - 1], first, after - before, turns=options.trigger_turns
        )
        shifts.append(
            Shift(
                at_ms=first.start_ms,
                utterance_index=first.index,
                role=first.role,
                before=before,
                after=after,
                confidence=float(confidence[start]),
                trigger_index=None if trigger is None else trigger.index,
                reason=reason,
            )
        )
    return shifts


# -- the level and its changes ---------------------------------------------------------------------


def _noise_variance(party: Sequence[Utterance], words: Floats, options: ShiftOptions) -> Floats:
    """Variance ``(n,)`` of each polarity around its level, as the scores themselves suggest it."""
    negative = np.array([u.score.p_negative for u in party if u.score is not None])
    positive = np.array([u.score.p_positive for u in party if u.score is not None])
    classes = negative + positive - (positive - negative) ** 2
    noise = options.noise_sd**2 + options.score_noise * np.clip(classes, 0.0, 1.0)
    return np.asarray(noise * (1.0 + options.short_words / np.maximum(words, 1.0)))


def _noise_scale(y: Floats, variance: Floats, *, prior_utterances: float = 8.0) -> float:
    """How much noisier this party is than its scores suggest: a factor on the variance.

    From differences of neighbours, which a change of level enters only once (J. von Neumann, 1941),
    large ones cut off, and pulled towards 1 with the weight of ``prior_utterances``.
    """
    squares = np.diff(y) ** 2 / (variance[1:] + variance[:-1])
    # The mean of min(z², 9) of a standard normal z is 0.994: no correction is needed.
    return float((prior_utterances + np.minimum(squares, 9.0).sum()) / (prior_utterances + len(squares)))


def _oddness(y: Floats) -> Floats:
    """How far ``(n,)`` each polarity lies beyond both its neighbours: 0 where it lies between them.

    What only one utterance says is no level; its square is added to the utterance's variance. The
    first and the last are judged by the two nearest to them.
    """
    if len(y) < 3:
        return np.zeros_like(y)
    near = np.concatenate((y[2:3], y, y[-3:-2]))
    low, high = np.minimum(near[:-2], near[2:]), np.maximum(near[:-2], near[2:])
    return np.asarray(np.maximum(0.0, np.maximum(y - high, low - y)))


def _levels(y: Floats, variance: Floats, starts: list[int]) -> list[float]:
    """Precision-weighted mean polarity, in [-1, 1], of each stretch: one more than there are ``starts``."""
    weights = 1.0 / variance
    means = np.add.reduceat(weights * y, [0, *starts]) / np.add.reduceat(weights, [0, *starts])
    return [float(mean) for mean in np.clip(means, -1.0, 1.0)]


def _segment(y: Floats, variance: Floats, words: Floats, options: ShiftOptions) -> tuple[list[int], Floats]:
    """First utterances of the stretches but one, and the confidence ``(n,)`` in a change near each."""
    candidates, log_like, total = _forward(y, variance, words, options)
    probability = _change_probability(candidates, log_like, total)
    starts = _best_path(candidates, log_like, options)
    while True:
        confidence = _near(probability, starts, options.reach_utterances)
        weak = _weakest(y, variance, starts, confidence, options)
        if weak is None:
            return starts, confidence
        starts = [s for s in starts if s != weak]


def _forward(
    y: Floats, variance: Floats, words: Floats, options: ShiftOptions
) -> tuple[list[npt.NDArray[np.intp]], list[Floats], Floats]:
    """Sum over all ways to cut ``y[:j]`` into stretches, for each ``j``.

    Returns, per end ``j`` in 1..n: the possible starts ``i`` of the stretch that ends there, the
    log likelihood of ``[i, j)`` as one stretch (against its utterances being independent of any
    level) plus the log odds of a change at ``j < n``; and ``total[j]``, the log of the sum.
    """
    n = len(y)
    precision = np.concatenate(([0.0], np.cumsum(1.0 / variance)))
    weighted = np.concatenate(([0.0], np.cumsum(y / variance)))
    n_words = np.concatenate(([0.0], np.cumsum(words)))
    level_variance = options.level_sd**2
    log_odds = -float(np.log(max(options.expected_utterances - 1.0, 1e-9)))
    total = np.full(n + 1, -np.inf)
    total[0] = 0.0
    candidates: list[npt.NDArray[np.intp]] = []
    log_like: list[Floats] = []
    alive = np.array([0], dtype=np.intp)
    for j in range(1, n + 1):
        ripe = (j - alive >= options.min_utterances) | (n_words[j] - n_words[alive] >= options.min_words)
        ripe |= (alive == 0) & (j == n)
        starts = alive[ripe]
        a = precision[j] - precision[starts]
        b = weighted[j] - weighted[starts]
        like = 0.5 * b * b / (a + 1.0 / level_variance) - 0.5 * np.log1p(a * level_variance)
        if j < n:
            like += log_odds
        joint = total[starts] + like
        candidates.append(starts)
        log_like.append(like)
        if len(starts):
            top = joint.max()
            total[j] = top + np.log(np.exp(joint - top).sum())
        if len(starts) > options.max_candidates:
            kept = starts[np.argpartition(joint, -options.max_candidates)[-options.max_candidates :]]
            alive = np.concatenate((np.sort(kept), alive[~ripe]))
        if np.isfinite(total[j]):
            alive = np.append(alive, j)
    return candidates, log_like, total


def _change_probability(
    candidates: list[npt.NDArray[np.intp]], log_like: list[Floats], total: Floats
) -> Floats:
    """Posterior probability ``(n,)`` that a stretch begins with each utterance (0 for the first)."""
    n = len(candidates)
    probability = np.zeros(n + 1)
    probability[n] = 1.0
    for j in range(n, 0, -1):
        if probability[j] > 0.0:
            starts = candidates[j - 1]
            probability[starts] += probability[j] * np.exp(total[starts] + log_like[j - 1] - total[j])
    probability[0] = 0.0
    return np.minimum(probability[:n], 1.0)


def _best_path(
    candidates: list[npt.NDArray[np.intp]], log_like: list[Floats], options: ShiftOptions
) -> list[int]:
    """The most probable cut into stretches, as their first utterances without 0.

    A change counts as found anywhere within ``reach_utterances``, so its odds are those of one
    somewhere in that window: what is too doubtful is dropped by its confidence afterwards.
    """
    n = len(candidates)
    bonus = float(np.log(2 * options.reach_utterances + 1))
    best = np.full(n + 1, -np.inf)
    best[0] = 0.0
    previous = np.zeros(n + 1, dtype=np.intp)
    for j in range(1, n + 1):
        starts = candidates[j - 1]
        if len(starts):
            joint = best[starts] + log_like[j - 1] + (bonus if j < n else 0.0)
            k = int(joint.argmax())
            best[j], previous[j] = joint[k], starts[k]
    path: list[int] = []
    at = int(previous[n])
    while at > 0:
        path.append(at)
        at = int(previous[at])
    return path[::-1]


def _near(probability: Floats, starts: list[int], reach: int) -> Floats:
    """Confidence ``(n,)`` at each start: the probability of a change there or up to ``reach`` away.

    Where two starts are close, what lies between them is shared out at the middle.
    """
    confidence = np.zeros(len(probability))
    for k, start in enumerate(starts):
        low = max(1, start - reach)
        high = min(len(probability), start + reach + 1)
        if k > 0:
            low = max(low, (starts[k - 1] + start) // 2 + 1)
        if k + 1 < len(starts):
            high = min(high, (start + starts[k + 1]) // 2 + 1)
        confidence[start] = min(1.0, float(probability[low:high].sum()))
    return confidence


def _weakest(
    y: Floats, variance: Floats, starts: list[int], confidence: Floats, options: ShiftOptions
) -> int | None:
    """The start that least deserves to be a shift, or ``None`` if all do."""
    levels = _levels(y, variance, starts)
    weak = [
        (confidence[start] * abs(levels[k + 1] - levels[k]), start)
        for k, start in enumerate(starts)
        if confidence[start] < options.min_confidence
        or abs(levels[k + 1] - levels[k]) < options.min_magnitude
    ]
    return min(weak)[1] if weak else None
