"""Counts of right and wrong answers above thresholds, and what is told from them: precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from cnnfast import ops
from cnnfast.losses.reducing import same_rank
from cnnfast.metrics.metric import Metric
from cnnfast.metrics.reduction import share, weights_of
from cnnfast.utils.arguments import entries, real_number, whole_number
from cnnfast.utils.serialization import Config

_OUT = -1e10  # what stands for outputs that are not among the top k
TRUE_POSITIVES, FALSE_POSITIVES = "true_positives", "false_positives"
TRUE_NEGATIVES, FALSE_NEGATIVES = "true_negatives", "false_negatives"
_MEANING = {  # whether the label is positive, and whether the output is
    TRUE_POSITIVES: (True, True),
    FALSE_POSITIVES: (False, True),
    TRUE_NEGATIVES: (False, False),
    FALSE_NEGATIVES: (True, False),
}


def thresholds_of(given: Any, default: float) -> list[float]:
    """Returns one threshold or several as a list.

    Raises:
        ValueError: If one is no number from 0 to 1.

    Example:
        >>> thresholds_of(None, 0.5), thresholds_of((0.2, 0.4), 0.5)
        ([0.5], [0.2, 0.4])
    """
    if given is None:
        return [default]
    found = [real_number(each, "thresholds", 0.0) for each in entries(given) or (given,)]
    if any(each > 1 for each in found):
        raise ValueError(f"thresholds must be from 0 to 1, got {given!r}")
    return found


class Counting(Metric):
    """Base of these metrics: counts of outcomes for each threshold.

    Args:
        thresholds: Outputs above them count as positive.
        name: Its name.
        dtype: "float32" or None.
        top_k: Only so many of the largest outputs of a sample may count as positive; None for all.
        class_id: Only the outputs of this class count; None for all.
    """

    outcomes: ClassVar[tuple[str, ...]]  # what is counted; the variables' names
    thresholds: Sequence[float]
    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any

    def __init__(
        self,
        thresholds: Sequence[float],
        name: str | None,
        dtype: Any,
        top_k: int | None = None,
        class_id: int | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.thresholds = thresholds
        self.top_k = None if top_k is None else whole_number(top_k, "top_k", 1)
        self.class_id = None if class_id is None else whole_number(class_id, "class_id", 0)

    def _add_counts(self, shape: tuple[int, ...]) -> None:
        for outcome in self.outcomes:
            setattr(self, outcome, self.add_variable(shape, name=outcome))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds what a batch counts.

        Args:
            y_true: The labels: what is not 0 is positive.
            y_pred: The outputs, of the labels' shape.
            sample_weight: What each sample counts, or each of its outputs; None for 1.
        """
        y_true, y_pred, weights = self._chosen(y_true, y_pred, sample_weight)
        self._count(y_true, y_pred, weights)

    def _chosen(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        """What counts of a batch: labels, outputs, and weights of as many axes."""
        y_true, y_pred = same_rank(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"metric {self.display_name!r} needs labels of the outputs' shape {y_pred.shape}, got "
                f"{y_true.shape}; class numbers become such labels by utils.to_categorical"
            )
        weights = weights_of(y_pred, sample_weight)
        if self.top_k is not None:
            y_pred = ops.where(_largest(y_pred, self.top_k), y_pred, _OUT)
        if self.class_id is None:
            return y_true, y_pred, weights
        chosen = slice(self.class_id, self.class_id + 1)
        if len(y_pred.shape) < 2 or self.class_id >= y_pred.shape[-1]:
            raise ValueError(
                f"metric {self.display_name!r} counts class_id {self.class_id} of outputs (n, ..., classes), "
                f"got shape {y_pred.shape}"
            )
        if weights.shape[-1] == y_pred.shape[-1]:
            weights = weights[..., chosen]
        return y_true[..., chosen], y_pred[..., chosen], weights

    def _count(self, y_true: Any, y_pred: Any, weights: Any, per_label: bool = False) -> None:
        """Adds weights of outcomes, one number for each threshold, or for each and each label."""
        above = ops.greater(ops.expand_dims(y_pred, -1), np.asarray(self.thresholds, np.float32))
        real = ops.expand_dims(ops.not_equal(y_true, 0.0), -1)
        weights = ops.expand_dims(weights, -1)
        axes = 0 if per_label else tuple(range(len(y_pred.shape)))
        for outcome in self.outcomes:
            is_real, is_above = _MEANING[outcome]
            label = ops.multiply(real if is_real else ops.logical_not(real), weights)
            counted = ops.sum(ops.multiply(label, above if is_above else ops.logical_not(above)), axis=axes)
            getattr(self, outcome).assign_add(ops.transpose(counted) if per_label else counted)

    def _counts(self) -> Any:
        """The counts in float64, in the order of the outcomes."""
        return (getattr(self, outcome).numpy().astype(np.float64) for outcome in self.outcomes)


def _largest(x: Any, k: int) -> Any:
    """1 at the k largest numbers along the last axis, the first of equal ones; else 0."""
    classes = x.shape[-1]
    _, places = ops.top_k(x, min(k, classes))
    return ops.sum(ops.one_hot(places, classes), axis=-2)


class _Count(Counting):
    """Base of the counts themselves."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds_of(thresholds, 0.5), name, dtype)
        self._given = thresholds
        self._add_counts((len(self.thresholds),))

    def result(self) -> Any:
        """Returns the count; one for each of several thresholds."""
        (count,) = self._counts()
        return count[0] if len(self.thresholds) == 1 else count

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {"name": self.name, "thresholds": self._given}


class TruePositives(_Count):
    """How many outputs are above the threshold, and rightly so.

    Args:
        thresholds: From 0 to 1, one or several, each with a result; None is 0.5.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.TruePositives`.

    Example:
        >>> float(TruePositives()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2]))
        2.0
    """

    outcomes = (TRUE_POSITIVES,)


class FalsePositives(_Count):
    """How many outputs are above the threshold, and wrongly so.

    Args:
        thresholds: From 0 to 1, one or several, each with a result; None is 0.5.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.FalsePositives`.

    Example:
        >>> float(FalsePositives()([0, 1, 0, 0], [0.1, 0.2, 0.9, 0.8]))
        2.0
    """

    larger_is_better = False
    outcomes = (FALSE_POSITIVES,)


class TrueNegatives(_Count):
    """How many outputs are not above the threshold, and rightly so.

    Args:
        thresholds: From 0 to 1, one or several, each with a result; None is 0.5.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.TrueNegatives`.

    Example:
        >>> float(TrueNegatives()([0, 1, 0, 0], [0.9, 0.9, 0.2, 0.1]))
        2.0
    """

    outcomes = (TRUE_NEGATIVES,)


class FalseNegatives(_Count):
    """How many outputs are not above the threshold, and wrongly so.

    Args:
        thresholds: From 0 to 1, one or several, each with a result; None is 0.5.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.FalseNegatives`.

    Example:
        >>> float(FalseNegatives()([0, 1, 1, 1], [0.1, 0.9, 0.2, 0.1]))
        2.0
    """

    larger_is_better = False
    outcomes = (FALSE_NEGATIVES,)


class _Ratio(Counting):
    """Base of precision and recall: right answers among all of a kind."""

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        found = thresholds_of(thresholds, 0.5 if top_k is None else _OUT)
        super().__init__(found, name, dtype, top_k, class_id)
        self._given = thresholds
        self._add_counts((len(self.thresholds),))

    def result(self) -> Any:
        """Returns the share; one for each of several thresholds; 0 of nothing."""
        right, wrong = self._counts()
        shares = share(right, right + wrong)
        return shares[0] if len(self.thresholds) == 1 else shares

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {
            "name": self.name,
            "thresholds": self._given,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Ratio):
    """Share of the outputs above the threshold that are so rightly.

    Formula: tp / (tp + fp)

    Args:
        thresholds: From 0 to 1, one or several, each with a result; None is 0.5, or none beside `top_k`.
        top_k: Only so many of the largest outputs of a sample may be above it; None for all.
        class_id: Only the outputs of this class count; None for all.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.Precision`.

    Example:
        >>> float(Precision()([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.7]))
        0.6666...
    """

    outcomes = (TRUE_POSITIVES, FALSE_POSITIVES)


class Recall(_Ratio):
    """Share of the positive labels whose outputs are above the threshold.

    Formula: tp / (tp + fn)

    Args:
        thresholds: From 0 to 1, one or several, each with a result; None is 0.5, or none beside `top_k`.
        top_k: Only so many of the largest outputs of a sample may be above it; None for all.
        class_id: Only the outputs of this class count; None for all.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.Recall`.

    Example:
        >>> float(Recall()([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.7]))
        0.6666...
    """

    outcomes = (TRUE_POSITIVES, FALSE_NEGATIVES)
