"""The report and its other forms: whole, self-contained, escaped; the command, and wrong use."""

import base64
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from typer.testing import CliRunner

from sentiment.correlation import CorrelationOptions, Resampling, correlate
from sentiment.correlation.export import answers_csv, to_csv, to_json
from sentiment.correlation.report import page
from sentiment.synthetic.surveyed import Surveyed, make_surveyed_calls
from service.cli import app

EVIL = '<img src="https://example.org/x" onerror="alert(1)">'


@pytest.fixture(scope="module")
def made():
    return make_surveyed_calls(Surveyed(n_calls=1_500, n_agents=8, tilt_seen=0.4, paradox=True, p_answer=0.3))


@pytest.fixture(scope="module")
def found(made):
    queues = made.calls["queue"].to_pylist()
    named = pa.array([EVIL if q == "billing" else q for q in queues])
    calls = made.calls.set_column(made.calls.column_names.index("queue"), "queue", named)
    return correlate(
        calls=calls, surveys=made.surveys, contacts=made.contacts, customers=made.customers,
        by=("agent", "queue", "week"), options=CorrelationOptions(resampling=Resampling(resamples=100)),
        threads=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def html(found):
    return page(found)


def test_the_page_begins_with_the_verdict_and_has_every_plot(found, html):
    head = html.index('class="verdict"')
    assert found.instruments[0].verdict.partition(". ")[0] in html[head : head + 600]
    assert head < html.index("You may not") < html.index("<svg")
    for says in (
        "Mean surveyed CSAT by predicted CSAT",
        "distributions and medians",
        "Response rate in per cent",
        "as answered and weighted",
        "Mean surveyed CSAT of each agent",
        "answer minus estimate by week",
    ):
        assert says in html
    assert "Simpson" in html
    assert html.count("<svg") == 2 * 8


def test_the_page_fetches_nothing_and_its_policy_lets_only_its_style_in(html):
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;" in html
    assert "<script" not in html
    assert " style=" not in html
    assert EVIL not in html
    assert "&lt;img" in html
    assert not re.search(r"(src|href)=[\"'](?!#)", html)


def test_json_and_csv_hold_every_figure_with_its_n_and_interval(found):
    body = json.loads(to_json(found))
    assert body["schema"] == "conversation-sentiment/correlation/1"
    csat = body["instruments"][0]
    assert (
        csat["agreements"][0]["figures"]["spearman"]["n"] == found.instruments[0].main.figures["spearman"].n
    )
    assert csat["groups"][0]["reliability"]["needed"].keys() == {"0.7", "0.8"}
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert {r["part"] for r in rows} == {"calls", "calibration", "groups", "response", "drift", "operations"}
    for r in rows:
        assert r["n"]
        assert (r["value"] and r["low"] and r["high"]) or r["reason"], r
    assert len(list(csv.DictReader(io.StringIO(answers_csv(found))))) == found.read.n_rows


@pytest.fixture
def files(made, tmp_path):
    for name in ("calls", "contacts", "customers"):
        parquet.write_table(getattr(made, name), tmp_path / f"{name}.parquet")
    arrow_csv.write_csv(made.surveys, tmp_path / "surveys.csv")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(
        app, ["correlate", *map(str, arguments)], env={"COLUMNS": "160", "TERM": "dumb"}
    )


def test_the_command_writes_every_form_and_tells_the_verdict(files):
    report = files / "out" / "report.html"
    done = run(
        "--calls", files / "calls.parquet", "--surveys", files / "surveys.csv", "--by", "agent,queue,week",
        "--contacts", files / "contacts.parquet", "--customers", files / "customers.parquet", "--threads", 1,
        "--report", report, "--format", "html,json,csv", "--resamples", 100, "--timezone", "Europe/Berlin",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Predicted CSAT agrees with surveyed CSAT")
    assert {p.name for p in report.parent.iterdir()} == {
        "report.html", "report.json", "report.csv", "report.answers.csv",
    }  # fmt: skip
    assert "Europe/Berlin" in report.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--calls", "c", "--surveys", "s", "--format", "docx"], 2, "choose from html, json, csv, pdf"),
        (["--calls", "c", "--surveys", "s", "--report", "r.txt"], 2, "choose from html, json, csv, pdf"),
        (["--calls", "c", "--surveys", "s", "--map", "x"], 2, "TABLE=MAP"),
        (["--calls", "c"], 2, "--surveys"),
    ],
)
def test_wrong_use_is_told(arguments, code, said):
    done = run(*arguments)
    assert done.exit_code == code
    assert said in done.output


def script(code, **more):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, **more
    )


def test_a_group_there_is_not_is_one_line_and_wrong_use(files):
    command = [
        "correlate",
        "--calls",
        "calls.parquet",
        "--surveys",
        "surveys.csv",
        "--by",
        "boss",
        "--threads",
        "1",
    ]
    done = script(f"import sys; sys.argv[1:] = {command}; from service.cli import main; main()", cwd=files)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: by boss: calls have no column boss")
    assert done.stderr.count("\n") == 1


def test_without_weasyprint_pdf_says_what_to_install():
    done = script(
        "import sys; sys.modules['weasyprint'] = None\n"
        "from sentiment.correlation.pdf import to_pdf\n"
        "from sentiment.errors import OutputError\n"
        "try: to_pdf('<p>')\n"
        "except OutputError as error: print(error)"
    )
    assert "pip install 'conversation-sentiment[pdf]'" in done.stdout


def test_the_page_becomes_a_pdf(html):
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"weasyprint cannot be used: {error}")
    from sentiment.correlation.pdf import to_pdf

    made = to_pdf(html)
    assert made.startswith(b"%PDF-")
    assert len(made) > 20_000


def test_the_package_comes_without_its_engine_only_when_it_is_asked_for():
    done = script("import sentiment, sys; assert 'sentiment.correlation' not in sys.modules")
    assert done.returncode == 0


CHROMIUM = shutil.which("chromium")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_the_window_and_can_be_read(html, tmp_path, width, scheme):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = tmp_path / "report.html"
    path.write_text(html, "utf-8")
    told, asked = [], []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened.on("console", lambda message: told.append(message.text))
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(path.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") == width
        smallest = opened.evaluate(
            "Math.min(...[...document.querySelectorAll('svg text')]"
            ".map(t => t.getBoundingClientRect().height))"
        )
        colours = opened.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
        browser.close()
    assert told == []
    assert asked == [path.as_uri()]
    assert smallest >= 10
    assert (sum(map(int, re.findall(r"\d+", colours[0])[:3])) > 384) == (scheme == "dark")
