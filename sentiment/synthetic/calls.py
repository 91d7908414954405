"""Calls with known answers: levels of feeling, planted shifts and what triggers each.

A caller gives a :class:`Pool` of things to say with known valence, or takes :func:`plain_pool`, and
:func:`plant` makes a call of them. Its utterances carry no scores: give it to a scorer, or to
:func:`with_noise`, which draws scores around the known valences and needs no model. All is drawn from
a seed; the same arguments always give the same call.

A call is a row of stretches, each with a level: negative, neutral or positive. Most of what is said in a
stretch is typical of it; the rest is neutral filler or an odd utterance out of keeping. The utterances on
either side of a shift are always typical of their stretches, or no one could say where the shift is.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from sentiment.call import Call, Channel, Role, Score, Utterance
from sentiment.errors import InputError

__all__ = [
    "SHAPES",
    "PlantOptions",
    "PlantedCall",
    "PlantedShift",
    "Pool",
    "Saying",
    "Shape",
    "plain_pool",
    "plant",
    "with_noise",
]

Shape = Literal["flat", "step", "dip", "steps", "fade"]
"""``flat`` has no shift; ``step`` one; ``dip`` a change and its way back; ``steps`` one after another
for as long as the call is; ``fade`` goes over from one level to another in several utterances."""

SHAPES: tuple[Shape, ...] = get_args(Shape)

_NEUTRAL = 0.1
"""Valences up to this far from 0 are neutral."""

_ODD = 0.3
"""An odd utterance has a valence at least this far from 0, to the other side of its stretch's level."""

_IN_A_ROW = 2
"""No more than so many fillers and odd utterances come in a row."""

_SAME_LEVEL = 0.2
"""What is typical of a level has a valence at most this far from it."""

_MS_PER_WORD, _PAUSE_MS, _HOLD_MS = 380, 350, 45_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """Something to say, and how it feels: ``valence`` in [-1, 1]."""

    text: str
    valence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """What the two parties may say.

    Args:
        sayings: of the party whose shifts are planted; negative, neutral and positive ones.
        neutral: turns of the other party that turn nothing.
        better, worse: turns of the other party after which the feeling rises or falls.
        waits: of ``worse``, those after which nobody speaks for long.
    """

    sayings: tuple[Saying, ...]
    neutral: tuple[str, ...]
    better: tuple[str, ...]
    worse: tuple[str, ...]
    waits: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantOptions:
    """What a planted call is like.

    Args:
        shape: see :data:`Shape`.
        n_utterances: how many the party with the shifts has, at least 6; the other party has about as many.
        filler: share of neutral filler in a negative or positive stretch.
        odd: share of utterances out of keeping with their stretch.
        min_stretch, mean_stretch: length of a stretch of ``steps``, in utterances of the party; the
            first is the least length of the stretches of all shapes.
        fade: utterances that a fade takes.
        late_trigger: share of shifts whose trigger is followed by a neutral turn of the other party.
        answered_trigger: share of shifts whose trigger the party answers once in the old mood.
        decoys: share of the other party's turns elsewhere that would be triggers by their wording.
        unanswered: share of the party's utterances before which the other party says nothing.
        level: the level all of a ``flat`` call has, ``None`` for any.
    """

    shape: Shape = "step"
    n_utterances: int = 20
    filler: float = 0.2
    odd: float = 0.05
    min_stretch: int = 4
    mean_stretch: int = 20
    fade: int = 6
    late_trigger: float = 0.3
    answered_trigger: float = 0.1
    decoys: float = 0.05
    unanswered: float = 0.1
    level: Literal[-1, 0, 1] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedShift:
    """A shift that is there.

    It begins with ``utterance_index``, and ends with ``last_index``: a later one for a fade only.
    ``before`` and ``after`` are the levels; ``trigger_index`` is the other party's turn that turned it.
    """

    utterance_index: int
    last_index: int
    before: float
    after: float
    trigger_index: int

    @property
    def direction(self) -> Literal["better", "worse"]:
        """Which way the feeling went."""
        return "better" if self.after > self.before else "worse"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedCall:
    """A call with its truth: the shifts of its customer, and the ``valences`` ``(n,)`` of all utterances."""

    call: Call
    shape: Shape
    shifts: tuple[PlantedShift, ...]
    valences: tuple[float, ...]


def plain_pool(seed: int = 0) -> Pool:
    """A pool of texts without meaning, 1 to 40 words long, with valences all over [-0.9, 0.9].

    For tests and for :func:`with_noise`, where only lengths and valences matter.
    """
    rng = np.random.default_rng(seed)

    def words() -> str:
        return " ".join(["word"] * int(np.clip(rng.lognormal(2.1, 0.8), 1, 40)))

    charged = [float(sign * rng.uniform(0.2, 0.9)) for sign in (-1, 1) for _ in range(300)]
    neutral = [float(rng.uniform(-_NEUTRAL, _NEUTRAL)) for _ in range(200)]
    return Pool(
        sayings=tuple(Saying(text=words(), valence=v) for v in charged + neutral),
        neutral=("Let me have a look.", "Okay.", "And what is your address?"),
        better=("I can offer you a full refund.", "Good news, it is fixed now."),
        worse=("Unfortunately we can't do that.", "Please hold the line."),
        waits=frozenset({"Please hold the line."}),
    )


def plant(pool: Pool, options: PlantOptions = PlantOptions(), *, seed: int) -> PlantedCall:
    """A call of two parties, without scores, whose customer has the planted shifts.

    Raises:
        InputError: the call is too short for its stretches, or the pool lacks something to say.
    """
    rng = np.random.default_rng(seed)
    plan = _plan(options, rng)
    turns = _converse(pool, options, rng, plan, _sayings(pool, options, rng, plan))
    place = [i for i, turn in enumerate(turns) if turn.role == "customer"]
    trigger = {turn.opens: i for i, turn in enumerate(turns) if turn.opens is not None}
    shifts = tuple(
        PlantedShift(
            utterance_index=place[change.begin],
            last_index=place[change.last],
            before=change.before,
            after=change.after,
            trigger_index=trigger[change.begin],
        )
        for change in plan.changes
    )
    return PlantedCall(
        call=_timed(turns, pool, rng, f"{options.shape}-{seed}"),
        shape=options.shape,
        shifts=shifts,
        valences=tuple(turn.valence for turn in turns),
    )


def with_noise(planted: PlantedCall, noise_sd: float, *, seed: int) -> PlantedCall:
    """The call with a score for every utterance: its valence and Gaussian noise of ``noise_sd``.

    The class probabilities are as unsure as a scorer's of that polarity would be.
    """
    rng = np.random.default_rng(seed)
    noisy = np.clip(np.array(planted.valences) + rng.normal(0.0, noise_sd, len(planted.valences)), -1, 1)
    utterances = tuple(
        dataclasses.replace(u, score=_score(float(p)))
        for u, p in zip(planted.call.utterances, noisy, strict=True)
    )
    return dataclasses.replace(planted, call=dataclasses.replace(planted.call, utterances=utterances))


def _score(polarity: float) -> Score:
    """Polar classes rise as logistic curves: 0.5 at a polarity of 0.4, as the shipped scorer's do."""
    negative, positive = (1 / (1 + np.exp((0.4 - sign * polarity) / 0.12)) for sign in (-1, 1))
    return Score(
        polarity=polarity,
        intensity=0.8 * abs(polarity),
        p_negative=float(negative),
        p_neutral=float(1 - negative - positive),
        p_positive=float(positive),
        emotions={},
        model="synthetic",
    )


# -- the plan --------------------------------------------------------------------------------------


class _Change(NamedTuple):
    """From one level to another between the party's utterances ``begin - 1`` and ``last``."""

    begin: int
    last: int
    before: float
    after: float


class _Plan(NamedTuple):
    """The level of each of the party's utterances, and where it changes."""

    levels: list[float]
    changes: list[_Change]


def _plan(options: PlantOptions, rng: np.random.Generator) -> _Plan:
    n, least = options.n_utterances, options.min_stretch
    fade = options.fade if options.shape == "fade" else 0
    many = max(2, round(n / options.mean_stretch))
    n_levels = {"flat": 1, "step": 2, "dip": 3, "steps": many, "fade": 2}[options.shape]
    spare = n - n_levels * least - fade
    if n < 6 or spare < 0:
        raise InputError(
            f"{options.shape} call of {n} utterances: too short for {n_levels} stretches of {least}; "
            "give a larger n_utterances"
        )
    cuts = np.sort(rng.integers(0, spare + 1, n_levels - 1))
    lengths = (least + np.diff([0, *cuts, spare])).tolist()
    level = _new_level(rng, options.level)
    levels, changes = [level] * lengths[0], []
    for k, length in enumerate(lengths[1:], start=1):
        before = level
        level = levels[0] if options.shape == "dip" and k == 2 else _new_level(rng, None, unlike=before)
        begin = len(levels)
        levels += [before + (level - before) * (i + 1) / (fade + 1) for i in range(fade)]
        changes.append(_Change(begin, len(levels), before, level))
        levels += [level] * length
    return _Plan(levels, changes)


def _new_level(rng: np.random.Generator, sign: int | None, unlike: float | None = None) -> float:
    """A negative, neutral or positive level; of another sign than ``unlike``."""
    signs = [s for s in (-1, 0, 1) if unlike is None or s != np.sign(unlike)]
    return float(rng.uniform(0.45, 0.75)) * (int(rng.choice(signs)) if sign is None else sign)


def _sayings(pool: Pool, options: PlantOptions, rng: np.random.Generator, plan: _Plan) -> list[Saying]:
    """What the party says in each of its utterances."""
    by_valence = sorted(pool.sayings, key=lambda s: s.valence)
    valences = [s.valence for s in by_valence]

    def near(low: float, high: float) -> Saying:
        start, end = bisect_left(valences, low), bisect_right(valences, high)
        if start == end:
            raise InputError(
                f"pool: nothing to say with a valence from {low:.2f} to {high:.2f}; add sayings of that kind"
            )
        return by_valence[int(rng.integers(start, end))]

    def typical(level: float) -> Saying:
        if abs(level) <= _NEUTRAL:
            return near(-_NEUTRAL, _NEUTRAL)
        low, high = level - _SAME_LEVEL, level + _SAME_LEVEL
        return near(max(low, _NEUTRAL), high) if level > 0 else near(low, min(high, -_NEUTRAL))

    def odd(level: float) -> Saying:
        sign = -np.sign(level) or rng.choice([-1.0, 1.0])
        return near(_ODD, 1.0) if sign > 0 else near(-1.0, -_ODD)

    telling = {i for change in plan.changes for i in range(change.begin - 1, change.last + 1)}
    said: list[Saying] = []
    in_a_row = 0
    for i, level in enumerate(plan.levels):
        luck = 1.0 if i in telling or in_a_row == _IN_A_ROW else float(rng.random())
        in_a_row = in_a_row + 1 if luck < options.odd + options.filler else 0
        if luck < options.odd:
            said.append(odd(level))
        else:
            said.append(typical(0.0 if in_a_row else level))
    return said


# -- the conversation ------------------------------------------------------------------------------


class _Turn(NamedTuple):
    """One utterance to be; ``opens`` is the party's utterance whose change this trigger brings about."""

    role: Role
    text: str
    valence: float = 0.0
    opens: int | None = None


def _converse(
    pool: Pool, options: PlantOptions, rng: np.random.Generator, plan: _Plan, said: list[Saying]
) -> list[_Turn]:
    """Turns of both parties: one of the other party before most of the party's, triggers before changes."""
    triggers = {}
    for change in plan.changes:
        early = 1 if rng.random() < options.answered_trigger else 0
        triggers[change.begin - early] = change
    turns: list[_Turn] = []
    for k, saying in enumerate(said):
        ahead = triggers.get(k)
        if ahead is not None:
            turning = pool.better if ahead.after > ahead.before else pool.worse
            turns.append(_Turn("agent", _any(turning, rng), opens=ahead.begin))
            if rng.random() < options.late_trigger:
                turns.append(_Turn("agent", _any(pool.neutral, rng)))
        elif k == 0 or rng.random() >= options.unanswered:
            decoy = rng.random() < options.decoys
            turns.append(_Turn("agent", _any(pool.better + pool.worse if decoy else pool.neutral, rng)))
        turns.append(_Turn("customer", saying.text, saying.valence))
    return turns


def _any(texts: tuple[str, ...], rng: np.random.Generator) -> str:
    if not texts:
        raise InputError("pool: a kind of turn of the other party is missing; give neutral, better and worse")
    return texts[int(rng.integers(len(texts)))]


def _timed(turns: list[_Turn], pool: Pool, rng: np.random.Generator, id_: str) -> Call:
    """The call of these turns: durations by words, pauses between turns, holds after waits."""
    now_ms = 0
    placed: list[Utterance] = []
    for index, turn in enumerate(turns):
        n_words = max(1, len(turn.text.split()))
        now_ms += int(rng.exponential(_PAUSE_MS))
        end_ms = now_ms + int(n_words * _MS_PER_WORD * rng.uniform(0.75, 1.35))
        placed.append(
            Utterance(
                index=index,
                channel=0 if turn.role == "agent" else 1,
                role=turn.role,
                start_ms=now_ms,
                end_ms=end_ms,
                text=turn.text,
            )
        )
        now_ms = end_ms + (int(rng.exponential(_HOLD_MS)) if turn.text in pool.waits else 0)
    roles: tuple[Role, Role] = ("agent", "customer")
    channels = tuple(
        Channel(index=i, role=role, source="given", confidence=1.0) for i, role in enumerate(roles)
    )
    return Call(id=id_, duration_ms=now_ms, channels=channels, utterances=tuple(placed))
