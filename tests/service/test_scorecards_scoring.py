"""The arithmetic of scorecards against a slow plain oracle, and what a definition may not be."""

from __future__ import annotations

import copy
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from factories import agent, call, customer
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentiment.moments import reflag
from sentiment.rules.reader import default_rules
from service.coaching.answers import AnswersError, Given, fill, join
from service.coaching.definition import EXAMPLE, ChoiceQuestion, Definition
from service.coaching.evaluations import grade, graded
from service.coaching.measures import MEASURES, measured
from service.coaching.scoring import points_of, score

# ---- made-up scorecards ------------------------------------------------------------------------------


@st.composite
def weights(draw, n):
    """``n`` weights of four decimals that add up to 100."""
    cuts = draw(st.lists(st.integers(1, 999_999), min_size=n - 1, max_size=n - 1, unique=True))
    ends = [0, *sorted(cuts), 1_000_000]
    return [Decimal(b - a) / 10_000 for a, b in pairwise(ends)]


points = st.decimals(0, 1000, places=2)


@st.composite
def question(draw, key, weight):
    common = {"key": key, "text": key, "weight": weight, "may_be_not_applicable": True}
    if draw(st.booleans()):
        worth = draw(st.lists(points, min_size=2, max_size=4).filter(any))
        choices = [{"value": f"c{i}", "label": "x", "points": p} for i, p in enumerate(worth)]
        if draw(st.integers(0, 3)) == 0:
            choices.append({"value": "out", "label": "x", "points": 0, "fails": True})
        return {**common, "kind": "choice", "choices": choices}
    at = draw(st.lists(st.decimals(-100, 100, places=1), min_size=2, max_size=4, unique=True))
    worth = draw(st.lists(points, min_size=len(at), max_size=len(at)).filter(any))
    scale = [{"at": a, "points": p} for a, p in zip(sorted(at), worth, strict=True)]
    return {**common, "kind": "number", "scale": scale}


@st.composite
def definitions(draw):
    sections = []
    for i, weight in enumerate(draw(weights(draw(st.integers(1, 3))))):
        inner = draw(weights(draw(st.integers(1, 4))))
        questions = [draw(question(f"q{i}_{j}", w)) for j, w in enumerate(inner)]
        sections.append({"key": f"s{i}", "title": "x", "weight": weight, "questions": questions})
    return Definition.model_validate({"sections": sections})


@st.composite
def an_answer(draw, q):
    if draw(st.integers(0, 4)) == 0:
        return None
    if isinstance(q, ChoiceQuestion):
        return draw(st.sampled_from([c.value for c in q.choices]))
    return draw(st.decimals(q.scale[0].at, q.scale[-1].at, places=2))


@st.composite
def graded_calls(draw):
    definition = draw(definitions())
    return definition, {key: draw(an_answer(q)) for key, q in definition.questions.items()}


def oracle(definition, answers):
    """By the words: a section is the mean of its questions by weight, the whole of its sections by weight."""
    whole = []
    for section in definition.sections:
        shares = []
        for q in section.questions:
            value = answers[q.key]
            if value is None:
                continue
            if q.kind == "choice":
                (got,) = [c.points for c in q.choices if c.value == value]
                if [c for c in q.choices if c.value == value and c.fails]:
                    return Fraction(0)
                most = max(c.points for c in q.choices)
            else:
                got = interpolated([(Fraction(k.at), Fraction(k.points)) for k in q.scale], Fraction(value))
                most = max(k.points for k in q.scale)
            shares.append((Fraction(q.weight), Fraction(got) / Fraction(most)))
        if shares:
            total = sum(w for w, _ in shares)
            whole.append((Fraction(section.weight), sum(w * s for w, s in shares) / total))
    if not whole:
        return None
    return 100 * sum(w * s for w, s in whole) / sum(w for w, _ in whole)


def interpolated(knots, x):
    below = max((k for k in knots if k[0] <= x), key=lambda k: k[0])
    above = min((k for k in knots if k[0] >= x), key=lambda k: k[0])
    if below == above:
        return below[1]
    return below[1] + (above[1] - below[1]) * (x - below[0]) / (above[0] - below[0])


@given(graded_calls())
def test_the_score_is_that_of_the_oracle_and_its_parts_add_up(made):
    definition, answers = made
    failing = {k: v for k, v in answers.items() if v == "out"}
    scored = score(definition, answers)
    assert scored.score == (None if all(v is None for v in answers.values()) else oracle(definition, answers))
    assert set(scored.failed_by) == set(failing)
    if scored.score is None:
        assert scored.undefined
        return
    assert 0 <= scored.score <= 100
    assert 0 <= scored.without_fail <= 100
    assert sum(s.contribution for s in scored.sections) == scored.without_fail
    assert sum(s.weight for s in scored.sections) == 100
    for s in scored.sections:
        assert sum(q.contribution for q in s.questions) == s.contribution
        assert sum(q.weight for q in s.questions) == s.weight


@given(graded_calls(), st.data())
def test_an_answer_of_more_points_never_lowers_the_score(made, data):
    definition, answers = made
    key = data.draw(st.sampled_from(sorted(definition.questions)))
    q = definition.questions[key]
    one, other = data.draw(an_answer(q)), data.draw(an_answer(q))
    assume(one is not None and other is not None)
    low, high = sorted((one, other), key=lambda value: points_of(q, value))
    if points_of(q, low) == points_of(q, high):
        low, high = sorted(
            (low, high), key=lambda value: value != "out"
        )  # failing is no better than 0 points
    assert score(definition, {**answers, key: low}).score <= score(definition, {**answers, key: high}).score


@given(graded_calls(), st.randoms(use_true_random=False))
def test_the_order_of_sections_and_questions_does_not_matter(made, random):
    definition, answers = made
    body = definition.model_dump()
    random.shuffle(body["sections"])
    for section in body["sections"]:
        random.shuffle(section["questions"])
    assert score(Definition.model_validate(body), answers).score == score(definition, answers).score


@given(graded_calls(), st.data())
def test_what_does_not_apply_counts_as_if_it_were_not_there(made, data):
    """A scorecard without the question, its weight shared among the rest of its section in proportion."""
    definition, answers = made
    section = data.draw(st.sampled_from(definition.sections))
    q = data.draw(st.sampled_from(section.questions))
    before = score(definition, {**answers, q.key: None})
    for s in before.sections:
        for each in s.questions:
            assert each.key != q.key or (each.weight, each.contribution) == (0, 0)
    rest = [x for x in section.questions if x.key != q.key and answers[x.key] is not None]
    by_key = {x.key: x.weight for s in before.sections for x in s.questions}
    shares = {by_key[x.key] / Fraction(x.weight) for x in rest}
    assert len(shares) <= 1, "the rest of the section keeps its proportions"
    alive = [s for s in definition.sections
             if any(answers[x.key] is not None and x.key != q.key for x in s.questions)]  # fmt: skip
    by_section = {s.key: s.weight for s in before.sections}
    assert len({by_section[s.key] / Fraction(s.weight) for s in alive}) <= 1
    assert sum(by_section.values()) == (100 if alive else 0)


@given(graded_calls())
def test_a_definition_comes_back_from_json_as_it_was(made):
    definition, _ = made
    assert Definition.model_validate_json(definition.model_dump_json()) == definition


def test_a_score_by_hand():
    """Greeting partly: half of 40; respect: 60; so manner 80. Silence of 30 s: 6 of 10. 0.6*80 + 0.4*60."""
    scored = score(
        Definition.model_validate(EXAMPLE), {"greeting": "partly", "respect": "yes", "silence": Decimal(30)}
    )
    assert float(scored.score) == pytest.approx(72.0)
    assert [float(s.score) for s in scored.sections] == [80.0, 60.0]
    failed = score(
        Definition.model_validate(EXAMPLE), {"greeting": "yes", "respect": "no", "silence": Decimal(10)}
    )
    assert (failed.score, failed.failed_by) == (0, ("respect",))
    assert float(failed.without_fail) == pytest.approx(0.6 * 40 + 40)


# ---- what a definition may not be --------------------------------------------------------------------


def _changed(change):
    body = copy.deepcopy(EXAMPLE)
    change(body)
    return body


def _weigh(value, *path):
    def change(body):
        at = body["sections"]
        for step in path:
            at = at[step]
        at["weight"] = value

    return change


def _set(value, *path):
    def change(body):
        at = body["sections"]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_weigh("59.9999", 0), "the weights of the sections add up to 99.9999 %"),
        (_weigh(41, 0, "questions", 0), "section 'manner': the weights of its questions add up to 101 %"),
        (_weigh(0, 0), "greater than 0"),
        (_weigh(None, 1), "section 'flow': .* needs a weight"),
        (_weigh("59.99999", 0), "decimal"),
        (_set("greeting", 1, "questions", 1, "key"), "question 'greeting' is there twice"),
        (_set("manner", 1, "key"), "section 'manner' is there twice"),
        (_set("maybe", 0, "questions", 1, "filled_by", "fired"), "'maybe', which is no choice"),
        (_set("mood", 1, "questions", 0, "filled_by", "measure"), "'mood' is measured of no call"),
        (_set("5", 1, "questions", 0, "scale", 1, "at"), "must go up"),
        (_set("0", 1, "questions", 0, "scale", 0, "points"), "no points"),
        (_set("1", 0, "questions", 1, "choices", 1, "points"), "fails the call, so it can have no points"),
        (_set([], 0, "questions"), "at least 1"),
        (_set("x", 0, "colour"), "Extra inputs"),
        (_set("NaN", 1, "questions", 0, "scale", 1, "at"), "finite"),
        (_set("1e9", 1, "questions", 0, "scale", 1, "at"), "7 digits before"),
    ],
)
def test_a_definition_that_cannot_be_is_refused_and_told(change, says):
    with pytest.raises(ValidationError, match=says):
        Definition.model_validate(_changed(change))


def test_weights_are_decimals_so_thirds_have_to_be_made_to_add_up():
    body = copy.deepcopy(EXAMPLE["sections"][0])
    body["questions"] = [
        {**body["questions"][0], "key": f"q{i}", "weight": w} for i, w in enumerate((33.3, 33.3, 33.4))
    ]
    Definition.model_validate({"sections": [{**body, "weight": 100.0}]})
    body["questions"][2]["weight"] = 33.3
    with pytest.raises(ValidationError, match=r"add up to 99.9 %"):
        Definition.model_validate({"sections": [{**body, "weight": 100}]})


# ---- answers -----------------------------------------------------------------------------------------


def _call(**more):
    made = call(
        agent("Hello, how can I help?", 0.1, start_ms=0, end_ms=4000),
        customer("I have waited for so long.", -0.5, start_ms=24_000, end_ms=30_000),
        agent("I am sorry about that, let me look.", 0.2, start_ms=60_000, end_ms=66_000),
        customer("Thank you.", 0.6, start_ms=66_500, end_ms=70_500),
        **more,
    )
    return reflag(made, default_rules())


def test_the_call_answers_what_it_can():
    """Speech: agent 4 + 6 s, customer 6 + 4 s. Silences 20 s and 30 s. The scale ends at 10 and 60."""
    made = _call()
    assert measured(made, "talk_ratio").value == pytest.approx(50.0)
    assert measured(made, "longest_silence").value == pytest.approx(30.0)
    assert measured(made, "interruptions_by_agent").value == 0
    assert measured(made, "silence_share").value == pytest.approx(100 * 50 / 70.5, abs=1e-3)
    found = fill(Definition.model_validate(EXAMPLE), made)
    assert (found["silence"].value, found["silence"].figure) == (Decimal("30.0"), 30.0)
    assert (found["respect"].source, found["respect"].value) == ("rule:dismissive_wording", "yes")
    answers, total = grade(Definition.model_validate(EXAMPLE), made, {"greeting": Given(value="yes")})
    assert total == pytest.approx(0.6 * 100 + 0.4 * 60)
    assert answers["silence"]["source"] == "measure:longest_silence"
    assert answers["greeting"]["source"] == "grader"


def test_a_measure_beyond_the_scale_counts_as_its_end_and_is_kept():
    body = _changed(_set([{"at": 5, "points": 1}, {"at": 20, "points": 0}], 1, "questions", 0, "scale"))
    found = fill(Definition.model_validate(body), _call())["silence"]
    assert (found.value, found.figure) == (Decimal(20), 30.0)


def test_every_measure_is_a_number_or_says_why_not():
    chat = call(agent("Hi"), customer("Hello"), timed=False)
    silent = call(customer("Is anybody there?"))
    for name, measure in MEASURES.items():
        assert measured(_call(), name).value is not None
        for made in (chat, silent):
            found = measured(made, name)
            assert (found.value is None) != (found.unmeasured is None), (name, found)
        assert measure.says


def test_where_nobody_looked_for_moments_a_rule_answers_nothing():
    made = call(agent("Hello"), customer("Hello"))
    found = fill(Definition.model_validate(EXAMPLE), made)["respect"]
    assert found.value is None
    assert "looked for moments" in found.unmeasured
    with pytest.raises(AnswersError, match="unanswered are greeting, respect"):
        join(Definition.model_validate(EXAMPLE), {}, fill(Definition.model_validate(EXAMPLE), made))


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({}, "answers.greeting: not answered"),
        ({"greeting": Given()}, "answers.greeting: not answered"),
        ({"greeting": Given(value="maybe")}, "one of yes, partly, no"),
        ({"greeting": Given(not_applicable=True)}, "cannot be not applicable"),
        ({"greeting": Given(value="yes", not_applicable=True)}, "give one of them"),
        ({"farewell": Given(value="yes")}, "no such question"),
        ({"respect": Given(value="no")}, "rule:dismissive_wording says yes; give a reason"),
        ({"respect": Given(value="no", reason="  ")}, "give a reason"),
        ({"respect": Given(not_applicable=True)}, "give a reason"),
        ({"silence": Given(value="5")}, "from 10 to 60"),
        ({"silence": Given(value="many", reason="x")}, "from 10 to 60"),
        ({"silence": Given(value="sNaN", reason="x")}, "from 10 to 60"),
        ({"silence": Given(value="12.00001", reason="x")}, "4 decimals"),
        ({"remark": Given(value=" ")}, "1 to 10000 characters"),
        ({"silence": Given(reason="x")}, "a reason, but no answer"),
    ],
)
def test_answers_that_cannot_be_are_refused_and_told(given_, says):
    answers = {"greeting": Given(value="yes"), **given_} if given_ and "greeting" not in given_ else given_
    with pytest.raises(AnswersError, match=says):
        grade(Definition.model_validate(EXAMPLE), _call(), answers)


def test_an_override_with_a_reason_counts_and_shows_what_it_overrides():
    answers, total = grade(
        Definition.model_validate(EXAMPLE),
        _call(),
        {
            "greeting": Given(value="yes"),
            "respect": Given(value="no", reason="Sarcasm at 0:12."),
            "silence": Given(value="30.0"),
        },
    )
    assert total == 0
    assert answers["respect"]["overridden"]
    assert answers["respect"]["filled"]["value"] == "yes"
    assert answers["respect"]["reason"] == "Sarcasm at 0:12."
    assert not answers["silence"]["overridden"], "the same number, written otherwise"
    assert graded(Definition.model_validate(EXAMPLE), answers).failed_by == ("respect",)
