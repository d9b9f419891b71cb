"""Normalization by Keras's names: numbers shifted and scaled to a mean of 0 and a variance of 1."""

from __future__ import annotations

from typing import Any

from cnnfast.config import EPSILON
from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import add, multiply, rsqrt, square, subtract
from cnnfast.ops.axes import Axes, axes_of, own_axis, rearranged
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import mean
from cnnfast.utils.arguments import not_offered


@operation("x", "mean", "variance", "offset", "scale")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """Returns numbers normalized by a mean and a variance for each place of an axis.

    Formula: (x - mean) / sqrt(variance + epsilon) * scale + offset

    Args:
        x: Numbers of any shape, or what stands for them.
        mean: A number for each place of the axis.
        variance: Likewise.
        axis: The axis, the batch's counted, which it may not be.
        offset: Likewise, or None for 0.
        scale: Likewise, or None for 1.
        epsilon: Added to the variance.

    Raises:
        ValueError: If there is no such axis, or shapes do not fit.

    Source:
        Keras 3, `keras.ops.batch_normalization`.

    Example:
        >>> batch_normalization([[3.0, 5.0]], [1.0, 1.0], [4.0, 4.0], -1, epsilon=0.0)
        array([[1., 2.]], dtype=float32)
    """
    _, a = on_graph(x)
    places = [own_axis(a, axis)]
    factor = rsqrt(add(_along(a, variance, places), epsilon))
    return _affine(a, subtract(a, _along(a, mean, places)), factor, scale, offset, places)


@operation("x", "gamma", "beta")
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Axes = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Any:
    """Returns numbers with mean 0 and variance 1 over axes, then scaled and shifted.

    Formula: (x - mean(x)) / sqrt(var(x) + epsilon) * gamma + beta

    Args:
        x: Numbers of any shape, or what stands for them.
        gamma: A number for each place of the axes, or None for 1.
        beta: Likewise, or None for 0.
        axis: An axis or several, not the batch's.
        epsilon: Added to the variance; None is 1e-7.
        rms_scaling: Keras's argument of old, which must be False: see `rms_normalization`.

    Raises:
        ValueError: If there is no such axis, or shapes do not fit.

    Source:
        Ba et al., Layer Normalization, 2016; Keras 3, `keras.ops.layer_normalization`.

    Example:
        >>> layer_normalization([-3.0, 3.0])
        array([-1.,  1.], dtype=float32)
    """
    not_offered("ops.layer_normalization", rms_scaling=(rms_scaling, False))
    _, a = on_graph(x)
    places = [own_axis(a, each) for each in axes_of(a, axis)]
    centred = subtract(a, mean(a, axis, keepdims=True))
    return _scaled(a, centred, axis, epsilon, gamma, beta, places)


@operation("x", "scale")
def rms_normalization(x: Any, scale: Any = None, axis: Axes = -1, epsilon: float | None = None) -> Any:
    """Returns numbers with a mean square of 1 over axes, then scaled.

    Formula: x / sqrt(mean(x^2) + epsilon) * scale

    Args:
        x: Numbers of any shape, or what stands for them.
        scale: A number for each place of the axes, or one for all; None for 1.
        axis: An axis or several, not the batch's.
        epsilon: Added to the mean square; None is 1e-7.

    Raises:
        ValueError: If there is no such axis, or shapes do not fit.

    Source:
        Zhang and Sennrich, Root Mean Square Layer Normalization, 2019; Keras 3,
        `keras.ops.rms_normalization`.

    Example:
        >>> rms_normalization([-3.0, 3.0])
        array([-1.,  1.], dtype=float32)
    """
    _, a = on_graph(x)
    places = [own_axis(a, each) for each in axes_of(a, axis)]
    return _scaled(a, a, axis, epsilon, scale, None, places)


def _scaled(
    x: Value, numbers: Any, axis: Axes, epsilon: float | None, scale: Any, offset: Any, places: list[int]
) -> Any:
    """Numbers divided by the root of their mean square."""
    power = mean(square(numbers), axis, keepdims=True)
    factor = rsqrt(add(power, EPSILON if epsilon is None else epsilon))
    return _affine(x, numbers, factor, scale, offset, places)


def _affine(x: Value, numbers: Any, factor: Any, scale: Any, offset: Any, places: list[int]) -> Any:
    made = multiply(numbers, factor)
    made = made if scale is None else multiply(made, _along(x, scale, places))
    return made if offset is None else add(made, _along(x, offset, places))


def _along(x: Value, vector: Any, places: list[int]) -> Any:
    """Numbers for places of x's own axes, so that they broadcast with it; one number as it is."""
    _, given = on_graph(vector)
    sizes = [x.dims[i] for i in places]
    if not given.dims:
        return given
    if given.dims == x.dims:
        return given
    if given.rows or list(given.dims) != sizes:
        raise ValueError(f"numbers for axes of sizes {sizes} of shape {x.shape} were given as {given.shape}")
    return rearranged(given, [size if i in places else 1 for i, size in enumerate(x.dims)])
