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
NAMES = SMALL + LARGE

Array = NDArray[Any]
Layer = dict[str, Any]


@dataclass(frozen=True)
class Network:
    """A chain of layers as bench/shapes writes it, its input shape turned to channels first.

    A layer with the key "frozen" keeps its weights in training.
    """

    name: str
    input_shape: tuple[int, ...]
    data_format: str
    optimizer: Literal["adam", "sgd", "momentum"]
    layers: tuple[Layer, ...]

    @property
    def classes(self) -> int:
        """The number of logits."""
        (count,) = shapes(self)[-1]
        return count


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


def shapes(network: Network) -> list[tuple[int, ...]]:
    """The shape of one sample before each layer, and after the last."""
    out = [network.input_shape]
    for layer in network.layers:
        out.append(_shape_after(layer, out[-1]))
    return out


def _shape_after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
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
        case "dropout":
            return shape
        case other:
            raise ValueError(f"bench/shapes knows no layer type {other!r}")


def geometry(layer: Layer) -> tuple[int, int, int, int]:
    """Kernel size, stride, padding on every side, and groups of a convolution."""
    return layer["kernel_size"], layer.get("strides", 1), layer.get("padding", 0), layer.get("groups", 1)


def window(layer: Layer) -> tuple[int, int]:
    """Size and stride of a pooling window."""
    size: int = layer["pool_size"]
    stride: int = layer.get("strides", size)
    return size, stride


def has_weights(layer: Layer) -> bool:
    """Whether a kernel and a bias belong to the layer."""
    return layer["type"] in ("conv2d", "dense")


def kernel_shapes(network: Network) -> list[tuple[Layer, tuple[int, ...]]]:
    """Each layer with weights, and the shape of its kernel; its bias has the last axis of that."""
    out: list[tuple[Layer, tuple[int, ...]]] = []
    for layer, shape in zip(network.layers, shapes(network), strict=False):
        if layer["type"] == "conv2d":
            k, _, _, groups = geometry(layer)
            out.append((layer, (k, k, shape[0] // groups, layer["filters"])))
        elif layer["type"] == "dense":
            out.append((layer, (shape[0], layer["units"])))
    return out


def he_weights(network: Network, seed: int) -> list[Array]:
    """Kernel and bias of each layer that has them: normal, variance 2 / fan-in; biases small but not zero."""
    rng = np.random.default_rng(seed)
    weights: list[Array] = []
    for layer, kernel in kernel_shapes(network):
        # The two makes up for the half that a ReLU takes away.
        scale = math.sqrt((2 if "activation" in layer else 1) / math.prod(kernel[:-1]))
        weights.append((rng.standard_normal(kernel) * scale).astype(np.float32))
        weights.append((rng.standard_normal(kernel[-1:]) * 0.1).astype(np.float32))
    return weights


def samples(network: Network, batch: int, seed: int) -> tuple[Array, Array]:
    """Random normal samples, channels first, and random labels (int32)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, *network.input_shape)).astype(np.float32)
    return x, rng.integers(0, network.classes, batch).astype(np.int32)


def channels_last_samples(x: Array) -> Array:
    """The same samples as (n, height, width, channels); flat samples stay."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def channels_last_weights(network: Network, weights: list[Array]) -> list[Array]:
    """The same weights, the matrix after a flatten with its rows in (height, width, channels) order."""
    out = list(weights)
    position = 0
    flat_from: tuple[int, ...] = ()
    for layer, shape in zip(network.layers, shapes(network), strict=False):
        if layer["type"] == "flatten":
            flat_from = shape
        if layer["type"] == "dense" and flat_from:
            matrix = out[position].reshape(*flat_from, -1).transpose(1, 2, 0, 3)
            out[position] = np.ascontiguousarray(matrix).reshape(out[position].shape)
            flat_from = ()
        position += 2 * has_weights(layer)
    return out
