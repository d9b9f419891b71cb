"""Words about complex numbers. There are none here: what these say of real ones."""

from __future__ import annotations

import math
from typing import Any

from cnnfast.ops.arithmetic import multiply
from cnnfast.ops.casting import cast
from cnnfast.ops.logic import less
from cnnfast.ops.making import ones_like, zeros_like
from cnnfast.ops.operation import operation


def real(x: Any) -> Any:
    """Returns the real parts, which are the numbers.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> real([2.0, -2.0])
        array([ 2., -2.], dtype=float32)
    """
    return cast(x, "float32")


conj = conjugate = real


def imag(x: Any) -> Any:
    """Returns the imaginary parts, which are 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> imag([2.0, -2.0])
        array([0., 0.], dtype=float32)
    """
    return zeros_like(x)


def isreal(x: Any) -> Any:
    """Returns whether numbers are real, which is 1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> isreal([2.0, -2.0])
        array([1., 1.], dtype=float32)
    """
    return ones_like(x)


@operation("x")
def angle(x: Any) -> Any:
    """Returns the angle of numbers in the plane: 0, or pi of those below 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> angle([2.0, -2.0])
        array([0.       , 3.1415927], dtype=float32)
    """
    return multiply(less(x, 0.0), math.pi)
