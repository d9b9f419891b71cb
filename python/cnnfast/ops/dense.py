"""Fully connected layers on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.activation import activation_of, emit_activation
from cnnfast.ops.runner import Operation, in_layers, run, run_grad
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Weight
    from cnnfast.layers.tracing import Tracing


@dataclass(eq=False, repr=False)
class _Dense(Operation):
    units: int
    use_bias: bool
    activation: str | Callable[..., Any]

    def emit(self, graph: Tracing, src: int, weights: Sequence[Weight] = ()) -> int:
        value = graph.dense(src, self.units, self.use_bias, graph.named("dense"), weights)
        if self.activation == "linear":
            return value
        return emit_activation(graph, value, self.activation, "activation")


def _matrix(kernel: ArrayLike) -> NDArray[np.float32]:
    matrix = np.asarray(as_array(kernel, "kernel"), np.float32)
    if matrix.ndim != 2:
        raise ValueError(f"kernel must have shape (inputs, units), got {matrix.shape}")
    return matrix


@in_layers
def dense(
    x: Any,
    kernel: Any,
    bias: Any = None,
    activation: str | Callable[..., Any] | None = None,
) -> Any:
    """Returns activation(x @ kernel + bias).

    Args:
        x: Samples, whose last axis is that of the inputs.
        kernel: Weights, (inputs, units).
        bias: One number for each unit; None for none.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.

    Shapes:
        (n, ..., inputs) -> (n, ..., units)

    Raises:
        ValueError: If shapes do not suit each other.

    Example:
        >>> dense([[1.0, 2.0]], [[1.0], [10.0]], bias=[0.5])
        array([[21.5]], dtype=float32)
    """
    matrix = _matrix(kernel)
    operation = _Dense(matrix.shape[1], bias is not None, activation_of(activation))
    return run(operation, x, [kernel] if bias is None else [kernel, bias])


def dense_grad(
    x: ArrayLike,
    kernel: ArrayLike,
    grad_out: ArrayLike,
    bias: ArrayLike | None = None,
    activation: str | Callable[..., Any] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns the gradients of sum(grad_out * dense(x, kernel, ...)).

    Args:
        x: Samples, whose last axis is that of the inputs.
        kernel: Weights, (inputs, units).
        grad_out: Numbers of the output's shape, (n, ..., units).
        bias: As for `dense`; None counts as zeros.
        activation: As for `dense`.

    Returns:
        (by x, by the kernel, by the bias).

    Raises:
        ValueError: If shapes do not suit each other.

    Example:
        >>> [g.tolist() for g in dense_grad([[1.0, 2.0]], [[3.0], [4.0]], [[1.0]])]
        [[[3.0, 4.0]], [[1.0], [2.0]], [1.0]]
    """
    matrix = _matrix(kernel)
    operation = _Dense(matrix.shape[1], True, activation_of(activation))
    offsets = np.zeros(operation.units, np.float32) if bias is None else bias
    grad_x, (grad_kernel, grad_bias) = run_grad(operation, x, grad_out, [matrix, offsets])
    return grad_x, grad_kernel, grad_bias
