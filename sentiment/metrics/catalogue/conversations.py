"""Metrics counted from scored conversations, a row of the table ``calls`` each."""

from __future__ import annotations

from ibis import _

from sentiment.metrics.definition import Definition, Example, Variant, times
from sentiment.metrics.statistics import Mean, Ratio, ScaleMean, Share

__all__ = ["DEFINITIONS"]

MINUTE_MS, SECOND_MS = 60_000.0, 1_000.0
TRANSCRIBE = 5.0
"""Amazon Transcribe's sentiment scores run from -5 to +5."""

_BY_CALL = "every call counts the same, however long"


def _mean(name: str, column: object, says: str, unit: str, scale: float = 1.0, **more: object) -> Variant:
    return Variant(name=name, says=says, statistic=Mean(of=column, scale=scale), unit=unit, **more)  # type: ignore[arg-type]


SENTIMENT = Definition(
    name="sentiment",
    title="Sentiment",
    family="conversations",
    table="calls",
    aliases=("polarity", "customer_sentiment"),
    better="higher",
    variants=(
        _mean(
            "customer", _.customer_polarity, f"mean over calls of the customer's mean polarity, -1 to 1; {_BY_CALL}", "-1..1",
            examples=(Example(says="calls of 0.5 and -0.1: 0.2", rows=(times(1, customer_polarity=0.5), times(1, customer_polarity=-0.1)), value=0.2),),
        ),
        *(_mean(f"customer_q{i}", getattr(_, f"customer_polarity_q{i}"), f"the customer's, in quarter {i} of the call", "-1..1") for i in range(1, 5)),
        _mean("customer_last", _.customer_polarity_last, "the customer's, in the last 10 % of the call", "-1..1"),
        _mean("change", _.customer_polarity_q4 - _.customer_polarity_q1, "the customer's, last quarter minus first", "-1..1"),
        _mean("transcribe", _.customer_polarity, "the customer's, on the scale of Amazon Transcribe, -5 to +5", "-5..5", TRANSCRIBE),
        _mean("agent_wording", _.agent_polarity, "mean polarity of what the agent says: of the wording, never of a feeling", "-1..1"),
        *(_mean(f"agent_wording_q{i}", getattr(_, f"agent_polarity_q{i}"), f"the same, in quarter {i} of the call", "-1..1") for i in range(1, 5)),
    ),
    moves="What the call is about, more than who takes it: complaints are negative.",
    misleads="Not satisfaction: a polite customer may be lost and an angry one won. Compare agents on the same queues only.",
)  # fmt: skip

INTENSITY = Definition(
    name="intensity",
    title="Emotional intensity",
    family="conversations",
    table="calls",
    variants=(
        _mean("mean", _.customer_intensity, "mean over calls of the customer's mean intensity, 0 to 1", "0..1"),
        _mean(
            "peak", _.customer_intensity_peak, "mean over calls of the customer's most intense utterance", "0..1",
            examples=(Example(says="peaks of 0.9 and 0.3: 0.6", rows=(times(1, customer_intensity_peak=0.9), times(1, customer_intensity_peak=0.3)), value=0.6),),
        ),
        _mean("rise", _.customer_intensity_rise, "mean over calls of the peak above the customer's own median in the call", "0..1"),
    ),
    moves="Urgency, anger, and joy too.",
    misleads="Says how strong, not which way. Long calls have higher peaks: there is more to choose from.",
)  # fmt: skip

SHIFTS = Definition(
    name="shifts",
    title="Shifts per call",
    family="conversations",
    table="calls",
    variants=(
        _mean(
            "worse", _.shifts_worse, "the customer's shifts for the worse / scored calls", "per call",
            examples=(Example(says="3 shifts in 4 calls: 0.75", rows=(times(3, shifts_worse=1), times(1, shifts_worse=0)), value=0.75),),
        ),
        _mean("better", _.shifts_better, "the customer's shifts for the better / scored calls", "per call"),
    ),
    moves="What is said and done in the call: refusals, offers, waits.",
    misleads="A call that is bad throughout has none. Long calls have more.",
)  # fmt: skip

RECOVERY_RATE = Definition(
    name="recovery_rate",
    title="Recovery rate",
    family="conversations",
    table="calls",
    better="higher",
    variants=(
        Variant(
            name="standard",
            says="the customer's shifts for the worse of which a later one makes up half or more / all of them",
            statistic=Ratio(of=_.shifts_recovered, per=_.shifts_worse, scale=100.0),
            unit="%",
            examples=(
                Example(
                    says="2 of 5 shifts for the worse recover: 40 %",
                    rows=(
                        times(2, shifts_worse=1, shifts_recovered=1),
                        times(1, shifts_worse=3, shifts_recovered=0),
                    ),
                    value=40.0,
                ),
            ),
        ),
    ),
    moves="Apology, an offer, a fix within the call.",
    misleads="Only of calls that went wrong; who avoids the fall has nothing to recover.",
)


TALK_TIME = Definition(
    name="talk_time",
    title="Talk time",
    family="conversations",
    table="calls",
    variants=(
        _mean(
            "all", _.talk_time_ms, "time all parties speak / calls; where two speak it counts twice", "min", 1 / MINUTE_MS,
            examples=(Example(says="3 and 5 minutes: 4", rows=(times(1, talk_time_ms=180_000), times(1, talk_time_ms=300_000)), value=4.0),),
        ),
        _mean("agent", _.agent_talk_ms, "time the agent speaks / calls", "min", 1 / MINUTE_MS),
        _mean("customer", _.customer_talk_ms, "time the customer speaks / calls", "min", 1 / MINUTE_MS),
    ),
    moves="The matter, and who explains.",
    misleads="Pauses of up to a second within an utterance count as talk.",
)  # fmt: skip

TALK_RATIO = Definition(
    name="talk_ratio",
    title="Talk ratio",
    family="conversations",
    table="calls",
    variants=(
        Variant(
            name="agent",
            says="time the agent speaks / time agent and customer speak",
            statistic=Ratio(of=_.agent_talk_ms, per=_.agent_talk_ms + _.customer_talk_ms, scale=100.0),
            unit="%",
            examples=(
                Example(
                    says="the agent speaks 6 of 10 minutes: 60 %",
                    rows=(times(2, agent_talk_ms=180_000, customer_talk_ms=120_000),),
                    value=60.0,
                ),
            ),
        ),
    ),
    moves="Explaining against listening.",
    misleads="There is no right ratio: teaching a procedure needs more of the agent than hearing a complaint.",
)


def _of_conversation(
    name: str, title: str, variants: tuple[Variant, ...], moves: str, misleads: str
) -> Definition:
    return Definition(
        name=name, title=title, family="conversations", table="calls", better="lower", variants=variants, moves=moves,
        misleads=misleads,
    )  # fmt: skip


def _share_of_time(name: str, of: object, says: str, example: Example) -> Variant:
    return Variant(
        name=name,
        says=f"{says} / duration of the conversations",
        statistic=Ratio(of=of, per=_.conversation_ms, scale=100.0),
        unit="%",
        examples=(example,),
    )


NON_TALK = _of_conversation(
    "non_talk_time",
    "Non-talk time",
    (
        _share_of_time(
            "share", _.non_talk_ms, "silences longer than 3 s",
            Example(says="1 of 10 minutes: 10 %", rows=(times(2, non_talk_ms=30_000, conversation_ms=300_000),), value=10.0),
        ),
        _mean("seconds", _.non_talk_ms, "silences longer than 3 s / calls", "s", 1 / SECOND_MS),
    ),
    "Slow tools, looking things up, holds.",
    "A silence while a form is filled in is work.",
)  # fmt: skip

DEAD_AIR = _of_conversation(
    "dead_air",
    "Dead air",
    (
        _share_of_time(
            "share", _.dead_air_ms, "silences longer than 10 s that nobody announced",
            Example(says="15 of 300 seconds: 5 %", rows=(times(1, dead_air_ms=15_000, conversation_ms=300_000),), value=5.0),
        ),
        _mean("count", _.dead_air_count, "such silences / calls", "per call"),
    ),
    "Agents who don't say what they are doing; systems that hang.",
    "The threshold makes the figure: name it.",
)  # fmt: skip

OVERTALK = _of_conversation(
    "overtalk",
    "Overtalk",
    (
        _share_of_time(
            "share", _.overtalk_ms, "time in which two parties speak",
            Example(says="6 of 300 seconds: 2 %", rows=(times(1, overtalk_ms=6_000, conversation_ms=300_000),), value=2.0),
        ),
    ),
    "Delay on the line, haste, quarrel.",
    "Listeners' 'mm-hm' is in it. Not measured well where both parties are on one channel.",
)  # fmt: skip

INTERRUPTIONS = _of_conversation(
    "interruptions",
    "Interruptions",
    (
        _mean(
            "by_agent", _.interruptions_by_agent, "times the agent cuts the customer off / calls", "per call",
            examples=(Example(says="3 in 2 calls: 1.5", rows=(times(1, interruptions_by_agent=3), times(1, interruptions_by_agent=0)), value=1.5),),
        ),
        _mean("by_customer", _.interruptions_by_customer, "times the customer cuts the agent off / calls", "per call"),
    ),
    "Haste, scripts that must be read, delay on the line.",
    "Cutting short a lost thread can be kind.",
)  # fmt: skip

TALK_SPEED = Definition(
    name="talk_speed",
    title="Talk speed",
    family="conversations",
    table="calls",
    variants=(
        Variant(
            name="agent",
            says="the agent's words / minutes they speak",
            statistic=Ratio(of=_.agent_words, per=_.agent_talk_ms, scale=MINUTE_MS),
            unit="words/min",
            examples=(Example(says="450 words in 3 minutes: 150", rows=(times(1, agent_words=450, agent_talk_ms=180_000),), value=150.0),),
        ),
        Variant(
            name="customer",
            says="the customer's words / minutes they speak",
            statistic=Ratio(of=_.customer_words, per=_.customer_talk_ms, scale=MINUTE_MS),
            unit="words/min",
        ),
        _mean("agent_change", _.agent_speed_change, "second half of the agent's utterances minus the first, on average", "words/min"),
        _mean("customer_change", _.customer_speed_change, "second half of the customer's utterances minus the first, on average", "words/min"),
    ),
    moves="Habit, haste, language.",
    misleads="Languages differ; numbers and addresses are said slowly.",
)  # fmt: skip

RESPONSE_LATENCY = Definition(
    name="response_latency",
    title="Response latency",
    family="conversations",
    table="calls",
    better="lower",
    variants=(
        _mean(
            "agent", _.agent_latency_ms, "mean over calls of the agent's median silence before an answer", "s", 1 / SECOND_MS,
            examples=(Example(says="0.8 and 1.2 s: 1.0 s", rows=(times(1, agent_latency_ms=800), times(1, agent_latency_ms=1_200)), value=1.0),),
        ),
        _mean("customer", _.customer_latency_ms, "the same of the customer's", "s", 1 / SECOND_MS),
    ),
    moves="Knowledge at hand, delay on the line.",
    misleads="Answers that come before the other has ended have no latency and are not in it.",
)  # fmt: skip

PREDICTED_CSAT = Definition(
    name="predicted_csat",
    title="Predicted CSAT",
    family="conversations",
    table="calls",
    better="higher",
    variants=(
        Variant(
            name="mean",
            says="mean of the estimates on 1-5, over calls in which one could be made",
            statistic=ScaleMean(of=_.predicted_csat, low=1.0, high=5.0),
            unit="points",
            examples=(Example(says="4.5 and 3.5: 4.0", rows=(times(1, predicted_csat=4.5), times(1, predicted_csat=3.5)), value=4.0),),
        ),
        Variant(name="share", says="estimates of 4 or more / calls with an estimate", statistic=Share(of=_.predicted_csat >= 4), unit="%"),
    ),
    moves="What is said in the call; not price or product unless they are spoken of.",
    misleads="An estimate of what a survey would say, for groups of calls: of a single call it says little. "
    "The interval is of the mean of the estimates and does not hold the error of the estimating.",
)  # fmt: skip

PREDICTED_NPS = Definition(
    name="predicted_nps",
    title="Predicted recommendation",
    family="conversations",
    table="calls",
    better="higher",
    variants=(
        Variant(
            name="mean",
            says="mean of the estimates on 0-10, over calls in which one could be made",
            statistic=ScaleMean(of=_.predicted_nps, low=0.0, high=10.0),
            unit="points",
            examples=(Example(says="9 and 6: 7.5", rows=(times(1, predicted_nps=9.0), times(1, predicted_nps=6.0)), value=7.5),),
        ),
    ),
    moves="As predicted CSAT.",
    misleads="Not an NPS: expected answers lie nearer the middle than answers do, so few would count as promoters.",
)  # fmt: skip

EFFORT_SIGNALS = Definition(
    name="effort_signals",
    title="Effort signals",
    family="conversations",
    table="calls",
    better="lower",
    variants=(
        _mean(
            "per_call", _.effort_signals, "moments in which the customer had to contact again or say the same again / calls", "per call",
            examples=(Example(says="2 in 4 calls: 0.5", rows=(times(2, effort_signals=1), times(2, effort_signals=0)), value=0.5),),
        ),
        Variant(name="share", says="calls with such a moment / calls", statistic=Share(of=_.effort_signals > 0), unit="%"),
    ),
    moves="Transfers without a hand-over, matters not settled the first time.",
    misleads="Only what customers say aloud. Read it with transfer_rate and repeat_contact_rate, which count the rest.",
)  # fmt: skip

DEFINITIONS = (
    SENTIMENT, INTENSITY, SHIFTS, RECOVERY_RATE, TALK_TIME, TALK_RATIO, NON_TALK, DEAD_AIR, OVERTALK, INTERRUPTIONS,
    TALK_SPEED, RESPONSE_LATENCY, PREDICTED_CSAT, PREDICTED_NPS, EFFORT_SIGNALS,
)  # fmt: skip
"""The metrics of this family, in the order of the documentation."""
