"""Commands of ``sentiment metrics`` that fit models, and the table of calls they rest on."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from metric_tables import table
from pyarrow import csv, parquet
from typer.testing import CliRunner

from sentiment.errors import TableError
from sentiment.metrics.by_call import by_call
from sentiment.metrics.engine import open_tables
from sentiment.metrics.workspace import Workspace
from service.metrics import app

CDNOW = Path(__file__).parents[2] / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"


def run(*arguments):
    done = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "160", "TERM": "dumb"})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture
def files(tmp_path):
    """Contacts whose wait lowers CSAT and whose talk does not; a call of two; customers who leave."""
    draw = random.Random(3)
    start = datetime(2026, 3, 2)
    contacts, surveys = [], []
    for i in range(300):
        wait = draw.randrange(120_000)
        common = {"call_id": f"k{i}", "customer_id": f"c{i % 150}", "queue": draw.choice("xy")}
        contacts.append(
            common | {"contact_id": f"{i}", "agent_id": f"a{i % 7}", "wait_ms": wait,
                      "talk_ms": draw.randrange(600_000), "started_at": start + timedelta(minutes=i)}
        )  # fmt: skip
        value = 5.0 - round(3 * wait / 120_000 + draw.random())
        surveys.append({"call_id": f"k{i}", "value": max(1.0, value)})
    contacts.append(
        contacts[0] | {"contact_id": "again", "agent_id": "last", "started_at": start + timedelta(days=1)}
    )
    customers = [
        {"joined_at": datetime(2025, 1, 1) + timedelta(days=draw.randrange(60)), "segment": s,
         "left_at": datetime(2025, 6, 1) + timedelta(days=draw.randrange(300)) if draw.random() < p else None}
        for s, p in (("gold", 0.1), ("tin", 0.8)) for _ in range(80)
    ]  # fmt: skip
    for name, rows in (("contacts", contacts), ("surveys", surveys), ("customers", customers)):
        parquet.write_table(table(name, rows), tmp_path / f"{name}.parquet")
    return tmp_path


def test_calls_are_joined_a_row_each(files):
    workspace = Workspace.open(threads=1)
    calls = table("calls", [{"call_id": "k1", "customer_polarity": 0.5}, {"call_id": "unknown"}])
    given = {
        "contacts": str(files / "contacts.parquet"),
        "surveys": str(files / "surveys.parquet"),
        "calls": calls,
    }
    rows = {
        r["call_id"]: r for r in by_call(open_tables(given, {}, workspace, None)).to_pyarrow().to_pylist()
    }
    assert len(rows) == 301
    assert (rows["k0"]["contacts"], rows["k0"]["agent_id"]) == (2, "last")
    assert rows["k0"]["talk_ms"] % 2 == 0, "twice the same contact's"
    assert rows["k1"]["customer_polarity"] == 0.5
    assert rows["k1"]["csat"] is not None
    assert rows["unknown"]["contacts"] is None
    with pytest.raises(TableError, match="give contacts, calls or surveys"):
        by_call({})
    workspace.close()


def test_the_join_is_written_and_drivers_are_found_in_it(files):
    given = ("--contacts", files / "contacts.parquet", "--surveys", files / "surveys.parquet")
    assert "300 calls" in run("join", *given, "--out", files / "joined.csv")
    assert len(csv.read_csv(files / "joined.csv")) == 300
    told = run("drivers", *given, "--by", "wait_ms,talk_ms", "--controls", "queue")
    wait = next(line for line in told.splitlines() if "wait_ms" in line)
    assert wait.split()[1].startswith("-0.")
    assert "300 calls with csat" in told


def test_churn_is_told_as_a_curve(files):
    given = ("--customers", files / "customers.parquet", "--until", "2026-06-01")
    told = run("survival", *given, "--by", "segment", "--days", "90,365")
    assert "The groups differ" in told
    lines = [line.split() for line in told.splitlines() if line.strip().startswith(("gold", "tin"))]
    assert len(lines) == 4
    assert "log-rank" in told


def test_staffing_gives_agents_and_what_callers_get():
    told = run("staffing", "--contacts", 120, "--aht-s", 240, "--shrinkage", 0.3)
    assert "16.0 erlangs" in told
    assert "agents at work" in told


@pytest.mark.shared
@pytest.mark.skipif(not CDNOW.is_file(), reason="CDNOW is not there")
def test_lifetime_values_of_cdnow(tmp_path):
    rows = []
    for i, line in enumerate(CDNOW.read_text().splitlines()):
        _, customer, day, _, amount = line.split()
        rows.append({"order_id": str(i), "customer_id": customer, "amount": float(amount),
                     "ordered_at": datetime.strptime(day, "%Y%m%d"), "margin": None})  # fmt: skip
    parquet.write_table(table("orders", rows), tmp_path / "orders.parquet")
    told = run("lifetime-value", "--orders", tmp_path / "orders.parquet", "--until", "1997-09-30", "--out",
               tmp_path / "clv.parquet")  # fmt: skip
    assert "2,357 customers" in told
    worth = parquet.read_table(tmp_path / "clv.parquet").to_pylist()
    assert all(0 <= r["p_alive"] <= 1 and r["lifetime_value"] >= 0 for r in worth)
