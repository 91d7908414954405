"""Metrics counted from what customers buy: orders, visits to the shop, and the campaigns that brought them."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.common.deferred import var

from sentiment.metrics.definition import Definition, Example, Parameter, Variant, times
from sentiment.metrics.statistics import Mean, Ratio, Share

__all__ = ["DEFINITIONS"]

YEAR_MS = 365.25 * 86_400_000.0

annual_discount = var("annual_discount")

CLV = Definition(
    name="clv",
    title="Customer lifetime value (CLV)",
    family="customers",
    table="buyers",
    aliases=("ltv", "lifetime_value", "customer_lifetime_value"),
    better="higher",
    parameters=(
        Parameter(name="annual_discount", default=0.1, says="by how much a year later is worth less"),
    ),
    variants=(
        Variant(
            name="revenue",
            says="value of a purchase x purchases of a customer so far, on average: amount paid / customers",
            statistic=Mean(of=_.amount),
            unit="currency",
            examples=(
                Example(
                    says="27,000 x 4 purchases: 108,000",
                    rows=(times(4, customer_id="c-1", amount=27_000.0),),
                    value=108_000.0,
                ),
            ),
        ),
        Variant(
            name="margin",
            says="the same of the margin",
            statistic=Mean(of=_.margin),
            unit="currency",
        ),
        Variant(
            name="discounted",
            says="margin of all orders, each discounted to the customer's first one / customers",
            table="orders",
            statistic=Ratio(
                of=_.margin / (1.0 + annual_discount) ** (_.age_ms / YEAR_MS),
                per=ibis.ifelse(_.order_number == 1, 1, 0),
                dependent="orders of one customer do not vary independently",
            ),
            unit="currency",
        ),
    ),
    moves="How often, how much and for how long customers buy.",
    misleads="This is the past: young customers are undervalued and a mean is carried by a few. What customers "
    "will bring is estimated by sentiment.metrics.lifetime_value.",
)

REPEAT_PURCHASE_RATE = Definition(
    name="repeat_purchase_rate",
    title="Repeat purchase rate",
    family="customers",
    table="buyers",
    better="higher",
    variants=(
        Variant(
            name="standard",
            says="customers with two or more orders / customers with an order",
            statistic=Share(of=_.orders >= 2),
            unit="%",
            examples=(
                Example(
                    says="2 of 4 buyers buy again: 50 %",
                    rows=(
                        times(2, customer_id="c-1"), times(3, customer_id="c-2"),
                        times(1, customer_id="c-3"), times(1, customer_id="c-4"),
                    ),
                    value=50.0,
                ),
            ),
        ),
    ),
    moves="What is sold (some things are bought once), satisfaction, reminders.",
    misleads="Rises with the length of the span alone: those who first bought yesterday had no time to come back. "
    "A period groups customers by their first order.",
)  # fmt: skip

AOV = Definition(
    name="aov",
    title="Average order value (AOV)",
    family="customers",
    table="orders",
    aliases=("average_order_value",),
    better="higher",
    variants=(
        Variant(
            name="standard",
            says="amount of all orders / orders",
            statistic=Mean(of=_.amount),
            unit="currency",
            examples=(
                Example(
                    says="2,000 from 40 orders: 50",
                    rows=(times(20, amount=30.0), times(20, amount=70.0)),
                    value=50.0,
                ),
            ),
        ),
    ),
    moves="Prices, bundles, free-delivery thresholds, discounts.",
    misleads="Carried by a few large orders; can rise while small customers leave.",
)


def _share_of_visits(
    name: str, title: str, says: str, of: object, among: object, *, moves: str, misleads: str, example: Example,
    aliases: tuple[str, ...] = (),
) -> Definition:  # fmt: skip
    return Definition(
        name=name,
        title=title,
        family="customers",
        table="visits",
        aliases=aliases,
        better="higher",
        variants=(
            Variant(
                name="standard", says=says, statistic=Share(of=of, among=among), unit="%", examples=(example,)
            ),
        ),
        moves=moves,
        misleads=misleads,
    )


CONVERSION_RATE = _share_of_visits(
    "conversion_rate",
    "Conversion rate",
    "visits that ended in a purchase / visits",
    _.converted,
    None,
    aliases=("conversion",),
    moves="Who comes, price, stock, speed of the site, help at hand.",
    misleads="More of the wrong visitors lower it without any loss. A visit is not a person.",
    example=Example(says="30 of 1,000 visits: 3 %", rows=(times(970), times(30, converted=True)), value=3.0),
)

CART_RECOVERY = _share_of_visits(
    "abandoned_cart_recovery",
    "Abandoned-cart recovery",
    "abandoned carts that were bought after all / abandoned carts",
    _.cart_recovered,
    _.cart_abandoned,
    aliases=("cart_recovery",),
    moves="Reminders, and how soon they come.",
    misleads="Some would have come back without a reminder; only a group that gets none tells how many.",
    example=Example(
        says="20 of 200 carts: 10 %",
        rows=(
            times(180, cart_abandoned=True),
            times(20, cart_abandoned=True, cart_recovered=True),
            times(50),
        ),
        value=10.0,
    ),
)

DIRECT_BOOKING = _share_of_visits(
    "direct_booking_conversion",
    "Direct-booking conversion",
    "visits to the own site that ended in a booking / visits to the own site",
    _.converted,
    _.direct,
    aliases=("direct_booking",),
    moves="Price against the agencies, ease of booking, loyalty offers.",
    misleads="Guests who look at the own site and book elsewhere count against it.",
    example=Example(
        says="12 of 300 visits: 4 %",
        rows=(times(288), times(12, converted=True), times(40, converted=True, direct=False)),
        value=4.0,
    ),
)

ACQUISITION_COST = Definition(
    name="acquisition_cost",
    title="Customer acquisition cost",
    family="customers",
    table="campaigns",
    aliases=("cac", "customer_acquisition_cost"),
    better="lower",
    variants=(
        Variant(
            name="standard",
            says="cost / new customers it brought",
            statistic=Ratio(of=_.cost, per=_.customers_won),
            unit="currency",
            examples=(
                Example(
                    says="10,000 for 50 customers: 200",
                    rows=(times(1, cost=4_000.0, customers_won=10), times(1, cost=6_000.0, customers_won=40)),
                    value=200.0,
                ),
            ),
        ),
    ),
    moves="Channels, market, and what is counted as cost.",
    misleads="Who would have come anyway is credited to the campaign. Read it beside lifetime value.",
)

ROI = Definition(
    name="roi",
    title="Return on investment (ROI)",
    family="customers",
    table="campaigns",
    aliases=("return_on_investment",),
    better="higher",
    variants=(
        Variant(
            name="standard",
            says="(revenue - cost) / cost",
            statistic=Ratio(of=_.revenue - _.cost, per=_.cost, scale=100.0),
            unit="%",
            examples=(
                Example(
                    says="(500,000 - 200,000) / 200,000: 150 %",
                    rows=(times(1, revenue=500_000.0, cost=200_000.0),),
                    value=150.0,
                ),
            ),
        ),
    ),
    moves="What is counted as revenue of the investment, and over what time.",
    misleads="Revenue is not profit, and what would have been earned without the investment is not taken off.",
)

DEFINITIONS = (
    CLV, REPEAT_PURCHASE_RATE, AOV, CONVERSION_RATE, CART_RECOVERY, DIRECT_BOOKING, ACQUISITION_COST, ROI,
)  # fmt: skip
"""The metrics of this file, in the order of the documentation."""
