"""Joining hits: ranges, counts, companions near and far, negation, groups, and what becomes a moment."""

import pytest
from factories import agent, call, customer
from hypothesis import given
from hypothesis import strategies as st

from sentiment.moments import flag_moments
from sentiment.rules.reader import rules_of
from sentiment.rules.values import Range

HEAD = '[[rule]]\nname = "it"\ndescription = "It."\nseverity = [0, 1]\n'
TICK = '[[rule.all]]\nfilter = "phrase"\nwords = ["tick"]\n'
TOCK = '[[rule.all]]\nfilter = "phrase"\nwords = ["tock"]\n'


def found(conditions, *turns, tell="{quote}", keep="each", **fields):
    text = f'{HEAD}keep = "{keep}"\nexplanation = "{tell}"\n{conditions}'
    return flag_moments(call(*turns, **fields), rules_of(text, "test"))


def places(moments):
    return [m.evidence.utterances for m in moments]


def said(text, **more):
    """``c: tick`` is the customer's, ``a: tock`` the agent's; one utterance each."""
    who = {"c": customer, "a": agent}
    return [who[part[0]](part[3:], **more) for part in text.split(" | ")]


# -- ranges, durations and counts ------------------------------------------------------------------

TEN = [customer("tick now", start_ms=s * 10_000, end_ms=s * 10_000 + 5_000) for s in range(10)]


@pytest.mark.parametrize(
    ("part", "which"),
    [
        ("first_s = 12", [0, 1]),
        ("last_s = 5", [9]),
        ("from_s = 15, to_s = 30", [2]),
        ("from_s = 84", [8, 9]),
        ("to_s = 10", [0]),
        ("first_percent = 10", [0]),
        ("last_percent = 20", [8, 9]),
        ("from_percent = 50, to_percent = 60", [5]),
    ],
)
def test_a_hit_counts_if_it_touches_the_range(part, which):
    condition = TICK + f"range = {{ {part} }}\n"
    assert places(found(condition, *TEN)) == [(i,) for i in which]


@pytest.mark.parametrize(
    ("part", "which"),
    [
        ("first_s = 10", [0]),
        ("last_s = 10", [3, 4]),
        ("from_s = 10, to_s = 30", [1, 2]),
        ("first_percent = 1", [0]),
        ("last_percent = 1", [4]),
        ("from_percent = 25, to_percent = 50", [1]),
        ("from_percent = 75, to_percent = 100", [3, 4]),
    ],
)
def test_a_line_sent_at_one_moment_is_where_that_moment_is(part, which):
    lines = [customer("tick", start_ms=s * 10_000, end_ms=s * 10_000) for s in range(5)]
    assert places(found(f"{TICK}range = {{ {part} }}\n", *lines)) == [(i,) for i in which]


def test_a_share_of_a_chat_sent_at_one_moment_goes_by_utterances():
    lines = [customer("tick", start_ms=0, end_ms=0) for _ in range(10)]
    assert places(found(f"{TICK}range = {{ last_percent = 20 }}\n", *lines)) == [(8,), (9,)]
    assert len(found(f"{TICK}range = {{ first_s = 1 }}\n", *lines)) == 10


def test_without_times_a_range_goes_by_utterances_and_none_is_absolute():
    relative = TICK + "range = { last_percent = 20 }\n"
    assert places(found(relative, *TEN, timed=False)) == [(8,), (9,)]
    assert not found(TICK + "range = { last_s = 60 }\n", *TEN, timed=False)
    assert not found(TICK + "min_s = 0.1\n", *TEN, timed=False)


@given(st.floats(0.1, 100), st.integers(1, 10_000_000))
def test_the_first_and_the_last_share_are_equally_long(percent, length):
    first, last = Range(first_percent=percent), Range(last_percent=percent)
    low, high = first.bounds(length)
    assert low == 0
    assert 0 < high <= length * 1.000001
    assert last.bounds(length) == pytest.approx((length - high, length))


def test_a_range_longer_than_the_call_is_all_of_it():
    assert len(found(TICK + "range = { last_s = 3600 }\n", *TEN)) == 10


def test_duration_and_count():
    turns = [customer("tick", end_ms=1_000), customer("tick so long", end_ms=9_000)]
    assert places(found(TICK + "min_s = 2\n", *turns)) == [(1,)]
    assert places(found(TICK + "max_s = 2\n", *turns)) == [(0,)]
    assert len(found(TICK + "min_count = 2\n", *turns)) == 2
    assert not found(TICK + "min_count = 3\n", *turns)


# -- beside another --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "n"),
    [
        ("", 1),
        ('where = "after"', 1),
        ('where = "before"', 0),
        ('where = "same"', 0),
        ('where = "after"\nwithin_turns = 2', 1),
        ('where = "after"\nwithin_turns = 1', 0),
        ('where = "after"\nwithin_s = 60', 1),
        ('where = "after"\nwithin_s = 1', 0),
    ],
)
def test_where_another_hit_must_be(keys, n):
    turns = said(
        "c: tick there it is | a: not this one | a: still the same turn | c: well I never | a: tock it is"
    )
    assert len(found(f"{TICK}{TOCK}{keys}\n", *turns)) == n


def test_turns_are_counted_of_the_speaker_and_backchannels_are_none():
    turns = said("c: tick there it is | a: mm-hm | c: and so it goes | a: okay then | a: tock it is now")
    assert found(f'{TICK}{TOCK}where = "after"\nwithin_turns = 1\n', *turns)
    turns = said("c: tick there it is | a: look at that | c: and so it goes | a: tock it is now")
    assert not found(f'{TICK}{TOCK}where = "after"\nwithin_turns = 1\n', *turns)


def test_before_is_after_the_other_way_round():
    turns = said("a: tock it is now | c: well I never | a: another thing then | c: tick there it is")
    assert found(f'{TICK}{TOCK}where = "before"\nwithin_turns = 2\n', *turns)
    assert not found(f'{TICK}{TOCK}where = "before"\nwithin_turns = 1\n', *turns)


def test_the_same_place_is_the_same_utterance():
    assert found(f'{TICK}{TOCK}where = "same"\n', *said("c: tick and tock"))


def test_times_that_are_missing_are_not_within_seconds():
    turns = said("c: tick there it is | a: tock it is now")
    assert found(f'{TICK}{TOCK}where = "after"\nwithin_s = 5\n', *turns)
    assert not found(f'{TICK}{TOCK}where = "after"\nwithin_s = 5\n', *turns, timed=False)


def test_what_is_beside_it_is_evidence_and_can_be_told():
    turns = said("c: tick there it is | c: I go on a bit | a: tock it is now")
    (near,) = found(
        f'{TICK}{TOCK}where = "after"\nname = "then"\n', *turns, tell="{quote} {then.quote} {then.time}"
    )
    assert near.explanation == "“tick there it is” “tock it is now” 0:04."
    assert near.evidence.utterances == (0, 2)
    assert (near.start_ms, near.end_ms) == (0, 5_800)
    (far,) = found(f"{TICK}{TOCK}", *turns)
    assert far.evidence.utterances == (0, 2)
    assert far.end_ms == 1_600, "what may be anywhere is not part of the moment's time"


def test_numbers_of_another_bear_its_name():
    conditions = TICK + '[[rule.all]]\nfilter = "polarity"\nat_most = -0.5\nname = "low"\n'
    (moment,) = found(conditions, customer("tick"), customer(polarity=-0.8))
    assert moment.evidence.numbers == {"low_polarity": -0.8, "low_intensity": 0.8}


def test_so_many_must_stand_beside_it():
    turns = said("c: tick there it is | a: tock it is now | c: I see that now | a: tock it is now")
    assert found(f'{TICK}{TOCK}where = "after"\nmin_count = 2\n', *turns)
    assert not found(f'{TICK}{TOCK}where = "after"\nmin_count = 2\nwithin_turns = 1\n', *turns)


# -- negation --------------------------------------------------------------------------------------

MISSED = TICK + '[[rule.all]]\nfilter = "phrase"\nrole = "agent"\nwords = ["tock"]\nnegate = true\n'
SOON = MISSED + 'where = "after"\nwithin_turns = 2\n'


@pytest.mark.parametrize(
    ("turns", "n"),
    [
        ("c: tick there it is | a: not this one | c: nor do I | a: nor that one", 1),
        ("c: tick there it is | a: not this one | c: nor do I | a: tock it is", 0),
        (
            "c: tick there it is | a: no no no | c: nor do I | a: nor that one | c: so what is it | a: tock",
            1,
        ),
        ("c: tick there it is", 0),
        ("c: tick there it is | a: mm", 0),
        ("c: tick there it is | a: that was it", 1),
        ("a: tock it is | c: tick there it is | a: what is it", 1),
    ],
)
def test_what_did_not_follow_must_have_been_possible(turns, n):
    assert len(found(SOON, *said(turns))) == n


def test_without_a_number_of_turns_nothing_may_have_followed_at_all():
    ever = MISSED + 'where = "after"\n'
    assert found(ever, *said("c: tick there it is"))
    assert not found(ever, *said("c: tick there it is | c: and so on | a: tock it is"))


def test_what_must_not_be_anywhere_in_the_call():
    assert found(MISSED, *said("c: tick | a: nothing"))
    assert not found(MISSED, *said("a: tock | c: tick"))
    assert found(MISSED + "range = { first_s = 1 }\n", *said("c: tick and so on it goes | a: tock"))


def test_negated_with_a_count_is_fewer():
    assert found(MISSED + "min_count = 2\n", *said("a: tock | c: tick"))
    assert not found(MISSED + "min_count = 2\n", *said("a: tock | a: tock | c: tick"))


# -- groups ----------------------------------------------------------------------------------------

EITHER = (
    '[[rule.any]]\nfilter = "phrase"\nwords = ["tick"]\n[[rule.any]]\nfilter = "phrase"\nwords = ["tock"]\n'
)


def test_any_finds_the_hits_of_each_once():
    turns = said("c: tick | a: nothing | c: tock | a: tick tock")
    assert places(found(EITHER, *turns)) == [(0,), (2,), (3,)]


def test_all_within_any_and_any_within_all():
    both = EITHER + '[[rule.any]]\n[[rule.any.all]]\nfilter = "phrase"\nwords = ["ding"]\n'
    both += '[[rule.any.all]]\nfilter = "phrase"\nwords = ["dong"]\nwhere = "after"\n'
    assert places(found(both, *said("c: ding | a: nothing | c: dong | c: ding"))) == [(0, 2)]
    group = '[[rule.all]]\nwhere = "after"\nname = "then"\n' + EITHER.replace("rule.any", "rule.all.any")
    ding = '[[rule.all]]\nfilter = "phrase"\nwords = ["ding"]\n' + group
    (moment,) = found(ding, *said("c: ding | a: nothing | c: tock"), tell="{quote} {then.quote}")
    assert moment.explanation == "“ding” “tock”."
    assert not found(ding, *said("c: tock | c: ding"))


def test_alternatives_may_say_each_where_they_are():
    conditions = (
        '[[rule.all]]\nfilter = "phrase"\nwords = ["ding"]\n[[rule.all]]\n'
        '[[rule.all.any]]\nfilter = "phrase"\nwords = ["tick"]\nwhere = "before"\n'
        '[[rule.all.any]]\nfilter = "phrase"\nwords = ["tock"]\nwhere = "after"\n'
    )
    assert found(conditions, *said("c: tick | c: ding"))
    assert found(conditions, *said("c: ding | c: tock"))
    assert not found(conditions, *said("c: tock | c: ding | c: tick"))
    negated = conditions.replace(
        'words = ["ding"]\n[[rule.all]]\n', 'words = ["ding"]\n[[rule.all]]\nnegate = true\n'
    )
    assert not found(negated, *said("c: tick it is | c: ding it is | a: so it is"))
    assert found(negated, *said("a: so it is | c: so it is | c: ding it is | a: so it is | c: right it is"))


# -- from hits to moments --------------------------------------------------------------------------

FOUR = [
    customer("tick", p, start_ms=s) for p, s in ((-0.2, 0), (-0.9, 5_000), (-0.3, 60_000), (-0.9, 90_000))
]
APART = [
    FOUR[0],
    agent(start_ms=2_000),
    FOUR[1],
    agent(start_ms=30_000),
    FOUR[2],
    agent(start_ms=70_000),
    FOUR[3],
]


@pytest.mark.parametrize(
    ("keep", "which"),
    [
        ("runs", [(0, 2), (4,), (6,)]),
        ("each", [(0,), (2,), (4,), (6,)]),
        ("worst", [(2,)]),
        ("first", [(0,)]),
        ("last", [(6,)]),
        ("together", [(0, 2, 4, 6)]),
    ],
)
def test_which_hits_become_moments(keep, which):
    assert places(found(TICK, *APART, keep=keep)) == which


def test_several_hits_are_told_by_the_strongest_and_counted():
    first, *_ = found(TICK, *APART, keep="runs", tell="{when} {n}")
    assert first.explanation == "At 0:05 2 (2 such turns close together)."
    assert (first.severity, first.evidence.numbers) == (0.9, {"turns": 2})
    (whole,) = found(TICK, *APART, keep="together", tell="{n} times, at worst {when}")
    assert whole.explanation == "4 times, at worst At 0:05."


def test_how_near_hits_are_neighbours_can_be_set():
    text = f'{HEAD}merge_s = 60\nexplanation = "{{quote}}"\n{TICK}'
    assert places(flag_moments(call(*APART), rules_of(text, "test"))) == [(0, 2, 4, 6)]


def test_a_rule_yields_to_another_at_the_same_utterance():
    one = f'{HEAD}keep = "each"\nyields_to = ["other"]\nexplanation = "{{quote}}"\n{TICK}'
    other = one.replace('"it"', '"other"').replace('yields_to = ["other"]\n', "").replace("tick", "tick tock")
    turns = said("c: tick | a: and so it goes | c: tick tock")
    moments = flag_moments(call(*turns), rules_of(one + other, "test"))
    assert [(m.rule, m.evidence.utterances) for m in moments] == [("it", (0,)), ("other", (2,))]
    runs = one.replace('keep = "each"\n', "") + other
    assert [m.rule for m in flag_moments(call(*turns), rules_of(runs, "test"))] == ["other"], "one outburst"
