"""Metrics counted from survey answers."""

from __future__ import annotations

from datetime import datetime

from ibis import _
from ibis.common.deferred import var

from sentiment.metrics.definition import Definition, Example, Parameter, Variant, times
from sentiment.metrics.statistics import NetShare, ScaleMean, Share

__all__ = ["DEFINITIONS"]

about = var("about")
top_of_100 = var("top_of_100")

_QUESTION = Parameter(name="about", default="overall", says="which question's answers count")
_TOP_OF_100 = Parameter(
    name="top_of_100",
    default=75.0,
    says="least satisfied answer on 0-100; 75 is where 4 of 1-5 lies on that scale",
)

_POINTS = _.scale_max - _.scale_min
SATISFIED = ((_POINTS >= 4) & (_POINTS <= 10) & (_.value >= _.scale_max - 1)) | (
    (_POINTS > 10) & (_.value >= _.scale_min + top_of_100 / 100.0 * _POINTS)
)
"""Top two boxes of a scale of 5 to 11 points; on longer ones, from ``top_of_100`` per cent of the way up."""


def _answers(instrument: str):  # type: ignore[no-untyped-def]
    return (_.instrument == instrument) & (_.question == about) & _.value.notnull()


def _satisfaction(
    name: str,
    title: str,
    instrument: str,
    *,
    aliases: tuple[str, ...],
    moves: str,
    misleads: str,
    source: str = "",
) -> Definition:
    """A metric counted as CSAT is, from the answers to one instrument."""
    answers = _answers(instrument)
    satisfied = {"instrument": instrument}
    return Definition(
        name=name,
        title=title,
        family="surveys",
        table="surveys",
        aliases=aliases,
        better="higher",
        parameters=(_QUESTION, _TOP_OF_100),
        moves=moves,
        misleads=misleads,
        source=source,
        variants=(
            Variant(
                name="top_box",
                says="answers in the top two boxes of their scale (4-5 of 1-5, 6-7 of 1-7, 9-10 of 1-10) / answers",
                statistic=Share(of=SATISFIED, among=answers),
                unit="%",
                examples=(
                    Example(
                        says="80 of 100 are satisfied: 80 %",
                        rows=(times(80, value=4.0, **satisfied), times(20, value=3.0, **satisfied)),
                        value=80.0,
                    ),
                    Example(
                        says="111 of 146 are satisfied: 76.0 %",
                        rows=(times(111, value=5.0, **satisfied), times(35, value=2.0, **satisfied)),
                        value=76.0,
                        places=1,
                    ),
                ),
            ),
            Variant(
                name="mean",
                says="mean answer, on its own scale",
                statistic=ScaleMean(of=_.value, low=_.scale_min, high=_.scale_max, among=answers),
                unit="points",
                examples=(
                    Example(
                        says="answers 5, 4 and 3: 4.0",
                        rows=tuple(times(1, value=v, **satisfied) for v in (5.0, 4.0, 3.0)),
                        value=4.0,
                    ),
                ),
            ),
        ),
    )


CSAT = _satisfaction(
    "csat",
    "Customer satisfaction (CSAT)",
    "csat",
    aliases=("customer_satisfaction",),
    moves="Whether the matter was settled, waiting, being passed on, the agent's manner; and what the product did.",
    misleads="Only those who answered are counted, and they differ from the others: read it beside response_rate. "
    "A top-box share hides how bad the rest is, a mean hides who was lost; scales and wordings do not compare.",
)

NPS = Definition(
    name="nps",
    title="Net promoter score (NPS)",
    family="surveys",
    table="surveys",
    aliases=("net_promoter_score",),
    better="higher",
    parameters=(_QUESTION,),
    variants=(
        Variant(
            name="standard",
            says="percentage of promoters (9-10) minus percentage of detractors (0-6), on 0-10; 7-8 are passive",
            statistic=NetShare(plus=_.value >= 9, minus=_.value <= 6, among=_answers("nps")),
            unit="points",
            examples=(
                Example(
                    says="60 % promoters and 20 % detractors: +40",
                    rows=tuple(
                        times(n, instrument="nps", scale_min=0.0, scale_max=10.0, value=v)
                        for n, v in ((60, 9.0), (20, 7.0), (20, 6.0))
                    ),
                    value=40.0,
                ),
            ),
        ),
    ),
    moves="The whole relation with the company: price, product, brand; a single contact moves it little.",
    misleads="The spread of a difference of two shares is wide: 100 answers give about 15 points either way. "
    "The same score can come from very different answers. A value outside 0-10 is set aside, not clipped.",
    source="Reichheld 2003, The One Number You Need to Grow; interval: Rocks 2016",
)

CES_AGREEMENT_FROM = 5

CES = Definition(
    name="ces",
    title="Customer effort score (CES)",
    family="surveys",
    table="surveys",
    aliases=("customer_effort_score", "effort"),
    better="higher",
    parameters=(_QUESTION,),
    variants=(
        Variant(
            name="mean",
            says="mean rating on its own scale, turned where a survey declares that high means much effort",
            statistic=ScaleMean(of=_.ease, low=_.scale_min, high=_.scale_max, among=_answers("ces")),
            unit="points",
            examples=(
                Example(
                    says="ratings that add up to 300 from 100 people: 3.0",
                    rows=(times(50, instrument="ces", value=2.0), times(50, instrument="ces", value=4.0)),
                    value=3.0,
                ),
            ),
        ),
        Variant(
            name="agreement",
            says="answers of 5 to 7 on 1-7 (the company made it easy) / answers on 1-7",
            statistic=Share(
                of=_.ease >= CES_AGREEMENT_FROM,
                among=_answers("ces") & (_.scale_min == 1) & (_.scale_max == 7),
            ),
            unit="%",
            examples=(
                Example(
                    says="78 of 122 agree: 63.9 %",
                    rows=tuple(
                        times(n, instrument="ces", scale_max=7.0, value=v) for n, v in ((78, 5.0), (44, 4.0))
                    ),
                    value=63.9,
                    places=1,
                ),
            ),
        ),
    ),
    moves="Repeating oneself, transfers, changing channel, waiting, unclear letters.",
    misleads="Scales run in both directions: declare `high_is_easy` for each survey. "
    "It is about one matter, not about the company.",
    source="Dixon, Freeman & Toman 2010, Stop Trying to Delight Your Customers",
)

RESPONSE_RATE = Definition(
    name="response_rate",
    title="Response rate",
    family="surveys",
    table="invitations",
    better="higher",
    variants=(
        Variant(
            name="invited",
            says="surveys answered / surveys sent (rows with `invited_at`), by when they were sent",
            statistic=Share(of=_.value.notnull()),
            unit="%",
            examples=(
                Example(
                    says="30 of 120 answer: 25 %",
                    rows=(
                        times(30, invited_at=datetime(2026, 3, 2)),
                        times(90, invited_at=datetime(2026, 3, 2), value=None),
                    ),
                    value=25.0,
                ),
            ),
        ),
    ),
    moves="Length of the survey, how soon it comes, channel, and how the contact went.",
    misleads="A high rate is not a fair sample and a low one not a biased one: what counts is whether those who "
    "answer differ. Surveys sent of late may yet be answered. Compare groups, and see the correlation report for the bias.",
)

GUEST_SATISFACTION = _satisfaction(
    "guest_satisfaction",
    "Guest satisfaction",
    "guest_satisfaction",
    aliases=("gsat",),
    moves="Room, food, welcome, and how complaints were handled on the spot.",
    misleads="Guests who left early or angry seldom answer.",
)

PATIENT_SATISFACTION = _satisfaction(
    "patient_satisfaction",
    "Patient satisfaction",
    "patient_satisfaction",
    aliases=("psat",),
    moves="Waiting, being listened to, clear explanations.",
    misleads="It is not a measure of medical quality; the very ill seldom answer.",
)

CUSTOMER_TRUST = _satisfaction(
    "customer_trust",
    "Customer trust",
    "trust",
    aliases=("trust",),
    moves="Kept promises, clear terms, how errors are put right, news about the company.",
    misleads="One question can't hold it; it moves slowly, so compare years rather than weeks.",
)

DEFINITIONS = (CSAT, NPS, CES, RESPONSE_RATE, GUEST_SATISFACTION, PATIENT_SATISFACTION, CUSTOMER_TRUST)
"""The metrics of this family, in the order of the documentation."""
