"""Agreement of a predictor with the answers, call by call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sentiment.correlation import coefficients as c
from sentiment.correlation.bands import Bands, moved, nearest_point
from sentiment.correlation.bootstrap import Resampling, clusters, figures
from sentiment.correlation.polyserial import polyserial
from sentiment.correlation.values import Agreement, Bin, Calibration, Confusion, Figure

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = ["Pairs", "agreement", "calibration", "confusion", "pairs_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STEPS = 3
_PER_BIN = 20


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pairs:
    """Answered calls that have the predictor: ``x``, ``y (n,)`` and whose they are.

    ``low`` and ``high`` are the estimate's 90 % interval (NaN where unknown), ``top`` its probability of
    the top box, all None for a sentiment figure.
    """

    predictor: str
    instrument: str
    scale: tuple[float, float]
    bands: Bands
    frame: pd.DataFrame
    x: Floats
    y: Floats
    cluster: Ints
    low: Floats | None = None
    high: Floats | None = None
    top: Floats | None = None

    @property
    def same_scale(self) -> bool:
        """Whether the predictor is an estimate of the answer itself."""
        return self.predictor == f"predicted_{self.instrument}"


def pairs_of(
    answered: pd.DataFrame, predictor: str, instrument: str, scale: tuple[float, float], bands: Bands
) -> Pairs:
    """The answered calls (``answer`` beside the columns of ``calls``) in which the predictor is known."""
    frame = answered[answered[predictor].notna()].reset_index(drop=True)
    own = predictor == f"predicted_{instrument}"

    def column(name: str) -> Floats:
        if name not in frame:
            return np.full(len(frame), np.nan)
        return np.asarray(frame[name].to_numpy(dtype=np.float64, na_value=np.nan))

    x = column(predictor)
    return Pairs(
        predictor=predictor,
        instrument=instrument,
        scale=scale,
        bands=bands,
        frame=frame,
        x=moved(x, instrument, scale) if own else x,
        y=column("answer"),
        cluster=clusters(frame["customer_id"].to_numpy(dtype=object)),
        low=moved(column(f"{predictor}_low"), instrument, scale) if own else None,
        high=moved(column(f"{predictor}_high"), instrument, scale) if own else None,
        top=column(f"{predictor}_top_box") if own else None,
    )


def agreement(pairs: Pairs, resampling: Resampling) -> Agreement:
    """Every coefficient with its interval."""
    found = figures(
        _of_order(pairs) | (_of_scale(pairs) if pairs.same_scale else {}), pairs.cluster, resampling
    )
    if pairs.same_scale:
        found["coverage"] = _coverage(pairs, resampling)
    if len(pairs.y) and len(np.unique(pairs.y >= pairs.bands.top)) == 1:
        why = "not defined: all answers are on one side of the top box"
        found["auc_top_box"] = replace(found["auc_top_box"], reason=why)
    return Agreement(predictor=pairs.predictor, same_scale=pairs.same_scale, figures=found)


def _of_order(pairs: Pairs) -> dict[str, Callable[[Floats], Floats]]:
    """What needs no common scale."""
    x, y = pairs.x, pairs.y
    if len(x) == 0:
        return dict.fromkeys(("spearman", "kendall", "pearson", "polyserial", "auc_top_box"), _nothing)
    by_x, by_y = c.sort(x), c.sort(y)
    upper = y >= pairs.bands.top
    # an estimate's own probability of the top box is what is held against it, where all calls have it
    by_top = c.sort(pairs.top) if pairs.top is not None and not np.isnan(pairs.top).any() else by_x

    def through(w: Floats) -> Floats:
        return polyserial(x, by_y, w, steps=60 if len(w) == 1 else _STEPS)

    return {
        "spearman": lambda w: c.spearman(by_x, by_y, w),
        "kendall": lambda w: c.kendall(by_x, by_y, w),
        "pearson": lambda w: c.pearson(x, y, w),
        "polyserial": through,
        "auc_top_box": lambda w: c.auc(by_top, upper, w),
    }


def _nothing(w: Floats) -> Floats:
    return np.full(len(w), np.nan)


def _of_scale(pairs: Pairs) -> dict[str, Callable[[Floats], Floats]]:
    """What compares the estimate with the answer itself."""
    x, y, scale = pairs.x, pairs.y, pairs.scale
    if len(x) == 0:
        return dict.fromkeys(("mae", "kappa", "bias"), _nothing)
    near_x, near_y = nearest_point(x, scale), nearest_point(y, scale)
    return {
        "mae": lambda w: c.mae(x, y, w),
        "kappa": lambda w: c.kappa(near_x, near_y, w),
        "bias": lambda w: c.mean(x - y, w),
    }


def _coverage(pairs: Pairs, resampling: Resampling) -> Figure:
    """Share of answers within the estimate's 90 % interval."""
    assert pairs.low is not None
    assert pairs.high is not None
    known = ~np.isnan(pairs.low) & ~np.isnan(pairs.high)
    if not known.any():
        return Figure(None, n=0, n_customers=0, reason="the estimates have no interval")
    inside = ((pairs.y >= pairs.low - 1e-9) & (pairs.y <= pairs.high + 1e-9)).astype(np.float64)[known]
    cluster = np.unique(pairs.cluster[known], return_inverse=True)[1]
    return figures({"coverage": lambda w: c.mean(inside, w)}, cluster, resampling)["coverage"]


def calibration(pairs: Pairs, resampling: Resampling) -> Calibration:
    """Mean answer by tenths of the predictor (fewer where there would be under 20 answers in each)."""
    n_bins = min(10, len(pairs.x) // _PER_BIN)
    bins = []
    if n_bins >= 2:
        edges = np.unique(np.quantile(pairs.x, np.linspace(0, 1, n_bins + 1)))
        place = np.clip(np.searchsorted(edges, pairs.x, side="right") - 1, 0, max(len(edges) - 2, 0))
        for k in np.unique(place):
            inside = place == k
            x, y = pairs.x[inside], pairs.y[inside]
            cluster = np.unique(pairs.cluster[inside], return_inverse=True)[1]
            answered = figures({"y": lambda w, y=y: c.mean(y, w)}, cluster, resampling)["y"]  # type: ignore[misc]
            bins.append(
                Bin(low=float(x.min()), high=float(x.max()), predicted=float(x.mean()), answered=answered)
            )
    if not pairs.same_scale:
        return Calibration(bins=tuple(bins))
    line = figures({"slope": lambda w: _slope(pairs, w), "offset": lambda w: _offset(pairs, w)},
                   pairs.cluster, resampling)  # fmt: skip
    return Calibration(bins=tuple(bins), slope=line["slope"], offset=line["offset"])


def _slope(pairs: Pairs, weights: Floats) -> Floats:
    """Slope of the answer on the estimate, ``(m,)``."""
    mx, my = c.mean(pairs.x, weights)[:, None], c.mean(pairs.y, weights)[:, None]
    under = np.einsum("mn,mn,mn->m", weights, pairs.x - mx, pairs.x - mx)
    over = np.einsum("mn,mn,mn->m", weights, pairs.x - mx, pairs.y - my)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under > 1e-9, over / under, np.nan)


def _offset(pairs: Pairs, weights: Floats) -> Floats:
    mean_x = c.mean(pairs.x, weights)
    offset: Floats = c.mean(pairs.y, weights) - _slope(pairs, weights) * mean_x
    return offset


def confusion(pairs: Pairs, resampling: Resampling) -> Confusion | None:
    """Predicted against surveyed bands; None for a sentiment figure."""
    if not pairs.same_scale:
        return None
    bands = pairs.bands
    predicted, surveyed = bands.of(nearest_point(pairs.x, pairs.scale)), bands.of(pairs.y)
    counts = np.zeros((len(bands.names),) * 2, dtype=np.int64)
    np.add.at(counts, (predicted, surveyed), 1)
    right = (predicted == surveyed).astype(np.float64)
    accuracy = figures({"a": lambda w: c.mean(right, w)}, pairs.cluster, resampling)["a"]
    return Confusion(
        bands=bands.names, says=bands.says, counts=tuple(tuple(map(int, row)) for row in counts),
        accuracy=accuracy,
    )  # fmt: skip
