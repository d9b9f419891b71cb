"""Numbers chosen by indices, and indices made of numbers.

Indices are numbers of float32 or integers; each is truncated to a whole number, and one below 0 counts from
the end. An index of no cell is refused where it is given as a number or is an input of a model; one that is
computed on the way makes NaN, and takes no gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.layers.tracing import Value
from cnnfast.ops.axes import one_row, own_axis, rearranged
from cnnfast.ops.logic import equal, greater_equal
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import max
from cnnfast.utils.arguments import not_offered, whole_number


@operation("x", "indices")
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Returns slices of x, those that indices tell.

    Args:
        x: Numbers, or what stands for them.
        indices: Which slices; see the module for what they may be.
        axis: The axis they are slices along, the batch's counted, which it may not be; None makes one row of
            all numbers first.

    Shapes:
        The axis gives way to those of the indices. Indices with a batch axis go with an x without one, along
        its first axis.

    Raises:
        ValueError: If there is no such axis, it is the batch's, or an index tells no slice.

    Source:
        Keras 3, `keras.ops.take`; NumPy's meaning.

    Example:
        >>> take([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [2, -3], axis=1)
        array([[3., 1.],
               [6., 4.]], dtype=float32)
    """
    graph, a, index = on_graph(x, indices)
    if axis is None:
        a, axis = one_row(a, "ops.take"), 0
    own = own_axis(a, axis)
    return graph.value(graph.gather(a.number, index.number, own, graph.named("take")))


@operation("x", "indices")
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Returns cells of x, those that indices tell along an axis.

    Formula: out[..., i, ...] = x[..., indices[..., i, ...], ...]

    Args:
        x: Numbers, or what stands for them.
        indices: Which cells, with as many axes; the other axes are broadcast.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.

    Raises:
        ValueError: If there is no such axis, it is the batch's, shapes do not fit, or an index tells no cell.

    Source:
        Keras 3, `keras.ops.take_along_axis`; NumPy's meaning.

    Example:
        >>> take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1)
        array([[2.],
               [3.]], dtype=float32)
    """
    graph, a, index = on_graph(x, indices)
    if axis is None:
        a, axis = one_row(a, "ops.take_along_axis"), 0
    own = own_axis(a, axis)
    return graph.value(graph.gather_along(a.number, index.number, own, graph.named("take_along_axis")))


@operation("x")
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: None = None, sparse: bool = False) -> Any:
    """Returns 1 where a class number is the position along a new axis, else 0.

    Args:
        x: Class numbers; others than 0 to num_classes - 1 give zeros.
        num_classes: Size of the new axis, at least 1.
        axis: Where the new axis is, counted in the result.
        dtype: Keras's argument, which must be None.
        sparse: Keras's argument, which must be False.

    Raises:
        ValueError: If num_classes is below 1, or there is no such place.

    Source:
        Keras 3, `keras.ops.one_hot`.

    Example:
        >>> one_hot([1, 0, -1], 2)
        array([[0., 1.],
               [1., 0.],
               [0., 0.]], dtype=float32)
    """
    not_offered("ops.one_hot", dtype=(dtype, None), sparse=(sparse, False))
    _, a = on_graph(x)
    classes = np.arange(whole_number(num_classes, "num_classes", 1), dtype=np.float32)
    offset, ndim = (1 if a.rows else 0), a.ndim + 1
    place = axis % ndim - offset if -ndim <= axis < ndim else -1
    if place < 0:
        raise ValueError(f"ops.one_hot: a new axis cannot be at {axis} of {ndim}, the batch's the first")
    wide = rearranged(a, [*a.dims[:place], 1, *a.dims[place:]])
    return equal(wide, classes.reshape(-1, *(1,) * (len(a.dims) - place)))


@operation("inputs")
def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: None = None, sparse: bool = False) -> Any:
    """Returns 1 for each class that is among a sample's class numbers, else 0.

    Formula: the largest of one_hot(inputs, num_classes, axis) along its second axis, or the first of two

    Args:
        inputs: Class numbers, a sample's along the second axis, or the only one; others than 0 to
            num_classes - 1 count nowhere.
        num_classes: How many classes there are.
        axis: Where their axis is, counted in what one_hot returns.
        dtype: Keras's argument, which must be None.
        sparse: Keras's argument, which must be False.

    Shapes:
        (k,) -> (num_classes,); (n, k) -> (n, num_classes)

    Raises:
        ValueError: If num_classes is below 1, or there is no such place.

    Source:
        Keras 3, `keras.ops.multi_hot`.

    Example:
        >>> multi_hot([[0, 2], [1, 1]], 3)
        array([[1., 0., 1.],
               [0., 1., 0.]], dtype=float32)
    """
    not_offered("ops.multi_hot", dtype=(dtype, None), sparse=(sparse, False))
    _, a = on_graph(inputs)
    return max(one_hot(a, num_classes, axis), 1 if a.ndim > 1 else 0)


@operation("x")
def argsort(x: Any, axis: int | None = -1) -> Any:
    """Returns the positions of the numbers along an axis when they are sorted, the smallest first.

    NaN comes last; of equal numbers the first comes first.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.

    Raises:
        ValueError: If there is no such axis, or it is the batch's.

    Source:
        Keras 3, `keras.ops.argsort`.

    Example:
        >>> argsort([3.0, 1.0, 2.0])
        array([1., 2., 0.], dtype=float32)
    """
    _, a = on_graph(x)
    if axis is None:
        a, axis = one_row(a, "ops.argsort"), 0
    own, last = own_axis(a, axis), len(a.dims) - 1
    order = [*(i for i in range(last + 1) if i != own), own]
    turned = rearranged(a, [a.dims[i] for i in order], order)
    found = _order(turned, turned.dims[-1], descending=False)
    back = [order.index(i) for i in range(last + 1)]
    return rearranged(found, a.dims, back)


@operation("x")
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Returns positions along an axis of first the smaller numbers, then the k-th, then the larger ones.

    Args:
        x: Numbers, or what stands for them.
        kth: Which is to be in its place. All are, since all are sorted.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.

    Example:
        >>> argpartition([3.0, 1.0, 2.0], 1)
        array([1., 2., 0.], dtype=float32)
    """
    whole_number(kth, "kth", -(2**31))
    return argsort(x, axis)


@operation("x")
def sort(x: Any, axis: int | None = -1) -> Any:
    """Returns the numbers along an axis sorted, the smallest first and NaN last.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.

    Raises:
        ValueError: If there is no such axis, or it is the batch's.

    Source:
        Keras 3, `keras.ops.sort`.

    Example:
        >>> sort([3.0, 1.0, 2.0])
        array([1., 2., 3.], dtype=float32)
    """
    _, a = on_graph(x)
    if axis is None:
        a, axis = one_row(a, "ops.sort"), 0
    return take_along_axis(a, argsort(a, axis), axis)


@operation("x")
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Returns the k largest numbers along the last axis, and their positions.

    NaN is above all numbers; of equal ones the first comes first.

    Args:
        x: Numbers, or what stands for them.
        k: How many, 1 to all.
        sorted: Keras's argument; they are sorted, the largest first, either way.

    Returns:
        (the numbers, their positions).

    Raises:
        ValueError: If k is out of its range, or there is no axis besides the batch's.

    Source:
        Keras 3, `keras.ops.top_k`.

    Example:
        >>> values, positions = top_k([1.0, 3.0, 2.0], 2)
        >>> values.tolist(), positions.tolist()
        ([3.0, 2.0], [1.0, 2.0])
    """
    _, a = on_graph(x)
    positions = _order(a, whole_number(k, "k", 1), descending=True)
    return take_along_axis(a, positions, -1), positions


@operation("targets", "predictions")
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Returns whether the prediction of a target's class is among the k largest, as 1 or 0.

    Predictions as large as the k-th largest are, too.

    Args:
        targets: Class numbers, one for each vector of predictions.
        predictions: Numbers for each class along the last axis.
        k: How many count.

    Shapes:
        (...,), (..., classes) -> (...,)

    Raises:
        ValueError: If shapes do not fit, or k is not 1 to all.

    Source:
        Keras 3, `keras.ops.in_top_k`.

    Example:
        >>> in_top_k([2, 0], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]], 2)
        array([1., 0.], dtype=float32)
    """
    _, numbers, a = on_graph(targets, predictions)
    column = rearranged(numbers, [*numbers.dims, 1])
    own, least = take_along_axis(a, column, -1), top_k(a, k)[0]
    dims = least.dims
    graph = a.graph
    ranges = [(0, 1, size) for size in dims[:-1]] + [(dims[-1] - 1, 1, 1)]
    last = graph.value(graph.slice(least.number, ranges, graph.named("slice")))
    return rearranged(greater_equal(own, last), dims[:-1])


def _order(x: Value, count: int, descending: bool) -> Value:
    graph = x.graph
    return graph.value(graph.order(x.number, count, descending, graph.named("order")))
