"""Text conversations: order, grouping, and errors that name the line."""

import json

import pytest

from sentiment.errors import ConversationError
from sentiment.formats.chat import read_chats


def write(path, *rows):
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), "utf-8")
    return path


def turn(call_id="a", role="customer", text="Hello.", **more):
    return {"call_id": call_id, "role": role, "text": text, **more}


def test_conversations_are_kept_apart_and_in_order(tmp_path):
    rows = [
        turn("a"),
        turn("b", "agent", "Hi."),
        "",
        turn("a", "agent", "How can I help?"),
        turn("a", text="My card!"),
    ]
    first, second = read_chats(write(tmp_path / "c.jsonl", *rows))
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
    (call,) = read_chats(write(tmp_path / "c.jsonl", *rows))
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
    (call,) = read_chats(path)
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
        ([""], "has no turns"),
    ],
)
def test_a_malformed_file_is_refused_by_line(tmp_path, rows, message):
    with pytest.raises(ConversationError, match=message):
        read_chats(write(tmp_path / "c.jsonl", *rows))


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "gr\xfc\xdfe"}')
    with pytest.raises(ConversationError, match="not UTF-8"):
        read_chats(tmp_path / "latin.jsonl")
    with pytest.raises(ConversationError, match="No such file"):
        read_chats(tmp_path / "none.jsonl")
    (tmp_path / "short.csv").write_text("call_id,role,text\na,agent\n")
    with pytest.raises(ConversationError, match="line 2: has another number of fields"):
        read_chats(tmp_path / "short.csv")


def test_the_language_is_worked_out_from_the_whole_conversation_unless_given(tmp_path):
    german = [turn(text="Guten Tag."), turn(text="Meine Rechnung ist falsch und niemand ruft mich zurück.")]
    (call,) = read_chats(write(tmp_path / "c.jsonl", *german))
    assert [u.language for u in call.utterances] == ["de", "de"]
    (call,) = read_chats(write(tmp_path / "c.jsonl", turn(text="My order is 4 5 2.")))
    assert call.utterances[0].language is None
    (call,) = read_chats(write(tmp_path / "c.jsonl", *(t | {"language": "nl"} for t in german)))
    assert [u.language for u in call.utterances] == ["nl", "nl"]


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en-US", "en"), ("PT_br", "pt"), (" de ", "de"), ("yue", "yue"), ("", None), (None, None)],
)
def test_of_a_language_tag_the_language_is_taken(tmp_path, tag, language):
    (call,) = read_chats(write(tmp_path / "c.jsonl", turn(language=tag)))
    assert call.utterances[0].language == language


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085"])
def test_only_a_line_feed_ends_a_line(tmp_path, separator):
    rows = [json.dumps(turn(text=f"one{separator}two"), ensure_ascii=False) + "\r", "{oops"]
    (call,) = read_chats(write(tmp_path / "c.jsonl", rows[0]))
    assert call.utterances[0].text == f"one{separator}two"
    with pytest.raises(ConversationError, match="line 2"):
        read_chats(write(tmp_path / "c.jsonl", *rows))


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    (call,) = read_chats(write(tmp_path / "c.jsonl", turn("c\ud83d", text="\ude00 yes \U0001f600")))
    assert (call.id, call.utterances[0].text) == ("c\ufffd", "\ufffd yes \U0001f600")
