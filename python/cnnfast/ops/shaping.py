"""The same numbers under other shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.layers.tracing import Value
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import axes_of


def _shaped(x: Value, shape: Sequence[int | None]) -> Value:
    """Numbers under a shape; the batch's axis, None, stays in front where there is one."""
    if x.rows and (not shape or shape[0] is not None):
        raise ValueError(f"axis 0 of {x.shape} is the batch's, and stays where it is")
    dims = tuple(size for size in shape if size is not None)
    return x.graph.value(x.graph.reshape(x.number, dims, x.rows, x.graph.named("reshape")))


@operation("x")
def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """Returns the numbers with further axes of one number each.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: Where these axes are in the result, counted from the last where negative.

    Example:
        >>> expand_dims([1.0, 2.0], -1).shape
        (2, 1)
    """
    _, x = on_graph(x)
    given = [axis] if isinstance(axis, int) else list(axis)
    rank = x.ndim + len(given)
    places = {each + rank if each < 0 else each for each in given}
    if len(places) < len(given) or not places <= set(range(rank)):
        raise ValueError(f"axis must be different ones of {-rank} to {rank - 1} of the result, got {axis!r}")
    sizes = iter(x.shape)
    return _shaped(x, [1 if i in places else next(sizes) for i in range(rank)])


@operation("x")
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Returns the numbers without axes of one number each.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axes, counted from the last where negative; None for all that have one number.

    Raises:
        ValueError: If an axis has more than one number.

    Example:
        >>> squeeze([[1.0], [2.0]], -1)
        array([1., 2.], dtype=float32)
    """
    _, x = on_graph(x)
    axes = [i for i, size in enumerate(x.shape) if size == 1] if axis is None else axes_of(x, axis)
    if any(x.shape[i] != 1 for i in axes):
        raise ValueError(f"axes of more than one number cannot go: axis {axis!r} of shape {x.shape}")
    return _shaped(x, [size for i, size in enumerate(x.shape) if i not in axes])
