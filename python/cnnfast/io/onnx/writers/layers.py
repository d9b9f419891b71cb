"""Convolutions, poolings, dense layers, normalizations and activations. ONNX's channels come first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnfast.io.onnx.exporting import Export, writes
from cnnfast.utils.arguments import explicit_sides

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softmax": "Softmax"}


@writes("input")
def input_(to: Export, made: int, shape: Any, name: str, rows: int = 1) -> str:
    """An input of the graph."""
    return to.unique(name)


@writes("weight")
def weight(to: Export, made: int, weight: Any) -> str:
    """A weight as a constant."""
    return to.weight_of(weight)


@writes("constant")
def constant(to: Export, made: int, values: Any, name: str) -> str:
    """A constant."""
    return to.constant_of(values, name)


def on_channels_first(
    to: Export, src: int, data_format: str, name: str, make: Callable[[str, str], str]
) -> str:
    """What `make` makes of a value and a name, on images with channels first."""
    x, rank = to.name_of(src), len(to.shape(src)) + 1
    if data_format == "channels_first" or rank < 3:
        return make(x, name)
    turned = to.turned_first(x, name, rank)
    return to.turned_back(make(turned, f"{name}/channels_first"), name, rank)


def _padding(padding: Any) -> dict[str, Any]:
    if padding == "same":
        return {"auto_pad": "SAME_UPPER"}
    if padding == "valid":
        return {}
    return {"pads": [before for before, _ in padding] + [after for _, after in padding]}


@writes("conv")
def conv(
    to: Export, made: int, src: int, filters: int, kernel_size: Any, strides: Any, padding: Any,
    dilation: Any, groups: int, use_bias: bool, data_format: str, name: str, weights: Any = (),
) -> str:  # fmt: skip
    """The kernel (..., channels / groups, filters) becomes (filters, channels / groups, ...)."""
    kernel = to.weight_of(weights[0], lambda w: np.moveaxis(w, (-1, -2), (0, 1)))
    given = [kernel, *(to.weight_of(each) for each in weights[1:])]
    told = {"strides": strides, "dilations": dilation, "group": groups, **_padding(padding)}
    return on_channels_first(
        to, src, data_format, name, lambda x, n: to.add_node("Conv", [x, *given], n, **told)
    )


@writes("depthwise_conv")
def depthwise_conv(
    to: Export, made: int, src: int, depth_multiplier: int, kernel_size: Any, strides: Any, padding: Any,
    dilation: Any, use_bias: bool, data_format: str, name: str, weights: Any = (),
) -> str:  # fmt: skip
    """A convolution of a group for each channel; the kernel (..., c, m) becomes (c * m, 1, ...)."""

    def turned(w: Any) -> Any:
        first = np.moveaxis(w, (-2, -1), (0, 1))
        return first.reshape(-1, 1, *first.shape[2:])

    given = [to.weight_of(weights[0], turned), *(to.weight_of(each) for each in weights[1:])]
    channels = weights[0].shape[-2]
    told = {"strides": strides, "dilations": dilation, "group": channels, **_padding(padding)}
    return on_channels_first(
        to, src, data_format, name, lambda x, n: to.add_node("Conv", [x, *given], n, **told)
    )


@writes("conv_transpose")
def conv_transpose(
    to: Export, made: int, src: int, filters: int, kernel_size: Any, strides: Any, padding: Any,
    output_padding: Any, dilation: Any, groups: int, use_bias: bool, data_format: str, name: str,
    weights: Any = (),
) -> str:  # fmt: skip
    """The kernel (..., filters, channels) becomes (channels, filters, ...)."""
    kernel = to.weight_of(weights[0], lambda w: np.moveaxis(w, (-1, -2), (0, 1)))
    given = [kernel, *(to.weight_of(each) for each in weights[1:])]
    cut = [(0, 0)] * len(strides) if isinstance(padding, str) else list(padding)
    more = list(output_padding or [0] * len(strides))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    if padding == "valid" and output_padding is None:
        more = [max(0, s - r) for s, r in zip(strides, reach, strict=True)]
    if padding == "same":
        sizes = [_spatial(to.shape(each), data_format) for each in (src, made)]
        for i, (before, after) in enumerate(zip(*sizes, strict=True)):
            total = (before - 1) * strides[i] + reach[i] - after
            more[i] = max(0, -total)
            cut[i] = (max(0, total) // 2, max(0, total) - max(0, total) // 2)
    told = {
        "strides": strides,
        "dilations": dilation,
        "group": groups,
        "output_padding": more,
        **_padding(cut),
    }
    return on_channels_first(
        to, src, data_format, name, lambda x, n: to.add_node("ConvTranspose", [x, *given], n, **told)
    )


def _spatial(shape: Any, data_format: str) -> Any:
    return shape[1:] if data_format == "channels_first" else shape[:-1]


@writes("max_pool")
def max_pool(
    to: Export, made: int, src: int, pool_size: Any, strides: Any, padding: Any, ceil_mode: bool,
    data_format: str, name: str, dilation: Any = None,
) -> str:  # fmt: skip
    """MaxPool."""
    dilation = [1] * len(strides) if dilation is None else dilation
    reach = [(k - 1) * d + 1 for k, d in zip(pool_size, dilation, strict=True)]
    told = {"kernel_shape": pool_size, "strides": strides, "dilations": dilation}
    told |= _padding(
        _up_to_the_last(to, src, made, padding, reach, strides, data_format) if ceil_mode else padding
    )
    return on_channels_first(to, src, data_format, name, lambda x, n: to.add_node("MaxPool", [x], n, **told))


@writes("average_pool")
def average_pool(
    to: Export, made: int, src: int, pool_size: Any, strides: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, data_format: str, name: str,
) -> str:  # fmt: skip
    """AveragePool; where padding counts and windows reach beyond it, zeros are put there before."""
    told: dict[str, Any] = {"kernel_shape": pool_size, "strides": strides}
    told["count_include_pad"] = int(count_include_pad and not ceil_mode)
    sides = _up_to_the_last(to, src, made, padding, pool_size, strides, data_format) if ceil_mode else padding
    before = None
    if ceil_mode and count_include_pad and not isinstance(padding, str):
        before = to.integers([0, 0, *(a for a, _ in padding), 0, 0, *(b for _, b in padding)], name)
        sides = [(0, more - had) for (_, more), (_, had) in zip(sides, padding, strict=True)]
    told |= _padding(sides)

    def make(x: str, n: str) -> str:
        x = x if before is None else to.add_node("Pad", [x, before], f"{n}/padded")
        return to.add_node("AveragePool", [x], n, **told)

    return on_channels_first(to, src, data_format, name, make)


def _up_to_the_last(
    to: Export, src: int, made: int, padding: Any, reach: Any, strides: Any, data_format: str
) -> Any:
    """The padding, wide enough for all windows: before opset 22, ceil_mode counts some that lie beyond."""
    before, after = (_spatial(to.shape(each), data_format) for each in (src, made))
    sides = explicit_sides(padding, tuple(before), reach, strides)
    if all(side[1] == 0 for side in sides) and all(s <= k for s, k in zip(strides, reach, strict=True)):
        return [(a, stride - 1) for (a, _), stride in zip(sides, strides, strict=True)]  # of any size
    ends = [(n - 1) * s + k for n, s, k in zip(after, strides, reach, strict=True)]
    more = [max(0, end - size - a - b) for end, size, (a, b) in zip(ends, before, sides, strict=True)]
    return [(a, b + extra) for (a, b), extra in zip(sides, more, strict=True)]


@writes("adaptive_pool")
def adaptive_pool(
    to: Export, made: int, src: int, maximum: bool, output_size: Any, data_format: str, name: str
) -> str:
    """A global pool, or axis by axis the windows from floor(i n / m) to ceil((i + 1) n / m)."""
    kind = "Max" if maximum else "Average"
    if set(output_size) == {1}:
        return on_channels_first(
            to, src, data_format, name, lambda x, n: to.add_node(f"Global{kind}Pool", [x], n)
        )
    x, first = to.name_of(src), 2 if data_format == "channels_first" else 1
    reduction = "ReduceMax" if maximum else "ReduceMean"
    for i, (size, count) in enumerate(zip(_spatial(to.shape(src), data_format), output_size, strict=True)):
        axis, parts = first + i, []
        for j in range(count):
            bounds = [j * size // count], [-(-(j + 1) * size // count)], [axis]
            part = to.add_node("Slice", [x, *(to.integers(b, name) for b in bounds)], f"{name}/part")
            parts.append(
                to.add_node(reduction, [part, to.integers([axis], name)], f"{name}/pooled", keepdims=1)
            )
        x = to.add_node("Concat", parts, name, axis=axis)
    return x


@writes("dense")
def dense(to: Export, made: int, src: int, units: int, use_bias: bool, name: str, weights: Any = ()) -> str:
    """Gemm of vectors, else MatMul and Add."""
    x, given = to.name_of(src), [to.weight_of(each) for each in weights]
    if len(to.shape(src)) == 1:
        return to.add_node("Gemm", [x, *given], name)
    made_name = name if len(given) == 1 else f"{name}/matmul"
    x = to.add_node("MatMul", [x, given[0]], made_name)
    return x if len(given) == 1 else to.add_node("Add", [x, given[1]], name)


@writes("batch_norm")
def batch_norm(
    to: Export, made: int, src: int, momentum: float, epsilon: float, scale: bool, center: bool,
    data_format: str, name: str, weights: Any = (), moving: bool = False,
) -> str:  # fmt: skip
    """BatchNormalization, with ones and zeros where there is no scale or shift."""
    own = [to.weight_of(each) for each in weights]
    channels = weights[-1].shape
    gamma = own.pop(0) if scale else to.constant_of(np.ones(channels), f"{name}/gamma")
    beta = own.pop(0) if center else to.constant_of(np.zeros(channels), f"{name}/beta")
    told = {"epsilon": epsilon, "momentum": momentum}
    return on_channels_first(
        to,
        src,
        data_format,
        name,
        lambda x, n: to.add_node("BatchNormalization", [x, gamma, beta, *own], n, **told),
    )


@writes("activation")
def activation(to: Export, made: int, src: int, kind: str, name: str) -> str:
    """One that has a kernel; softmax is along the last axis."""
    x = to.name_of(src)
    if kind == "linear":
        return x
    return (to.add_node if kind == "softmax" else to.add_each)(_ACTIVATIONS[kind], [x], name)


@writes("add")
def add(to: Export, made: int, srcs: Any, name: str) -> str:
    """The sum of several."""
    given = [to.name_of(each) for each in srcs]
    return to.add_each("Add" if len(given) == 2 else "Sum", given, name)


@writes("dropout")
def dropout(to: Export, made: int, src: int, rate: float, name: str) -> str:
    """Nothing, outside of training."""
    return to.name_of(src)


@writes("stop_gradient")
def stop_gradient(to: Export, made: int, src: int, name: str) -> str:
    """Nothing, where nothing is differentiated."""
    return to.name_of(src)
