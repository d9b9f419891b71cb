"""Pooling and its gradients, one window at a time."""

from collections.abc import Iterator
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


class _Windows:
    """All windows of one pooling: each output and the existing rows and columns that it sees."""

    def __init__(self, image: Pair, pool_size: Any, strides: Any, padding: Padding, ceil_mode: bool) -> None:
        self.pool, self.strides = per_axis(pool_size), per_axis(pool_size if strides is None else strides)
        self.image = image
        self.border = [
            borders(image[a], self.pool[a], self.strides[a], axis_padding(padding, a)) for a in (0, 1)
        ]
        self.out = tuple(
            output_size(image[a], self.pool[a], self.strides[a], self.border[a], ceil_mode) for a in (0, 1)
        )

    def _span(self, axis: int, position: int) -> slice:
        start = position * self.strides[axis] - self.border[axis][0]
        return slice(max(start, 0), min(start + self.pool[axis], self.image[axis]))

    def __iter__(self) -> Iterator[tuple[int, int, slice, slice]]:
        for y in range(self.out[0]):
            for x in range(self.out[1]):
                yield y, x, self._span(0, y), self._span(1, x)


def _count(rows: slice, cols: slice, pool: Pair, count_include_pad: bool) -> int:
    return pool[0] * pool[1] if count_include_pad else (rows.stop - rows.start) * (cols.stop - cols.start)


def max_pool(
    x: NDArray[Any],
    pool_size: Any,
    strides: Any = None,
    padding: Padding = "valid",
    data_format: str = "channels_last",
    ceil_mode: bool = False,
) -> Array:
    """The largest existing cell of each window."""
    image = to_last(np.asarray(x, np.float64), data_format)
    windows = _Windows(image.shape[1:3], pool_size, strides, padding, ceil_mode)
    out = np.empty((image.shape[0], *windows.out, image.shape[3]))
    for y, x_, rows, cols in windows:
        out[:, y, x_] = image[:, rows, cols].max((1, 2))
    return from_last(out, data_format)


def max_pool_grad(
    x: NDArray[Any],
    grad_out: NDArray[Any],
    pool_size: Any,
    strides: Any = None,
    padding: Padding = "valid",
    data_format: str = "channels_last",
    ceil_mode: bool = False,
) -> Array:
    """Each output's gradient goes to the first largest cell of its window, by rows."""
    image = to_last(np.asarray(x, np.float64), data_format)
    grad = to_last(np.asarray(grad_out, np.float64), data_format)
    grad_x = np.zeros_like(image)
    samples, channels = np.indices((image.shape[0], image.shape[3]))
    for y, x_, rows, cols in _Windows(image.shape[1:3], pool_size, strides, padding, ceil_mode):
        window = image[:, rows, cols]
        width = window.shape[2]
        winner = window.reshape(window.shape[0], -1, window.shape[3]).argmax(1)
        target = samples, rows.start + winner // width, cols.start + winner % width, channels
        grad_x[target] += grad[:, y, x_]
    return from_last(grad_x, data_format)


def average_pool(
    x: NDArray[Any],
    pool_size: Any,
    strides: Any = None,
    padding: Padding = "valid",
    data_format: str = "channels_last",
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Array:
    """The mean of the existing cells, or of all cells with padding as zeros when count_include_pad is set."""
    image = to_last(np.asarray(x, np.float64), data_format)
    windows = _Windows(image.shape[1:3], pool_size, strides, padding, ceil_mode)
    out = np.empty((image.shape[0], *windows.out, image.shape[3]))
    for y, x_, rows, cols in windows:
        count = _count(rows, cols, windows.pool, count_include_pad)
        out[:, y, x_] = image[:, rows, cols].sum((1, 2)) / count
    return from_last(out, data_format)


def average_pool_grad(
    x: NDArray[Any],
    grad_out: NDArray[Any],
    pool_size: Any,
    strides: Any = None,
    padding: Padding = "valid",
    data_format: str = "channels_last",
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Array:
    """Each output's gradient is shared equally by the cells of its window."""
    image = to_last(np.asarray(x, np.float64), data_format)
    grad = to_last(np.asarray(grad_out, np.float64), data_format)
    grad_x = np.zeros_like(image)
    windows = _Windows(image.shape[1:3], pool_size, strides, padding, ceil_mode)
    for y, x_, rows, cols in windows:
        count = _count(rows, cols, windows.pool, count_include_pad)
        grad_x[:, rows, cols] += grad[:, y : y + 1, x_ : x_ + 1] / count
    return from_last(grad_x, data_format)
