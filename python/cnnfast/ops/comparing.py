"""How far numbers are from others."""

from __future__ import annotations

import math
from typing import Any

from cnnfast.ops.arithmetic import multiply, sqrt, square, subtract
from cnnfast.ops.axes import rearranged
from cnnfast.ops.functions import log10
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import mean, sum
from cnnfast.utils.arguments import real_number


@operation("x1", "x2")
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Returns the peak signal-to-noise ratio in decibels, a number for all.

    Formula: 20 log10(max_val) - 10 log10(mean((x1 - x2)^2))

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of its shape.
        max_val: The largest possible number, above 0.

    Raises:
        ValueError: If shapes differ, or max_val is out of its range.

    Source:
        Keras 3, `keras.ops.psnr`.

    Example:
        >>> round(float(psnr([0.0, 1.0], [0.1, 0.9], 1.0)), 4)
        20.0
    """
    _, a, b = on_graph(x1, x2)
    if a.shape != b.shape:
        raise ValueError(f"psnr compares numbers of one shape, got {a.shape} and {b.shape}")
    peak = 20 * math.log10(real_number(max_val, "max_val", math.ulp(0.0)))
    return subtract(peak, multiply(log10(mean(square(subtract(a, b)))), 10.0))


@operation("x", "y")
def cdist(x: Any, y: Any) -> Any:
    """Returns the distance of each row of x from each row of y.

    Formula: out[..., i, j] = sqrt(sum_k (x[..., i, k] - y[..., j, k])^2)

    Args:
        x: Rows, or what stands for them.
        y: Rows of that length; axes before are broadcast.

    Shapes:
        (..., m, d), (..., n, d) -> (..., m, n); of a batch of rows, (None, d), (n, d) -> (None, n)

    Raises:
        ValueError: If rows are not equally long.

    Source:
        PyTorch, `torch.cdist`; Keras 3, `keras.ops.cdist`.

    Example:
        >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
        array([[5., 1.]], dtype=float32)
    """
    _, a, b = on_graph(x, y)
    if min(a.ndim, b.ndim) < 2 or a.dims[-1:] != b.dims[-1:] or len(b.dims) < 2:
        raise ValueError(f"cdist takes x and y with rows of one length, got shapes {a.shape} and {b.shape}")
    rows = rearranged(a, [*a.dims[:-1], 1, a.dims[-1]])
    columns = rearranged(b, [*b.dims[:-2], 1, *b.dims[-2:]])
    return sqrt(sum(square(subtract(rows, columns)), -1))
