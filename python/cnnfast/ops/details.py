"""Edges and likeness of images: a part of `cnnfast.ops.image`, by Keras's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import add, multiply, square, subtract
from cnnfast.ops.colours import height_axis
from cnnfast.ops.joining import stack
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import mean
from cnnfast.ops.shaping import moved
from cnnfast.ops.slicing import cut
from cnnfast.utils.arguments import real_number, whole_number


@operation("images")
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Returns how steeply images rise downwards and to the right.

    Formula: (-1, 0, 1) along one axis, (1, 2, 1) along the other; the border is repeated

    Args:
        images: One image or a batch.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        (n, h, w, c) -> (n, h, w, c, 2), or (n, c, h, w) -> (n, c, h, w, 2); one image likewise.

    Raises:
        ValueError: If there is no image.

    Source:
        Keras 3, `keras.ops.image.sobel_edges`.

    Example:
        >>> sobel_edges([[[0.0], [1.0], [1.0]]])[0, :, 0].tolist()
        [[0.0, 4.0], [0.0, 4.0], [0.0, 0.0]]
    """
    _, x = on_graph(images)
    height = height_axis(x, data_format)
    return stack([_steep(x, height, height + 1), _steep(x, height + 1, height)], -1)


def _steep(x: Value, along: int, across: int) -> Any:
    before, _, after = _neighbours(x, along)
    rise = subtract(after, before)
    first, middle, last = _neighbours(rise, across)
    return add(add(first, last), multiply(middle, 2.0))


def _neighbours(x: Value, own: int) -> list[Value]:
    sides = [(1, 1) if i == own else (0, 0) for i in range(len(x.dims))]
    wide = moved(x, "pad", sides, "replicate", 0.0)
    return [cut(wide, own, begin, 1, x.dims[own]) for begin in range(3)]


def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """Returns the structural similarity of images: 1 where they are the same, at least -1.

    Formula: mean of (2 m1 m2 + c1) (2 s12 + c2) / ((m1^2 + m2^2 + c1) (s1^2 + s2^2 + c2)) over all windows
    and channels, with means m, variances s^2 and the covariance s12 in a window that counts pixels by a bell
    curve, c1 = (k1 max_val)^2, c2 = (k2 max_val)^2

    Args:
        image1: One image or a batch.
        image2: The others, of the same shape.
        max_val: The largest possible number, above 0.
        filter_size: The windows' side, an odd number.
        filter_sigma: The bell curve's deviation, in pixels.
        k1: What keeps quotients of dark windows finite.
        k2: What keeps those of even windows finite.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        (n, h, w, c), (n, h, w, c) -> (n,); a number for one image

    Raises:
        ValueError: If shapes differ, an argument is out of its range, or no window has room.

    Source:
        Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004; Keras 3,
        `keras.ops.image.ssim`.

    Example:
        >>> float(ssim(np.ones((11, 11, 1)), np.ones((11, 11, 1))))
        1.0
    """
    size = whole_number(filter_size, "filter_size", 1)
    if size % 2 == 0:
        raise ValueError(f"filter_size must be odd, got {size}")
    sigma = real_number(filter_sigma, "filter_sigma", 1e-30)
    peak = real_number(max_val, "max_val", 1e-30)
    return _ssim(
        image1, image2, size, sigma, (k1 * peak) ** 2, (k2 * peak) ** 2, resolve_data_format(data_format)
    )


@operation("image1", "image2")
def _ssim(image1: Any, image2: Any, size: int, sigma: float, c1: float, c2: float, data_format: str) -> Any:
    _, a, b = on_graph(image1, image2)
    height = height_axis(a, data_format)
    if a.shape != b.shape or min(a.dims[height : height + 2], default=0) < size:
        raise ValueError(
            f"ssim compares images of one shape, at least {size} pixels high and wide; got {a.shape} and "
            f"{b.shape}"
        )
    bell = np.exp(-0.5 * ((np.arange(size) - size // 2) / sigma) ** 2)
    shares = [float(each) for each in bell / bell.sum()]

    def local(x: Value) -> Any:
        return _weighted(_weighted(x, height, shares), height + 1, shares)

    m1, m2 = local(a), local(b)
    both, squares = m1 * m2, square(m1) + square(m2)
    spread = local(square(a)) + local(square(b)) - squares
    likeness = (2.0 * both + c1) * (2.0 * (local(a * b) - both) + c2) / ((squares + c1) * (spread + c2))
    return mean(likeness, (-3, -2, -1))


def _weighted(x: Value, own: int, shares: list[float]) -> Any:
    """Sums over windows along an axis."""
    total: Any = None
    for begin, share in enumerate(shares):
        piece = multiply(cut(x, own, begin, 1, x.dims[own] - len(shares) + 1), share)
        total = piece if total is None else add(total, piece)
    return total
