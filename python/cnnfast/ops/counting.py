"""Which numbers there are, where, and how often.

How long the results of some are depends on the numbers. Those take arrays only, and are NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.ops.arithmetic import floor_divide, mod
from cnnfast.ops.logic import equal, less, less_equal, logical_not
from cnnfast.ops.operation import on_graph, only_array, operation
from cnnfast.ops.reductions import any, sum
from cnnfast.ops.shaping import expand_dims, ravel
from cnnfast.utils.arguments import not_offered, one_of, whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0, sparse: bool = False) -> Any:
    """Returns how often each of 0, 1, 2, ... is in a row of whole numbers.

    Args:
        x: Whole numbers from 0 on, an array of one row, or of several; others are truncated.
        weights: What each of them counts; None for 1.
        minlength: How long the result is at least; it reaches to the largest number anyway.
        sparse: Keras's argument, which must be False.

    Raises:
        ValueError: If a number is below 0.

    Example:
        >>> bincount([1, 3, 3])
        array([0, 1, 0, 2], dtype=int32)
    """
    not_offered("ops.bincount", sparse=(sparse, False))
    numbers = only_array(x, "bincount").astype(np.int64)
    shares = None if weights is None else np.broadcast_to(only_array(weights, "bincount"), numbers.shape)
    if numbers.ndim > 1:
        longest = max(minlength, int(numbers.max(initial=-1)) + 1)
        rows = [
            bincount(row, None if shares is None else shares[i], longest) for i, row in enumerate(numbers)
        ]
        return np.stack(rows)
    kind = np.int32 if shares is None else np.float32
    return np.bincount(numbers, shares, minlength).astype(kind)


def histogram(
    x: ArrayLike, bins: int = 10, range: tuple[float, float] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns how many numbers are in each of some parts of a range, and where these begin and end.

    Args:
        x: Numbers, an array of one row.
        bins: How many parts, of equal length.
        range: Where the first begins and the last ends; None is from the smallest number to the largest.

    Returns:
        (how many, of shape (bins,); the parts' bounds, of shape (bins + 1,)).

    Raises:
        ValueError: If there is not one row, bins is below 1, or the range does not end behind its begin.

    Example:
        >>> histogram([0.0, 1.0, 4.0], 2)
        (array([2., 1.], dtype=float32), array([0., 2., 4.], dtype=float32))
    """
    numbers = only_array(x, "histogram")
    if numbers.ndim != 1:
        raise ValueError(f"ops.histogram needs one row of numbers, got shape {numbers.shape}")
    if range is not None and (len(range) != 2 or range[0] >= range[1]):
        raise ValueError(f"range must be (begin, end), the end above the begin; got {range!r}")
    counts, bounds = np.histogram(numbers, whole_number(bins, "bins", 1), range)
    return counts.astype(np.float32), bounds.astype(np.float32)


def unique(
    x: ArrayLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: float | None = None,
) -> Any:
    """Returns the different ones of all numbers, or of the slices along an axis, the smallest first.

    Args:
        x: Numbers, an array.
        sorted: Keras's argument; they are sorted either way.
        return_index: Whether to tell where each is first.
        return_inverse: Whether to tell which of them each number is.
        return_counts: Whether to tell how often each is there.
        axis: The axis; None for all numbers.
        size: How many there have to be: others are left out, or `fill_value` stands for those that lack; None
            for as many as there are.
        fill_value: None is 0.

    Returns:
        The numbers, or a tuple of them and what was asked for, in the order of the arguments.

    Example:
        >>> unique([3, 1, 3], return_counts=True)
        (array([1, 3]), array([1, 2], dtype=int32))
    """
    asked = (return_index, return_inverse, return_counts)
    numbers, *told = np.unique(only_array(x, "unique"), True, True, True, axis, equal_nan=False)
    kept = [each.astype(np.int32) for each, wanted in zip(told, asked, strict=True) if wanted]
    fills = [fill for fill, wanted in zip((1, None, 0), asked, strict=True) if wanted]
    if size is not None:
        numbers = _of_size(numbers, size, axis or 0, fill_value or 0)
        kept = [
            each if fill is None else _of_size(each, size, 0, fill)
            for each, fill in zip(kept, fills, strict=True)
        ]
    return (numbers, *kept) if kept else numbers


def _of_size(x: NDArray[Any], size: int, axis: int, fill: float) -> NDArray[Any]:
    along = np.moveaxis(x, axis, 0)[:size]
    more = [(0, size - len(along)), *[(0, 0)] * (along.ndim - 1)]
    return np.moveaxis(np.pad(along, more, constant_values=fill), 0, axis)


@operation("sorted_sequence", "values")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Returns where values would stand in a row of sorted numbers.

    Args:
        sorted_sequence: The numbers, the smallest first, without a batch axis; or what stands for them.
        values: Numbers of any shape, or what stands for them.
        side: Whether a value stands left or right of its equals.

    Raises:
        ValueError: If the sorted numbers are not one row, or there is no such side.

    Source:
        Keras 3, `keras.ops.searchsorted`.

    Example:
        >>> searchsorted([1.0, 2.0, 4.0], [2.0, 3.0])
        array([1., 2.], dtype=float32)
    """
    _, row, x = on_graph(sorted_sequence, values)
    one_of(side, "side", ("left", "right"))
    if row.rows or row.ndim != 1:
        raise ValueError(
            f"ops.searchsorted needs one row of sorted numbers without a batch axis, got shape {row.shape}"
        )
    before = less if side == "left" else less_equal
    return sum(before(row, expand_dims(x, -1)), -1)


@operation("x", "bins")
def digitize(x: Any, bins: Any) -> Any:
    """Returns between which bounds numbers are: 0 below the first, i from the i-th on.

    Args:
        x: Numbers of any shape, or what stands for them.
        bins: The bounds in one row, the smallest first.

    Raises:
        ValueError: If the bounds are not one row.

    Example:
        >>> digitize([0.5, 2.0, 9.0], [1.0, 2.0, 3.0])
        array([0., 2., 3.], dtype=float32)
    """
    return searchsorted(bins, x, "right")


@operation("x1", "x2")
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Returns whether numbers are among others.

    Args:
        x1: Numbers of any shape, or what stands for them.
        x2: Those among which they may be; they have no batch axis.
        assume_unique: Keras's argument; nothing depends on it.
        invert: Whether to tell which are not.

    Example:
        >>> isin([1.0, 2.0, 3.0], [3.0, 1.0])
        array([1., 0., 1.], dtype=float32)
    """
    _, x1, x2 = on_graph(x1, x2)
    found = any(equal(expand_dims(x1, -1), ravel(x2)), -1)
    return logical_not(found) if invert else found


@operation("indices")
def unravel_index(indices: Any, shape: Sequence[int]) -> Any:
    """Returns, for each axis of a shape, where the numbers of these indices are along it.

    Args:
        indices: Where they are when all are in one row; below 0 counted from the end. They and the shape's
            numbers are told exactly up to 2^24.
        shape: The shape.

    Returns:
        A tuple of positions, one for each axis.

    Example:
        >>> unravel_index([4.0], (2, 3))
        (array([1.], dtype=float32), array([1.], dtype=float32))
    """
    sizes = [whole_number(size, "a size of shape", 1) for size in shape]
    left, found = mod(indices, math.prod(sizes)), []
    for size in reversed(sizes):
        found.append(mod(left, size))
        left = floor_divide(left, size)
    return tuple(reversed(found))
