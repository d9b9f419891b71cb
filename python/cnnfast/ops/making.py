"""Arrays from nothing, and numbers in the form of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import BatchSize, Value
from cnnfast.ops.arithmetic import add, multiply, power, subtract
from cnnfast.ops.casting import cast
from cnnfast.ops.functions import exp, log
from cnnfast.ops.logic import less, where
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import stop_gradient
from cnnfast.ops.shaping import broadcast_to, expand_dims, reshape
from cnnfast.ops.turning import moveaxis
from cnnfast.utils.arguments import not_offered, whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Shape = int | Sequence[Any]  # of numbers, in what is traced also of the batch's size
_PLAIN: dict[Any, type] = {np.dtype(float): np.float32, np.dtype(int): np.int32}  # of Python's numbers


def zeros(shape: Shape, dtype: Any = None) -> Any:
    """Returns an array of zeros.

    Args:
        shape: Its shape.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> zeros(2)
        array([0., 0.], dtype=float32)
    """
    return full(shape, 0, dtype)


def ones(shape: Shape, dtype: Any = None) -> Any:
    """Returns an array of ones.

    Args:
        shape: Its shape.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> ones(2)
        array([1., 1.], dtype=float32)
    """
    return full(shape, 1, dtype)


def empty(shape: Shape, dtype: Any = None) -> Any:
    """Returns an array whose numbers are of no meaning.

    Args:
        shape: Its shape.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> empty((2, 3)).shape
        (2, 3)
    """
    return full(shape, 0, dtype)


def array(x: Any, dtype: Any = None) -> Any:
    """Returns a new array of these numbers.

    Args:
        x: Numbers; or what stands for them, which is not copied.
        dtype: NumPy's type; None keeps that of an array, and is "float32" or "int32" for Python's numbers.

    Example:
        >>> array([1.0, 2.0])
        array([1., 2.], dtype=float32)
    """
    if isinstance(x, (Value, SymbolicTensor)):
        return x if dtype is None else cast(x, dtype)
    made = np.array(x, dtype)
    plain = dtype is None and not hasattr(x, "dtype") and made.dtype in _PLAIN
    return made.astype(_PLAIN[made.dtype]) if plain else made


def copy(x: Any) -> Any:
    """Returns a new array of the same numbers.

    Args:
        x: Numbers; or what stands for them, which is not copied.

    Example:
        >>> copy([1.0, 2.0])
        array([1., 2.], dtype=float32)
    """
    return array(x)


def full(shape: Shape, fill_value: ArrayLike, dtype: Any = None) -> Any:
    """Returns an array of one number.

    Args:
        shape: Its shape.
        fill_value: The number, or an array that broadcasts.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> full(2, 7.0)
        array([7., 7.], dtype=float32)
    """
    if isinstance(shape, (tuple, list)) and shape and isinstance(shape[0], BatchSize):
        like = reshape(shape[0].one, (None, *(1,) * (len(shape) - 1)))
        return cast(broadcast_to(full_like(like, fill_value), shape), dtype or np.float32)
    return np.full(shape, fill_value, dtype or np.float32)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> NDArray[Any]:  # noqa: N803
    """Returns a matrix with ones on a diagonal and zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns; None is N.
        k: Which diagonal; above 0 those on the right of the main one.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> eye(2)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return np.eye(N, M, k, dtype or np.float32)


def identity(n: int, dtype: Any = None) -> NDArray[Any]:
    """Returns a square matrix with ones on the main diagonal and zeros elsewhere.

    Args:
        n: Number of rows.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> identity(2)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> NDArray[Any]:
    """Returns numbers in steps, from `start` up to `stop` without it.

    Args:
        start: The first; where `stop` is None it is the end, and 0 the first.
        stop: The end.
        step: The step; None is 1.
        dtype: NumPy's type; None is "int32" where all arguments are whole numbers, else "float32".

    Example:
        >>> arange(3)
        array([0, 1, 2], dtype=int32)
    """
    begin, end = (0, start) if stop is None else (start, stop)
    whole = all(isinstance(each, (int, np.integer)) for each in (begin, end, step or 1))
    kind = dtype or (np.int32 if whole else np.float32)
    return np.asarray(np.arange(begin, end, 1 if step is None else step), kind)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: Any = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Returns numbers at equal distances.

    Args:
        start: The first, or an array of such, or what stands for one.
        stop: The end.
        num: How many.
        endpoint: Whether `stop` is the last.
        retstep: Whether the distance is returned, too.
        dtype: NumPy's type; None is "float32".
        axis: Where the axis of these numbers is if `start` or `stop` is an array.

    Example:
        >>> linspace(0, 1, 3)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    if _symbolic(start, stop):
        not_offered("ops.linspace", retstep=(retstep, False), dtype=(dtype, None))
        return _between(start, stop, num, endpoint, axis)
    return np.linspace(start, stop, num, endpoint, retstep, dtype or np.float32, axis)


def _symbolic(*ends: Any) -> bool:
    return any(isinstance(each, (Value, SymbolicTensor)) for each in ends)


@operation("start", "stop")
def _between(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    _, start, stop = on_graph(start, stop)
    steps = linspace(0, 1, whole_number(num, "num", 1), endpoint)
    first, distance = (expand_dims(each, -1) for each in (start, subtract(stop, start)))
    return moveaxis(add(first, multiply(distance, steps)), -1, axis)


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Returns powers of a base with exponents at equal distances.

    Args:
        start: The first exponent, or an array of such, or what stands for one.
        stop: The last one.
        num: How many.
        endpoint: Whether `stop` is the last.
        base: The base.
        dtype: NumPy's type; None is "float32".
        axis: Where the axis of these numbers is if `start` or `stop` is an array.

    Example:
        >>> logspace(0, 2, 3)
        array([  1.,  10., 100.], dtype=float32)
    """
    if _symbolic(start, stop):
        not_offered("ops.logspace", dtype=(dtype, None))
        return power(base, _between(start, stop, num, endpoint, axis))
    return np.logspace(start, stop, num, endpoint, base, dtype or np.float32, axis)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Returns numbers of which each is the same multiple of the one before.

    Args:
        start: The first, or an array of such, or what stands for one; above 0 in that case.
        stop: The last one.
        num: How many.
        endpoint: Whether `stop` is the last.
        dtype: NumPy's type; None is "float32".
        axis: Where the axis of these numbers is if `start` or `stop` is an array.

    Example:
        >>> geomspace(1, 4, 3)
        array([1., 2., 4.], dtype=float32)
    """
    if _symbolic(start, stop):
        not_offered("ops.geomspace", dtype=(dtype, None))
        return exp(_between(log(start), log(stop), num, endpoint, axis))
    return np.geomspace(start, stop, num, endpoint, dtype or np.float32, axis)


@operation("x", "fill_value")
def _full_like(x: Any, fill_value: Any) -> Any:
    form = stop_gradient(x)
    return where(less(form, form), 0.0, fill_value)  # nothing is less than itself


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Returns one number in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        fill_value: The number, or numbers that broadcast, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> full_like([[1.0, 2.0]], 7.0)
        array([[7., 7.]], dtype=float32)
    """
    return cast(_full_like(x, fill_value), dtype or np.float32)


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Returns zeros in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> zeros_like([[1.0, 2.0]])
        array([[0., 0.]], dtype=float32)
    """
    return full_like(x, 0.0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Returns ones in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> ones_like([[1.0, 2.0]])
        array([[1., 1.]], dtype=float32)
    """
    return full_like(x, 1.0, dtype)


def empty_like(x: Any, dtype: Any = None) -> Any:
    """Returns numbers of no meaning, which are zeros, in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> empty_like([[1.0, 2.0]]).shape
        (1, 2)
    """
    return zeros_like(x, dtype)


def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Returns the coordinates of a grid: for each axis, which of its numbers each point has; as a list.

    Args:
        x: The numbers of each axis, or what stands for them; there is no batch axis.
        indexing: "xy" exchanges the first two axes of the result; "ij" does not.

    Example:
        >>> meshgrid([1.0, 2.0], [3.0])
        [array([[1., 2.]], dtype=float32), array([[3., 3.]], dtype=float32)]
    """
    return _meshgrid(list(x), indexing)


@operation("*x")
def _meshgrid(x: Sequence[Any], indexing: str) -> Any:
    _, *values = on_graph(*x)
    if indexing not in ("xy", "ij") or any(value.rows for value in values):
        raise ValueError(
            f"numbers without a batch axis and indexing 'xy' or 'ij' are needed, got shapes "
            f"{[value.shape for value in values]} and {indexing!r}"
        )
    order = list(range(len(values)))
    if indexing == "xy":
        order[:2] = order[:2][::-1]
    shape = [math.prod(values[i].dims) for i in order]
    return [
        broadcast_to(reshape(value, [-1 if i == own else 1 for i in order]), shape)
        for own, value in enumerate(values)
    ]
