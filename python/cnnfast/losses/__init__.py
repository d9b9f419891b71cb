"""Losses: what training makes small. The core computes them, merged with a final softmax or sigmoid."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cnnfast.utils.arguments import not_offered
from cnnfast.utils.missing import missing
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
        return bool(getattr(self, "from_logits", False))

    def _refuse(self, reduction: str, dtype: Any, **given: tuple[Any, Any]) -> None:
        not_offered(
            type(self).__name__, reduction=(reduction, "sum_over_batch_size"), dtype=(dtype, None), **given
        )


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(Loss):
    """Mean of -log p[y], for class numbers y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.
        name: Its name.
        ignore_class, reduction, axis, dtype: Keras's arguments, which must have their defaults.

    Shapes:
        Labels (n,) or (n, 1), outputs (n, classes).

    Example:
        >>> SparseCategoricalCrossentropy(from_logits=True).name
        'sparse_categorical_crossentropy'
    """

    kind: ClassVar[LossKind] = "sparse_categorical_crossentropy"

    from_logits: bool = False
    ignore_class: InitVar[int | None] = None
    reduction: InitVar[str] = "sum_over_batch_size"
    axis: InitVar[int] = -1
    name: str = "sparse_categorical_crossentropy"
    dtype: InitVar[Any] = None

    def __post_init__(self, ignore_class: int | None, reduction: str, axis: int, dtype: Any) -> None:
        self._refuse(reduction, dtype, ignore_class=(ignore_class, None), axis=(axis, -1))


@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """Mean of -sum_j y[j] log p[j], for one-hot or other distributions y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.
        name: Its name.
        label_smoothing, axis, reduction, dtype: Keras's arguments, which must have their defaults.

    Shapes:
        Labels and outputs (n, classes).

    Example:
        >>> CategoricalCrossentropy().from_logits
        False
    """

    kind: ClassVar[LossKind] = "categorical_crossentropy"

    from_logits: bool = False
    label_smoothing: InitVar[float] = 0.0
    axis: InitVar[int] = -1
    reduction: InitVar[str] = "sum_over_batch_size"
    name: str = "categorical_crossentropy"
    dtype: InitVar[Any] = None

    def __post_init__(self, label_smoothing: float, axis: int, reduction: str, dtype: Any) -> None:
        self._refuse(reduction, dtype, label_smoothing=(label_smoothing, 0.0), axis=(axis, -1))


@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """Mean of -(y log p + (1 - y) log(1 - p)), for yes-or-no outputs.

    Args:
        from_logits: Whether the model ends without sigmoid; the loss then includes it.
        name: Its name.
        label_smoothing, axis, reduction, dtype: Keras's arguments, which must have their defaults.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Example:
        >>> BinaryCrossentropy().from_logits
        False
    """

    kind: ClassVar[LossKind] = "binary_crossentropy"

    from_logits: bool = False
    label_smoothing: InitVar[float] = 0.0
    axis: InitVar[int] = -1
    reduction: InitVar[str] = "sum_over_batch_size"
    name: str = "binary_crossentropy"
    dtype: InitVar[Any] = None

    def __post_init__(self, label_smoothing: float, axis: int, reduction: str, dtype: Any) -> None:
        self._refuse(reduction, dtype, label_smoothing=(label_smoothing, 0.0), axis=(axis, -1))


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean of (y - p)^2 over samples and outputs.

    Args:
        name: Its name.
        reduction, dtype: Keras's arguments, which must have their defaults.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Example:
        >>> MeanSquaredError()
        MeanSquaredError(name='mean_squared_error')
    """

    kind: ClassVar[LossKind] = "mean_squared_error"

    reduction: InitVar[str] = "sum_over_batch_size"
    name: str = "mean_squared_error"
    dtype: InitVar[Any] = None

    def __post_init__(self, reduction: str, dtype: Any) -> None:
        self._refuse(reduction, dtype)


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
        MeanSquaredError(name='mean_squared_error')
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

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
