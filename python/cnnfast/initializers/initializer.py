"""What every initializer has in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import random_generator
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.samples import check_weights
from cnnfast.utils.serialization import Configured

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Initializer(Configured):
    """Base of the initializers: called with a shape, returns float32 values.

    Your own may be a subclass with `__call__(self, shape, dtype=None)`, as in Keras, or a function of these.
    """

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, generator: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """Returns an array of values.

        Args:
            shape: Shape of the weights, as Keras lays them out: (height, width, in, out) or (in, out).
            dtype: Keras's argument; None or "float32".
            generator: Source of random numbers; None takes the one behind `set_random_seed`.
        """
        not_offered(type(self).__name__, dtype=(dtype, None))
        values = self._values(tuple(shape), generator)
        return np.require(values, np.float32, ["C"])  # ascontiguousarray gives () an axis

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        raise NotImplementedError


class RandomInitializer(Initializer):
    """Base of the random ones; an own seed makes the values independent of everything else."""

    def _generator(self, generator: np.random.Generator | None, seed: int | None) -> np.random.Generator:
        if seed is not None:
            return np.random.default_rng(seed)
        return random_generator() if generator is None else generator


def first_values(
    initializer: Callable[..., Any], shape: Sequence[int], seed: int | Sequence[int]
) -> NDArray[np.float32]:
    """Returns what an initializer or a user's function of (shape, dtype) makes of a shape.

    Args:
        initializer: The initializer.
        shape: The shape.
        seed: What chance begins with, for initializers of ours that have any.

    Example:
        >>> first_values(lambda shape, dtype=None: np.ones(shape), (2,), 0)
        array([1., 1.], dtype=float32)
    """
    if not isinstance(initializer, Initializer) or type(initializer).__call__ is not Initializer.__call__:
        return check_weights(initializer(shape, dtype="float32"), tuple(shape), "initializer's values")
    # A generator takes longer to make than most values.
    chance = isinstance(initializer, RandomInitializer)
    return initializer(shape, generator=np.random.default_rng(seed) if chance else None)


def fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Returns (fan_in, fan_out): inputs and outputs of a unit, times the receptive field.

    Formula: prod(shape[:-2]) * shape[-2], prod(shape[:-2]) * shape[-1]; for a vector its length, twice. Where
    both are given, the products of the sizes of `input_axes` and of `output_axes`.

    Source:
        Keras 3, `compute_fans`.

    Example:
        >>> fans((3, 3, 16, 32)), fans((784, 10))
        ((144, 288), (784, 10))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
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
