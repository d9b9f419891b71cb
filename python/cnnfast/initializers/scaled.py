"""Random initializers whose spread follows from the layer's fans, so that signals keep their size."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnfast.initializers.initializer import RandomInitializer, fans, truncated_normal
from cnnfast.utils.arguments import not_offered

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Standard deviation of a standard normal cut at -2 and 2; dividing by it restores the wanted variance.
_TRUNCATED_STDDEV = 0.87962566103423978


@dataclass(frozen=True)
class _Scaled(RandomInitializer):
    seed: int | None = None
    input_axes: InitVar[None] = None
    output_axes: InitVar[None] = None

    def __post_init__(self, input_axes: None, output_axes: None) -> None:
        not_offered(type(self).__name__, input_axes=(input_axes, None), output_axes=(output_axes, None))

    def _variance(self, fan_in: int, fan_out: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class _ScaledUniform(_Scaled):
    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        limit = np.float32(math.sqrt(3 * self._variance(*fans(shape))))
        return (self._generator(generator, self.seed).random(shape, np.float32) * 2 - 1) * limit


@dataclass(frozen=True)
class _ScaledNormal(_Scaled):
    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        stddev = math.sqrt(self._variance(*fans(shape))) / _TRUNCATED_STDDEV
        return truncated_normal(shape, self._generator(generator, self.seed)) * np.float32(stddev)


def _glorot(fan_in: int, fan_out: int) -> float:
    return 2 / max(1, fan_in + fan_out)


def _he(fan_in: int) -> float:
    return 2 / max(1, fan_in)


def _lecun(fan_in: int) -> float:
    return 1 / max(1, fan_in)


@dataclass(frozen=True)
class GlorotUniform(_ScaledUniform):
    """Uniform over [-limit, limit], limit = sqrt(6 / (fan_in + fan_out)); the default of kernels.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Not offered; must be None.

    Source:
        Glorot and Bengio, 2010.

    Example:
        >>> float(abs(GlorotUniform(seed=0)((3, 3, 1, 5))).max()) <= (6 / (9 + 45)) ** 0.5
        True
    """

    def _variance(self, fan_in: int, fan_out: int) -> float:
        return _glorot(fan_in, fan_out)


@dataclass(frozen=True)
class GlorotNormal(_ScaledNormal):
    """Truncated normal of variance 2 / (fan_in + fan_out).

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Not offered; must be None.

    Source:
        Glorot and Bengio, 2010.

    Example:
        >>> round(float(GlorotNormal(seed=0)((100, 100)).std()), 2)
        0.1
    """

    def _variance(self, fan_in: int, fan_out: int) -> float:
        return _glorot(fan_in, fan_out)


@dataclass(frozen=True)
class HeUniform(_ScaledUniform):
    """Uniform over [-limit, limit], limit = sqrt(6 / fan_in); suits ReLU.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Not offered; must be None.

    Source:
        He et al., 2015.

    Example:
        >>> float(abs(HeUniform(seed=0)((6, 50))).max()) <= 1
        True
    """

    def _variance(self, fan_in: int, fan_out: int) -> float:
        return _he(fan_in)


@dataclass(frozen=True)
class HeNormal(_ScaledNormal):
    """Truncated normal of variance 2 / fan_in; suits ReLU.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Not offered; must be None.

    Source:
        He et al., 2015.

    Example:
        >>> round(float(HeNormal(seed=0)((200, 100)).std()), 2)
        0.1
    """

    def _variance(self, fan_in: int, fan_out: int) -> float:
        return _he(fan_in)


@dataclass(frozen=True)
class LecunUniform(_ScaledUniform):
    """Uniform over [-limit, limit], limit = sqrt(3 / fan_in).

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Not offered; must be None.

    Source:
        LeCun et al., Efficient BackProp, 1998.

    Example:
        >>> float(abs(LecunUniform(seed=0)((3, 50))).max()) <= 1
        True
    """

    def _variance(self, fan_in: int, fan_out: int) -> float:
        return _lecun(fan_in)


@dataclass(frozen=True)
class LecunNormal(_ScaledNormal):
    """Truncated normal of variance 1 / fan_in.

    Args:
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        input_axes, output_axes: Not offered; must be None.

    Source:
        LeCun et al., Efficient BackProp, 1998.

    Example:
        >>> round(float(LecunNormal(seed=0)((100, 200)).std()), 2)
        0.1
    """

    def _variance(self, fan_in: int, fan_out: int) -> float:
        return _lecun(fan_in)
