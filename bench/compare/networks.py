"""The networks of bench/shapes, with weights and samples that depend on nothing but a seed.

Everything here is channels first: samples are (n, channels, height, width), and the matrix after a flatten
has its rows in that order. Kernels are HWIO and matrices (in, out), as in Keras. Engines that work channels
last convert with `channels_last_samples` and `channels_last_weights`, outside of what is timed.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SHAPES = Path(__file__).resolve().parent.parent / "shapes"
SMALL = ("lenet5", "mnist_cnn", "mnist_mlp", "cifar_cnn")
LARGE = ("vgg16", "alexnet")
BRANCHED = ("resnet20", "unet")
NAMES = SMALL + LARGE + BRANCHED

Array = NDArray[Any]
Layer = dict[str, Any]


@dataclass(frozen=True)
class Network:
    """Layers as bench/shapes writes them, the input shape turned to channels first.

    Each reads what the one before it made, or what the key "from" names; sums and concatenations read a
    second value, "with". The key "name" names what a layer made. A layer with the key "frozen" keeps its
    weights in training.
    """

    name: str
    input_shape: tuple[int, ...]
    data_format: str
    optimizer: Literal["adam", "sgd", "momentum"]
    layers: tuple[Layer, ...]

    @property
    def classes(self) -> int:
        """The number of logits, of a sample or of each of its pixels."""
        return shapes(self)[-1][0]


def load(name: str) -> Network:
    """Reads bench/shapes/<name>.json."""
    spec = json.loads((SHAPES / f"{name}.json").read_text())
    shape = tuple(spec["input_shape"])
    if len(shape) == 3 and spec["data_format"] == "channels_last":
        shape = (shape[2], shape[0], shape[1])
    return Network(spec["name"], shape, spec["data_format"], spec["optimizer"], tuple(spec["layers"]))


def without_dropout(network: Network) -> Network:
    """The same network with nothing random in it: what engines are checked on."""
    return replace(network, layers=tuple(layer for layer in network.layers if layer["type"] != "dropout"))


def sources(network: Network) -> list[tuple[int, ...]]:
    """The values that each layer reads: 0 is the input, i + 1 what layer i made."""
    known: dict[str, int] = {}
    out: list[tuple[int, ...]] = []
    for i, layer in enumerate(network.layers):
        first = known[layer["from"]] if "from" in layer else i
        out.append((first, known[layer["with"]]) if "with" in layer else (first,))
        if "name" in layer:
            known[layer["name"]] = i + 1
    return out


def shapes(network: Network) -> list[tuple[int, ...]]:
    """The shape of each value in one sample: of the input, and after each layer."""
    out = [network.input_shape]
    for layer, read in zip(network.layers, sources(network), strict=True):
        out.append(_shape_after(layer, *(out[i] for i in read)))
    return out


def with_read_shapes(network: Network) -> list[tuple[Layer, tuple[int, ...]]]:
    """Each layer, and the shape of the first value that it reads."""
    known = shapes(network)
    return [(layer, known[read[0]]) for layer, read in zip(network.layers, sources(network), strict=True)]


def _shape_after(layer: Layer, shape: tuple[int, ...], other: tuple[int, ...] = ()) -> tuple[int, ...]:
    match layer["type"]:
        case "conv2d":
            k, stride, padding, _ = geometry(layer)
            return (layer["filters"], *((n + 2 * padding - k) // stride + 1 for n in shape[1:]))
        case "max_pool2d" | "average_pool2d":
            size, stride = window(layer)
            return (shape[0], *((n - size) // stride + 1 for n in shape[1:]))
        case "flatten":
            return (math.prod(shape),)
        case "dense":
            return (layer["units"],)
        case "conv2d_transpose":
            return (layer["filters"], *(n * layer["strides"] for n in shape[1:]))
        case "global_average_pool2d":
            return shape[:1]
        case "concat":
            return (shape[0] + other[0], *shape[1:])
        case "dropout" | "batch_norm" | "add":
            return shape
        case unknown:
            raise ValueError(f"bench/shapes knows no layer type {unknown!r}")


def geometry(layer: Layer) -> tuple[int, int, int, int]:
    """Kernel size, stride, padding on every side, and groups of a convolution."""
    return layer["kernel_size"], layer.get("strides", 1), layer.get("padding", 0), layer.get("groups", 1)


def window(layer: Layer) -> tuple[int, int]:
    """Size and stride of a pooling window."""
    size: int = layer["pool_size"]
    stride: int = layer.get("strides", size)
    return size, stride


def has_weights(layer: Layer) -> bool:
    """Whether the layer learns."""
    return layer["type"] in ("conv2d", "conv2d_transpose", "dense", "batch_norm")


def weight_shapes(layer: Layer, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Of what a layer that reads `shape` learns: a kernel and a bias, or scale and shift of channels."""
    kernel: tuple[int, ...]
    match layer["type"]:
        case "conv2d":
            k, _, _, groups = geometry(layer)
            kernel = (k, k, shape[0] // groups, layer["filters"])
        case "conv2d_transpose":
            kernel = (layer["kernel_size"], layer["kernel_size"], layer["filters"], shape[0])
        case "dense":
            kernel = (shape[0], layer["units"])
        case "batch_norm":
            return [shape[:1], shape[:1]]
        case _:
            return []
    return [kernel, (layer.get("filters") or layer["units"],)] if layer.get("use_bias", True) else [kernel]


def he_weights(network: Network, seed: int) -> list[Array]:
    """What each layer learns, in order.

    Kernels are normal with the variance 2 / fan-in, biases small but not zero, scales nearly 1.
    """
    rng = np.random.default_rng(seed)
    weights: list[Array] = []
    for layer, read in with_read_shapes(network):
        for i, shape in enumerate(weight_shapes(layer, read)):
            # The two makes up for the half that a ReLU takes away.
            fan_in = shape[-1] if layer["type"] == "conv2d_transpose" else math.prod(shape[:-1])
            scale = math.sqrt((2 if "activation" in layer else 1) / fan_in) if len(shape) > 1 else 0.1
            mean = 1 if layer["type"] == "batch_norm" and i == 0 else 0
            weights.append((rng.standard_normal(shape) * scale + mean).astype(np.float32))
    return weights


def samples(network: Network, batch: int, seed: int) -> tuple[Array, Array]:
    """Random normal samples, channels first, and random labels (int32) of samples or their pixels."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, *network.input_shape)).astype(np.float32)
    classes, *pixels = shapes(network)[-1]
    return x, rng.integers(0, classes, (batch, *pixels)).astype(np.int32)


def channels_last_samples(x: Array) -> Array:
    """The same samples as (n, height, width, channels); flat samples stay."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def channels_last_weights(network: Network, weights: list[Array]) -> list[Array]:
    """The same weights, the matrix after a flatten with its rows in (height, width, channels) order."""
    out = list(weights)
    position = 0
    flat_from: tuple[int, ...] = ()
    for layer, shape in with_read_shapes(network):
        if layer["type"] == "flatten":
            flat_from = shape
        if layer["type"] == "dense" and flat_from:
            matrix = out[position].reshape(*flat_from, -1).transpose(1, 2, 0, 3)
            out[position] = np.ascontiguousarray(matrix).reshape(out[position].shape)
            flat_from = ()
        position += len(weight_shapes(layer, shape))
    return out
