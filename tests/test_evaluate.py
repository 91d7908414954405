"""The arithmetic of the figures, and the readers of sets, on small made-up files; no model is run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from corpus.public_sets import Example
from evaluation import rows as rows
from evaluation.figures import (
    calibration_error,
    confusion,
    crossfitted,
    f1_of_marks,
    fit_thresholds,
    interval,
    macro_f1,
    pearson,
    reliability,
    weighted_f1,
)
from evaluation.rivals import Ours, Reading, Vader, utterances
from evaluation.sets import alone, label_of, maia, meld, missing, sample
from evaluation.speed import call_texts
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from sentiment.affect.text import Reading as Heads
from sentiment.call import Score
from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Utterance

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

CLASSES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


@given(CLASSES)
def test_f1_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, found = np.array(pairs).T
    for ours, average in ((macro_f1, "macro"), (weighted_f1, "weighted")):
        theirs = f1_score(truth, found, average=average, zero_division=0)
        assert ours(truth, found) == pytest.approx(theirs)
    assert confusion(truth, found).sum() == len(pairs)


def test_f1_of_marks_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    truth, found = rng.random((80, 5)) < 0.2, rng.random((80, 5)) < 0.3
    truth[:, 4] = found[:, 4] = False
    assert f1_of_marks(truth, found) == pytest.approx(f1_score(truth, found, average=None, zero_division=0))


def test_pearson_of_what_does_not_vary_is_nothing() -> None:
    assert pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])) == pytest.approx(1)
    assert pearson(np.array([1.0, 2, 3]), np.zeros(3)) == 0


def test_calibration_error() -> None:
    # ten items at .8 of which eight are right, ten at .6 of which none is
    p = np.array([[0.8, 0.1, 0.1]] * 10 + [[0.1, 0.6, 0.3]] * 10)
    truth = np.array([0] * 8 + [1] * 2 + [0] * 10)
    bins = reliability(p, truth)
    assert [(b.n, b.confidence, b.accuracy) for b in bins] == [
        (10, pytest.approx(0.6), 0.0),
        (10, pytest.approx(0.8), pytest.approx(0.8)),
    ]
    assert calibration_error(p, truth) == pytest.approx(0.3)
    sure = np.array([[1.0, 0.0, 0.0]])
    assert calibration_error(sure, np.array([0])) == 0


def test_thresholds_find_the_gap_between_true_and_false() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((400, 2)) < 0.3
    low = np.where(truth[:, 0], rng.uniform(0.18, 0.3, 400), rng.uniform(0.0, 0.12, 400))
    high = np.where(truth[:, 1], rng.uniform(0.75, 0.9, 400), rng.uniform(0.3, 0.65, 400))
    p = np.stack([low, high], axis=1)
    thresholds = fit_thresholds(p, truth)
    assert 0.1 < thresholds[0] < 0.2
    assert 0.6 < thresholds[1] < 0.8
    assert f1_of_marks(truth, p >= thresholds).min() > 0.97


def test_crossfitting_uses_the_other_half_only() -> None:
    # in one half the label is true from .7 on, in the other from .3 on: each gets the other's threshold
    p = np.tile(np.linspace(0, 1, 201), 2)[:, None]
    half = np.repeat([True, False], 201)
    truth = np.where(half[:, None], p >= 0.7, p >= 0.3)
    found = crossfitted(p, truth, half)
    assert not found[half][p[half] < 0.2].any()
    assert found[half][p[half] > 0.4].all()
    assert not found[~half][p[~half] < 0.6].any()


def test_the_interval_is_seeded_and_holds_the_value() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=300)
    found = truth + rng.normal(size=300)
    low, high = interval(pearson, truth, found)
    assert (low, high) == interval(pearson, truth, found)
    assert low < pearson(truth, found) < high
    # Fisher's interval for r about .71 and n = 300 is about .65 to .76
    assert 0.05 < high - low < 0.17

    def drop(t: Any, a: Any, b: Any) -> float:
        return pearson(t, a) - pearson(t, b)

    assert interval(drop, truth, found, found) == (0, 0)


def write_maia(folder: Path, turns: list[dict[str, Any]]) -> Path:
    (folder / "maia_dqe").mkdir()
    (folder / "maia_dqe" / "client.json").write_text(json.dumps([{"turns": turns}]), "utf-8")
    return folder


def turn(floor: str, said: list[str], emotions: list[int | None] | None) -> dict[str, Any]:
    other = ["?"] * len(said)
    mt, src = (said, other) if floor == "inbound" else (other, said)
    return {"floor": floor, "text_mt": mt, "text_src": src, "Emotion": emotions}


def test_maia_reads_customers_sentences_with_what_came_before(tmp_path: Path) -> None:
    turns = [
        turn("inbound", ["Hello #NAME#", "It is broken", "..."], [2, 5, 2]),
        turn("outbound", ["I am sorry"], [0]),
        turn("inbound", ["Thanks", "How do I send it?"], [1, 4]),
        turn("inbound", ["Labels", "do not fit"], [2]),
        turn("inbound", ["One is missing", "here"], [None, 7]),
    ]
    found = maia(write_maia(tmp_path, turns))
    assert [(e.text, label_of(e)) for e in found] == [
        ("Hello name", 1),
        ("It is broken", 0),
        ("Thanks", 2),
        ("How do I send it?", 0),
        ("here", 0),
    ]
    assert found[2].context == (
        ("customer", "Hello name"),
        ("customer", "It is broken"),
        ("agent", "I am sorry"),
    )
    assert found[-1].context == (
        ("customer", "Labels"),
        ("customer", "do not fit"),
        ("customer", "One is missing"),
    )
    assert all(e.role == "customer" for e in found)
    assert [label_of(e) for e in maia(tmp_path, confusion=1)] == [1, 0, 2, 1, 0]


def test_maia_says_which_file_is_wrong(tmp_path: Path) -> None:
    write_maia(tmp_path, [{"floor": "inbound"}])
    with pytest.raises(InputError, match=r"client\.json: not a MAIA chat file"):
        maia(tmp_path)


def test_meld_keeps_scenes_apart(tmp_path: Path) -> None:
    (tmp_path / "meld").mkdir()
    with (tmp_path / "meld" / "dev_sent_emo.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Utterance", "Sentiment", "Dialogue_ID"])
        out.writerows(
            [["Hi!", "positive", 0], ["...", "neutral", 0], ["No.", "negative", 0], ["Well", "neutral", 1]]
        )
    found = meld(tmp_path)
    assert [(e.text, label_of(e), e.context) for e in found] == [
        ("Hi!", 2, ()),
        ("No.", 0, (("unknown", "Hi!"),)),
        ("Well", 1, ()),
    ]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    write_maia(tmp_path, [])
    assert missing(tmp_path, "test") == [
        "goemotions/labels.txt",
        "goemotions/test.tsv",
        "emobank/emobank.csv",
        "meld/test_sent_emo.csv",
        "vader/*.tsv",
    ]


def test_the_sample_is_the_same_each_time_and_has_no_context() -> None:
    assert sample(1000, 150) == sample(1000, 150)
    assert len(set(sample(1000, 150))) == 150
    assert sample(5, 150) == [0, 1, 2, 3, 4]
    example = Example(id="1", text="a", context=(("agent", "b"),))
    assert (alone(example).context, alone(example).text, alone(example, "c").text) == ((), "a", "c")


class CountingScorer:
    """Says how a text feels by its first letter, and counts what it is given."""

    def __init__(self) -> None:
        self.n_read = 0

    def read_calls(self, calls: Sequence[Sequence[Utterance]]) -> list[list[Heads]]:
        self.n_read += sum(len(call) for call in calls)
        return [[self.read(u.text) for u in call] for call in calls]

    @staticmethod
    def read(text: str) -> Heads:
        good = text.startswith("g")
        p = (0.1, 0.1, 0.8) if good else (0.8, 0.1, 0.1)
        return Heads(p, 0.7 if good else -0.7, 1.5, (0.9 if good else 0.1, 0.2), False)

    @staticmethod
    def as_score(heads: Heads) -> Score:
        return Score(
            polarity=heads.valence / 2,
            intensity=0.6,
            p_negative=heads.probabilities[0],
            p_neutral=heads.probabilities[1],
            p_positive=heads.probabilities[2],
            emotions=dict(zip(("joy", "anger"), heads.emotions, strict=True)),
            model="fake",
        )


def test_ours_scores_the_last_turn_and_no_text_twice() -> None:
    scorer = CountingScorer()
    ours = Ours(scorer, ("anger", "joy"))  # type: ignore[arg-type]
    examples = [Example(id="1", text="good", context=(("agent", "bad"),)), Example(id="2", text="bad")]
    first = ours.read(examples)
    assert scorer.n_read == 3
    again = ours.read([*examples, examples[0]])
    assert scorer.n_read == 3
    assert first.classes.tolist() == [2, 0]
    assert again.classes.tolist() == [2, 0, 2]
    assert first.emotions is not None
    assert first.emotions.tolist() == [[0.2, 0.9], [0.2, 0.1]]
    assert first.valence.tolist() == [0.35, -0.35]
    assert first.raw_valence is not None
    assert first.raw_valence.tolist() == [0.7, -0.7]
    assert first.raw_arousal is not None
    assert first.raw_arousal.tolist() == [1.5, 1.5]
    assert [u.role for u in utterances(examples[0])] == ["agent", "customer"]


def test_vader_uses_its_authors_thresholds() -> None:
    texts = ("I love it", "I hate it", "It is a table")
    reading = Vader().read([Example(id=t, text=t) for t in texts])
    assert reading.classes.tolist() == [2, 0, 1]
    assert reading.probabilities is None
    assert reading.strength.tolist() == np.abs(reading.valence).tolist()


def test_a_row_shows_what_is_measured_and_what_cannot_be() -> None:
    examples = [Example(id=str(i), text=t, sentiment=(0.0, 0.0, 1.0)) for i, t in enumerate("gggb")]
    task = rows.Task(
        name="Made up",
        what="3-class macro-F1",
        examples=examples,
        truth=np.array([2, 2, 2, 0]),
        of=rows.classes,
        measure=macro_f1,
        reach=0.8,
    )

    class Positive:
        def read(self, examples: Sequence[Example]) -> Reading:
            n = len(examples)
            return Reading(classes=np.full(n, 2), valence=np.zeros(n), strength=np.zeros(n))

    systems = (Ours(CountingScorer(), ("joy",)), Positive())  # type: ignore[arg-type]
    cells = rows.measured(systems, task).cells()
    assert cells == "| Made up: 3-class macro-F1 | 4 | 0.80 | **1.000** | 1.000 to 1.000 | 0.429 | - |"


def test_the_call_to_time_is_an_ordinary_one() -> None:
    texts = call_texts()
    assert len(texts) == 100
    assert 12 < sum(len(t.split()) for t in texts) / 100 < 18


@pytest.mark.shared
def test_the_sets_are_of_their_published_sizes() -> None:
    if not SHARED.exists():
        pytest.skip("../shared/data is not here")
    assert not missing(SHARED, "dev")
    assert len(meld(SHARED)) == 1109
    assert 600 < len(maia(SHARED)) < 680
    sets = {t.name: len(t.examples) for t in rows.tasks(SHARED, "dev")}
    assert sets["GoEmotions dev, one label"] == 4548
