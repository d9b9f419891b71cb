"""PyTorch's attention, and the encoders made of it, as products, softmax and layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.torch_making import Making, NotConvertedError, Parameter, Turned
from cnnfast.io.torch_modules import CONVERTERS, Converter, require

if TYPE_CHECKING:
    from cnnfast.layers.symbolic import SymbolicTensor


def attended(
    making: Making,
    name: str,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Any, Any]:
    """What `torch.nn.functional.scaled_dot_product_attention` returns, and the weights of the values.

    Args:
        making: What makes layers.
        name: What the layer that drops weights is called.
        query: (batch, heads, places, size).
        key: (batch, heads, sources, size).
        value: As key.
        attn_mask: True where sources are read, or what is added to products.
        dropout_p: The share of weights that are dropped in training.
        is_causal: Whether nothing behind a place is read.
        scale: What products are multiplied by; None is 1 / sqrt(size).
        enable_gqa: PyTorch's argument, which must be False.

    Raises:
        NotConvertedError: If heads are shared.
    """
    if enable_gqa:
        raise NotConvertedError("with enable_gqa=True")
    products = ops.matmul(query, ops.swapaxes(key, -1, -2)) * (scale or 1 / math.sqrt(query.shape[-1]))
    if is_causal:
        attn_mask = np.tril(np.ones((query.shape[-2], key.shape[-2]), bool))
    if isinstance(attn_mask, np.ndarray) and attn_mask.dtype == bool:
        products = ops.where(attn_mask, products, -np.inf)
    elif attn_mask is not None:
        products = products + attn_mask
    weights = kept = ops.softmax(products, -1)
    if dropout_p:
        kept = making.layer(f"{name}.dropout", layers.Dropout, dropout_p)(weights)
    return ops.matmul(kept, value), weights


def _of_places(module: Any, x: Any) -> SymbolicTensor:
    """The tensor with its samples first; PyTorch has them second unless batch_first=True."""
    first = module.batch_first if hasattr(module, "batch_first") else module.self_attn.batch_first
    if isinstance(x, Turned) == first or x.ndim != 3 or (not first and x.place != 1):
        where = "first" if first else "second, since it has batch_first=False"
        raise NotConvertedError(f"of {x!r}, whose samples must come {where}")
    tensor: SymbolicTensor = x if first else x.x
    return tensor


def _attention(
    making: Making,
    module: Any,
    x: Any,
    name: str,
    key: Any,
    value: Any,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    require(module, bias_k=None, bias_v=None, add_zero_attn=False)
    if key_padding_mask is not None or (attn_mask is not None and attn_mask.ndim != 2):
        raise NotConvertedError("with a mask for each sample")
    if isinstance(attn_mask, np.ndarray) and attn_mask.dtype == bool:
        attn_mask = ~attn_mask  # True is what is not read, other than in the function
    places = [_of_places(module, each) for each in (x, key, value)]
    parts = _projected(making, module, places, name)
    heads, size = module.num_heads, module.head_dim
    query, keys, values = [
        ops.transpose(ops.reshape(each, (None, each.shape[1], heads, size)), (0, 2, 1, 3)) for each in parts
    ]
    made, weights = attended(making, name, query, keys, values, attn_mask, module.dropout)
    joined = ops.reshape(ops.transpose(made, (0, 2, 1, 3)), (None, places[0].shape[1], heads * size))
    out = CONVERTERS["Linear"](making, module.out_proj, joined, f"{name}.out_proj")
    told = ops.mean(weights, 1) if average_attn_weights else weights
    return (out if module.batch_first else Turned(out, 1)), (told if need_weights else None)


def _projected(making: Making, module: Any, places: Any, name: str) -> list[Any]:
    """Queries, keys and values of all heads."""

    def held(role: str) -> Any:
        return making.value_of(Parameter(f"{name}.{role}", getattr(module, role)))

    if module.in_proj_weight is None:
        kernels = [held(f"{each}_proj_weight") for each in "qkv"]
    else:
        kernels = ops.split(held("in_proj_weight"), 3, 0)
    biases = [0.0] * 3 if module.in_proj_bias is None else ops.split(held("in_proj_bias"), 3, 0)
    return [
        ops.matmul(x, ops.transpose(kernel)) + bias
        for x, kernel, bias in zip(places, kernels, biases, strict=True)
    ]


def _encoder_layer(
    making: Making,
    module: Any,
    x: Any,
    name: str,
    src_mask: Any = None,
    src_key_padding_mask: Any = None,
    is_causal: bool = False,
) -> Any:
    def part(role: str, x: Any) -> Any:
        each = getattr(module, role)
        return CONVERTERS[type(each).__name__](making, each, x, f"{name}.{role}")

    def noticed(x: Any) -> Any:
        given = x if module.self_attn.batch_first else Turned(x, 1)
        options = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "need_weights": False}
        made = _attention(making, module.self_attn, given, f"{name}.self_attn", given, given, **options)[0]
        return part("dropout1", made.x if isinstance(made, Turned) else made)

    def fed(x: Any) -> Any:
        made = part("dropout", _activated(module, part("linear1", x)))
        return part("dropout2", part("linear2", made))

    tensor = _of_places(module, x)
    if module.norm_first:
        tensor = tensor + noticed(part("norm1", tensor))
        tensor = tensor + fed(part("norm2", tensor))
    else:
        tensor = part("norm1", tensor + noticed(tensor))
        tensor = part("norm2", tensor + fed(tensor))
    return Turned(tensor, 1) if isinstance(x, Turned) else tensor


def _activated(module: Any, x: Any) -> Any:
    if module.activation_relu_or_gelu not in (1, 2):
        raise NotConvertedError("with an activation that is neither relu nor gelu")
    return ops.relu(x) if module.activation_relu_or_gelu == 1 else ops.gelu(x, approximate=False)


def _encoder(
    making: Making,
    module: Any,
    x: Any,
    name: str,
    mask: Any = None,
    src_key_padding_mask: Any = None,
    is_causal: bool | None = None,
) -> Any:
    for place, each in enumerate(module.layers):
        x = _encoder_layer(making, each, x, f"{name}.layers.{place}", mask, src_key_padding_mask)
    if module.norm is None:
        return x
    norm = CONVERTERS[type(module.norm).__name__]
    if isinstance(x, Turned):
        return Turned(norm(making, module.norm, x.x, f"{name}.norm"), x.place)
    return norm(making, module.norm, x, f"{name}.norm")


# By class; all are called with more than what they are of.
ATTENTION: dict[str, Converter] = {
    "MultiheadAttention": _attention,
    "TransformerEncoderLayer": _encoder_layer,
    "TransformerEncoder": _encoder,
}
