"""Metrics counted from survey answers."""

from __future__ import annotations

from ibis import _
from ibis.common.deferred import var

from sentiment.metrics.definition import Definition, Example, Parameter, Variant, times
from sentiment.metrics.statistics import NetShare, ScaleMean, Share

__all__ = ["DEFINITIONS"]

question = var("question")
top_of_100 = var("top_of_100")

_QUESTION = Parameter(name="question", default="overall", says="which question's answers count")
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


def _answers(instrument: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a deferred expression
    return (_.instrument == instrument) & (_.question == question) & _.value.notnull()


def _satisfaction(
    name: str, title: str, instrument: str, *, aliases: tuple[str, ...], moves: str, misleads: str, source: str = ""
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

DEFINITIONS = (CSAT, NPS)
"""The metrics of this family, in the order of the documentation."""
