"""Agent or customer, by the wording."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.call import Word
from sentiment.errors import CorruptModelError
from sentiment.speech.roles import (
    RoleModel,
    evidence,
    load_role_model,
    ngrams,
    phrases,
    probability_first_is_agent,
    tokens,
)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def said(text: str, start_ms: int = 0, *, step_ms: int = 300) -> list[Word]:
    """Words of 250 ms, one every ``step_ms``."""
    return [
        Word(text=t, start_ms=start_ms + i * step_ms, end_ms=start_ms + i * step_ms + 250, probability=0.9)
        for i, t in enumerate(text.split())
    ]


TOY = RoleModel({"help": 0, "help you": 1, "my": 2}, np.array([1.0, 2.0, -1.5], np.float32), 0.25, 0.5)


def sure(log_odds: float) -> float:
    """The probability of these log odds, with one call in a hundred left to chance."""
    return 0.005 + 0.99 / (1 + math.exp(-log_odds))


def test_tokens_are_as_a_recogniser_would_give_them() -> None:
    assert tokens("It\u2019s $25.50, Ma'am - O.K.?") == ["it's", "0", "ma'am", "o", "k"]
    assert ngrams("I can help. Help you") == {
        "i",
        "can",
        "help",
        "you",
        "i can",
        "can help",
        "help help",
        "help you",
    }


def test_log_odds_add_up_and_unknown_words_say_nothing() -> None:
    assert TOY.log_odds("Help you!") == pytest.approx(1 + 2 + 0.25)
    assert TOY.log_odds("zebra crossing") == 0
    assert TOY.log_odds("") == 0


def test_phrases_end_at_sentence_ends_and_pauses() -> None:
    words = [*said("One moment. Okay"), *said("then we", 3000)]
    assert list(phrases(words)) == [(0, 2), (2, 3), (3, 5)]
    assert list(phrases([])) == []


@given(st.lists(st.tuples(st.sampled_from(["a", "b.", "c?"]), st.integers(0, 900))))
def test_phrases_part_all_words(words: list[tuple[str, int]]) -> None:
    at, made = 0, []
    for text, pause_ms in words:
        made.append(Word(text=text, start_ms=at + pause_ms, end_ms=at + pause_ms + 100, probability=1))
        at = made[-1].end_ms
    covered = [i for first, end in phrases(made) for i in range(first, end)]
    assert covered == list(range(len(made)))


def test_the_two_assignments_have_one_probability() -> None:
    agent, customer = said("help you"), said("my", 2000)
    forward = probability_first_is_agent(agent, customer, TOY)
    backward = probability_first_is_agent(customer, agent, TOY)
    assert forward is not None
    assert backward is not None
    assert forward + backward == pytest.approx(1)
    assert forward == pytest.approx(sure(0.5 * (3.25 + 1.25) + 1.0))


def test_silence_decides_nothing_and_leaves_it_to_the_other() -> None:
    assert probability_first_is_agent([], [], TOY) is None
    alone = probability_first_is_agent([], said("my"), TOY)
    assert alone == pytest.approx(sure(0.5 * 1.25))


def test_without_a_model_who_speaks_first_decides() -> None:
    first = probability_first_is_agent(said("hola"), said("si", 1000), None)
    assert first == pytest.approx(sure(1.0))
    assert probability_first_is_agent(said("hola", 1000), said("si"), None) == pytest.approx(sure(-1.0))


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("Thank you for calling Acme, this is Dana, how may I help you?", True),
        ("Can I get your name and phone number please?", True),
        ("Is there anything else I can help you with today?", True),
        ("Let me check on that for you.", True),
        ("Hi, my name is Sam and I'm having a problem with my order.", False),
        ("I've been waiting for two weeks and it still doesn't work.", False),
        ("How much is that going to cost me?", False),
        ("No, that's it. Thanks for your help.", False),
    ],
)
def test_the_shipped_model_knows_stock_phrases(text: str, agent: bool) -> None:
    assert (load_role_model().log_odds(text) > 0) is agent


def test_the_shipped_model_is_small_and_its_list_fits_its_weights() -> None:
    model = load_role_model()
    assert len(model.vocabulary) == len(model.weights)
    assert 0 < model.call_scale < 1
    assert np.isfinite(model.weights).all()


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptModelError, match="role model"):
        load_role_model(tmp_path)


@pytest.mark.shared
def test_roles_in_real_support_chats() -> None:
    """47 chats the model was not trained on: agent against customer, whole chats and their first turns."""
    path = SHARED / "maia_dqe" / "pt_br_client_02.json"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    right = []
    for chat in json.loads(path.read_text("utf-8")):
        parties: dict[str, list[Word]] = {"inbound": [], "outbound": []}
        for i, turn in enumerate(chat["turns"]):
            text = turn["text_src" if turn["floor"] == "outbound" else "text_mt"]
            parties[turn["floor"]] += said(" ".join(text), i * 1_000_000)
        model = load_role_model()
        right.append(evidence(parties["outbound"], model) > evidence(parties["inbound"], model))
    assert sum(right) >= 45
