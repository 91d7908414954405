"""What a reader must know before believing the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sentiment.correlation.values import Caution
from sentiment.correlation.wording import instrument_name, number, with_interval

if TYPE_CHECKING:
    from sentiment.correlation.agreement import Pairs
    from sentiment.correlation.options import CorrelationOptions
    from sentiment.correlation.values import Agreement, Calibration, Drift, Read, Response

__all__ = ["of_instrument", "of_reading"]


def of_reading(read: Read, *, has_customers: bool) -> tuple[Caution, ...]:
    """Cautions about what was read."""
    found = []
    if read.n_estimated == 0:
        why = "all estimates abstained" if read.n_abstained else "no call has an estimate"
        found.append(Caution(name="no estimates", says=f"{why[0].upper()}{why[1:]}: surveys are held against the "
                             "customers' sentiment alone, which does not claim to be an answer."))  # fmt: skip
    elif read.n_abstained > 0.2 * read.n_calls:
        found.append(Caution(name="abstained", says=f"{read.n_abstained:,} of {read.n_calls:,} calls were not "
                             "estimated; what is said holds for the others."))  # fmt: skip
    lost = read.n_without_call + read.n_without_id
    if lost > 0.1 * max(read.n_answers, 1):
        found.append(Caution(name="answers without a call", serious=True, says=f"{lost:,} of {read.n_answers:,} "
                             "answers belong to no call that was given: check that both sides use the same call "
                             "ids, and that all scored calls are there."))  # fmt: skip
    if read.n_early:
        found.append(Caution(name="answered too early", serious=True, says=f"{read.n_early:,} answers came before "
                             "their call began: call ids or time zones do not fit (timezone in the column map)."))  # fmt: skip
    if read.n_late:
        found.append(Caution(name="late answers", says=f"{read.n_late:,} answers came more than "
                             f"{read.late_days:g} days after the call; they count."))  # fmt: skip
    if not has_customers:
        found.append(Caution(name="no customers", says="No customer ids are given: every call counts as another "
                             "customer, and intervals are too narrow if some answered often."))  # fmt: skip
    return tuple(found)


def of_instrument(
    pairs: Pairs,
    agreement: Agreement,
    calibration: Calibration,
    drift: Drift,
    response: Response,
    options: CorrelationOptions,
    n_rescaled: int,
) -> tuple[Caution, ...]:
    """Cautions about one instrument's figures."""
    found = [*_of_answers(pairs, options), *_of_leak(agreement, options)]
    rate = response.overall.rate
    if rate.value is not None and rate.value < options.low_response:
        found.append(Caution(name="low response", says=f"{100 * rate.value:.1f} % of the calls have an answer: what "
                             "the others think is known only as far as the weighting holds."))  # fmt: skip
    coverage = agreement.figures.get("coverage")
    if coverage is not None and coverage.high is not None and coverage.high < 0.88:
        found.append(Caution(name="narrow intervals", serious=True, says=f"The estimates' 90 % intervals hold "
                             f"{100 * (coverage.value or 0.0):.0f} % of the answers: they promise too much."))  # fmt: skip
    slope = calibration.slope
    if (
        slope is not None
        and slope.low is not None
        and slope.high is not None
        and agreement.figures["spearman"].sign > 0
    ):
        if slope.high < 0.9:
            found.append(Caution(name="too extreme", says="Estimates differ more than answers do: the line through "
                                 f"them has slope {with_interval(slope)}, not 1; fit on your own surveys."))  # fmt: skip
        elif slope.low > 1.1:
            found.append(Caution(name="too timid", says="Answers differ more than estimates do: the line through "
                                 f"them has slope {with_interval(slope)}, not 1; fit on your own surveys."))  # fmt: skip
    for trend in drift.trends:
        if trend.p_adjusted is not None and trend.p_adjusted < 0.05:
            what = "The gap between answers and estimates" if trend.name == "gap" else "The rank correlation"
            found.append(Caution(name=f"drift of the {trend.name}", says=f"{what} changes over the time seen, by "
                                 f"{with_interval(trend.change)} from first to last: figures of the whole time "
                                 "hide that."))  # fmt: skip
    if n_rescaled:
        found.append(Caution(name="mixed scales", says=f"{n_rescaled:,} answers were given on another scale and moved "
                             f"linearly to {pairs.scale[0]:g}-{pairs.scale[1]:g}; rank figures of mixed scales are "
                             "only as good as that."))  # fmt: skip
    return tuple(found)


def _of_answers(pairs: Pairs, options: CorrelationOptions) -> list[Caution]:
    n, name = len(pairs.y), instrument_name(pairs.instrument)
    found = []
    if n < options.too_few:
        found.append(Caution(name="too few answers", serious=True, says=f"{n:,} answered calls: too few to conclude "
                             f"anything about {name}; {options.few} would be a start."))  # fmt: skip
    elif n < options.few:
        found.append(Caution(name="few answers", says=f"{n:,} answered calls: intervals are wide."))
    if n and np.ptp(pairs.y) == 0:
        found.append(Caution(name="constant answers", serious=True, says=f"Every answer is {pairs.y[0]:g}: nothing "
                             "can be compared."))  # fmt: skip
    if n and np.ptp(pairs.x) == 0:
        found.append(Caution(name="constant estimates", serious=True, says="Every call has the same estimate: nothing "
                             "can be compared."))  # fmt: skip
    largest = int(np.bincount(pairs.cluster).max(initial=0)) if n else 0
    if n >= options.too_few and largest > options.dominated * n:
        found.append(Caution(name="one customer", serious=True, says=f"One customer gave {largest:,} of the {n:,} "
                             "answers: the figures are largely about that customer."))  # fmt: skip
    return found


def _of_leak(agreement: Agreement, options: CorrelationOptions) -> list[Caution]:
    rho = agreement.figures["spearman"]
    if rho.value is None or rho.n < 20 or rho.value <= options.leak:
        return []
    return [
        Caution(
            name="leak",
            serious=True,
            says=f"A Spearman correlation of {number(rho.value)} for single calls is too good to be true: 0.24 is "
            "published for sentiment and surveys, and half a panel of people who rate one call agrees with the other half at about 0.8. Look for "
            "the answer among what the estimate was made from (survey text in the transcript, a model fitted on "
            "these very answers).",
        )
    ]
