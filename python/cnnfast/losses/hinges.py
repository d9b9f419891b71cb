"""Losses of margins."""

from __future__ import annotations

from typing import Any

from cnnfast.losses import functions
from cnnfast.losses.loss import WordLoss


class Hinge(WordLoss):
    """What lacks to a margin of 1.

    Formula: mean(max(1 - y p, 0)), for labels -1 and 1, or 0 and 1

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.Hinge`.

    Example:
        >>> float(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.hinge, reduction, name, dtype)


class SquaredHinge(WordLoss):
    """The square of what lacks to a margin of 1.

    Formula: mean(max(1 - y p, 0)^2), for labels -1 and 1, or 0 and 1

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.SquaredHinge`.

    Example:
        >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.25
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.squared_hinge, reduction, name, dtype)


class CategoricalHinge(WordLoss):
    """What lacks to a margin of 1 between the true class and the best other.

    Formula: max(max((1 - y) p) - sum(y p) + 1, 0)

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.losses.CategoricalHinge`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.categorical_hinge, reduction, name, dtype)
