"""Random numbers by Keras's names, as arrays; and, in a layer's `call`, as part of the compiled step.

A number as seed gives the same numbers in every call, a `SeedGenerator` others in each, and None follows
`cnnfast.set_random_seed`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import next_seed, random_generator
from cnnfast.initializers import initializer
from cnnfast.layers import noise
from cnnfast.layers.tracing import Value, as_sizes, current_tracing
from cnnfast.utils.arguments import not_offered, real_number, whole_number
from cnnfast.utils.missing import missing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self

    from cnnfast.utils.serialization import Config

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedGenerator:
    """A seed that moves on with each use.

    Args:
        seed: A whole number, 0 or more; None draws one that follows `cnnfast.set_random_seed`.
        name: Its name.

    Raises:
        ValueError: If `seed` is no such number.

    Source:
        Keras 3, `keras.random.SeedGenerator`.

    Example:
        >>> seed = SeedGenerator(3)
        >>> bool((normal((2,), seed=seed) == normal((2,), seed=seed)).any())
        False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.name = "seed_generator" if name is None else name
        self._given = seed
        self.seed = next_seed() if seed is None else whole_number(seed, "seed", 0)
        self.count = 0  # how often it was used

    def next(self) -> tuple[int, int]:
        """Returns the seed and the number of this use."""
        self.count += 1
        return self.seed, self.count - 1

    def get_config(self) -> Config:
        """Returns the arguments that make an equal one."""
        return {"seed": self._given, "name": self.name}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the one that `config` describes, at its first number."""
        return cls(**config)


Seed = int | SeedGenerator | None
Shape = Sequence[int | None]


def _generator(seed: Seed) -> np.random.Generator:
    if current_tracing() is not None:
        raise ValueError(
            "this function of cnnfast.random makes arrays, which a layer's call would repeat for ever; use "
            "normal, uniform, randint or dropout there"
        )
    if seed is None:
        return random_generator()
    return np.random.default_rng(
        seed.next() if isinstance(seed, SeedGenerator) else whole_number(seed, "seed", 0)
    )


def _bits(seed: Seed) -> int | None:
    """The seed of a layer's noise, whose numbers are others in each step of training."""
    if isinstance(seed, SeedGenerator):
        return int(np.random.SeedSequence(seed.next()).generate_state(1)[0])
    return noise.own_seed(seed)


def _like(shape: Shape) -> Value | None:
    """What stands for zeros of a shape where a layer is traced; the batch's axis is None. Else None."""
    from cnnfast import ops

    graph = current_tracing()
    if graph is None:
        return None
    sizes = tuple(as_sizes(tuple(shape)))
    if not sizes or sizes[0] is not None:
        return graph.as_value(np.zeros([whole_number(each, "a size of shape", 1) for each in sizes]))
    first = graph.value(graph.inputs[0])
    one = ops.reshape(first[(slice(None), *(0,) * len(first.dims))], (None, *(1,) * (len(sizes) - 1)))
    made: Value = ops.broadcast_to(one, sizes)
    return made


def _sizes(shape: Shape) -> tuple[int, ...]:
    return tuple(whole_number(each, "a size of shape", 0) for each in shape)


def normal(shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Any:
    """Draws numbers of a normal distribution.

    Args:
        shape: Their shape. In a layer's `call` the batch's axis is None, as in `ops.shape(inputs)`; there,
            numbers are others in each step of training and each prediction of a model.
        mean: Their mean.
        stddev: Their standard deviation, at least 0.
        dtype: "float32" or None.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Keras 3, `keras.random.normal`.

    Example:
        >>> normal((2, 3), seed=0).shape
        (2, 3)
    """
    not_offered("normal", dtype=(dtype, None))
    mean, stddev = real_number(mean, "mean", -math.inf), real_number(stddev, "stddev")
    like = _like(shape)
    if like is not None:
        return mean + stddev * noise.normal(like, _bits(seed))
    return (mean + stddev * _generator(seed).standard_normal(_sizes(shape))).astype(np.float32)


def uniform(
    shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Any:
    """Draws numbers that are equally likely in [minval, maxval).

    Args:
        shape: Their shape; in a layer's `call`, see `normal`.
        minval: The lower limit.
        maxval: The upper limit.
        dtype: "float32" or None; a type of whole numbers draws as `randint`.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Keras 3, `keras.random.uniform`.

    Example:
        >>> x = uniform((100,), 2.0, 3.0, seed=0)
        >>> bool((x >= 2).all() and (x < 3).all())
        True
    """
    if dtype is not None and "int" in str(dtype):
        return randint(shape, int(minval), int(maxval), dtype, seed)
    not_offered("uniform", dtype=(dtype, None))
    low, high = real_number(minval, "minval", -math.inf), real_number(maxval, "maxval", -math.inf)
    like = _like(shape)
    if like is not None:
        return low + (high - low) * noise.uniform(like, _bits(seed))
    drawn = _generator(seed).random(_sizes(shape), np.float32)
    return np.float32(low) + np.float32(high - low) * drawn


def randint(shape: Shape, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Draws whole numbers from minval to maxval - 1, each as likely.

    Args:
        shape: Their shape; in a layer's `call`, see `normal`.
        minval: The lowest.
        maxval: One more than the highest.
        dtype: A type of whole numbers.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If there is no number to draw.

    Source:
        Keras 3, `keras.random.randint`.

    Example:
        >>> sorted(set(randint((100,), 3, 6, seed=0).tolist()))
        [3, 4, 5]
    """
    if minval >= maxval:
        raise ValueError(f"randint needs minval below maxval, got {minval} and {maxval}")
    like = _like(shape)
    if like is not None:
        from cnnfast import ops

        return ops.floor(minval + (maxval - minval) * noise.uniform(like, _bits(seed)))
    return _generator(seed).integers(minval, maxval, _sizes(shape)).astype(dtype)


def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None
) -> NDArray[np.float32]:
    """Draws numbers of a normal distribution, again where they lie more than two deviations off the mean.

    Args:
        shape: Their shape.
        mean: The distribution's mean.
        stddev: Its standard deviation before what lies outside is left out.
        dtype: "float32" or None.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If an argument is out of its range, or in a layer's `call`.

    Source:
        Keras 3, `keras.random.truncated_normal`.

    Example:
        >>> bool((abs(truncated_normal((1000,), seed=0)) <= 2).all())
        True
    """
    not_offered("truncated_normal", dtype=(dtype, None))
    mean, stddev = real_number(mean, "mean", -math.inf), real_number(stddev, "stddev")
    drawn = initializer.truncated_normal(_sizes(shape), _generator(seed))
    return np.float32(mean) + np.float32(stddev) * drawn


def categorical(logits: ArrayLike, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> NDArray[Any]:
    """Draws class numbers, as likely as the softmax of each row says.

    Args:
        logits: Logarithms of probabilities but for a summand, (n, classes).
        num_samples: How many to draw for each row.
        dtype: A type of whole numbers.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Returns:
        (n, num_samples)

    Raises:
        ValueError: If there are no rows of logits, or in a layer's `call`.

    Source:
        Keras 3, `keras.random.categorical`.

    Example:
        >>> categorical([[0.0, 50.0, 0.0]], 4, seed=0)
        array([[1, 1, 1, 1]], dtype=int32)
    """
    rows = np.asarray(logits, np.float64)
    if rows.ndim != 2 or not rows.shape[1]:
        raise ValueError(f"categorical takes logits of shape (n, classes), got {rows.shape}")
    count = whole_number(num_samples, "num_samples", 0)
    drawn = _generator(seed).gumbel(size=(len(rows), count, rows.shape[1]))
    places: NDArray[np.int64] = (rows[:, None] + drawn).argmax(-1)
    return places.astype(dtype)


def dropout(inputs: Any, rate: float, noise_shape: Shape | None = None, seed: Seed = None) -> Any:
    """Sets a random share of the values to 0 and divides the others by 1 - rate.

    Args:
        inputs: An array; or, in a layer's `call`, what stands for one.
        rate: Share that is set to 0, in [0, 1].
        noise_shape: 1 for each axis along which all are set or none, else None or the size.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Keras 3, `keras.random.dropout`.

    Example:
        >>> sorted(set(dropout(np.ones(100), 0.5, seed=0).tolist()))
        [0.0, 2.0]
    """
    rate = real_number(rate, "rate", at_most=1.0)
    own = noise.own_noise_shape(noise_shape)
    if isinstance(inputs, Value):
        return inputs * noise.scaled(noise.kept(inputs, rate, own, _bits(seed)), rate)
    values = np.asarray(inputs, np.float32)
    sizes = values.shape
    if own is not None:
        noise.check_noise_shape(own, sizes)
        sizes = tuple(size if wanted is None else wanted for wanted, size in zip(own, sizes, strict=True))
    kept = _generator(seed).random(sizes, np.float32) >= rate
    return (values * noise.scaled(kept, rate)).astype(np.float32)


def shuffle(x: ArrayLike, axis: int = 0, seed: Seed = None) -> NDArray[Any]:
    """Returns what lies along an axis in another order.

    Args:
        x: An array.
        axis: The axis.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If there is no such axis, or in a layer's `call`.

    Source:
        Keras 3, `keras.random.shuffle`.

    Example:
        >>> sorted(shuffle([3, 1, 2], seed=0).tolist())
        [1, 2, 3]
    """
    return _generator(seed).permutation(np.asarray(x), axis)


def gamma(shape: Shape, alpha: ArrayLike, dtype: Any = None, seed: Seed = None) -> NDArray[np.float32]:
    """Draws numbers of a gamma distribution of scale 1.

    Args:
        shape: Their shape.
        alpha: The distribution's shape, above 0; one number, or what broadcasts to the shape.
        dtype: "float32" or None.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If an argument is out of its range, or in a layer's `call`.

    Source:
        Keras 3, `keras.random.gamma`.

    Example:
        >>> bool((gamma((5,), 2.0, seed=0) > 0).all())
        True
    """
    not_offered("gamma", dtype=(dtype, None))
    return _generator(seed).gamma(_positive(alpha, "alpha"), size=_sizes(shape)).astype(np.float32)


def beta(
    shape: Shape, alpha: ArrayLike, beta: ArrayLike, dtype: Any = None, seed: Seed = None
) -> NDArray[np.float32]:
    """Draws numbers of a beta distribution.

    Args:
        shape: Their shape.
        alpha: The one exponent, above 0; one number, or what broadcasts to the shape.
        beta: The other one.
        dtype: "float32" or None.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If an argument is out of its range, or in a layer's `call`.

    Source:
        Keras 3, `keras.random.beta`.

    Example:
        >>> x = beta((5,), 2.0, 3.0, seed=0)
        >>> bool((x > 0).all() and (x < 1).all())
        True
    """
    not_offered("beta", dtype=(dtype, None))
    exponents = _positive(alpha, "alpha"), _positive(beta, "beta")
    return _generator(seed).beta(*exponents, size=_sizes(shape)).astype(np.float32)


def binomial(
    shape: Shape, counts: ArrayLike, probabilities: ArrayLike, dtype: Any = None, seed: Seed = None
) -> NDArray[np.float32]:
    """Draws how often something happens in a number of trials.

    Args:
        shape: Of what is drawn.
        counts: How many trials there are, at least 0; one number, or what broadcasts to the shape.
        probabilities: How likely it is in each, in [0, 1], likewise.
        dtype: "float32" or None.
        seed: A whole number, a `SeedGenerator`, or None, which follows `cnnfast.set_random_seed`.

    Raises:
        ValueError: If an argument is out of its range, or in a layer's `call`.

    Source:
        Keras 3, `keras.random.binomial`.

    Example:
        >>> binomial((3,), 4, 1.0, seed=0)
        array([4., 4., 4.], dtype=float32)
    """
    not_offered("binomial", dtype=(dtype, None))
    trials = np.asarray(counts, np.int64)
    return _generator(seed).binomial(trials, np.asarray(probabilities), _sizes(shape)).astype(np.float32)


def _positive(value: ArrayLike, name: str) -> NDArray[np.float64]:
    numbers = np.asarray(value, np.float64)
    if not (numbers > 0).all():
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return numbers


if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
