"""Penalties that are sums over all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.regularizers.regularizer import KernelRegularizer
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class L1(KernelRegularizer):
    """Penalty l1 * sum|w|, which drives weights to exactly 0.

    Args:
        l1: Factor, at least 0.

    Example:
        >>> L1(0.1), float(L1(0.1)([2.0, -3.0]))
        (L1(l1=0.1), 0.5)
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = real_number(l1, "a penalty's factor l1")

    def _factors(self) -> tuple[float, float]:
        return self.l1, 0.0

    def get_config(self) -> Config:
        """Returns the arguments that make an equal regularizer."""
        return {"l1": self.l1}


class L2(KernelRegularizer):
    """Penalty l2 * sum w^2, which keeps weights small.

    Args:
        l2: Factor, at least 0.

    Example:
        >>> L2(0.1)
        L2(l2=0.1)
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = real_number(l2, "a penalty's factor l2")

    def _factors(self) -> tuple[float, float]:
        return 0.0, self.l2

    def get_config(self) -> Config:
        """Returns the arguments that make an equal regularizer."""
        return {"l2": self.l2}


class L1L2(KernelRegularizer):
    """Penalty l1 * sum|w| + l2 * sum w^2.

    Args:
        l1: Factor of the absolute values, at least 0.
        l2: Factor of the squares, at least 0.

    Example:
        >>> L1L2(l1=0.1, l2=0.2)
        L1L2(l1=0.1, l2=0.2)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = real_number(l1, "a penalty's factor l1")
        self.l2 = real_number(l2, "a penalty's factor l2")

    def _factors(self) -> tuple[float, float]:
        return self.l1, self.l2

    def get_config(self) -> Config:
        """Returns the arguments that make an equal regularizer."""
        return {"l1": self.l1, "l2": self.l2}
