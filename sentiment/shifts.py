"""Where a party's feeling changed for good, how sure that is, and what turned it.

A shift is a lasting change of level, not one odd utterance; a dip that recovers is two shifts. The
level behind a party's noisy scores is modelled in :mod:`sentiment.levels`, which gives the probability
of a change, up or down, before each utterance. Where enough of that probability heaps up there is a
shift, at the likeliest utterance; its confidence is all that lies within a few utterances, as of a change
that comes gradually no one place is certain, but that there is one may be.

:func:`find_shifts` reads a whole call. :class:`LevelTracker` follows one that goes on, by the same model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.call import Call, Shift, Utterance
from sentiment.levels import LevelOptions, Levels, Observations, Pace
from sentiment.triggers import find_trigger

if TYPE_CHECKING:
    from sentiment.levels import Floats, Likelihood

__all__ = ["Change", "Level", "LevelTracker", "ShiftOptions", "find_shifts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftOptions:
    """What counts as a shift.

    Args:
        min_confidence: least probability in [0, 1] that the level changed there.
        min_magnitude: least change of polarity, in [0, 2].
        reach_utterances: changes in one direction so many utterances to either side are one shift.
        trigger_turns: how many of the other party's utterances before a shift may be its trigger.
        levels: what levels and scores are like.
    """

    min_confidence: float = 0.5
    min_magnitude: float = 0.3
    reach_utterances: int = 3
    trigger_turns: int = 6
    levels: LevelOptions = field(default_factory=LevelOptions)


def find_shifts(call: Call, options: ShiftOptions = ShiftOptions()) -> tuple[Shift, ...]:
    """The lasting changes in each party's polarity, in order of their utterances.

    Customer and agent are the parties; where neither is known, each channel of unknown role is one.
    Utterances without a score are passed over. The same call always gives the same shifts.
    """
    model = Levels(options.levels)
    found = [shift for party in _parties(call) for shift in _shifts_of(call, party, model, options)]
    return tuple(sorted(found, key=lambda shift: shift.utterance_index))


def _parties(call: Call) -> list[list[Utterance]]:
    scored = [u for u in call.utterances if u.score is not None]
    known = [[u for u in scored if u.role == role] for role in ("customer", "agent")]
    if any(u.role in ("customer", "agent") for u in call.utterances):
        return known
    unknown = [u for u in scored if u.role == "unknown"]
    return [[u for u in unknown if u.channel == channel] for channel in sorted({u.channel for u in unknown})]


def _shifts_of(call: Call, party: list[Utterance], model: Levels, options: ShiftOptions) -> list[Shift]:
    if len(party) < 2:
        return []
    shifts = []
    for place in _places(model, Observations.of(party), options):
        first = party[place.start]
        change = place.after - place.before
        trigger, reason = find_trigger(
            call, party[place.start - 1], first, change, turns=options.trigger_turns
        )
        shifts.append(
            Shift(
                at_ms=first.start_ms,
                utterance_index=first.index,
                role=first.role,
                before=place.before,
                after=place.after,
                confidence=place.confidence,
                trigger_index=None if trigger is None else trigger.index,
                reason=reason,
            )
        )
    return shifts


# -- where the shifts are --------------------------------------------------------------------------

_NO_HEAP = 0.01
"""Less probability than this within one utterance is no heap."""

_NOT_AT_ALL = 1e-9
"""So typical is every utterance at least, that each stretch has a mean."""


class _Place(NamedTuple):
    """A shift at utterance ``start`` of the party; ``sign`` is 1 for better, -1 for worse."""

    start: int
    sign: int
    confidence: float
    before: float = 0.0
    after: float = 0.0

    @property
    def size(self) -> float:
        """Change of level in the direction of the sign."""
        return self.sign * (self.after - self.before)


def _places(model: Levels, seen: Observations, options: ShiftOptions) -> list[_Place]:
    """The shifts of a party, each large and sure enough, with the levels on either side."""
    messages = model.smooth(seen)
    typical = np.maximum(model.typical(messages), _NOT_AT_ALL)
    found = _peaks(*model.jumps(messages), options)
    while True:
        found = _with_levels(found, seen.polarity, typical)
        small = [p for p in found if p.size < options.min_magnitude]
        if not small:
            return found
        found.remove(min(small, key=lambda p: p.size * p.confidence))


def _peaks(up: Floats, down: Floats, options: ShiftOptions) -> list[_Place]:
    """Where the probability of a jump, up or down, heaps: the highest heap first, then of what is left."""
    reach = options.reach_utterances
    left = {1: up.copy(), -1: down.copy()}
    # Of heaps much the same, the one whose middle is likeliest.
    heaps = {sign: 0.9 * _within(jumps, 1) + 0.1 * jumps for sign, jumps in left.items()}
    order = sorted((-float(h), j, sign) for sign in heaps for j, h in enumerate(heaps[sign]) if h > _NO_HEAP)
    found: dict[int, _Place] = {}
    for _, middle, sign in order:
        first = max(1, middle - reach)
        near = left[sign][first : middle + reach + 1]
        confidence = min(1.0, float(near.sum()))
        start = first + int(near.argmax())
        if confidence >= options.min_confidence and start not in found:
            found[start] = _Place(start, sign, confidence)
            near[:] = 0.0
    return sorted(found.values())


def _within(values: Floats, reach: int) -> Floats:
    """The sum ``(n,)`` of what lies up to ``reach`` away."""
    total = np.concatenate((np.zeros(reach + 1), np.cumsum(values), np.full(reach, values.sum())))
    return np.asarray(total[2 * reach + 1 :] - total[: len(values)])


def _with_levels(places: list[_Place], polarity: Floats, typical: Floats) -> list[_Place]:
    """The places with the mean polarity, in [-1, 1], of what is typical of the stretches around them."""
    edges = [0, *(p.start for p in places)]
    means = np.add.reduceat(typical * polarity, edges) / np.add.reduceat(typical, edges)
    levels = [float(mean) for mean in np.clip(means, -1.0, 1.0)]
    return [p._replace(before=levels[k], after=levels[k + 1]) for k, p in enumerate(places)]


# -- a call that goes on ---------------------------------------------------------------------------


class Level(NamedTuple):
    """The level of a party's feeling now: its mean in [-1, 1] and its standard deviation."""

    mean: float
    sd: float


class Change(NamedTuple):
    """Probabilities in [0, 1] that the level is higher, and lower, than it was."""

    better: float
    worse: float


class LevelTracker:
    """Follows the level of one party while a call goes on.

    Nothing it says is ever based on what came later. After the last utterance its level is that of the
    whole call's model at its end.
    """

    def __init__(self, options: ShiftOptions = ShiftOptions()) -> None:
        self._model = Levels(options.levels)
        self._index: list[int] = []
        self._pace = Pace()
        self._likes: list[Likelihood] = []
        self._forward: list[Floats] = []

    def add(self, utterance: Utterance) -> Level:
        """Take in the party's next utterance, and tell the level it is at.

        Raises:
            ValueError: the utterance has no score, or does not come after the one before.
        """
        if utterance.score is None:
            raise ValueError(f"utterance {utterance.index} has no score; leave it out")
        if self._index and utterance.index <= self._index[-1]:
            raise ValueError(f"utterance {utterance.index} does not come after {self._index[-1]}")
        model, past = self._model, self._forward
        like = model.likelihood(Observations.of([utterance], self._pace))
        stay, jump, rate = like.stay[0], like.jump[0], float(like.rate[0])
        joint = model.advance(past[-1], stay, jump, rate) if past else model.start * stay
        now = joint / joint.sum()
        self._likes.append(like)
        self._forward.append(now)
        self._index.append(utterance.index)
        weights, grid = now.sum(axis=0), self._model.grid
        mean = float(weights @ grid)
        return Level(mean, float(np.sqrt(max(0.0, weights @ grid**2 - mean**2))))

    def changed_since(self, utterance_index: int) -> Change:
        """How probable it is, by all that was said so far, that the level is another than at that utterance.

        Takes time in proportion to how far back that is.

        Raises:
            ValueError: it is none of the utterances taken in.
        """
        if utterance_index not in self._index:
            raise ValueError(f"utterance {utterance_index} was not taken in; add it first")
        first = self._index.index(utterance_index)
        return Change(*self._model.change(self._forward[first], self._likes[first + 1 :]))
