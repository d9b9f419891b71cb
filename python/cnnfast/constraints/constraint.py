"""What every constraint has in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast.utils.serialization import Configured, snake_case

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast.utils.serialization import Config


class Constraint:
    """Base of the rules, and of your own: define `__call__` with functions of `cnnfast.ops`.

    What it returns is what the weights are after each update; the base leaves them as they are.

    Source:
        Keras 3, `keras.constraints.Constraint`.

    Example:
        >>> from cnnfast import ops
        >>> class Within(Constraint):
        ...     def __call__(self, w):
        ...         return ops.clip(w, -1.0, 1.0)
        >>> Within()([-3.0, 0.5])
        array([-1. ,  0.5], dtype=float32)
    """

    def __call__(self, w: Any) -> Any:
        """Returns weights that keep the rule.

        Args:
            w: Weights: an array, or what stands for one.
        """
        return w

    def get_config(self) -> Config:
        """Returns the arguments that make an equal constraint."""
        return {}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the constraint that `config` describes."""
        return cls(**config)


class CoreRule(NamedTuple):
    """A rule as the core takes it."""

    kind: str
    minimum: float = 0.0
    maximum: float = 0.0
    rate: float = 1.0
    axes: Sequence[int] = ()


class CoreConstraint(Configured, Constraint):
    """Base of those that the core enforces itself."""

    def _core_rule(self) -> CoreRule:
        raise NotImplementedError


class FunctionConstraint(Constraint):
    """A function of your own as a rule.

    Args:
        fn: Called with what stands for the weights; returns what they become.

    Example:
        >>> FunctionConstraint(abs).name
        'abs'
    """

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self.fn = fn
        self.name = getattr(fn, "__name__", snake_case(type(fn).__name__))

    def __call__(self, w: Any) -> Any:
        """Returns what the function does."""
        return self.fn(w)

    @property
    def _own_function(self) -> Callable[[Any], Any]:
        return self.fn
