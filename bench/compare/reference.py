"""The float64 reference: forward, backward and update of a network, in NumPy, for reading rather than speed.

Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1; gradient descent with
momentum as in Keras 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from bench.compare import networks
from bench.compare.networks import Layer, Network, geometry, window
from numpy.typing import NDArray

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7
BATCH_NORM_EPSILON = 1e-3
MOMENTUM = {"sgd": 0.0, "momentum": 0.9}

F64 = NDArray[np.float64]
# From the gradient of a layer's output to those of what it reads and of its weights.
Backward = Callable[[F64], tuple[list[F64], list[F64]]]


def predict(network: Network, weights: list[NDArray[Any]], x: NDArray[Any]) -> F64:
    """The logits of every sample. Moving means are 0 and variances 1, as when they are made."""
    params = [w.astype(np.float64) for w in weights]
    return _Run(network, params, x.astype(np.float64), trains=False).logits


def train(
    network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any], steps: int
) -> list[float]:
    """The loss at each of `steps` steps of the network's optimizer on one batch."""
    params = [w.astype(np.float64) for w in weights]
    frozen = [
        layer.get("frozen", False)
        for layer, shape in networks.with_read_shapes(network)
        for _ in networks.weight_shapes(layer, shape)
    ]
    update = _Adam(params) if network.optimizer == "adam" else _Sgd(params, MOMENTUM[network.optimizer])
    losses = []
    for step in range(1, steps + 1):
        if step == steps:  # whose gradients nobody will see
            losses.append(_loss(_Run(network, params, x.astype(np.float64)).logits, y)[0])
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
    run = _Run(network, params, x.astype(np.float64))
    loss, grad = _loss(run.logits, y)
    return loss, run.gradients(grad)


def _loss(logits: F64, y: NDArray[Any]) -> tuple[float, F64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    truth = np.expand_dims(y, 1)
    grad = np.exp(log_probs)
    np.put_along_axis(grad, truth, np.take_along_axis(grad, truth, 1) - 1, 1)
    return float(-np.take_along_axis(log_probs, truth, 1).mean()), grad / y.size


class _Run:
    """The values that layers make, and the way back."""

    def __init__(self, network: Network, params: list[F64], x: F64, trains: bool = True) -> None:
        self.sources = networks.sources(network)
        self.backwards: list[Backward] = []
        values, position = [x], 0
        for (layer, shape), read in zip(networks.with_read_shapes(network), self.sources, strict=True):
            count = len(networks.weight_shapes(layer, shape))
            learned = params[position : position + count]
            position += count
            kind = "frozen_norm" if layer["type"] == "batch_norm" and not trains else layer["type"]
            out, backward = _LAYERS[kind](layer, *(values[i] for i in read), *learned)
            if "activation" in layer:
                out, inside = _ACTIVATIONS[layer["activation"]](out)
                backward = _chained(backward, inside)
            values.append(out)
            self.backwards.append(backward)
        self.logits = values[-1]

    def gradients(self, grad: F64) -> list[F64]:
        """Of all parameters, from the logits'."""
        of_values: dict[int, F64] = {len(self.backwards): grad}
        out: list[F64] = []
        for i in reversed(range(len(self.backwards))):
            of_sources, of_weights = self.backwards[i](of_values.pop(i + 1))
            for source, part in zip(self.sources[i], of_sources, strict=True):
                of_values[source] = of_values[source] + part if source in of_values else part
            out = of_weights + out
        return out


def _chained(layer: Backward, activation: Callable[[F64], F64]) -> Backward:
    return lambda grad: layer(activation(grad))


def _views(x: F64, size: int, stride: int) -> Iterator[tuple[int, int, F64]]:
    """For each position of a window, what all windows see there: views of x."""
    oh, ow = ((n - size) // stride + 1 for n in x.shape[2:])
    for i in range(size):
        for j in range(size):
            rows = slice(i, i + (oh - 1) * stride + 1, stride)
            yield i, j, x[:, :, rows, j : j + (ow - 1) * stride + 1 : stride]


def _conv(layer: Layer, x: F64, kernel: F64, *bias: F64) -> tuple[F64, Backward]:
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

    def backward(grad: F64) -> tuple[list[F64], list[F64]]:
        flat = pixels(grad)
        of_kernel = np.empty_like(matrices)
        of_padded = np.zeros_like(padded)
        for i, j, view in _views(padded, size, stride):
            of_kernel[i, j] = (flat @ pixels(view).swapaxes(2, 3)).sum(axis=0)
        for i, j, view in _views(of_padded, size, stride):
            view += (matrices[i, j].swapaxes(1, 2) @ flat).reshape(view.shape)
        of_x = of_padded[:, :, padding : padding + h, padding : padding + w]
        of_kernel = of_kernel.transpose(0, 1, 4, 2, 3).reshape(kernel.shape)
        return [of_x], [of_kernel, *(grad.sum(axis=(0, 2, 3)) for _ in bias)]

    out = np.asarray(out).reshape(n, -1, *shape[2:])
    return out + bias[0][:, None, None] if bias else out, backward


def _conv_transpose(layer: Layer, x: F64, kernel: F64, bias: F64) -> tuple[F64, Backward]:
    """With strides as long as the kernel: each pixel makes a square of its own."""
    n, _, h, w = x.shape
    size = layer["kernel_size"]
    if layer["strides"] != size:
        raise ValueError(f"the reference knows strides of {size} for a kernel of {size}")
    squares = np.einsum("ncij,aboc->noiajb", x, kernel, optimize=True)

    def backward(grad: F64) -> tuple[list[F64], list[F64]]:
        cut = grad.reshape(squares.shape)
        of_x = np.einsum("noiajb,aboc->ncij", cut, kernel, optimize=True)
        of_kernel = np.einsum("noiajb,ncij->aboc", cut, x, optimize=True)
        return [of_x], [of_kernel, grad.sum(axis=(0, 2, 3))]

    return squares.reshape(n, -1, h * size, w * size) + bias[:, None, None], backward


def _batch_norm(_: Layer, x: F64, gamma: F64, beta: F64) -> tuple[F64, Backward]:
    pixels = (0, 2, 3)
    rate = 1 / np.sqrt(x.var(axis=pixels, keepdims=True) + BATCH_NORM_EPSILON)
    unit = (x - x.mean(axis=pixels, keepdims=True)) * rate
    scale = gamma[:, None, None]

    def backward(grad: F64) -> tuple[list[F64], list[F64]]:
        mean, slope = grad.mean(axis=pixels, keepdims=True), (grad * unit).mean(axis=pixels, keepdims=True)
        of_x = scale * rate * (grad - mean - unit * slope)
        return [of_x], [(grad * unit).sum(axis=pixels), grad.sum(axis=pixels)]

    return scale * unit + beta[:, None, None], backward


def _frozen_norm(_: Layer, x: F64, gamma: F64, beta: F64) -> tuple[F64, Backward]:
    """Of a moving mean of 0 and variance of 1."""
    scale = gamma[:, None, None] / math.sqrt(1 + BATCH_NORM_EPSILON)
    return scale * x + beta[:, None, None], _no_way_back


def _no_way_back(_: F64) -> tuple[list[F64], list[F64]]:
    raise ValueError("the reference does not train through moving statistics")


def _add(_: Layer, x: F64, other: F64) -> tuple[F64, Backward]:
    return x + other, lambda grad: ([grad, grad], [])


def _concat(_: Layer, x: F64, other: F64) -> tuple[F64, Backward]:
    return np.concatenate([x, other], 1), lambda grad: (np.split(grad, [x.shape[1]], 1), [])


def _global_average(_: Layer, x: F64) -> tuple[F64, Backward]:
    size = x.shape[2] * x.shape[3]

    def backward(grad: F64) -> tuple[list[F64], list[F64]]:
        return [np.broadcast_to(grad[:, :, None, None] / size, x.shape)], []

    return x.mean(axis=(2, 3)), backward


def _dense(_: Layer, x: F64, matrix: F64, bias: F64) -> tuple[F64, Backward]:
    return x @ matrix + bias, lambda grad: ([grad @ matrix.T], [x.T @ grad, grad.sum(axis=0)])


def _pool(layer: Layer, x: F64) -> tuple[F64, Backward]:
    size, stride = window(layer)
    cells = np.stack([view for *_, view in _views(x, size, stride)])
    if layer["type"] == "max_pool2d":
        share = np.zeros_like(cells)
        np.put_along_axis(share, cells.argmax(axis=0)[None], 1, axis=0)
    else:
        share = np.full_like(cells, 1 / size**2)

    def backward(grad: F64) -> tuple[list[F64], list[F64]]:
        of_x = np.zeros_like(x)
        for cell, (*_, view) in enumerate(_views(of_x, size, stride)):
            view += share[cell] * grad
        return [of_x], []

    return (share * cells).sum(axis=0), backward


def _flatten(_: Layer, x: F64) -> tuple[F64, Backward]:
    return x.reshape(len(x), -1), lambda grad: ([grad.reshape(x.shape)], [])


def _relu(x: F64) -> tuple[F64, Callable[[F64], F64]]:
    return np.maximum(x, 0), lambda grad: grad * (x > 0)


def _tanh(x: F64) -> tuple[F64, Callable[[F64], F64]]:
    out = np.tanh(x)
    return out, lambda grad: grad * (1 - out * out)


_LAYERS: dict[str, Callable[..., tuple[F64, Backward]]] = {
    "conv2d": _conv,
    "conv2d_transpose": _conv_transpose,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "frozen_norm": _frozen_norm,
    "max_pool2d": _pool,
    "average_pool2d": _pool,
    "global_average_pool2d": _global_average,
    "flatten": _flatten,
    "add": _add,
    "concat": _concat,
}
_ACTIVATIONS = {"relu": _relu, "tanh": _tanh}
