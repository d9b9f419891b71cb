"""Where a window falls: output sizes, borders and padded images, in Keras's conventions."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pair = tuple[int, int]
Padding = str | Sequence[Sequence[int]]


def per_axis(value: int | Sequence[int], rank: int = 2) -> tuple[int, ...]:
    """3 -> (3, 3)."""
    return (value,) * rank if isinstance(value, int) else tuple(int(v) for v in value)


def borders(size: int, window: int, stride: int, padding: str | Sequence[int]) -> Pair:
    """Cells added before and after one axis; `window` is the span of the dilated window."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
        return total // 2, total - total // 2
    return int(padding[0]), int(padding[1])


def output_size(size: int, window: int, stride: int, border: Pair, ceil_mode: bool = False) -> int:
    """floor((n + p - k) / s) + 1; in ceil_mode a partial window counts unless it starts behind the image."""
    span = size + sum(border) - window
    if ceil_mode and span < 0:
        return 1
    if not ceil_mode:
        return span // stride + 1
    out = -(-span // stride) + 1
    return out - 1 if (out - 1) * stride >= size + border[0] else out


def axis_padding(padding: Padding, axis: int) -> Any:
    """The padding of one axis."""
    return padding if isinstance(padding, str) else padding[axis]


def to_last(x: NDArray[Any], data_format: str) -> NDArray[Any]:
    """A batch of either format with the channels last, (n, h, w, c) for images."""
    return x if data_format == "channels_last" else np.moveaxis(x, 1, -1)


def from_last(x: NDArray[Any], data_format: str) -> NDArray[Any]:
    """The inverse of `to_last`."""
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
