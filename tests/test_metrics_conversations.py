"""A scored call as a row of figures, and what is counted from such rows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from factories import agent, call, customer
from metric_tables import table

from sentiment import metrics, to_json
from sentiment.call import Estimate, Evidence, Moment, Shift
from sentiment.errors import ConversationError, TableError
from sentiment.metrics.conversations import figures, read_calls, to_table

UNTIL = date(2026, 4, 1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def shift(index, before, after):
    return Shift(at_ms=0, utterance_index=index, role="customer", before=before, after=after, confidence=0.9,
                 trigger_index=None, reason="")  # fmt: skip


def told(**fields):
    return call(
        customer("I was charged twice for this.", -0.8, intensity=0.9, start_ms=0, end_ms=4_000),
        agent("I am sorry, let me see.", 0.1, start_ms=5_000, end_ms=8_000),
        customer("Right, thank you.", 0.4, intensity=0.2, start_ms=30_000, end_ms=32_000),
        agent("It is done.", 0.3, start_ms=31_000, end_ms=34_000),
        started_at=MONDAY, agent_id="ana", customer_id="c9", duration_ms=40_000, **fields,
    )  # fmt: skip


def test_the_figures_are_those_of_the_call():
    moment = Moment(
        rule="repeated_contact", start_ms=0, end_ms=1, severity=0.5, evidence=Evidence(), explanation="x"
    )
    estimate = Estimate(instrument="csat", expected=3.5, low=2.0, high=4.5, p_top_box=0.4)
    row = figures(told(moments=(moment,), estimates=(estimate,), shifts=(shift(2, -0.8, 0.4),)))
    assert row["customer_polarity"] == pytest.approx(-0.2)
    assert row["agent_polarity"] == pytest.approx(0.2)
    assert row["customer_intensity_peak"] == 0.9
    assert row["customer_intensity_rise"] == pytest.approx(0.9 - 0.55)
    assert (row["shifts_better"], row["shifts_worse"], row["shifts_recovered"]) == (1, 0, 0)
    assert row["predicted_csat"] == 3.5
    assert row["effort_signals"] == 1
    assert row["customer_words"] == 9
    assert row["dead_air_ms"] == 22_000
    assert row["non_talk_ms"] >= 22_000
    assert 0 < row["overtalk_ms"] <= 1_000


@pytest.mark.parametrize(("after", "recovered"), [(0.0, 1), (-0.39, 1), (-0.41, 0)])
def test_a_fall_has_recovered_when_half_of_it_is_made_up_for(after, recovered):
    row = figures(told(shifts=(shift(0, 0.0, -0.8), shift(2, -0.8, after))))
    assert row["shifts_worse"] == 1
    assert row["shifts_recovered"] == recovered


def test_a_text_chat_has_no_times_and_an_unscored_call_no_feeling():
    chat = figures(call(customer("Hello there, hi.", 0.5), agent("Hi.", 0.0), timed=False))
    assert chat["customer_polarity"] == 0.5
    assert "overtalk_ms" not in chat
    silent = figures(call(customer("Hello.", None), agent("Hi.", None)))
    assert "customer_polarity" not in silent
    assert "shifts_worse" not in silent
    assert silent["agent_words"] == 1


def test_an_estimate_comes_with_its_interval_on_the_tables_scale():
    of_seven = Estimate(
        instrument="csat", expected=4.0, low=1.0, high=7.0, p_top_box=0.4, scale_min=1.0, scale_max=7.0
    )
    why = Estimate(
        instrument="nps", expected=None, low=None, high=None, p_top_box=None, abstained="too little speech"
    )
    row = figures(told(estimates=(of_seven, why)))
    assert [row[f"predicted_csat{part}"] for part in ("", "_low", "_high", "_top_box")] == [
        3.0,
        1.0,
        5.0,
        0.4,
    ]
    assert row["predicted_nps"] is None
    assert row["predicted_nps_abstained"] == "too little speech"


def test_a_folder_of_calls_is_grouped_with_the_operational_figures(tmp_path):
    for i, name in enumerate(("k1", "k2")):
        scored = replace(told(), id=name, started_at=MONDAY + timedelta(days=i))
        (tmp_path / f"{name}.json").write_text(to_json(scored), "utf-8")
    contacts = table("contacts", [{"call_id": "k1", "team": "north"}, {"call_id": "k2", "team": "south"}])
    result = metrics.compute(
        ["sentiment", "talk_ratio", "aht", "csat"], by=["team"], calls=tmp_path, contacts=contacts, threads=1,
        surveys=table("surveys", [{"call_id": "k1"}]),
    )  # fmt: skip
    north = {m.name: m for m in result.rows() if m.group["team"] == "north"}
    assert north["sentiment"].value == pytest.approx(-0.2)
    assert north["aht"].n == north["csat"].n == north["talk_ratio"].n == 1
    assert result.total("sentiment").n == 2
    (tmp_path / "k3.json").write_text("{}")
    with pytest.raises(ConversationError, match="schema"):
        read_calls(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match="no call JSON"):
        read_calls(tmp_path / "empty")


def test_relationship_health_shows_each_part():
    def rows(customer_id, *polarities):
        return [
            {"call_id": f"{customer_id}{i}", "customer_id": customer_id, "customer_polarity": p,
             "started_at": datetime(2026, 3, 31, 12) - timedelta(days=30 * i)}
            for i, p in enumerate(polarities)
        ]  # fmt: skip

    calls = table("calls", rows("glad", 0.8, -1.0) + rows("sour", -0.5))
    contacts = table(
        "contacts",
        [
            {"customer_id": "glad", "issue_id": "1", "resolved": False, "first_response_ms": 3_600_000},
            {"customer_id": "glad", "issue_id": "1", "resolved": True, "first_response_ms": 3_600_000},
            {"customer_id": "sour", "issue_id": "2", "resolved": False, "first_response_ms": 0},
            {"customer_id": "sour", "issue_id": "3", "resolved": False, "first_response_ms": 0},
            {"customer_id": "mute", "issue_id": "4", "resolved": None, "first_response_ms": None},
        ],
        started_at=datetime(2026, 3, 2),
    )
    asked = ["relationship_health", *(f"relationship_health:{p}" for p in
             ("sentiment", "engagement", "open_issues", "response_time"))]  # fmt: skip
    result = metrics.compute(
        asked, by=["customer"], calls=calls, contacts=contacts, until=date(2026, 4, 1), threads=1
    )
    found = {(m.group["customer"], m.name.partition(":")[2]): m.value for m in result.rows()}
    assert found["glad", "sentiment"] == pytest.approx(50 + 50 * (0.8 - 0.5) / 1.5)
    assert found["glad", "engagement"] == pytest.approx(100 * (1 - 0.5 / 90))
    assert found["glad", "open_issues"] == 100
    assert found["glad", "response_time"] == pytest.approx(50)
    assert found["sour", "open_issues"] == pytest.approx(25)
    assert found["mute", "sentiment"] is None
    assert found["mute", ""] == pytest.approx(found["mute", "engagement"])
    expected = 0.4 * found["glad", "sentiment"] + 0.2 * (found["glad", "engagement"] + 100 + 50)
    assert found["glad", ""] == pytest.approx(expected)
    assert found["glad", ""] > found["sour", ""]


def test_the_table_of_calls_has_every_column():
    made = to_table([told()])
    assert made.num_rows == 1
    assert made["started_at"][0].as_py() == MONDAY
