"""Losses: what training makes small. The core computes them, merged with a final softmax or sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cnnfast.utils.serialization import Configured, registry, resolve

LossKind = Literal[
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
]


@dataclass(frozen=True)
class Loss(Configured):
    """Base of the losses."""

    kind: ClassVar[LossKind]

    @property
    def sparse(self) -> bool:
        """Whether labels are class numbers instead of arrays of the output's shape."""
        return self.kind == "sparse_categorical_crossentropy"

    @property
    def _from_logits(self) -> bool:
        return False


@dataclass(frozen=True)
class _Crossentropy(Loss):
    from_logits: bool = False

    @property
    def _from_logits(self) -> bool:
        return self.from_logits


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(_Crossentropy):
    """Mean of -log p[y], for class numbers y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.

    Shapes:
        Labels (n,) or (n, 1), outputs (n, classes).

    Example:
        >>> SparseCategoricalCrossentropy(from_logits=True)
        SparseCategoricalCrossentropy(from_logits=True)
    """

    kind: ClassVar[LossKind] = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class CategoricalCrossentropy(_Crossentropy):
    """Mean of -sum_j y[j] log p[j], for one-hot or other distributions y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.

    Shapes:
        Labels and outputs (n, classes).

    Example:
        >>> CategoricalCrossentropy()
        CategoricalCrossentropy(from_logits=False)
    """

    kind: ClassVar[LossKind] = "categorical_crossentropy"


@dataclass(frozen=True)
class BinaryCrossentropy(_Crossentropy):
    """Mean of -(y log p + (1 - y) log(1 - p)), for yes-or-no outputs.

    Args:
        from_logits: Whether the model ends without sigmoid; the loss then includes it.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Example:
        >>> BinaryCrossentropy()
        BinaryCrossentropy(from_logits=False)
    """

    kind: ClassVar[LossKind] = "binary_crossentropy"


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean of (y - p)^2 over samples and outputs.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Example:
        >>> MeanSquaredError()
        MeanSquaredError()
    """

    kind: ClassVar[LossKind] = "mean_squared_error"


_REGISTRY: dict[str, type[Loss]] = registry(
    SparseCategoricalCrossentropy,
    CategoricalCrossentropy,
    BinaryCrossentropy,
    MeanSquaredError,
    mse=MeanSquaredError,
    MSE=MeanSquaredError,
)


def get(identifier: Any) -> Loss:
    """Returns the loss that a name, a configuration or an object stands for.

    Example:
        >>> get("mse")
        MeanSquaredError()
    """
    return resolve(identifier, Loss, _REGISTRY, "loss")


__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "get",
]
