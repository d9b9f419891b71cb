"""Layers of one's own: one with weights, and attention to channels made of other layers."""

import keras
import numpy as np
from keras import layers, ops


class Linear(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True, name="kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="bias")

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel) + self.bias

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ChannelAttention(layers.Layer):
    def __init__(self, ratio=2, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, input_shape):
        channels = input_shape[-1]
        self.down = layers.Dense(channels // self.ratio, activation="relu")
        self.up = layers.Dense(channels)
        self.scale = self.add_weight(shape=(1,), initializer="ones", name="scale")

    def call(self, inputs):
        means = ops.mean(inputs, axis=(1, 2))
        peaks = ops.max(inputs, axis=(1, 2))
        gates = ops.sigmoid(self.up(self.down(means)) + self.up(self.down(peaks)))
        return inputs * ops.expand_dims(ops.expand_dims(gates, 1), 1) * self.scale


def build():
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    x = ChannelAttention()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, Linear(4)(x))


def data(rng):
    return rng.normal(size=(16, 12, 12, 3)), rng.integers(0, 4, 16)


def compiled(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss, metrics=["accuracy"])
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
