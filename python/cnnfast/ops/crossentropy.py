"""Cross-entropies of labels and outputs, number by number or along an axis of classes."""

from __future__ import annotations

from typing import Any

from cnnfast.config import EPSILON
from cnnfast.ops.arithmetic import absolute, clip, maximum, negative
from cnnfast.ops.axes import axes_of
from cnnfast.ops.functions import exp, log, log1p
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import log_softmax, sum
from cnnfast.ops.selection import one_hot
from cnnfast.ops.shaping import squeeze


@operation("target", "output")
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Returns -(t log p + (1 - t) log(1 - p)), number by number.

    Args:
        target: Labels from 0 to 1.
        output: Outputs of the same shape.
        from_logits: Whether outputs are before the sigmoid.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> binary_crossentropy([1.0], [0.5])
        array([0.6931...], dtype=float32)
    """
    _, target, output = on_graph(target, output)
    _check_same(target, output)
    if from_logits:
        return maximum(output, 0.0) - output * target + log1p(exp(negative(absolute(output))))
    output = clip(output, EPSILON, 1.0 - EPSILON)
    return negative(target * log(output) + (1.0 - target) * log(1.0 - output))


@operation("target", "output")
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Returns -sum(t log p) along an axis.

    Args:
        target: Labels, one-hot or other distributions.
        output: Outputs of the same shape; those that do not add up to 1 are divided by their sum.
        from_logits: Whether outputs are before the softmax.
        axis: The axis of the classes.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
        array([0.6931...], dtype=float32)
    """
    _, target, output = on_graph(target, output)
    _check_same(target, output)
    return negative(sum(target * _log_shares(output, from_logits, axis), axis))


@operation("target", "output")
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Returns -log p[t] along an axis.

    Args:
        target: Class numbers, of the output's shape without the classes' axis, or with 1 there.
        output: Outputs; those that do not add up to 1 are divided by their sum.
        from_logits: Whether outputs are before the softmax.
        axis: The axis of the classes.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        array([0.6931...], dtype=float32)
    """
    _, target, output = on_graph(target, output)
    (along,) = axes_of(output, axis)
    wanted = tuple(size for i, size in enumerate(output.shape) if i != along)
    if target.shape == (*wanted, 1):
        target = squeeze(target, -1)
    if target.shape != wanted:
        raise ValueError(f"target must have shape {wanted} for output {output.shape}, got {target.shape}")
    classes = output.shape[along]
    assert classes is not None
    labels = one_hot(target, classes, axis=along if along < len(wanted) else -1)
    return negative(sum(labels * _log_shares(output, from_logits, along), along))


def _check_same(target: Any, output: Any) -> None:
    if target.shape != output.shape:
        raise ValueError(f"target and output must have the same shape, got {target.shape} and {output.shape}")


def _log_shares(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return log_softmax(output, axis)
    return log(clip(output / sum(output, axis, True), EPSILON, 1.0 - EPSILON))
