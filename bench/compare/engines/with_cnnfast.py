"""cnnfast through its public Keras-shaped face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.compare import networks, reference
from bench.compare.networks import Layer, Network
from numpy.typing import NDArray

import cnnfast
from cnnfast import Input, Model, config, layers, losses, optimizers


def make(threads: int, precision: config.Precision = "default") -> CnnfastEngine:
    """Sets the team's size and the class of precision."""
    cnnfast.set_num_threads(threads)
    cnnfast.set_precision(precision)
    return CnnfastEngine()


class CnnfastEngine:
    """The network in the data format that its file asks for."""

    def versions(self) -> dict[str, str]:
        """Version and instruction set."""
        from cnnfast import _core

        return {"cnnfast": cnnfast.__version__, "cnnfast ISA": _core.get_isa()}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """`predict_on_batch`."""
        model, x = build(network, weights, x)
        return lambda: model.predict_on_batch(x)

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """`train_on_batch` with sparse labels."""
        model, x = build(network, weights, x)
        model.compile(optimizer=optimizer(network), loss=loss())
        return lambda: float(model.train_on_batch(x, y))

    def known_predictor(self, name: str, weights: Path, x: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """`predict_on_batch` of one of `cnnfast.applications`."""
        model, x = known_model(name, weights, x)
        return lambda: model.predict_on_batch(x)

    def known_trainer(
        self, name: str, weights: Path, x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """`train_on_batch` of it: gradient descent with momentum."""
        model, x = known_model(name, weights, x)
        rate = optimizers.SGD(reference.LEARNING_RATE, reference.MOMENTUM["momentum"])
        model.compile(optimizer=rate, loss=loss())
        return lambda: float(model.train_on_batch(x, y))


def known_model(name: str, weights: Path, x: NDArray[Any]) -> tuple[Model, NDArray[Any]]:
    """One of `cnnfast.applications` with its weights, and the samples as it takes them."""
    from cnnfast import applications, io  # which old revisions lack

    model = getattr(applications, name)(input_shape=(*x.shape[2:], x.shape[1]), classifier_activation=None)
    io.load_weights(model, weights)
    return model, networks.channels_last_samples(x)


def loss() -> losses.Loss:
    """What every engine minimizes: cross-entropy of logits and labels."""
    return losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(network: Network) -> optimizers.Optimizer:
    """The one that the network asks for."""
    if network.optimizer == "adam":
        return optimizers.Adam(
            reference.LEARNING_RATE, reference.BETA_1, reference.BETA_2, epsilon=reference.EPSILON
        )
    return optimizers.SGD(reference.LEARNING_RATE, momentum=reference.MOMENTUM[network.optimizer])


def build(network: Network, weights: list[NDArray[Any]], x: NDArray[Any]) -> tuple[Model, NDArray[Any]]:
    """The model with its weights, and the samples in the data format that it takes."""
    if network.data_format == "channels_last":
        x, weights = networks.channels_last_samples(x), networks.channels_last_weights(network, weights)
    values = [Input(x.shape[1:])]
    rest = iter(weights)
    sources = networks.sources(network)
    for (spec, shape), read in zip(networks.with_read_shapes(network), sources, strict=True):
        layer = _layer(spec, network.data_format)
        out = layer([values[i] for i in read] if len(read) > 1 else values[read[0]])
        learned = [next(rest) for _ in networks.weight_shapes(spec, shape)]
        layer.set_weights([*learned, *layer.get_weights()[len(learned) :]])
        if "activation" in spec and spec["type"] in _PLAIN:
            out = layers.Activation(spec["activation"])(out)
        values.append(out)
    return Model(values[0], values[-1]), x


# Without arguments of ours, `activation` among them; by name, for revisions that lack some.
_PLAIN = {"batch_norm": "BatchNormalization", "add": "Add", "concat": "Concatenate"}


def _layer(layer: Layer, data_format: str) -> layers.Layer:
    if layer["type"] in _PLAIN:
        plain: type[layers.Layer] = getattr(layers, _PLAIN[layer["type"]])
        return plain()
    about = ("type", "frozen", "name", "from", "with")
    arguments = {key: value for key, value in layer.items() if key not in about}
    if layer.get("frozen"):
        arguments["trainable"] = False
    match layer["type"]:
        case "conv2d":
            return layers.Conv2D(data_format=data_format, **arguments)
        case "conv2d_transpose":
            return layers.Conv2DTranspose(data_format=data_format, **arguments)
        case "global_average_pool2d":
            return layers.GlobalAveragePooling2D(data_format=data_format)
        case "max_pool2d":
            return layers.MaxPooling2D(data_format=data_format, **arguments)
        case "average_pool2d":
            return layers.AveragePooling2D(data_format=data_format, **arguments)
        case "dropout":
            return layers.Dropout(**arguments)
        case "flatten":
            # Its data_format stays channels_last, which means: in the order of memory.
            return layers.Flatten(data_format="channels_last")
        case _:
            return layers.Dense(**arguments)
