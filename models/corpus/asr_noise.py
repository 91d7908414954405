"""What a recogniser makes of a text: a small model of its mistakes, to train on.

:func:`as_heard` changes a text as Whisper tiny.en changes what it hears on a telephone, with the ways
people talk that nobody types. Its table, ``asr_noise.json``, is measured: 1,500 training texts of
GoEmotions and 500 customers' and helpdesks' turns of MultiDoGO and STC-3, spoken and written down again
by :mod:`evaluation.speech_round_trip`, aligned word by word (Levenshtein, by jiwer). It is made anew, in
about five minutes of a core, by

    python models/corpus/make_asr_noise.py --data ../shared/data [--cache heard.json]

Measured are which words are misheard, and as what; which are lost, and which turn up; and how the errors
are spread over texts, since a text is heard well or badly as a whole. Synthetic voices do not hesitate:
fillers, repeats and restarts are set by hand after Shriberg (1994), who counts about six in 100 words of
telephone talk, at a third of that, for Whisper writes down only some.

Word error rates were 18 to 28 % with flite's voices, 48 and 54 % with espeak-ng's, 29 % in all, and 24 % of
the texts were heard without an error. :func:`as_heard` is milder, at 16 % and 35 %: what is heard at
more than :data:`WORST` seldom keeps its meaning.

The label of a text has to survive. Negations are never changed, lost or made up (12 % were misheard or
lost when measured), no word turns into one that VADER's lexicon gives a feeling the spoken one has not,
and error rates of a text end at :data:`WORST`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

__all__ = ["Noise", "Rates", "as_heard", "is_negation", "load_noise", "sound_of", "word_class"]

TABLE = Path(__file__).resolve().with_name("asr_noise.json")

WORST = 0.35
"""The highest error rate a text is given, as a share of its words."""

ALIGNABLE = 0.6
"""Of a text with a higher error rate than this, it cannot be told which word was heard as which."""

FILLERS = ("um", "uh", "uh", "er", "you know", "I mean", "like", "well", "so")
FILLER_RATE = 0.012
REPEAT_RATE = 0.008
RESTART_RATE = 0.06
CUT_RATE = 0.04
"""Fillers and repeats for each word; restarts and half sentences for each text."""

FUNCTION_WORDS = frozenset(
    str.split(
        "a an the and or but so too very if then than this that these those there here it its he him his "
        "she her they them their we us our you your i me my who what which when where how why of in on at "
        "to from for with by as about into over out up off is are was were be been being am do does did "
        "have has had will would can could should may might must just i'm i've it's that's you're he's she's"
    )
)
NEGATIONS = frozenset(
    str.split("no not never none nobody nothing nowhere neither nor without hardly barely cannot ain't nope")
)
CONTRACTED = frozenset(
    str.split(
        "dont doesnt didnt isnt wasnt werent havent hasnt hadnt wont wouldnt cant couldnt shouldnt arent"
    )
)
"""Negations as people type them, without the apostrophe."""

KINDS = ("misheard", "lost", "added")
CLASSES = ("function", "content", "number", "negation")
PRIOR = 8
"""A word's own rate counts as much as its class's once it was said this often."""

OTHERWISE = 2
"""A word is also misheard otherwise than when measured, as if that had been so often."""


def is_negation(word: str) -> bool:
    """Whether a word, in any case, turns the meaning of its sentence round."""
    word = word.lower().replace("’", "'")
    return word in NEGATIONS or word in CONTRACTED or word.endswith("n't")


def word_class(word: str) -> str:
    """One of :data:`CLASSES`."""
    if is_negation(word):
        return "negation"
    if any(c.isdigit() for c in word):
        return "number"
    return "function" if word.lower() in FUNCTION_WORDS else "content"


SOUNDS = {c: str(i) for i, group in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1) for c in group}


def sound_of(word: str) -> str:
    """Roughly how a word sounds: Soundex (Russell 1918), the first letter by its sound like the rest."""
    word = word.lower()
    first = "v" if word[:1] in tuple("aeiou") else word[:1] if word[:1] in tuple("why") else ""
    code, last = "", ""
    for letter in word:
        sound = SOUNDS.get(letter, "")
        if sound and sound != last:
            code += sound
        last = last if letter in "hw" else sound
    return first + code[:4]


@dataclass(frozen=True, slots=True)
class Rates:
    """Of the words said, the shares that are misheard, lost, and followed by one nobody said."""

    misheard: float
    lost: float
    added: float


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The table, ready for use.

    ``classes`` and ``words`` give rates; ``forms`` what a word was heard as, with counts; ``added`` words
    nobody said, with counts; ``neighbours`` words by their sound; ``severity`` the factors, in even
    steps of the texts from best to worst heard, by which a text's rates are those of the mean text.
    """

    classes: Mapping[str, Rates]
    words: Mapping[str, Rates]
    forms: Mapping[str, tuple[Sequence[str], Sequence[int]]]
    added: tuple[Sequence[str], Sequence[int]]
    neighbours: Mapping[str, Sequence[str]]
    severity: Sequence[float]

    def rates(self, word: str) -> Rates:
        """Of one word in lower case, known or not."""
        return self.words.get(word) or self.classes[word_class(word)]

    def misheard(self, rng: random.Random, word: str) -> str:
        """What ``word``, in lower case, is heard as: as it was when measured, or a word that sounds like it.

        The more often it was misheard when measured, the more likely it is heard so again. Where nothing
        sounds like it, it is heard rightly.
        """
        forms, counts = self.forms.get(word, ((), ()))
        n = sum(counts)
        if forms and rng.random() * (n + OTHERWISE) < n:
            return rng.choices(forms, counts)[0]
        if word_class(word) == "number":
            return word
        near = self.neighbours.get(sound_of(word), ())
        near = [w for w in near if w != word and abs(len(w) - len(word)) < 3]
        return rng.choice(near) if near else word


@cache
def load_noise(path: Path = TABLE) -> Noise:
    """Read the table that :mod:`corpus.make_asr_noise` made."""
    body = json.loads(path.read_text("utf-8"))
    classes = {
        name: Rates(*(body["classes"][name][kind] / max(1, body["classes"][name]["said"]) for kind in KINDS))
        for name in CLASSES
    }
    words, forms = {}, {}
    for word, (said, lost, heard) in body["words"].items():
        usual = classes[word_class(word)]
        n_misheard = sum(heard.values())
        words[word] = Rates(
            (n_misheard + PRIOR * usual.misheard) / (said + PRIOR),
            (lost + PRIOR * usual.lost) / (said + PRIOR),
            usual.added,
        )
        if heard:
            forms[word] = (tuple(heard), tuple(heard.values()))
    neighbours: dict[str, list[str]] = defaultdict(list)
    for word in body["vocabulary"].split():
        neighbours[sound_of(word)].append(word)
    rates = body["text_error_rates"]
    counted = [rate for rate in rates if rate <= ALIGNABLE]
    mean = sum(counted) / len(counted)
    return Noise(
        classes=classes,
        words=words,
        forms=forms,
        added=(tuple(body["added"]), tuple(body["added"].values())),
        neighbours=neighbours,
        severity=tuple(min(WORST, rate) / mean for rate in rates),
    )


TOKEN = re.compile(r"^([^\w$%]*)(.*?)([^\w%]*)$", re.DOTALL)


def as_heard(rng: random.Random, text: str) -> str:
    """``text`` as Whisper might write it down from the telephone; the same for the same state of ``rng``.

    Args:
        rng: what is drawn from; nothing else is random.
        text: what is said, with at least a letter or digit in it.

    Returns:
        The text with words misheard, lost, added and repeated, fillers, now and then a restart or half a
        sentence; as Whisper writes, or in lower case, or without punctuation. Each negation in it is kept.
    """
    noise = load_noise()
    severity = rng.choice(noise.severity)
    tokens = _cut(rng, text.replace("’", "'").split())
    said: list[str] = []
    for token in tokens:
        _, word, after = TOKEN.fullmatch(token).groups()  # type: ignore[union-attr]
        if not word:
            continue
        said += _say(rng, noise, severity, word, after)
    said = _restart(rng, said)
    found = _written(rng, said)
    return found if any(c.isalnum() for c in found) else text


def _cut(rng: random.Random, tokens: list[str]) -> list[str]:
    """Now and then without its last words, as when somebody breaks off or is cut in on."""
    room = len(tokens) // 4
    if room and rng.random() < CUT_RATE:
        n = rng.randint(1, room)
        if not any(is_negation(t.strip(".,!?")) for t in tokens[-n:]):
            return [*tokens[: -n - 1], tokens[-n - 1].rstrip(".,!?")]
    return tokens


def _say(rng: random.Random, noise: Noise, severity: float, word: str, after: str) -> list[str]:
    """What stands for one word: it or what it is heard as, or nothing, and what comes beside it."""
    found = [rng.choice(FILLERS)] if rng.random() < FILLER_RATE else []
    lower = word.lower()
    rates, chance = noise.rates(lower), rng.random()
    if is_negation(word):
        found.append(word + after)
    elif chance < severity * rates.misheard:
        found.append(noise.misheard(rng, lower) + after)
    elif chance < severity * (rates.misheard + rates.lost):
        if found or after:
            found.append(after)
    else:
        found += [word] if rng.random() < REPEAT_RATE else []
        found.append(word + after)
    if rng.random() < severity * rates.added:
        found.append(rng.choices(*noise.added)[0])
    return [x for x in found if x]


def _restart(rng: random.Random, said: list[str]) -> list[str]:
    """Now and then with its first one or two words said twice: "I, uh, I want"."""
    if len(said) < 4 or rng.random() >= RESTART_RATE:
        return said
    first = [x.strip(".,!?") for x in said[: rng.randint(1, 2)]]
    between = [rng.choice(("uh", "um"))] if rng.random() < 0.4 else []
    return [*first[:-1], first[-1] + ",", *(x + "," for x in between), *said]


def _written(rng: random.Random, said: Sequence[str]) -> str:
    """As Whisper writes it (half of the time), without punctuation, or in small letters without any."""
    style = rng.random()
    text = " ".join(x.lower() if _is_shouted(x) else x for x in said)
    text = re.sub(r" +(?=[.,!?])", "", text).lstrip(".,!?;: ")
    if style >= 0.5:
        text = " ".join(re.sub(r"[^\w\s'$%]+", " ", text).split())
        return text.lower() if style >= 0.7 else text
    text = re.sub(r"[^\w\s'$%.,?!-]+", " ", text)
    text = re.sub(r"!+|\.{2,}", lambda m: "!" if "!" in m[0] and rng.random() < 0.15 else ".", text)
    text = re.sub(r"([.,?!])[.,?!]+", r"\1", " ".join(text.split()))
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".?!" or rng.random() < 0.2 else text.rstrip(",-") + "."


def _is_shouted(token: str) -> bool:
    """Whether a token is a word in capitals, not a name spelled in them (USB, OK)."""
    word = token.strip(".,!?")
    return word.isupper() and word != "I" and (len(word) > 3 or word_class(word) in ("function", "negation"))
