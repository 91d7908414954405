"""The survey spoken in a recording is found wherever it begins, and nothing else is taken for it."""

from dataclasses import replace

import pytest
from factories import agent, call, customer, utterance
from test_satisfaction import FakeEncoder, curve, spoken, stored

from sentiment.characteristics import characterise
from sentiment.satisfaction.estimate import Satisfaction
from sentiment.satisfaction.survey_talk import without_survey_talk

MATTER = (
    customer("my parcel is late and I have waited for two weeks", -0.4),
    agent("I have sent you another one."),
    customer("Lovely, thank you.", 0.6),
)
RATED = "On a scale from one to five, how satisfied are you with our service?"
RECOMMEND = "From zero to ten, how likely is it that you would recommend us?"


def voice(text):
    return utterance("ivr", text)


def left(*utterances):
    kept, asked = without_survey_talk(call(*utterances))
    return len(kept.utterances), asked


@pytest.mark.parametrize(
    "survey",
    [
        (voice(RATED), customer("Two.")),
        (voice(RATED), customer("Two."), *(voice("Was it solved? One for yes."), customer("One.")) * 6),
        (agent(RATED), customer("I'd say a four, please.")),
        (agent(RATED), customer("Oh, very.")),
        (
            agent(RATED),
            customer("4"),
            agent(RECOMMEND),
            customer("Definitely a ten."),
            *(agent("Noted."),) * 9,
        ),
        (agent("How would you rate the agent you spoke to today?"), customer("Five out of five.")),
        (voice("Please hold for a short survey."), voice("Was it settled?"), customer("Yes.")),
        (agent("There is a two question survey now. Press or say a number."), customer("Um, three.")),
    ],
)
def test_a_survey_is_found_wherever_in_the_call_it_begins(survey):
    assert left(*MATTER, *survey) == (3, survey[0].text)


@pytest.mark.parametrize(
    "rest",
    [
        (agent("You may get a short survey by text."), customer("Fine, bye!", 0.8)),
        (
            agent("You may get a short survey by text. Anything else?"),
            customer("That was the one thing."),
        ),
        (customer("On a scale from one to ten I would give you a ten!", 0.9), agent("Thank you.")),
        (customer("I would rate this service as terrible.", -0.9), agent("I am sorry.")),
        (agent("How many would you like?"), customer("Two, please."), agent("Done.")),
    ],
)
def test_what_is_no_survey_is_left_in(rest):
    assert left(*MATTER, *rest) == (3 + len(rest), None)


def test_one_rating_amid_a_call_and_a_line_that_opens_with_the_survey_are_left_in():
    amid = (agent("How would you rate the service of your old provider?"), customer("Two."), *MATTER * 3)
    assert left(*amid) == (11, None)
    opening = voice("Stay on the line for a short survey: how satisfied are you with the call?")
    assert left(opening, *MATTER) == (4, None)


def test_what_was_measured_over_the_call_is_measured_again_without_the_survey():
    short, long = call(*MATTER), call(*MATTER, voice(RATED), customer("Two.", -0.9))
    kept, _ = without_survey_talk(replace(long, characteristics=characterise(long)))
    assert kept.characteristics == characterise(replace(short, duration_ms=long.duration_ms))
    assert without_survey_talk(long)[0].characteristics is None
    alone, _ = without_survey_talk(replace(long, utterances=long.utterances[:0]))
    assert alone.utterances == ()


def test_an_estimate_is_not_made_from_the_answer_it_estimates():
    model = Satisfaction(stored(curve("customer_polarity_end")), FakeEncoder())
    without = model.estimate(spoken(*MATTER))
    for said, polarity in (("One.", -0.9), ("Five.", 0.9)):
        with_it = spoken(*MATTER, agent("How satisfied are you with us today?"), customer(said, polarity))
        assert model.estimate(with_it) == without
