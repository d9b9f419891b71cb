"""Metrics that the core has kernels for; on arrays they are words, as all are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast import losses
from cnnfast.layers.tracing import Value
from cnnfast.metrics import functions
from cnnfast.metrics.reduction import LabelForm, WordMetric, weighted_means
from cnnfast.utils.arguments import real_number, whole_number

if TYPE_CHECKING:
    from cnnfast._core import MetricKernel


class KernelMetric(WordMetric):
    """Base of these metrics."""

    kernel: ClassVar[MetricKernel]

    def _kernel_for(self, outputs: int) -> MetricKernel | None:
        """Returns the kernel's name, given how many outputs there are; None for none."""
        return self.kernel

    def _options(self) -> dict[str, Any]:
        """Returns what else the kernel takes."""
        return {}

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        self._check_labels(sparse)
        kernel = self._kernel_for(y_pred.dims[-1] if y_pred.dims else 1)
        if kernel is None:
            return super()._traced(y_true, y_pred, sparse, weights)
        graph = y_pred.graph
        value = graph.metric(kernel, y_pred.number, y_true.number, kernel, **self._options())
        return weighted_means(graph.value(value), weights)


class AutoAccuracy(KernelMetric):
    """What the name "accuracy" stands for: the accuracy that suits the outputs and the labels.

    One output: as `BinaryAccuracy`. Several with class numbers for labels: as `SparseCategoricalAccuracy`;
    otherwise as `CategoricalAccuracy`.

    Args:
        name: Its name.

    Example:
        >>> metric = AutoAccuracy("acc")
        >>> float(metric([1, 1], [[0.2, 0.8], [0.9, 0.1]])), metric.name
        (0.5, 'acc')
    """

    labels = None

    def __init__(self, name: str | None = "accuracy") -> None:
        super().__init__(_suiting_accuracy, name, None)

    def _kernel_for(self, outputs: int) -> MetricKernel:
        return "binary_accuracy" if outputs == 1 else "accuracy"


def _suiting_accuracy(y_true: Any, y_pred: Any) -> Any:
    if y_pred.shape[-1] == 1:
        return functions.binary_accuracy(y_true, y_pred)
    if y_true.shape == y_pred.shape:
        return functions.categorical_accuracy(y_true, y_pred)
    return functions.sparse_categorical_accuracy(y_true, y_pred)


class Accuracy(KernelMetric):
    """Share of outputs that equal their labels, as for outputs that are class numbers themselves.

    The name "accuracy" in `compile` is another: it stands for the accuracy that suits outputs and labels.

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.Accuracy`.

    Example:
        >>> float(Accuracy()([[1.0], [2.0]], [[1.0], [3.0]]))
        0.5
    """

    kernel = "equal"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(functions.accuracy, name, dtype)


class BinaryAccuracy(KernelMetric):
    """Share of outputs that, taken as 1 above the threshold and as 0 otherwise, equal their labels.

    Args:
        name: Its name.
        dtype: "float32" or None.
        threshold: Outputs above it count as 1; 0.5 for probabilities, 0 for logits.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.BinaryAccuracy`.

    Example:
        >>> float(BinaryAccuracy()([[1.0], [1.0]], [[0.7], [0.2]]))
        0.5
    """

    kernel = "binary_accuracy"
    threshold: float

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(
            functions.binary_accuracy, name, dtype, threshold=real_number(threshold, "threshold", -math.inf)
        )

    def _options(self) -> dict[str, Any]:
        return {"threshold": self.threshold}


class CategoricalAccuracy(KernelMetric):
    """Share of samples whose largest output is at the place of the label's largest.

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.CategoricalAccuracy`.

    Example:
        >>> float(CategoricalAccuracy()([[0.0, 1.0]], [[0.2, 0.8]]))
        1.0
    """

    kernel = "accuracy"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(functions.categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(KernelMetric):
    """Share of samples whose largest output is the label's class, for class numbers.

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels (n, ...) or (n, ..., 1), outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.SparseCategoricalAccuracy`.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 1], [[0.2, 0.8], [0.9, 0.1]]))
        0.5
    """

    labels = LabelForm.SPARSE
    kernel = "accuracy"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(functions.sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(KernelMetric):
    """Share of samples for which fewer than k outputs are larger than that of the one-hot label's class.

    Args:
        k: How many outputs count, a whole number from 1.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.TopKCategoricalAccuracy`.

    Example:
        >>> float(TopKCategoricalAccuracy(k=2)([[0.0, 1.0, 0.0]], [[0.5, 0.3, 0.2]]))
        1.0
    """

    kernel = "top_k"
    k: int

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(functions.top_k_categorical_accuracy, name, dtype, k=whole_number(k, "k", 1))

    def _options(self) -> dict[str, Any]:
        return {"k": self.k}


class SparseTopKCategoricalAccuracy(KernelMetric):
    """Share of samples for which fewer than k outputs are larger than that of the label's class.

    Args:
        k: How many outputs count, a whole number from 1.
        name: Its name.
        dtype: "float32" or None.
        from_sorted_ids: Whether the outputs are class numbers instead, the best first.

    Shapes:
        Labels (n, ...) or (n, ..., 1), outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.SparseTopKCategoricalAccuracy`.

    Example:
        >>> float(SparseTopKCategoricalAccuracy(k=2)([1], [[0.5, 0.3, 0.2]]))
        1.0
    """

    labels = LabelForm.SPARSE
    kernel = "top_k"
    k: int
    from_sorted_ids: bool

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            functions.sparse_top_k_categorical_accuracy,
            name,
            dtype,
            k=whole_number(k, "k", 1),
            from_sorted_ids=from_sorted_ids,
        )

    def _kernel_for(self, outputs: int) -> MetricKernel | None:
        return None if self.from_sorted_ids else self.kernel

    def _options(self) -> dict[str, Any]:
        return {"k": self.k}


class MeanSquaredError(KernelMetric):
    """Mean of the squares of errors.

    Formula: mean((y - p)^2)

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.MeanSquaredError`.

    Example:
        >>> float(MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]]))
        2.0
    """

    larger_is_better = False
    kernel = "mean_squared_error"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(KernelMetric):
    """Mean of the sizes of errors.

    Formula: mean(|y - p|)

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.MeanAbsoluteError`.

    Example:
        >>> float(MeanAbsoluteError()([[1.0, 2.0]], [[1.0, 4.0]]))
        1.0
    """

    larger_is_better = False
    kernel = "mean_absolute_error"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)
