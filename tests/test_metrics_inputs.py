"""Tables are named, typed and checked; rows that cannot be true are set aside, named and counted."""

import json
import math
from datetime import datetime

import pyarrow as pa
import pytest
from metric_tables import table
from pyarrow import csv, parquet

from sentiment import metrics
from sentiment.errors import TableError
from sentiment.metrics import inputs
from sentiment.metrics.inputs import open_input, prepare
from sentiment.metrics.maps import ColumnMap, Mapped, load_map, ready_maps
from sentiment.metrics.schemas import TABLES
from sentiment.metrics.workspace import Workspace, run


@pytest.fixture
def workspace():
    found = Workspace.open(threads=1)
    yield found
    found.close()


def read(name, source, workspace, **more):
    found = open_input(source, TABLES[name], workspace=workspace, **more)
    return found, found.table.to_pyarrow().to_pylist()


def text(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_text(content, "utf-8")
    return path


def test_text_becomes_typed_columns_whatever_way_it_is_written(tmp_path, workspace):
    path = text(
        tmp_path,
        "contact_id,started_at,answered,talk_ms,segment\n"
        "a,2026-03-02T09:30:00+01:00,Yes,1e3,gold\n"
        "b,2026-03-02 08:30:00,0,,\n"
        "c,2026-03-02T08:30:00Z,TRUE, 2000 ,silver\n",
    )
    found, rows = read("contacts", path, workspace)
    assert [r["started_at"] for r in rows] == [datetime(2026, 3, 2, 8, 30)] * 3
    assert [r["answered"] for r in rows] == [True, False, True]
    assert [r["talk_ms"] for r in rows] == [1000, None, 2000]
    assert [r["segment"] for r in rows] == ["gold", None, "silver"], "other columns can be grouped by"
    assert found.report.rows == 3
    assert found.report.set_aside == 0


BAD = (
    ("talk_ms=-5", "talk_ms is below 0"),
    ("talk_ms=soon", "talk_ms is not a number"),
    ("talk_ms=99999999999", "talk_ms is above 2.592e+09"),
    ("answered=maybe", "answered is not yes or no"),
    ("started_at=31.02.2026", "started_at is not a time"),
    ("contact_id=", "contact_id is empty"),
    ("ended_at=2025-01-01", "it ends before it starts"),
    ("abandoned=yes", "both answered and abandoned"),
)


@pytest.mark.parametrize(("change", "problem"), BAD)
def test_a_row_that_cannot_be_true_is_set_aside_and_named(tmp_path, workspace, change, problem):
    good = {"contact_id": "a", "started_at": "2026-03-02", "ended_at": "2026-03-02", "answered": "yes",
            "abandoned": "no", "talk_ms": "5"}  # fmt: skip
    bad = good | {"contact_id": "b"} | dict([change.split("=")])
    lines = [",".join(good), ",".join(good.values()), ",".join(bad.values())]
    path = text(tmp_path, "\n".join(lines) + "\n")
    found, rows = read("contacts", path, workspace, set_aside=tmp_path / "aside")
    assert [r["contact_id"] for r in rows] == ["a"]
    report = found.report
    assert (report.rows, report.set_aside, report.problems) == (2, 1, {problem: 1})
    assert report.examples[0].where.startswith(f"{path} row 2")
    written = csv.read_csv(report.file).to_pylist()
    assert written[0]["problem"] == problem
    assert written[0]["row"] == 2
    assert str(written[0]["talk_ms"]) == bad["talk_ms"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            {"value": 11.0, "instrument": "nps", "scale_min": 0.0, "scale_max": 10.0},
            "value is not on its scale",
        ),
        ({"value": 9.0, "instrument": "nps", "scale_min": 1.0, "scale_max": 10.0}, "NPS is asked on 0-10"),
        ({"value": 8.5, "instrument": "nps", "scale_min": 0.0, "scale_max": 10.0}, "whole number"),
        ({"scale_max": 1.0, "value": 1.0}, "scale_max is not above scale_min"),
        ({"value": float("nan")}, "value is not finite"),
    ],
)
def test_an_answer_off_its_scale_is_rejected_not_clipped(workspace, row, problem):
    found, rows = read("surveys", table("surveys", [{}, row]), workspace)
    assert len(rows) == 1
    assert problem in found.report.examples[0].problem


def test_of_two_rows_with_one_key_the_first_counts(tmp_path, workspace):
    path = text(tmp_path, "contact_id,talk_ms\na,1\nb,2\na,3\n,4\n".replace(",4", "c,4"))
    found, rows = read("contacts", path, workspace)
    assert sorted((r["contact_id"], r["talk_ms"]) for r in rows) == [("a", 1), ("b", 2), ("c", 4)]
    assert found.report.problems == {"contact_id was there before": 1}
    assert "row 3" in found.report.examples[0].where


def test_names_of_columns_and_kinds_are_read_in_any_case(tmp_path):
    path = text(
        tmp_path,
        "Call_ID,Instrument,VALUE,Scale_Min,Scale_Max\n1,NPS,10,0,10\n2,nps,0,0,10\n3,Nps,11,0,10\n4,nps,x,0,10\n",
    )
    result = metrics.compute(["nps"], surveys=path, threads=1)
    assert (result.total("nps").n, result.total("nps").value) == (2, 0)
    assert result.inputs[0].problems == {"value is not on its scale": 1, "value is not a number": 1}
    calls = pa.table(
        {"contact_id": ["a", "b"], "direction": ["Inbound", "OUTBOUND"], "blocked": [True, True]}
    )
    assert metrics.compute(["blocked"], contacts=calls, threads=1).total("blocked").n == 1


def test_a_file_in_another_encoding_is_told_to_be_so(tmp_path, workspace):
    path = tmp_path / "latin.csv"
    path.write_bytes("contact_id,agent_id\n1,J\xf6rg\n".encode("latin-1"))
    with pytest.raises(TableError, match="save it as UTF-8"):
        read("contacts", path, workspace)


def test_keys_are_told_apart_without_the_white_space_around_them(tmp_path, workspace):
    padded = pa.table({"contact_id": ["a", "b ", " a", "  ", "c"], "talk_ms": [1, 2, 3, 4, 5]})
    for source in (padded, text(tmp_path, "contact_id,talk_ms\na,1\nb ,2\n a,3\n  ,4\nc,5\n")):
        found, rows = read("contacts", source, workspace)
        assert sorted(r["contact_id"] for r in rows) == ["a", "b", "c"]
        assert found.report.problems == {"contact_id was there before": 1, "contact_id is empty": 1}


def test_tables_are_checked_in_one_scan_of_ours_where_nothing_is_wrong(workspace, monkeypatch):
    asked = []
    monkeypatch.setattr(inputs, "run", lambda query, name: asked.append(1) or run(query, name))
    keys = {"agent_id": ["a", "a", "b"], "started_at": [datetime(2026, 3, 2, h) for h in (8, 9, 8)]}
    read("agent_time", pa.table(keys), workspace)
    read("contacts", pa.table({"contact_id": [f"k{i}" for i in range(5000)]}), workspace)
    assert len(asked) == 2, "a scan for each table"
    keys["started_at"][1] = keys["started_at"][0]
    found, rows = read("agent_time", pa.table(keys), workspace)
    assert (len(rows), found.report.problems) == (2, {"agent_id + started_at was there before": 1})


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, -1e300])
def test_a_duration_that_is_no_number_sets_its_row_aside_not_the_table(tmp_path, workspace, value):
    floats = pa.table({"contact_id": ["a", "b"], "talk_ms": [1.0, value]})
    for source in (floats, text(tmp_path, f"contact_id,talk_ms\na,1\nb,{value}\n")):
        found, rows = read("contacts", source, workspace)
        assert [r["talk_ms"] for r in rows] == [1]
        assert found.report.problems == {"talk_ms is not a number": 1}


def test_anonymous_answers_are_no_duplicates_of_each_other(workspace):
    given = table("surveys", [{}, {}, {}], call_id=None)
    assert len(read("surveys", given, workspace)[1]) == 3


def connect_record(contact, updated, talk, *, agent="ana", queued=True, **more):
    connected = "2026-03-02T08:31:00Z" if agent else None
    return {
        "ContactId": contact, "InitialContactId": None, "LastUpdateTimestamp": updated, "CustomerId": None,
        "Channel": "VOICE", "InitiationMethod": "INBOUND", "InitiationTimestamp": "2026-03-02T08:30:00Z",
        "DisconnectTimestamp": "2026-03-02T08:40:00Z", "TransferCompletedTimestamp": None,
        "Queue": {"Name": "billing", "EnqueueTimestamp": "2026-03-02T08:30:10Z", "Duration": 50}
        if queued else None,
        "Agent": {
            "Username": agent, "ConnectedToAgentTimestamp": connected, "AgentInteractionDuration": talk,
            "CustomerHoldDuration": 30, "AfterContactWorkDuration": 20, "NumberOfHolds": 1,
            "HierarchyGroups": {"Level1": {"GroupName": "north"}},
        } if agent else None,
    } | more  # fmt: skip


def test_connect_records_come_more_than_once_and_the_newest_counts(tmp_path):
    records = [
        connect_record("1", "2026-03-02T09:00:00Z", 100),
        connect_record("1", "2026-03-02T11:00:00Z", 300),
        connect_record("1", "2026-03-02T10:00:00Z", 200),
        connect_record("2", "2026-03-02T10:00:00Z", None, agent=None),
        connect_record("3", "2026-03-02T10:00:00Z", None, agent=None, queued=False),
    ]
    path = text(tmp_path, "".join(json.dumps(r) + "\n" for r in records), "ctr.jsonl")
    result = metrics.compute(
        ["aht", "asa", "abandonment", "volume", "hold_rate"], by=["team", "queue"], contacts=path,
        maps={"contacts": "amazon-connect"}, threads=1,
    )  # fmt: skip
    assert result.of("aht", team="north", queue="billing").value == pytest.approx(350 / 60)
    assert result.total("asa").value == 50
    assert result.total("volume").value == 3
    assert result.total("hold_rate").value == 100
    abandonment = result.total("abandonment")
    assert (abandonment.numerator, abandonment.denominator) == (1, 3)
    assert result.inputs[0].problems == {"contact_id was there before; a newer copy counts": 2}


def test_a_map_renames_converts_and_places_local_times(tmp_path, workspace):
    mapping = ColumnMap(
        table="contacts",
        columns={
            "contact_id": Mapped(column="Nr"),
            "started_at": Mapped(column="Beginn"),
            "talk_ms": Mapped(column="Sekunden", unit="s"),
            "answered": Mapped(column="Agent", filled=True),
            "direction": Mapped(column="Art", values={"IN": "inbound", "OUT": "outbound"}),
        },
        constants={"channel": "voice"},
        timezone="Europe/Berlin",
    )
    path = text(
        tmp_path,
        "Nr,Beginn,Sekunden,Agent,Art\n"
        "1,2026-03-02 09:30,1.5,ana,IN\n"
        "2,2026-07-02 09:30,2,,OUT\n"
        "3,2026-10-25 02:30,2,,OUT\n"
        "4,2026-03-29 02:30,2,,OUT\n"
        "5,2026-03-02T09:30:00Z,2,,OUT\n",
    )
    rows = {r["contact_id"]: r for r in read("contacts", path, workspace, mapping=mapping)[1]}
    assert [rows[k]["started_at"] for k in "12345"] == [
        datetime(2026, 3, 2, 8, 30),
        datetime(2026, 7, 2, 7, 30),
        datetime(2026, 10, 25, 0, 30),  # comes twice: the first
        datetime(2026, 3, 29, 1, 30),  # never was: moved on
        datetime(2026, 3, 2, 9, 30),  # has its own offset
    ]
    assert rows["1"]["talk_ms"] == 1500
    assert (rows["1"]["answered"], rows["2"]["answered"]) == (True, False)
    assert (rows["1"]["direction"], rows["2"]["direction"]) == ("inbound", "outbound")
    assert rows["1"]["channel"] == "voice"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("table = 'calls_'", "choose from surveys"),
        ("table = 'contacts'\ntimezone = 'Mars/Base'", "no IANA time zone"),
        ("table = 'contacts'\n[columns]\ntalk = 'x'", "has no column 'talk'"),
        ("table = 'contacts'\n[columns]\ntalk_ms = {column = 'x', unit = 'years'}", "choose from ms, s"),
        ("table = 'contacts'\n[columns]\ntalk_ms = {unit = 's'}", "write a column's name"),
        ("table = 'contacts'\nfoo = 1", "unknown entry 'foo'"),
        ("table = ", "is not TOML"),
    ],
)
def test_a_wrong_map_says_what_is_wrong(tmp_path, body, said):
    with pytest.raises(TableError, match=said):
        load_map(text(tmp_path, body, "m.toml"))


def test_ready_maps_are_whole():
    assert "amazon-connect" in ready_maps()
    for name in ready_maps():
        assert load_map(name).table in TABLES


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("a,b\n1,2\n", "t.csv", "has no column of contacts, but a, b"),
        ("talk_ms\n1\n", "t.csv", "need a column contact_id"),
        ("contact_id,talk_ms\na,-1\n", "t.csv", "no row of contacts can be used"),
        ("hello", "t.xlsx", "unknown form"),
        ("not parquet", "t.parquet", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(tmp_path, workspace, content, name, said):
    with pytest.raises(TableError, match=said) as error:
        read("contacts", text(tmp_path, content, name), workspace)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path, workspace):
    with pytest.raises(TableError, match="no such file"):
        read("contacts", tmp_path / "gone-*.parquet", workspace)


def test_patterns_folders_and_lists_are_one_table_and_rows_keep_their_place(tmp_path, workspace):
    for i in range(3):
        rows = {"contact_id": [f"{i}a", f"{i}b"], "talk_ms": [1, -1 if i == 2 else 1]}
        parquet.write_table(pa.table(rows), tmp_path / f"c{i}.parquet")
    for source in (tmp_path, tmp_path / "c*.parquet", sorted(tmp_path.glob("*.parquet"))):
        found, rows = read("contacts", source, workspace)
        assert len(rows) == 5
        assert found.report.examples[0].where == f"{tmp_path / 'c2.parquet'} row 2 (contact_id 2b)"


def test_a_prepared_file_is_not_checked_again_and_gives_the_same(tmp_path, workspace):
    path = text(tmp_path, "contact_id,talk_ms,answered,segment\na,1,yes,g\nb,-2,yes,g\nc,3,no,s\n")
    out = tmp_path / "clean.parquet"
    report = prepare(path, TABLES["contacts"], out, workspace=workspace)
    assert (report.rows, report.set_aside) == (3, 1)
    found, rows = read("contacts", out, workspace)
    assert found.report.rows is None
    assert [(r["contact_id"], r["talk_ms"], r["answered"], r["segment"]) for r in rows] == [
        ("a", 1, True, "g"), ("c", 3, False, "s"),
    ]  # fmt: skip
    assert (tmp_path / "contacts.set_aside.csv").is_file()
    other = read("surveys", table("surveys", [{}]), workspace)[0]
    assert other.report.rows == 1


def test_what_is_assumed_is_said(workspace):
    found, rows = read("contacts", pa.table({"contact_id": ["a"], "answered": [True]}), workspace)
    assert rows[0]["abandoned"] is False
    assert found.report.assumed == {"abandoned": "neither answered nor blocked"}
