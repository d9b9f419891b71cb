"""Attention: sums of values, weighted by how well keys fit a query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnfast.ops.activations import softmax, tanh
from cnnfast.ops.arithmetic import add, divide, multiply
from cnnfast.ops.einsum import einsum
from cnnfast.ops.logic import where
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.repeating import repeat
from cnnfast.utils.arguments import not_offered

_NEVER = -0.7 * float(
    np.finfo(np.float32).max
)  # for softmax: no weight, and no NaN where there is nothing else


@operation("query", "key", "value", "bias", "mask")
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Returns for each query the mean of the values, weighted by the softmax of its products with the keys.

    Formula: softmax(scale * query . key + bias) . value

    Args:
        query: (batch, targets, heads, size), or what stands for it.
        key: (batch, sources, heads, size); a divisor of the heads serves as many heads in a row.
        value: As key.
        bias: Added to the products; it broadcasts to (batch, heads, targets, sources).
        mask: Where it is 0 nothing is read; it broadcasts likewise.
        scale: What products are multiplied by; None is 1 / sqrt(size).
        is_causal: Whether targets read no sources behind their own place.
        flash_attention: Keras's argument, which must not be True.
        attn_logits_soft_cap: Holds scaled products within plus and minus this number by tanh; None does not.

    Shapes:
        (batch, targets, heads, size)

    Raises:
        ValueError: If shapes do not fit.

    Source:
        Vaswani et al., Attention Is All You Need, 2017; Keras 3, `keras.ops.dot_product_attention`.

    Example:
        >>> one = np.ones((1, 1, 1, 2))
        >>> dot_product_attention(one, one, 3 * one).ravel()
        array([3., 3.], dtype=float32)
    """
    not_offered("ops.dot_product_attention", flash_attention=(flash_attention or None, None))
    _, q, k, v = on_graph(query, key, value)
    if q.ndim != 4 or k.ndim != 4 or k.shape != v.shape or q.dims[-2] % k.dims[-2]:
        raise ValueError(
            "attention takes a query of shape (batch, targets, heads, size), and keys and values of shape "
            f"(batch, sources, heads, size); got {q.shape}, {k.shape} and {v.shape}"
        )
    if q.dims[-2] != k.dims[-2]:
        k, v = (repeat(each, q.dims[-2] // k.dims[-2], axis=-2) for each in (k, v))
    logits = multiply(einsum("btnh,bsnh->bnts", q, k), 1 / math.sqrt(q.dims[-1]) if scale is None else scale)
    if attn_logits_soft_cap is not None:
        logits = multiply(tanh(divide(logits, attn_logits_soft_cap)), attn_logits_soft_cap)
    logits = logits if bias is None else add(logits, bias)
    logits = logits if mask is None else where(mask, logits, _NEVER)
    if is_causal:
        logits = where(np.tri(*logits.dims[-2:], dtype=np.float32), logits, _NEVER)
    return einsum("bnts,bsnh->btnh", softmax(logits, axis=-1), v)
