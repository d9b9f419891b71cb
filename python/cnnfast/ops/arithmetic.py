"""Arithmetic, element by element; operands are broadcast as NumPy's are."""

from __future__ import annotations

from typing import Any

from cnnfast.layers.tracing import Value
from cnnfast.ops.formula import formula
from cnnfast.ops.operation import operation


@operation("x1", "x2")
def add(x1: Any, x2: Any) -> Any:
    """Returns x1 + x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> add([1.0, 2.0], [3.0, 4.0])
        array([4., 6.], dtype=float32)
    """
    if isinstance(x1, Value) and isinstance(x2, Value) and (x1.dims, x1.rows) == (x2.dims, x2.rows):
        graph = x1.graph  # a convolution may take in such a sum
        return graph.value(graph.add([x1.number, x2.number], graph.named("add")))
    return formula("add", x1, x2)


@operation("x1", "x2")
def subtract(x1: Any, x2: Any) -> Any:
    """Returns x1 - x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> subtract([5.0, 2.0], 1.0)
        array([4., 1.], dtype=float32)
    """
    return formula("sub", x1, x2)


@operation("x1", "x2")
def multiply(x1: Any, x2: Any) -> Any:
    """Returns x1 * x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> multiply([5.0, 2.0], [2.0, 3.0])
        array([10.,  6.], dtype=float32)
    """
    return formula("mul", x1, x2)


@operation("x1", "x2")
def divide(x1: Any, x2: Any) -> Any:
    """Returns x1 / x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> divide([5.0, 2.0], 2.0)
        array([2.5, 1. ], dtype=float32)
    """
    return formula("div", x1, x2)


true_divide = divide


@operation("x1", "x2")
def floor_divide(x1: Any, x2: Any) -> Any:
    """Returns the largest whole number up to x1 / x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> floor_divide([5.0, -5.0], 2.0)
        array([ 2., -3.], dtype=float32)
    """
    return formula("floor", formula("div", x1, x2))


@operation("x1", "x2")
def mod(x1: Any, x2: Any) -> Any:
    """Returns x1 - x2 floor(x1 / x2), which has the sign of x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> mod([5.0, -5.0], 3.0)
        array([2., 1.], dtype=float32)
    """
    return subtract(x1, multiply(x2, floor_divide(x1, x2)))


@operation("x1", "x2")
def power(x1: Any, x2: Any) -> Any:
    """Returns x1 to the power of x2.

    A negative x1 needs a whole x2; otherwise the result is NaN.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> power([2.0, 3.0], 2)
        array([4., 9.], dtype=float32)
    """
    return formula("pow", x1, x2)


@operation("x1", "x2")
def maximum(x1: Any, x2: Any) -> Any:
    """Returns the larger of both; NaN where either is.

    Where both are equal, x1 takes the gradient.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> maximum([-1.0, 2.0], 0.0)
        array([0., 2.], dtype=float32)
    """
    return formula("max", x1, x2)


@operation("x1", "x2")
def minimum(x1: Any, x2: Any) -> Any:
    """Returns the smaller of both; NaN where either is.

    Where both are equal, x1 takes the gradient.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> minimum([-1.0, 2.0], 0.0)
        array([-1.,  0.], dtype=float32)
    """
    return formula("min", x1, x2)


@operation("x")
def negative(x: Any) -> Any:
    """Returns -x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> negative([1.0, -2.0])
        array([-1.,  2.], dtype=float32)
    """
    return formula("neg", x)


@operation("x")
def absolute(x: Any) -> Any:
    """Returns |x|, whose gradient at 0 is 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> absolute([1.0, -2.0])
        array([1., 2.], dtype=float32)
    """
    return formula("abs", x)


abs = fabs = absolute


@operation("x")
def sign(x: Any) -> Any:
    """Returns 1, 0 or -1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sign([3.0, 0.0, -2.0])
        array([ 1.,  0., -1.], dtype=float32)
    """
    return formula("sign", x)


@operation("x")
def square(x: Any) -> Any:
    """Returns x * x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> square([3.0, -2.0])
        array([9., 4.], dtype=float32)
    """
    return formula("square", x)


@operation("x")
def reciprocal(x: Any) -> Any:
    """Returns 1 / x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> reciprocal([4.0, -2.0])
        array([ 0.25, -0.5 ], dtype=float32)
    """
    return formula("reciprocal", x)


@operation("x")
def sqrt(x: Any) -> Any:
    """Returns the square root.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sqrt([4.0, 9.0])
        array([2., 3.], dtype=float32)
    """
    return formula("sqrt", x)


@operation("x")
def rsqrt(x: Any) -> Any:
    """Returns 1 / sqrt(x).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> rsqrt([4.0, 16.0])
        array([0.5 , 0.25], dtype=float32)
    """
    return formula("rsqrt", x)


@operation("x", "x_min", "x_max")
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Returns min(max(x, x_min), x_max). At both ends x still has its gradient.

    Args:
        x: Numbers of any shape, or what stands for them.
        x_min: Lower limit, a number or numbers that broadcast with x.
        x_max: Upper limit, likewise.

    Example:
        >>> clip([-3.0, 0.5, 3.0], -1.0, 1.0)
        array([-1. ,  0.5,  1. ], dtype=float32)
    """
    return formula("min", formula("max", x, x_min), x_max)


@operation("x1", "x2")
def fmod(x1: Any, x2: Any) -> Any:
    """Returns x1 - x2 trunc(x1 / x2), which has the sign of x1.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> fmod([5.0, -5.0], 3.0)
        array([ 2., -2.], dtype=float32)
    """
    ratio = formula("div", x1, x2)
    whole = formula("mul", formula("sign", ratio), formula("floor", formula("abs", ratio)))
    return subtract(x1, multiply(x2, whole))


@operation("x1", "x2")
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Returns x1 / x2, and 0 where x2 is 0.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> divide_no_nan([5.0, 2.0], [2.0, 0.0])
        array([2.5, 0. ], dtype=float32)
    """
    return formula("select", x2, formula("div", x1, formula("select", x2, x2, 1.0)), 0.0)


@operation("x1", "x2")
def fmax(x1: Any, x2: Any) -> Any:
    """Returns the larger of both; the other one where one is NaN.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> fmax([-1.0, float("nan")], 0.0)
        array([0., 0.], dtype=float32)
    """
    return _besides_nan("max", x1, x2)


@operation("x1", "x2")
def fmin(x1: Any, x2: Any) -> Any:
    """Returns the smaller of both; the other one where one is NaN.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> fmin([-1.0, float("nan")], 0.0)
        array([-1.,  0.], dtype=float32)
    """
    return _besides_nan("min", x1, x2)


def _besides_nan(instruction: str, x1: Any, x2: Any) -> Any:
    right = formula("select", formula("eq", x2, x2), formula(instruction, x1, x2), x1)
    return formula("select", formula("eq", x1, x1), right, x2)


@operation("x1", "x2")
def heaviside(x1: Any, x2: Any) -> Any:
    """Returns 0 where x1 is below 0, 1 where it is above, and x2 where it is 0.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> heaviside([-1.0, 0.0, 2.0], 0.5)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    step = formula("select", formula("eq", x1, x1), formula("gt", x1, 0.0), x1)  # NaN stays NaN
    return formula("select", x1, step, x2)
