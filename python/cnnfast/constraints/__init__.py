"""Rules that the core enforces on weights after each update.

A norm runs over the axes that `axis` names, one or several, as in Keras: 0, the default, is the norm of one
unit's weights in a dense layer's kernel (inputs, units). In a convolution's kernel (height, width, channels,
filters) a filter's norm takes axis=(0, 1, 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast.utils.arguments import entries, real_number, whole_number
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import Configured, registry, resolve

Axis = int | tuple[int, ...]


class CoreRule(NamedTuple):
    """A rule as the core takes it."""

    kind: str
    minimum: float = 0.0
    maximum: float = 0.0
    rate: float = 1.0
    axes: Sequence[int] = (0,)


@dataclass(frozen=True)
class Constraint(Configured):
    """Base of the rules."""

    def _core_rule(self) -> CoreRule:
        raise NotImplementedError


@dataclass(frozen=True)
class NonNeg(Constraint):
    """Sets negative weights to 0.

    Example:
        >>> NonNeg()
        NonNeg()
    """

    def _core_rule(self) -> CoreRule:
        return CoreRule("non_negative")


@dataclass(frozen=True)
class MaxNorm(Constraint):
    """Scales weights down so that their Euclidean norm is at most `max_value`.

    Args:
        max_value: Largest norm, above 0.
        axis: The axis, or axes, of the weights over which one norm runs.

    Source:
        Keras 3, `keras.constraints.MaxNorm`.

    Example:
        >>> MaxNorm(3.0, axis=[0, 1, 2])
        MaxNorm(max_value=3.0, axis=(0, 1, 2))
    """

    max_value: float = 2.0
    axis: Axis = 0

    def __post_init__(self) -> None:
        _set_norms(self, maximum=self.max_value)

    def _core_rule(self) -> CoreRule:
        return CoreRule("norm", 0.0, self.max_value, axes=_axes(self.axis))


@dataclass(frozen=True)
class UnitNorm(Constraint):
    """Scales weights so that their Euclidean norm is 1.

    Args:
        axis: The axis, or axes, of the weights over which one norm runs.

    Source:
        Keras 3, `keras.constraints.UnitNorm`.

    Example:
        >>> UnitNorm()
        UnitNorm(axis=0)
    """

    axis: Axis = 0

    def __post_init__(self) -> None:
        _set_norms(self)

    def _core_rule(self) -> CoreRule:
        return CoreRule("norm", 1.0, 1.0, axes=_axes(self.axis))


@dataclass(frozen=True)
class MinMaxNorm(Constraint):
    """Moves the Euclidean norm of weights towards [min_value, max_value].

    Formula: norm = rate * min(max(norm, min_value), max_value) + (1 - rate) * norm

    Args:
        min_value: Smallest norm, at least 0.
        max_value: Largest norm, at least `min_value`.
        rate: Share of the way that one update goes, in [0, 1].
        axis: The axis, or axes, of the weights over which one norm runs.

    Source:
        Keras 3, `keras.constraints.MinMaxNorm`.

    Example:
        >>> MinMaxNorm(0.5, 2.0)
        MinMaxNorm(min_value=0.5, max_value=2.0, rate=1.0, axis=0)
    """

    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0
    axis: Axis = 0

    def __post_init__(self) -> None:
        _set_norms(self, self.min_value, self.max_value)
        if not 0 <= real_number(self.rate, "rate") <= 1:
            raise ValueError(f"rate must lie in [0, 1], got {self.rate!r}")

    def _core_rule(self) -> CoreRule:
        return CoreRule("norm", self.min_value, self.max_value, self.rate, _axes(self.axis))


def _set_norms(rule: Any, minimum: float = 0.0, maximum: float = 1.0) -> None:
    """Checks the limits of a rule and gives its axes the form that is compared and saved."""
    if real_number(maximum, "max_value") < real_number(minimum, "min_value") or maximum == 0:
        raise ValueError(
            f"norms need 0 <= min_value <= max_value and a max_value above 0, got {minimum} ... {maximum}"
        )
    axes = _axes(rule.axis)
    object.__setattr__(rule, "axis", axes[0] if entries(rule.axis) is None else axes)


def _axes(axis: Any) -> tuple[int, ...]:
    each = entries(axis)
    axes = tuple(whole_number(a, "axis", -5) for a in ((axis,) if each is None else each))
    if not axes or len(set(axes)) < len(axes):
        raise ValueError(f"axis must be a whole number or several that differ, got {axis!r}")
    return axes


_REGISTRY = registry(NonNeg, MaxNorm, UnitNorm, MinMaxNorm)


def get(identifier: Any) -> Constraint | None:
    """Returns the constraint that a name, a configuration or an object stands for; None stays None.

    Example:
        >>> get("max_norm")
        MaxNorm(max_value=2.0, axis=0)
    """
    return None if identifier is None else resolve(identifier, Constraint, _REGISTRY, "constraint")


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "unit_norm",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
