"""Convolution (cross-correlation), transposed convolution and their gradients, one kernel position at a time.

Over one, two or three spatial axes, as many as the kernel has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.geometry import (
    Array,
    Padding,
    Pair,
    axis_padding,
    borders,
    from_last,
    output_size,
    per_axis,
    to_last,
)

Sizes = tuple[int, ...]
Slices = tuple[slice, ...]


@dataclass(frozen=True)
class _Geometry:
    """One convolution's shape: borders and outputs of each axis, and the slice of the image each tap sees."""

    borders: tuple[Pair, ...]
    out: Sizes
    strides: Sizes
    dilation: Sizes
    kernel: Sizes

    def taps(self) -> Iterator[tuple[Sizes, Slices]]:
        for tap in np.ndindex(*self.kernel):
            yield tap, (slice(None), *(self._seen(axis, i) for axis, i in enumerate(tap)))

    def _seen(self, axis: int, tap: int) -> slice:
        start = tap * self.dilation[axis]
        return slice(start, start + (self.out[axis] - 1) * self.strides[axis] + 1, self.strides[axis])

    def pad(self, x: Array) -> Array:
        return np.pad(x, ((0, 0), *self.borders, (0, 0)))


def _geometry(image: Sizes, kernel: Sizes, strides: Any, padding: Padding, dilation: Any) -> _Geometry:
    rank = len(kernel)
    stride, dil = per_axis(strides, rank), per_axis(dilation, rank)
    spans = [(kernel[a] - 1) * dil[a] + 1 for a in range(rank)]
    border = [borders(image[a], spans[a], stride[a], axis_padding(padding, a)) for a in range(rank)]
    out = [output_size(image[a], spans[a], stride[a], border[a]) for a in range(rank)]
    return _Geometry(tuple(border), tuple(out), stride, dil, kernel)


def _groups(kernel: Array, groups: int) -> Iterator[tuple[slice, slice]]:
    """The channels that a kernel (..., a / groups, b) joins: slices of a and of b."""
    a, b = kernel.shape[-2], kernel.shape[-1] // groups
    for g in range(groups):
        yield slice(g * a, (g + 1) * a), slice(g * b, (g + 1) * b)


def _products(a: Array, b: Array) -> Array:
    """sum over samples and pixels of a[..., i] * b[..., o]."""
    return a.reshape(-1, a.shape[-1]).T @ b.reshape(-1, b.shape[-1])


def conv(
    x: NDArray[Any],
    kernel: NDArray[Any],
    strides: Any = 1,
    padding: Padding = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    groups: int = 1,
    bias: NDArray[Any] | None = None,
) -> Array:
    """out[n, y, x, o] = bias[o] + sum over taps and the group's input channels of image * kernel."""
    image = to_last(np.asarray(x, np.float64), data_format)
    weights = np.asarray(kernel, np.float64)
    geometry = _geometry(image.shape[1:-1], weights.shape[:-2], strides, padding, dilation_rate)
    padded = geometry.pad(image)
    out = np.zeros((image.shape[0], *geometry.out, weights.shape[-1]))
    for tap, pixels in geometry.taps():
        for ins, outs in _groups(weights, groups):
            out[..., outs] += padded[pixels][..., ins] @ weights[tap][:, outs]
    if bias is not None:
        out += np.asarray(bias, np.float64)
    return from_last(out, data_format)


def conv_grad(
    x: NDArray[Any],
    kernel: NDArray[Any],
    grad_out: NDArray[Any],
    strides: Any = 1,
    padding: Padding = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """Gradients of sum(grad_out * conv(x, kernel, bias)) by x, kernel and bias."""
    image = to_last(np.asarray(x, np.float64), data_format)
    grad = to_last(np.asarray(grad_out, np.float64), data_format)
    weights = np.asarray(kernel, np.float64)
    geometry = _geometry(image.shape[1:-1], weights.shape[:-2], strides, padding, dilation_rate)
    padded = geometry.pad(image)
    grad_padded, grad_kernel = np.zeros_like(padded), np.zeros_like(weights)
    for tap, pixels in geometry.taps():
        for ins, outs in _groups(weights, groups):
            grad_padded[pixels][..., ins] += grad[..., outs] @ weights[tap][:, outs].T
            grad_kernel[tap][:, outs] += _products(padded[pixels][..., ins], grad[..., outs])
    inside = tuple(slice(b[0], b[0] + n) for b, n in zip(geometry.borders, image.shape[1:-1], strict=True))
    grad_x = grad_padded[(slice(None), *inside)]
    return from_last(grad_x, data_format), grad_kernel, _sum_pixels(grad)


def _sum_pixels(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1]).sum(0)


def transposed_size(
    size: int, span: int, stride: int, padding: str | Pair, output_padding: int | None
) -> tuple[int, int]:
    """Outputs of one axis, and the cells cut off before the first; Keras for names, PyTorch for numbers."""
    whole = (size - 1) * stride + span
    if padding == "same":
        out = size * stride
        if output_padding is not None:
            out = (size - 1) * stride + span % 2 + output_padding
        return out, max(whole - out, 0) // 2
    if padding == "valid":
        return whole + (max(stride - span, 0) if output_padding is None else output_padding), 0
    return whole - int(padding[0]) - int(padding[1]) + (output_padding or 0), int(padding[0])


@dataclass(frozen=True)
class _Transposed:
    """One transposed convolution's shape: the whole output, the part of it that is kept, and each tap's."""

    whole: Sizes
    kept: Slices
    geometry: _Geometry

    @classmethod
    def of(
        cls, image: Sizes, kernel: Sizes, strides: Any, padding: Padding, output_padding: Any, dilation: Any
    ) -> "_Transposed":
        rank = len(kernel)
        stride, dil = per_axis(strides, rank), per_axis(dilation, rank)
        more = (None,) * rank if output_padding is None else per_axis(output_padding, rank)
        whole, kept = [], [slice(None)]
        for a in range(rank):
            span = (kernel[a] - 1) * dil[a] + 1
            out, before = transposed_size(image[a], span, stride[a], axis_padding(padding, a), more[a])
            whole.append(max((image[a] - 1) * stride[a] + span, before + out))
            kept.append(slice(before, before + out))
        return cls(tuple(whole), tuple(kept), _Geometry((), image, stride, dil, kernel))


def conv_transpose(
    x: NDArray[Any],
    kernel: NDArray[Any],
    strides: Any = 1,
    padding: Padding = "valid",
    output_padding: Any = None,
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    groups: int = 1,
    bias: NDArray[Any] | None = None,
) -> Array:
    """Every pixel adds itself, times the kernel (..., filters / groups, channels), to the output."""
    image = to_last(np.asarray(x, np.float64), data_format)
    weights = np.asarray(kernel, np.float64)
    shape = _Transposed.of(
        image.shape[1:-1], weights.shape[:-2], strides, padding, output_padding, dilation_rate
    )
    whole = np.zeros((len(image), *shape.whole, weights.shape[-2] * groups))
    for tap, pixels in shape.geometry.taps():
        for outs, ins in _groups(weights, groups):
            whole[pixels][..., outs] += image[..., ins] @ weights[tap][:, ins].T
    out = whole[shape.kept]
    return from_last(out if bias is None else out + np.asarray(bias, np.float64), data_format)


def conv_transpose_grad(
    x: NDArray[Any],
    kernel: NDArray[Any],
    grad_out: NDArray[Any],
    strides: Any = 1,
    padding: Padding = "valid",
    output_padding: Any = None,
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """Gradients of sum(grad_out * conv_transpose(x, kernel, bias)) by x, kernel and bias."""
    image = to_last(np.asarray(x, np.float64), data_format)
    grad = to_last(np.asarray(grad_out, np.float64), data_format)
    weights = np.asarray(kernel, np.float64)
    shape = _Transposed.of(
        image.shape[1:-1], weights.shape[:-2], strides, padding, output_padding, dilation_rate
    )
    whole = np.zeros((len(image), *shape.whole, weights.shape[-2] * groups))
    whole[shape.kept] = grad
    grad_x, grad_kernel = np.zeros_like(image), np.zeros_like(weights)
    for tap, pixels in shape.geometry.taps():
        for outs, ins in _groups(weights, groups):
            grad_x[..., ins] += whole[pixels][..., outs] @ weights[tap][:, ins]
            grad_kernel[tap][:, ins] += _products(whole[pixels][..., outs], image[..., ins])
    return from_last(grad_x, data_format), grad_kernel, _sum_pixels(grad)
