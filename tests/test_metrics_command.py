"""``sentiment metrics`` on the terminal."""

import os
import subprocess
import sys
from datetime import datetime

import pytest
from metric_tables import table
from pyarrow import csv
from typer.testing import CliRunner

from service.metrics import app


@pytest.fixture
def files(tmp_path):
    contacts = table(
        "contacts", [{"call_id": f"k{i}", "agent_id": f"a{i % 2}", "queue": "q"} for i in range(20)]
    )
    surveys = table(
        "surveys", [{"call_id": f"k{i}", "value": 1.0 + i % 5} for i in range(20)] + [{"value": 9.0}]
    )
    for name, made in (("contacts", contacts), ("surveys", surveys)):
        csv.write_csv(made, tmp_path / f"{name}.csv")
    return tmp_path


def run(*arguments):
    environment = {"COLUMNS": "160", "TERM": "dumb"}
    return CliRunner().invoke(app, [str(a) for a in arguments], env=environment)


def test_metrics_by_agent_and_week_in_every_form(files):
    out = files / "out"
    done = run(
        "--contacts", files / "contacts.csv", "--surveys", files / "surveys.csv", "--by", "agent,week",
        "--metrics", "csat,aht,churn", "--pack", "telecom", "--format", "table,json,csv,parquet,html",
        "--out", out, "--threads", 1, "--compare", "agent=a0,a1", "--where", "queue=q",
        "--timezone", "Europe/Berlin",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "40.00" in done.output
    assert "churn: no customers were given" in done.output
    assert "1 of 21 rows were set aside" in done.output
    assert "csat, week 2026-03-02: agent a1 against a0: +0.00 %" in done.output
    assert {p.name for p in out.iterdir()} == {
        "metrics.json", "metrics.csv", "metrics.parquet", "metrics.html", "surveys.set_aside.csv",
    }  # fmt: skip


def test_names_in_brackets_are_shown_as_they_are(tmp_path):
    csv.write_csv(table("contacts", [{"agent_id": "[bold]x[/bold]"}]), tmp_path / "c.csv")
    done = run("--contacts", tmp_path / "c.csv", "--metrics", "volume", "--by", "agent", "--threads", 1)
    assert "[bold]x[/bold]" in done.output


def test_counts_are_whole_small_rates_have_figures_and_memory_is_an_amount(tmp_path):
    rows = [{"started_at": datetime(2026, 3, 2, hour)} for hour in (8, 9, 11)]
    csv.write_csv(table("contacts", rows), tmp_path / "c.csv")
    given = ["--contacts", tmp_path / "c.csv", "--threads", 1]
    done = run(*given, "--metrics", "volume,calls_per_second", "--by", "day")
    assert done.output.splitlines()[4].split() == ["2026-03-02", "3", "3.5e-05"]
    assert "as 3GB is" in str(run(*given, "--metrics", "aht", "--memory", "lots").exception)


def test_a_table_is_prepared_once(files):
    out = files / "clean" / "surveys.parquet"
    done = run("prepare", "surveys", files / "surveys.csv", "--out", out)
    assert done.exit_code == 0, done.output
    assert "20 rows" in done.output
    assert "1: value is not on its scale" in done.output
    again = run("--surveys", out, "--metrics", "csat", "--threads", 1)
    assert "set aside" not in again.output
    assert "40.00" in again.output


def test_every_metric_is_listed_and_explained():
    listed = run("list").output
    assert all(
        name in listed for name in ("csat", "service_level:answered", "relationship_health", "telecom")
    )
    assert "passives" in run("explain", "nps").output or "passive" in run("explain", "nps").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metrics", "csat", "--format", "pdf"], "choose from table, json"),
        (["--metrics", "csat", "--where", "x"], "write NAME=VALUE"),
        (["--metrics", "csat", "--rolling", "1"], "rolling"),
        (["--metrics", "csat", "--since", "monday"], "since"),
    ],
)
def test_wrong_use_is_told(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_an_unknown_metric_is_wrong_use_in_one_line(tmp_path):
    command = [sys.executable, "-c", "from service.cli import main; main()", "metrics", "--metrics", "casat"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "160"},
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "Error: casat: no such metric; did you mean csat?"


def test_help_does_not_wait_for_the_engine():
    code = (
        "import sys, service.cli; sys.exit(bool({'ibis', 'duckdb', 'pyarrow', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_engine_is_there_when_the_package_is_asked_for_it():
    code = "import sentiment; assert sentiment.metrics.compute.__module__ == 'sentiment.metrics.engine'"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
