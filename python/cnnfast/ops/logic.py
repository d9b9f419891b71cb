"""Comparisons and logic, element by element: what is true is 1, what is not 0, and there are no gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.ops.formula import formula
from cnnfast.ops.operation import only_array, operation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Returns x1 where the condition is not 0, else x2; gradients go where the numbers came from.

    Args:
        condition: Numbers, or what stands for them.
        x1: The same, of a shape that broadcasts with it; without both this is `nonzero(condition)`.
        x2: Likewise.

    Example:
        >>> where([1.0, 0.0], [2.0, 3.0], -1.0)
        array([ 2., -1.], dtype=float32)
    """
    return nonzero(condition) if x1 is None and x2 is None else _where(condition, x1, x2)


@operation("condition", "x1", "x2")
def _where(condition: Any, x1: Any, x2: Any) -> Any:
    return formula("select", condition, x1, x2)


def nonzero(x: ArrayLike) -> tuple[NDArray[np.int32], ...]:
    """Returns where numbers are not 0, for each axis their positions along it.

    Args:
        x: Numbers, an array.

    Example:
        >>> nonzero([[0.0, 2.0], [3.0, 0.0]])
        (array([0, 1], dtype=int32), array([1, 0], dtype=int32))
    """
    return tuple(each.astype(np.int32) for each in np.nonzero(only_array(x, "nonzero")))


@operation("x")
def isposinf(x: Any) -> Any:
    """Returns whether x is infinite and above 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> isposinf([float("-inf"), float("inf")])
        array([0., 1.], dtype=float32)
    """
    return formula("eq", x, float("inf"))


@operation("x")
def isneginf(x: Any) -> Any:
    """Returns whether x is infinite and below 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> isneginf([float("-inf"), float("inf")])
        array([1., 0.], dtype=float32)
    """
    return formula("eq", x, float("-inf"))


@operation("x")
def signbit(x: Any) -> Any:
    """Returns whether x is below 0 or -0; not so for NaN.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> signbit([1.0, -0.0])
        array([0., 1.], dtype=float32)
    """
    return formula("lt", formula("select", x, x, formula("reciprocal", x)), 0.0)


@operation("x1", "x2")
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Returns whether both are equal but for rounding: |x1 - x2| <= atol + rtol |x2|.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.
        rtol: How far they may be apart, as a part of x2.
        atol: How far they may be apart anyway.
        equal_nan: Whether NaN is close to NaN.

    Example:
        >>> isclose([1.0, 1.0], [1.000001, 1.1])
        array([1., 0.], dtype=float32)
    """
    reach = formula("add", formula("mul", formula("abs", x2), rtol), atol)
    near = formula("le", formula("abs", formula("sub", x1, x2)), reach)
    close = logical_or(formula("eq", x1, x2), formula("mul", near, isfinite(x2)))  # inf - inf is NaN
    return logical_or(close, logical_and(isnan(x1), isnan(x2))) if equal_nan else close


@operation("*condlist", "*choicelist", "default")
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Returns, of several numbers, the one beside the first condition that is not 0.

    Args:
        condlist: Conditions, or what stands for them.
        choicelist: As many numbers, of shapes that broadcast with them; or what stands for them.
        default: What stands where no condition holds.

    Raises:
        ValueError: If the lists are not of one length.

    Example:
        >>> select([[1.0, 0.0], [1.0, 1.0]], [[10.0, 10.0], [20.0, 20.0]])
        array([10., 20.], dtype=float32)
    """
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"there must be a choice for each condition, got {len(choicelist)} for {len(condlist)}"
        )
    made = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        made = formula("select", condition, choice, made)
    return made
