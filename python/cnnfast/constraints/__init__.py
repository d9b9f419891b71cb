"""Rules that the core enforces on weights after each update.

A norm here is that of one output unit's weights: over all axes but the last, so over (height, width,
channels) of a convolution's kernel and over the inputs of a dense layer's. The last axis of a transposed
convolution's kernel is its input channels, so there it is the norm of what one input channel adds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cnnfast.utils.serialization import Configured, registry, resolve


@dataclass(frozen=True)
class Constraint(Configured):
    """Base of the rules."""

    def _core_rule(self) -> tuple[str, float, float]:
        """Returns the core's (kind, minimum, maximum)."""
        raise NotImplementedError


@dataclass(frozen=True)
class NonNeg(Constraint):
    """Sets negative weights to 0.

    Example:
        >>> NonNeg()
        NonNeg()
    """

    def _core_rule(self) -> tuple[str, float, float]:
        return "non_negative", 0.0, 0.0


@dataclass(frozen=True)
class MaxNorm(Constraint):
    """Scales a unit's weights down so that their Euclidean norm is at most `max_value`.

    Args:
        max_value: Largest norm, above 0.

    Example:
        >>> MaxNorm(3.0)
        MaxNorm(max_value=3.0)
    """

    max_value: float = 2.0

    def __post_init__(self) -> None:
        _check_norms(0.0, self.max_value)

    def _core_rule(self) -> tuple[str, float, float]:
        return "norm", 0.0, self.max_value


@dataclass(frozen=True)
class UnitNorm(Constraint):
    """Scales a unit's weights so that their Euclidean norm is 1.

    Example:
        >>> UnitNorm()
        UnitNorm()
    """

    def _core_rule(self) -> tuple[str, float, float]:
        return "norm", 1.0, 1.0


@dataclass(frozen=True)
class MinMaxNorm(Constraint):
    """Scales a unit's weights so that their Euclidean norm lies in [min_value, max_value].

    Args:
        min_value: Smallest norm, at least 0.
        max_value: Largest norm, at least `min_value`.

    Example:
        >>> MinMaxNorm(0.5, 2.0)
        MinMaxNorm(min_value=0.5, max_value=2.0)
    """

    min_value: float = 0.0
    max_value: float = 1.0

    def __post_init__(self) -> None:
        _check_norms(self.min_value, self.max_value)

    def _core_rule(self) -> tuple[str, float, float]:
        return "norm", self.min_value, self.max_value


def _check_norms(minimum: float, maximum: float) -> None:
    if not (0 <= minimum <= maximum < math.inf and maximum > 0):
        raise ValueError(
            f"norms need 0 <= min_value <= max_value and a finite max_value above 0, got {minimum} ... "
            f"{maximum}"
        )


_REGISTRY = registry(NonNeg, MaxNorm, UnitNorm, MinMaxNorm)


def get(identifier: Any) -> Constraint | None:
    """Returns the constraint that a name, a configuration or an object stands for; None stays None.

    Example:
        >>> get("max_norm")
        MaxNorm(max_value=2.0)
    """
    return None if identifier is None else resolve(identifier, Constraint, _REGISTRY, "constraint")


__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "get"]
