"""The review queue: the worst of unlike things first, and not ten times the same."""

import random
from dataclasses import replace

import pytest
from factories import agent, call, customer
from hypothesis import given
from hypothesis import strategies as st

from sentiment.call import Channel, Evidence, Moment
from sentiment.review import Candidate, candidates, review_queue


def candidate(rule, severity, *, call_id="c", agent_id=None, confidence=1.0, start_ms=0):
    moment = Moment(
        rule=rule,
        start_ms=start_ms,
        end_ms=start_ms + 1,
        severity=severity,
        evidence=Evidence(),
        explanation=".",
    )
    return Candidate(call_id=call_id, agent_id=agent_id, moment=moment, confidence=confidence)


def rules_of(queue):
    return [each.candidate.moment.rule for each in queue]


def test_of_unlike_moments_the_worst_comes_first():
    found = [candidate(rule, s, call_id=rule) for rule, s in (("a", 0.3), ("b", 0.9), ("c", 0.6))]
    assert rules_of(review_queue(found)) == ["b", "c", "a"]
    assert [each.value for each in review_queue(found)] == [0.9, 0.6, 0.3]


def test_what_is_not_sure_comes_later():
    found = [candidate("a", 0.9, call_id="a", confidence=0.5), candidate("b", 0.6, call_id="b")]
    assert rules_of(review_queue(found)) == ["b", "a"]


def test_not_ten_times_the_same_rule():
    found = [candidate("threat", 0.9, call_id=f"t{i}") for i in range(50)]
    found += [candidate("silence", 0.4, call_id=f"s{i}") for i in range(50)]
    found += [candidate("praise", 0.2, call_id=f"p{i}") for i in range(50)]
    top = rules_of(review_queue(found, top=15))
    assert {rule: top.count(rule) for rule in set(top)} == {"threat": 9, "silence": 4, "praise": 2}, (
        "by severity"
    )
    assert top[:4] == ["threat", "threat", "silence", "threat"]


def test_a_call_and_an_agent_seen_already_teach_less():
    found = [
        candidate("a", 0.9, call_id="one", agent_id="x"),
        candidate("b", 0.8, call_id="one", agent_id="x"),
        candidate("c", 0.7, call_id="two", agent_id="x"),
        candidate("d", 0.6, call_id="three", agent_id="y"),
    ]
    queue = review_queue(found)
    assert rules_of(queue) == ["a", "d", "c", "b"]
    assert [each.novelty for each in queue] == pytest.approx([1, 1, 1 / 1.5, 1 / 3])


def naive(found):
    """The definition, word for word: quadratic."""
    left, above, queue = list(found), [], []
    while left:

        def value(each):
            same = [a for a in above if a.moment.rule == each.moment.rule]
            in_call = [a for a in above if a.call_id == each.call_id]
            of_agent = [a for a in above if a.agent_id is not None and a.agent_id == each.agent_id]
            novelty = 1 / (1 + len(same) + len(in_call) + len(of_agent) / 2)
            return each.moment.severity * each.confidence * novelty

        def order(each):
            moment = each.moment
            ties = (moment.rule, -each.confidence, each.agent_id or "")
            return (-value(each), -moment.severity, each.call_id, moment.start_ms, *ties)

        best = min(left, key=order)
        queue.append((best, value(best)))
        above.append(best)
        left.remove(best)
    return queue


CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.sampled_from("abc"),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        call_id=st.sampled_from(["one", "two", "three"]),
        agent_id=st.sampled_from([None, "x", "y"]),
        confidence=st.sampled_from([0.5, 1.0]),
        start_ms=st.integers(0, 3),
    ),
    max_size=14,
)


@given(CANDIDATES, st.randoms())
def test_the_queue_is_as_defined_in_whatever_order_moments_come(found, rng):
    queue = [(each.candidate, each.value) for each in review_queue(found)]
    expected = naive(found)
    assert [value for _, value in queue] == pytest.approx([value for _, value in expected])
    assert sorted(map(repr, found)) == sorted(repr(each) for each, _ in queue)
    shuffled = rng.sample(found, len(found))
    assert [v for _, v in queue] == [each.value for each in review_queue(shuffled)]
    assert review_queue(found, top=3) == review_queue(found)[:3]


def test_tens_of_thousands_take_a_moment():
    rng = random.Random(3)
    found = [
        candidate(rng.choice("abcdefgh"), rng.random(), call_id=f"c{i // 3}", agent_id=f"a{i % 40}")
        for i in range(10_000)
    ]
    assert len(review_queue(found)) == 10_000  # under a second on a free core


def test_confidence_is_of_the_roles_and_of_what_was_heard():
    made = call(agent("Yes."), customer("I want to cancel."), customer("Now."))
    heard = [replace(u, confidence=c) for u, c in zip(made.utterances, (0.9, 0.8, 0.6), strict=True)]
    channels = (
        Channel(index=0, role="agent", source="inferred", confidence=0.7),
        Channel(index=1, role="customer", source="inferred", confidence=0.95),
    )
    moment = Moment(
        rule="a", start_ms=0, end_ms=1, severity=1.0, evidence=Evidence(utterances=(1, 2)), explanation="."
    )
    made = replace(made, utterances=tuple(heard), channels=channels, moments=(moment,), agent_id="x")
    (found,) = candidates(made)
    assert found.confidence == pytest.approx(0.95 * 0.7)
    assert (found.call_id, found.agent_id, found.moment) == ("test", "x", moment)
    text = call(customer("I want to cancel."), timed=False, moments=(replace(moment, evidence=Evidence()),))
    assert candidates(text)[0].confidence == 1.0
