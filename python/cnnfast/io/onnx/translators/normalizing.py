"""Normalizations, as layers where their numbers are fixed."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, rank, translates, with_weights


@translates("BatchNormalization")
def batch_normalization(node: Node, x: Any, scale: Any, shift: Any, mean: Any, variance: Any) -> Any:
    """BatchNormalization along axis 1; ONNX's momentum says the same as ours.

    Before opset 14, those that have further outputs are training.
    """
    if node.get("training_mode") or (node.opset < 14 and node.outputs > 1):
        return _of_the_batch(node, x, scale, shift, mean, variance)
    layer = layers.BatchNormalization(
        1 if rank(x) > 2 else -1, node.get("momentum", 0.9), node.get("epsilon", 1e-5), name=node.name
    )
    return with_weights(layer, x, [node.fixed(each, "weights") for each in (scale, shift, mean, variance)])


def _of_the_batch(node: Node, x: Any, scale: Any, shift: Any, mean: Any, variance: Any) -> Any:
    """By the batch's own statistics, which the moving ones follow: the node's other outputs."""
    momentum = node.get("momentum", 0.9)
    axes = [axis for axis in range(rank(x)) if axis != 1]
    shape = (1, -1, *(1,) * (rank(x) - 2))
    now, spread = ops.mean(x, axes), ops.var(x, axes)
    centred = ops.divide(
        ops.subtract(x, ops.reshape(now, shape)),
        ops.sqrt(ops.add(ops.reshape(spread, shape), node.get("epsilon", 1e-5))),
    )
    made = ops.add(ops.multiply(centred, ops.reshape(scale, shape)), ops.reshape(shift, shape))
    moved = [
        ops.add(ops.multiply(old, momentum), ops.multiply(new, 1 - momentum))
        for old, new in ((mean, now), (variance, spread))
    ]
    return [made, *moved]


@translates("ScaleShift")
def scale_shift(node: Node, x: Any, scale: Any, shift: Any, mean: Any = None, deviation: Any = None) -> Any:
    """(x - mean) / deviation * scale + shift, numbers for each channel: a batch normalization spelled out."""
    if deviation is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.divide(scale, deviation)
    channels = node.shapes(x)[0][1]
    wanted = (channels, *(1,) * (rank(x) - 2))
    if rank(x) < 3 or np.shape(scale) not in (wanted, (1, *wanted)):
        x = x if mean is None else ops.subtract(x, mean)
        return ops.add(ops.multiply(x, scale), shift)
    middle = np.zeros(channels) if mean is None else mean
    layer = layers.BatchNormalization(1, epsilon=0.0, name=node.name)
    return with_weights(layer, x, [np.ravel(each) for each in (scale, shift, middle, np.ones(channels))])


@translates("Standardize")
def standardize(node: Node, x: Any, scale: Any, shift: Any, epsilon: Any) -> Any:
    """A layer normalization along the last axis that is spelled out."""
    layer = layers.LayerNormalization(-1, node.number(epsilon, "epsilon"), name=node.name)
    return with_weights(layer, x, {"gamma": scale, "beta": shift})


@translates("InstanceNormalization")
def instance_normalization(node: Node, x: Any, scale: Any, shift: Any) -> Any:
    """InstanceNormalization along axis 1."""
    layer = layers.InstanceNormalization(1, node.get("epsilon", 1e-5), name=node.name)
    return with_weights(layer, x, {"gamma": scale, "beta": shift})


@translates("GroupNormalization")
def group_normalization(node: Node, x: Any, scale: Any, shift: Any) -> Any:
    """GroupNormalization along axis 1; before opset 21 there was one number for each group."""
    groups = node.get("num_groups")
    channels = node.shapes(x)[0][1]
    if node.opset < 21:
        scale, shift = (np.repeat(node.fixed(each, "scale"), channels // groups) for each in (scale, shift))
    layer = layers.GroupNormalization(groups, 1, node.get("epsilon", 1e-5), name=node.name)
    return with_weights(layer, x, {"gamma": scale, "beta": shift})


@translates("LayerNormalization")
def layer_normalization(node: Node, x: Any, scale: Any, shift: Any = None) -> Any:
    """LayerNormalization over the axes from one to the last; also its mean and 1 / deviation."""
    axes = _from(node, x)
    epsilon = node.get("epsilon", 1e-5)
    if node.outputs > 1:
        mean = ops.mean(x, axes, keepdims=True)
        centred = ops.subtract(x, mean)
        inverse = ops.rsqrt(ops.add(ops.mean(ops.square(centred), axes, keepdims=True), epsilon))
        made = ops.multiply(ops.multiply(centred, inverse), scale)
        return made if shift is None else ops.add(made, shift), mean, inverse
    layer = layers.LayerNormalization(axes, epsilon, center=shift is not None, name=node.name)
    return with_weights(layer, x, {"gamma": scale, "beta": shift})


@translates("RMSNormalization")
def rms_normalization(node: Node, x: Any, scale: Any) -> Any:
    """RMSNormalization over the axes from one to the last."""
    axes = _from(node, x)
    inverse = ops.rsqrt(ops.add(ops.mean(ops.square(x), axes, keepdims=True), node.get("epsilon", 1e-5)))
    return ops.multiply(ops.multiply(x, inverse), scale)


@translates("LRN")
def local_response_normalization(node: Node, x: Any) -> Any:
    """LocalResponseNormalization along axis 1."""
    alpha, beta, bias = node.get("alpha", 1e-4), node.get("beta", 0.75), node.get("bias", 1.0)
    return layers.LocalResponseNormalization(node.get("size"), alpha, beta, bias, 1, name=node.name)(x)


@translates("LpNormalization")
def lp_normalization(node: Node, x: Any) -> Any:
    """Divides by a norm along an axis; nothing by 0."""
    axis = node.get("axis", -1)
    if node.get("p", 2) == 1:
        norm = ops.sum(ops.abs(x), axis, keepdims=True)
    else:
        norm = ops.sqrt(ops.sum(ops.square(x), axis, keepdims=True))
    return ops.divide_no_nan(x, norm)


@translates("MeanVarianceNormalization")
def mean_variance_normalization(node: Node, x: Any) -> Any:
    """(x - mean) / deviation over some axes."""
    axes = node.integers(None, "axes", [0, 2, 3])
    centred = ops.subtract(x, ops.mean(x, axes, keepdims=True))
    deviation = ops.sqrt(ops.mean(ops.square(centred), axes, keepdims=True))
    return ops.divide(centred, ops.add(deviation, 1e-9))


def _from(node: Node, x: Any) -> list[int]:
    return list(range(node.axis(node.get("axis", -1), rank(x)), rank(x)))
