"""Transcribe's own object: the example that Contact Lens publishes comes out as it was published."""

from __future__ import annotations

import dataclasses
import json

import pytest
from factories import agent, call, customer, utterance

from sentiment.characteristics import characterise, uncharacterised
from sentiment.errors import ConversationError
from sentiment.formats.call_analytics import conversation_characteristics, to_call_analytics
from sentiment.shape import call_shape


def measured(made):
    reason = uncharacterised(made)
    return dataclasses.replace(
        made,
        characteristics=None if reason else characterise(made),
        uncharacterised=reason,
        shape=call_shape(made),
    )


# The turns of "Example Contact Lens output files" in Amazon Connect's administrator guide, with the
# sentiment it gives each.
AGENT = ((0, 90, 0), (4640, 6610, 0), (11220, 15210, -1), (18310, 21820, 0), (24120, 29710, 1))
CUSTOMER = ((160, 4640, 0), (7370, 11190, -1), (15840, 18120, 1), (22610, 24140, 1), (30580, 32110, 1))


def published():
    said = [agent("w", float(p), start_ms=a, end_ms=b) for a, b, p in AGENT]
    said += [customer("w", float(p), start_ms=a, end_ms=b) for a, b, p in CUSTOMER]
    return measured(call(*sorted(said, key=lambda u: u.start_ms)))


def test_sentiment_and_duration_of_the_published_example():
    found = conversation_characteristics(published())
    assert found["TotalConversationDurationMillis"] == 32110
    assert found["Sentiment"] == {
        "OverallSentiment": {"AGENT": 0, "CUSTOMER": 3.1},
        "SentimentByPeriod": {
            "QUARTER": {
                "AGENT": [
                    {"BeginOffsetMillis": 0, "EndOffsetMillis": 7427, "Score": 0},
                    {"BeginOffsetMillis": 7427, "EndOffsetMillis": 14855, "Score": -5},
                    {"BeginOffsetMillis": 14855, "EndOffsetMillis": 22282, "Score": 0},
                    {"BeginOffsetMillis": 22282, "EndOffsetMillis": 29710, "Score": 5},
                ],
                "CUSTOMER": [
                    {"BeginOffsetMillis": 0, "EndOffsetMillis": 8027, "Score": -2.5},
                    {"BeginOffsetMillis": 8027, "EndOffsetMillis": 16055, "Score": 5},
                    {"BeginOffsetMillis": 16055, "EndOffsetMillis": 24082, "Score": 5},
                    {"BeginOffsetMillis": 24082, "EndOffsetMillis": 32110, "Score": 5},
                ],
            }
        },
    }
    assert found["Interruptions"] == {
        "TotalCount": 0,
        "TotalTimeMillis": 0,
        "InterruptionsByInterrupter": {},
    }
    assert found["NonTalkTime"] == {"TotalTimeMillis": 0, "Instances": []}


def test_every_name_and_its_place():
    made = call(
        agent("one two three four five six", 0.5, start_ms=0, end_ms=2000),
        customer("one two three four five six", -0.32, start_ms=6000, end_ms=12_000),
        agent("one two three four five six", 0.5, start_ms=10_000, end_ms=14_000),
    )
    assert json.loads(to_call_analytics(measured(made))) == {
        "ConversationCharacteristics": {
            "TotalConversationDurationMillis": 14_000,
            "Sentiment": {
                "OverallSentiment": {"AGENT": 2.5, "CUSTOMER": -1.6},
                "SentimentByPeriod": {
                    "QUARTER": {
                        "AGENT": [
                            {"BeginOffsetMillis": 0, "EndOffsetMillis": 3500, "Score": 2.5},
                            {"BeginOffsetMillis": 7000, "EndOffsetMillis": 10_500, "Score": 2.5},
                        ],
                        "CUSTOMER": [{"BeginOffsetMillis": 6000, "EndOffsetMillis": 9000, "Score": -1.6}],
                    }
                },
            },
            "Interruptions": {
                "TotalCount": 1,
                "TotalTimeMillis": 2000,
                "InterruptionsByInterrupter": {
                    "AGENT": [
                        {"BeginOffsetMillis": 10_000, "DurationMillis": 2000, "EndOffsetMillis": 12_000}
                    ]
                },
            },
            "NonTalkTime": {
                "TotalTimeMillis": 4000,
                "Instances": [{"BeginOffsetMillis": 2000, "DurationMillis": 4000, "EndOffsetMillis": 6000}],
            },
            "TalkSpeed": {
                "DetailsByParticipant": {
                    "AGENT": {"AverageWordsPerMinute": 120},
                    "CUSTOMER": {"AverageWordsPerMinute": 60},
                }
            },
            "TalkTime": {
                "TotalTimeMillis": 12_000,
                "DetailsByParticipant": {
                    "AGENT": {"TotalTimeMillis": 6000},
                    "CUSTOMER": {"TotalTimeMillis": 6000},
                },
            },
        }
    }


def test_a_recorded_voice_is_no_participant():
    made = measured(call(utterance("ivr"), agent(), customer()))
    found = conversation_characteristics(made)
    assert found["TalkTime"]["DetailsByParticipant"].keys() == {"AGENT", "CUSTOMER"}
    assert found["TalkTime"]["TotalTimeMillis"] < made.characteristics.talk_time.total_time_ms
    assert found["Sentiment"]["OverallSentiment"].keys() == {"AGENT", "CUSTOMER"}


def test_who_was_not_scored_has_no_sentiment():
    found = conversation_characteristics(measured(call(agent(polarity=None), customer(polarity=0.5))))
    assert found["Sentiment"]["OverallSentiment"] == {"CUSTOMER": 2.5}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (measured(call(agent(), customer(), timed=False)), "text conversation"),
        (call(agent(), customer()), "score it again"),
        (measured(call(utterance("unknown"), agent())), "--channels"),
    ],
)
def test_what_cannot_be_written_is_an_error_that_says_why(made, reason):
    with pytest.raises(ConversationError, match=reason):
        to_call_analytics(made)
