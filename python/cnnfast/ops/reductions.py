"""Sums, means, extremes and indices over any axes, the batch's among them."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.config import EPSILON
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.ops.arithmetic import (
    absolute,
    divide,
    maximum,
    minimum,
    multiply,
    power,
    rsqrt,
    sqrt,
    square,
    subtract,
)
from cnnfast.ops.axes import Axes, axes_of
from cnnfast.ops.casting import cast
from cnnfast.ops.functions import exp, log
from cnnfast.ops.logic import equal, isclose, not_equal
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import expand_dims, reshape, squeeze

if TYPE_CHECKING:
    from cnnfast._core import Reduction


def _reduced(x: Value, kind: Reduction, axis: Axes, keepdims: bool) -> Value:
    graph: Tracing
    graph, x = on_graph(x)
    axes = axes_of(x, axis)
    if not axes:
        return graph.as_value(0.0) if kind in ("argmax", "argmin") else x
    batched = x.rows > 0
    batch = batched and axes[0] == 0
    own = [each - batched for each in axes[batch:]]
    made = graph.value(graph.reduce(x.number, kind, own, batch, graph.named(kind)))
    if not keepdims:
        return made
    dims = tuple(1 if i in own else size for i, size in enumerate(x.dims))
    shape = (1, *dims) if batch else dims
    return graph.value(graph.reshape(made.number, shape, made.rows, graph.named("keepdims")))


@operation("variable")
def stop_gradient(variable: Any) -> Any:
    """Returns the numbers as they are; nothing is differentiated through them.

    Args:
        variable: Numbers of any shape, or what stands for them.

    Example:
        >>> stop_gradient([1.0, 2.0])
        array([1., 2.], dtype=float32)
    """
    graph, variable = on_graph(variable)
    return graph.value(graph.stop_gradient(variable.number, graph.named("stop_gradient")))


@operation("x")
def sum(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns sums along axes.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
        array([4., 6.], dtype=float32)
    """
    return _reduced(x, "sum", axis, keepdims)


@operation("x")
def mean(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns means along axes.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> mean([[1.0, 2.0], [3.0, 6.0]], axis=-1)
        array([1.5, 4.5], dtype=float32)
    """
    return _reduced(x, "mean", axis, keepdims)


@operation("x")
def prod(x: Any, axis: Axes = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Returns products along axes.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.
        dtype: As for `cast`, of x; None is "float32".

    Example:
        >>> prod([[1.0, 2.0], [3.0, 4.0]], axis=1)
        array([ 2., 12.], dtype=float32)
    """
    return _reduced(x if dtype is None else cast(x, dtype), "product", axis, keepdims)


@operation("x", "initial")
def max(x: Any, axis: Axes = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Returns the largest numbers along axes; NaN where one is. Equal ones share the gradient.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.
        initial: A number that is one of those along each; None for none.

    Example:
        >>> max([[1.0, 2.0], [3.0, 4.0]], axis=0)
        array([3., 4.], dtype=float32)
    """
    made = _reduced(x, "max", axis, keepdims)
    return made if initial is None else maximum(made, initial)


@operation("x", "initial")
def min(x: Any, axis: Axes = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Returns the smallest numbers along axes; NaN where one is. Equal ones share the gradient.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.
        initial: A number that is one of those along each; None for none.

    Example:
        >>> min([[1.0, 2.0], [3.0, 4.0]], axis=0)
        array([1., 2.], dtype=float32)
    """
    made = _reduced(x, "min", axis, keepdims)
    return made if initial is None else minimum(made, initial)


amax, amin = max, min


@operation("x")
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Returns where the largest number is along an axis, the first of equal ones; as a float32.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axis; None counts through all numbers.
        keepdims: Whether the axis stays, with one number along it.

    Example:
        >>> argmax([[1.0, 5.0], [3.0, 2.0]], axis=-1)
        array([1., 0.], dtype=float32)
    """
    return _reduced(x, "argmax", axis, keepdims)


@operation("x")
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Returns where the smallest number is along an axis, the first of equal ones; as a float32.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axis; None counts through all numbers.
        keepdims: Whether the axis stays, with one number along it.

    Example:
        >>> argmin([[1.0, 5.0], [3.0, 2.0]], axis=-1)
        array([0., 1.], dtype=float32)
    """
    return _reduced(x, "argmin", axis, keepdims)


@operation("x")
def all(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns 1 where no number along the axes is 0, else 0.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> all([[1.0, 0.0], [3.0, 4.0]], axis=1)
        array([0., 1.], dtype=float32)
    """
    return min(not_equal(x, 0.0), axis, keepdims)


@operation("x")
def any(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns 1 where a number along the axes is not 0, else 0.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> any([[0.0, 0.0], [3.0, 0.0]], axis=1)
        array([0., 1.], dtype=float32)
    """
    return max(not_equal(x, 0.0), axis, keepdims)


@operation("x")
def count_nonzero(x: Any, axis: Axes = None) -> Any:
    """Returns how many numbers along the axes are not 0.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.

    Example:
        >>> count_nonzero([[0.0, 2.0], [3.0, 4.0]], axis=1)
        array([1., 2.], dtype=float32)
    """
    return sum(not_equal(x, 0.0), axis)


@operation("x", "weights")
def average(x: Any, axis: Axes = None, weights: Any = None) -> Any:
    """Returns weighted means along axes: sum(x * weights) / sum(weights).

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        weights: Of x's shape, or one for each number along the one axis; None for equal ones.

    Example:
        >>> average([1.0, 5.0], weights=[3.0, 1.0])
        array(2., dtype=float32)
    """
    if weights is None:
        return mean(x, axis)
    _, x, weights = on_graph(x, weights)
    if weights.ndim == 1 and x.ndim > 1:
        (along,) = axes_of(x, axis)
        weights = reshape(weights, (-1, *(1,) * (x.ndim - 1 - along)))
        return divide(sum(multiply(x, weights), along), sum(weights))
    return divide(sum(multiply(x, weights), axis), sum(weights, axis))


@operation("x")
def var(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns variances along axes: the means of squared distances from the means.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> var([[1.0, 3.0], [2.0, 2.0]], axis=1)
        array([1., 0.], dtype=float32)
    """
    return mean(square(subtract(x, mean(x, axis, True))), axis, keepdims)


@operation("x")
def std(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns standard deviations along axes: roots of the variances.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> std([[1.0, 5.0], [2.0, 2.0]], axis=1)
        array([2., 0.], dtype=float32)
    """
    return sqrt(var(x, axis, keepdims))


@operation("x")
def moments(x: Any, axes: Axes, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Returns means and variances along axes.

    Args:
        x: Numbers of any shape, or what stands for them.
        axes: An axis or several, counted from the last where negative.
        keepdims: Whether these axes stay, with one number along each.
        synchronized: Keras's argument; there are no replicas, and nothing depends on it.

    Example:
        >>> moments([1.0, 3.0], 0)
        (array(2., dtype=float32), array(1., dtype=float32))
    """
    return mean(x, axes, keepdims), var(x, axes, keepdims)


@operation("x")
def logsumexp(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns log(sum(e^x)) along axes, without overflow.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> float(logsumexp([100.0, 100.0])) - 100
        0.6931...
    """
    _, x = on_graph(x)
    top = stop_gradient(max(x, axis, True))
    total = log(sum(exp(subtract(x, top)), axis, True)) + top
    return total if keepdims else squeeze(total, axes_of(x, axis))


@operation("x")
def log_softmax(x: Any, axis: int = -1) -> Any:
    """Returns x - log(sum(e^x)) along an axis: the logarithm of softmax, without overflow.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axis.

    Example:
        >>> log_softmax([0.0, 0.0])
        array([-0.6931..., -0.6931...], dtype=float32)
    """
    return subtract(x, logsumexp(x, axis, True))


@operation("x")
def norm(x: Any, ord: int | float | str | None = None, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns norms of vectors along an axis, or of matrices along two.

    Args:
        x: Numbers of any shape, or what stands for them.
        ord: Of vectors: None or 2, the root of the sum of squares; inf and -inf, the largest and smallest
            |x|; 0, how many are not 0; any other p, sum(|x|^p)^(1/p). Of matrices: None or "fro", as 2; 1
            and inf, the largest sum of |x| of a column and of a row; -1 and -inf, the smallest; 2, -2 and
            "nuc", the largest and smallest singular value, and their sum.
        axis: An axis, or two; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Raises:
        ValueError: If there is no such norm.

    Example:
        >>> norm([[3.0, 4.0], [0.0, 2.0]], axis=-1)
        array([5., 2.], dtype=float32)
    """
    _, x = on_graph(x)
    axes = axes_of(x, axis)
    if ord is None or (ord == 2 and len(axes) == 1) or (ord == "fro" and len(axes) == 2):
        return sqrt(sum(square(x), axes, keepdims))
    if len(axes) == 2 and ord in (2, -2, "nuc"):
        return _of_singular_values(x, {2: max, -2: min, "nuc": sum}[ord], axes, keepdims)
    if isinstance(ord, str) or (len(axes) == 2 and builtins.abs(ord) not in (1, math.inf)) or len(axes) > 2:
        raise ValueError(f"ord={ord!r} is no norm along {len(axes)} axes")
    size = absolute(x)
    if len(axes) == 2:
        rows, columns = axes if axis is None or isinstance(axis, int) else (each % x.ndim for each in axis)
        inner, outer = (rows, columns) if builtins.abs(ord) == 1 else (columns, rows)
        best = max if ord > 0 else min
        made = best(sum(size, inner, True), outer, True)
        return made if keepdims else squeeze(made, axes)
    if ord in (math.inf, -math.inf):
        return (max if ord > 0 else min)(size, axes, keepdims)
    if ord == 0:
        return sum(not_equal(x, 0.0), axes, keepdims)
    return power(sum(power(size, ord), axes, keepdims), 1 / ord)


def _of_singular_values(x: Value, reduce: Any, axes: Sequence[int], keepdims: bool) -> Any:
    from cnnfast.ops.linalg import svd
    from cnnfast.ops.turning import moveaxis

    made = reduce(svd(moveaxis(x, list(axes), [-2, -1]), compute_uv=False), -1)
    return expand_dims(made, list(axes)) if keepdims else made


@operation("x")
def normalize(x: Any, axis: Axes = -1, order: int | float = 2, epsilon: float | None = None) -> Any:
    """Returns x divided by its norms along an axis, which are at least epsilon.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axis; of order 2, several will do.
        order: Of the norm; see `norm`.
        epsilon: None is 1e-7, as in Keras.

    Example:
        >>> normalize([[3.0, 4.0]])
        array([[0.6, 0.8]], dtype=float32)
    """
    least = EPSILON if epsilon is None else epsilon
    if order == 2:  # the root of a square that is not 0 has a gradient
        return multiply(x, rsqrt(maximum(sum(square(x), axis, True), least**2)))
    return divide(x, maximum(norm(x, order, axis, True), least))


@operation("x1", "x2")
def array_equal(x1: Any, x2: Any) -> Any:
    """Returns 1 where two arrays of one shape have the same numbers, else 0.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same.

    Example:
        >>> float(array_equal([1.0, 2.0], [1.0, 2.0]))
        1.0
    """
    return all(equal(x1, x2))


@operation("x1", "x2")
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Returns 1 where all numbers are equal but for rounding, else 0; see `isclose`.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.
        rtol: How far they may be apart, as a part of x2.
        atol: How far they may be apart anyway.
        equal_nan: Whether NaN is close to NaN.

    Example:
        >>> float(allclose([1.0, 2.0], [1.000001, 2.0]))
        1.0
    """
    return all(isclose(x1, x2, rtol, atol, equal_nan))
