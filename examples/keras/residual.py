"""Residual blocks with a learning rate that falls, and weights that decay."""

import keras
import numpy as np
from keras import layers


def block(x, filters, stride=1):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization()(shortcut)
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(layers.add([x, shortcut]))


def build():
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, padding="same", kernel_regularizer=keras.regularizers.L2(1e-3))(inputs)
    x = block(x, 8)
    x = block(x, 16, stride=2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def data(rng):
    return rng.normal(size=(16, 12, 12, 3)), rng.integers(0, 4, 16)


def compiled(model):
    rate = keras.optimizers.schedules.CosineDecay(0.01, decay_steps=20)
    model.compile(optimizer=keras.optimizers.AdamW(rate), loss="sparse_categorical_crossentropy")
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
