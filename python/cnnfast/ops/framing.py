"""Images cut, framed and taken apart: a part of `cnnfast.ops.image`, by Keras's names."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from cnnfast.config import resolve_data_format
from cnnfast.ops.colours import height_axis
from cnnfast.ops.joining import concatenate
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import moved
from cnnfast.utils.arguments import entries, explicit_sides, one_of, per_axis, whole_number

Side = int | None


def pad_images(
    images: Any,
    top_padding: Side = None,
    left_padding: Side = None,
    bottom_padding: Side = None,
    right_padding: Side = None,
    target_height: Side = None,
    target_width: Side = None,
    data_format: str | None = None,
) -> Any:
    """Returns images in frames of zeros. Of top, bottom and height two are given; so of the width.

    Args:
        images: One image or a batch.
        top_padding: Rows above.
        left_padding: Columns on the left.
        bottom_padding: Rows below.
        right_padding: Columns on the right.
        target_height: The height afterwards.
        target_width: The width afterwards.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Raises:
        ValueError: If other numbers than two are given, or one would be below 0.

    Source:
        Keras 3, `keras.ops.image.pad_images`.

    Example:
        >>> pad_images([[[1.0]]], 0, 1, target_height=1, target_width=3).ravel()
        array([0., 1., 0.], dtype=float32)
    """
    rows = _given("padding", "height", top_padding, bottom_padding, target_height)
    columns = _given("padding", "width", left_padding, right_padding, target_width)
    return _pad_images(images, rows, columns, resolve_data_format(data_format))


@operation("images")
def _pad_images(images: Any, rows: Sequence[Side], columns: Sequence[Side], data_format: str) -> Any:
    _, x = on_graph(images)
    height = height_axis(x, data_format)
    sides = [(0, 0)] * len(x.dims)
    for own, (before, after, target) in ((height, rows), (height + 1, columns)):
        sides[own] = _ends(before, after, _distance(x.dims[own], target), "padding")
    return moved(x, "pad", sides, "constant", 0.0)


def crop_images(
    images: Any,
    top_cropping: Side = None,
    left_cropping: Side = None,
    bottom_cropping: Side = None,
    right_cropping: Side = None,
    target_height: Side = None,
    target_width: Side = None,
    data_format: str | None = None,
) -> Any:
    """Returns parts of images. Of top, bottom and height two are given; so of the width.

    Args:
        images: One image or a batch.
        top_cropping: Rows left out above.
        left_cropping: Columns left out on the left.
        bottom_cropping: Rows left out below.
        right_cropping: Columns left out on the right.
        target_height: The height afterwards.
        target_width: The width afterwards.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Raises:
        ValueError: If other numbers than two are given, or nothing would be left.

    Source:
        Keras 3, `keras.ops.image.crop_images`.

    Example:
        >>> crop_images([[[1.0], [2.0], [3.0]]], 0, 1, target_height=1, target_width=1).ravel()
        array([2.], dtype=float32)
    """
    rows = _given("cropping", "height", top_cropping, bottom_cropping, target_height)
    columns = _given("cropping", "width", left_cropping, right_cropping, target_width)
    return _crop_images(images, rows, columns, resolve_data_format(data_format))


@operation("images")
def _crop_images(images: Any, rows: Sequence[Side], columns: Sequence[Side], data_format: str) -> Any:
    _, x = on_graph(images)
    height = height_axis(x, data_format)
    ranges = [(0, 1, size) for size in x.dims]
    for own, (before, after, target) in ((height, rows), (height + 1, columns)):
        first, last = _ends(before, after, _distance(target, x.dims[own]), "cropping")
        ranges[own] = (first, 1, x.dims[own] - first - last)
    return moved(x, "slice", ranges)


def _given(what: str, side: str, before: Side, after: Side, target: Side) -> list[Side]:
    given = [before, after, target]
    if given.count(None) != 1:
        raise ValueError(
            f"of the {what} on either side and target_{side} two must be given, got {before}, {after} and "
            f"{target}"
        )
    names = (f"a {what}", f"a {what}", f"target_{side}")
    return [
        each if each is None else whole_number(each, name, 0) for each, name in zip(given, names, strict=True)
    ]


def _distance(begin: Side, end: Side) -> int:
    return 0 if begin is None or end is None else end - begin


def _ends(before: Side, after: Side, both: int, what: str) -> tuple[int, int]:
    """Both ends, of which one may follow from their sum."""
    first = both - (after or 0) if before is None else before
    last = both - first if after is None else after
    if min(first, last) < 0:
        raise ValueError(f"{what} must be at least 0 on each side, got {first} and {last}")
    return first, last


def extract_patches(
    images: Any,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Returns windows of images, the numbers of each as channels: rows, then columns, then channels.

    Args:
        images: One image or a batch; or volumes.
        size: The windows' size: an int, or (height, width); (depth, height, width) of volumes.
        strides: Between windows; None: they lie side by side.
        dilation_rate: Between the pixels of a window.
        padding: "valid", or "same" with zeros around.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        (n, h, w, c) -> (n, rows, columns, height * width * c), or with the channels first.

    Raises:
        TypeError: If the size is no whole number and no tuple of some.
        ValueError: If an argument is out of its range, or no window has room.

    Source:
        Keras 3, `keras.ops.image.extract_patches`.

    Example:
        >>> extract_patches([[[1.0], [2.0], [3.0], [4.0]]], (1, 2)).tolist()
        [[[1.0, 2.0], [3.0, 4.0]]]
    """
    return _windows(images, size, strides, dilation_rate, padding, data_format, (2, 3))


def extract_patches_3d(
    volumes: Any,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Returns windows of volumes, the numbers of each as channels, as `extract_patches` does of images.

    Args:
        volumes: One volume or a batch.
        size: The windows' size: an int, or (depth, height, width).
        strides: Between windows; None: they lie side by side.
        dilation_rate: Between the cells of a window.
        padding: "valid", or "same" with zeros around.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        (n, d, h, w, c) -> (n, planes, rows, columns, depth * height * width * c), or with the channels first.

    Raises:
        TypeError: If the size is no whole number and no three of them.
        ValueError: If another argument is out of its range, or no window has room.

    Source:
        Keras 3, `keras.ops.image.extract_patches_3d`.

    Example:
        >>> extract_patches_3d([[[[1.0], [2.0]]], [[[3.0], [4.0]]]], (2, 1, 1)).ravel()
        array([1., 3., 2., 4.], dtype=float32)
    """
    return _windows(volumes, size, strides, dilation_rate, padding, data_format, (3,))


def _windows(
    images: Any, size: Any, strides: Any, dilation_rate: Any, padding: str, data_format: Any, ranks: Any
) -> Any:
    sizes = entries(size)
    rank = ranks[0] if sizes is None else len(sizes)
    if isinstance(size, str) or (ranks == (3,) and rank != 3):
        raise TypeError(f"size must be a whole number or a tuple of {ranks[-1]}, got {size!r}")
    if rank not in ranks:
        raise ValueError(f"size must be a whole number, or 2 or 3 of them, got {size!r}")
    window = per_axis(size, "size", rank)
    steps = window if strides is None else per_axis(strides, "strides", rank)
    one_of(padding, "padding", ("valid", "same"))
    apart = per_axis(dilation_rate, "dilation_rate", rank)
    return _extract_patches(images, window, steps, apart, padding, resolve_data_format(data_format))


@operation("images")
def _extract_patches(
    images: Any,
    size: Sequence[int],
    strides: Sequence[int],
    dilation_rate: Sequence[int],
    padding: str,
    data_format: str,
) -> Any:
    _, x = on_graph(images)
    rank, first = len(size), data_format == "channels_first"
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"windows of size {tuple(size)} need {rank + 1} axes, or a batch, got shape {x.shape}"
        )
    begin = len(x.dims) - rank - (0 if first else 1)
    spans = [(window - 1) * apart + 1 for window, apart in zip(size, dilation_rate, strict=True)]
    lengths = x.dims[begin : begin + rank]
    added = explicit_sides(padding, lengths, spans, tuple(strides))
    room = [length + sum(each) for length, each in zip(lengths, added, strict=True)]
    for length, span in zip(room, spans, strict=True):
        if span > length:
            raise ValueError(f"windows span {span} pixels of an axis that has {length}; make them smaller")
    counts = [(size - span) // step + 1 for size, span, step in zip(room, spans, strides, strict=True)]
    sides = [(0, 0)] * len(x.dims)
    sides[begin : begin + rank] = added
    wide = moved(x, "pad", sides, "constant", 0.0) if padding == "same" else x
    pieces = []
    for cell in itertools.product(*map(range, size)):
        ranges = [(0, 1, length) for length in wide.dims]
        for i, step in enumerate(cell):
            ranges[begin + i] = (step * dilation_rate[i], strides[i], counts[i])
        pieces.append(moved(wide, "slice", ranges))
    return concatenate(pieces, -rank - 1 if first else -1)
