"""Random initializers whose spread is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnfast.initializers.initializer import RandomInitializer, truncated_normal
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RandomNormal(RandomInitializer):
    """Values from a normal distribution.

    Args:
        mean: Its mean.
        stddev: Its standard deviation.
        seed: Own seed; None follows `cnnfast.set_random_seed`.

    Example:
        >>> RandomNormal(seed=0)((3, 2)).shape
        (3, 2)
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", real_number(self.mean, "mean", -math.inf))
        object.__setattr__(self, "stddev", real_number(self.stddev, "stddev"))

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        normal = self._generator(generator, self.seed).standard_normal(shape, np.float32)
        return normal * np.float32(self.stddev) + np.float32(self.mean)


@dataclass(frozen=True)
class TruncatedNormal(RandomInitializer):
    """Values from a normal distribution, drawn again where they lie beyond two standard deviations.

    Args:
        mean: Its mean.
        stddev: Its standard deviation before the cut.
        seed: Own seed; None follows `cnnfast.set_random_seed`.

    Example:
        >>> float(abs(TruncatedNormal(stddev=1.0, seed=0)((1000,))).max()) <= 2
        True
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", real_number(self.mean, "mean", -math.inf))
        object.__setattr__(self, "stddev", real_number(self.stddev, "stddev"))

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        normal = truncated_normal(shape, self._generator(generator, self.seed))
        return normal * np.float32(self.stddev) + np.float32(self.mean)


@dataclass(frozen=True)
class RandomUniform(RandomInitializer):
    """Values from a uniform distribution over [minval, maxval).

    Args:
        minval: Lower end.
        maxval: Upper end.
        seed: Own seed; None follows `cnnfast.set_random_seed`.

    Example:
        >>> float(abs(RandomUniform(seed=0)((1000,))).max()) <= 0.05
        True
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("minval", "maxval"):
            object.__setattr__(self, name, real_number(getattr(self, name), name, -math.inf))

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        unit = self._generator(generator, self.seed).random(shape, np.float32)
        return unit * np.float32(self.maxval - self.minval) + np.float32(self.minval)
