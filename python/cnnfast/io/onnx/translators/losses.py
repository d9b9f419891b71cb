"""Losses that are part of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import ops
from cnnfast.io.onnx.node import Node, rank, translates


@translates("NegativeLogLikelihoodLoss")
def negative_log_likelihood(node: Node, x: Any, target: Any, weight: Any = None) -> Any:
    """Minus what stands at the target's class along axis 1, weighted by class, reduced."""
    classes = node.shapes(x)[0][1]
    chosen = ops.equal(
        ops.expand_dims(target, 1), np.arange(classes, dtype=np.float32).reshape(-1, *(1,) * (rank(x) - 2))
    )
    scales = ops.multiply(chosen, 1.0 if weight is None else ops.reshape(weight, (-1, *(1,) * (rank(x) - 2))))
    ignored = node.get("ignore_index")
    if ignored is not None:
        scales = ops.multiply(scales, ops.not_equal(ops.expand_dims(target, 1), float(ignored)))
    each = ops.negative(ops.sum(ops.multiply(x, scales), 1))
    reduction = node.get("reduction", "mean")
    if reduction == "none":
        return each
    return ops.sum(each) if reduction == "sum" else ops.divide(ops.sum(each), ops.sum(scales))


@translates("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(node: Node, x: Any, target: Any, weight: Any = None) -> Any:
    """The same of a log-softmax along axis 1, which is the second output."""
    logarithms = ops.log_softmax(x, 1)
    return negative_log_likelihood(node, logarithms, target, weight), logarithms
