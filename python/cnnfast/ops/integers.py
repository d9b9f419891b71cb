"""Words about whole numbers and about the bits of numbers; NumPy computes them, and there are no gradients.

Whole numbers are float32 here, exact up to 2^24, and have the bits of int64: two's complement below 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.ops.numpy_function import numpy_function
from cnnfast.ops.operation import only_array, operation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def _whole(func: Callable[..., Any], *x: Any) -> Any:
    return numpy_function(lambda *arrays: func(*(each.astype(np.int64) for each in arrays)), list(x))


@operation("x", "y")
def bitwise_and(x: Any, y: Any) -> Any:
    """Returns the bits that both have.

    Args:
        x: Whole numbers, or what stands for them; others are truncated.
        y: The same, of a shape that broadcasts with it.

    Example:
        >>> bitwise_and([6, 5], 3)
        array([2., 1.], dtype=float32)
    """
    return _whole(np.bitwise_and, x, y)


@operation("x", "y")
def bitwise_or(x: Any, y: Any) -> Any:
    """Returns the bits that either has.

    Args:
        x: Whole numbers, or what stands for them; others are truncated.
        y: The same, of a shape that broadcasts with it.

    Example:
        >>> bitwise_or([6, 5], 3)
        array([7., 7.], dtype=float32)
    """
    return _whole(np.bitwise_or, x, y)


@operation("x", "y")
def bitwise_xor(x: Any, y: Any) -> Any:
    """Returns the bits that exactly one has.

    Args:
        x: Whole numbers, or what stands for them; others are truncated.
        y: The same, of a shape that broadcasts with it.

    Example:
        >>> bitwise_xor([6, 5], 3)
        array([5., 6.], dtype=float32)
    """
    return _whole(np.bitwise_xor, x, y)


@operation("x", "y")
def left_shift(x: Any, y: Any) -> Any:
    """Returns x * 2^y.

    Args:
        x: Whole numbers, or what stands for them; others are truncated.
        y: The same, of a shape that broadcasts with it.

    Example:
        >>> left_shift([6, 5], 1)
        array([12., 10.], dtype=float32)
    """
    return _whole(np.left_shift, x, y)


bitwise_left_shift = left_shift


@operation("x", "y")
def right_shift(x: Any, y: Any) -> Any:
    """Returns x / 2^y, rounded down.

    Args:
        x: Whole numbers, or what stands for them; others are truncated.
        y: The same, of a shape that broadcasts with it.

    Example:
        >>> right_shift([6, 5], 1)
        array([3., 2.], dtype=float32)
    """
    return _whole(np.right_shift, x, y)


bitwise_right_shift = right_shift


@operation("x1", "x2")
def gcd(x1: Any, x2: Any) -> Any:
    """Returns the largest whole number that divides both.

    Args:
        x1: Whole numbers, or what stands for them; others are truncated.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> gcd([6, 5], 4)
        array([2., 1.], dtype=float32)
    """
    return _whole(np.gcd, x1, x2)


@operation("x1", "x2")
def lcm(x1: Any, x2: Any) -> Any:
    """Returns the smallest whole number that both divide.

    Args:
        x1: Whole numbers, or what stands for them; others are truncated.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> lcm([6, 5], 4)
        array([12., 20.], dtype=float32)
    """
    return _whole(np.lcm, x1, x2)


@operation("x")
def bitwise_invert(x: Any) -> Any:
    """Returns the bits that x does not have: -1 - x.

    Args:
        x: Whole numbers of any shape, or what stands for them; others are truncated.

    Example:
        >>> bitwise_invert([2.0, -1.0])
        array([-3.,  0.], dtype=float32)
    """
    return _whole(np.bitwise_not, x)


bitwise_not = bitwise_invert


@operation("x1", "x2")
def nextafter(x1: Any, x2: Any) -> Any:
    """Returns the number of float32 that is next to x1 on the way to x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> nextafter([1.0], [2.0]) - 1
        array([1.1920929e-07], dtype=float32)
    """
    return numpy_function(lambda *ends: np.nextafter(*(each.astype(np.float32) for each in ends)), [x1, x2])


def view(x: ArrayLike, dtype: Any = None) -> NDArray[Any]:
    """Returns the bits of an array as numbers of another type.

    Args:
        x: Numbers, an array.
        dtype: NumPy's type; None keeps it.

    Example:
        >>> view(np.array([1.0], np.float32), "int32")
        array([1065353216], dtype=int32)
    """
    numbers = only_array(x, "view")
    return numbers if dtype is None else numbers.view(dtype)
