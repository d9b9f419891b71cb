"""Layers that disturb values while training, and leave them alone otherwise.

Random numbers are made of the model's seed, the step, the layer and a number's place alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import not_offered, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config

# Where SELU's outputs end for very small inputs.
_SELU_LIMIT = -1.7580993408473766


def _uniform(like: Value) -> Value:
    from cnnfast.ops.formula import formula

    return formula("random", like)  # in [0, 1)


def normal(like: Value) -> Any:
    """Of mean 0 and deviation 1, by Box and Muller."""
    from cnnfast import ops

    radius = ops.sqrt(-2.0 * ops.log(1.0 - _uniform(like)))
    return radius * ops.cos(2.0 * math.pi * _uniform(like))


class _Noise(Layer):
    """What disturbs values by a rate or a deviation."""

    argument: ClassVar[str] = "rate"

    def __init__(self, amount: float, seed: None, **options: Unpack[LayerOptions]) -> None:
        not_offered(type(self).__name__, seed=(seed, None))
        super().__init__(**options)
        below = 1.0 if self.argument == "rate" else math.inf
        self._amount = real_number(amount, self.argument, below=below)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the values that it makes."""
        return self._disturbed(inputs) if training and self._amount else inputs

    def _disturbed(self, inputs: Any) -> Any:
        raise NotImplementedError

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), self.argument: self._amount}


class GaussianNoise(_Noise):
    """Adds normal noise while training.

    Formula: out = in + stddev * n, n normal of mean 0 and deviation 1

    Args:
        stddev: Deviation of the noise, at least 0.
        seed: Keras's argument, which must be None; `cnnfast.set_random_seed` seeds all.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Keras 3, `keras.layers.GaussianNoise`.

    Example:
        >>> import numpy as np
        >>> GaussianNoise(0.1)(np.ones((1, 2)))
        array([[1., 1.]], dtype=float32)
    """

    argument = "stddev"

    def __init__(self, stddev: float, seed: None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(stddev, seed, **options)
        self.stddev = self._amount

    def _disturbed(self, inputs: Any) -> Any:
        return inputs + self.stddev * normal(inputs)


class GaussianDropout(_Noise):
    """Multiplies by normal noise of mean 1 while training.

    Formula: out = in * (1 + sqrt(rate / (1 - rate)) * n), n normal of mean 0 and deviation 1

    Args:
        rate: As in `Dropout`, whose deviation the noise has; in [0, 1).
        seed: Keras's argument, which must be None; `cnnfast.set_random_seed` seeds all.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Srivastava et al., 2014; Keras 3, `keras.layers.GaussianDropout`.

    Example:
        >>> import numpy as np
        >>> GaussianDropout(0.1)(np.ones((1, 2)))
        array([[1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(rate, seed, **options)
        self.rate = self._amount

    def _disturbed(self, inputs: Any) -> Any:
        return inputs * (1.0 + math.sqrt(self.rate / (1.0 - self.rate)) * normal(inputs))


class AlphaDropout(_Noise):
    """Sets a random share of the values to SELU's limit while training, and keeps mean and variance.

    Formula: out = a * (in where kept, else l) + b, l = -1.7581, a = ((1 - rate) (1 + rate l^2))^(-1/2),
    b = -a l rate

    Args:
        rate: Share that is set, in [0, 1).
        noise_shape, seed: Keras's arguments, which must be None; `cnnfast.set_random_seed` seeds all.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Klambauer et al., 2017; Keras 3, `keras.layers.AlphaDropout`.

    Example:
        >>> import numpy as np
        >>> AlphaDropout(0.1)(np.ones((1, 2)))
        array([[1., 1.]], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: None = None, seed: None = None, **options: Unpack[LayerOptions]
    ) -> None:
        not_offered("AlphaDropout", noise_shape=(noise_shape, None))
        super().__init__(rate, seed, **options)
        self.rate = self._amount

    def _disturbed(self, inputs: Any) -> Any:
        from cnnfast import ops

        scale = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * _SELU_LIMIT**2))
        kept = ops.greater_equal(_uniform(inputs), self.rate)
        return scale * ops.where(kept, inputs, _SELU_LIMIT) - scale * _SELU_LIMIT * self.rate


class _SpatialDropout(_Noise):
    rank: ClassVar[int]

    def __init__(
        self, rate: float, data_format: str | None, seed: None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(rate, seed, **options)
        self.rate = self._amount
        self.data_format = resolve_data_format(data_format)

    def _disturbed(self, inputs: Any) -> Any:
        from cnnfast import ops

        if len(inputs.dims) != self.rank + 1:
            raise ValueError(
                f"layer {self.name!r} takes {self.rank} spatial axes and channels, got shape {inputs.shape}"
            )
        channel = 0 if self.data_format == "channels_first" else self.rank
        ranges = [(0, 1, size if i == channel else 1) for i, size in enumerate(inputs.dims)]
        graph = inputs.graph
        pixel = graph.value(graph.slice(inputs.number, ranges, graph.named("pixel")))
        kept = ops.greater_equal(_uniform(pixel), self.rate)
        return inputs * (kept / (1.0 - self.rate))


class SpatialDropout1D(_SpatialDropout):
    """Sets a random share of the channels of sequences to 0 while training.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0, for whole channels.

    Args:
        rate: Share that is set to 0, in [0, 1).
        seed: Keras's argument, which must be None; `cnnfast.set_random_seed` seeds all.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, length, channels), unchanged.

    Source:
        Tompson et al., 2014; Keras 3, `keras.layers.SpatialDropout1D`.

    Example:
        >>> import numpy as np
        >>> SpatialDropout1D(0.5)(np.ones((1, 1, 2)))
        array([[[1., 1.]]], dtype=float32)
    """

    rank = 1

    def __init__(self, rate: float, seed: None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(rate, "channels_last", seed, **options)


class SpatialDropout2D(_SpatialDropout):
    """Sets a random share of the channels of images to 0 while training.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0, for whole channels.

    Args:
        rate: Share that is set to 0, in [0, 1).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Keras's argument, which must be None; `cnnfast.set_random_seed` seeds all.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged.

    Source:
        Tompson et al., 2014; Keras 3, `keras.layers.SpatialDropout2D`.

    Example:
        >>> SpatialDropout2D(0.5).rate
        0.5
    """

    rank = 2

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(rate, data_format, seed, **options)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format}


class SpatialDropout3D(SpatialDropout2D):
    """Sets a random share of the channels of volumes to 0 while training.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0, for whole channels.

    Args:
        rate: Share that is set to 0, in [0, 1).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Keras's argument, which must be None; `cnnfast.set_random_seed` seeds all.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, depth, height, width, channels) or (n, channels, depth, height, width), unchanged.

    Source:
        Tompson et al., 2014; Keras 3, `keras.layers.SpatialDropout3D`.

    Example:
        >>> SpatialDropout3D(0.5).rate
        0.5
    """

    rank = 3
