"""Moments worth a manager's time, found by rules on a stored call: no audio, no model of speech or feeling.

What is looked for is data (:mod:`sentiment.rules`): the shipped rules, or a file of one's own.

What the customer feels is judged, never what the agent feels: of an agent's turns only the wording
and the timing are read. Where roles are unknown, the rules about a customer or an agent find nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sentiment
from sentiment.call import Evidence, Moment, Provenance
from sentiment.rules.combine import hits, runs
from sentiment.rules.reader import default_rules
from sentiment.rules.said import MeaningFilter
from sentiment.rules.seen import Embedder, Seen
from sentiment.rules.telling import tell

if TYPE_CHECKING:
    from sentiment.call import Call
    from sentiment.rules.values import Hit, Rule, Rules

__all__ = ["flag_moments", "reflag"]

MEANING = "meaning"
"""The task of the embeddings' model in the provenance."""


def _load_meaning() -> object:
    from sentiment.meaning import load_meaning

    return load_meaning()


_EMBEDDER = Embedder(_load_meaning)
"""Loads the sentence embeddings when a rule first asks for them."""


def flag_moments(
    call: Call, rules: Rules | None = None, *, embedder: Embedder = _EMBEDDER
) -> tuple[Moment, ...]:
    """The moments of a scored call, by ``rules`` (the shipped ones if ``None``).

    They come in order of start, in a call without times in order of the first utterance they rest
    on, and at the same place in the order of the rules. The same call always gives the same moments.

    Raises:
        ModelError: a rule asks for meaning, and the embeddings are missing or corrupt.
    """
    rules = rules or default_rules()
    seen = Seen(call, embedder)
    found: dict[str, list[Moment]] = {}
    for rule in rules.in_turn():
        taken = {i for name in rule.yields_to for m in found[name] for i in m.evidence.utterances}
        found[rule.name] = [_moment(call, rule, run) for run in runs(rule, hits(seen, rule.find), taken)]
    ordered = [(moment, i) for i, rule in enumerate(rules.rules) for moment in found[rule.name]]
    ordered.sort(key=lambda item: (item[0].start_ms or 0, item[0].evidence.utterances[:1], item[1]))
    return tuple(moment for moment, _ in ordered)


def reflag(call: Call, rules: Rules, *, embedder: Embedder = _EMBEDDER) -> Call:
    """The call with its moments found anew; its provenance names the rules, and their model of meaning.

    Raises as :func:`flag_moments`.
    """
    before = call.provenance or Provenance(version=sentiment.__version__)
    # "moments" is what version 0.1.0 recorded in the place of rules.
    settings = {name: value for name, value in before.settings.items() if name != "moments"}
    models = tuple(model for model in before.models if model.task != MEANING)
    if any(isinstance(each, MeaningFilter) for each in rules.filters()):
        models = (*models, embedder.model.model)
    return replace(
        call,
        moments=flag_moments(call, rules, embedder=embedder),
        provenance=replace(before, models=models, settings={**settings, "rules": rules.provenance()}),
    )


def _moment(call: Call, rule: Rule, run: list[Hit]) -> Moment:
    """One moment of neighbouring hits, told by the strongest (the first of equals)."""
    worst = max(run, key=lambda hit: hit.strength)
    low, high = rule.severity
    spans = [hit.span() for hit in run]
    numbers = worst.measured() | ({"turns": float(len(run))} if len(run) > 1 else {})
    more = f" ({len(run)} such turns close together)" if len(run) > 1 and rule.keep == "runs" else ""
    return Moment(
        rule=rule.name,
        start_ms=min((start for start, _ in spans if start is not None), default=None),
        end_ms=max((end for _, end in spans if end is not None), default=None),
        severity=round(low + (high - low) * min(1.0, max(0.0, worst.strength)), 3),
        evidence=Evidence(
            utterances=tuple(sorted(set().union(*(hit.evidence() for hit in run)))),
            numbers={name: round(value, 3) for name, value in numbers.items()},
        ),
        explanation=tell(rule.explanation, call, worst, n=len(run), more=more),
    )
