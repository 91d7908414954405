"""The report of a fit in plain words, and as plain values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from sentiment.fitting.comparison import IN_LINE, LAST, MEAN, SHIPPED, WAYS

if TYPE_CHECKING:
    from sentiment.correlation.figure import Figure
    from sentiment.fitting.comparison import Held
    from sentiment.fitting.run import Fitted, FittedInstrument

__all__ = ["body", "report"]

_TITLES = {
    "customers": "On customers it was not learned from",
    "time": "On the latest fifth, learned from the rest",
}


def report(fitted: Fitted) -> str:
    """The report in Markdown."""
    lines = ["# Satisfaction, fitted to your surveys", ""]
    for paragraph in _what_was_read(fitted):
        lines += [paragraph, ""]
    for each in fitted.instruments.values():
        lines += _instrument(each)
        if _of_means(fitted, each.instrument):
            lines += [
                "The shipped default's interval is for the mean of many answers to a call, not for one.",
                "",
            ]
    for name, why in fitted.samples.unusable.items():
        kept = " The shipped default stays in use for it." if name in fitted.base.instruments else ""
        lines += [f"{name.upper()} was not fitted: {why}.{kept}", ""]
    return "\n".join(lines)


def body(fitted: Fitted) -> dict[str, Any]:
    """The report as values that JSON can hold."""
    samples = fitted.samples
    return {
        "schema": "conversation-sentiment/fit/1",
        "better": fitted.better,
        "instruments": {
            name: {**dataclasses.asdict(each), "use": each.use} for name, each in fitted.instruments.items()
        },
        "not_fitted": dict(samples.unusable),
        "read": {
            f.name: getattr(samples.read, f.name)
            for f in dataclasses.fields(samples.read)
            if f.name.startswith("n_")
        },
        "abstained": dict(samples.abstained),
        "survey_talk": dict(samples.survey_talk),
        "cautions": list(samples.cautions),
        "about": dict(fitted.stored.about),
    }


def _what_was_read(fitted: Fitted) -> list[str]:
    read, samples = fitted.samples.read, fitted.samples
    told = [
        f"{read.n_calls:,} calls, {read.n_rows:,} survey rows; {read.n_calls_answered:,} calls have an "
        f"answer and {read.n_calls_unanswered:,} have none.",
    ]
    left = {
        "were answered again later (the newest counts)": read.n_superseded,
        "belong to no call here": read.n_without_call,
        "name no call": read.n_without_id,
        "are to another question": read.n_other_questions,
        "are off their scale": read.n_off_scale,
        "cannot be right and were set aside": read.n_set_aside,
        "were not answered": read.n_unanswered,
    }
    if any(left.values()):
        told.append("Rows left out: " + ", ".join(f"{n:,} {why}" for why, n in left.items() if n) + ".")
    if samples.abstained:
        why = ", ".join(f"{n:,} because {reason}" for reason, n in samples.abstained.items())
        told.append(f"Answered calls of which nothing can be estimated: {why}.")
    if samples.survey_talk:
        first = next(iter(samples.survey_talk.items()))
        told.append(
            f"**The survey is spoken in {len(samples.survey_talk):,} of the recordings** (call {first[0]}: "
            f"“{first[1][:90]}”). That and what follows would give the answer away and was left out."
        )
    told += [f"**Note.** {caution}" for caution in samples.cautions]
    return told


def _of_means(fitted: Fitted, instrument: str) -> bool:
    known = {str(name): answers for name, (_, answers) in fitted.base.instruments.items()}
    return known.get(instrument, known["csat"]).interval_of == "mean"


def _instrument(each: FittedInstrument) -> list[str]:
    low, high = each.scale
    lines = [
        f"## {each.instrument.upper()}, {low} to {high}",
        "",
        f"{each.n_answers:,} answers of {each.n_customers:,} customers"
        + (f", {each.n_rescaled:,} of them moved from another scale" if each.n_rescaled else "")
        + ".",
        "",
        _verdict(each),
        "",
    ]
    lines += [f"**Warning.** {w}\n" for w in each.warnings]
    for held in (each.by_customer, each.by_time):
        lines += _table(held)
    return lines


def _verdict(each: FittedInstrument) -> str:
    held = each.by_customer
    if held.reason:
        return f"Whether it is any good cannot be said: {held.reason}."
    told = [_against(held, way, WAYS[way]) for way in (MEAN, LAST, SHIPPED, IN_LINE)]
    mean = held.gains[MEAN]
    if each.leak:
        use = "**Do not use the fit yet**: its figures are too good to be true."
    elif each.better:
        use = "**Use the fit.**"
    elif mean.low is not None and mean.low > 0:
        use = "**Keep the shipped default**: nothing shows that the fit is better."
    else:
        use = "**These calls do not tell these answers**: the fit is no better than giving everyone the mean."
    return f"{use} {' '.join(told)}"


def _against(held: Held, way: str, says: str) -> str:
    gain = held.gains[way]
    if gain.value is None:
        return f"Against {says} it cannot be compared."
    if gain.low is None or gain.high is None:
        than = "smaller" if gain.value > 0 else "larger"
        return f"Its error is {abs(gain.value):.3f} {than} than with {says} ({gain.reason})."
    span = f"({gain.low:+.3f} to {gain.high:+.3f})"
    if gain.low > 0:
        return f"It is better than {says}: a mean error smaller by {gain.value:.3f} {span}."
    if gain.high < 0:
        span = f"({-gain.high:+.3f} to {-gain.low:+.3f})"
        return f"It is worse than {says}: a mean error larger by {-gain.value:.3f} {span}."
    return f"Nothing shows that it differs from {says}: {gain.value:+.3f} {span}."


def _table(held: Held) -> list[str]:
    title = f"### {_TITLES[held.name]}"
    if held.reason:
        return [title, "", f"Not measured: {held.reason}.", ""]
    lines = [
        title,
        "",
        f"{held.n:,} calls of {held.n_customers:,} customers; 95 % intervals by resampling customers. Skill "
        "is the share of the squared error of the mean that is gone.",
        "",
        "| way | mean absolute error | skill | Spearman | 90 % interval held |",
        "|---|---|---|---|---|",
    ]
    for way, says in WAYS.items():
        cells = [_cell(held.ways[way].get(name)) for name in ("mae", "skill", "spearman", "coverage")]
        lines.append(f"| {says} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
