"""Metrics of margins."""

from __future__ import annotations

from typing import Any

from cnnfast import losses
from cnnfast.metrics.reduction import WordMetric


class Hinge(WordMetric):
    """What lacks to a margin of 1.

    Formula: mean(max(1 - y p, 0)), for labels -1 and 1, or 0 and 1

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.Hinge`.

    Example:
        >>> float(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.0
    """

    larger_is_better = False

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(WordMetric):
    """The square of what lacks to a margin of 1.

    Formula: mean(max(1 - y p, 0)^2), for labels -1 and 1, or 0 and 1

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.SquaredHinge`.

    Example:
        >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.25
    """

    larger_is_better = False

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(WordMetric):
    """What lacks to a margin of 1 between the true class and the best other.

    Formula: mean(max(max((1 - y) p) - sum(y p) + 1, 0))

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.CategoricalHinge`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5
    """

    larger_is_better = False

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
