"""Metrics of waiting and staffing, counted from contact records and agents' time."""

from __future__ import annotations

from ibis import _
from ibis.common.deferred import var

from sentiment.metrics.catalogue.contacts import INBOUND, SECOND_MS, spread
from sentiment.metrics.definition import Definition, Example, Parameter, Variant, times
from sentiment.metrics.ranked import Peak, Rate
from sentiment.metrics.statistics import Count, Mean, Ratio, Share

__all__ = ["DEFINITIONS"]

threshold_s, short_s = var("threshold_s"), var("short_s")

OFFERED = INBOUND & ~_.blocked
SHORT_ABANDON = _.abandoned & (_.wait_ms < short_s * SECOND_MS)

_THRESHOLD = Parameter(name="threshold_s", default=20.0, says="seconds within which an answer is in time")
_SHORT = Parameter(
    name="short_s",
    default=0.0,
    says="abandons after fewer seconds than this are left out; 5 and 10 are usual",
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

DEFINITIONS = (
    ABANDONMENT, BLOCKED, ASA, SERVICE_LEVEL, OCCUPANCY, UTILISATION, VOLUME, CALLS_PER_SECOND,
)  # fmt: skip
"""The metrics of this family, in the order of the documentation."""
