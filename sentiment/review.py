"""The review queue: moments of many calls in the order in which a manager learns most from hearing them.

The queue is built greedily (as maximal marginal relevance is: Carbonell and Goldstein 1998). Next comes
the moment of greatest value, given those that stand above it:

    value      = severity * confidence * novelty
    severity   in [0, 1], the moment's own: what is lost if nobody hears it
    confidence in [0, 1], that it was said, and by whom: the least probability of the roles it rests on,
               times the mean of the recogniser's confidence in its utterances (1 for text)
    novelty    = 1 / (1 + r + c + a / 2), where of the moments above it r are by the same rule, c in the
               same call and a with the same agent

So of unlike moments the worst comes first, a second threat to leave counts half of what it would alone,
a third one a third, and rules share the top of the queue in proportion to how severe what they find is
(the sequence 1, 1/2, 1/3 is d'Hondt's). Equal values stand in the order of severity, call, start, rule,
confidence and agent, so that the same calls always give the same queue, in whatever order they come.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentiment.call import Call, Moment

__all__ = ["Candidate", "Ranked", "candidates", "review_queue"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A moment that may be reviewed, and the call it is in; ``confidence`` in [0, 1]."""

    call_id: str
    agent_id: str | None
    moment: Moment
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A moment of the queue; ``novelty`` and ``value`` in [0, 1] are those it had in its place."""

    candidate: Candidate
    novelty: float
    value: float


def candidates(call: Call) -> tuple[Candidate, ...]:
    """The moments of a call, each with how sure it is."""
    return tuple(
        Candidate(
            call_id=call.id, agent_id=call.agent_id, moment=moment, confidence=_confidence(call, moment)
        )
        for moment in call.moments
    )


def _confidence(call: Call, moment: Moment) -> float:
    said = [call.utterances[i] for i in moment.evidence.utterances]
    roles = [c.confidence for c in call.channels if any(u.channel == c.index for u in said)]
    heard = [1.0 if u.confidence is None else u.confidence for u in said]
    return min(roles, default=1.0) * (fsum(heard) / len(heard) if heard else 1.0)


def review_queue(found: Iterable[Candidate], *, top: int | None = None) -> list[Ranked]:
    """The first ``top`` moments of the queue, all of them if ``None``.

    A value can only fall as others are placed above it, so a moment whose value, worked out anew, is still
    the greatest is the next one; most are worked out a few times.
    """
    above: Counter[tuple[str, str]] = Counter()
    # The counter parts entries that are equal in all, as of a call that was given twice.
    waiting = [(-_value(each, 1.0), _order(each), i, each) for i, each in enumerate(found)]
    heapq.heapify(waiting)
    queue: list[Ranked] = []
    while waiting and (top is None or len(queue) < top):
        known, order, i, each = heapq.heappop(waiting)
        novelty = _novelty(each, above)
        value = _value(each, novelty)
        if -value > known and waiting and (-value, order) > waiting[0][:2]:
            heapq.heappush(waiting, (-value, order, i, each))
            continue
        queue.append(Ranked(candidate=each, novelty=novelty, value=value))
        above.update(_kinds(each))
    return queue


def _value(each: Candidate, novelty: float) -> float:
    return each.moment.severity * each.confidence * novelty


def _novelty(each: Candidate, above: Counter[tuple[str, str]]) -> float:
    rule, call, *agent = (above[kind] for kind in _kinds(each))
    return 1 / (1 + rule + call + sum(agent) / 2)


def _kinds(each: Candidate) -> list[tuple[str, str]]:
    kinds = [("rule", each.moment.rule), ("call", each.call_id)]
    return kinds if each.agent_id is None else [*kinds, ("agent", each.agent_id)]


def _order(each: Candidate) -> tuple[float, str, int, tuple[int, ...], str, float, str]:
    moment = each.moment
    return (
        -moment.severity,
        each.call_id,
        moment.start_ms or 0,
        moment.evidence.utterances,
        moment.rule,
        -each.confidence,
        each.agent_id or "",
    )
