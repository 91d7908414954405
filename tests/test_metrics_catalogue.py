"""Every definition: its worked examples come out, and what it says of itself is whole."""

from datetime import date

import pytest
from metric_tables import repeated, table

from sentiment import metrics
from sentiment.errors import MetricError
from sentiment.metrics.catalogue import CATALOGUE, Request
from sentiment.metrics.needs import needed
from sentiment.metrics.schemas import TABLES

REQUESTS = [
    Request(definition=d, variant=v, parameters={p.name: p.default for p in d.parameters})
    for d in CATALOGUE.values()
    for v in d.variants
]
EXAMPLES = [(request, example) for request in REQUESTS for example in request.variant.examples]


@pytest.fixture(scope="module")
def answers():
    """Every example's metric, all examples of a table in one computation."""
    found = {}
    for name in dict.fromkeys(r.table for r, _ in EXAMPLES):
        mine = [(i, r, e) for i, (r, e) in enumerate(EXAMPLES) if r.table == name]
        rows = [
            {"example": str(i)} | {k: f"{i}-{v}" if k == "customer_id" else v for k, v in row.items()}
            for i, _, e in mine
            for row in repeated(e.rows)
        ]
        march = {"since": date(2026, 3, 1), "until": date(2026, 4, 1)} if name == "membership" else {}
        given = TABLES[name].made_of or name
        result = metrics.compute(
            [r for _, r, _ in mine], by=["example"], threads=1, **march, **{given: table(given, rows)}
        )
        found |= {i: result.of(request.name, example=str(i)) for i, request, _ in mine}
    return found


@pytest.mark.parametrize("i", range(len(EXAMPLES)), ids=[f"{r.name}: {e.says}" for r, e in EXAMPLES])
def test_the_worked_example_comes_out(answers, i):
    _, example = EXAMPLES[i]
    found = answers[i]
    assert found.value is not None, found.undefined
    assert round(found.value, example.places) == example.value


def test_every_definition_is_whole_and_its_names_are_its_own():
    names = [n for d in CATALOGUE.values() for n in (d.name, *d.aliases)]
    assert len(names) == len(set(names))
    for d in CATALOGUE.values():
        assert d.moves
        assert d.misleads
        assert d.table in TABLES
        assert any(v.examples for v in d.variants) or d.name in WITHOUT_EXAMPLE, d.name
        assert len({v.name for v in d.variants}) == len(d.variants)


WITHOUT_EXAMPLE = {"volume", "calls_per_second", "repeat_contact_rate"}
"""Plain counts; and one whose rows depend on each other: tested in test_metrics_engine."""


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r.name)
def test_the_columns_a_formula_reads_are_those_of_its_table(request_):
    schema = TABLES[request_.table]
    known = {c.name for c in schema.columns} | {d.name for d in schema.derived}
    assert needed(request_) <= known | {b.name for b in schema.business}


def test_requests_are_read_and_named():
    assert metrics.parse("Average handle time".replace(" ", "-")).name == "aht"
    assert metrics.parse("csat:mean").variant.name == "mean"
    assert (
        metrics.parse("service_level:answered:threshold_s=30").name == "service_level:answered:threshold_s=30"
    )
    assert metrics.parse("service_level:threshold_s=20").name == "service_level"
    assert metrics.parse("csat:about=agent").parameters["about"] == "agent"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("casat", "did you mean csat"),
        ("csat:median", "it has top_box, mean"),
        ("aht:threshold_s=3", "no parameter 'threshold_s'"),
        ("service_level:threshold_s=soon", "takes a number"),
    ],
)
def test_a_wrong_request_is_told_what_there_is(text, said):
    with pytest.raises(MetricError, match=said):
        metrics.parse(text)
