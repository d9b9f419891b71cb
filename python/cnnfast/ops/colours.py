"""Colours of images, and blur: a part of `cnnfast.ops.image`, by Keras's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.config import resolve_data_format
from cnnfast.ops.arithmetic import abs, clip, maximum, minimum, mod
from cnnfast.ops.functions import exp
from cnnfast.ops.joining import concatenate
from cnnfast.ops.logic import equal, greater, less, where
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import moved
from cnnfast.ops.slicing import cut
from cnnfast.utils.arguments import entries, per_axis, real_number

if TYPE_CHECKING:
    from cnnfast.layers.tracing import Value

_LIGHT = (0.2989, 0.587, 0.114)  # shares of red, green and blue


def height_axis(x: Value, data_format: str | None) -> int:
    """Returns where the height is among the axes of a sample; the width follows.

    Raises:
        ValueError: If it is no image and no batch of images.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> height_axis(graph.value(graph.input((3, 8, 8), "x")), "channels_first")
        1
    """
    if x.ndim not in (3, 4):
        raise ValueError(f"an image has three axes, and a batch of images four; got shape {x.shape}")
    return len(x.dims) - (2 if resolve_data_format(data_format) == "channels_first" else 3)


def channel_axis(x: Value, data_format: str | None) -> int:
    """Returns where the channels are among the axes of a sample.

    Raises:
        ValueError: If it is no image and no batch of images.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> channel_axis(graph.value(graph.input((3, 8, 8), "x")), "channels_first")
        0
    """
    height = height_axis(x, data_format)
    return height - 1 if resolve_data_format(data_format) == "channels_first" else height + 2


def _planes(x: Value, data_format: str | None) -> list[Value]:
    own = channel_axis(x, data_format)
    if x.dims[own] != 3:
        raise ValueError(f"colours are three channels, red, green and blue; got shape {x.shape}")
    return [cut(x, own, i, 1, 1) for i in range(3)]


def _joined(planes: Sequence[Any], data_format: str | None) -> Any:
    return concatenate(planes, -3 if resolve_data_format(data_format) == "channels_first" else -1)


@operation("images")
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Returns how light images are: one channel.

    Formula: out = 0.2989 r + 0.587 g + 0.114 b

    Args:
        images: One image or a batch; those of one channel are returned as they are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Raises:
        ValueError: If there are neither one nor three channels.

    Source:
        Keras 3, `keras.ops.image.rgb_to_grayscale`.

    Example:
        >>> rgb_to_grayscale([[[100.0, 100.0, 100.0]]])
        array([[[99.99...]]], dtype=float32)
    """
    _, x = on_graph(images)
    if x.dims[channel_axis(x, data_format)] == 1:
        return x
    red, green, blue = _planes(x, data_format)
    return _LIGHT[0] * red + _LIGHT[1] * green + _LIGHT[2] * blue


@operation("images")
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Returns hue, saturation and value of images.

    Args:
        images: One image or a batch, red, green and blue from 0 to 1.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Raises:
        ValueError: If there are not three channels.

    Source:
        Keras 3, `keras.ops.image.rgb_to_hsv`.

    Example:
        >>> rgb_to_hsv([[[0.0, 0.5, 0.25]]])
        array([[[0.416..., 1.        , 0.5       ]]], dtype=float32)
    """
    _, x = on_graph(images)
    red, green, blue = _planes(x, data_format)
    value = maximum(maximum(red, green), blue)
    extent = value - minimum(minimum(red, green), blue)
    coloured = greater(extent, 0.0)
    safe = where(coloured, extent, 1.0)
    sector = where(equal(value, green), (blue - red) / safe + 2.0, (red - green) / safe + 4.0)
    hue = where(coloured, where(equal(value, red), (green - blue) / safe, sector) / 6.0, 0.0)
    saturation = where(greater(value, 0.0), extent / where(greater(value, 0.0), value, 1.0), 0.0)
    return _joined([hue + less(hue, 0.0), saturation, value], data_format)


@operation("images")
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Returns red, green and blue of images.

    Args:
        images: One image or a batch: hue, of which 0 and 1 are the same, saturation and value from 0 to 1.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Raises:
        ValueError: If there are not three channels.

    Source:
        Keras 3, `keras.ops.image.hsv_to_rgb`.

    Example:
        >>> hsv_to_rgb([[[0.5, 1.0, 0.25]]])
        array([[[0.  , 0.25, 0.25]]], dtype=float32)
    """
    _, x = on_graph(images)
    hue, saturation, value = _planes(x, data_format)
    sector = 6.0 * mod(hue, 1.0)
    shares = (abs(sector - 3.0) - 1.0, 2.0 - abs(sector - 2.0), 2.0 - abs(sector - 4.0))
    planes = [value * (1.0 - saturation + saturation * clip(share, 0.0, 1.0)) for share in shares]
    return _joined(planes, data_format)


def gaussian_blur(
    images: Any,
    kernel_size: int | Sequence[int] = (3, 3),
    sigma: float | Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Any:
    """Returns images blurred by a bell curve; beyond the border are zeros.

    Formula: out = sum_t w_t in[. + t] along width and height, w_t = exp(-t^2 / (2 sigma^2)) / sum

    Args:
        images: One image or a batch.
        kernel_size: Pixels that count along width and height, odd numbers.
        sigma: The curve's deviation along width and height, in pixels.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Raises:
        ValueError: If an argument is out of its range, or there is no image.

    Source:
        Keras 3, `keras.ops.image.gaussian_blur`.

    Example:
        >>> gaussian_blur([[[0.0], [1.0], [0.0]]], (3, 1)).ravel()
        array([0.274..., 0.451..., 0.274...], dtype=float32)
    """
    sizes = odd_sizes(kernel_size)
    deviations = entries(sigma) or (sigma, sigma)
    given = [real_number(each, "sigma", math.ulp(0.0)) for each in deviations]
    if len(given) != 2:
        raise ValueError(f"sigma must be one number or two, got {sigma!r}")
    return _gaussian_blur(images, sizes, given, resolve_data_format(data_format))


def odd_sizes(kernel_size: Any) -> tuple[int, ...]:
    """Returns two odd numbers of pixels.

    Raises:
        ValueError: If these are not two, or not odd.

    Example:
        >>> odd_sizes(3)
        (3, 3)
    """
    sizes = per_axis(kernel_size, "kernel_size", 2)
    if any(size % 2 == 0 for size in sizes):
        raise ValueError(f"kernel_size must be odd, got {kernel_size!r}")
    return sizes


@operation("images")
def _gaussian_blur(images: Any, kernel_size: Sequence[int], sigma: Sequence[float], data_format: str) -> Any:
    _, x = on_graph(images)
    height = height_axis(x, data_format)
    return blurred(blurred(x, height + 1, kernel_size[0], sigma[0]), height, kernel_size[1], sigma[1])


def blurred(x: Value, own: int, size: int, sigma: Any) -> Value:
    """Returns a value blurred along one axis of a sample; sigma may be a value of its own for each sample.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> with graph.within():
        ...     blurred(graph.value(graph.input((4, 3), "x")), 0, 3, 1.0)
        <Value shape=(None, 4, 3)>
    """
    half, power = size // 2, math.exp if isinstance(sigma, float) else exp
    wide = moved(
        x, "pad", [(half, half) if i == own else (0, 0) for i in range(len(x.dims))], "constant", 0.0
    )
    weights = [power(-0.5 * (t / sigma) ** 2) if t else 1.0 for t in range(half + 1)]
    total = sum(weights[1:], 0.0) * 2.0 + 1.0
    made: Any = x
    for t in range(1, half + 1):
        before, after = (cut(wide, own, half + step, 1, x.dims[own]) for step in (-t, t))
        made = made + weights[t] * (before + after)
    blurry: Value = made / total
    return blurry
