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
NAMES = ("lenet5", "mnist_cnn", "mnist_mlp", "cifar_cnn")
CLASSES = 10

Array = NDArray[Any]
Layer = dict[str, Any]
Task = Literal["predict", "train"]


@dataclass(frozen=True)
class Network:
    """A chain of layers as bench/shapes writes it, its input shape turned to channels first."""

    name: str
    input_shape: tuple[int, ...]
    data_format: str
    layers: tuple[Layer, ...]


def load(name: str) -> Network:
    """Reads bench/shapes/<name>.json."""
    spec = json.loads((SHAPES / f"{name}.json").read_text())
    shape = tuple(spec["input_shape"])
    if len(shape) == 3 and spec["data_format"] == "channels_last":
        shape = (shape[2], shape[0], shape[1])
    return Network(spec["name"], shape, spec["data_format"], tuple(spec["layers"]))


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
            k = layer["kernel_size"]
            return (layer["filters"], shape[1] - k + 1, shape[2] - k + 1)
        case "max_pool2d" | "average_pool2d":
            return (shape[0], shape[1] // layer["pool_size"], shape[2] // layer["pool_size"])
        case "flatten":
            return (math.prod(shape),)
        case "dense":
            return (layer["units"],)
        case "dropout":
            return shape
        case other:
            raise ValueError(f"bench/shapes knows no layer type {other!r}")


def he_weights(network: Network, seed: int) -> list[Array]:
    """Kernel and bias of each layer that has them: normal, variance 2 / fan-in; biases small but not zero."""
    rng = np.random.default_rng(seed)
    weights: list[Array] = []
    for layer, shape in zip(network.layers, shapes(network), strict=False):
        if layer["type"] == "conv2d":
            kernel: tuple[int, ...] = (layer["kernel_size"], layer["kernel_size"], shape[0], layer["filters"])
        elif layer["type"] == "dense":
            kernel = (shape[0], layer["units"])
        else:
            continue
        scale = math.sqrt(2 / math.prod(kernel[:-1]))
        weights.append((rng.standard_normal(kernel) * scale).astype(np.float32))
        weights.append((rng.standard_normal(kernel[-1:]) * 0.1).astype(np.float32))
    return weights


def samples(network: Network, batch: int, seed: int) -> tuple[Array, Array]:
    """Random normal samples, channels first, and random labels (int32)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, *network.input_shape)).astype(np.float32)
    return x, rng.integers(0, CLASSES, batch).astype(np.int32)


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
        position += 2 * (layer["type"] in ("conv2d", "dense"))
    return out
