"""The same numbers in other orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.ops.axes import Axes, axes_of, of_samples, own_axis
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import moved, reshape
from cnnfast.utils.arguments import entries, whole_number

if TYPE_CHECKING:
    from cnnfast._core import DataFormat
    from cnnfast.layers.tracing import Value


def _listed(x: Value, axis: int | Sequence[int]) -> list[int]:
    """Axes in the order in which they are given, counted from 0."""
    axes_of(x, axis)
    return [each % x.ndim for each in ([axis] if isinstance(axis, int) else axis)]


@operation("x")
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Returns the numbers with their axes in another order.

    Args:
        x: Numbers of any shape, or what stands for them.
        axes: Which axis comes at each place; None turns their order round.

    Raises:
        ValueError: If it has not each axis once, or moves the batch's.

    Example:
        >>> transpose([[1.0, 2.0], [3.0, 4.0]])
        array([[1., 3.],
               [2., 4.]], dtype=float32)
    """
    _, x = on_graph(x)
    order = _listed(x, range(x.ndim)[::-1] if axes is None else axes)
    if len(order) != x.ndim:
        raise ValueError(f"axes must have each of 0 to {x.ndim - 1} once, of shape {x.shape}; got {axes!r}")
    return moved(x, "permute", [each - (x.rows > 0) for each in of_samples(x, order, 0)])


@operation("x")
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Returns the numbers with some axes at other places; the others keep their order.

    Args:
        x: Numbers of any shape, or what stands for them.
        source: Where these axes are.
        destination: Where they are to be, as many.

    Example:
        >>> import numpy as np
        >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    _, x = on_graph(x)
    begin, end = _listed(x, source), _listed(x, destination)
    if len(begin) != len(end):
        raise ValueError(f"source and destination must be as many axes, got {source!r} and {destination!r}")
    order = [axis for axis in range(x.ndim) if axis not in begin]
    for place, axis in sorted(zip(end, begin, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


@operation("x")
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Returns the numbers with two axes exchanged.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis1: One of them.
        axis2: The other.

    Example:
        >>> import numpy as np
        >>> swapaxes(np.zeros((2, 3, 4)), 0, -1).shape
        (4, 3, 2)
    """
    _, x = on_graph(x)
    (one,), (other,) = _listed(x, axis1), _listed(x, axis2)
    order = list(range(x.ndim))
    order[one], order[other] = other, one
    return transpose(x, order)


@operation("x")
def flip(x: Any, axis: Axes = None) -> Any:
    """Returns the numbers in reverse order along axes.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axes; None for all.

    Example:
        >>> flip([1.0, 2.0, 3.0])
        array([3., 2., 1.], dtype=float32)
    """
    _, x = on_graph(x)
    turned = {own_axis(x, each) for each in axes_of(x, axis)}
    return moved(
        x, "slice", [(size - 1, -1, size) if i in turned else (0, 1, size) for i, size in enumerate(x.dims)]
    )


@operation("x")
def fliplr(x: Any) -> Any:
    """Returns the numbers in reverse order along the second axis.

    Args:
        x: Numbers of two axes or more, or what stands for them.

    Example:
        >>> fliplr([[1.0, 2.0], [3.0, 4.0]])
        array([[2., 1.],
               [4., 3.]], dtype=float32)
    """
    return flip(x, 1)


@operation("x")
def flipud(x: Any) -> Any:
    """Returns the numbers in reverse order along the first axis.

    Args:
        x: Numbers of one axis or more, or what stands for them; it may not be the batch's.

    Example:
        >>> flipud([[1.0, 2.0], [3.0, 4.0]])
        array([[3., 4.],
               [1., 2.]], dtype=float32)
    """
    return flip(x, 0)


@operation("array")
def rot90(array: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """Returns the numbers turned by quarters in the plane of two axes, from the first to the second.

    Args:
        array: Numbers of two axes or more, or what stands for them.
        k: How many quarters; negative ones turn back.
        axes: The two axes.

    Example:
        >>> rot90([[1.0, 2.0], [3.0, 4.0]])
        array([[2., 4.],
               [1., 3.]], dtype=float32)
    """
    _, x = on_graph(array)
    if len(axes) != 2:
        raise ValueError(f"axes must be two, got {axes!r}")
    one, other = _listed(x, axes)
    turns = whole_number(k % 4, "k", 0)
    if turns == 2:
        return flip(x, axes)
    if turns == 1:
        return swapaxes(flip(x, other), one, other)
    return flip(swapaxes(x, one, other), other) if turns else reshape(x, x.shape)


@operation("x")
def roll(x: Any, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Any:
    """Returns the numbers moved along axes; those that leave at the end come in at the begin.

    Args:
        x: Numbers of any shape, or what stands for them.
        shift: How far, for each axis or for all; negative ones move to the begin.
        axis: The axes; None moves all numbers as one row.

    Example:
        >>> roll([1.0, 2.0, 3.0], 1)
        array([3., 1., 2.], dtype=float32)
    """
    _, x = on_graph(x)
    if axis is None:
        flat = reshape(x, [-1])
        return reshape(roll(flat, shift, 0), x.shape)
    axes = _listed(x, axis)
    given: Any = entries(shift)
    shifts = (shift,) * len(axes) if given is None else given
    if len(shifts) != len(axes):
        raise ValueError(f"shift must be one number, or one for each axis of {axis!r}; got {shift!r}")
    for place, by in zip(axes, shifts, strict=True):
        own = own_axis(x, place)
        size = x.dims[own]
        begin = -whole_number(by, "shift", -(2**31)) % size
        padded = moved(x, "pad", [(0, begin if i == own else 0) for i in range(len(x.dims))], "circular", 0.0)
        ranges = [(begin if i == own else 0, 1, each) for i, each in enumerate(x.dims)]
        x = moved(padded, "slice", ranges) if begin else x
    return x


@operation("x", batches=True)
def depth_to_space(x: Any, block_size: int, data_format: DataFormat = "channels_last") -> Any:
    """Returns images whose channels became squares of pixels.

    Args:
        x: Images, the batch's axis first, or what stands for them.
        block_size: Side of the squares; its square divides the channels.
        data_format: Where the channels are.

    Example:
        >>> depth_to_space([[[[1.0, 2.0, 3.0, 4.0]]]], 2)[0, :, :, 0]
        array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    _, x = on_graph(x)
    return moved(x, "depth_to_space", whole_number(block_size, "block_size", 1), data_format)


@operation("x", batches=True)
def space_to_depth(x: Any, block_size: int, data_format: DataFormat = "channels_last") -> Any:
    """Returns images whose squares of pixels became channels.

    Args:
        x: Images, the batch's axis first, or what stands for them.
        block_size: Side of the squares; it divides height and width.
        data_format: Where the channels are.

    Example:
        >>> space_to_depth([[[[1.0], [2.0]], [[3.0], [4.0]]]], 2)
        array([[[[1., 2., 3., 4.]]]], dtype=float32)
    """
    _, x = on_graph(x)
    return moved(x, "space_to_depth", whole_number(block_size, "block_size", 1), data_format)
