"""A model of one's own: layers in `__init__`, what happens in `call`, residual blocks as layers."""

import keras
import numpy as np
from keras import layers


class Block(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.first = layers.Conv2D(filters, 3, padding="same")
        self.second = layers.Conv2D(filters, 3, padding="same")
        self.norm = layers.LayerNormalization()
        self.relu = layers.ReLU()

    def call(self, inputs):
        x = self.relu(self.norm(self.first(inputs)))
        return self.relu(self.second(x) + inputs)


class Network(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.stem = layers.Conv2D(8, 3, strides=2, padding="same")
        self.blocks = [Block(8) for _ in range(2)]
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(classes)

    def call(self, inputs, training=False):
        x = self.stem(inputs)
        for block in self.blocks:
            x = block(x)
        return self.head(self.pool(x))


def build():
    model = Network(4)
    model(np.zeros((1, 16, 16, 3)))
    return model


def data(rng):
    return rng.normal(size=(8, 16, 16, 3)), rng.integers(0, 4, 8)


def compiled(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Nadam(1e-3), loss=loss, metrics=["accuracy"])
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
