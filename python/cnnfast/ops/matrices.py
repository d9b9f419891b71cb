"""Products of matrices, and what is one after axes were put in order.

Shapes count the batch's axis, which is an axis of the product and never summed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import multiply
from cnnfast.ops.axes import one_row, own_axis, rearranged
from cnnfast.ops.operation import on_graph, operation


@operation("x1", "x2")
def matmul(x1: Any, x2: Any) -> Any:
    """Returns the product of matrices, x1 @ x2.

    Formula: out[..., i, j] = sum_k x1[..., i, k] x2[..., k, j]

    Args:
        x1: Numbers, or what stands for them; one axis is one row.
        x2: The same; one axis is one column.

    Shapes:
        (..., m, k), (..., k, n) -> (..., m, n); axes before the last two are broadcast. So, of a batch,
        (None, k), (k, n) -> (None, n) and (None, m, k), (k, n) or (None, k, n) -> (None, m, n).

    Raises:
        ValueError: If the shapes do not fit, or samples of a batch would be added up.

    Source:
        Keras 3, `keras.ops.matmul`; NumPy's meaning.

    Example:
        >>> matmul([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0])
        array([12., 34.], dtype=float32)
    """
    graph, a, b = on_graph(x1, x2)
    return graph.value(graph.matmul(a.number, b.number, graph.named("matmul")))


@operation("x1", "x2")
def dot(x1: Any, x2: Any) -> Any:
    """Returns the sums over the last axis of x1 and the last but one of x2, or its only one.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same.

    Raises:
        ValueError: If these axes differ, or one is the batch's.

    Source:
        Keras 3, `keras.ops.dot`; NumPy's meaning.

    Example:
        >>> float(dot([1.0, 2.0], [3.0, 4.0]))
        11.0
    """
    _, a, b = on_graph(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    return matmul(a, b) if b.ndim <= 2 else tensordot(a, b, [[-1], [-2]])


@operation("x1", "x2")
def tensordot(x1: Any, x2: Any, axes: int | Sequence[Any] = 2) -> Any:
    """Returns the sums over pairs of axes.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, without a batch axis.
        axes: The axes of x1 and those of x2, each a number or a list; or how many last ones of x1 go with
            as many first ones of x2.

    Shapes:
        The axes of x1 that are left, then those of x2.

    Raises:
        ValueError: If axes do not fit, or one is the batch's.

    Source:
        Keras 3, `keras.ops.tensordot`; NumPy's meaning.

    Example:
        >>> tensordot([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0], axes=[[0], [0]])
        array([13., 24.], dtype=float32)
    """
    _, a, b = on_graph(x1, x2)
    if b.rows:
        raise ValueError(
            f"ops.tensordot: the second operand, of shape {b.shape}, may not have a batch axis; put it first"
        )
    if isinstance(axes, int):
        axes = [[*range(-axes, 0)], [*range(axes)]]
    left, right = (_axes_of(x, own) for x, own in zip((a, b), axes, strict=True))
    kept = [i for i in range(len(a.dims)) if i not in left], [i for i in range(len(b.dims)) if i not in right]
    sizes = [a.dims[i] for i in left], [b.dims[i] for i in right]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"ops.tensordot: shapes {a.shape} and {b.shape} differ along axes {axes}: {sizes[0]}, {sizes[1]}"
        )
    first, last = [a.dims[i] for i in kept[0]], [b.dims[i] for i in kept[1]]
    terms = math.prod(sizes[0])
    product = matmul(
        rearranged(a, [*first, terms], [*kept[0], *left]),
        rearranged(b, [terms, math.prod(last)], [*right, *kept[1]]),
    )
    return rearranged(product, [*first, *last])


@operation("x1", "x2")
def inner(x1: Any, x2: Any) -> Any:
    """Returns the sums over the last axis of both.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, without a batch axis.

    Source:
        Keras 3, `keras.ops.inner`; NumPy's meaning.

    Example:
        >>> inner([[1.0, 2.0], [3.0, 4.0]], [[10.0, 1.0]])
        array([[12.],
               [34.]], dtype=float32)
    """
    _, a, b = on_graph(x1, x2)
    return multiply(a, b) if a.ndim == 0 or b.ndim == 0 else tensordot(a, b, [[-1], [-1]])


@operation("x1", "x2")
def outer(x1: Any, x2: Any) -> Any:
    """Returns the products of each number of x1 with each of x2.

    Args:
        x1: Numbers, or what stands for them, without a batch axis.
        x2: The same.

    Shapes:
        (size of x1, size of x2)

    Source:
        Keras 3, `keras.ops.outer`; NumPy's meaning.

    Example:
        >>> outer([1.0, 2.0], [10.0, 1.0])
        array([[10.,  1.],
               [20.,  2.]], dtype=float32)
    """
    _, a, b = on_graph(x1, x2)
    column = rearranged(a, [*one_row(a, "ops.outer").dims, 1])
    return multiply(column, one_row(b, "ops.outer"))


@operation("x1", "x2")
def vdot(x1: Any, x2: Any) -> Any:
    """Returns the sum of the products of all numbers of x1 with those of x2 in the same order.

    Args:
        x1: Numbers, or what stands for them, without a batch axis.
        x2: The same.

    Source:
        Keras 3, `keras.ops.vdot`; NumPy's meaning.

    Example:
        >>> float(vdot([[1.0, 2.0]], [[3.0], [4.0]]))
        11.0
    """
    _, a, b = on_graph(x1, x2)
    return matmul(one_row(a, "ops.vdot"), one_row(b, "ops.vdot"))


def _axes_of(x: Value, axes: Any) -> list[int]:
    return [own_axis(x, axis) for axis in ([axes] if isinstance(axes, int) else axes)]
