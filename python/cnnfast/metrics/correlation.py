"""Metrics of how labels and outputs vary together."""

from __future__ import annotations

from typing import Any

from cnnfast.metrics import functions
from cnnfast.metrics.reduction import WordMetric


class PearsonCorrelation(WordMetric):
    """Mean of the correlations of labels and outputs along an axis.

    Formula: cov(y, p) / (std(y) std(p))

    Args:
        name: Its name.
        dtype: "float32" or None.
        axis: The axis.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.PearsonCorrelation`.

    Example:
        >>> float(PearsonCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]))
        1.0
    """

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(functions.pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(WordMetric):
    """Mean of the concordances of labels and outputs along an axis: 1 where they are equal.

    Formula: 2 cov(y, p) / (var(y) + var(p) + (mean(y) - mean(p))^2 + 1e-7)

    Args:
        name: Its name.
        dtype: "float32" or None.
        axis: The axis.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Lin, 1989; Keras 3, `keras.metrics.ConcordanceCorrelation`.

    Example:
        >>> float(ConcordanceCorrelation()([[0.0, 2.0]], [[0.0, 2.0]]))
        1.0
    """

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(functions.concordance_correlation, name, dtype, axis=axis)
