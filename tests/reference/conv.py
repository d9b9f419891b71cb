"""Convolution (cross-correlation) and its three gradients, one kernel position at a time."""

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
    pair,
    to_last,
)


@dataclass(frozen=True)
class _Geometry:
    """One convolution's shape: borders and outputs of both axes, and the slice of the image each tap sees."""

    top_bottom: Pair
    left_right: Pair
    out: Pair
    strides: Pair
    dilation: Pair
    kernel: Pair

    def taps(self) -> Iterator[tuple[int, int, slice, slice]]:
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                yield i, j, self._seen(0, i), self._seen(1, j)

    def _seen(self, axis: int, tap: int) -> slice:
        start = tap * self.dilation[axis]
        return slice(start, start + (self.out[axis] - 1) * self.strides[axis] + 1, self.strides[axis])

    def pad(self, x: Array) -> Array:
        return np.pad(x, ((0, 0), self.top_bottom, self.left_right, (0, 0)))


def _geometry(image: Pair, kernel: Pair, strides: Any, padding: Padding, dilation: Any) -> _Geometry:
    stride, dil = pair(strides), pair(dilation)
    spans = [(kernel[a] - 1) * dil[a] + 1 for a in (0, 1)]
    border = [borders(image[a], spans[a], stride[a], axis_padding(padding, a)) for a in (0, 1)]
    out = [output_size(image[a], spans[a], stride[a], border[a]) for a in (0, 1)]
    return _Geometry(border[0], border[1], (out[0], out[1]), stride, dil, kernel)


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
    geometry = _geometry(image.shape[1:3], weights.shape[:2], strides, padding, dilation_rate)
    padded = geometry.pad(image)
    per_group, oc = weights.shape[2], weights.shape[3]
    out = np.zeros((image.shape[0], *geometry.out, oc))
    for i, j, rows, cols in geometry.taps():
        seen = padded[:, rows, cols]
        for g in range(groups):
            ins, outs = (
                slice(g * per_group, (g + 1) * per_group),
                slice(g * oc // groups, (g + 1) * oc // groups),
            )
            out[..., outs] += seen[..., ins] @ weights[i, j][:, outs]
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
    geometry = _geometry(image.shape[1:3], weights.shape[:2], strides, padding, dilation_rate)
    padded = geometry.pad(image)
    grad_padded, grad_kernel = np.zeros_like(padded), np.zeros_like(weights)
    per_group, oc = weights.shape[2], weights.shape[3]
    for i, j, rows, cols in geometry.taps():
        seen = padded[:, rows, cols]
        for g in range(groups):
            ins, outs = (
                slice(g * per_group, (g + 1) * per_group),
                slice(g * oc // groups, (g + 1) * oc // groups),
            )
            grad_padded[:, rows, cols, ins] += grad[..., outs] @ weights[i, j][:, outs].T
            grad_kernel[i, j][:, outs] += np.einsum("nyxi,nyxo->io", seen[..., ins], grad[..., outs])
    top, left = geometry.top_bottom[0], geometry.left_right[0]
    grad_x = grad_padded[:, top : top + image.shape[1], left : left + image.shape[2]]
    return from_last(grad_x, data_format), grad_kernel, grad.sum((0, 1, 2))
