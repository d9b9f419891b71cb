"""The single layers of bench/shapes/layers.json, each as a chain inside a small network.

A layer is never timed alone: a framework would spend its time on turning the user's layout into its own and
back. So each stands `chain` times in a row (forth and back where a 1x1 changes the number of channels; once
where it strides) between a head, a 1x1 convolution of 16 channels, and a tail that is nearly free, and the
same network without the layer is timed as well, turn about; the difference over the length of the chain
is the layer. A first layer (few input channels) has no head: it reads the user's image, and nothing is
subtracted. No activations: the figure is that of the convolution with its bias.

The backward passes are such differences too, of training steps (plain gradient descent) in which other
layers are frozen, so that every library is asked for them in its usual way:

- forward: prediction with the layer, less the one without
- backward_data: steps that also train the head, less those that train the tail alone; with the layer
  frozen, less the same without the layer. Where the layer strides, the one without has its head at the
  output's size, so that the tails cancel; what the heads differ by, up to 5 %, counts as the layer's
- backward_weights: the step that trains everything, less the one with the layer frozen. It includes the
  layer's update, and for a first layer its gradient's way through the tail.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from bench.compare.networks import SHAPES, Layer, Network

LayerTask = Literal["forward", "backward_data", "backward_weights"]
PREFIX = "layers/"
_HEAD_CHANNELS = 16
_TAIL_PIXELS = 4  # outputs a side, about, of a prediction's tail
_CLASSES = 10


@dataclass(frozen=True)
class LayerShape:
    """One entry of layers.json."""

    name: str
    ic: int
    oc: int
    size: int
    kernel: int
    stride: int
    padding: int
    groups: int
    transposed: bool
    batch: int
    chain: int
    backward_batch: int

    @property
    def is_first(self) -> bool:
        """Whether it reads the user's image."""
        return self.ic < _HEAD_CHANNELS

    @property
    def out_size(self) -> int:
        """Height and width of the output."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def flops(self) -> int:
        """Of the direct sum, for one sample; the same forward, backward-data and backward-weights."""
        return 2 * self.ic // self.groups * self.oc * self.kernel**2 * self.out_size**2

    @property
    def family(self) -> str:
        """The start of its name: "3x3", "1x1", "depthwise", "stem"; strided ones are "3x3_s2", "1x1_s2"."""
        kind = self.name.split("_")[0]
        return f"{kind}_s{self.stride}" if kind in ("1x1", "3x3") and self.stride > 1 else kind

    def tasks(self) -> tuple[LayerTask, ...]:
        """What is timed: a first layer's input needs no gradient."""
        all_three: tuple[LayerTask, ...] = ("forward", "backward_data", "backward_weights")
        return (all_three[0], all_three[2]) if self.is_first else all_three


@lru_cache(maxsize=1)
def all_shapes() -> dict[str, LayerShape]:
    """Every layer of layers.json that is no transposed one, by name."""
    entries = json.loads((SHAPES / "layers.json").read_text())["layers"]
    layers = [LayerShape(**entry) for entry in entries]
    return {layer.name: layer for layer in layers if not layer.transposed}


@dataclass(frozen=True)
class Part:
    """A network whose prediction or training step is timed, and what its time counts in the figure."""

    network: Network
    trains: bool
    share: float


def parts(name: str, task: LayerTask) -> list[Part]:
    """What has to be timed for one pass of a layer."""
    layer = all_shapes()[name]
    each = 1 / layer.chain

    def part(share: float, with_layer: bool, trained: tuple[str, ...] | None) -> Part:
        return Part(_network(layer, with_layer, trained), trained is not None, share)

    if task == "forward":
        out = [part(each, True, None), part(-each, False, None)]
        return out[:1] if layer.is_first else out
    if task == "backward_data":
        return [
            part(each, True, ("head",)),
            part(-each, True, ()),
            part(-each, False, ("head",)),
            part(each, False, ()),
        ]
    return [part(each, True, ("head", "layer")), part(-each, True, ("head",))]


def _network(layer: LayerShape, with_layer: bool, trained: tuple[str, ...] | None) -> Network:
    """`trained`: what learns besides the tail; None for a network that only predicts."""
    size = layer.size
    chain = [_layer(layer, layer.ic if i % 2 else layer.oc) for i in range(layer.chain if with_layer else 0)]
    head = layer.ic
    if trained is not None and not with_layer:  # the tail meets what the layer would have made
        size, head = layer.out_size, layer.ic if layer.chain % 2 == 0 else layer.oc
    if not layer.is_first:
        chain.insert(0, {"type": "conv2d", "filters": head, "kernel_size": 1, "role": "head"})
    shape = (layer.ic if layer.is_first else _HEAD_CHANNELS, size, size)
    if with_layer:
        size = layer.out_size
    tail = {"kernel_size": 1} if trained is not None else _glance(size)
    chain += [
        {"type": "conv2d", "filters": 1, **tail},
        {"type": "flatten"},
        {"type": "dense", "units": _CLASSES},
    ]
    for each in chain:
        role = each.pop("role", "tail")
        if trained is not None and role != "tail" and role not in trained:
            each["frozen"] = True
    return Network(f"{PREFIX}{layer.name}", shape, "channels_last", "sgd", tuple(chain))


def _glance(size: int) -> dict[str, int]:
    """A convolution that looks at few pixels. Were its kernel 1x1, OpenVINO would compute no others."""
    return {"kernel_size": 2, "strides": max(1, size // _TAIL_PIXELS)}


def _layer(layer: LayerShape, filters: int) -> Layer:
    return {
        "type": "conv2d",
        "filters": filters,
        "kernel_size": layer.kernel,
        "strides": layer.stride,
        "padding": layer.padding,
        "groups": layer.groups,
        "role": "layer",
    }
