"""Axes of values in a graph: users count that of the batch, the core does not, and it stays where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnfast.layers.tracing import Value


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


def axis_of(x: Value, axis: int, name: str) -> int:
    """Returns an axis, the batch's counted, as one of the value's axes without the batch's.

    Raises:
        ValueError: If there is no such axis, or it is the batch's.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> axis_of(graph.value(graph.input((2, 3), "x")), -1, "ops.take")
        1
    """
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{name}: shape {x.shape} has no axis {axis}")
    own = axis % x.ndim - (1 if x.rows else 0)
    if own < 0:
        raise ValueError(f"{name}: axis {axis} of shape {x.shape} is that of the batch, which stays as it is")
    return own


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
