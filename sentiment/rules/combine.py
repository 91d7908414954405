"""Joining hits: limits on them, conditions beside one another, and which of them become moments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sentiment.rules.values import Companion, Condition, Group, Hit, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentiment.rules.seen import Seen
    from sentiment.rules.values import Range, Rule

__all__ = ["hits", "runs"]


def hits(seen: Seen, condition: Condition | Group) -> list[Hit]:
    """The hits of a condition in a call, in order: none if there are fewer than its ``min_count``."""
    found = _found(seen, condition)
    return found if len(found) >= condition.limits.min_count else []


def _found(seen: Seen, condition: Condition | Group) -> list[Hit]:
    """The same whatever their number. Worked out once for each condition and call."""
    known = seen.found.get(id(condition))
    if known is None:
        if isinstance(condition, Condition):
            known = seen.hits(condition.filter)
        elif condition.how == "any":
            known = _each_once(hit for member in condition.conditions for hit in hits(seen, member))
        else:
            first, *others = condition.conditions
            kept = (_accompanied(seen, hit, others) for hit in hits(seen, first))
            known = [hit for hit in kept if hit is not None]
        known = seen.found[id(condition)] = _limited(seen, known, condition.limits)
    return known


def _each_once(found: Iterable[Hit]) -> list[Hit]:
    """Hits of several conditions in order; of those at the same place, the strongest."""
    best: dict[tuple[int, int], Hit] = {}
    for hit in found:
        place = (hit.first, hit.last)
        if place not in best or hit.strength > best[place].strength:
            best[place] = hit
    return [best[place] for place in sorted(best)]


def _limited(seen: Seen, found: list[Hit], limits: Limits) -> list[Hit]:
    if limits.range is not None:
        found = [hit for hit in found if _touches(seen, hit, limits.range)]
    if limits.min_s is not None or limits.max_s is not None:
        low, high = limits.min_s or 0.0, limits.max_s
        lasting = ((hit, _seconds(hit)) for hit in found)
        found = [hit for hit, s in lasting if s is not None and s >= low and (high is None or s <= high)]
    return found


def _seconds(hit: Hit) -> float | None:
    return None if hit.start_ms is None or hit.end_ms is None else (hit.end_ms - hit.start_ms) / 1000


def _touches(seen: Seen, hit: Hit, part: Range) -> bool:
    """Whether a hit has some of its time in the range; of its utterances, if the call has no times.

    A line of a chat is sent at one moment: it is in the range if that moment is, and the last moment of a
    call belongs to its last part. All at one moment is as good as no times, for a share of the call.
    """
    length = seen.length_ms
    timed = length is not None and (length > 0 or not part.relative)
    if timed and length is not None and hit.start_ms is not None and hit.end_ms is not None:
        low, high = part.bounds(length)
        if hit.start_ms == hit.end_ms:
            return low <= hit.start_ms < high or hit.start_ms == length <= high
        return hit.start_ms < high and hit.end_ms > low
    if not part.relative:
        return False
    low, high = part.bounds(len(seen.call.utterances))
    return hit.first < high and hit.last + 1 > low


# -- one condition beside another ------------------------------------------------------------------


def _accompanied(seen: Seen, hit: Hit, others: Iterable[Condition | Group]) -> Hit | None:
    """The hit with all its companions' evidence, or ``None`` if one is missing or must not be there."""
    for other in others:
        companions = _companions(seen, hit, other)
        if other.limits.negate:
            if companions or not _possible(seen, hit, other):
                return None
        elif companions:
            hit = _joined(hit, companions, other.limits)
        else:
            return None
    return hit


def _companions(seen: Seen, hit: Hit, other: Condition | Group) -> list[Hit]:
    """The hits of another condition that stand to ``hit`` as its limits say."""
    if isinstance(other, Group) and other.how == "any" and other.limits.where == "anywhere":
        found = _each_once(each for member in other.conditions for each in _companions(seen, hit, member))
    else:
        found = [each for each in _found(seen, other) if _related(seen, hit, each, other.limits)]
    return found if len(found) >= other.limits.min_count else []


def _joined(hit: Hit, found: list[Hit], limits: Limits) -> Hit:
    """The hit with its companions, the nearest first, as many as were asked for; the first bears the name."""
    near = found[::-1] if limits.where == "before" else found
    companions = (
        Companion(hit=each, name=None if i else limits.name, near=limits.where != "anywhere")
        for i, each in enumerate(near[: limits.min_count])
    )
    return replace(hit, companions=(*hit.companions, *companions))


def _related(seen: Seen, hit: Hit, other: Hit, limits: Limits) -> bool:
    if limits.where == "anywhere":
        return True
    if limits.where == "same":
        return other.first <= hit.last and hit.first <= other.last
    earlier, later = (hit, other) if limits.where == "after" else (other, hit)
    if earlier.last >= later.first:
        return False
    if limits.within_s is not None:
        if earlier.end_ms is None or later.start_ms is None:
            return False
        if later.start_ms - earlier.end_ms > limits.within_s * 1000:
            return False
    turns = limits.within_turns
    return turns is None or seen.turns_between(other.role, earlier.last, later.first) < turns


def _possible(seen: Seen, hit: Hit, other: Condition | Group) -> bool:
    """Whether what is not there could have been: "not in their next turns" asks for a next turn."""
    limits = other.limits
    if isinstance(other, Group) and other.how == "any" and limits.where == "anywhere":
        return any(_possible(seen, hit, member) for member in other.conditions)
    if limits.within_turns is None:
        return True
    role = _role(other)
    if limits.where == "after":
        return seen.turns_after(role, hit.last) > 0
    return seen.turns_before(role, hit.first) > 0


def _role(condition: Condition | Group) -> str:
    """Whose hits a condition finds: a role, or ``any``."""
    if isinstance(condition, Condition):
        return str(getattr(condition.filter, "role", "any"))
    roles = {_role(member) for member in condition.conditions}
    if condition.how == "all":
        return _role(condition.conditions[0])
    return roles.pop() if len(roles) == 1 else "any"


# -- from hits to moments --------------------------------------------------------------------------


def runs(rule: Rule, found: list[Hit], taken: set[int]) -> list[list[Hit]]:
    """The hits of a rule, grouped as its ``keep`` says: a moment each.

    ``taken`` are the utterances of moments it yields to: a hit that rests on one of them is left out,
    and so is a run of neighbours with such a hit in it, which is the same outburst. If it is the ``worst``
    that is taken, the rule has no moment.
    """
    if rule.keep == "runs":
        groups = _neighbours(found, rule.merge_s)
        if not taken:
            return groups
        return [run for run in groups if not any(hit.evidence() & taken for hit in run)]
    if found and rule.keep == "worst":
        # Where the worst is told already, the second worst must not be told as the worst.
        worst = max(found, key=lambda hit: hit.strength)
        return [] if worst.evidence() & taken else [[worst]]
    found = [hit for hit in found if not hit.evidence() & taken]
    if not found:
        return []
    if rule.keep == "each":
        return [[hit] for hit in found]
    if rule.keep == "together":
        return [found]
    return [[found[0 if rule.keep == "first" else -1]]]


def _neighbours(found: list[Hit], merge_s: float) -> list[list[Hit]]:
    groups: list[list[Hit]] = []
    for hit in found:
        if groups and _adjoin(groups[-1][-1], hit, merge_s):
            groups[-1].append(hit)
        else:
            groups.append([hit])
    return groups


def _adjoin(first: Hit, second: Hit, merge_s: float) -> bool:
    if second.first - first.last <= 1:
        return True
    if first.end_ms is None or second.start_ms is None:
        return False
    return second.start_ms - first.end_ms <= merge_s * 1000
