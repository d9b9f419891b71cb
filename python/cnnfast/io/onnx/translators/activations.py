"""Functions of each number that layers have as activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, OpenSizeError, is_fixed, rank, translates, with_weights
from cnnfast.layers.symbolic import SymbolicTensor

_NAMES = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard_silu",
    "Mish": "mish",
    "Softplus": "softplus",
    "Softsign": "softsign",
}
_SELU = (1.67326319217681884765625, 1.05070102214813232421875)


@translates(*_NAMES)
def plain(node: Node, x: Any) -> Any:
    """Those that are told nothing."""
    return activation(node, x, _NAMES[node.op])


def activation(node: Node, x: Any, name: str) -> Any:
    """Returns an Activation of that name, or the function of an array, which needs no batch."""
    if isinstance(x, SymbolicTensor):
        return layers.Activation(name, name=node.name)(x)
    return getattr(ops, name)(x)


@translates("Swish")
def swish(node: Node, x: Any) -> Any:
    """Returns x * sigmoid(alpha x)."""
    alpha = node.get("alpha", 1.0)
    return (
        activation(node, x, "silu") if alpha == 1.0 else ops.multiply(x, ops.sigmoid(ops.multiply(x, alpha)))
    )


@translates("Gelu")
def gelu(node: Node, x: Any) -> Any:
    """Returns x Phi(x), or its approximation by a tanh."""
    return ops.gelu(x, approximate=node.get("approximate", "none") == "tanh")


@translates("LeakyRelu")
def leaky_relu(node: Node, x: Any) -> Any:
    """LeakyReLU."""
    alpha = node.get("alpha", 0.01)
    if isinstance(x, SymbolicTensor) and alpha >= 0:
        return layers.LeakyReLU(alpha, name=node.name)(x)
    return ops.leaky_relu(x, alpha)


@translates("PRelu")
def prelu(node: Node, x: Any, slope: Any) -> Any:
    """PReLU where there is a slope for each channel; else the slopes are constants."""
    axes = rank(x)
    if node.opset < 7 and np.size(slope) > 1:
        slope = np.reshape(node.fixed(slope, "slope"), (-1, *(1,) * (axes - 2)))
    per_channel = axes > 2 and is_fixed(slope) and np.shape(slope)[-axes + 2 :] == (1,) * (axes - 2)
    if isinstance(x, SymbolicTensor) and per_channel and np.size(slope) == node.shapes(x)[0][1]:
        layer = layers.PReLU(shared_axes=list(range(2, axes)), name=node.name)
        return with_weights(layer, x, [np.reshape(slope, (-1, *(1,) * (axes - 2)))])
    return ops.where(ops.greater(x, 0.0), x, ops.multiply(x, slope))


@translates("Elu")
def elu(node: Node, x: Any) -> Any:
    """`ops.elu`."""
    return ops.elu(x, node.get("alpha", 1.0))


@translates("Celu")
def celu(node: Node, x: Any) -> Any:
    """`ops.celu`."""
    return ops.celu(x, node.get("alpha", 1.0))


@translates("Selu")
def selu(node: Node, x: Any) -> Any:
    """Returns gamma * elu(x, alpha)."""
    alpha, gamma = node.get("alpha", _SELU[0]), node.get("gamma", _SELU[1])
    if math.isclose(alpha, _SELU[0], rel_tol=1e-6) and math.isclose(gamma, _SELU[1], rel_tol=1e-6):
        return activation(node, x, "selu")
    return ops.multiply(ops.elu(x, alpha), gamma)


@translates("ThresholdedRelu")
def thresholded_relu(node: Node, x: Any) -> Any:
    """Returns x above alpha, else 0."""
    return ops.threshold(x, node.get("alpha", 1.0), 0.0)


@translates("HardSigmoid")
def hard_sigmoid(node: Node, x: Any) -> Any:
    """max(0, min(1, alpha x + beta)); Keras's and PyTorch's has alpha = 1 / 6."""
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-4) and beta == 0.5:
        return activation(node, x, "hard_sigmoid")
    return ops.clip(ops.add(ops.multiply(x, alpha), beta), 0.0, 1.0)


@translates("Shrink")
def shrink(node: Node, x: Any) -> Any:
    """Numbers near 0 become 0, the others come nearer by the bias."""
    border, bias = node.get("lambd", 0.5), node.get("bias", 0.0)
    below = ops.where(ops.less(x, -border), ops.add(x, bias), 0.0)
    return ops.where(ops.greater(x, border), ops.subtract(x, bias), below)


@translates("Clip")
def clip(node: Node, x: Any, low: Any = None, high: Any = None) -> Any:
    """min(max(x, low), high), either of which may be missing."""
    low, high = node.number(low, "min"), node.number(high, "max")
    if (low, high) == (0.0, 6.0):
        return activation(node, x, "relu6")
    x = x if low is None else ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


@translates("Softmax")
def softmax(node: Node, x: Any) -> Any:
    """Softmax along an axis; before opset 13 over it and all that follow."""
    axes = _axes(node, x)
    if isinstance(x, SymbolicTensor):
        return layers.Softmax(axes[0] if len(axes) == 1 else axes, name=node.name)(x)
    return ops.softmax(x, axes)


@translates("LogSoftmax")
def log_softmax(node: Node, x: Any) -> Any:
    """The logarithm of Softmax."""
    return ops.subtract(x, ops.logsumexp(x, _axes(node, x), keepdims=True))


@translates("Hardmax")
def hardmax(node: Node, x: Any) -> Any:
    """1 where the first of the largest numbers is, else 0."""
    axes, shape = _axes(node, x), node.shapes(x)[0]
    if len(axes) == 1:
        return ops.one_hot(ops.argmax(x, axes[0]), shape[axes[0]], axes[0])
    if any(each[axes[0] :] != shape[axes[0] :] for each in node.shapes(x)):
        raise OpenSizeError("over several axes, it needs an input of known size")
    batch = None if isinstance(x, SymbolicTensor) else shape[0]
    flat = ops.reshape(x, (batch, *shape[1 : axes[0]], -1) if axes[0] else (-1,))
    chosen = ops.one_hot(ops.argmax(flat, -1), math.prod(shape[axes[0] :]), -1)
    return ops.reshape(chosen, (batch, *shape[1:]))


def _axes(node: Node, x: Any) -> list[int]:
    """What the node goes along: one axis, or before opset 13 all from one on."""
    axes = rank(x)
    if node.opset >= 13:
        axis = node.axis(node.get("axis", -1), axes)
        return [-1 if axis == axes - 1 else axis]
    axis = node.axis(node.get("axis", 1), axes)
    return [-1] if axis == axes - 1 else list(range(axis, axes))
