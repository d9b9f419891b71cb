"""Activation functions of whole vectors, made of other words."""

from __future__ import annotations

from typing import Any

from cnnfast.ops.activations import sigmoid
from cnnfast.ops.arithmetic import divide, maximum, multiply, subtract
from cnnfast.ops.logic import greater
from cnnfast.ops.making import arange
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import stop_gradient, sum
from cnnfast.ops.running import cumsum
from cnnfast.ops.selection import sort
from cnnfast.ops.shaping import expand_dims
from cnnfast.ops.slicing import split
from cnnfast.ops.turning import flip, moveaxis


@operation("x")
def glu(x: Any, axis: int = -1) -> Any:
    """Returns one half of x along an axis, times the sigmoid of the other half.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, of an even length.

    Raises:
        ValueError: If the axis is not there, is the batch's, or has an odd length.

    Source:
        Dauphin et al., Language Modeling with Gated Convolutional Networks, 2016, https://arxiv.org/abs/1612.08083

    Example:
        >>> glu([4.0, 0.0])
        array([2.], dtype=float32)
    """
    values, gates = split(x, 2, axis)
    return multiply(values, sigmoid(gates))


@operation("x")
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Returns the vector of probabilities nearest to x along an axis; many of them are 0.

    Formula: max(x - t, 0), with t such that the sum is 1.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis.

    Raises:
        ValueError: If the axis is not there, or is the batch's.

    Source:
        Martins and Astudillo, From Softmax to Sparsemax, 2016, https://arxiv.org/abs/1602.02068

    Example:
        >>> sparsemax([0.25, 1.5, 1.25])
        array([0.   , 0.625, 0.375], dtype=float32)
    """
    _, a = on_graph(x)
    turned = moveaxis(a, axis, -1)
    falling = flip(sort(turned, -1), -1)
    places = arange(1.0, turned.dims[-1] + 1.0)
    # The k largest are in the support while k times the k-th is above their sum less 1.
    inside = stop_gradient(greater(multiply(falling, places), subtract(cumsum(falling, -1), 1.0)))
    total = sum(multiply(inside, falling), -1)
    threshold = divide(subtract(total, 1.0), sum(inside, -1))
    return moveaxis(maximum(subtract(turned, expand_dims(threshold, -1)), 0.0), -1, axis)
