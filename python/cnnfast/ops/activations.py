"""Activation functions on arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnnfast.ops import reductions
from cnnfast.ops.axes import axes_of
from cnnfast.ops.functions import exp
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.runner import Operation, run_grad
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Activation, Weight
    from cnnfast.layers.tracing import Tracing


@dataclass(eq=False, repr=False)
class _Activation(Operation):
    kind: Activation

    def emit(self, graph: Tracing, src: int, weights: Sequence[Weight] = ()) -> int:
        return graph.activation(src, self.kind, self.kind)


def _activated(x: Any, kind: Activation) -> Any:
    graph, value = on_graph(x)
    return graph.value(graph.activation(value.number, kind, graph.named(kind)))


def _apply_grad(kind: Activation, x: Any, grad_out: ArrayLike) -> NDArray[np.float32]:
    values, grad = as_array(x, "x"), as_array(grad_out, "grad_out")
    if grad.shape != values.shape:
        raise ValueError(f"grad_out must have the shape of x, {values.shape}, got {grad.shape}")
    rows = _rows(kind, values.shape)
    return run_grad(_Activation(kind), values.reshape(rows), grad.reshape(rows))[0].reshape(values.shape)


def _rows(kind: Activation, shape: tuple[int, ...]) -> tuple[int, int]:
    """As rows: softmax ties a row together, the others may be cut anywhere."""
    size = math.prod(shape)
    width = shape[-1] if kind == "softmax" and shape else math.prod(shape[1:])
    return (size // width if width else 0), width


@operation("x")
def relu(x: Any) -> Any:
    """Returns max(x, 0).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> relu([-1.0, 2.0])
        array([0., 2.], dtype=float32)
    """
    return _activated(x, "relu")


def relu_grad(x: ArrayLike, grad_out: ArrayLike) -> NDArray[np.float32]:
    """Returns the gradient of sum(grad_out * relu(x)) by x: grad_out where x > 0, else 0.

    Args:
        x: Numbers of any shape.
        grad_out: Numbers of the same shape.

    Example:
        >>> relu_grad([-1.0, 2.0], [3.0, 3.0])
        array([0., 3.], dtype=float32)
    """
    return _apply_grad("relu", x, grad_out)


@operation("x")
def tanh(x: Any) -> Any:
    """Returns the hyperbolic tangent.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> tanh([0.0])
        array([0.], dtype=float32)
    """
    return _activated(x, "tanh")


def tanh_grad(x: ArrayLike, grad_out: ArrayLike) -> NDArray[np.float32]:
    """Returns the gradient of sum(grad_out * tanh(x)) by x: grad_out * (1 - tanh(x)^2).

    Args:
        x: Numbers of any shape.
        grad_out: Numbers of the same shape.

    Example:
        >>> tanh_grad([0.0], [3.0])
        array([3.], dtype=float32)
    """
    return _apply_grad("tanh", x, grad_out)


@operation("x")
def sigmoid(x: Any) -> Any:
    """Returns 1 / (1 + e^-x).

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sigmoid([0.0])
        array([0.5], dtype=float32)
    """
    return _activated(x, "sigmoid")


def sigmoid_grad(x: ArrayLike, grad_out: ArrayLike) -> NDArray[np.float32]:
    """Returns the gradient of sum(grad_out * sigmoid(x)) by x: grad_out * s * (1 - s).

    Args:
        x: Numbers of any shape.
        grad_out: Numbers of the same shape.

    Example:
        >>> sigmoid_grad([0.0], [4.0])
        array([1.], dtype=float32)
    """
    return _apply_grad("sigmoid", x, grad_out)


@operation("x")
def softmax(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """Returns e^x_j / sum_k e^x_k along an axis.

    Args:
        x: Numbers of any shape, or what stands for them.
        axis: The axis, or several that are treated as one.

    Example:
        >>> softmax([[1.0, 1.0]])
        array([[0.5, 0.5]], dtype=float32)
    """
    _, x = on_graph(x)
    axes = axes_of(x, axis)
    if axes == (x.ndim - 1,) and (x.rows == 0 or x.dims):
        return _activated(x, "softmax")
    powers = exp(x - reductions.stop_gradient(reductions.max(x, axes, True)))
    return powers / reductions.sum(powers, axes, True)


def softmax_grad(x: ArrayLike, grad_out: ArrayLike) -> NDArray[np.float32]:
    """Returns the gradient of sum(grad_out * softmax(x)) by x: p * (grad_out - sum(grad_out * p)).

    Args:
        x: Numbers of any shape.
        grad_out: Numbers of the same shape.

    Example:
        >>> softmax_grad([[1.0, 1.0]], [[4.0, 0.0]])
        array([[ 1., -1.]], dtype=float32)
    """
    return _apply_grad("softmax", x, grad_out)
