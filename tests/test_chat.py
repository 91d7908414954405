"""Text conversations: order, grouping, and errors that name the line."""

import json
import re

import pytest

from sentiment.errors import ConversationError
from sentiment.formats.chat import read_chats


def write(path, *rows):
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), "utf-8")
    return path


def turn(call_id="a", role="customer", text="Hello.", **more):
    return {"call_id": call_id, "role": role, "text": text, **more}


def calls_of(path):
    chats = read_chats(path)
    assert chats.errors == ()
    return chats.calls


def errors_of(path):
    return [str(error) for error in read_chats(path).errors]


def test_conversations_are_kept_apart_and_in_order(tmp_path):
    rows = [
        turn("a"),
        turn("b", "agent", "Hi."),
        "",
        turn("a", "agent", "How can I help?"),
        turn("a", text="My card!"),
    ]
    first, second = calls_of(write(tmp_path / "c.jsonl", *rows))
    assert (first.id, second.id) == ("a", "b")
    assert [(u.index, u.role, u.text) for u in first.utterances] == [
        (0, "customer", "Hello."),
        (1, "agent", "How can I help?"),
        (2, "customer", "My card!"),
    ]
    assert [c.role for c in first.channels] == ["customer", "agent"]
    assert [u.channel for u in first.utterances] == [0, 1, 0]
    assert first.duration_ms is None
    assert first.utterances[0].start_ms is None


def test_times_sort_the_turns(tmp_path):
    rows = [turn(text="second", start_ms=2000), turn(text="first", start_ms=0.4)]
    (call,) = calls_of(write(tmp_path / "c.jsonl", *rows))
    assert [(u.index, u.text, u.start_ms, u.end_ms) for u in call.utterances] == [
        (0, "first", 0, 0),
        (1, "second", 2000, 2000),
    ]
    assert call.duration_ms == 2000


def test_csv_is_read_as_json_lines_are(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        '\ufeffcall_id,role,text,start_ms\r\n7,Agent,"Hello, ""you"".\nHow are you?",10\r\n', "utf-8"
    )
    (call,) = calls_of(path)
    assert call.id == "7"
    assert call.utterances[0].text == 'Hello, "you".\nHow are you?'
    assert (call.utterances[0].role, call.utterances[0].start_ms) == ("agent", 10)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([turn(), "{oops"], "line 2: is not JSON"),
        ([turn(), [1]], "line 2: is not a JSON object"),
        ([turn(role="boss")], "line 1: role 'boss' is not one of agent, customer, ivr, unknown"),
        ([{"call_id": "a", "role": "agent"}], "line 1: text must be text, not None"),
        ([turn(call_id="")], "line 1: call_id must be text"),
        ([turn(start_ms=-5)], "start_ms must be milliseconds"),
        ([turn(start_ms=True)], "start_ms must be milliseconds"),
        ([turn(start_ms="NaN")], "start_ms must be milliseconds"),
        ([turn(start_ms=1), turn()], "start_ms on some turns only"),
        ([turn(start_ms=10**400)], "line 1: start_ms must be milliseconds"),
        ([turn(start_ms="9" * 400)], "line 1: start_ms must be milliseconds"),
        ([turn(), "[" * 100_000], "line 2: is not JSON .nested more than"),
        ([turn(), '{"text": NaN}'], "line 2: is not JSON .NaN"),
        ([turn(), turn(language="english")], "line 2: language must be an ISO 639-1 code"),
        ([turn(language="e1")], "line 1: language must be"),
        ([turn(language=7)], "line 1: language must be"),
        ([turn(mood="bad")], "line 1: unknown field 'mood'"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_place(tmp_path, rows, message):
    (told,) = errors_of(write(tmp_path / "c.jsonl", *rows))
    assert re.search(message.replace("line ", "c.jsonl:"), told)


def test_a_bad_line_fails_its_own_conversation_and_no_other(tmp_path):
    rows = [turn("a"), turn("b"), turn("b", role="boss"), turn("c"), turn("a"), turn("b", start_ms=-1)]
    chats = read_chats(write(tmp_path / "c.jsonl", *rows))
    assert [(call.id, len(call.utterances), call.warnings) for call in chats.calls] == [
        ("a", 2, ()),
        ("c", 1, ()),
    ]
    (told,) = map(str, chats.errors)
    assert re.search(r"c\.jsonl:3: role 'boss' .* \(and 1 more of its lines\); conversation 'b' is not", told)


@pytest.mark.parametrize(
    ("line", "call_id"),
    [
        ('{"call_id": "b", "role": "cust', "b"),
        ('{"role": "customer", "call_id" : 12, "text": NaN}', "12"),
        (r'{"text": "\"call_id\": \"a\"", "call_id": "b\u00e9", oops}', "bé"),
    ],
)
def test_the_call_id_of_a_broken_line_is_read_if_it_can_be(tmp_path, line, call_id):
    chats = read_chats(write(tmp_path / "c.jsonl", turn("a"), turn(call_id), line))
    assert [(call.id, call.warnings) for call in chats.calls] == [("a", ())]
    assert f"conversation {call_id!r} is not scored" in str(chats.errors[0])


@pytest.mark.parametrize(
    "line", ["{oops", '{"call_id": "a', '{"call_id": 1', '{"call_id": "", "role": "agent"}', "[]"]
)
def test_a_line_of_no_known_conversation_is_told_and_leaves_a_warning_in_all(tmp_path, line):
    chats = read_chats(write(tmp_path / "c.jsonl", turn("a"), line, turn("b")))
    assert [call.id for call in chats.calls] == ["a", "b"]
    for call in chats.calls:
        (warning,) = call.warnings
        assert warning.startswith("c.jsonl:2: cannot be read")
        assert "a turn is missing here" in warning
    assert "c.jsonl:2: " in str(chats.errors[0])


def test_a_thousand_bad_lines_are_not_a_thousand_errors(tmp_path):
    told = errors_of(write(tmp_path / "c.jsonl", turn("a"), *["{oops"] * 1000))
    assert len(told) == 11
    assert "c.jsonl:12: is not JSON" in told[-1]
    assert "990 lines from here on" in told[-1]


CSV = """call_id,role,text
a,customer,Hello.
b,customer,"My card, it
was charged twice."
c,customer,"nobody closed this
a,agent,"How can I help, then?"
d,agent
e,agent,Hi.
"""


def test_a_bad_row_of_a_csv_file_takes_no_other_along(tmp_path):
    (tmp_path / "c.csv").write_text(CSV)
    chats = read_chats(tmp_path / "c.csv")
    assert [(call.id, [u.text for u in call.utterances]) for call in chats.calls] == [
        ("a", ["Hello.", "How can I help, then?"]),
        ("b", ["My card, it\nwas charged twice."]),
        ("e", ["Hi."]),
    ]
    unclosed, short = map(str, chats.errors)
    assert re.search(r"c\.csv:5: is not CSV .*; conversation 'c' is not scored", unclosed)
    assert re.search(r"c\.csv:7: .*2 fields, and the header 3.*; conversation 'd' is not scored", short)
    (tmp_path / "c.csv").write_text("role,text,call_id\nagent,Hi.,a\nagent,Hi, there.,a\n")
    chats = read_chats(tmp_path / "c.csv")
    assert "c.csv:3: cannot be read" in chats.calls[0].warnings[0], "commas may have moved the call id"
    assert "c.csv:3: is not CSV" in str(chats.errors[0])


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "gr\xfc\xdfe"}')
    with pytest.raises(ConversationError, match="not UTF-8"):
        read_chats(tmp_path / "latin.jsonl")
    with pytest.raises(ConversationError, match="No such file"):
        read_chats(tmp_path / "none.jsonl")
    with pytest.raises(ConversationError, match="has no turns"):
        read_chats(write(tmp_path / "empty.jsonl", ""))
    for header, message in (
        ("call_id,role\n", ":1: there is no column text"),
        ("call_id,role,text,mood\n", ":1: unknown column 'mood'"),
        ('"call_id', ":1: is not CSV"),
        ("\n", "has no turns"),
    ):
        (tmp_path / "surveys.csv").write_text(header)
        with pytest.raises(ConversationError, match=message):
            read_chats(tmp_path / "surveys.csv")


def test_the_language_is_worked_out_from_the_whole_conversation_unless_given(tmp_path):
    german = [turn(text="Guten Tag."), turn(text="Meine Rechnung ist falsch und niemand ruft mich zurück.")]
    (call,) = calls_of(write(tmp_path / "c.jsonl", *german))
    assert [u.language for u in call.utterances] == ["de", "de"]
    (call,) = calls_of(write(tmp_path / "c.jsonl", turn(text="My order is 4 5 2.")))
    assert call.utterances[0].language is None
    (call,) = calls_of(write(tmp_path / "c.jsonl", *(t | {"language": "nl"} for t in german)))
    assert [u.language for u in call.utterances] == ["nl", "nl"]


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en-US", "en"), ("PT_br", "pt"), (" de ", "de"), ("yue", "yue"), ("", None), (None, None)],
)
def test_of_a_language_tag_the_language_is_taken(tmp_path, tag, language):
    (call,) = calls_of(write(tmp_path / "c.jsonl", turn(language=tag)))
    assert call.utterances[0].language == language


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085"])
def test_only_a_line_feed_ends_a_line(tmp_path, separator):
    rows = [json.dumps(turn(text=f"one{separator}two"), ensure_ascii=False) + "\r", "{oops"]
    (call,) = calls_of(write(tmp_path / "c.jsonl", rows[0]))
    assert call.utterances[0].text == f"one{separator}two"
    assert "c.jsonl:2: " in errors_of(write(tmp_path / "c.jsonl", *rows))[0]


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    (call,) = calls_of(write(tmp_path / "c.jsonl", turn("c\ud83d", text="\ude00 yes \U0001f600")))
    assert (call.id, call.utterances[0].text) == ("c\ufffd", "\ufffd yes \U0001f600")
