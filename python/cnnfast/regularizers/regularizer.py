"""What every regularizer has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast.utils.serialization import Config


class Regularizer:
    """Base of the penalties, and of your own: define `__call__` with functions of `cnnfast.ops`.

    Source:
        Keras 3, `keras.regularizers.Regularizer`.

    Example:
        >>> from cnnfast import ops
        >>> class Largest(Regularizer):
        ...     def __call__(self, x):
        ...         return 0.1 * ops.max(ops.absolute(x))
        >>> float(Largest()([1.0, -5.0]))
        0.5
    """

    def __call__(self, x: Any) -> Any:
        """Returns the penalty, one number.

        Args:
            x: Weights, or what a layer makes of a batch; arrays, or what stands for them.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method `__call__`")

    def get_config(self) -> Config:
        """Returns the arguments that make an equal regularizer."""
        return {}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the regularizer that `config` describes."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class KernelRegularizer(Regularizer):
    """Base of those that the core adds to the gradients itself: factor1 * sum|w| + factor2 * sum w^2."""

    def _factors(self) -> tuple[float, float]:
        raise NotImplementedError

    def __call__(self, x: Any) -> Any:
        """Returns the penalty."""
        from cnnfast import ops

        l1, l2 = self._factors()
        return l1 * ops.sum(ops.absolute(x)) + l2 * ops.sum(ops.square(x))


class FunctionRegularizer(Regularizer):
    """A function of your own as a penalty.

    Args:
        fn: Called with what stands for the weights; returns one number.

    Example:
        >>> FunctionRegularizer(abs).name
        'abs'
    """

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self.fn = fn
        self.name = getattr(fn, "__name__", snake_case(type(fn).__name__))

    def __call__(self, x: Any) -> Any:
        """Returns what the function does."""
        return self.fn(x)

    @property
    def _own_function(self) -> Callable[[Any], Any]:
        return self.fn

    def __repr__(self) -> str:
        return f"FunctionRegularizer({self.name})"
