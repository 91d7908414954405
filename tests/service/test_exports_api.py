"""Exports hold every row within what was asked, in forms that open elsewhere."""

from __future__ import annotations

import csv
import io
import json

import pytest
from conftest import flagged_call
from factories import agent, call, customer
from pyarrow import parquet

from sentiment.call import from_json
from service.store import exporting
from service.store.calls import put_call

KINDS = sorted(exporting.KINDS)


def test_documents_come_back_as_they_went_in(client):
    lines = client("admin").get("/api/v1/exports/documents").text.splitlines()
    assert flagged_call("call-n1", agent_id="n1") in [from_json(line) for line in lines]
    assert len(lines) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_three_forms_hold_the_same_rows(client, kind):
    browser = client("analyst")
    rows = [
        json.loads(line) for line in browser.get(f"/api/v1/exports/{kind}?format=jsonl").text.splitlines()
    ]
    table = parquet.read_table(io.BytesIO(browser.get(f"/api/v1/exports/{kind}?format=parquet").content))
    lines = list(csv.DictReader(io.StringIO(browser.get(f"/api/v1/exports/{kind}").text)))
    assert len(rows) == table.num_rows == len(lines)
    if rows:
        assert list(rows[0]) == table.column_names == list(lines[0])
    if kind == "utterances":
        assert (
            table.column("text").to_pylist()
            == [row["text"] for row in rows]
            == [line["text"] for line in lines]
        )


def test_batches_lose_and_repeat_nothing(client, centre):
    with centre.database.begin() as session:
        for i in range(exporting.BATCH + 3):
            put_call(session, call(customer("Hello.", 0.1), id=f"many-{i}"))
    lines = client("admin").get("/api/v1/exports/calls?format=jsonl").text.splitlines()
    ids = [json.loads(line)["call_id"] for line in lines]
    assert len(ids) == len(set(ids)) == exporting.BATCH + 8


def test_a_filter_holds_for_every_kind(client):
    text = client("admin").get("/api/v1/exports/moments?format=jsonl&agent=n2").text
    assert {json.loads(line)["call_id"] for line in text.splitlines()} == {"call-n2"}


def test_a_formula_in_a_transcript_stays_text_in_a_spreadsheet(client, centre):
    with centre.database.begin() as session:
        put_call(session, call(customer('=HYPERLINK("http://x","y")', 0.0), agent("+1 sure"), id="formula"))
    lines = csv.DictReader(io.StringIO(client("admin").get("/api/v1/exports/utterances").text))
    said = [line["text"] for line in lines if line["call_id"] == "formula"]
    assert said == ['\'=HYPERLINK("http://x","y")', "'+1 sure"]


@pytest.mark.parametrize("role", ["coach", "agent"])
def test_who_may_not_export_does_not(client, role):
    assert client(role).get("/api/v1/exports/calls").status_code == 403
