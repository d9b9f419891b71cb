"""Comparisons and logic, element by element: what is true is 1, what is not 0, and there are no gradients."""

from __future__ import annotations

from typing import Any

from cnnfast.ops.formula import formula
from cnnfast.ops.operation import operation


@operation("x1", "x2")
def equal(x1: Any, x2: Any) -> Any:
    """Returns whether x1 == x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> equal([1.0, 2.0], 2.0)
        array([0., 1.], dtype=float32)
    """
    return formula("eq", x1, x2)


@operation("x1", "x2")
def not_equal(x1: Any, x2: Any) -> Any:
    """Returns whether x1 != x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> not_equal([1.0, 2.0], 2.0)
        array([1., 0.], dtype=float32)
    """
    return formula("ne", x1, x2)


@operation("x1", "x2")
def less(x1: Any, x2: Any) -> Any:
    """Returns whether x1 < x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> less([1.0, 2.0], 2.0)
        array([1., 0.], dtype=float32)
    """
    return formula("lt", x1, x2)


@operation("x1", "x2")
def less_equal(x1: Any, x2: Any) -> Any:
    """Returns whether x1 <= x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> less_equal([1.0, 3.0], 2.0)
        array([1., 0.], dtype=float32)
    """
    return formula("le", x1, x2)


@operation("x1", "x2")
def greater(x1: Any, x2: Any) -> Any:
    """Returns whether x1 > x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> greater([1.0, 3.0], 2.0)
        array([0., 1.], dtype=float32)
    """
    return formula("gt", x1, x2)


@operation("x1", "x2")
def greater_equal(x1: Any, x2: Any) -> Any:
    """Returns whether x1 >= x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> greater_equal([1.0, 2.0], 2.0)
        array([0., 1.], dtype=float32)
    """
    return formula("ge", x1, x2)


@operation("x1", "x2")
def logical_and(x1: Any, x2: Any) -> Any:
    """Returns whether neither is 0.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> logical_and([1.0, 0.0], [2.0, 1.0])
        array([1., 0.], dtype=float32)
    """
    return formula("mul", formula("ne", x1, 0.0), formula("ne", x2, 0.0))


@operation("x1", "x2")
def logical_or(x1: Any, x2: Any) -> Any:
    """Returns whether not both are 0.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> logical_or([1.0, 0.0], [0.0, 0.0])
        array([1., 0.], dtype=float32)
    """
    return formula("max", formula("ne", x1, 0.0), formula("ne", x2, 0.0))


@operation("x1", "x2")
def logical_xor(x1: Any, x2: Any) -> Any:
    """Returns whether exactly one is 0.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> logical_xor([1.0, 0.0], [2.0, 1.0])
        array([0., 1.], dtype=float32)
    """
    return formula("ne", formula("ne", x1, 0.0), formula("ne", x2, 0.0))


@operation("x")
def logical_not(x: Any) -> Any:
    """Returns whether x is 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> logical_not([1.0, 0.0])
        array([0., 1.], dtype=float32)
    """
    return formula("eq", x, 0.0)


@operation("x")
def isnan(x: Any) -> Any:
    """Returns whether x is not a number.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> isnan([1.0, float("nan")])
        array([0., 1.], dtype=float32)
    """
    return formula("ne", x, x)


@operation("x")
def isinf(x: Any) -> Any:
    """Returns whether x is infinite.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> isinf([1.0, float("inf")])
        array([0., 1.], dtype=float32)
    """
    return formula("eq", formula("abs", x), float("inf"))


@operation("x")
def isfinite(x: Any) -> Any:
    """Returns whether x is neither infinite nor NaN.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> isfinite([1.0, float("inf")])
        array([1., 0.], dtype=float32)
    """
    return formula("lt", formula("abs", x), float("inf"))


@operation("condition", "x1", "x2")
def where(condition: Any, x1: Any, x2: Any) -> Any:
    """Returns x1 where the condition is not 0, else x2; gradients go where the numbers came from.

    Args:
        condition: Numbers, or what stands for them.
        x1: The same, of a shape that broadcasts with it.
        x2: Likewise.

    Example:
        >>> where([1.0, 0.0], [2.0, 3.0], -1.0)
        array([ 2., -1.], dtype=float32)
    """
    return formula("select", condition, x1, x2)
