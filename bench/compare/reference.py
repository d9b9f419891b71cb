"""The float64 reference: forward, backward and Adam of a network, in NumPy, for reading rather than speed.

Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bench.compare.networks import Layer, Network
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7

F64 = NDArray[np.float64]
# From the gradient of a layer's output to that of its input and of its weights.
Backward = Callable[[F64], tuple[F64, list[F64]]]


def predict(network: Network, weights: list[NDArray[Any]], x: NDArray[Any]) -> F64:
    """The logits of every sample."""
    return _forward(network, [w.astype(np.float64) for w in weights], x.astype(np.float64))[0]


def train(
    network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any], steps: int
) -> list[float]:
    """The loss at each of `steps` Adam steps on one batch."""
    params = [w.astype(np.float64) for w in weights]
    m = [np.zeros_like(p) for p in params]
    v = [np.zeros_like(p) for p in params]
    losses = []
    for step in range(1, steps + 1):
        loss, grads = gradients(network, params, x, y)
        losses.append(loss)
        for i, g in enumerate(grads):
            m[i] = BETA_1 * m[i] + (1 - BETA_1) * g
            v[i] = BETA_2 * v[i] + (1 - BETA_2) * g * g
            m_hat, v_hat = m[i] / (1 - BETA_1**step), v[i] / (1 - BETA_2**step)
            params[i] -= LEARNING_RATE * m_hat / (np.sqrt(v_hat) + EPSILON)
    return losses


def gradients(
    network: Network, params: list[F64], x: NDArray[Any], y: NDArray[Any]
) -> tuple[float, list[F64]]:
    """The loss (softmax cross-entropy, mean over the batch) and its gradient for every parameter."""
    logits, backwards = _forward(network, params, x.astype(np.float64))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    grad = np.exp(log_probs)
    grad[rows, y] -= 1
    grad /= len(y)
    grads: list[F64] = []
    for backward in reversed(backwards):
        grad, of_weights = backward(grad)
        grads = of_weights + grads
    return float(-log_probs[rows, y].mean()), grads


def _forward(network: Network, params: list[F64], x: F64) -> tuple[F64, list[Backward]]:
    backwards: list[Backward] = []
    position = 0
    for layer in network.layers:
        if layer["type"] in ("conv2d", "dense"):
            run = _conv if layer["type"] == "conv2d" else _dense
            x, backward = run(x, params[position], params[position + 1])
            position += 2
        else:
            x, backward = _WITHOUT_WEIGHTS[layer["type"]](layer, x)
        backwards.append(backward)
        if "activation" in layer:
            x, backward = _ACTIVATIONS[layer["activation"]](x)
            backwards.append(backward)
    return x, backwards


def _conv(x: F64, kernel: F64, bias: F64) -> tuple[F64, Backward]:
    kh, kw = kernel.shape[:2]
    windows = sliding_window_view(x, (kh, kw), axis=(2, 3))  # n c oh ow kh kw
    out = np.tensordot(windows, kernel, axes=([1, 4, 5], [2, 0, 1])) + bias

    def backward(grad: F64) -> tuple[F64, list[F64]]:
        of_kernel = np.tensordot(windows, grad, axes=([0, 2, 3], [0, 2, 3])).transpose(1, 2, 0, 3)
        padded = np.pad(grad, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
        spread = sliding_window_view(padded, (kh, kw), axis=(2, 3))
        of_x = np.tensordot(spread, kernel[::-1, ::-1], axes=([1, 4, 5], [3, 0, 1])).transpose(0, 3, 1, 2)
        return of_x, [of_kernel, grad.sum(axis=(0, 2, 3))]

    return out.transpose(0, 3, 1, 2), backward


def _dense(x: F64, matrix: F64, bias: F64) -> tuple[F64, Backward]:
    return x @ matrix + bias, lambda grad: (grad @ matrix.T, [x.T @ grad, grad.sum(axis=0)])


def _pool(layer: Layer, x: F64) -> tuple[F64, Backward]:
    size = layer["pool_size"]
    n, c, h, w = x.shape
    oh, ow = h // size, w // size
    cut = x[:, :, : oh * size, : ow * size].reshape(n, c, oh, size, ow, size)
    cells = cut.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, oh, ow, size * size)
    if layer["type"] == "max_pool2d":
        share = np.zeros_like(cells)
        np.put_along_axis(share, cells.argmax(axis=-1)[..., None], 1, axis=-1)
    else:
        share = np.full_like(cells, 1 / cells.shape[-1])

    def backward(grad: F64) -> tuple[F64, list[F64]]:
        spread = (share * grad[..., None]).reshape(n, c, oh, ow, size, size).transpose(0, 1, 2, 4, 3, 5)
        of_x = np.zeros_like(x)
        of_x[:, :, : oh * size, : ow * size] = spread.reshape(n, c, oh * size, ow * size)
        return of_x, []

    return (share * cells).sum(axis=-1), backward


def _flatten(_: Layer, x: F64) -> tuple[F64, Backward]:
    return x.reshape(len(x), -1), lambda grad: (grad.reshape(x.shape), [])


def _relu(x: F64) -> tuple[F64, Backward]:
    return np.maximum(x, 0), lambda grad: (grad * (x > 0), [])


def _tanh(x: F64) -> tuple[F64, Backward]:
    out = np.tanh(x)
    return out, lambda grad: (grad * (1 - out * out), [])


_WITHOUT_WEIGHTS = {"max_pool2d": _pool, "average_pool2d": _pool, "flatten": _flatten}
_ACTIVATIONS = {"relu": _relu, "tanh": _tanh}
