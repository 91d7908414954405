"""Average two trainings of the utterance scorer that share their beginning: better than either on most sets.

    python models/average_affect.py --data ../shared/data --first models/affect --second FOLDER --out FOLDER

Weights of one network fine-tuned from the same start lie in one valley, and their mean is often better
than both and costs nothing in use (Wortsman et al. 2022, *Model soups*, arXiv:2203.05482). The mean is
rounded to int8 and the temperature fitted again, as at the end of ``train_affect.py``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from corpus.public_sets import goemotions
from safetensors.torch import load_file
from tokenizers import Tokenizer
from train_affect import export, fit_temperature

from sentiment.affect.network import Network
from sentiment.affect.text import WEIGHT_FILES, AffectConfig
from sentiment.int8 import to_float, to_int8


def in_float(folder: Path) -> tuple[AffectConfig, Network]:
    """The weights in ``folder``, their linear layers as float32."""
    config = AffectConfig.read(folder / "config.json")
    network = Network(config.encoder, len(config.emotions))
    to_int8(network.encoder)
    network.load_state_dict({k: v for name in WEIGHT_FILES for k, v in load_file(folder / name).items()})
    to_float(network.encoder)
    return config, network.eval()


def main() -> None:
    """Average, calibrate, export."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("data", "first", "second", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    config, network = in_float(args.first)
    _, other = in_float(args.second)
    theirs = other.state_dict()
    for name, tensor in network.state_dict().items():
        if tensor.dtype == torch.float32:
            tensor.copy_(0.5 * tensor + 0.5 * theirs[name])
        elif not torch.equal(tensor, theirs[name]):
            raise SystemExit(f"{name}: was frozen, and yet differs; these two do not share their beginning")
    tokenizer = Tokenizer.from_file(str(args.first / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    to_int8(network.encoder)
    temperature = fit_temperature(network, config, tokenizer, goemotions(args.data, "dev"))
    export(network, replace(config, temperature=temperature), tokenizer, args.out)


if __name__ == "__main__":
    main()
