"""The tables that metrics read: their columns, what is derived where it is not given, and what is checked.

Times are UTC, durations integer milliseconds. A file needs only the columns that the asked metrics
read; one that is named as here needs no map (:mod:`sentiment.metrics.maps` renames others).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
from ibis import _

from sentiment.errors import TableError
from sentiment.metrics.schema import Business, Check, Column, Derived, Schema

__all__ = ["GIVEN_TABLES", "TABLES", "epoch_ms", "given_schema"]


def epoch_ms(time: Any) -> Any:
    """Milliseconds since 1970 of a timestamp column, as int64, the same on every engine."""
    seconds = time.truncate("s").epoch_seconds().cast("int64")
    return seconds * 1000 + time.millisecond().cast("int64")


def _ms_between(start: Any, end: Any) -> Any:
    return epoch_ms(end) - epoch_ms(start)


def _next(time: Any, step: int) -> Any:
    """The time of the next contact on the same matter (before: the previous); null where the matter is unknown."""
    window = ibis.window(group_by=_.matter, order_by=time)
    beside = time.lead() if step > 0 else time.lag()
    return ibis.ifelse(_.matter.notnull(), beside.over(window), ibis.null("timestamp"))


def _ms(name: str, says: str) -> Column:
    return Column(name=name, type="int64", says=f"{says}, milliseconds", least=0, most=30 * 86_400_000)


def _text(name: str, says: str, *, required: bool = False) -> Column:
    return Column(name=name, type="string", says=says, required=required)


def _flag(name: str, says: str) -> Column:
    return Column(name=name, type="boolean", says=says)


def _time(name: str, says: str, *, required: bool = False) -> Column:
    return Column(name=name, type="timestamp", says=f"{says} (UTC)", required=required)


def _amount(name: str, says: str) -> Column:
    return Column(name=name, type="float64", says=f"{says}, in your currency")


_WHO = (
    _text("call_id", "the call; joins surveys, contacts and scored calls"),
    _text("customer_id", "the customer"),
    _text("agent_id", "the agent who handled it"),
    _text("team", "the agent's team"),
    _text("queue", "the queue"),
    _text("channel", "voice, chat, email ..."),
    _text("site", "where the agent works"),
    _text("industry", "line of business"),
)

SURVEYS = Schema(
    name="surveys",
    says="a row for each survey sent or answered",
    key=("call_id", "instrument", "question"),
    time="answered_at",
    columns=(
        *_WHO,
        _text("instrument", "csat, nps, ces, guest_satisfaction, patient_satisfaction, trust", required=True),
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
        _time("invited_at", "when the customer was asked"),
        _time("answered_at", "when the answer came"),
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
            bad=(_.instrument == "nps") & (_.value != _.value.floor()), says="an NPS answer is a whole number"
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

CONTACTS = Schema(
    name="contacts",
    says="a row for each contact: a call, chat or message that reached the centre",
    key=("contact_id",),
    time="started_at",
    columns=(
        _text("contact_id", "identifies the contact", required=True),
        *_WHO,
        Column(name="direction", type="string", says="inbound or outbound", assumed="inbound"),
        _text("issue_id", "the matter it is about; contacts on one matter share it"),
        _time("started_at", "when it reached the centre"),
        _time("answered_at", "when an agent took it"),
        _time("ended_at", "when it ended"),
        _time("resolved_at", "when the matter was settled"),
        _ms("wait_ms", "from arrival to answer or abandonment"),
        _ms("talk_ms", "talking (or chatting) with the customer, without hold"),
        _ms("hold_ms", "customer on hold"),
        _ms("after_call_work_ms", "work on it after it ended"),
        Column(
            name="first_response_ms",
            type="int64",
            says="from arrival to the first reply, milliseconds",
            least=0,
        ),
        Column(name="resolution_ms", type="int64", says="from arrival to settlement, milliseconds", least=0),
        _flag("answered", "an agent took it"),
        _flag("abandoned", "the customer left before an answer"),
        Column(
            name="blocked",
            type="boolean",
            says="it was turned away (lines full) and never queued",
            assumed=False,
        ),
        _flag("transferred", "it was passed on to someone else"),
        _flag("first_contact", "it is the first about its matter"),
        _flag("resolved", "it settled the matter"),
        Column(name="transfers", type="int64", says="how often it was passed on", least=0),
        Column(name="holds", type="int64", says="how often the customer was put on hold", least=0),
    ),
    derived=(
        Derived(name="answered", of=_.answered_at.notnull(), says="answered_at is there"),
        Derived(name="wait_ms", of=_ms_between(_.started_at, _.answered_at), says="answered_at - started_at"),
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
            of=_ms_between(_.started_at, _.resolved_at),
            says="resolved_at - started_at",
        ),
        Derived(name="matter", of=_.issue_id, says="issue_id"),
        Derived(name="matter", of=_.customer_id, says="customer_id, where issues have no id"),
        Derived(
            name="before_ms",
            of=_ms_between(_next(_.started_at, -1), _.started_at),
            says="since the contact before on the same matter",
            all_rows=True,
        ),
        Derived(
            name="after_ms",
            of=_ms_between(_.started_at, _next(_.started_at, 1)),
            says="until the next contact on the same matter",
            all_rows=True,
        ),
        Derived(
            name="seen_ms",
            of=_ms_between(_.started_at, _.started_at.max().as_scalar()),
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
        _text("agent_id", "the agent", required=True),
        _text("team", "the agent's team"),
        _text("site", "where the agent works"),
        _time("started_at", "when the interval began"),
        _ms("handling_ms", "talk, hold and after-call work"),
        _ms("available_ms", "waiting for a contact"),
        _ms("logged_in_ms", "paid (logged-in) time"),
    ),
    checks=(
        Check(
            bad=_.handling_ms + _.available_ms > _.logged_in_ms,
            says="handling and available time exceed the logged-in time",
        ),
    ),
)

CUSTOMERS = Schema(
    name="customers",
    says="a row for each customer",
    key=("customer_id",),
    time="joined_at",
    columns=(
        _text("customer_id", "the customer", required=True),
        _text("segment", "kind of customer"),
        _text("industry", "line of business"),
        _time("joined_at", "when they became a customer"),
        _time("left_at", "when they stopped being one; empty: still one"),
        _time("onboarded_at", "when they were set up and ready"),
        _amount("revenue", "what they pay in a period, as a month"),
        _flag("referred", "another customer referred them"),
        _flag("adopted", "they use the product or feature in question"),
    ),
    derived=(
        Derived(
            name="onboarding_ms", of=_ms_between(_.joined_at, _.onboarded_at), says="onboarded_at - joined_at"
        ),
    ),
    checks=(
        Check(bad=_.left_at < _.joined_at, says="they left before they joined"),
        Check(bad=_.onboarded_at < _.joined_at, says="they were set up before they joined"),
    ),
    example={
        "joined_at": datetime(2025, 1, 1),
        "left_at": None,
        "revenue": 10.0,
        "referred": False,
        "adopted": True,
    },
)

ORDERS = Schema(
    name="orders",
    says="a row for each purchase",
    key=("order_id",),
    time="ordered_at",
    columns=(
        _text("order_id", "the purchase", required=True),
        _text("customer_id", "who bought"),
        _text("channel", "shop, web, phone ..."),
        _time("ordered_at", "when"),
        _amount("amount", "what was paid"),
        _amount("margin", "what of it is profit"),
    ),
    derived=(
        Derived(
            name="order_number",
            of=ibis.row_number().over(
                ibis.window(group_by=_.customer_id, order_by=[_.ordered_at, _.order_id])
            )
            + 1,
            says="1 for the customer's first order",
            all_rows=True,
        ),
        Derived(
            name="age_ms",
            of=_ms_between(_.ordered_at.min().over(ibis.window(group_by=_.customer_id)), _.ordered_at),
            says="since the customer's first order",
            all_rows=True,
        ),
    ),
    example={"customer_id": "c-1", "ordered_at": datetime(2026, 1, 5), "amount": 100.0, "margin": 30.0},
)

VISITS = Schema(
    name="visits",
    says="a row for each visit to the shop, site or app",
    key=("visit_id",),
    time="visited_at",
    columns=(
        _text("visit_id", "the visit", required=True),
        _text("customer_id", "who"),
        _text("channel", "where they came from"),
        _time("visited_at", "when"),
        _flag("converted", "it ended in a purchase or booking"),
        _flag("direct", "on the own site or app, not through an agency or marketplace"),
        _flag("cart_abandoned", "something was put in the cart and left there"),
        _flag("cart_recovered", "that cart was bought after all (after a reminder, say)"),
    ),
    checks=(
        Check(bad=_.cart_recovered & ~_.cart_abandoned, says="a cart was recovered that was not abandoned"),
    ),
    example={"converted": False, "direct": True, "cart_abandoned": False, "cart_recovered": False},
)

CAMPAIGNS = Schema(
    name="campaigns",
    says="a row for each investment: a campaign, a project, a month of spending",
    key=("campaign_id",),
    time="started_at",
    columns=(
        _text("campaign_id", "the investment", required=True),
        _text("channel", "where the money went"),
        _time("started_at", "when"),
        _amount("cost", "what it cost"),
        _amount("revenue", "what it brought"),
        Column(name="customers_won", type="int64", says="new customers it brought", least=0),
    ),
)

MEMBERSHIP = Schema(
    name="membership",
    says="a row for each customer in each period in which they were one",
    key=("customer_id", "period_starts_at"),
    time="period_starts_at",
    made_of="customers",
    columns=(
        *CUSTOMERS.columns,
        _time("period_starts_at", "when the period begins"),
        _flag("at_start", "they were a customer when the period began"),
        _flag("lost", "they left in it"),
    ),
)

BUYERS = Schema(
    name="buyers",
    says="a row for each customer with an order",
    key=("customer_id",),
    time="first_ordered_at",
    made_of="orders",
    columns=(
        _text("customer_id", "who bought"),
        _time("first_ordered_at", "first order"),
        Column(name="orders", type="int64", says="how many orders"),
        _amount("amount", "what they paid in all"),
        _amount("margin", "what of it is profit"),
    ),
)


def _score(name: str, says: str, least: float = -1.0, most: float = 1.0) -> Column:
    return Column(name=name, type="float64", says=says, least=least, most=most)


def _count(name: str, says: str) -> Column:
    return Column(name=name, type="int64", says=says, least=0)


def _of_party(role: str) -> tuple[Column, ...]:
    """The columns there are for the agent and for the customer."""
    return (
        _score(f"{role}_polarity", f"mean polarity of what the {role} says"),
        *(_score(f"{role}_polarity_q{i}", f"the same in quarter {i}") for i in range(1, 5)),
        _score(f"{role}_polarity_last", "the same in the last 10 % of the call"),
        _ms(f"{role}_talk_ms", f"time the {role} speaks"),
        _count(f"{role}_words", f"words the {role} says"),
        Column(name=f"{role}_speed_change", type="float64", says="words per minute, second half minus first"),
        _ms(f"{role}_latency_ms", f"the {role}'s median silence before an answer"),
        _count(f"interruptions_by_{role}", f"times the {role} cuts the other off"),
    )


CALLS = Schema(
    name="calls",
    says="a row for each scored conversation, as sentiment.metrics.conversations makes it from calls' JSON",
    key=("call_id",),
    time="started_at",
    columns=(
        _text("call_id", "the call", required=True),
        *_WHO[1:],
        _time("started_at", "when it began"),
        _ms("duration_ms", "length of the recording"),
        *_of_party("agent"),
        *_of_party("customer"),
        _score("customer_intensity", "the customer's mean intensity", 0.0),
        _score("customer_intensity_peak", "the customer's most intense utterance", 0.0),
        _score("customer_intensity_rise", "the peak above the customer's own median", 0.0),
        _count("shifts_better", "the customer's shifts for the better"),
        _count("shifts_worse", "the customer's shifts for the worse"),
        _count("shifts_recovered", "those for the worse that were made up for"),
        _ms("conversation_ms", "from the start to the end of the last word"),
        _ms("talk_time_ms", "time all parties speak, added up"),
        _ms("non_talk_ms", "silences longer than 3 s"),
        _ms("dead_air_ms", "silences longer than 10 s that nobody announced"),
        _count("dead_air_count", "how many of those"),
        _ms("overtalk_ms", "time in which two parties speak"),
        _count("effort_signals", "moments that show effort"),
        _score("predicted_csat", "estimated CSAT on 1-5", 1.0, 5.0),
        _score("predicted_nps", "estimated answer on 0-10", 0.0, 10.0),
    ),
)

RELATIONSHIPS = Schema(
    name="relationships",
    says="a row for each customer with scored calls or contacts",
    key=("customer_id",),
    time="last_contact_at",
    made_of="calls",
    columns=(
        _text("customer_id", "the customer"),
        _time("last_contact_at", "last call or contact"),
        *(
            _score(name, says, 0.0, 100.0)
            for name, says in (
                ("sentiment", "polarity of their calls, recent ones counting more"),
                ("engagement", "how recent the last contact is"),
                ("open_issues", "100 with none open"),
                ("response_time", "100 for an answer at once"),
                ("health", "weighted mean of the parts known"),
            )
        ),
    ),
)

TABLES: dict[str, Schema] = {
    s.name: s
    for s in (
        SURVEYS,
        CONTACTS,
        AGENT_TIME,
        CUSTOMERS,
        ORDERS,
        VISITS,
        CAMPAIGNS,
        CALLS,
        MEMBERSHIP,
        BUYERS,
        RELATIONSHIPS,
    )
}
"""Every table by name."""

GIVEN_TABLES = tuple(name for name, schema in TABLES.items() if schema.made_of is None)
"""Those that are given, in order; the others are worked out from them."""


def given_schema(name: str) -> Schema:
    """The schema of a table that is given.

    Raises:
        TableError: there is no such table.
    """
    if name not in GIVEN_TABLES:
        raise TableError(f"{name}: no such table; tables are {', '.join(GIVEN_TABLES)}")
    return TABLES[name]
