"""A call, and an overview of many, as self-contained web pages.

Nothing is fetched: style, script and sound stand in the page, and its Content-Security-Policy
forbids everything else, so that no text of a call can run or phone home even if an escape were
missing. Pages work from a disk, by mail or from a server.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from sentiment.files import file_stem
from sentiment.formats.display import (
    UNCLEAR_UTTERANCE,
    clock,
    emotions,
    feeling,
    felt,
    humanise,
    pieces,
    seconds,
    signed,
    sounded,
    tenths,
    tone,
)
from sentiment.formats.report_view import (
    count_lines,
    draw_chart,
    find_flags,
    find_parties,
    find_turning,
    list_settings,
    make_lines,
    take_figures,
)
from sentiment.summary import Failure, Row, lowest, summarise, worst_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Call

__all__ = ["call_page", "index_page"]

UNSURE_ROLE = 0.8
"""Below this probability a role is shown as one to check."""

SOURCES = {
    "given": "given",
    "sidecar": "from the sidecar",
    "inferred": "inferred",
    "transcript": "from the transcript",
}


def call_page(call: Call, *, playback: bytes | None, peaks: Sequence[Sequence[float]] = ()) -> str:
    """One call as a page.

    Args:
        call: the call; a text conversation has no times and gets no player.
        playback: the MP3 to listen to, a channel per party; ``None`` leaves the player out.
        peaks: for each audio channel the largest |sample| per bin, in [0, 1], evenly over the call.

    Raises:
        ValueError: a number of the call is NaN or infinite.
    """
    parties = find_parties(call)
    flags = find_flags(call)
    turnings = [find_turning(call, shift, parties) for shift in call.shifts]
    lines = make_lines(call, parties, flags, turnings)
    return (
        _environment()
        .get_template("call.html.j2")
        .render(
            _page(["timeline.js", "report.js"]),
            call=call,
            row=summarise(call),
            lowest=lowest(call),
            parties=list(dict.fromkeys(parties.values())),
            flags=flags,
            turnings=turnings,
            lines=lines,
            counts=count_lines(lines),
            figures=take_figures(call, parties),
            chart=draw_chart(call, lines, flags, turnings, list(dict.fromkeys(parties.values())), peaks),
            audio=None if playback is None else base64.b64encode(playback).decode("ascii"),
            settings=list_settings(call),
        )
    )


def index_page(rows: Sequence[Row], failures: Sequence[Failure]) -> str:
    """The overview: a line per call, the worst first, each linked to ``<call id>.html``, and what failed."""
    return (
        _environment()
        .get_template("index.html.j2")
        .render(
            _page(["index.js"]),
            rows=worst_first(rows),
            failures=failures,
            n_flagged=sum(row.n_moments > 0 for row in rows),
        )
    )


# -- the page around them ------------------------------------------------------------------------


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sentiment.formats"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.filters |= {
        "clock": clock,
        "emotions": emotions,
        "feeling": feeling,
        "felt": felt,
        "humanise": humanise,
        "pieces": pieces,
        "seconds": seconds,
        "signed": signed,
        "sounded": sounded,
        "tenths": tenths,
        "tone": tone,
    }
    environment.globals |= {
        "SOURCES": SOURCES,
        "UNCLEAR_UTTERANCE": UNCLEAR_UTTERANCE,
        "UNSURE_ROLE": UNSURE_ROLE,
        "page_name": lambda call_id: quote(f"{file_stem(call_id)}.html", safe=""),
    }
    return environment


@cache
def _asset(name: str) -> str:
    return files("sentiment.formats").joinpath("templates", name).read_text(encoding="utf-8")


def _page(scripts: Sequence[str]) -> dict[str, object]:
    """Style and script, and the policy that lets exactly those two run."""
    style, script = _asset("report.css"), "".join(map(_asset, scripts))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "media-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return {"style": style, "script": script, "policy": policy}


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
