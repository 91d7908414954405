"""How often 95 % intervals hold the truth: ``python -m tests.benchmarks.bench_intervals``.

Samples are drawn from populations whose true value is known; an interval should hold it 95 times of 100.
Ours come from sums (:mod:`sentiment.metrics.intervals`), the percentile bootstrap from resampled rows.
Results replace ``INTERVALS.md`` beside this file.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.metrics import intervals
from sentiment.metrics.intervals import Interval, Moments, z_of

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
Z = z_of(0.95)
SIZES = (10, 30, 100)


@dataclass(frozen=True, kw_only=True)
class Population:
    """``draw`` gives an array (samples, rows) of values, whose mean is ``truth``; ``ours`` its intervals."""

    name: str
    truth: float
    draw: Callable[[np.random.Generator, tuple[int, int]], Any]
    ours: Callable[[Any], Interval]


def of_mean(x: Any) -> Interval:
    """The interval of means of any values."""
    n = np.full(len(x), float(x.shape[1]))
    return intervals.of_mean(Moments(n, x.sum(1), (x**2).sum(1), (x**3).sum(1)), Z)


def of_score(low: float, high: float) -> Callable[[Any], Interval]:
    """The interval of means of answers on a scale."""

    def ends(x: Any) -> Interval:
        one = np.ones(len(x))
        return intervals.of_score(
            one * x.shape[1], x.sum(1), (x**2).sum(1), low=one * low, high=one * high, z=Z
        )

    return ends


def of_share(x: Any) -> Interval:
    """The interval of a share."""
    return intervals.of_proportion(x.sum(1), np.full(len(x), float(x.shape[1])), Z)


def _answers(name: str, values: list[float], shares: list[float], ours: Any) -> Population:
    return Population(
        name=name, truth=float(np.dot(values, shares)), ours=ours,
        draw=lambda rng, shape: rng.choice(values, size=shape, p=shares),
    )  # fmt: skip


def _lognormal(name: str, sigma: float) -> Population:
    return Population(
        name=name, truth=float(np.exp(sigma**2 / 2)), ours=of_mean,
        draw=lambda rng, shape: rng.lognormal(0, sigma, shape),
    )  # fmt: skip


NPS = of_score(-1, 1)
POPULATIONS = (
    _lognormal("mean, handle times (log-normal, sigma 0.5)", 0.5),
    _lognormal("mean, handle times (log-normal, sigma 0.8)", 0.8),
    _lognormal("mean, resolution times (log-normal, sigma 1.2)", 1.2),
    Population(
        name="mean, waits (exponential)", truth=1.0, ours=of_mean,
        draw=lambda rng, shape: rng.exponential(1.0, shape),
    ),
    _answers("mean of answers on 1-5 (5, 5, 10, 30, 50 %)", [1, 2, 3, 4, 5], [0.05, 0.05, 0.1, 0.3, 0.5],
             of_score(1, 5)),
    _answers("NPS, 60 % promoters, 20 % detractors", [1, -1, 0], [0.6, 0.2, 0.2], NPS),
    _answers("NPS, 30 % and 30 %", [1, -1, 0], [0.3, 0.3, 0.4], NPS),
    _answers("NPS, 85 % and 3 %", [1, -1, 0], [0.85, 0.03, 0.12], NPS),
    _answers("share, 80 %", [1, 0], [0.8, 0.2], of_share),
    _answers("share, 3 %", [1, 0], [0.03, 0.97], of_share),
)  # fmt: skip


def bootstrap(x: Any, rng: np.random.Generator, replicates: int) -> Interval:
    """The percentile bootstrap of each row's mean."""
    n = x.shape[1]
    ends = [np.quantile(row[rng.integers(0, n, (replicates, n))].mean(1), [0.025, 0.975]) for row in x]
    return Interval(*np.array(ends).T)


def coverage(ends: Interval, truth: float) -> float:
    """In what share of samples the interval holds the truth."""
    return float(((ends.low <= truth + 1e-12) & (ends.high >= truth - 1e-12)).mean())


def compared(population: Population, n: int, samples: int, replicates: int) -> tuple[float, float, float]:
    """Coverage of ours, of the bootstrap, and how much wider ours are on average."""
    rng = np.random.default_rng(n)
    x = population.draw(rng, (samples, n)).astype(float)
    ours, theirs = population.ours(x), bootstrap(x, rng, replicates)
    wider = (ours.high - ours.low).mean() / (theirs.high - theirs.low).mean()
    return coverage(ours, population.truth), coverage(theirs, population.truth), float(wider)


def main() -> None:
    """Draw, count, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--replicates", type=int, default=1000)
    options = parser.parse_args()
    lines = [
        "# How often 95 % intervals hold the truth",
        "",
        f"`python -m tests.benchmarks.bench_intervals`: {options.samples:,} samples of each size,",
        f"the percentile bootstrap with {options.replicates:,} resamples. Width: ours by the bootstrap's.",
        "",
        "| of | n | ours | bootstrap | width |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for population in POPULATIONS:
        for n in SIZES:
            mine, theirs, wider = compared(population, n, options.samples, options.replicates)
            lines.append(
                f"| {population.name} | {n} | {100 * mine:.1f} % | {100 * theirs:.1f} % | {wider:.2f} |"
            )
    text = "\n".join(lines) + "\n"
    (HERE / "INTERVALS.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
