"""What a sidecar file says is used, and what it misspells is refused."""

import json
from datetime import UTC, datetime

import pytest

from sentiment.errors import ChannelMapError, ConversationError
from sentiment.formats.sidecar import parse_channels, read_sidecar


def sidecar(tmp_path, body):
    (tmp_path / "call.wav.json").write_text(body if isinstance(body, str) else json.dumps(body))
    return read_sidecar(tmp_path / "call.wav")


def test_every_fact_is_read(tmp_path):
    about = sidecar(
        tmp_path,
        {
            "call_id": "4711",
            "agent_id": "a",
            "customer_id": "c",
            "queue": "billing",
            "started_at": "2026-03-02T09:30:00+01:00",
            "channels": {"agent": 1, "customer": 0},
            "metadata": {"campaign": [1, 2]},
        },
    )
    assert (about.call_id, about.agent_id, about.customer_id, about.queue) == ("4711", "a", "c", "billing")
    assert about.started_at == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    assert about.roles == {1: "agent", 0: "customer"}
    assert about.metadata == {"campaign": [1, 2]}


def test_no_sidecar_says_nothing(tmp_path):
    about = read_sidecar(tmp_path / "call.wav")
    assert (about.call_id, about.roles, about.metadata) == (None, None, {})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "cannot be read as JSON"),
        ([], "must hold one JSON object"),
        ({"agentid": "a"}, "unknown field 'agentid'"),
        ({"queue": 5}, "queue must be text"),
        ({"call_id": ""}, "call_id must be text"),
        ({"started_at": "2026-03-02T09:30:00"}, "with its zone"),
        ({"started_at": "soon"}, "ISO 8601"),
        ({"started_at": "0001-01-01T00:00+01:00"}, "ISO 8601"),
        ('{"metadata": {"x": NaN}}', "cannot be read as JSON .NaN"),
        ('{"metadata": {"x": -Infinity}}', "cannot be read as JSON .-Infinity"),
        ('{"metadata": ' + "[" * 100_000, "nested more than"),
        ({"channels": {"agent": "9" * 5000}}, "must be a number"),
        ({"metadata": []}, "metadata must be an object"),
        ({"channels": [0, 1]}, "channels must be an object"),
        ({"channels": {"boss": 0}}, "unknown role 'boss'"),
        ({"channels": {"agent": True}}, "must be a number"),
        ({"channels": {"agent": 0, "customer": 0}}, "given to two roles"),
    ],
)
def test_a_malformed_sidecar_is_refused(tmp_path, body, message):
    with pytest.raises((ConversationError, ChannelMapError), match=message):
        sidecar(tmp_path, body)


def test_channels_on_the_command_line():
    assert parse_channels("agent=0, customer=1") == {0: "agent", 1: "customer"}
    for wrong in ("agent", "agent=x", "agent=0,agent=1", "agent=0,customer=0", "", "boss=1", "agent=-1"):
        with pytest.raises(ChannelMapError, match="--channels"):
            parse_channels(wrong)


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    about = sidecar(tmp_path, {"queue": "q\ud83d", "metadata": {"\udc00": ["\ud83d"]}})
    assert (about.queue, about.metadata) == ("q\ufffd", {"\ufffd": ["\ufffd"]})
