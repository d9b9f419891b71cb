"""The metrics that are no losses as functions of labels and outputs: numbers of each sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import losses, ops
from cnnfast.config import EPSILON
from cnnfast.losses.reducing import as_numbers, same_rank


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Returns 1 where outputs equal labels, else 0.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> accuracy([[1.0, 2.0]], [[1.0, 3.0]])
        array([[1., 0.]], dtype=float32)
    """
    return ops.equal(*same_rank(y_true, y_pred))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Returns 1 where outputs, taken as 1 above the threshold and as 0 otherwise, equal labels, else 0.

    Args:
        y_true: The labels, 0 and 1.
        y_pred: The outputs, of the labels' shape.
        threshold: Outputs above it count as 1.

    Example:
        >>> binary_accuracy([[1.0, 1.0]], [[0.7, 0.2]])
        array([[1., 0.]], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return ops.equal(y_true, ops.greater(y_pred, threshold))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Returns 1 where the largest output is at the place of the label's largest, else 0.

    Args:
        y_true: The labels, one-hot or other distributions.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> categorical_accuracy([[0.0, 1.0]], [[0.2, 0.8]])
        array([1.], dtype=float32)
    """
    return sparse_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Returns 1 where the largest output is at the label's place, else 0.

    Args:
        y_true: The class numbers.
        y_pred: The outputs, with an axis of the classes at the end.

    Example:
        >>> sparse_categorical_accuracy([1], [[0.2, 0.8]])
        array([1.], dtype=float32)
    """
    y_true, y_pred = _numbers(y_true, y_pred)
    return ops.equal(y_true, ops.argmax(y_pred, axis=-1))


def _numbers(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Class numbers without an axis of one, and outputs."""
    y_true, y_pred = as_numbers(y_true), as_numbers(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    return y_true, y_pred


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Returns 1 where fewer than k outputs are larger than that of the label's largest place, else 0.

    Args:
        y_true: The labels, one-hot or other distributions.
        y_pred: The outputs, of the labels' shape.
        k: How many outputs count.

    Example:
        >>> top_k_categorical_accuracy([[0.0, 1.0, 0.0]], [[0.5, 0.3, 0.2]], k=2)
        array([1.], dtype=float32)
    """
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """Returns 1 where fewer than k outputs are larger than that of the label's class, else 0.

    Args:
        y_true: The class numbers.
        y_pred: The outputs, with an axis of the classes at the end; where one is not finite none is right.
        k: How many outputs count.
        from_sorted_ids: Whether the outputs are class numbers instead, the best first.

    Example:
        >>> sparse_top_k_categorical_accuracy([1], [[0.5, 0.3, 0.2]], k=2)
        array([1.], dtype=float32)
        >>> sparse_top_k_categorical_accuracy([1], [[0.0, 2.0, 1.0]], k=2, from_sorted_ids=True)
        array([0.], dtype=float32)
    """
    y_true, y_pred = _numbers(y_true, y_pred)
    classes = y_pred.shape[-1]
    if from_sorted_ids:
        first = (np.arange(classes) < k).astype(np.float32)
        return ops.any(ops.multiply(ops.equal(y_pred, ops.expand_dims(y_true, -1)), first), axis=-1)
    right = ops.sum(ops.where(ops.one_hot(y_true, classes), y_pred, 0.0), axis=-1, keepdims=True)
    larger = ops.sum(ops.greater(y_pred, right), axis=-1)
    return ops.multiply(ops.less(larger, k), ops.all(ops.isfinite(y_pred), axis=-1))


def squared_error(y_true: Any, y_pred: Any) -> Any:
    """Returns (y - p)^2.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> squared_error([1.0, 2.0], [1.0, 4.0])
        array([0., 4.], dtype=float32)
    """
    return ops.square(ops.subtract(*same_rank(y_true, y_pred)))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns the cosine of the angle between labels and outputs along an axis: 1 where they agree.

    The loss of this name is minus this.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.
        axis: The axis.

    Example:
        >>> cosine_similarity([[0.0, 1.0]], [[0.0, 5.0]])
        array([1.], dtype=float32)
    """
    return ops.negative(losses.cosine_similarity(y_true, y_pred, axis))


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns the covariance of labels and outputs along an axis over both standard deviations.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.
        axis: The axis; what does not vary along it has no correlation, NaN.

    Example:
        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])
        array([1.], dtype=float32)
    """
    (y_true, _), (y_pred, _) = (_centered(y, axis) for y in same_rank(y_true, y_pred))
    sizes = (ops.sqrt(ops.mean(ops.square(y), axis=axis)) for y in (y_true, y_pred))
    return ops.divide(ops.mean(ops.multiply(y_true, y_pred), axis=axis), ops.multiply(*sizes))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns 2 cov / (var + var + (mean - mean)^2 + 1e-7) of labels and outputs along an axis.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.
        axis: The axis.

    Source:
        Lin, 1989.

    Example:
        >>> concordance_correlation([[0.0, 2.0]], [[0.0, 2.0]])
        array([1.], dtype=float32)
    """
    (y_true, mean), (y_pred, other) = (_centered(y, axis) for y in same_rank(y_true, y_pred))
    spread = ops.mean(ops.add(ops.square(y_true), ops.square(y_pred)), axis=axis, keepdims=True)
    norm = ops.add(ops.add(spread, ops.square(ops.subtract(mean, other))), EPSILON)
    return ops.mean(ops.divide(ops.multiply(ops.multiply(y_true, y_pred), 2.0), norm), axis=axis)


def _centered(x: Any, axis: int) -> tuple[Any, Any]:
    """Distances from the mean along an axis, and the mean."""
    mean = ops.mean(x, axis=axis, keepdims=True)
    return ops.subtract(x, mean), mean
