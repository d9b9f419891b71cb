"""The losses as functions of labels and outputs: numbers of each sample, along their last axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast import ops
from cnnfast.config import EPSILON
from cnnfast.losses.pairs import circle as circle
from cnnfast.losses.reducing import as_numbers, same_rank


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Returns mean((y - p)^2) along the last axis.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]])
        array([2.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Returns mean(|y - p|) along the last axis.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[2.0, 1.0]])
        array([1.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Returns 100 mean(|(y - p) / max(|y|, 1e-7)|) along the last axis.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> mean_absolute_percentage_error([[2.0, 1.0]], [[1.0, 1.0]])
        array([25.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    share = ops.subtract(y_true, y_pred) / ops.maximum(ops.absolute(y_true), EPSILON)
    return 100.0 * ops.mean(ops.absolute(share), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Returns mean((log(y + 1) - log(p + 1))^2) along the last axis, of numbers that are at least 1e-7.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> mean_squared_logarithmic_error([[1.0]], [[1.0]])
        array([0.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    first, second = (ops.log1p(ops.maximum(y, EPSILON)) for y in (y_pred, y_true))
    return ops.mean(ops.square(ops.subtract(first, second)), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns minus the cosine of the angle between labels and outputs along an axis: -1 where they agree.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.
        axis: The axis.

    Example:
        >>> cosine_similarity([[0.0, 1.0]], [[0.0, 5.0]])
        array([-1.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    first, second = (ops.normalize(y, axis, epsilon=1e-6) for y in (y_true, y_pred))
    return -1.0 * ops.sum(first * second, axis=axis)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Returns the mean of d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), for d = y - p.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.
        delta: Where the parabola becomes a line.

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
        array([1.5], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    size = ops.absolute(error)
    line = delta * size - 0.5 * delta * delta
    return ops.mean(ops.where(ops.less_equal(size, delta), 0.5 * ops.square(error), line), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Returns mean(log(cosh(p - y))) along the last axis.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> log_cosh([[1.0]], [[1.0]])
        array([0.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    return ops.mean(error + ops.softplus(error * -2.0) - math.log(2.0), axis=-1)


def _signs(y_true: Any) -> Any:
    """Labels of 0 and 1 as -1 and 1; others as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Returns mean(max(1 - y p, 0)) along the last axis, for labels -1 and 1, or 0 and 1.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> hinge([[1.0, -1.0]], [[0.5, 0.5]])
        array([1.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - ops.multiply(_signs(y_true), y_pred), 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Returns mean(max(1 - y p, 0)^2) along the last axis, for labels -1 and 1, or 0 and 1.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> squared_hinge([[1.0, -1.0]], [[0.5, 0.5]])
        array([1.25], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - ops.multiply(_signs(y_true), y_pred), 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Returns max(neg - pos + 1, 0), for pos = sum(y p) and neg = max((1 - y) p) along the last axis.

    Args:
        y_true: The labels, one-hot.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]])
        array([0.5], dtype=float32)
    """
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Returns sum(y log(y / p)) along the last axis, of numbers that are brought into [1e-7, 1].

    Args:
        y_true: The labels, probabilities.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]])
        array([0.], dtype=float32)
    """
    y_true, y_pred = ops.clip(y_true, EPSILON, 1.0), ops.clip(y_pred, EPSILON, 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Returns mean(p - y log(p + 1e-7)) along the last axis.

    Args:
        y_true: The labels.
        y_pred: The outputs, of the labels' shape.

    Example:
        >>> poisson([[0.0]], [[2.0]])
        array([2.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return ops.mean(ops.subtract(y_pred, y_true * ops.log(ops.add(y_pred, EPSILON))), axis=-1)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Returns mean(-(y log p + (1 - y) log(1 - p))) along an axis.

    Args:
        y_true: The labels, from 0 to 1.
        y_pred: The outputs, of the labels' shape.
        from_logits: Whether the outputs are before the sigmoid.
        label_smoothing: How far labels are moved towards 1 / 2, from 0 to 1.
        axis: The axis.

    Example:
        >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])
        array([0.6931...], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Returns the mean of -(1 - q)^gamma log q along an axis, for q, the probability of what is true.

    Args:
        y_true: The labels, from 0 to 1.
        y_pred: The outputs, of the labels' shape.
        apply_class_balancing: Whether ones weigh alpha, and zeros 1 - alpha.
        alpha: The weight of ones.
        gamma: How much less what is easy counts.
        from_logits: Whether the outputs are before the sigmoid.
        label_smoothing: How far labels are moved towards 1 / 2, from 0 to 1.
        axis: The axis.

    Source:
        Lin et al., 2017.

    Example:
        >>> binary_focal_crossentropy([[1.0]], [[0.5]])
        array([0.1732...], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    right = ops.multiply(y_true, y_pred) + ops.subtract(1.0, y_true) * ops.subtract(1.0, y_pred)
    losses = ops.power(1.0 - right, gamma) * ops.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        losses = losses * (y_true * alpha + ops.subtract(1.0, y_true) * (1.0 - alpha))
    return ops.mean(losses, axis=axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Returns -sum(y log p) along an axis.

    Args:
        y_true: The labels, one-hot or other distributions.
        y_pred: The outputs, of the labels' shape.
        from_logits: Whether the outputs are before the softmax.
        label_smoothing: How far labels are moved towards equal ones, from 0 to 1.
        axis: The axis of the classes.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
        array([0.6931...], dtype=float32)
    """
    y_true = smoothed(y_true, label_smoothing)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits, axis)


def smoothed(y_true: Any, label_smoothing: float) -> Any:
    """Returns labels of classes, moved towards equal ones.

    Example:
        >>> smoothed([0.0, 1.0], 0.5)
        array([0.25, 0.75], dtype=float32)
    """
    if not label_smoothing:
        return y_true
    y_true = ops.multiply(y_true, 1.0 - label_smoothing)
    return y_true + label_smoothing / y_true.shape[-1]


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Returns -sum(alpha (1 - p)^gamma y log p) along an axis.

    Args:
        y_true: The labels, one-hot or other distributions.
        y_pred: The outputs, of the labels' shape.
        alpha: The weight of all classes, or that of each, which are then along the last axis.
        gamma: How much less what is easy counts.
        from_logits: Whether the outputs are before the softmax.
        label_smoothing: How far labels are moved towards equal ones, from 0 to 1.
        axis: The axis of the classes.

    Source:
        Lin et al., 2017.

    Example:
        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
        array([0.0433...], dtype=float32)
    """
    y_true = smoothed(y_true, label_smoothing)
    y_pred = ops.softmax(y_pred, axis) if from_logits else y_pred
    shares = ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))
    shares = ops.clip(shares, EPSILON, 1.0 - EPSILON)
    losses = ops.multiply(y_true, ops.log(shares)) * ops.power(1.0 - shares, gamma)
    return ops.sum(losses * np.negative(alpha, dtype=np.float32), axis=axis)


def class_numbers(y_true: Any, y_pred: Any, axis: int) -> Any:
    """Returns class numbers without an axis of one number where the outputs have their classes.

    Example:
        >>> class_numbers([[1]], [[0.5, 0.5]], -1)
        array([1.], dtype=float32)
    """
    y_true, y_pred = as_numbers(y_true), as_numbers(y_pred)
    apart = len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1
    return ops.squeeze(y_true, axis) if apart else y_true


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """Returns -log p[y] along an axis, for class numbers y.

    Args:
        y_true: The class numbers, without the classes' axis.
        y_pred: The outputs.
        from_logits: Whether the outputs are before the softmax.
        ignore_class: Labels of this number have a loss of 0; None for none.
        axis: The axis of the classes.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        array([0.6931...], dtype=float32)
    """
    y_true, y_pred = class_numbers(y_true, y_pred, axis), as_numbers(y_pred)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    counts = ops.not_equal(y_true, float(ignore_class))
    losses = ops.sparse_categorical_crossentropy(ops.where(counts, y_true, 0.0), y_pred, from_logits, axis)
    return ops.where(counts, losses, 0.0)


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """Returns 1 - 2 sum(y p) / (sum(y) + sum(p) + 1e-7).

    Args:
        y_true: The labels, from 0 to 1.
        y_pred: The outputs, of the labels' shape.
        axis: Along which sums go; None for all.

    Source:
        Milletari, Navab and Ahmadi, 2016.

    Example:
        >>> float(dice([1.0, 0.0], [1.0, 1.0]))
        0.3333...
    """
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    return 1.0 - 2.0 * both / (ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis) + EPSILON)


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """Returns 1 - tp / (tp + alpha missed + beta wrong + 1e-7), for tp = sum(y p).

    Args:
        y_true: The labels, from 0 to 1.
        y_pred: The outputs, of the labels' shape.
        alpha: The weight of what is missed, sum(y (1 - p)).
        beta: The weight of what is wrong, sum((1 - y) p).
        axis: Along which sums go; None for all.

    Source:
        Salehi, Erdogmus and Gholipour, 2017.

    Example:
        >>> float(tversky([1.0, 0.0], [1.0, 1.0]))
        0.3333...
    """
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.sum(ops.multiply(y_true, ops.subtract(1.0, y_pred)), axis=axis)
    wrong = ops.sum(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=axis)
    return 1.0 - both / (both + missed * alpha + wrong * beta + EPSILON)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """Returns (1 - p[y]^q) / q along the last axis, for class numbers y: robust to wrong labels.

    Args:
        y_true: The class numbers.
        y_pred: The outputs, probabilities.
        q: From mean absolute error, 1, to cross-entropy, near 0.

    Source:
        Zhang and Sabuncu, 2018.

    Example:
        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5)
        array([1.], dtype=float32)
    """
    y_true, y_pred = as_numbers(y_true), as_numbers(y_pred)
    shares = ops.sum(y_pred * ops.one_hot(y_true, y_pred.shape[-1]), axis=-1)
    return (1.0 - ops.power(shares, q)) / q


def ctc(y_true: Any, y_pred: Any) -> Any:
    """Returns -log of the probability that sequences of classes say the labels; see `ops.ctc_loss`.

    Args:
        y_true: The labels, class numbers from 1 on, and 0 where there are no more, (n, length).
        y_pred: The outputs, logits of blank and classes at each time, (n, times, classes).

    Source:
        Graves et al., 2006.

    Example:
        >>> ctc([[1, 0]], [[[0.0, 0.0], [0.0, 0.0]]]).round(3)
        array([0.288], dtype=float32)
    """
    y_true, y_pred = as_numbers(y_true), as_numbers(y_pred)
    if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
        raise ValueError(
            f"ctc takes labels (n, length) and logits (n, times, classes), got shapes {y_true.shape} and "
            f"{y_pred.shape}"
        )
    labels = ops.sum(ops.not_equal(y_true, 0.0), axis=-1)
    times = ops.full_like(labels, y_pred.shape[1])
    return ops.ctc_loss(y_true, y_pred, labels, times)
