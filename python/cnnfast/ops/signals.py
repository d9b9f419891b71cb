"""Products of vectors and signals, and how they go together."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.ops.arithmetic import multiply, power, rsqrt, subtract
from cnnfast.ops.matrices import matmul
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import mean, sum
from cnnfast.ops.repeating import pad
from cnnfast.ops.selection import take
from cnnfast.ops.shaping import expand_dims, shaped
from cnnfast.ops.slicing import cut
from cnnfast.ops.turning import flip, moveaxis, transpose
from cnnfast.utils.arguments import one_of, whole_number


@operation("x1", "x2")
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """Returns vectors that stand upright on two others, as long as the area between these.

    Of vectors in the plane it is that length alone, below 0 where the second is on the right of the first.

    Args:
        x1: Vectors of two or three numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.
        axisa: Along which axis the numbers of one vector are in x1.
        axisb: In x2.
        axisc: In the result.
        axis: All of these; None leaves them.

    Raises:
        ValueError: If there are not two or three numbers along these axes, or one is the batch's.

    Source:
        Keras 3, `keras.ops.cross`; NumPy's meaning.

    Example:
        >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
        array([0., 0., 1.], dtype=float32)
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    _, x1, x2 = on_graph(x1, x2)
    a, b = moveaxis(x1, axisa, -1), moveaxis(x2, axisb, -1)
    sizes = [each.dims[-1:] for each in (a, b)]
    if any(size not in ((2,), (3,)) for size in sizes):
        raise ValueError(f"vectors of two or three numbers are needed, got shapes {x1.shape} and {x2.shape}")
    flat = sizes == [(2,), (2,)]
    a, b = (pad(each, [(0, 0)] * (each.ndim - 1) + [(0, 3 - each.dims[-1])]) for each in (a, b))
    first, second = [1, 2, 0], [2, 0, 1]
    made = subtract(
        multiply(take(a, first, -1), take(b, second, -1)), multiply(take(a, second, -1), take(b, first, -1))
    )
    return (
        shaped(cut(made, len(made.dims) - 1, 2, 1, 1), made.shape[:-1]) if flat else moveaxis(made, -1, axisc)
    )


@operation("x1", "x2")
def kron(x1: Any, x2: Any) -> Any:
    """Returns Kronecker's product: each number of x1, times all of x2, in its place.

    Args:
        x1: Numbers, or what stands for them; there is no batch axis.
        x2: The same.

    Example:
        >>> kron([1.0, 2.0], [1.0, 10.0])
        array([ 1., 10.,  2., 20.], dtype=float32)
    """
    _, x1, x2 = on_graph(x1, x2)
    rank = max(x1.ndim, x2.ndim)
    ones, others = ((*(1,) * (rank - each.ndim), *each.shape) for each in (x1, x2))
    wide = shaped(x1, [size for each in ones for size in (each, 1)])
    made = multiply(wide, shaped(x2, [size for each in others for size in (1, each)]))
    return shaped(made, [one * other for one, other in zip(ones, others, strict=True)])


@operation("x")
def corrcoef(x: Any) -> Any:
    """Returns how rows of numbers go together: 1 as one is a multiple of the other, -1 against, 0 not at all.

    Formula: c[i, j] / sqrt(c[i, i] c[j, j]), where c = sum over samples (x[i] - mean[i]) (x[j] - mean[j])

    Args:
        x: Numbers of one or two axes, a row for each variable; there is no batch axis.

    Source:
        Keras 3, `keras.ops.corrcoef`; NumPy's meaning.

    Example:
        >>> corrcoef([[1.0, 2.0], [3.0, 1.0]]).round(5)
        array([[ 1., -1.],
               [-1.,  1.]], dtype=float32)
    """
    _, x = on_graph(x)
    rows = expand_dims(x, 0) if x.ndim == 1 else x
    away = subtract(rows, mean(rows, -1, True))
    alike = multiply(away, rsqrt(sum(multiply(away, away), -1, True)))
    made = matmul(alike, transpose(alike))
    return shaped(made, ()) if x.ndim == 1 else made


@operation("x1", "x2")
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Returns the products of two signals, one moved along the other.

    Formula: out[k] = sum_i x1[k + i] x2[i]

    Args:
        x1: Numbers in one row, or what stands for them; there is no batch axis.
        x2: The same.
        mode: "valid": where one covers the other; "same": as many as the longer one has; "full": wherever
            they meet.

    Raises:
        ValueError: If these are not rows, or there is no such mode.

    Source:
        Keras 3, `keras.ops.correlate`; NumPy's meaning.

    Example:
        >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0])
        array([2., 3.], dtype=float32)
    """
    _, x1, x2 = on_graph(x1, x2)
    one_of(mode, "mode", ("valid", "same", "full"))
    if x1.rows or x2.rows or x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"rows without a batch axis are needed, got shapes {x1.shape} and {x2.shape}")
    if x2.dims[0] > x1.dims[0]:
        return flip(correlate(x2, x1, mode))
    count, size = x1.dims[0], x2.dims[0]
    before = {"valid": 0, "same": size // 2, "full": size - 1}[mode]
    after = {"valid": 0, "same": size - 1 - size // 2, "full": size - 1}[mode]
    padded = pad(x1, (before, after))
    places = np.arange(count + before + after - size + 1)[:, None] + np.arange(size)
    return matmul(take(padded, places, 0), x2)


@operation("x")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803
    """Returns a matrix of the powers of numbers, a row for each.

    Args:
        x: Numbers in one row, or what stands for them; a batch has no other axis.
        N: How many powers; None is as many as there are numbers.
        increasing: Whether the power 0 comes first, and not last.

    Example:
        >>> vander([2.0, 3.0])
        array([[2., 1.],
               [3., 1.]], dtype=float32)
    """
    _, x = on_graph(x)
    if x.ndim != 1 or (x.rows and N is None):
        raise ValueError(f"one row of numbers is needed, of a batch also N; got shape {x.shape} and N={N}")
    powers = np.arange(x.dims[0] if N is None else whole_number(N, "N", 1))
    return power(expand_dims(x, -1), powers if increasing else powers[::-1])
