"""Keras 3 on TensorFlow, channels last (TensorFlow's CPU kernels know no other), with and without XLA.

The step is a `tf.function` of our own rather than `train_on_batch`, whose Python would be part of every
figure.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf
from bench.compare import networks, reference
from bench.compare.networks import Layer, Network
from numpy.typing import NDArray


def make(threads: int, jit: bool) -> KerasEngine:
    """Sets TensorFlow's thread pools."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return KerasEngine(jit)


class KerasEngine:
    """A `keras.Sequential` of the network in a traced function."""

    def __init__(self, jit: bool) -> None:
        self.jit = jit

    def versions(self) -> dict[str, str]:
        """Versions of Keras and TensorFlow."""
        return {"keras": keras.__version__, "tensorflow": tf.__version__}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """One traced call of the model."""
        model, samples = _build(network, weights, x)
        run = tf.function(lambda batch: model(batch, training=False), jit_compile=self.jit)
        traced = run.get_concrete_function(tf.TensorSpec(samples.shape, samples.dtype))

        def call() -> NDArray[Any]:
            out: NDArray[Any] = traced(samples).numpy()
            return out

        return call

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """One traced step: forward, gradient, update."""
        model, samples = _build(network, weights, x)
        labels = tf.constant(y)
        variables = model.trainable_variables
        optimizer = _optimizer(network)
        optimizer.build(variables)

        def step(batch: Any, truth: Any) -> Any:
            with tf.GradientTape() as tape:
                logits = model(batch, training=True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits))
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        run = tf.function(step, jit_compile=self.jit)
        return lambda: float(run(samples, labels).numpy())


def _optimizer(network: Network) -> Any:
    if network.optimizer == "adam":
        return keras.optimizers.Adam(
            reference.LEARNING_RATE, reference.BETA_1, reference.BETA_2, epsilon=reference.EPSILON
        )
    return keras.optimizers.SGD(reference.LEARNING_RATE, momentum=reference.MOMENTUM[network.optimizer])


def _build(network: Network, weights: list[NDArray[Any]], x: NDArray[Any]) -> tuple[Any, Any]:
    samples = tf.constant(networks.channels_last_samples(x))
    model = keras.Sequential([keras.Input(samples.shape[1:])])
    for layer in network.layers:
        if layer.get("padding"):
            model.add(keras.layers.ZeroPadding2D(layer["padding"]))
        model.add(_layer(layer))
    model.set_weights(networks.channels_last_weights(network, weights))
    return model, samples


def _layer(layer: Layer) -> Any:
    kinds = {
        "conv2d": keras.layers.Conv2D,
        "dense": keras.layers.Dense,
        "max_pool2d": keras.layers.MaxPooling2D,
        "average_pool2d": keras.layers.AveragePooling2D,
        "dropout": keras.layers.Dropout,
        "flatten": keras.layers.Flatten,
    }
    return kinds[layer["type"]](
        **{key: value for key, value in layer.items() if key not in ("type", "padding")}
    )
