"""Whisper's encoder in torch, for processors on which it is faster than CTranslate2's.

The encoder is most of what transcribing costs: 1500 frames for every 30 s, whatever they hold. It reads
the weights of the CTranslate2 model that decodes after it (Radford et al. 2022, arXiv:2212.04356, as
``ctranslate2.specs.WhisperSpec`` names them). What kind of arithmetic runs it is :func:`best_arithmetic`.

A layer is computed a slice of frames at a time, and in place: what lies between two matrix products stays
in the processor's cache. Frames meet only in the attention, which is torch's own.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812 - the name all of torch's users give it
from torch import nn

from sentiment.errors import CorruptModelError
from sentiment.int8 import is_fast, to_int8
from sentiment.speech.ct2_checkpoint import dequantised, raw_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Arithmetic", "WhisperEncoder", "best_arithmetic", "load_encoder"]

Arithmetic = Literal["int8", "bfloat16", "float32"]

Layer = TypeVar("Layer", bound=nn.Module)

FRAMES_AT_ONCE = 192
"""Of 64 to 256, the fastest in int8 on a processor with 2 MB of cache to a core, by a little."""

BINARY_VERSION = 6
"""The layout of ``model.bin`` that is read here: every Whisper that CTranslate2 3 and 4 converted."""


def best_arithmetic() -> Arithmetic | None:
    """What this processor encodes fastest in; ``None`` means that CTranslate2's own encoder is.

    The choice goes by what the processor has, not by a measurement at start:

    - AMX: ``bfloat16``;
    - VNNI without AMX: ``int8``, in 0.6 to 0.7 of the time of CTranslate2's int8, with about its error;
    - neither (older x86, ARM): ``None``.
    """
    if torch.cpu._is_amx_tile_supported():
        return "bfloat16"
    return "int8" if is_fast() else None


def load_encoder(name: str, binary: bytes, arithmetic: Arithmetic) -> WhisperEncoder | None:
    """The encoder of a CTranslate2 Whisper.

    Args:
        name: the model's, for an error.
        binary: its ``model.bin``, as stored in any type CTranslate2 knows; any buffer of bytes will do,
            and a mapped file is read only where the encoder lies.
        arithmetic: what to compute in. float32 is there to compare with.

    Returns:
        ``None`` if the file has a layout other than version 6, which CTranslate2 may know and this does not.

    Raises:
        CorruptModelError: a part of the encoder is missing or has the wrong shape.
    """
    try:
        if struct.unpack_from("<I", binary)[0] != BINARY_VERSION:
            return None
        return WhisperEncoder(_Variables(raw_variables(binary)), arithmetic).eval()
    except (KeyError, ValueError, IndexError, RuntimeError, struct.error) as error:
        why = " ".join(str(error).split())[:100]
        raise CorruptModelError(
            f"Whisper model {name!r}: its encoder cannot be read from model.bin ({why}); fetch it again"
        ) from None


class WhisperEncoder(nn.Module):
    """Log-Mel spectra ``(n, n_mels, 3000)`` to float32 ``(n, 1500, n_state)``, for inference only.

    Windows are encoded one after the other: a window's result does not depend on its neighbours.
    """

    positions: torch.Tensor

    def __init__(self, variables: _Variables, arithmetic: Arithmetic) -> None:
        """Take the weights.

        Raises:
            KeyError, ValueError, RuntimeError: they are not those of a Whisper.
        """
        super().__init__()
        self._bfloat16 = arithmetic == "bfloat16"
        self.conv1 = variables.convolution("conv1", stride=1)
        self.conv2 = variables.convolution("conv2", stride=2)
        self.register_buffer("positions", variables.tensor("position_encodings/encodings"))
        self.blocks = nn.ModuleList(_Block(variables, i, arithmetic) for i in range(variables.n_layers))
        self.norm = variables.norm("layer_norm")
        if self._bfloat16:
            self.conv1.bfloat16()
            self.conv2.bfloat16()

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Encode each window."""
        # autocast hands bfloat16 to the layers whose weights are so; sums and norms stay float32
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            return torch.stack([self._encode(window) for window in mel])

    def _encode(self, mel: torch.Tensor) -> torch.Tensor:
        sound = F.gelu(self.conv2(F.gelu(self.conv1(mel))))
        x = (sound.float().t() + self.positions).contiguous()
        for block in self.blocks:
            block(x)
        out: torch.Tensor = self.norm(x)
        return out


class _Block(nn.Module):
    """A layer of the encoder: attention, then two linear layers, each added to what it was given."""

    def __init__(self, variables: _Variables, index: int, arithmetic: Arithmetic) -> None:
        super().__init__()
        attention, feed_forward = f"layer_{index}/self_attention", f"layer_{index}/ffn"
        self.n_heads = variables.n_heads
        self.attention_norm = variables.norm(f"{attention}/layer_norm")
        self.query_key_value = variables.linear(f"{attention}/linear_0")
        self.join = variables.linear(f"{attention}/linear_1")
        self.norm = variables.norm(f"{feed_forward}/layer_norm")
        self.widen = variables.linear(f"{feed_forward}/linear_0")
        self.narrow = variables.linear(f"{feed_forward}/linear_1")
        # block by block, so that the weights never stand as float32 all at once
        if arithmetic == "int8":
            _smooth(self.attention_norm, self.query_key_value)
            _smooth(self.norm, self.widen)
            to_int8(self)
        elif arithmetic == "bfloat16":
            for linear in (self.query_key_value, self.join, self.widen, self.narrow):
                linear.bfloat16()
        # AMX wants large products, and torch repacks bfloat16 weights for each
        self.frames_at_once = 10_000 if arithmetic == "bfloat16" else FRAMES_AT_ONCE
        self.attention_dtype = torch.bfloat16 if arithmetic == "bfloat16" else torch.float32

    def forward(self, x: torch.Tensor) -> None:
        """Change ``x``, float32 ``(1500, n_state)``, in place."""
        n_frames, size = x.shape
        slices = [slice(i, i + self.frames_at_once) for i in range(0, n_frames, self.frames_at_once)]
        shape = (3, self.n_heads, n_frames, size // self.n_heads)
        query_key_value = torch.empty(shape, dtype=self.attention_dtype)
        for part in slices:
            made = self.query_key_value(self.attention_norm(x[part]))
            query_key_value[:, :, part] = made.view(-1, *shape[:2], shape[3]).permute(1, 2, 0, 3)
        query, key, value = query_key_value.unsqueeze(1)
        heard = F.scaled_dot_product_attention(query, key, value)[0].transpose(0, 1)
        for part in slices:
            rows = x[part]
            rows += self.join(heard[part].reshape(-1, size))
            rows += self.narrow(F.gelu(self.widen(self.norm(rows))))


class _Variables:
    """The encoder's variables of a ``model.bin`` as torch layers, float32; each is made when asked for."""

    def __init__(self, raw: Mapping[str, NDArray[Any]]) -> None:
        self._raw = raw
        self.n_heads = int(raw["encoder/num_heads"])
        self.n_layers = len({n.split("/")[1] for n in raw if n.startswith("encoder/layer_") and "/ffn/" in n})

    def tensor(self, name: str) -> torch.Tensor:
        scale = self._raw.get(f"encoder/{name}_scale")
        return torch.from_numpy(dequantised(self._raw[f"encoder/{name}"], scale))

    def linear(self, name: str) -> nn.Linear:
        weight = self.tensor(f"{name}/weight")
        n_out, n_in = weight.shape
        return _filled(nn.Linear(n_in, n_out, device="meta"), weight, self.tensor(f"{name}/bias"))

    def convolution(self, name: str, *, stride: int) -> nn.Conv1d:
        weight = self.tensor(f"{name}/weight")
        n_out, n_in, width = weight.shape
        empty = nn.Conv1d(n_in, n_out, width, stride=stride, padding=width // 2, device="meta")
        return _filled(empty, weight, self.tensor(f"{name}/bias"))

    def norm(self, name: str) -> nn.LayerNorm:
        weight = self.tensor(f"{name}/gamma")
        return _filled(nn.LayerNorm(len(weight), device="meta"), weight, self.tensor(f"{name}/beta"))


def _smooth(norm: nn.LayerNorm, linear: nn.Linear) -> None:
    """Scale what goes from ``norm`` to ``linear`` so that rounding it to int8 costs less; the product stays.

    A few channels are far larger than the rest, and as one scale serves a row they take the others' digits.
    Half their size (in logarithms) is moved into the weights, as in SmoothQuant (Xiao et al. 2022,
    arXiv:2211.10438, with alpha 0.5); how large a channel gets is read from the norm instead of from data.
    On speech this takes a quarter to a third off the encoder's error (base, real call: 0.091 to 0.063).
    """
    largest_in = (4 * norm.weight.abs() + norm.bias.abs()).clamp_min(1e-5)  # four standard deviations
    largest_weight = linear.weight.abs().amax(0).clamp_min(1e-5)
    factor = (largest_in / largest_weight).sqrt()
    factor /= factor.log().mean().exp()
    norm.weight.div_(factor)
    norm.bias.div_(factor)
    linear.weight.mul_(factor)


def _filled(layer: Layer, weight: torch.Tensor, bias: torch.Tensor) -> Layer:
    """The layer with these weights.

    Raises:
        RuntimeError: they do not fit it.
    """
    layer.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    return layer.requires_grad_(False)
