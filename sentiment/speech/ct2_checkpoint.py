"""A CTranslate2 Whisper as an openai-whisper model: the same weights under the other library's names.

This is how the second engine runs on the weights the first one has. The binary layout is that of
``ctranslate2.specs.ModelSpec.save``: names and shapes, each followed by its raw values. CTranslate2
fuses the query, key and value matrices (key and value in cross attention) into one; Whisper's key has
no bias, which CTranslate2 stores as zeros.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.errors import CorruptModelError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from sentiment.weights import WhisperFiles

__all__ = ["dequantised", "load_openai_model", "raw_variables", "read_variables", "whisper_state"]

# ctranslate2's DataType enum; bfloat16 has no numpy type and is read as 16 bits
DTYPES = ("<f4", "i1", "<i2", "<i4", "<f2", "<u2")
BFLOAT16 = 5

Tensors = Mapping[str, "NDArray[np.float32]"]


def load_openai_model(files: WhisperFiles, *, device: str = "cpu") -> Any:
    """A ``whisper.model.Whisper`` with the weights of a CTranslate2 folder, float32, ready to decode.

    Raises:
        CorruptModelError: a file is missing, its sum is wrong, or it is not a CTranslate2 Whisper.
    """
    import torch
    from whisper.model import ModelDimensions, Whisper

    try:
        variables = read_variables(files.read("model.bin"))
        model = Whisper(ModelDimensions(**_dimensions(variables)))
        state = {name: torch.from_numpy(values) for name, values in whisper_state(variables).items()}
        model.load_state_dict(state)
        heads = json.loads(files.read("config.json")).get("alignment_heads")
        if heads:
            model.register_buffer("alignment_heads", _head_mask(model.dims, heads), persistent=False)
    except (KeyError, ValueError, IndexError, RuntimeError, struct.error) as error:
        why = " ".join(str(error).split())[:100]
        raise CorruptModelError(
            f"Whisper model {files.name!r}: not a CTranslate2 Whisper ({why}); "
            "convert it again with ct2-transformers-converter"
        ) from None
    return model.to(device).eval()


def read_variables(binary: bytes) -> dict[str, NDArray[np.float32]]:
    """Every variable of a CTranslate2 ``model.bin`` as float32, dequantised.

    Raises:
        struct.error: the file ends too early.
        ValueError, IndexError: it is not such a file.
    """
    raw = raw_variables(binary)
    return {
        name: dequantised(values, raw.get(f"{name}_scale"))
        for name, values in raw.items()
        if not name.endswith("_scale")
    }


def whisper_state(variables: Tensors) -> dict[str, NDArray[np.float32]]:
    """The ``state_dict`` of openai-whisper from CTranslate2's variables.

    Raises:
        KeyError: a variable is missing; it is not a Whisper.
    """
    state = {
        "encoder.positional_embedding": variables["encoder/position_encodings/encodings"],
        "decoder.positional_embedding": variables["decoder/position_encodings/encodings"],
        "decoder.token_embedding.weight": variables["decoder/embeddings/weight"],
        **_affine(variables, "encoder/conv1", "encoder.conv1"),
        **_affine(variables, "encoder/conv2", "encoder.conv2"),
        **_norm(variables, "encoder/layer_norm", "encoder.ln_post"),
        **_norm(variables, "decoder/layer_norm", "decoder.ln"),
    }
    for part in ("encoder", "decoder"):
        for layer in range(_n_layers(variables, part)):
            state.update(_block(variables, f"{part}/layer_{layer}", f"{part}.blocks.{layer}"))
    return {name: np.ascontiguousarray(values) for name, values in state.items()}


def raw_variables(binary: bytes) -> dict[str, NDArray[Any]]:
    """Every variable as it is stored; the scale of a quantised one is beside it, ``name_scale``.

    Raises:
        struct.error, ValueError, IndexError: as :func:`read_variables`.
    """
    variables: dict[str, NDArray[Any]] = {}
    at = 0

    def take(layout: str) -> int:
        nonlocal at
        value: int = struct.unpack_from(f"<{layout}", binary, at)[0]
        at += struct.calcsize(f"<{layout}")
        return value

    def take_text() -> str:
        nonlocal at
        length = take("H")  # counts the closing zero byte
        at += length
        return binary[at - length : at - 1].decode("utf-8")

    take("I")  # version of the binary layout
    if (spec := take_text()) != "WhisperSpec":
        raise ValueError(f"it holds a {spec}")
    take("I")  # revision of the spec
    for _ in range(take("I")):
        name = take_text()
        shape = [take("I") for _ in range(take("B"))]
        kind, n_bytes = take("B"), take("I")
        values = np.frombuffer(binary, DTYPES[kind], n_bytes // np.dtype(DTYPES[kind]).itemsize, at)
        if kind == BFLOAT16:
            values = (values.astype(np.uint32) << 16).view(np.float32)
        variables[name] = values.reshape(shape)
        at += n_bytes
    for _ in range(take("I")):  # variables that equal another are stored once
        alias = take_text()
        variables[alias] = variables[take_text()]
    return variables


def dequantised(values: NDArray[Any], scale: NDArray[Any] | None) -> NDArray[np.float32]:
    """Quantised weights are value times scale; the scale is per row (int8) or one for all (int16)."""
    if scale is None:
        return values.astype(np.float32)
    per_row = scale.astype(np.float32).reshape(-1, *[1] * (values.ndim - 1)) if scale.size > 1 else scale
    return (values.astype(np.float32) / per_row).astype(np.float32)


def _dimensions(variables: Tensors) -> dict[str, int]:
    """The fields of ``whisper.model.ModelDimensions``."""
    n_audio_ctx, n_audio_state = variables["encoder/position_encodings/encodings"].shape
    n_text_ctx, n_text_state = variables["decoder/position_encodings/encodings"].shape
    return {
        "n_mels": variables["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": n_audio_ctx,
        "n_audio_state": n_audio_state,
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": _n_layers(variables, "encoder"),
        "n_vocab": variables["decoder/embeddings/weight"].shape[0],
        "n_text_ctx": n_text_ctx,
        "n_text_state": n_text_state,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": _n_layers(variables, "decoder"),
    }


def _n_layers(variables: Tensors, part: str) -> int:
    return len(
        {name.split("/")[1] for name in variables if name.startswith(f"{part}/layer_") and "/ffn/" in name}
    )


def _block(variables: Tensors, old: str, new: str) -> dict[str, NDArray[np.float32]]:
    """One transformer block; only the decoder's has cross attention."""
    state = {
        **_norm(variables, f"{old}/self_attention/layer_norm", f"{new}.attn_ln"),
        **_attention(variables, f"{old}/self_attention", f"{new}.attn", fused=(("query", "key", "value"),)),
        **_norm(variables, f"{old}/ffn/layer_norm", f"{new}.mlp_ln"),
        **_affine(variables, f"{old}/ffn/linear_0", f"{new}.mlp.0"),
        **_affine(variables, f"{old}/ffn/linear_1", f"{new}.mlp.2"),
    }
    if f"{old}/attention/linear_0/weight" in variables:
        state |= _norm(variables, f"{old}/attention/layer_norm", f"{new}.cross_attn_ln")
        state |= _attention(
            variables, f"{old}/attention", f"{new}.cross_attn", fused=(("query",), ("key", "value"))
        )
    return state


def _attention(
    variables: Tensors, old: str, new: str, *, fused: tuple[tuple[str, ...], ...]
) -> dict[str, NDArray[np.float32]]:
    """``fused`` names what each of CTranslate2's matrices holds, before the output matrix."""
    state = _affine(variables, f"{old}/linear_{len(fused)}", f"{new}.out")
    for i, names in enumerate(fused):
        weights = np.split(variables[f"{old}/linear_{i}/weight"], len(names))
        biases = np.split(variables[f"{old}/linear_{i}/bias"], len(names))
        for name, weight, bias in zip(names, weights, biases, strict=True):
            state[f"{new}.{name}.weight"] = weight
            if name != "key":
                state[f"{new}.{name}.bias"] = bias
    return state


def _affine(variables: Tensors, old: str, new: str) -> dict[str, NDArray[np.float32]]:
    return {f"{new}.{kind}": variables[f"{old}/{kind}"] for kind in ("weight", "bias")}


def _norm(variables: Tensors, old: str, new: str) -> dict[str, NDArray[np.float32]]:
    return {f"{new}.weight": variables[f"{old}/gamma"], f"{new}.bias": variables[f"{old}/beta"]}


def _head_mask(dims: Any, heads: list[list[int]]) -> torch.Tensor:
    """The (layer, head) pairs whose cross attention follows the sound, as openai-whisper keeps them."""
    import torch

    mask = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
    for layer, head in heads:
        mask[layer, head] = True
    return mask.to_sparse()
