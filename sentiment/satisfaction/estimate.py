"""A scored call -> estimates of the survey's answers, with their reasons; or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sentiment.call import Estimate, Model, Reason
from sentiment.errors import ModelError
from sentiment.satisfaction.features import FEATURES, heard, measure, topic_of
from sentiment.satisfaction.files import read_model
from sentiment.satisfaction.learned import reading_names
from sentiment.satisfaction.survey_talk import without_survey_talk
from sentiment.weights import weights_dir

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sentiment.affect.dialogue import Dialogue, DialogueEncoder
    from sentiment.affect.text import TextScorer
    from sentiment.call import Call, Instrument
    from sentiment.satisfaction.features import Feature, Heard
    from sentiment.satisfaction.files import Stored
    from sentiment.satisfaction.learned import Answers, Curve, Learned

__all__ = ["AbstainOptions", "Satisfaction", "abstains", "load_satisfaction", "other_scorers"]

N_REASONS = 3
N_UTTERANCES = 3
LEAST_EFFECT = 0.01
"""A reason moves the answer by this share of the scale or more."""

WORDING = "wording"
"""The topic of readings."""

_BY_NAME: dict[str, Feature] = {f.name: f for f in FEATURES}


@dataclass(frozen=True, kw_only=True, slots=True)
class AbstainOptions:
    """When nothing is estimated.

    Args:
        min_words: the customer says fewer.
        min_scored: a smaller share of the customer's words is scored, in [0, 1].
        min_sure: the role of the customer's channel is less sure, in [0, 1].
    """

    min_words: int = 8
    min_scored: float = 0.5
    min_sure: float = 0.8


def abstains(call: Call, options: AbstainOptions = AbstainOptions()) -> str | None:
    """Why a call is too little to estimate from, or ``None``."""
    said = call.said_by("customer")
    if not said:
        return "no voice is known to be the customer's"
    sure = min(
        (call.channels[u.channel].confidence for u in said if u.channel < len(call.channels)), default=1.0
    )
    if sure < options.min_sure:
        return f"it is only {sure:.0%} sure who the customer is"
    words = sum(len(u.text.split()) for u in said)
    if words < options.min_words:
        return f"the customer says too little: {words} {'word' if words == 1 else 'words'}"
    scored = sum(len(u.text.split()) for u in said if u.score is not None)
    if scored < options.min_scored * words:
        why = next((u.unscored for u in said if u.unscored), "not scored yet")
        return f"most of what the customer says is not scored: {why}"
    return None


def other_scorers(call: Call, revision: str) -> list[str]:
    """Revisions of the scorers that scored a call, as far as it says so, other than this one."""
    models = call.provenance.models if call.provenance is not None else ()
    return sorted({m.revision for m in models if m.task == "score" and m.revision != revision})


class Satisfaction:
    """Estimates satisfaction; make one with :func:`load_satisfaction` and keep it.

    ``model`` names it; ``reads`` is the revision of the scorer whose scores it knows.
    """

    def __init__(
        self, stored: Stored, encoder: DialogueEncoder, options: AbstainOptions = AbstainOptions()
    ) -> None:
        self.model = Model(task="satisfaction", name=stored.name, revision=stored.revision)
        self.reads = stored.reads
        self._stored, self._encoder, self._options = stored, encoder, options

    def instrument(self, name: Instrument) -> tuple[Learned, Answers]:
        """The score and the answers of an instrument."""
        return self._stored.instruments[name]

    def estimate(self, call: Call) -> tuple[Estimate, ...]:
        """An estimate for each instrument the model knows.

        The call must be scored and its shifts found; characteristics are used where there are some. Where the
        survey itself is spoken in it, that is not read.
        """
        instruments = self._stored.instruments
        call, _ = without_survey_talk(call)
        if reason := abstains(call, self._options):
            return tuple(_abstained(name, answers, reason) for name, (_, answers) in instruments.items())
        ready = heard(call)
        features = measure(ready)[None, :]
        dialogue = self._encoder.read(call.utterances)
        return tuple(
            _estimate(name, learned, answers, Seen(call, ready, features, dialogue))
            for name, (learned, answers) in instruments.items()
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one call: features ``(1, len(FEATURES))`` and the dialogue as it was read."""

    call: Call
    ready: Heard
    features: NDArray[np.float64]
    dialogue: Dialogue | None

    def values(self, learned: Learned) -> NDArray[np.float64]:
        """Features and readings, ``(1, n)``; a reading is NaN where nothing could be read."""
        n = len(learned.readings)
        if self.dialogue is None:
            return np.column_stack([self.features, np.full((1, n), np.nan)])
        return learned.values(self.features, self.dialogue.parts()[None])


def _abstained(instrument: Instrument, answers: Answers, reason: str) -> Estimate:
    return Estimate(
        instrument=instrument,
        expected=None,
        low=None,
        high=None,
        p_top_box=None,
        abstained=reason,
        scale_min=answers.scale_min,
        scale_max=answers.scale_max,
    )


def _estimate(instrument: Instrument, learned: Learned, answers: Answers, seen: Seen) -> Estimate:
    names = [f.name for f in FEATURES]
    values = seen.values(learned)
    effects = learned.effects(values, names)[0]
    score = np.array([learned.level + effects.sum()])
    p = answers.distribution(score)[0]
    low, high = answers.interval(score)
    top, bottom = boxes(instrument, answers)
    return Estimate(
        instrument=instrument,
        expected=_short(answers.expected(score)[0]),
        low=_short(low[0]),
        high=_short(high[0]),
        p_top_box=_short(p[top].sum()),
        p_detractor=_short(p[bottom].sum()),
        scale_min=answers.scale_min,
        scale_max=answers.scale_max,
        distribution=tuple(_short(x) for x in p),
        interval_of=answers.interval_of,
        reasons=_reasons(learned, answers, effects, float(score[0]), values[0], seen),
    )


def _short(x: float) -> float:
    return round(float(x), 4)


def boxes(instrument: Instrument, answers: Answers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which answers are top and which are low, ``(len(scale),)`` each.

    NPS: promoters 9-10 and detractors 0-6 (Reichheld 2003). Else the top two of five and the same
    share of other scales, and as many at the bottom.
    """
    unit = (answers.scale - answers.scale_min) / (answers.scale_max - answers.scale_min)
    if instrument == "nps":
        return unit > 0.85, unit < 0.65
    return unit >= 0.75 - 1e-9, unit <= 0.25 + 1e-9


# -- reasons ---------------------------------------------------------------------------------------


def _reasons(
    learned: Learned,
    answers: Answers,
    effects: NDArray[np.float64],
    score: float,
    values: NDArray[np.float64],
    seen: Seen,
) -> tuple[Reason, ...]:
    """The topics that moved the answer most: how far it would move back without each."""
    by_topic: dict[str, list[int]] = {}
    for i, curve in enumerate(learned.curves):
        by_topic.setdefault(_topic(curve), []).append(i)
    sums = np.array([effects[of].sum() for of in by_topic.values()])
    moved = answers.expected(np.array([score]))[0] - answers.expected(score - sums)
    least = LEAST_EFFECT * (answers.scale_max - answers.scale_min)
    order = [i for i in np.argsort(-np.abs(moved), kind="stable") if abs(moved[i]) >= least][:N_REASONS]
    topics = list(by_topic.items())
    return tuple(
        _reason(
            topics[i][0], float(moved[i]), _strongest(topics[i][1], effects, sums[i]), learned, values, seen
        )
        for i in order
    )


def _topic(curve: Curve) -> str:
    known = _BY_NAME.get(curve.feature)
    return WORDING if known is None else known.topic


def _strongest(of: list[int], effects: NDArray[np.float64], total: float) -> int:
    return max(of, key=lambda i: effects[i] * np.sign(total))


def _reason(
    topic: str, moved: float, strongest: int, learned: Learned, values: NDArray[np.float64], seen: Seen
) -> Reason:
    curve = learned.curves[strongest]
    if topic == WORDING:
        at, says = _read_in(learned, curve, seen, moved), topic_of(topic)[0 if moved > 0 else 1]
    else:
        feature = _BY_NAME[curve.feature]
        value = values[[f.name for f in FEATURES].index(feature.name)]
        more = bool(value >= curve.typical)
        says = topic_of(topic)[0 if (more if topic_of(topic).by_level else moved > 0) else 1]
        where = feature.where(seen.ready)
        at = [u.index for u in (where if more else where[::-1])]
    return Reason(
        feature=curve.feature if topic != WORDING else WORDING,
        effect=_short(moved),
        explanation=f"{says}.",
        utterances=tuple(at[:N_UTTERANCES]),
    )


def _read_in(learned: Learned, curve: Curve, seen: Seen, moved: float) -> list[int]:
    """The utterances that gave most to a reading, in the direction in which it moved the estimate."""
    if seen.dialogue is None:
        return []
    reading = learned.readings[reading_names(len(learned.readings)).index(curve.feature)]
    shares = seen.dialogue.shares(reading.weights)
    words = {u.index: len(u.text.split()) for u in seen.call.utterances}
    mean = sum(shares.values()) / max(1, sum(words[i] for i in shares))
    off = {i: (share - mean * words[i]) * np.sign(moved) for i, share in shares.items()}
    return sorted((i for i in off if off[i] > 0), key=lambda i: -off[i])


def load_satisfaction(scorer: TextScorer, directory: Path | None = None) -> Satisfaction:
    """Load a satisfaction model, the shipped one if no folder is given.

    Args:
        scorer: whose lower layers read the dialogue.
        directory: as ``sentiment fit`` or ``models/train_satisfaction.py`` writes it.

    Raises:
        CorruptModelError: a file is missing or does not match its sum.
        ModelError: the model was made with another scorer or for other features.
    """
    stored = read_model(directory or weights_dir("satisfaction"))
    if stored.reads != scorer.model.revision:
        raise ModelError(
            f"satisfaction model {stored.name}: it was made with scorer {stored.reads}, but this is "
            f"{scorer.model.revision}; fit it again with sentiment fit"
        )
    if stored.features != tuple(f.name for f in FEATURES):
        raise ModelError(
            f"satisfaction model {stored.name}: it knows other features than this version; "
            "fit it again with sentiment fit"
        )
    return Satisfaction(stored, scorer.dialogue_encoder())
