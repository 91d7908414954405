"""Does the utterance scorer do what a quality analyst expects of it, kind by kind?

    python models/evaluation/behaviour.py [--model models/affect] [--failures]

Behavioural tests in the manner of CheckList (Ribeiro et al. 2020): ``behaviour.jsonl`` holds
utterances as customers and agents say them, with the turns before, and what is expected of their scores.
``BEHAVIOUR.md`` is the guide they were labelled by; it also says how a case is written and scored. VADER
is put through the same cases: it reads neither roles nor the turns before, and as it names no emotions,
it is not asked for them.
"""

from __future__ import annotations

import argparse
import math
import sys
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sentiment.affect.text import load_text_scorer, scorable
from sentiment.call import ROLES, Role, Score, Utterance
from sentiment.errors import InputError, SentimentError
from sentiment.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent

CASES = HERE / "behaviour.jsonl"
"""The cases, one JSON object a line."""

MOST_CONTEXT = 3
"""Most turns before an utterance."""

TOP_EMOTIONS = 3
"""An expected emotion must be among so many most probable ones."""

FOUND = 0.3
"""An emotion that must not be there is there from this probability on."""

VADER_NEUTRAL = 0.05
"""VADER's compound is neutral strictly between minus this and this (its authors' thresholds)."""

Label = Literal["negative", "neutral", "positive"]

LABELS: tuple[Label, ...] = typing.get_args(Label)

Aspect = Literal["label", "polarity", "relation", "emotion"]
"""What an expectation is about. A relation compares the polarities of two cases."""

ASPECTS: tuple[Aspect, ...] = typing.get_args(Aspect)

EMOTIONS = frozenset(
    {
        *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion"),
        *("curiosity", "desire", "disappointment", "disapproval", "disgust", "embarrassment"),
        *("excitement", "fear", "gratitude", "grief", "joy", "love", "nervousness", "optimism"),
        *("pride", "realization", "relief", "remorse", "sadness", "surprise"),
    }
)
"""The names of GoEmotions (Demszky et al. 2020), without neutral."""

REQUIRED = ("id", "kind", "role", "text", "label")
OPTIONAL = ("context", "polarity", "above", "below", "near", "emotions", "not_emotions")


class Scorer(Protocol):
    """What is tested; :class:`sentiment.affect.text.TextScorer` is one."""

    def score_calls(self, calls: Sequence[Sequence[Utterance]]) -> Sequence[Sequence[Score]]:
        """A score for each utterance of each call."""


@dataclass(frozen=True, slots=True)
class Relation:
    """To the polarity of case ``id``; ``by`` is a difference of polarities."""

    id: str
    by: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """An utterance and what is expected of its score.

    ``context`` are the turns before, oldest first. The label must be one of ``labels`` and the polarity
    within ``polarity`` (both ends included). It must be at least ``by`` above, or below, or at most
    ``by`` away from (``near``) that of other cases; a negative ``by`` leaves slack. One of ``emotions``
    must be among the :data:`TOP_EMOTIONS` most probable, none of ``not_emotions`` as probable as
    :data:`FOUND`.
    """

    id: str
    kind: str
    role: Role
    text: str
    labels: tuple[Label, ...]
    context: tuple[tuple[Role, str], ...] = ()
    polarity: tuple[float, float] = (-1.0, 1.0)
    above: tuple[Relation, ...] = ()
    below: tuple[Relation, ...] = ()
    near: tuple[Relation, ...] = ()
    emotions: tuple[str, ...] = ()
    not_emotions: tuple[str, ...] = ()

    def utterances(self) -> list[Utterance]:
        """The turns before and, last, the utterance, as a text conversation."""
        return [
            Utterance(index=i, channel=0, role=role, start_ms=None, end_ms=None, text=text)
            for i, (role, text) in enumerate((*self.context, (self.role, self.text)))
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a scorer says of one utterance: polarity in [-1, 1]; ``None`` where it names no emotions."""

    label: Label
    polarity: float
    emotions: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Fault:
    """An expectation that was not met, and the reason in words."""

    aspect: Aspect
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A case, what was read and every fault."""

    case: Case
    reading: Reading
    faults: tuple[Fault, ...]

    def passed(self, aspects: Collection[Aspect] = ASPECTS) -> bool:
        """Whether no expectation about ``aspects`` failed; about any, by default."""
        return not any(f.aspect in aspects for f in self.faults)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """``n_passed`` of ``n`` cases."""

    n_passed: int
    n: int

    @property
    def value(self) -> float:
        """The share that passed, in [0, 1]."""
        return self.n_passed / self.n

    def __str__(self) -> str:
        return f"{self.n_passed}/{self.n} {self.value:.0%}"


def read_cases(path: Path = CASES) -> tuple[Case, ...]:
    """Read and validate the cases.

    Raises:
        InputError: the file cannot be read or a case is malformed, repeats an id or relates to one that is
            not there; the line is named.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: cannot be read ({error}); give a file of test cases") from None
    cases: dict[str, tuple[int, Case]] = {}
    for number, line in enumerate(lines, 1):
        try:
            case = _case(read_json(line))
            if case.id in cases:
                raise ValueError(f"id {case.id!r} is that of line {cases[case.id][0]} too")
        except ValueError as error:
            raise InputError(f"{path.name}, line {number}: {error}; see BEHAVIOUR.md") from None
        cases[case.id] = number, case
    if not cases:
        raise InputError(f"{path.name}: there is no case in it; give a file of test cases")
    for number, case in cases.values():
        for relation in (*case.above, *case.below, *case.near):
            if relation.id == case.id or relation.id not in cases:
                raise InputError(
                    f"{path.name}, line {number}: {relation.id!r} is not the id of another case; "
                    "see BEHAVIOUR.md"
                )
    return tuple(case for _, case in cases.values())


def _case(body: Any) -> Case:
    """A case from its JSON.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(body, dict):
        raise ValueError("not an object")  # noqa: TRY004 - read_cases names the line of a ValueError
    if missing := [name for name in REQUIRED if name not in body]:
        raise ValueError(f"{', '.join(missing)} missing")
    if unknown := sorted(body.keys() - {*REQUIRED, *OPTIONAL}):
        raise ValueError(f"unknown field {', '.join(unknown)}")
    for name in ("id", "kind"):
        if not isinstance(body[name], str) or not body[name].strip():
            raise ValueError(f"{name} is not a text")
    context = body.get("context", [])
    if not isinstance(context, list) or len(context) > MOST_CONTEXT:
        raise ValueError(f"context is not a list of at most {MOST_CONTEXT} turns")
    role, text = _turn([body["role"], body["text"]])
    case = Case(
        id=body["id"],
        kind=body["kind"],
        role=role,
        text=text,
        labels=_names(body, "label", LABELS),
        context=tuple(_turn(turn) for turn in context),
        polarity=_bounds(body.get("polarity", [-1, 1])),
        above=_relations(body, "above", lowest=-2),
        below=_relations(body, "below", lowest=-2),
        near=_relations(body, "near", lowest=0),
        emotions=_names(body, "emotions", EMOTIONS),
        not_emotions=_names(body, "not_emotions", EMOTIONS),
    )
    if len(case.labels) == len(LABELS):
        raise ValueError("label allows every label")
    return case


def _turn(value: Any) -> tuple[Role, str]:
    match value:
        case [str(role), str(text)] if role in ROLES and scorable(text) is None:
            return role, text
    raise ValueError(f"not a role ({', '.join(ROLES)}) and a text with words in it: {value!r:.80}")


def _names(body: Mapping[str, Any], field: str, known: Collection[str]) -> tuple[Any, ...]:
    names = body.get(field)
    if names is None and field in OPTIONAL:
        return ()
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in known for n in names):
        raise ValueError(f"{field} is not a list of names among {', '.join(sorted(known))}")
    if len(set(names)) < len(names):
        raise ValueError(f"{field} names one twice")
    return tuple(names)


def _number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _bounds(value: Any) -> tuple[float, float]:
    match value:
        case [low, high] if _number(low, -1, 1) and _number(high, low, 1):
            return float(low), float(high)
    raise ValueError("polarity is not [lowest, highest] within [-1, 1]")


def _relations(body: Mapping[str, Any], field: str, *, lowest: float) -> tuple[Relation, ...]:
    found = []
    values = body.get(field, [])
    for value in values if isinstance(values, list) else [None]:
        match value:
            case {"id": str(other), "by": by, **rest} if not rest and _number(by, lowest, 2):
                found.append(Relation(other, float(by)))
            case _:
                raise ValueError(f'{field} is not a list of {{"id": a case, "by": {lowest} to 2}}')
    return tuple(found)


def readings(scorer: Scorer, cases: Sequence[Case]) -> dict[str, Reading]:
    """Case id -> what the scorer says of the utterance after its context."""
    scores = scorer.score_calls([case.utterances() for case in cases])
    return {
        case.id: Reading(label=call[-1].label, polarity=call[-1].polarity, emotions=call[-1].emotions)
        for case, call in zip(cases, scores, strict=True)
    }


def vader_readings(cases: Sequence[Case]) -> dict[str, Reading]:
    """Case id -> what VADER (Hutto and Gilbert 2014) says of the text; its compound is the polarity."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    lexicon = SentimentIntensityAnalyzer()
    found = {}
    for case in cases:
        value = float(lexicon.polarity_scores(case.text)["compound"])
        side = int(math.copysign(1, value)) if abs(value) >= VADER_NEUTRAL else 0
        found[case.id] = Reading(label=LABELS[1 + side], polarity=value, emotions=None)
    return found


def check(cases: Sequence[Case], read: Mapping[str, Reading]) -> tuple[Outcome, ...]:
    """Hold what was read against what is expected; one outcome for each case, in order.

    Args:
        cases: those to judge.
        read: case id -> reading, of these and of every case they relate to.
    """
    return tuple(
        Outcome(case=case, reading=read[case.id], faults=tuple(_faults(case, read))) for case in cases
    )


def _faults(case: Case, read: Mapping[str, Reading]) -> Iterator[Fault]:
    own = read[case.id]
    if own.label not in case.labels:
        yield Fault("label", f"{own.label}, not {' or '.join(case.labels)}")
    low, high = case.polarity
    if not low <= own.polarity <= high:
        yield Fault("polarity", f"polarity {own.polarity:+.2f} is not within {low:+.2f} and {high:+.2f}")
    for word, relations in (("above", case.above), ("below", case.below), ("near", case.near)):
        for relation in relations:
            difference = round(own.polarity - read[relation.id].polarity, 6)
            held = {
                "above": difference >= relation.by,
                "below": difference <= -relation.by,
                "near": abs(difference) <= relation.by,
            }[word]
            if not held:
                yield Fault(
                    "relation", f"{difference:+.2f} from {relation.id}, not {word} it by {relation.by:g}"
                )
    if own.emotions is not None:
        yield from _emotion_faults(case, own.emotions)


def _emotion_faults(case: Case, emotions: Mapping[str, float]) -> Iterator[Fault]:
    named = [name for name in emotions if name != "neutral"]
    top = sorted(named, key=lambda name: -emotions[name])[:TOP_EMOTIONS]
    if case.emotions and not set(case.emotions) & set(top):
        yield Fault("emotion", f"{', '.join(top)} are likeliest, none is {' or '.join(case.emotions)}")
    for name in case.not_emotions:
        if emotions.get(name, 0.0) >= FOUND:
            yield Fault("emotion", f"{name} has probability {emotions[name]:.2f}")


def rates(outcomes: Sequence[Outcome], aspects: Collection[Aspect] = ASPECTS) -> dict[str, Rate]:
    """Kind -> how many of its cases pass in ``aspects``, in the file's order; ``all`` comes last."""
    kinds: dict[str, list[bool]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.case.kind, []).append(outcome.passed(aspects))
    kinds["all"] = [passed for of_kind in kinds.values() for passed in of_kind]
    return {kind: Rate(n_passed=sum(of_kind), n=len(of_kind)) for kind, of_kind in kinds.items()}


def table(scorer: Sequence[Outcome], vader: Sequence[Outcome]) -> list[str]:
    """Lines of a Markdown table of pass rates by kind, the scorer's beside VADER's."""
    polarity: tuple[Aspect, ...] = ("label", "polarity", "relation")
    label: tuple[Aspect, ...] = ("label",)
    columns = (
        rates(scorer),
        rates(scorer, polarity),
        rates(vader, polarity),
        rates(scorer, label),
        rates(vader, label),
    )
    return [
        "| kind | everything | label and polarity | VADER | label alone | VADER |",
        "|---|---|---|---|---|---|",
        *(f"| {kind} | {' | '.join(str(column[kind]) for column in columns)} |" for kind in columns[0]),
    ]


def main() -> None:
    """Print the table and, if asked, the failures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=HERE.parent / "affect")
    parser.add_argument("--failures", action="store_true", help="list each case that failed, and why")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    try:
        cases = read_cases()
        scorer = load_text_scorer(args.model, threads=args.threads)
    except SentimentError as error:
        sys.exit(str(error))
    outcomes = check(cases, readings(scorer, cases))
    print(f"{scorer.model.name}, weights {scorer.model.revision}; n = {len(cases)}\n")
    print("\n".join(table(outcomes, check(cases, vader_readings(cases)))))
    for outcome in outcomes if args.failures else ():
        for fault in outcome.faults:
            print(f"\n{outcome.case.id} ({outcome.case.role}): {outcome.case.text}\n    {fault.reason}")


if __name__ == "__main__":
    main()
