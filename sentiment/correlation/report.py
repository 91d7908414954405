"""The result as one web page to be read at a glance: verdict, cautions, plots, words. Nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sentiment.correlation import plots
from sentiment.correlation.operations import OPERATIONS
from sentiment.correlation.wording import (
    COEFFICIENTS,
    instrument_name,
    number,
    plural,
    predictor_name,
    with_interval,
)

if TYPE_CHECKING:
    from datetime import date

    from sentiment.correlation.figure import Figure
    from sentiment.correlation.values import Correlation, Instrument, Operations

__all__ = ["page"]

ROWS = 200
"""Most rows in a table; files have all of them."""

PALETTE = {"c0": "#1f6fb2", "c1": "#c2561a", "ink": "#1c2430", "soft": "#5c6675", "line": "#d8dde4"}
"""Colours for readers of SVG that do not know the page's style, such as those that make a PDF."""


def page(found: Correlation, *, made_on: date | None = None) -> str:
    """The whole page.

    Args:
        found: what :func:`sentiment.correlation.correlate` found.
        made_on: the day to name in it.
    """
    environment = Environment(
        loader=PackageLoader("sentiment.correlation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number, "interval": with_interval, "percent": _percent, "instrument": instrument_name,
        "predictor": predictor_name, "plural": plural, "p": _p_value, "p_is": _p_is,
        "thousands": lambda n: f"{n:,}",
    }  # fmt: skip
    style = files("sentiment.correlation").joinpath("templates", "correlation.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return environment.get_template("correlation.html.j2").render(
        found=found,
        style=style,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        made_on=made_on,
        sections=[_section(i) for i in found.instruments],
        cautions=sorted(found.cautions, key=lambda c: not c.serious),
        operations=None if found.operations is None else _operations(found.operations),
        coefficients=COEFFICIENTS,
        palette=PALETTE,
        zip=zip,
        most=ROWS,
    )


def _section(one: Instrument) -> dict[str, Any]:
    name = instrument_name(one.name)
    estimate, answer = predictor_name(one.main.predictor), f"surveyed {name}"
    gap = "answer minus estimate" if one.main.same_scale else "answer, less what sentiment tells"
    return {
        "one": one,
        "name": name,
        "estimate": estimate,
        "tiles": _tiles(one),
        "cautions": sorted(one.cautions, key=lambda c: not c.serious),
        "calibration": plots.calibrated(one.calibration, estimate, answer, same_scale=one.main.same_scale),
        "by_answer": plots.by_answer(one, estimate, answer),
        "means": plots.means(one.response, name),
        "responding": plots.responding([b for b in one.response.by_band if b.name != "unknown"], estimate),
        "drift": plots.drifting(one.drift, gap),
        "groups": [(g, plots.grouped(g, answer, same_scale=one.main.same_scale)) for g in one.groups],
        "gap": gap,
    }


def _tiles(one: Instrument) -> list[tuple[str, str, str]]:
    """The figures at the head of a section: title, value, and what it rests on."""
    figures, response = one.main.figures, one.response
    tiles = [("Single calls", *_tile(figures["spearman"], "Spearman"))]
    group = next((g for g in one.groups if g.figures["spearman"].value is not None), None)
    if group is not None:
        figure = group.figures["spearman"]
        tiles.append(
            (
                f"Means of {plural(group.by)}",
                *_tile(figure, "Spearman", f"{group.n_compared} {plural(group.by)}"),
            )
        )
    if "mae" in figures:
        points = f"points of {one.scale[0]:g}–{one.scale[1]:g}"
        tiles.append(("Off by, on average", *_tile(figures["mae"], points)))
    rate = response.overall
    tiles.append(("Answered", _percent(rate.rate.value), f"{rate.n_answers:,} of {rate.n_calls:,} calls"))
    mean = response.mean
    if mean.weighted.value is not None:
        tiles.append(("Mean, raw → weighted", f"{number(mean.raw.value)} → {number(mean.weighted.value)}",
                      f"weighted: {number(mean.weighted.low)} … {number(mean.weighted.high)}"))  # fmt: skip
    return tiles


def _tile(figure: Figure, unit: str, rests: str | None = None) -> tuple[str, str]:
    rests = rests or f"n = {figure.n:,}"
    if figure.low is None:
        return number(figure.value), f"{unit}, {rests}; no interval"
    return number(figure.value), f"{number(figure.low)} … {number(figure.high)} {unit}, {rests}"


def _operations(found: Operations) -> dict[str, Any]:
    """The table of links turned: a row for each operational figure, a cell for each figure of feeling."""
    figures = list(dict.fromkeys(link.figure for link in found.links))
    rows = list(dict.fromkeys(link.operation for link in found.links))
    cells = {(link.operation, link.figure): link for link in found.links}
    return {
        "group": found.group,
        "figures": figures,
        "rows": [(OPERATIONS[o], [cells[o, f] for f in figures]) for o in rows],
        "turned": [link for link in found.links if link.turns],
        "drivers": found.drivers,
        "names": OPERATIONS,
        "left_out": {_words(k): v for k, v in found.left_out.items()},
        "n_pairs": sum(link.q_value is not None for link in found.links),
    }


def _words(key: str) -> str:
    if key.startswith("drivers of "):
        return f"drivers of {predictor_name(key.removeprefix('drivers of '))}"
    return OPERATIONS.get(key, key)


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _p_is(value: float | None) -> str:
    return f"p {_p_value(value)}" if value is not None and value < 0.001 else f"p = {_p_value(value)}"


def _p_value(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
