"""Measure what tiny.en mishears, into ``asr_noise.json``, for :mod:`corpus.asr_noise`.

    python models/corpus/make_asr_noise.py --data ../shared/data [--cache heard.json]

Seeded: the same texts, voices and alignments each time. About five minutes of a core, most of it listening.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from evaluation.speech_round_trip import round_trip, word_errors_by_voice, words

from corpus.asr_noise import ALIGNABLE, CLASSES, KINDS, PRIOR, TABLE, is_negation, word_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evaluation.speech_round_trip import Spoken

__all__ = ["aligned", "believable", "measure", "texts_to_say"]

COMMON = 3
"""Words said, or added, less often are not put in the place of others."""

RUDE = re.compile(r"fuck|shit|bitch|cunt|dick|nazi|whore|slut|rape|porn|nigg|fag|sex|kill")
"""What no harmless word is made into."""

N_REDDIT, N_SERVICE, SEED = 1_500, 500, 7


def texts_to_say(data: Path) -> list[str]:
    """The seeded sample of training texts; none of it is measured on."""
    from corpus import public_sets

    rng = random.Random(SEED)
    reddit = [e.text for e in public_sets.goemotions(data, "train")]
    service = [e.text for e in (*public_sets.multidogo(data), *public_sets.stc3(data))]
    service = [text for text in service if 3 <= len(text.split()) <= 40]
    texts = rng.sample(reddit, N_REDDIT) + rng.sample(service, N_SERVICE)
    rng.shuffle(texts)
    return texts


Pair = tuple[str, str]
"""A word said and what was heard; one of them may be empty."""


def aligned(said: Sequence[str], heard: Sequence[str]) -> Iterator[Pair]:
    """The words side by side: equal, misheard (``heard`` may be several words), lost, or added."""
    import jiwer

    (chunks,) = jiwer.process_words(" ".join(said), " ".join(heard)).alignments
    wrong_said: list[str] = []
    wrong_heard: list[str] = []
    for chunk in chunks:
        if chunk.type == "equal":
            yield from _paired(wrong_said, wrong_heard)
            wrong_said, wrong_heard = [], []
            yield from ((w, w) for w in said[chunk.ref_start_idx : chunk.ref_end_idx])
        else:
            wrong_said += said[chunk.ref_start_idx : chunk.ref_end_idx]
            wrong_heard += heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
    yield from _paired(wrong_said, wrong_heard)


def _paired(said: Sequence[str], heard: Sequence[str]) -> Iterator[Pair]:
    """A wrong stretch: the alignment of its words that is closest letter by letter."""
    from difflib import SequenceMatcher

    if len(said) == 1 and 1 <= len(heard) <= 3:
        yield said[0], " ".join(heard)
        return
    best: dict[tuple[int, int], tuple[float, tuple[Pair, ...]]] = {(0, 0): (0.0, ())}
    for i in range(len(said) + 1):
        for j in range(len(heard) + 1):
            ways = []
            if i and j:
                cost, pairs = best[i - 1, j - 1]
                alike = SequenceMatcher(None, said[i - 1], heard[j - 1]).ratio()
                ways.append((cost + 1 - alike, (*pairs, (said[i - 1], heard[j - 1]))))
            if i:
                cost, pairs = best[i - 1, j]
                ways.append((cost + 0.6, (*pairs, (said[i - 1], ""))))
            if j:
                cost, pairs = best[i, j - 1]
                ways.append((cost + 0.6, (*pairs, ("", heard[j - 1]))))
            if ways:
                best[i, j] = min(ways)
    yield from best[len(said), len(heard)][1]


def believable(said: str, heard: str, feelings: Mapping[str, float]) -> bool:
    """Whether a mishearing may be learned: it sounds alike, brings in no negation and no feeling, and is
    not of a long number, which would be somebody's."""
    from difflib import SequenceMatcher

    if any(is_negation(w) for w in (said, *heard.split())) or re.search(r"\d{5}", said + heard):
        return False
    if RUDE.search(heard) and not RUDE.search(said):
        return False
    brings = [feelings.get(w, 0.0) for w in heard.split()]
    if any(abs(x) >= 0.5 and x * feelings.get(said, 0.0) <= 0 for x in brings):
        return False
    return SequenceMatcher(None, said, heard.replace(" ", "")).ratio() >= 0.35


def measure(spoken: Sequence[Spoken], feelings: Mapping[str, float]) -> dict[str, Any]:
    """The table, as it stands in the file.

    Args:
        spoken: texts and what was heard of them.
        feelings: a lexicon of words with valence, so that no mishearing brings in a feeling.

    Texts with more errors than :data:`ALIGNABLE` count in the rates of texts, not in those of words.
    """
    classes = {name: Counter[str]() for name in CLASSES}
    said_as: dict[str, Counter[str]] = defaultdict(Counter)
    said, added = Counter[str](), Counter[str]()
    rates = []
    for each in spoken:
        truth, heard = words(each.text), words(each.heard)
        if not truth:
            continue
        pairs = list(aligned(truth, heard))
        rates.append(sum(a != b for a, b in pairs) / len(truth))
        if rates[-1] > ALIGNABLE:
            continue
        _count(pairs, classes, said, said_as, added)
    return {
        "texts": len(rates),
        "text_error_rates": _quantiles(rates, 41),
        "classes": {name: {k: counts[k] for k in ("said", *KINDS)} for name, counts in classes.items()},
        "words": _confusions(said, said_as, feelings),
        "added": {
            w: n for w, n in added.most_common() if n >= COMMON and not is_negation(w) and w not in feelings
        },
        "vocabulary": " ".join(_vocabulary(said, said_as, feelings)),
    }


def _count(
    pairs: Iterable[Pair],
    classes: Mapping[str, Counter[str]],
    said: Counter[str],
    said_as: Mapping[str, Counter[str]],
    added: Counter[str],
) -> None:
    kind = "function"
    for word, heard in pairs:
        if not word:
            classes[kind]["added"] += 1
            added[heard] += 1
            continue
        kind = word_class(word)
        said[word] += 1
        classes[kind]["said"] += 1
        if word != heard:
            classes[kind]["misheard" if heard else "lost"] += 1
            said_as[word][heard] += 1


def _confusions(
    said: Counter[str], said_as: Mapping[str, Counter[str]], feelings: Mapping[str, float]
) -> dict[str, tuple[int, int, dict[str, int]]]:
    """For each word: times said, times lost, and what it was heard as with counts."""
    found = {}
    for word in sorted(said_as):
        forms = {h: n for h, n in said_as[word].most_common() if h and believable(word, h, feelings)}
        if not is_negation(word) and (forms or said[word] >= PRIOR):
            found[word] = (said[word], said_as[word][""], forms)
    return found


def _vocabulary(
    said: Counter[str], said_as: Mapping[str, Counter[str]], feelings: Mapping[str, float]
) -> list[str]:
    """Words that others may be misheard as: common, heard rightly at least once, without feeling."""
    common = (w for w, n in said.items() if n >= COMMON)
    right = (w for w in common if said[w] > sum(said_as.get(w, Counter()).values()))
    plain = (w for w in right if len(w) > 2 and w.isalpha() and w.isascii() and w not in feelings)
    return sorted(w for w in plain if not is_negation(w) and not RUDE.search(w))


def _quantiles(values: Sequence[float], n: int) -> list[float]:
    ordered = sorted(values)
    return [round(ordered[round(i * (len(ordered) - 1) / (n - 1))], 3) for i in range(n)]


def main() -> None:
    """Speak, listen, measure, write the table."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--cache", type=Path, help="a JSON file that keeps what was heard")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    spoken = round_trip(texts_to_say(args.data), cache=args.cache, threads=args.threads)
    table = measure(spoken, SentimentIntensityAnalyzer().lexicon)
    args.out.write_text(json.dumps(table, indent=0, ensure_ascii=False) + "\n", "utf-8")
    for voice, (rate, n) in word_errors_by_voice(spoken).items():
        print(f"{voice:24} {n:5} texts, word error rate {rate:.3f}")
    for name, counts in table["classes"].items():
        print(f"{name:24} {counts}")


if __name__ == "__main__":
    main()
