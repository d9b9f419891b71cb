"""Metrics of errors of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import losses, ops
from cnnfast.losses.reducing import same_rank
from cnnfast.metrics import functions
from cnnfast.metrics.metric import Metric
from cnnfast.metrics.reduction import WordMetric, weights_of
from cnnfast.utils.arguments import whole_number
from cnnfast.utils.serialization import Config
from cnnfast.utils.warn import warn

_TINY = 1e-30  # in place of a count of 0


class MeanAbsolutePercentageError(WordMetric):
    """Mean of the sizes of errors, in percent of the labels.

    Formula: 100 mean(|y - p| / max(|y|, 1e-7))

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.MeanAbsolutePercentageError`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0, 1.0]], [[1.0, 1.0]]))
        25.0
    """

    larger_is_better = False

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(WordMetric):
    """Mean of the squares of errors of logarithms.

    Formula: mean((log(y + 1) - log(p + 1))^2), of numbers that are at least 1e-7

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.MeanSquaredLogarithmicError`.

    Example:
        >>> float(MeanSquaredLogarithmicError()([[1.0]], [[1.0]]))
        0.0
    """

    larger_is_better = False

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class RootMeanSquaredError(WordMetric):
    """Root of the mean of the squares of errors.

    Formula: sqrt(mean((y - p)^2))

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.RootMeanSquaredError`.

    Example:
        >>> float(RootMeanSquaredError()([[0.0, 0.0]], [[3.0, 3.0]]))
        3.0
    """

    larger_is_better = False

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(functions.squared_error, name, dtype)

    def result(self) -> Any:
        """Returns the root of the mean."""
        return np.sqrt(super().result())


class CosineSimilarity(WordMetric):
    """Mean of the cosine of the angle between labels and outputs: 1 where they agree.

    Formula: sum(y p) / (|y| |p|)

    Args:
        name: Its name.
        dtype: "float32" or None.
        axis: The axis.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.CosineSimilarity`.

    Example:
        >>> float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]]))
        1.0
    """

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(functions.cosine_similarity, name, dtype, axis=axis)


class LogCoshError(WordMetric):
    """Mean of log(cosh(p - y)): as squares where errors are small, as sizes where they are large.

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.LogCoshError`.

    Example:
        >>> float(LogCoshError()([[1.0]], [[1.0]]))
        0.0
    """

    larger_is_better = False

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class R2Score(Metric):
    """How much of the labels' variance outputs explain: 1 where they are equal, 0 where means would do.

    Formula: 1 - sum((y - p)^2) / sum((y - mean(y))^2), for each output

    Args:
        class_aggregation: What becomes of the outputs' scores: "uniform_average", their mean;
            "variance_weighted_average", that weighted by the labels' variances; None, nothing.
        num_regressors: For the adjusted score, how many independent numbers the outputs are made of; 0 for
            the plain one.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, outputs).

    Raises:
        ValueError: If an argument is none of these, or for other shapes.

    Source:
        Keras 3, `keras.metrics.R2Score`.

    Example:
        >>> float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]))
        0.5714...
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ValueError(f"class_aggregation must be one of {known}, got {class_aggregation!r}")
        self.class_aggregation = class_aggregation
        self.num_regressors = whole_number(num_regressors, "num_regressors", 0)
        self.num_samples = self.add_variable(name="num_samples")
        self._built = False

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                f"R2Score needs labels and outputs of shape (n, outputs), got {y_true_shape}, {y_pred_shape}"
            )
        if self._built:
            return
        shape = (y_pred_shape[-1],)
        self.count = self.add_variable(shape, name="count")
        self.mean = self.add_variable(shape, name="mean")
        self.spread = self.add_variable(shape, name="spread")
        self.total_mse = self.add_variable(shape, name="residual")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the labels' spread about their mean so far, and the errors.

        Args:
            y_true: The labels.
            y_pred: The outputs.
            sample_weight: What each sample counts; None for 1.
        """
        y_true, y_pred = same_rank(y_true, y_pred)
        self._build(y_true.shape, y_pred.shape)
        ones = ops.ones_like(y_true)
        weights = ops.multiply(ones, weights_of(y_true, sample_weight))
        # Two groups' means and spreads make those of both (Chan, Golub and LeVeque, 1979): sums of squares
        # would leave nothing of a small spread about a large mean.
        count = ops.sum(weights, axis=0)
        total = ops.add(self.count, count)
        mean = ops.sum(ops.multiply(y_true, weights), axis=0) / ops.maximum(count, _TINY)
        spread = ops.sum(ops.multiply(ops.square(ops.subtract(y_true, mean)), weights), axis=0)
        gap, part = ops.subtract(mean, self.mean), count / ops.maximum(total, _TINY)
        self.spread.assign_add(spread + ops.square(gap) * part * self.count)
        self.mean.assign_add(gap * part)
        self.count.assign(total)
        errors = ops.multiply(functions.squared_error(y_true, y_pred), weights)
        self.total_mse.assign_add(ops.sum(errors, axis=0))
        self.num_samples.assign_add(ops.sum(ones))

    def result(self) -> Any:
        """Returns the score; one of each output without an aggregation."""
        if not self._built:
            return np.float64(0)
        errors, spread = (v.numpy().astype(np.float64) for v in (self.total_mse, self.spread))
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - errors / spread
            scores[np.isinf(scores)] = 0
            score = scores
            if self.class_aggregation == "uniform_average":
                score = scores.mean()
            elif self.class_aggregation is not None:
                score = (spread * scores).sum() / spread.sum()
        return self._adjusted(score)

    def _adjusted(self, score: Any) -> Any:
        freedom = float(self.num_samples.numpy()) - 1 - self.num_regressors
        if self.num_regressors == 0:
            return score
        if freedom <= 0:
            warn(
                "R2Score has not more samples than regressors, and cannot be adjusted; it is the plain score"
            )
            return score
        return 1 - (1 - score) * (freedom + self.num_regressors) / freedom

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {
            "name": self.name,
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
