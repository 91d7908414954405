"""Packs' targets: read and checked, judged by the interval, shown wherever results are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_tables import table

from sentiment import metrics
from sentiment.errors import MetricError
from sentiment.metrics.export import to_json
from sentiment.metrics.packs import Target, load_pack, pack_names
from sentiment.metrics.report import page
from sentiment.metrics.targets import judge, verdict


def surveys(*answers):
    return table(
        "surveys",
        [
            {"call_id": f"c{i}", "agent_id": agent, "instrument": "csat", "value": float(v)}
            | {"scale_min": 1.0, "scale_max": 5.0}
            for i, (agent, v) in enumerate(answers)
        ],
    )


MANY = [("good", 5)] * 95 + [("good", 1)] * 5 + [("poor", 1)] * 60 + [("poor", 5)] * 40


def test_every_shipped_pack_has_targets_and_says_where_each_comes_from():
    for name in pack_names():
        pack = load_pack(name)
        assert pack.targets, name
        assert all(target.source for target in pack.targets.values()), name
        assert set(pack.targets) <= {m.name for m in pack.metrics}


def test_a_target_is_met_or_missed_only_where_the_whole_interval_says_so():
    result = metrics.compute(["csat"], surveys=surveys(*MANY), by=["agent"])
    found = {
        tuple(j.group.values()): j.verdict
        for j in judge(result, {"csat": Target(value=80, better="higher", source="")})
    }
    assert found == {("good",): "met", ("poor",): "missed", (): "missed"}
    few = metrics.compute(["csat"], surveys=surveys(("a", 5), ("a", 5), ("a", 1)))
    (only,) = judge(few, {"csat": Target(value=80, better="higher", source="")})
    assert only.verdict == "unsure"
    nobody = metrics.compute(["csat"], surveys=surveys(("a", 5)), where={"agent_id": "b"})
    (only,) = judge(nobody, {"csat": Target(value=80, better="higher", source="")})
    assert only.verdict is None


def test_a_count_is_exact_and_surely_meets_its_target_or_misses_it():
    counted = metrics.compute(["volume", "aht"], contacts=table("contacts", [{}]))
    for goal, says in ((1, "met"), (0, "missed")):
        (only,) = judge(counted, {"volume": Target(value=goal, better="lower", source="lines")})
        assert only.verdict == says
    (only,) = judge(counted, {"aht": Target(value=1, better="lower", source="")})
    assert only.verdict == "unsure", "one contact's time says nothing of the mean"


@given(low=st.floats(0, 100), wide=st.floats(0, 50), goal=st.floats(0, 150))
def test_lower_is_better_mirrors_higher(low, wide, goal):
    class Fake:
        value, interval = low, (low, low + wide)

    class Mirrored:
        value, interval = -low, (-low - wide, -low)

    up = verdict(Fake(), Target(value=goal, better="higher", source=""))
    assert up == verdict(Mirrored(), Target(value=-goal, better="lower", source=""))


def test_targets_are_in_the_page_and_in_the_json():
    result = metrics.compute(["csat"], surveys=surveys(*MANY), by=["agent"])
    judged = judge(result, {"csat": Target(value=80, better="higher", source="house default")})
    body = json.loads(to_json(result, (), judged))
    assert {(t["name"], t["target"], t["verdict"]) for t in body["targets"]} >= {("csat", 80.0, "met")}
    html = page(result, (), judged)
    assert "at least 80.00 %" in html
    assert 'class="goal"' in html
    assert 'class="goal"' not in page(result)
    assert "surely missed" in html
    assert "1 surely meet it, 1 surely miss it" in html


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[p]\nsays='x'", "needs metrics"),
        ("[p]\nmetrics=['csat']\n[p.targets]\nnps={value=1}", "not among its metrics"),
        ("[p]\nmetrics=['csat']\n[p.targets]\ncsat={value='high'}", "give a number in %"),
        ("[p]\nmetrics=['csat']\n[p.targets]\ncsat={value=nan}", "give a number in %"),
        ("[p]\nmetrics=['csat']\n[p.targets]\ncsat={value=800}", "can only be 0 to 100"),
        ("[p]\nmetrics=['nps']\n[p.targets]\nnps={value=-101}", "can only be -100 to 100"),
        ("[p]\nmetrics=['csat']\n[p.targets]\ncsat={value=5, better='lower'}", "higher is better for csat"),
        ("[p]\nmetrics=['csat']\ntargets=80", "targets is a table"),
        ("[p]\nmetrics=['aht']\n[p.targets]\naht={value=5}", "which way is good"),
        ("[p]\nmetrics=['csat']\ncolour='red'", "has colour"),
        ("[p]\nmetrics=['csat']\n[q]\nmetrics=['nps']", "holds 2 packs"),
        ("[p", "is not TOML"),
    ],
)
def test_a_pack_of_your_own_is_checked(tmp_path, body, says):
    path = tmp_path / "own.toml"
    path.write_text(body)
    with pytest.raises(MetricError, match=says):
        load_pack(str(path))


def test_a_pack_of_your_own_is_used(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        "[ours]\nmetrics=['aht','csat']\n[ours.targets]\naht={value=6,better='lower',source='plan'}\n"
    )
    pack = load_pack(str(path))
    assert pack.targets["aht"] == Target(value=6.0, better="lower", source="plan")
