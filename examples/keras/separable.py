"""A mobile network in small: depthwise and pointwise convolutions, shortcuts between narrow layers."""

import keras
import numpy as np
from keras import layers


def block(x, filters, expansion=2):
    shortcut = x
    x = layers.Conv2D(x.shape[-1] * expansion, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(filters, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Add()([shortcut, x]) if shortcut.shape[-1] == filters else x


def build():
    inputs = keras.Input((12, 12, 3))
    x = layers.SeparableConv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
    x = block(x, 8)
    x = block(x, 12)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5)(x))


def data(rng):
    return rng.normal(size=(16, 12, 12, 3)), rng.integers(0, 5, 16)


def compiled(model):
    model.compile(
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=1e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
