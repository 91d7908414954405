"""Measure the shipped satisfaction estimate beside simpler ways; writes ``models/SATISFACTION.md``.

    python models/evaluate_satisfaction.py --data ../shared/data

On the fifth of ``stc3`` that nothing was learned from, and on sets of other kinds; ``uss`` is never learned
from.
"""

from __future__ import annotations

import argparse
import platform
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from evaluation.rows import head, line
from evaluation.satisfaction_rivals import RIVALS, mean_polarity
from numpy.typing import NDArray
from scipy.stats import spearmanr
from train_satisfaction import HERE, Measured, all_sets, new_model

from sentiment.affect.text import load_text_scorer
from sentiment.satisfaction.estimate import abstains, load_satisfaction
from sentiment.satisfaction.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sentiment.call import Estimate
    from sentiment.satisfaction.estimate import Satisfaction

Floats = NDArray[np.float64]
RESAMPLES = 1000


def kappa(estimated: Floats, given: Floats) -> float:
    """Quadratic weighted kappa of both, rounded to whole answers of 1 to 5 (J. Cohen 1968)."""
    from sklearn.metrics import cohen_kappa_score

    a, b = (np.clip(np.rint(x), 1, 5).astype(int) for x in (estimated, given))
    return float(cohen_kappa_score(a, b, weights="quadratic", labels=[1, 2, 3, 4, 5]))


def rank_correlation(estimated: Floats, given: Floats) -> float:
    """Spearman's."""
    return float(spearmanr(estimated, given).statistic)


def interval(measure: Callable[[Floats, Floats], float], a: Floats, b: Floats) -> str:
    """95 % by a seeded bootstrap over dialogues."""
    rng = np.random.default_rng(7)
    drawn = [rng.integers(0, len(a), len(a)) for _ in range(RESAMPLES)]
    low, high = np.quantile([measure(a[i], b[i]) for i in drawn], (0.025, 0.975))
    return f"{low:.3f} to {high:.3f}"


def estimates(satisfaction: Satisfaction, of: Measured) -> list[Estimate]:
    """The CSAT estimates of a set."""
    found = [next(e for e in satisfaction.estimate(call) if e.instrument == "csat") for call in of.calls]
    return [e for e in found if e is not None]


def scores(satisfaction: Satisfaction, of: Measured) -> Floats:
    """The expected CSAT of a set from what was measured in it, NaN where it abstains."""
    learned, answers = satisfaction.instrument("csat")
    features, parts = of.x[:, : len(FEATURES)], of.x[:, len(FEATURES) :].astype(np.float32)
    expected = answers.expected(learned.scores(learned.values(features, parts), [f.name for f in FEATURES]))
    return np.where([abstains(call) is None for call in of.calls], expected, np.nan)


def ours(found: Sequence[Estimate]) -> tuple[Floats, NDArray[np.bool_]]:
    """Expected answers, and where there is one."""
    known = np.array([e.expected is not None for e in found])
    return np.array([np.nan if e.expected is None else e.expected for e in found]), known


def main_table(sets: dict[str, Measured], found: Sequence[Estimate]) -> list[str]:
    """Ours and the rivals on the held-out fifth of stc3."""
    everything = sets["stc3"]
    train, test = everything.where(~everything.held_out), everything.where(everything.held_out)
    mean, known = ours(found)
    lines = head("way", "n", "Spearman", "95 %", "kappa", "95 %", "mean absolute error")
    ways = [("**ours**", mean)]
    ways += [(r.name, r.run(train.calls, train.mean, test.calls)) for r in RIVALS]
    ways.append(("the mean of the others", np.full(len(test.calls), train.mean.mean())))
    for name, estimated in ways:
        a, b = estimated[known], test.mean[known]
        flat = bool(np.ptp(a) == 0)
        rho = "-" if flat else f"{rank_correlation(a, b):.3f}"
        lines.append(
            line(
                name,
                len(a),
                rho,
                "-" if flat else interval(rank_correlation, a, b),
                f"{kappa(a, b):.3f}",
                interval(kappa, a, b),
                f"{np.abs(a - b).mean():.3f}",
            )
        )
    return lines


def coverage_table(test: Measured, found: Sequence[Estimate]) -> list[str]:
    """How often the 90 % interval holds the raters' mean, over all and by the estimate."""
    mean, known = ours(found)
    low, high = (
        np.array([getattr(e, end) if e.expected is not None else np.nan for e in found])
        for end in ("low", "high")
    )
    held = (low <= test.mean) & (test.mean <= high)
    thirds = np.quantile(mean[known], (1 / 3, 2 / 3))
    part = np.digitize(mean, thirds)
    lines = head("estimates", "n", "held", "mean width")
    masks = [("all", known)]
    masks += [
        (name, known & (part == i))
        for i, name in enumerate(("lowest third", "middle third", "highest third"))
    ]
    lines += [
        line(name, int(of.sum()), f"{held[of].mean():.3f}", f"{(high - low)[of].mean():.2f}")
        for name, of in masks
    ]
    p = np.array([e.distribution if e.distribution else [np.nan] * 5 for e in found])
    share = test.counts / test.counts.sum(1, keepdims=True)
    lines += ["", *head("single raters' answers", "1", "2", "3", "4", "5")]
    lines.append(line("given", *(f"{x:.3f}" for x in share[known].mean(0))))
    lines.append(line("estimated", *(f"{x:.3f}" for x in p[known].mean(0))))
    return lines


def transfer_table(sets: dict[str, Measured], satisfaction: Satisfaction) -> list[str]:
    """Sets of other kinds: ours, the customer's mean polarity, and what learning from the set would give."""
    lines = head("set", "n", "ours: Spearman", "95 %", "mean polarity", "learned from it (cross-validated)")
    for name in ("uss-MWOZ", "uss-CCPE", "uss", "ab_redial", "casino"):
        of = _joined(sets["uss-MWOZ"], sets["uss-CCPE"]) if name == "uss" else sets[name]
        mean = scores(satisfaction, of)
        known = ~np.isnan(mean)
        polarity = np.array([mean_polarity(c) for c in of.calls])
        own = new_model().fit(of.x, of.mean, groups=np.array(of.groups)).held_out_
        a, b = mean[known], of.mean[known]
        lines.append(
            line(
                name,
                len(a),
                f"{rank_correlation(a, b):.3f}",
                interval(rank_correlation, a, b),
                f"{rank_correlation(polarity[known], b):.3f}",
                f"{rank_correlation(own[known], b):.3f}",
            )
        )
    return lines


def _joined(a: Measured, b: Measured) -> Measured:
    return Measured(
        calls=(*a.calls, *b.calls),
        x=np.concatenate([a.x, b.x]),
        counts=np.concatenate([a.counts, b.counts]),
        groups=(*a.groups, *b.groups),
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=HERE / "satisfaction")
    parser.add_argument("--cache", type=Path, default=HERE / "satisfaction.cache")
    parser.add_argument("--out", type=Path, default=HERE / "SATISFACTION.md")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    scorer = load_text_scorer(threads=args.threads)
    satisfaction = load_satisfaction(scorer, args.weights)
    sets = all_sets(args.data, scorer, args.cache)
    test = sets["stc3"].where(sets["stc3"].held_out)
    found = estimates(satisfaction, test)
    abstained = sum(e.expected is None for e in found)
    body = [
        "# Figures of the satisfaction estimate",
        "",
        f"{satisfaction.model.name}, revision {satisfaction.model.revision}, {date.today()}, "
        f"{platform.machine()}, Python {platform.python_version()}:",
        "",
        "    python models/evaluate_satisfaction.py --data ../shared/data",
        "",
        "## Helpdesk dialogues it was not learned from",
        "",
        f"The fifth of stc3 held out by the hash of its ids, {len(test.calls)} dialogues, each rated by 19 "
        f"people; compared with their mean. It abstained on {abstained}. All ways learn from the same four "
        "fifths.",
        "",
        *main_table(sets, found),
        "",
        "## The 90 % interval, and the distribution",
        "",
        *coverage_table(test, found),
        "",
        "## Conversations of other kinds",
        "",
        "Film recommendation, booking, negotiation: none was learned from. The last column is the same",
        "learner trained on the set itself, cross-validated: about what these texts tell of those ratings.",
        "",
        *transfer_table(sets, satisfaction),
        "",
    ]
    args.out.write_text("\n".join(body), "utf-8")
    print("\n".join(body))


if __name__ == "__main__":
    main()
