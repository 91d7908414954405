"""Train the two models in ``models/roles``: who says this, and does the speaker change here?

    python -m models.train_roles DATA [--out models/roles]

``DATA`` holds the public sets named below, one folder each. Deterministic: the same data give the
same weights. The wording model (:mod:`sentiment.speech.roles`) is a logistic regression over binary one- and
two-word phrases of single sentences, every source and role weighted to a fixed share so that a large set
cannot drown the others. The turn-taking model (:mod:`sentiment.speech.turn_taking`) is one over the two
sentences on either side of a sentence's end, learned from the written phone calls alone: the other
sources have no turns as people take them on the telephone.

    stc3/dialogues.json     NTCIR STC-3 customer-helpdesk dialogues (CC BY 4.0)
    ms_ckm/*.json           Microsoft CKM accelerator's synthetic call transcripts (MIT)
    multidogo/*/train.tsv   MultiDoGO customer turns (CDLA-Permissive-1.0)
    roles/lines_*.txt            opening lines and stock phrases of phone calls, written for this project
    roles/phone_dialogues.txt    phone calls of many trades, written for this project
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sentiment.speech.roles import RoleModel, ngrams
from sentiment.speech.turn_taking import TurnModel, junction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent / "roles"
Party = Literal["agent", "customer"]

SHARE: dict[tuple[str, Party], float] = {
    ("dialogues", "agent"): 0.53,
    ("dialogues", "customer"): 0.47,
    ("lines", "agent"): 0.30,
    ("lines", "customer"): 0.30,
    ("ms_ckm", "agent"): 0.20,
    ("ms_ckm", "customer"): 0.20,
    ("stc3", "agent"): 0.15,
    ("stc3", "customer"): 0.15,
    ("multidogo", "customer"): 0.06,
}
"""How much each source counts: most what is most like a phone call; the two roles sum to the same."""

SLOTS = {
    "org": ["acme motors", "northside clinic", "the bank", "city hotel", "green energy", "first insurance"],
    "name": ["sarah", "john", "mike", "jessica", "david", "maria", "smith", "johnson", "kevin"],
    "day": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
    "time": ["9 am", "2 o'clock", "10 30", "noon", "4 pm"],
    "amount": ["50 dollars", "120 dollars", "39 99", "200 dollars"],
    "number": ["555 1234", "4 8 2 1", "90210", "0 7 7"],
    "year": ["2012 honda", "2008 ford truck", "2015 toyota"],
}


class Line(NamedTuple):
    """One sentence and who said it, in which dialogue of which source."""

    text: str
    party: Party
    source: str
    dialogue: str


def sentences(text: str) -> list[str]:
    """Sentences with at least one word the model could know."""
    return [s for s in re.split(r"(?<=[.?!])\s+", text) if ngrams(s)]


def phone_lines(copies: int = 3, seed: int = 0) -> Iterator[Line]:
    """The written phone lines, their slots filled ``copies`` times."""
    draw = random.Random(seed)
    parties: tuple[Party, ...] = ("agent", "customer")
    for party in parties:
        for number, line in enumerate((HERE / f"lines_{party}.txt").read_text("utf-8").splitlines()):
            for _ in range(copies):
                text = re.sub(r"\{(\w+)\}", lambda m: draw.choice(SLOTS[m[1]]), line)
                yield Line(text, party, "lines", f"{party}{number}")


def phone_dialogues() -> Iterator[Line]:
    """The written phone calls."""
    calls = (HERE / "phone_dialogues.txt").read_text("utf-8").split("\n\n")
    for number, call in enumerate(calls):
        for who, text in re.findall(r"^([AC]): (.*)$", call, re.MULTILINE):
            party: Party = "agent" if who == "A" else "customer"
            for sentence in sentences(text):
                yield Line(sentence, party, "dialogues", str(number))


def stc3(data: Path, most_sentences: int = 6) -> Iterator[Line]:
    """Customer-helpdesk posts; of long ones the first sentences."""
    for dialogue in json.loads((data / "stc3" / "dialogues.json").read_text("utf-8")):
        for turn in dialogue["turns"]:
            party: Party = "agent" if turn["sender"] == "helpdesk" else "customer"
            for text in turn["utterances"]:
                for sentence in sentences(text)[:most_sentences]:
                    yield Line(sentence, party, "stc3", dialogue["id"])


def ms_ckm(data: Path) -> Iterator[Line]:
    """Synthetic support calls, each once (the set repeats them)."""
    folder = data / "ms_ckm"
    calls = [c["Content"] for c in json.loads((folder / "sample_processed_data.json").read_text("utf-8"))]
    calls += [json.loads(f.read_text("utf-8"))["Content"] for f in sorted(folder.glob("convo*.json"))]
    unique = {re.sub(r"\s+", " ", c)[:600]: c for c in reversed(calls)}
    for number, content in enumerate(unique.values()):
        for name, text in re.findall(
            r"\*\*(Agent|Customer):\*\*\s*(.*?)(?=\*\*(?:Agent|Customer):|\Z)", content, re.S
        ):
            party: Party = "agent" if name == "Agent" else "customer"
            for sentence in sentences(text):
                yield Line(sentence, party, "ms_ckm", str(number))


def multidogo(data: Path, per_domain: int = 1500, seed: int = 0) -> Iterator[Line]:
    """A sample of customer turns of service chats."""
    draw = random.Random(seed)
    for path in sorted((data / "multidogo").glob("*/train.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        for row in draw.sample(rows, min(per_domain, len(rows))):
            if ngrams(row["utterance"]):
                yield Line(row["utterance"], "customer", "multidogo", row["conversationId"])


def weigh(lines: list[Line]) -> NDArray[np.float64]:
    """A weight (n_lines,) per line, mean 1, so that each source and role has its share."""
    count = Counter((line.source, line.party) for line in lines)
    share = {kind: SHARE[kind] / n for kind, n in count.items()}
    weights = np.array([share[line.source, line.party] for line in lines])
    weights /= weights.mean()
    return weights


def fit(lines: list[Line], strength: float = 0.1) -> RoleModel:
    """The model learned from ``lines``; ``strength`` is scikit-learn's ``C``."""
    vectorizer = CountVectorizer(analyzer=ngrams, min_df=2, binary=True)
    counts = vectorizer.fit_transform([line.text for line in lines])
    agent = np.array([line.party == "agent" for line in lines])
    regression = LogisticRegression(C=strength, max_iter=1000)
    regression.fit(counts, agent, sample_weight=weigh(lines))
    vocabulary = {term: int(i) for term, i in vectorizer.vocabulary_.items()}
    return RoleModel(
        vocabulary, regression.coef_[0].astype(np.float32), float(regression.intercept_[0]), call_scale=1.0
    )


def fit_turns(lines: list[Line], strength: float = 0.2, least: float = 0.01) -> TurnModel:
    """The turn-taking model of dialogues, their lines in order; weights below ``least`` are left out."""
    pairs = [(a, b) for a, b in pairwise(lines) if a.dialogue == b.dialogue]
    junctions = [junction(a.text, b.text, "A" if a.party == "agent" else "C") for a, b in pairs]
    vectorizer = CountVectorizer(analyzer=sorted, binary=True)
    counts = vectorizer.fit_transform(junctions)
    regression = LogisticRegression(C=strength, max_iter=1000)
    regression.fit(counts, [a.party != b.party for a, b in pairs])
    weights = zip(vectorizer.get_feature_names_out(), regression.coef_[0].tolist(), strict=True)
    kept = {str(feature): round(w, 3) for feature, w in weights if abs(w) >= least}
    return TurnModel(kept, round(float(regression.intercept_[0]), 3))


def report_turns(lines: list[Line]) -> None:
    """Print how well changes of speaker are told from the rest in dialogues left out of training."""
    names = sorted({line.dialogue for line in lines}, key=int)
    odds: list[float] = []
    truth: list[bool] = []
    for fold in range(5):
        held = set(names[fold::5])
        model = fit_turns([line for line in lines if line.dialogue not in held])
        for a, b in pairwise(line for line in lines if line.dialogue in held):
            if a.dialogue == b.dialogue:
                odds.append(model.log_odds(a.text, b.text, "A" if a.party == "agent" else "C"))
                truth.append(a.party != b.party)
    print(f"turns, calls held out: AUC {roc_auc_score(truth, odds):.3f} (n={len(truth)})")


def margins(model: RoleModel, lines: list[Line], first_turns: tuple[int, ...]) -> NDArray[np.float64]:
    """Agent's minus customer's summed log odds of each dialogue's first so many lines, (n,)."""
    dialogues: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        dialogues.setdefault((line.source, line.dialogue), []).append(line)
    found = []
    for dialogue in dialogues.values():
        for n in first_turns:
            said = [(model.log_odds(s.text), s.party) for s in dialogue[:n]]
            if len({party for _, party in said}) == 2:
                found.append(sum(odds if party == "agent" else -odds for odds, party in said))
    return np.array(found)


def calibrate(found: NDArray[np.float64]) -> float:
    """The factor on the margins that makes their logistic most probable (temperature scaling)."""
    loss = minimize_scalar(
        lambda s: float(np.logaddexp(0, -s * found).sum()), bounds=(0.01, 3), method="bounded"
    )
    return float(loss.x)


def save(model: RoleModel, turns: TurnModel, out: Path) -> None:
    """Weights, vocabulary and checksums; the same models give the same bytes."""
    from safetensors.numpy import save_file

    out.mkdir(parents=True, exist_ok=True)
    terms = sorted(model.vocabulary, key=model.vocabulary.__getitem__)
    scalars = {"bias": model.bias, "call_scale": model.call_scale}
    save_file(
        {"weights": model.weights, **{k: np.array([v], np.float32) for k, v in scalars.items()}},
        out / "model.safetensors",
    )
    (out / "vocabulary.json").write_text(json.dumps(terms, ensure_ascii=False, indent=0) + "\n", "utf-8")
    form = {"bias": turns.bias, "weights": dict(turns.weights)}
    (out / "turns.json").write_text(json.dumps(form, ensure_ascii=False, indent=0) + "\n", "utf-8")
    sums = [
        f"{hashlib.sha256((out / n).read_bytes()).hexdigest()}  {n}"
        for n in ("model.safetensors", "turns.json", "vocabulary.json")
    ]
    (out / "model.safetensors").chmod(0o644)
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n", "utf-8")


def report(name: str, model: RoleModel, lines: list[Line]) -> None:
    """Print how well ``model`` tells the roles of ``lines`` apart."""
    auc = roc_auc_score(
        [line.party == "agent" for line in lines], [model.log_odds(line.text) for line in lines]
    )
    right = margins(model, lines, (10_000,)) > 0
    print(f"{name}: sentence AUC {auc:.3f} (n={len(lines)}), dialogues {right.mean():.3f} (n={len(right)})")


def main() -> None:
    """Report on held-out dialogues, calibrate on held-out sources, then train on everything.

    A call is a stranger to every training source, so the calibration is done on dialogues of a
    source the model has not seen.
    """
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--out", type=Path, default=HERE)
    options = arguments.parse_args()
    lines = [
        *phone_dialogues(),
        *phone_lines(),
        *ms_ckm(options.data),
        *stc3(options.data),
        *multidogo(options.data),
    ]
    unseen = []
    for source in ("dialogues", "ms_ckm", "stc3"):
        theirs = [line for line in lines if line.source == source]
        names = sorted({line.dialogue for line in theirs})
        held = set(names[::5])
        aside = [line for line in theirs if line.dialogue in held]
        report(
            f"{source}, dialogues held out",
            fit([line for line in lines if line.source != source or line.dialogue not in held]),
            aside,
        )
        stranger = fit([line for line in lines if line.source != source])
        report(f"{source}, source held out", stranger, theirs)
        unseen.append(margins(stranger, theirs, (2, 3, 4, 6, 10_000)))
    # Each source counts the same, however many dialogues it has.
    scale = calibrate(np.concatenate([np.resize(m, 10_000) for m in unseen]))
    model = fit(lines)
    spoken = list(phone_dialogues())
    report_turns(spoken)
    turns = fit_turns(spoken)
    print(f"{len(turns.weights)} features of turns")
    print(f"{len(model.vocabulary)} phrases, call scale {scale:.3f}")
    save(RoleModel(model.vocabulary, model.weights, model.bias, scale), turns, options.out)


if __name__ == "__main__":
    main()
