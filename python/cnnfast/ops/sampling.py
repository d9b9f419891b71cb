"""Images read between their pixels: a part of `cnnfast.ops.image`, by Keras's and PyTorch's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.colours import height_axis
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import moved
from cnnfast.ops.slicing import cut
from cnnfast.ops.turning import flip, moveaxis
from cnnfast.utils.arguments import FILL_MODES, INTERPOLATIONS, one_of, real_number
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from cnnfast._core import DataFormat, FillMode


def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Returns images whose pixels are read at transformed places.

    Formula: out(y, x) = in((b0 x + b1 y + b2) / k, (a0 x + a1 y + a2) / k), k = c0 x + c1 y + 1

    Args:
        images: One image or a batch.
        transform: (a0, a1, a2, b0, b1, b2, c0, c1), for all images or for each one.
        interpolation: "nearest" or "bilinear".
        fill_mode: What lies beyond the border, by SciPy's names: "constant", "nearest" (a a|a b c|c c),
            "reflect" (b a|a b c|c b), "mirror" (c b|a b c|b a) or "wrap" (b c|a b c|a b).
        fill_value: The number of "constant".
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        As `images`.

    Raises:
        ValueError: If an argument is out of its range, or shapes do not fit.

    Source:
        Keras 3, `keras.ops.image.affine_transform`.

    Example:
        >>> affine_transform([[[1.0], [2.0], [3.0]]], [1, 0, 1, 0, 1, 0, 0, 0]).ravel()
        array([2., 3., 0.], dtype=float32)
    """
    one_of(interpolation, "interpolation", INTERPOLATIONS[:2])
    one_of(fill_mode, "fill_mode", FILL_MODES)
    fill, layout = real_number(fill_value, "fill_value", -np.inf), resolve_data_format(data_format)
    how = (interpolation, fill_mode, fill, layout)
    if isinstance(images, (Value, SymbolicTensor)):
        return _affine_transform(images, transform, *how)
    pictures, numbers = as_array(images, "images"), as_array(transform, "transform")
    batch = pictures[None] if pictures.ndim == 3 else pictures
    if numbers.shape not in ((8,), (len(batch), 8)):
        raise ValueError(f"transform must have 8 numbers, or 8 an image, got shape {numbers.shape}")
    made = _affine_transform(batch, np.broadcast_to(numbers, (len(batch), 8)), *how)
    return made[0] if pictures.ndim == 3 else made


@operation("images", "transform", batches=True)
def _affine_transform(
    images: Any, transform: Any, interpolation: str, fill_mode: str, fill_value: float, data_format: str
) -> Any:
    _, x, t = on_graph(images, transform)
    height = height_axis(x, data_format)
    rows, columns = x.dims[height : height + 2]
    return sampled(x, places(t, rows, columns), interpolation, fill_mode, fill_value, data_format)


def places(transform: Value, rows: int, columns: int) -> Value:
    """Returns where the pixels of images of this size are read: (rows, columns, 2), y and x of each.

    Args:
        transform: The eight numbers of `affine_transform`, for all images or for each one.
        rows: The images' height.
        columns: Their width.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> with graph.within():
        ...     places(graph.value(graph.input((8,), "transform")), 4, 5)
        <Value shape=(None, 4, 5, 2)>
    """

    def factors(begin: int, count: int = 2) -> Value:
        some = cut(transform, 0, begin, -3 if count == 2 else 1, count)
        return moved(some, "reshape", (1, 1, count), some.rows)

    above = grid(rows, columns, factors(3), factors(4), factors(5))
    made: Value = above / grid(rows, columns, factors(6, 1), factors(7, 1), 1.0)
    return made


def grid(rows: int, columns: int, along_x: Any, along_y: Any, offset: Any) -> Any:
    """Returns along_x * x + along_y * y + offset for the pixels (y, x) of an image.

    Args:
        rows: The image's height.
        columns: Its width.
        along_x: Numbers of shape (1, 1, n), or one number; for all images or for each one.
        along_y: Likewise.
        offset: Likewise.

    Example:
        >>> grid(2, 3, 1.0, 10.0, 100.0)[..., 0].tolist()
        [[100.0, 101.0, 102.0], [110.0, 111.0, 112.0]]
    """
    y, x = np.arange(rows, dtype=np.float32)[:, None, None], np.arange(columns, dtype=np.float32)[:, None]
    return along_x * x + along_y * y + offset


_BEYOND = {"zeros": "constant", "border": "nearest", "reflection": "reflect"}


def grid_sample(
    images: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
    data_format: str | None = None,
) -> Any:
    """Returns what images are at the places of a grid, as spatial transformers read them.

    Formula: out[i] = in[p(grid[i])], where p(g) = ((g + 1) m - 1) / 2 along an axis of m cells: -1 and 1 are
    its ends. By `align_corners` they are the centres of its first and last cell: p(g) = (g + 1) (m - 1) / 2.

    Args:
        images: A batch of images, sequences or volumes.
        grid: Places for each of them, (x, y), or one number an axis, the last first.
        mode: "bilinear" or "nearest".
        padding_mode: What lies beyond the border: "zeros", "border" (its cells go on) or "reflection".
        align_corners: Where -1 and 1 lie.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        (n, h, w, c), (n, rows, columns, 2) -> (n, rows, columns, c), or with the channels first.

    Raises:
        ValueError: If an argument is out of its range, or shapes do not fit.

    Source:
        Jaderberg et al., Spatial Transformer Networks, 2015; PyTorch, `torch.nn.functional.grid_sample`.

    Example:
        >>> image = [[[[1.0], [2.0], [3.0]]]]
        >>> grid_sample(image, [[[[-1.0, 0.0], [0.5, 0.0]]]], align_corners=True).ravel()
        array([1. , 2.5], dtype=float32)
    """
    one_of(mode, "mode", INTERPOLATIONS[:2])
    one_of(padding_mode, "padding_mode", tuple(_BEYOND))
    layout = resolve_data_format(data_format)
    return _grid_sample(images, grid, mode, padding_mode, bool(align_corners), layout)


@operation("images", "grid", batches=True)
def _grid_sample(
    images: Any, grid: Any, mode: str, padding_mode: str, align_corners: bool, data_format: str
) -> Any:
    _, x, g = on_graph(images, grid)
    sizes = x.dims[1:] if data_format == "channels_first" else x.dims[:-1]
    if not g.dims or g.dims[-1] != len(sizes):
        raise ValueError(
            f"a grid has one number for each of the images' {len(sizes)} axes; got images of shape {x.shape} "
            f"and a grid of shape {g.shape}"
        )
    cells = np.asarray(sizes, np.float32)
    ends = flip(g, -1) + 1.0
    at = ends * ((cells - 1) / 2) if align_corners else (ends * cells - 1.0) * 0.5
    mirrored = align_corners and padding_mode == "reflection"
    return sampled(x, at, mode, "mirror" if mirrored else _BEYOND[padding_mode], 0.0, data_format)


def sampled(
    x: Value, at: Any, interpolation: str, fill_mode: str, fill_value: float, data_format: str
) -> Value:
    """Returns what images are at places, whose last axis has a number for each of the images' axes.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> x, at = (graph.value(graph.input(d, "x")) for d in ((5, 5, 3), (4, 2)))
        >>> sampled(x, at, "bilinear", "constant", 0.0, "channels_last")
        <Value shape=(None, 4, 3)>
    """
    kind, mode = cast("Any", interpolation), cast("FillMode", fill_mode)
    layout, name = cast("DataFormat", data_format), x.graph.named("sample")
    where = x.graph.as_value(at).number
    return x.graph.value(x.graph.sample(x.number, where, kind, mode, fill_value, layout, name))


@operation("inputs", "coordinates")
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0.0
) -> Any:
    """Returns what an array is at places between its numbers.

    Args:
        inputs: Numbers of one to three axes.
        coordinates: For each of these axes the places along it.
        order: 1 for linear interpolation, 0 for the nearest number.
        fill_mode: What lies beyond the border, as in `affine_transform`.
        fill_value: The number of "constant".

    Shapes:
        (a, b), (2, ...) -> (...)

    Raises:
        ValueError: If an argument is out of its range, shapes do not fit, or inputs begin with a batch.

    Source:
        Keras 3, `keras.ops.image.map_coordinates`.

    Example:
        >>> map_coordinates([[1.0, 2.0], [3.0, 4.0]], [[0.5, 1.0], [0.5, 0.25]], 1)
        array([2.5 , 3.25], dtype=float32)
    """
    _, x, at = on_graph(inputs, coordinates)
    if order not in (0, 1):
        raise ValueError(f"order must be 0 or 1, got {order!r}")
    one_of(fill_mode, "fill_mode", FILL_MODES)
    if x.rows or at.rows or not at.dims or at.dims[0] != len(x.dims):
        raise ValueError(
            "map_coordinates takes an array without a batch's axis, and coordinates with one row for each of "
            f"its axes; got shapes {x.shape} and {at.shape}"
        )
    pixels = moved(x, "reshape", (*x.dims, 1), 0)
    last = moveaxis(at, 0, -1)
    read = sampled(
        pixels, last, INTERPOLATIONS[order], fill_mode, real_number(fill_value, "fill_value", -np.inf),
        "channels_last",
    )  # fmt: skip
    return moved(read, "reshape", at.dims[1:], 0)
