"""What results are written as: JSON, CSV, Parquet, the web page, the documentation."""

import json
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from metric_tables import table
from pyarrow import csv, parquet

from sentiment import metrics
from sentiment.errors import MetricError, OutputError
from sentiment.metrics import documentation
from sentiment.metrics.export import to_arrow, write
from sentiment.metrics.report import page

DOCS = Path(__file__).parents[1] / "docs" / "metrics.md"


@pytest.fixture(scope="module")
def result():
    rows = [
        {"value": v, "team": team, "answered_at": datetime(2026, 3, day)}
        for day in range(1, 29)
        for team in ("<b>&north", "south", None)
        for v in (5.0, 2.0)
    ]
    return metrics.compute(
        ["csat", "csat:mean", "nps", "aht"], by=["team", "week"], surveys=table("surveys", rows)
    )


def test_files_hold_every_group_and_the_totals(result, tmp_path):
    written = {form: write(result, tmp_path / f"m.{form}") for form in ("json", "csv", "parquet")}
    rows = parquet.read_table(written["parquet"]).to_pylist()
    assert len(rows) == 4 * (len(result.groups) + 1)
    total = next(r for r in rows if r["team"] == "all" and r["metric"] == "csat")
    assert (total["value"], total["n"], total["unit"]) == (50.0, 168, "%")
    assert len(csv.read_csv(written["csv"])) == len(rows)
    body = json.loads(written["json"].read_text("utf-8"))
    assert body["by"] == ["team", "week"]
    first = body["metrics"][0]
    assert first["group"] == {"team": "<b>&north", "week": "2026-02-23"}
    assert first["numerator"] / first["denominator"] * 100 == first["value"]
    assert body["totals"][3]["value"] is None
    assert body["totals"][3]["undefined"] == "no contacts were given"
    assert body["inputs"][0]["rows"] == 168
    with pytest.raises(OutputError, match="unknown form"):
        write(result, tmp_path / "m.xls")


def test_without_groups_there_are_totals_only():
    found = metrics.compute(["csat"], surveys=table("surveys", [{}]), threads=1)
    assert len(to_arrow(found)) == 1
    assert [m.value for m in found] == [100.0]


class Page(HTMLParser):
    """Tags, and what they would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [v for k, v in attributes if k in ("src", "href")]


def test_the_page_fetches_nothing_runs_nothing_and_escapes_what_it_shows(result):
    comparisons = metrics.compare(result, "team")
    text = page(result, comparisons, made_on=date(2026, 3, 2))
    found = Page(text)
    assert "script" not in found.tags
    assert found.fetched == []
    assert found.tags.count("svg") == 2, "one for each metric that has values"
    assert "<b>&north" not in text
    assert "&lt;b&gt;&amp;north" in text
    assert "default-src 'none'" in text
    assert "Not computed: no contacts were given" in text
    assert "nan" not in text.lower().replace("finance", "")


def test_groups_without_a_period_are_drawn_side_by_side(result):
    text = page(result.pool(["team"]))
    assert text.count("<circle") == 2 * 3
    assert text.count('class="range') == 2 * 3


def test_the_documentation_page_is_up_to_date():
    assert DOCS.read_text("utf-8") == documentation.page(), "run: python -m sentiment.metrics.documentation"


def test_the_coverage_it_tells_of_is_that_measured():
    measured = (Path(__file__).parent / "benchmarks" / "INTERVALS.md").read_text("utf-8")
    rows = [line.split(" | ") for line in measured.splitlines() if line.startswith("| ")]
    found = {(n, ours, theirs) for _, n, ours, theirs, _ in rows}
    for _, n, ours, theirs in documentation.COVERAGE:
        assert (str(n), f"{ours} %", f"{theirs} %") in found


def test_a_metric_is_explained_from_its_definition():
    text = documentation.explained("sl")
    for part in (
        "Service level",
        "wait_ms <= (threshold_s * 1000.0)",
        "threshold_s (20)",
        "80 of 100",
        "What misleads",
    ):
        assert part in text
    with pytest.raises(MetricError, match="did you mean"):
        documentation.explained("servce_level")


def test_packs_hold_what_their_industry_asks_for():
    wanted = {
        "retail": {"conversion_rate", "abandoned_cart_recovery", "retention"},
        "banking": {"fcr", "onboarding_time", "customer_trust"},
        "healthcare": {"patient_satisfaction", "ces", "art"},
        "telecom": {"ces", "abandonment", "nps"},
        "e-commerce": {"frt", "repeat_purchase_rate", "aov"},
        "hospitality": {"guest_satisfaction", "art", "direct_booking_conversion"},
        "saas": {"churn", "product_adoption_rate", "frt"},
    }
    assert set(metrics.pack_names()) == set(wanted)
    for name, least in wanted.items():
        assert least <= {r.definition.name for r in metrics.load_pack(name).metrics}
    with pytest.raises(MetricError, match="packs are retail"):
        metrics.load_pack("farming")
