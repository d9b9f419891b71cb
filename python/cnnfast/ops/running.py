"""Sums and products of all numbers up to each one along an axis, differences, and areas.

For sums and products, as often as the axis can be halved, every number is joined with that 1, 2, 4, ...
places before it: n log n operations in a fixed order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.ops.arithmetic import add, multiply, subtract
from cnnfast.ops.axes import one_row, own_axis
from cnnfast.ops.casting import cast
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import sum
from cnnfast.ops.shaping import moved, shaped
from cnnfast.ops.slicing import cut
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable


@operation("x")
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Returns the sums of all numbers up to each one.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.
        dtype: As for `cast`, of x; None is "float32".

    Raises:
        ValueError: If there is no such axis, or it is the batch's.

    Source:
        Keras 3, `keras.ops.cumsum`.

    Example:
        >>> cumsum([1.0, 2.0, 3.0])
        array([1., 3., 6.], dtype=float32)
    """
    return _running(x if dtype is None else cast(x, dtype), axis, add, 0.0, "ops.cumsum")


@operation("x")
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Returns the products of all numbers up to each one.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.
        dtype: As for `cast`, of x; None is "float32".

    Raises:
        ValueError: If there is no such axis, or it is the batch's.

    Source:
        Keras 3, `keras.ops.cumprod`.

    Example:
        >>> cumprod([1.0, 2.0, 3.0])
        array([1., 2., 6.], dtype=float32)
    """
    return _running(x if dtype is None else cast(x, dtype), axis, multiply, 1.0, "ops.cumprod")


def _running(x: Any, axis: int | None, join: Callable[[Any, Any], Any], neutral: float, name: str) -> Any:
    _, a = on_graph(x)
    if axis is None:
        a, axis = one_row(a, name), 0
    own = own_axis(a, axis)
    distance, size = 1, a.dims[own]
    while distance < size:
        sides = [(distance if i == own else 0, 0) for i in range(len(a.dims))]
        earlier = moved(cut(a, own, 0, 1, size - distance), "pad", sides, "constant", neutral)
        a = join(earlier, a)
        distance *= 2
    return a


@operation("a")
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Returns what each number is above the one before it along an axis, which gets shorter by one.

    Args:
        a: Numbers, or what stands for them.
        n: How often this is done.
        axis: The axis, the batch's counted, which it may not be.

    Raises:
        ValueError: If there is no such axis, it is the batch's, or too short.

    Source:
        Keras 3, `keras.ops.diff`.

    Example:
        >>> diff([1.0, 3.0, 7.0])
        array([2., 4.], dtype=float32)
    """
    _, a = on_graph(a)
    own = own_axis(a, axis)
    for _ in range(whole_number(n, "n", 0)):
        left = a.dims[own] - 1
        if not left:
            raise ValueError(f"nothing is left: axis {axis} of shape {a.shape} has one number")
        a = subtract(cut(a, own, 1, 1, left), cut(a, own, 0, 1, left))
    return a


@operation("y", "x")
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Returns areas below the lines that join points.

    Formula: sum((y[i] + y[i + 1]) / 2 * (x[i + 1] - x[i]))

    Args:
        y: The heights of the points, or what stands for them.
        x: Where they are, for all or for each row of heights; None for equal distances.
        dx: The distance.
        axis: The axis, the batch's counted, which it may not be.

    Raises:
        ValueError: If there is no such axis, it is the batch's, or has one point.

    Source:
        Keras 3, `keras.ops.trapezoid`.

    Example:
        >>> trapezoid([1.0, 2.0, 3.0])
        array(4., dtype=float32)
    """
    _, y = on_graph(y)
    own = own_axis(y, axis)
    count = y.dims[own] - 1
    if not count:
        raise ValueError(f"two points or more are needed along axis {axis}, got shape {y.shape}")
    heights = multiply(add(cut(y, own, 0, 1, count), cut(y, own, 1, 1, count)), 0.5)
    distances: Any = dx
    if x is not None:
        _, x = on_graph(x)
        flat = x.ndim == 1
        distances = diff(x, 1, 0 if flat else axis)
        if flat:
            distances = shaped(distances, (-1 + x.dims[0], *(1,) * (len(y.dims) - 1 - own)))
    return sum(multiply(heights, distances), axis)
