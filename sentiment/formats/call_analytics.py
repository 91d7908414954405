"""``ConversationCharacteristics`` of Amazon Transcribe Call Analytics, for dashboards that read it.

Names, nesting and units are those of its published output
(https://docs.aws.amazon.com/transcribe/latest/dg/tca-output-batch.html); what each figure means here is in
:mod:`sentiment.characteristics` and :class:`sentiment.measures.Trajectory`. Sentiment is on its scale of
-5 to +5, in steps of 0.1, and graded where Transcribe counts a turn as -5, 0 or +5. A quarter in which
nothing of a participant was scored is left out, and so is a participant who never was: there is no score
for what is not known. A recorded voice is no participant there, so its talk is in no figure but the
silence it breaks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sentiment.errors import ConversationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentiment.call import JSON, Call, Characteristics, Shape
    from sentiment.measures import Interruption, Trajectory
    from sentiment.timeline import Span

__all__ = ["conversation_characteristics", "to_call_analytics"]

PARTICIPANTS = {"agent": "AGENT", "customer": "CUSTOMER"}


def to_call_analytics(call: Call) -> str:
    """The call as JSON with the one object ``ConversationCharacteristics``.

    Raises:
        ConversationError: as :func:`conversation_characteristics`.
    """
    return json.dumps({"ConversationCharacteristics": conversation_characteristics(call)}, indent=1)


def conversation_characteristics(call: Call) -> JSON:
    """The object of that name, as dicts and lists.

    Raises:
        ConversationError: the call has no characteristics or no shape, or it is not known which voice is
            the agent's or the customer's.
    """
    found, shape = call.characteristics, call.shape
    if found is None or shape is None:
        reason = call.uncharacterised or "it was not scored by this version; score it again"
        raise ConversationError(f"{call.id}: cannot be written as tca: {reason}; choose json or html")
    if any(u.role == "unknown" for u in call.utterances):
        raise ConversationError(
            f"{call.id}: cannot be written as tca, which knows agent and customer only: say who is on which "
            "channel with --channels agent=0,customer=1"
        )
    return {
        "TotalConversationDurationMillis": found.total_conversation_duration_ms,
        "Sentiment": _sentiment(shape),
        "Interruptions": {
            "TotalCount": found.interruptions.total_count,
            "TotalTimeMillis": found.interruptions.total_time_ms,
            "InterruptionsByInterrupter": {
                PARTICIPANTS[who]: _instances(each)
                for who, each in found.interruptions.interruptions_by_interrupter.items()
            },
        },
        "NonTalkTime": {
            "TotalTimeMillis": found.non_talk_time.total_time_ms,
            "Instances": _instances(found.non_talk_time.instances),
        },
        "TalkSpeed": {"DetailsByParticipant": _speeds(found)},
        "TalkTime": _talk_time(found),
    }


def _sentiment(shape: Shape) -> JSON:
    courses = {
        PARTICIPANTS[who]: course for who, course in shape.by_participant.items() if who in PARTICIPANTS
    }
    overall = {who: round(course.score, 1) for who, course in courses.items() if course.score is not None}
    quarters = {who: _quarters(course) for who, course in courses.items()}
    return {"OverallSentiment": overall, "SentimentByPeriod": {"QUARTER": quarters}}


def _quarters(course: Trajectory) -> JSON:
    return [
        {"BeginOffsetMillis": q.start_ms, "EndOffsetMillis": q.end_ms, "Score": round(q.score, 1)}
        for q in course.quarters
        if q.score is not None
    ]


def _instances(spans: Iterable[Span | Interruption]) -> JSON:
    return [
        {"BeginOffsetMillis": s.start_ms, "DurationMillis": s.duration_ms, "EndOffsetMillis": s.end_ms}
        for s in spans
    ]


def _speeds(found: Characteristics) -> JSON:
    return {
        PARTICIPANTS[who]: {"AverageWordsPerMinute": round(speed.average_words_per_minute)}
        for who, speed in found.talk_speed.details_by_participant.items()
        if who in PARTICIPANTS and speed.average_words_per_minute is not None
    }


def _talk_time(found: Characteristics) -> JSON:
    times = {
        PARTICIPANTS[who]: time.total_time_ms
        for who, time in found.talk_time.details_by_participant.items()
        if who in PARTICIPANTS
    }
    return {
        "TotalTimeMillis": sum(times.values()),
        "DetailsByParticipant": {who: {"TotalTimeMillis": ms} for who, ms in times.items()},
    }
