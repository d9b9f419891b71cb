"""Sums and products of all numbers up to each one, along an axis.

As often as the axis can be halved, every number is joined with that 1, 2, 4, ... places before it: n log n
operations in a fixed order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.ops.arithmetic import add, multiply
from cnnfast.ops.axes import one_row, own_axis
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import moved
from cnnfast.ops.slicing import cut

if TYPE_CHECKING:
    from collections.abc import Callable


@operation("x")
def cumsum(x: Any, axis: int | None = None) -> Any:
    """Returns the sums of all numbers up to each one.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.

    Raises:
        ValueError: If there is no such axis, or it is the batch's.

    Source:
        Keras 3, `keras.ops.cumsum`.

    Example:
        >>> cumsum([1.0, 2.0, 3.0])
        array([1., 3., 6.], dtype=float32)
    """
    return _running(x, axis, add, 0.0, "ops.cumsum")


@operation("x")
def cumprod(x: Any, axis: int | None = None) -> Any:
    """Returns the products of all numbers up to each one.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.

    Raises:
        ValueError: If there is no such axis, or it is the batch's.

    Source:
        Keras 3, `keras.ops.cumprod`.

    Example:
        >>> cumprod([1.0, 2.0, 3.0])
        array([1., 2., 6.], dtype=float32)
    """
    return _running(x, axis, multiply, 1.0, "ops.cumprod")


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
