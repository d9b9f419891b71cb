"""What known networks are put together of, with the padding, names and first values of torchvision's.

A layer is named as torchvision names the module, so that its weights are found in torchvision's files by
rule: "layer1.0.conv1" there holds "layer1.0.conv1.weight".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast import layers
from cnnfast.config import image_data_format
from cnnfast.initializers import VarianceScaling

Pair = int | tuple[int, int]


def channel_axis() -> int:
    """Returns the axis of the channels of a batch of images.

    Example:
        >>> channel_axis()
        -1
    """
    return 1 if image_data_format() == "channels_first" else -1


def channels(x: Any) -> int:
    """Returns how many channels there are.

    Example:
        >>> channels(layers.Input((8, 8, 3)))
        3
    """
    return int(x.shape[channel_axis()])


def divisible(channels: float) -> int:
    """Returns the multiple of 8 next to a number of channels, not below nine tenths of it.

    Source:
        The networks of MobileNet and after it, `_make_divisible`.

    Example:
        >>> divisible(18.0), divisible(10.0)
        (24, 16)
    """
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def conv(
    x: Any,
    filters: int,
    kernel_size: Pair,
    strides: int = 1,
    *,
    name: str,
    groups: int = 1,
    use_bias: bool = True,
    activation: str | None = None,
    padding: int | None = None,
) -> Any:
    """A convolution; `padding` None puts half a kernel of zeros on each side, as PyTorch's networks do."""
    return layers.Conv2D(
        filters,
        kernel_size,
        strides,
        _half(kernel_size) if padding is None else padding,
        groups=groups,
        use_bias=use_bias,
        activation=activation,
        kernel_initializer=_HE,
        name=name,
    )(x)


def depthwise(x: Any, kernel_size: int, strides: int = 1, *, name: str, use_bias: bool = True) -> Any:
    """A convolution of each channel alone, padded likewise."""
    return layers.DepthwiseConv2D(
        kernel_size, strides, _half(kernel_size), use_bias=use_bias, depthwise_initializer=_HE, name=name
    )(x)


# For all output channels of a ReLU network alike: He et al., 2015.
_HE = VarianceScaling(2.0, "fan_out", "untruncated_normal")


def _half(kernel_size: Pair) -> tuple[int, int]:
    height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    return height // 2, width // 2


def norm(
    x: Any, name: str, activation: str | None = None, epsilon: float = 1e-5, momentum: float = 0.9
) -> Any:
    """Batch normalization, and an activation if there is one."""
    x = layers.BatchNormalization(channel_axis(), momentum, epsilon, name=name)(x)
    return x if activation is None else activate(x, activation, name)


def activate(x: Any, activation: str, name: str) -> Any:
    """An activation behind the layer of this name."""
    return layers.Activation(activation, name=f"{name}.{activation}")(x)


def squeeze_excite(x: Any, squeezed: int, activation: str, gate: str, name: str) -> Any:
    """Each channel times a gate that the means of all channels decide."""
    means = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.avgpool")(x)
    hidden = conv(means, squeezed, 1, activation=activation, name=f"{name}.fc1")
    gates = conv(hidden, channels(x), 1, activation=gate, name=f"{name}.fc2")
    return layers.Multiply(name=f"{name}.multiply")([x, gates])


def drop_path(x: Any, rate: float, name: str) -> Any:
    """A branch that is left out for some samples of a training batch (stochastic depth)."""
    if rate == 0:
        return x
    return layers.Dropout(rate, (None, 1, 1, 1), name=f"{name}.stochastic_depth")(x)


def concatenate(parts: Sequence[Any], name: str) -> Any:
    """All channels behind one another."""
    return layers.Concatenate(channel_axis(), name=name)(list(parts))


def pool_to(x: Any, size: int, name: str) -> Any:
    """Means of as many windows as there are to be, where there are others."""
    sides = x.shape[2:] if channel_axis() == 1 else x.shape[1:3]
    return x if sides == (size, size) else layers.AdaptiveAveragePooling2D(size, name=name)(x)


def mean_pool(x: Any) -> Any:
    """The mean of each channel."""
    return layers.GlobalAveragePooling2D(name="avgpool")(x)
