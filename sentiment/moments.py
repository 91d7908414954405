"""Moments worth a manager's time, found by rules on a stored call: no audio, no model.

A :class:`Rule` is a name, a line saying what it finds, and a function from a call to moments; the
thresholds are in :class:`MomentOptions`. :data:`RULES` is the table of them all.

What the customer feels is judged, never what the agent feels: of an agent's turns only the wording
(``dismissive_wording``) and the timing (``overtalk``) are read. Where roles are unknown, the rules
about a customer or an agent find nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sentiment import wording
from sentiment.call import Call, Evidence, Moment, Role, Shift, Utterance
from sentiment.phrases import Phrase, find, quote, sentence, signed, speaker, when
from sentiment.timeline import Span, gaps, intersection, total_ms, union

__all__ = ["RULES", "MomentOptions", "Rule", "flag_moments"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MomentOptions:
    """Thresholds of the rules. Polarity in [-1, 1], intensity and probabilities in [0, 1].

    Args:
        merge_s: moments of one rule at most this far apart, or in adjacent utterances, are one.
        negative_polarity, negative_intensity, negative_words: ``strong_negative`` is at most that
            polar, at least that intense and that long.
        anger_probability, anger_emotions: ``peak_anger`` is at least that probable, for any of these.
        ending_share, ending_polarity: ``ends_badly`` weighs this last share of the customer's words
            (two utterances at least), and is at most that polar on average.
        silence_s: ``long_silence`` is longer.
        overlap_s: ``overtalk`` is longer.
    """

    merge_s: float = 10.0
    negative_polarity: float = -0.6
    negative_intensity: float = 0.5
    negative_words: int = 3
    anger_probability: float = 0.5
    anger_emotions: tuple[str, ...] = ("anger", "annoyance")
    ending_share: float = 0.15
    ending_polarity: float = -0.35
    silence_s: float = 10.0
    overlap_s: float = 1.5


FindMoments = Callable[[Call, MomentOptions], Iterable[Moment]]


@dataclass(frozen=True, slots=True)
class Rule:
    """``find`` gives the rule's moments in a call; ``description`` says which, in one line."""

    name: str
    description: str
    find: FindMoments


# -- from utterances to moments --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hit:
    """One utterance a rule fires on; ``saying`` completes "At 2:14 ..."."""

    utterance: Utterance
    severity: float
    saying: str
    numbers: Mapping[str, float]


def _merged(rule: str, hits: list[_Hit], options: MomentOptions) -> list[Moment]:
    """One moment per run of neighbouring hits, told by the most severe (the first of equals)."""
    runs: list[list[_Hit]] = []
    for hit in hits:
        if runs and _adjoin(runs[-1][-1].utterance, hit.utterance, options):
            runs[-1].append(hit)
        else:
            runs.append([hit])
    return [_told(rule, run) for run in runs]


def _adjoin(first: Utterance, second: Utterance, options: MomentOptions) -> bool:
    if second.index - first.index == 1:
        return True
    if first.end_ms is None or second.start_ms is None:
        return False
    return second.start_ms - first.end_ms <= options.merge_s * 1000


def _told(rule: str, run: list[_Hit]) -> Moment:
    worst = max(run, key=lambda hit: hit.severity)
    more = f" ({len(run)} such turns close together)" if len(run) > 1 else ""
    said = [hit.utterance for hit in run]
    numbers = dict(worst.numbers) | ({"turns": float(len(run))} if len(run) > 1 else {})
    start = when(worst.utterance.start_ms, worst.utterance.index)
    return _moment(rule, said, worst.severity, f"{start} {worst.saying}{more}", numbers)


def _moment(
    rule: str, said: Iterable[Utterance], severity: float, explanation: str, numbers: Mapping[str, float]
) -> Moment:
    """A moment from the first to the last end of ``said``."""
    said = sorted(said, key=lambda u: u.index)
    starts = [u.start_ms for u in said if u.start_ms is not None]
    ends = [u.end_ms for u in said if u.end_ms is not None]
    return Moment(
        rule=rule,
        start_ms=min(starts, default=None),
        end_ms=max(ends, default=None),
        severity=round(min(1.0, max(0.0, severity)), 3),
        evidence=Evidence(
            utterances=tuple(u.index for u in said), numbers={k: round(v, 3) for k, v in numbers.items()}
        ),
        explanation=sentence(explanation),
    )


# -- feeling ---------------------------------------------------------------------------------------


def _turning(rule: str, direction: Literal["better", "worse"], verb: str, weight: float) -> FindMoments:
    """The customer's shifts in one direction; ``weight`` scales their severity."""

    def find_turns(call: Call, _options: MomentOptions) -> list[Moment]:
        shifts = [s for s in call.shifts if s.role == "customer" and s.direction == direction]
        return [_turn(call, shift, rule, verb, weight) for shift in shifts]

    return find_turns


def _turn(call: Call, shift: Shift, rule: str, verb: str, weight: float) -> Moment:
    first = call.utterances[shift.utterance_index]
    said = [first]
    cause = ""
    if shift.trigger_index is not None:
        trigger = call.utterances[shift.trigger_index]
        said.append(trigger)
        between = call.utterances[trigger.index + 1 : first.index]
        right = "" if any(u.role == "customer" for u in between) else "right "
        cause = f" {right}after {speaker(trigger.role)} said {quote(trigger.text)}"
    explanation = (
        f"{when(shift.at_ms, first.index)} the customer's mood {verb} from {signed(shift.before)} to "
        f"{signed(shift.after)}{cause}"
    )
    numbers = {
        "polarity_before": shift.before,
        "polarity_after": shift.after,
        "confidence": shift.confidence,
    }
    return _moment(rule, said, weight * shift.magnitude * shift.confidence, explanation, numbers)


def _strong_negative(call: Call, options: MomentOptions) -> list[Moment]:
    hits = [
        _Hit(
            u,
            -u.score.polarity * u.score.intensity,
            f"the customer was strongly negative: {quote(u.text)}",
            {"polarity": u.score.polarity, "intensity": u.score.intensity},
        )
        for u in call.said_by("customer")
        if u.score is not None
        and u.score.polarity <= options.negative_polarity
        and u.score.intensity >= options.negative_intensity
        and len(u.text.split()) >= options.negative_words
    ]
    return _merged("strong_negative", hits, options)


def _peak_anger(call: Call, options: MomentOptions) -> list[Moment]:
    angry = [
        (u.score.emotions.get(name, 0.0), -u.index, name)
        for u in call.said_by("customer")
        if u.score is not None
        for name in options.anger_emotions
    ]
    if not angry or (peak := max(angry))[0] < options.anger_probability:
        return []
    probability, minus_index, emotion = peak
    u = call.utterances[-minus_index]
    saying = f"the customer was at their angriest: {quote(u.text)}"
    return _merged(
        "peak_anger", [_Hit(u, probability, saying, {f"{emotion}_probability": probability})], options
    )


def _ends_badly(call: Call, options: MomentOptions) -> list[Moment]:
    scored = [
        (u, len(u.text.split()), u.score.polarity) for u in call.said_by("customer") if u.score is not None
    ]
    if len(scored) < 3:
        return []
    enough = options.ending_share * sum(words for _, words, _ in scored)
    ending: list[tuple[Utterance, int, float]] = []
    n_words = 0
    for item in reversed(scored):
        if len(ending) >= 2 and n_words >= enough:
            break
        ending.append(item)
        n_words += item[1]
    # max: a turn may have no words in it ("!!").
    polarity = sum(max(1, words) * p for _, words, p in ending) / sum(max(1, words) for _, words, _ in ending)
    if polarity > options.ending_polarity:
        return []
    worst = min(ending, key=lambda item: item[2])[0]
    first = ending[-1][0]
    explanation = (
        f"{_from(first)} to the end the customer stayed negative ({signed(polarity)} on average), "
        f"saying {quote(worst.text)}"
    )
    said = [u for u, _, _ in ending]
    return [_moment("ends_badly", said, -polarity, explanation, {"polarity": polarity})]


def _from(utterance: Utterance) -> str:
    start = when(utterance.start_ms, utterance.index)
    return f"From {start.split(' ', 1)[1]}"


# -- timing ----------------------------------------------------------------------------------------


def _long_silence(call: Call, options: MomentOptions) -> list[Moment]:
    """Stretches in which nobody speaks, between the first and the last thing said."""
    spoken = {u.index: spans for u in call.utterances if (spans := _speech(u))}
    spans = union(span for each in spoken.values() for span in each)
    if not spans:
        return []
    silences = gaps(spans, Span(spans[0].start_ms, spans[-1].end_ms))
    long = [s for s in silences if s.duration_ms > options.silence_s * 1000]
    ends = {span.end_ms: index for index, each in spoken.items() for span in each}
    return [_silence(call, silence, call.utterances[ends[silence.start_ms]]) for silence in long]


def _silence(call: Call, silence: Span, before: Utterance) -> Moment:
    silence_s = silence.duration_ms / 1000
    numbers = {"silence_s": silence_s}
    # "One moment, please." - "Okay." - silence: the customer's answer may come between.
    for turn in reversed(call.utterances[max(0, before.index - 2) : before.index + 1]):
        if turn.role in ("agent", "ivr") and find(turn.text, (wording.HOLD,)):
            before, numbers = turn, numbers | {"hold_s": silence_s}
            break
    what = "the customer was kept waiting" if "hold_s" in numbers else "no words were heard"
    who = "someone" if before.role == "unknown" else speaker(before.role)
    return Moment(
        rule="long_silence",
        start_ms=silence.start_ms,
        end_ms=silence.end_ms,
        severity=round(min(1.0, silence_s / 60), 3),
        evidence=Evidence(utterances=(before.index,), numbers=numbers),
        explanation=sentence(
            f"{when(silence.start_ms, before.index)} {what} for {silence_s:.0f} seconds "
            f"after {who} said {quote(before.text)}"
        ),
    )


def _overtalk(call: Call, options: MomentOptions) -> list[Moment]:
    """An agent who starts while the customer speaks, and goes on."""
    hits = []
    talking: list[tuple[Utterance, tuple[Span, ...]]] = []  # the customer, not yet done
    for turn in call.utterances:
        if turn.start_ms is None or turn.role not in ("agent", "customer"):
            continue
        at_ms = turn.start_ms
        talking = [(u, spans) for u, spans in talking if spans[-1].end_ms > at_ms]
        if turn.role == "customer":
            talking += [(turn, speech)] if (speech := _speech(turn)) else []
            continue
        cut = [
            (u, spans)
            for u, spans in talking
            if u.start_ms != at_ms and any(s.start_ms <= at_ms < s.end_ms for s in spans)
        ]
        if not cut:
            continue
        overlap_s = total_ms(intersection(_speech(turn), [s for _, spans in cut for s in spans])) / 1000
        if overlap_s > options.overlap_s:
            cut_off = quote(cut[-1][0].text)
            saying = f"the agent talked {overlap_s:.1f} seconds over the customer, who was saying {cut_off}"
            hits.append(_Hit(turn, overlap_s / 10, saying, {"overlap_s": overlap_s}))
    return _merged("overtalk", hits, options)


def _speech(utterance: Utterance, *, pause_ms: int = 300) -> tuple[Span, ...]:
    """When the utterance's words are spoken; all of it where it has no word times."""
    if utterance.start_ms is None or utterance.end_ms is None:
        return ()
    words = union((Span(w.start_ms, w.end_ms) for w in utterance.words), join_ms=pause_ms)
    return words or (Span(utterance.start_ms, utterance.end_ms),)


# -- wording ---------------------------------------------------------------------------------------


def _saying(rule: str, role: Role, phrases: tuple[Phrase, ...], severity: float, saying: str) -> FindMoments:
    """Finds where ``role`` says one of ``phrases``; ``saying`` tells it, with a place for the ``{kind}``."""

    def find_said(call: Call, options: MomentOptions) -> list[Moment]:
        hits = [
            _Hit(u, _graver(severity, u), f"{saying.format(kind=kind)}: {quote(u.text)}", {})
            for u in call.said_by(role)
            if (kind := find(u.text, phrases))
        ]
        return _merged(rule, hits, options)

    return find_said


def _graver(severity: float, utterance: Utterance) -> float:
    """The severity, up to a third of the way nearer to 1 the more negative the customer says it."""
    if utterance.role != "customer" or utterance.score is None:
        return severity
    return severity + (1.0 - severity) / 3 * max(0.0, -utterance.score.polarity)


# -- the table -------------------------------------------------------------------------------------

RULES: tuple[Rule, ...] = (
    Rule(
        "worsening", "The customer's mood fell and stayed down.", _turning("worsening", "worse", "fell", 1.0)
    ),
    # A recovery weighs half: good to learn from, but nothing to save.
    Rule("recovery", "The customer's mood rose and stayed up.", _turning("recovery", "better", "rose", 0.5)),
    Rule("strong_negative", "The customer said something strongly negative.", _strong_negative),
    Rule("peak_anger", "The customer's angriest utterance, one a call.", _peak_anger),
    Rule("ends_badly", "The last part of what the customer said is negative.", _ends_badly),
    Rule(
        "threat_to_leave",
        "The customer spoke of cancelling, going elsewhere, legal action or a regulator.",
        _saying("threat_to_leave", "customer", wording.LEAVING, 0.8, "the customer spoke of {kind}"),
    ),
    Rule(
        "escalation_request",
        "The customer asked for a supervisor or made a formal complaint.",
        _saying("escalation_request", "customer", wording.ESCALATION, 0.7, "the customer {kind}"),
    ),
    Rule(
        "repeated_contact",
        "The customer said they had been in touch about it before.",
        _saying(
            "repeated_contact", "customer", wording.REPEATED_CONTACT, 0.5, "the customer said they had {kind}"
        ),
    ),
    Rule(
        "dismissive_wording",
        "The agent used words that brush a customer off; wording only.",
        _saying(
            "dismissive_wording",
            "agent",
            wording.DISMISSIVE,
            0.6,
            "the agent's wording was dismissive ({kind})",
        ),
    ),
    Rule("long_silence", "No words of anyone for long.", _long_silence),
    Rule("overtalk", "The agent started while the customer was speaking, and went on.", _overtalk),
)
"""Every rule, in the order moments at the same place are listed."""


def flag_moments(
    call: Call,
    options: MomentOptions = MomentOptions(),
    *,
    rules: Sequence[Rule] = RULES,
) -> tuple[Moment, ...]:
    """The moments of a scored call, by ``rules``.

    They come in order of start, in a call without times in order of the first utterance they rest
    on, and at the same place in the order of the rules. The same call always gives the same moments.
    """
    found = [(moment, order) for order, rule in enumerate(rules) for moment in rule.find(call, options)]
    found.sort(key=lambda item: (item[0].start_ms or 0, item[0].evidence.utterances[:1], item[1]))
    return tuple(moment for moment, _ in found)
