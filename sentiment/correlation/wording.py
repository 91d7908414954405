"""Names of instruments, predictors and figures as a reader sees them, and figures with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.correlation.values import Figure

__all__ = ["COEFFICIENTS", "instrument_name", "number", "plural", "predictor_name", "with_interval"]

COEFFICIENTS = {
    "spearman": "Spearman: do higher estimates go with higher answers? 1 is one order, 0 none",
    "kendall": "Kendall tau-b: the same by pairs of calls",
    "pearson": "Pearson: the same, along a straight line",
    "polyserial": "Polyserial: with the satisfaction behind the answer, as if the scale were not coarse",
    "auc_top_box": "AUC: chance that a top-box call has the higher estimate than another; 0.5 is a coin",
    "mae": "Mean absolute error, points of the scale",
    "kappa": "Weighted kappa: agreement beyond chance, near misses counting in part",
    "bias": "Mean estimate minus mean answer, points",
    "coverage": "Share of answers within the estimate's 90 % interval",
}
"""Every figure of an agreement, in words."""

_PREDICTORS = {
    "customer_polarity": "the customer's mean sentiment",
    "customer_polarity_q4": "the customer's sentiment in the last quarter",
    "customer_polarity_last": "the customer's sentiment in the last tenth",
    "customer_intensity": "the customer's mean intensity",
}


def instrument_name(name: str) -> str:
    """``CSAT`` for ``csat``."""
    return name.upper() if len(name) <= 4 else name.replace("_", " ")


def predictor_name(name: str) -> str:
    """``predicted CSAT`` for ``predicted_csat``; an answer is ``surveyed CSAT``."""
    if name.startswith("predicted_"):
        return f"predicted {instrument_name(name.removeprefix('predicted_'))}"
    if name in _PREDICTORS:
        return _PREDICTORS[name]
    return f"surveyed {instrument_name(name)}"


def plural(key: str) -> str:
    """``agents`` for the group column ``agent`` or ``agent_id``."""
    name = key.removesuffix("_id").replace("_", " ")
    if name.endswith("y") and name[-2:-1] not in "aeiou" and name != "day":
        return f"{name[:-1]}ies"
    return name if name.endswith("s") else f"{name}s"


def number(value: float | None, digits: int = 2) -> str:
    """A number with that many decimals and a true minus sign; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.replace("-", "")


def with_interval(figure: Figure | None, digits: int = 2) -> str:
    """``0.47 (0.41 … 0.52)``."""
    if figure is None or figure.value is None:
        return "–"
    if figure.low is None:
        return number(figure.value, digits)
    return f"{number(figure.value, digits)} ({number(figure.low, digits)} … {number(figure.high, digits)})"
