"""Time and memory of scoring one call of 100 utterances, measured in a process of its own.

    python models/evaluation/speed.py ours [--model models/affect] [--threads 2]

prints one line of JSON: ``seconds`` (wall time, the median of five after one to warm up), ``load_seconds``
and ``peak_mb`` (the most memory the process ever held, in 10^6 bytes: interpreter, libraries, weights, all).
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evaluation.rivals import Linear

__all__ = ["Speed", "call_texts", "measure_apart"]

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # the linear models are unpickled in a process of their own
N_UTTERANCES = 100
RUNS = 5
TEXTS = (
    "Thank you for calling, how can I help you today?",
    "Hi, I called you last week about my order and nobody has come back to me since then.",
    "I am sorry to hear that. Could you give me the order number, please?",
    "Yes, it is four seven one one, and it was supposed to be here on Tuesday at the latest.",
    "One moment.",
    "Okay.",
    "So I can see here that it left the warehouse, and then it seems that the carrier tried to deliver it "
    "twice but could not find the address, so it went back to them.",
    "That is ridiculous, I was at home the whole day, and nobody rang the bell.",
    "I understand. I can send it again with another carrier, and it would be there on Friday.",
    "Fine, but I want somebody to call me before they come, because I can't stay at home another day.",
)
"""A call of ordinary lengths: 2 to 36 words, 16 in the mean."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one system: wall seconds for the call and for loading, peak memory in 10^6 bytes."""

    seconds: float
    load_seconds: float
    peak_mb: float


def call_texts(n: int = N_UTTERANCES) -> list[str]:
    """The call's utterances; the agent begins."""
    return [TEXTS[i % len(TEXTS)] for i in range(n)]


def measure_apart(system: str, *, model: Path, threads: int, linear: Linear | None = None) -> Speed:
    """Measure ``ours``, ``vader`` or ``linear`` (handed over by a file) in a fresh process.

    Raises:
        subprocess.CalledProcessError: it failed there; its message went to the terminal.
    """
    command = [sys.executable, str(Path(__file__).resolve()), system]
    command += ["--model", str(model), "--threads", str(threads)]
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    body = None if linear is None else pickle.dumps(linear)
    done = subprocess.run(command, input=body, stdout=subprocess.PIPE, check=True, env=env)
    return Speed(**json.loads(done.stdout))


def peak_mb() -> float:
    """The most memory this process held, in 10^6 bytes.

    Linux's own high-water mark where there is one: ``ru_maxrss`` also counts the parent before exec.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def prepared(system: str, model: Path, threads: int) -> Callable[[Sequence[str]], object]:
    """Load a system; what is returned scores the utterances of a call."""
    if system == "ours":
        from sentiment.affect.text import load_text_scorer
        from sentiment.call import Utterance

        scorer = load_text_scorer(model, threads=threads)
        return lambda texts: scorer.score_calls(
            [
                [
                    Utterance(
                        index=i,
                        channel=i % 2,
                        role="customer" if i % 2 else "agent",
                        start_ms=None,
                        end_ms=None,
                        text=text,
                    )
                    for i, text in enumerate(texts)
                ]
            ]
        )
    if system == "vader":
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        lexicon = SentimentIntensityAnalyzer()
        return lambda texts: [lexicon.polarity_scores(text) for text in texts]
    linear = pickle.loads(sys.stdin.buffer.read())

    def read(texts: Sequence[str]) -> object:
        x = linear.words.transform(texts)
        return linear.classifier.predict(x), linear.valence.predict(x), linear.marker.predict_proba(x)

    return read


def main() -> None:
    """Measure one system here, print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("system", choices=("ours", "vader", "linear"))
    parser.add_argument("--model", type=Path, default=HERE.parent / "affect")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    began = time.perf_counter()
    score = prepared(args.system, args.model, args.threads)
    loaded = time.perf_counter() - began
    taken = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        score(call_texts())
        taken.append(time.perf_counter() - began)
    body = {"seconds": statistics.median(taken[1:]), "load_seconds": loaded, "peak_mb": peak_mb()}
    print(json.dumps(body))


if __name__ == "__main__":
    main()
