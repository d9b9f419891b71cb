"""The float64 reference: forward, backward and update of a network, in NumPy, for reading rather than speed.

Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1; gradient descent with
momentum as in Keras 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from bench.compare.networks import Layer, Network, geometry, has_weights, window
from numpy.typing import NDArray

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7
MOMENTUM = {"sgd": 0.0, "momentum": 0.9}

F64 = NDArray[np.float64]
# From the gradient of a layer's output to that of its input and of its weights.
Backward = Callable[[F64], tuple[F64, list[F64]]]


def predict(network: Network, weights: list[NDArray[Any]], x: NDArray[Any]) -> F64:
    """The logits of every sample."""
    return _forward(network, [w.astype(np.float64) for w in weights], x.astype(np.float64))[0]


def train(
    network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any], steps: int
) -> list[float]:
    """The loss at each of `steps` steps of the network's optimizer on one batch."""
    params = [w.astype(np.float64) for w in weights]
    frozen = [layer.get("frozen", False) for layer in network.layers if has_weights(layer) for _ in range(2)]
    update = _Adam(params) if network.optimizer == "adam" else _Sgd(params, MOMENTUM[network.optimizer])
    losses = []
    for step in range(1, steps + 1):
        if step == steps:  # whose gradients nobody will see
            logits = _forward(network, params, x.astype(np.float64))[0]
            losses.append(_loss(logits, y)[0])
            break
        loss, grads = gradients(network, params, x, y)
        losses.append(loss)
        for i, g in enumerate(grads):
            if not frozen[i]:
                params[i] += update(i, g, step)
    return losses


class _Adam:
    def __init__(self, params: list[F64]) -> None:
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]

    def __call__(self, i: int, g: F64, step: int) -> F64:
        self.m[i] = BETA_1 * self.m[i] + (1 - BETA_1) * g
        self.v[i] = BETA_2 * self.v[i] + (1 - BETA_2) * g * g
        m_hat, v_hat = self.m[i] / (1 - BETA_1**step), self.v[i] / (1 - BETA_2**step)
        change: F64 = -LEARNING_RATE * m_hat / (np.sqrt(v_hat) + EPSILON)
        return change


class _Sgd:
    def __init__(self, params: list[F64], momentum: float) -> None:
        self.velocity = [np.zeros_like(p) for p in params]
        self.momentum = momentum

    def __call__(self, i: int, g: F64, step: int) -> F64:
        self.velocity[i] = self.momentum * self.velocity[i] - LEARNING_RATE * g
        return self.velocity[i]


def gradients(
    network: Network, params: list[F64], x: NDArray[Any], y: NDArray[Any]
) -> tuple[float, list[F64]]:
    """The loss (softmax cross-entropy, mean over the batch) and its gradient for every parameter."""
    logits, backwards = _forward(network, params, x.astype(np.float64))
    loss, grad = _loss(logits, y)
    grads: list[F64] = []
    for backward in reversed(backwards):
        grad, of_weights = backward(grad)
        grads = of_weights + grads
    return loss, grads


def _loss(logits: F64, y: NDArray[Any]) -> tuple[float, F64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    grad = np.exp(log_probs)
    grad[rows, y] -= 1
    return float(-log_probs[rows, y].mean()), grad / len(y)


def _forward(network: Network, params: list[F64], x: F64) -> tuple[F64, list[Backward]]:
    backwards: list[Backward] = []
    position = 0
    for layer in network.layers:
        if has_weights(layer):
            run = _conv if layer["type"] == "conv2d" else _dense
            x, backward = run(layer, x, params[position], params[position + 1])
            position += 2
        else:
            x, backward = _WITHOUT_WEIGHTS[layer["type"]](layer, x)
        backwards.append(backward)
        if "activation" in layer:
            x, backward = _ACTIVATIONS[layer["activation"]](x)
            backwards.append(backward)
    return x, backwards


def _views(x: F64, size: int, stride: int) -> Iterator[tuple[int, int, F64]]:
    """For each position of a window, what all windows see there: views of x."""
    oh, ow = ((n - size) // stride + 1 for n in x.shape[2:])
    for i in range(size):
        for j in range(size):
            rows = slice(i, i + (oh - 1) * stride + 1, stride)
            yield i, j, x[:, :, rows, j : j + (ow - 1) * stride + 1 : stride]


def _conv(layer: Layer, x: F64, kernel: F64, bias: F64) -> tuple[F64, Backward]:
    size, stride, padding, groups = geometry(layer)
    n, channels, h, w = x.shape
    border = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(x, border)
    # One (outputs, inputs) matrix for each kernel position and group.
    matrices = kernel.reshape(size, size, channels // groups, groups, -1).transpose(0, 1, 3, 4, 2)

    def pixels(view: F64) -> F64:
        return view.reshape(n, groups, -1, view.shape[2] * view.shape[3])

    shape = next(_views(padded, size, stride))[2].shape
    out = sum(matrices[i, j] @ pixels(view) for i, j, view in _views(padded, size, stride))

    def backward(grad: F64) -> tuple[F64, list[F64]]:
        flat = pixels(grad)
        of_kernel = np.empty_like(matrices)
        of_padded = np.zeros_like(padded)
        for i, j, view in _views(padded, size, stride):
            of_kernel[i, j] = (flat @ pixels(view).swapaxes(2, 3)).sum(axis=0)
        for i, j, view in _views(of_padded, size, stride):
            view += (matrices[i, j].swapaxes(1, 2) @ flat).reshape(view.shape)
        of_x = of_padded[:, :, padding : padding + h, padding : padding + w]
        of_kernel = of_kernel.transpose(0, 1, 4, 2, 3).reshape(kernel.shape)
        return of_x, [of_kernel, grad.sum(axis=(0, 2, 3))]

    return np.asarray(out).reshape(n, -1, *shape[2:]) + bias[:, None, None], backward


def _dense(_: Layer, x: F64, matrix: F64, bias: F64) -> tuple[F64, Backward]:
    return x @ matrix + bias, lambda grad: (grad @ matrix.T, [x.T @ grad, grad.sum(axis=0)])


def _pool(layer: Layer, x: F64) -> tuple[F64, Backward]:
    size, stride = window(layer)
    cells = np.stack([view for *_, view in _views(x, size, stride)])
    if layer["type"] == "max_pool2d":
        share = np.zeros_like(cells)
        np.put_along_axis(share, cells.argmax(axis=0)[None], 1, axis=0)
    else:
        share = np.full_like(cells, 1 / size**2)

    def backward(grad: F64) -> tuple[F64, list[F64]]:
        of_x = np.zeros_like(x)
        for cell, (*_, view) in enumerate(_views(of_x, size, stride)):
            view += share[cell] * grad
        return of_x, []

    return (share * cells).sum(axis=0), backward


def _flatten(_: Layer, x: F64) -> tuple[F64, Backward]:
    return x.reshape(len(x), -1), lambda grad: (grad.reshape(x.shape), [])


def _relu(x: F64) -> tuple[F64, Backward]:
    return np.maximum(x, 0), lambda grad: (grad * (x > 0), [])


def _tanh(x: F64) -> tuple[F64, Backward]:
    out = np.tanh(x)
    return out, lambda grad: (grad * (1 - out * out), [])


_WITHOUT_WEIGHTS = {"max_pool2d": _pool, "average_pool2d": _pool, "flatten": _flatten}
_ACTIVATIONS = {"relu": _relu, "tanh": _tanh}
