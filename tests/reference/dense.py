"""Dense layers, activations and softmax, with their gradients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.geometry import Array


def dense(x: NDArray[Any], kernel: NDArray[Any], bias: NDArray[Any] | None = None) -> Array:
    """x @ kernel + bias."""
    out = np.asarray(x, np.float64) @ np.asarray(kernel, np.float64)
    return out if bias is None else out + np.asarray(bias, np.float64)


def dense_grad(x: NDArray[Any], kernel: NDArray[Any], grad_out: NDArray[Any]) -> tuple[Array, Array, Array]:
    """Gradients of sum(grad_out * dense(x, kernel, bias)) by x, kernel and bias."""
    x, kernel, grad = (np.asarray(a, np.float64) for a in (x, kernel, grad_out))
    return grad @ kernel.T, x.T @ grad, grad.sum(0)


def sigmoid(z: NDArray[Any]) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    z = np.asarray(z, np.float64)
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def log_softmax(z: NDArray[Any]) -> Array:
    """z - log sum exp z, over the last axis."""
    z = np.asarray(z, np.float64)
    shifted = z - z.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def softmax(z: NDArray[Any]) -> Array:
    """exp z / sum exp z, over the last axis."""
    return np.exp(log_softmax(z))


def activation(kind: str, z: NDArray[Any]) -> Array:
    """An activation by name."""
    z = np.asarray(z, np.float64)
    return {
        "linear": lambda: z,
        "relu": lambda: np.maximum(z, 0.0),
        "tanh": lambda: np.tanh(z),
        "sigmoid": lambda: sigmoid(z),
        "softmax": lambda: softmax(z),
    }[kind]()


def activation_grad(kind: str, z: NDArray[Any], grad_out: NDArray[Any]) -> Array:
    """Gradient of sum(grad_out * activation(z)) by z."""
    out, grad = activation(kind, z), np.asarray(grad_out, np.float64)
    return {
        "linear": lambda: grad,
        "relu": lambda: grad * (out > 0),
        "tanh": lambda: grad * (1 - out**2),
        "sigmoid": lambda: grad * out * (1 - out),
        "softmax": lambda: out * (grad - (grad * out).sum(-1, keepdims=True)),
    }[kind]()
