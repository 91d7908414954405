"""Metrics counted from contact records and agents' time."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.common.deferred import var

from sentiment.metrics.definition import Definition, Example, Parameter, Variant, times
from sentiment.metrics.ranked import Peak, Quantile, Rate
from sentiment.metrics.statistics import Count, Mean, Ratio, Share

__all__ = ["DEFINITIONS", "spread"]

SECOND_MS, MINUTE_MS, DAY_MS = 1_000.0, 60_000.0, 86_400_000.0

threshold_s, short_s, days = var("threshold_s"), var("short_s"), var("days")

INBOUND = _.direction == "inbound"
OFFERED = INBOUND & ~_.blocked
SHORT_ABANDON = _.abandoned & (_.wait_ms < short_s * SECOND_MS)
REPEATED = _.after_ms <= days * DAY_MS
REPEATS = (_.before_ms <= days * DAY_MS).fill_null(False)
WATCHED = _.seen_ms >= days * DAY_MS

_THRESHOLD = Parameter(name="threshold_s", default=20.0, says="seconds within which an answer is in time")
_SHORT = Parameter(
    name="short_s",
    default=0.0,
    says="abandons after fewer seconds than this are left out; 5 and 10 are usual",
)
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

ABANDONMENT = Definition(
    name="abandonment",
    title="Abandonment rate",
    family="contacts",
    table="contacts",
    aliases=("abandonment_rate", "abandon_rate"),
    better="lower",
    parameters=(_SHORT,),
    variants=(
        Variant(
            name="offered",
            says="abandoned / inbound that were not blocked; abandons before `short_s` in neither",
            statistic=Share(of=_.abandoned, among=OFFERED & ~SHORT_ABANDON.fill_null(False)),
            unit="%",
            examples=(
                Example(
                    says="50 of 500 hang up: 10 %",
                    rows=(times(450), times(50, answered=False, abandoned=True, wait_ms=60_000)),
                    value=10.0,
                ),
            ),
        ),
    ),
    moves="Waiting time against the patience of callers, announced waits, call-backs.",
    misleads="Falls when callers are turned away earlier (blocked) or give up for good. "
    "With short abandons left out it is lower: compare like with like.",
)

BLOCKED = Definition(
    name="blocked",
    title="Blocked contacts",
    family="contacts",
    table="contacts",
    aliases=("blockage", "blocked_rate"),
    better="lower",
    variants=(
        Variant(
            name="attempts",
            says="blocked / inbound attempts",
            statistic=Share(of=_.blocked, among=INBOUND),
            unit="%",
            examples=(
                Example(
                    says="20 of 1,000 attempts are turned away: 2 %",
                    rows=(times(980), times(20, answered=False, blocked=True)),
                    value=2.0,
                ),
            ),
        ),
    ),
    moves="Number of lines, length of queue allowed, peaks.",
    misleads="Only attempts that the system recorded; a busy tone at the carrier is not among them. "
    "One caller who tries ten times is ten attempts.",
)

ASA = Definition(
    name="asa",
    title="Average speed of answer (ASA)",
    family="contacts",
    table="contacts",
    aliases=("average_speed_of_answer",),
    better="lower",
    variants=(
        Variant(
            name="mean",
            says="waiting time of answered contacts / answered contacts",
            statistic=Mean(of=_.wait_ms, among=INBOUND & _.answered, scale=1 / SECOND_MS),
            unit="s",
            examples=(
                Example(
                    says="1,000 seconds for 200 answers: 5 s", rows=(times(200, wait_ms=5_000),), value=5.0
                ),
            ),
        ),
        *spread(_.wait_ms, INBOUND & _.answered, 1 / SECOND_MS, "s", "waiting time of answered contacts"),
    ),
    moves="Staffing against arrivals, by quarter hour; handle time.",
    misleads="Those who gave up are not in it, so it falls when the impatient leave. A mean over a day hides the peak.",
)

SERVICE_LEVEL = Definition(
    name="service_level",
    title="Service level",
    family="contacts",
    table="contacts",
    aliases=("sl", "telephone_service_factor"),
    better="higher",
    parameters=(_THRESHOLD, _SHORT),
    variants=(
        Variant(
            name="offered",
            says="answered within `threshold_s` / inbound that were not blocked",
            statistic=Share(of=_.answered & (_.wait_ms <= threshold_s * SECOND_MS), among=OFFERED),
            unit="%",
            examples=(
                Example(
                    says="80 of 100 within 20 s: 80 %",
                    rows=(
                        times(80, wait_ms=20_000),
                        times(15, wait_ms=20_001),
                        times(5, answered=False, abandoned=True),
                    ),
                    value=80.0,
                ),
            ),
        ),
        Variant(
            name="answered",
            says="answered within `threshold_s` / answered",
            statistic=Share(of=_.wait_ms <= threshold_s * SECOND_MS, among=INBOUND & _.answered),
            unit="%",
        ),
        Variant(
            name="without_short_abandons",
            says="answered within `threshold_s` / inbound that were not blocked and not abandoned before `short_s`",
            statistic=Share(
                of=_.answered & (_.wait_ms <= threshold_s * SECOND_MS),
                among=OFFERED & ~SHORT_ABANDON.fill_null(False),
            ),
            unit="%",
        ),
    ),
    moves="Staffing against arrivals by interval; it reacts steeply near full occupancy.",
    misleads="The three denominators give different figures for the same day. 80 % in a day can be 100 % at night "
    "and 40 % at ten: group by hour. It says nothing about those past the threshold.",
)

OCCUPANCY = Definition(
    name="occupancy",
    title="Occupancy",
    family="contacts",
    table="agent_time",
    variants=(
        Variant(
            name="standard",
            says="handling time / (handling + available time)",
            statistic=Ratio(of=_.handling_ms, per=_.handling_ms + _.available_ms, scale=100.0),
            unit="%",
            examples=(
                Example(
                    says="6 hours handling and 2 available: 75 %",
                    rows=(times(2, handling_ms=10_800_000, available_ms=3_600_000, logged_in_ms=18_000_000),),
                    value=75.0,
                ),
            ),
        ),
    ),
    moves="Arrivals against staff; large groups run at higher occupancy for the same service.",
    misleads="Not effort: agents don't choose it. Above about 85 % for long it goes with errors and turnover.",
)

UTILISATION = Definition(
    name="utilisation",
    title="Utilisation",
    family="contacts",
    table="agent_time",
    aliases=("utilization",),
    variants=(
        Variant(
            name="standard",
            says="handling time / paid (logged-in) time",
            statistic=Ratio(of=_.handling_ms, per=_.logged_in_ms, scale=100.0),
            unit="%",
            examples=(
                Example(
                    says="6 hours handling of 8 paid: 75 %",
                    rows=(times(2, handling_ms=10_800_000, available_ms=1_800_000, logged_in_ms=14_400_000),),
                    value=75.0,
                ),
            ),
        ),
    ),
    moves="Breaks, training, meetings, and occupancy.",
    misleads="Training and coaching lower it and are worth having.",
)

VOLUME = Definition(
    name="volume",
    title="Call volume",
    family="contacts",
    table="contacts",
    aliases=("call_volume", "contacts"),
    variants=(
        Variant(name="all", says="contacts", statistic=Count(), unit="contacts"),
        Variant(name="inbound", says="inbound contacts", statistic=Count(among=INBOUND), unit="contacts"),
        Variant(
            name="handled",
            says="contacts that were answered",
            statistic=Count(among=_.answered),
            unit="contacts",
        ),
    ),
    moves="Season, billing dates, campaigns, faults, and contacts that were not settled the first time.",
    misleads="Repeat contacts and blocked redials are in it: demand is lower than volume.",
)

CALLS_PER_SECOND = Definition(
    name="calls_per_second",
    title="Calls per second",
    family="contacts",
    table="contacts",
    aliases=("cps",),
    variants=(
        Variant(
            name="mean",
            says="contacts / seconds of the period (of the whole span of time if none)",
            statistic=Rate(),
            unit="1/s",
        ),
        Variant(name="peak", says="most contacts in one second", statistic=Peak(of=_.started_at), unit="1/s"),
    ),
    moves="Volume, and how it bunches.",
    misleads="A mean over a day says nothing about what lines must carry: that is the peak.",
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

DEFINITIONS = (
    AHT, FCR, FRT, ART, ABANDONMENT, BLOCKED, ASA, SERVICE_LEVEL, OCCUPANCY, UTILISATION, VOLUME, CALLS_PER_SECOND,
    TRANSFER_RATE, HOLD_RATE, REPEAT_CONTACT_RATE,
)  # fmt: skip
"""The metrics of this family, in the order of the documentation."""
