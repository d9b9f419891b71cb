"""Inverses of the trigonometric and hyperbolic functions, and what goes with angles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cnnfast.ops.arithmetic import absolute, add, divide, maximum, minimum, multiply, negative, sqrt, subtract
from cnnfast.ops.functions import log, log1p
from cnnfast.ops.logic import equal, greater, isfinite, less, signbit, where
from cnnfast.ops.operation import operation
from cnnfast.ops.reductions import stop_gradient

if TYPE_CHECKING:
    from cnnfast.layers.tracing import Value

# Of arctan(t) / t - 1 in t^2, for |t| <= tan(pi / 8): found by S. Moshier for his Cephes library (`atanf`).
_ARCTAN = (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)


def _arctan_ratio(numerator: Value, denominator: Value) -> Value:
    """arctan(numerator / denominator), of 0 to 1."""
    high = greater(numerator, multiply(denominator, math.tan(math.pi / 8)))  # then arctan((t - 1) / (t + 1))
    over = where(high, subtract(numerator, denominator), numerator)
    under = where(high, add(numerator, denominator), denominator)
    t = divide(over, where(equal(under, 0.0), 1.0, under))
    square = multiply(t, t)
    series: Any = _ARCTAN[0]
    for factor in _ARCTAN[1:]:
        series = add(multiply(series, square), factor)
    near = add(multiply(multiply(series, square), t), t)
    made: Value = where(high, add(near, math.pi / 4), near)
    return made


@operation("x1", "x2")
def arctan2(x1: Any, x2: Any) -> Any:
    """Returns the angle of the point (x2, x1), from -pi to pi.

    Signs of zeros count as in C; the angles of points that are infinite in both coordinates are NaN.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> arctan2([0.0, 1.0], [1.0, 0.0])
        array([0.       , 1.5707964], dtype=float32)
    """
    # The signs are factors and the larger is chosen by `where`: so gradients are right on the axes, too.
    side, up = (where(signbit(each), -1.0, 1.0) for each in (x2, x1))
    width, height = multiply(x2, side), multiply(x1, up)
    steep = greater(height, width)
    angle = _arctan_ratio(where(steep, width, height), where(steep, height, width))
    angle = where(steep, subtract(math.pi / 2, angle), angle)
    return multiply(where(less(side, 0.0), subtract(math.pi, angle), angle), up)


@operation("x")
def arctan(x: Any) -> Any:
    """Returns the angle, from -pi / 2 to pi / 2, whose tangent is x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> arctan([0.0, 1.0])
        array([0.       , 0.7853982], dtype=float32)
    """
    return arctan2(x, 1.0)


@operation("x")
def arcsin(x: Any) -> Any:
    """Returns the angle, from -pi / 2 to pi / 2, whose sine is x; NaN beyond -1 and 1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> arcsin([0.0, 1.0])
        array([0.       , 1.5707964], dtype=float32)
    """
    return arctan2(x, sqrt(multiply(subtract(1.0, x), add(1.0, x))))


@operation("x")
def arccos(x: Any) -> Any:
    """Returns the angle, from 0 to pi, whose cosine is x; NaN beyond -1 and 1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> arccos([1.0, 0.0])
        array([0.       , 1.5707964], dtype=float32)
    """
    return arctan2(sqrt(multiply(subtract(1.0, x), add(1.0, x))), x)


@operation("x")
def arcsinh(x: Any) -> Any:
    """Returns the number whose hyperbolic sine is x: log(x + sqrt(x^2 + 1)).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> arcsinh([0.0])
        array([0.], dtype=float32)
    """
    up = where(less(x, 0.0), -1.0, 1.0)
    size = multiply(x, up)
    small = minimum(size, 1e9)  # whose square is a number; beyond, log(2 x) is as exact
    square = multiply(small, small)
    near = log1p(add(small, divide(square, add(sqrt(add(square, 1.0)), 1.0))))
    return multiply(add(near, log(maximum(divide(size, 1e9), 1.0))), up)


@operation("x")
def arccosh(x: Any) -> Any:
    """Returns the number from 0 on whose hyperbolic cosine is x: log(x + sqrt(x^2 - 1)); NaN below 1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> arccosh([1.0])
        array([0.], dtype=float32)
    """
    above = subtract(x, 1.0)
    return log1p(add(above, multiply(sqrt(above), sqrt(add(x, 1.0)))))


@operation("x")
def arctanh(x: Any) -> Any:
    """Returns the number whose hyperbolic tangent is x: log((1 + x) / (1 - x)) / 2; NaN beyond -1 and 1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> arctanh([0.0])
        array([0.], dtype=float32)
    """
    return multiply(subtract(log1p(x), log1p(negative(x))), 0.5)


@operation("x1", "x2")
def hypot(x1: Any, x2: Any) -> Any:
    """Returns sqrt(x1^2 + x2^2), without overflow of the squares.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> hypot([3.0], [4.0])
        array([5.], dtype=float32)
    """
    larger = stop_gradient(maximum(absolute(x1), absolute(x2)))
    scale = where(multiply(greater(larger, 0.0), isfinite(larger)), larger, 1.0)
    one, other = divide(x1, scale), divide(x2, scale)
    return multiply(sqrt(add(multiply(one, one), multiply(other, other))), scale)


@operation("x")
def deg2rad(x: Any) -> Any:
    """Returns angles in degrees as parts of the circle of 2 pi.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> deg2rad([180.0])
        array([3.1415927], dtype=float32)
    """
    return multiply(x, math.pi / 180)


@operation("x")
def rad2deg(x: Any) -> Any:
    """Returns angles that are parts of the circle of 2 pi in degrees.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> rad2deg([0.5])
        array([28.64789], dtype=float32)
    """
    return multiply(x, 180 / math.pi)
