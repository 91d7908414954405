"""A call as filters look at it: each view of it is worked out when first asked for, and once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from sentiment.characteristics import CharacteristicsOptions, interruptions, participant, speech
from sentiment.phrases import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sentiment.call import Call, Role, Utterance
    from sentiment.characteristics import Interruption
    from sentiment.rules.values import Filter, Hit
    from sentiment.timeline import Span

__all__ = ["TURN_WORDS", "Embedder", "Seen", "Turn"]

TURN_WORDS = 3
"""Fewer words are a backchannel ("mm-hm", "okay"): they neither end the other's turn nor count as one."""


class Embedder:
    """What gives sentences a vector, as :class:`sentiment.meaning.Meaning` does; loaded when first used."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load, self._lock = load, Lock()
        self._made: list[Any] = []

    @property
    def model(self) -> Any:
        """The model itself; loaded once, whichever thread asks first."""
        with self._lock:
            if not self._made:
                self._made.append(self._load())
        return self._made[0]

    @lru_cache(maxsize=256)  # noqa: B019 - few of these live, and as long as the process
    def examples(self, texts: tuple[str, ...]) -> NDArray[Any]:
        """The vectors of a rule's examples, ``(n, d)``."""
        return self.embed(texts)

    def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        """Unit rows, float32 ``(n, d)``; zeros for a text without known words."""
        vectors: NDArray[Any] = self.model.embed(texts)
        return vectors


@dataclass(frozen=True, slots=True)
class Turn:
    """What one party says until another does: indices of its utterances, and how many words it has."""

    role: Role
    utterances: tuple[int, ...]
    n_words: int


class Seen:
    """A call, and what filters need of it. ``found`` is for :mod:`sentiment.rules.combine`."""

    def __init__(self, call: Call, embedder: Embedder) -> None:
        self.call = call
        self.embedder = embedder
        self.found: dict[int, list[Hit]] = {}
        self._filtered: dict[Filter, list[Hit]] = {}

    def hits(self, condition: Filter) -> list[Hit]:
        """What a filter finds in the call; asked by several rules, it looks once."""
        if condition not in self._filtered:
            self._filtered[condition] = condition.find(self)
        return self._filtered[condition]

    def said_by(self, role: Role | str) -> tuple[Utterance, ...]:
        """The utterances of one role, or of ``any``."""
        return self.call.utterances if role == "any" else self._by_role.get(role, ())

    @cached_property
    def _by_role(self) -> dict[str, tuple[Utterance, ...]]:
        return {role: self.call.said_by(role) for role in ("customer", "agent", "ivr", "unknown")}

    @cached_property
    def length_ms(self) -> int | None:
        """From 0 to the end of the call; ``None`` where times are missing."""
        ends = [u.end_ms for u in self.call.utterances if u.end_ms is not None]
        if len(ends) < len(self.call.utterances) or not ends:
            return None
        return max(self.call.duration_ms or 0, *ends)

    @cached_property
    def plain(self) -> list[str]:
        """Each utterance's text as phrases are looked for in it."""
        return [normalise(u.text) for u in self.call.utterances]

    @cached_property
    def spoken(self) -> list[tuple[Span, ...]]:
        """When each utterance's words are spoken."""
        return [speech(u) for u in self.call.utterances]

    @cached_property
    def interruptions(self) -> tuple[Interruption, ...]:
        """Every one, however short the overlap."""
        return interruptions(self.call, CharacteristicsOptions(interruption_s=0.0))

    @cached_property
    def vectors(self) -> NDArray[Any]:
        """The meaning of each utterance, ``(n, d)``."""
        return self.embedder.embed([u.text for u in self.call.utterances])

    @cached_property
    def turns(self) -> list[Turn]:
        """Every party's turns, in order of their first utterance."""
        runs: list[list[Utterance]] = []
        going: dict[str, list[Utterance]] = {}
        for u in self.call.utterances:
            who = participant(u)
            if who not in going:
                going[who] = []
                runs.append(going[who])
            going[who].append(u)
            if len(u.text.split()) >= TURN_WORDS:
                going = {who: going[who]}
        return [
            Turn(run[0].role, tuple(u.index for u in run), sum(len(u.text.split()) for u in run))
            for run in runs
        ]

    @cached_property
    def _counted(self) -> dict[str, tuple[list[int], list[int]]]:
        """Where the turns that count begin and end, in rising order, for each role and ``any``."""
        counted: dict[str, tuple[list[int], list[int]]] = {}
        for turn in self.turns:
            if turn.n_words >= TURN_WORDS:
                for role in (turn.role, "any"):
                    starts, ends = counted.setdefault(role, ([], []))
                    starts.append(turn.utterances[0])
                    ends.append(turn.utterances[-1])
        for _, ends in counted.values():
            ends.sort()
        return counted

    def turns_after(self, role: str, index: int) -> int:
        """How many turns of ``role`` begin after utterance ``index``."""
        starts, _ = self._counted.get(role, _NONE)
        return len(starts) - bisect_right(starts, index)

    def turns_before(self, role: str, index: int) -> int:
        """How many turns of ``role`` end before utterance ``index``."""
        _, ends = self._counted.get(role, _NONE)
        return bisect_left(ends, index)

    def turns_between(self, role: Role, first: int, last: int) -> int:
        """How many turns of ``role`` begin after utterance ``first`` and end before ``last``."""
        starts, ends = self._counted.get(role, _NONE)
        return max(0, bisect_left(ends, last) - bisect_right(starts, first))


_NONE: tuple[list[int], list[int]] = ([], [])
