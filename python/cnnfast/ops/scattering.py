"""Numbers put where indices tell.

Scattering at computed indices is done by NumPy, by one thread; none of its operands may begin with the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import clip, multiply, subtract
from cnnfast.ops.axes import batch_error
from cnnfast.ops.logic import equal, greater_equal, less_equal, logical_and, where
from cnnfast.ops.making import zeros
from cnnfast.ops.numpy_function import by_numpy
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import max, min, prod, sum
from cnnfast.ops.selection import take
from cnnfast.ops.shaping import moved
from cnnfast.ops.slicing import starts
from cnnfast.utils.arguments import whole_number

_UFUNCS = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}


def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Returns zeros with numbers added where indices tell.

    Args:
        indices: Of each number, or of each slice, where it goes: as many indices as the last axis is long.
        values: The numbers.
        shape: The shape of what is returned.

    Shapes:
        (..., k), (..., *shape[k:]) -> shape

    Raises:
        ValueError: If shapes do not fit, or one begins with the batch's axis.
        IndexError: If an index tells no place.

    Source:
        Keras 3, `keras.ops.scatter`.

    Example:
        >>> scatter([[1], [1], [3]], [1.0, 2.0, 4.0], (4,))
        array([0., 3., 0., 4.], dtype=float32)
    """
    return scatter_update(zeros(shape), indices, values, "add")


@operation("inputs", "indices", "updates")
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """Returns numbers, some of them replaced by, or joined with, others.

    Gradient: goes where the numbers come from, in equal shares from the extremes; of "mul" it needs numbers
    other than 0.

    Args:
        inputs: The numbers, or what stands for them.
        indices: Of each update, or of each slice, where it goes: as many indices as the last axis is long.
        updates: The others.
        reduction: None to replace (of several for one place the last counts), "add", "max", "min" or "mul".

    Shapes:
        As `inputs`; (..., k) and (..., *inputs.shape[k:]) of the others.

    Raises:
        ValueError: If shapes do not fit, one begins with the batch's axis, or the reduction is another.
        IndexError: If an index tells no place.

    Source:
        Keras 3, `keras.ops.scatter_update`.

    Example:
        >>> scatter_update([1.0, 1.0, 1.0], [[0], [2]], [5.0, 7.0])
        array([5., 1., 7.], dtype=float32)
    """
    _, x, at, new = on_graph(inputs, indices, updates)
    for each in (x, at, new):
        if each.rows:
            raise batch_error(each)
    depth = at.dims[-1] if at.dims else 0
    if not 1 <= depth <= len(x.dims) or new.dims != (*at.dims[:-1], *x.dims[depth:]):
        raise ValueError(
            "scatter_update needs indices of shape (..., k) and updates of shape (..., *inputs.shape[k:]); "
            f"shapes of inputs, indices and updates are {x.shape}, {at.shape} and {new.shape}"
        )
    if reduction is not None and reduction not in _UFUNCS:
        raise ValueError(f"reduction must be None or one of {sorted(_UFUNCS)}, got {reduction!r}")

    def forward(numbers: Any, where_to: Any, others: Any) -> Any:
        return [_scattered(numbers, _key(where_to), others, reduction)]

    def backward(numbers: Any, where_to: Any, others: Any, grads: Any) -> Any:
        key = _key(where_to)
        own, theirs = _shares(numbers, key, others, reduction)
        return [grads[0] * own, None, grads[0][key] * theirs]

    return by_numpy("scatter_update", [x, at, new], [x.dims], forward, backward)[0]


def _key(indices: Any) -> tuple[Any, ...]:
    return tuple(np.moveaxis(indices, -1, 0).astype(np.int64))


def _scattered(numbers: Any, key: tuple[Any, ...], others: Any, reduction: str | None) -> Any:
    made = numbers.copy()
    if reduction is None:
        made[key] = others
    else:
        _UFUNCS[reduction].at(made, key, others)
    return made


def _shares(numbers: Any, key: tuple[Any, ...], others: Any, reduction: str | None) -> tuple[Any, Any]:
    """How much what was made changes with each of the numbers, and with each of the others."""
    if reduction == "add":
        return 1.0, 1.0
    if reduction is None:
        last, order = np.full(numbers.shape, -1), np.arange(others.size).reshape(others.shape)
        last[key] = order
        return last < 0, last[key] == order
    made = _scattered(numbers, key, others, reduction)
    if reduction == "mul":
        return made / numbers, made[key] / others
    own, theirs = numbers == made, others == made[key]
    count = own.astype(float)
    np.add.at(count, key, theirs)
    return own / count, theirs / count[key]


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Returns numbers, a box of them replaced by others.

    Args:
        inputs: The numbers, or what stands for them.
        start_indices: Where the box begins along each axis; or what stands for these numbers. Along the
            batch's axis it is 0, for all samples.
        updates: The others.

    Raises:
        ValueError: If the box does not lie within the numbers.

    Source:
        Keras 3, `keras.ops.slice_update`.

    Example:
        >>> slice_update([0.0, 0.0, 0.0, 0.0], [1], [5.0, 7.0])
        array([0., 5., 7., 0.], dtype=float32)
    """
    if isinstance(start_indices, (Value, SymbolicTensor)):
        return _slice_update_at(inputs, start_indices, updates)
    begins = [whole_number(each, "start_indices", 0) for each in starts(start_indices)]
    return _slice_update(inputs, updates, begins)


@operation("inputs", "start_indices", "updates")
def _slice_update_at(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """What lies outside of the numbers, once they are known, is left out."""
    _, x, start, new = on_graph(inputs, start_indices, updates)
    if start.shape != (x.ndim,) or new.ndim != x.ndim or x.rows != new.rows:
        raise ValueError(
            "ops.slice_update needs as many axes and start indices for all, and a whole batch; got shapes "
            f"{x.shape}, {start.shape} and {new.shape}"
        )
    inside: Any = 1.0
    for axis in range(x.rows > 0, x.ndim):
        own = axis - (x.rows > 0)
        place = subtract(np.arange(x.dims[own], dtype=np.float32), start[axis])
        last = new.dims[own] - 1.0
        new = take(new, clip(place, 0.0, last), axis)
        within = logical_and(greater_equal(place, 0.0), less_equal(place, last))
        inside = multiply(moved(within, "reshape", (x.dims[own], *(1,) * (len(x.dims) - own - 1)), 0), inside)
    return where(inside, new, x)


@operation("inputs", "updates")
def _slice_update(inputs: Any, updates: Any, begins: Sequence[int]) -> Any:
    _, x, new = on_graph(inputs, updates)
    if len(begins) != x.ndim or new.ndim != x.ndim or x.rows != new.rows or (x.rows and begins[0]):
        raise ValueError(
            "ops.slice_update needs as many axes and start indices for all, and a whole batch; got shapes "
            f"{x.shape} and {new.shape}, start_indices {begins}"
        )
    own = begins[x.rows > 0 :]
    sides = [(b, size - b - n) for b, size, n in zip(own, x.dims, new.dims, strict=True)]
    if any(after < 0 for _, after in sides):
        raise ValueError(
            f"updates of shape {new.shape} do not fit into shape {x.shape} where they begin, {tuple(begins)}"
        )
    inside = np.zeros(x.dims, np.float32)
    inside[tuple(slice(b, b + n) for b, n in zip(own, new.dims, strict=True))] = 1.0
    return where(inside, moved(new, "pad", sides, "constant", 0.0), x)


def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Returns the sum of all that has the same number; 0 where there is none.

    Args:
        data: Numbers, or slices of them, along the first axis, which may not be the batch's.
        segment_ids: The segment's number for each; those out of range count nowhere.
        num_segments: How many segments; None is one more than the largest number, for arrays only.
        sorted: Keras's argument: whether numbers never fall. Nothing follows from it.

    Shapes:
        (n, ...), (n,) -> (num_segments, ...)

    Raises:
        ValueError: If shapes do not fit, or num_segments is not known.

    Source:
        Keras 3, `keras.ops.segment_sum`.

    Example:
        >>> segment_sum([1.0, 2.0, 4.0], [0, 0, 2])
        array([3., 0., 4.], dtype=float32)
    """
    return _by_segment(data, segment_ids, _count(segment_ids, num_segments), "sum")


def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Returns the largest of all that has the same number; -inf where there is none.

    Args:
        data: As for `segment_sum`, as all arguments.
        segment_ids: Likewise.
        num_segments: Likewise.
        sorted: Likewise.

    Source:
        Keras 3, `keras.ops.segment_max`.

    Example:
        >>> segment_max([1.0, 2.0, 4.0], [0, 0, 1])
        array([2., 4.], dtype=float32)
    """
    return _by_segment(data, segment_ids, _count(segment_ids, num_segments), "max")


def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Returns the smallest of all that has the same number; inf where there is none.

    Args:
        data: As for `segment_sum`, as all arguments.
        segment_ids: Likewise.
        num_segments: Likewise.
        sorted: Likewise.

    Source:
        Keras 3, `keras.ops.segment_min`.

    Example:
        >>> segment_min([1.0, 2.0, 4.0], [0, 0, 1])
        array([1., 4.], dtype=float32)
    """
    return _by_segment(data, segment_ids, _count(segment_ids, num_segments), "min")


def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Returns the product of all that has the same number; 1 where there is none.

    Args:
        data: As for `segment_sum`, as all arguments.
        segment_ids: Likewise.
        num_segments: Likewise.
        sorted: Likewise.

    Source:
        Keras 3, `keras.ops.segment_prod`.

    Example:
        >>> segment_prod([2.0, 3.0, 4.0], [0, 0, 1])
        array([6., 4.], dtype=float32)
    """
    return _by_segment(data, segment_ids, _count(segment_ids, num_segments), "prod")


_SEGMENTS = {"sum": (sum, 0.0), "max": (max, -np.inf), "min": (min, np.inf), "prod": (prod, 1.0)}


def _count(segment_ids: Any, num_segments: int | None) -> int:
    if num_segments is not None:
        return whole_number(num_segments, "num_segments", 1)
    try:
        return int(np.max(segment_ids)) + 1
    except TypeError:
        raise ValueError("num_segments must be told where segment_ids only stand for numbers") from None


@operation("data", "segment_ids")
def _by_segment(data: Any, segment_ids: Any, num_segments: int, kind: str) -> Any:
    """Each segment reduces all of the data, what others have replaced by the neutral number."""
    _, x, ids = on_graph(data, segment_ids)
    if x.rows or ids.rows:
        raise batch_error(x if x.rows else ids)
    if len(ids.dims) != 1 or x.dims[:1] != ids.dims:
        raise ValueError(
            f"segments need one number for each place of the first axis, got shapes {x.shape} and {ids.shape}"
        )
    reduce, neutral = _SEGMENTS[kind]
    column = moved(ids, "reshape", (1, *ids.dims, *(1,) * (len(x.dims) - 1)), 0)
    numbers = np.arange(num_segments, dtype=np.float32).reshape(-1, *(1,) * len(x.dims))
    return reduce(where(equal(column, numbers), x, neutral), 1)
