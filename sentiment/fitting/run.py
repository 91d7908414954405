"""From calls and surveys to a fitted model and its report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

import sentiment
from sentiment.errors import FitError
from sentiment.fitting.comparison import IN_LINE, MEAN, OWN, SHIPPED, FitOptions, compare, new_model
from sentiment.fitting.samples import take_samples
from sentiment.satisfaction.estimate import other_scorers
from sentiment.satisfaction.features import FEATURES
from sentiment.satisfaction.files import Stored, read_model
from sentiment.weights import weights_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sentiment.affect.text import TextScorer
    from sentiment.call import Call
    from sentiment.fitting.comparison import Held
    from sentiment.fitting.samples import Progress, Sample, Samples
    from sentiment.metrics import ColumnMap
    from sentiment.satisfaction.learned import Answers, Learned

__all__ = ["Fitted", "FittedInstrument", "fit"]

LEAK_SPEARMAN, LEAK_SKILL = 0.8, 0.6
"""Single customers' answers are not told so well by what they said: from here on it looks like a leak."""

DOMINATED, LEAST_TO_DOMINATE = 0.1, 30
"""A customer with a larger share of the answers is told of, unless answers are few."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedInstrument:
    """One survey: how it was learned, what that is worth on held-out calls, and whether to use it.

    ``better`` is whether its error is surely smaller than that of the mean and of the shipped default;
    ``leak`` whether it looks too good to be true.
    """

    instrument: str
    scale: tuple[int, int]
    n_answers: int
    n_customers: int
    n_rescaled: int
    by_customer: Held
    by_time: Held
    rounds_beyond_base: bool
    warnings: tuple[str, ...]
    better: bool
    leak: bool

    @property
    def use(self) -> bool:
        """Whether to estimate by it."""
        return self.better and not self.leak


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """The models, ready for :func:`sentiment.satisfaction.files.write_model`, and what is known of them.

    ``stored`` has everything that was fitted, ``base`` is what it went on from.
    """

    stored: Stored
    base: Stored
    instruments: Mapping[str, FittedInstrument]
    samples: Samples

    @property
    def better(self) -> bool:
        """Whether the fit is to be used for any survey."""
        return any(each.use for each in self.instruments.values())

    @property
    def recommended(self) -> Stored:
        """The fit where it is to be used; for other surveys the base, or nothing where that knows none."""
        used = {name for name, each in self.instruments.items() if each.use}
        fitted = {name: made for name, made in self.stored.instruments.items() if name in used}
        about = {**self.stored.about, "fitted": sorted(used)}
        return replace(self.stored, instruments={**self.base.instruments, **fitted}, about=about)

    def report(self) -> str:
        """The plain report, as Markdown."""
        from sentiment.fitting.wording import report

        return report(self)

    def body(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        from sentiment.fitting.wording import body

        return body(self)


def fit(
    calls: Sequence[Call],
    surveys: Any,
    *,
    scorer: TextScorer,
    base: Stored | None = None,
    maps: Mapping[str, ColumnMap | str | Path] | None = None,
    options: FitOptions | None = None,
    set_aside: Path | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fit the estimate to answers.

    Args:
        calls: scored calls.
        surveys: any table or file of answers, as the metric engine's table ``surveys``.
        scorer: whose lower layers read the dialogues; the one the calls were scored by.
        base: what to go on from; the shipped default if ``None``.
        maps: column maps, as ``{"surveys": "map.toml"}``.
        options: see :class:`FitOptions`; the usual ones if ``None``.
        set_aside: a folder for rows that cannot be right.
        progress: told of each stage.

    Raises:
        FitError: there are too few answers, or the calls were scored by another scorer.
        TableError: the surveys cannot be read.
    """
    tell = progress or (lambda _stage, _share: None)
    options = options or FitOptions()
    base = base or read_model(weights_dir("satisfaction"))
    _same_scorer(calls, scorer)
    encoder = scorer.dialogue_encoder()
    samples = take_samples(
        calls, surveys, encoder, maps=maps, least=options.min_answers, set_aside=set_aside, tell=tell
    )
    instruments = dict(base.instruments)
    found = {}
    for name, sample in samples.by_instrument.items():
        start = base.instruments.get(name, base.instruments["csat"])  # type: ignore[call-overload]
        fitted, learned = _fit_one(sample, start, encoder.size, options, tell)
        found[name] = fitted
        instruments[name] = learned  # type: ignore[index]
    stored = Stored(
        name="own-fit",
        features=tuple(f.name for f in FEATURES),
        reads=scorer.model.revision,
        instruments=instruments,
        about={
            "made_by": f"sentiment fit, version {sentiment.__version__}",
            "went_on_from": f"{base.name} {base.revision}",
            "answers": {name: each.n_answers for name, each in found.items()},
            "fitted": sorted(found),
        },
    )
    return Fitted(stored=stored, base=base, instruments=found, samples=samples)


def _same_scorer(calls: Sequence[Call], scorer: TextScorer) -> None:
    others = {each for call in calls for each in other_scorers(call, scorer.model.revision)}
    if others:
        raise FitError(
            f"some calls were scored by another scorer ({', '.join(sorted(others))}) than the one installed "
            f"({scorer.model.revision}): their figures do not mean the same; score them again"
        )


def _fit_one(
    sample: Sample, start: tuple[Learned, Answers], size: int, options: FitOptions, tell: Progress
) -> tuple[FittedInstrument, tuple[Learned, Answers]]:
    by_customer, by_time = compare(sample, start, size, options, tell)
    tell(f"{sample.instrument}: fitting to all answers", 0.9)
    model = new_model(sample, start, options.n_bags, size)
    model.fit(sample.x, sample.y, groups=sample.customer)
    fitted = FittedInstrument(
        instrument=sample.instrument,
        scale=sample.scale,
        n_answers=len(sample.y),
        n_customers=int(sample.customer.max()) + 1,
        n_rescaled=sample.n_rescaled,
        by_customer=by_customer,
        by_time=by_time,
        rounds_beyond_base=len(model.learned_.readings) > len(start[0].readings)
        or len(model.learned_.curves) > len(start[0].curves),
        warnings=_warnings(sample, by_customer),
        better=all(_surely_gains(by_customer, way) for way in (MEAN, SHIPPED)),
        leak=_too_good(by_customer),
    )
    return fitted, (model.learned_, model.answers_)


def _surely_gains(held: Held, way: str) -> bool:
    gain = held.gains.get(way)
    return gain is not None and gain.low is not None and gain.low > 0


def _too_good(held: Held) -> bool:
    own = held.ways.get(OWN, {})
    return any(
        name in own and (own[name].value or 0.0) > most
        for name, most in (("spearman", LEAK_SPEARMAN), ("skill", LEAK_SKILL))
    )


def _warnings(sample: Sample, held: Held) -> tuple[str, ...]:
    n, found = len(sample.y), []
    if np.ptp(sample.y) == 0:
        found.append(f"Every answer is {sample.y[0]:g}: there is nothing to learn.")
    largest = int(np.bincount(sample.customer).max())
    if n >= LEAST_TO_DOMINATE and largest > DOMINATED * n:
        found.append(
            f"One customer gave {largest:,} of the {n:,} answers: the fit is largely about that customer."
        )
    if _too_good(held):
        told = {name: held.ways[OWN][name].value or 0.0 for name in ("spearman", "skill")}
        found.append(
            f"This looks like a leak: held-out Spearman {told['spearman']:.2f}, skill {told['skill']:.2f}. "
            "The best published figure for single calls on real surveys is a Spearman correlation of .24. "
            "Look for the answer among what is learned from: the survey in the recording, a note of it in "
            "the text, answers typed by who scored the calls."
        )
    in_line = held.gains.get(IN_LINE)
    if in_line is not None and in_line.value is not None and in_line.value < 0:
        found.append("The default brought in line does better than going beyond it: more answers are needed.")
    return tuple(found)
