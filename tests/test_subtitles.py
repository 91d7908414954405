"""Transcripts in subtitle formats."""

import pytest

from sentiment.call import Call, Role, Utterance
from sentiment.errors import ConversationError
from sentiment.formats.subtitles import to_srt, to_text, to_webvtt

CALL = Call(
    id="a",
    duration_ms=3_700_000,
    utterances=(
        Utterance(
            index=0, channel=0, role="agent", start_ms=0, end_ms=1500, text="Hi <you> & me --> now\nnext"
        ),
        Utterance(index=1, channel=1, role="customer", start_ms=3_661_007, end_ms=3_661_007, text="Bye."),
    ),
)


def test_webvtt():
    assert to_webvtt(CALL) == (
        "WEBVTT\n\n"
        "0\n00:00:00.000 --> 00:00:01.500\n<v Agent>Hi &lt;you&gt; &amp; me → now next\n\n"
        "1\n01:01:01.007 --> 01:01:01.008\n<v Customer>Bye.\n"
    )


def test_srt_and_text():
    assert to_srt(CALL).startswith("1\n00:00:00,000 --> 00:00:01,500\nAgent: Hi <you> & me → now next\n\n2\n")
    assert to_text(CALL).splitlines()[1] == "[01:01:01.007] Customer: Bye."


def test_a_text_conversation_has_no_cues_but_has_text():
    chat = Call(
        id="a",
        duration_ms=None,
        utterances=(Utterance(index=0, channel=0, role="agent", start_ms=None, end_ms=None, text="Hi"),),
    )
    assert to_text(chat) == "Agent: Hi\n"
    for write in (to_webvtt, to_srt):
        with pytest.raises(ConversationError, match="has no times"):
            write(chat)


def test_parties_are_named_as_in_the_report():
    roles: tuple[Role, ...] = ("unknown", "unknown", "ivr", "unknown")
    call = Call(
        id="a",
        duration_ms=10,
        utterances=tuple(
            Utterance(index=i, channel=i % 3, role=role, start_ms=i, end_ms=i + 1, text="Hi")
            for i, role in enumerate(roles)
        ),
    )
    names = ["Speaker 1", "Speaker 2", "Recorded voice", "Speaker 1"]
    assert [line.split("] ")[1] for line in to_text(call).splitlines()] == [f"{name}: Hi" for name in names]
    assert [line for line in to_srt(call).splitlines() if "Hi" in line] == [f"{name}: Hi" for name in names]
    assert [line for line in to_webvtt(call).splitlines() if "Hi" in line] == [
        f"<v {name}>Hi" for name in names
    ]
