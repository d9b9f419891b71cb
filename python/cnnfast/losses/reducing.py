"""What becomes of a loss's numbers, and shapes of labels and outputs that nearly meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import ops
from cnnfast._core import Weight
from cnnfast.layers.operators import Operators
from cnnfast.utils.samples import as_array


def as_numbers(x: Any) -> Any:
    """Returns what stands for an array as it is, all else as a float32 array.

    Example:
        >>> as_numbers([1, 2])
        array([1., 2.], dtype=float32)
    """
    return x if isinstance(x, (Operators, Weight)) else np.asarray(as_array(x, "a value"), np.float32)


def same_rank(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Returns both with as many axes, where one has a last axis of one number that the other lacks.

    One of a single axis gets another; else the other loses its last.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same.

    Example:
        >>> import numpy as np
        >>> [x.shape for x in same_rank(np.zeros((4, 1)), np.zeros(4))]
        [(4, 1), (4, 1)]
    """
    x1, x2 = as_numbers(x1), as_numbers(x2)
    if len(x1.shape) == len(x2.shape) + 1 and x1.shape[-1] == 1:
        if len(x2.shape) == 1:
            return x1, ops.expand_dims(x2, -1)
        return ops.squeeze(x1, -1), x2
    if len(x2.shape) == len(x1.shape) + 1 and x2.shape[-1] == 1:
        return same_rank(x2, x1)[::-1]
    return x1, x2


def widened(x: Any, rank: int) -> Any:
    """Returns numbers with further axes of one number each at the end, until they have so many.

    Example:
        >>> widened([1.0, 2.0], 3).shape
        (2, 1, 1)
    """
    x = as_numbers(x)
    lacking = rank - len(x.shape)
    return ops.expand_dims(x, tuple(range(-lacking, 0))) if lacking > 0 else x


def as_means(values: Any, reduction: str | None, counts: Any) -> Any:
    """Returns numbers of which some are 0 and do not count, the others larger, so that means are of those.

    Example:
        >>> as_means([2.0, 0.0], "mean", [1.0, 0.0])
        array([4., 0.], dtype=float32)
    """
    if counts is None or reduction not in ("sum_over_batch_size", "mean"):
        return values
    return ops.divide(values, ops.maximum(ops.mean(counts), 1e-30))


def reduced(values: Any, sample_weight: Any, reduction: str | None, counts: Any = None) -> Any:
    """Returns a loss of numbers of samples, each times its weight; see `Loss`.

    Args:
        values: The numbers.
        sample_weight: The weights; None for 1.
        reduction: As in `Loss`.
        counts: 0 for numbers that are 0 and do not count, else 1; None if all do.

    Example:
        >>> float(reduced([1.0, 3.0], [1.0, 0.0], "sum"))
        1.0
    """
    values = as_means(values, reduction, counts)
    if counts is not None and reduction == "mean_with_sample_weight":
        own = 1.0 if sample_weight is None else widened(sample_weight, len(counts.shape))
        sample_weight = ops.multiply(counts, own)
    if sample_weight is not None:
        values, sample_weight = same_rank(values, sample_weight)
        sample_weight = widened(sample_weight, len(values.shape))
        values = values * sample_weight
    if reduction in (None, "none"):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.sum(values) / ops.sum(sample_weight)
    return ops.mean(values)
