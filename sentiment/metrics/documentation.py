"""A definition in words: what ``sentiment metrics explain`` says, and the page ``docs/metrics.md``.

Both are made from the definitions. ``python -m sentiment.metrics.documentation`` writes the page.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from sentiment.metrics.catalogue import CATALOGUE, Request, parse
from sentiment.metrics.needs import needed, sources
from sentiment.metrics.packs import load_pack, pack_names
from sentiment.metrics.schemas import GIVEN_TABLES, TABLES
from sentiment.metrics.statistics import shown

if TYPE_CHECKING:
    from sentiment.metrics.definition import Definition, Variant
    from sentiment.metrics.statistics import Statistic

__all__ = ["explained", "formula", "page"]

CHAPTERS = {
    "surveys": "From surveys",
    "contacts": "From contact records and agents' time",
    "customers": "From customers, orders, visits and campaigns",
    "conversations": "From scored conversations",
}

KINDS = {
    "Share": "share of rows where `{of}`",
    "NetShare": "share of rows where `{plus}`, minus share where `{minus}`",
    "ScaleMean": "mean of `{of}` on a scale from `{low}` to `{high}`",
    "Mean": "mean of `{of}`",
    "Ratio": "sum of `{of}` / sum of `{per}`",
    "Count": "count of rows",
    "Rate": "count of rows / seconds of the period",
    "Peak": "most rows in one second of `{of}`",
    "Quantile": "{level:.0%} quantile of `{of}`",
}

INTERVALS = {
    "Share": "Wilson's score interval",
    "NetShare": "Wald's interval after three pseudo-answers (Rocks 2016)",
    "ScaleMean": "Wald's interval after three pseudo-answers",
    "Mean": "Student's t with Hall's correction for skewness",
    "Ratio": "Student's t with Hall's correction for skewness, on residuals",
    "Quantile": "order statistics",
}


COVERAGE = (
    ("mean of handle times (log-normal, sigma 0.8)", 10, 91.6, 83.1),
    ("mean of handle times (log-normal, sigma 0.8)", 100, 94.7, 92.9),
    ("mean of resolution times (log-normal, sigma 1.2)", 10, 88.2, 75.2),
    ("mean of answers on 1-5", 10, 94.5, 86.1),
    ("NPS, 60 % promoters and 20 % detractors", 10, 96.0, 92.1),
    ("NPS, 60 % promoters and 20 % detractors", 100, 94.5, 95.1),
    ("NPS, 85 % and 3 %", 10, 95.0, 77.7),
    ("a share of 80 %", 100, 94.1, 95.8),
    ("a share of 3 %", 30, 94.6, 60.1),
)
"""How often intervals hold the truth, in per cent, ours and the bootstrap's (``bench_intervals``)."""


def formula(statistic: Statistic) -> str:
    """A statistic as its expressions of the columns."""
    kind = type(statistic).__name__
    values = {f.name: getattr(statistic, f.name) for f in fields(statistic)}
    texts = {k: v if isinstance(v, float) and k == "level" else shown(v) for k, v in values.items()}
    text = KINDS[kind].format(**texts)
    return text if statistic.among is None else f"{text}, among rows where `{shown(statistic.among)}`"


def _request(definition: Definition, variant: Variant) -> Request:
    return Request(
        definition=definition, variant=variant, parameters={p.name: p.default for p in definition.parameters}
    )


_SOURCES = {
    "invitations": ["invited_at"],
    "membership": ["joined_at", "left_at"],
    "buyers": ["customer_id", "ordered_at"],
    "relationships": ["customer_id", "started_at", "customer_polarity"],
}
"""What the tables that are worked out are worked out from."""


def _columns(request: Request) -> str:
    """The given columns that a request can be counted from."""
    schema = TABLES[request.table]
    if schema.made_of is not None:
        base = TABLES[schema.made_of]
        own = _SOURCES[schema.name]
        extra = {c for c in needed(request) if base.column(c) and c not in own}
        return f"{base.name}: {', '.join([*own, *sorted(extra)])}"
    names: dict[str, str] = {}
    for name in sorted(needed(request)):
        business = next((b for b in schema.business if b.name == name), None)
        made_of = {business.start, business.end} if business else sources(schema, name)
        names[name] = name if made_of == {name} else f"{name} (or {', '.join(sorted(made_of))})"
        if schema.column(name) is None:
            names[name] = ", ".join(sorted(made_of))
    return f"{schema.name}: {', '.join(names.values()) or 'any'}"


def explained(name: str) -> str:
    """All there is to say of a metric, as text for a terminal.

    Raises:
        MetricError: there is none of that name.
    """
    asked = parse(name)
    return "\n".join(_lines(asked.definition)).replace("`", "").replace("**", "").replace("### ", "")


def _lines(d: Definition) -> list[str]:
    lines = [f"### {d.title}", ""]
    names = f"`{d.name}`" + "".join(f", `{a}`" for a in d.aliases)
    better = f"; {d.better} is better" if d.better else ""
    lines += [f"Asked for as {names}{better}.", ""]
    for variant in d.variants:
        request = _request(d, variant)
        default = " (default)" if variant is d.variants[0] and len(d.variants) > 1 else ""
        lines.append(f"- **{d.name}:{variant.name}**{default}, {variant.unit}: {variant.says}.")
        lines.append(f"  - Formula: {formula(variant.statistic)}.")
        lines.append(f"  - Columns of {_columns(request)}.")
        kind = INTERVALS.get(type(variant.statistic).__name__)
        if kind and not getattr(variant.statistic, "dependent", None):
            lines.append(f"  - Interval: {kind}.")
        lines += [f"  - Example: {e.says}." for e in variant.examples]
    if d.parameters:
        lines += ["", "Parameters:", ""]
        lines += [f"- `{p.name}` ({_default(p.default)}): {p.says}." for p in d.parameters]
    lines += ["", f"What moves it: {d.moves}", "", f"What misleads: {d.misleads}", ""]
    if d.source:
        lines += [f"Source: {d.source}.", ""]
    return lines


def _default(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else value


def page() -> str:
    """The documentation page: every metric, every table, every pack."""
    lines = [
        "# Metrics",
        "",
        "<!-- Made by `python -m sentiment.metrics.documentation`; change the definitions instead. -->",
        "",
        "Every metric has one definition, in `sentiment/metrics/catalogue/`; this page, the command line and",
        "the engine read it. A value comes with its numerator, denominator, n, rows with unknown values",
        "(`missing`) and a 95 % interval; what cannot be computed has a reason instead. Totals are pooled",
        "from sums, never averaged.",
        "",
    ]
    for family, title in CHAPTERS.items():
        lines += [f"## {title}", ""]
        for d in (d for d in CATALOGUE.values() if d.family == family):
            lines += _lines(d)
    lines += [
        "## Intervals",
        "",
        "Each is a 95 % interval, of the kind named at the metric. All but those of quantiles come from sums",
        "(counts, and the first three powers of a value), not from resampled rows: one scan serves every",
        "group, and totals pool. In simulations they hold the truth more often than the percentile bootstrap",
        "where groups are small, and about as often where they are large (4,000 samples each; all 30 cases,",
        "and how to repeat them, are in `tests/benchmarks/INTERVALS.md`):",
        "",
        "| of | n | ours | bootstrap |",
        "|---|---|---|---|",
        *(f"| {of} | {n} | {ours} % | {theirs} % |" for of, n, ours, theirs in COVERAGE),
        "",
        "Of very skewed durations (resolution times) either is too narrow with 10 rows. Rows are taken to",
        "vary independently; a customer who calls ten times makes intervals too narrow.",
        "",
        "## Packs",
        "",
        "`--pack NAME` computes a list of metrics and holds them against targets: met or missed where the",
        "whole 95 % interval is on one side, else unsure. Targets are starting points: copy a pack of",
        "`sentiment/metrics/packs.toml` into a file of your own, change it, and give `--pack FILE.toml`.",
        "",
        "| pack | for | metrics | targets |",
        "|---|---|---|---|",
    ]
    for name in pack_names():
        pack = load_pack(name)
        wanted = (
            f"`{metric}` {'≥' if t.better == 'higher' else '≤'} {t.value:g} ({t.source})"
            for metric, t in pack.targets.items()
        )
        names = ", ".join(f"`{r.name}`" for r in pack.metrics)
        lines.append(f"| `{name}` | {pack.says} | {names} | {', '.join(wanted)} |")
    lines += [
        "",
        "## Tables",
        "",
        "Only the columns that the asked metrics read are needed; others can be grouped by.",
    ]
    for name in GIVEN_TABLES:
        schema = TABLES[name]
        lines += ["", f"### `{name}`: {schema.says}", "", "| column | type | meaning |", "|---|---|---|"]
        for c in schema.columns:
            assumed = "" if c.assumed is None else f"; if empty: {str(c.assumed).lower()}"
            lines.append(f"| `{c.name}` | {c.type} | {c.says}{assumed} |")
        derived = [d for d in schema.derived if schema.column(d.name)]
        if derived:
            told = "; ".join(f"`{d.name}`: {d.says}" for d in derived)
            lines += ["", f"Worked out where not given: {told}."]
        if schema.checks:
            lines += ["", f"Set aside: {'; '.join(c.says for c in schema.checks)}."]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    from pathlib import Path

    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/metrics.md")
    target.write_text(page(), "utf-8")
