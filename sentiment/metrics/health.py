"""Relationship health: how a customer relation stands, 0 to 100, with each part it is made of.

=============  ===================================================================================
sentiment      mean polarity of the customer's calls, a call half as old counting twice: -1 is 0, +1 is 100
engagement     100 on the day of the last contact, falling evenly to 0 after ``silent_days``
open issues    100 with none open, halved by each (a matter with no contact that settled it)
response time  100 for an answer at once, 50 at ``response_target_s``, towards 0 for ever later ones
=============  ===================================================================================

The score is the mean of the parts that are known, weighted; a part that is unknown (no call was scored, no
contact says whether it settled the matter) is left out and its weight with it. The weights are a choice,
not a finding: see the parts before acting on the score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
from ibis import _

from sentiment.metrics.column_kinds import ms_between

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["PARTS", "HealthOptions", "relationships"]

PARTS = ("sentiment", "engagement", "open_issues", "response_time")

DAY_MS = 86_400_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthOptions:
    """How the parts are made and weighted.

    Args:
        half_life_days: after how long a call counts half.
        silent_days: after how long without contact engagement is 0.
        response_target_s: the response time that gives 50.
        weights: of the parts, in the order of :data:`PARTS`.
    """

    half_life_days: float = 30.0
    silent_days: float = 90.0
    response_target_s: float = 3600.0
    weights: tuple[float, float, float, float] = (0.4, 0.2, 0.2, 0.2)


def relationships(
    calls: Any, contacts: Any | None, as_of: datetime, options: HealthOptions = HealthOptions()
) -> Any:
    """One row for each customer: ``customer_id, last_contact_at``, the parts, and their mean ``health``.

    Args:
        calls: the table ``calls``, with customer_id, started_at and customer_polarity.
        contacts: the table ``contacts``, if there is one.
        as_of: the time (UTC) at which to look; what is later does not count.
        options: thresholds and weights.
    """
    spoken = _spoken(calls.filter(calls.started_at < ibis.timestamp(as_of)), as_of, options)
    if contacts is None:
        nothing = {"asked_at": ibis.null("timestamp"), "n_open": ibis.null("int64")}
        both = spoken.mutate(**nothing, response_s=ibis.null("float64"))
    else:
        asked = _asked(contacts.filter(contacts.started_at < ibis.timestamp(as_of)))
        ids = spoken.select("customer_id").union(asked.select("customer_id"), distinct=True)
        both = ids.left_join(spoken, "customer_id").select(ids.customer_id, "mood", "spoken_at")
        both = both.left_join(asked, "customer_id").select(
            both.customer_id, "mood", "spoken_at", "asked_at", "n_open", "response_s"
        )
    last = ibis.coalesce(ibis.greatest(both.spoken_at, both.asked_at), both.spoken_at, both.asked_at)
    both = both.mutate(last_contact_at=last)
    silent = _days_before(both.last_contact_at, as_of) / options.silent_days
    parts = both.mutate(
        sentiment=50 + 50 * both.mood,
        engagement=100 * (1 - silent).clip(lower=0.0),
        open_issues=100 * (-math.log(2) * both.n_open.cast("float64")).exp(),
        response_time=100 / (1 + both.response_s / options.response_target_s),
    )
    return parts.select("customer_id", "last_contact_at", *PARTS, health=_weighted(parts, options))


def _days_before(time: Any, as_of: datetime) -> Any:
    return ms_between(time, ibis.timestamp(as_of)).cast("float64") / DAY_MS


def _spoken(calls: Any, as_of: datetime, options: HealthOptions) -> Any:
    """Each customer's last call and decayed polarity."""
    age = _days_before(calls.started_at, as_of)
    known = calls.mutate(__weight=(-math.log(2) / options.half_life_days * age).exp())
    known = known.filter(known.customer_id.notnull())
    felt = _.customer_polarity.notnull()
    return known.group_by("customer_id").aggregate(
        mood=(_["__weight"] * _.customer_polarity).sum() / _["__weight"].sum(where=felt),
        spoken_at=_.started_at.max(),
    )


def _asked(contacts: Any) -> Any:
    """Each customer's last contact, open matters and mean response time."""
    columns = set(contacts.columns)
    response = next((c for c in ("first_response_ms", "wait_ms") if c in columns), None)
    known = contacts.filter(contacts.customer_id.notnull())
    by_matter = known.group_by(["customer_id", known.matter.name("matter")]).aggregate(
        __at=_.started_at.max(),
        __settled=_.resolved.cast("int32").max() if "resolved" in columns else ibis.null("int32"),
        __n=_[response].count() if response else ibis.literal(0),
        __ms=_[response].sum() if response else ibis.null("int64"),
    )
    return by_matter.group_by("customer_id").aggregate(
        asked_at=_["__at"].max(),
        n_open=ibis.ifelse(
            _["__settled"].count() > 0, (_["__settled"] == 0).cast("int32").sum(), ibis.null("int64")
        ),
        response_s=_["__ms"].sum().cast("float64") / 1000 / _["__n"].sum().nullif(0),
    )


def _weighted(parts: Any, options: HealthOptions) -> Any:
    total, weight = 0.0, 0.0
    for name, share in zip(PARTS, options.weights, strict=True):
        total = total + (parts[name] * share).fill_null(0.0)
        weight = weight + ibis.ifelse(parts[name].notnull(), share, 0.0)
    return total / weight
