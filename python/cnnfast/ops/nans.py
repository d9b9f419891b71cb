"""Words that pass over NaN, which stands for numbers that are missing."""

from __future__ import annotations

import math
from typing import Any

from cnnfast.ops.arithmetic import divide, sqrt, square, subtract
from cnnfast.ops.axes import Axes
from cnnfast.ops.logic import equal, isnan, isneginf, isposinf, where
from cnnfast.ops.operation import operation
from cnnfast.ops.reductions import all, argmax, argmin, max, min, prod, sum
from cnnfast.ops.running import cumprod, cumsum

_LARGEST = 3.4028234663852886e38  # of float32


@operation("x")
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Returns x with numbers in place of NaN and of what is infinite.

    Args:
        x: Numbers of any shape, or what stands for them.
        nan: What stands for NaN.
        posinf: What stands for infinity; None is the largest number there is.
        neginf: What stands for -infinity; None is the smallest one.

    Example:
        >>> nan_to_num([1.0, float("nan"), float("inf")], posinf=9.0)
        array([1., 0., 9.], dtype=float32)
    """
    below = where(isneginf(x), -_LARGEST if neginf is None else neginf, x)
    above = where(isposinf(x), _LARGEST if posinf is None else posinf, below)
    return where(isnan(x), nan, above)


def _filled(x: Any, number: float) -> Any:
    return where(isnan(x), number, x)


def _or_nan(made: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    """NaN where there was nothing else."""
    return where(all(isnan(x), axis, keepdims), math.nan, made)


@operation("x")
def nansum(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns sums along axes of what is not NaN.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nansum([[1.0, float("nan")], [3.0, 4.0]], axis=1)
        array([1., 7.], dtype=float32)
    """
    return sum(_filled(x, 0.0), axis, keepdims)


@operation("x")
def nanprod(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns products along axes of what is not NaN.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanprod([[2.0, float("nan")], [3.0, 4.0]], axis=1)
        array([ 2., 12.], dtype=float32)
    """
    return prod(_filled(x, 1.0), axis, keepdims)


@operation("x")
def nanmean(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns means along axes of what is not NaN; NaN where there is nothing else.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanmean([[1.0, float("nan")], [3.0, 4.0]], axis=1)
        array([1. , 3.5], dtype=float32)
    """
    return divide(nansum(x, axis, keepdims), sum(equal(x, x), axis, keepdims))


@operation("x")
def nanvar(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns variances along axes of what is not NaN; NaN where there is nothing else.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanvar([[1.0, float("nan")], [3.0, 5.0]], axis=1)
        array([0., 1.], dtype=float32)
    """
    away = where(isnan(x), 0.0, subtract(x, nanmean(x, axis, True)))
    return divide(sum(square(away), axis, keepdims), sum(equal(x, x), axis, keepdims))


@operation("x")
def nanstd(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns standard deviations along axes of what is not NaN; NaN where there is nothing else.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanstd([[1.0, float("nan")], [3.0, 5.0]], axis=1)
        array([0., 1.], dtype=float32)
    """
    return sqrt(nanvar(x, axis, keepdims))


@operation("x")
def nanmax(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns the largest numbers along axes; NaN where there is nothing else.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanmax([[1.0, float("nan")], [3.0, 5.0]], axis=1)
        array([1., 5.], dtype=float32)
    """
    return _or_nan(max(_filled(x, -math.inf), axis, keepdims), x, axis, keepdims)


@operation("x")
def nanmin(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Returns the smallest numbers along axes; NaN where there is nothing else.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: An axis or several, counted from the last where negative; None for all.
        keepdims: Whether these axes stay, with one number along each.

    Example:
        >>> nanmin([[1.0, float("nan")], [3.0, 5.0]], axis=1)
        array([1., 3.], dtype=float32)
    """
    return _or_nan(min(_filled(x, math.inf), axis, keepdims), x, axis, keepdims)


@operation("x")
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Returns where the largest number is along an axis; -1 where there is only NaN.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axis; None counts through all numbers.
        keepdims: Whether the axis stays, with one number along it.

    Example:
        >>> nanargmax([[1.0, float("nan")], [3.0, 5.0]], axis=1)
        array([0., 1.], dtype=float32)
    """
    found = argmax(_filled(x, -math.inf), axis, keepdims)
    return where(all(isnan(x), axis, keepdims), -1.0, found)


@operation("x")
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Returns where the smallest number is along an axis; -1 where there is only NaN.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axis; None counts through all numbers.
        keepdims: Whether the axis stays, with one number along it.

    Example:
        >>> nanargmin([[1.0, float("nan")], [3.0, 5.0]], axis=1)
        array([0., 0.], dtype=float32)
    """
    found = argmin(_filled(x, math.inf), axis, keepdims)
    return where(all(isnan(x), axis, keepdims), -1.0, found)


@operation("x")
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Returns the sums of all numbers up to each one that are not NaN.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> nancumsum([1.0, float("nan"), 3.0])
        array([1., 1., 4.], dtype=float32)
    """
    return cumsum(_filled(x, 0.0), axis, dtype)


@operation("x")
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Returns the products of all numbers up to each one that are not NaN.

    Args:
        x: Numbers, or what stands for them.
        axis: The axis, the batch's counted, which it may not be; None makes one row of all numbers first.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> nancumprod([1.0, float("nan"), 3.0])
        array([1., 1., 3.], dtype=float32)
    """
    return cumprod(_filled(x, 1.0), axis, dtype)
