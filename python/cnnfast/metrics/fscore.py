"""Means of precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import ops
from cnnfast.config import EPSILON
from cnnfast.losses.reducing import as_numbers
from cnnfast.metrics.metric import Metric
from cnnfast.metrics.reduction import weights_of
from cnnfast.utils.arguments import real_number
from cnnfast.utils.serialization import Config

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """Harmonic mean of precision and recall, of which recall counts beta^2 times.

    Formula: (1 + beta^2) precision recall / (beta^2 precision + recall + 1e-7)

    Args:
        average: None, a score of each class; "micro", one of all together; "macro", the mean of the scores;
            "weighted", their mean weighted by how often the classes are.
        beta: More than 0.
        threshold: Outputs above it count as positive, from above 0 to 1; None for a sample's largest one.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, classes).

    Raises:
        ValueError: If an argument is none of these, or for other shapes.

    Source:
        Keras 3, `keras.metrics.FBetaScore`.

    Example:
        >>> metric = FBetaScore(average="micro", beta=2.0, threshold=0.5)
        >>> float(metric([[1, 1, 1], [1, 0, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6]]))
        0.4999...
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if average not in _AVERAGES:
            raise ValueError(f"average must be one of {_AVERAGES}, got {average!r}")
        if not isinstance(beta, float) or not beta > 0:
            raise ValueError(f"beta must be a float above 0, got {beta!r}")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"threshold must be None or a float above 0 and at most 1, got {threshold!r}")
        self.average = average
        self.beta = real_number(beta, "beta")
        self.threshold = threshold
        self._built = False

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2 or y_pred_shape[-1] is None:
            raise ValueError(
                f"metric {self.display_name!r} needs labels and outputs of shape (n, classes), got "
                f"{y_true_shape} and {y_pred_shape}"
            )
        if self._built:
            return
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds what a batch counts.

        Args:
            y_true: The labels, 0 and 1.
            y_pred: The outputs.
            sample_weight: What each sample counts; None for 1.
        """
        y_true, y_pred = as_numbers(y_true), as_numbers(y_pred)
        self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            largest = ops.equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            chosen = ops.multiply(largest, ops.greater(ops.absolute(y_pred), 1e-9))
        else:
            chosen = ops.greater(y_pred, self.threshold)
        weights = weights_of(y_pred, sample_weight)
        axis = None if self.average == "micro" else 0

        def total(x: Any) -> Any:
            return ops.sum(ops.multiply(x, weights), axis=axis)

        self.true_positives.assign_add(total(ops.multiply(chosen, y_true)))
        self.false_positives.assign_add(total(ops.multiply(chosen, ops.subtract(1.0, y_true))))
        self.false_negatives.assign_add(total(ops.multiply(ops.subtract(1.0, chosen), y_true)))
        self.intermediate_weights.assign_add(total(y_true))

    def result(self) -> Any:
        """Returns the score; one of each class without an average."""
        if not self._built:
            return np.float64(0)
        kept = (self.true_positives, self.false_positives, self.false_negatives, self.intermediate_weights)
        right, wrong, missed, often = (v.numpy().astype(np.float64) for v in kept)
        precision, recall = right / (right + wrong + EPSILON), right / (right + missed + EPSILON)
        square = self.beta**2
        scores = (1 + square) * precision * recall / (square * precision + recall + EPSILON)
        if self.average == "weighted":
            return (scores * often / (often.sum() + EPSILON)).sum()
        return scores if self.average is None else scores.mean()

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {
            "name": self.name,
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall.

    Formula: 2 precision recall / (precision + recall + 1e-7)

    Args:
        average: None, a score of each class; "micro", one of all together; "macro", the mean of the scores;
            "weighted", their mean weighted by how often the classes are.
        threshold: Outputs above it count as positive, from above 0 to 1; None for a sample's largest one.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, classes).

    Source:
        Keras 3, `keras.metrics.F1Score`.

    Example:
        >>> float(F1Score(average="micro")([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]]))
        0.4999...
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        config = super().get_config()
        del config["beta"]
        return config
