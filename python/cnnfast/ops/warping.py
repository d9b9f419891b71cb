"""Images bent, scaled and moved: a part of `cnnfast.ops.image`, by Keras's names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnfast.config import random_generator, resolve_data_format
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import absolute, divide, maximum, multiply, subtract
from cnnfast.ops.axes import own_axis
from cnnfast.ops.colours import blurred, height_axis
from cnnfast.ops.functions import sin
from cnnfast.ops.joining import concatenate, stack
from cnnfast.ops.linalg import solve
from cnnfast.ops.logic import greater, less, less_equal, logical_and, where
from cnnfast.ops.matrices import matmul
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import sum
from cnnfast.ops.sampling import affine_transform, grid, sampled
from cnnfast.ops.shaping import moved
from cnnfast.ops.turning import moveaxis, transpose
from cnnfast.utils.arguments import FILL_MODES, INTERPOLATIONS, one_of, real_number, whole_number
from cnnfast.utils.samples import as_array


def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Returns images as seen from aside: four points go to four others.

    Formula: as `affine_transform`, by the eight numbers that send the points from their ends to their starts

    Args:
        images: One image or a batch.
        start_points: Four points (x, y), for all images or for each one.
        end_points: Where they go.
        interpolation: "nearest" or "bilinear".
        fill_value: What lies beyond the border.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        As `images`; points (4, 2) or (n, 4, 2).

    Raises:
        ValueError: If shapes do not fit, or three points lie on a line.

    Source:
        Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989; Keras 3,
        `keras.ops.image.perspective_transform`.

    Example:
        >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> perspective_transform([[[1.0], [2.0], [3.0]]], square, square - [1, 0]).ravel()
        array([2., 3., 0.], dtype=float32)
    """
    by = _homography(start_points, end_points)
    if isinstance(by, np.ndarray) and by.shape[0] == 1:
        by = by[0]
    return affine_transform(images, by, interpolation, "constant", fill_value, data_format)


@operation("start_points", "end_points")
def _homography(start_points: Any, end_points: Any) -> Any:
    _, start, end = on_graph(start_points, end_points)
    if start.dims[-2:] != (4, 2) or start.ndim not in (2, 3) or start.shape != end.shape:
        raise ValueError(
            "points must be four for all images or for each, (4, 2) or (n, 4, 2); got shapes "
            f"{start.shape} and {end.shape}"
        )
    x, y = end[..., 0], end[..., 1]
    one, none = x * 0.0 + 1.0, x * 0.0
    wanted = [start[..., 0], start[..., 1]]
    rows = [
        stack([*place, -each * x, -each * y], -1)
        for place, each in zip(
            ([x, y, one, none, none, none], [none, none, none, x, y, one]), wanted, strict=True
        )
    ]
    return solve(concatenate(rows, -2), concatenate(wanted, -1))


def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Returns images distorted like rubber.

    Formula: out(p) = in(p + alpha d(p)), d = noise of deviation sigma, blurred by a bell curve of that one

    Args:
        images: One image or a batch.
        alpha: How far pixels move.
        sigma: The deviation, in pixels.
        interpolation: "nearest" or "bilinear".
        fill_mode: What lies beyond the border, as in `affine_transform`.
        fill_value: The number of "constant".
        seed: Of the noise; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        As `images`.

    Raises:
        ValueError: If an argument is out of its range, or there is no image.

    Source:
        Simard et al., 2003; Keras 3, `keras.ops.image.elastic_transform`.

    Example:
        >>> elastic_transform(np.ones((8, 8, 1)), seed=0).mean()
        np.float32(1.0)
    """
    one_of(interpolation, "interpolation", INTERPOLATIONS[:2])
    one_of(fill_mode, "fill_mode", FILL_MODES)
    how = (
        real_number(alpha, "alpha", -math.inf),
        real_number(sigma, "sigma", math.ulp(0.0)),
        interpolation,
        fill_mode,
        real_number(fill_value, "fill_value", -math.inf),
        None if seed is None else whole_number(seed, "seed", 0),
        resolve_data_format(data_format),
    )
    if isinstance(images, (Value, SymbolicTensor)):
        return _elastic_transform(images, None, *how)
    pictures = as_array(images, "images")
    batch = pictures[None] if pictures.ndim == 3 else pictures
    if batch.ndim != 4:
        raise ValueError(f"an image has three axes, and a batch of images four; got shape {pictures.shape}")
    sides = batch.shape[2:] if how[-1] == "channels_first" else batch.shape[1:3]
    generator = random_generator() if seed is None else np.random.default_rng(seed)
    made = _elastic_transform(batch, generator.normal(size=(len(batch), 2, *sides)), *how[:-2], None, how[-1])
    return made[0] if pictures.ndim == 3 else made


@operation("images", "noise", batches=True)
def _elastic_transform(
    images: Any,
    noise: Any,
    alpha: float,
    sigma: float,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    seed: int | None,
    data_format: str,
) -> Any:
    _, x = on_graph(images)
    height = height_axis(x, data_format)
    if not x.rows:
        raise ValueError(f"what stands for images must be a batch here, got shape {x.shape}")
    rows, columns = x.dims[height : height + 2]
    field = _noise(x, rows, columns, seed) if noise is None else noise
    size = int(6 * sigma) | 1
    smooth = blurred(blurred(multiply(field, sigma), 2, size, sigma), 1, size, sigma)
    still = grid(rows, columns, np.array([0, 1]), np.array([1, 0]), 0.0)
    at = still + multiply(transpose(smooth, (0, 2, 3, 1)), alpha)
    return sampled(x, at, interpolation, fill_mode, fill_value, data_format)


def _noise(images: Value, rows: int, columns: int, seed: int | None) -> Value:
    """Normal numbers for each image: (n, 2, rows, columns)."""
    from cnnfast.layers.noise import normal

    pixel = moved(images, "slice", [(0, 1, 1)] * 3)
    zeros = np.zeros((2, rows, columns), np.float32)
    made: Value = normal(where(less(pixel, pixel), 1.0, zeros), seed)  # nothing is less than itself
    return made


_METHODS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), "linear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "cubic"),
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


def scale_and_translate(
    images: Any,
    output_shape: Sequence[int | None],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """Returns images in other sizes, each place p of them moved to p * scale + translation.

    Formula: out[i] = sum_j w(j - q(i)) in[j] / sum_j w(j - q(i)) along each axis,
    q(i) = (i + 1/2 - translation) / scale - 1/2, w the method's kernel; 0 where q(i) is beyond the border

    Args:
        images: Numbers of any shape, or what stands for them.
        output_shape: The shape afterwards.
        scale: A number for each of the spatial axes.
        translation: Likewise, in pixels of the output.
        spatial_dims: The axes, the batch's counted, which may not be among them.
        method: "linear", "cubic", "lanczos3", "lanczos5", or one of Keras's other names of them.
        antialias: Whether a smaller size takes all pixels into account.

    Raises:
        ValueError: If shapes do not fit, or the method is another.

    Source:
        Keras 3, `keras.ops.image.scale_and_translate`; JAX, `jax.image.scale_and_translate`.

    Example:
        >>> scale_and_translate([1.0, 2.0], (4,), [2.0], [0.0], (0,), "linear")
        array([1.  , 1.25, 1.75, 2.  ], dtype=float32)
    """
    one_of(method, "method", tuple(_METHODS))
    sizes = [whole_number(output_shape[axis], "a size of output_shape", 1) for axis in spatial_dims]
    return _scale_and_translate(
        images, scale, translation, sizes, list(spatial_dims), _METHODS[method], bool(antialias)
    )


@operation("images", "scale", "translation")
def _scale_and_translate(
    images: Any,
    scale: Any,
    translation: Any,
    sizes: Sequence[int],
    axes: Sequence[int],
    method: str,
    antialias: bool,
) -> Any:
    _, x, factor, offset = on_graph(images, scale, translation)
    if factor.shape != (len(axes),) or offset.shape != factor.shape:
        raise ValueError(
            f"scale and translation must have a number for each of the axes {axes}, got shapes "
            f"{factor.shape} and {offset.shape}"
        )
    for i, (axis, size) in enumerate(zip(axes, sizes, strict=True)):
        before = x.dims[own_axis(x, axis)]
        places = divide(subtract(np.arange(size, dtype=np.float32) + 0.5, offset[i]), factor[i]) - 0.5
        width = maximum(divide(1.0, factor[i]), 1.0) if antialias else 1.0
        shares = _shares(places, before, width, _KERNELS[method])
        x = moveaxis(matmul(moveaxis(x, axis, -1), shares), -1, axis)
    return x


def _shares(places: Any, before: int, width: Any, kernel: Callable[[Any], Any]) -> Any:
    """How much each cell (row) counts at each place (column)."""
    cells = np.arange(before, dtype=np.float32)[:, None]
    weights = kernel(divide(absolute(subtract(places, cells)), width))
    total = sum(weights, 0, keepdims=True)
    inside = logical_and(less_equal(-0.5, places), less_equal(places, before - 0.5))
    whole = logical_and(inside, greater(absolute(total), 1000 * float(np.finfo(np.float32).eps)))
    return where(whole, divide(weights, where(whole, total, 1.0)), 0.0)


def _linear(x: Any) -> Any:
    return maximum(subtract(1.0, x), 0.0)


def _cubic(x: Any) -> Any:
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return where(less(x, 1.0), near, where(less(x, 2.0), far, 0.0))


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def kernel(x: Any) -> Any:
        away = where(greater(x, 1e-3), x, 1.0)
        angle = away * math.pi
        made = radius * sin(angle) * sin(angle / radius) / (angle * angle)
        return where(greater(x, 1e-3), where(less(x, radius), made, 0.0), 1.0)

    return kernel


_KERNELS = {"linear": _linear, "cubic": _cubic, "lanczos3": _lanczos(3.0), "lanczos5": _lanczos(5.0)}
