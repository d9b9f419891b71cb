"""What every loss has in common: its numbers for each sample, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cnnfast.layers.tracing import Value, weighted
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast.utils.serialization import Config

LossKind = Literal[
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
]
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


class Loss:
    """Base of the losses, and of your own: define `call` with functions of `cnnfast.ops`.

    Called on arrays, a loss returns its number, or one a sample without a reduction.

    Args:
        name: Its name; None makes one up.
        reduction: What becomes of the numbers that `call` returns: "sum_over_batch_size" or "mean", their
            mean; "sum", their sum; "mean_with_sample_weight", their sum over that of the samples' weights;
            "none" or None, nothing, which training cannot use.
        dtype: "float32" or None.

    Raises:
        ValueError: If the reduction is not known.

    Source:
        Keras 3, `keras.losses.Loss`.

    Example:
        >>> class Squares(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return (y_true - y_pred) ** 2
        >>> Squares().name, float(Squares()([1.0, 2.0], [1.0, 4.0]))
        ('squares', 2.0)
    """

    kind: LossKind | None = None  # of the core's kernel, where it has one
    sparse: ClassVar[bool] = False  # whether labels are class numbers instead of arrays of the output's shape
    name: str
    reduction: str | None

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        not_offered(type(self).__name__, dtype=(dtype, None))
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {REDUCTIONS}, got {reduction!r}")
        self.name = snake_case(type(self).__name__) if name is None else name
        self.reduction = reduction

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the losses: a number a sample, or several, or one for the batch.

        Args:
            y_true: What stands for the labels.
            y_pred: What stands for the outputs.
        """
        raise NotImplementedError(f"loss {self.name!r} ({type(self).__name__}) needs a method `call`")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of outputs.

        Args:
            y_true: The labels.
            y_pred: The outputs.
            sample_weight: What each sample's numbers are multiplied by; None for 1.
        """
        from cnnfast.losses.reducing import as_numbers, reduced

        y_true = as_numbers(y_true)
        losses = self.call(y_true, as_numbers(y_pred))
        return reduced(losses, sample_weight, self.reduction, self._counting(y_true, losses))

    def _counting(self, y_true: Any, losses: Any) -> Any:
        """Returns 1 for each of the losses that counts in means, else 0, as those are; None if all do."""
        return None

    def get_config(self) -> Config:
        """Returns the arguments that make an equal loss."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the loss that `config` describes."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"

    @property
    def _from_logits(self) -> bool:
        return bool(getattr(self, "from_logits", False))

    @property
    def _adds_up(self) -> bool:
        """Whether a step's loss is the sum of the numbers, not their mean."""
        return self.reduction == "sum"

    def _traced(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value:
        """Adds the losses to a graph, each times its weight."""
        if self.reduction in (None, "none"):
            raise ValueError(f"loss {self.name!r} has no reduction, so training has no number to make small")
        losses = self.call(y_true, y_pred)
        if not isinstance(losses, Value):
            raise ValueError(
                f"loss {self.name!r} must return what functions of cnnfast.ops made, got {losses!r}"
            )
        from cnnfast import ops
        from cnnfast.losses.reducing import as_means

        counts = self._counting(y_true, losses)
        if self.reduction == "mean_with_sample_weight":
            weights = counts if weights is None else weights if counts is None else weighted(counts, weights)
            return losses if weights is None else ops.sum(weighted(losses, weights)) / ops.sum(weights)
        return weighted(as_means(losses, self.reduction, counts), weights)


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

    @property
    def _own_function(self) -> Callable[[Any, Any], Any]:
        return self.fn

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns what the function does."""
        return self.fn(y_true, y_pred)


class WordLoss(Loss):
    """Base of the built-in losses: a function of `cnnfast.losses`, and what it is called with.

    Args:
        fn: The function of labels and outputs.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.
        arguments: What else the function takes; attributes of the loss.
    """

    def __init__(
        self, fn: Callable[..., Any], reduction: str | None, name: str | None, dtype: Any, **arguments: Any
    ) -> None:
        super().__init__(name, reduction, dtype)
        self._fn, self._arguments = fn, tuple(arguments)
        vars(self).update(arguments)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns what the function does with the loss's arguments."""
        return self._fn(y_true, y_pred, **{name: getattr(self, name) for name in self._arguments})

    def get_config(self) -> Config:
        """Returns the arguments that make an equal loss."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self._arguments}}
