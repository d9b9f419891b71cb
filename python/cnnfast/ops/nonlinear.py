"""Activation functions made of elementary ones; those with kernels of their own are in `activations`."""

from __future__ import annotations

from typing import Any

from cnnfast.ops.activations import sigmoid, tanh
from cnnfast.ops.arithmetic import abs, add, clip, divide, maximum, minimum, multiply, sqrt, square, subtract
from cnnfast.ops.functions import erf, exp, expm1, log1p
from cnnfast.ops.logic import greater, less, less_equal, where
from cnnfast.ops.operation import operation
from cnnfast.utils.arguments import real_number

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@operation("x")
def relu6(x: Any) -> Any:
    """Returns min(max(x, 0), 6).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> relu6([-1.0, 3.0, 9.0])
        array([0., 3., 6.], dtype=float32)
    """
    return minimum(6.0, maximum(0.0, x))


@operation("x")
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Returns x where it is positive, else negative_slope * x.

    Args:
        x: Numbers of any shape, or what stands for them.
        negative_slope: The slope below 0.

    Example:
        >>> leaky_relu([2.0, -1.0])
        array([ 2. , -0.2], dtype=float32)
    """
    return where(greater(x, 0.0), x, multiply(x, negative_slope))


@operation("x")
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Returns x where it is positive, else alpha (e^x - 1).

    Args:
        x: Numbers of any shape, or what stands for them.
        alpha: Minus the limit for small x.

    Example:
        >>> elu([2.0, 0.0])
        array([2., 0.], dtype=float32)
    """
    return where(greater(x, 0.0), x, multiply(expm1(minimum(x, 0.0)), alpha))


@operation("x")
def selu(x: Any) -> Any:
    """Returns 1.0507 elu(x, 1.6733), which keeps mean 0 and variance 1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> selu([1.0])
        array([1.050701], dtype=float32)
    """
    return multiply(elu(x, _SELU_ALPHA), _SELU_SCALE)


@operation("x")
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Returns x where it is positive, else alpha (e^(x / alpha) - 1).

    Args:
        x: Numbers of any shape, or what stands for them.
        alpha: Minus the limit for small x.

    Example:
        >>> celu([2.0, 0.0])
        array([2., 0.], dtype=float32)
    """
    return where(greater(x, 0.0), x, multiply(expm1(divide(minimum(x, 0.0), alpha)), alpha))


@operation("x")
def softplus(x: Any) -> Any:
    """Returns log(1 + e^x).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> softplus([0.0])
        array([0.6931472], dtype=float32)
    """
    return add(multiply(add(x, abs(x)), 0.5), log1p(exp(multiply(abs(x), -1.0))))


@operation("x")
def softsign(x: Any) -> Any:
    """Returns x / (1 + |x|).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> softsign([1.0, -1.0])
        array([ 0.5, -0.5], dtype=float32)
    """
    return divide(x, add(abs(x), 1.0))


@operation("x")
def silu(x: Any) -> Any:
    """Returns x sigmoid(x).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> silu([0.0])
        array([0.], dtype=float32)
    """
    return multiply(x, sigmoid(x))


swish = silu


@operation("x")
def gelu(x: Any, approximate: bool = True) -> Any:
    """Returns x P(X <= x) for a normal X: x (1 + erf(x / sqrt(2))) / 2.

    Args:
        x: Numbers of any shape, or what stands for them.
        approximate: Whether tanh(sqrt(2 / pi) (x + 0.044715 x^3)) stands for the error function.

    Example:
        >>> gelu([0.0])
        array([0.], dtype=float32)
    """
    if approximate:
        cube = multiply(x, square(x))
        bell = tanh(multiply(add(x, multiply(cube, 0.044715)), 0.7978845608028654))
    else:
        bell = erf(multiply(x, 0.7071067811865476))
    return multiply(multiply(x, 0.5), add(bell, 1.0))


@operation("x")
def mish(x: Any) -> Any:
    """Returns x tanh(softplus(x)).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> mish([0.0])
        array([0.], dtype=float32)
    """
    return multiply(x, tanh(softplus(x)))


@operation("x")
def log_sigmoid(x: Any) -> Any:
    """Returns log(sigmoid(x)).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> log_sigmoid([0.0])
        array([-0.6931472], dtype=float32)
    """
    return multiply(softplus(multiply(x, -1.0)), -1.0)


@operation("x")
def hard_sigmoid(x: Any) -> Any:
    """Returns relu6(x + 3) / 6.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> hard_sigmoid([-3.0, 0.0, 3.0])
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return divide(relu6(add(x, 3.0)), 6.0)


@operation("x")
def hard_silu(x: Any) -> Any:
    """Returns x relu6(x + 3) / 6.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> hard_silu([-1.5, 0.0, 3.0])
        array([-0.375,  0.   ,  3.   ], dtype=float32)
    """
    return multiply(x, hard_sigmoid(x))


hard_swish = hard_silu


@operation("x")
def hard_tanh(x: Any) -> Any:
    """Returns x between -1 and 1.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> hard_tanh([-3.0, 0.5, 3.0])
        array([-1. ,  0.5,  1. ], dtype=float32)
    """
    return clip(x, -1.0, 1.0)


@operation("x")
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Returns x where |x| > threshold, else 0.

    Args:
        x: Numbers of any shape, or what stands for them.
        threshold: What is no larger becomes 0.

    Example:
        >>> hard_shrink([0.2, -2.0])
        array([ 0., -2.], dtype=float32)
    """
    return where(greater(abs(x), threshold), x, 0.0)


@operation("x")
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Returns x, nearer to 0 by the threshold, where |x| > threshold, else 0.

    Args:
        x: Numbers of any shape, or what stands for them.
        threshold: What is no larger becomes 0; at least 0.

    Raises:
        ValueError: If the threshold is below 0.

    Example:
        >>> soft_shrink([0.25, -2.0])
        array([ 0. , -1.5], dtype=float32)
    """
    threshold = real_number(threshold, "threshold")
    return where(
        greater(x, threshold),
        subtract(x, threshold),
        where(less(x, -threshold), add(x, threshold), 0.0),
    )


@operation("x")
def tanh_shrink(x: Any) -> Any:
    """Returns x - tanh(x).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> tanh_shrink([0.0])
        array([0.], dtype=float32)
    """
    return subtract(x, tanh(x))


@operation("x")
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """Returns x where it is larger than the threshold, else default_value.

    Args:
        x: Numbers of any shape, or what stands for them.
        threshold: The limit.
        default_value: What stands for smaller ones.

    Example:
        >>> threshold([0.2, 2.0], 1.0, 0.0)
        array([0., 2.], dtype=float32)
    """
    return where(greater(x, threshold), x, default_value)


@operation("x")
def squareplus(x: Any, b: float = 4.0) -> Any:
    """Returns (x + sqrt(x^2 + b)) / 2.

    Args:
        x: Numbers of any shape, or what stands for them.
        b: How smooth it is.

    Example:
        >>> squareplus([0.0])
        array([1.], dtype=float32)
    """
    return multiply(add(x, sqrt(add(square(x), b))), 0.5)


@operation("x")
def sparse_plus(x: Any) -> Any:
    """Returns 0 below -1, x above 1, and (x + 1)^2 / 4 between.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sparse_plus([-2.0, 0.0, 2.0])
        array([0.  , 0.25, 2.  ], dtype=float32)
    """
    return where(less_equal(x, -1.0), 0.0, where(less(x, 1.0), multiply(square(add(x, 1.0)), 0.25), x))


@operation("x")
def sparse_sigmoid(x: Any) -> Any:
    """Returns 0 below -1, 1 above 1, and (x + 1) / 2 between.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sparse_sigmoid([-2.0, 0.0, 2.0])
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return clip(multiply(add(x, 1.0), 0.5), 0.0, 1.0)
