"""Convolutions, plain, depthwise and transposed, as layers with their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, OpenSizeError, is_fixed, rank, translates, with_weights
from cnnfast.io.onnx.translators.windows import Window, pairs
from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    from cnnfast.config import DataFormat

FIRST: DataFormat = "channels_first"


@translates("Conv")
def conv(node: Node, x: Any, kernel: Any, bias: Any = None) -> Any:
    """Conv1D to Conv3D; (filters, channels / groups, ...) becomes (..., channels / groups, filters)."""
    _check_fixed(kernel, bias)
    groups, filters = node.get("group", 1), len(kernel)
    if bias is not None and not _is_bias(bias, filters, rank(x)):
        return ops.add(conv(node, x, kernel), bias)
    window = Window(node, x, kernel.shape[2:])
    options: dict[str, Any] = {
        "strides": window.strides,
        "padding": window.padding,
        "dilation_rate": window.dilation,
        "data_format": FIRST,
        "use_bias": bias is not None,
        "name": node.name,
    }
    biases = [] if bias is None else [np.ravel(bias)]
    channels = groups * kernel.shape[1]
    if groups > 1 and kernel.shape[1] == 1 and window.rank < 3 and filters % groups == 0:
        kind = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)[window.rank - 1]
        layer = kind(window.size, depth_multiplier=filters // channels, **options)
        split = np.reshape(kernel, (channels, filters // channels, *window.size))
        return with_weights(layer, x, [np.moveaxis(split, (0, 1), (-2, -1)), *biases])
    plain = (layers.Conv1D, layers.Conv2D, layers.Conv3D)[window.rank - 1]
    made = plain(filters, window.size, groups=groups, **options)
    return with_weights(made, x, [np.moveaxis(kernel, (0, 1), (-1, -2)), *biases])


@translates("ConvTranspose")
def conv_transpose(node: Node, x: Any, kernel: Any, bias: Any = None) -> Any:
    """Conv1DTranspose to Conv3DTranspose; the kernel's axes (channels, filters, ...) come last, in turn."""
    _check_fixed(kernel, bias)
    window = Window(node, x, kernel.shape[2:])
    groups = node.get("group", 1)
    cut, more = _borders(node, x, window)
    kind = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)[window.rank - 1]
    layer = kind(
        groups * kernel.shape[1],
        window.size,
        window.strides,
        cut,
        output_padding=more if any(more) else None,
        data_format=FIRST,
        dilation_rate=window.dilation,
        use_bias=bias is not None,
        groups=groups,
        name=node.name,
    )
    biases = [] if bias is None else [np.ravel(bias)]
    return with_weights(layer, x, [np.moveaxis(kernel, (0, 1), (-1, -2)), *biases])


def _borders(node: Node, x: Any, window: Window) -> tuple[Any, list[int]]:
    """What is cut off at each side and added at the end; both follow from the output's size where told."""
    wanted, named = node.get("output_shape"), node.get("auto_pad", "NOTSET")
    more = list(node.get("output_padding", (0,) * window.rank))
    if wanted is None and named not in ("SAME_UPPER", "SAME_LOWER"):
        return pairs(node.get("pads", (0,) * 2 * window.rank)), more
    sizes, *others = [shape[2:] for shape in node.shapes(x)]
    if wanted is not None and any(each != sizes for each in others):
        raise OpenSizeError("its output_shape needs an input of known size")
    if wanted is None:
        wanted = [size * stride for size, stride in zip(sizes, window.strides, strict=True)]
    made = []
    for i, (size, stride) in enumerate(zip(sizes, window.strides, strict=True)):
        total = (size - 1) * stride + window.reach[i] + more[i] - wanted[i - window.rank]
        more[i] += max(0, -total)
        less, rest = max(0, total) // 2, max(0, total) - max(0, total) // 2
        made.append((less, rest) if named == "SAME_UPPER" else (rest, less))
    return tuple(made), more


def _check_fixed(kernel: Any, bias: Any) -> None:
    if not is_fixed(kernel) or not (bias is None or is_fixed(bias)):
        raise ModelFileError("its kernel and bias must be fixed, and not computed from the network's inputs")


def _is_bias(bias: Any, filters: int, axes: int) -> bool:
    """Whether it is one number for each filter: (f,) as ONNX has it, or (f, 1, 1) as an Add has."""
    shape = np.shape(bias)
    return shape in ((filters,), (filters, *(1,) * (axes - 2)), (1, filters, *(1,) * (axes - 2)))
