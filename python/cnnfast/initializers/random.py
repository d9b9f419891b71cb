"""Random initializers whose spread is given."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cnnfast.initializers.initializer import RandomInitializer, truncated_normal
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = real_number(mean, "mean", -math.inf)
        self.stddev = real_number(stddev, "stddev")
        self.seed = seed

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        normal = self._generator(generator, self.seed).standard_normal(shape, np.float32)
        return normal * np.float32(self.stddev) + np.float32(self.mean)


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

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = real_number(mean, "mean", -math.inf)
        self.stddev = real_number(stddev, "stddev")
        self.seed = seed

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        normal = truncated_normal(shape, self._generator(generator, self.seed))
        return normal * np.float32(self.stddev) + np.float32(self.mean)


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

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = real_number(minval, "minval", -math.inf)
        self.maxval = real_number(maxval, "maxval", -math.inf)
        self.seed = seed

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        unit = self._generator(generator, self.seed).random(shape, np.float32)
        return unit * np.float32(self.maxval - self.minval) + np.float32(self.minval)


class Orthogonal(RandomInitializer):
    """A matrix whose rows or columns, whichever are fewer, are orthogonal and of length `gain`.

    Kernels of more axes are such a matrix of (all axes but the last, the last).

    Args:
        gain: Length of each row or column.
        seed: Own seed; None follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: When called, if the shape has fewer than two axes.

    Source:
        Saxe et al., 2014.

    Example:
        >>> kernel = Orthogonal(seed=0)((3, 2))
        >>> bool(abs(kernel.T @ kernel - np.eye(2)).max() < 1e-6)
        True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = real_number(gain, "gain", -math.inf)
        self.seed = seed

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of two axes or more, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = max(rows, columns), min(rows, columns)
        q, r = np.linalg.qr(self._generator(generator, self.seed).standard_normal(tall))
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)  # else not every such matrix would be as likely
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape).astype(np.float32)
