"""Losses of regions that are to overlap."""

from __future__ import annotations

from typing import Any

from cnnfast.losses import functions
from cnnfast.losses.loss import WordLoss


class Dice(WordLoss):
    """How little labels and outputs overlap.

    Formula: 1 - 2 sum(y p) / (sum(y) + sum(p) + 1e-7)

    Args:
        reduction: As in `Loss`.
        name: Its name.
        axis: Along which sums go; None for all, the batch's among them.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Milletari, Navab and Ahmadi, 2016; Keras 3, `keras.losses.Dice`.

    Example:
        >>> float(Dice()([[1.0, 0.0]], [[1.0, 1.0]]))
        0.3333...
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.dice, reduction, name, dtype, axis=axis)


class Tversky(WordLoss):
    """How little labels and outputs overlap; what is missed and what is wrong weigh differently.

    Formula: 1 - tp / (tp + alpha sum(y (1 - p)) + beta sum((1 - y) p) + 1e-7), tp = sum(y p)

    Args:
        alpha: The weight of what is missed.
        beta: The weight of what is wrong.
        reduction: As in `Loss`.
        name: Its name.
        axis: Along which sums go; None for all, the batch's among them.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Salehi, Erdogmus and Gholipour, 2017; Keras 3, `keras.losses.Tversky`.

    Example:
        >>> float(Tversky()([[1.0, 0.0]], [[1.0, 1.0]]))
        0.3333...
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
