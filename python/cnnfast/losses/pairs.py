"""The loss of pairs of samples: each one of a batch against all others.

A product over the batch is no operation of the core's, whose values have rows of one size for any batch:
NumPy computes it, in float64 and by one thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import ops
from cnnfast.losses.loss import WordLoss
from cnnfast.ops.numpy_function import by_numpy
from cnnfast.ops.operation import on_graph, operation

Array = NDArray[Any]


@operation("y_true", "y_pred", "ref_labels", "ref_embeddings")
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Returns how far each sample lies from those of its class, and how near to all others.

    Formula: log(1 + sum_p exp(gamma (d_p + m) (d_p - m)) sum_n exp(gamma [1 + m - d_n]_+ (1 - m - d_n))),
    for distances d = max(1 - x.r, 0) of a sample x to references r of its class, p, and of others, n

    Args:
        y_true: The class numbers, (n,) or (n, 1).
        y_pred: The samples as vectors of length 1, (n, d).
        ref_labels: The classes of the references; None for the samples themselves.
        ref_embeddings: The references, (m, d); None likewise.
        remove_diagonal: Whether the i-th reference does not count for the i-th sample's class: it is itself.
        gamma: How much the farthest and nearest outweigh others.
        margin: m, the distance within classes that is near enough.

    Shapes:
        (n,)

    Raises:
        ValueError: If the outputs are no vectors, or only one of references and their labels is given.

    Source:
        Sun et al., 2020; Keras 3, `keras.losses.circle`.

    Example:
        >>> circle([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]).round(1)
        array([67.2, 54.4,  0. ], dtype=float32)
    """
    _, *values = on_graph(y_true, y_pred)
    if len(values[1].shape) != 2:
        raise ValueError(f"circle takes a vector for each sample, got outputs of shape {values[1].shape}")
    if (ref_labels is None) != (ref_embeddings is None):
        raise ValueError("references need labels: give both ref_labels and ref_embeddings, or neither")
    if ref_labels is not None:
        values += on_graph(ref_labels, ref_embeddings)[1:]
    own = ref_labels is None

    def terms(labels: Array, x: Array, to_labels: Array, to: Array) -> tuple[Array, Array, Array]:
        """Distances, and exponents of the same class and of others; -inf where there is no pair."""
        away = np.maximum(1 - x @ to.T, 0)
        other = labels.reshape(-1, 1) != to_labels.reshape(1, -1)
        same = ~other & (np.eye(*other.shape) == 0) if remove_diagonal else ~other
        near = gamma * (away + margin) * (away - margin)
        far = gamma * np.maximum(1 + margin - away, 0) * (1 - margin - away)
        return away, np.where(same, near, -np.inf), np.where(other, far, -np.inf)

    def forward(*given: Array) -> list[Array]:
        _, same, other = terms(*given[:2], *given[-2:])
        return [np.logaddexp(0, _log_sum(same) + _log_sum(other))]

    def backward(*given: Any) -> list[Any]:
        *arrays, (grad,) = given
        x, to = arrays[1], arrays[-1]
        away, same, other = terms(*arrays[:2], *arrays[-2:])
        exponent = _log_sum(same) + _log_sum(other)
        share = grad.reshape(-1, 1) * np.exp(exponent - np.logaddexp(0, exponent))[:, None]
        slope = _softmax(same) * away - _softmax(other) * np.where(away < 1 + margin, 1 - away, 0)
        by_product = share * -2 * gamma * slope * (away > 0)
        by_x, by_to = by_product @ to, by_product.T @ x
        return [None, by_x + by_to] if own else [None, by_x, None, by_to]

    return by_numpy("circle", values, [values[1].dims[:-1]], forward, backward)[0]


def _log_sum(exponents: Array) -> Array:
    made: Array = np.logaddexp.reduce(exponents, 1)
    return made


def _softmax(exponents: Array) -> Array:
    """Along rows; 0 in those without a pair."""
    totals = _log_sum(exponents)[:, None]
    made: Array = np.exp(exponents - np.where(np.isfinite(totals), totals, 0))
    return made


class Circle(WordLoss):
    """How far samples lie from those of their class, and how near to others.

    Formula: `circle`'s; samples whose loss is 0 do not count in means.

    Args:
        gamma: How much the farthest of a class and the nearest of others outweigh the rest.
        margin: The distance within classes that is near enough.
        remove_diagonal: Whether a sample is no reference of its own.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels (n,) or (n, 1), outputs (n, d), of length 1: end the model with `UnitNormalization`.

    Source:
        Sun et al., 2020; Keras 3, `keras.losses.Circle`.

    Example:
        >>> float(Circle(gamma=1.0)([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
        1.14...
    """

    sparse = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal
        )

    def _counting(self, y_true: Any, losses: Any) -> Any:
        return ops.greater(losses, 0.0)
