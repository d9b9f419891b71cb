"""Several values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.layers.tracing import Value
from cnnfast.ops.axes import own_axis
from cnnfast.ops.logic import less, where
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import stop_gradient
from cnnfast.ops.shaping import expand_dims, moved, ravel, shaped


@operation("*xs")
def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Returns the numbers of several side by side along an axis.

    Args:
        xs: Numbers of one shape except along the axis, or what stands for them. Beside batches, what has no
            batch axis and begins with an axis of one number is the same for each sample.
        axis: The axis.

    Raises:
        ValueError: If the shapes do not suit, or it is the batch's axis.

    Example:
        >>> concatenate([[1.0, 2.0], [3.0]])
        array([1., 2., 3.], dtype=float32)
    """
    graph, *values = on_graph(*xs)
    if not values:
        raise ValueError("there is nothing to concatenate: the list is empty")
    widest = max(values, key=lambda value: value.rows)
    own = own_axis(widest, axis)
    numbers = [_for_each_sample(value, widest).number for value in values]
    return graph.value(graph.concatenate(numbers, own, graph.named("concatenate")))


def _for_each_sample(x: Value, batch: Value) -> Value:
    """What is one for the whole batch, once for each sample of a batch."""
    if x.rows or not batch.rows:
        return x
    if x.ndim != batch.ndim or x.dims[0] != 1:
        raise ValueError(
            f"shape {x.shape} has no batch axis: to stand beside shape {batch.shape} it needs as many axes, "
            "the first of one number"
        )
    cell = stop_gradient(moved(batch, "slice", [(0, 1, 1)] * len(batch.dims)))
    made: Value = where(less(cell, cell), 0.0, x)  # nothing is less than itself
    return made


@operation("*x")
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Returns the numbers of several along a new axis.

    Args:
        x: Numbers of one shape, or what stands for them.
        axis: Where the axis is in the result.

    Raises:
        ValueError: If the shapes differ, or the axis would come before the batch's.

    Example:
        >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=-1)
        array([[1., 3.],
               [2., 4.]], dtype=float32)
    """
    return concatenate([expand_dims(each, axis) for each in x], axis)


def _at_least(rank: int, x: Any) -> Any:
    _, value = on_graph(x)
    return value if value.ndim >= rank else shaped(value, (*(1,) * (rank - value.ndim), *value.shape))


@operation("*xs")
def hstack(xs: Sequence[Any]) -> Any:
    """Returns the numbers of several side by side along the second axis, or the only one.

    Args:
        xs: Numbers of one shape except along that axis, or what stands for them.

    Example:
        >>> hstack([[[1.0], [2.0]], [[3.0], [4.0]]])
        array([[1., 3.],
               [2., 4.]], dtype=float32)
    """
    values = [_at_least(1, each) for each in xs]
    return concatenate(values, min(1, *(value.ndim - 1 for value in values)))


@operation("*xs")
def vstack(xs: Sequence[Any]) -> Any:
    """Returns the numbers of several one below the other, along the first of two axes or more.

    Args:
        xs: Numbers of one shape except along that axis, or what stands for them.

    Example:
        >>> vstack([[1.0, 2.0], [3.0, 4.0]])
        array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    return concatenate([_at_least(2, each) for each in xs], 0)


@operation("*xs")
def dstack(xs: Sequence[Any]) -> Any:
    """Returns the numbers of several side by side along the third axis.

    Args:
        xs: Numbers of one shape except along that axis, or what stands for them; one axis is the second of
            three, and two are the first of three.

    Example:
        >>> dstack([[1.0, 2.0], [3.0, 4.0]])
        array([[[1., 3.],
                [2., 4.]]], dtype=float32)
    """
    values = [_at_least(2, each) for each in xs]
    return concatenate([expand_dims(each, -1) if each.ndim == 2 else each for each in values], 2)


@operation("x1", "x2")
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """Returns the numbers of two side by side along an axis.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of one shape except along the axis.
        axis: The axis; None joins both as rows.

    Example:
        >>> append([1.0, 2.0], [[3.0], [4.0]])
        array([1., 2., 3., 4.], dtype=float32)
    """
    return concatenate([ravel(x1), ravel(x2)]) if axis is None else concatenate([x1, x2], axis)
