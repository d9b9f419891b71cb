"""How far regions of labels and outputs overlap: intersections over unions, of segmentations above all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnnfast import ops
from cnnfast.config import EPSILON
from cnnfast.losses.reducing import as_numbers, same_rank
from cnnfast.metrics.metric import Metric
from cnnfast.metrics.reduction import weights_of
from cnnfast.utils.arguments import real_number, whole_number
from cnnfast.utils.serialization import Config


class IoU(Metric):
    """Mean of the intersections over the unions of some classes.

    Formula: tp / (tp + fp + fn) of each class, the mean of those that are there

    Args:
        num_classes: How many classes there are.
        target_class_ids: Those that count.
        name: Its name; None makes one up.
        dtype: "float32" or None.
        ignore_class: Labels of this number do not count; None for none.
        sparse_y_true: Whether labels are class numbers; else one-hot.
        sparse_y_pred: Whether outputs are class numbers; else a number of each class.
        axis: The axis of the classes where there is one.

    Shapes:
        Labels and outputs of one shape, without the classes' axis.

    Raises:
        ValueError: If a class is not one of `num_classes`.

    Source:
        Keras 3, `keras.metrics.IoU`.

    Example:
        >>> metric = IoU(num_classes=2, target_class_ids=[0])
        >>> float(metric([0, 0, 1, 1], [0, 1, 0, 1]))
        0.3333...
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Iterable[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype, name)
        self.num_classes = whole_number(num_classes, "num_classes", 1)
        self.target_class_ids = [whole_number(each, "target_class_ids", 0) for each in target_class_ids]
        if max(self.target_class_ids) >= self.num_classes:
            raise ValueError(
                f"target_class_ids must be below num_classes, {num_classes}, got {self.target_class_ids}"
            )
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the confusion matrix of a batch: rows of labels, columns of outputs.

        Args:
            y_true: The labels.
            y_pred: The outputs.
            sample_weight: What each sample counts, or each of its numbers; None for 1.
        """
        y_true, y_pred = as_numbers(y_true), as_numbers(y_pred)
        y_true = ops.trunc(y_true) if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = ops.trunc(y_pred) if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        y_true, y_pred = same_rank(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"metric {self.display_name!r} needs as many labels as outputs, got {y_true.shape} and "
                f"{y_pred.shape}; sparse_y_true and sparse_y_pred say which of them have an axis of classes"
            )
        weights = weights_of(y_true, sample_weight)
        if self.ignore_class is not None:
            weights = ops.multiply(ops.not_equal(y_true, float(self.ignore_class)), weights)
        self.total_cm.assign_add(self._confusion(y_true, y_pred, weights))

    def _confusion(self, y_true: Any, y_pred: Any, weights: Any) -> Any:
        """The matrix: products of what is 1 at the label and what is 1 at the output, of each sample."""
        label = ops.multiply(ops.one_hot(y_true, self.num_classes), ops.expand_dims(weights, -1))
        rows = (None if y_true.shape[0] is None else 1, -1, self.num_classes)  # an array is all one sample
        label, chosen = (ops.reshape(x, rows) for x in (label, ops.one_hot(y_pred, self.num_classes)))
        return ops.sum(ops.matmul(ops.transpose(label, (0, 2, 1)), chosen), axis=0)

    def result(self) -> Any:
        """Returns the mean."""
        counts = self.total_cm.numpy().astype(np.float64)
        right = counts.diagonal()[self.target_class_ids]
        union = (counts.sum(axis=0) + counts.sum(axis=1))[self.target_class_ids] - right
        there = union > 1e-9
        shares = np.where(there, right / (union + EPSILON), 0.0)
        return shares.sum() / (there.sum() + EPSILON)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {
            "name": self.name,
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }

    def _config_without(self, *names: str) -> Config:
        return {name: value for name, value in IoU.get_config(self).items() if name not in names}


class BinaryIoU(IoU):
    """Mean of the intersections over the unions of yes and no.

    Args:
        target_class_ids: Those that count: 0 is no, 1 is yes.
        threshold: Outputs that are at least so large are yes.
        name: Its name; None makes one up.
        dtype: "float32" or None.

    Shapes:
        Labels, 0 and 1, and outputs of one shape.

    Source:
        Keras 3, `keras.metrics.BinaryIoU`.

    Example:
        >>> float(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]))
        0.3333...
    """

    def __init__(
        self,
        target_class_ids: Iterable[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = real_number(threshold, "threshold", -np.inf)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the confusion matrix of a batch.

        Args:
            y_true: The labels.
            y_pred: The outputs.
            sample_weight: What each sample counts, or each of its numbers; None for 1.
        """
        super().update_state(y_true, ops.greater_equal(y_pred, self.threshold), sample_weight)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {
            "name": self.name,
            "target_class_ids": self.target_class_ids,
            "threshold": self.threshold,
        }


class MeanIoU(IoU):
    """Mean of the intersections over the unions of all classes.

    Args:
        num_classes: How many classes there are.
        name: Its name; None makes one up.
        dtype: "float32" or None.
        ignore_class: Labels of this number do not count; None for none.
        sparse_y_true: Whether labels are class numbers; else one-hot.
        sparse_y_pred: Whether outputs are class numbers; else a number of each class.
        axis: The axis of the classes where there is one.

    Shapes:
        Labels and outputs of one shape, without the classes' axis.

    Source:
        Keras 3, `keras.metrics.MeanIoU`.

    Example:
        >>> float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]))
        0.3333...
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(whole_number(num_classes, "num_classes", 1))
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return self._config_without("target_class_ids")


class OneHotIoU(IoU):
    """Mean of the intersections over the unions of some classes, for one-hot labels.

    Args:
        num_classes: How many classes there are.
        target_class_ids: Those that count.
        name: Its name; None makes one up.
        dtype: "float32" or None.
        ignore_class: Labels of this number do not count; None for none.
        sparse_y_pred: Whether outputs are class numbers; else a number of each class.
        axis: The axis of the classes.

    Shapes:
        Labels and outputs (..., classes).

    Source:
        Keras 3, `keras.metrics.OneHotIoU`.

    Example:
        >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
        >>> float(metric([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]))
        0.4999...
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Iterable[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """Mean of the intersections over the unions of all classes, for one-hot labels.

    Args:
        num_classes: How many classes there are.
        name: Its name; None makes one up.
        dtype: "float32" or None.
        ignore_class: Labels of this number do not count; None for none.
        sparse_y_pred: Whether outputs are class numbers; else a number of each class.
        axis: The axis of the classes.

    Shapes:
        Labels and outputs (..., classes).

    Source:
        Keras 3, `keras.metrics.OneHotMeanIoU`.

    Example:
        >>> metric = OneHotMeanIoU(num_classes=2)
        >>> float(metric([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]))
        0.4999...
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return self._config_without("sparse_y_true", "target_class_ids")
