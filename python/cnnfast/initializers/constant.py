"""Initializers without chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnfast.initializers.initializer import Initializer
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Constant(Initializer):
    """Every weight is `value`.

    Args:
        value: The value.

    Example:
        >>> Constant(0.5)((2,))
        array([0.5, 0.5], dtype=float32)
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", real_number(self.value, "value", -math.inf))

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        return np.full(shape, self.value, np.float32)


@dataclass(frozen=True)
class Zeros(Initializer):
    """Every weight is 0.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        return np.zeros(shape, np.float32)


@dataclass(frozen=True)
class Ones(Initializer):
    """Every weight is 1.

    Example:
        >>> Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        return np.ones(shape, np.float32)
