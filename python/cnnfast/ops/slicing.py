"""Parts of the numbers: slices, as Python's indices write them or as numbers, and pieces of one axis."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.axes import axes_of, batch_error, of_samples, own_axis
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import moved, shaped
from cnnfast.utils.arguments import entries, whole_number

Range = tuple[int, int, int]  # begin, step, count
_WHOLE = [[begin, None, step] for begin in (None, 0) for step in (None, 1)]  # slices, whatever the size


def get_item(x: Any, key: Any) -> Any:
    """Returns x[key].

    Args:
        x: Numbers of any shape, or what stands for them.
        key: Whole numbers, slices, `...` and None (a new axis of one number), one or a tuple of them. The
            batch's axis is taken whole.

    Raises:
        IndexError: If a number is none of its axis, or there are more than axes.
        TypeError: If there is anything else in the key.
        ValueError: If nothing is left, or the batch's axis is not taken whole.

    Example:
        >>> import numpy as np
        >>> get_item([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.s_[..., ::-2])
        array([[3., 1.],
               [6., 4.]], dtype=float32)
    """
    return _get_item(x, [_written(each) for each in (key if isinstance(key, tuple) else (key,))])


def _written(entry: Any) -> Any:
    """As files hold it: slices as [start, stop, step]."""
    if entry is None:
        return None
    if entry is ...:
        return "..."
    try:
        if isinstance(entry, builtins.slice):
            parts = (entry.start, entry.stop, entry.step)
            return [None if part is None else operator.index(part) for part in parts]
        if not isinstance(entry, bool):
            return operator.index(entry)
    except TypeError:
        pass
    raise TypeError(
        f"an index must be made of whole numbers, slices, ... and None, got {entry!r}; ops.take picks by "
        "numbers that come from elsewhere, ops.where by conditions"
    )


@operation("x")
def _get_item(x: Any, key: Sequence[Any]) -> Any:
    _, x = on_graph(x)
    named = sum(each is not None and each != "..." for each in key)
    at = key.index("...") if "..." in key else len(key)
    if key.count("...") > 1 or named > x.ndim:
        raise IndexError(f"at most one ... and {x.ndim} indices are for shape {x.shape}, got {named}")
    sizes, shape = iter(x.shape), list[int | None]()
    ranges: list[Range] = []
    for each in [*key[:at], *_WHOLE[:1] * (x.ndim - named), *key[at + 1 :]]:
        if each is None:
            shape.append(1)
            continue
        size = next(sizes)
        if size is None:
            if each not in _WHOLE:
                raise batch_error(x)
            shape.append(None)
            continue
        ranges.append(_range(each, size, len(ranges) + (x.rows > 0)))
        shape += [ranges[-1][2]] if isinstance(each, list) else []
    return shaped(_ranges(x, ranges), shape)


def _range(entry: int | list[int | None], size: int, axis: int) -> Range:
    if isinstance(entry, int):
        if not -size <= entry < size:
            raise IndexError(f"index {entry} is none of axis {axis}, which has {size} numbers")
        return entry % size, 1, 1
    found = range(*builtins.slice(*entry).indices(size))
    if not found:
        raise ValueError(f"nothing is left of axis {axis}, which has {size} numbers, by the slice {entry}")
    return found.start, found.step, len(found)


def _ranges(x: Value, ranges: Sequence[Any]) -> Value:
    whole = all(each == (0, 1, size) for each, size in zip(ranges, x.dims, strict=True))
    return x if whole else moved(x, "slice", ranges)


def cut(x: Value, own: int, begin: int, step: int, count: int) -> Value:
    """Returns some numbers along one axis of a sample.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> cut(graph.value(graph.input((4, 3), "x")), 0, 3, -1, 2)
        <Value shape=(None, 2, 3)>
    """
    return _ranges(x, [(begin, step, count) if i == own else (0, 1, size) for i, size in enumerate(x.dims)])


def slice(inputs: Any, start_indices: Any, shape: Sequence[int | None]) -> Any:
    """Returns a box of the numbers.

    Args:
        inputs: Numbers of any shape, or what stands for them.
        start_indices: Where it begins along each axis; or what stands for these numbers.
        shape: How long it is along each axis, -1 for up to the end; along the batch's, which is taken whole,
            it is None.

    Raises:
        ValueError: If there are no such numbers.

    Example:
        >>> slice([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], (0, 1), (2, 2))
        array([[2., 3.],
               [5., 6.]], dtype=float32)
    """
    if isinstance(start_indices, (Value, SymbolicTensor)):
        return _slice_at(inputs, start_indices, list(shape))
    return _slice(inputs, starts(start_indices), list(shape))


def starts(start_indices: Any) -> list[Any]:
    """Returns where a box begins: numbers that were computed are float32, and whole ones will do.

    Example:
        >>> starts([np.float32(2), 1])
        [2, 1]
    """
    return [
        int(each) if isinstance(each, (float, np.floating)) and float(each).is_integer() else each
        for each in start_indices
    ]


@operation("inputs", "start_indices")
def _slice_at(inputs: Any, start_indices: Any, shape: Sequence[int | None]) -> Any:
    from cnnfast.ops.selection import take

    _, x, start = on_graph(inputs, start_indices)
    if start.shape != (x.ndim,) or len(shape) != x.ndim:
        raise ValueError(
            f"start_indices and shape must have one number for each axis of shape {x.shape}; got shape "
            f"{start.shape} and {tuple(shape)}"
        )
    of_samples(x, shape, None)
    for axis in range(x.rows > 0, x.ndim):
        steps = np.arange(whole_number(shape[axis], "a size of shape", 1), dtype=np.float32)
        x = take(x, start[axis] + steps, axis)
    return x


@operation("inputs")
def _slice(inputs: Any, start_indices: Sequence[int], shape: Sequence[int | None]) -> Any:
    _, x = on_graph(inputs)
    if len(start_indices) != x.ndim or len(shape) != x.ndim:
        raise ValueError(
            f"start_indices and shape must have one number for each axis of shape {x.shape}; got "
            f"{tuple(start_indices)} and {tuple(shape)}"
        )
    boxes = of_samples(x, list(zip(start_indices, shape, strict=True)), (0, None))
    ranges = []
    for (start, count), size in zip(boxes, x.dims, strict=True):
        begin = whole_number(start, "start_indices", 0)
        length = size - begin if count == -1 else whole_number(count, "a size of shape", 1)
        ranges.append((begin, 1, length))
    return _ranges(x, ranges)


@operation("x")
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> Any:
    """Returns the numbers in pieces along an axis, as a list.

    Args:
        x: Numbers of any shape, or what stands for them.
        indices_or_sections: How many pieces of one length; or where the second, third, ... begin.
        axis: The axis.

    Raises:
        ValueError: If they cannot be of one length, or one would be empty.

    Example:
        >>> split([1.0, 2.0, 3.0], [1])
        [array([1.], dtype=float32), array([2., 3.], dtype=float32)]
    """
    _, x = on_graph(x)
    size = x.dims[own_axis(x, axis)]
    bounds = entries(indices_or_sections)
    if bounds is None and size % whole_number(indices_or_sections, "indices_or_sections", 1):
        raise ValueError(
            f"{size} numbers along axis {axis} cannot be {indices_or_sections} pieces of one length; "
            "ops.array_split makes some longer"
        )
    return array_split(x, indices_or_sections, axis)


@operation("x")
def array_split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> Any:
    """Returns the numbers in pieces along an axis, as a list; the first ones may be longer by one.

    Args:
        x: Numbers of any shape, or what stands for them.
        indices_or_sections: How many pieces; or where the second, third, ... begin.
        axis: The axis.

    Raises:
        ValueError: If a piece would be empty.

    Example:
        >>> array_split([1.0, 2.0, 3.0], 2)
        [array([1., 2.], dtype=float32), array([3.], dtype=float32)]
    """
    _, x = on_graph(x)
    own = own_axis(x, axis)
    size = x.dims[own]
    bounds = entries(indices_or_sections)
    if bounds is None:
        count = whole_number(indices_or_sections, "indices_or_sections", 1)
        bounds = tuple(i * (size // count) + min(i, size % count) for i in range(1, count))
    begins = [whole_number(each, "indices_or_sections", -size) for each in (0, *bounds)]
    begins = [each + size if each < 0 else each for each in begins]
    pairs = list(zip(begins, [*begins[1:], size], strict=True))
    if any(begin >= end or end > size for begin, end in pairs):
        raise ValueError(
            f"a piece would be empty: axis {axis} of shape {x.shape} was to be cut by {indices_or_sections!r}"
        )
    return [cut(x, own, begin, 1, end - begin) for begin, end in pairs]


@operation("x")
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """Returns a list of what stands along an axis, without that axis.

    Args:
        x: Numbers of one axis or more, or what stands for them.
        num: How many there are, if that is to be checked.
        axis: The axis.

    Raises:
        ValueError: If there are not so many.

    Example:
        >>> unstack([[1.0, 2.0], [3.0, 4.0]])
        [array([1., 2.], dtype=float32), array([3., 4.], dtype=float32)]
    """
    _, x = on_graph(x)
    own, (place,) = own_axis(x, axis), axes_of(x, axis)
    if num not in (None, x.dims[own]):
        raise ValueError(f"num must be None or {x.dims[own]}, as many as axis {axis} has; got {num}")
    kept = [size for i, size in enumerate(x.shape) if i != place]
    return [shaped(cut(x, own, i, 1, 1), kept) for i in range(x.dims[own])]


@operation("x")
def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> Any:
    """Returns the numbers in pieces along the second axis, or the only one; see `split`.

    Args:
        x: Numbers, or what stands for them.
        indices_or_sections: How many pieces of one length; or where the second, third, ... begin.

    Example:
        >>> hsplit([[1.0, 2.0]], 2)
        [array([[1.]], dtype=float32), array([[2.]], dtype=float32)]
    """
    _, x = on_graph(x)
    return split(x, indices_or_sections, min(1, x.ndim - 1))


@operation("x")
def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> Any:
    """Returns the numbers in pieces along the first axis, which may not be the batch's; see `split`.

    Args:
        x: Numbers, or what stands for them.
        indices_or_sections: How many pieces of one length; or where the second, third, ... begin.

    Example:
        >>> vsplit([[1.0], [2.0]], 2)
        [array([[1.]], dtype=float32), array([[2.]], dtype=float32)]
    """
    return split(x, indices_or_sections, 0)


@operation("x")
def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> Any:
    """Returns the numbers in pieces along the third axis; see `split`.

    Args:
        x: Numbers, or what stands for them.
        indices_or_sections: How many pieces of one length; or where the second, third, ... begin.

    Example:
        >>> dsplit([[[1.0, 2.0]]], 2)
        [array([[[1.]]], dtype=float32), array([[[2.]]], dtype=float32)]
    """
    return split(x, indices_or_sections, 2)
