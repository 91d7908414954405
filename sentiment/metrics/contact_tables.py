"""Tables of the contact centre: surveys, contact records, agents' time, scored calls."""

from __future__ import annotations

import ibis
from ibis import _

from sentiment.metrics.column_kinds import (
    count,
    duration,
    flag,
    ms_between,
    next_time,
    score,
    text,
    time_of,
)  # fmt: skip
from sentiment.metrics.schema import Business, Check, Column, Derived, Schema

__all__ = ["AGENT_TIME", "CALLS", "CONTACTS", "INVITATIONS", "SURVEYS"]

_WHO = (
    text("call_id", "the call; joins surveys, contacts and scored calls"),
    text("customer_id", "the customer"),
    text("agent_id", "the agent who handled it"),
    text("team", "the agent's team"),
    text("queue", "the queue"),
    text("channel", "voice, chat, email ..."),
    text("site", "where the agent works"),
    text("industry", "line of business"),
)

SURVEYS = Schema(
    name="surveys",
    says="a row for each survey sent or answered",
    key=("call_id", "instrument", "question"),
    time="answered_at",
    columns=(
        *_WHO,
        text(
            "instrument",
            "csat, nps, ces, guest_satisfaction, patient_satisfaction, trust",
            required=True,
            any_case=True,
        ),
        Column(
            name="question",
            type="string",
            says="what was asked about: overall, agent, product ...",
            assumed="overall",
        ),
        Column(name="value", type="float64", says="the answer on its own scale; empty: not answered"),
        Column(name="scale_min", type="float64", says="least value of the scale"),
        Column(name="scale_max", type="float64", says="greatest value of the scale"),
        Column(
            name="high_is_easy",
            type="boolean",
            says="effort surveys: whether a high value means little effort",
            assumed=True,
        ),
        time_of("invited_at", "when the customer was asked"),
        time_of("answered_at", "when the answer came"),
    ),
    derived=(
        Derived(name="answered_at", of=_.invited_at, says="when invited"),
        Derived(
            name="ease",
            of=ibis.ifelse(_.high_is_easy, _.value, _.scale_min + _.scale_max - _.value),
            says="the answer turned so that high means little effort",
        ),
    ),
    checks=(
        Check(bad=_.scale_max <= _.scale_min, says="scale_max is not above scale_min"),
        Check(bad=(_.value < _.scale_min) | (_.value > _.scale_max), says="value is not on its scale"),
        Check(
            bad=(_.instrument == "nps") & ((_.scale_min != 0) | (_.scale_max != 10)),
            says="NPS is asked on 0-10; this scale is another",
        ),
        Check(
            bad=(_.instrument == "nps") & ~_.value.isin([float(i) for i in range(11)]),
            says="an NPS answer is a whole number",
        ),
        Check(bad=_.answered_at < _.invited_at, says="answered before it was sent"),
    ),
    example={
        "instrument": "csat",
        "question": "overall",
        "value": 5.0,
        "scale_min": 1.0,
        "scale_max": 5.0,
        "high_is_easy": True,
    },
)

INVITATIONS = Schema(
    name="invitations",
    says="a row for each survey sent, in the period in which it was sent",
    key=SURVEYS.key,
    time="invited_at",
    made_of="surveys",
    columns=SURVEYS.columns,
)

CONTACTS = Schema(
    name="contacts",
    says="a row for each contact: a call, chat or message that reached the centre",
    key=("contact_id",),
    time="started_at",
    columns=(
        text("contact_id", "identifies the contact", required=True),
        *_WHO,
        Column(name="direction", type="string", says="inbound or outbound", assumed="inbound", any_case=True),
        text("issue_id", "the matter it is about; contacts on one matter share it"),
        time_of("started_at", "when it reached the centre"),
        time_of("answered_at", "when an agent took it"),
        time_of("ended_at", "when it ended"),
        time_of("resolved_at", "when the matter was settled"),
        duration("wait_ms", "from arrival to answer or abandonment"),
        duration("talk_ms", "talking (or chatting) with the customer, without hold"),
        duration("hold_ms", "customer on hold"),
        duration("after_call_work_ms", "work on it after it ended"),
        Column(
            name="first_response_ms",
            type="int64",
            says="from arrival to the first reply, milliseconds",
            least=0,
        ),
        Column(name="resolution_ms", type="int64", says="from arrival to settlement, milliseconds", least=0),
        flag("answered", "an agent took it"),
        flag("abandoned", "the customer left before an answer"),
        Column(
            name="blocked",
            type="boolean",
            says="it was turned away (lines full) and never queued",
            assumed=False,
        ),
        flag("transferred", "it was passed on to someone else"),
        flag("first_contact", "it is the first about its matter"),
        flag("resolved", "it settled the matter"),
        Column(name="transfers", type="int64", says="how often it was passed on", least=0),
        Column(name="holds", type="int64", says="how often the customer was put on hold", least=0),
    ),
    derived=(
        Derived(name="answered", of=_.answered_at.notnull(), says="answered_at is there"),
        Derived(name="wait_ms", of=ms_between(_.started_at, _.answered_at), says="answered_at - started_at"),
        Derived(name="abandoned", of=~_.answered & ~_.blocked, says="neither answered nor blocked"),
        Derived(name="transferred", of=_.transfers > 0, says="transfers > 0"),
        Derived(name="held", of=_.hold_ms > 0, says="hold_ms > 0"),
        Derived(
            name="handle_ms",
            of=_.talk_ms + _.hold_ms + _.after_call_work_ms,
            says="talk_ms + hold_ms + after_call_work_ms",
        ),
        Derived(
            name="resolution_ms",
            of=ms_between(_.started_at, _.resolved_at),
            says="resolved_at - started_at",
        ),
        Derived(name="matter", of=_.issue_id, says="issue_id"),
        Derived(name="matter", of=_.customer_id, says="customer_id, where issues have no id"),
        Derived(
            name="before_ms",
            of=ms_between(next_time(_.started_at, -1), _.started_at),
            says="since the contact before on the same matter",
            all_rows=True,
        ),
        Derived(
            name="after_ms",
            of=ms_between(_.started_at, next_time(_.started_at, 1)),
            says="until the next contact on the same matter",
            all_rows=True,
        ),
        Derived(
            name="seen_ms",
            of=ms_between(_.started_at, _.started_at.max().as_scalar()),
            says="until the last contact in the data",
            all_rows=True,
        ),
    ),
    business=(Business(name="business_resolution_ms", start="started_at", end="resolved_at"),),
    checks=(
        Check(bad=_.ended_at < _.started_at, says="it ends before it starts"),
        Check(bad=_.answered_at < _.started_at, says="it is answered before it starts"),
        Check(bad=_.resolved_at < _.started_at, says="it is settled before it starts"),
        Check(bad=_.answered & _.abandoned, says="both answered and abandoned"),
        Check(bad=_.answered & _.blocked, says="both answered and blocked"),
    ),
    example={
        "direction": "inbound",
        "answered": True,
        "abandoned": False,
        "blocked": False,
        "transferred": False,
        "wait_ms": 5_000,
        "talk_ms": 240_000,
        "hold_ms": 0,
        "after_call_work_ms": 60_000,
        "first_contact": True,
        "resolved": True,
    },
)

AGENT_TIME = Schema(
    name="agent_time",
    says="a row for each agent and interval (a half hour, a shift): how its time was spent",
    key=("agent_id", "started_at"),
    time="started_at",
    columns=(
        text("agent_id", "the agent", required=True),
        text("team", "the agent's team"),
        text("site", "where the agent works"),
        time_of("started_at", "when the interval began"),
        duration("handling_ms", "talk, hold and after-call work"),
        duration("available_ms", "waiting for a contact"),
        duration("logged_in_ms", "paid (logged-in) time"),
    ),
    checks=(
        Check(
            bad=_.handling_ms + _.available_ms > _.logged_in_ms,
            says="handling and available time exceed the logged-in time",
        ),
    ),
)


def _of_party(role: str) -> tuple[Column, ...]:
    """The columns there are for the agent and for the customer."""
    return (
        score(f"{role}_polarity", f"mean polarity of what the {role} says"),
        *(score(f"{role}_polarity_q{i}", f"the same in quarter {i}") for i in range(1, 5)),
        score(f"{role}_polarity_last", "the same in the last 10 % of the call"),
        duration(f"{role}_talk_ms", f"time the {role} speaks"),
        count(f"{role}_words", f"words the {role} says"),
        Column(name=f"{role}_speed_change", type="float64", says="words per minute, second half minus first"),
        duration(f"{role}_latency_ms", f"the {role}'s median silence before an answer"),
        count(f"interruptions_by_{role}", f"times the {role} cuts the other off"),
    )


def _estimate(instrument: str, says: str, least: float, most: float) -> tuple[Column, ...]:
    """The columns there are for an estimated answer."""
    name = f"predicted_{instrument}"
    return (
        score(name, says, least, most),
        score(f"{name}_low", "lower end of its 90 % interval", least, most),
        score(f"{name}_high", "upper end of its 90 % interval", least, most),
        score(f"{name}_top_box", "probability of an answer in the top box", 0.0, 1.0),
        text(f"{name}_abstained", "why it was not estimated"),
    )


CALLS = Schema(
    name="calls",
    says="a row for each scored conversation, as sentiment.metrics.conversations makes it from calls' JSON",
    key=("call_id",),
    time="started_at",
    columns=(
        text("call_id", "the call", required=True),
        *_WHO[1:],
        time_of("started_at", "when it began"),
        duration("duration_ms", "length of the recording"),
        *_of_party("agent"),
        *_of_party("customer"),
        score("customer_intensity", "the customer's mean intensity", 0.0),
        score("customer_intensity_peak", "the customer's most intense utterance", 0.0),
        score("customer_intensity_rise", "the peak above the customer's own median", 0.0),
        count("shifts_better", "the customer's shifts for the better"),
        count("shifts_worse", "the customer's shifts for the worse"),
        count("shifts_recovered", "those for the worse that were made up for"),
        duration("conversation_ms", "from the start to the end of the last word"),
        duration("talk_time_ms", "time all parties speak, added up"),
        duration("non_talk_ms", "silences longer than 3 s"),
        duration("dead_air_ms", "silences longer than 10 s that nobody announced"),
        count("dead_air_count", "how many of those"),
        duration("overtalk_ms", "time in which two parties speak"),
        count("effort_signals", "moments that show effort"),
        *_estimate("csat", "estimated CSAT on 1-5", 1.0, 5.0),
        *_estimate("nps", "estimated answer on 0-10", 0.0, 10.0),
    ),
)
