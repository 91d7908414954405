"""Each filter: what it finds, what it does not, and what it says of it."""

import dataclasses

import numpy as np
import pytest
from factories import agent, call, customer, utterance

from sentiment.call import Estimate, Model, Shift, Word
from sentiment.moments import flag_moments, reflag
from sentiment.rules.reader import rules_of
from sentiment.rules.seen import Embedder


def found(condition, *turns, tell="{quote}", embedder=None, **fields):
    """The moments of a rule with one condition, each hit one of them."""
    text = (
        '[[rule]]\nname = "it"\ndescription = "It."\nseverity = [0, 1]\nkeep = "each"\n'
        f'explanation = "{tell}"\n[[rule.all]]\n{condition}'
    )
    more = {} if embedder is None else {"embedder": embedder}
    return flag_moments(call(*turns, **fields), rules_of(text, "test"), **more)


def places(moments):
    return [m.evidence.utterances for m in moments]


# -- wording ---------------------------------------------------------------------------------------


def test_plain_words_are_found_whole_in_any_spelling():
    said = ["I CAN'T log in!", "I cannot, log in", "The catalog is in.", "can not log into it"]
    condition = 'filter = "phrase"\nwords = ["can\'t log in"]\nalso_negated = true'
    assert places(found(condition, *map(customer, said))) == [(0,), (1,)]


def test_a_negated_phrase_counts_only_if_asked_for():
    condition = 'filter = "phrase"\nwords = ["a refund"]\n'
    said = customer("I don't want a refund.")
    assert not found(condition, said)
    assert found(condition + "also_negated = true", said)


def test_words_with_signs_in_them_are_no_regular_expressions():
    condition = 'filter = "phrase"\nwords = ["a.b (c)", "4+4"]\n'
    assert not found(condition, customer("axb c"), customer("4444"))
    assert len(found(condition, customer("So a.b (c) it is."), customer("It is 4+4."))) == 2


def test_a_phrase_is_told_by_its_kind_and_its_words_and_is_of_one_role():
    condition = 'filter = "phrase"\nrole = "customer"\nsets = ["leaving"]\npatterns = [\'good ?bye\']'
    turns = agent("I will close my account."), customer("I'll close my account."), customer("Bye. Good bye.")
    first, second = found(condition, *turns, tell="{who}: {kind}, {found}.")
    assert first.explanation == "the customer: closing the account, “close my account”."
    assert second.explanation == "the customer: “good bye”, “good bye”."


def test_a_long_utterance_is_quoted_where_the_phrase_is():
    condition = 'filter = "phrase"\nwords = ["a refund"]'
    before = "I went to the shop on the corner of my street where I have been going for years. "
    (short,) = found(condition, customer(before + "They refused me a refund. So here I am, calling you."))
    assert short.explanation == "“…They refused me a refund. So here I am, calling you.”"
    (long,) = found(condition, customer("well " * 60 + "so I wanted a refund " + "again " * 60))
    assert long.explanation.startswith("“…well so I wanted a refund again")
    assert len(long.explanation) < 100


def test_a_customer_who_says_it_with_more_feeling_weighs_more():
    condition = 'filter = "phrase"\nwords = ["it broke"]'
    mild, strong, other = found(
        condition, customer("It broke.", 0.1), customer("It broke!", -0.9), agent("It broke?", -0.9)
    )
    assert (mild.severity, strong.severity, other.severity) == (0, 0.9, 0)


class FakeMeaning:
    """Texts of the same first letter mean the same; those of neighbours nearly."""

    model = Model(task="meaning", name="fake-meaning", revision="1")

    def __init__(self):
        self.loaded = self.asked = 0

    def load(self):
        self.loaded += 1
        return self

    def embed(self, texts):
        self.asked += len(texts)
        angles = np.array([ord(t[0].lower()) - ord("a") for t in texts]) * 0.3
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_meaning_is_near_one_of_the_examples_and_loaded_once_and_only_if_asked():
    fake = FakeMeaning()
    embedder = Embedder(fake.load)
    turns = (
        agent("Aha, is it so"),
        customer("A thing of mine"),
        customer("B side of it"),
        customer("Zero of it"),
    )
    condition = 'filter = "meaning"\nrole = "customer"\nexamples = ["m one", "a one"]\nsimilarity = 0.9'
    near, nearly = found(condition, *turns, tell="{example} {similarity} {quote}.", embedder=embedder)
    assert near.explanation == "“a one” 1.00 “A thing of mine”."
    assert nearly.evidence.numbers["similarity"] == pytest.approx(np.cos(0.3), abs=0.001)
    assert fake.loaded == 1
    assert not found('filter = "phrase"\nwords = ["x"]', *turns, embedder=Embedder(pytest.fail))
    found(condition, *turns, embedder=embedder)
    assert fake.loaded == 1


def test_the_model_of_meaning_is_recorded_where_rules_ask_for_it():
    text = 'name = "it"\ndescription = "It."\nseverity = 0\nexplanation = "It."\n[[rule.any]]\nfilter = '
    asking = rules_of(f'[[rule]]\n{text}"meaning"\nexamples = ["it"]', "test")
    other = rules_of(f'[[rule]]\n{text}"turn"', "test")
    embedder = Embedder(FakeMeaning().load)
    recorded = reflag(call(customer()), asking, embedder=embedder)
    assert recorded.provenance.models == (FakeMeaning.model,)
    assert reflag(recorded, asking, embedder=embedder) == recorded
    assert reflag(recorded, other, embedder=embedder).provenance.models == ()


@pytest.mark.model
def test_the_shipped_embeddings_know_what_is_near_in_meaning():
    said = ["Nobody has called me back.", "My bill is too high this month.", "I got no call back."]
    condition = 'filter = "meaning"\nexamples = ["nobody called me back"]\nsimilarity = 0.5'
    near = places(found(condition, *map(customer, said), timed=False))
    assert (0,) in near
    assert (1,) not in near


def test_who_says_the_same_again_after_an_answer_repeats_themselves():
    said = "My order number is on the blue form"
    turns = customer(said), customer(said), agent("I see."), customer(f"{said}, as I said!")
    condition = 'filter = "repetition"\nrole = "customer"'
    (again,) = found(condition, *turns, tell="{earlier_time} {earlier} {similarity}: {quote}")
    assert again.evidence.utterances == (1, 3) or again.evidence.utterances == (0, 3)
    assert not found(condition, *turns[:3], customer("The parcel never came at all last week")), (
        "another thing"
    )
    assert not found(condition, customer("Thank you, okay."), agent(), customer("Thank you, okay.")), (
        "no words"
    )


def test_only_questions_are_asked_again():
    asked = "What is the account number at your old bank?"
    turns = agent(asked), customer("Why?"), agent(asked), customer("No."), agent(asked[:-1] + ".")
    condition = 'filter = "repetition"\nrole = "agent"\nquestions = true'
    assert places(found(condition, *turns)) == [(0, 2)]


def test_a_turn_is_all_until_the_other_takes_over_backchannels_aside():
    turns = (
        agent("First I will look."), customer("Mm-hm."), agent("Then I will call."),
        customer("That is all very well."), agent("Yes."),
    )  # fmt: skip
    condition = 'filter = "turn"\nrole = "agent"\nmin_words = 5'
    (long,) = found(condition, *turns, tell="{n_words}: {quote}")
    assert long.explanation == "8: “First I will look. Then I will call.”"
    assert long.evidence.utterances == (0, 2)
    assert places(found('filter = "turn"\nrole = "agent"\nmax_words = 1', *turns)) == [(4,)]


# -- feeling ---------------------------------------------------------------------------------------


def test_polarity_and_intensity_are_the_customers():
    turns = (
        agent(polarity=-0.9),
        customer("It is bad.", -0.9, intensity=0.5),
        customer("Hm.", -0.9),
        customer(),
    )
    (told,) = found(
        'filter = "polarity"\nat_most = -0.6\nmin_words = 3', *turns, tell="{polarity} {intensity}."
    )
    assert told.explanation == "−0.90 0.50."
    assert told.severity == 0.45
    assert places(found('filter = "intensity"\nat_least = 0.6', *turns)) == [(2,)]
    assert places(found('filter = "polarity"\nat_least = -0.1\nat_most = 0.1', *turns)) == [(3,)]


def test_an_unscored_utterance_has_no_feeling():
    assert not found('filter = "polarity"\nat_most = 1', customer(polarity=None))
    assert not found('filter = "emotion"\nemotions = ["joy"]\nat_least = 0', customer(polarity=None))


def test_the_most_probable_of_the_emotions_is_told():
    turns = customer(emotions={"anger": 0.6, "annoyance": 0.7, "joy": 0.9}), agent(emotions={"anger": 1.0})
    condition = 'filter = "emotion"\nemotions = ["anger", "annoyance"]'
    (told,) = found(condition, *turns, tell="{emotion} {probability}.")
    assert (told.explanation, told.severity) == ("annoyance 0.70.", 0.7)
    assert told.evidence.numbers == {"annoyance_probability": 0.7}


def test_mood_weighs_words_and_quotes_what_goes_furthest():
    turns = [customer("one two three four five six seven eight nine ten", 0.5), agent()]
    turns += [customer("It was quite good.", 0.2), customer("No.", -1.0)]
    (all_of_it,) = found('filter = "mood"\nat_least = -1', *turns, tell="{polarity} {quote}")
    assert all_of_it.explanation == "+0.32 “one two three four five six seven eight nine ten”."
    (end,) = found('filter = "mood"\nlast_percent = 1\nat_most = 0', *turns, tell="{polarity} {quote}")
    assert end.evidence.utterances == (2, 3)
    assert end.evidence.numbers == {"polarity": pytest.approx(-0.04)}
    (begin,) = found('filter = "mood"\nfirst_percent = 10\nat_least = 0', *turns)
    assert begin.evidence.utterances == (0, 2)
    assert not found('filter = "mood"\nat_least = -1', *turns[:3]), "two utterances are too few"


def shift(before, after, *, role="customer", index=2, trigger=1, confidence=0.9):
    return Shift(
        at_ms=None, utterance_index=index, role=role, before=before, after=after, confidence=confidence,
        trigger_index=trigger, reason="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "n"),
    [
        ("", 2),
        ('direction = "better"', 1),
        ("min_change = 0.9", 1),
        ("min_confidence = 0.85", 1),
        ("before_at_most = 0", 1),
        ("after_at_least = 0.3", 1),
        ("before_at_least = 0.5\nafter_at_most = 0", 1),
        ("before_at_least = 0.6", 0),
    ],
)
def test_shifts_by_direction_size_confidence_and_level(keys, n):
    shifts = (shift(0.5, -0.5), shift(-0.5, 0.3, confidence=0.8), shift(0.9, -0.9, role="agent"))
    made = {"shifts": shifts, "timed": False}
    assert len(found(f'filter = "shift"\n{keys}', customer(), agent(), customer(), **made)) == n


def test_an_estimate_is_asked_on_its_own_scale_and_an_abstention_is_none():
    low = Estimate(instrument="csat", expected=1.8, low=1.2, high=2.6, p_top_box=0.1)
    none = Estimate(
        instrument="nps", expected=None, low=None, high=None, p_top_box=None, abstained="too little speech"
    )
    made = {"estimates": (none, low)}
    condition = 'filter = "estimate"\ninstrument = "csat"\nat_most = 2'
    tell = "Estimated {instrument} {expected} ({low} to {high})"
    (told,) = found(condition, customer(), agent(), customer(), tell=tell, **made)
    assert told.explanation == "Estimated CSAT 1.8 (1.2 to 2.6)."
    assert told.evidence.numbers == {"csat_expected": 1.8}
    assert told.evidence.utterances == (2,)
    assert not found(condition.replace("2", "1.5"), customer(), **made)
    assert not found('filter = "estimate"\ninstrument = "nps"\nat_most = 10', customer(), **made)
    assert not found(condition, agent(), **made), "nobody is the customer"


# -- timing ----------------------------------------------------------------------------------------


def test_an_interruption_is_of_who_interrupts_and_at_least_so_long():
    turns = (
        customer("And then I told them that", start_ms=0, end_ms=6_000),
        agent("Let me stop you there.", start_ms=4_500, end_ms=9_000),
    )
    for role, n in (("agent", 1), ("customer", 0), ("any", 1)):
        assert len(found(f'filter = "interruption"\nrole = "{role}"', *turns)) == n
    assert not found('filter = "interruption"\nmin_s = 2', *turns)
    (told,) = found('filter = "interruption"', *turns, tell="{when} {seconds} s over {interrupted}")
    assert told.explanation == "At 0:04 1.5 s over “And then I told them that”."
    assert (told.start_ms, told.end_ms) == (4_500, 6_000)
    assert (told.evidence.utterances, told.evidence.numbers) == ((0, 1), {"overlap_s": 1.5})


def test_overtalk_is_both_at_once_whoever_began():
    turns = agent(start_ms=0, end_ms=6_000), customer(start_ms=2_000, end_ms=4_000)
    (told,) = found('filter = "overtalk"\nmin_s = 2', *turns)
    assert (told.start_ms, told.end_ms, told.severity) == (2_000, 4_000, 0.2)
    assert not found('filter = "overtalk"\nmin_s = 2.1', *turns)


def test_non_talk_may_be_announced_or_not():
    turns = (
        agent("One moment, please.", start_ms=0, end_ms=2_000), customer("Okay.", start_ms=10_000),
        agent("So.", start_ms=31_000, end_ms=32_000), customer("Yes?", start_ms=37_000),
    )  # fmt: skip
    condition = 'filter = "non_talk"\nmin_s = 4'
    tell = "{what} {seconds} s {who} {quote}"
    both = found(condition, *turns, tell=tell)
    assert [m.start_ms for m in both] == [2_000, 10_400, 32_000]
    announced = found(condition + "\nannounced = true", *turns, tell=tell)
    assert announced[0].explanation == "the customer was kept waiting 8.0 s the agent “One moment, please.”"
    (dead,) = found(condition + "\nannounced = false", *turns[2:], tell=tell)
    assert dead.explanation == "no words were heard 5.0 s the agent “So.”"
    assert dead.severity == pytest.approx(5 / 60, abs=0.001)
    assert not found(condition, *turns, timed=False)


def test_talk_speed_is_of_turns_long_enough_to_have_one():
    fast = agent(" ".join(["word"] * 30), start_ms=0, end_ms=6_000)
    slow = agent(" ".join(["word"] * 30), start_ms=20_000, end_ms=50_000)
    short = agent("no no no", start_ms=60_000, end_ms=60_100)
    turns = fast, customer("I see what it is.", start_ms=10_000), slow, customer(start_ms=52_000), short
    (told,) = found(
        'filter = "talk_speed"\nrole = "agent"\nat_least = 200', *turns, tell="{words_per_minute}."
    )
    assert told.explanation == "300."
    assert places(found('filter = "talk_speed"\nrole = "agent"\nat_most = 80', *turns)) == [(2,)]
    assert not found('filter = "talk_speed"\nat_least = 1', *turns, timed=False)


def test_response_latency_is_the_silence_before_an_answer():
    turns = customer("Is it so?", start_ms=0, end_ms=2_000), agent("Yes.", start_ms=9_000, end_ms=9_500)
    tell = "{when} {seconds} s after {asker} asked {asked}: {quote}"
    (told,) = found('filter = "response_latency"\nrole = "agent"\nmin_s = 6', *turns, tell=tell)
    assert told.explanation == "At 0:02 7.0 s after the customer asked “Is it so?”: “Yes.”"
    assert (told.start_ms, told.end_ms) == (2_000, 9_000)
    assert not found('filter = "response_latency"\nrole = "customer"', *turns)
    assert not found('filter = "response_latency"\nmin_s = 8', *turns)


def test_timing_goes_by_words_where_they_have_times():
    words = tuple(Word(text="w", start_ms=s, end_ms=s + 400, probability=1.0) for s in (0, 400, 9_000))
    said = dataclasses.replace(customer(start_ms=0, end_ms=9_400), words=words)
    (told,) = found('filter = "non_talk"', said)
    assert (told.start_ms, told.end_ms) == (800, 9_000)


def test_a_recorded_voice_has_its_own_role():
    turns = utterance("ivr", "Please hold."), agent("Hello."), customer("Hello.")
    assert places(found('filter = "phrase"\nrole = "ivr"\nwords = ["please hold"]', *turns)) == [(0,)]
    assert not found('filter = "phrase"\nrole = "agent"\nwords = ["please hold"]', *turns)
