"""Small networks straight on `_core`: one operation, or a few, each twin with its float64 reference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference.model import Node, ReferenceModel

from cnnfast import _core

Float = NDArray[np.float32]


def single(shape: tuple[int, ...], add: Callable[["_core.Graph", int], int]) -> "_core.Network":
    """The network of one input of this shape (without the batch) and the node that `add` adds."""
    graph = _core.Graph()
    return _core.Network(graph, add(graph, graph.input(shape, "input")))


def set_weights(network: "_core.Network", weights: list[NDArray[Any]]) -> None:
    """Sets all parameters, in the graph's order."""
    for weight, value in zip(network.weights, weights, strict=True):
        weight.assign(np.asarray(value, np.float32))


def get_weights(network: "_core.Network", count: int) -> list[Float]:
    """Copies of the first `count` parameters."""
    return [np.array(weight.numpy()) for weight in network.weights[:count]]


def sgd(learning_rate: float, momentum: float = 0.0, nesterov: bool = False) -> dict[str, Any]:
    """An SGD configuration for `Network.configure`."""
    return {"name": "sgd", "learning_rate": learning_rate, "momentum": momentum, "nesterov": nesterov}


def adam(learning_rate: float = 1e-3) -> dict[str, Any]:
    """An Adam configuration for `Network.configure`, with Keras's other defaults."""
    return {"name": "adam", "learning_rate": learning_rate, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


def dense_network(inputs: int, units: int, activation: str | None = None) -> "_core.Network":
    """One dense layer and perhaps an activation."""

    def add(graph: "_core.Graph", src: int) -> int:
        out = graph.dense(src, units, True, "dense")
        return out if activation is None else graph.activation(out, activation, "activation")  # type: ignore[arg-type]

    return single((inputs,), add)


def refusal(error: BaseException, *words: str) -> None:
    """A refusal is a sentence that a person can act upon and that names these words."""
    message = str(error)
    assert len(message.split()) >= 5, f"not a sentence: {message!r}"
    for word in words:
        assert word.lower() in message.lower(), f"the message does not name {word!r}: {message}"


class NetworkBuilder:
    """Builds a `_core.Graph` and its `ReferenceModel` together, so that the two cannot drift apart."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0, data_format: str = "channels_last") -> None:
        self.graph = _core.Graph()
        self.rng = np.random.default_rng(seed)
        self.format: Any = data_format
        self.nodes: list[Node] = []
        self.weights: list[Float] = []
        self._values = {-1: self.graph.input(shape, "input")}

    def _append(self, value: int, op: str, sources: tuple[int, ...], **attributes: Any) -> int:
        self.nodes.append(Node(op, sources, attributes))
        self._values[len(self.nodes) - 1] = value
        return len(self.nodes) - 1

    def _shape(self, src: int) -> tuple[int, ...]:
        return self.graph.shape(self._values[src])

    def _weights(self, kernel: tuple[int, ...], biases: int | None = None) -> None:
        scale = np.sqrt(2.0 / np.prod(kernel[:-1]))
        self.weights.append((self.rng.normal(size=kernel) * scale).astype(np.float32))
        self.weights.append(self.rng.normal(size=biases or kernel[-1]).astype(np.float32) * 0.1)

    def conv(
        self,
        src: int,
        filters: int,
        kernel: Any,
        strides: Any = None,
        padding: Any = "valid",
        transposed: bool = False,
    ) -> int:
        """A convolution with a bias, over as many axes as the kernel has."""
        channels = self._shape(src)[-1 if self.format == "channels_last" else 0]
        name = f"conv2d_{len(self.nodes)}"
        once = (1,) * len(kernel)
        steps = strides or once
        window = self._values[src], filters, kernel, steps, padding
        if transposed:
            value = self.graph.conv_transpose(*window, None, once, 1, True, self.format, name)
            self._weights((*kernel, filters, channels), filters)
        else:
            value = self.graph.conv(*window, once, 1, True, self.format, name)
            self._weights((*kernel, channels, filters))
        op = "conv_transpose" if transposed else "conv"
        return self._append(value, op, (src,), strides=steps, padding=padding, data_format=self.format)

    def dense(self, src: int, units: int) -> int:
        """A dense layer with a bias."""
        self._weights((self._shape(src)[-1], units))
        value = self.graph.dense(self._values[src], units, True, f"dense_{len(self.nodes)}")
        return self._append(value, "dense", (src,))

    def activation(self, src: int, kind: Any) -> int:
        """An activation."""
        value = self.graph.activation(self._values[src], kind, f"{kind}_{len(self.nodes)}")
        return self._append(value, "activation", (src,), kind=kind)

    def dropout(self, src: int) -> int:
        """A dropout, which predictions and gradients at rest leave out."""
        value = self.graph.dropout(self._values[src], 0.5, f"dropout_{len(self.nodes)}")
        return self._append(value, "dropout", (src,))

    def max_pool(self, src: int, size: Any = (2, 2), strides: Any = None, padding: Any = "valid") -> int:
        """Maximum pooling."""
        name = f"max_pool_{len(self.nodes)}"
        steps = strides or size
        value = self.graph.max_pool(self._values[src], size, steps, padding, False, self.format, name)
        attributes = {"pool_size": size, "strides": steps, "padding": padding, "data_format": self.format}
        return self._append(value, "max_pool", (src,), **attributes)

    def average_pool(self, src: int, size: Any = (2, 2), strides: Any = None, padding: Any = "valid") -> int:
        """Average pooling over the cells that exist."""
        name = f"average_pool_{len(self.nodes)}"
        steps = strides or size
        value = self.graph.average_pool(
            self._values[src], size, steps, padding, False, False, self.format, name
        )
        attributes = {"pool_size": size, "strides": steps, "padding": padding, "data_format": self.format}
        return self._append(value, "average_pool", (src,), **attributes)

    def flatten(self, src: int) -> int:
        """Flattening by rows, columns, channels, whatever the data format, as Keras does."""
        value = self.graph.flatten(self._values[src], self.format, f"flatten_{len(self.nodes)}")
        return self._append(value, "flatten", (src,), data_format=self.format)

    def add(self, *sources: int) -> int:
        """The sum of several values."""
        value = self.graph.add([self._values[s] for s in sources], f"add_{len(self.nodes)}")
        return self._append(value, "add", sources)

    def build(self) -> tuple["_core.Network", ReferenceModel]:
        """The network with its random weights, and its reference with the same."""
        network = _core.Network(self.graph, self._values[len(self.nodes) - 1])
        set_weights(network, self.weights)
        return network, ReferenceModel(self.nodes, self.weights)


@dataclass(frozen=True)
class Twin:
    """A network, its reference, and a batch for both."""

    network: "_core.Network"
    reference: ReferenceModel
    x: Float
    classes: int


def small_cnn(batch: int, data_format: str = "channels_last", seed: int = 0, channels: int = 1) -> Twin:
    """Two convolutions, both poolings, a dense layer: odd channel counts, no block is full."""
    shape = (12, 11, channels) if data_format == "channels_last" else (channels, 12, 11)
    b = NetworkBuilder(shape, seed, data_format)
    v = b.activation(b.max_pool(b.conv(-1, 7, (3, 3), padding="same")), "relu")
    v = b.average_pool(b.activation(b.conv(v, 5, (2, 3)), "tanh"), (2, 2), (1, 1))
    b.dense(b.flatten(v), 10)
    network, reference = b.build()
    return Twin(network, reference, b.rng.normal(size=(batch, *shape)).astype(np.float32), 10)


def classic_cnn(batch: int, data_format: str = "channels_last", seed: int = 4, channels: int = 1) -> Twin:
    """The course's order, convolution, activation, pooling; odd sizes, so that pooling drops a border."""
    shape = (15, 14, channels) if data_format == "channels_last" else (channels, 15, 14)
    b = NetworkBuilder(shape, seed, data_format)
    v = b.max_pool(b.activation(b.conv(-1, 6, (3, 3)), "relu"))
    v = b.max_pool(b.activation(b.conv(v, 19, (3, 3), padding="same"), "tanh"))
    v = b.activation(b.dense(b.flatten(v), 21), "relu")
    b.dense(v, 10)
    network, reference = b.build()
    return Twin(network, reference, b.rng.normal(size=(batch, *shape)).astype(np.float32), 10)


def residual_cnn(batch: int, data_format: str = "channels_last", seed: int = 1) -> Twin:
    """Sixteen and more channels, strides, a shortcut with Add: a network for channels in the lanes."""
    shape = (9, 9, 16) if data_format == "channels_last" else (16, 9, 9)
    b = NetworkBuilder(shape, seed, data_format)
    trunk = b.activation(b.conv(-1, 32, (3, 3), (2, 2), "same"), "relu")
    v = b.activation(b.conv(trunk, 17, (3, 3), padding="same"), "relu")
    v = b.activation(b.add(b.conv(v, 32, (1, 1)), trunk), "relu")
    b.dense(b.flatten(b.max_pool(v)), 10)
    network, reference = b.build()
    return Twin(network, reference, b.rng.normal(size=(batch, *shape)).astype(np.float32), 10)


def sequence_cnn(batch: int, data_format: str = "channels_last", seed: int = 5) -> Twin:
    """One spatial axis, a stride, a shortcut."""
    shape = (21, 3) if data_format == "channels_last" else (3, 21)
    b = NetworkBuilder(shape, seed, data_format)
    trunk = b.activation(b.conv(-1, 17, (5,), (2,)), "tanh")
    v = b.add(b.conv(trunk, 17, (3,), padding="same"), trunk)
    b.dense(b.flatten(b.activation(v, "sigmoid")), 10)
    network, reference = b.build()
    return Twin(network, reference, b.rng.normal(size=(batch, *shape)).astype(np.float32), 10)


def volume_cnn(batch: int, data_format: str = "channels_last", seed: int = 6) -> Twin:
    """Three spatial axes, a stride, a shortcut."""
    shape = (4, 7, 6, 2) if data_format == "channels_last" else (2, 4, 7, 6)
    b = NetworkBuilder(shape, seed, data_format)
    trunk = b.activation(b.conv(-1, 18, (3, 3, 3), (1, 2, 2), "same"), "relu")
    v = b.activation(b.add(b.conv(trunk, 18, (2, 3, 1), padding="same"), trunk), "tanh")
    b.dense(b.flatten(v), 10)
    network, reference = b.build()
    return Twin(network, reference, b.rng.normal(size=(batch, *shape)).astype(np.float32), 10)


def hourglass_cnn(batch: int, data_format: str = "channels_last", seed: int = 7) -> Twin:
    """Down by a stride and up again by a transposed convolution, as an autoencoder."""
    shape = (8, 10, 3) if data_format == "channels_last" else (3, 8, 10)
    b = NetworkBuilder(shape, seed, data_format)
    first = b.activation(b.conv(-1, 17, (3, 3), padding="same"), "relu")
    v = b.activation(b.conv(first, 20, (3, 3), (2, 2), "same"), "relu")
    v = b.activation(b.conv(v, 17, (3, 3), (2, 2), "same", transposed=True), "relu")
    b.dense(b.flatten(b.max_pool(b.add(v, first))), 10)
    network, reference = b.build()
    return Twin(network, reference, b.rng.normal(size=(batch, *shape)).astype(np.float32), 10)


def mlp(batch: int, seed: int = 2) -> Twin:
    """Three dense layers."""
    b = NetworkBuilder((20,), seed)
    v = b.activation(b.dense(-1, 33), "sigmoid")
    v = b.activation(b.dense(v, 17), "relu")
    b.dense(v, 10)
    network, reference = b.build()
    return Twin(network, reference, b.rng.normal(size=(batch, 20)).astype(np.float32), 10)
