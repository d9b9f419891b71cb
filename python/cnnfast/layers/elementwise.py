"""Layers that treat each value alone: activations with arguments, scaling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import image_data_format
from cnnfast.layers.layer import Layer
from cnnfast.layers.weighted import Rules
from cnnfast.utils.arguments import entries, real_number, sample_axis, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class LeakyReLU(Layer):
    """Values below 0 are made small.

    Formula: x where x > 0, else negative_slope * x

    Args:
        negative_slope: The slope below 0, at least 0.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Maas et al., 2013; Keras 3, `keras.layers.LeakyReLU`.

    Example:
        >>> import numpy as np
        >>> LeakyReLU(0.5)(np.array([[-1.0, 2.0]]))
        array([[-0.5,  2. ]], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.negative_slope = real_number(negative_slope, "negative_slope")

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops

        return ops.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(Layer):
    """Values below 0 approach a limit.

    Formula: x where x > 0, else alpha * (e^x - 1)

    Args:
        alpha: Minus the limit, at least 0.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Clevert et al., 2016; Keras 3, `keras.layers.ELU`.

    Example:
        >>> import numpy as np
        >>> ELU()(np.array([[0.0, 2.0]]))
        array([[0., 2.]], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.alpha = real_number(alpha, "alpha")

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops

        return ops.elu(inputs, self.alpha)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "alpha": self.alpha}


class PReLU(Layer):
    """Values below 0 are multiplied by slopes that are learnt.

    Formula: x where x > 0, else alpha * x

    Args:
        alpha_initializer: How the slopes begin.
        alpha_regularizer: Penalty on the slopes.
        alpha_constraint: Rule for the slopes after each update.
        shared_axes: Axes along which slopes are the same, counted with the batch's, which is 0: [1, 2] has
            one for each channel of channels_last images.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged. The slopes have the shape of a sample, of size 1 along shared axes.

    Raises:
        ValueError: If there is no such axis.

    Source:
        He et al., 2015; Keras 3, `keras.layers.PReLU`.

    Example:
        >>> import numpy as np
        >>> PReLU(alpha_initializer="ones")(np.array([[-1.0, 2.0]]))
        array([[-1.,  2.]], dtype=float32)
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        Rules.of(alpha_initializer, alpha_regularizer, alpha_constraint).set_on(self, "alpha")
        shared = (shared_axes,) if isinstance(shared_axes, int) else entries(shared_axes)
        self.shared_axes = None if shared is None else [int(axis) for axis in shared]

    def build(self, input_shape: Any) -> None:
        """Makes the slopes."""
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[sample_axis(axis, len(shape), self.name)] = 1
        self.alpha = Rules.on(self, "alpha").weight_of(self, shape, "alpha")

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops

        return ops.where(inputs > 0.0, inputs, self.alpha * inputs)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        rules = Rules.on(self, "alpha").config("alpha")
        return {**super().get_config(), **rules, "shared_axes": self.shared_axes}


class LayerScale(Layer):
    """Each channel times a factor that is learnt and begins small, at the end of a residual branch.

    Formula: gamma * x

    Args:
        init_values: Where the factors begin.
        axis: The axis of the channels, counted with the batch's: -1 for channels_last, 1 for channels_first.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged. Weights (channels,).

    Raises:
        ValueError: If there is no such axis.

    Source:
        Touvron et al., 2021, arXiv:2103.17239; Keras 3, `LayerScale` of `keras.applications.convnext`.

    Example:
        >>> import numpy as np
        >>> LayerScale(0.5)(np.array([[2.0, 4.0]]))
        array([[1., 2.]], dtype=float32)
    """

    def __init__(self, init_values: float = 1e-6, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.init_values = real_number(init_values, "init_values", -math.inf)
        self.axis = whole_number(axis, "axis", -4)

    def build(self, input_shape: Any) -> None:
        """Makes the factors."""
        from cnnfast.initializers import Constant

        axis = sample_axis(self.axis, len(input_shape) - 1, self.name)
        self.gamma = self.add_weight((input_shape[axis + 1],), Constant(self.init_values), name="gamma")
        self._like = [size if place == axis else 1 for place, size in enumerate(input_shape[1:])]

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops

        return inputs * ops.reshape(self.gamma, self._like)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "init_values": self.init_values, "axis": self.axis}


class Rescaling(Layer):
    """Multiplies all values by one number and adds another, or by one a channel.

    Formula: x * scale + offset

    Args:
        scale: The factor, such as 1 / 255 for bytes; or an array of them that is broadcast over samples. By
            `cnnfast.image_data_format()` "channels_first" an array of one axis is about the channels of
            images.
        offset: What is added, likewise.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Keras 3, `keras.layers.Rescaling`.

    Example:
        >>> import numpy as np
        >>> Rescaling(0.5, offset=[-1.0, 0.0])(np.array([[2.0, 4.0]]))
        array([[0., 2.]], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.scale = _numbers(scale, "scale")
        self.offset = _numbers(offset, "offset")

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        return inputs * _of_channels(self.scale) + _of_channels(self.offset)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}


def _numbers(value: Any, name: str) -> Any:
    """A number, or lists of them."""
    each = entries(value)
    return real_number(value, name, -math.inf) if each is None else [_numbers(one, name) for one in each]


def _of_channels(numbers: Any) -> Any:
    if not isinstance(numbers, list):
        return numbers
    array = np.asarray(numbers)
    first = image_data_format() == "channels_first"
    return array.reshape(*array.shape, *(1,) * (3 - array.ndim)) if first else array


class ActivityRegularization(Layer):
    """Values as they are; the loss has a penalty on them.

    Formula: l1 * sum|x| + l2 * sum x^2, over the batch

    Args:
        l1: Factor of the absolute values, at least 0.
        l2: Factor of the squares, at least 0.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Keras 3, `keras.layers.ActivityRegularization`.

    Example:
        >>> ActivityRegularization(l1=0.1).activity_regularizer
        L1L2(l1=0.1, l2=0.0)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        from cnnfast.regularizers import L1L2

        super().__init__(activity_regularizer=L1L2(l1, l2), **options)
        self.l1, self.l2 = float(l1), float(l2)

    def call(self, inputs: Any) -> Any:
        """Returns the values."""
        return inputs

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        config = super().get_config()
        del config["activity_regularizer"]
        return {**config, "l1": self.l1, "l2": self.l2}
