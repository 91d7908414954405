"""What the points of a survey's scale are called: top box, promoters ..., and estimates moved to another
scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sentiment.metrics.conversations import ESTIMATE_SCALES

__all__ = ["Bands", "bands_of", "moved", "nearest_point"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bands:
    """Bands of a scale, lowest first: an answer of ``starts[i]`` or more is in band ``i + 1`` or higher."""

    names: tuple[str, ...]
    starts: tuple[float, ...]
    says: tuple[str, ...]
    top: float
    """Least answer of the top box (promoters)."""

    def of(self, answers: Floats) -> Ints:
        """Band of each answer, from 0."""
        return np.digitize(answers, self.starts).astype(np.int64)


def bands_of(instrument: str, scale: tuple[float, float]) -> Bands:
    """The bands an instrument is reported in.

    NPS: detractors 0-6, passives 7-8, promoters 9-10 (F. Reichheld, 2003). Others: the two lowest and the two
    highest points of a scale of 5 to 11 points; on longer ones the lowest and the highest quarter, on
    shorter ones the lowest and the highest point; as ``sentiment metrics`` counts its top box.
    """
    low, high = scale
    if instrument == "nps":
        names = ("detractor", "passive", "promoter")
        return Bands(names=names, starts=(7.0, 9.0), says=("0-6", "7-8", "9-10"), top=9.0)
    width = high - low
    reach = 0.0 if width < 4 else 1.0 if width <= 10 else 0.25 * width
    bottom, top = low + reach, high - reach
    says = (f"up to {bottom:g}", "between", f"{top:g} or more")
    return Bands(
        names=("bottom", "middle", "top"), starts=(float(np.nextafter(bottom, high)), top), says=says, top=top
    )


def moved(estimates: Floats, instrument: str, scale: tuple[float, float]) -> Floats:
    """Estimates on the survey's scale: moved linearly, so that the ends of one are the ends of the other."""
    low, high = ESTIMATE_SCALES[instrument]
    if scale == (low, high):
        return estimates
    return scale[0] + (estimates - low) / (high - low) * (scale[1] - scale[0])


def nearest_point(values: Floats, scale: tuple[float, float]) -> Floats:
    """The point of the scale nearest to each value, half up; a scale of over 11 points is cut into ten."""
    low, high = scale
    step = 1.0 if high - low <= 11 else (high - low) / 10.0
    return np.clip(low + np.floor((values - low) / step + 0.5) * step, low, high)
