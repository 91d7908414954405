"""Masking of personal data in calls."""

from __future__ import annotations

import dataclasses
import random
import re
import time

import factories
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redaction import load

from sentiment.call import (
    Call,
    Channel,
    Estimate,
    Evidence,
    Moment,
    Reason,
    Shift,
    Utterance,
    Word,
    from_json,
    to_json,
)
from sentiment.redact import KINDS, RedactOptions, mute_spans, redact
from sentiment.redact.checksums import Luhn, is_iban, is_routing_number
from sentiment.timeline import Span

CARD = "4111 1111 1111 1111"
SPOKEN_CARD = "four one one one one one one one one one one one one one one one"


def conversation(*said: str, language: str | None = None, timed: bool = True) -> Call:
    """A call in which agent ("a: ...") and customer ("c: ...") take turns, with a word every 300 ms."""
    utterances, now = [], 0
    for index, line in enumerate(said):
        who, text = line[0], line[3:]
        words = tuple(
            Word(text=w, start_ms=now + i * 300, end_ms=now + i * 300 + 250, probability=0.9)
            for i, w in enumerate(text.split())
        )
        end = now + max(1, len(words)) * 300
        utterances.append(
            Utterance(
                index=index,
                channel="ac".index(who),
                role="agent" if who == "a" else "customer",
                start_ms=now,
                end_ms=end,
                text=text,
                words=words if timed else (),
                language=language,
            )
        )
        now = end + 200
    channels = (
        Channel(index=0, role="agent", source="given", confidence=1.0),
        Channel(index=1, role="customer", source="given", confidence=1.0),
    )
    return Call(id="c1", duration_ms=now, channels=channels, utterances=tuple(utterances))


def texts(call: Call) -> list[str]:
    return [u.text for u in call.utterances]


def masked(*said: str) -> list[str]:
    return texts(redact(conversation(*said)).call)


def one(text: str) -> str:
    return masked(f"c: {text}")[0]


# -- cards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        CARD,
        "4111-1111-1111-1111",
        "4111, 1111. 1111... 1111",
        SPOKEN_CARD,
        "forty-one eleven, eleven eleven, eleven eleven, eleven eleven",
        "four triple one, double one double one, 1111, 1111",
        "four one one one uh one one one one that's one one one one and then one one one one",
        "378282246310005",
        "three seven eight two eight two two four six three one oh oh oh five",
        "６０１１１１１１１１１１１１１７",
        "four oh one two eight eight eight eight eight eight eight eight one eight eight one",
    ],
)
def test_a_card_number_is_found_by_its_check_digit_without_a_cue(number: str) -> None:
    assert one(f"Well, {number}.") == "Well, [CARD]."


def test_digits_heard_as_other_words_belong_to_the_number() -> None:
    said = "it is for one one one one one one one one one one one one one one one okay"
    assert one(said) == "it is [CARD] okay"


@pytest.mark.parametrize(
    "said",
    [
        "My order number is 4111 1111 1111 1112.",
        "tracking 1 6 9 8 1 4 1 7 9 7 2 8",
        "I have one, two, three, four of them since 2019.",
    ],
)
def test_a_number_without_check_digit_or_cue_stays(said: str) -> None:
    assert one(said) == said


def test_a_card_given_over_several_turns_is_one_number() -> None:
    said = masked(
        "a: Go ahead.",
        "c: Four one one one",
        "a: mhm",
        "c: one one one one",
        "a: okay",
        "c: one one one one",
        "a: yes",
        "c: one one one one, thank you.",
    )
    assert said == ["Go ahead.", "[CARD]", "mhm", "[CARD]", "okay", "[CARD]", "yes", "[CARD], thank you."]


def test_a_misheard_card_is_found_where_it_was_asked_for() -> None:
    assert masked("a: The card number, please?", "c: 4111 1111 1111 1112") == [
        "The card number, please?",
        "[CARD]",
    ]


def test_what_is_read_back_is_masked_too() -> None:
    said = masked("c: My card number is 4111 1111 1111 1111.", "a: 4111 1111?")
    assert said == ["My card number is [CARD].", "[CARD]?"]


def test_last_digits_go_by_what_they_are_the_last_of() -> None:
    said = masked(
        "a: The Visa ending in 4242?", "c: Yes.", "a: And the last four of your social?", "c: nine oh one two"
    )
    assert said == ["The Visa ending in [CARD]?", "Yes.", "And the last four of your social?", "[SSN]"]


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.sampled_from("0123456789"), min_size=12, max_size=18),
    st.lists(st.sampled_from(["", " ", "-"]), min_size=19, max_size=19),
    st.sampled_from(["", "order ", "I paid $", "12 ", "my name is Sam and ", "№", "a"]),
    st.sampled_from(["", " dollars", " and 5 more", ".", "th", " 12/25", "x"]),
)
def test_no_digits_that_pass_luhns_test_survive(body: str, gaps: list[str], before: str, after: str) -> None:
    digits = next(body + last for last in "0123456789" if Luhn(body + last).holds(0, len(body) + 1))
    number = "".join(d + gap for d, gap in zip(digits, gaps, strict=False)).rstrip(" -")
    left = one(before + number + after)
    for run in re.findall(r"\d(?:[ -]?\d)*", left):
        bare = re.sub(r"\D", "", run)
        assert not (13 <= len(bare) <= 19 and Luhn(bare).holds(0, len(bare))), left
    if number.isdecimal():
        assert number not in left


def test_luhn_agrees_with_its_definition() -> None:
    rng = random.Random(4)
    for _ in range(300):
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 25)))
        start = rng.randrange(len(digits))
        total = 0
        for i, d in enumerate(reversed(digits[start:])):
            total += sum(map(int, str(int(d) * 2))) if i % 2 else int(d)
        assert Luhn(digits).holds(start, len(digits)) == (total % 10 == 0)


# -- other numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("the security code is 3 4 2", "the security code is [CVV]"),
        ("and triple two is the code on the back", "and [CVV] is the code on the back"),
        ("my social is five three one oh nine seven seven four six", "my social is [SSN]"),
        ("It was 531-09-7746.", "It was [SSN]."),
        (
            "sort code 20-45-77 and account number 55779911",
            "sort code [BANK ACCOUNT] and account number [BANK ACCOUNT]",
        ),
        ("the routing number is oh two one oh oh oh oh two one", "the routing number is [BANK ACCOUNT]"),
        ("DE89 3704 0044 0532 0130 00", "[BANK ACCOUNT]"),
        (
            "it's G B two nine N W B K six oh one six one three three one nine two six eight one nine",
            "it's [BANK ACCOUNT]",
        ),
        ("Call (415) 555-0162 or +44 20 7946 0321.", "Call [PHONE] or [PHONE]."),
        ("call us on 1-800-555-0199", "call us on [PHONE]"),
        ("seven two zero five five five oh one eight nine", "[PHONE]"),
        ("my zip code is nine four one one oh", "my zip code is [ADDRESS]"),
    ],
)
def test_numbers_by_their_cue_or_form(said: str, expected: str) -> None:
    assert one(said).replace("([PHONE]", "[PHONE]") == expected


@pytest.mark.parametrize(
    "said",
    [
        "It was $1,249.99 at 11:42 on 10/24/2025.",
        "Flight MA 417 on the 12th at 6:05 am, seat 14C.",
        "Ticket 884 221 0934 is open.",
        "It took forty five minutes and two hundred dollars.",
        "My confirmation number is 7 7 3 0 1 5 9 2 6 4.",
        "GB29 NWBK 6016 1331 9268 18",
        "the reading is four four one oh seven",
        "I am on social media 24/7",
        "a 20 minute drive down the road",
        "the two way street was closed for 3 days",
    ],
)
def test_prices_dates_times_and_order_numbers_stay(said: str) -> None:
    assert one(said) == said


def test_check_digits() -> None:
    assert is_iban("NO9386011117947")
    assert not is_iban("NO9386011117948")
    assert is_routing_number("021000021")
    assert not is_routing_number("021000022")


# -- e-mail, addresses, names --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("write to d.whitfield+x@bright-mail.co.uk.", "write to [EMAIL]."),
        ("it's john dot smith at gmail dot com", "it's [EMAIL]"),
        ("it is j-o-h-n 84 at yahoo.com", "it is [EMAIL]"),
        ("email is rosie at merrick consulting dot co dot uk", "email is [EMAIL]"),
        ("look at brightline.com for it", "look at brightline.com for it"),
        ("meet me at the store at noon", "meet me at the store at noon"),
    ],
)
def test_email(said: str, expected: str) -> None:
    assert one(said) == expected


def test_an_email_given_in_two_turns() -> None:
    said = masked("a: Your email?", "c: j o h n smith", "a: okay", "c: at gmail dot com")
    assert said == ["Your email?", "[EMAIL]", "okay", "[EMAIL]"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("I'm at 4418 Maple Ridge Road, Durham, North Carolina 27703.", "I'm at [ADDRESS]."),
        ("it's twenty two eleven northwest sixth avenue", "it's [ADDRESS]"),
        ("Flat 3, 22 Grosvenor Road, M1 6EU", "[ADDRESS]"),
        ("PO Box 1190, Scranton PA 18503", "[ADDRESS]"),
        ("Ship it to 2210 El Camino Real, San Mateo.", "Ship it to [ADDRESS]."),
        ("The postcode is S W one A two A A", "The postcode is [ADDRESS]"),
        ("We live on Main Street.", "We live on Main Street."),
    ],
)
def test_addresses(said: str, expected: str) -> None:
    assert one(said) == expected


def test_names_by_introduction_title_question_and_once_known_anywhere() -> None:
    said = masked(
        "a: You're speaking with Brianna, may I have your name?",
        "c: Bartholomew Quigley.",
        "a: Thanks. Is that Q U I G L E Y?",
        "c: Yes, and Mr. Patel, my wife Carmen and Quigley's bank know.",
    )
    assert said == [
        "You're speaking with [NAME], may I have your name?",
        "[NAME].",
        "Thanks. Is that [NAME]?",
        "Yes, and Mr. [NAME], my wife [NAME] and [NAME]'s bank know.",
    ]


def test_names_in_text_without_capitals() -> None:
    assert one("hi my name is john smith and i'm calling about a bill") == (
        "hi my name is [NAME] and i'm calling about a bill"
    )


@pytest.mark.parametrize(
    "said",
    [
        "Will you call in May? There is a grace period.",
        "I, I, uh, I'm sorry, I'm at work.",
        "This is Verizon. This is ridiculous.",
        "Bill me, mark my words, to be frank.",
        "my name is on two accounts",
        "I am just so frustrated.",
    ],
)
def test_words_that_may_be_names_stay(said: str) -> None:
    assert one(said) == said


# -- the call ------------------------------------------------------------------------------------


def test_words_of_a_mask_become_one_with_their_time() -> None:
    result = redact(conversation("c: it is 4111 1111 1111 1111, thanks"))
    words = result.call.utterances[0].words
    assert [(w.text, w.start_ms, w.end_ms) for w in words] == [
        ("it", 0, 250),
        ("is", 300, 550),
        ("[CARD],", 600, 1750),
        ("thanks", 1800, 2050),
    ]
    (found,) = result.found
    assert (found.kind, found.start, found.end, found.start_ms, found.end_ms) == ("CARD", 6, 25, 600, 1750)
    assert "4111" not in repr(result)


def test_words_that_do_not_spell_the_text_hide_nothing() -> None:
    call = conversation("c: my card is 4111 1111 1111 1111")
    odd = dataclasses.replace(
        call.utterances[0], words=(Word(text="4111", start_ms=5, end_ms=90, probability=0.5),)
    )
    result = redact(dataclasses.replace(call, utterances=(odd,)))
    assert [w.text for w in result.call.utterances[0].words] == ["my card is [CARD]"]
    assert (result.found[0].start_ms, result.found[0].end_ms) == (5, 90)


def test_sentences_that_quote_a_masked_utterance_are_masked_even_if_cut() -> None:
    text = "My card number is 4111 1111 1111 1111 and I want it gone."
    call = dataclasses.replace(
        conversation(f"c: {text}"),
        moments=(
            Moment(rule="r", start_ms=0, end_ms=1, severity=0.5, evidence=Evidence(utterances=(0,)),
                   explanation="At 0:00 the customer said “My card number is 4111 1111 11…”."),
        ),
        shifts=(
            Shift(at_ms=0, utterance_index=0, role="customer", before=0, after=-1, confidence=0.9,
                  trigger_index=None, reason=f"Right after the customer said: “{text}”"),
        ),
        estimates=(
            Estimate(
                instrument="csat", expected=2.0, low=1.0, high=3.0, p_top_box=0.1,
                reasons=(Reason(feature="f", effect=-0.5, explanation="“… is 4111 1111 1111 1111 and …”"),),
            ),
        ),
    )  # fmt: skip
    result = redact(call).call
    assert result.moments[0].explanation == "At 0:00 the customer said “My card number is [CARD]…”."
    assert "[CARD] and I want it gone" in result.shifts[0].reason
    assert not re.search(
        r"\d{4}", to_json(dataclasses.replace(result, moments=(), duration_ms=None)).split("utterances")[0]
    )
    assert "4111" not in to_json(result)


def test_metadata_texts_are_masked_but_not_ids() -> None:
    call = dataclasses.replace(
        conversation("c: hello"),
        agent_id="Sarah Jones",
        customer_id="4111111111111111",
        metadata={
            "order_id": "4111111111111111",
            "notes": ["mail jo@example.com", {"n": 3}],
            "id": "x@example.com",
        },
    )
    result = redact(call).call
    assert result.metadata == {
        "order_id": "4111111111111111", "notes": ["mail [EMAIL]", {"n": 3}], "id": "x@example.com",
    }  # fmt: skip
    assert (result.agent_id, result.customer_id) == (call.agent_id, call.customer_id)


def test_only_what_is_asked_for_is_masked() -> None:
    call = conversation("c: I'm Sarah, my card is 4111 1111 1111 1111, mail sarah@example.com")
    options = RedactOptions(kinds=frozenset({"EMAIL"}), muted=frozenset())
    assert texts(redact(call, options).call) == ["I'm Sarah, my card is 4111 1111 1111 1111, mail [EMAIL]"]


def test_options_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="no kind 'PASSPORT'"):
        RedactOptions(kinds=frozenset({"PASSPORT"}))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="muted but not masked"):
        RedactOptions(kinds=frozenset({"CARD"}))
    with pytest.raises(ValueError, match="pad_ms"):
        RedactOptions(pad_ms=-1)


def test_in_other_languages_only_what_is_told_by_its_form_is_found() -> None:
    said = "Mi nombre es Juan, 4111 1111 1111 1111, juan@example.com, to DE89 3704 0044 0532 0130 00, cvv 123"
    result = redact(conversation(f"c: {said}", language="es"))
    assert texts(result.call) == ["Mi nombre es Juan, [CARD], [EMAIL], to [BANK ACCOUNT], cvv 123"]


def test_spans_to_mute_are_padded_by_channel_and_only_of_kinds_asked_for() -> None:
    call = conversation("a: I am Sarah.", "c: it is 4111 1111 1111 1111 and the cvv is 342")
    result = redact(call)
    start = call.utterances[1].start_ms or 0
    assert mute_spans(result, RedactOptions(pad_ms=100)) == {
        1: (Span(start + 500, start + 1850), Span(start + 2900, start + 3350)),
    }
    everything = RedactOptions(muted=frozenset(KINDS), pad_ms=0)
    assert mute_spans(result, everything)[0] == (Span(600, 850),)


def test_an_utterance_without_word_times_is_muted_whole_and_text_not_at_all() -> None:
    call = conversation("c: it is 4111 1111 1111 1111", timed=False)
    utterance = call.utterances[0]
    assert mute_spans(redact(call), RedactOptions(pad_ms=0)) == {1: (Span(0, utterance.end_ms or 0),)}
    untimed = dataclasses.replace(utterance, start_ms=None, end_ms=None)
    assert mute_spans(redact(dataclasses.replace(call, utterances=(untimed,)))) == {}


# -- properties ----------------------------------------------------------------------------------

SAID = st.lists(
    st.sampled_from(
        [text for labelled in load("dev") for _, text in labelled.turns]
        + ["four one", "my name is", "at gmail dot com", "[CARD]", "[NAME] Smith", "1", "", "card number"]
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(SAID)
def test_masking_twice_changes_nothing_and_nothing_else_changes(said: list[str]) -> None:
    call = conversation(*(f"{'ac'[i % 2]}: {text}" for i, text in enumerate(said)))
    result = redact(call)
    again = redact(result.call)
    assert again.found == ()
    assert again.call == result.call
    assert from_json(to_json(result.call)) == result.call
    for before, after in zip(call.utterances, result.call.utterances, strict=True):
        own = [f for f in result.found if f.utterance_index == before.index]
        rebuilt, at = "", 0
        for f in own:
            assert at <= f.start < f.end <= len(before.text)
            assert before.start_ms <= f.start_ms < f.end_ms <= before.end_ms
            rebuilt += before.text[at : f.start] + f"[{f.kind}]"
            at = f.end
        assert after.text == rebuilt + before.text[at:]
        assert " ".join(w.text for w in after.words).split() == after.text.split()
        assert all(a.end_ms <= b.start_ms for a, b in zip(after.words, after.words[1:], strict=False))
        assert dataclasses.replace(after, text=before.text, words=before.words) == before


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_any_text_can_be_read(said: list[str]) -> None:
    call = conversation(*(f"c: {text}" for text in said), timed=False)
    result = redact(call)
    assert redact(result.call).found == ()


@pytest.mark.parametrize(
    "text",
    ["4" * 100_000, "4 " * 50_000, "at " * 33_000, " " * 100_000, "a@" * 50_000, "s-" * 50_000,
     "a." * 50_000 + "@", "5 Main Street" + ", Bb" * 20_000,
     "card number 4 4 1 2, " * 5_000, "mr. and " * 12_000, "4111 1111 1111 1111 " * 5_000,
     "forty one " * 10_000, "flat 3, " * 12_000, "John " * 20_000,
     "DE12 " * 20_000, "one hundred thousand " * 5_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_time_grows_no_faster_than_hostile_text(text: str) -> None:
    def seconds(part: str) -> float:
        call = conversation(f"c: {part}", timed=False)
        start = time.process_time()
        redact(call)
        return time.process_time() - start

    quarter = seconds(text[: len(text) // 4])
    assert seconds(text) < 8 * quarter + 0.5


def test_a_long_call_takes_well_under_a_second() -> None:
    rng = random.Random(1)
    turns = [text for labelled in load("dev") for _, text in labelled.turns]
    call = conversation(*(f"{'ac'[i % 2]}: {rng.choice(turns)}" for i in range(3_000)))
    start = time.process_time()
    redact(call)
    assert time.process_time() - start < 3  # 0.6 s here; CI machines are slower and busy


def test_most_of_the_labelled_spans_are_masked_and_few_of_the_others() -> None:
    n = whole = wrong = 0
    for labelled in load("dev"):
        call = conversation(*(f"{role[0]}: {text}" for role, text in labelled.turns))
        found = redact(call).found
        for span in labelled.spans:
            own = [f for f in found if f.utterance_index == span.turn]
            if span.kind == "-":
                wrong += any(f.start < span.end and span.start < f.end for f in own)
            else:
                n += 1
                whole += any(f.kind == span.kind and f.start <= span.start and span.end <= f.end for f in own)
    assert whole / n > 0.95
    assert wrong <= 3


def test_factories_make_calls_that_hold_nothing_personal() -> None:
    call = factories.call(factories.agent(), factories.customer())
    assert redact(call).found == ()
    assert redact(call).call == call
