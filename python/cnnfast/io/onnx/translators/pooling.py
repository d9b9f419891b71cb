"""Poolings, of windows and of whole images."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, OpenSizeError, rank, translates
from cnnfast.io.onnx.translators.convolutions import FIRST
from cnnfast.io.onnx.translators.windows import Window
from cnnfast.models.errors import ModelFileError

_MAX = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
_AVERAGE = (layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
_LP = (layers.LpPooling1D, layers.LpPooling2D, layers.LpPooling3D)
_GLOBAL_MAX = (layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D)
_GLOBAL_AVERAGE = (
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
)
_UNPOOL = (layers.MaxUnpool1D, layers.MaxUnpool2D, layers.MaxUnpool3D)


@translates("MaxPool")
def max_pool(node: Node, x: Any) -> Any:
    """MaxPooling; with places where these are wanted, counted as ONNX does, over the whole batch."""
    window, options = _window(node, x)
    if node.outputs < 2:
        return _MAX[window.rank - 1](**options, dilation_rate=window.dilation)(x)
    layer = _MAX[window.rank - 1](**options, dilation_rate=window.dilation, return_indices=True)
    largest, places = layer(x)
    shape = node.shapes(x)[0]
    samples, channels = shape[:2]
    places = _by_columns(places, shape[2:]) if node.get("storage_order", 0) else places
    planes = np.arange(samples * channels).reshape(samples, channels, *(1,) * window.rank)
    return largest, ops.add(places, planes * int(np.prod(shape[2:])))


def _by_columns(places: Any, sizes: Any) -> Any:
    """Places that count the last axis first, as ones that count the first axis first."""
    made: Any = 0.0
    for axis, size in reversed(list(enumerate(sizes))):
        rest = ops.floor(ops.divide(places, float(size)))
        at = ops.subtract(places, ops.multiply(rest, float(size)))
        made, places = ops.add(made, ops.multiply(at, float(np.prod(sizes[:axis])))), rest
    return made


@translates("AveragePool")
def average_pool(node: Node, x: Any) -> Any:
    """AveragePooling; with dilation, a depthwise convolution of equal weights."""
    window, options = _window(node, x)
    counts = bool(node.get("count_include_pad", 0))
    if any(d > 1 for d in window.dilation):
        return _dilated_average(node, x, window, counts)
    return _AVERAGE[window.rank - 1](**options, count_include_pad=counts)(x)


def _dilated_average(node: Node, x: Any, window: Window, counts: bool) -> Any:
    """The sum of each window by the number of cells that count in it."""
    sizes = {shape[2:] for shape in node.shapes(x)}
    if len(sizes) > 1:
        raise OpenSizeError("dilations need an input of known size")
    beyond = [(0, 0)] * window.rank
    if node.get("ceil_mode", 0):
        each = zip(next(iter(sizes)), window.sides, window.reach, window.strides, strict=True)
        beyond = [(0, _beyond(*one)) for one in each]
    cells = np.ones((1, 1, *sizes.pop()), np.float32)
    cells = np.pad(cells, [(0, 0), (0, 0), *window.sides], constant_values=float(counts))
    cells = np.pad(cells, [(0, 0), (0, 0), *beyond])
    widths = [(a + c, b + d) for (a, b), (c, d) in zip(window.sides, beyond, strict=True)]
    padded = ops.pad(x, [(0, 0), (0, 0), *widths])
    return ops.divide(_summed(node, padded, window), _summed(node, cells, window))


def _summed(node: Node, x: Any, window: Window) -> Any:
    """The sum of each window, of each channel alone."""
    channels = node.shapes(x)[0][1]
    kernel = np.ones((*window.size, 1, channels), np.float32)
    how: dict[str, Any] = {"data_format": FIRST, "dilation_rate": window.dilation, "groups": channels}
    return ops.conv(x, kernel, window.strides, "valid", **how)


def _beyond(size: int, sides: tuple[int, int], reach: int, stride: int) -> int:
    """How far the last window reaches beyond the padding; one that would begin there is left out."""
    total = size + sum(sides) - reach
    steps = -(-total // stride)
    steps -= steps * stride >= size + sides[0]
    return max(0, steps * stride - total)


@translates("LpPool")
def lp_pool(node: Node, x: Any) -> Any:
    """LpPooling; with dilation, a depthwise convolution of powers."""
    window, options = _window(node, x)
    power = float(node.get("p", 2))
    if any(d > 1 for d in window.dilation):
        padded = ops.pad(ops.power(ops.abs(x), power), [(0, 0), (0, 0), *window.sides])
        return ops.power(_summed(node, padded, window), 1 / power)
    return _LP[window.rank - 1](power, **options)(x)


@translates("GlobalAveragePool")
def global_average_pool(node: Node, x: Any) -> Any:
    """GlobalAveragePooling, axes kept."""
    return _of_rank(_GLOBAL_AVERAGE, x)(FIRST, keepdims=True, name=node.name)(x)


@translates("GlobalMaxPool")
def global_max_pool(node: Node, x: Any) -> Any:
    """GlobalMaxPooling, axes kept."""
    return _of_rank(_GLOBAL_MAX, x)(FIRST, keepdims=True, name=node.name)(x)


@translates("GlobalLpPool")
def global_lp_pool(node: Node, x: Any) -> Any:
    """A norm over all of each channel."""
    power = float(node.get("p", 2))
    axes = list(range(2, rank(x)))
    return ops.power(ops.sum(ops.power(ops.abs(x), power), axes, keepdims=True), 1 / power)


@translates("MaxUnpool")
def max_unpool(node: Node, x: Any, places: Any, shape: Any = None) -> Any:
    """MaxUnpool; places are counted over the whole batch there, within a channel here."""
    window, options = _window(node, x)
    size = node.integers(shape, "output_shape")
    sizes = [
        (n - 1) * s - a - b + k
        for n, s, (a, b), k in zip(
            node.shapes(x)[0][2:], window.strides, window.sides, window.size, strict=True
        )
    ]
    area = int(np.prod(sizes))
    places = ops.subtract(places, ops.multiply(ops.floor(ops.divide(places, float(area))), float(area)))
    options.pop("ceil_mode")
    layer = _UNPOOL[window.rank - 1](**options)
    if size is None:
        return layer(x, places)
    made = layer(x, places) if sizes == size[2:] else None
    if made is None:  # places count in the smaller image; the larger one has it in its first corner
        widths = [(0, 0), (0, 0), *((0, want - have) for want, have in zip(size[2:], sizes, strict=True))]
        made = ops.pad(layer(x, places), widths)
    return made


def _window(node: Node, x: Any) -> tuple[Window, dict[str, Any]]:
    window = Window(node, x)
    options = {
        "pool_size": window.size,
        "strides": window.strides,
        "padding": window.padding,
        "ceil_mode": bool(node.get("ceil_mode", 0)),
        "data_format": FIRST,
        "name": node.name,
    }
    return window, options


def _of_rank(kinds: tuple[Any, ...], x: Any) -> Any:
    if not 3 <= rank(x) <= 5:
        raise ModelFileError(f"its input must have 3 to 5 axes, got {rank(x)}")
    return kinds[rank(x) - 3]
