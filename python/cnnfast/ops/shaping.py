"""The same numbers under other shapes.

The batch's axis stays in front: samples keep their places, and what would move numbers from one to another is
refused. Arrays, weights and constants have no such axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import BatchSize, Value
from cnnfast.ops.axes import Axes, axes_of, batch_error, of_samples
from cnnfast.ops.operation import on_graph, operation
from cnnfast.utils.arguments import entries, whole_number


def moved(x: Value, move: str, *how: Any) -> Value:
    """Returns what a move of the core makes of a value; `how` is about the axes of one sample.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> moved(graph.value(graph.input((4, 3), "x")), "tile", [1, 2])
        <Value shape=(None, 4, 6)>
    """
    return x.graph.value(getattr(x.graph, move)(x.number, *how, x.graph.named(move)))


def shaped(x: Value, shape: Sequence[int | None]) -> Value:
    """Returns numbers under a shape, in which the batch's axis is None.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> shaped(graph.value(graph.input((4, 3), "x")), (None, 12))
        <Value shape=(None, 12)>
    """
    if x.rows and (not shape or shape[0] is not None):
        raise batch_error(x)
    return moved(x, "reshape", tuple(size for size in shape if size is not None), x.rows)


def shape(x: Any) -> tuple[Any, ...]:
    """Returns the shape; the batch's size, and any that is not known, is None.

    In what is traced, such as a layer's `call` or a metric, the batch's size may be in shapes and sums.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> shape([[1.0, 2.0]])
        (1, 2)
    """
    if isinstance(x, Value) and x.rows:
        return (BatchSize(x), *x.dims)
    return tuple(x.shape) if isinstance(x, (Value, SymbolicTensor)) else np.shape(x)


def ndim(x: Any) -> int:
    """Returns the number of axes, the batch's counted.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> ndim([[1.0, 2.0]])
        2
    """
    return len(shape(x))


def size(x: Any) -> Any:
    """Returns how many numbers there are; None where a size is not known, as in `shape`.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> size([[1.0, 2.0]])
        2
    """
    sizes = shape(x)
    return None if any(each is None for each in sizes) else math.prod(sizes)


@operation("x")
def reshape(x: Any, newshape: int | Sequence[int | None]) -> Any:
    """Returns the numbers, in their order, under another shape.

    Args:
        x: Numbers of any shape, or what stands for them.
        newshape: The shape; one size may be -1, which makes it fit. Where x has a batch axis, the first size
            is None, as `shape(x)[0]` is, for the same batch; or -1, for which axes may be folded into it.

    Raises:
        ValueError: If the numbers are not as many.

    Example:
        >>> reshape([1.0, 2.0, 3.0, 4.0], (2, -1))
        array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    _, x = on_graph(x)
    given = entries(newshape)
    given = (newshape,) if given is None else given
    sizes = [None if each is None else whole_number(each, "a size of newshape", -1) for each in given]
    if x.rows and (not sizes or sizes[0] not in (None, -1)):
        raise ValueError(
            f"the first size is the batch's, which is not known: it must be -1, or None as ops.shape(x)[0] "
            f"is; got {given} for shape {x.shape}"
        )
    if None in sizes[x.rows > 0 :]:
        raise ValueError(f"only the batch's size, the first, may be None; got {given} for shape {x.shape}")
    if x.rows and sizes[0] is None:
        sizes[0] = x.rows  # of a sample, as all that follows
    wanted = [each for each in sizes if each is not None]
    numbers, known = math.prod(x.dims) * max(x.rows, 1), math.prod(each for each in wanted if each >= 0)
    unknown = wanted.count(-1)
    if unknown > 1 or known == 0 or (numbers % known if unknown else numbers != known):
        raise ValueError(
            f"shape {x.shape} cannot become {given}: the numbers must be as many, and at most one size -1"
        )
    fitted = [numbers // known if each == -1 else each for each in wanted]
    return moved(x, "reshape", fitted[x.rows > 0 :], fitted[0] if x.rows else 0)


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
    return shaped(x, [1 if i in places else next(sizes) for i in range(rank)])


@operation("x")
def squeeze(x: Any, axis: Axes = None) -> Any:
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
    return shaped(x, [size for i, size in enumerate(x.shape) if i not in axes])


@operation("x")
def ravel(x: Any) -> Any:
    """Returns the numbers in one row; those of a batch sample after sample.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> ravel([[1.0, 2.0], [3.0, 4.0]])
        array([1., 2., 3., 4.], dtype=float32)
    """
    return reshape(x, (-1,))


@operation("x")
def broadcast_to(x: Any, shape: Sequence[int | None]) -> Any:
    """Returns the numbers repeated until they have a shape.

    Args:
        x: Numbers of a shape that broadcasts to it, or what stands for them.
        shape: The shape; None is the batch's size where x has that axis.

    Raises:
        ValueError: If it does not broadcast to it.

    Example:
        >>> broadcast_to([1.0, 2.0], (2, 2))
        array([[1., 2.],
               [1., 2.]], dtype=float32)
    """
    _, x = on_graph(x)
    wanted = [None if each is None else whole_number(each, "a size of shape", 1) for each in shape]
    own = [*(1,) * (len(wanted) - x.ndim), *x.shape]
    pairs = list(zip(own, wanted, strict=False))
    if (
        len(own) > len(wanted)
        or (x.rows and own[0] is not None)
        or any(a != b and (a != 1 or b is None) for a, b in pairs)
    ):
        raise ValueError(
            f"shape {x.shape} does not broadcast to {tuple(wanted)}. Counted from the last, axes must be "
            "equal or 1 in what is broadcast, and only a batch broadcasts to the size None"
        )
    sides = [(0, 0 if a == b or b is None else b - 1) for a, b in pairs]
    return moved(shaped(x, own), "pad", of_samples(x, sides, (0, 0)), "replicate", 0.0)
