"""What a rule is: conditions that find hits in a call, and how a hit becomes a moment.

A filter finds :class:`Hit` values. A :class:`Condition` is a filter with limits on its hits, a
:class:`Group` joins conditions, a :class:`Rule` adds severity and the sentence, and :class:`Rules`
is what a file holds.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read when a file is checked
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentiment.call import JSON, Role
    from sentiment.rules.seen import Seen

__all__ = ["Companion", "Condition", "Filter", "Group", "Hit", "Limits", "Range", "Rule", "Rules", "Within"]


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a number, both inclusive; part of its type."""

    least: float
    most: float | None = None


Percent = Annotated[float, Within(0, 100)]
Seconds = Annotated[float, Within(0)]
Count = Annotated[int, Within(1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One place where a filter finds what it looks for.

    Attributes:
        first, last: the utterances it stands for in the order of the call (a silence: the one before it).
        role: who did it.
        start_ms, end_ms: when; ``None`` in a call without times.
        utterances: the evidence, indices in rising order.
        strength: how much of it there is, in [0, 1]; the rule's severity follows it.
        numbers: what was measured, units in the names.
        words: the filter's own fields of the explanation, ready to be written.
        companions: what it stands beside.
    """

    first: int
    last: int
    role: Role
    start_ms: int | None
    end_ms: int | None
    utterances: tuple[int, ...]
    strength: float = 0.0
    numbers: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    companions: tuple[Companion, ...] = ()

    def evidence(self) -> set[int]:
        """The utterances it rests on, those of its companions among them."""
        return {*self.utterances, *(i for each in self.companions for i in each.hit.evidence())}

    def span(self) -> tuple[int | None, int | None]:
        """From the first start to the last end of itself and its near companions."""
        spans = [(self.start_ms, self.end_ms), *(each.hit.span() for each in self.companions if each.near)]
        starts = [start for start, _ in spans if start is not None]
        ends = [end for _, end in spans if end is not None]
        return min(starts, default=None), max(ends, default=None)

    def measured(self) -> dict[str, float]:
        """Its numbers and, under their names, those of its companions."""
        found = dict(self.numbers)
        for each in self.companions:
            if each.name is not None:
                found |= {f"{each.name}_{key}": value for key, value in each.hit.measured().items()}
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Companion:
    """Another hit that a hit stands beside.

    ``name`` is what the explanation calls it, ``None`` if it is not told; a ``near`` one is in the moment's
    time, another only evidence.
    """

    hit: Hit
    name: str | None
    near: bool


class Filter(Protocol):
    """What finds hits. Its fields are the keys of its table in a rules file.

    ``tells`` names the fields it adds to the explanation, beside those of every hit.
    """

    name: ClassVar[str]
    tells: ClassVar[tuple[str, ...]]

    def find(self, seen: Seen) -> list[Hit]:
        """Its hits in a call, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The part of a call a hit must touch: by time, or by share of the call. One way to say it.

    Absolute: ``from_s`` and ``to_s``, ``first_s``, ``last_s``, in seconds. Relative: ``from_percent`` and
    ``to_percent``, ``first_percent``, ``last_percent``; by time or, in a call without times, by utterances.

    Raises:
        ValueError: none or several of these are given, or the range is empty.
    """

    from_s: Seconds | None = None
    to_s: Seconds | None = None
    first_s: Seconds | None = None
    last_s: Seconds | None = None
    from_percent: Percent | None = None
    to_percent: Percent | None = None
    first_percent: Percent | None = None
    last_percent: Percent | None = None

    def __post_init__(self) -> None:
        ways = (
            (self.from_s, self.to_s),
            (self.first_s,),
            (self.last_s,),
            (self.from_percent, self.to_percent),
            (self.first_percent,),
            (self.last_percent,),
        )
        if sum(any(v is not None for v in way) for way in ways) != 1:
            there = "from_s/to_s, first_s, last_s, from_percent/to_percent, first_percent, last_percent"
            raise ValueError(f"give one of {there}")
        for low, high in ((self.from_s, self.to_s), (self.from_percent, self.to_percent)):
            if low is not None and high is not None and high <= low:
                raise ValueError("its end must be after its beginning")
        if 0 in (
            self.to_s,
            self.first_s,
            self.last_s,
            self.first_percent,
            self.last_percent,
            self.to_percent,
        ):
            raise ValueError("it is empty; give a number above 0")

    @property
    def relative(self) -> bool:
        """Whether it is a share of the call."""
        return any(
            v is not None for v in (self.from_percent, self.to_percent, self.first_percent, self.last_percent)
        )

    def bounds(self, length: float) -> tuple[float, float]:
        """From where to where in a call of ``length`` (milliseconds; any unit if it is relative)."""
        if self.relative:
            unit, given = length / 100, (self.from_percent, self.to_percent, self.first_percent)
            last = self.last_percent
        else:
            unit, given, last = 1000.0, (self.from_s, self.to_s, self.first_s), self.last_s
        start, end, first = given
        if first is not None:
            return 0.0, first * unit
        if last is not None:
            return length - last * unit, length
        return (start or 0.0) * unit, length if end is None else end * unit


Where = Literal["anywhere", "same", "before", "after"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is asked of the hits of a filter or a group, besides what the filter looks for.

    Attributes:
        range: the part of the call they must touch.
        min_s, max_s: how long each lasts.
        min_count: so many hits there must be, or there are none.
        negate: asks that there be none. Only beside another condition.
        where: where they must be, seen from the hit of the group's first condition: ``anywhere`` in the
            call, in the ``same`` place, ``before`` or ``after`` it.
        within_turns: at most so many turns of the same speaker away.
        within_s: at most so many seconds away.
        name: under which the explanation can quote them, as ``{name.quote}``.
    """

    range: Range | None = None
    min_s: Seconds | None = None
    max_s: Seconds | None = None
    min_count: Count = 1
    negate: bool = False
    where: Where = "anywhere"
    within_turns: Count | None = None
    within_s: Seconds | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if (self.within_turns or self.within_s) is not None and self.where not in ("before", "after"):
            raise ValueError('within_turns and within_s need where = "before" or "after"')
        if self.min_s is not None and self.max_s is not None and self.max_s < self.min_s:
            raise ValueError("max_s is less than min_s")
        if self.name is not None and self.negate:
            raise ValueError("what must not be there cannot be told; leave out name")


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A filter and the limits on its hits."""

    filter: Filter
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Several conditions as one.

    ``all``: the hits of the first that have each of the others, as their limits say. ``any``: the hits
    of each.
    """

    how: Literal["all", "any"]
    conditions: tuple[Condition | Group, ...]
    limits: Limits = field(default_factory=Limits)


Keep = Literal["runs", "each", "worst", "first", "last", "together"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What to look for and how it is told.

    Attributes:
        severity: in [0, 1], of the weakest and of the strongest hit.
        explanation: a sentence with the fields of the first condition's hit in braces.
        keep: which hits become moments: neighbouring ones as one (``runs``), ``each``, the ``worst``, the
            ``first`` or the ``last`` alone, or all ``together``.
        merge_s: hits at most so far apart are neighbours; those in adjacent utterances always are.
        yields_to: rules whose moments take this one's place where they rest on one of its utterances.
    """

    name: str
    description: str
    find: Group
    severity: tuple[float, float]
    explanation: str
    keep: Keep = "runs"
    merge_s: float = 10.0
    yields_to: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The rules in force: where they come from, the SHA-256 of what they say (comments aside), and each."""

    source: str
    sha256: str
    rules: tuple[Rule, ...]

    def filters(self) -> Iterator[Filter]:
        """Every filter of every rule."""
        left: list[Condition | Group] = [rule.find for rule in self.rules]
        while left:
            condition = left.pop()
            if isinstance(condition, Group):
                left += condition.conditions
            else:
                yield condition.filter

    def in_turn(self) -> tuple[Rule, ...]:
        """The rules, each after those it yields to.

        Raises:
            ValueError: rules yield to each other in a circle.
        """
        left = list(self.rules)
        done: dict[str, Rule] = {}
        while left:
            ready = [rule for rule in left if all(name in done for name in rule.yields_to)]
            if not ready:
                raise ValueError(f"{left[0].name!r} yields to a rule that yields to it")
            done |= {rule.name: rule for rule in ready}
            left = [rule for rule in left if rule.name not in done]
        return tuple(done.values())

    def provenance(self) -> JSON:
        """What a scored call records about them."""
        return {"source": self.source, "sha256": self.sha256}
