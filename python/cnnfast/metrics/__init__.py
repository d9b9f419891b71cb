"""Metrics: what is reported beside the loss. The core computes them, from what `predict` returns."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any

from cnnfast.metrics.metric import FunctionMetric, KernelMetric, LabelForm, Metric
from cnnfast.utils.arguments import real_number, whole_number
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve


@dataclass(frozen=True)
class AutoAccuracy(KernelMetric):
    """What the name "accuracy" stands for: the accuracy that suits the outputs and the labels.

    One output: as `BinaryAccuracy`. Several with class numbers for labels: as `SparseCategoricalAccuracy`;
    otherwise as `CategoricalAccuracy`.

    Args:
        name: Its name in logs.

    Example:
        >>> get("acc")
        AutoAccuracy(name='acc')
    """

    name: str | None = "accuracy"

    def _core_name(self, outputs: int) -> str:
        return "binary_accuracy" if outputs == 1 else "accuracy"


@dataclass(frozen=True)
class Accuracy(KernelMetric):
    """Share of outputs that equal their labels, as for outputs that are class numbers themselves.

    The name "accuracy" in `compile` is another: it stands for the accuracy that suits outputs and labels.

    Args:
        name: Its name in logs.
        dtype: "float32" or None.

    Example:
        >>> Accuracy().name
        'accuracy'
    """

    labels = LabelForm.DENSE

    name: str | None = "accuracy"
    dtype: InitVar[Any] = None

    def __post_init__(self, dtype: Any) -> None:
        self._refuse(dtype)

    def _core_name(self, outputs: int) -> str:
        return "equal"


@dataclass(frozen=True)
class BinaryAccuracy(KernelMetric):
    """Share of outputs that, taken as 1 above the threshold and as 0 otherwise, equal their labels.

    Args:
        name: Its name in logs.
        dtype: "float32" or None.
        threshold: Outputs above it count as 1; 0.5 for probabilities, 0 for logits.

    Example:
        >>> BinaryAccuracy().name
        'binary_accuracy'
    """

    labels = LabelForm.DENSE

    name: str | None = "binary_accuracy"
    dtype: InitVar[Any] = None
    threshold: float = 0.5

    def __post_init__(self, dtype: Any) -> None:
        self._refuse(dtype)
        object.__setattr__(self, "threshold", real_number(self.threshold, "threshold", -math.inf))

    def _core_name(self, outputs: int) -> str:
        return f"binary_accuracy:{self.threshold!r}"


@dataclass(frozen=True)
class CategoricalAccuracy(KernelMetric):
    """Share of samples whose largest output is at the place of the label's largest.

    Args:
        name: Its name in logs.
        dtype: "float32" or None.

    Example:
        >>> CategoricalAccuracy().name
        'categorical_accuracy'
    """

    labels = LabelForm.DENSE

    name: str | None = "categorical_accuracy"
    dtype: InitVar[Any] = None

    def __post_init__(self, dtype: Any) -> None:
        self._refuse(dtype)

    def _core_name(self, outputs: int) -> str:
        return "accuracy"


@dataclass(frozen=True)
class SparseCategoricalAccuracy(KernelMetric):
    """Share of samples whose largest output is the label's class, for class numbers.

    Args:
        name: Its name in logs.
        dtype: "float32" or None.

    Example:
        >>> SparseCategoricalAccuracy().name
        'sparse_categorical_accuracy'
    """

    labels = LabelForm.SPARSE

    name: str | None = "sparse_categorical_accuracy"
    dtype: InitVar[Any] = None

    def __post_init__(self, dtype: Any) -> None:
        self._refuse(dtype)

    def _core_name(self, outputs: int) -> str:
        return "accuracy"


@dataclass(frozen=True)
class TopKCategoricalAccuracy(KernelMetric):
    """Share of samples for which fewer than k outputs are larger than that of the one-hot label's class.

    Args:
        k: How many outputs count, a whole number from 1.
        name: Its name in logs.
        dtype: "float32" or None.

    Example:
        >>> TopKCategoricalAccuracy(k=3).k
        3
    """

    labels = LabelForm.DENSE

    k: int = 5
    name: str | None = "top_k_categorical_accuracy"
    dtype: InitVar[Any] = None

    def __post_init__(self, dtype: Any) -> None:
        self._refuse(dtype)
        object.__setattr__(self, "k", whole_number(self.k, "k", 1))

    def _core_name(self, outputs: int) -> str:
        return f"top_k:{self.k}"


@dataclass(frozen=True)
class SparseTopKCategoricalAccuracy(KernelMetric):
    """Share of samples for which fewer than k outputs are larger than that of the label's class.

    Args:
        k: How many outputs count, a whole number from 1.
        name: Its name in logs.
        dtype: "float32" or None.
        from_sorted_ids: Not offered; must be False.

    Example:
        >>> SparseTopKCategoricalAccuracy(k=3).k
        3
    """

    labels = LabelForm.SPARSE

    k: int = 5
    name: str | None = "sparse_top_k_categorical_accuracy"
    dtype: InitVar[Any] = None
    from_sorted_ids: InitVar[bool] = False

    def __post_init__(self, dtype: Any, from_sorted_ids: bool) -> None:
        self._refuse(dtype, from_sorted_ids=(from_sorted_ids, False))
        object.__setattr__(self, "k", whole_number(self.k, "k", 1))

    def _core_name(self, outputs: int) -> str:
        return f"top_k:{self.k}"


@dataclass(frozen=True)
class MeanSquaredError(KernelMetric):
    """Mean of (y - p)^2.

    Args:
        name: Its name in logs.
        dtype: "float32" or None.

    Example:
        >>> MeanSquaredError().name
        'mean_squared_error'
    """

    labels = LabelForm.DENSE
    larger_is_better = False

    name: str | None = "mean_squared_error"
    dtype: InitVar[Any] = None

    def __post_init__(self, dtype: Any) -> None:
        self._refuse(dtype)

    def _core_name(self, outputs: int) -> str:
        return "mean_squared_error"


@dataclass(frozen=True)
class MeanAbsoluteError(KernelMetric):
    """Mean of |y - p|.

    Args:
        name: Its name in logs.
        dtype: "float32" or None.

    Example:
        >>> MeanAbsoluteError().name
        'mean_absolute_error'
    """

    labels = LabelForm.DENSE
    larger_is_better = False

    name: str | None = "mean_absolute_error"
    dtype: InitVar[Any] = None

    def __post_init__(self, dtype: Any) -> None:
        self._refuse(dtype)

    def _core_name(self, outputs: int) -> str:
        return "mean_absolute_error"


_REGISTRY: dict[str, type[Metric]] = registry(
    Accuracy,
    AutoAccuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy=AutoAccuracy,
    acc=AutoAccuracy,
    mae=MeanAbsoluteError,
    MAE=MeanAbsoluteError,
    mse=MeanSquaredError,
    MSE=MeanSquaredError,
)


def get(identifier: Any) -> Metric:
    """Returns the metric that a name, a configuration, an object or a function stands for.

    A name given as a string is the metric's name in logs, too, as in Keras.

    Example:
        >>> get("mse")
        MeanSquaredError(name='mse')
    """
    if isinstance(identifier, str) and identifier in _REGISTRY:
        return _REGISTRY[identifier].from_config({"name": identifier})
    if callable(identifier) and not isinstance(identifier, (type, Metric)):
        return FunctionMetric(identifier)
    return resolve(identifier, Metric, _REGISTRY, "metric")


__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "get",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
