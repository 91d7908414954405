"""The result in words: what it comes to, what may be concluded, and what may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.correlation.wording import instrument_name, number, plural, predictor_name, with_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.correlation.options import CorrelationOptions
    from sentiment.correlation.values import Agreement, Caution, Figure, GroupAgreement, Response

__all__ = ["conclusions", "strength", "verdict"]

_STRENGTHS = ((0.2, "weak"), (0.4, "moderate"), (0.6, "good"), (0.8, "strong"))


def strength(rho: float) -> str:
    """A word for a rank correlation above 0."""
    return next((word for limit, word in _STRENGTHS if rho < limit), "very strong")


def verdict(
    instrument: str,
    main: Agreement,
    groups: Sequence[GroupAgreement],
    response: Response,
    cautions: Sequence[Caution],
    options: CorrelationOptions,
) -> str:
    """A few sentences; the first says whether the predictor agrees with the surveys."""
    rho, survey = main.figures["spearman"], instrument_name(instrument)
    if any(caution.name == "leak" for caution in cautions):
        return (
            f"The agreement of {predictor_name(main.predictor)} with surveyed {survey} is too good to be true: Spearman "
            f"{with_interval(rho)} over {rho.n:,} answered calls. Look for a leak before using any of it."
        )
    said = [_agrees(main, rho, survey, options)]
    if rho.n < options.too_few:
        return said[0]
    best = next((g for g in groups if g.figures["spearman"].sign > 0), None)
    if best is not None and rho.sign > 0:
        figure = best.figures["spearman"]
        many = plural(best.by)
        said.append(
            f"Mean {_what(main)} of {many} go{'' if main.same_scale else 'es'} with their mean answers: Spearman {with_interval(figure)} over {best.n_compared} {many}."
        )
    said.append(_who_answers(response, survey))
    return " ".join(s for s in said if s)


def _what(main: Agreement) -> str:
    return "estimates" if main.same_scale else "sentiment"


def _agrees(main: Agreement, rho: Figure, survey: str, options: CorrelationOptions) -> str:
    name = predictor_name(main.predictor)
    name = name[0].upper() + name[1:]
    rests = f"over {rho.n:,} answered calls of {rho.n_customers:,} customers"
    if rho.n < options.too_few:
        return f"{rho.n:,} answered calls are too few to say whether {name[0].lower() + name[1:]} agrees with {survey}."
    if rho.value is None:
        return f"Whether {name[0].lower() + name[1:]} agrees with surveyed {survey} cannot be told: {rho.reason}."
    figure = f"Spearman {with_interval(rho)} {rests}"
    if rho.low is None:
        return f"How surely {name[0].lower() + name[1:]} agrees with surveyed {survey} cannot be told: {figure}, {rho.reason}."
    if rho.sign > 0:
        return (
            f"{name} agrees with surveyed {survey} call by call, a {strength(rho.value)} agreement: {figure}."
        )
    if rho.sign < 0:
        return f"{name} runs against surveyed {survey}: {figure}. Check the direction of the scale."
    return f"No agreement of {name[0].lower() + name[1:]} with surveyed {survey} can be shown: {figure}."


def _who_answers(response: Response, survey: str) -> str:
    rate, raw, weighted = response.overall, response.mean.raw, response.mean.weighted
    share = f"{100 * (rate.rate.value or 0.0):.1f} % of {rate.n_calls:,} calls have an answer"
    if response.p_bias is None or weighted.value is None:
        return f"{share}; who answers could not be modelled."
    if response.p_bias < 0.01:
        return (
            f"{share}, and who answers depends on how they probably felt: the mean {survey} is {number(raw.value)} as "
            f"answered and {with_interval(weighted)} weighted to all calls."
        )
    return f"{share}; nothing shows that who answers depends on how they probably felt."


def conclusions(
    instrument: str,
    main: Agreement,
    groups: Sequence[GroupAgreement],
    response: Response,
    cautions: Sequence[Caution],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What may and what may not be concluded, as sentences."""
    rho, survey = main.figures["spearman"], instrument_name(instrument)
    may: list[str] = []
    may_not: list[str] = []
    serious = [c.name for c in cautions if c.serious]
    if serious:
        may_not.append(f"Conclude anything before this is settled: {', '.join(serious)}.")
    elif rho.sign <= 0:
        may_not.append(f"Use {predictor_name(main.predictor)} in place of a survey: no agreement is shown.")
    else:
        may.append("Choose calls to hear by it: low ones are likelier to have displeased.")
    mae = main.figures.get("mae")
    if serious:
        may_not.append("Use the figures below for more than finding out what is wrong.")
    elif mae is not None and mae.value is not None:
        may_not.append(f"Judge a single call by it: it is {number(mae.value)} points off on average.")
    elif not main.same_scale:
        may_not.append(f"Read it as a {survey} answer: sentiment has no such scale.")
    for group in groups:
        _of_group(group, _what(main), bool(serious), may, may_not)
    if response.mean.weighted.value is not None:
        may_not.append(
            "Take the weighted mean for certain: it is right only if, among calls alike in what the model sees, those "
            "who answered feel as those who did not."
        )
    if response.overall.rate.value is not None and response.p_bias is not None and response.p_bias < 0.01:
        may_not.append(
            f"Report the raw {survey} as that of all customers: who answers depends on how they felt."
        )
    may_not.append("Say that one causes the other: all of this only tells what goes together.")
    return tuple(may), tuple(may_not)


def _of_group(group: GroupAgreement, what: str, serious: bool, may: list[str], may_not: list[str]) -> None:
    figure, components, many = group.figures["spearman"], group.reliability, plural(group.by)
    if figure.sign > 0 and not serious:
        may.append(f"Compare {many} by their mean {what}, within their error bands.")
    if components is None or components.p_value is None:
        return
    needed = components.needed[0.7]
    if components.p_value >= 0.05 or needed is None:
        may_not.append(
            f"Rank {many} by their surveys: the answers show no difference between {many} beyond chance."
        )
        return
    surveyed = [g.n_answers for g in group.groups if g.n_answers]
    few = sum(n < needed for n in surveyed)
    if few:
        may_not.append(
            f"Trust the surveyed mean of {few} of {len(surveyed)} {many}: a mean needs {needed:,} answers for .7 of "
            f"the differences between {many} to be real."
        )
