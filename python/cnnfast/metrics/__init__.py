"""Metrics: what is reported beside the loss. The core computes them with the loss, over the same outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnfast.metrics.metric import LabelForm, Metric
from cnnfast.utils.serialization import registry, resolve


@dataclass(frozen=True)
class Accuracy(Metric):
    """Share of right answers; which kind follows from the outputs and the loss.

    One output: as `BinaryAccuracy`. Several with class numbers for labels: as `SparseCategoricalAccuracy`;
    otherwise as `CategoricalAccuracy`.

    Args:
        name: Its name in logs; None means "accuracy".

    Example:
        >>> Accuracy().display_name
        'accuracy'
    """

    def _core_name(self, sparse: bool, outputs: int) -> str:
        return "binary_accuracy" if outputs == 1 and not sparse else "accuracy"


@dataclass(frozen=True)
class BinaryAccuracy(Metric):
    """Share of outputs on the label's side of one half.

    Args:
        name: Its name in logs; None means "binary_accuracy".

    Example:
        >>> BinaryAccuracy().display_name
        'binary_accuracy'
    """

    labels = LabelForm.DENSE

    def _core_name(self, sparse: bool, outputs: int) -> str:
        return "binary_accuracy"


@dataclass(frozen=True)
class CategoricalAccuracy(Metric):
    """Share of samples whose largest output is the one-hot label's class.

    Args:
        name: Its name in logs; None means "categorical_accuracy".

    Example:
        >>> CategoricalAccuracy(name="acc").display_name
        'acc'
    """

    labels = LabelForm.DENSE

    def _core_name(self, sparse: bool, outputs: int) -> str:
        return "accuracy"


@dataclass(frozen=True)
class SparseCategoricalAccuracy(Metric):
    """Share of samples whose largest output is the label's class, for class numbers.

    Args:
        name: Its name in logs; None means "sparse_categorical_accuracy".

    Example:
        >>> SparseCategoricalAccuracy().display_name
        'sparse_categorical_accuracy'
    """

    labels = LabelForm.SPARSE

    def _core_name(self, sparse: bool, outputs: int) -> str:
        return "accuracy"


@dataclass(frozen=True)
class _TopK(Metric):
    k: int = 5

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}")

    def _core_name(self, sparse: bool, outputs: int) -> str:
        return f"top_k:{self.k}"


@dataclass(frozen=True)
class TopKCategoricalAccuracy(_TopK):
    """Share of samples whose one-hot label's class is among the k largest outputs.

    Args:
        name: Its name in logs; None means "top_k_categorical_accuracy".
        k: How many outputs count, at least 1.

    Example:
        >>> TopKCategoricalAccuracy(k=3).display_name
        'top_k_categorical_accuracy'
    """

    labels = LabelForm.DENSE


@dataclass(frozen=True)
class SparseTopKCategoricalAccuracy(_TopK):
    """Share of samples whose label's class is among the k largest outputs, for class numbers.

    Args:
        name: Its name in logs; None means "sparse_top_k_categorical_accuracy".
        k: How many outputs count, at least 1.

    Example:
        >>> SparseTopKCategoricalAccuracy(k=3).k
        3
    """

    labels = LabelForm.SPARSE


@dataclass(frozen=True)
class MeanSquaredError(Metric):
    """Mean of (y - p)^2.

    Args:
        name: Its name in logs; None means "mean_squared_error".

    Example:
        >>> MeanSquaredError().display_name
        'mean_squared_error'
    """

    labels = LabelForm.DENSE
    larger_is_better = False

    def _core_name(self, sparse: bool, outputs: int) -> str:
        return "mean_squared_error"


@dataclass(frozen=True)
class MeanAbsoluteError(Metric):
    """Mean of |y - p|.

    Args:
        name: Its name in logs; None means "mean_absolute_error".

    Example:
        >>> MeanAbsoluteError().display_name
        'mean_absolute_error'
    """

    labels = LabelForm.DENSE
    larger_is_better = False

    def _core_name(self, sparse: bool, outputs: int) -> str:
        return "mean_absolute_error"


_REGISTRY: dict[str, type[Metric]] = registry(
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    acc=Accuracy,
    mae=MeanAbsoluteError,
    MAE=MeanAbsoluteError,
    mse=MeanSquaredError,
    MSE=MeanSquaredError,
)


def get(identifier: Any) -> Metric:
    """Returns the metric that a name, a configuration or an object stands for.

    A name given as a string is the metric's name in logs, too, as in Keras.

    Example:
        >>> get("acc")
        Accuracy(name='acc')
    """
    if isinstance(identifier, str) and identifier in _REGISTRY:
        return _REGISTRY[identifier](name=identifier)
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
