"""Calibration: independent until closed, then how far graders agree; alpha against a published example."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import permutations

import pytest
from coaching_people import clients, more_people
from hypothesis import given
from hypothesis import strategies as st

from service.coaching.agreement import alpha, exact_agreement, spread
from service.coaching.definition import EXAMPLE

API = "/api/v1"

RELIABILITY = """\
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 ."""
"""Four observers, twelve units: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, part C."""

UNITS = [
    [int(v) for v in unit if v != "."]
    for unit in zip(*(r.split() for r in RELIABILITY.splitlines()), strict=True)
]


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_alpha_is_that_of_the_published_example(level, published):
    found = alpha(UNITS, level)
    assert found.value == pytest.approx(published, abs=5e-4)
    assert (found.units, found.values) == (11, 40)


def test_alpha_of_two_observers_is_that_of_the_published_example():
    """The same paper, part A: two observers, ten units, binary: 0.095."""
    meg, owen = "0100000010", "1110010000"
    found = alpha([(a, b) for a, b in zip(meg, owen, strict=True)], "nominal")
    assert found.value == pytest.approx(0.095, abs=5e-4)


def by_pairs(units, level):
    """Alpha the long way: every pair of values of a unit against every pair of all values."""
    units = [u for u in units if len(u) > 1]
    values = [v for u in units for v in u]

    def apart(a, b):
        if level == "nominal":
            return Fraction(a != b)
        low, high = min(a, b), max(a, b)
        between = sum(1 for v in values if low <= v <= high)
        ends = Fraction(values.count(low) + values.count(high), 2)
        return Fraction(0) if a == b else (between - ends) ** 2

    n = len(values)
    if n == 0:
        return None
    observed = (
        sum((apart(a, b) / (len(u) - 1) for u in units for a, b in permutations(u, 2)), Fraction(0)) / n
    )
    expected = sum((apart(a, b) for a, b in permutations(values, 2)), Fraction(0)) / (n * (n - 1))
    return None if not expected else float(1 - observed / expected)


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=6), st.sampled_from(["nominal", "ordinal"]))
def test_alpha_is_that_of_all_pairs(units, level):
    found = alpha(units, level)
    expected = by_pairs(units, level)
    assert (found.value is None) == (found.undefined is not None)
    assert found.value == (expected if expected is None else pytest.approx(expected))


def test_too_few_or_too_uniform_answers_have_a_reason_instead():
    assert "two graders" in alpha([[1], [2]], "ordinal").undefined
    assert "every answer is the same" in alpha([[1, 1], [1, 1]], "nominal").undefined
    assert "two graders" in exact_agreement(["yes"]).undefined
    assert exact_agreement(["yes", "yes", "no"]).share == pytest.approx(1 / 3)
    assert "two graders" in spread({1: 50.0}).undefined
    assert spread({1: 50.0, 2: 70.0}).median == 60.0
    assert "as much" in spread({1: 50.0, 2: 70.0}).undefined
    assert spread({1: 50.0, 2: 70.0, 3: 75.0}).furthest == ((1, -20.0),)
    assert spread({1: 50.0, 2: 50.0, 3: 50.0}).furthest == ()
    assert spread({1: 40.0, 2: 50.0, 3: 60.0}).furthest == ((1, -10.0), (3, 10.0))


# ---- over the API ------------------------------------------------------------------------------------


@pytest.fixture
def people(client, centre):
    """Clients by name."""
    return clients(client, more_people(centre))


def _answers(greeting, **overrides):
    return {"greeting": {"value": greeting}, **{k: {"value": v, "reason": "x"} for k, v in overrides.items()}}


@pytest.fixture
def card(people):
    """A published scorecard's id."""
    made = people("admin").post(f"{API}/scorecards", json={"name": "C", "definition": EXAMPLE}).json()["id"]
    people("admin").post(f"{API}/scorecards/{made}/publish")
    return made


def _calibration(people, card, call_id="call-n1"):
    body = {"scorecard_id": card, "call_id": call_id}
    answer = people("qa_manager").post(f"{API}/calibrations", json=body)
    assert answer.status_code == 201, answer.text
    return f"{API}/calibrations/{answer.json()['id']}"


def test_nobody_sees_anothers_answers_until_it_is_closed(people, card):
    url = _calibration(people, card)
    made = {}
    for name, greeting in (("coach", "yes"), ("second_coach", "no"), ("qa_manager", "partly")):
        answer = people(name).post(f"{url}/evaluations", json={"answers": _answers(greeting)})
        assert answer.status_code == 201, answer.text
        made[name] = answer.json()["id"]
    for name in (*made, "admin"):
        shown = people(name).get(url).json()
        assert [e["id"] for e in shown["evaluations"]] == ([made[name]] if name in made else [])
        assert (shown["agreement"], shown["n_graders"]) == (None, 3)
        for other, evaluation_id in made.items():
            code = people(name).get(f"{API}/evaluations/{evaluation_id}").status_code
            assert code == (200 if other == name else 404), (name, other)
        assert people(name).get(f"{API}/evaluations").json()["items"] == []
        assert people(name).get(f"{API}/evaluations/means").json()["items"] == []
        overall = people(name).get(f"{API}/scorecards/{card}/agreement").json()
        assert all(line["pairs"] == 0 for line in overall)
    changed = people("second_coach").put(
        f"{API}/evaluations/{made['second_coach']}", json={"answers": _answers("yes")}
    )
    assert changed.status_code == 200
    closed = people("qa_manager").post(f"{url}/close").json()
    assert {e["id"] for e in closed["evaluations"]} == set(made.values())
    assert people("coach").get(url).json() == closed
    assert people("coach").get(f"{API}/evaluations/{made['qa_manager']}").status_code == 200
    for name in made:
        answers = {"answers": _answers("no")}
        assert people(name).put(f"{API}/evaluations/{made[name]}", json=answers).status_code == 409
        assert people(name).delete(f"{API}/evaluations/{made[name]}").status_code == 409
    assert people("admin").post(f"{url}/evaluations", json={"answers": _answers("no")}).status_code == 409
    assert people("qa_manager").post(f"{url}/close").status_code == 409


def test_closing_shows_agreement_by_hand(people, card, centre):
    """Greeting yes, yes, no; respect as the rule says by all; silence 10, 10, 35 s: 10, 10 and 5 points.

    Scores: 100, 100, and 0.6 x 60 + 0.4 x 50 = 56. Choices: yes yes no / yes yes yes, so one of six is no:
    observed (2 + 2) / 2 / 6, expected 2 x 5 / 30; alpha is 1 - (4 / 12) / (10 / 30) = 0. The shares of points
    are 1 1 0 / 1 1 1 / 1 1 .5: alpha from all pairs, above.
    """
    url = _calibration(people, card)
    graders = {
        "coach": _answers("yes"), "second_coach": _answers("yes"), "admin": _answers("no", silence=35),
    }  # fmt: skip
    for name, answers in graders.items():
        assert people(name).post(f"{url}/evaluations", json={"answers": answers}).status_code == 201
    assert people("coach").post(f"{url}/evaluations", json={"answers": _answers("no")}).status_code == 409
    told = people("qa_manager").post(f"{url}/close").json()["agreement"]
    questions = {q["key"]: q for q in told["questions"]}
    assert questions["greeting"]["exact"] == {
        "share": pytest.approx(1 / 3), "agreeing": 1, "pairs": 3, "undefined": None,
    }  # fmt: skip
    assert questions["respect"]["exact"]["share"] == 1.0
    assert (questions["silence"]["points"], questions["silence"]["most"]) == ([5.0, 10.0], 10.0)
    assert told["choices"]["value"] == pytest.approx(0.0, abs=1e-12)
    assert told["choices"]["units"] == 2
    units = [[1, 1, 0], [1, 1, 1], [1, 1, 0.5]]
    assert told["points"]["value"] == pytest.approx(by_pairs(units, "ordinal"))
    apart = told["spread"]
    assert (apart["lowest"], apart["median"], apart["highest"]) == (
        pytest.approx(56.0), pytest.approx(100.0), pytest.approx(100.0),
    )  # fmt: skip
    assert [(f["grader_id"], f["difference"]) for f in apart["furthest"]] == [
        (centre.users["admin"], pytest.approx(-44.0))
    ]


def test_too_few_graders_give_a_reason(people, card):
    url = _calibration(people, card)
    people("coach").post(f"{url}/evaluations", json={"answers": _answers("yes")})
    told = people("qa_manager").post(f"{url}/close").json()["agreement"]
    assert told["choices"]["value"] is None
    assert "two graders" in told["choices"]["undefined"]
    assert told["points"]["value"] is None
    assert "two graders" in told["spread"]["undefined"]
    assert all(q["exact"]["share"] is None and q["exact"]["undefined"] for q in told["questions"])


def test_over_calls_each_question_has_its_agreement(people, card):
    for call_id, one, other in (
        ("call-n1", "yes", "yes"),
        ("call-n2", "no", "partly"),
        ("call-n1", "no", "no"),
    ):
        url = _calibration(people, card, call_id)
        people("coach").post(f"{url}/evaluations", json={"answers": _answers(one)})
        people("second_coach").post(f"{url}/evaluations", json={"answers": _answers(other)})
        people("qa_manager").post(f"{url}/close")
    lines = {q["key"]: q for q in people("coach").get(f"{API}/scorecards/{card}/agreement").json()}
    greeting = lines["greeting"]
    assert (greeting["calls"], greeting["agreeing"], greeting["pairs"]) == (3, 2, 3)
    choices = [["yes", "yes"], ["no", "partly"], ["no", "no"]]
    assert greeting["choices"]["value"] == pytest.approx(by_pairs(choices, "nominal"))
    assert greeting["points"]["value"] == pytest.approx(by_pairs([[2, 2], [0, 1], [0, 0]], "ordinal"))
    assert lines["silence"]["choices"] is None
    assert "the same" in lines["silence"]["points"]["undefined"]
    assert all(
        q["pairs"] == 0 for q in people("south_coach").get(f"{API}/scorecards/{card}/agreement").json()
    )


def test_who_leads_and_who_takes_part(people, card):
    body = {"scorecard_id": card, "call_id": "call-s1"}
    for name in ("coach", "agent", "analyst"):
        assert people(name).post(f"{API}/calibrations", json=body).status_code == 403
    url = _calibration(people, card, "call-s1")
    for name, code in (("coach", 404), ("agent", 403), ("analyst", 403), ("south_coach", 200)):
        assert people(name).get(url).status_code == code, name
    answers = {"answers": _answers("yes")}
    assert people("coach").post(f"{url}/evaluations", json=answers).status_code == 404
    assert people("south_coach").post(f"{url}/evaluations", json=answers).status_code == 201
    assert people("south_coach").post(f"{url}/close").status_code == 403
    assert people("coach").get(f"{API}/calibrations").json()["items"] == []
    first = people("south_coach").get(f"{API}/calibrations", params={"closed": False}).json()["items"]
    assert [(c["call_id"], c["n_graders"]) for c in first] == [("call-s1", 1)]
    assert people("south_coach").get(f"{API}/calibrations", params={"closed": True}).json()["items"] == []
    assert people("qa_manager").post(f"{API}/scorecards/{card}/retire").status_code == 200
    assert people("qa_manager").post(f"{API}/calibrations", json=body).status_code == 409
    taken = people("admin").post(f"{url}/evaluations", json=answers)
    assert taken.status_code == 201, "what began with this version ends with it"


def test_nothing_is_graded_after_it_was_closed_also_at_the_same_moment(people, card):
    answers = {"answers": _answers("yes")}
    for _ in range(3):
        url = _calibration(people, card)
        asks = {
            "coach": f"{url}/evaluations", "second_coach": f"{url}/evaluations", "qa_manager": f"{url}/close",
        }  # fmt: skip
        browsers = [people(name) for name in asks]
        with ThreadPoolExecutor(3) as pool:
            told = list(pool.map(lambda b, path: b.post(path, json=answers), browsers, asks.values()))
        taken = sum(answer.status_code == 201 for answer in told[:2])
        assert {answer.status_code for answer in told[:2]} <= {201, 409}
        assert told[2].json()["n_graders"] == people("admin").get(url).json()["n_graders"] == taken
