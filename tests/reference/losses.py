"""Losses (mean over the batch) with their gradients, and metrics, by Keras's definitions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.dense import log_softmax, sigmoid, softmax
from reference.geometry import Array


def one_hot(labels: NDArray[Any], classes: int) -> Array:
    """Rows of zeros with a one at the label."""
    return np.eye(classes)[np.asarray(labels, np.int64)]


def softmax_cross_entropy(logits: NDArray[Any], targets: NDArray[Any]) -> tuple[float, Array]:
    """-sum t log softmax(z), and its gradient by the logits."""
    t = np.asarray(targets, np.float64)
    loss = -(t * log_softmax(logits)).sum(-1).mean()
    return float(loss), (softmax(logits) * t.sum(-1, keepdims=True) - t) / len(t)


def sigmoid_cross_entropy(logits: NDArray[Any], targets: NDArray[Any]) -> tuple[float, Array]:
    """Mean over the columns of max(z, 0) - z t + log(1 + exp(-|z|)), and its gradient by the logits."""
    z, t = np.asarray(logits, np.float64), np.asarray(targets, np.float64)
    loss = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
    return float(loss.mean()), (sigmoid(z) - t) / z.size


def squared_error(out: NDArray[Any], targets: NDArray[Any]) -> tuple[float, Array]:
    """Mean of (out - t)^2, and its gradient by the output."""
    d = np.asarray(out, np.float64) - np.asarray(targets, np.float64)
    return float((d**2).mean()), 2 * d / d.size


def absolute_error(out: NDArray[Any], targets: NDArray[Any]) -> float:
    """Mean of |out - t|."""
    return float(np.abs(np.asarray(out, np.float64) - np.asarray(targets, np.float64)).mean())


def accuracy(out: NDArray[Any], targets: NDArray[Any]) -> float:
    """Share of rows whose largest output is the target's class; targets are labels or one-hot rows."""
    t = np.asarray(targets)
    labels = t if t.ndim == 1 else t.argmax(-1)
    return float((np.asarray(out).argmax(-1) == labels).mean())


def binary_accuracy(out: NDArray[Any], targets: NDArray[Any]) -> float:
    """Share of outputs on the target's side of one half."""
    return float(((np.asarray(out) > 0.5) == (np.asarray(targets) > 0.5)).mean())


def top_k_accuracy(out: NDArray[Any], labels: NDArray[Any], k: int) -> float:
    """Share of rows whose label is among the k largest outputs."""
    best = np.argsort(-np.asarray(out, np.float64), axis=-1, kind="stable")[:, :k]
    return float((best == np.asarray(labels)[:, None]).any(-1).mean())
