"""Moments: each rule on a call made for it, and what no rule may do."""

from __future__ import annotations

import dataclasses
import json
import time
from importlib.resources import files

import pytest
from factories import agent, call, customer, utterance
from hypothesis import given, settings
from hypothesis import strategies as st

import sentiment
from sentiment.call import Shift, Word, from_json, to_json
from sentiment.moments import flag_moments
from sentiment.phrases import Phrase, clock, normalise, quote, signed, speaker, when
from sentiment.rules.reader import default_rules

RULES = default_rules()


def alone(name):
    """One of the shipped rules, without the others that may take its moments' place."""
    (rule,) = [rule for rule in RULES.rules if rule.name == name]
    return dataclasses.replace(RULES, rules=(dataclasses.replace(rule, yields_to=()),))


def found(name, *turns, **fields):
    """What one of the shipped rules finds in a call of these turns."""
    return list(flag_moments(call(*turns, **fields), alone(name)))


def rules_of(*turns):
    return {m.rule for m in flag_moments(call(*turns))}


# -- feeling ---------------------------------------------------------------------------------------


def shift(role, index, before, after, *, trigger=None, at_ms=None, confidence=0.9):
    return Shift(
        at_ms=at_ms, utterance_index=index, role=role, before=before, after=after, confidence=confidence,
        trigger_index=trigger, reason="",
    )  # fmt: skip


def test_a_fall_of_the_customers_mood_is_told_with_its_time_its_size_and_what_the_agent_said():
    said = [
        customer(start_ms=120_000),
        agent("There is a fee for that.", start_ms=130_000),
        customer(start_ms=134_000),
    ]
    (moment,) = found(
        "worsening", *said, shifts=(shift("customer", 2, -0.1, -0.7, trigger=1, at_ms=134_000),)
    )
    assert moment.explanation == (
        "At 2:14 the customer's mood fell from −0.10 to −0.70 "
        "right after the agent said “There is a fee for that.”"
    )
    assert moment.evidence.utterances == (1, 2)
    assert moment.evidence.numbers == {"polarity_before": -0.1, "polarity_after": -0.7, "confidence": 0.9}
    assert moment.severity == pytest.approx(0.6 * 0.6 * 0.9, abs=0.001), "0.6 times change and confidence"
    assert moment.start_ms == 130_000


def test_a_recovery_weighs_less_than_the_same_fall():
    said = [customer(), agent("I can send you a new one."), customer()]
    (up,) = found("recovery", *said, shifts=(shift("customer", 2, -0.5, 0.5, trigger=1),))
    (down,) = found("worsening", *said, shifts=(shift("customer", 2, 0.5, -0.5, trigger=1),))
    assert "rose from −0.50 to +0.50" in up.explanation
    assert up.severity < down.severity


def test_a_fall_that_was_mended_weighs_less_than_the_same_that_was_not():
    low = [customer(polarity=-0.8) for _ in range(4)]
    fall = shift("customer", 1, 0.2, -0.8, confidence=0.9)
    (lost,) = found("not_recovered", *low, shifts=(fall,))
    (mended,) = found("worsening", *low, shifts=(fall, shift("customer", 3, -0.8, 0.3)))
    assert mended.severity < lost.severity - 0.3


def test_without_a_trigger_none_is_named():
    (moment,) = found(
        "worsening", customer(), customer(), shifts=(shift("customer", 1, 0.5, -0.5),), timed=False
    )
    assert moment.explanation == "In turn 2 the customer's mood fell from +0.50 to −0.50."
    assert moment.start_ms is None


@pytest.mark.parametrize(
    ("role", "who"),
    [("agent", "the agent"), ("ivr", "the recording"), ("unknown", "the other speaker")],
)
def test_a_trigger_is_named_by_its_own_role(role, who):
    (moment,) = found(
        "recovery",
        customer(),
        utterance(role, "All done."),
        customer(),
        shifts=(shift("customer", 2, -0.001, 0.5, trigger=1),),
    )
    assert moment.explanation.endswith(f"rose from 0.00 to +0.50 right after {who} said “All done.”")


def test_a_fall_that_is_not_mended_is_told_once_and_as_such():
    said = [
        customer("It is all fine.", 0.3), agent("There is a fee for that."),
        customer("Then this is no good to me.", -0.7), agent(), customer("I am not happy with it.", -0.6),
    ]  # fmt: skip
    fall = shift("customer", 2, 0.3, -0.65, trigger=1, at_ms=9_000)
    found_moments = flag_moments(call(*said, shifts=(fall,)))
    (moment,) = [m for m in found_moments if m.rule in ("not_recovered", "worsening", "ends_badly")]
    assert moment.rule == "not_recovered"
    assert moment.explanation == (
        "At 0:09 the customer's mood fell from +0.30 to −0.65 right after the agent said "
        "“There is a fee for that.”, and it did not recover (the call ended at −0.65)."
    )
    assert moment.evidence.numbers["ending_polarity"] == -0.654
    happier = [*said[:4], customer("That is kind, I am happy with it now.", 0.7), customer("Bye then.", 0.6)]
    risen = shift("customer", 4, -0.65, 0.65, trigger=3)
    rules = {m.rule for m in flag_moments(call(*happier, shifts=(fall, risen)))}
    assert rules >= {"worsening", "recovery"}
    assert "not_recovered" not in rules


def test_a_rise_from_good_to_better_is_no_recovery():
    said = [customer(), agent(), customer()]
    assert not found("recovery", *said, shifts=(shift("customer", 2, 0.3, 0.8, trigger=1),))


ANGRY = {"emotions": {"anger": 0.8}, "intensity": 0.8}


def test_anger_near_the_end_is_unresolved_unless_something_warmer_follows():
    before = [t for word in WORDS for t in (agent(f"Is it {word}?"), customer(f"It is {word}."))]
    angry = customer("I have had enough of this.", -0.8, **ANGRY)
    (moment,) = found("unresolved_anger", *before, angry, agent(), customer("Whatever, goodbye.", -0.1))
    assert moment.evidence.utterances == (20,)
    assert "the customer was angry (anger 0.80) and said nothing warmer after it" in moment.explanation
    assert not found("unresolved_anger", *before, angry, agent(), customer("Oh, thank you so much!", 0.7))
    assert not found("unresolved_anger", angry, *before), "long ago"
    rules = rules_of(*before, angry, agent(), customer("Whatever, goodbye.", -0.7))
    assert not rules & {"peak_anger", "strong_negative", "ends_badly"}, "told once"


def test_strong_words_of_a_customer_are_a_moment_however_mild_ones_are_not():
    angry = "This is an outrage and you know it."
    (moment,) = found("strong_negative", agent(), customer(angry, -0.9))
    assert moment.explanation == f"At 0:03 the customer was strongly negative: “{angry}”"
    assert moment.evidence.numbers == {"polarity": -0.9, "intensity": 0.9}
    assert not found("strong_negative", agent(), customer(angry, -0.5))
    assert not found("strong_negative", agent(), customer(angry, -0.9, intensity=0.2))
    assert not found("strong_negative", agent(), customer("No.", -0.9))


def test_moments_close_together_are_one_and_those_far_apart_are_not():
    row = [
        customer("I am really very angry now.", p, start_ms=s)
        for p, s in ((-0.7, 0), (-0.9, 9_000), (-0.8, 60_000))
    ]
    first, second = found(
        "strong_negative", row[0], agent("Okay.", start_ms=5_000), row[1], agent(start_ms=30_000), row[2]
    )
    assert first.evidence.utterances == (0, 2)
    assert first.evidence.numbers["turns"] == 2
    assert (first.start_ms, first.end_ms) == (0, 9_000 + 6 * 400)
    assert first.explanation.startswith("At 0:09 ")
    assert "2 such turns" in first.explanation
    assert second.evidence.utterances == (4,)


def test_only_the_peak_of_anger_is_flagged():
    turns = [customer(emotions={"anger": p, "annoyance": 0.3}, intensity=0.6) for p in (0.6, 0.9, 0.7)]
    (moment,) = found("peak_anger", *turns)
    assert moment.evidence.utterances == (1,)
    assert moment.evidence.numbers == {"anger_probability": 0.9}
    assert not found("peak_anger", customer(emotions={"anger": 0.4}, intensity=0.6))
    assert not found("peak_anger", customer(emotions={"anger": 0.9}, intensity=0.4)), "said too mildly"


def test_the_angriest_is_the_one_felt_most_strongly():
    probable = customer(
        "Well, I am a bit annoyed about that.", -0.3, emotions={"annoyance": 0.95}, intensity=0.5
    )
    strong = customer("This is an outrage!", -0.9, emotions={"anger": 0.7}, intensity=1.0)
    unsure = customer("Get me out of here!", -0.9, emotions={"anger": 0.45}, intensity=0.95)
    (moment,) = found("peak_anger", probable, unsure, strong)
    assert moment.evidence.utterances == (2,)
    assert moment.severity == 0.7
    assert not found("peak_anger", customer(emotions={"anger": 0.6}, intensity=0.6))


def test_the_second_angriest_is_never_told_as_the_angriest():
    second = customer("This is annoying.", -0.6, emotions={"anger": 0.8}, intensity=0.8)
    calm = [agent(), customer(), agent(), customer(), agent(), customer()]
    peak = customer("I am furious!", -0.9, emotions={"anger": 0.95}, intensity=0.95)
    rules = rules_of(second, *calm, peak)
    assert "unresolved_anger" in rules
    assert "peak_anger" not in rules
    assert "peak_anger" in rules_of(peak, *calm, second), "the one at the end is another one"


def test_a_call_that_ends_badly_is_flagged_even_if_the_goodbye_is_neutral():
    bad = [customer(polarity=0.2) for _ in range(6)] + [
        customer("This did not help me at all, I am still without a phone.", -0.8),
        customer("Okay, bye.", 0.0),
    ]
    (moment,) = found("ends_badly", *bad)
    assert moment.evidence.utterances[-1] == 7
    assert "(−0.69 on average), saying “This did not help me at all" in moment.explanation
    assert not found("ends_badly", *bad[:6])
    assert not found("ends_badly", *reversed(bad))


DISTRESS = customer("My mother is in hospital and I can't get any money.", -0.8)


@pytest.mark.parametrize(
    "reply",
    [
        "I'm so sorry to hear that.",
        "I completely understand how you feel.",
        "Oh no, that must be awful for you.",
        "That sounds really stressful.",
        "I can imagine how worrying that is.",
        "I would be upset too.",
        "Let me sort this out for you right now.",
    ],
)
def test_distress_that_is_acknowledged_is_no_missed_empathy(reply):
    assert not found("missed_empathy", DISTRESS, agent(reply), customer())
    assert not found("missed_empathy", DISTRESS, agent("Can I take your name?"), customer(), agent(reply))


def test_distress_that_is_passed_over_is_missed_empathy():
    cold = DISTRESS, agent("Can I take your account number?"), customer(), agent("And your post code?")
    (moment,) = found("missed_empathy", *cold, customer(), agent("I am sorry about all that."))
    assert moment.evidence.utterances == (0, 1)
    assert moment.explanation == (
        "At 0:00 the customer was in distress (−0.80), saying “My mother is in hospital and I can't get any "
        "money.”, and the agent's next two turns did not acknowledge it, beginning "
        "“Can I take your account number?”"
    )
    assert not found("missed_empathy", DISTRESS), "the call ended"
    assert not found("missed_empathy", DISTRESS, agent("Mm-hm."), customer("So."), agent("I am so sorry."))
    assert not found("missed_empathy", customer("That is bad.", -0.8), *cold[1:]), "no more than a remark"


# -- timing ----------------------------------------------------------------------------------------


def test_a_long_silence_is_flagged_and_a_hold_is_named():
    turns = [agent("Can you hold on for me?", end_ms=2_000), customer("Okay.", start_ms=2_500, end_ms=3_000)]
    (moment,) = found("long_silence", *turns, agent("Thanks for waiting.", start_ms=45_000))
    assert (moment.start_ms, moment.end_ms) == (3_000, 45_000)
    assert moment.evidence.numbers == {"silence_s": 42.0, "hold_s": 42.0}
    assert moment.explanation == (
        "At 0:03 the customer was kept waiting for 42 seconds after the agent said “Can you hold on for me?”"
    )
    assert moment.evidence.utterances == (0,), "the customer's answer came between"
    assert not found("long_silence", *turns, agent(start_ms=12_900))


def test_a_hold_is_named_though_the_agent_answers_the_customers_answer():
    (moment,) = found(
        "long_silence",
        agent("One moment, please."),
        customer("Okay."),
        agent("Right."),
        agent(start_ms=45_000),
    )
    assert moment.evidence.utterances == (0,)
    assert "kept waiting" in moment.explanation


def test_a_recording_before_a_silence_is_called_one():
    (moment,) = found("long_silence", utterance("ivr", "Welcome."), customer(start_ms=45_000))
    assert moment.explanation.endswith("after the recording said “Welcome.”")


def test_silence_before_the_first_and_after_the_last_word_is_not_the_calls():
    assert not found("long_silence", agent(start_ms=60_000), customer(), duration_ms=200_000)


def test_silence_without_a_word_of_waiting_is_just_silence():
    (moment,) = found("long_silence", agent("So."), customer("Well.", start_ms=20_000))
    assert "no words were heard" in moment.explanation
    assert "hold_s" not in moment.evidence.numbers


def test_an_agent_who_talks_over_the_customer_is_flagged():
    first = customer("And then I told them that", start_ms=0, end_ms=6_000)
    (moment,) = found(
        "agent_interrupts", first, agent("Let me stop you there.", start_ms=4_000, end_ms=9_000)
    )
    assert moment.evidence.numbers == {"overlap_s": 2.0}
    assert moment.explanation == (
        "At 0:04 the agent talked 2.0 seconds over the customer, who was saying “And then I told them that”."
    )
    assert not found("agent_interrupts", first, agent("Mm-hm.", start_ms=4_000, end_ms=5_000))
    assert not found("agent_interrupts", first, agent(start_ms=6_000, end_ms=9_000))


def test_who_starts_at_the_very_same_time_talks_over_nobody():
    both = {"start_ms": 0, "end_ms": 6_000}
    assert not found("agent_interrupts", customer(**both), agent(**both))
    assert not found("agent_interrupts", agent(**both), customer(**both))


def test_an_interruption_is_told_by_what_was_cut_last():
    (moment,) = found(
        "agent_interrupts",
        customer("All of this.", start_ms=0, end_ms=9_000),
        customer("It is over.", start_ms=1_000, end_ms=5_000),
        customer("And then.", start_ms=2_000, end_ms=10_000),
        agent(start_ms=5_000, end_ms=12_000),
    )
    assert moment.evidence.numbers == {"overlap_s": 5.0}
    assert "who was saying “And then.”" in moment.explanation


def test_four_thousand_utterances_that_overlap_take_seconds():
    word_ms = 100
    turns = []
    for i in range(4_000):
        at = i * 2_000
        words = tuple(
            Word(text="no", start_ms=s, end_ms=s + word_ms, probability=1.0)
            for s in range(at, at + 4_000, word_ms)
        )
        made = (customer, agent)[i % 2]("no " * len(words), start_ms=at, end_ms=at + 4_000)
        turns.append(dataclasses.replace(made, words=words))
    long = call(*turns)
    start = time.process_time()
    flag_moments(long)
    assert time.process_time() - start < 4.0  # 1.3 s on a free core


def test_a_customer_who_talks_over_the_agent_is_not():
    assert not found(
        "agent_interrupts", agent(start_ms=0, end_ms=6_000), customer(start_ms=2_000, end_ms=9_000)
    )


def test_an_agent_who_speaks_in_the_customers_pause_does_not_talk_over_them():
    words = tuple(Word(text="w", start_ms=s, end_ms=s + 400, probability=1.0) for s in (0, 400, 800, 6_000))
    first = dataclasses.replace(customer(start_ms=0, end_ms=6_400), words=words)
    assert not found("agent_interrupts", first, agent(start_ms=2_000, end_ms=5_000))


def test_a_silence_that_frustrates_is_told_with_what_came_of_it():
    turns = agent("Hold on, please.", end_ms=2_000), agent("Right.", start_ms=40_000)
    angry = customer("I have been waiting here for ages.", -0.6, start_ms=41_000)
    (moment,) = found("dead_air_frustration", *turns, angry)
    assert (moment.start_ms, moment.evidence.utterances) == (2_000, (0, 2))
    assert moment.explanation == (
        "At 0:02 the customer was kept waiting for 38 seconds after the agent said “Hold on, please.”, "
        "and then the customer was frustrated: “I have been waiting here for ages.”"
    )
    assert "long_silence" not in rules_of(*turns, angry), "told once"
    calm = customer("Oh good, you are back.", 0.2, start_ms=41_000)
    assert not found("dead_air_frustration", *turns, calm)
    assert "long_silence" in rules_of(*turns, calm)
    talk = agent("So I have looked at it all now.", start_ms=41_000, end_ms=100_000)
    late = dataclasses.replace(angry, start_ms=101_000)
    assert not found("dead_air_frustration", *turns, talk, late)


# -- wording ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("threat_to_leave", "I want to cancel my subscription"),
        ("threat_to_leave", "im going to cancel"),
        ("threat_to_leave", "If you don't fix this I'll cancel."),
        ("threat_to_leave", "No, I want to cancel."),
        ("threat_to_leave", "I'm cancelling."),
        ("threat_to_leave", "That is it, I am canceling, goodbye!"),
        ("threat_to_leave", "If you don't fix this we're cancelling today."),
        ("threat_to_leave", "I'll be cancelling right now."),
        ("threat_to_leave", "I'm thinking of cancelling my old phone contract."),
        ("threat_to_leave", "we are cancelling with you"),
        ("threat_to_leave", "no i want to cancel everything"),
        ("threat_to_leave", "Please close my account."),
        ("threat_to_leave", "Then I'm switching to another provider!"),
        ("threat_to_leave", "Nobody helps so I want to cancel."),
        ("threat_to_leave", "I'll take my business elsewhere."),
        ("threat_to_leave", "If I have to call once more I'm going to cancel my contract."),
        ("threat_to_leave", "I need to cancel, how do I do it?"),
        ("threat_to_leave", "I was told to ask what happens if I want to cancel my plan."),
        ("threat_to_leave", "We have to cancel our phone contract."),
        ("threat_to_leave", "I need to cancel my phone."),
        ("complaint_or_legal", "you will hear from my lawyer"),
        ("complaint_or_legal", "I'm calling consumer protection about you."),
        ("complaint_or_legal", "You'll be fined by the FCC."),
        ("complaint_or_legal", "I was contacted by the ombudsman."),
        ("complaint_or_legal", "I will go to consumer court, I am telling you."),
        ("complaint_or_legal", "The Consumer Rights Act is clear and I will take legal action."),
        ("complaint_or_legal", "I will report this to the regulator."),
        ("threat_to_leave", "I am never going to use your company again."),
        ("escalation_request", "Let me speak to your manager."),
        ("escalation_request", "i'd like to talk to a supervisor please"),
        ("escalation_request", "Can I speak with someone else?"),
        ("complaint_or_legal", "I want to file a complaint."),
        ("repeated_contact", "This is the third time I call about this."),
        ("repeated_contact", "I've called twice already."),
        ("repeated_contact", "ive called you guys like three times"),
        ("repeated_contact", "This isn't the first time I've had to call."),
        ("repeated_contact", "I already called yesterday."),
        ("repeated_contact", "I keep calling and nothing happens."),
        ("repeated_contact", "This is my 4th call."),
    ],
)
def test_what_a_customer_says_is_heard_in_any_spelling(rule, text):
    (moment,) = found(rule, agent(), customer(text))
    assert moment.evidence.utterances == (1,)
    assert quote(text) in moment.explanation
    assert not found(rule, agent(text), customer("I see.")), "the agent's words are not the customer's"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("threat_to_leave", "I don't want to cancel."),
        ("threat_to_leave", "i dont want to cancel my subscription"),
        ("threat_to_leave", "I'm not saying I will cancel."),
        ("threat_to_leave", "I never said I would switch to another provider."),
        ("threat_to_leave", "Please cancel my order from last week."),
        ("threat_to_leave", "I'm cancelling my appointment."),
        ("threat_to_leave", "I am canceling my order for the phone."),
        ("threat_to_leave", "I want to cancel the delivery of the phone."),
        ("threat_to_leave", "I'm not cancelling."),
        ("threat_to_leave", "I'm not saying I'm cancelling."),
        ("threat_to_leave", "They are cancelling."),
        ("threat_to_leave", "I need to cancel my appointment on Friday."),
        ("threat_to_leave", "If I need to cancel a class, how do I do it?"),
        ("threat_to_leave", "What happens if I need to cancel?"),
        ("threat_to_leave", "Is there a fee in case we have to cancel?"),
        ("threat_to_leave", "Do I need to cancel because the account is suspended?"),
        ("threat_to_leave", "I want to cancel my phone order."),
        ("threat_to_leave", "We need to cancel the internet installation."),
        ("complaint_or_legal", "What does the Consumer Rights Act say about returns?"),
        ("complaint_or_legal", "What does the consumer protection act say about returns?"),
        ("complaint_or_legal", "It is 14 days according to the new consumer protection law."),
        ("complaint_or_legal", "Does consumer protection apply to me?"),
        ("complaint_or_legal", "Are you regulated by the FCC?"),
        ("complaint_or_legal", "The window regulator is broken."),
        ("threat_to_leave", "I'll leave you my number."),
        ("threat_to_leave", "We're moving to a new house."),
        ("threat_to_leave", "I moved my lawn mower."),
        ("escalation_request", "I don't need to speak to a manager."),
        ("escalation_request", "I am the manager of a small shop."),
        ("repeated_contact", "I haven't called before."),
        ("repeated_contact", "I wanted to call about my bill."),
        ("repeated_contact", "It broke for the third time."),
        ("repeated_contact", "Can you call me twice a week?"),
    ],
)
def test_what_a_customer_does_not_say_is_not_heard(rule, text):
    assert not found(rule, agent(), customer(text))


@pytest.mark.parametrize(
    "text",
    [
        "That's not my problem.",
        "theres nothing i can do",
        "Sir, calm down.",
        "You should have read the contract.",
    ],
)
def test_dismissive_wording_is_the_agents_and_wording_only(text):
    (moment,) = found("dismissive_wording", customer(), agent(text, None))
    assert moment.evidence.utterances == (1,)
    assert not found("dismissive_wording", customer(text), agent())


@pytest.mark.parametrize(
    "text",
    [
        "What do you want me to do?",
        "As I just said before, no.",
        "Hurry up, please.",
        "Are you even listening?",
    ],
)
def test_impatient_wording_is_curt(text):
    (moment,) = found("agent_curt", customer(), agent(text, None))
    assert moment.evidence.utterances == (1,)
    assert not found("agent_curt", customer(text), agent())


def test_replies_of_a_word_or_two_to_an_upset_customer_are_curt_if_there_are_several():
    upset = [customer(f"I have been waiting for my {word} parcel for two weeks now.", -0.6) for word in WORDS]
    (moment,) = found(
        "agent_curt", upset[0], agent("Account number."), upset[1], agent("Not here."), upset[2]
    )
    assert moment.evidence.utterances == (0, 1)
    assert not found(
        "agent_curt", upset[0], agent("Account number."), upset[1], agent("I will look at once.")
    )
    listening = agent("Okay."), agent("Mm-hm."), agent("Right, sure."), agent("I see."), agent("Sorry.")
    assert not found("agent_curt", *(turn for pair in zip(upset, listening, strict=False) for turn in pair))
    calm = [dataclasses.replace(u, score=customer(polarity=0.1).score) for u in upset]
    assert not found("agent_curt", calm[0], agent("Account number."), calm[1], agent("Not here."))


def test_saying_and_asking_the_same_again():
    said, asked = (
        "My washing machine has flooded the kitchen.",
        "Can you tell me the model number printed inside?",
    )
    turns = customer(said), agent(asked), customer("I did not hear that."), agent(asked), customer(said)
    (again,) = found("repeats_themselves", *turns)
    assert again.evidence.utterances == (0, 4)
    assert again.explanation == f"At 0:13 the customer said again what they had said at 0:00: “{said}”"
    (question,) = found("asked_again", *turns)
    assert question.evidence.utterances == (1, 3)


def test_a_threat_said_in_anger_weighs_more():
    (calm,) = found("threat_to_leave", customer("I want to cancel my contract.", 0.0))
    (angry,) = found("threat_to_leave", customer("I want to cancel my contract.", -1.0))
    assert angry.severity > calm.severity


def test_text_is_brought_to_one_form():
    assert normalise("I’ve called; I can't wait!!") == "i have called , i can not wait ,"
    assert normalise("dont, wont, cannot") == "do not , will not , can not"
    assert normalise("My name's Ann, the card's limit") == "my name is ann , the card's limit"


def test_a_match_without_words_is_no_error():
    assert Phrase.of("", "(?=refund)").said_in("i want a refund") is not None


def test_times_feelings_and_roles_are_written_as_in_the_pages():
    assert [clock(ms) for ms in (0, 247_999, 3_729_000)] == ["0:00", "4:07", "1:02:09"]
    assert (when(247_000, 3), when(None, 3)) == ("At 4:07", "In turn 4")
    assert [signed(v) for v in (0.4, -0.62, -0.001, 0.004, 0.0)] == [
        "+0.40", "−0.62", "0.00", "0.00", "0.00",
    ]  # fmt: skip
    assert speaker("customer") == "the customer"


def test_long_quotes_are_cut_at_a_word():
    cut = quote("word " * 40)
    assert len(cut) <= 92
    assert cut.endswith("word…”")
    assert quote("x" * 200) == "“" + "x" * 89 + "…”"


def test_a_great_close_is_warm_thanks_and_good_words():
    begin = [t for word in WORDS for t in (agent(f"Is it {word}?"), customer(f"It is {word}."))]
    warm = customer("You have been so helpful, thank you!", 0.8, emotions={"gratitude": 0.9})
    end = agent("Is there anything else I can help with?"), warm, agent("You're welcome. Have a lovely day!")
    (moment,) = found("great_close", *begin, *end, customer("You too, bye.", 0.4))
    assert set(moment.evidence.utterances) >= {20, 21}
    assert "left with warm thanks (+0.80)" in moment.explanation
    assert moment.severity < 0.3
    assert not found("great_close", *begin, agent("Right."), warm, agent("Bye."), customer("Bye.")), (
        "no good words"
    )
    assert not found("great_close", *end, *begin), "not the end"
    plain = customer("Okay, thank you, bye bye.", 0.3, emotions={"gratitude": 0.9})
    assert not found("great_close", *begin, end[0], plain, end[2]), "just polite"


WORDS = ("blue", "large", "new", "square", "heavy", "round", "small", "green", "old", "long")

# -- all rules -------------------------------------------------------------------------------------


def test_a_calm_call_has_no_moments():
    plain = [t for word in WORDS for t in (agent(f"Is it {word}?", 0.3), customer(f"It is {word}.", 0.2))]
    assert flag_moments(call(*plain)) == ()


def test_what_the_agent_may_feel_is_never_judged():
    """A furious agent and an unmoved customer: no moment, whatever the agent's scores say."""
    furious = {"anger": 1.0, "annoyance": 1.0}
    turns = [
        t for w in WORDS for t in (agent("I see.", -1.0, emotions=furious), customer(f"It is {w}.", 0.0))
    ]
    made = call(*turns, shifts=(shift("agent", 4, 0.9, -0.9),))
    assert flag_moments(made) == ()


def test_where_roles_are_unknown_nobody_is_taken_for_the_customer():
    assert not rules_of(*[utterance("unknown", "I hate this, I want to cancel.", -1.0)] * 4)


def test_moments_bear_the_name_of_their_rule():
    angry = call(customer("I want to cancel my contract.", -1.0))
    for rule in RULES.rules:
        assert {m.rule for m in flag_moments(angry, alone(rule.name))} <= {rule.name}


def rescored(made):
    """A call with scores, shifts and moments by the shipped scorer and rules."""
    return sentiment.load(threads=1).score(made)


@pytest.mark.model
@pytest.mark.parametrize("name", ["calm_then_lost", "long_hold", "steady_neutral"])
def test_a_sample_call_has_the_moments_its_script_expects(name):
    truth = json.loads(files("sentiment.samples").joinpath(f"{name}.truth.json").read_text("utf-8"))
    turns = [
        utterance(t["role"], t["text"], None, start_ms=t["start_ms"], end_ms=t["end_ms"])
        for t in truth["turns"]
    ]
    moments = {m.rule for m in rescored(call(*turns)).moments}
    assert set(truth["moments"]) <= moments
    if not truth["moments"]:
        assert not moments - {"great_close"}, "a calm call"


HARM = {rule.name for rule in RULES.rules} - {"recovery", "great_close", "long_silence"}


@pytest.mark.model
@pytest.mark.shared
def test_a_real_call_in_which_nothing_went_wrong_has_no_flag_of_harm(shared_calls):
    found = sentiment.load(threads=1).analyze(shared_calls / "auto_repairs_40.stereo.flac")
    assert not {m.rule for m in found.moments} & HARM, [m.explanation for m in found.moments]


TURNS = st.lists(
    st.builds(
        lambda role, text, polarity, at: utterance(
            role, text, polarity, start_ms=at, end_ms=at + 3_000, emotions={"anger": abs(polarity or 0.0)}
        ),
        st.sampled_from(["agent", "customer", "ivr", "unknown"]),
        st.sampled_from(
            ["I want to cancel.", "Calm down.", "I called twice.", "Hold on please.", "", "!!", "Yes yes yes"]
        ),
        st.one_of(st.none(), st.floats(-1, 1)),
        st.integers(0, 200_000),
    ),
    max_size=12,
)


@settings(max_examples=80, deadline=None)
@given(TURNS, st.booleans())
def test_moments_of_any_call_are_well_formed_and_in_order(turns, timed):
    made = call(*sorted(turns, key=lambda u: u.start_ms), timed=timed)
    moments = flag_moments(made)
    assert moments == flag_moments(made)
    assert [m.start_ms or 0 for m in moments] == sorted(m.start_ms or 0 for m in moments)
    for m in moments:
        assert 0.0 <= m.severity <= 1.0
        assert m.explanation.endswith((".", ".”", "!”", "…”", "?”"))
        assert m.evidence.utterances
        assert set(m.evidence.utterances) <= set(range(len(turns)))
        assert (m.start_ms is None) == (m.end_ms is None) == (not timed)
        assert m.start_ms is None or m.start_ms < m.end_ms
    whole = dataclasses.replace(made, moments=moments)
    assert from_json(to_json(whole)) == whole
