"""Penalties on weights, added to the loss by the core."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cnnfast.utils.arguments import real_number
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import Configured, registry, resolve


@dataclass(frozen=True)
class Regularizer(Configured):
    """Base of the penalties: factor1 * sum|w| + factor2 * sum w^2."""

    def __post_init__(self) -> None:
        for field in fields(self):
            factor = real_number(getattr(self, field.name), f"a penalty's factor {field.name}")
            object.__setattr__(self, field.name, factor)

    def _factors(self) -> tuple[float, float]:
        raise NotImplementedError


@dataclass(frozen=True)
class L1(Regularizer):
    """Penalty l1 * sum|w|, which drives weights to exactly 0.

    Args:
        l1: Factor, at least 0.

    Example:
        >>> L1(0.1)
        L1(l1=0.1)
    """

    l1: float = 0.01

    def _factors(self) -> tuple[float, float]:
        return self.l1, 0.0


@dataclass(frozen=True)
class L2(Regularizer):
    """Penalty l2 * sum w^2, which keeps weights small.

    Args:
        l2: Factor, at least 0.

    Example:
        >>> L2(0.1)
        L2(l2=0.1)
    """

    l2: float = 0.01

    def _factors(self) -> tuple[float, float]:
        return 0.0, self.l2


@dataclass(frozen=True)
class L1L2(Regularizer):
    """Penalty l1 * sum|w| + l2 * sum w^2.

    Args:
        l1: Factor of the absolute values, at least 0.
        l2: Factor of the squares, at least 0.

    Example:
        >>> L1L2(l1=0.1, l2=0.2)
        L1L2(l1=0.1, l2=0.2)
    """

    l1: float = 0.0
    l2: float = 0.0

    def _factors(self) -> tuple[float, float]:
        return self.l1, self.l2


l1, l2, l1_l2 = L1, L2, L1L2

_REGISTRY = registry(L1, L2, L1L2, l1_l2=L1L2)


def get(identifier: Any) -> Regularizer | None:
    """Returns the regularizer that a name, a configuration or an object stands for; None stays None.

    Example:
        >>> get("l1")
        L1(l1=0.01)
    """
    return None if identifier is None else resolve(identifier, Regularizer, _REGISTRY, "regularizer")


__all__ = ["L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2"]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
