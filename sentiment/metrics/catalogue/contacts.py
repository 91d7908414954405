"""Metrics of handling, counted from contact records."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.common.deferred import var

from sentiment.metrics.definition import Definition, Example, Parameter, Variant, times
from sentiment.metrics.ranked import Quantile
from sentiment.metrics.statistics import Mean, Share

__all__ = ["DEFINITIONS", "INBOUND", "SECOND_MS", "spread"]

SECOND_MS, MINUTE_MS, DAY_MS = 1_000.0, 60_000.0, 86_400_000.0

days = var("days")

INBOUND = _.direction == "inbound"
REPEATED = _.after_ms <= days * DAY_MS
REPEATS = (_.before_ms <= days * DAY_MS).fill_null(False)
WATCHED = _.seen_ms >= days * DAY_MS

_DAYS = Parameter(
    name="days", default=7.0, says="days within which another contact on the matter is a repeat"
)


def spread(of: object, among: object, scale: float, unit: str, says: str) -> tuple[Variant, ...]:
    """Median and 90th percentile of a duration."""
    return tuple(
        Variant(
            name=name,
            says=f"{words} of {says}",
            statistic=Quantile(of=of, level=level, among=among, scale=scale),
            unit=unit,
        )
        for name, level, words in (("median", 0.5, "median"), ("p90", 0.9, "90th percentile"))
    )


AHT = Definition(
    name="aht",
    title="Average handle time (AHT)",
    family="contacts",
    table="contacts",
    aliases=("average_handle_time",),
    variants=(
        Variant(
            name="all",
            says="(talk + hold + after-call work) / contacts handled, transferred ones too",
            statistic=Mean(of=_.handle_ms, among=_.answered, scale=1 / MINUTE_MS),
            unit="min",
            examples=(
                Example(
                    says="300 + 50 + 100 minutes for 100 contacts: 4.5 min",
                    rows=(times(100, talk_ms=180_000, hold_ms=30_000, after_call_work_ms=60_000),),
                    value=4.5,
                ),
            ),
        ),
        Variant(
            name="without_transfers",
            says="the same for contacts that were not passed on",
            statistic=Mean(of=_.handle_ms, among=_.answered & ~_.transferred, scale=1 / MINUTE_MS),
            unit="min",
        ),
        *spread(
            _.handle_ms,
            _.answered,
            1 / MINUTE_MS,
            "min",
            "talk + hold + after-call work, of contacts handled",
        ),
    ),
    moves="The mix of matters, the agent's experience, slow tools, hold and after-call habits.",
    misleads="Shorter is not better: cutting it often costs first-contact resolution and brings repeat contacts. "
    "It is skewed: a few long contacts carry the mean.",
)

FCR = Definition(
    name="fcr",
    title="First-contact resolution (FCR)",
    family="contacts",
    table="contacts",
    aliases=("first_contact_resolution", "first_call_resolution"),
    better="higher",
    parameters=(_DAYS,),
    variants=(
        Variant(
            name="first_contacts",
            says="contacts that are the first on their matter and settled it / first contacts",
            statistic=Share(of=_.resolved, among=_.answered & _.first_contact),
            unit="%",
            examples=(
                Example(
                    says="150 of 200 first contacts settle the matter: 75 %",
                    rows=(times(150), times(50, resolved=False), times(30, first_contact=False)),
                    value=75.0,
                ),
            ),
        ),
        Variant(
            name="all_contacts",
            says="contacts that are the first on their matter and settled it / contacts handled",
            statistic=Share(of=_.resolved & _.first_contact, among=_.answered),
            unit="%",
            examples=(
                Example(
                    says="3,296 of 4,894 calls: 67.3 %",
                    rows=(times(3296), times(1000, resolved=False), times(598, first_contact=False)),
                    value=67.3,
                    places=1,
                ),
            ),
        ),
        Variant(
            name="inferred",
            says="first contacts without another on the same matter within `days` / first contacts that long ago",
            statistic=Share(
                of=ibis.ifelse(_.matter.notnull(), ~REPEATED.fill_null(False), ibis.null("boolean")),
                among=_.answered & ~REPEATS & WATCHED,
            ),
            unit="%",
        ),
    ),
    moves="Authority and knowledge of the agent, whether the cause is fixed, right routing.",
    misleads="Who says it was settled? An agent's tick is optimistic, the customer's silence is not contentment, and "
    "inferred rates depend on how matters are told apart. The two denominators differ a lot: name yours.",
)

FRT = Definition(
    name="frt",
    title="First response time (FRT)",
    family="contacts",
    table="contacts",
    aliases=("first_response_time",),
    better="lower",
    variants=(
        Variant(
            name="mean",
            says="sum of times to first response / inquiries that got one",
            statistic=Mean(of=_.first_response_ms, among=INBOUND, scale=1 / MINUTE_MS),
            unit="min",
            examples=(
                Example(
                    says="500 minutes for 50 inquiries: 10 min",
                    rows=(times(25, first_response_ms=300_000), times(25, first_response_ms=900_000)),
                    value=10.0,
                ),
            ),
        ),
        *spread(_.first_response_ms, INBOUND, 1 / MINUTE_MS, "min", "time to first response"),
    ),
    moves="Staffing by hour, queues, automatic replies (which count if they are recorded as responses).",
    misleads="Inquiries without any response are not in it: they are counted as missing. "
    "An instant automatic reply makes it look good and helps nobody.",
)

RESOLVED = _.resolution_ms.notnull()

ART = Definition(
    name="art",
    title="Average resolution time (ART)",
    family="contacts",
    table="contacts",
    aliases=("average_resolution_time", "resolution_time", "mttr"),
    better="lower",
    variants=(
        Variant(
            name="mean",
            says="sum of times from arrival to settlement / cases settled",
            statistic=Mean(of=_.resolution_ms, among=RESOLVED, scale=1 / MINUTE_MS),
            unit="min",
            examples=(
                Example(
                    says="36,000 minutes for 6,696 cases: 5.376 min",
                    rows=(times(6695, resolution_ms=322_580), times(1, resolution_ms=326_900)),
                    value=5.376,
                ),
            ),
        ),
        *spread(_.resolution_ms, RESOLVED, 1 / MINUTE_MS, "min", "time from arrival to settlement"),
        Variant(
            name="business_hours",
            says="the mean, counting only the calendar's business hours",
            statistic=Mean(
                of=_.business_resolution_ms, among=_.business_resolution_ms.notnull(), scale=1 / MINUTE_MS
            ),
            unit="min",
        ),
    ),
    moves="Hand-overs, waiting for the customer or another department, backlog.",
    misleads="Cases still open are not in it, so a growing backlog of old cases makes it look better. "
    "Very skewed: read the median and the 90th percentile too.",
)


def _share_of_handled(
    name: str, title: str, says: str, of: object, *, aliases: tuple[str, ...] = (), moves: str, misleads: str,
    parameters: tuple[Parameter, ...] = (), examples: tuple[Example, ...] = (),
) -> Definition:  # fmt: skip
    return Definition(
        name=name,
        title=title,
        family="contacts",
        table="contacts",
        aliases=aliases,
        better="lower",
        parameters=parameters,
        variants=(
            Variant(
                name="handled",
                says=f"{says} / contacts handled",
                statistic=Share(of=of, among=_.answered),
                unit="%",
                examples=examples,
            ),
        ),
        moves=moves,
        misleads=misleads,
    )


TRANSFER_RATE = _share_of_handled(
    "transfer_rate",
    "Transfer rate",
    "contacts that were passed on",
    _.transferred,
    moves="Routing, authority of the first line, unclear menus.",
    misleads="A transfer to the one who can settle it is better than a wrong answer; a low rate can mean poor answers.",
    examples=(
        Example(
            says="10 of 100 are passed on: 10 %", rows=(times(90), times(10, transferred=True)), value=10.0
        ),
    ),
)

HOLD_RATE = _share_of_handled(
    "hold_rate",
    "Hold rate",
    "contacts with time on hold",
    _.held,
    moves="Slow tools, knowledge that has to be looked up, approvals.",
    misleads="Muting instead of hold is not in it; one second counts as an hour does.",
    examples=(
        Example(says="30 of 100 are put on hold: 30 %", rows=(times(70), times(30, hold_ms=1)), value=30.0),
    ),
)

REPEAT_CONTACT_RATE = _share_of_handled(
    "repeat_contact_rate",
    "Repeat-contact rate",
    "contacts within `days` of an earlier one on the same matter",
    ibis.ifelse(_.matter.notnull(), REPEATS, ibis.null("boolean")),
    aliases=("repeat_rate", "recontact_rate"),
    moves="Matters not settled, promises not kept, unclear letters and bills.",
    misleads="Without issue ids every further contact of a customer is taken for a repeat. "
    "The first days of the data have no past, so their rate is too low.",
    parameters=(_DAYS,),
)

DEFINITIONS = (AHT, FCR, FRT, ART, TRANSFER_RATE, HOLD_RATE, REPEAT_CONTACT_RATE)
"""The metrics of this family, in the order of the documentation."""
