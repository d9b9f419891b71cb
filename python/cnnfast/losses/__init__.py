"""Losses: what training makes small. The core computes them, merged with a final softmax or sigmoid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cnnfast.layers.tracing import Value, weighted
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import Configured, registry, resolve, snake_case

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast._core import LossKernel
    from cnnfast.utils.serialization import Config

LossKind = Literal[
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
]
_KERNELS: dict[LossKind | None, LossKernel] = {
    "sparse_categorical_crossentropy": "softmax_cross_entropy",
    "categorical_crossentropy": "softmax_cross_entropy",
    "binary_crossentropy": "sigmoid_cross_entropy",
    "mean_squared_error": "squared_error",
}


class Loss:
    """Base of the losses, and of your own: define `call` with functions of `cnnfast.ops`.

    Args:
        name: Its name; None makes one up.
        reduction: What becomes of the numbers that `call` returns: "sum_over_batch_size" or "mean", their
            mean; "sum", their sum.
        dtype: "float32" or None.

    Raises:
        ValueError: If the reduction is not known.

    Source:
        Keras 3, `keras.losses.Loss`.

    Example:
        >>> class Squares(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return (y_true - y_pred) ** 2
        >>> Squares().name
        'squares'
    """

    kind: ClassVar[LossKind | None] = None
    name: str
    reduction: str = "sum_over_batch_size"

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        not_offered(type(self).__name__, dtype=(dtype, None))
        if reduction not in ("sum_over_batch_size", "mean", "sum"):
            raise ValueError(f"reduction must be 'sum_over_batch_size', 'mean' or 'sum', got {reduction!r}")
        self.name = snake_case(type(self).__name__) if name is None else name
        self.reduction = reduction

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the losses: a number a sample, or several, or one for the batch.

        Args:
            y_true: What stands for the labels.
            y_pred: What stands for the outputs.
        """
        raise NotImplementedError(f"loss {self.name!r} ({type(self).__name__}) needs a method `call`")

    def get_config(self) -> Config:
        """Returns the arguments that make an equal loss."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the loss that `config` describes."""
        return cls(**config)

    @property
    def sparse(self) -> bool:
        """Whether labels are class numbers instead of arrays of the output's shape."""
        return self.kind == "sparse_categorical_crossentropy"

    @property
    def _from_logits(self) -> bool:
        return bool(getattr(self, "from_logits", False))

    def _traced(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value:
        """Adds the losses to a graph, each times its weight."""
        losses = self.call(y_true, y_pred)
        if not isinstance(losses, Value):
            raise ValueError(
                f"loss {self.name!r} must return what functions of cnnfast.ops made, got {losses!r}"
            )
        return weighted(losses, weights)


class KernelLoss(Configured, Loss):
    """Base of the losses that the core has kernels for."""

    def _traced(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value:
        graph = y_pred.graph
        number = graph.loss(
            _KERNELS[self.kind],
            y_pred.number,
            y_true.number,
            self._from_logits,
            str(self.kind),
            None if weights is None else weights.number,
        )
        return graph.value(number)

    def _refuse(self, reduction: str, dtype: Any, **given: tuple[Any, Any]) -> None:
        not_offered(
            type(self).__name__, reduction=(reduction, "sum_over_batch_size"), dtype=(dtype, None), **given
        )


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(KernelLoss):
    """Mean of -log p[y], for class numbers y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.
        name: Its name.
        ignore_class, reduction, axis, dtype: Keras's arguments, which must have their defaults.

    Shapes:
        Labels (n, ...) or (n, ..., 1), outputs (n, ..., classes).

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
class CategoricalCrossentropy(KernelLoss):
    """Mean of -sum_j y[j] log p[j], for one-hot or other distributions y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.
        name: Its name.
        label_smoothing, axis, reduction, dtype: Keras's arguments, which must have their defaults.

    Shapes:
        Labels and outputs (n, ..., classes).

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
class BinaryCrossentropy(KernelLoss):
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
class MeanSquaredError(KernelLoss):
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


class FunctionLoss(Loss):
    """A function of your own as a loss.

    Args:
        fn: Called with what stands for labels and outputs; as `Loss.call`.
        name: Its name; None is the function's.

    Example:
        >>> FunctionLoss(lambda y_true, y_pred: y_pred - y_true, name="difference").name
        'difference'
    """

    def __init__(self, fn: Callable[[Any, Any], Any], name: str | None = None) -> None:
        super().__init__(getattr(fn, "__name__", "loss") if name is None else name)
        self.fn = fn

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns what the function does."""
        return self.fn(y_true, y_pred)


_REGISTRY: dict[str, type[Loss]] = registry(
    SparseCategoricalCrossentropy,
    CategoricalCrossentropy,
    BinaryCrossentropy,
    MeanSquaredError,
    mse=MeanSquaredError,
    MSE=MeanSquaredError,
)


def get(identifier: Any) -> Loss:
    """Returns the loss that a name, a configuration, an object or a function stands for.

    Example:
        >>> get("mse")
        MeanSquaredError(name='mean_squared_error')
    """
    if callable(identifier) and not isinstance(identifier, (type, Loss)):
        return FunctionLoss(identifier)
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
