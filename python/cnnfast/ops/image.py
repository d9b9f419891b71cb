"""Images in other sizes, and images read between their pixels, by Keras's names.

An image is (height, width, channels), or (channels, height, width); a batch has one axis more in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.ops.colours import gaussian_blur, hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from cnnfast.ops.details import sobel_edges, ssim
from cnnfast.ops.framing import crop_images, extract_patches, extract_patches_3d, pad_images
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.sampling import affine_transform, grid_sample, map_coordinates
from cnnfast.ops.shaping import moved
from cnnfast.ops.slicing import cut
from cnnfast.ops.warping import elastic_transform, perspective_transform, scale_and_translate
from cnnfast.utils.arguments import COORDINATES, INTERPOLATIONS, entries, one_of, per_axis, real_number
from cnnfast.utils.missing import missing

if TYPE_CHECKING:
    from cnnfast._core import Coordinates, Interpolation
    from cnnfast.layers.tracing import Value

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "grid_sample",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]


def resize(
    images: Any,
    size: int | Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
    coordinates: str = "half_pixel",
    scale_factor: float | Sequence[float] | None = None,
) -> Any:
    """Returns images in another size.

    Formula: out[i] = sum_j w(j - p(i)) in[j] / sum_j w(j - p(i)) along height, and along width, where p(i) is
    where the centre of cell i lies in the input and w the interpolation's kernel.

    Args:
        images: One image or a batch.
        size: (height, width), or one number for both; (length,) or (depth, height, width) of sequences and
            volumes.
        interpolation: "nearest", "bilinear" (linear along each axis), "bicubic", "lanczos3" or "lanczos5".
        antialias: Whether a smaller size takes all pixels into account; not for "nearest".
        crop_to_aspect_ratio: Whether what would change the shape of things is cut off first, on both sides.
        pad_to_aspect_ratio: Whether borders are added first, for the same reason.
        fill_mode: How these are filled: "constant".
        fill_value: What they are filled with.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        coordinates: By ONNX's names: "half_pixel", as Keras; "align_corners", the corner pixels' centres stay
            where they are, and "asymmetric", the pixels' corners do; "pytorch_half_pixel", as "half_pixel".
            With these three "bicubic" is PyTorch's: it repeats the border, and its parameter is -0.75, not
            -0.5.
        scale_factor: How many pixels of the result stand for one of the image's, at least 1e-4: one for all
            axes, or one each. None for the ratio of the sizes; where the size is a rounded one, PyTorch and
            ONNX go by the factor. Not for "align_corners".

    Shapes:
        (h, w, c) -> (height, width, c), or (c, h, w) -> (c, height, width); likewise for batches, and for
        sequences and volumes.

    Raises:
        ValueError: If an argument is out of its range, or images have not the axes that `size` is about.

    Source:
        Keras 3, `keras.ops.image.resize`.

    Example:
        >>> resize([[[0.0], [1.0]]], (1, 4)).ravel()
        array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    one_of(interpolation, "interpolation", INTERPOLATIONS)
    one_of(coordinates, "coordinates", COORDINATES)
    one_of(fill_mode, "fill_mode", ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("only one of crop_to_aspect_ratio and pad_to_aspect_ratio may be True, got both")
    fit = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else "stretch"
    fill, layout = real_number(fill_value, "fill_value", -np.inf), resolve_data_format(data_format)
    each = entries(size)
    target = per_axis(size, "size", len(each) if each and len(each) in (1, 3) else 2)
    steps = _steps(scale_factor, coordinates, len(target))
    return _resize(images, target, interpolation, bool(antialias), fit, fill, layout, coordinates, steps)


def _steps(scale_factor: Any, coordinates: str, rank: int) -> list[float]:
    """How many of the image's pixels one of the result's stands for along each axis; 0: the sizes' ratio."""
    if scale_factor is None:
        return [0.0] * rank
    if coordinates == "align_corners":
        raise ValueError("align_corners goes by the sizes; leave scale_factor out")
    factors = entries(scale_factor)
    if factors is not None and len(factors) != rank:
        raise ValueError(f"scale_factor must have a number for each of {rank} axes, got {scale_factor!r}")
    each = [scale_factor] * rank if factors is None else factors
    return [1.0 / real_number(one, "scale_factor", 1e-4) for one in each]


@operation("images")
def _resize(
    images: Any,
    size: Sequence[int],
    interpolation: str,
    antialias: bool,
    fit: str,
    fill_value: float,
    data_format: str,
    coordinates: str,
    steps: Sequence[float],
) -> Any:
    _, x = on_graph(images)
    rank = len(size)
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"size {size} is about {rank} axes, which a batch or one of it has besides channels; got shape "
            f"{x.shape}"
        )
    first = len(x.dims) - rank - (data_format == "channels_last")
    if fit != "stretch":
        if rank != 2:
            raise ValueError(f"crop_to_aspect_ratio and pad_to_aspect_ratio are for images, got size {size}")
        x = _fitted(x, first, size, fit, fill_value)
    # The axis that shrinks most comes first: less is left for the others.
    for i in sorted(range(rank), key=lambda i: size[i] / x.dims[first + i]):
        x = resized(x, first + i, size[i], interpolation, coordinates, antialias, steps[i])
    return x


def resized(
    x: Value,
    own: int,
    size: int,
    interpolation: str,
    coordinates: str = "half_pixel",
    antialias: bool = False,
    step: float = 0.0,
) -> Value:
    """Returns a value with another size along one axis of a sample.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> resized(graph.value(graph.input((4, 3), "x")), 0, 6, "nearest")
        <Value shape=(None, 6, 3)>
    """
    if size == x.dims[own] and step in (0.0, 1.0):
        return x
    kind, places = (
        cast("Interpolation", interpolation),
        cast("Coordinates", coordinates.removeprefix("pytorch_")),
    )
    cubic, repeats = (-0.5, False) if coordinates == "half_pixel" else (-0.75, True)
    name = x.graph.named("resize")
    made = x.graph.resize(x.number, own, size, kind, places, antialias, name, cubic, repeats, step)
    return x.graph.value(made)


def _fitted(x: Value, height: int, size: Sequence[int], fit: str, fill_value: float) -> Value:
    """Cuts off or adds borders, so that the image's sides are in the same proportion as the size's."""
    sides = x.dims[height : height + 2]
    wanted = [int(sides[1 - i] * size[i] / size[1 - i]) for i in range(2)]
    if fit == "crop":
        for i, side in enumerate(sides):
            kept = max(min(side, wanted[i]), 1)
            x = cut(x, height + i, (side - kept) // 2, 1, kept)
        return x
    borders = [(0, 0)] * len(x.dims)
    for i, side in enumerate(sides):
        missing = (max(side, wanted[i]) - side) // 2
        borders[height + i] = (missing, missing)
    return moved(x, "pad", borders, "constant", fill_value)


if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
