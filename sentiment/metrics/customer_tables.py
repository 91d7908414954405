"""Tables of customers and what they buy; and those worked out from given ones."""

from __future__ import annotations

from datetime import datetime

import ibis
from ibis import _

from sentiment.metrics.column_kinds import (
    amount,
    flag,
    ms_between,
    score,
    text,
    time_of,
)  # fmt: skip
from sentiment.metrics.schema import Check, Column, Derived, Schema

__all__ = ["BUYERS", "CAMPAIGNS", "CUSTOMERS", "MEMBERSHIP", "ORDERS", "RELATIONSHIPS", "VISITS"]

CUSTOMERS = Schema(
    name="customers",
    says="a row for each customer",
    key=("customer_id",),
    time="joined_at",
    columns=(
        text("customer_id", "the customer", required=True),
        text("segment", "kind of customer"),
        text("industry", "line of business"),
        time_of("joined_at", "when they became a customer"),
        time_of("left_at", "when they stopped being one; empty: still one"),
        time_of("onboarded_at", "when they were set up and ready"),
        amount("revenue", "what they pay in a period, as a month"),
        flag("referred", "another customer referred them"),
        flag("adopted", "they use the product or feature in question"),
    ),
    derived=(
        Derived(
            name="onboarding_ms", of=ms_between(_.joined_at, _.onboarded_at), says="onboarded_at - joined_at"
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
        text("order_id", "the purchase", required=True),
        text("customer_id", "who bought"),
        text("channel", "shop, web, phone ..."),
        time_of("ordered_at", "when"),
        amount("amount", "what was paid"),
        amount("margin", "what of it is profit"),
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
            of=ms_between(_.ordered_at.min().over(ibis.window(group_by=_.customer_id)), _.ordered_at),
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
        text("visit_id", "the visit", required=True),
        text("customer_id", "who"),
        text("channel", "where they came from"),
        time_of("visited_at", "when"),
        flag("converted", "it ended in a purchase or booking"),
        flag("direct", "on the own site or app, not through an agency or marketplace"),
        flag("cart_abandoned", "something was put in the cart and left there"),
        flag("cart_recovered", "that cart was bought after all (after a reminder, say)"),
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
        text("campaign_id", "the investment", required=True),
        text("channel", "where the money went"),
        time_of("started_at", "when"),
        amount("cost", "what it cost"),
        amount("revenue", "what it brought"),
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
        time_of("period_starts_at", "when the period begins"),
        flag("at_start", "they were a customer when the period began"),
        flag("lost", "they left in it"),
    ),
)

BUYERS = Schema(
    name="buyers",
    says="a row for each customer with an order",
    key=("customer_id",),
    time="first_ordered_at",
    made_of="orders",
    columns=(
        text("customer_id", "who bought"),
        time_of("first_ordered_at", "first order"),
        Column(name="orders", type="int64", says="how many orders"),
        amount("amount", "what they paid in all"),
        amount("margin", "what of it is profit"),
    ),
)


RELATIONSHIPS = Schema(
    name="relationships",
    says="a row for each customer with scored calls or contacts",
    key=("customer_id",),
    time="last_contact_at",
    made_of="calls",
    columns=(
        text("customer_id", "the customer"),
        time_of("last_contact_at", "last call or contact"),
        *(
            score(name, says, 0.0, 100.0)
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
