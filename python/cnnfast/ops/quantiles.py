"""What splits sorted numbers into parts: medians, percentiles, quantiles; and how far the ends are apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import add, multiply, subtract
from cnnfast.ops.axes import Axes, axes_of, batch_error
from cnnfast.ops.functions import ceil, floor, round
from cnnfast.ops.logic import equal, isnan, where
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import any, max, min, sum
from cnnfast.ops.selection import sort, take, take_along_axis
from cnnfast.ops.shaping import reshape, shaped
from cnnfast.ops.turning import moveaxis
from cnnfast.utils.arguments import one_of

if TYPE_CHECKING:
    from collections.abc import Callable


_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@operation("x")
def ptp(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns how far the largest and the smallest numbers along axes are apart.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> ptp([[1.0, 4.0], [3.0, 3.0]], axis=1)
        array([3., 0.], dtype=float32)
    """
    return subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def quantile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Returns the numbers below which given parts of all numbers along axes are; NaN where one is NaN.

    Formula: the number at the place q * (n - 1) of n sorted ones, counted from 0.

    Args:
        x: Numbers, or what stands for them.
        q: The parts, 0 to 1; a number, or an array, whose axes the result begins with.
        axis: The axes, the batch's counted, which may not be among them; None for all.
        method: What is between two places: "linear", what is there on the line from one to the other;
            "midpoint", their mean; "lower" or "higher", one of them, or "nearest".
        keepdims: Whether these axes stay, with one number along each.

    Raises:
        ValueError: If q is out of its range, there is no such axis or method, or it is the batch's.

    Source:
        Keras 3, `keras.ops.quantile`.

    Example:
        >>> quantile([1.0, 2.0, 4.0], 0.25)
        array(1.5, dtype=float32)
    """
    return _quantile(x, _parts(q, 1.0), axis, method, keepdims, False)


def percentile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Returns `quantile(x, q / 100, ...)`.

    Args:
        x: Numbers, or what stands for them.
        q: The parts in hundredths, 0 to 100; a number, or an array, whose axes the result begins with.
        axis: The axes, the batch's counted, which may not be among them; None for all.
        method: As for `quantile`.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> percentile([1.0, 2.0, 4.0], 25)
        array(1.5, dtype=float32)
    """
    return _quantile(x, _parts(q, 100.0), axis, method, keepdims, False)


def median(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns the middle ones of the sorted numbers along axes, or the means of the two in the middle.

    Args:
        x: Numbers, or what stands for them.
        axis: The axes, the batch's counted, which may not be among them; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> median([1.0, 2.0, 4.0])
        array(2., dtype=float32)
    """
    return _quantile(x, 0.5, axis, "linear", keepdims, False)


def nanquantile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Returns `quantile` of what is not NaN; NaN where there is nothing else.

    Args:
        x: Numbers, or what stands for them.
        q: The parts, 0 to 1; a number, or an array, whose axes the result begins with.
        axis: The axes, the batch's counted, which may not be among them; None for all.
        method: As for `quantile`.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanquantile([1.0, 2.0, float("nan")], 0.5)
        array(1.5, dtype=float32)
    """
    return _quantile(x, _parts(q, 1.0), axis, method, keepdims, True)


def nanpercentile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Returns `percentile` of what is not NaN; NaN where there is nothing else.

    Args:
        x: Numbers, or what stands for them.
        q: The parts in hundredths, 0 to 100; a number, or an array, whose axes the result begins with.
        axis: The axes, the batch's counted, which may not be among them; None for all.
        method: As for `quantile`.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanpercentile([1.0, 2.0, float("nan")], 50)
        array(1.5, dtype=float32)
    """
    return _quantile(x, _parts(q, 100.0), axis, method, keepdims, True)


def nanmedian(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns `median` of what is not NaN; NaN where there is nothing else.

    Args:
        x: Numbers, or what stands for them.
        axis: The axes, the batch's counted, which may not be among them; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanmedian([1.0, 2.0, float("nan")])
        array(1.5, dtype=float32)
    """
    return _quantile(x, 0.5, axis, "linear", keepdims, True)


def _parts(q: Any, whole: float) -> Any:
    if isinstance(q, (Value, SymbolicTensor)):
        return q / whole
    parts = np.asarray(q, float) / whole
    if not ((parts >= 0) & (parts <= 1)).all():
        raise ValueError(f"q must be numbers from 0 to {whole:g}, got {q!r}")
    return parts.tolist()


@operation("x", "q")
def _quantile(x: Any, q: Any, axis: Axes, method: str, keepdims: bool, passes_nan: bool) -> Any:
    _, x, q = on_graph(x, q)
    one_of(method, "method", _METHODS)
    axes, parts = axes_of(x, axis), reshape(q, -1)
    if x.rows and 0 in axes:
        raise batch_error(x)
    if q.rows or (x.rows and q.ndim):
        raise ValueError(
            f"q must have no batch axis, and be one number beside what has one: got shape {q.shape} beside "
            f"{x.shape}"
        )
    last = moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    outer = last.shape[: x.ndim - len(axes)]
    row = sort(shaped(last, (*outer, math.prod(last.shape[len(outer) :]))), -1)
    if passes_nan:  # rows differ in how many numbers they have
        place = multiply(subtract(sum(equal(row, row), -1, True), 1.0), parts)
        found = _between(row, place, method, take_along_axis)
    else:
        found = _between(row, multiply(parts, row.dims[-1] - 1), method, take)
        found = where(any(isnan(row), -1, True), math.nan, found)
    if keepdims:
        outer = tuple(1 if i in axes else size for i, size in enumerate(x.shape))
    if not q.ndim:
        return shaped(found, outer)
    return moveaxis(shaped(found, (*outer, *q.shape)), range(-q.ndim, 0), range(q.ndim))


def _between(row: Value, place: Any, method: str, at: Callable[[Any, Any, int], Any]) -> Any:
    """What is at places along the last axis, which may be between two numbers."""
    if method == "nearest":
        return at(row, round(place), -1)
    below = floor(place)
    low, high = at(row, below, -1), at(row, ceil(place), -1)
    if method in ("lower", "higher"):
        return low if method == "lower" else high
    share = 0.5 if method == "midpoint" else subtract(place, below)
    between = add(multiply(low, subtract(1.0, share)), multiply(high, share))
    return where(equal(low, high), low, between)  # infinite ones, too
