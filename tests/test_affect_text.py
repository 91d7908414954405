"""The shipped utterance scorer: what it says of service calls, and what it promises."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from sentiment.affect.text import AffectConfig, TextScorer, encode, load_text_scorer, scorable
from sentiment.call import Role, Score, Utterance
from sentiment.errors import CorruptModelError
from sentiment.weights import weights_dir

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.model

CALL: tuple[tuple[Role, str], ...] = (
    ("ivr", "your call may be recorded"),
    ("agent", "good morning, this is Rita, how can I help you"),
    ("customer", "hi, um, my suitcase never showed up and I've been calling for days"),
    ("agent", "oh I'm sorry about that, can I have the tag number please"),
    ("customer", "B A 4 4 1"),
    ("agent", "unfortunately it is still being traced"),
    ("customer", "you said exactly the same thing last week, this is hopeless!"),
    ("unknown", "..?hm"),
    ("agent", "I have just found it, the courier brings it tonight"),
    ("customer", "oh that is wonderful, thank you so much"),
)


def said(*turns: tuple[Role, str]) -> list[Utterance]:
    return [
        Utterance(index=i, channel=0, role=role, start_ms=None, end_ms=None, text=text)
        for i, (role, text) in enumerate(turns)
    ]


@pytest.fixture(scope="module")
def scorer() -> TextScorer:
    return load_text_scorer(threads=1)


def last(scorer: TextScorer, *turns: tuple[Role, str]) -> Score:
    return scorer.score(said(*turns))[-1]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("my bag was lost and nobody calls me back", "negative"),
        ("I want to cancel, this is the third time I call", "negative"),
        ("I've been on hold for two hours and nobody picks up", "negative"),
        ("your technician never showed up and now I have to take another day off", "negative"),
        ("this is unacceptable", "negative"),
        ("thank you so much, you saved my day", "positive"),
        ("that is awesome, I really appreciate your help", "positive"),
        ("wow that was fast, I'm very happy with it", "positive"),
        ("my order number is 4 5 2 9", "neutral"),
        ("okay", "neutral"),
        ("it's the blue one in medium", "neutral"),
        ("I am calling about my reservation for Friday", "neutral"),
    ],
)
def test_what_customers_say(scorer: TextScorer, text: str, label: str) -> None:
    score = last(scorer, ("customer", text))
    assert score.label == label
    if label == "negative":
        assert score.polarity < -0.2
    elif label == "positive":
        assert score.polarity > 0.2
    else:
        assert abs(score.polarity) < 0.25


@pytest.mark.parametrize(
    "text",
    [
        "I'm so sorry to hear that, let me fix it for you",
        "I apologize for the inconvenience, I will take care of this today",
        "can I have your name please",
        "let me put you through to the claims department",
    ],
)
def test_an_agents_courtesy_is_not_negative(scorer: TextScorer, text: str) -> None:
    before: tuple[tuple[Role, str], ...] = (("customer", "my bag was lost and nobody calls me back"),)
    for turns in ((), before):
        score = last(scorer, *turns, ("agent", text))
        assert score.label != "negative"
        assert score.polarity > -0.15


def test_sarcasm_after_a_complaint_is_not_joy(scorer: TextScorer) -> None:
    score = last(
        scorer,
        ("customer", "I have called four times about the same bill"),
        ("agent", "I need to put you on hold again"),
        ("customer", "great, another hour on hold"),
    )
    assert score.label == "negative"
    assert score.emotions["joy"] < 0.2


def test_the_turns_before_matter(scorer: TextScorer) -> None:
    bad = last(
        scorer,
        ("customer", "you keep cancelling on me"),
        ("agent", "we have to cancel again"),
        ("customer", "wonderful"),
    )
    good = last(scorer, ("agent", "we have refunded you in full"), ("customer", "wonderful"))
    assert bad.polarity < good.polarity - 0.2
    assert bad.p_negative > good.p_negative + 0.2


def test_thanks_after_a_problem_is_solved_are_positive(scorer: TextScorer) -> None:
    score = last(
        scorer,
        ("customer", "I'm really angry about this bill"),
        ("agent", "I have taken the charge off for you"),
        ("customer", "thank you so much, you saved my day"),
    )
    assert score.label == "positive"
    assert score.polarity > 0.4
    assert score.emotions["gratitude"] > 0.5


def test_anger_is_stronger_than_a_mild_issue_and_that_than_a_number(scorer: TextScorer) -> None:
    scores = [
        last(scorer, ("customer", text))
        for text in ("I am furious, you are all liars", "the app is a bit slow today", "it is four two nine")
    ]
    assert scores[0].intensity > scores[1].intensity > scores[2].intensity


def test_numbers_keep_their_ranges(scorer: TextScorer) -> None:
    for score in scorer.score(said(*CALL)):
        assert abs(score.p_negative + score.p_neutral + score.p_positive - 1) < 1e-6
        assert min(score.p_negative, score.p_neutral, score.p_positive) >= 0
        assert -1 <= score.polarity <= 1
        assert 0 <= score.intensity <= 1
        assert len(score.emotions) == 28
        assert all(0 <= p <= 1 for p in score.emotions.values())
        assert score.model == scorer.model.name
        balance = score.p_positive - score.p_negative
        assert abs(balance) < 0.3 or (balance > 0) == (score.polarity > 0)


def test_a_score_does_not_depend_on_its_batch(scorer: TextScorer) -> None:
    together = scorer.score(said(*CALL))
    small = load_text_scorer(batch_size=3, threads=1).score(said(*CALL))
    assert together == small
    for i, score in enumerate(together):
        assert last(scorer, *CALL[max(0, i - 3) : i + 1]) == score


def test_calls_scored_together_stay_apart(scorer: TextScorer) -> None:
    calls = [said(*CALL[2:5]), [], said(*CALL[5:])]
    together = scorer.score_calls(calls)
    assert [len(scores) for scores in together] == [3, 0, 5]
    for call, scores in zip(calls, together, strict=True):
        for a, b in zip(scorer.score(call), scores, strict=True):
            assert a == b


def test_only_a_target_that_does_not_fit_is_truncated(scorer: TextScorer) -> None:
    long = "and then he told me that it would take another week " * 30
    assert last(scorer, ("customer", long)).truncated
    after = last(scorer, ("agent", long), ("customer", "this is hopeless"))
    assert not after.truncated


def test_context_gives_way_to_the_target(scorer: TextScorer) -> None:
    target = "one two three four five six seven eight nine ten " * 11
    context: list[tuple[Role, str]] = [("agent", "alpha " * 80), ("customer", "the newest turn before")]
    tokenizer, config = scorer._tokenizer, scorer._config
    alone = encode(tokenizer, config, (), "customer", target)
    full = encode(tokenizer, config, context, "customer", target)
    assert not alone.truncated
    assert not full.truncated
    assert len(full.ids) == config.max_len
    assert full.ids[full.n_context :] == alone.ids[alone.n_context :]
    brief = encode(tokenizer, config, context, "customer", "yes")
    assert tokenizer.decode(list(brief.ids[: brief.n_context])).endswith("the newest turn before")
    assert brief.n_context == config.context_tokens + 2


def test_order_length_and_identity(scorer: TextScorer) -> None:
    assert scorer.score([]) == ()
    scores = scorer.score(said(*CALL))
    assert len(scores) == len(CALL)
    assert scores[2].polarity < scores[4].polarity < scores[9].polarity
    assert scorer.model.task == "score"
    assert len(scorer.model.revision) == 12
    assert tuple(scorer.languages) == ("en",)


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "—"])
def test_text_without_words_is_refused(scorer: TextScorer, text: str) -> None:
    assert scorable(text) == scorer.scorable(text) == "no words in it"
    with pytest.raises(ValueError, match="utterance 1 cannot be scored: no words"):
        scorer.score(said(("customer", "hello"), ("agent", text)))


def test_text_with_words_or_digits_is_scorable() -> None:
    assert [scorable(t) for t in ("ok", "4", "né", "...no")] == [None] * 4


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    copy = tmp_path / "affect"
    shutil.copytree(weights_dir("affect"), copy)
    return copy


def test_a_flipped_byte_is_found(weights: Path) -> None:
    path = weights / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptModelError, match=r"model\.safetensors"):
        load_text_scorer(weights)


@pytest.mark.parametrize("change", [{"emotions": ["joy"]}, {"unheard_of": 1}, {"languages": None}])
def test_a_configuration_that_does_not_fit_is_named(weights: Path, change: dict[str, object]) -> None:
    import hashlib

    path = weights / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    sums = (weights / "SHA256SUMS").read_text("utf-8").splitlines()
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    lines = [f"{new}  config.json" if line.endswith("config.json") else line for line in sums]
    (weights / "SHA256SUMS").write_text("\n".join(lines) + "\n", "utf-8")
    with pytest.raises(CorruptModelError, match="model affect"):
        load_text_scorer(weights)


def test_a_broken_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", "utf-8")
    with pytest.raises(CorruptModelError, match=r"config\.json"):
        AffectConfig.read(tmp_path / "config.json")
