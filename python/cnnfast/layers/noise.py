"""Layers that disturb values while training, and leave them alone otherwise.

Random numbers are made of the model's seed, the step, the layer and a number's place alone; or, where a layer
has a seed, of that, the step and the place. In predictions, which draw where a call says `training=True`, the
prediction's number stands for the step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import open_shape, real_number, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config

# Where SELU's outputs end for very small inputs.
_SELU_LIMIT = -1.7580993408473766


def uniform(like: Value, seed: int | None, draw: int = 0) -> Value:
    """Returns numbers in [0, 1) of a shape; those of a seed are others in each draw.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> with graph.within():
        ...     uniform(graph.value(graph.input((3,), "x")), None)
        <Value shape=(None, 3)>
    """
    from cnnfast.ops.formula import formula

    bits = None if seed is None else int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])
    return formula("random", like, seed=bits)


def normal(like: Value, seed: int | None, draw: int = 0) -> Any:
    """Returns numbers of mean 0 and deviation 1, by Box and Muller; they take two draws.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> with graph.within():
        ...     normal(graph.value(graph.input((3,), "x")), None)
        <Value shape=(None, 3)>
    """
    from cnnfast import ops

    radius = ops.sqrt(-2.0 * ops.log(1.0 - uniform(like, seed, draw)))
    return radius * ops.cos(2.0 * math.pi * uniform(like, seed, draw + 1))


def own_seed(seed: Any) -> int | None:
    """Returns a layer's seed as a number.

    Example:
        >>> own_seed(3)
        3
    """
    return None if seed is None else whole_number(seed, "seed", 0)


def own_noise_shape(noise_shape: Any) -> tuple[int | None, ...] | None:
    """Returns a shape of noise as a tuple.

    Raises:
        ValueError: If it is none.

    Example:
        >>> own_noise_shape([None, 1, 5])
        (None, 1, 5)
    """
    return None if noise_shape is None else open_shape(noise_shape, "noise_shape")


def check_noise_shape(noise_shape: Sequence[int | None], shape: Sequence[int | None]) -> None:
    """Refuses a shape of noise that does not suit the shape of what is disturbed; None in it suits any.

    Raises:
        ValueError: If it does not.

    Example:
        >>> check_noise_shape((None, 1, 5), (32, 4, 5))
    """
    if len(noise_shape) != len(shape) or any(
        wanted not in (None, 1, size)
        for wanted, size in zip(noise_shape, shape, strict=True)
        if size is not None
    ):
        raise ValueError(
            f"noise_shape must have 1, None or the size for each axis of inputs {tuple(shape)}, also for the "
            f"batch's; got {noise_shape}"
        )


def kept(inputs: Value, rate: float, noise_shape: tuple[int | None, ...] | None, seed: int | None) -> Any:
    """Returns 1 with a probability of 1 - rate, else 0, where `noise_shape` says for several numbers at once.

    Args:
        inputs: Of whose shape the result is, or may be broadcast to.
        rate: How many are 0.
        noise_shape: 1 for each axis along which all numbers are alike, else None or the size; None for none.
        seed: The layer's.

    Raises:
        ValueError: If that is no shape for these inputs.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> with graph.within():
        ...     kept(graph.value(graph.input((5, 4), "x")), 0.1, (None, 1, None), None)
        <Value shape=(None, 1, 4)>
    """
    from cnnfast import ops
    from cnnfast.ops.shaping import moved

    like = inputs
    if noise_shape is not None:
        check_noise_shape(noise_shape, inputs.shape)
        dims = [1 if wanted == 1 else size for wanted, size in zip(noise_shape[1:], inputs.dims, strict=True)]
        if noise_shape[0] == 1:
            like = inputs.graph.as_value(np.zeros((1, *dims)))
        else:
            like = moved(inputs, "slice", [(0, 1, size) for size in dims])
    return ops.greater_equal(uniform(like, seed), rate)


def scaled(some: Any, rate: float) -> Any:
    """Returns what `kept` made, so that the mean stays; by a rate of 1 nothing is kept, and 0 stays 0.

    Example:
        >>> scaled(1.0, 0.5), scaled(0.0, 1.0)
        (2.0, 0.0)
    """
    return some / ((1.0 - rate) or 1.0)


class _Noise(Layer):
    """What disturbs values by a rate or a deviation."""

    argument: ClassVar[str] = "rate"
    limits: ClassVar[dict[str, float]] = {"below": 1.0}  # of the argument, as `real_number` takes them

    def __init__(self, amount: float, seed: int | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self._amount = real_number(amount, self.argument, **self.limits)
        self.seed = own_seed(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the values that it makes."""
        return self._disturbed(inputs) if training and self._amount else inputs

    def _disturbed(self, inputs: Any) -> Any:
        raise NotImplementedError

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), self.argument: self._amount, "seed": self.seed}


class GaussianNoise(_Noise):
    """Adds normal noise while training.

    Formula: out = in + stddev * n, n normal of mean 0 and deviation 1

    Args:
        stddev: Deviation of the noise, at least 0.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
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
    limits: ClassVar[dict[str, float]] = {}

    def __init__(self, stddev: float, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(stddev, seed, **options)
        self.stddev = self._amount

    def _disturbed(self, inputs: Any) -> Any:
        return inputs + self.stddev * normal(inputs, self.seed)


class GaussianDropout(_Noise):
    """Multiplies by normal noise of mean 1 while training.

    Formula: out = in * (1 + sqrt(rate / (1 - rate)) * n), n normal of mean 0 and deviation 1

    Args:
        rate: As in `Dropout`, whose deviation the noise has; in [0, 1).
        seed: Own seed; None follows `cnnfast.set_random_seed`.
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

    def __init__(self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(rate, seed, **options)
        self.rate = self._amount

    def _disturbed(self, inputs: Any) -> Any:
        return inputs * (1.0 + math.sqrt(self.rate / (1.0 - self.rate)) * normal(inputs, self.seed))


class AlphaDropout(_Noise):
    """Sets a random share of the values to SELU's limit while training, and keeps mean and variance.

    Formula: out = a * (in where kept, else l) + b, l = -1.7581, a = ((1 - rate) (1 + rate l^2))^(-1/2),
    b = -a l rate

    Args:
        rate: Share that is set, in [0, 1).
        noise_shape: 1 for each axis along which all are set or none, else None or the size; the batch's axis
            is the first. None for values one by one.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
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
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(rate, seed, **options)
        self.rate = self._amount
        self.noise_shape = own_noise_shape(noise_shape)

    def _disturbed(self, inputs: Any) -> Any:
        from cnnfast import ops

        scale = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * _SELU_LIMIT**2))
        some = kept(inputs, self.rate, self.noise_shape, self.seed)
        return scale * ops.where(some, inputs, _SELU_LIMIT) - scale * _SELU_LIMIT * self.rate

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "noise_shape": self.noise_shape}


class _SpatialDropout(_Noise):
    rank: ClassVar[int]
    limits: ClassVar[dict[str, float]] = {"at_most": 1.0}

    def __init__(
        self, rate: float, data_format: str | None, seed: int | None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(rate, seed, **options)
        self.rate = self._amount
        self.data_format = resolve_data_format(data_format)

    def _disturbed(self, inputs: Any) -> Any:
        if len(inputs.dims) != self.rank + 1:
            raise ValueError(
                f"layer {self.name!r} takes {self.rank} spatial axes and channels, got shape {inputs.shape}"
            )
        pixel = (1,) * self.rank
        first = self.data_format == "channels_first"
        shape = (None, None, *pixel) if first else (None, *pixel, None)
        return inputs * scaled(kept(inputs, self.rate, shape, self.seed), self.rate)


class SpatialDropout1D(_SpatialDropout):
    """Sets a random share of the channels of sequences to 0 while training.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0, for whole channels.

    Args:
        rate: Share that is set to 0, in [0, 1].
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        name: Its name in the model; None makes one up.
        dtype: "float32" or None.
        options: Arguments of every layer: `trainable`, `input_shape`.

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

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(rate, "channels_last", seed, name=name, dtype=dtype, **options)


class SpatialDropout2D(_SpatialDropout):
    """Sets a random share of the channels of images to 0 while training.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0, for whole channels.

    Args:
        rate: Share that is set to 0, in [0, 1].
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        name: Its name in the model; None makes one up.
        dtype: "float32" or None.
        options: Arguments of every layer: `trainable`, `input_shape`.

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
        seed: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(rate, data_format, seed, name=name, dtype=dtype, **options)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format}


class SpatialDropout3D(SpatialDropout2D):
    """Sets a random share of the channels of volumes to 0 while training.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0, for whole channels.

    Args:
        rate: Share that is set to 0, in [0, 1].
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        name: Its name in the model; None makes one up.
        dtype: "float32" or None.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, depth, height, width, channels) or (n, channels, depth, height, width), unchanged.

    Source:
        Tompson et al., 2014; Keras 3, `keras.layers.SpatialDropout3D`.

    Example:
        >>> SpatialDropout3D(0.5).rate
        0.5
    """

    rank = 3
