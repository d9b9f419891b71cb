"""Normalization of each sample by itself: over features, groups of channels, or channels alone.

Means and variances are reductions, what is done with them formulas; batch normalization, which has to know
whether it is trained, has kernels of its own (batch_normalization.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.layers.layer import Layer
from cnnfast.layers.weighted import Rules
from cnnfast.utils.arguments import entries, real_number, sample_axis, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


def _axes(axis: Any) -> int | list[int]:
    each = entries(axis)
    return whole_number(axis, "axis", -8) if each is None else [whole_number(one, "axis", -8) for one in each]


def _sample_axes(axis: int | Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    """Axes counted from 0, the batch's, in order; not the batch's own."""
    given = [axis] if isinstance(axis, int) else list(axis)
    found = sorted({each + rank if each < 0 else each for each in given})
    if len(found) < len(given) or not found or found[0] < 1 or found[-1] >= rank:
        raise ValueError(
            f"layer {name!r}: axis must be different ones of 1 to {rank - 1}, or counted from the last, as "
            f"the batch's is 0; got {axis!r}"
        )
    return tuple(found)


class _Affine(Layer):
    """What ends in a learnt scale and shift."""

    def __init__(
        self,
        axis: int | Sequence[int],
        epsilon: float,
        center: bool,
        scale: bool,
        beta: Rules,
        gamma: Rules,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.axis = _axes(axis)
        self.epsilon = real_number(epsilon, "epsilon")
        self.center, self.scale = bool(center), bool(scale)
        beta.set_on(self, "beta")
        gamma.set_on(self, "gamma")
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def _add(self, shape: Sequence[int]) -> None:
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):
            if wanted:
                setattr(self, name, Rules.on(self, name).weight_of(self, shape, name))

    def _affine(self, values: Any, like: Sequence[int]) -> Any:
        """Times gamma, plus beta, which are brought to a shape."""
        from cnnfast import ops

        if self.gamma is not None:
            values = values * ops.reshape(self.gamma, like)
        if self.beta is not None:
            values = values + ops.reshape(self.beta, like)
        return values

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        config = {name: getattr(self, name) for name in ("axis", "epsilon", "center", "scale")}
        for name in ("gamma", "beta"):
            config |= Rules.on(self, name).config(name)
        return {**super().get_config(), **config}


def _normalized(values: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    from cnnfast import ops

    centred = values - ops.mean(values, axes, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axes, keepdims=True) + epsilon)


class LayerNormalization(_Affine):
    """Brings each sample's values along an axis to mean 0 and variance 1, then to a learnt scale and shift.

    Formula: out = gamma * (in - mean) / sqrt(variance + epsilon) + beta

    Args:
        axis: The axis, or several, counted with the batch's, which is 0; weights have their sizes.
        epsilon: Guard against division by 0, at least 0.
        center: Whether beta is added.
        scale: Whether gamma multiplies.
        beta_initializer: How beta begins.
        gamma_initializer: How gamma begins.
        beta_regularizer: Penalty on beta.
        gamma_regularizer: Penalty on gamma.
        beta_constraint: Rule for beta after each update.
        gamma_constraint: Rule for gamma after each update.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Raises:
        ValueError: If an argument is out of its range, or there is no such axis.

    Source:
        Ba, Kiros and Hinton, 2016; Keras 3, `keras.layers.LayerNormalization`.

    Example:
        >>> import numpy as np
        >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]]))
        array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            axis,
            epsilon,
            center,
            scale,
            Rules.of(beta_initializer, beta_regularizer, beta_constraint),
            Rules.of(gamma_initializer, gamma_regularizer, gamma_constraint),
            **options,
        )

    def build(self, input_shape: Any) -> None:
        """Makes gamma and beta."""
        axes = _sample_axes(self.axis, len(input_shape), self.name)
        self._add([input_shape[axis] for axis in axes])

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        axes = _sample_axes(self.axis, inputs.ndim, self.name)
        like = [size if i in axes else 1 for i, size in enumerate(inputs.dims, 1)]
        return self._affine(_normalized(inputs, axes, self.epsilon), like)


class GroupNormalization(_Affine):
    """Brings each sample's groups of channels to mean 0 and variance 1, then to a learnt scale and shift.

    Formula: out = gamma * (in - mean) / sqrt(variance + epsilon) + beta

    Args:
        groups: How many groups the channels are cut into; -1: each channel is one (see
            `InstanceNormalization`).
        axis: The axis of the channels: -1 for channels_last, 1 for channels_first.
        epsilon: Guard against division by 0, at least 0.
        center: Whether beta is added.
        scale: Whether gamma multiplies.
        beta_initializer: How beta begins.
        gamma_initializer: How gamma begins.
        beta_regularizer: Penalty on beta.
        gamma_regularizer: Penalty on gamma.
        beta_constraint: Rule for beta after each update.
        gamma_constraint: Rule for gamma after each update.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any with channels, unchanged. Weights (channels,).

    Raises:
        ValueError: If an argument is out of its range, or the groups do not divide the channels.

    Source:
        Wu and He, 2018; Keras 3, `keras.layers.GroupNormalization`.

    Example:
        >>> import numpy as np
        >>> GroupNormalization(2, epsilon=0.0)(np.array([[1.0, 3.0, 5.0, 5.5]]))
        array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            whole_number(axis, "axis", -8),
            epsilon,
            center,
            scale,
            Rules.of(beta_initializer, beta_regularizer, beta_constraint),
            Rules.of(gamma_initializer, gamma_regularizer, gamma_constraint),
            **options,
        )
        self.groups = -1 if groups == -1 else whole_number(groups, "groups", 1)

    def build(self, input_shape: Any) -> None:
        """Makes gamma and beta."""
        (axis,) = _sample_axes(self.axis, len(input_shape), self.name)
        channels = input_shape[axis]
        groups = channels if self.groups == -1 else self.groups
        if groups < 1 or channels % groups:
            raise ValueError(
                f"layer {self.name!r}: groups must divide the channels, got {groups} groups of {channels} "
                "channels"
            )
        self._add([channels])

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops

        dims = inputs.dims
        (axis,) = _sample_axes(self.axis, inputs.ndim, self.name)
        channels = dims[axis - 1]
        groups = channels if self.groups == -1 else self.groups
        cut = (*dims[: axis - 1], groups, channels // groups, *dims[axis:])
        grouped = ops.reshape(inputs, (None, *cut))
        axes = tuple(each for each in range(1, len(cut) + 1) if each != axis)
        values = ops.reshape(_normalized(grouped, axes, self.epsilon), (None, *dims))
        return self._affine(values, [size if i == axis else 1 for i, size in enumerate(dims, 1)])

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "groups": self.groups}


class InstanceNormalization(GroupNormalization):
    """Brings each channel of each sample to mean 0 and variance 1, then to a learnt scale and shift.

    Formula: out = gamma * (in - mean) / sqrt(variance + epsilon) + beta

    Args:
        axis: The axis of the channels: -1 for channels_last, 1 for channels_first.
        epsilon: Guard against division by 0, at least 0.
        options: `center`, `scale` and the rules of beta and gamma as in `GroupNormalization`, and the
            arguments of every layer.

    Shapes:
        Any with channels and other axes, unchanged. Weights (channels,).

    Source:
        Ulyanov, Vedaldi and Lempitsky, 2016; PyTorch, `torch.nn.InstanceNorm2d`, whose weights are
        `center=False, scale=False` by default.

    Example:
        >>> import numpy as np
        >>> InstanceNormalization(epsilon=0.0)(np.array([[[1.0, 5.0], [3.0, 7.0]]]))
        array([[[-1., -1.],
                [ 1.,  1.]]], dtype=float32)
    """

    def __init__(self, axis: int = -1, epsilon: float = 1e-3, **options: Any) -> None:
        super().__init__(-1, axis, epsilon, **options)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        config = super().get_config()
        del config["groups"]
        return config


class RMSNormalization(Layer):
    """Divides each sample's values along an axis by the root of their mean square; a learnt scale follows.

    Formula: out = scale * in / sqrt(mean(in^2) + epsilon)

    Args:
        axis: The axis, or several, counted with the batch's, which is 0.
        epsilon: Guard against division by 0, at least 0.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged. The scale has the axis's size.

    Source:
        Zhang and Sennrich, 2019; Keras 3, `keras.layers.RMSNormalization`.

    Example:
        >>> import numpy as np
        >>> RMSNormalization(epsilon=0.0)(np.array([[1.0, 7.0]]))
        array([[0.2, 1.4]], dtype=float32)
    """

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.axis = _axes(axis)
        self.epsilon = real_number(epsilon, "epsilon")
        self.scale: Variable | None = None

    def build(self, input_shape: Any) -> None:
        """Makes the scale."""
        axes = _sample_axes(self.axis, len(input_shape), self.name)
        self.scale = self.add_weight([input_shape[axis] for axis in axes], "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops

        axes = _sample_axes(self.axis, inputs.ndim, self.name)
        like = [size if i in axes else 1 for i, size in enumerate(inputs.dims, 1)]
        rate = ops.rsqrt(ops.mean(ops.square(inputs), axes, keepdims=True) + self.epsilon)
        assert self.scale is not None
        return inputs * rate * ops.reshape(self.scale, like)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Divides each sample's values along an axis by their norm, so that it is 1.

    Formula: out = in / sqrt(max(sum(in^2), 1e-12))

    Args:
        axis: The axis, or several, counted with the batch's, which is 0.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Keras 3, `keras.layers.UnitNormalization`.

    Example:
        >>> import numpy as np
        >>> UnitNormalization()(np.array([[3.0, 4.0]]))
        array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = _axes(axis)

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops

        return ops.normalize(inputs, _sample_axes(self.axis, inputs.ndim, self.name), epsilon=1e-6)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}


class LocalResponseNormalization(Layer):
    """Divides each value by what it and the same places of neighbouring channels hold.

    Formula: out[c] = in[c] / (k + alpha / size * sum_i in[i]^2)^beta, i from c - size // 2, `size` channels;
    those beyond the ends count as 0.

    Args:
        size: How many channels are looked at, at least 1.
        alpha: Factor of the mean of squares.
        beta: Exponent.
        k: What is added to the mean.
        axis: The axis of the channels: -1 for channels_last, 1 for channels_first.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any with channels, unchanged.

    Raises:
        ValueError: If an argument is out of its range, or there is no such axis.

    Source:
        Krizhevsky, Sutskever and Hinton, 2012; PyTorch, `torch.nn.LocalResponseNorm`, whose names and
        defaults these are; ONNX, `LRN`.

    Example:
        >>> import numpy as np
        >>> LocalResponseNormalization(3, alpha=3.0, beta=1.0, k=0.0)(np.array([[1.0, 2.0, 5.0]]))
        array([[0.2       , 0.06666667, 0.1724138 ]], dtype=float32)
    """

    def __init__(
        self,
        size: int,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
        axis: int = -1,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.size = whole_number(size, "size", 1)
        self.alpha = real_number(alpha, "alpha", -math.inf)
        self.beta = real_number(beta, "beta", -math.inf)
        self.k = real_number(k, "k", -math.inf)
        self.axis = whole_number(axis, "axis", -8)

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast import ops
        from cnnfast.ops.slicing import cut

        own = sample_axis(self.axis, len(inputs.dims), self.name)
        sides = [(0, 0)] * inputs.ndim
        sides[own + 1] = (self.size // 2, (self.size - 1) // 2)
        squares = ops.pad(ops.square(inputs), sides)
        total = sum(cut(squares, own, i, 1, inputs.dims[own]) for i in range(self.size))
        scale = self.k + self.alpha / self.size * total
        return inputs * ops.power(scale, -self.beta)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = ("size", "alpha", "beta", "k", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
