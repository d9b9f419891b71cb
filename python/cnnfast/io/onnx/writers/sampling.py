"""Images that are read between their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.io.onnx.exporting import Export, writes

_BEYOND = {"constant": "zeros", "nearest": "border", "reflect": "reflection", "mirror": "reflection"}


@writes("sample")
def sample(
    to: Export, made: int, src: int, at: int, interpolation: str, fill_mode: str, fill_value: float,
    data_format: str, name: str,
) -> str:  # fmt: skip
    """GridSample, whose places are (x, y) from -1 to 1, of a batch of images with channels first."""
    sizes = to.shape(src)[1:] if data_format == "channels_first" else to.shape(src)[:-1]
    if len(sizes) != 2 or not to.batched(src) or fill_mode not in _BEYOND:
        raise NotImplementedError(
            f"{name}: of what is read at places, batches of images can be exported, and not by 'wrap'; "
            f"got shape {to.shape(src)} and {fill_mode!r}"
        )
    x, rank = to.name_of(src), len(to.shape(made)) + 1
    x = x if data_format == "channels_first" else to.turned_first(x, name, 4)
    if fill_value:
        fill = to.constant_of(fill_value, f"{name}/fill")
        x = to.add_node("Sub", [x, fill], f"{name}/less")
    told = {
        "mode": interpolation,
        "padding_mode": _BEYOND[fill_mode],
        "align_corners": int(fill_mode == "mirror"),
    }
    read = to.add_node("GridSample", [x, _grid(to, src, at, sizes, told, name)], f"{name}/read", **told)
    if fill_value:
        read = to.add_node("Add", [read, fill], f"{name}/more")
    places = to.integers([0, 0, *to.shape(at)[:-1]], name)
    first = data_format == "channels_first" or rank < 3
    read = to.add_node("Reshape", [read, places], name if first else f"{name}/channels_first")
    return read if first else to.turned_back(read, name, rank)


def _grid(to: Export, src: int, at: int, sizes: Any, told: dict[str, Any], name: str) -> str:
    """The places of each image, a column of them, in ONNX's order and measure."""
    places = to.name_of(at)
    if told["mode"] == "nearest":  # halves are rounded away from 0 here, to even numbers there
        half = to.constant_of(0.5, f"{name}/half")
        far = to.add_node("Add", [to.add_node("Abs", [places], f"{name}/abs"), half], f"{name}/far")
        floor = to.add_node("Floor", [far], f"{name}/floor")
        places = to.add_node("Mul", [to.add_node("Sign", [places], f"{name}/sign"), floor], f"{name}/whole")
    cells = np.asarray(sizes, np.float32)
    aligned = told["align_corners"]
    scale = 2 / np.maximum(cells - 1, 1) if aligned else 2 / cells
    shift = np.full(2, -1) if aligned else 1 / cells - 1
    grid = to.add_node("Mul", [places, to.constant_of(scale, f"{name}/scale")], f"{name}/scaled")
    grid = to.add_node("Add", [grid, to.constant_of(shift, f"{name}/shift")], f"{name}/shifted")
    turned = [grid, to.integers([1, 0], name)]
    grid = to.add_node("Gather", turned, f"{name}/turned_places", axis=-1)
    count = 0 if to.batched(at) else 1
    grid = to.add_node("Reshape", [grid, to.integers([count, -1, 1, 2], name)], f"{name}/column")
    if to.batched(at):
        return grid
    images = to.add_node("Shape", [to.name_of(src)], f"{name}/images", end=1)
    ones = to.integers([1, 1, 1], name)
    shape = to.add_node("Concat", [images, ones], f"{name}/repeats", axis=0)
    return to.add_node("Expand", [grid, shape], f"{name}/column_each")
