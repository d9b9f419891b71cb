"""What every initializer has in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnfast.config import random_generator
from cnnfast.utils.serialization import Configured

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Initializer(Configured):
    """Base of the initializers: called with a shape, returns float32 values."""

    def __call__(
        self, shape: Sequence[int], generator: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """Returns an array of values.

        Args:
            shape: Shape of the weights, as Keras lays them out: (height, width, in, out) or (in, out).
            generator: Source of random numbers; None takes the one behind `set_random_seed`.
        """
        values = self._values(tuple(shape), generator)
        return np.ascontiguousarray(values, np.float32)

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        raise NotImplementedError


@dataclass(frozen=True)
class RandomInitializer(Initializer):
    """Base of the random ones; an own seed makes the values independent of everything else."""

    def _generator(self, generator: np.random.Generator | None, seed: int | None) -> np.random.Generator:
        if seed is not None:
            return np.random.default_rng(seed)
        return random_generator() if generator is None else generator


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Returns (fan_in, fan_out): inputs and outputs of a unit, times the receptive field.

    Formula: prod(shape[:-2]) * shape[-2], prod(shape[:-2]) * shape[-1]; for a vector its length, twice.

    Source:
        Keras 3, `compute_fans`.

    Example:
        >>> fans((3, 3, 16, 32)), fans((784, 10))
        ((144, 288), (784, 10))
    """
    if len(shape) < 2:
        length = math.prod(shape)
        return length, length
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def truncated_normal(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float32]:
    """Returns standard normal values, drawn again until they lie within two standard deviations.

    Example:
        >>> bool((abs(truncated_normal((100,), np.random.default_rng(0))) <= 2).all())
        True
    """
    values = generator.standard_normal(math.prod(shape), np.float32)
    outside = np.flatnonzero(np.abs(values) > 2)
    while outside.size:
        values[outside] = generator.standard_normal(outside.size, np.float32)
        outside = outside[np.abs(values[outside]) > 2]
    return values.reshape(shape)
