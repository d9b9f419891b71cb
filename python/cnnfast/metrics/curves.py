"""What is told from counts over many thresholds: areas under curves, and one rate where another is held."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import ops
from cnnfast.config import EPSILON
from cnnfast.losses.reducing import as_numbers
from cnnfast.metrics.counting import (
    FALSE_NEGATIVES,
    FALSE_POSITIVES,
    TRUE_NEGATIVES,
    TRUE_POSITIVES,
    Counting,
    thresholds_of,
)
from cnnfast.metrics.reduction import share
from cnnfast.utils.arguments import one_of, real_number, whole_number
from cnnfast.utils.serialization import Config

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "majoring", "minoring")


class _Curve(Counting):
    """Base of these metrics."""

    outcomes = (TRUE_POSITIVES, FALSE_POSITIVES, TRUE_NEGATIVES, FALSE_NEGATIVES)


def _between(count: int) -> list[float]:
    """What divides 0 to 1 evenly, without both ends."""
    return [i / (count - 1) for i in range(1, count - 1)]


class _RateWhereAnother(_Curve):
    """Base of the largest rate where another is at least a value."""

    _held: str  # the argument's name, that of the rate which is at least so large

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        value = real_number(value, self._held)
        if value > 1:
            raise ValueError(f"{self._held} must be from 0 to 1, got {value!r}")
        self.num_thresholds = count = whole_number(num_thresholds, "num_thresholds", 1)
        super().__init__(
            [0.5] if count == 1 else [0.0, *_between(count), 1.0], name, dtype, class_id=class_id
        )
        setattr(self, self._held, value)
        self._add_counts((len(self.thresholds),))

    def _rates(self) -> tuple[Any, Any]:
        """The rate that is held, and that which is wanted."""
        raise NotImplementedError

    def result(self) -> Any:
        """Returns the largest rate; 0 where the other never is so large."""
        held, wanted = self._rates()
        enough = held.astype(np.float32) >= np.float32(getattr(self, self._held))
        return np.where(enough, wanted, 0.0).max()

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {
            "name": self.name,
            self._held: getattr(self, self._held),
            "num_thresholds": self.num_thresholds,
            "class_id": self.class_id,
        }


class SensitivityAtSpecificity(_RateWhereAnother):
    """The largest sensitivity, tp / (tp + fn), where the specificity, tn / (tn + fp), is at least a value.

    Args:
        specificity: The value, from 0 to 1.
        num_thresholds: How many thresholds are tried, from 0 to 1.
        class_id: Only the outputs of this class count; None for all.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.SensitivityAtSpecificity`.

    Example:
        >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    _held = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Any, Any]:
        tp, fp, tn, fn = self._counts()
        return share(tn, tn + fp), share(tp, tp + fn)


class SpecificityAtSensitivity(_RateWhereAnother):
    """The largest specificity, tn / (tn + fp), where the sensitivity, tp / (tp + fn), is at least a value.

    Args:
        sensitivity: The value, from 0 to 1.
        num_thresholds: How many thresholds are tried, from 0 to 1.
        class_id: Only the outputs of this class count; None for all.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.SpecificityAtSensitivity`.

    Example:
        >>> float(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.6666...
    """

    _held = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Any, Any]:
        tp, fp, tn, fn = self._counts()
        return share(tp, tp + fn), share(tn, tn + fp)


class PrecisionAtRecall(_RateWhereAnother):
    """The largest precision, tp / (tp + fp), where the recall, tp / (tp + fn), is at least a value.

    Args:
        recall: The value, from 0 to 1.
        num_thresholds: How many thresholds are tried, from 0 to 1.
        class_id: Only the outputs of this class count; None for all.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.PrecisionAtRecall`.

    Example:
        >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    _held = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Any, Any]:
        tp, fp, _, fn = self._counts()
        return share(tp, tp + fn), share(tp, tp + fp)


class RecallAtPrecision(_RateWhereAnother):
    """The largest recall, tp / (tp + fn), where the precision, tp / (tp + fp), is at least a value.

    Args:
        precision: The value, from 0 to 1.
        num_thresholds: How many thresholds are tried, from 0 to 1.
        class_id: Only the outputs of this class count; None for all.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.RecallAtPrecision`.

    Example:
        >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.5
    """

    _held = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Any, Any]:
        tp, fp, _, fn = self._counts()
        return share(tp, tp + fp), share(tp, tp + fn)


class AUC(_Curve):
    """Area under a curve of rates over thresholds.

    What counts are is as exact as the thresholds are dense: with n of them the area is a sum of n - 1 parts.

    Args:
        num_thresholds: How many thresholds there are, from 0 to 1, at least 2.
        curve: "ROC", of the rates of true and false positives; "PR", of precision and recall; "PRGAIN", of
            their gains.
        summation_method: "interpolation", heights halfway between neighbours, and on "PR" those of counts
            between; "majoring", the larger neighbour's; "minoring", the smaller one's.
        name: Its name; None makes one up.
        dtype: "float32" or None.
        thresholds: Thresholds of your own from 0 to 1, in place of `num_thresholds`; both ends join them.
        multi_label: Whether each label has an area of its own, whose mean it is; else all are one.
        num_labels: How many labels there are, with `multi_label`; None to see by the first batch.
        label_weights: What each label counts: in the mean with `multi_label`, else in the counts.
        from_logits: Whether the outputs are before the sigmoid.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1); (n, labels) with `multi_label`.

    Raises:
        ValueError: If an argument is none of these.

    Source:
        Davis and Goadrich, 2006, between counts; Flach and Kull, 2015, of gains; Keras 3,
        `keras.metrics.AUC`.

    Example:
        >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.75
    """

    def __init__(
        self,
        num_thresholds: int | None = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        self._given = thresholds
        if thresholds is None:
            inner = _between(whole_number(num_thresholds, "num_thresholds", 2))
        else:
            inner = sorted(thresholds_of(thresholds, 0.5))
        curve = curve.upper() if isinstance(curve, str) else curve
        summation_method = summation_method.lower() if isinstance(summation_method, str) else summation_method
        one_of(curve, "curve", CURVES)
        one_of(summation_method, "summation_method", SUMMATIONS)
        if num_labels and not multi_label:
            raise ValueError(f"num_labels={num_labels!r} goes with multi_label=True only")
        # The outer thresholds lie so far out that all outputs, and none, are above them.
        super().__init__([-EPSILON, *inner, 1.0 + EPSILON], name, dtype)
        self.num_thresholds = len(self.thresholds)
        self.curve, self.summation_method = curve, summation_method
        self.multi_label, self.from_logits = multi_label, from_logits
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, np.float32)
        self._built = False
        if not multi_label or num_labels:
            self._build(None, (None, num_labels))

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        if self.multi_label and len(y_pred_shape) != 2:
            raise ValueError(f"AUC of several labels needs outputs (n, labels), got shape {y_pred_shape}")
        if not self._built:
            labels = (y_pred_shape[1],) if self.multi_label else ()
            self._add_counts((self.num_thresholds, *labels))
            self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds what a batch counts; see `Counting.update_state`.

        Args:
            y_true: The labels: what is not 0 is positive.
            y_pred: The outputs, of the labels' shape.
            sample_weight: What each sample counts, or each of its outputs; None for 1.
        """
        y_true, y_pred = as_numbers(y_true), as_numbers(y_pred)
        self._build(y_true.shape, y_pred.shape)
        y_pred = ops.sigmoid(y_pred) if self.from_logits else ops.clip(y_pred, 0.0, 1.0)
        y_true, y_pred, weights = self._chosen(y_true, y_pred, sample_weight)
        if self.label_weights is not None and not self.multi_label:
            weights = ops.multiply(self.label_weights, weights)
            for _ in range(len(y_pred.shape) - len(weights.shape)):
                weights = ops.expand_dims(weights, 0)
        self._count(y_true, y_pred, weights, per_label=self.multi_label)

    def result(self) -> Any:
        """Returns the area; with several labels, the mean of theirs."""
        if not self._built:
            return np.float64(0)
        between = self.curve == "PR" and self.summation_method == "interpolation"
        parts = self._between_counts() if between else self._under_line()
        area = parts.sum(axis=0)
        if not self.multi_label:
            return area
        return area.mean() if self.label_weights is None else _weighted_mean(area, self.label_weights)

    def _under_line(self) -> Any:
        """The parts between neighbouring points of a curve."""
        x, y = self._points()
        first, second = y[:-1], y[1:]
        heights = {
            "interpolation": (first + second) / 2,
            "majoring": np.maximum(first, second),
            "minoring": np.minimum(first, second),
        }
        return (x[:-1] - x[1:]) * heights[self.summation_method]

    def _points(self) -> tuple[Any, Any]:
        tp, fp, tn, fn = self._counts()
        if self.curve == "ROC":
            return share(fp, fp + tn), share(tp, tp + fn)
        if self.curve == "PR":
            return share(tp, tp + fn), share(tp, tp + fp)
        odds = share(tp + fn, tn + fp)
        recall = np.where(tp == 0, 0.0, 1 - odds * share(fn, tp))
        return np.maximum(recall, 0.0), np.where(tp == 0, 1.0, 1 - odds * share(fp, tp))

    def _between_counts(self) -> Any:
        """The parts under precision over recall where counts, not precision, are linear between points."""
        tp, fp, _, fn = self._counts()
        positive = tp + fp
        gain, all_of_them = tp[:-1] - tp[1:], positive[:-1] - positive[1:]
        slope = share(gain, np.maximum(all_of_them, 0))
        rest = tp[1:] - slope * positive[1:]
        both = (positive[:-1] > 0) & (positive[1:] > 0)
        ratio = np.where(both, share(positive[:-1], np.maximum(positive[1:], 0)), 1.0)
        return share(slope * (gain + rest * np.log(ratio)), np.maximum(tp[1:] + fn[1:], 0))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        weights = self.label_weights
        return {
            "name": self.name,
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if weights is None else weights.tolist(),
            "from_logits": self.from_logits,
            **({} if self._given is None else {"thresholds": list(self.thresholds[1:-1])}),
        }


def _weighted_mean(x: Any, weights: Any) -> Any:
    return share((x * weights).sum(), weights.sum())
