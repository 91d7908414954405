"""Convert Resemblyzer's voice encoder into ``models/speaker/model.safetensors``.

    python -m models.convert_speaker pretrained.pt [--out models/speaker]

``pretrained.pt`` is the file of that name in the wheel ``Resemblyzer==0.1.4`` (Apache-2.0; unzip
it, there is no need to install it). Only the encoder's own tensors are kept, unchanged in float32: the
checkpoint also holds the optimiser's state and two scalars of the training loss. Deterministic.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

SOURCE_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
"""Of the ``pretrained.pt`` in Resemblyzer 0.1.4."""

TENSORS = (
    *tuple(
        f"lstm.{kind}_l{layer}"
        for layer in range(3)
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ),
    "linear.weight",
    "linear.bias",
)


def convert(checkpoint: Path, out: Path) -> None:
    """Write the encoder's tensors in ``checkpoint`` and their checksum to the folder ``out``."""
    import torch
    from safetensors.torch import save_file

    if (found := hashlib.sha256(checkpoint.read_bytes()).hexdigest()) != SOURCE_SHA256:
        raise SystemExit(
            f"{checkpoint}: sha256 {found[:12]}, not {SOURCE_SHA256[:12]}; take Resemblyzer 0.1.4's"
        )
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["model_state"]
    out.mkdir(parents=True, exist_ok=True)
    path = out / "model.safetensors"
    save_file({name: state[name].float().contiguous() for name in TENSORS}, path)
    path.chmod(0o644)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (out / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n", "utf-8")


def main() -> None:
    """Read the command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("checkpoint", type=Path)
    arguments.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "speaker")
    options = arguments.parse_args()
    convert(options.checkpoint, options.out)


if __name__ == "__main__":
    main()
