"""Random initializers whose spread follows from the layer's fans, so that signals keep their size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from cnnfast.initializers.initializer import RandomInitializer, fans, truncated_normal
from cnnfast.utils.arguments import one_of, real_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["uniform", "truncated_normal", "untruncated_normal", "normal"]

# Standard deviation of a standard normal cut at -2 and 2; dividing by it restores the wanted variance.
_TRUNCATED_STDDEV = 0.87962566103423978


def _draw(
    shape: tuple[int, ...], generator: np.random.Generator, variance: float, distribution: str
) -> NDArray[np.float32]:
    if distribution == "uniform":
        return (generator.random(shape, np.float32) * 2 - 1) * np.float32(math.sqrt(3 * variance))
    if distribution == "untruncated_normal":
        return generator.standard_normal(shape, np.float32) * np.float32(math.sqrt(variance))
    return truncated_normal(shape, generator) * np.float32(math.sqrt(variance) / _TRUNCATED_STDDEV)


def _variance(scale: float, mode: Mode, fan_in: int, fan_out: int) -> float:
    units = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    return scale / max(1.0, units)


class VarianceScaling(RandomInitializer):
    """Values of variance scale / n, where n is the number of inputs or outputs of a unit, or their mean.

    Args:
        scale: Factor of the variance, above 0.
        mode: What n is: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Axes that count as inputs and outputs, both or neither; None: a kernel's.

    Source:
        Keras 3, `keras.initializers.VarianceScaling`.

    Example:
        >>> float(abs(VarianceScaling(3.0, "fan_out", "uniform", seed=0)((50, 9))).max()) <= 1
        True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: Mode = "fan_in",
        distribution: Distribution = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if not real_number(scale, "scale") > 0:
            raise ValueError(f"scale must be above 0, got {scale!r}")
        one_of(mode, "mode", ("fan_in", "fan_out", "fan_avg"))
        kind = str(distribution).lower()
        kind = "truncated_normal" if kind == "normal" else kind
        one_of(kind, "distribution", ("uniform", "truncated_normal", "untruncated_normal"))
        self.scale, self.mode, self.distribution = scale, mode, kind
        self.seed, self.input_axes, self.output_axes = seed, input_axes, output_axes

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        variance = _variance(self.scale, self.mode, *fans(shape, self.input_axes, self.output_axes))
        return _draw(shape, self._generator(generator, self.seed), variance, self.distribution)


class _Scaled(RandomInitializer):
    scale: ClassVar[float]
    mode: ClassVar[Mode] = "fan_in"
    distribution: ClassVar[Distribution]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        self.seed, self.input_axes, self.output_axes = seed, input_axes, output_axes

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        variance = _variance(self.scale, self.mode, *fans(shape, self.input_axes, self.output_axes))
        return _draw(shape, self._generator(generator, self.seed), variance, self.distribution)


class GlorotUniform(_Scaled):
    """Uniform over [-limit, limit], limit = sqrt(6 / (fan_in + fan_out)); the default of kernels.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Axes that count as inputs and outputs, both or neither; None: a kernel's.

    Source:
        Glorot and Bengio, 2010.

    Example:
        >>> float(abs(GlorotUniform(seed=0)((3, 3, 1, 5))).max()) <= (6 / (9 + 45)) ** 0.5
        True
    """

    scale = 1.0
    mode = "fan_avg"
    distribution = "uniform"


class GlorotNormal(_Scaled):
    """Truncated normal of variance 2 / (fan_in + fan_out).

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Axes that count as inputs and outputs, both or neither; None: a kernel's.

    Source:
        Glorot and Bengio, 2010.

    Example:
        >>> round(float(GlorotNormal(seed=0)((100, 100)).std()), 2)
        0.1
    """

    scale = 1.0
    mode = "fan_avg"
    distribution = "truncated_normal"


class HeUniform(_Scaled):
    """Uniform over [-limit, limit], limit = sqrt(6 / fan_in); suits ReLU.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Axes that count as inputs and outputs, both or neither; None: a kernel's.

    Source:
        He et al., 2015.

    Example:
        >>> float(abs(HeUniform(seed=0)((6, 50))).max()) <= 1
        True
    """

    scale = 2.0
    distribution = "uniform"


class HeNormal(_Scaled):
    """Truncated normal of variance 2 / fan_in; suits ReLU.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Axes that count as inputs and outputs, both or neither; None: a kernel's.

    Source:
        He et al., 2015.

    Example:
        >>> round(float(HeNormal(seed=0)((200, 100)).std()), 2)
        0.1
    """

    scale = 2.0
    distribution = "truncated_normal"


class LecunUniform(_Scaled):
    """Uniform over [-limit, limit], limit = sqrt(3 / fan_in).

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Axes that count as inputs and outputs, both or neither; None: a kernel's.

    Source:
        LeCun et al., Efficient BackProp, 1998.

    Example:
        >>> float(abs(LecunUniform(seed=0)((3, 50))).max()) <= 1
        True
    """

    scale = 1.0
    distribution = "uniform"


class LecunNormal(_Scaled):
    """Truncated normal of variance 1 / fan_in.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Axes that count as inputs and outputs, both or neither; None: a kernel's.

    Source:
        LeCun et al., Efficient BackProp, 1998.

    Example:
        >>> round(float(LecunNormal(seed=0)((100, 200)).std()), 2)
        0.1
    """

    scale = 1.0
    distribution = "truncated_normal"
