"""Pictures through a narrow place and back, by strided and transposed convolutions."""

import keras
import numpy as np
from keras import layers


def build():
    inputs = keras.Input((16, 16, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="swish")(inputs)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="swish")(x)
    code = layers.Dense(6)(layers.Flatten()(x))
    x = layers.Dense(4 * 4 * 4)(code)
    x = layers.Reshape((4, 4, 4))(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="leaky_relu")(x)
    outputs = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(x)
    return keras.Model(inputs, outputs)


def data(rng):
    x = rng.random((8, 16, 16, 1))
    return x, x


def compiled(model):
    model.compile(optimizer=keras.optimizers.Adamax(0.002), loss="mae")
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
