"""Numbers cut into windows that may overlap, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import add
from cnnfast.ops.axes import rearranged
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.selection import take
from cnnfast.ops.shaping import moved
from cnnfast.ops.slicing import cut
from cnnfast.utils.arguments import per_axis, whole_number

Sizes = int | Sequence[int]


@operation("x")
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Returns windows along the last axis.

    Args:
        x: Numbers of one axis or more besides the batch's, or what stands for them.
        sequence_length: Numbers in a window.
        sequence_stride: From one window's begin to the next one's.

    Shapes:
        (..., n) -> (..., 1 + (n - sequence_length) // sequence_stride, sequence_length)

    Raises:
        ValueError: If there is no such axis, or no window has room.

    Source:
        Keras 3, `keras.ops.extract_sequences`.

    Example:
        >>> extract_sequences([1.0, 2.0, 3.0, 4.0, 5.0], 3, 2)
        array([[1., 2., 3.],
               [3., 4., 5.]], dtype=float32)
    """
    _, a = on_graph(x)
    length = whole_number(sequence_length, "sequence_length", 1)
    stride = whole_number(sequence_stride, "sequence_stride", 1)
    if not a.dims or a.dims[-1] < length:
        raise ValueError(f"windows of {length} numbers have no room along the last axis of shape {a.shape}")
    begins = np.arange(0, a.dims[-1] - length + 1, stride)
    return take(a, begins[:, None] + np.arange(length), -1)


def unfold(x: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Any:
    """Returns the windows of images as columns: channels, then rows, then columns of each.

    Args:
        x: Images, the channels first.
        kernel_size: The windows' size, as all sizes an int, or (height, width).
        dilation: From one cell of a window to the next.
        padding: Zeros on each side.
        stride: From one window to the next.

    Shapes:
        (n, c, h, w) -> (n, c * height * width, windows)

    Raises:
        ValueError: If there are no such images, or no window has room.

    Source:
        PyTorch, `torch.nn.functional.unfold`; Keras 3, `keras.ops.unfold`.

    Example:
        >>> unfold(np.arange(4.0).reshape(1, 1, 2, 2), (1, 2)).tolist()
        [[[0.0, 2.0], [1.0, 3.0]]]
    """
    return _unfold(x, *_windows(kernel_size, dilation, padding, stride))


def fold(
    x: Any,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Any:
    """Returns images as sums of windows: the gradient of `unfold`.

    Args:
        x: Windows as `unfold` returns them.
        output_size: The images' size, as all sizes an int, or (height, width).
        kernel_size: The windows' size.
        dilation: From one cell of a window to the next.
        padding: What was added on each side.
        stride: From one window to the next.

    Shapes:
        (n, c * height * width, windows) -> (n, c, h, w)

    Raises:
        ValueError: If the windows are not as many as such images have.

    Source:
        PyTorch, `torch.nn.functional.fold`; Keras 3, `keras.ops.fold`.

    Example:
        >>> fold(unfold(np.ones((1, 1, 1, 3)), (1, 2)), (1, 3), (1, 2)).ravel()
        array([1., 2., 1.], dtype=float32)
    """
    return _fold(
        x, per_axis(output_size, "output_size", 2), *_windows(kernel_size, dilation, padding, stride)
    )


def _windows(kernel_size: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> tuple[Any, ...]:
    sides = (padding, padding) if isinstance(padding, int) else tuple(padding)
    if len(sides) != 2:
        raise ValueError(f"padding must be a number or two, got {padding!r}")
    return (
        per_axis(kernel_size, "kernel_size", 2),
        per_axis(dilation, "dilation", 2),
        [whole_number(each, "padding", 0) for each in sides],
        per_axis(stride, "stride", 2),
    )


def _counts(sizes: Sequence[int], kernel: Any, dilation: Any, padding: Any, stride: Any) -> list[int]:
    """Windows along both axes."""
    rows = zip(sizes, kernel, dilation, padding, stride, strict=True)
    counts = [(n + 2 * p - (k - 1) * d - 1) // s + 1 for n, k, d, p, s in rows]
    if min(counts) < 1:
        raise ValueError(
            f"windows of size {kernel}, dilation {dilation} have no room in images of size {sizes}"
        )
    return counts


@operation("x")
def _unfold(x: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    _, a = on_graph(x)
    if a.ndim != 4:
        raise ValueError(f"unfold takes images of shape (n, c, h, w), got {a.shape}")
    counts = _counts(a.dims[-2:], kernel_size, dilation, padding, stride)
    sides = [*[(0, 0)] * (len(a.dims) - 2), *((p, p) for p in padding)]
    a = moved(a, "pad", sides, "constant", 0.0) if any(padding) else a
    for axis in (0, 1):  # each axis becomes one for the cells of a window and one for the windows
        cells = np.arange(kernel_size[axis])[:, None] * dilation[axis]
        a = take(a, cells + np.arange(counts[axis]) * stride[axis], -2 if axis == 0 else -1)
    *lead, channels, height, rows, width, columns = range(len(a.dims))
    shape = [a.dims[i] for i in lead]
    shape += [a.dims[channels] * a.dims[height] * a.dims[width], a.dims[rows] * a.dims[columns]]
    return rearranged(a, shape, [*lead, channels, height, width, rows, columns])


@operation("x")
def _fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    _, a = on_graph(x)
    counts = _counts(output_size, kernel_size, dilation, padding, stride)
    cells = kernel_size[0] * kernel_size[1]
    if a.ndim != 3 or a.dims[-2] % cells or a.dims[-1] != counts[0] * counts[1]:
        raise ValueError(
            f"fold takes 3D windows of shape (n, c * {cells}, {counts[0] * counts[1]}) for images of size "
            f"{tuple(output_size)}, got {a.shape}"
        )
    lead = a.dims[:-2]
    a = rearranged(a, [*lead, a.dims[-2] // cells, *kernel_size, *counts])
    for axis in (0, 1):
        a = _summed(a, len(lead) + 1, output_size[axis], dilation[axis], padding[axis], stride[axis])
    return a


def _summed(x: Value, cells: int, size: int, dilation: int, padding: int, stride: int) -> Any:
    """Sums what windows hold: the axis of their cells goes, the next but one becomes the image's."""
    windows = x.dims[cells + 2]
    padded = [(0, 1 if i == cells + 2 else 0) for i in range(len(x.dims))]
    zeroed = moved(x, "pad", padded, "constant", 0.0)
    total: Any = None
    for cell in range(x.dims[cells]):
        read = np.full(size, windows)  # the zero behind the windows
        at = cell * dilation - padding + stride * np.arange(windows)
        inside = (at >= 0) & (at < size)
        read[at[inside]] = np.arange(windows)[inside]
        piece = rearranged(
            cut(zeroed, cells, cell, 1, 1), [n for i, n in enumerate(zeroed.dims) if i != cells]
        )
        placed = take(piece, read, cells + 1 + (x.rows > 0))
        total = placed if total is None else add(total, placed)
    return total
