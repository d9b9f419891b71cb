"""Axes of values in a graph: users count that of the batch, the core does not, and it stays where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from cnnfast.layers.tracing import Value

T = TypeVar("T")
Axes = int | Sequence[int] | None


def rearranged(x: Value, dims: Sequence[int], order: Sequence[int] | None = None) -> Value:
    """Returns the value with its axes in another order, then of other sizes.

    Args:
        x: The value.
        dims: The sizes afterwards.
        order: Its axes, from 0; None leaves them.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> rearranged(graph.value(graph.input((2, 3, 5), "x")), [5, 6], [2, 0, 1])
        <Value shape=(None, 5, 6)>
    """
    graph, number = x.graph, x.number
    if order is not None and [*order] != [*range(len(x.dims))]:
        number = graph.permute(number, [*order], graph.named("transpose"))
    if tuple(dims) != graph.shape(number):
        number = graph.reshape(number, tuple(dims), x.rows, graph.named("reshape"))
    return graph.value(number)


def axes_of(x: Value, axis: Axes) -> tuple[int, ...]:
    """Returns axes counted from 0, in order; None is all.

    Raises:
        ValueError: If there is no such axis, or one is there twice.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> axes_of(graph.value(graph.input((4, 3), "x")), (-1, 0))
        (0, 2)
    """
    rank = x.ndim
    given = range(rank) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    found = {each + rank if each < 0 else each for each in given}
    if len(found) < len(given) or not found <= set(range(rank)):
        raise ValueError(
            f"axis must be different ones of {-rank} to {rank - 1}, of shape {x.shape}; got {axis!r}"
        )
    return tuple(sorted(found))


def batch_error(x: Value) -> ValueError:
    """Returns the error of what would move numbers along the batch's axis.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> batch_error(graph.value(graph.input((3,), "x")))
        ValueError("axis 0 of shape (None, 3) is the batch's, ...")
    """
    return ValueError(
        f"axis 0 of shape {x.shape} is the batch's, whose samples stay apart and in their places; give other "
        "axes"
    )


def of_samples(x: Value, each: Sequence[T], nothing: T) -> list[T]:
    """Returns what is told for each axis, without the batch's, for which it must be `nothing`.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> of_samples(graph.value(graph.input((4, 3), "x")), [1, 2, 5], 1)
        [2, 5]
    """
    if x.rows and each[0] != nothing:
        raise batch_error(x)
    return list(each[x.rows > 0 :])


def own_axis(x: Value, axis: int) -> int:
    """Returns where an axis is among those of one sample, or of all where there is no batch.

    Raises:
        ValueError: If it is the batch's, or not there.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> own_axis(graph.value(graph.input((4, 3), "x")), -1)
        1
    """
    (found,) = axes_of(x, axis)
    if x.rows and found == 0:
        raise batch_error(x)
    return found - (x.rows > 0)


def one_row(x: Value, name: str) -> Value:
    """Returns all numbers of a value that is one for the whole batch along one axis.

    Raises:
        ValueError: If its first axis is the batch's.

    Example:
        >>> import numpy as np
        >>> from cnnfast.layers.tracing import Tracing
        >>> one_row(Tracing().as_value(np.ones((2, 3))), "ops.vdot")
        <Value shape=(6,)>
    """
    if x.rows:
        raise ValueError(
            f"{name} puts all numbers into one row here, but shape {x.shape} has samples in its first axis; "
            "name an axis, or reshape it"
        )
    return rearranged(x, [math.prod(x.dims)])
