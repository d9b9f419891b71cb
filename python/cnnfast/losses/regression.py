"""Losses of numbers that are to be met. Mean squared error has a kernel: see kernels.py."""

from __future__ import annotations

from typing import Any

from cnnfast.losses import functions
from cnnfast.losses.loss import WordLoss


class MeanAbsoluteError(WordLoss):
    """Mean of the distances |y - p|.

    Formula: mean(|y - p|)

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.MeanAbsoluteError`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[2.0, 1.0]]))
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(WordLoss):
    """Mean of the distances in per cent of the labels.

    Formula: 100 mean(|(y - p) / max(|y|, 1e-7)|)

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.MeanAbsolutePercentageError`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0, 1.0]], [[1.0, 1.0]]))
        25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(WordLoss):
    """Mean of the squared distances of logarithms.

    Formula: mean((log(y + 1) - log(p + 1))^2)

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.MeanSquaredLogarithmicError`.

    Example:
        >>> float(MeanSquaredLogarithmicError()([[1.0]], [[1.0]]))
        0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(WordLoss):
    """Minus the cosine of the angle between labels and outputs.

    Formula: -sum(y p) / (|y| |p|)

    Args:
        axis: The axis of the vectors.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.CosineSimilarity`.

    Example:
        >>> float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]]))
        -1.0
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(WordLoss):
    """Squares near 0, lines beyond: less is made of outliers.

    Formula: mean(d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)), d = y - p

    Args:
        delta: Where the parabola becomes a line, above 0.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Raises:
        ValueError: If delta is not above 0.

    Source:
        Huber, 1964; Keras 3, `keras.losses.Huber`.

    Example:
        >>> float(Huber()([[0.0, 0.0]], [[1.0, 3.0]]))
        1.5
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        if not delta > 0:
            raise ValueError(f"delta must be above 0, got {delta!r}")
        super().__init__(functions.huber, reduction, name, dtype, delta=delta)


class LogCosh(WordLoss):
    """Nearly squares near 0, nearly lines beyond.

    Formula: mean(log(cosh(p - y)))

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.LogCosh`.

    Example:
        >>> float(LogCosh()([[1.0]], [[1.0]]))
        0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.log_cosh, reduction, name, dtype)
