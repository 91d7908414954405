"""Metrics counted from customers: who leaves, stays, comes by referral, is set up, uses the product."""

from __future__ import annotations

from datetime import datetime

import ibis
from ibis import _

from sentiment.metrics.definition import Definition, Example, Variant, times
from sentiment.metrics.statistics import Mean, Ratio, Share

__all__ = ["DEFINITIONS"]

DAY_MS = 86_400_000.0

LEFT_IN_PERIOD = datetime(2026, 3, 15)
JOINED_IN_PERIOD = datetime(2026, 3, 10)

CHURN = Definition(
    name="churn",
    title="Churn",
    family="customers",
    table="membership",
    aliases=("churn_rate",),
    better="lower",
    variants=(
        Variant(
            name="logo",
            says="customers who left in the period / customers at its start",
            statistic=Share(of=_.lost, among=_.at_start),
            unit="%",
            examples=(
                Example(
                    says="500 of 10,000 leave: 5 %",
                    rows=(
                        times(9_500),
                        times(500, left_at=LEFT_IN_PERIOD),
                        times(70, joined_at=JOINED_IN_PERIOD),
                    ),
                    value=5.0,
                ),
            ),
        ),
        Variant(
            name="revenue",
            says="revenue of customers who left in the period / revenue of customers at its start",
            statistic=Ratio(
                of=ibis.ifelse(_.lost, _.revenue, 0.0), per=_.revenue, among=_.at_start, scale=100.0
            ),
            unit="%",
            examples=(
                Example(
                    says="customers paying 50 of 1,000 leave: 5 %",
                    rows=(times(95, revenue=10.0), times(1, revenue=50.0, left_at=LEFT_IN_PERIOD)),
                    value=5.0,
                ),
            ),
        ),
    ),
    moves="Price, service failures, end of contracts, better offers elsewhere.",
    misleads="Groups of different age don't compare: new customers leave sooner. A month's rate is not a twelfth of a "
    "year's. For how long customers stay read the survival curve.",
)

RETENTION = Definition(
    name="retention",
    title="Retention",
    family="customers",
    table="membership",
    aliases=("retention_rate", "customer_retention"),
    better="higher",
    variants=(
        Variant(
            name="standard",
            says="(customers at the end - new ones) / customers at the start of the period",
            statistic=Share(of=~_.lost, among=_.at_start),
            unit="%",
            examples=(
                Example(
                    says="(91 - 0) of 100 stay: 91 %",
                    rows=(times(91), times(9, left_at=LEFT_IN_PERIOD)),
                    value=91.0,
                ),
            ),
        ),
    ),
    moves="As churn: it is what is left of 100 %.",
    misleads="Customers who joined and left within the period are in neither figure.",
)

REFERRAL_RATE = Definition(
    name="referral_rate",
    title="Referral rate",
    family="customers",
    table="customers",
    better="higher",
    variants=(
        Variant(
            name="new_customers",
            says="new customers who were referred by another / new customers (those who joined in the period)",
            statistic=Share(of=_.referred, among=_.joined_at.notnull()),
            unit="%",
            examples=(
                Example(
                    says="20 of 80 new ones were referred: 25 %",
                    rows=(times(60), times(20, referred=True)),
                    value=25.0,
                ),
            ),
        ),
        Variant(
            name="all_customers",
            says="customers who joined in the period by referral / customers at any time in it",
            table="membership",
            statistic=Share(of=_.referred & ~_.at_start, among=_.customer_id.notnull()),
            unit="%",
            examples=(
                Example(
                    says="5 referred among 100 customers: 5 %",
                    rows=(times(95), times(5, joined_at=JOINED_IN_PERIOD, referred=True)),
                    value=5.0,
                ),
            ),
        ),
    ),
    moves="Satisfaction, and rewards for referring.",
    misleads="Depends on whether people are asked who sent them.",
)

ADOPTION = Definition(
    name="product_adoption_rate",
    title="Product adoption rate",
    family="customers",
    table="customers",
    aliases=("adoption", "adoption_rate"),
    better="higher",
    variants=(
        Variant(
            name="standard",
            says="customers who use the product or feature / customers who have not left",
            statistic=Share(of=_.adopted, among=_.left_at.isnull()),
            unit="%",
            examples=(
                Example(
                    says="60 of 150 use it: 40 %", rows=(times(60), times(90, adopted=False)), value=40.0
                ),
            ),
        ),
    ),
    moves="Onboarding, how well it is known, whether it helps.",
    misleads="Depends on what counts as use: once is not adoption.",
)

ONBOARDING_TIME = Definition(
    name="onboarding_time",
    title="Onboarding time",
    family="customers",
    table="customers",
    better="lower",
    variants=(
        Variant(
            name="mean",
            says="days from joining to being set up / customers who are set up",
            statistic=Mean(of=_.onboarding_ms, among=_.onboarded_at.notnull(), scale=1 / DAY_MS),
            unit="days",
            examples=(
                Example(
                    says="4 and 6 days: 5",
                    rows=(
                        times(1, onboarded_at=datetime(2025, 1, 5)),
                        times(1, onboarded_at=datetime(2025, 1, 7)),
                    ),
                    value=5.0,
                ),
            ),
        ),
    ),
    moves="Paperwork, checks, hand-overs, the customer's own pace.",
    misleads="Those not yet set up are not in it; the slowest are missing.",
)

DEFINITIONS = (CHURN, RETENTION, REFERRAL_RATE, ADOPTION, ONBOARDING_TIME)
"""The metrics of this file, in the order of the documentation."""
